"""``focused_attention`` by products over blocks that stay in cache. May import torch and what ``kernels`` shares.

Shapes: W windows, H heads, N tokens of a window, D head dimension, T keys that survived so far, K keys kept; a block is
b windows and R query rows. The scores of all N keys are computed and the surviving ones picked out: a dense product is
cheaper than gathering T rows of k. The backward pass computes every map again, so no N×N map outlives its block, in
training either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels.blocks import score_blocks
from kernels.focused_attention import blocked
from kernels.focused_attention.selection import largest
from kernels.focused_attention.state import FLOOR, DenseLayer, FocusState
from kernels.precision import accumulate_dtype, apart_from_autocast
from kernels.products import times_thin
from kernels.relative_bias import bias_matrix, region_penalty, sum_to_heads


def focused_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias_table: Tensor,
    window_size: int,
    topk: int,
    previous: FocusState,
    regions: Tensor | None,
    scale: float,
) -> tuple[Tensor, FocusState]:
    """Score, multiply by the carried values and select, block by block; shapes as in the public call.

    A CPU that needs no gradient takes the path of ``blocked``, which keeps nothing for one.
    """
    dtype = accumulate_dtype(q.dtype)
    # Kept by the state where the layer stays dense, so views of a larger tensor are copied once, here.
    q, k = q.contiguous(), k.contiguous()
    if previous.indices is not None:
        # As published: once keys are dropped, regions no longer count.
        regions = None
    empty = q.new_empty(0, dtype=dtype)
    layers = [*previous.dense, DenseLayer(q, k, bias_table, window_size, regions, scale, empty, empty)]
    if q.device.type == "cpu" and not _needs_gradient(layers, v, previous):
        out, state = blocked.focused_attention(layers, v, topk, previous)
        return out.to(q.dtype), state
    operands = [tensor for layer in layers for tensor in _operands(layer, dtype)]
    all_regions = tuple(layer.regions for layer in layers)
    v_wide = v.to(dtype).contiguous()
    if topk < q.shape[2] or previous.indices is not None:
        out, values, indices = _Narrowing.apply(  # type: ignore[no-untyped-call]
            topk, all_regions, v_wide, previous.values, previous.indices, *operands
        )
        return out.to(q.dtype), FocusState(values, indices)
    out, log_sum_exp, norm = _Dense.apply(all_regions, v_wide, *operands)  # type: ignore[no-untyped-call]
    layer = DenseLayer(q, k, bias_table, window_size, regions, scale, log_sum_exp, norm)
    return out.to(q.dtype), FocusState(dense=(*previous.dense, layer))


def _needs_gradient(layers: Sequence[DenseLayer], v: Tensor, previous: FocusState) -> bool:
    if not torch.is_grad_enabled():
        return False
    inputs = [v, *(x for layer in layers for x in (layer.q, layer.k, layer.bias_table))]
    return any(x.requires_grad for x in inputs) or (previous.values is not None and previous.values.requires_grad)


def _operands(layer: DenseLayer, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Give the scaled q, k and the (H or 1, N, N) bias of a layer in the accumulation dtype."""
    return (
        layer.q.to(dtype) * layer.scale,
        layer.k.to(dtype),
        bias_matrix(layer.bias_table.to(dtype), layer.window_size),
    )


@dataclass(frozen=True)
class _Scores:
    """The logits of one layer: q is scaled already; all in the accumulation dtype and contiguous."""

    q: Tensor
    k: Tensor
    bias: Tensor
    regions: Tensor | None

    def block(self, windows: slice, rows: slice) -> Tensor:
        """Compute the logits of a block, (b, H, R, N)."""
        logits = self.q[windows, :, rows] @ self.k[windows].mT
        logits += self.bias[:, rows]
        if self.regions is not None:
            logits += region_penalty(self.regions, windows, logits.dtype, rows)
        return logits


@dataclass(frozen=True)
class _Step:
    """What one layer did to a block: its softmax, the values it was multiplied by, the result and its norm.

    All (b, H, R, T), the norm (b, H, R, 1). Without carried values (a first layer) the result is the softmax and the
    norm is None.
    """

    probabilities: Tensor
    carried: Tensor | None
    attention: Tensor
    norm: Tensor | None


