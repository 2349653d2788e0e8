"""What errors mean, judged by their type and by what the device still does; smaller pieces; heartbeats."""

from __future__ import annotations

import gc
import threading
import weakref
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.errors import HostMemoryError, OutOfMemoryError
from engine.messages import Heartbeat
from engine.tiling.geometry import Box
from engine.worker import faults
from engine.worker.heartbeat import Pulse
from engine.worker.work import CanvasWork


class DriverError(RuntimeError):
    """Stands for torch.AcceleratorError, which cannot be made without a device."""


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("x"), MemoryError(), np._core._exceptions._ArrayMemoryError((1,), np.dtype("u1"))]
)
def test_errors_of_allocators_mean_that_memory_ran_out(error: Exception, device: str) -> None:
    assert faults.is_out_of_memory(error, device)
    assert not faults.leaves_ruins(error)


def test_a_plain_error_means_it_where_what_is_needed_cannot_be_had() -> None:
    error = RuntimeError("whatever the text says: out of memory")
    assert not faults.is_out_of_memory(error, "cpu", 1)
    # More than any address space has.
    assert faults.is_out_of_memory(error, "cpu", 2**62)
    # On CUDA this is memory of the device, which says so by a type of its own.
    assert not faults.is_out_of_memory(error, "cuda:0", 2**62)
    for other in (DriverError(), RecursionError(), NotImplementedError(), ValueError()):
        assert not faults.is_out_of_memory(other, "cpu", 2**62)
        assert not faults.leaves_ruins(other)
    assert faults.leaves_ruins(error)


def test_a_context_is_lost_where_waiting_for_the_device_fails_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(device: str) -> None:
        raise DriverError

    monkeypatch.setattr(torch.cuda, "synchronize", broken)
    assert faults.is_context_lost(DriverError(), "cuda:0")
    assert not faults.is_context_lost(ValueError(), "cuda:0")
    assert not faults.is_context_lost(DriverError(), "cpu")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert not faults.is_context_lost(DriverError(), "cuda:0")


def test_giving_back_frees_what_the_frames_of_an_error_and_of_its_causes_hold() -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def fail() -> None:
        tensor = torch.empty(1000)
        held.append(weakref.ref(tensor))
        raise MemoryError

    def fail_again() -> None:
        tensor = torch.empty(1000)
        held.append(weakref.ref(tensor))
        try:
            fail()
        except MemoryError as error:
            raise RuntimeError from error

    try:
        fail_again()
    except RuntimeError as error:
        gc.collect()
        assert all(reference() is not None for reference in held)
        faults.give_back(error, "cpu")
        assert all(reference() is None for reference in held)


class FakeForecast:
    def __init__(self) -> None:
        self.lessons: list[tuple[int, int]] = []

    def ran_out(self, height: int, width: int) -> None:
        self.lessons.append((height, width))

    def predicted_bytes(self, height: int, width: int) -> int:
        return height * width


def work_on(device: str) -> tuple[CanvasWork, FakeForecast]:
    work = CanvasWork.__new__(CanvasWork)
    forecast = FakeForecast()
    work.__dict__.update(
        _session=SimpleNamespace(device=device, info=SimpleNamespace(window_px=16)),
        _plan=SimpleNamespace(overlap_px=32),
        _forecast=forecast,
    )
    return work, forecast


def test_on_cuda_a_tile_is_cut_smaller_and_smaller_until_it_fits() -> None:
    work, forecast = work_on("cuda:0")
    tried: list[int | None] = []

    def run(limit_px: int | None) -> np.ndarray:
        tried.append(limit_px)
        if limit_px is None or limit_px > 100:
            raise torch.OutOfMemoryError
        return np.zeros(1, np.float32)

    assert work._fitting(Box(0, 0, 480, 320), None, run)[1] == tried[-1]
    edges = [limit_px for limit_px in tried if limit_px is not None]
    assert tried[0] is None
    # At most half the pixels each time, so that the tries are few.
    assert edges[0] ** 2 <= 480 * 320 / 2
    assert all(smaller**2 <= larger**2 / 2 for larger, smaller in pairwise(edges))
    assert forecast.lessons == [(480, 320), *((edge, edge) for edge in edges[:-1])]

    def never(limit_px: int | None) -> np.ndarray:
        raise torch.OutOfMemoryError

    with pytest.raises(OutOfMemoryError, match="not enough memory for even a small piece of a tile of 320 × 480 px"):
        work._fitting(Box(0, 0, 480, 320), None, never)


def test_on_the_cpu_a_new_process_goes_on_with_smaller_pieces() -> None:
    work, forecast = work_on("cpu")

    def run(limit_px: int | None) -> np.ndarray:
        raise MemoryError

    with pytest.raises(HostMemoryError, match="320 × 480 pixels"):
        work._fitting(Box(0, 0, 480, 320), None, run)
    assert forecast.lessons == [(480, 320)]


def test_no_heartbeat_follows_the_end_of_its_work() -> None:
    said: list[str] = []
    beaten = threading.Event()

    def send(beat: Heartbeat) -> None:
        said.append(beat.activity)
        beaten.set()

    pulse = Pulse(send)
    for activity in ("loading", "computing") * 3:
        beaten.clear()
        with pulse.doing(activity):
            beaten.wait()
            with pulse.doing(activity):
                pass
            said.append("still")
        said.append("over")
    words = " ".join(said).split("over")
    assert len(words) == 7
    assert all(set(word.split()) <= {("loading", "computing")[n % 2], "still"} for n, word in enumerate(words))
    assert words[-1].strip() == ""
