"""``focused_attention`` without gradients on a CPU: the fast path of ``sdpa``. May import torch and what ``kernels`` shares.

Shapes: W windows, H heads, N tokens of a window, D head dimension, T keys that survived so far, K keys kept; a block is
b windows, g heads and R query rows. A block's scores against all N keys are one product with the bias added in it, and
stay in cache; the surviving ones are picked out, which is cheaper than gathering rows of k, and the weighted sum of
surviving rows of v is an embedding bag, which reads them where they lie. Nothing is kept for a backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels import fused_linear
from kernels.blocks import Block, head_blocks
from kernels.focused_attention.selection import keep_largest
from kernels.focused_attention.state import FLOOR, DenseLayer, FocusState
from kernels.parallel import for_each
from kernels.precision import accumulate_dtype
from kernels.products import times_thin
from kernels.relative_bias import bias_matrix, region_penalty

# From so many scores on, one fused product for each head is faster than one batched product of all.
_FUSED_SCORES = 1 << 16


def focused_attention(
    layers: list[DenseLayer], v: Tensor, topk: int, previous: FocusState
) -> tuple[Tensor, FocusState]:
    """Attend in the last of ``layers``; the ones before it are the dense layers so far.

    ``v``: (W, H, N, D) of the last layer. Returns the output in the accumulation dtype and the new state, whose dense
    layer, where it has one, is the last of ``layers`` with its sums filled in.
    """
    dtype = accumulate_dtype(v.dtype)
    v = v.to(dtype).contiguous()
    scores = [_Scores.of(layer, dtype) for layer in layers]
    if previous.indices is None and topk >= v.shape[2]:
        return _dense(layers, scores, v)
    if previous.indices is None or previous.values is None:
        return _first_selection(scores, v, topk)
    return _narrower(scores[-1], v, topk, previous.values, previous.indices)


@dataclass(frozen=True)
class _Scores:
    """The logits of one layer: q scaled; q and k (W, H, N, D), bias (H or 1, N, N), all of the accumulation dtype.

    ``mixed`` tells for each window of an image whether its tokens belong to more than one region.
    """

    q: Tensor
    k: Tensor
    bias: Tensor
    regions: Tensor | None
    mixed: tuple[bool, ...]

    @classmethod
    def of(cls, layer: DenseLayer, dtype: torch.dtype) -> _Scores:
        regions, mixed = layer.regions, ()
        if regions is not None:
            mixed = tuple((regions != regions[:, :1]).any(dim=1).tolist())
        return cls(
            q=(layer.q.to(dtype) * layer.scale).contiguous(),
            k=layer.k.to(dtype).contiguous(),
            bias=bias_matrix(layer.bias_table.to(dtype), layer.window_size),
            regions=regions,
            mixed=mixed,
        )

    def block(self, block: Block) -> Tensor:
        """Compute the logits of a block, (b, g, R, N)."""
        windows, heads, rows = block
        q, k = self.q[block], self.k[windows, heads]
        bias = self.bias[heads if self.bias.shape[0] > 1 else slice(None), rows]
        if q.shape[:2] == (1, 1) and q.shape[2] * k.shape[2] >= _FUSED_SCORES:
            logits = fused_linear.linear_add(q[0, 0], k[0, 0], None, bias[0])[None, None]
        else:
            logits = q @ k.mT
            logits += bias
        if self.regions is not None and any(
            self.mixed[window % len(self.mixed)] for window in range(windows.start, windows.stop)
        ):
            logits += region_penalty(self.regions, windows, logits.dtype, rows)
        return logits


def _multiply(probabilities: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
    """Turn ``probabilities`` into (p·a + 1e-20) / z, in place, and return it with z, (..., 1)."""
    attention = probabilities.mul_(carried).add_(FLOOR)
    norm = attention.sum(dim=-1, keepdim=True).add_(FLOOR)
    return attention.div_(norm), norm


def _dense(layers: list[DenseLayer], scores: list[_Scores], v: Tensor) -> tuple[Tensor, FocusState]:
    """A layer that keeps all keys, after dense layers only."""
    out, log_sum_exp, norm = torch.empty_like(v), v.new_empty(v.shape[:3]), v.new_ones(v.shape[:3])

    def attend(block: Block) -> None:
        carried = _carried(scores[:-1], block)
        logits = scores[-1].block(block)
        probabilities = logits.softmax(dim=-1)
        # The largest probability is exp(largest logit - s): cheaper than a second pass of exponentials.
        log_sum_exp[block] = logits.amax(dim=-1) - probabilities.amax(dim=-1).log()
        if carried is not None:
            probabilities, sums = _multiply(probabilities, carried)
            norm[block] = sums[..., 0]
        out[block] = times_thin(probabilities, v[block[:2]])

    for_each(head_blocks(v, v.shape[2]), attend)
    *before, last = layers
    layer = DenseLayer(last.q, last.k, last.bias_table, last.window_size, last.regions, last.scale, log_sum_exp, norm)
    return out, FocusState(dense=(*before, layer))


def _carried(before: list[_Scores], block: Block) -> Tensor | None:
    """Compute the product map of the dense layers so far again for a block, (b, g, R, N); None without any."""
    carried: Tensor | None = None
    for layer in before:
        probabilities = layer.block(block).softmax(dim=-1)
        carried = probabilities if carried is None else _multiply(probabilities, carried)[0]
    return carried


def _first_selection(scores: list[_Scores], v: Tensor, topk: int) -> tuple[Tensor, FocusState]:
    """The first layer that keeps fewer than all keys."""
    out, values = torch.empty_like(v), v.new_empty(*v.shape[:3], topk)
    indices = torch.empty_like(values, dtype=torch.int16)

    def attend(block: Block) -> None:
        carried = _carried(scores[:-1], block)
        attention = scores[-1].block(block).softmax(dim=-1)
        if carried is not None:
            attention = _multiply(attention, carried)[0]
        best, keys = keep_largest(attention, None, topk)
        values[block], indices[block] = best, keys
        out[block] = _weighted_rows(best, keys, v[block[:2]])

    for_each(head_blocks(v, v.shape[2]), attend)
    return out, FocusState(values, indices)


def _narrower(
    scores: _Scores, v: Tensor, topk: int, old_values: Tensor, old_indices: Tensor
) -> tuple[Tensor, FocusState]:
    """A layer over the keys that survived; where it keeps them all, the old indices serve on."""
    length = old_values.shape[-1]
    narrows = topk < length
    out, values = torch.empty_like(v), v.new_empty(*v.shape[:3], min(topk, length))
    indices = torch.empty_like(values, dtype=torch.int16) if narrows else old_indices

    def attend(block: Block) -> None:
        keys = old_indices[block]
        logits = scores.block(block).gather(-1, keys.long())
        attention = _multiply(logits.softmax(dim=-1), old_values[block])[0]
        if narrows:
            attention, keys = keep_largest(attention, keys, topk)
            indices[block] = keys
        values[block] = attention
        out[block] = _weighted_rows(attention, keys, v[block[:2]])

    for_each(head_blocks(v, v.shape[2]), attend)
    return out, FocusState(values, indices)


def _weighted_rows(weights: Tensor, keys: Tensor, v: Tensor) -> Tensor:
    """Sum the rows of v (b, g, N, D) at ``keys`` (b, g, R, K) with ``weights`` (b, g, R, K): (b, g, R, D)."""
    count, heads, tokens, dim = v.shape
    # Keys of other windows and heads of the block lie further down the joint table.
    rows = keys.to(torch.int32)
    if count * heads > 1:
        rows += torch.arange(count * heads, dtype=torch.int32).view(count, heads, 1, 1) * tokens
    summed = F.embedding_bag(
        rows.flatten(0, 2), v.reshape(-1, dim), mode="sum", per_sample_weights=weights.flatten(0, 2)
    )
    return summed.view(*keys.shape[:3], dim)
