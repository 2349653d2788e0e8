"""The routing of ``selective_attention`` in Triton: scores of window means and the best of each row, never written out.

Shapes: B images, W windows of an image, C numbers of a mean (all heads), K kept windows. May import torch, triton and
``kernels``.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels._triton.launch import launch
from kernels._triton.targets import target_of
from kernels.selective_attention.configs import routing_tile

_LOWEST = tl.constexpr(-(2**63))
_SECOND_LOWEST = tl.constexpr(-(2**63) + 1)
_HIGHEST = tl.constexpr(2**63 - 1)
_LARGEST_FLOAT = tl.constexpr(3.4028234663852886e38)


@triton.jit
def select_windows_kernel(
    query_ptr,
    key_ptr,
    index_ptr,
    windows,
    KEPT: tl.constexpr,
    CHANNELS: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Find the KEPT key windows with the highest scores for a block of query windows, best first.

    A score and its window are one int64: the float's bits, made to order as integers, above the window counted down. So
    all differ, and equal scores order by the lower window.
    """
    blocks = (windows + BLOCK_M - 1) // BLOCK_M
    first = (tl.program_id(0) // blocks).to(tl.int64) * windows
    rows = (tl.program_id(0) % blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    places = tl.arange(0, BLOCK_K)
    # (BLOCK_M, BLOCK_K): distinct from the start, so that one is replaced at a time.
    best = tl.broadcast_to((places.to(tl.int64) + _SECOND_LOWEST)[None, :], (BLOCK_M, BLOCK_K))
    own = tl.broadcast_to((places < KEPT)[None, :], (BLOCK_M, BLOCK_K))
    worst = tl.min(tl.where(own, best, _HIGHEST), axis=1)
    for start in range(0, windows, BLOCK_N):
        keys = start + tl.arange(0, BLOCK_N)
        scores = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
        for channel in range(0, CHANNELS, CHUNK):
            channels = channel + tl.arange(0, CHUNK)
            query = tl.load(
                query_ptr + (first + rows)[:, None] * CHANNELS + channels[None, :],
                mask=(rows < windows)[:, None] & (channels < CHANNELS)[None, :],
                other=0.0,
            )
            key = tl.load(
                key_ptr + (first + keys)[:, None] * CHANNELS + channels[None, :],
                mask=(keys < windows)[:, None] & (channels < CHANNELS)[None, :],
                other=0.0,
            )
            scores = tl.dot(query, tl.trans(key), scores, input_precision="ieee")
        # As the blocks of the torch backend do: what is not a number comes last, infinities count as the largest numbers,
        # and there is one zero.
        scores = tl.where(scores != scores, -_LARGEST_FLOAT, scores)
        scores = tl.minimum(tl.maximum(scores, -_LARGEST_FLOAT), _LARGEST_FLOAT)
        bits = tl.where(scores == 0.0, 0.0, scores).to(tl.int32, bitcast=True)
        ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)
        candidates = ordered * 4294967296 + (2147483647 - keys)[None, :].to(tl.int64)
        candidates = tl.where((keys < windows)[None, :], candidates, _LOWEST)
        found = tl.max(candidates, axis=1)
        while tl.max((found > worst).to(tl.int32), axis=0) > 0:
            better = (found > worst)[:, None]
            best = tl.where(own & better & (best == worst[:, None]), found[:, None], best)
            worst = tl.min(tl.where(own, best, _HIGHEST), axis=1)
            candidates = tl.where(candidates == found[:, None], _LOWEST, candidates)
            found = tl.max(candidates, axis=1)
    best = tl.where(own, best, _LOWEST)
    for rank in range(KEPT):
        found = tl.max(best, axis=1)
        best = tl.where(best == found[:, None], _LOWEST, best)
        window = 2147483647 - (found & 0xFFFFFFFF)
        tl.store(index_ptr + (first + rows) * KEPT + rank, window.to(tl.int32), mask=rows < windows)


def best_windows(query_mean: Tensor, key_mean: Tensor, kept: int) -> Tensor:
    """Return the ``kept`` best windows of each window, best first, (B, W, K) int32, from float32 means (B, W, C)."""
    images, windows, channels = query_mean.shape
    index = torch.empty(images, windows, kept, dtype=torch.int32, device=query_mean.device)
    tile = routing_tile(target_of(query_mean.device), windows)
    launch(
        select_windows_kernel,
        (images * triton.cdiv(windows, tile.rows),),
        {
            "query_ptr": query_mean.contiguous(),
            "key_ptr": key_mean.contiguous(),
            "index_ptr": index,
            "windows": windows,
        },
        {
            "KEPT": kept,
            "CHANNELS": channels,
            "CHUNK": 16,
            "BLOCK_K": triton.next_power_of_2(kept),
            "BLOCK_M": tile.rows,
            "BLOCK_N": tile.keys,
        },
        tile.shape,
    )
    return index
