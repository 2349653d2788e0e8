"""What is laid over a picture: the windows, tokens or kernel of one step, as an image with alpha over the tile.

Imports Qt, numpy, `app` and the plain data of `engine`. An overlay has `SHARPNESS` pixels for each pixel of the input, so that
lines are thinner than a pixel. What the model does not read is dimmed. Red and white are the colours of the SSCAN paper's figure.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from app.compare.colour_maps import heat
from app.inspector.arrays import as_array, weights_in
from engine.attention import Attention, KernelsFound, TokensFound, TokenStep, WindowsFound, WindowStep
from engine.tiling.geometry import Box

SHARPNESS = 4
QUERY = QColor(255, 59, 48)
SELECTED = QColor(255, 255, 255)
_DIMMED = QColor(6, 7, 10, 150)
_SELECTED_VEIL = QColor(255, 255, 255, 34)
_QUERY_VEIL = QColor(255, 59, 48, 60)
_HEAT_ALPHA = 205
# Half a pixel of the input.
_LINE_PX = 2
# The colours of small numbers are nearly black, as what is dimmed is: what counts begins brighter.
_LEAST_HEAT = 0.25


def overlay_of(attention: Attention, step: int, head: int | None = None) -> tuple[QImage, Box]:
    """Returns the overlay of one step of a model and the part of the input (pixels) that it covers: the tile.

    `head`: of a PFT, one head; None: all of them.
    """
    tile, found = attention.tile, attention.found
    pixel = Box(attention.y, attention.x, 1, 1)
    match found:
        case WindowsFound():
            image = _windows(found.steps[step], tile)
        case TokensFound():
            image = _tokens(found.steps[step], tile, head)
        case KernelsFound():
            image = _kernel(as_array(found.steps[step].strength), attention)
    painter = QPainter(image)
    _outline(painter, pixel, tile, QUERY)
    painter.end()
    return image, tile


def heat_colours(weights: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Returns colours (…, 3) for weights from 0 to the largest of them, by square roots, so that small ones are seen.

    NaN is taken as 0.
    """
    weights = np.nan_to_num(weights, nan=0.0)
    largest = float(weights.max(initial=0.0))
    shares = np.sqrt(weights / largest) if largest > 0 else np.zeros_like(weights)
    return scale_colours(shares)


def scale_colours(shares: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Returns colours (…, 3) for 0..1 along the scale of the heat, as its legend shows it."""
    return heat(_LEAST_HEAT + (1 - _LEAST_HEAT) * shares)


def _windows(step: WindowStep, tile: Box) -> QImage:
    image = _dimmed(tile)
    painter = QPainter(image)
    for box in (*step.selected, step.query):
        _fill(painter, box, tile, _QUERY_VEIL if box == step.query else _SELECTED_VEIL)
    for box in step.selected:
        _outline(painter, box, tile, SELECTED)
    _outline(painter, step.query, tile, QUERY)
    painter.end()
    return image


def _tokens(step: TokenStep, tile: Box, head: int | None) -> QImage:
    weights = weights_in(step, tile, head)
    image = _with_heat(_dimmed(tile), weights, ~np.isnan(weights))
    painter = QPainter(image)
    for box in step.windows:
        _outline(painter, box, tile, SELECTED)
    painter.end()
    return image


def _kernel(strength: NDArray[np.float32], attention: Attention) -> QImage:
    tile, reach = attention.tile, strength.shape[0] // 2
    # The tile is padded with zeros: beyond it there is nothing to look at.
    y, x = attention.y - tile.top, attention.x - tile.left
    top, left = max(0, y - reach), max(0, x - reach)
    bottom, right = min(tile.height, y + reach + 1), min(tile.width, x + reach + 1)
    weights = np.full((tile.height, tile.width), np.nan, np.float32)
    first_row, first_column = y - reach, x - reach
    weights[top:bottom, left:right] = strength[
        top - first_row : bottom - first_row, left - first_column : right - first_column
    ]
    image = _with_heat(_dimmed(tile), weights, ~np.isnan(weights))
    painter = QPainter(image)
    _outline(painter, Box(tile.top + top, tile.left + left, bottom - top, right - left), tile, SELECTED)
    painter.end()
    return image


def _dimmed(tile: Box) -> QImage:
    image = QImage(tile.width * SHARPNESS, tile.height * SHARPNESS, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(_DIMMED)
    return image


def _with_heat(image: QImage, weights: NDArray[np.float32], shown: NDArray[np.bool_]) -> QImage:
    """Replaces what is shown of the tile (height, width) by the heat's colours."""
    height, width = shown.shape
    colours = np.zeros((height, width, 4), np.uint8)
    colours[..., :3] = heat_colours(weights)
    colours[..., 3] = np.where(shown, _HEAT_ALPHA, 0)
    layer = QImage(colours.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
    for box in _boxes(shown):
        painter.fillRect(box, Qt.GlobalColor.transparent)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    painter.drawImage(image.rect(), layer)
    painter.end()
    return image


def _boxes(shown: NDArray[np.bool_]) -> list[QRect]:
    """Returns what is shown as runs of rows, in pixels of the overlay."""
    boxes = []
    for row in np.flatnonzero(shown.any(axis=1)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], shown[row].astype(np.int8), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            boxes.append(QRect(int(start) * SHARPNESS, int(row) * SHARPNESS, int(end - start) * SHARPNESS, SHARPNESS))
    return boxes


def _fill(painter: QPainter, box: Box, tile: Box, veil: QColor) -> None:
    """Takes the dimming off a box and lays a veil over it."""
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.fillRect(_rect(box, tile), veil)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)


def _outline(painter: QPainter, box: Box, tile: Box, colour: QColor) -> None:
    """Draws a line along the inside of a box."""
    rect = _rect(box, tile)
    line = min(_LINE_PX, rect.width() // 3, rect.height() // 3)
    inner = rect.adjusted(line, line, -line, -line)
    painter.fillRect(QRect(rect.left(), rect.top(), rect.width(), line), colour)
    painter.fillRect(QRect(rect.left(), inner.bottom() + 1, rect.width(), line), colour)
    painter.fillRect(QRect(rect.left(), inner.top(), line, inner.height()), colour)
    painter.fillRect(QRect(inner.right() + 1, inner.top(), line, inner.height()), colour)


def _rect(box: Box, tile: Box) -> QRect:
    own = box.relative_to(tile)
    return QRect(own.left * SHARPNESS, own.top * SHARPNESS, own.width * SHARPNESS, own.height * SHARPNESS)
