"""What can be drawn: rasters, at every size, as tiles that are made one at a time.

Imports Qt's images, numpy, `app` and the plain data of `engine`. A layer has `level`s: level L shows it at 1 / 2**L of
its size. `TileLayer.make` may be called from any thread and touches nothing but the raster. Every image it returns owns
its bytes, so a raster's map may go while they are still shown.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtGui import QColorSpace, QImage

from app.compare.sampling import sample_at
from app.compare.sources import Arrangement, PaneSource
from app.pixels import colour_space_of, reduce_block, to_qimage
from engine.canvas import open_raster
from engine.deferred import np
from engine.resampling import Method
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from app.compare.sampling import Positions, Values

TILE_PX = 256

_numbers = itertools.count(1)


class TileKey(NamedTuple):
    """Which tile of which layer, counted from the layer's top left in whole tiles of the level."""

    layer: int
    level: int
    row: int
    column: int


class Tile(NamedTuple):
    """A tile's picture; `box` is its rectangle in pixels of its level, a pixel wider on each side where the layer goes on.

    The extra pixel lets a smooth enlargement meet its neighbour without a seam.
    """

    image: QImage
    box: Box


class TileLayer(ABC):
    """A picture that is cut into tiles at every level.

    `height`, `width`: its size at level 0; `magnification`: picture pixels per pixel of level 0; `origin`: (top, left) in picture
    pixels. `number` tells layers apart in caches. Where `has_alpha`, something must be drawn beneath. `edge_px`: of a tile.
    """

    edge_px = TILE_PX

    def __init__(
        self, height: int, width: int, magnification: Fraction, origin: tuple[int, int], has_alpha: bool = False
    ) -> None:
        self.number = next(_numbers)
        self.height, self.width = height, width
        self.magnification = magnification
        self.origin = origin
        self.has_alpha = has_alpha

    @property
    def top_level(self) -> int:
        """The smallest level: the whole layer in one tile."""
        return max(0, math.ceil(math.log2(max(self.height, self.width) / self.edge_px)))

    def level_size(self, level: int) -> tuple[int, int]:
        """Returns (height, width) of the layer at the level, at least one pixel each."""
        factor = 1 << level
        return -(-self.height // factor), -(-self.width // factor)

    def level_for(self, zoom: float) -> int:
        """Returns the smallest level that holds as many pixels as the screen shows at `zoom` device pixels per pixel."""
        if zoom >= 1:
            return 0
        return min(self.top_level, math.floor(math.log2(1 / zoom) + 1e-6))

    def keys_in(self, level: int, box: Box) -> list[TileKey]:
        """Returns the tiles of the level that meet the box (pixels of level 0)."""
        if box.height <= 0 or box.width <= 0:
            return []
        height, width = self.level_size(level)
        edge = self.edge_px << level
        rows = range(max(0, box.top) // edge, min(-(-box.bottom // edge), -(-height // self.edge_px)))
        columns = range(max(0, box.left) // edge, min(-(-box.right // edge), -(-width // self.edge_px)))
        return [TileKey(self.number, level, row, column) for row in rows for column in columns]

    def core(self, key: TileKey) -> Box:
        """Returns the pixels of level 0 that the tile shows."""
        edge = self.edge_px << key.level
        top, left = key.row * edge, key.column * edge
        return Box(top, left, min(edge, self.height - top), min(edge, self.width - left))

    def box_of(self, key: TileKey) -> Box:
        """Returns the tile's rectangle in pixels of its level, the extra pixel on each side included."""
        height, width = self.level_size(key.level)
        top, left = max(0, key.row * self.edge_px - 1), max(0, key.column * self.edge_px - 1)
        bottom, right = min((key.row + 1) * self.edge_px + 1, height), min((key.column + 1) * self.edge_px + 1, width)
        return Box(top, left, bottom - top, right - left)

    @abstractmethod
    def make(self, key: TileKey) -> Tile:
        """Returns the tile, from the raster."""


@dataclass(eq=False)
class OpenSource:
    """A source whose raster is mapped, with what can be drawn of it.

    `natural`: its own pixels; `enlarged`: magnified to the picture, where it is smaller; `values`: its numbers, by zoom.
    """

    source: PaneSource
    arrangement: Arrangement
    method: Method
    map_hwc: NDArray[Any] = field(init=False)
    space: QColorSpace | None = field(init=False)
    natural: TileLayer = field(init=False)
    enlarged: TileLayer | None = field(init=False)
    values: dict[float, TileLayer] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.map_hwc = open_raster(self.source.raster)
        self.space = colour_space_of(self.source.icc)
        self.natural = NaturalLayer(self)
        self.enlarged = self._enlargement()

    @property
    def magnification(self) -> Fraction:
        """Picture pixels per pixel of the raster."""
        return self.arrangement.magnification(self.source)

    @property
    def origin(self) -> tuple[int, int]:
        """(top, left) of the raster in picture pixels."""
        return self.arrangement.origin(self.source)

    @property
    def layers(self) -> list[TileLayer]:
        """Its layers."""
        enlarged = [] if self.enlarged is None else [self.enlarged]
        return [*self.own_pixels, *enlarged]

    @property
    def own_pixels(self) -> list[TileLayer]:
        """Its layers that count pixels of the raster."""
        return [self.natural, *self.values.values()]

    def arrange(self, arrangement: Arrangement, method: Method) -> bool:
        """Takes a place in another arrangement; returns whether the enlargement is another one now."""
        before = (self.magnification, self.origin, self.method)
        self.arrangement, self.method = arrangement, method
        for layer in self.own_pixels:
            layer.magnification, layer.origin = self.magnification, self.origin
        if (self.magnification, self.origin, method) == before:
            return False
        self.enlarged = self._enlargement()
        return True

    def _enlargement(self) -> TileLayer | None:
        if self.magnification == 1 or self.method == "nearest":
            return None
        return EnlargedLayer(self)


class NaturalLayer(TileLayer):
    """A raster's own pixels; smaller levels are means of them."""

    def __init__(self, opened: OpenSource) -> None:
        raster = opened.source.raster
        super().__init__(raster.height, raster.width, opened.magnification, opened.origin, raster.has_alpha)
        self._map = opened.map_hwc
        self._space = opened.space

    def make(self, key: TileKey) -> Tile:
        """Returns the tile, read from the raster."""
        box, factor = self.box_of(key), 1 << key.level
        block = self._map[box.top * factor : box.bottom * factor, box.left * factor : box.right * factor]
        return Tile(to_qimage(reduce_block(block, factor, box.height, box.width), self._space), box)


class EnlargedLayer(TileLayer):
    """A raster magnified to the picture by bilinear, bicubic or Lanczos; its level 0 has the picture's pixels.

    For levels at which it is still larger than the raster: it does not average.
    """

    def __init__(self, opened: OpenSource) -> None:
        from fractions import Fraction

        raster, magnification = opened.source.raster, opened.magnification
        height, width = max(1, round(raster.height * magnification)), max(1, round(raster.width * magnification))
        super().__init__(height, width, Fraction(1), opened.origin, raster.has_alpha)
        self._map = opened.map_hwc
        self._space = opened.space
        self._method = opened.method
        self._enlarged_by = float(magnification)

    def make(self, key: TileKey) -> Tile:
        """Returns the tile, interpolated from the raster."""
        box = self.box_of(key)
        rows = centres(box.top, box.height, key.level, self._enlarged_by)
        columns = centres(box.left, box.width, key.level, self._enlarged_by)
        return Tile(to_qimage(sample_at(self._map, rows, columns, self._method), self._space), box)


def centres(start: int, count: int, level: int, magnification: float) -> Positions:
    """Returns the middles of `count` pixels of a level of the picture, in pixels of a raster that is magnified to it."""
    picture = (np.arange(start, start + count, dtype=np.float64) + 0.5) * (1 << level)
    return picture / magnification - 0.5


def values_at(opened: OpenSource, rows: Positions, columns: Positions) -> Values:
    """Returns the source's values in 0..1 at these points of the picture (0.5 is the middle of its first pixel)."""
    top, left = opened.origin
    magnification = float(opened.magnification)
    return sample_at(
        opened.map_hwc, (rows - top) / magnification - 0.5, (columns - left) / magnification - 0.5, opened.method
    )
