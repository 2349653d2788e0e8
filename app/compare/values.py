"""Pixel values written into the pixels, where these are large enough on the screen.

Imports Qt, numpy, `app.compare` and the plain data of `engine`. Values are written as 0..255 whatever the raster's
type: the luma in small pixels, red, green and blue in large ones. The digits are drawn once for each size; a tile only
copies them.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter

from app.compare.camera import Placement
from app.compare.layers import OpenSource, Tile, TileKey, TileLayer
from app.compare.sampling import as_unit, colour_of, luma_of

_BLOCK_PX = 16
# Smaller pixels have no room for three lines.
_THREE_LINES_FROM_PX = 32
_MOST_LAYERS = 5
# The luma (0..1) above which black is easier to read than white.
_LIGHT_FROM = 0.55

Glyphs = NDArray[np.uint8]


def draw_numbers(width_px: int, height_px: int) -> Glyphs:
    """Returns the opacity of the numbers 0..255, each centred in its box, (256, height, width)."""
    font = QFont()
    size_px = max(6, min(height_px - 2, 15))
    font.setPixelSize(size_px)
    while size_px > 6 and QFontMetrics(font).horizontalAdvance("255") > width_px - 2:
        size_px -= 1
        font.setPixelSize(size_px)
    sheet = QImage(width_px, 256 * height_px, QImage.Format.Format_Grayscale8)
    sheet.fill(Qt.GlobalColor.black)
    painter = QPainter(sheet)
    painter.setFont(font)
    painter.setPen(QColor("white"))
    for value in range(256):
        frame = QRect(0, value * height_px, width_px, height_px)
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, str(value))
    painter.end()
    rows = np.frombuffer(sheet.constBits(), np.uint8).reshape(256 * height_px, sheet.bytesPerLine())
    return rows[:, :width_px].reshape(256, height_px, width_px).copy()


class ValuesLayer(TileLayer):
    """The values of a source at one zoom (device pixels per pixel of its raster), in tiles as large as on the screen."""

    edge_px = _BLOCK_PX

    def __init__(self, opened: OpenSource, zoom: float) -> None:
        raster = opened.source.raster
        super().__init__(raster.height, raster.width, Fraction(opened.magnification), opened.origin, has_alpha=True)
        self._map = opened.map_hwc
        self._zoom = zoom
        room_px = int(zoom)
        self._lines = 3 if room_px >= _THREE_LINES_FROM_PX and raster.colour_channels == 3 else 1
        line_px = (room_px - 4) // 3 if self._lines == 3 else min(room_px, 20)
        self._glyphs = draw_numbers(room_px, line_px)

    @property
    def top_level(self) -> int:
        """Values are not shown in smaller sizes."""
        return 0

    def make(self, key: TileKey) -> Tile:
        """Returns the digits of a block of pixels, black or white on nothing."""
        box = self.core(key)
        frame = Placement(0, 0, self._zoom).place(box)
        rgb_hwc = colour_of(as_unit(self._map[box.slices]))
        luma = luma_of(rgb_hwc)
        numbers = np.rint((rgb_hwc if self._lines == 3 else luma[:, :, None]) * 255).astype(np.intp)
        alpha = np.zeros((frame.height(), frame.width()), dtype=np.uint8)
        light = np.zeros_like(alpha)
        height, width = self._glyphs.shape[1:]
        for row in range(box.height):
            top = round((box.top + row) * self._zoom) - frame.top()
            first = top + (int(self._zoom) - self._lines * height) // 2
            for column in range(box.width):
                left = round((box.left + column) * self._zoom) - frame.left()
                if luma[row, column] < _LIGHT_FROM:
                    light[top : top + int(self._zoom), left : left + width] = 255
                for line in range(self._lines):
                    at = first + line * height
                    alpha[at : at + height, left : left + width] = self._glyphs[numbers[row, column, line]]
        # Premultiplied: white counts as much as it covers, black not at all.
        white = np.minimum(alpha, light)
        argb = np.ascontiguousarray(np.stack([white, white, white, alpha], axis=2))
        image = QImage(
            argb.data, frame.width(), frame.height(), 4 * frame.width(), QImage.Format.Format_ARGB32_Premultiplied
        )
        # A copy: the array goes when this returns.
        return Tile(image.copy(), box)


def values_layer(opened: OpenSource, zoom: float) -> TileLayer:
    """Returns the layer of a source's values at this zoom; a few zooms are kept."""
    found = opened.values.get(zoom)
    if found is None:
        found = opened.values[zoom] = ValuesLayer(opened, zoom)
        while len(opened.values) > _MOST_LAYERS:
            opened.values.pop(next(iter(opened.values)))
    return found
