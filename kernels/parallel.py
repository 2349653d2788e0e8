"""Blocks of work shared out among threads on a CPU, one thread for each block. May import torch and the standard library.

torch splits every single operation among its threads, and each operation its own way: between two operations on a block
of a few hundred kilobytes the threads wait for each other and fetch each other's half from the other core's cache. A
block that stays with one thread pays neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import torch

Item = TypeVar("Item")


def for_each(items: Iterable[Item], work: Callable[[Item], None]) -> None:
    """Call ``work`` on every item, as many at a time as torch has threads; each call computes with one thread.

    For work without gradients that writes to places of its own. The caller's inference mode holds in the threads; what
    else torch keeps for each thread (autocast, dispatch modes) does not, and one torch thread runs everything in place.
    An exception of ``work`` is raised here after the calls under way have ended.
    """
    waiting = list(items)
    threads = min(torch.get_num_threads(), len(waiting))
    if threads < 2:
        for item in waiting:
            work(item)
        return
    source = _Source(iter(waiting))
    inference = torch.is_inference_mode_enabled()

    def drain() -> None:
        with torch.inference_mode(inference), torch.no_grad():
            for item in source:
                work(item)

    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            drains = [pool.submit(drain) for _ in range(threads)]
    finally:
        # Setting the number in a thread also sets it for threads that start later.
        torch.set_num_threads(before)
    for drained in drains:
        drained.result()


class _Source(Iterator[Item]):
    """An iterator that several threads may take from."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items = items
        self._lock = Lock()

    def __next__(self) -> Item:
        with self._lock:
            return next(self._items)
