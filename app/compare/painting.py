"""Draws a layer through the camera, tile by tile, in device pixels.

Imports Qt, `app.compare` and the plain data of `engine`. Nothing is read from a raster here: what is not in the store
yet is drawn from a coarser tile and put on the list of wishes. A tile that is shown larger or smaller than it is gets
*printed* once at that size, so that panning only copies pixels.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QRegion

from app.compare.camera import Placement
from app.compare.layers import Tile, TileKey, TileLayer
from app.compare.tiles import TileStore

_PRINT_BYTES = 384 * 2**20


class Prints:
    """Tiles as they lie on the screen at one zoom, kept while they fit into `cache_bytes`. For the GUI thread."""

    def __init__(self, cache_bytes: int = _PRINT_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._used_bytes = 0
        self._prints: OrderedDict[tuple[TileKey, float], tuple[Tile, QImage]] = OrderedDict()

    def get(self, key: TileKey, zoom: float, tile: Tile) -> QImage | None:
        """Returns the print of this very tile at this zoom, if it was made."""
        entry = self._prints.get((key, zoom))
        if entry is None or entry[0] is not tile:
            return None
        self._prints.move_to_end((key, zoom))
        return entry[1]

    def put(self, key: TileKey, zoom: float, tile: Tile, image: QImage) -> None:
        """Keeps a print."""
        replaced = self._prints.pop((key, zoom), None)
        if replaced is not None:
            self._used_bytes -= replaced[1].sizeInBytes()
        self._prints[key, zoom] = (tile, image)
        self._used_bytes += image.sizeInBytes()
        while self._used_bytes > self._cache_bytes and len(self._prints) > 1:
            _, (_, oldest) = self._prints.popitem(last=False)
            self._used_bytes -= oldest.sizeInBytes()

    def clear(self) -> None:
        """Drops all prints."""
        self._prints.clear()
        self._used_bytes = 0


@dataclass
class Drawing:
    """One paint: where tiles come from, how much time is left for new prints, and what was missed.

    `wishes`: tiles that would make it sharp, most urgent first. `is_complete`: no print was left out for want of time.
    """

    store: TileStore
    prints: Prints
    printing_s: float
    wishes: list[tuple[TileLayer, TileKey]] = field(default_factory=list)
    is_complete: bool = True

    def draw(
        self,
        painter: QPainter,
        layer: TileLayer,
        view: QRect,
        placement: Placement,
        smooth: bool,
        inside: QRegion | None = None,
    ) -> bool:
        """Draws the part of the layer in `view`, and of it only what lies `inside`; returns whether all of it was there.

        `placement` is the picture's. The painter's unit is the device pixel, and its clip is set here.
        """
        own = placement.inner(*layer.origin, float(layer.magnification))
        visible = own.visible(view, layer.height, layer.width)
        if visible.height <= 0 or visible.width <= 0:
            return True
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        is_sharp = True
        for key in layer.keys_in(layer.level_for(own.zoom), visible):
            frame = own.place(layer.core(key))
            shown = frame & view
            if shown.isEmpty() or (inside is not None and not inside.intersects(shown)):
                continue
            tile = self.store.get(key)
            if inside is None:
                painter.setClipRect(shown)
            else:
                painter.setClipRegion(inside & shown)
            if tile is not None:
                self._draw_tile(painter, key, tile, frame, shown, own, smooth)
                continue
            if self.store.can_come(key):
                is_sharp = False
                self.wishes.append((layer, key))
            coarser = coarser_tile(self.store, layer, key)
            if coarser is not None:
                _draw_part(painter, coarser[1], coarser[0].level, shown, own, smooth)
        painter.restore()
        return is_sharp

    def draw_exact(self, painter: QPainter, layer: TileLayer, view: QRect, own: Placement) -> bool:
        """Draws tiles as large as they are; returns whether all were there. `own` is the layer's placement."""
        has_all = True
        for key in layer.keys_in(0, own.visible(view, layer.height, layer.width)):
            tile = self.store.get(key)
            if tile is not None:
                painter.drawImage(own.place(layer.core(key)).topLeft(), tile.image)
                continue
            has_all = False
            if self.store.can_come(key):
                self.wishes.append((layer, key))
        return has_all

    def _draw_tile(
        self, painter: QPainter, key: TileKey, tile: Tile, frame: QRect, shown: QRect, own: Placement, smooth: bool
    ) -> None:
        at_level = own.zoom * (1 << key.level)
        if at_level == 1.0:
            # The tile begins with its neighbour's last pixel.
            painter.drawImage(frame.left() - min(1, key.column), frame.top() - min(1, key.row), tile.image)
            return
        if not smooth:
            _draw_part(painter, tile, key.level, shown, own, smooth)
            return
        image = self.prints.get(key, own.zoom, tile)
        if image is None:
            # Only the prints' own time counts: were it the whole paint's, a large stage would never come to its last ones.
            if self.printing_s <= 0:
                self.is_complete = False
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
                _draw_part(painter, tile, key.level, shown, own, False)
                painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
                return
            began_s = time.monotonic()
            image = _print(tile, key.level, frame, own)
            self.printing_s -= time.monotonic() - began_s
            self.prints.put(key, own.zoom, tile, image)
        painter.drawImage(frame.topLeft(), image)


def coarser_tile(store: TileStore, layer: TileLayer, key: TileKey) -> tuple[TileKey, Tile] | None:
    """Returns the nearest coarser tile in the store that shows the same place."""
    for level in range(key.level + 1, layer.top_level + 1):
        shift = level - key.level
        above = TileKey(layer.number, level, key.row >> shift, key.column >> shift)
        tile = store.get(above)
        if tile is not None:
            return above, tile
    return None


def _print(tile: Tile, level: int, frame: QRect, own: Placement) -> QImage:
    """Returns the tile as it covers `frame`, enlarged or shrunk smoothly."""
    image = QImage(frame.size(), tile.image.format())
    if image.hasAlphaChannel():
        image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    zoom = own.zoom * (1 << level)
    target = QRectF(
        own.left + tile.box.left * zoom - frame.left(),
        own.top + tile.box.top * zoom - frame.top(),
        tile.box.width * zoom,
        tile.box.height * zoom,
    )
    painter.drawImage(target, tile.image)
    painter.end()
    return image


def _draw_part(painter: QPainter, tile: Tile, level: int, shown: QRect, own: Placement, smooth: bool) -> None:
    """Draws of the tile what covers `shown`: at 64:1 a whole tile is larger than Qt's painter can count."""
    zoom, box = own.zoom * (1 << level), tile.box
    # One pixel more on each side: a smooth enlargement looks at the neighbours.
    margin = 1 if smooth else 0
    left = max(box.left, int((shown.left() - own.left) // zoom) - margin)
    top = max(box.top, int((shown.top() - own.top) // zoom) - margin)
    right = min(box.right, int(-(-(shown.left() + shown.width() - own.left) // zoom)) + margin)
    bottom = min(box.bottom, int(-(-(shown.top() + shown.height() - own.top) // zoom)) + margin)
    if right <= left or bottom <= top:
        return
    painter.drawImage(
        QRectF(own.left + left * zoom, own.top + top * zoom, (right - left) * zoom, (bottom - top) * zoom),
        tile.image,
        QRectF(left - box.left, top - box.top, right - left, bottom - top),
        Qt.ImageConversionFlag.NoFormatConversion,
    )
