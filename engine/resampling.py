"""Resizing of images on the CPU: MATLAB's imresize and its relatives.

Everything the project calls "bicubic" is this module's: a = -0.5, the kernel stretched by the scale when shrinking
(antialias), half-pixel centres, symmetric borders. OpenCV's and torch's bicubic (a = -0.75, no antialias) differ by
whole decibels and would flatter every comparison. May import numpy only.

Legend: H W rows and columns, C channels, T taps of the kernel at one output sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from engine.deferred import np

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.generic]
    FloatImage = npt.NDArray[np.float32]

__all__ = ["Method", "imresize", "resampling_matrix"]

Method = Literal["nearest", "bilinear", "bicubic", "lanczos"]


# Rows or columns of output made by one small dense product: large enough for BLAS, small enough that the product's
# zeros (the band is narrower than the block's span) cost little.
_BLOCK = 32


def _triangle(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - np.abs(x))


def _cubic(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return Keys' cubic convolution kernel with a = -0.5 (Keys 1981, equation 15)."""
    r = np.abs(x)
    near = (1.5 * r - 2.5) * r * r + 1.0
    far = ((-0.5 * r + 2.5) * r - 4.0) * r + 2.0
    return np.where(r <= 1.0, near, np.where(r < 2.0, far, 0.0))


def _lanczos3(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.abs(x) < 3.0, np.sinc(x) * np.sinc(x / 3.0), 0.0)


_KERNELS: dict[str, tuple[Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]], float]] = {
    "bilinear": (_triangle, 1.0),
    "bicubic": (_cubic, 2.0),
    "lanczos": (_lanczos3, 3.0),
}


@dataclass(frozen=True)
class _Block:
    """One run of output samples as a dense product: `weights (stop - start, source_stop - source_start)` float32."""

    start: int
    stop: int
    source_start: int
    source_stop: int
    weights: FloatImage


def imresize(
    image_hwc: Image,
    scale: float | None = None,
    *,
    size: tuple[int, int] | None = None,
    method: Method = "bicubic",
    antialias: bool = True,
) -> Image:
    """Resize an image as MATLAB's `imresize` does, to within float32 rounding.

    `image_hwc` is (H, W) or (H, W, C), of uint8, uint16 or a float type. Give either `scale` (output sides are
    ceil(side * scale), the grid uses exactly that scale) or `size` = (height, width) in pixels (each axis has its own
    scale). `antialias` stretches the kernel by 1 / scale where an axis shrinks; "nearest" never does.

    Integers come back in their own type, rounded half up and clipped, and are so between the two passes too (rows first), as
    in MATLAB, whose passes each return the type they were given; float input comes back as float32, unclipped.
    Arithmetic is float32 with weights computed in float64. Beyond input and output it holds one strip of rows.
    Raises ValueError for a shape, scale, size or method that makes no sense.
    """
    if image_hwc.ndim not in (2, 3) or 0 in image_hwc.shape:
        raise ValueError(f"imresize needs a non-empty (H, W) or (H, W, C) image, not shape {image_hwc.shape}")
    if image_hwc.dtype not in (np.uint8, np.uint16) and not np.issubdtype(image_hwc.dtype, np.floating):
        raise ValueError(f"imresize takes uint8, uint16 or float images, not {image_hwc.dtype}")
    (height, scale_y), (width, scale_x) = _targets(image_hwc.shape[:2], scale, size)
    source = image_hwc if image_hwc.ndim == 3 else image_hwc[:, :, None]
    if method == "nearest":
        rows = _nearest_indices(source.shape[0], height, scale_y)
        columns = _nearest_indices(source.shape[1], width, scale_x)
        out = np.ascontiguousarray(source[rows][:, columns])
        if out.dtype not in (np.uint8, np.uint16):
            out = out.astype(np.float32, copy=False)
    elif method in _KERNELS:
        row_blocks = _blocks(source.shape[0], height, scale_y, method, antialias)
        column_blocks = _blocks(source.shape[1], width, scale_x, method, antialias)
        out = _apply(source, (height, width), row_blocks, column_blocks)
    else:
        raise ValueError(f"imresize knows nearest, {', '.join(_KERNELS)}, not {method!r}")
    return out if image_hwc.ndim == 3 else out[:, :, 0]


def resampling_matrix(
    source_n: int, out_n: int, scale: float, *, method: Method = "bicubic", antialias: bool = True
) -> FloatImage:
    """Return one axis of `imresize` as a dense float32 (out_n, source_n): the same weights, for other processors."""
    matrix = np.zeros((out_n, source_n), np.float32)
    for block in _blocks(source_n, out_n, scale, method, antialias):
        matrix[block.start : block.stop, block.source_start : block.source_stop] = block.weights
    return matrix


