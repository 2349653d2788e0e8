"""Readings that add up, in bounded room, whoever tells of them and however seldom."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from math import isnan

import pytest

from app.memory.collector import HOST, Collector
from app.memory.readings import History, Reading, TilePeak
from engine.messages import WorkerMemory
from engine.monitor import DeviceUse, MemoryUse, NoGpu, ProcessUse

TOTAL = 1000


def reading(time_s: float, **more: float) -> Reading:
    return Reading(time_s, **{"total": TOTAL, "other": 100, **more})


def host_use(time_s: float, used: int, *processes: ProcessUse) -> MemoryUse:
    return MemoryUse(time_s, TOTAL, used, (), processes, NoGpu("no driver"))


def gpu_use(time_s: float, used: int, *processes: ProcessUse, index: int = 0) -> MemoryUse:
    device = DeviceUse(index, f"GPU {index}", TOTAL, used, 0, f"GPU-{index}", processes)
    return MemoryUse(time_s, 9999, 5000, (device,))


def on_cpu(time_s: float, reserved: int, allocated: int | None = None, process_id: int = 7) -> WorkerMemory:
    return WorkerMemory(time_s, process_id, "cpu", reserved, allocated, 20, 50)


def on_gpu(time_s: float, reserved: int, allocated: int, uuid: str = "GPU-0") -> WorkerMemory:
    return WorkerMemory(time_s, 7, "cuda:0", reserved, allocated, 20, None, uuid)


def test_the_layers_of_a_reading_add_up() -> None:
    seen = reading(1, context=5, weights=10, activations=20, cached=40)
    assert (seen.allocated, seen.reserved, seen.ours) == (30, 70, 75)


def test_a_history_keeps_the_last_readings_in_one_piece() -> None:
    history = History(kept_readings=10, kept_peaks=3)
    for second in range(35):
        history.add(reading(second, other=second))
        history.add_peak(TilePeak(second, second + 1, 5, second))
    assert [each.time_s for each in history] == list(range(25, 35))
    assert [each.number for each in history.peaks] == [32, 33, 34]
    assert list(history.columns()["other"]) == list(range(25, 35))
    assert history.last is not None
    assert (history.last.time_s, history.last.other) == (34, 34)
    history.clear()
    assert (len(history), history.last, history.nearest(30)) == (0, None, None)


def test_a_span_comes_with_its_neighbours_so_that_lines_reach_the_edge() -> None:
    history = History()
    for second in range(10):
        history.add(reading(second))
    assert list(history.columns(3.5, 5.5)["time_s"]) == [3, 4, 5, 6]
    assert list(history.columns(-5, 0.5)["time_s"]) == [0, 1]
    assert list(history.columns(20, 30)["time_s"]) == [9]


def test_moments_are_found() -> None:
    history = History()
    for second in (0, 1, 2, 10):
        history.add(reading(second))
    found = [history.nearest(at) for at in (-4, 1.4, 1.6, 5, 7, 99)]
    assert [each.time_s for each in found if each] == [0, 1, 2, 2, 10, 10]
    beside = [history.beside(1.1, -1), history.beside(1.1, 1), history.beside(0, -1), history.beside(10, 1)]
    assert [each.time_s for each in beside if each] == [0, 2, 0, 10]


def test_time_only_goes_forward() -> None:
    history = History()
    for second in (5, 4, 5, 6):
        history.add(reading(second))
    assert [each.time_s for each in history] == [5, 6]


def test_a_copy_stays_as_it_was() -> None:
    history = History()
    history.add(reading(1))
    history.add_peak(TilePeak(0, 1, 5, 1))
    held = history.copy()
    history.add(reading(2))
    history.clear()
    assert ([each.time_s for each in held], len(held.peaks)) == ([1], 1)


def test_a_long_session_takes_no_more_memory_than_a_short_one() -> None:
    collector = Collector()
    collector.begin_job(0)

    def feed(first: int, last: int) -> None:
        for tick in range(first, last):
            collector.show_worker(on_cpu(tick / 10, 60, 50))
            if tick % 3 == 0:
                collector.show_use(host_use(tick / 10 + 0.01, 400, ProcessUse(7, 110)))
                collector.add_tile_peak(70, tick / 10)

    feed(0, 12_000)
    tracemalloc.start()
    try:
        feed(12_000, 12_100)
        before, _ = tracemalloc.get_traced_memory()
        feed(12_100, 24_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Of the same kind and number as before: rows of one array, and the last peaks.
    assert after - before < 700_000
    assert len(collector.history(HOST)) == 8400
    assert len(collector.history(HOST).peaks) == 2000


def test_a_worker_on_the_processor_is_told_apart_from_others() -> None:
    collector = Collector()
    collector.show_worker(on_cpu(0.9, 60, 45))
    collector.show_use(host_use(1, 400, ProcessUse(7, 110)))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.total, seen.other, seen.context) == (TOTAL, 290, 50)
    assert (seen.weights, seen.activations, seen.cached) == (20, 25, 15)


def test_between_two_looks_others_stay_as_they_were() -> None:
    collector = Collector()
    collector.show_worker(on_cpu(0.9, 60, 45))
    collector.show_use(host_use(1, 400, ProcessUse(7, 110)))
    collector.show_worker(on_cpu(1.1, 300, 280))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.other, seen.activations) == (290, 260)


def test_where_the_c_library_does_not_tell_all_counts_as_used() -> None:
    collector = Collector()
    collector.show_worker(on_cpu(0.9, 60, None))
    collector.show_use(host_use(1, 400))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.weights, seen.activations, seen.cached, seen.other) == (20, 40, 0, 290)


def test_an_idle_worker_is_silent_and_still_seen() -> None:
    collector = Collector()
    collector.show_use(host_use(0, 300))
    collector.show_worker(on_cpu(1, 60, 55))
    collector.show_use(host_use(3, 400, ProcessUse(7, 90)))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.context, seen.weights, seen.activations, seen.cached, seen.other) == (50, 20, 0, 20, 310)
    # It has ended: it is in no look any more.
    collector.show_use(host_use(4, 300))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.ours, seen.other) == (0, 300)


def test_a_worker_without_a_model_is_libraries() -> None:
    collector = Collector()
    collector.show_use(host_use(1, 300, ProcessUse(7, 40)))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.context, seen.reserved, seen.other) == (40, 0, 260)


def test_two_workers_on_one_place_are_added() -> None:
    collector = Collector()
    collector.show_use(host_use(0.5, 400))
    collector.show_worker(on_cpu(0.9, 60, 45))
    collector.show_worker(on_cpu(1.0, 100, 80, process_id=8))
    seen = collector.history(HOST).last
    assert seen is not None
    assert (seen.context, seen.weights, seen.activations, seen.cached) == (100, 40, 85, 35)


def test_on_a_gpu_the_driver_knows_the_context() -> None:
    collector = Collector()
    collector.show_use(gpu_use(1, 500, ProcessUse(7, 160)))
    collector.show_worker(on_gpu(1.1, 100, 70))
    seen = collector.history("GPU-0").last
    assert seen is not None
    assert (seen.context, seen.weights, seen.activations, seen.cached) == (60, 20, 50, 30)
    collector.show_use(gpu_use(1.2, 500, ProcessUse(7, 160)))
    seen = collector.history("GPU-0").last
    assert seen is not None
    assert seen.other == 340
    assert collector.job_key == "GPU-0"


def test_where_the_driver_does_not_tell_whose_memory_it_is_the_context_counts_as_others() -> None:
    collector = Collector()
    collector.show_use(gpu_use(1, 500))
    collector.show_worker(on_gpu(1.1, 100, 70))
    collector.show_use(gpu_use(1.2, 500))
    seen = collector.history("GPU-0").last
    assert seen is not None
    assert (seen.context, seen.reserved, seen.other) == (0, 100, 400)


def test_a_gpu_is_known_by_its_uuid_where_others_are_hidden_from_the_worker() -> None:
    collector = Collector()
    devices = gpu_use(1, 500).devices + gpu_use(1, 300, index=1).devices
    collector.show_use(MemoryUse(1, 9999, 5000, devices))
    collector.show_worker(on_gpu(1.1, 100, 70, uuid="GPU-1"))
    assert collector.job_key == "GPU-1"
    collector.show_plan(5, 6, "cuda:0")
    assert collector.job_key == "GPU-1"
    assert [place.key for place in collector.places] == ["GPU-0", "GPU-1", HOST]


def test_the_plan_and_the_peaks_belong_to_the_place_of_the_job() -> None:
    collector = Collector()
    collector.show_use(host_use(1, 300, ProcessUse(7, 40)))
    collector.show_plan(200, 500, "cpu")
    collector.begin_job(1.5)
    collector.add_tile_peak(180, 2.5)
    collector.show_use(host_use(3, 600, ProcessUse(7, 40)))
    seen = collector.history(HOST).last
    assert seen is not None
    # The limit's height is that of the time when it was planned: 260 of others, 40 of ours, 500.
    assert (seen.predicted, seen.limit, seen.ceiling, seen.other) == (200, 500, 800, 560)
    assert collector.history(HOST).peaks == [TilePeak(1.5, 2.5, 180, 1)]
    assert collector.is_in_job
    collector.end_job()
    collector.show_use(host_use(4, 300))
    seen = collector.history(HOST).last
    assert seen is not None
    assert isnan(seen.predicted)
    assert isnan(seen.ceiling)
    assert not collector.is_in_job


def test_before_the_first_job_the_gpu_is_looked_at_if_it_is_of_use() -> None:
    collector = Collector()
    assert collector.job_key == HOST
    collector.show_use(gpu_use(1, 500))
    assert collector.job_key == "GPU-0"
    collector.show_use(replace(gpu_use(2, 500), no_gpu=NoGpu("cpu build", "GPU 0", True)))
    assert collector.job_key == HOST


@pytest.mark.parametrize(("predicted", "limit"), [(None, 500), (200, None), (None, None)])
def test_what_nobody_foretold_is_unknown(predicted: int | None, limit: int | None) -> None:
    collector = Collector()
    collector.show_use(host_use(1, 300))
    collector.show_plan(predicted, limit, "cpu")
    collector.show_use(host_use(2, 300))
    seen = collector.history(HOST).last
    assert seen is not None
    told = [None if isnan(value) else value for value in (seen.predicted, seen.limit)]
    assert told == [predicted, limit]
    assert isnan(seen.ceiling) == (limit is None)
