"""``focused_attention`` in Triton: the layers as autograd functions, and what is shipped; needs Triton to import.

Shapes: W windows, H heads, M side of a window, N = M*M tokens, D head dimension, T keys that survived so far, K keys
kept. May import torch, triton and ``kernels``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels._triton.launch import Compilation, record
from kernels._triton.targets import Target
from kernels.dispatch import Backend, drop_if_broken
from kernels.focused_attention import reference
from kernels.focused_attention.state import DenseLayer, FocusState
from kernels.focused_attention.triton_gradients import dense_backward, select_backward, sparse_backward
from kernels.focused_attention.triton_layers import (
    Layer,
    Plan,
    dense_forward,
    read_layers,
    select_forward,
    sparse_forward,
)
from kernels.precision import apart_from_autocast


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
    """Compute one layer; shapes as in the public call, N at most 1024.

    A state that stays dense keeps q and k with their rows filled up with zeros to a multiple of 8 numbers.
    """
    width = max(_row(q.shape[-1]), *(_row(layer.q.shape[-1]) for layer in previous.dense), 0)
    q_rows, k_rows, v_rows = (_padded(x, width) for x in (q, k, v))
    table = bias_table.float()
    out: Tensor
    if previous.values is not None and previous.indices is not None:
        # As published: once keys are dropped, regions no longer count.
        plan = Plan(q.shape[-1], window_size, None, scale)
        out, values, indices = _Sparse.apply(  # type: ignore[no-untyped-call]
            plan, topk, q_rows, k_rows, v_rows, table, previous.values.float(), previous.indices
        )
        return out, FocusState(values, indices)
    plan = Plan(q.shape[-1], window_size, None if regions is None else regions.contiguous(), scale)
    plans = (*(_plan_of(layer) for layer in previous.dense), plan)
    before = [tensor for layer in previous.dense for tensor in _operands(layer, width, q.dtype)]
    operands = (*before, q_rows, k_rows, table)
    if topk < q.shape[2]:
        out, values, indices = _Selecting.apply(plans, topk, v_rows, *operands)  # type: ignore[no-untyped-call]
        return out, FocusState(values, indices)
    out, log_sum_exp, norm = _Dense.apply(plans, v_rows, *operands)  # type: ignore[no-untyped-call]
    layer = DenseLayer(q_rows, k_rows, bias_table, window_size, plan.regions, scale, log_sum_exp, norm)
    return out, FocusState(dense=(*previous.dense, layer))


def shipped(target: Target) -> list[Compilation]:
    """Return every specialisation shipped for a target: PFT-light's and PFT's layers, and small and odd windows."""
    with record(target) as recording:
        for dtype in (torch.float16, torch.bfloat16, torch.float32):
            for size, head_dim, previous, chain in (
                (32, 13, 1, (256, 128, 64, 32)),
                (32, 40, 2, (256, 128, 64, 32, 16)),
                (16, 20, 1, (64, 16)),
                (10, 16, 0, (64, 48)),
                (32, 64, 1, (1000, 512)),
            ):
                _record_chain(recording, dtype, size, head_dim, previous, chain)
    return recording.compilations


def _record_chain(
    recording: Any, dtype: torch.dtype, size: int, head_dim: int, previous: int, chain: Sequence[int]
) -> None:
    tokens = size * size
    q = torch.empty(8, 4, tokens, _row(head_dim), dtype=dtype, device="meta")
    sums = torch.empty(8, 4, tokens, dtype=torch.float32, device="meta")
    regions = torch.empty(4, tokens, dtype=torch.int8, device="meta")
    plan = Plan(head_dim, size, regions, 0.25, sums, sums)
    layer = Layer(plan, q, q, torch.empty(1, (2 * size - 1) ** 2, dtype=torch.float32, device="meta"))
    grad_out = torch.empty(8, 4, tokens, head_dim, dtype=dtype, device="meta")
    name = f"{str(dtype).removeprefix('torch.')} M {size} D {head_dim}"
    for number in range(previous + 1):
        recording.name(f"{name} dense", forward=True)
        dense_forward([layer] * (number + 1), q)
        recording.name(f"{name} dense", forward=False)
        dense_backward([layer] * (number + 1), q, sums, sums, grad_out)
    survivors = None
    for kept in chain:
        values = torch.empty(8, 4, tokens, kept, dtype=torch.float32, device="meta")
        indices = torch.empty_like(values, dtype=torch.int16)
        label = f"{name} {tokens if survivors is None else survivors.shape[-1]} to {kept}"
        recording.name(label, forward=True)
        if survivors is None:
            select_forward([layer] * (previous + 1), q, kept)
            recording.name(label, forward=False)
            select_backward([layer] * (previous + 1), q, sums, sums, values, indices, grad_out, values)
        else:
            _, _, _, places = sparse_forward(layer, q, survivors, survivors.to(torch.int16), kept, training=True)
            sparse_forward(layer, q, survivors, survivors.to(torch.int16), kept, training=False)
            recording.name(label, forward=False)
            sparse_backward(layer, q, survivors, survivors.to(torch.int16), places, grad_out, values)
        survivors = values


def _row(head_dim: int) -> int:
    """Return the numbers in a padded row: a multiple of 8, so that a row in half precision is read 16 bytes at a time."""
    return -(-head_dim // 8) * 8


def _padded(x: Tensor, width: int) -> Tensor:
    return x.contiguous() if x.shape[-1] == width else F.pad(x, (0, width - x.shape[-1]))


def _plan_of(layer: DenseLayer) -> Plan:
    regions = None if layer.regions is None else layer.regions.contiguous()
    return Plan(
        layer.q.shape[-1],
        layer.window_size,
        regions,
        layer.scale,
        layer.log_sum_exp.float().contiguous(),
        layer.norm.float().contiguous(),
    )


def _operands(layer: DenseLayer, width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    return _padded(layer.q, width).to(dtype), _padded(layer.k, width).to(dtype), layer.bias_table.float()


class _Dense(torch.autograd.Function):
    """A layer that keeps all keys: inputs are v, then q, k and table of each layer so far and of this one."""

    @staticmethod
    def forward(ctx: Any, plans: tuple[Plan, ...], v: Tensor, *operands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        out, log_sum_exp, norm = dense_forward(read_layers(plans, operands), v)
        ctx.save_for_backward(v, log_sum_exp, norm, *operands)
        ctx.plans = plans
        ctx.mark_non_differentiable(log_sum_exp, norm)
        return out, log_sum_exp, norm

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        v, log_sum_exp, norm, *operands = ctx.saved_tensors
        try:
            layers = read_layers(ctx.plans, operands)
            return None, *dense_backward(layers, v, log_sum_exp, norm, grad_out.contiguous())
        except Exception as error:
            if not drop_if_broken("focused_attention", Backend.TRITON, error):
                raise
        return None, *_backward_elsewhere(ctx.plans, v, operands, None, None, grad_out, None)


class _Selecting(torch.autograd.Function):
    """The first layer that selects; inputs as in a dense one."""

    @staticmethod
    def forward(
        ctx: Any, plans: tuple[Plan, ...], topk: int, v: Tensor, *operands: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        out, log_sum_exp, norm, values, indices = select_forward(read_layers(plans, operands), v, topk)
        ctx.save_for_backward(v, log_sum_exp, norm, values, indices, *operands)
        ctx.plans = plans
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(indices)
        return out, values, indices

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor | None, grad_values: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        v, log_sum_exp, norm, values, indices, *operands = ctx.saved_tensors
        grad_out = _grad_out(grad_out, v, ctx.plans[-1].head_dim)
        grad_values = None if grad_values is None else grad_values.contiguous()
        try:
            layers = read_layers(ctx.plans, operands)
            grads = select_backward(layers, v, log_sum_exp, norm, values, indices, grad_out, grad_values)
        except Exception as error:
            if not drop_if_broken("focused_attention", Backend.TRITON, error):
                raise
            grads = _backward_elsewhere(ctx.plans, v, operands, None, indices, grad_out, grad_values)
        return None, None, *grads


class _Sparse(torch.autograd.Function):
    """A layer over the keys that survived."""

    @staticmethod
    def forward(
        ctx: Any,
        plan: Plan,
        topk: int,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        table: Tensor,
        values: Tensor,
        indices: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        (layer,) = read_layers((plan,), (q, k, table))
        values, indices = values.contiguous(), indices.contiguous()
        kept = min(topk, values.shape[-1])
        out, new_values, new_indices, places = sparse_forward(
            layer, v, values, indices, kept, training=any(ctx.needs_input_grad)
        )
        ctx.save_for_backward(q, k, v, table, values, indices, new_indices, places)
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(new_indices)
        return out, new_values, new_indices

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor | None, grad_values: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        q, k, v, table, values, indices, new_indices, places = ctx.saved_tensors
        grad_out = _grad_out(grad_out, v, ctx.plan.head_dim)
        grad_values = None if grad_values is None else grad_values.contiguous()
        try:
            (layer,) = read_layers((ctx.plan,), (q, k, table))
            grads = sparse_backward(layer, v, values, indices, places, grad_out, grad_values)
        except Exception as error:
            if not drop_if_broken("focused_attention", Backend.TRITON, error):
                raise
            operands = (q, k, table)
            carried = (values, indices)
            found = _backward_elsewhere((ctx.plan,), v, operands, carried, new_indices, grad_out, grad_values)
            grads = [*found[1:3], found[0], *found[3:]]
        return None, None, *grads, None


def _backward_elsewhere(
    plans: Sequence[Plan],
    v: Tensor,
    operands: Sequence[Tensor],
    carried: tuple[Tensor, Tensor] | None,
    told: Tensor | None,
    grad_out: Tensor,
    grad_values: Tensor | None,
) -> list[Tensor]:
    """Return the gradients of v, of all operands and of the carried values, by the reference on the keys that were kept.

    For the machine whose compiler fails between the passes.
    """
    with torch.enable_grad():
        leaves = [x.detach().requires_grad_() for x in (v, *operands)]
        state = FocusState()
        if carried is not None:
            leaves.append(carried[0].detach().requires_grad_())
            state = FocusState(leaves[-1], carried[1])
        layers = []
        for i, plan in enumerate(plans):
            q, k, table = leaves[3 * i + 1 : 3 * i + 4]
            unused = v.new_empty(0)
            layers.append(DenseLayer(q, k, table, plan.window_size, plan.regions, plan.scale, unused, unused))
        if carried is None:
            state = FocusState(dense=tuple(layers[:-1]))
        last, tokens = layers[-1], v.shape[2]
        out, new = reference.focused_attention(
            last.q, last.k, leaves[0], last.bias_table, last.window_size, tokens, state, last.regions, last.scale, told
        )
        outputs, given = [out[..., : grad_out.shape[-1]]], [grad_out]
        if grad_values is not None and new.values is not None:
            outputs.append(new.values)
            given.append(grad_values)
        return list(torch.autograd.grad(outputs, leaves, given))


def _grad_out(grad_out: Tensor | None, v: Tensor, head_dim: int) -> Tensor:
    return v.new_zeros(*v.shape[:-1], head_dim) if grad_out is None else grad_out.contiguous()
