"""Which tile a job runs in, and what it will take: arithmetic over a measured cost and a budget.

Imports the standard library, `engine.errors`, `engine.memory.{budget,cost}` and `engine.tiling.geometry`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import OutOfMemoryError
from engine.memory.budget import Budget
from engine.memory.cost import Lesson, MemoryCost
from engine.tiling.geometry import plan_tiles, round_up

# The largest tile that "auto" takes, by device. On a CPU, microseconds of processor time for a pixel that went through the model
# (×2, one thread, best of two rounds there and back), and in brackets for a pixel of a large image, overlap of 32 included:
#
#     tile            128          256          384          480          640          960
#     esc-fast     7.2 (12.8)   9.6 (12.5)   9.4 (11.2)   7.8 (8.9)    9.1 (10.1)   9.4 (10.0)
#     sscan-fast  10.7 (18.9)  14.8 (19.3)  14.4 (17.1)  15.3 (17.5)  15.6 (17.3)  22.4 (24.0)
#     pft-fast    13.7 (24.3)  13.4 (17.5)      -        12.2 (14.0)  14.2 (15.7)  18.3 (19.6)
#
# Beyond 480 nothing is gained, and pictures appear later. `triptych bench memory --tile 128 --tile 256 ...` gives the same in
# wall-clock time. On CUDA the cap is where overlap costs 7 %; it has not been measured.
AUTO_CAP_PX = {"cpu": 480, "mps": 480, "cuda": 960}
# Where the tiles are this large, overlap must not cost more than OVERLAP_SHARE of the image; smaller ones say what they cost.
ROOMY_PX = 480
OVERLAP_SHARE = 0.15
# Below this edge tiled and untiled output may differ by more than the tiling figures allow (`engine.tiling.goals.LEAST_PX`).
LEAST_GOOD_PX = 128
# A tile that ran out of memory once is not planned again, nor one of more than this share of its pixels, ...
SHRINK = 0.5
# ... until so much more memory is free than there was.
MORE_FREE = 1.25

Asked = int | Literal["auto"] | None


@dataclass(frozen=True)
class MemoryPlan:
    """The tile of a job with its predicted peak, and what it was chosen against.

    `tile_px` (None: off) and `overlap_px` are as `plan_tiles` returns them; `tile_height`, `tile_width`: the largest tile that
    comes out of them. `overlap_share`: pixels processed beyond those of the image, ÷ those of the image. `warnings`: sentences.
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
    asked: Asked,
    device_type: str,
    lessons: Sequence[Lesson] = (),
    least_good_px: int = LEAST_GOOD_PX,
) -> MemoryPlan:
    """Returns the tile for an image of height × width input pixels. `asked`: an edge, None for off, or "auto".

    "auto" takes the largest tile that the budget and the lessons allow, up to the device's cap. Below `least_good_px`, from which
    on nobody sees the model's tiles, it goes only where that does not fit the free memory, and with a warning. A size that was
    asked for is taken as long as it fits the free memory, with a warning where it exceeds the budget; beyond the free memory it
    is made smaller, which a warning says. Raises OutOfMemoryError where not even the smallest tile fits the free memory.
    """
    image = _Image(cost, budget, height, width, window_px, round_up(overlap_px, window_px))
    if asked != "auto":
        wanted = image.planned(asked)
        if wanted.predicted_bytes <= budget.limit_bytes:
            return wanted
        if wanted.predicted_bytes <= budget.free_bytes:
            return _with(wanted, _over_budget(wanted))
        cap_px = min(max(wanted.tile_height, wanted.tile_width), AUTO_CAP_PX[device_type])
        chosen = _largest_fitting(image, cap_px, lessons)
        return _with(chosen, f"{_needs(wanted)}: more than is free, so tiles of {chosen.tile_px} pixels are used.")
    cap_px = max(AUTO_CAP_PX[device_type], least_good_px)
    chosen = _good_enough(image, _largest_fitting(image, cap_px, lessons), least_good_px, lessons)
    edge_px = max(chosen.tile_height, chosen.tile_width)
    if edge_px >= max(ROOMY_PX, least_good_px) or edge_px >= min(cap_px, max(height, width)):
        return chosen
    if chosen.overlap_share > OVERLAP_SHARE:
        chosen = _with(
            chosen,
            f"The free memory allows tiles of {chosen.tile_px} pixels only: {chosen.overlap_share:.0%} of the work goes into"
            " their overlap.",
        )
    if edge_px < least_good_px:
        chosen = _with(chosen, f"Tiles of {chosen.tile_px} pixels are so small that their seams may be seen.")
    return chosen


def largest_tile_px(height: int, width: int, asked: Asked, device_type: str, least_good_px: int = LEAST_GOOD_PX) -> int:
    """Returns how many pixels a tile of this image can have at most, whatever the memory allows."""
    edge_px = max(AUTO_CAP_PX[device_type], least_good_px) if asked == "auto" else asked
    return height * width if edge_px is None else min(height, edge_px) * min(width, edge_px)


