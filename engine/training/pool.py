"""The procedural images that batches are cut from: a fixed number of slots, one of them refilled every few steps.

May import numpy and the other modules of this package; OpenCV comes in only when an image is drawn.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.training.configuration import Recipe

__all__ = ["ProceduralPool"]

Uint8Image = npt.NDArray[np.uint8]


class ProceduralPool:
    """Says which image a slot holds at a step, and makes it: drawn, or taken from `drawn`, images made before."""

    def __init__(self, photographs: Sequence[Uint8Image], recipe: Recipe, drawn: Sequence[Uint8Image] = ()) -> None:
        self._photographs = photographs
        self._recipe = recipe
        side = recipe.procedural_side_px
        # Squares of one size, whatever the folder holds.
        self._drawn = [image[:side, :side] for image in drawn if min(image.shape[:2]) >= side]

    def serial(self, step: int, slot: int) -> int:
        """Return the serial number of the image in a slot; it moves on by the pool's size once per round."""
        size = self._recipe.procedural_pool
        made = step // self._recipe.procedural_refresh_steps
        # Slot j was last refilled at the largest m <= made with m = j modulo the pool.
        return made - (made - slot) % size + size

    def image(self, serial: int) -> Uint8Image:
        """Return the image of a serial number, uint8 (side, side, 3): a function of it, the seed and the photographs."""
        if self._drawn:
            return self._drawn[serial % len(self._drawn)]
        from engine.training.procedural import procedural_image

        return procedural_image(serial, self._photographs, self._recipe.procedural_side_px, self._recipe.seed)
