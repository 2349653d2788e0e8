"""``window_attention`` by Triton: the launchers, the autograd function, and what is shipped; needs Triton to import.

Shapes: W windows, H heads, M side of a window, N = M*M tokens, D head dimension. May import torch, triton and
``kernels``.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels._triton.launch import Compilation, Recording, launch, record
from kernels._triton.offsets import needs_wide
from kernels._triton.targets import Target, target_of
from kernels.dispatch import Backend, drop_if_broken
from kernels.precision import apart_from_autocast
from kernels.window_attention import sdpa
from kernels.window_attention.configs import (
    TableSlice,
    backward_tiles,
    block_d,
    forward_tiles,
    table_chunks,
    table_shape,
    table_slice,
)
from kernels.window_attention.triton_backward import (
    window_attention_bwd_key_kernel,
    window_attention_bwd_query_kernel,
    window_attention_bwd_table_kernel,
)
from kernels.window_attention.triton_forward import window_attention_fwd_kernel

_LOG2_E = math.log2(math.e)


def window_attention(
    q: Tensor, k: Tensor, v: Tensor, bias_table: Tensor, window_size: int, regions: Tensor | None, scale: float
) -> Tensor:
    """Compute softmax(q kᵀ·scale + bias) v in one fused kernel; shapes as in the public call, any strides."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v, bias_table)):
        out: Tensor = _WindowAttention.apply(  # type: ignore[no-untyped-call]
            q, k, v, bias_table, window_size, regions, scale
        )
        return out
    return _forward(q, k, v, _in_log2(bias_table), window_size, regions, scale, keep_lse=False)[0]


class _WindowAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        bias_table: Tensor,
        window_size: int,
        regions: Tensor | None,
        scale: float,
    ) -> Tensor:
        out, lse = _forward(q, k, v, _in_log2(bias_table), window_size, regions, scale, keep_lse=True)
        ctx.save_for_backward(q, k, v, bias_table, regions, out, lse)
        ctx.window_size, ctx.scale = window_size, scale
        return out

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, bias_table, regions, out, lse = ctx.saved_tensors
        side, scale, wants_table = ctx.window_size, ctx.scale, ctx.needs_input_grad[3]
        gradients: tuple[Tensor | None, ...]
        try:
            gradients = _backward(q, k, v, bias_table, side, regions, scale, out, lse, grad_out, wants_table)
        except Exception as error:
            if not drop_if_broken("window_attention", Backend.TRITON, error):
                raise
            gradients = _backward_elsewhere(q, k, v, bias_table, side, regions, scale, grad_out)
        return (*gradients, None, None, None)


def _in_log2(bias_table: Tensor) -> Tensor:
    return (bias_table.detach().float() * _LOG2_E).contiguous()


def _forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    table_log2: Tensor,
    side: int,
    regions: Tensor | None,
    scale: float,
    *,
    keep_lse: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the output and, where asked, the (W, H, N) float32 log2-sum of each row."""
    windows, heads, tokens, head_dim = q.shape
    tiles = forward_tiles(target_of(q.device), side, head_dim, q.dtype)
    # Offsets inside a window are computed in 32 bits; only a view of something huge passes them.
    q, k, v = (x.contiguous() if needs_wide(x[0, 0]) else x for x in (q, k, v))
    out = torch.empty_like(q)
    lse = torch.empty(q.shape[:3], dtype=torch.float32, device=q.device) if keep_lse else None
    tensors = {"q": q, "k": k, "v": v, "out": out}
    strides = {
        f"{name}_s{axis}": stride
        for name, x in tensors.items()
        for axis, stride in zip("whnd", x.stride(), strict=True)
    }
    bias = table_slice(side, tiles.fixed, tiles.moving)
    launch(
        window_attention_fwd_kernel,
        (windows * heads * _blocks(tokens, tiles.fixed),),
        {f"{name}_ptr": x for name, x in tensors.items()}
        | {"lse_ptr": lse, "scale_log2": scale * _LOG2_E}
        | _table_arguments(table_log2, regions, heads)
        | strides,
        _head_constexprs(side, head_dim, regions)
        | {"BLOCK_M": tiles.fixed, "BLOCK_N": tiles.moving, "KEEP_LSE": keep_lse}
        | _bias_constexprs(bias),
        tiles.shape,
    )
    return out, lse


def _backward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias_table: Tensor,
    side: int,
    regions: Tensor | None,
    scale: float,
    out: Tensor,
    lse: Tensor,
    grad_out: Tensor,
    wants_table: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return the gradients of q, k, v and, where asked, of the bias table."""
    q, k, v, out, grad_out = (x.contiguous() for x in (q, k, v, out, grad_out))
    windows, heads, tokens, head_dim = q.shape
    tiles = backward_tiles(target_of(q.device), side, head_dim, q.dtype)
    bias = _bias_constexprs(table_slice(side, tiles.fixed, tiles.moving))
    grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
    row_mean = torch.empty_like(lse)
    grid = (windows * heads * _blocks(tokens, tiles.fixed),)
    common = (
        {"q_ptr": q, "k_ptr": k, "v_ptr": v, "lse_ptr": lse, "grad_out_ptr": grad_out, "row_mean_ptr": row_mean}
        | {"scale_log2": scale * _LOG2_E}
        | _table_arguments(_in_log2(bias_table), regions, heads)
    )
    fixed = _head_constexprs(side, head_dim, regions)
    launch(
        window_attention_bwd_query_kernel,
        grid,
        common | {"out_ptr": out, "grad_q_ptr": grad_q, "scale": scale},
        fixed | bias | {"BLOCK_M": tiles.fixed, "BLOCK_N": tiles.moving},
        tiles.shape,
    )
    launch(
        window_attention_bwd_key_kernel,
        grid,
        common | {"grad_k_ptr": grad_k, "grad_v_ptr": grad_v, "scale": scale},
        fixed | bias | {"BLOCK_M": tiles.moving, "BLOCK_N": tiles.fixed},
        tiles.shape,
    )
    if not wants_table:
        return grad_q, grad_k, grad_v, None
    return grad_q, grad_k, grad_v, _table_gradient(common, fixed, bias_table, windows, heads, side)


