"""Forecasts: probes once, the store between processes, budgets read anew, and a CUDA device that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import OutOfMemoryError
from engine.memory.cost import FAR_PX, CostKey, CostStore, MemoryCost
from engine.memory.forecast import Forecast
from engine.memory.planner import MemoryPlan

MIB, GIB = 2**20, 2**30
KEY = CostKey("cd" * 32, 2, "fp16", "auto", "Fake GPU sm9.0", 1, False, 3, "0.1.0")
COST = MemoryCost(((0, 100 * MIB),), 2000.0, 16)


class Device:
    """A CUDA device of 8 GiB with so much free, and probes that are counted."""

    def __init__(self, folder: Path, free: int = 6 * GIB) -> None:
        self.free = free
        self.held = 0
        self.probed: list[int] = []
        self._folder = folder

    def measure(self, needed_px: int) -> MemoryCost:
        self.probed.append(needed_px)
        return COST if needed_px > 25_000 else MemoryCost(COST.knots, COST.bytes_per_px, 16, 25_000)

    def forecast(self, device: str = "cuda:0", sharers: int = 1) -> Forecast:
        return Forecast(
            KEY,
            self.measure,
            device,
            lambda: self.held,
            lambda _: (self.free, 8 * GIB),
            sharers,
            CostStore(self._folder),
        )


@pytest.fixture
def gpu(tmp_path: Path) -> Device:
    return Device(tmp_path)


def plan_of(forecast: Forecast, height: int = 4000, width: int = 4000) -> MemoryPlan:
    return forecast.plan(height, width, window_px=16, overlap_px=32, asked="auto")


def test_probes_run_once_and_the_next_process_reads_them(gpu: Device) -> None:
    forecast = gpu.forecast()
    first = plan_of(forecast)
    plan_of(forecast)
    assert gpu.forecast().cost() == COST
    assert plan_of(gpu.forecast()) == first
    assert len(gpu.probed) == 1


def test_small_images_need_small_probes_only(gpu: Device) -> None:
    plan_of(gpu.forecast(), 100, 120)
    assert gpu.probed == [12_000]
    plan_of(gpu.forecast(), 90, 90)
    assert gpu.probed == [12_000]
    plan_of(gpu.forecast())
    assert gpu.probed == [12_000, 960 * 960]
    gpu.forecast().cost(FAR_PX)
    assert len(gpu.probed) == 2


def test_the_budget_is_read_before_each_plan(gpu: Device) -> None:
    forecast = gpu.forecast()
    assert plan_of(forecast).tile_px == 960
    gpu.free = GIB
    small = plan_of(forecast)
    assert small.tile_px is not None
    assert small.tile_px < 480
    assert small.predicted_bytes <= small.budget_bytes == round(GIB * 0.9) - 512 * MIB


def test_what_torch_has_reserved_counts_as_free_to_it(gpu: Device) -> None:
    gpu.free, gpu.held = GIB, 5 * GIB
    assert plan_of(gpu.forecast()).tile_px == 960


def test_workers_on_one_device_share_it(gpu: Device) -> None:
    gpu.free = 4 * GIB
    assert plan_of(gpu.forecast(sharers=2)).budget_bytes == (round(4 * GIB * 0.9) - 512 * MIB) // 2


def test_running_out_is_remembered_with_what_was_free(gpu: Device) -> None:
    forecast = gpu.forecast()
    assert plan_of(forecast).tile_px == 960
    # Another program took it meanwhile: what counts is what was free when the tile was chosen.
    gpu.free = GIB // 2
    forecast.ran_out(960, 960)
    gpu.free = 6 * GIB
    chosen = plan_of(gpu.forecast())
    assert chosen.tile_height * chosen.tile_width <= 960 * 960 // 2
    gpu.free = 8 * GIB
    assert plan_of(gpu.forecast()).tile_px == 960


def test_a_wrong_prediction_is_corrected_by_the_run(gpu: Device) -> None:
    forecast = gpu.forecast()
    predicted = plan_of(forecast).predicted_bytes
    forecast.finished(960, 960, 3 * predicted)
    assert plan_of(forecast).predicted_bytes <= 3 * predicted
    assert gpu.forecast().predicted_bytes(960, 960) == 3 * predicted
    assert len(gpu.probed) == 1


def test_no_room_at_all_is_a_sentence(gpu: Device) -> None:
    gpu.free = 50 * MIB
    with pytest.raises(OutOfMemoryError, match="50 MiB is free"):
        plan_of(gpu.forecast())


def test_the_host_is_read_for_the_cpu(gpu: Device) -> None:
    gpu.free = 0
    assert plan_of(gpu.forecast("cpu")).free_bytes > 0
