"""Training pairs: photographs and procedural images, degraded, and cropped at every step.

The papers' degradation is MATLAB's antialiased bicubic, rounded to uint8, made once of the whole image, so that a crop's
borders look like an image's inside. The practical variant's ("photo") is drawn anew for each crop, with its surroundings.
Every draw is a pure function of seed and step: a resumed run sees the same batches. May import numpy,
OpenCV or Pillow (inside functions), engine.{resampling, errors} and the other modules of this package.

Legend: H W rows and columns of the original; h w of its low-resolution image, H = h * scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from engine.resampling import imresize
from engine.training.configuration import Recipe
from engine.training.draws import CropDraw, Drawer
from engine.training.pool import ProceduralPool

__all__ = ["Pair", "PairSource", "Uint8Image", "degrade", "load_photographs", "split_held_back", "validation_pairs"]

Uint8Image = npt.NDArray[np.uint8]

_SUFFIXES = frozenset({".webp", ".png", ".jpg", ".jpeg", ".tif", ".tiff"})
# Every so many photographs one is held back for the log.
_HELD_BACK_EVERY = 24
# Held-back photographs are cropped to this, so that a validation costs seconds.
_VALIDATION_PX = 240
# Every run sees its held-back photographs degraded alike. Of 8 photographs' 48 draws 4 are clean ones, as nearly one in ten are.
_VALIDATION_SEED = 2027
# Random degradations of each: one of each would say more about what was drawn than about the network. Of 8 photographs degraded
# once, one draw had the weights for photographs 0.10 dB below those for clean images, five others 0.01 to 0.79 above.
_PHOTO_DRAWS = 6


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

    Random degradations come several times. What they draw depends on nothing but the photograph's place in the list.
    """
    pairs = []
    for index, photograph in enumerate(photographs):
        pair = degrade(photograph, scale)
        degraded = [pair]
        if degradation == "photo":
            from engine.training.degradation import degrade_photo

            rngs = [np.random.default_rng((_VALIDATION_SEED, index, draw)) for draw in range(_PHOTO_DRAWS)]
            degraded = [Pair(degrade_photo(pair.hr_hwc, scale, rng), pair.hr_hwc) for rng in rngs]
        height, width = pair.lr_hwc.shape[:2]
        side = min(_VALIDATION_PX // scale, height, width)
        pairs += [_cut(each, ((height - side) // 2, (width - side) // 2), side, scale) for each in degraded]
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
        image = _read_rgb(path)
        if image is None:
            raise InputError(f"{path} could not be read as an image.", "Remove it from the folder, or convert it.")
        photographs[path.stem] = image
    return photographs


def _read_rgb(path: Path) -> Uint8Image | None:
    """Read an image file as uint8 (H, W, 3) with OpenCV, or where that is missing with Pillow; None where it is no image."""
    try:
        import cv2
    except ImportError:
        try:
            from PIL import Image, UnidentifiedImageError
        except ImportError:
            raise InputError(f"{path} needs OpenCV or Pillow to be read.", "pip install pillow.") from None
        try:
            with Image.open(path) as opened:
                return np.array(opened.convert("RGB"), np.uint8)
        except (UnidentifiedImageError, OSError):
            return None
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    return None if image is None else np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8, copy=False)


def split_held_back(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split names into those trained on and those held back for the log.

    A name that ends in `_d` is a finer detail of the photograph without it: such a pair is never split.
    """
    bases = sorted({name.removesuffix("_d") for name in names})
    held = set(bases[_HELD_BACK_EVERY // 2 :: _HELD_BACK_EVERY]) if len(bases) > 1 else set()
    training = [name for name in names if name.removesuffix("_d") not in held]
    return training, [name for name in names if name in held]


class PairSource:
    """Batches of aligned crops as arrays, each a pure function of (seed, step).

    `drawn`: procedural images made before, instead of drawing them meanwhile.
    """

    def __init__(
        self, photographs: Sequence[Uint8Image], scale: int, recipe: Recipe, drawn: Sequence[Uint8Image] = ()
    ) -> None:
        self._pairs = [degrade(photograph, scale) for photograph in photographs]
        self._scale = scale
        self._recipe = recipe
        self._drawer = Drawer([pair.lr_hwc.shape[:2] for pair in self._pairs], scale, recipe)
        self._pool = ProceduralPool(list(photographs), recipe, drawn)
        # The pair in each slot of the pool, with its serial number.
        self._procedural: dict[int, tuple[int, Pair]] = {}

    def batch(self, step: int, progress: float) -> tuple[Uint8Image, Uint8Image]:
        """Return low- and high-resolution crops, uint8 (B, h, w, 3) and (B, H, W, 3), for a step.

        `progress` in 0..1 chooses the share of photographs (start, last third).
        """
        draw = self._drawer.draw(step, progress)
        crops = [self._crop(step, number, crop, draw.side_px) for number, crop in enumerate(draw.crops)]
        return np.stack([lr for lr, _ in crops]), np.stack([hr for _, hr in crops])

    def _crop(self, step: int, number: int, draw: CropDraw, side_px: int) -> tuple[Uint8Image, Uint8Image]:
        pair = self._procedural_pair(step, draw.index) if draw.is_drawn else self._pairs[draw.index]
        # The better of two places: skies and walls teach little.
        first, second = (_cut(pair, place, side_px, self._scale) for place in draw.places)
        is_second = bool(second.lr_hwc.std() > first.lr_hwc.std())
        chosen = second if is_second else first
        lr = chosen.lr_hwc
        if self._recipe.degradation == "photo":
            rng = np.random.default_rng((self._recipe.seed, step, 2, number))
            lr = _photo_crop(pair, draw.places[is_second], side_px, self._scale, rng)
        return _turned(lr, draw.turns, draw.mirrored), _turned(chosen.hr_hwc, draw.turns, draw.mirrored)

    def _procedural_pair(self, step: int, slot: int) -> Pair:
        serial = self._pool.serial(step, slot)
        if slot not in self._procedural or self._procedural[slot][0] != serial:
            self._procedural[slot] = serial, degrade(self._pool.image(serial), self._scale)
        return self._procedural[slot][1]


def _turned(image_hwc: Uint8Image, turns: int, mirrored: bool) -> Uint8Image:
    turned = np.rot90(image_hwc, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def _photo_crop(pair: Pair, corner: tuple[int, int], side_px: int, scale: int, rng: np.random.Generator) -> Uint8Image:
    """Return a crop's low-resolution image, degraded with its surroundings.

    The blocks of a JPEG begin anywhere in the crop, because the surroundings' extent is drawn.
    """
    from engine.training.degradation import CONTEXT_PX, degrade_photo

    height, width = pair.lr_hwc.shape[:2]
    before = [max(0, at - CONTEXT_PX - int(rng.integers(8))) for at in corner]
    bottom, right = min(height, corner[0] + side_px + CONTEXT_PX), min(width, corner[1] + side_px + CONTEXT_PX)
    hr = pair.hr_hwc[before[0] * scale : bottom * scale, before[1] * scale : right * scale]
    top, left = corner[0] - before[0], corner[1] - before[1]
    return degrade_photo(hr, scale, rng)[top : top + side_px, left : left + side_px]
