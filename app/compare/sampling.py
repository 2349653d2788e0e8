"""Values of a raster at any positions, by nearest, bilinear, bicubic (a = -0.5) or Lanczos (3 lobes): pure numpy.

Imports numpy and `engine.resampling`'s names of methods. `engine.resampling.imresize` enlarges whole images; this reads
single rows and columns of one, wherever they lie, so that a tile of an enlargement costs the same in every image. The
kernels are the same.

Legend: H W pixels of the raster, N M rows and columns asked for, C channels, T taps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.deferred import np
from engine.resampling import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float32]
    Positions = NDArray[np.float64]


# ITU-R BT.601 luma.
_LUMA = (0.299, 0.587, 0.114)


def _triangle(x: Positions) -> Positions:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _cubic(x: Positions) -> Positions:
    """Returns Keys' cubic convolution kernel with a = -0.5 (Keys 1981, equation 15)."""
    r = np.abs(x)
    return np.where(r <= 1, (1.5 * r - 2.5) * r * r + 1, np.where(r < 2, ((2.5 - 0.5 * r) * r - 4) * r + 2, 0.0))


def _lanczos(x: Positions) -> Positions:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_KERNELS: dict[Method, tuple[Callable[[Positions], Positions], int]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_cubic, 2),
    "lanczos": (_lanczos, 3),
}


def as_unit(block: NDArray[Any]) -> Values:
    """Returns the values as float32 in 0..1: integers by their range, floats clipped (not finite counts as 0)."""
    if block.dtype == np.uint8:
        return block.astype(np.float32) * np.float32(1 / 255)
    if block.dtype == np.uint16:
        return block.astype(np.float32) * np.float32(1 / 65535)
    clean: Values = np.nan_to_num(block.astype(np.float32, copy=True), copy=False)
    return np.clip(clean, 0.0, 1.0, out=clean)


def colour_of(block_hwc: Values) -> Values:
    """Returns the block as RGB (H, W, 3): grey is repeated, alpha left out."""
    channels = block_hwc.shape[2]
    return np.repeat(block_hwc[:, :, :1], 3, axis=2) if channels <= 2 else block_hwc[:, :, :3]


def luma_of(rgb_hwc: Values) -> Values:
    """Returns the luma (H, W) of RGB in 0..1."""
    luma: Values = rgb_hwc @ np.array(_LUMA, dtype=np.float32)
    return luma


def sample_at(raster_hwc: NDArray[Any], rows: Positions, columns: Positions, method: Method) -> Values:
    """Returns the raster's values in 0..1 at these positions, (N, M, C) float32.

    `rows` and `columns` count pixels, 0.0 being the middle of the first; beyond an edge the raster is mirrored. Whole positions
    give the pixels themselves, whatever the method.
    """
    height, width = raster_hwc.shape[:2]
    if method == "nearest" or _are_whole(rows, columns):
        row_index = _mirrored(np.floor(rows + 0.5).astype(np.int64), height)
        column_index = _mirrored(np.floor(columns + 0.5).astype(np.int64), width)
        return as_unit(_picked(raster_hwc, row_index, column_index))
    row_taps, row_weights = _taps(rows, height, method)
    column_taps, column_weights = _taps(columns, width, method)
    needed_rows, needed_columns = np.unique(row_taps), np.unique(column_taps)
    block_hwc = as_unit(_picked(raster_hwc, needed_rows, needed_columns))
    strip_nwc = _weighted(block_hwc, np.searchsorted(needed_rows, row_taps), row_weights)
    if raster_hwc.dtype != np.float32:
        # As `imresize` does, whose passes each return the integers that they were given.
        np.clip(strip_nwc, 0.0, 1.0, out=strip_nwc)
    # Columns lead, so that this pass too moves whole runs of memory.
    found_columns = np.searchsorted(needed_columns, column_taps)
    values_nmc = _transposed(_weighted(_transposed(strip_nwc), found_columns, column_weights))
    return np.clip(values_nmc, 0.0, 1.0, out=values_nmc)


def _picked(raster_hwc: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[Any]:
    """Returns these rows and columns; of a wide raster only the part between the outermost columns is read."""
    left = int(columns.min())
    picked: NDArray[Any] = raster_hwc[:, left : int(columns.max()) + 1][rows][:, columns - left]
    return picked


def _weighted(lines: Values, taps: NDArray[np.int64], weights: Values) -> Values:
    """Returns the weighted sums (N, ...) of lines (L, ...); `taps` (N, T) are the lines of each sum, `weights` theirs."""
    total = np.zeros((taps.shape[0], *lines.shape[1:]), dtype=np.float32)
    term = np.empty_like(total)
    for tap in range(taps.shape[1]):
        # Every tap lies inside; "clip" only spares numpy a copy.
        np.take(lines, taps[:, tap], axis=0, out=term, mode="clip")
        term *= weights[:, tap, None, None]
        total += term
    return total


def _transposed(values_hwc: Values) -> Values:
    """Returns (W, H, C): pixels are moved as they are, which is thrice as fast as value by value."""
    height, width, channels = values_hwc.shape
    pixels_hw = np.ascontiguousarray(values_hwc).view(np.dtype((np.void, 4 * channels)))[:, :, 0]
    turned: Values = np.ascontiguousarray(pixels_hw.T).view(np.float32).reshape(width, height, channels)
    return turned


def _are_whole(rows: Positions, columns: Positions) -> bool:
    return bool(np.all(rows == np.floor(rows)) and np.all(columns == np.floor(columns)))


def _mirrored(index: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Returns indices inside the raster: its edge pixel repeated, then back inwards."""
    folded = np.mod(index, 2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def _taps(positions: Positions, size: int, method: Method) -> tuple[NDArray[np.int64], Values]:
    """Returns the pixels that make each value, and their weights, both (N, T)."""
    kernel, reach = _KERNELS[method]
    first = np.floor(positions).astype(np.int64) - reach + 1
    index = first[:, None] + np.arange(2 * reach)[None, :]
    weights = kernel(positions[:, None] - index)
    weights /= weights.sum(axis=1, keepdims=True)
    return _mirrored(index, size), weights.astype(np.float32)