def smaller_tile(height: int, width: int, *, window_px: int, overlap_px: int) -> int | None:
    """Returns the tile edge to try after a tile of height × width ran out of memory; None where it was the smallest.

    It has at most half the pixels of the tile that failed, also where that was long and narrow.
    """
    overlap_px = round_up(overlap_px, window_px)
    least_px = overlap_px + window_px
    longest_px = max(height, width)
    edge_px = math.isqrt(round(height * width * SHRINK))
    # A tile that is long and narrow is cut along its long side first.
    if min(height, width) < edge_px:
        edge_px = round(longest_px * SHRINK)
    edge_px = max(edge_px // window_px * window_px, least_px)
    return edge_px if edge_px < longest_px else None


@dataclass(frozen=True)
class _Image:
    """One image under one cost and budget: answers what each tile size would mean."""

    cost: MemoryCost
    budget: Budget
    height: int
    width: int
    window_px: int
    overlap_px: int

    def planned(self, tile_px: int | None) -> MemoryPlan:
        """Returns the plan with this tile size, whether it fits or not."""
        rows, rows_px, tile_px = self._axis(self.height, tile_px)
        columns, columns_px, tile_px = self._axis(self.width, tile_px)
        return MemoryPlan(
            tile_px=tile_px,
            overlap_px=self.overlap_px,
            tile_height=rows,
            tile_width=columns,
            predicted_bytes=self.cost.peak_bytes(rows, columns),
            budget_bytes=self.budget.limit_bytes,
            free_bytes=self.budget.free_bytes,
            overlap_share=rows_px * columns_px / (self.height * self.width) - 1,
        )

    def _axis(self, length: int, tile_px: int | None) -> tuple[int, int, int | None]:
        """Returns the longest tile of an axis, the sum of its tiles, and the tile size rounded."""
        # An image one pixel wide has the tiles of this axis alone.
        tiles = plan_tiles(length, 1, tile_px=tile_px, overlap_px=self.overlap_px, window_px=self.window_px)
        return max(tile.height for tile in tiles.tiles), sum(tile.height for tile in tiles.tiles), tiles.tile_px


def _largest_fitting(image: _Image, cap_px: int, lessons: Sequence[Lesson]) -> MemoryPlan:
    least_px = image.overlap_px + image.window_px
    # No tile is larger than the image, padded to whole windows.
    cap_px = min(cap_px, round_up(max(image.height, image.width), image.window_px))
    count = max((cap_px - least_px) // image.window_px, 0)

    def planned(step: int) -> MemoryPlan:
        return image.planned(least_px + step * image.window_px)

    def fits(candidate: MemoryPlan) -> bool:
        pixels = candidate.tile_height * candidate.tile_width
        return candidate.predicted_bytes <= image.budget.limit_bytes and pixels <= _most_pixels(lessons, image.budget)

    smallest = planned(0)
    if smallest.predicted_bytes > image.budget.free_bytes:
        raise OutOfMemoryError(
            f"{_needs(smallest)}, the smallest there are, and {_gib(image.budget.free_bytes)} is free.",
            "Close other programs, choose a smaller model (its name ends in -fast), or --device cpu where that is not yet so.",
        )
    if not fits(smallest):
        # Nothing smaller can be tried: better to begin, with the rest of the memory for the system, than to refuse.
        return (
            _with(smallest, _over_budget(smallest)) if smallest.predicted_bytes > image.budget.limit_bytes else smallest
        )
    return planned(_last_true(count, lambda step: fits(planned(step))))


def _good_enough(image: _Image, chosen: MemoryPlan, least_good_px: int, lessons: Sequence[Lesson]) -> MemoryPlan:
    """Returns the chosen plan, or that with the least good tile where it is smaller: what is free bears more than the budget."""
    wanted = image.planned(round_up(least_good_px, image.window_px))
    pixels = wanted.tile_height * wanted.tile_width
    if (
        pixels <= chosen.tile_height * chosen.tile_width
        or wanted.predicted_bytes > image.budget.free_bytes
        or pixels > _most_pixels(lessons, image.budget)
    ):
        return chosen
    return _with(wanted, _over_budget(wanted))


def _last_true(last: int, holds: Callable[[int], bool]) -> int:
    """Returns the largest of 0..last that holds, where all below it hold too and 0 does."""
    if holds(last):
        return last
    low, high = 0, last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _most_pixels(lessons: Sequence[Lesson], budget: Budget) -> float:
    """Returns how many pixels a tile may have after what was learned with about as little memory."""
    failed = (lesson.height * lesson.width for lesson in lessons if budget.free_bytes < lesson.free_bytes * MORE_FREE)
    return min((pixels * SHRINK for pixels in failed), default=math.inf)


def _with(chosen: MemoryPlan, warning: str) -> MemoryPlan:
    return replace(chosen, warnings=(*chosen.warnings, warning))


def _over_budget(chosen: MemoryPlan) -> str:
    return f"{_needs(chosen)}, more than the {_gib(chosen.budget_bytes)} that leave enough to other programs."


def _needs(chosen: MemoryPlan) -> str:
    what = "The whole image at once" if chosen.tile_px is None else f"Tiles of {chosen.tile_px} pixels"
    return f"{what} would take {_gib(chosen.predicted_bytes)}"


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB" if size_bytes >= 2**30 else f"{size_bytes / 2**20:.0f} MiB"
