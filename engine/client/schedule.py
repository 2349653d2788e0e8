"""Which tile or seam is next: tiles in the order of the plan, those in view first, seams as soon as all their tiles are there.

Imports `engine.tiling.geometry`. Knows no processes: whoever takes a task says later that it is finished, or puts it back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from engine.tiling.geometry import Box, TilePlan


@dataclass(frozen=True)
class Task:
    """A tile (index into `plan.tiles`) to compute, or a seam (index into `plan.regions`) to blend."""

    kind: Literal["tile", "seam"]
    index: int


class Schedule:
    """The tasks of one plan that are left, handed out one at a time.

    `tiles`, `seams`: what is recorded already. The order of the tasks changes no pixel: a tile writes its own core and
    margins, and a seam is blended from the margins alone.
    """

    def __init__(self, plan: TilePlan, tiles: Iterable[int] = (), seams: Iterable[int] = ()) -> None:
        self._plan = plan
        self._done_tiles = set(tiles)
        self._done_seams = set(seams)
        self._waiting_tiles = [index for index in range(len(plan.tiles)) if index not in self._done_tiles]
        heapq.heapify(self._waiting_tiles)
        self._missing = {
            index: {tile for tile in plan.regions[index].tiles if tile not in self._done_tiles}
            for index in plan.seams
            if index not in self._done_seams
        }
        self._ready_seams = [index for index, missing in self._missing.items() if not missing]
        heapq.heapify(self._ready_seams)
        self._lr_view: Box | None = None

    @property
    def tiles_done(self) -> int:
        """Tiles that are recorded."""
        return len(self._done_tiles)

    @property
    def is_done(self) -> bool:
        """Whether every tile and every seam is recorded."""
        return len(self._done_tiles) == len(self._plan.tiles) and len(self._done_seams) == len(self._plan.seams)

    @property
    def has_work(self) -> bool:
        """Whether `take` would return a task."""
        return bool(self._ready_seams or self._waiting_tiles)

    def look_at(self, lr_view: Box | None) -> None:
        """Says which part of the image (input pixels) is being looked at: its tiles come first."""
        self._lr_view = lr_view

    def take(self) -> Task | None:
        """Returns the next task, or None where all that is left is taken or waits for what is taken."""
        # A seam takes next to nothing and completes what is on the screen.
        if self._ready_seams:
            return Task("seam", heapq.heappop(self._ready_seams))
        if not self._waiting_tiles:
            return None
        index = self._in_view()
        if index is None:
            return Task("tile", heapq.heappop(self._waiting_tiles))
        self._waiting_tiles.remove(index)
        heapq.heapify(self._waiting_tiles)
        return Task("tile", index)

    def finish(self, task: Task) -> None:
        """Says that a task that was taken is recorded."""
        if task.kind == "seam":
            self._done_seams.add(task.index)
            return
        self._done_tiles.add(task.index)
        for seam in self._plan.seams_of[task.index]:
            missing = self._missing.get(seam)
            if missing:
                missing.discard(task.index)
                if not missing:
                    heapq.heappush(self._ready_seams, seam)

    def put_back(self, task: Task) -> None:
        """Says that a task that was taken came to nothing: it is handed out again."""
        heapq.heappush(self._ready_seams if task.kind == "seam" else self._waiting_tiles, task.index)

    def _in_view(self) -> int | None:
        view = self._lr_view
        if view is None:
            return None
        tiles = self._plan.tiles
        return min((index for index in self._waiting_tiles if _overlap(tiles[index], view)), default=None)


def _overlap(one: Box, other: Box) -> bool:
    return one.top < other.bottom and other.top < one.bottom and one.left < other.right and other.left < one.right
