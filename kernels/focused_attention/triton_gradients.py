"""The launches of the backward pass of ``focused_attention``: through maps of a few windows at a time.

Shapes as in ``triton_layers``. May import torch, triton and ``kernels``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from kernels._triton.launch import launch
from kernels._triton.targets import target_of
from kernels.focused_attention.configs import Tile, product_tile, sparse_tile, step_tile
from kernels.focused_attention.triton_backward import (
    focused_map_kernel,
    focused_product_kernel,
    focused_sparse_bwd_kernel,
    focused_spread_kernel,
    focused_step_bwd_kernel,
    focused_table_kernel,
)
from kernels.focused_attention.triton_layers import (
    LOG2_E,
    Layer,
    dense_constants,
    grid,
    sparse_constants,
    wide_precision,
)

# The backward pass holds the maps of so many windows at a time, at least one; a fast GPU's cache holds a fifth of it.
_MAP_BUDGET_BYTES = 256 << 20


def dense_backward(layers: list[Layer], v: Tensor, log_sum_exp: Tensor, norm: Tensor, grad_out: Tensor) -> list[Tensor]:
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


def select_backward(
    layers: list[Layer],
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
    tile = sparse_tile(target_of(v.device), triton.next_power_of_2(values.shape[-1]))
    for windows in gradients.chunks(len(layers) + 2):
        maps = gradients.maps(windows, len(layers) + 2)
        steps = _Steps(layers, maps[3:], windows, log_sum_exp, norm)
        grad_map, grad_scores, attention = maps[:3]
        grad_map.zero_()
        attention.zero_()
        launch(
            focused_spread_kernel,
            grid(v[windows], tile),
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


def sparse_backward(
    layer: Layer,
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
    tile = sparse_tile(target_of(v.device), triton.next_power_of_2(survivors))
    table = layer.table_arguments()
    for windows in gradients.chunks(2):
        grad_scores, attention = gradients.maps(windows, 2)
        grad_scores.zero_()
        attention.zero_()
        launch(
            focused_sparse_bwd_kernel,
            grid(v[windows], tile),
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
                "scale_log2": layer.plan.scale * LOG2_E,
            },
            # Without a gradient of the kept values, how many there are is not asked.
            sparse_constants(layer, survivors, kept or 1, tile),
            tile.shape,
        )
        gradients.add_keys(0, grad_scores, windows)
        gradients.add_values(attention, windows)
    grad_v, grad_q, grad_k, grad_table = gradients.result()
    return [grad_q, grad_k, grad_v, grad_table, grad_values]


class _Steps:
    """The steps back through dense layers for some windows: rebuilds the maps they multiplied, first layer first."""

    def __init__(
        self, layers: list[Layer], maps: Sequence[Tensor], windows: slice, log_sum_exp: Tensor, norm: Tensor
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
                grid(self._block(), tile),
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
            grid(self._block(), tile),
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
        tile = step_tile(target_of(layer.q.device), layer.plan.head_dim, layer.q.dtype)
        arguments = {
            "q_ptr": layer.q,
            "k_ptr": layer.k,
            "log_sum_ptr": log_sum_exp,
            "norm_ptr": norm,
            "carried_ptr": self._maps[number - 1] if number else None,
            "heads": layer.q.shape[1],
            **layer.table_arguments(),
            "first_pair": self._windows.start * layer.q.shape[1],
            "scale_log2": layer.plan.scale * LOG2_E,
        }
        return arguments, dense_constants(layer, tile), tile


class _Gradients:
    """The gradients of v and of q, k and table of each layer, filled a few windows at a time from their maps."""

    def __init__(self, layers: list[Layer], v: Tensor, grad_out: Tensor) -> None:
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
        grid(x[windows], tile),
        {"map_ptr": map_, "x_ptr": x, "out_ptr": out, "first_pair": windows.start * x.shape[1], "scale": scale},
        {
            "TOKENS": tokens,
            "X_ROW": x.shape[-1],
            "OUT_ROW": out.shape[-1],
            "TRANSPOSED": transposed,
            "BLOCK_D": max(16, triton.next_power_of_2(max(x.shape[-1], out.shape[-1]))),
            "BLOCK_M": tile.rows,
            "BLOCK_N": tile.keys,
            "PRECISION": wide_precision(x),
        },
        tile.shape,
    )
