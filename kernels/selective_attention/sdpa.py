"""``selective_attention`` by a gather and dense products. May import torch and what ``kernels`` shares.

Shapes: B images, W windows of an image, H heads, N tokens of a window, D head dimension, K selected windows; images and
windows share one axis of B*W here, and a block is b of them and R query rows.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.blocks import block_slices, score_blocks
from kernels.parallel import for_each
from kernels.precision import accumulate_dtype, apart_from_autocast
from kernels.products import times_thin

# The keys and values that one thread holds at a time.
_PICKED_BYTES = 1 << 20


def selective_attention(q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float) -> Tensor:
    """Gather the selected windows' tokens and attend to them; shapes as in the public call.

    A CPU computes half inputs in float32 and works in blocks that stay in cache, so that neither the gathered copy nor
    the scores of all windows ever exist; its backward pass computes the scores again. Without gradients the result may
    lie token-major in memory.
    """
    images, windows, heads, tokens, head_dim = q.shape
    rows = index.long() + torch.arange(images, device=q.device)[:, None, None] * windows
    rows = rows.flatten(0, 1)
    flat = (images * windows, heads, tokens, head_dim)
    if q.device.type == "cpu":
        dtype = accumulate_dtype(q.dtype)
        if not (torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))):
            joint_q, joint_k, joint_v = (x.to(dtype).flatten(0, 1) for x in (q, k, v))
            return _without_gradient(joint_q, joint_k, joint_v, rows, scale).view(q.shape).to(q.dtype)
        operands = [x.to(dtype).reshape(flat).contiguous() for x in (q.to(dtype) * scale, k, v)]
        out: Tensor = _SelectiveAttention.apply(*operands, rows)  # type: ignore[no-untyped-call]
    else:
        # Advanced indexing sorts before it adds in the backward pass: two runs give equal bits.
        keys, values = (_join(x.reshape(flat)[rows]) for x in (k, v))
        out = F.scaled_dot_product_attention(q.reshape(flat), keys, values, scale=scale)
    return out.view(q.shape).to(q.dtype)


def _without_gradient(q: Tensor, k: Tensor, v: Tensor, rows: Tensor, scale: float) -> Tensor:
    """Attend block by block, one thread each, by torch's fused attention; q, k, v (B*W, H, N, D), any strides."""
    count, heads, tokens, head_dim = q.shape
    # Token-major, (B*W, N, H, D), so that the picked windows' tokens lie in a row for every head without another copy.
    keys, values = (x.transpose(1, 2).contiguous() for x in (k, v))
    out = torch.empty_like(keys)
    picked_bytes = 2 * rows.shape[1] * heads * tokens * head_dim * q.element_size()

    def attend(here: slice) -> None:
        picked_keys, picked_values = (
            x.index_select(0, rows[here].flatten()).view(-1, rows.shape[1] * tokens, heads, head_dim).transpose(1, 2)
            for x in (keys, values)
        )
        out[here] = F.scaled_dot_product_attention(q[here], picked_keys, picked_values, scale=scale).transpose(1, 2)

    for_each(block_slices(count, picked_bytes, _PICKED_BYTES), attend)
    return out.transpose(1, 2)


def _join(picked: Tensor) -> Tensor:
    """Turn the picked windows (b, K, H, N, D) into one row of tokens for each head, (b, H, K*N, D)."""
    return picked.transpose(1, 2).flatten(2, 3)


class _SelectiveAttention(torch.autograd.Function):
    """q is scaled already; rows (B*W, K) names the windows along the joint axis."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, rows: Tensor) -> Tensor:
        out = torch.empty_like(q)
        for here, queries in score_blocks(q, rows.shape[1] * q.shape[2]):
            block = (here, slice(None), queries)
            probabilities = (q[block] @ _pick(k, rows[here]).mT).softmax(dim=-1)
            out[block] = times_thin(probabilities, _pick(v, rows[here]))
        ctx.save_for_backward(q, k, v, rows, out)
        return out

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, rows, out = ctx.saved_tensors
        grad_out = grad_out.contiguous()
        # (B*W, H, N, 1): what the softmax subtracts from the gradient of each row of probabilities.
        row_mean = (grad_out * out).sum(dim=-1, keepdim=True)
        grad_q = torch.empty_like(q)
        # (B*W, H, D, N): transposed, as the products below leave them.
        grad_k, grad_v = (torch.zeros_like(x.mT, memory_format=torch.contiguous_format) for x in (k, v))
        for here, queries in score_blocks(q, rows.shape[1] * q.shape[2]):
            block = (here, slice(None), queries)
            keys = _pick(k, rows[here])
            probabilities = (q[block] @ keys.mT).softmax(dim=-1)
            _add_rows(grad_v, rows[here], grad_out[block].mT @ probabilities)
            grad = grad_out[block] @ _pick(v, rows[here]).mT
            grad -= row_mean[block]
            grad *= probabilities
            grad_q[block] = times_thin(grad, keys)
            _add_rows(grad_k, rows[here], q[block].mT @ grad)
        return grad_q, grad_k.mT, grad_v.mT, None


def _pick(x: Tensor, rows: Tensor) -> Tensor:
    """Gather the windows ``rows`` (b, K) of x (B*W, H, N, D): (b, H, K*N, D)."""
    return _join(x.index_select(0, rows.flatten()).view(*rows.shape, *x.shape[1:]))


def _add_rows(grad: Tensor, rows: Tensor, part: Tensor) -> None:
    """Add gradients of the picked tokens (b, H, D, K*N) to those of their windows (B*W, H, D, N), in order."""
    # (b, K, H, D, N)
    part = part.reshape(*part.shape[:3], rows.shape[1], grad.shape[-1]).permute(0, 3, 1, 2, 4)
    grad.index_add_(0, rows.flatten(), part.flatten(0, 1))
