"""``selective_attention`` in Triton: the selected windows are read where they lie, through ``index``.

Shapes: B images, W windows of an image, H heads, N tokens of a window, D head dimension, K selected windows, C = H*D.
May import torch, triton and ``kernels``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels._triton.launch import Compilation, launch, record
from kernels._triton.targets import Target, target_of
from kernels.dispatch import Backend, drop_if_broken
from kernels.precision import apart_from_autocast
from kernels.selective_attention import sdpa
from kernels.selective_attention.configs import backward_tile, forward_tile, routing_tile
from kernels.selective_attention.triton_backward import (
    selective_attention_bwd_kv_kernel,
    selective_attention_bwd_q_kernel,
)
from kernels.selective_attention.triton_forward import select_windows_kernel, selective_attention_fwd_kernel

_LOG2_E = 1.0 / math.log(2.0)


def selective_attention(q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float) -> Tensor:
    """Attend to the selected windows in place; shapes as in the public call. Memory: the output, and in training a sum a row."""
    q, k, v = (x if _rows_lie_together(x) else x.contiguous() for x in (q, k, v))
    index = index.contiguous()
    if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad):
        out: Tensor = _SelectiveAttention.apply(q, k, v, index, scale)  # type: ignore[no-untyped-call]
        return out
    return _forward(q, k, v, index, scale, None)


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


def shipped(target: Target) -> list[Compilation]:
    """Return every specialisation shipped for a target: the published window sizes, head sizes and half and full precision."""
    with record(target) as recording:
        for windows, channels, kept in ((3600, 64, 4), (9, 32, 4), (3600, 240, 16)):
            recording.name(f"W {windows} C {channels} K {kept}", forward=True)
            means = torch.empty(1, windows, channels, dtype=torch.float32, device="meta")
            best_windows(means, means, kept)
        for dtype in (torch.float16, torch.bfloat16, torch.float32):
            for size, head_dim in ((8, 16), (16, 16), (8, 13), (8, 20), (16, 40), (10, 64)):
                shape = (2, 12, 4, size * size, head_dim)
                q, k, v = (torch.empty(shape, dtype=dtype, device="meta") for _ in range(3))
                index = torch.empty((*shape[:2], 4), dtype=torch.int32, device="meta")
                scale = head_dim**-0.5
                label = f"{str(dtype).removeprefix('torch.')} M {size} D {head_dim} K 4"
                recording.name(label, forward=True)
                log_sum = torch.empty(shape[:4], dtype=torch.float32, device="meta")
                out = _forward(q, k, v, index, scale, log_sum)
                _forward(q, k, v, index, scale, None)
                recording.name(label, forward=False)
                _backward(q, k, v, index, scale, out, log_sum, out)
    return recording.compilations


def _rows_lie_together(x: Tensor) -> bool:
    """Say whether the D numbers of a token are neighbours and the offsets inside a window fit 32 bits."""
    return x.stride(-1) == 1 and x.shape[3] * x.stride(3) + x.shape[4] < 2**31


class _SelectiveAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float) -> Tensor:
        log_sum = torch.empty(q.shape[:4], dtype=torch.float32, device=q.device)
        out = _forward(q, k, v, index, scale, log_sum)
        ctx.save_for_backward(q, k, v, index, out, log_sum)
        ctx.scale = scale
        return out

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, index, out, log_sum = ctx.saved_tensors
        try:
            return *_backward(q, k, v, index, ctx.scale, out, log_sum, grad_out.contiguous()), None, None
        except Exception as error:
            if not drop_if_broken("selective_attention", Backend.TRITON, error):
                raise
        return *_backward_elsewhere(q, k, v, index, ctx.scale, grad_out), None, None


def _forward(q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float, log_sum: Tensor | None) -> Tensor:
    images, windows, heads, tokens, head_dim = q.shape
    out = torch.empty(q.shape, dtype=q.dtype, device=q.device)
    tile = forward_tile(target_of(q.device), tokens, head_dim, q.dtype)
    launch(
        selective_attention_fwd_kernel,
        (images * windows * heads * triton.cdiv(tokens, tile.rows),),
        {
            "q_ptr": q,
            "k_ptr": k,
            "v_ptr": v,
            "index_ptr": index,
            "out_ptr": out,
            "log_sum_ptr": log_sum,
            **_strides(q, k, v),
            "windows": windows,
            "heads": heads,
            "scale_log2": scale * _LOG2_E,
        },
        _constants(q, index, tile.rows, tile.keys),
        tile.shape,
    )
    return out


def _backward(
    q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float, out: Tensor, log_sum: Tensor, grad_out: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    images, windows, heads, tokens, head_dim = q.shape
    grad_q, grad_k, grad_v = (torch.empty(q.shape, dtype=q.dtype, device=q.device) for _ in range(3))
    row_mean = torch.empty_like(log_sum)
    tile = backward_tile(target_of(q.device), tokens, head_dim, q.dtype)
    constants = _constants(q, index, tile.rows, tile.keys)
    shared = {
        **_strides(q, k, v),
        "windows": windows,
        "heads": heads,
        "scale": scale,
        "scale_log2": scale * _LOG2_E,
        "q_ptr": q,
        "k_ptr": k,
        "v_ptr": v,
        "log_sum_ptr": log_sum,
        "grad_out_ptr": grad_out,
        "row_mean_ptr": row_mean,
    }
    count = images * windows * heads
    own = {"index_ptr": index, "out_ptr": out, "grad_q_ptr": grad_q}
    grid = (count * triton.cdiv(tokens, tile.rows),)
    launch(selective_attention_bwd_q_kernel, grid, {**shared, **own}, constants, tile.shape)
    starts, picks = _inverse_index(index)
    own = {"starts_ptr": starts, "picks_ptr": picks, "grad_k_ptr": grad_k, "grad_v_ptr": grad_v}
    grid = (count * triton.cdiv(tokens, tile.keys),)
    launch(selective_attention_bwd_kv_kernel, grid, {**shared, **own}, constants, tile.shape)
    return grad_q, grad_k, grad_v


def _backward_elsewhere(
    q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float, grad_out: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients through sdpa: for the machine whose compiler fails between the passes."""
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (q, k, v)]
        out = sdpa.selective_attention(leaves[0], leaves[1], leaves[2], index, scale)
        return torch.autograd.grad(out, leaves, grad_out)


def _inverse_index(index: Tensor) -> tuple[Tensor, Tensor]:
    """Return who selected each window: starts (B*W + 1), and the places in ``index`` sorted by the window they name.

    Both are int32; the sort is stable, so the selecting windows of each come in ascending order.
    """
    images, windows, _ = index.shape
    first = torch.arange(images, device=index.device)[:, None, None] * windows
    named, picks = (index.long() + first).flatten().sort(stable=True)
    starts = torch.searchsorted(named, torch.arange(images * windows + 1, device=index.device))
    return starts.int(), picks.int()


def _strides(q: Tensor, k: Tensor, v: Tensor) -> dict[str, int]:
    named = (("q", q), ("k", k), ("v", v))
    return {f"stride_{name}{axis}": x.stride(place) for name, x in named for place, axis in enumerate("bwhn")}


def _constants(q: Tensor, index: Tensor, rows: int, keys: int) -> dict[str, Any]:
    return {
        "KEPT": index.shape[-1],
        "TOKENS": q.shape[3],
        "HEAD_DIM": q.shape[4],
        "BLOCK_D": max(16, triton.next_power_of_2(q.shape[4])),
        "BLOCK_M": rows,
        "BLOCK_N": keys,
        "PRECISION": "ieee",
    }
