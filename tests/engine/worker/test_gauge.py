"""What a worker tells of its memory: layers that add up, and beats that carry them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from engine.memory.probe import private_bytes
from engine.messages import Heartbeat, WorkerMemory
from engine.worker.gauge import Gauge, Loaded, heap_in_use_bytes
from engine.worker.heartbeat import Pulse

MIB = 2**20
needs_glibc = pytest.mark.skipif(heap_in_use_bytes() is None, reason="needs mallinfo2 of glibc")


def test_without_a_model_there_is_nothing_to_tell() -> None:
    assert Gauge().read() is None


@needs_glibc
def test_blocks_that_are_handed_out_are_counted() -> None:
    before = heap_in_use_bytes()
    block = bytearray(40 * MIB)
    during = heap_in_use_bytes()
    assert before is not None
    assert during is not None
    assert 40 * MIB <= during - before < 42 * MIB
    del block
    after = heap_in_use_bytes()
    assert after is not None
    assert abs(after - before) < 2 * MIB


def test_the_layers_of_a_worker_on_the_processor_add_up() -> None:
    gauge = Gauge()
    base, heap = private_bytes(), heap_in_use_bytes()
    gauge.loaded = Loaded("cpu", 8 * MIB, base, heap)
    # Written to, hence resident: the weights and what is computed with.
    tensors = bytes(range(256)) * (40 * MIB // 256)
    told = gauge.read()
    assert told is not None
    assert (told.process_id, told.device, told.context_bytes, told.weights_bytes) == (os.getpid(), "cpu", base, 8 * MIB)
    assert told.reserved_bytes == pytest.approx(len(tensors), abs=4 * MIB)
    assert abs(told.time_s - time.monotonic()) < 5
    if heap is not None:
        assert told.allocated_bytes == pytest.approx(len(tensors), abs=4 * MIB)
        assert told.allocated_bytes <= told.reserved_bytes


@needs_glibc
def test_what_was_handed_out_but_never_written_to_is_not_told_as_held() -> None:
    gauge = Gauge()
    gauge.loaded = Loaded("cpu", 500 * MIB, private_bytes(), heap_in_use_bytes())
    untouched = np.empty(200 * MIB, np.uint8)
    told = gauge.read()
    assert told is not None
    assert told.allocated_bytes is not None
    assert told.weights_bytes <= told.allocated_bytes <= told.reserved_bytes < 100 * MIB
    del untouched


READS = """
import sys
from engine.worker.gauge import Gauge, Loaded, heap_in_use_bytes
gauge = Gauge()
gauge.loaded = Loaded("cpu", 0, 0, heap_in_use_bytes())
gauge.read()
opened = []
sys.addaudithook(lambda event, arguments: opened.append(arguments[0]) if event == "open" else None)
gauge.read()
print(*opened)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the figures are of /proc")
def test_a_reading_walks_no_pages() -> None:
    """Ten times a second in a process of gigabytes: the kernel's counters are read, never smaps, for which it walks all pages."""
    told = subprocess.run([sys.executable, "-c", READS], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.split() == ["/proc/self/status"]


def test_a_device_that_does_not_answer_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def fail(_device: str) -> None:
        raise RuntimeError("unspecified launch failure")

    monkeypatch.setattr(torch.cuda, "memory_stats_as_nested_dict", fail)
    gauge = Gauge()
    gauge.loaded = Loaded("cuda:0", 1, 0)
    assert gauge.read() is None


def test_on_a_gpu_torch_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    figures = {"reserved_bytes": {"all": {"current": 900}}, "allocated_bytes": {"all": {"current": 700}}}
    monkeypatch.setattr(torch.cuda, "memory_stats_as_nested_dict", lambda _device: figures)
    gauge = Gauge()
    gauge.loaded = Loaded("cuda:0", 100, 0, None, "GPU-1")
    told = gauge.read()
    assert told is not None
    assert (told.reserved_bytes, told.allocated_bytes, told.weights_bytes) == (900, 700, 100)
    assert (told.context_bytes, told.device_uuid) == (None, "GPU-1")


def test_a_beat_carries_what_was_read() -> None:
    memory = WorkerMemory(1.0, 2, "cpu", 30, 20, 10, 5)
    heard: list[Heartbeat] = []
    beaten = threading.Event()

    def send(beat: Heartbeat) -> None:
        heard.append(beat)
        beaten.set()

    with Pulse(send, lambda: memory).doing("computing"):
        assert beaten.wait(10)
    assert heard[0] == Heartbeat(-1, "computing", memory)
