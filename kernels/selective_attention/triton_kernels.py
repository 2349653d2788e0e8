"""``selective_attention`` in Triton: the selected windows are read where they lie, through ``index``.

Shapes: B images, W windows of an image, H heads, N tokens of a window, D head dimension, K selected windows. In the
kernels a window is one of B*W. May import torch, triton and ``kernels``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels._triton.launch import Compilation, launch, record
from kernels._triton.targets import Target, target_of
from kernels.dispatch import Backend, drop_if_broken
from kernels.selective_attention import sdpa
from kernels.selective_attention.configs import backward_tile, forward_tile
from kernels.selective_attention.triton_routing import best_windows

_LOG2_E = 1.0 / math.log(2.0)


@triton.jit
def selective_attention_fwd_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    index_ptr,
    out_ptr,
    log_sum_ptr,
    stride_qb,
    stride_qw,
    stride_qh,
    stride_qn,
    stride_kb,
    stride_kw,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vw,
    stride_vh,
    stride_vn,
    windows,
    heads,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Attend from a block of queries of one window and head to all tokens of its selected windows."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    key_blocks: tl.constexpr = (TOKENS + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    head = (program // row_blocks) % heads
    # Offsets of whole windows pass 2^31 for a large image; those inside a window do not.
    place = (program // row_blocks // heads).to(tl.int64)
    image, window = place // windows, place % windows
    rows = (program % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.arange(0, BLOCK_D)
    row_mask = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    q_base = q_ptr + image * stride_qb + window * stride_qw + head.to(tl.int64) * stride_qh
    # (BLOCK_M, BLOCK_D)
    q = tl.load(q_base + rows[:, None] * stride_qn + columns[None, :], mask=row_mask, other=0.0)
    k_base = k_ptr + image * stride_kb + head.to(tl.int64) * stride_kh
    v_base = v_ptr + image * stride_vb + head.to(tl.int64) * stride_vh
    running_max = tl.full((BLOCK_M,), float("-inf"), tl.float32)
    running_sum = tl.zeros((BLOCK_M,), tl.float32)
    summed = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for step in range(KEPT * key_blocks):
        selected = tl.load(index_ptr + place * KEPT + step // key_blocks).to(tl.int64)
        keys = (step % key_blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
        key_mask = (keys < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
        # (BLOCK_N, BLOCK_D)
        k = tl.load(
            k_base + selected * stride_kw + keys[:, None] * stride_kn + columns[None, :], mask=key_mask, other=0.0
        )
        v = tl.load(
            v_base + selected * stride_vw + keys[:, None] * stride_vn + columns[None, :], mask=key_mask, other=0.0
        )
        # (BLOCK_M, BLOCK_N), in powers of two
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale_log2
        if TOKENS % BLOCK_N != 0:
            scores = tl.where((keys < TOKENS)[None, :], scores, float("-inf"))
        new_max = tl.maximum(running_max, tl.max(scores, axis=1))
        weights = tl.exp2(scores - new_max[:, None])
        shrink = tl.exp2(running_max - new_max)
        running_sum = running_sum * shrink + tl.sum(weights, axis=1)
        summed = tl.dot(weights.to(v.dtype), v, summed * shrink[:, None], input_precision=PRECISION)
        running_max = new_max
    # The output and the sums are contiguous: a row is numbered through windows, heads and tokens.
    first = (place * heads + head) * TOKENS
    out = summed / running_sum[:, None]
    offsets = rows[:, None] * HEAD_DIM + columns[None, :]
    tl.store(out_ptr + first * HEAD_DIM + offsets, out.to(out_ptr.dtype.element_ty), mask=row_mask)
    if log_sum_ptr is not None:
        tl.store(log_sum_ptr + first + rows, running_max + tl.log2(running_sum), mask=rows < TOKENS)


@triton.jit
def selective_attention_bwd_q_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    index_ptr,
    out_ptr,
    log_sum_ptr,
    grad_out_ptr,
    grad_q_ptr,
    row_mean_ptr,
    stride_qb,
    stride_qw,
    stride_qh,
    stride_qn,
    stride_kb,
    stride_kw,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vw,
    stride_vh,
    stride_vn,
    windows,
    heads,
    scale,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute the gradient of a block of queries, and ⟨grad_out, out⟩ of each of its rows for the kernel of k and v."""
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    key_blocks: tl.constexpr = (TOKENS + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    head = (program // row_blocks) % heads
    place = (program // row_blocks // heads).to(tl.int64)
    image, window = place // windows, place % windows
    rows = (program % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.arange(0, BLOCK_D)
    row_mask = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    q_base = q_ptr + image * stride_qb + window * stride_qw + head.to(tl.int64) * stride_qh
    q = tl.load(q_base + rows[:, None] * stride_qn + columns[None, :], mask=row_mask, other=0.0)
    first = (place * heads + head) * TOKENS
    offsets = rows[:, None] * HEAD_DIM + columns[None, :]
    out = tl.load(out_ptr + first * HEAD_DIM + offsets, mask=row_mask, other=0.0)
    grad_out = tl.load(grad_out_ptr + first * HEAD_DIM + offsets, mask=row_mask, other=0.0)
    log_sum = tl.load(log_sum_ptr + first + rows, mask=rows < TOKENS, other=0.0)
    row_mean = tl.sum(out.to(tl.float32) * grad_out.to(tl.float32), axis=1)
    tl.store(row_mean_ptr + first + rows, row_mean, mask=rows < TOKENS)
    k_base = k_ptr + image * stride_kb + head.to(tl.int64) * stride_kh
    v_base = v_ptr + image * stride_vb + head.to(tl.int64) * stride_vh
    summed = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for step in range(KEPT * key_blocks):
        selected = tl.load(index_ptr + place * KEPT + step // key_blocks).to(tl.int64)
        keys = (step % key_blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
        key_mask = (keys < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
        k = tl.load(
            k_base + selected * stride_kw + keys[:, None] * stride_kn + columns[None, :], mask=key_mask, other=0.0
        )
        v = tl.load(
            v_base + selected * stride_vw + keys[:, None] * stride_vn + columns[None, :], mask=key_mask, other=0.0
        )
        scores = tl.dot(q, tl.trans(k), input_precision=PRECISION) * scale_log2
        weights = tl.exp2(scores - log_sum[:, None])
        if TOKENS % BLOCK_N != 0:
            weights = tl.where((keys < TOKENS)[None, :], weights, 0.0)
        grad_weights = tl.dot(grad_out, tl.trans(v), input_precision=PRECISION)
        grad_scores = weights * (grad_weights - row_mean[:, None])
        summed = tl.dot(grad_scores.to(k.dtype), k, summed, input_precision=PRECISION)
    tl.store(grad_q_ptr + first * HEAD_DIM + offsets, (summed * scale).to(grad_q_ptr.dtype.element_ty), mask=row_mask)


@triton.jit
def selective_attention_bwd_kv_kernel(
    q_ptr,
    k_ptr,
    v_ptr,
    starts_ptr,
    picks_ptr,
    log_sum_ptr,
    grad_out_ptr,
    row_mean_ptr,
    grad_k_ptr,
    grad_v_ptr,
    stride_qb,
    stride_qw,
    stride_qh,
    stride_qn,
    stride_kb,
    stride_kw,
    stride_kh,
    stride_kn,
    stride_vb,
    stride_vw,
    stride_vh,
    stride_vn,
    windows,
    heads,
    scale,
    scale_log2,
    KEPT: tl.constexpr,
    TOKENS: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Compute the gradients of a block of keys and values from all windows that selected theirs, in their order.

    ``picks`` are places in the flattened index, sorted by the window they name; window u owns those from starts[u] to
    starts[u + 1].
    """
    row_blocks: tl.constexpr = (TOKENS + BLOCK_M - 1) // BLOCK_M
    key_blocks: tl.constexpr = (TOKENS + BLOCK_N - 1) // BLOCK_N
    program = tl.program_id(0)
    head = (program // key_blocks) % heads
    place = (program // key_blocks // heads).to(tl.int64)
    image, window = place // windows, place % windows
    keys = (program % key_blocks) * BLOCK_N + tl.arange(0, BLOCK_N)
    columns = tl.arange(0, BLOCK_D)
    key_mask = (keys < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
    k_base = k_ptr + image * stride_kb + window * stride_kw + head.to(tl.int64) * stride_kh
    v_base = v_ptr + image * stride_vb + window * stride_vw + head.to(tl.int64) * stride_vh
    # (BLOCK_N, BLOCK_D)
    k = tl.load(k_base + keys[:, None] * stride_kn + columns[None, :], mask=key_mask, other=0.0)
    v = tl.load(v_base + keys[:, None] * stride_vn + columns[None, :], mask=key_mask, other=0.0)
    q_base = q_ptr + image * stride_qb + head.to(tl.int64) * stride_qh
    grad_k = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    grad_v = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    begin, end = tl.load(starts_ptr + place), tl.load(starts_ptr + place + 1)
    for step in range(begin * row_blocks, end * row_blocks):
        querying = (tl.load(picks_ptr + step // row_blocks) // KEPT).to(tl.int64)
        rows = (step % row_blocks) * BLOCK_M + tl.arange(0, BLOCK_M)
        row_mask = (rows < TOKENS)[:, None] & (columns < HEAD_DIM)[None, :]
        own = q_base + (querying - image * windows) * stride_qw
        q = tl.load(own + rows[:, None] * stride_qn + columns[None, :], mask=row_mask, other=0.0)
        first = (querying * heads + head) * TOKENS
        grad_out = tl.load(
            grad_out_ptr + first * HEAD_DIM + rows[:, None] * HEAD_DIM + columns[None, :], mask=row_mask, other=0.0
        )
        # Rows beyond the window: zero rows of q and of grad_out, so that they add nothing.
        log_sum = tl.load(log_sum_ptr + first + rows, mask=rows < TOKENS, other=0.0)
        row_mean = tl.load(row_mean_ptr + first + rows, mask=rows < TOKENS, other=0.0)
        # (BLOCK_N, BLOCK_M)
        scores = tl.dot(k, tl.trans(q), input_precision=PRECISION) * scale_log2
        weights = tl.exp2(scores - log_sum[None, :])
        grad_v = tl.dot(weights.to(grad_out.dtype), grad_out, grad_v, input_precision=PRECISION)
        grad_weights = tl.dot(v, tl.trans(grad_out), input_precision=PRECISION)
        grad_scores = weights * (grad_weights - row_mean[None, :])
        grad_k = tl.dot(grad_scores.to(q.dtype), q, grad_k, input_precision=PRECISION)
    first = (place * heads + head) * TOKENS * HEAD_DIM
    offsets = keys[:, None] * HEAD_DIM + columns[None, :]
    tl.store(grad_k_ptr + first + offsets, (grad_k * scale).to(grad_k_ptr.dtype.element_ty), mask=key_mask)
    tl.store(grad_v_ptr + first + offsets, grad_v.to(grad_v_ptr.dtype.element_ty), mask=key_mask)


def selective_attention(q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float) -> Tensor:
    """Attend to the selected windows in place; shapes as in the public call. Memory: the output, and in training a sum a row."""
    q, k, v = (x if _rows_lie_together(x) else x.contiguous() for x in (q, k, v))
    index = index.contiguous()
    if torch.is_grad_enabled() and (q.requires_grad or k.requires_grad or v.requires_grad):
        out: Tensor = _SelectiveAttention.apply(q, k, v, index, scale)  # type: ignore[no-untyped-call]
        return out
    return _forward(q, k, v, index, scale, None)


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
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, index, out, log_sum = ctx.saved_tensors
        try:
            grads = _backward(q, k, v, index, ctx.scale, out, log_sum, grad_out.contiguous())
        except Exception as error:
            if not drop_if_broken("selective_attention", Backend.TRITON, error):
                raise
            grads = _backward_elsewhere(q, k, v, index, ctx.scale, grad_out)
        return *grads, None, None


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
        return torch.autograd.grad(sdpa.selective_attention(*leaves, index, scale), leaves, grad_out)


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
