"""The difference of two sources, tile by tile: absolute, signed, or where their structure differs (SSIM).

Imports numpy, `app.compare` and the plain data of `engine`. Values are those of the files, in 0..1 and clipped, without colour
management. In a smaller view each pixel is the mean of differences, not the difference of means, so noise does not cancel out.

Legend: H W pixels of a tile, S samples of one of its pixels along an axis.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

from app.compare.colour_maps import greys, heat, signs
from app.compare.layers import OpenSource, Tile, TileKey, TileLayer, values_at
from app.compare.sampling import colour_of, luma_of
from app.pixels import to_qimage
from engine.deferred import np
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from app.compare.sampling import Positions, Values

DifferenceKind = Literal["absolute", "signed", "ssim"]

DIFFERENCE_KINDS: tuple[DifferenceKind, ...] = ("absolute", "signed", "ssim")

GAINS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)

_SAMPLES = 4
# Up to this level the structure is compared at full size; beyond, at the size shown.
_EXACT_SSIM_LEVELS = 2
_SSIM_REACH_PX = 5
_SSIM_SIGMA = 1.5


class DifferenceSettings(NamedTuple):
    """How a difference is shown: its kind, how many times enlarged, and in false colours or greys."""

    kind: DifferenceKind = "absolute"
    gain: float = 4.0
    false_colour: bool = True

    def next_gain(self, steps: int) -> float:
        """Returns the next larger (or smaller) step of the gain."""
        if steps > 0:
            return next((gain for gain in GAINS if gain > self.gain * 1.001), GAINS[-1])
        return next((gain for gain in reversed(GAINS) if gain < self.gain * 0.999), GAINS[0])


class DifferenceLayer(TileLayer):
    """`shown` minus `base`, at the size of the picture."""

    def __init__(self, base: OpenSource, shown: OpenSource, settings: DifferenceSettings) -> None:
        from fractions import Fraction

        arrangement = shown.arrangement
        super().__init__(arrangement.height, arrangement.width, Fraction(1), (0, 0))
        self.settings = settings
        self.base, self.shown = base, shown

    def make(self, key: TileKey) -> Tile:
        """Returns the tile, computed from both rasters."""
        box = self.box_of(key)
        return Tile(to_qimage(colours_of(self._values(box, key.level), self.settings)), box)

    def typical_gain(self, area: Box) -> float:
        """Returns the gain at which the largest differences of an area (picture pixels) just fill the scale.

        The largest are those that one pixel in a thousand exceeds; at most a quarter of a million pixels are looked at.
        """
        level = max(0, math.ceil(math.log2(max(1.0, math.sqrt(area.height * area.width) / 512))))
        factor = 1 << level
        height, width = self.level_size(level)
        top, left = area.top // factor, area.left // factor
        bottom, right = min(height, -(-area.bottom // factor)), min(width, -(-area.right // factor))
        if bottom <= top or right <= left:
            return 1.0
        sizes = np.abs(self._values(Box(top, left, bottom - top, right - left), level, samples=1))
        largest = float(np.quantile(sizes, 0.999)) if self.settings.kind != "absolute" else float(
            np.quantile(sizes.max(axis=2), 0.999)
        )  # fmt: skip
        return min(GAINS[-1], max(1.0, 1.0 / largest)) if largest > 0 else GAINS[-1]

    @property
    def _samples(self) -> int:
        """Samples along each axis of a pixel: interpolating is dearer than reading."""
        is_interpolated = self.base.magnification != 1 or self.shown.magnification != 1
        return _SAMPLES // 2 if is_interpolated else _SAMPLES

    def _values(self, box: Box, level: int, samples: int = _SAMPLES) -> Values:
        """Returns a box of a level: (H, W, 3) of 0..1 for absolute, (H, W) of -1..1 for signed, of 0..2 for SSIM (0: same)."""
        if self.settings.kind == "ssim":
            return self._structure(box, level)
        samples = min(samples, self._samples, 1 << level)
        rows, columns = sample_points(box, level, samples, self.level_size(0))
        base = colour_of(values_at(self.base, rows, columns))
        shown = colour_of(values_at(self.shown, rows, columns))
        if self.settings.kind == "signed":
            return _mean_of_squares((luma_of(shown) - luma_of(base))[:, :, None], samples)[:, :, 0]
        return _mean_of_squares(np.abs(shown - base), samples)

    def _structure(self, box: Box, level: int) -> Values:
        at_level = 0 if level <= _EXACT_SSIM_LEVELS else level
        factor = 1 << (level - at_level)
        reach = _SSIM_REACH_PX
        around = Box(
            box.top * factor - reach,
            box.left * factor - reach,
            box.height * factor + 2 * reach,
            box.width * factor + 2 * reach,
        )
        samples = min(self._samples, 1 << at_level)
        rows, columns = sample_points(around, at_level, samples, None)
        base, shown = (
            _mean_of_squares(luma_of(colour_of(values_at(each, rows, columns)))[:, :, None], samples)[:, :, 0]
            for each in (self.base, self.shown)
        )
        unlikeness = np.float32(1) - ssim_map(base, shown)
        return _mean_of_squares(unlikeness[:, :, None], factor)[:, :, 0]


def colours_of(values: Values, settings: DifferenceSettings) -> NDArray[np.uint8]:
    """Returns the colours (H, W, 3) of differences as `DifferenceLayer` computes them."""
    scaled = values * np.float32(settings.gain)
    if settings.kind == "signed":
        return signs(scaled) if settings.false_colour else greys(scaled / 2 + 0.5)
    if settings.kind == "ssim":
        return heat(scaled) if settings.false_colour else greys(scaled)
    if settings.false_colour:
        return heat(scaled.max(axis=2))
    colours: NDArray[np.uint8] = np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
    return colours


def sample_points(box: Box, level: int, samples: int, size: tuple[int, int] | None) -> tuple[Positions, Positions]:
    """Returns rows and columns of the picture at which each pixel of a level's box is sampled, in the middles of pixels.

    `size`: (height, width) of the picture, inside which they are kept, or None where they may lie beyond.
    """
    factor = 1 << level
    inner = np.floor((np.arange(samples) + 0.5) * factor / samples) + 0.5
    rows = ((box.top + np.arange(box.height))[:, None] * factor + inner).ravel()
    columns = ((box.left + np.arange(box.width))[:, None] * factor + inner).ravel()
    if size is None:
        return rows, columns
    return np.minimum(rows, size[0] - 0.5), np.minimum(columns, size[1] - 0.5)


def ssim_map(a: Values, b: Values) -> Values:
    """Returns the structural similarity of two planes in 0..1, (H, W) to (H - 10, W - 10), 1 where they are the same.

    11 x 11 Gaussian window of sigma 1.5, K1 0.01, K2 0.03 (Wang et al. 2004), as `engine.metrics.ssim`, which is its mean.
    """
    c1, c2 = np.float32(0.01**2), np.float32(0.03**2)
    mean_a, mean_b = _blurred(a), _blurred(b)
    mean_ab = mean_a * mean_b
    mean_aa, mean_bb = mean_a * mean_a, mean_b * mean_b
    variances = _blurred(a * a) + _blurred(b * b) - mean_aa - mean_bb
    covariance = _blurred(a * b) - mean_ab
    similarity: Values = (2 * mean_ab + c1) * (2 * covariance + c2) / ((mean_aa + mean_bb + c1) * (variances + c2))
    return similarity


def _blurred(plane: Values) -> Values:
    distances = np.arange(-_SSIM_REACH_PX, _SSIM_REACH_PX + 1)
    taps = np.exp(-(distances**2) / (2 * _SSIM_SIGMA**2))
    taps = (taps / taps.sum()).astype(np.float32)
    for _ in range(2):
        height = plane.shape[0] - len(taps) + 1
        blurred = taps[0] * plane[:height]
        for index in range(1, len(taps)):
            blurred += taps[index] * plane[index : index + height]
        # The second pass runs over the other axis, and turns the plane back.
        plane = np.ascontiguousarray(blurred.T)
    return plane


def _mean_of_squares(values_hwc: Values, samples: int) -> Values:
    """Returns the means of S × S blocks: (H S, W S, C) to (H, W, C)."""
    if samples == 1:
        return values_hwc
    height, width, channels = values_hwc.shape
    blocks = values_hwc.reshape(height // samples, samples, width // samples, samples, channels)
    mean: Values = blocks.mean(axis=(1, 3), dtype=np.float32)
    return mean
