"""Training pairs: photographs and procedural images, degraded, and cropped at every step.

The papers' degradation is MATLAB's antialiased bicubic, rounded to uint8, made once of the whole image, so that a crop's
borders look like an image's inside. The practical variant's ("photo") is drawn anew for each crop, with its surroundings.
Every draw is a pure function of seed and step: a resumed run sees the same batches. May import numpy, OpenCV,
engine.{resampling, errors} and the other modules of this package.

Legend: H W rows and columns of the original; h w of its low-resolution image, H = h * scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from engine.resampling import imresize
from engine.training.configuration import Recipe
from engine.training.degradation import CONTEXT_PX, degrade_photo
from engine.training.procedural import procedural_image

__all__ = ["Pair", "PairSource", "degrade", "load_photographs", "split_held_back", "validation_pairs"]

Uint8Image = npt.NDArray[np.uint8]

_SUFFIXES = frozenset({".webp", ".png", ".jpg", ".jpeg", ".tif", ".tiff"})
# Every so many photographs one is held back for the log.
_HELD_BACK_EVERY = 24
# Held-back photographs are cropped to this, so that a validation costs seconds.
_VALIDATION_PX = 240
# Every run sees its held-back photographs degraded alike.
_VALIDATION_SEED = 2026


@dataclass(frozen=True)
class Pair:
    """An original, uint8 (H, W, 3), and its low-resolution image, uint8 (h, w, 3)."""

    lr_hwc: Uint8Image
    hr_hwc: Uint8Image


def degrade(original_hwc: Uint8Image, scale: int) -> Pair:
    """Cut an original to a multiple of the scale and shrink it by MATLAB's bicubic, rounded to uint8."""
    height, width = original_hwc.shape[:2]
    hr = np.ascontiguousarray(original_hwc[: height - height % scale, : width - width % scale])
    return Pair(np.asarray(imresize(hr, 1.0 / scale), dtype=np.uint8), hr)


