"""Reads what the worker holds while it computes, for the heartbeat: reserved, allocated, weights, and what lies beneath.

Imports the standard library and the plain modules of `engine`; torch only once a model lies on a GPU, and then it is loaded.
Called from the heartbeat's thread; whoever loads and drops models tells it with one assignment.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.memory.probe import private_bytes
from engine.messages import WorkerMemory


@dataclass(frozen=True)
class Loaded:
    """A model that was loaded: where, how large its weights are, and what the process held before (`heap_bytes`: of malloc)."""

    device: str
    weights_bytes: int
    base_bytes: int
    base_heap_bytes: int | None = None
    device_uuid: str = ""


class Gauge:
    """Reads the memory of this process. `loaded`: the model that is there, None: none, and then there is nothing to tell."""

    def __init__(self) -> None:
        self.loaded: Loaded | None = None

    def read(self) -> WorkerMemory | None:
        """Returns what is held now; None where no model is loaded, or the device does not answer."""
        loaded = self.loaded
        if loaded is None:
            return None
        # A device that failed is told of by the thread that computes.
        with contextlib.suppress(OSError, RuntimeError):
            return _of_cuda(loaded) if loaded.device.startswith("cuda") else _of_host(loaded)
        return None


def heap_in_use_bytes() -> int | None:
    """Returns what malloc has handed out in this process and not got back; None where the C library is not glibc 2.33 or later.

    It walks the free pieces: 0.3 ms in a worker with a model, so 0.3 % of a core at ten times a second.
    """
    mallinfo2 = _mallinfo2()
    if mallinfo2 is None:
        return None
    info = mallinfo2()
    return int(info.uordblks + info.hblkhd)


class _MallInfo2(ctypes.Structure):
    """The struct of mallinfo2(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    )  # fmt: skip


@functools.cache
def _mallinfo2() -> Callable[[], Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    with contextlib.suppress(OSError, AttributeError):
        function = ctypes.CDLL(None).mallinfo2
        function.restype = _MallInfo2
        function.argtypes = ()
        return function
    return None


def _of_host(loaded: Loaded) -> WorkerMemory:
    reserved_bytes = max(private_bytes() - loaded.base_bytes, 0)
    in_use_bytes = heap_in_use_bytes()
    allocated_bytes = None
    if in_use_bytes is not None and loaded.base_heap_bytes is not None:
        # What was handed out but never written to is not resident, so it may seem more than there is.
        allocated_bytes = min(max(in_use_bytes - loaded.base_heap_bytes, 0), reserved_bytes)
    return WorkerMemory(
        time.monotonic(),
        os.getpid(),
        loaded.device,
        reserved_bytes,
        allocated_bytes,
        min(loaded.weights_bytes, reserved_bytes if allocated_bytes is None else allocated_bytes),
        loaded.base_bytes,
    )


def _of_cuda(loaded: Loaded) -> WorkerMemory:
    import torch

    statistics = torch.cuda.memory_stats_as_nested_dict(loaded.device)
    return WorkerMemory(
        time.monotonic(),
        os.getpid(),
        loaded.device,
        int(statistics["reserved_bytes"]["all"]["current"]),
        int(statistics["allocated_bytes"]["all"]["current"]),
        loaded.weights_bytes,
        None,
        loaded.device_uuid,
    )
