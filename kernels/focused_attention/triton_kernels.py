"""``focused_attention`` in Triton: which kernels a layer needs, forward and backward, and how they are launched.

Shapes: W windows, H heads, M side of a window, N = M*M tokens, D head dimension, T keys that survived so far, K keys
kept. May import torch, triton and ``kernels``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels._triton.launch import Compilation, launch, record
from kernels._triton.targets import Target, target_of
from kernels.dispatch import Backend, drop_if_broken
from kernels.focused_attention import reference
from kernels.focused_attention.configs import Tile, dense_tile, product_tile, selecting_tile, sparse_tile
from kernels.focused_attention.state import FLOOR, DenseLayer, FocusState
from kernels.focused_attention.triton_backward import (
    focused_map_kernel,
    focused_product_kernel,
    focused_sparse_bwd_kernel,
    focused_spread_kernel,
    focused_step_bwd_kernel,
    focused_table_kernel,
)
from kernels.focused_attention.triton_forward import (
    focused_dense_fwd_kernel,
    focused_select_fwd_kernel,
    focused_sparse_fwd_kernel,
)

_LOG2_E = 1.0 / math.log(2.0)
# The backward pass holds the maps of so many windows at a time, at least one; a fast GPU's cache holds a fifth of it.
_MAP_BUDGET_BYTES = 256 << 20


@dataclass(frozen=True)
class _Plan:
    """What a layer is computed with beside its q, k and table, which carry gradients.

    ``log_sum_exp, norm``: (W, H, N), the caches of an earlier layer, None for the layer being computed.
    """

    head_dim: int
    window_size: int
    regions: Tensor | None
    scale: float
    log_sum_exp: Tensor | None = None
    norm: Tensor | None = None


@dataclass(frozen=True)
class _Layer:
    """A layer as the kernels read it: q, k (W, H, N, ROW) padded with zeros, table (H or 1, (2M-1)^2) times log2(e)."""

    plan: _Plan
    q: Tensor
    k: Tensor
    table: Tensor

    def table_arguments(self) -> dict[str, Any]:
        """Return how a kernel finds a pair's bias and regions."""
        regions = self.plan.regions
        return {
            "table_ptr": self.table,
            "regions_ptr": regions,
            "table_stride": 0 if self.table.shape[0] == 1 else self.table.shape[1],
            "region_rows": 0 if regions is None else regions.shape[0],
        }


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
        plan = _Plan(q.shape[-1], window_size, None, scale)
        out, values, indices = _Sparse.apply(  # type: ignore[no-untyped-call]
            plan, topk, q_rows, k_rows, v_rows, table, previous.values.float(), previous.indices
        )
        return out, FocusState(values, indices)
    plan = _Plan(q.shape[-1], window_size, None if regions is None else regions.contiguous(), scale)
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
    plan = _Plan(head_dim, size, regions, 0.25, sums, sums)
    layer = _Layer(plan, q, q, torch.empty(1, (2 * size - 1) ** 2, dtype=torch.float32, device="meta"))
    grad_out = torch.empty(8, 4, tokens, head_dim, dtype=dtype, device="meta")
    name = f"{str(dtype).removeprefix('torch.')} M {size} D {head_dim}"
    for number in range(previous + 1):
        recording.name(f"{name} dense", forward=True)
        _dense_forward([layer] * (number + 1), q)
        recording.name(f"{name} dense", forward=False)
        _dense_backward([layer] * (number + 1), q, sums, sums, grad_out)
    survivors = None
    for kept in chain:
        values = torch.empty(8, 4, tokens, kept, dtype=torch.float32, device="meta")
        indices = torch.empty_like(values, dtype=torch.int16)
        label = f"{name} {tokens if survivors is None else survivors.shape[-1]} to {kept}"
        recording.name(label, forward=True)
        if survivors is None:
            _select_forward([layer] * (previous + 1), q, kept)
            recording.name(label, forward=False)
            _select_backward([layer] * (previous + 1), q, sums, sums, values, indices, grad_out, values)
        else:
            _, _, _, places = _sparse_forward(layer, q, survivors, survivors.to(torch.int16), kept, training=True)
            _sparse_forward(layer, q, survivors, survivors.to(torch.int16), kept, training=False)
            recording.name(label, forward=False)
            _sparse_backward(layer, q, survivors, survivors.to(torch.int16), places, grad_out, values)
        survivors = values