def validation_pairs(photographs: Sequence[Uint8Image], scale: int, degradation: str) -> list[Pair]:
    """Return the middle of each held-back photograph with its low-resolution image, degraded as in training.

    What the degradation draws depends on nothing but the photograph's place in the list.
    """
    pairs = []
    for index, photograph in enumerate(photographs):
        pair = degrade(photograph, scale)
        if degradation == "photo":
            rng = np.random.default_rng((_VALIDATION_SEED, index))
            pair = Pair(degrade_photo(pair.hr_hwc, scale, rng), pair.hr_hwc)
        height, width = pair.lr_hwc.shape[:2]
        side = min(_VALIDATION_PX // scale, height, width)
        pairs.append(_cut(pair, ((height - side) // 2, (width - side) // 2), side, scale))
    return pairs


def _cut(pair: Pair, corner: tuple[int, int], side_px: int, scale: int) -> Pair:
    """Return a square crop, its corner (top, left) and side in low-resolution pixels; no copy."""
    top, left = corner
    rows, columns = slice(top * scale, (top + side_px) * scale), slice(left * scale, (left + side_px) * scale)
    return Pair(pair.lr_hwc[top : top + side_px, left : left + side_px], pair.hr_hwc[rows, columns])


def load_photographs(folder: Path) -> dict[str, Uint8Image]:
    """Read every image of a folder as uint8 RGB, by name in name order; raises InputError where there is none."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise InputError(f"{folder} holds no photographs to train on.", "Name a folder of images with --images.")
    photographs = {}
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{path} could not be read as an image.", "Remove it from the folder, or convert it.")
        photographs[path.stem] = np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8, copy=False)
    return photographs


def split_held_back(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split names into those trained on and those held back for the log.

    A name that ends in `_d` is a finer detail of the photograph without it: such a pair is never split.
    """
    bases = sorted({name.removesuffix("_d") for name in names})
    held = set(bases[_HELD_BACK_EVERY // 2 :: _HELD_BACK_EVERY]) if len(bases) > 1 else set()
    training = [name for name in names if name.removesuffix("_d") not in held]
    return training, [name for name in names if name in held]


class PairSource:
    """Batches of aligned crops, each a pure function of (seed, step)."""

    def __init__(self, photographs: Sequence[Uint8Image], scale: int, recipe: Recipe) -> None:
        self._photographs = list(photographs)
        self._pairs = [degrade(photograph, scale) for photograph in photographs]
        self._scale = scale
        self._recipe = recipe
        self._shares = {side_px: self._shares_for(side_px) for _, side_px, _ in recipe.batches}
        self._procedural: dict[int, Pair] = {}

    def _shares_for(self, side_px: int) -> npt.NDArray[np.float64]:
        """Return how often each photograph is drawn: by its area, never where a crop of this side does not fit."""
        shapes = [pair.lr_hwc.shape for pair in self._pairs]
        areas = np.array([h * w if min(h, w) >= side_px else 0 for h, w, _ in shapes], np.float64)
        drawn_px = self._recipe.procedural_side_px // self._scale
        if not areas.any() or side_px > drawn_px:
            side = side_px * self._scale
            raise InputError(
                f"No training image is large enough for crops of {side} x {side} pixels.",
                "Add larger photographs, raise procedural_side_px, or use smaller crops.",
            )
        shares: npt.NDArray[np.float64] = areas / areas.sum()
        return shares

    def batch(self, step: int, progress: float) -> tuple[Uint8Image, Uint8Image]:
        """Return low- and high-resolution crops, uint8 (B, h, w, 3) and (B, H, W, 3), for a step.

        `progress` in 0..1 chooses the share of photographs (start, last third).
        """
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, step))
        odds = np.array([often for _, _, often in recipe.batches])
        count, side_px, _ = recipe.batches[int(rng.choice(len(odds), p=odds / odds.sum()))]
        share = recipe.photographs[1 if progress >= 2 / 3 else 0]
        crops = [self._crop(rng, step, rng.random() < share, side_px) for _ in range(count)]
        return np.stack([lr for lr, _ in crops]), np.stack([hr for _, hr in crops])

    def _crop(
        self, rng: np.random.Generator, step: int, photograph: bool, side_px: int
    ) -> tuple[Uint8Image, Uint8Image]:
        if photograph:
            pair = self._pairs[int(rng.choice(len(self._pairs), p=self._shares[side_px]))]
        else:
            pair = self._procedural_pair(step, int(rng.integers(self._recipe.procedural_pool)))
        height, width = pair.lr_hwc.shape[:2]
        top, left = int(rng.integers(height - side_px + 1)), int(rng.integers(width - side_px + 1))
        # The better of two places: skies and walls teach little.
        other_top, other_left = int(rng.integers(height - side_px + 1)), int(rng.integers(width - side_px + 1))
        crop = _cut(pair, (top, left), side_px, self._scale)
        other = _cut(pair, (other_top, other_left), side_px, self._scale)
        if other.lr_hwc.std() > crop.lr_hwc.std():
            crop, top, left = other, other_top, other_left
        lr, hr = crop.lr_hwc, crop.hr_hwc
        if self._recipe.degradation == "photo":
            lr = _photo_crop(pair, (top, left), side_px, self._scale, rng)
        turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
        return _turned(lr, turns, mirrored), _turned(hr, turns, mirrored)

    def _procedural_pair(self, step: int, slot: int) -> Pair:
        """Return the pool's image in a slot: its serial number moves on by the pool's size once per round."""
        recipe = self._recipe
        made = step // recipe.procedural_refresh_steps
        # Slot j was last refilled at the largest m <= made with m = j modulo the pool.
        serial = made - (made - slot) % recipe.procedural_pool + recipe.procedural_pool
        if serial not in self._procedural:
            for old in [key for key in self._procedural if (key - slot) % recipe.procedural_pool == 0]:
                del self._procedural[old]
            image = procedural_image(serial, self._photographs, recipe.procedural_side_px, recipe.seed)
            self._procedural[serial] = degrade(image, self._scale)
        return self._procedural[serial]


def _photo_crop(pair: Pair, corner: tuple[int, int], side_px: int, scale: int, rng: np.random.Generator) -> Uint8Image:
    """Return a crop's low-resolution image, degraded with its surroundings.

    The blocks of a JPEG begin anywhere in the crop, because the surroundings' extent is drawn.
    """
    height, width = pair.lr_hwc.shape[:2]
    before = [max(0, at - CONTEXT_PX - int(rng.integers(8))) for at in corner]
    bottom, right = min(height, corner[0] + side_px + CONTEXT_PX), min(width, corner[1] + side_px + CONTEXT_PX)
    hr = pair.hr_hwc[before[0] * scale : bottom * scale, before[1] * scale : right * scale]
    top, left = corner[0] - before[0], corner[1] - before[1]
    return degrade_photo(hr, scale, rng)[top : top + side_px, left : left + side_px]


def _turned(image_hwc: Uint8Image, turns: int, mirrored: bool) -> Uint8Image:
    turned = np.rot90(image_hwc, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
