"""``window_attention`` by torch's fused attention, with a backward pass in blocks that stay in cache.

Shapes: W windows, H heads, N tokens of a window, D head dimension; a block is b windows and R query rows. May import
torch and what ``kernels`` shares.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels import fused_linear
from kernels.blocks import Block, block_slices, fits_one_thread, head_blocks, score_blocks
from kernels.parallel import for_each
from kernels.precision import accumulate_dtype, apart_from_autocast
from kernels.products import times_thin
from kernels.relative_bias import bias_matrix, region_penalty, sum_to_heads

_MASK_BYTES = 32 << 20


def window_attention(
    q: Tensor, k: Tensor, v: Tensor, bias_table: Tensor, window_size: int, regions: Tensor | None, scale: float
) -> Tensor:
    """Compute softmax(q kᵀ·scale + bias) v with an N×N bias shared by the windows; shapes as in the public call.

    A CPU computes half inputs in float32. A CPU's own backward pass takes a gradient of the bias only through the whole
    (W, H, N, N) map; ours computes the scores again, block by block.
    """
    if q.device.type != "cpu":
        return _fused(q, k, v, bias_matrix(bias_table.to(q.dtype), window_size), regions, scale)
    dtype = accumulate_dtype(q.dtype)
    q_wide, k_wide, v_wide = q.to(dtype), k.to(dtype), v.to(dtype)
    bias = bias_matrix(bias_table.to(dtype), window_size)
    out: Tensor
    if torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v, bias_table)):
        out = _WindowAttention.apply(  # type: ignore[no-untyped-call]
            q_wide.contiguous(), k_wide.contiguous(), v_wide.contiguous(), bias, regions, scale
        )
    else:
        out = _fused(q_wide, k_wide, v_wide, bias, regions, scale)
    return out.to(q.dtype)


def _fused(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, regions: Tensor | None, scale: float) -> Tensor:
    """Call torch's attention with the (H or 1, N, N) bias; regions make the mask differ by window, so it is cut."""
    if regions is None:
        if fused_linear.serves(q) and not fits_one_thread(q, k.shape[2]):
            return _head_by_head(q, k, v, bias, scale)
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias[None], scale=scale)
    mask_bytes = bias.numel() * bias.element_size()
    parts = []
    for here in block_slices(q.shape[0], mask_bytes, _MASK_BYTES):
        mask = bias + region_penalty(regions, here, bias.dtype)
        parts.append(F.scaled_dot_product_attention(q[here], k[here], v[here], attn_mask=mask, scale=scale))
    return torch.cat(parts)


def _head_by_head(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float) -> Tensor:
    """Attend in blocks of rows of one head, each with one thread; for windows whose scores are many.

    The product with the bias added in it is one call of ``fused_linear``. 64 windows of 32 x 32, 4 heads of 16 numbers, took
    267 ms of processor time in place of 314 by torch's attention (the least of seven, taking turns).
    """
    windows, heads, tokens, head_dim = q.shape
    # Heads inside a token, so that merging them afterwards copies nothing.
    out = q.new_empty(windows, tokens, heads, head_dim).transpose(1, 2)

    def attend(block: Block) -> None:
        (window, head, rows) = block
        here = (window.start, head.start)
        table = bias[head.start if bias.shape[0] > 1 else 0, rows]
        logits = fused_linear.linear_add(q[here][rows] * scale, k[here].contiguous(), None, table)
        torch.softmax(logits, dim=-1, out=logits)
        out[here][rows] = fused_linear.linear(logits, v[here].t().contiguous())

    for_each(head_blocks(q, tokens), attend)
    return out


class _WindowAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, regions: Tensor | None, scale: float
    ) -> Tensor:
        # A mask that asks for a gradient would keep torch from its fused path.
        out = _fused(q.detach(), k.detach(), v.detach(), bias.detach(), regions, scale)
        ctx.save_for_backward(q, k, v, bias, regions, out)
        ctx.scale = scale
        return out

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, bias, regions, out = ctx.saved_tensors
        scaled = q * ctx.scale
        grad_out = grad_out.contiguous()
        # (W, H, N, 1): what the softmax subtracts from the gradient of each row of probabilities.
        row_mean = (grad_out * out).sum(dim=-1, keepdim=True)
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        grad_bias = torch.zeros_like(bias)
        for here, rows in score_blocks(q, k.shape[2]):
            block = (here, slice(None), rows)
            # (b, H, R, N)
            logits = scaled[block] @ k[here].mT
            logits += bias[:, rows]
            if regions is not None:
                logits += region_penalty(regions, here, logits.dtype, rows)
            probabilities = logits.softmax(dim=-1)
            grad_v[here] += times_thin(probabilities.mT, grad_out[block])
            grad = grad_out[block] @ v[here].mT
            grad -= row_mean[block]
            grad *= probabilities
            grad_q[block] = times_thin(grad, k[here])
            grad_k[here] += times_thin(grad.mT, scaled[block])
            grad_bias[:, rows] += sum_to_heads(grad, bias.shape[0])
        return grad_q.mul_(ctx.scale), grad_k, grad_v, grad_bias, None, None
