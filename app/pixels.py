"""Rasters as pictures for the screen: tiles of QImages at halving sizes, made when they are looked at.

Imports Qt, numpy and the plain data of `engine`. Who owns what: a `Pyramid` holds the raster's memory map until `close`;
every QImage it gives out owns its bytes, so the map may go while the image still lives. `level` L shows the raster at
1 / 2**L of its size. Shapes: H W pixels of a block, C channels as in `engine.canvas`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtGui import QColorSpace, QImage

from engine.canvas import RasterRef, open_raster
from engine.deferred import np
from engine.resampling import imresize
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE_PX = 128

# Samples per axis that are averaged into a pixel of a level: more would read most of a huge raster for a small picture.
_SAMPLES = 4

# Pixels on each side that bicubic looks at.
_BICUBIC_REACH_PX = 2


class TileKey(NamedTuple):
    """Which tile of a pyramid: tiles of `TILE_PX` pixels of their level, counted from the top left.

    `magnification`: enlarged so many times by bicubic (level 0 only), as an input is that is shown at its result's size.
    """

    level: int
    row: int
    column: int
    magnification: int = 1


class PyramidTile(NamedTuple):
    """A tile's picture. `box` is its rectangle in pixels of its level: one more on each side, where the raster has one.

    `image` has the key's magnification times as many. The extra pixel lets a smooth enlargement meet its neighbour
    without a seam.
    """

    image: QImage
    box: Box


def to_bytes(block_hwc: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns the block (H, W, C) as uint8: floats are taken as 0..1 and clipped, uint16 is rounded."""
    if block_hwc.dtype == np.uint8:
        return np.ascontiguousarray(block_hwc)
    if block_hwc.dtype == np.uint16:
        return ((block_hwc.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    # What is no number counts as 0: of two values, fmax takes the one that is.
    scaled: NDArray[np.float32] = np.fmax(block_hwc, np.float32(0.0))
    np.minimum(scaled, np.float32(1.0), out=scaled)
    scaled *= np.float32(255.0)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)


def colour_space_of(icc: bytes | None) -> QColorSpace | None:
    """Returns the profile as Qt's colour space, or None where pixels are shown as they are (no profile, or sRGB)."""
    if not icc:
        return None
    space = QColorSpace.fromIccProfile(icc)
    if not space.isValid() or space == QColorSpace(QColorSpace.NamedColorSpace.SRgb):
        return None
    return space


def to_qimage(block_hwc: NDArray[Any], space: QColorSpace | None = None) -> QImage:
    """Returns the block (H, W, C in 1..4) as an image in sRGB that owns its bytes (RGB32, or premultiplied ARGB32)."""
    pixels_hwc = to_bytes(block_hwc)
    channels = pixels_hwc.shape[2]
    if channels == 2:
        pixels_hwc = np.ascontiguousarray(pixels_hwc[:, :, [0, 0, 0, 1]])
    height, width = pixels_hwc.shape[:2]
    layout = {
        1: QImage.Format.Format_Grayscale8,
        2: QImage.Format.Format_RGBA8888,
        3: QImage.Format.Format_RGB888,
        4: QImage.Format.Format_RGBA8888,
    }[channels]
    borrowed = QImage(pixels_hwc.data, width, height, pixels_hwc.strides[0], layout)
    if space is not None:
        borrowed.setColorSpace(space)
        converted = borrowed.convertedToColorSpace(QColorSpace(QColorSpace.NamedColorSpace.SRgb))
        # A profile that does not fit the pixels (grey with an RGB profile) gives a null image: show the numbers.
        borrowed = borrowed if converted.isNull() else converted
    owned_format = QImage.Format.Format_ARGB32_Premultiplied if channels in (2, 4) else QImage.Format.Format_RGB32
    # Another format than the borrowed one, so Qt copies: the array may go afterwards.
    return borrowed.convertToFormat(owned_format)


def reduce_block(block_hwc: NDArray[Any], factor: int, height: int, width: int) -> NDArray[Any]:
    """Returns the block at 1 / `factor` of its size, (height, width, C): each pixel a mean of samples of its square."""
    if factor == 1:
        return block_hwc
    samples = min(factor, _SAMPLES)
    stride = factor // samples
    # The first sample sits in the middle of its stride, unless the block is too thin to have one there.
    first_row = min(stride // 2, block_hwc.shape[0] - 1)
    first_column = min(stride // 2, block_hwc.shape[1] - 1)
    sampled = block_hwc[first_row::stride, first_column::stride]
    short_rows, short_columns = height * samples - sampled.shape[0], width * samples - sampled.shape[1]
    if short_rows > 0 or short_columns > 0:
        sampled = np.pad(sampled, ((0, max(0, short_rows)), (0, max(0, short_columns)), (0, 0)), mode="edge")
    # Sixteen samples of 8 bits fit into 16: half the memory traffic of a float.
    sum_dtype = {"uint8": np.uint16, "uint16": np.uint32}.get(str(block_hwc.dtype), np.float32)
    # Rows first: they are whole runs of memory, and leave a quarter of the rest to the columns.
    strip = np.zeros((height, width * samples, sampled.shape[2]), dtype=sum_dtype)
    for row in range(samples):
        strip += sampled[row : height * samples : samples, : width * samples]
    total = np.zeros((height, width, sampled.shape[2]), dtype=sum_dtype)
    for column in range(samples):
        total += strip[:, column::samples]
    count = samples * samples
    if block_hwc.dtype == np.float32:
        return total / np.float32(count)
    return ((total + count // 2) // count).astype(block_hwc.dtype)


class Pyramid:
    """A raster's tiles at every level, made one at a time and kept while they fit into `cache_bytes`.

    For the GUI thread. `has` and `made` are cheap; `make` reads the raster and takes about a millisecond.
    """

    def __init__(self, reference: RasterRef, icc: bytes | None = None, cache_bytes: int = 192 * 2**20) -> None:
        self.reference = reference
        self._map: NDArray[Any] | None = open_raster(reference)
        self._space = colour_space_of(icc)
        self._cache_bytes = cache_bytes
        self._used_bytes = 0
        self._tiles: OrderedDict[TileKey, PyramidTile] = OrderedDict()

    @property
    def top_level(self) -> int:
        """The smallest level: the whole raster in one tile."""
        return max(0, math.ceil(math.log2(max(self.reference.height, self.reference.width) / TILE_PX)))

    def level_size(self, level: int) -> tuple[int, int]:
        """Returns (height, width) of the raster at the level, at least one pixel each."""
        factor = 1 << level
        return -(-self.reference.height // factor), -(-self.reference.width // factor)

    def keys_in(self, level: int, box: Box) -> list[TileKey]:
        """Returns the tiles of the level that meet the box (pixels of the raster itself)."""
        height, width = self.level_size(level)
        edge = TILE_PX << level
        rows = range(max(0, box.top) // edge, min(-(-box.bottom // edge), -(-height // TILE_PX)))
        columns = range(max(0, box.left) // edge, min(-(-box.right // edge), -(-width // TILE_PX)))
        return [TileKey(level, row, column) for row in rows for column in columns]

    def made(self, key: TileKey) -> PyramidTile | None:
        """Returns the tile if it is in the cache."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def make(self, key: TileKey) -> PyramidTile:
        """Returns the tile, read from the raster and kept."""
        if self._map is None:
            raise ValueError("the pyramid is closed")
        level_height, level_width = self.level_size(key.level)
        box = Box(key.row * TILE_PX - 1, key.column * TILE_PX - 1, TILE_PX + 2, TILE_PX + 2)
        box = _clipped(box, level_height, level_width)
        if key.magnification == 1:
            factor = 1 << key.level
            block = self._map[box.top * factor : box.bottom * factor, box.left * factor : box.right * factor]
            shown = reduce_block(block, factor, box.height, box.width)
        else:
            shown = self._magnified(self._map, box, key.magnification)
        tile = PyramidTile(to_qimage(shown, self._space), box)
        self._keep(key, tile)
        return tile

    def _magnified(self, map_hwc: NDArray[Any], box: Box, magnification: int) -> NDArray[Any]:
        """Returns the box of the raster enlarged by bicubic, as if the whole raster had been."""
        reach = _BICUBIC_REACH_PX
        around = _clipped(
            Box(box.top - reach, box.left - reach, box.height + 2 * reach, box.width + 2 * reach), *map_hwc.shape[:2]
        )
        enlarged = imresize(map_hwc[around.slices], magnification)
        return enlarged[box.relative_to(around).scaled(magnification).slices]

    def forget(self, box: Box) -> None:
        """Drops the tiles that show any pixel of the box (pixels of the raster), because it has been written."""
        for level in range(self.top_level + 1):
            around = 1 << level
            wider = Box(box.top - around, box.left - around, box.height + 2 * around, box.width + 2 * around)
            for key in self.keys_in(level, wider):
                self._drop(key)
        for key in [key for key in self._tiles if key.magnification > 1]:
            self._drop(key)

    def close(self) -> None:
        """Lets go of the raster and the tiles; images handed out stay valid."""
        self._map = None
        self._tiles.clear()
        self._used_bytes = 0

    def _keep(self, key: TileKey, tile: PyramidTile) -> None:
        self._tiles[key] = tile
        self._used_bytes += tile.image.sizeInBytes()
        while self._used_bytes > self._cache_bytes and len(self._tiles) > 1:
            self._drop(next(iter(self._tiles)))

    def _drop(self, key: TileKey) -> None:
        tile = self._tiles.pop(key, None)
        if tile is not None:
            self._used_bytes -= tile.image.sizeInBytes()


def _clipped(box: Box, height: int, width: int) -> Box:
    top, left = max(0, box.top), max(0, box.left)
    return Box(top, left, min(box.bottom, height) - top, min(box.right, width) - left)
