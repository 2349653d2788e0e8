"""What the runs of one session will take: costs from the store or from probes, plans against the free memory, lessons kept.

Imports `engine.memory.{budget,cost,planner}`.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.memory.budget import Budget, MemGetInfo, budget_of, free_bytes
from engine.memory.cost import FAR_PX, CostKey, CostStore, Lesson, MemoryCost, Peak
from engine.memory.planner import LEAST_GOOD_PX, Asked, MemoryPlan, largest_tile_px, plan


class Forecast:
    """Plans the jobs of one `key`.

    `measure` runs the probes for tiles of so many pixels, where the store knows no cost for them. `held_bytes` answers what the
    session itself holds at the moment (above the process without a model; on CUDA what torch has reserved). `sharers`: workers
    on the same memory.
    """

    def __init__(
        self,
        key: CostKey,
        measure: Callable[[int], MemoryCost],
        device: str,
        held_bytes: Callable[[], int],
        mem_get_info: MemGetInfo | None = None,
        sharers: int = 1,
        store: CostStore | None = None,
    ) -> None:
        self._key = key
        self._measure = measure
        self._device = device
        self._held_bytes = held_bytes
        self._mem_get_info = mem_get_info
        self._sharers = sharers
        self._store = store or CostStore()
        self._cost: MemoryCost | None = None
        self._planned_free_bytes: int | None = None

    def cost(self, needed_px: int = FAR_PX) -> MemoryCost:
        """Returns the cost, good for tiles of `needed_px` pixels: what is known here, else in the store, else measured now."""
        if self._cost is None:
            self._cost = self._store.read(self._key).cost
        if self._cost is None or self._cost.reach_px < needed_px:
            self._cost = self._measure(needed_px)
            self._store.keep_cost(self._key, self._cost)
        return self._cost

    def plan(
        self,
        height: int,
        width: int,
        *,
        window_px: int,
        overlap_px: int,
        asked: Asked,
        least_good_px: int = LEAST_GOOD_PX,
    ) -> MemoryPlan:
        """Returns the plan for an image of height × width input pixels, against the memory that is free now.

        Raises OutOfMemoryError where not even the smallest tile fits.
        """
        device_type = self._device.partition(":")[0]
        cost = self.cost(largest_tile_px(height, width, asked, device_type, least_good_px))
        budget = self._budget()
        self._planned_free_bytes = budget.free_bytes
        return plan(
            cost,
            budget,
            height,
            width,
            window_px=window_px,
            overlap_px=overlap_px,
            asked=asked,
            device_type=device_type,
            lessons=self._store.read(self._key).lessons,
            least_good_px=least_good_px,
        )

    def predicted_bytes(self, height: int, width: int) -> int:
        """Returns the predicted peak of one tile of height × width input pixels."""
        return self.cost(0).peak_bytes(height, width)

    def finished(self, tile_height: int, tile_width: int, peak_bytes: int) -> None:
        """Keeps the peak of a whole run whose largest tile was tile_height × tile_width; the next prediction follows it."""
        self._store.keep_peak(self._key, Peak(tile_height, tile_width, peak_bytes))
        self._cost = self._store.read(self._key).cost

    def ran_out(self, tile_height: int, tile_width: int) -> None:
        """Keeps that a tile ran out of memory, with what had been free when the job was planned."""
        free = self._budget().free_bytes if self._planned_free_bytes is None else self._planned_free_bytes
        self._store.keep_lesson(self._key, Lesson(tile_height, tile_width, free))

    def _budget(self) -> Budget:
        return budget_of(free_bytes(self._device, self._mem_get_info), self._held_bytes(), self._sharers)
