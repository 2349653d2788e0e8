"""Peaks are those of the work measured, whatever the process did before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.memory.allocator import starting_environment
from engine.memory.cost import FAR_PX
from engine.memory.probe import PeakMemory, measure_cost, private_bytes, release_freed

MIB = 2**20
ROOT = Path(__file__).parents[3]


def test_a_peak_is_seen_although_it_is_gone_at_the_end() -> None:
    release_freed()
    base = private_bytes()
    with PeakMemory("cpu", base, interval_s=0.001) as memory:
        for _ in range(20):
            np.ones(64 * MIB, np.uint8)
    assert 50 * MIB < memory.peak_bytes < 120 * MIB


def test_nothing_done_is_no_peak() -> None:
    release_freed()
    with PeakMemory("cpu", private_bytes()) as memory:
        pass
    assert memory.peak_bytes < 8 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's behaviour")
def test_memory_freed_in_small_pieces_goes_back() -> None:
    release_freed()
    before = private_bytes()
    pieces = [bytes(100_000) for _ in range(2000)]
    assert private_bytes() - before > 100 * MIB
    del pieces
    release_freed()
    assert private_bytes() - before < 20 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="reads and clears the kernel's mark")
def test_a_peak_between_two_samples_is_seen() -> None:
    release_freed()
    with PeakMemory("cpu", private_bytes(), interval_s=1000) as memory:
        np.ones(64 * MIB, np.uint8)
    assert 60 * MIB < memory.peak_bytes < 80 * MIB


def test_where_the_mark_cannot_be_cleared_it_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.memory.probe._CLEAR", Path("/nowhere/clear_refs"))
    release_freed()
    base = private_bytes()
    with PeakMemory("cpu", base, interval_s=0.001) as memory:
        kept = [np.ones(64 * MIB, np.uint8)]
    assert 60 * MIB < memory.peak_bytes < 80 * MIB
    assert len(kept) == 1


def test_a_measurement_within_another_disturbs_neither() -> None:
    release_freed()
    base = private_bytes()
    with PeakMemory("cpu", base) as outer:
        np.ones(96 * MIB, np.uint8)
        with PeakMemory("cpu", base) as inner:
            np.ones(32 * MIB, np.uint8)
    assert 30 * MIB < inner.peak_bytes < 48 * MIB
    assert 90 * MIB < outer.peak_bytes < 112 * MIB


class FakeCuda:
    """Counts what is reserved as torch.cuda does, with a peak that can be begun anew."""

    def __init__(self) -> None:
        self.reserved = self.peak = 0

    def take(self, size_bytes: int) -> None:
        """Reserves so much more, at most 500 MiB in all."""
        self.reserved += size_bytes
        self.peak = max(self.peak, self.reserved)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Puts itself in torch.cuda's place."""
        import torch

        def reset(_device: str) -> None:
            self.peak = self.reserved

        def empty() -> None:
            self.reserved = 10 * MIB

        monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset)
        monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _device: self.peak)
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _device: self.reserved)
        monkeypatch.setattr(torch.cuda, "empty_cache", empty)


def test_cuda_measurements_lie_within_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda()
    cuda.install(monkeypatch)
    with PeakMemory("cuda:0", 0) as outer:
        cuda.take(90 * MIB)
        cuda.reserved = 0
        with PeakMemory("cuda:0", 0) as inner:
            cuda.take(30 * MIB)
    assert (inner.peak_bytes, outer.peak_bytes) == (30 * MIB, 90 * MIB)


def test_the_cost_on_cuda_is_the_line_through_two_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda()
    cuda.install(monkeypatch)
    cost = measure_cost(lambda height, width: cuda.take(20 * MIB + 1000 * height * width), "cuda:0", 0, 16)
    assert cost.bytes_per_px == pytest.approx(1000)
    # 10 MiB of weights, 20 MiB for whatever the size.
    assert cost.peak_bytes(960, 960) == pytest.approx(30 * MIB + 1000 * 960 * 960, rel=1e-3)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's behaviour")
@pytest.mark.parametrize(("needed_px", "largest"), [(100 * 100, 128), (200 * 200, 256), (FAR_PX, 480)])
def test_the_cost_on_a_cpu_foresees_a_larger_tile(
    needed_px: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is just now: what a slow model is spared is the next test.
    monkeypatch.setattr("engine.memory.probe.time.process_time", lambda: 0.0)
    sizes = []

    def run_tile(height: int, width: int) -> None:
        sizes.append(height)
        # 12 MiB whatever the size, and two planes of 1600 bytes a pixel at a time.
        scratch = np.ones(12 * MIB, np.uint8)
        planes = [np.ones(1600 * height * width, np.uint8) for _ in range(2)]
        del scratch, planes

    release_freed()
    base = private_bytes()
    cost = measure_cost(run_tile, "cpu", base, 16, needed_px)
    assert max(sizes) == largest
    assert (cost.reach_px < FAR_PX) == (needed_px < FAR_PX)
    edge = largest * 9 // 8 // 16 * 16
    with PeakMemory("cpu", base) as memory:
        run_tile(edge, edge)
    assert cost.peak_bytes(edge, edge) == pytest.approx(memory.peak_bytes, rel=0.1)


def test_a_slow_model_is_probed_with_small_tiles_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 10_000, 100))
    monkeypatch.setattr("engine.memory.probe.time.process_time", lambda: next(seconds))
    sizes = []
    cost = measure_cost(lambda height, _width: sizes.append(height), "cpu", private_bytes(), 16)
    assert max(sizes) == 128
    assert cost.reach_px == FAR_PX


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's variable")
def test_the_environment_of_a_worker_is_set_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    with starting_environment():
        assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.check=0:glibc.malloc.tcache_count=0"
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.check=0"
    monkeypatch.delenv("GLIBC_TUNABLES")
    with starting_environment():
        assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.tcache_count=0"
    assert "GLIBC_TUNABLES" not in os.environ


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's behaviour")
def test_large_blocks_go_back_when_they_are_freed() -> None:
    code = (
        "from engine.memory.allocator import prepare_allocator\n"
        "prepare_allocator()\n"
        "import numpy as np\n"
        "from engine.memory.probe import private_bytes\n"
        "before = private_bytes()\n"
        "blocks = [np.ones(8 << 20, np.uint8) for _ in range(8)]\n"
        "assert private_bytes() - before > 60 << 20\n"
        "del blocks[:7]\n"
        "print(private_bytes() - before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, cwd=ROOT
    )
    assert int(result.stdout) < 16 * MIB