def _targets(
    shape: tuple[int, ...], scale: float | None, size: tuple[int, int] | None
) -> tuple[tuple[int, float], tuple[int, float]]:
    if (scale is None) == (size is None):
        raise ValueError("imresize needs either a scale or a size")
    if size is not None:
        if min(size) < 1:
            raise ValueError(f"imresize cannot make an image of {size[0]} x {size[1]} pixels")
        return (size[0], size[0] / shape[0]), (size[1], size[1] / shape[1])
    assert scale is not None
    if not (math.isfinite(scale) and scale > 0):
        raise ValueError(f"imresize needs a positive scale, not {scale}")
    # 1e-9: 0.1 * 30 must give 3, not ceil(3.0000000000000004).
    return (
        (max(1, math.ceil(shape[0] * scale - 1e-9)), scale),
        (max(1, math.ceil(shape[1] * scale - 1e-9)), scale),
    )


def _nearest_indices(source_n: int, out_n: int, scale: float) -> npt.NDArray[np.int64]:
    centres = (np.arange(out_n, dtype=np.float64) + 0.5) / scale
    return np.clip(np.floor(centres).astype(np.int64), 0, source_n - 1)


def _taps(
    source_n: int, out_n: int, scale: float, method: str, antialias: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return source indices and normalised weights, each (out_n, T), borders already reflected."""
    kernel, radius = _KERNELS[method]
    stretch = max(1.0, 1.0 / scale) if antialias else 1.0
    radius *= stretch
    centres = (np.arange(out_n, dtype=np.float64) + 0.5) / scale - 0.5
    first = np.floor(centres - radius).astype(np.int64)
    indices = first[:, None] + np.arange(math.ceil(2 * radius) + 2)[None, :]
    weights = kernel((centres[:, None] - indices) / stretch)
    weights /= weights.sum(axis=1, keepdims=True)
    # Symmetric borders repeat the edge sample: ... 1 0 | 0 1 2 ... n-1 | n-1 n-2 ...
    folded = np.mod(indices, 2 * source_n)
    return np.where(folded < source_n, folded, 2 * source_n - 1 - folded), weights


def _blocks(source_n: int, out_n: int, scale: float, method: str, antialias: bool) -> list[_Block]:
    indices, weights = _taps(source_n, out_n, scale, method, antialias)
    used = weights != 0.0
    blocks = []
    for start in range(0, out_n, _BLOCK):
        stop = min(start + _BLOCK, out_n)
        mask = used[start:stop]
        block_indices = indices[start:stop]
        source_start = int(block_indices[mask].min())
        source_stop = int(block_indices[mask].max()) + 1
        dense = np.zeros((stop - start, source_stop - source_start), np.float64)
        rows = np.broadcast_to(np.arange(stop - start)[:, None], mask.shape)
        # Reflection can bring several taps to one sample: they add up.
        np.add.at(dense, (rows[mask], block_indices[mask] - source_start), weights[start:stop][mask])
        blocks.append(_Block(start, stop, source_start, source_stop, dense.astype(np.float32)))
    return blocks


def _apply(source_hwc: Image, size: tuple[int, int], row_blocks: list[_Block], column_blocks: list[_Block]) -> Image:
    source_width, channels = source_hwc.shape[1:]
    integer = source_hwc.dtype in (np.uint8, np.uint16)
    out = np.empty((*size, channels), source_hwc.dtype if integer else np.float32)
    for rows in row_blocks:
        strip = source_hwc[rows.source_start : rows.source_stop].astype(np.float32)
        strip = rows.weights @ strip.reshape(strip.shape[0], source_width * channels)
        if integer:
            _round_to(strip, source_hwc.dtype)
        # Planar, so that the horizontal products have long contiguous rows.
        planes_chw = np.ascontiguousarray(strip.reshape(-1, source_width, channels).transpose(2, 0, 1))
        planes = planes_chw.reshape(-1, source_width)
        result = np.empty((planes.shape[0], size[1]), np.float32)
        for columns in column_blocks:
            result[:, columns.start : columns.stop] = (
                planes[:, columns.source_start : columns.source_stop] @ columns.weights.T
            )
        if integer:
            _round_to(result, source_hwc.dtype)
        strip_hwc = result.reshape(channels, rows.stop - rows.start, size[1]).transpose(1, 2, 0)
        out[rows.start : rows.stop] = strip_hwc.astype(out.dtype, copy=False)
    return out


def _round_to(values: FloatImage, dtype: np.dtype[Any]) -> None:
    """Round and clip float values in place to what an integer type holds: half up, as MATLAB, where rint goes to even."""
    values += np.float32(0.5)
    np.clip(np.floor(values, out=values), 0, np.iinfo(dtype).max, out=values)