def _row(head_dim: int) -> int:
    """Return the numbers in a padded row: a multiple of 8, so that a row in half precision is read 16 bytes at a time."""
    return -(-head_dim // 8) * 8


def _padded(x: Tensor, width: int) -> Tensor:
    return x.contiguous() if x.shape[-1] == width else F.pad(x, (0, width - x.shape[-1]))


def _plan_of(layer: DenseLayer) -> _Plan:
    regions = None if layer.regions is None else layer.regions.contiguous()
    return _Plan(
        layer.q.shape[-1],
        layer.window_size,
        regions,
        layer.scale,
        layer.log_sum_exp.float().contiguous(),
        layer.norm.float().contiguous(),
    )


def _operands(layer: DenseLayer, width: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    return _padded(layer.q, width).to(dtype), _padded(layer.k, width).to(dtype), layer.bias_table.float()


def _layers(plans: Sequence[_Plan], operands: Sequence[Tensor]) -> list[_Layer]:
    tables = [(operand * _LOG2_E).contiguous() for operand in operands[2::3]]
    return [_Layer(plan, operands[3 * i], operands[3 * i + 1], tables[i]) for i, plan in enumerate(plans)]


class _Dense(torch.autograd.Function):
    """A layer that keeps all keys: inputs are v, then q, k and table of each layer so far and of this one."""

    @staticmethod
    def forward(ctx: Any, plans: tuple[_Plan, ...], v: Tensor, *operands: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        out, log_sum_exp, norm = _dense_forward(_layers(plans, operands), v)
        ctx.save_for_backward(v, log_sum_exp, norm, *operands)
        ctx.plans = plans
        ctx.mark_non_differentiable(log_sum_exp, norm)
        return out, log_sum_exp, norm

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        v, log_sum_exp, norm, *operands = ctx.saved_tensors
        try:
            layers = _layers(ctx.plans, operands)
            return None, *_dense_backward(layers, v, log_sum_exp, norm, grad_out.contiguous())
        except Exception as error:
            if not drop_if_broken("focused_attention", Backend.TRITON, error):
                raise
        return None, *_backward_elsewhere(ctx.plans, v, operands, None, None, grad_out, None)


class _Selecting(torch.autograd.Function):
    """The first layer that selects; inputs as in a dense one."""

    @staticmethod
    def forward(
        ctx: Any, plans: tuple[_Plan, ...], topk: int, v: Tensor, *operands: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        out, log_sum_exp, norm, values, indices = _select_forward(_layers(plans, operands), v, topk)
        ctx.save_for_backward(v, log_sum_exp, norm, values, indices, *operands)
        ctx.plans = plans
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(indices)
        return out, values, indices

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor | None, grad_values: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        v, log_sum_exp, norm, values, indices, *operands = ctx.saved_tensors
        grad_out = _grad_out(grad_out, v, ctx.plans[-1].head_dim)
        grad_values = None if grad_values is None else grad_values.contiguous()
        try:
            layers = _layers(ctx.plans, operands)
            grads = _select_backward(layers, v, log_sum_exp, norm, values, indices, grad_out, grad_values)
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
        plan: _Plan,
        topk: int,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        table: Tensor,
        values: Tensor,
        indices: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        (layer,) = _layers((plan,), (q, k, table))
        values, indices = values.contiguous(), indices.contiguous()
        kept = min(topk, values.shape[-1])
        out, new_values, new_indices, places = _sparse_forward(
            layer, v, values, indices, kept, training=any(ctx.needs_input_grad)
        )
        ctx.save_for_backward(q, k, v, table, values, indices, new_indices, places)
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(new_indices)
        return out, new_values, new_indices

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor | None, grad_values: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
        q, k, v, table, values, indices, new_indices, places = ctx.saved_tensors
        grad_out = _grad_out(grad_out, v, ctx.plan.head_dim)
        grad_values = None if grad_values is None else grad_values.contiguous()
        try:
            (layer,) = _layers((ctx.plan,), (q, k, table))
            grads = _sparse_backward(layer, v, values, indices, places, grad_out, grad_values)
        except Exception as error:
            if not drop_if_broken("focused_attention", Backend.TRITON, error):
                raise
            operands = (q, k, table)
            carried = (values, indices)
            found = _backward_elsewhere((ctx.plan,), v, operands, carried, new_indices, grad_out, grad_values)
            grads = [*found[1:3], found[0], *found[3:]]
        return None, None, *grads, None


def _backward_elsewhere(
    plans: Sequence[_Plan],
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


def _dense_forward(layers: list[_Layer], v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    layer = layers[-1]
    tile = dense_tile(target_of(v.device), layer.plan.head_dim, v.dtype, carried=len(layers) > 1)
    out = torch.empty((*v.shape[:3], layer.plan.head_dim), dtype=v.dtype, device=v.device)
    log_sum_exp, norm = (torch.empty(v.shape[:3], dtype=torch.float32, device=v.device) for _ in range(2))
    launch(
        focused_dense_fwd_kernel,
        _grid(v, tile),
        {
            "q_ptr": layer.q,
            "k_ptr": layer.k,
            "v_ptr": v,
            "out_ptr": out,
            "log_sum_ptr": log_sum_exp,
            "norm_ptr": norm,
            "heads": v.shape[1],
            **layer.table_arguments(),
            **_layer_table(layers[:-1], [before.k for before in layers[:-1]], v.device),
            "scale_log2": layer.plan.scale * _LOG2_E,
        },
        {
            "HEAD_DIM": layer.plan.head_dim,
            "BLOCK_D": max(16, triton.next_power_of_2(layer.q.shape[-1])),
            **_dense_constants(layer, tile),
        },
        tile.shape,
    )
    return out, log_sum_exp, norm


def _select_forward(layers: list[_Layer], v: Tensor, kept: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    layer = layers[-1]
    tokens, head_dim = v.shape[2], layer.plan.head_dim
    tile = selecting_tile(triton.next_power_of_2(tokens))
    out = torch.empty((*v.shape[:3], head_dim), dtype=v.dtype, device=v.device)
    log_sum_exp, norm = (torch.empty(v.shape[:3], dtype=torch.float32, device=v.device) for _ in range(2))
    values = torch.empty((*v.shape[:3], kept), dtype=torch.float32, device=v.device)
    indices = torch.empty_like(values, dtype=torch.int16)
    # A program reads columns of k and v, one at a time, all keys side by side: (W, H, D, N).
    *before, k_columns, v_columns = (x[..., :head_dim].mT.contiguous() for x in (*(layer.k for layer in layers), v))
    launch(
        focused_select_fwd_kernel,
        _grid(v, tile),
        {
            "q_ptr": layer.q,
            "k_ptr": k_columns,
            "v_ptr": v_columns,
            "out_ptr": out,
            "log_sum_ptr": log_sum_exp,
            "norm_ptr": norm,
            "heads": v.shape[1],
            "values_ptr": values,
            "indices_ptr": indices,
            **layer.table_arguments(),
            **_layer_table(layers[:-1], before, v.device),
            "scale_log2": layer.plan.scale * _LOG2_E,
        },
        {
            "KEPT": kept,
            "TOKENS": tokens,
            "SIZE": layer.plan.window_size,
            "HEAD_DIM": head_dim,
            "ROW": layer.q.shape[-1],
            "BLOCK_M": tile.rows,
            "BLOCK_N": tile.keys,
        },
        tile.shape,
    )
    return out, log_sum_exp, norm, values, indices


def _sparse_forward(
    layer: _Layer, v: Tensor, values: Tensor, indices: Tensor, kept: int, *, training: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    survivors = values.shape[-1]
    tile = sparse_tile(triton.next_power_of_2(survivors))
    out = torch.empty((*v.shape[:3], layer.plan.head_dim), dtype=v.dtype, device=v.device)
    new_values = torch.empty((*v.shape[:3], kept), dtype=torch.float32, device=v.device)
    new_indices = torch.empty_like(new_values, dtype=torch.int16)
    places = torch.empty_like(indices) if training and kept < survivors else None
    table = layer.table_arguments()
    launch(
        focused_sparse_fwd_kernel,
        _grid(v, tile),
        {
            "q_ptr": layer.q,
            "k_ptr": layer.k,
            "v_ptr": v,
            "table_ptr": layer.table,
            "values_ptr": values,
            "indices_ptr": indices,
            "out_ptr": out,
            "new_values_ptr": new_values,
            "new_indices_ptr": new_indices,
            "places_ptr": places,
            "heads": v.shape[1],
            "table_stride": table["table_stride"],
            "scale_log2": layer.plan.scale * _LOG2_E,
        },
        _sparse_constants(layer, survivors, kept, tile),
        tile.shape,
    )
    return out, new_values, new_indices, places


def _dense_backward(
    layers: list[_Layer], v: Tensor, log_sum_exp: Tensor, norm: Tensor, grad_out: Tensor
) -> list[Tensor]:
    """Return the gradients of v, then of q, k and table of each layer."""
    gradients = _Gradients(layers, v, grad_out)
    for windows in gradients.chunks(len(layers) + 2):
        maps = gradients.maps(windows, len(layers) + 2)
        steps = _Steps(layers, maps[3:], windows, log_sum_exp, norm)
        grad_map, grad_scores, attention = maps[:3]
        for number in range(len(layers) - 1, -1, -1):
            top = number == len(layers) - 1
            steps.back(number, grad_map, grad_scores, grad_out if top else None, v, attention if top else None)
            gradients.add_layer(number, grad_scores, windows)
        gradients.add_values(attention, windows)
    return gradients.result()


def _select_backward(
    layers: list[_Layer],
    v: Tensor,
    log_sum_exp: Tensor,
    norm: Tensor,
    values: Tensor,
    indices: Tensor,
    grad_out: Tensor,
    grad_values: Tensor | None,
) -> list[Tensor]:
    """Return the gradients of v, then of q, k and table of each layer."""
    gradients = _Gradients(layers, v, grad_out)
    tile = sparse_tile(triton.next_power_of_2(values.shape[-1]))
    for windows in gradients.chunks(len(layers) + 2):
        maps = gradients.maps(windows, len(layers) + 2)
        steps = _Steps(layers, maps[3:], windows, log_sum_exp, norm)
        grad_map, grad_scores, attention = maps[:3]
        grad_map.zero_()
        attention.zero_()
        launch(
            focused_spread_kernel,
            _grid(v[windows], tile),
            {
                "v_ptr": v,
                "values_ptr": values,
                "indices_ptr": indices,
                "grad_out_ptr": grad_out,
                "grad_values_ptr": grad_values,
                "grad_map_ptr": grad_map,
                "attention_ptr": attention,
                "first_pair": windows.start * v.shape[1],
            },
            {
                "KEPT": values.shape[-1],
                "TOKENS": v.shape[2],
                "HEAD_DIM": grad_out.shape[-1],
                "ROW": v.shape[-1],
                "BLOCK_M": tile.rows,
                "BLOCK_T": tile.keys,
            },
            tile.shape,
        )
        gradients.add_values(attention, windows)
        for number in range(len(layers) - 1, -1, -1):
            steps.back(number, grad_map, grad_scores, None, v, None)
            gradients.add_layer(number, grad_scores, windows)
    return gradients.result()


def _sparse_backward(
    layer: _Layer,
    v: Tensor,
    values: Tensor,
    indices: Tensor,
    places: Tensor | None,
    grad_out: Tensor,
    grad_new_values: Tensor | None,
) -> list[Tensor]:
    """Return the gradients of q, k, v, the table and the carried values."""
    gradients = _Gradients([layer], v, grad_out)
    grad_values = torch.empty_like(values)
    survivors = values.shape[-1]
    kept = survivors if places is None else None
    if grad_new_values is not None:
        kept = grad_new_values.shape[-1]
    tile = sparse_tile(triton.next_power_of_2(survivors))
    table = layer.table_arguments()
    for windows in gradients.chunks(2):
        grad_scores, attention = gradients.maps(windows, 2)
        grad_scores.zero_()
        attention.zero_()
        launch(
            focused_sparse_bwd_kernel,
            _grid(v[windows], tile),
            {
                "q_ptr": layer.q,
                "k_ptr": layer.k,
                "v_ptr": v,
                "table_ptr": layer.table,
                "values_ptr": values,
                "indices_ptr": indices,
                "places_ptr": places,
                "grad_out_ptr": grad_out,
                "grad_new_values_ptr": grad_new_values,
                "grad_values_ptr": grad_values,
                "grad_q_ptr": gradients.queries[0],
                "grad_scores_ptr": grad_scores,
                "attention_ptr": attention,
                "first_pair": windows.start * v.shape[1],
                "heads": v.shape[1],
                "table_stride": table["table_stride"],
                "scale": layer.plan.scale,
                "scale_log2": layer.plan.scale * _LOG2_E,
            },
            # Without a gradient of the kept values, how many there are is not asked.
            _sparse_constants(layer, survivors, kept or 1, tile),
            tile.shape,
        )
        gradients.add_keys(0, grad_scores, windows)
        gradients.add_values(attention, windows)
    grad_v, grad_q, grad_k, grad_table = gradients.result()
    return [grad_q, grad_k, grad_v, grad_table, grad_values]


class _Steps:
    """The steps back through dense layers for some windows: rebuilds the maps they multiplied, first layer first."""

    def __init__(
        self, layers: list[_Layer], maps: Sequence[Tensor], windows: slice, log_sum_exp: Tensor, norm: Tensor
    ) -> None:
        self._layers = layers
        self._maps = maps
        self._windows = windows
        self._caches = [(layer.plan.log_sum_exp, layer.plan.norm) for layer in layers[:-1]]
        self._caches.append((log_sum_exp, norm))
        for number in range(len(layers) - 1):
            arguments, constants, tile = self._arguments(number)
            launch(
                focused_map_kernel,
                _grid(self._block(), tile),
                {**arguments, "map_ptr": maps[number]},
                constants,
                tile.shape,
            )

    def back(
        self,
        number: int,
        grad_map: Tensor,
        grad_scores: Tensor,
        grad_out: Tensor | None,
        v: Tensor,
        attention: Tensor | None,
    ) -> None:
        """Take one step: fill ``grad_scores``, put the gradient of the map before over ``grad_map``."""
        arguments, constants, tile = self._arguments(number)
        head_dim = self._layers[number].plan.head_dim
        launch(
            focused_step_bwd_kernel,
            _grid(self._block(), tile),
            {
                **arguments,
                "v_ptr": v,
                "grad_out_ptr": grad_out,
                "grad_map_ptr": grad_map,
                "grad_scores_ptr": grad_scores,
                "attention_ptr": attention,
            },
            {**constants, "HEAD_DIM": head_dim},
            tile.shape,
        )

    def _block(self) -> Tensor:
        return self._layers[0].q[self._windows]

    def _arguments(self, number: int) -> tuple[dict[str, Any], dict[str, Any], Tile]:
        layer = self._layers[number]
        log_sum_exp, norm = self._caches[number]
        tile = dense_tile(target_of(layer.q.device), layer.plan.head_dim, layer.q.dtype, carried=True)
        arguments = {
            "q_ptr": layer.q,
            "k_ptr": layer.k,
            "log_sum_ptr": log_sum_exp,
            "norm_ptr": norm,
            "carried_ptr": self._maps[number - 1] if number else None,
            "heads": layer.q.shape[1],
            **layer.table_arguments(),
            "first_pair": self._windows.start * layer.q.shape[1],
            "scale_log2": layer.plan.scale * _LOG2_E,
        }
        return arguments, _dense_constants(layer, tile), tile


class _Gradients:
    """The gradients of v and of q, k and table of each layer, filled a few windows at a time from their maps."""

    def __init__(self, layers: list[_Layer], v: Tensor, grad_out: Tensor) -> None:
        self._layers = layers
        self._grad_out = grad_out
        self._values = torch.empty_like(v)
        self.queries = [torch.empty_like(layer.q) for layer in layers]
        self._keys = [torch.empty_like(layer.k) for layer in layers]
        size = layers[0].plan.window_size
        shape = (v.shape[1], 2 * size - 1, size, size)
        self._sums = [torch.zeros(shape, dtype=torch.float32, device=v.device) for _ in layers]

    def chunks(self, maps: int) -> Iterator[slice]:
        """Yield slices of windows of which so many maps fit the budget."""
        windows, heads, tokens, _ = self._values.shape
        step = max(1, _MAP_BUDGET_BYTES // (maps * heads * tokens * tokens * 4))
        for start in range(0, windows, step):
            yield slice(start, min(start + step, windows))

    def maps(self, windows: slice, count: int) -> list[Tensor]:
        """Return uninitialised maps (windows, H, N, N) in float32."""
        _, heads, tokens, _ = self._values.shape
        shape = (windows.stop - windows.start, heads, tokens, tokens)
        return [torch.empty(shape, dtype=torch.float32, device=self._values.device) for _ in range(count)]

    def add_layer(self, number: int, grad_scores: Tensor, windows: slice) -> None:
        """Fill the gradients of a layer's q and k and add to its table's, from the gradient of its scores."""
        layer = self._layers[number]
        _product(grad_scores, layer.k, self.queries[number], layer.plan.scale, windows, transposed=False)
        self.add_keys(number, grad_scores, windows)

    def add_keys(self, number: int, grad_scores: Tensor, windows: slice) -> None:
        """Fill the gradient of a layer's k and add to its table's."""
        layer = self._layers[number]
        _product(grad_scores, layer.q, self._keys[number], layer.plan.scale, windows, transposed=True)
        sums = self._sums[number]
        heads, offsets, size, _ = sums.shape
        launch(
            focused_table_kernel,
            (heads * offsets,),
            {"map_ptr": grad_scores, "sums_ptr": sums, "windows": windows.stop - windows.start, "heads": heads},
            {"SIZE": size, "BLOCK": triton.next_power_of_2(size)},
            product_tile(target_of(sums.device), layer.q.dtype).shape,
        )

    def add_values(self, attention: Tensor, windows: slice) -> None:
        """Fill the gradient of v from the map of the attention."""
        _product(attention, self._grad_out, self._values, 1.0, windows, transposed=True)

    def result(self) -> list[Tensor]:
        """Return the gradients of v, then of q, k and table of each layer."""
        found = [self._values]
        for number, layer in enumerate(self._layers):
            table = _along_diagonals(self._sums[number])
            if layer.table.shape[0] == 1:
                table = table.sum(dim=0, keepdim=True)
            found += [self.queries[number], self._keys[number], table]
        return found


def _along_diagonals(sums: Tensor) -> Tensor:
    """Sum (H, 2M-1, query column, key column) over the columns of equal difference: the table (H, (2M-1)^2)."""
    heads, side, size, _ = sums.shape
    # Rows of width 2M read again with width 2M-1 move one place further right in each row: diagonals become columns.
    flat = F.pad(sums.flip(2), (0, size)).flatten(2)[..., : size * side]
    return flat.view(heads, side, size, side).sum(dim=2).flatten(1)


def _product(map_: Tensor, x: Tensor, out: Tensor, scale: float, windows: slice, *, transposed: bool) -> None:
    tokens = x.shape[2]
    tile = product_tile(target_of(x.device), x.dtype)
    launch(
        focused_product_kernel,
        _grid(x[windows], tile),
        {"map_ptr": map_, "x_ptr": x, "out_ptr": out, "first_pair": windows.start * x.shape[1], "scale": scale},
        {
            "TOKENS": tokens,
            "X_ROW": x.shape[-1],
            "OUT_ROW": out.shape[-1],
            "TRANSPOSED": transposed,
            "BLOCK_D": max(16, triton.next_power_of_2(max(x.shape[-1], out.shape[-1]))),
            "BLOCK_M": tile.rows,
            "BLOCK_N": tile.keys,
            "PRECISION": _wide_precision(x),
        },
        tile.shape,
    )


def _grid(x: Tensor, tile: Tile) -> tuple[int]:
    return (x.shape[0] * x.shape[1] * triton.cdiv(x.shape[2], tile.rows),)


def _layer_table(layers: Sequence[_Layer], keys: Sequence[Tensor], device: torch.device) -> dict[str, Any]:
    """Describe the layers before to a kernel that goes through all of them: ten int64 a layer.

    In the order in which ``_carried_step`` reads them: addresses of q, k and table, the table's stride, the address of
    the regions, their rows, addresses of log-sum-exp and norm, and the bits of two floats, scale and floor.
    """
    if not layers:
        return {"layers_ptr": None, "previous": 0}
    rows: list[int] = []
    for layer, k in zip(layers, keys, strict=True):
        plan, found = layer.plan, layer.table_arguments()
        addresses = [0 if x is None else x.data_ptr() for x in (plan.regions, plan.log_sum_exp, plan.norm)]
        bits = [_bits(plan.scale * _LOG2_E), _bits(FLOOR if rows else 0.0)]
        rows += [layer.q.data_ptr(), k.data_ptr(), layer.table.data_ptr(), found["table_stride"]]
        rows += [addresses[0], found["region_rows"], *addresses[1:], *bits]
    table = torch.empty(len(rows), dtype=torch.int64, device=device)
    if device.type != "meta":
        table.copy_(torch.tensor(rows, dtype=torch.int64))
    return {"layers_ptr": table, "previous": len(layers)}


def _bits(number: float) -> int:
    bits: int = struct.unpack("<i", struct.pack("<f", number))[0]
    return bits


def _dense_constants(layer: _Layer, tile: Tile) -> dict[str, Any]:
    row = layer.q.shape[-1]
    return {
        "TOKENS": layer.q.shape[2],
        "SIZE": layer.plan.window_size,
        "ROW": row,
        "CHUNK": min(tile.chunk, max(16, triton.next_power_of_2(row))),
        "BLOCK_M": tile.rows,
        "BLOCK_N": tile.keys,
        "PRECISION": "ieee",
    }


def _sparse_constants(layer: _Layer, survivors: int, kept: int, tile: Tile) -> dict[str, Any]:
    return {
        "SURVIVORS": survivors,
        "KEPT": kept,
        "TOKENS": layer.q.shape[2],
        "SIZE": layer.plan.window_size,
        "HEAD_DIM": layer.plan.head_dim,
        "ROW": layer.q.shape[-1],
        "BLOCK_M": tile.rows,
        "BLOCK_T": tile.keys,
    }


def _wide_precision(x: Tensor) -> str:
    """Return how float32 numbers are multiplied with rows of ``x``: half inputs lose nothing in tf32, which keeps the range."""
    half = x.dtype != torch.float32
    return "tf32" if half and target_of(x.device).name not in ("gfx942", "gfx1100") else "ieee"