def _table_gradient(
    common: dict[str, Any], fixed: dict[str, Any], bias_table: Tensor, windows: int, heads: int, side: int
) -> Tensor:
    chunks = table_chunks(windows, heads, side)
    q = common["q_ptr"]
    block, shape = table_shape(target_of(q.device), side, q.dtype)
    entries = bias_table.shape[1]
    partial = torch.empty(chunks, heads, entries, dtype=torch.float32, device=bias_table.device)
    launch(
        window_attention_bwd_table_kernel,
        (chunks * heads * side,),
        common | {"partial_ptr": partial, "windows": windows},
        fixed | {"BLOCK": block, "CHUNKS": chunks},
        shape,
    )
    by_head = partial.sum(dim=0)
    summed = by_head if bias_table.shape[0] == heads else by_head.sum(dim=0, keepdim=True)
    return summed.to(bias_table.dtype)


def _backward_elsewhere(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias_table: Tensor,
    side: int,
    regions: Tensor | None,
    scale: float,
    grad_out: Tensor,
) -> tuple[Tensor, ...]:
    """Compute the gradients through the next backend, which runs the forward pass once more."""
    q, k, v, bias_table = (x.detach().requires_grad_() for x in (q, k, v, bias_table))
    with torch.enable_grad():
        out = sdpa.window_attention(q, k, v, bias_table, side, regions, scale)
    return torch.autograd.grad(out, (q, k, v, bias_table), grad_out)


def _table_arguments(table_log2: Tensor, regions: Tensor | None, heads: int) -> dict[str, Any]:
    return {
        "table_ptr": table_log2,
        "table_stride": table_log2.shape[1] if table_log2.shape[0] == heads else 0,
        "regions_ptr": None if regions is None else regions.contiguous(),
        "region_rows": 1 if regions is None else regions.shape[0],
        "heads": heads,
    }


def _head_constexprs(side: int, head_dim: int, regions: Tensor | None) -> dict[str, Any]:
    return {"SIDE": side, "D": head_dim, "BLOCK_D": block_d(head_dim), "HAS_REGIONS": regions is not None}


def _bias_constexprs(bias: TableSlice) -> dict[str, Any]:
    return {"PARTS": bias.parts, "SLICED": bias.sliced, "SLICE": bias.entries}


def _blocks(tokens: int, block: int) -> int:
    return (tokens + block - 1) // block


# Head dimension and window side: those of the published and the bundled networks, then odd ones. The kernels differ by
# dtype only in whether products run in half or full precision, so bfloat16 and float32 need not repeat every shape.
_SHIPPED = {
    torch.float16: ((16, 32), (16, 16), (16, 48), (13, 32), (40, 32), (64, 16), (20, 10)),
    torch.bfloat16: ((16, 32), (16, 16), (40, 32), (64, 16)),
    torch.float32: ((16, 32), (16, 16), (16, 48), (13, 32), (40, 32), (64, 16)),
}


def shipped(target: Target) -> list[Compilation]:
    """Return every specialisation that the networks' windows lead to on a target, for compiling ahead of time."""
    with record(target) as recording:
        for dtype, shapes in _SHIPPED.items():
            for head_dim, side in shapes:
                _record_one(recording, dtype, head_dim, side, with_regions=False)
            _record_one(recording, dtype, 16, 16, with_regions=True)
        # Triton builds the number one into a kernel.
        _record_one(recording, torch.float16, 16, 8, with_regions=False, windows=1, heads=1)
        return recording.compilations


def _record_one(
    recording: Recording,
    dtype: torch.dtype,
    head_dim: int,
    side: int,
    *,
    with_regions: bool,
    windows: int = 6,
    heads: int = 4,
) -> None:
    tokens = side * side
    name = f"{str(dtype).removeprefix('torch.')} D {head_dim} M {side}"
    name += (" regions" if with_regions else "") + (" one window" if windows == 1 else "")
    # As the networks hand them over: one tensor of q, k and v, and heads inside a token.
    qkv = torch.empty(windows, tokens, 3, heads, head_dim, dtype=dtype, device="meta").permute(2, 0, 3, 1, 4)
    q, k, v = qkv[0], qkv[1], qkv[2]
    table = torch.empty(heads, (2 * side - 1) ** 2, device="meta")
    regions = torch.empty(windows, tokens, dtype=torch.int8, device="meta") if with_regions else None
    recording.name(name, forward=True)
    _forward(q, k, v, table, side, regions, 0.25, keep_lse=False)
    recording.name(f"{name}, trains", forward=True)
    out, lse = _forward(q, k, v, table, side, regions, 0.25, keep_lse=True)
    recording.name(name, forward=False)
    assert lse is not None
    _backward(q, k, v, table, side, regions, 0.25, out, lse, out, wants_table=True)
