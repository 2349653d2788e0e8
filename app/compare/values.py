"""Pixel values written into the pixels, where these are large enough on the screen.

Imports Qt, numpy, `app.compare` and the plain data of `engine`. Values are written as 0..255 whatever the raster's
type: the luma in small pixels, red, green and blue in large ones. The digits are drawn once for each size; a tile only
copies them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter

from app.compare.camera import Placement
from app.compare.layers import OpenSource, Tile, TileKey, TileLayer
from app.compare.sampling import as_unit, colour_of, luma_of
from app.pixels import to_qimage
from engine.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Glyphs = NDArray[np.uint8]

_BLOCK_PX = 16
# Smaller pixels have no room for three lines.
_THREE_LINES_FROM_PX = 32
_TALLEST_LINE_PX = 20
_MOST_LAYERS = 5
# The luma (0..1) above which black is easier to read than white.
_LIGHT_FROM = 0.55

_RGBA = QImage.Format.Format_RGBA8888_Premultiplied


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
        super().__init__(raster.height, raster.width, opened.magnification, opened.origin, raster.has_alpha)
        self._map = opened.map_hwc
        self._space = opened.space
        self._zoom = zoom
        room_px = int(zoom)
        self._lines = 3 if room_px >= _THREE_LINES_FROM_PX and raster.colour_channels == 3 else 1
        line_px = min((room_px - 4) // 3 if self._lines == 3 else room_px, _TALLEST_LINE_PX)
        self._glyphs = draw_numbers(room_px, line_px)

    @property
    def top_level(self) -> int:
        """Values are not shown in smaller sizes."""
        return 0

    def make(self, key: TileKey) -> Tile:
        """Returns a block of pixels as squares with their values in them, in black or white."""
        box = self.core(key)
        frame = Placement(0, 0, self._zoom).place(box)
        block = self._map[box.slices]
        rgb_hwc = colour_of(as_unit(block))
        luma = luma_of(rgb_hwc)
        numbers = np.rint((rgb_hwc if self._lines == 3 else luma[:, :, None]) * 255).astype(np.intp)
        tops = [round((box.top + row) * self._zoom) - frame.top() for row in range(box.height + 1)]
        lefts = [round((box.left + column) * self._zoom) - frame.left() for column in range(box.width + 1)]
        ink = self._ink(numbers, tops, lefts)
        light = _spread(np.where(luma < _LIGHT_FROM, 255, 0)[:, :, None], tops, lefts)
        shown = to_qimage(block, self._space).convertToFormat(QImage.Format.Format_RGBA8888_Premultiplied)
        rows = np.frombuffer(shown.constBits(), np.uint8).reshape(box.height, shown.bytesPerLine())
        squares = _spread(rows[:, : 4 * box.width].reshape(box.height, box.width, 4).astype(np.int16), tops, lefts)
        # Digits are as opaque as their pixel is not: alpha counts as a colour whose light is full.
        goal = np.concatenate([np.repeat(light, 3, axis=2), np.full_like(light, 255)], axis=2)
        mixed = (squares + (goal - squares) * ink[:, :, None] // 255).astype(np.uint8)
        image = QImage(mixed.data, frame.width(), frame.height(), 4 * frame.width(), _RGBA)
        # Another format than the borrowed one, so Qt copies: the array goes when this returns.
        owned = QImage.Format.Format_ARGB32_Premultiplied if self.has_alpha else QImage.Format.Format_RGB32
        return Tile(image.convertToFormat(owned), box)

    def _ink(self, numbers: NDArray[np.intp], tops: list[int], lefts: list[int]) -> NDArray[np.int16]:
        """Returns how much of each device pixel the digits cover, 0..255."""
        ink = np.zeros((tops[-1], lefts[-1]), dtype=np.int16)
        height, width = self._glyphs.shape[1:]
        inset = (int(self._zoom) - self._lines * height) // 2
        for row, top in enumerate(tops[:-1]):
            for column, left in enumerate(lefts[:-1]):
                for line in range(self._lines):
                    at = top + inset + line * height
                    ink[at : at + height, left : left + width] = self._glyphs[numbers[row, column, line]]
        return ink


def _spread(pixels_hwc: NDArray[np.integer], tops: list[int], lefts: list[int]) -> NDArray[np.int16]:
    """Returns pixels as the squares that they are on the screen."""
    rows = np.repeat(pixels_hwc.astype(np.int16), np.diff(tops), axis=0)
    return np.repeat(rows, np.diff(lefts), axis=1)


def values_layer(opened: OpenSource, zoom: float) -> TileLayer:
    """Returns the layer of a source's values at this zoom; a few zooms are kept."""
    found = opened.values.get(zoom)
    if found is None:
        found = opened.values[zoom] = ValuesLayer(opened, zoom)
        while len(opened.values) > _MOST_LAYERS:
            opened.values.pop(next(iter(opened.values)))
    return found
