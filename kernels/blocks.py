"""How windows and rows are cut into blocks of a bounded size in memory. May import torch and the standard library."""

from collections.abc import Iterator

import torch
from torch import Tensor

# On a CPU a block's scores stay near one core's second-level cache; elsewhere launches cost more than memory.
_CACHED_BYTES = 1 << 20
_DEVICE_BYTES = 128 << 20
# Blocks that stay with one thread may be larger: what a call costs by itself weighs more there than the cache.
_THREAD_BYTES = 2 << 20

# Windows, heads, query rows.
Block = tuple[slice, slice, slice]


def block_slices(count: int, item_bytes: int, budget_bytes: int) -> Iterator[slice]:
    """Yield slices that cover ``range(count)`` in order, each of at most ``budget_bytes``, at least one item."""
    step = max(1, budget_bytes // max(1, item_bytes))
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def head_blocks(q: Tensor, keys: int) -> Iterator[Block]:
    """Cut the scores of q (W, H, N, D) against ``keys`` keys into blocks for one thread each: windows, heads, query rows.

    A block holds whole windows, or, where one is too large, one head of a window or some rows of one. Blocks that differ
    only in the window follow each other, so that the bias they share stays in cache too.
    """
    windows, heads, tokens, _ = q.shape
    row_bytes = keys * q.element_size()
    if fits_one_thread(q, keys):
        for window in block_slices(windows, heads * tokens * row_bytes, _THREAD_BYTES):
            yield window, slice(0, heads), slice(0, tokens)
        return
    for head in range(heads):
        for rows in block_slices(tokens, row_bytes, _THREAD_BYTES):
            for index in range(windows):
                yield slice(index, index + 1), slice(head, head + 1), rows


def fits_one_thread(q: Tensor, keys: int) -> bool:
    """Say whether ``head_blocks`` cuts q (W, H, N, D) into whole windows; else each block is of one head of one window."""
    return q.shape[1] * q.shape[2] * keys * q.element_size() <= _THREAD_BYTES


def score_blocks(q: Tensor, keys: int) -> Iterator[tuple[slice, slice]]:
    """Cut the scores of q (W, H, N, D) against ``keys`` keys into blocks: slices of windows and of query rows.

    A block holds whole windows, or, where one window is too large, some rows of one.
    """
    windows, heads, tokens, _ = q.shape
    budget = _CACHED_BYTES * torch.get_num_threads() if q.device.type == "cpu" else _DEVICE_BYTES
    row_bytes = heads * keys * q.element_size()
    for window in block_slices(windows, tokens * row_bytes, budget):
        for rows in block_slices(tokens, row_bytes * (window.stop - window.start), budget):
            yield window, rows
