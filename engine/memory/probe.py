"""Measures the memory that work takes, on the device that does it.

Imports psutil where the system is not Linux, and torch only where a CUDA device is measured. On a CPU the figure is the process's
private memory (RssAnon on Linux; pages of files mapped into it do not count) above that before the model was loaded; on CUDA, the
memory reserved by torch.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar, Token
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from engine.memory.allocator import large_blocks_from
from engine.memory.budget import free_host_bytes
from engine.memory.cost import FAR_PX, MemoryCost, Peak, fit, through
from engine.tiling.geometry import round_up

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# Written to clear_refs: the high-water mark of resident memory begins anew (proc(5)).
_RESET_PEAK = "5"

# Edges of the probes, in input pixels. On CUDA large enough that the allocator's steps of 20 MiB do not count.
_CPU_EDGES_PX = (64, 128, 256, 480)
_CUDA_EDGES_PX = (256, 512)
# A larger probe that would take more processor time than this is left out (a light model without a GPU). On a busy machine with
# several threads most of the time is waiting: hence so much.
_PATIENCE_S = 20.0
# So much larger than the largest probe may a tile be, in pixels, as long as larger probes could tell more.
_STRETCH = 1.5
# So much higher is the highest of several equal tiles than one of them, for what lies free in the heap lies elsewhere each time:
# 1 (PFT) to 1.1 (ESC), in jobs of four tiles of 192, 320 and 480 (`triptych bench memory`).
_SEVERAL = 1.05
# Tiles of a probe, for one size does not always peak alike; the highest counts. Of a large one fewer, for it takes seconds.
_TILES = 3
_LARGE_TILES = 2
# Small enough that every tensor of a probe is mapped for itself.
_ALL_BLOCKS_BYTES = 64 * 2**10


def _resident() -> tuple[int, int, int]:
    """Returns (private, of files and shared, highest of their sum), in bytes; Linux only."""
    found = dict.fromkeys(("RssAnon", "RssFile", "RssShmem", "VmHWM"), 0)
    for line in _STATUS.read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0]) * 1024
    return found["RssAnon"], found["RssFile"] + found["RssShmem"], found["VmHWM"]


def private_bytes() -> int:
    """Returns this process's private memory in bytes (on systems other than Linux: its unique set size)."""
    if _STATUS.exists():
        return _resident()[0]
    import psutil

    return int(psutil.Process().memory_full_info().uss)


def release_freed() -> None:
    """Gives memory that was freed back to the system, so that it is not measured as somebody's: glibc keeps it otherwise."""
    gc.collect()
    trim_heap()