def _step(logits: Tensor, carried: Tensor | None) -> _Step:
    probabilities = logits.softmax(dim=-1)
    if carried is None:
        return _Step(probabilities, None, probabilities, None)
    attention = probabilities * carried
    attention += FLOOR
    norm = attention.sum(dim=-1, keepdim=True)
    norm += FLOOR
    attention /= norm
    return _Step(probabilities, carried, attention, norm)


def _step_backward(step: _Step, grad: Tensor) -> tuple[Tensor, Tensor | None]:
    """Turn the gradient of a step's result, which is consumed, into those of its logits and of its carried values."""
    grad_carried = None
    if step.carried is not None and step.norm is not None:
        # a = x / z with z = sum(x) + floor, so dx = (da - sum(da·a)) / z.
        grad -= (grad * step.attention).sum(dim=-1, keepdim=True)
        grad /= step.norm
        grad_carried = grad * step.probabilities
        grad *= step.carried
    weighted = grad.mul_(step.probabilities)
    return weighted.addcmul_(step.probabilities, weighted.sum(dim=-1, keepdim=True), value=-1), grad_carried


class _Dense(torch.autograd.Function):
    """A layer that keeps all keys, after dense layers only: inputs are v, then q, k and bias of each layer."""

    @staticmethod
    def forward(
        ctx: Any, regions: tuple[Tensor | None, ...], v: Tensor, *operands: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        layers = _layers(operands, regions)
        out, log_sum_exp, norm = torch.empty_like(v), v.new_empty(v.shape[:3]), v.new_ones(v.shape[:3])
        for here, rows in score_blocks(v, v.shape[2]):
            block = (here, slice(None), rows)
            *before, logits = (layer.block(here, rows) for layer in layers)
            step = _steps([*before, logits], None)[-1]
            out[block] = times_thin(step.attention, v[here])
            # The largest probability is exp(largest logit - s): cheaper than a second pass of exponentials.
            log_sum_exp[block] = logits.amax(dim=-1) - step.probabilities.amax(dim=-1).log()
            if step.norm is not None:
                norm[block] = step.norm[..., 0]
        ctx.save_for_backward(v, *operands)
        ctx.regions = regions
        ctx.mark_non_differentiable(log_sum_exp, norm)
        return out, log_sum_exp, norm

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        v, *operands = ctx.saved_tensors
        layers = _layers(operands, ctx.regions)
        grad_out = grad_out.contiguous()
        grad_v, grads = torch.zeros_like(v), [torch.zeros_like(operand) for operand in operands]
        for here, rows in score_blocks(v, v.shape[2]):
            block = (here, slice(None), rows)
            steps = _steps([layer.block(here, rows) for layer in layers], None)
            grad_v[here] += times_thin(steps[-1].attention.mT, grad_out[block])
            _layers_backward(layers, steps, here, rows, None, grad_out[block] @ v[here].mT, grads)
        return None, grad_v, *grads


class _Narrowing(torch.autograd.Function):
    """A layer with a sparse state before it or after it: inputs are v, that state, then q, k and bias of each layer.

    The layers are all dense ones so far and this one, or this one alone after a sparse state.
    """

    @staticmethod
    def forward(
        ctx: Any,
        topk: int,
        regions: tuple[Tensor | None, ...],
        v: Tensor,
        values: Tensor | None,
        indices: Tensor | None,
        *operands: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        layers = _layers(operands, regions)
        tokens = v.shape[2]
        length = tokens if values is None else values.shape[-1]
        out, new_values = torch.empty_like(v), v.new_empty(*v.shape[:3], min(topk, length))
        new_indices, picks = (torch.empty_like(new_values, dtype=torch.int16) for _ in range(2))
        for here, rows in score_blocks(v, tokens):
            block = (here, slice(None), rows)
            keys, carried = _sparse_block(indices, values, block)
            attention = _steps(_picked_logits(layers, here, rows, keys), carried)[-1].attention
            # Where topk is all tokens, nothing is selected; equal to the surviving keys it still permutes them.
            if topk < tokens:
                picked = largest(attention, topk)
                attention = attention.gather(-1, picked)
                picks[block] = picked
                keys = picked if keys is None else keys.gather(-1, picked)
            # The caller comes here only with keys before or a selection now.
            assert keys is not None
            out[block] = times_thin(_spread(attention, keys, tokens), v[here])
            new_values[block], new_indices[block] = attention, keys
        saved_picks = picks if topk < tokens else None
        ctx.save_for_backward(v, values, indices, new_values, new_indices, saved_picks, *operands)
        ctx.regions = regions
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(new_indices)
        return out, new_values, new_indices

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor | None, grad_values: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        v, values, indices, new_values, new_indices, picks, *operands = ctx.saved_tensors
        layers = _layers(operands, ctx.regions)
        grad_out = torch.zeros_like(v) if grad_out is None else grad_out.contiguous()
        grad_v, grads = torch.zeros_like(v), [torch.zeros_like(operand) for operand in operands]
        grad_carried = None if values is None else torch.empty_like(values)
        for here, rows in score_blocks(v, v.shape[2]):
            block = (here, slice(None), rows)
            keys, carried = _sparse_block(indices, values, block)
            steps = _steps(_picked_logits(layers, here, rows, keys), carried)
            kept = new_indices[block].long()
            grad_v[here] += times_thin(_spread(new_values[block], kept, v.shape[2]).mT, grad_out[block])
            grad = (grad_out[block] @ v[here].mT).gather(-1, kept)
            if grad_values is not None:
                grad += grad_values[block]
            if picks is not None:
                grad = _spread(grad, picks[block].long(), steps[-1].attention.shape[-1])
            before = _layers_backward(layers, steps, here, rows, keys, grad, grads)
            if grad_carried is not None and before is not None:
                grad_carried[block] = before
        return None, None, grad_v, grad_carried, None, *grads


def _layers(operands: Sequence[Tensor], regions: tuple[Tensor | None, ...]) -> list[_Scores]:
    return [_Scores(*operands[3 * i : 3 * i + 3], labels) for i, labels in enumerate(regions)]  # type: ignore[call-arg]


def _sparse_block(
    indices: Tensor | None, values: Tensor | None, block: tuple[slice, ...]
) -> tuple[Tensor | None, Tensor | None]:
    """Give a block of the keys that survived, as int64, and of their values; neither while the state is dense."""
    return (None, None) if indices is None or values is None else (indices[block].long(), values[block])


def _picked_logits(layers: list[_Scores], windows: slice, rows: slice, keys: Tensor | None) -> list[Tensor]:
    """Compute a block of each layer's logits, at the surviving keys only where they are given."""
    logits = [layer.block(windows, rows) for layer in layers]
    return logits if keys is None else [block.gather(-1, keys) for block in logits]


def _steps(logits: list[Tensor], carried: Tensor | None) -> list[_Step]:
    """Take the layers' steps in order, each multiplying by the one before."""
    steps: list[_Step] = []
    for block in logits:
        steps.append(_step(block, carried))
        carried = steps[-1].attention
    return steps


def _layers_backward(
    layers: list[_Scores],
    steps: list[_Step],
    windows: slice,
    rows: slice,
    keys: Tensor | None,
    grad: Tensor,
    grads: list[Tensor],
) -> Tensor | None:
    """Take ``grad`` of the last step's result back through all layers, adding to ``grads``; consumes ``grad``.

    Returns the gradient of the values that the first step was multiplied by, None where there were none.
    """
    for number in range(len(layers) - 1, -1, -1):
        layer, (grad_q, grad_k, grad_bias) = layers[number], grads[3 * number : 3 * number + 3]
        grad_logits, carried = _step_backward(steps[number], grad)
        # (b, H, R, N)
        grad_logits = _spread(grad_logits, keys, layer.k.shape[2])
        grad_q[windows, :, rows] = times_thin(grad_logits, layer.k[windows])
        grad_k[windows] += times_thin(grad_logits.mT, layer.q[windows, :, rows])
        grad_bias[:, rows] += sum_to_heads(grad_logits, grad_bias.shape[0])
        if carried is None:
            return None
        grad = carried
    return grad


def _spread(values: Tensor, keys: Tensor | None, length: int) -> Tensor:
    """Put the values of each row (..., K) at their places in rows of ``length`` zeros; without keys they lie there."""
    if keys is None:
        return values
    return values.new_zeros(*values.shape[:-1], length).scatter_(-1, keys, values)
