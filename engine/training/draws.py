"""Which crops make up a batch: drawn on the host from (seed, step) alone, so that every source of pairs draws the same.

May import numpy, engine.errors and the other modules of this package.

Legend: h w rows and columns of a low-resolution image.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.errors import InputError
from engine.training.configuration import Recipe

__all__ = ["BatchDraw", "CropDraw", "Drawer"]

Corner = tuple[int, int]


@dataclass(frozen=True)
class CropDraw:
    """One crop: photograph `index`, or the pool's slot `index` where `is_drawn`; two places (top, left) to choose from.

    Places are low-resolution pixels; `turns` quarter turns anticlockwise, then a flip of the columns where `mirrored`.
    """

    index: int
    is_drawn: bool
    places: tuple[Corner, Corner]
    turns: int
    mirrored: bool


@dataclass(frozen=True)
class BatchDraw:
    """The crops of a step, squares of `side_px` low-resolution pixels."""

    side_px: int
    crops: tuple[CropDraw, ...]


class Drawer:
    """Draws batches from photographs of these low-resolution (h, w) and procedural squares."""

    def __init__(self, shapes: Sequence[tuple[int, int]], scale: int, recipe: Recipe) -> None:
        self._shapes = list(shapes)
        self._recipe = recipe
        self._drawn_px = recipe.procedural_side_px // scale
        self._bounds = {side: self._bounds_for(side, scale) for _, side, _ in recipe.batches}

    def _bounds_for(self, side_px: int, scale: int) -> npt.NDArray[np.float64]:
        """Return the running sum of how often each photograph is drawn: by its area, never where a crop does not fit."""
        areas = np.array([h * w if min(h, w) >= side_px else 0 for h, w in self._shapes], np.float64)
        if not areas.any() or side_px > self._drawn_px:
            side = side_px * scale
            raise InputError(
                f"No training image is large enough for crops of {side} x {side} pixels.",
                "Add larger photographs, raise procedural_side_px, or use smaller crops.",
            )
        bounds: npt.NDArray[np.float64] = np.cumsum(areas) / areas.sum()
        return bounds

    def draw(self, step: int, progress: float) -> BatchDraw:
        """Return a step's batch; `progress` in 0..1 chooses the share of photographs (start, last third)."""
        recipe = self._recipe
        rng = np.random.default_rng((recipe.seed, step))
        odds = np.array([often for _, _, often in recipe.batches])
        count, side_px, _ = recipe.batches[int(rng.choice(len(odds), p=odds / odds.sum()))]
        share = recipe.photographs[1 if progress >= 2 / 3 else 0]
        return BatchDraw(side_px, tuple(self._crop(rng, rng.random() >= share, side_px) for _ in range(count)))

    def _crop(self, rng: np.random.Generator, is_drawn: bool, side_px: int) -> CropDraw:
        if is_drawn:
            index, (height, width) = int(rng.integers(self._recipe.procedural_pool)), (self._drawn_px, self._drawn_px)
        else:
            index = int(np.searchsorted(self._bounds[side_px], rng.random(), side="right"))
            height, width = self._shapes[index]
        tops, lefts = rng.integers(height - side_px + 1, size=2), rng.integers(width - side_px + 1, size=2)
        places = ((int(tops[0]), int(lefts[0])), (int(tops[1]), int(lefts[1])))
        return CropDraw(index, is_drawn, places, int(rng.integers(4)), bool(rng.random() < 0.5))
