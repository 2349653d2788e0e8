"""What is laid over a picture: the windows, tokens or kernel of one step, as an image with alpha over the tile.

Imports Qt, numpy, `app` and the plain data of `engine`. An overlay has `SHARPNESS` pixels for each pixel of the input, so that
lines are thinner than a pixel. What the model does not read is dimmed. Red and white are the colours of the SSCAN paper's figure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from app.compare.colour_maps import heat
from app.inspector.arrays import as_array, weights_in
from engine.attention import Attention, KernelsFound, TokensFound, WindowsFound, WindowStep
from engine.deferred import np
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARPNESS = 4
QUERY = QColor(255, 45, 45)
SELECTED = QColor(255, 255, 255)
_DIMMED = QColor(6, 7, 10, 128)
_SELECTED_VEIL = QColor(255, 255, 255, 34)
_QUERY_VEIL = QColor(255, 59, 48, 40)
_HEAT_ALPHA = 205
_LINE_ON_SCREEN_PX = 1.5
# The colours of small numbers are nearly black, as what is dimmed is: what counts begins brighter.
_LEAST_HEAT = 0.25


def line_for(zoom: float) -> int:
    """Returns how thick lines are, in pixels of the overlay, where the screen has `zoom` pixels for each pixel of the input.

    Thin ones would be lost where the picture is not enlarged much, thick ones hide what they frame where it is.
    """
    return max(1, min(SHARPNESS, math.ceil(_LINE_ON_SCREEN_PX * SHARPNESS / zoom)))


def overlay_of(
    attention: Attention, step: int, head: int | None = None, line_px: int = SHARPNESS
) -> tuple[QImage, Box]:
    """Returns the overlay of one step of a model and the part of the input (pixels) that it covers: the tile.

    `head`: of a PFT, one head; None: all of them. `line_px`: how thick lines are, in pixels of the overlay.
    """
    tile, found = attention.tile, attention.found
    pixel = Box(attention.y, attention.x, 1, 1)
    match found:
        case WindowsFound():
            image = _windows(found.steps[step], tile)
            frames = [*((box, SELECTED) for box in found.steps[step].selected), (found.steps[step].query, QUERY)]
        case TokensFound():
            weights = weights_in(found.steps[step], tile, head)
            image, frames = _with_heat(tile, weights), [(box, SELECTED) for box in found.steps[step].windows]
        case KernelsFound():
            weights, reached = _strength_in(as_array(found.steps[step].strength), attention)
            image, frames = _with_heat(tile, weights), [(reached, SELECTED)]
    painter = QPainter(image)
    for box, colour in (*frames, (pixel, QUERY)):
        _frame(painter, box, tile, colour, line_px)
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
    # In place of the dimming.
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    for box in (*step.selected, step.query):
        painter.fillRect(_rect(box, tile), _QUERY_VEIL if box == step.query else _SELECTED_VEIL)
    painter.end()
    return image


def _strength_in(strength: NDArray[np.float32], attention: Attention) -> tuple[NDArray[np.float32], Box]:
    """Returns a kernel's strength at its places in the tile, NaN everywhere else, and the part of the input that it reaches.

    The network pads the tile with zeros: beyond it there is nothing to look at.
    """
    tile, reach = attention.tile, strength.shape[0] // 2
    first_row, first_column = attention.y - tile.top - reach, attention.x - tile.left - reach
    top, left = max(0, first_row), max(0, first_column)
    bottom = min(tile.height, first_row + strength.shape[0])
    right = min(tile.width, first_column + strength.shape[1])
    weights = np.full((tile.height, tile.width), np.nan, np.float32)
    weights[top:bottom, left:right] = strength[
        top - first_row : bottom - first_row, left - first_column : right - first_column
    ]
    return weights, Box(tile.top + top, tile.left + left, bottom - top, right - left)


def _dimmed(tile: Box) -> QImage:
    image = QImage(tile.width * SHARPNESS, tile.height * SHARPNESS, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(_DIMMED)
    return image


def _with_heat(tile: Box, weights: NDArray[np.float32]) -> QImage:
    """Returns the tile dimmed, but for what has a weight (height, width): that is in the heat's colours."""
    height, width = weights.shape
    shown = ~np.isnan(weights)
    colours = np.zeros((height, width, 4), np.uint8)
    colours[..., :3] = heat_colours(weights)
    colours[..., 3] = np.where(shown, _HEAT_ALPHA, 0)
    layer = QImage(colours.data, width, height, 4 * width, QImage.Format.Format_RGBA8888)
    image = _dimmed(tile)
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
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


def _frame(painter: QPainter, box: Box, tile: Box, colour: QColor, line_px: int) -> None:
    """Draws a line around a box, inside of it where the tile ends."""
    bounds = QRect(0, 0, tile.width * SHARPNESS, tile.height * SHARPNESS)
    outer = _rect(box, tile).adjusted(-line_px, -line_px, line_px, line_px) & bounds
    inner = outer.adjusted(line_px, line_px, -line_px, -line_px)
    painter.fillRect(QRect(outer.left(), outer.top(), outer.width(), line_px), colour)
    painter.fillRect(QRect(outer.left(), inner.bottom() + 1, outer.width(), line_px), colour)
    painter.fillRect(QRect(outer.left(), inner.top(), line_px, inner.height()), colour)
    painter.fillRect(QRect(inner.right() + 1, inner.top(), line_px, inner.height()), colour)


def _rect(box: Box, tile: Box) -> QRect:
    own = box.relative_to(tile)
    return QRect(own.left * SHARPNESS, own.top * SHARPNESS, own.width * SHARPNESS, own.height * SHARPNESS)
