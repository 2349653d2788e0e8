"""PSNR and SSIM as the super-resolution papers measure them: on BT.601 luma, with the border cut.

Accumulation is float64 and runs over strips of rows, so that a 100-megapixel pair costs a few megabytes beyond its
two images. May import numpy only.

Legend: H W rows and columns, C channels (1 or 3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.deferred import np

if TYPE_CHECKING:
    import numpy.typing as npt

    Image = npt.NDArray[np.generic]
    Plane = npt.NDArray[np.float64]

__all__ = ["psnr", "psnr_y", "ssim", "ssim_y", "to_y"]


_STRIP_ROWS = 256
_SSIM_WINDOW = 11
_SSIM_SIGMA = 1.5


def to_y(image_hwc: Image) -> Plane:
    """Return BT.601 studio-range luma, float64 (H, W) in 16..235.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255 for R, G, B in 0..255. Accepts (H, W), (H, W, 1) (grey: R = G = B)
    and (H, W, 3) RGB, uint8, uint16 (65535 is 255) or float already in 0..255. Nothing is rounded.
    """
    values = image_hwc.astype(np.float64)
    if image_hwc.dtype == np.uint16:
        values /= 257.0
    if values.ndim == 2 or (values.ndim == 3 and values.shape[2] == 1):
        return 16.0 + values.reshape(values.shape[:2]) * (219.0 / 255.0)
    if values.ndim != 3 or values.shape[2] != 3:
        raise ValueError(f"luma needs a grey or an RGB image, not shape {image_hwc.shape}")
    luma: Plane = 16.0 + values @ (np.array([65.481, 128.553, 24.966]) / 255.0)
    return luma


def psnr(a: Image, b: Image, *, peak: float = 255.0) -> float:
    """Return the peak signal-to-noise ratio of two equally shaped arrays in dB; infinity where they are equal."""
    _require_same_shape(a, b)
    total = 0.0
    for top in range(0, a.shape[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        difference = a[rows].astype(np.float64) - b[rows].astype(np.float64)
        total += float(np.vdot(difference, difference))
    return _decibel(total / a.size, peak)


def psnr_y(a_hwc: Image, b_hwc: Image, border: int = 0) -> float:
    """Return the PSNR in dB on luma with `border` pixels cut from each side, peak 255."""
    a, b = _cropped_pair(a_hwc, b_hwc, border)
    total = 0.0
    for top in range(0, a.shape[0], _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        difference = to_y(a[rows]) - to_y(b[rows])
        total += float(np.vdot(difference, difference))
    return _decibel(total / (a.shape[0] * a.shape[1]), 255.0)


def ssim(a: Image, b: Image, *, peak: float = 255.0) -> float:
    """Return the mean structural similarity of two (H, W) planes.

    11 x 11 Gaussian window of sigma 1.5, K1 0.01, K2 0.03, positions where the window fits (Wang et al. 2004). Raises
    ValueError where a side is under 11.
    """
    _require_same_shape(a, b)
    if a.ndim != 2:
        raise ValueError(f"ssim takes one plane, not shape {a.shape}")
    return _mean_ssim(((a[rows].astype(np.float64), b[rows].astype(np.float64)) for rows in _strips(a.shape)), peak)


def ssim_y(a_hwc: Image, b_hwc: Image, border: int = 0) -> float:
    """Return the SSIM on luma with `border` pixels cut from each side; window and constants as in `ssim`."""
    a, b = _cropped_pair(a_hwc, b_hwc, border)
    return _mean_ssim(((to_y(a[rows]), to_y(b[rows])) for rows in _strips(a.shape)), 255.0)


def _decibel(mean_square: float, peak: float) -> float:
    return math.inf if mean_square == 0 else 10.0 * math.log10(peak * peak / mean_square)


def _require_same_shape(a: Image, b: Image) -> None:
    if a.shape != b.shape:
        raise ValueError(f"the two images differ in shape: {a.shape} and {b.shape}")
    if a.size == 0:
        raise ValueError("an empty image has no PSNR")


def _cropped_pair(a_hwc: Image, b_hwc: Image, border: int) -> tuple[Image, Image]:
    _require_same_shape(a_hwc, b_hwc)
    height, width = a_hwc.shape[:2]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(f"a border of {border} leaves nothing of {width} x {height} pixels")
    inner = (slice(border, height - border), slice(border, width - border))
    return a_hwc[inner], b_hwc[inner]


def _strips(shape: tuple[int, ...]) -> Iterator[slice]:
    if min(shape[0], shape[1]) < _SSIM_WINDOW:
        raise ValueError(f"SSIM needs at least {_SSIM_WINDOW} pixels a side, not {shape[1]} x {shape[0]}")
    positions = shape[0] - _SSIM_WINDOW + 1
    for top in range(0, positions, _STRIP_ROWS):
        yield slice(top, min(top + _STRIP_ROWS, positions) + _SSIM_WINDOW - 1)


def _mean_ssim(strips: Iterator[tuple[Plane, Plane]], peak: float) -> float:
    taps = np.exp(-((np.arange(_SSIM_WINDOW) - _SSIM_WINDOW // 2) ** 2) / (2.0 * _SSIM_SIGMA**2))
    taps /= taps.sum()
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    total, count = 0.0, 0
    for a, b in strips:
        mean_a, mean_b = _blur(a, taps), _blur(b, taps)
        mean_ab = mean_a * mean_b
        mean_a *= mean_a
        mean_b *= mean_b
        # Both variances only ever appear as their sum: one blur fewer.
        variances = _blur(a * a + b * b, taps) - mean_a - mean_b
        covariance = _blur(a * b, taps) - mean_ab
        index = (2 * mean_ab + c1) * (2 * covariance + c2) / ((mean_a + mean_b + c1) * (variances + c2))
        total += float(index.sum())
        count += index.size
    return total / count


def _blur(plane: Plane, taps: npt.NDArray[np.float64]) -> Plane:
    """Convolve with the separable window, positions where it fits: (H, W) to (H - 10, W - 10)."""
    for axis in (0, 1):
        length = plane.shape[axis] - len(taps) + 1
        views = [plane[i : i + length] if axis == 0 else plane[:, i : i + length] for i in range(len(taps))]
        # The window is symmetric: add the pair first, multiply once.
        half = len(taps) // 2
        result = views[half] * taps[half]
        for i in range(half):
            result += (views[i] + views[-1 - i]) * taps[i]
        plane = result
    return plane
