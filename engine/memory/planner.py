"""Which tile a job runs in, and what it will take: pure arithmetic over a measured cost and a budget.

Imports the standard library, `engine.errors`, `engine.memory.{budget,cost}` and `engine.tiling.geometry`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.memory.budget import Budget
from engine.memory.cost import Lesson, MemoryCost


@dataclass(frozen=True)
class MemoryPlan:
    """The tile of a job (None: off) with its predicted peak, and what it was chosen against.

    `tile_px` and `overlap_px` are as `plan_tiles` takes and returns them; `tile_height`, `tile_width`: the largest tile that comes out.
    `overlap_share`: pixels processed beyond those of the image, as a share of the image. `warnings`: sentences.
    """

    tile_px: int | None
    overlap_px: int
    tile_height: int
    tile_width: int
    predicted_bytes: int
    budget_bytes: int
    free_bytes: int
    overlap_share: float
    warnings: tuple[str, ...] = ()


def plan(
    cost: MemoryCost,
    budget: Budget,
    height: int,
    width: int,
    *,
    window_px: int,
    overlap_px: int,
    asked: int | None | Literal["auto"],
    device_type: str,
    lessons: Sequence[Lesson] = (),
) -> MemoryPlan:
    """Returns the tile for an image of height × width input pixels. `asked`: an edge, None for off, or "auto".

    Raises WorkerError where not even the smallest tile fits.
    """
    raise NotImplementedError


def smaller_tile(height: int, width: int, *, window_px: int, overlap_px: int) -> int | None:
    """Returns the tile edge to try after a tile of height × width ran out of memory: about half the pixels; None at the smallest."""
    raise NotImplementedError