def trim_heap() -> None:
    """Gives the free pages of the C library's heap back to the system; on other systems than Linux it does that by itself."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


# The measurements that are open in this thread, the outermost first.
_OPEN: ContextVar[tuple[PeakMemory, ...]] = ContextVar("_OPEN", default=())


class PeakMemory:
    """Context manager that finds the peak of private memory (CPU) or of reserved memory (CUDA) while it is open.

    `base_bytes`: what was private before the model was loaded; `peak_bytes`, valid after the block, is above it. Where the
    kernel keeps a high-water mark that can be begun anew, the peak is exact; else it is sampled every `interval_s`. Blocks may
    lie within each other.
    """

    def __init__(self, device: str, base_bytes: int, interval_s: float = 0.01) -> None:
        self.peak_bytes = 0
        self._device = device
        self._base_bytes = base_bytes
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._other_bytes = 0
        self._token: Token[tuple[PeakMemory, ...]] | None = None

    def __enter__(self) -> PeakMemory:
        outer = _OPEN.get()
        # What they have seen so far is about to be cleared.
        for each in outer:
            each._note()
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.reset_peak_memory_stats(self._device)
        elif _clear_mark():
            self._other_bytes = _resident()[1]
        else:
            self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)
            self._thread.start()
        self._token = _OPEN.set((*outer, self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            _OPEN.reset(self._token)
        if self._thread is not None:
            self._stop.set()
            self._thread.join()
        self._note()

    def _note(self) -> None:
        """Raises `peak_bytes` to what the system has seen since it was last cleared."""
        if self._device.startswith("cuda"):
            import torch

            seen = int(torch.cuda.max_memory_reserved(self._device))
        elif self._thread is not None:
            seen = private_bytes() - self._base_bytes
        else:
            private, other, mark = _resident()
            # The mark counts pages of files too. They mostly come and stay, so the more there were, the more of it they were.
            seen = max(private, mark - max(other, self._other_bytes)) - self._base_bytes
        self.peak_bytes = max(self.peak_bytes, seen)

    def _sample(self) -> None:
        while not self._stop.wait(self._interval_s):
            self._note()


def _clear_mark() -> bool:
    """Begins the high-water mark of this process anew; False where that cannot be done."""
    try:
        _CLEAR.write_text(_RESET_PEAK)
    except OSError:
        # Not Linux, or a container that keeps proc read-only.
        return False
    return True


def measure_cost(
    run_tile: Callable[[int, int], None], device: str, base_bytes: int, window_px: int, needed_px: int = FAR_PX
) -> MemoryCost:
    """Returns the cost of tiles of up to `needed_px` pixels, from the peaks of a few that `run_tile(height, width)` runs."""
    if device.startswith("cuda"):
        edges_px = [round_up(edge, window_px) for edge in _CUDA_EDGES_PX]
        run_tile(edges_px[0], edges_px[0])
        cost = fit([probe(run_tile, device, base_bytes, edge) for edge in edges_px], window_px)
        return _raised(cost, held_bytes(device, base_bytes))
    return _measure_on_cpu(run_tile, device, base_bytes, window_px, needed_px)


def _measure_on_cpu(
    run_tile: Callable[[int, int], None], device: str, base_bytes: int, window_px: int, needed_px: int
) -> MemoryCost:
    """Measures two small tiles, and, where larger ones are needed, one as large as those of most jobs.

    A small tile says too little about a large one: in its heap much lies free between blocks, and operators that work in blocks
    of a fixed size take one for all of it. So a large tile is run, where its time and the free memory allow. Else the slope is
    that of the small ones with all blocks mapped for themselves, as those of a large tile are; the first run corrects it.
    """
    tiny_px, small_px, *larger_px = (round_up(edge, window_px) for edge in _CPU_EDGES_PX)
    small_edges_px = (small_px, tiny_px)

    def peaks_of(edges_px: Iterable[int], tiles: int = 1) -> list[Peak]:
        peaks = [probe(run_tile, device, base_bytes, edge, tiles) for edge in edges_px]
        return [replace(peak, peak_bytes=round(peak.peak_bytes * _SEVERAL)) for peak in peaks]

    # What is set up with the first tile is no part of what a tile takes.
    run_tile(small_px, small_px)
    started_s = time.process_time()
    line = fit(peaks_of(small_edges_px), window_px)
    seconds_per_px = (time.process_time() - started_s) / small_px**2
    free = free_host_bytes()
    affordable_px = [
        edge
        for edge in larger_px
        if seconds_per_px * edge**2 < _PATIENCE_S and line.peak_bytes(edge, edge) * _STRETCH < free
    ]
    reach_px = round(small_px**2 * _STRETCH)
    edges_px: list[int] = []
    for edge in affordable_px:
        if needed_px > reach_px:
            edges_px.append(edge)
            reach_px = FAR_PX if edge == affordable_px[-1] else round(edge**2 * _STRETCH)
    # The largest first: the small ones then meet the heap and the tables that it leaves behind, as in a job.
    peaks = peaks_of(reversed(edges_px), _LARGE_TILES) + peaks_of(small_edges_px, _TILES)
    line = fit(peaks[:2], window_px)
    if needed_px > reach_px:
        with large_blocks_from(_ALL_BLOCKS_BYTES):
            line = fit(peaks_of(small_edges_px), window_px)
        reach_px = FAR_PX
    cost = MemoryCost(((0, fit(peaks[-2:], window_px).peak_bytes(0, 0)),), line.bytes_per_px, window_px, reach_px)
    for peak in peaks:
        cost = through(cost, peak.height * peak.width, peak.peak_bytes)
    return _raised(cost, held_bytes(device, base_bytes))


def _raised(cost: MemoryCost, size_bytes: int) -> MemoryCost:
    return replace(cost, knots=tuple((pixels, peak + size_bytes) for pixels, peak in cost.knots))


def probe(run_tile: Callable[[int, int], None], device: str, base_bytes: int, edge_px: int, times: int = 1) -> Peak:
    """Returns the peak of tiles of edge_px × edge_px above what is held when they are done: the model, and what it set up."""
    release(device)
    with PeakMemory(device, base_bytes) as memory:
        for _ in range(times):
            trim_heap()
            run_tile(edge_px, edge_px)
    release(device)
    return Peak(edge_px, edge_px, max(memory.peak_bytes - held_bytes(device, base_bytes), 0))


def held_bytes(device: str, base_bytes: int) -> int:
    """Returns what is held now: on CUDA all that torch has reserved, else what is private above `base_bytes`."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_reserved(device))
    return private_bytes() - base_bytes


def release(device: str) -> None:
    """Gives back what the allocators of the host and of the device keep for later."""
    release_freed()
    if device.startswith("cuda"):
        import torch

        torch.cuda.empty_cache()
