"""Settles how the C library hands memory to the worker: large blocks in huge pages, small ones kept, the same peak at each run.

Imports the standard library. The parent starts a worker within `starting_environment`; the worker calls `prepare_allocator`
before it loads torch. Neither has an effect where the C library is not glibc.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

# Parameters of mallopt(3).
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
# From this size on, a block is mapped for itself and goes back when it is freed: the peak of a large tile is then what is alive
# at once, equal from run to run. Measured at tile 480, ×2, one thread (processor time for a pixel, peak):
#
#                    SSCAN                   PFT                     ESC
#     glibc's own    38 µs, 550 MiB          34 µs, 1120 MiB         19 µs, 420 MiB      (older kernels)
#     4 MiB          15.8 µs, 373 MiB        16-20 µs, 820 MiB       8.6 µs, 317 MiB
#     32 MiB         11.8 µs, 485-519 MiB    12.6 µs, 860-889 MiB    7.0 µs, 366-455 MiB
#
# 1 MiB costs a tile of 128 twice the time.
LARGE_BLOCK_BYTES = 4 * 2**20
# The heap of smaller blocks is kept up to this size; the worker gives it back when a job ends (`probe.release_freed`).
_KEPT_HEAP_BYTES = 2**30
_TUNABLE = "glibc.malloc.tcache_count=0"


@contextlib.contextmanager
def starting_environment() -> Iterator[None]:
    """Sets what a process started in this block reads when it begins, and takes it back. Not for two threads at a time.

    Without a cache of freed pieces in each thread, neighbouring free blocks always join, and equal work peaks equally.
    """
    before = os.environ.get("GLIBC_TUNABLES")
    if not sys.platform.startswith("linux"):
        yield
        return
    os.environ["GLIBC_TUNABLES"] = f"{before}:{_TUNABLE}" if before else _TUNABLE
    try:
        yield
    finally:
        if before is None:
            del os.environ["GLIBC_TUNABLES"]
        else:
            os.environ["GLIBC_TUNABLES"] = before


@contextlib.contextmanager
def large_blocks_from(size_bytes: int) -> Iterator[None]:
    """Maps blocks of `size_bytes` and more for themselves while the block runs, as `prepare_allocator` does from 4 MiB on.

    A small tile then meets what a larger one meets without it.
    """
    _set(_M_MMAP_THRESHOLD, size_bytes)
    try:
        yield
    finally:
        _set(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)


def prepare_allocator() -> None:
    """Sets the allocator of this process; to be called before torch is loaded."""
    # Read by torch at its first block: blocks of 2 MiB and more ask for huge pages, whose first touch costs a fraction.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # Read by oneDNN: it keeps what it prepared for the last so many operations, by default 1024 with 8 MiB for each size of tile
    # (ESC). Preparing them anew costs less than a measurement shows.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    _set(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
    _set(_M_TRIM_THRESHOLD, _KEPT_HEAP_BYTES)


def _set(parameter: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        # Another C library than glibc (musl) has no mallopt.
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(parameter, value)
