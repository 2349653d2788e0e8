"""A layer of ``focused_attention`` as the Triton kernels read it, and the launches of the forward pass.

Shapes: W windows, H heads, M side of a window, N = M*M tokens, D head dimension, ROW its multiple of 8, T keys that
survived so far, K keys kept. May import torch, triton and ``kernels``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import triton
from torch import Tensor

from kernels._triton.launch import launch
from kernels._triton.targets import target_of
from kernels.focused_attention.configs import Tile, dense_tile, selecting_tile, sparse_tile
from kernels.focused_attention.state import FLOOR
from kernels.focused_attention.triton_forward import (
    focused_dense_fwd_kernel,
    focused_select_fwd_kernel,
    focused_sparse_fwd_kernel,
)

LOG2_E = 1.0 / math.log(2.0)


@dataclass(frozen=True)
class Plan:
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
class Layer:
    """A layer as the kernels read it: q, k (W, H, N, ROW) padded with zeros, table (H or 1, (2M-1)^2) times log2(e)."""

    plan: Plan
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


def read_layers(plans: Sequence[Plan], operands: Sequence[Tensor]) -> list[Layer]:
    tables = [(operand * LOG2_E).contiguous() for operand in operands[2::3]]
    return [Layer(plan, operands[3 * i], operands[3 * i + 1], tables[i]) for i, plan in enumerate(plans)]


def dense_forward(layers: list[Layer], v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    layer = layers[-1]
    tile = dense_tile(target_of(v.device), layer.plan.head_dim, v.dtype, carried=len(layers) > 1)
    out = torch.empty((*v.shape[:3], layer.plan.head_dim), dtype=v.dtype, device=v.device)
    log_sum_exp, norm = (torch.empty(v.shape[:3], dtype=torch.float32, device=v.device) for _ in range(2))
    launch(
        focused_dense_fwd_kernel,
        grid(v, tile),
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
            "scale_log2": layer.plan.scale * LOG2_E,
        },
        {
            "HEAD_DIM": layer.plan.head_dim,
            "BLOCK_D": max(16, triton.next_power_of_2(layer.q.shape[-1])),
            **dense_constants(layer, tile),
        },
        tile.shape,
    )
    return out, log_sum_exp, norm


def select_forward(layers: list[Layer], v: Tensor, kept: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    layer = layers[-1]
    tokens, head_dim = v.shape[2], layer.plan.head_dim
    tile = selecting_tile(target_of(v.device), triton.next_power_of_2(tokens), head_dim)
    out = torch.empty((*v.shape[:3], head_dim), dtype=v.dtype, device=v.device)
    log_sum_exp, norm = (torch.empty(v.shape[:3], dtype=torch.float32, device=v.device) for _ in range(2))
    values = torch.empty((*v.shape[:3], kept), dtype=torch.float32, device=v.device)
    indices = torch.empty_like(values, dtype=torch.int16)
    # A program reads columns of k and v, one at a time, all keys side by side: (W, H, D, N).
    *before, k_columns, v_columns = (x[..., :head_dim].mT.contiguous() for x in (*(layer.k for layer in layers), v))
    launch(
        focused_select_fwd_kernel,
        grid(v, tile),
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
            "scale_log2": layer.plan.scale * LOG2_E,
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


def sparse_forward(
    layer: Layer, v: Tensor, values: Tensor, indices: Tensor, kept: int, *, training: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    survivors = values.shape[-1]
    tile = sparse_tile(target_of(v.device), triton.next_power_of_2(survivors))
    out = torch.empty((*v.shape[:3], layer.plan.head_dim), dtype=v.dtype, device=v.device)
    new_values = torch.empty((*v.shape[:3], kept), dtype=torch.float32, device=v.device)
    new_indices = torch.empty_like(new_values, dtype=torch.int16)
    places = torch.empty_like(indices) if training and kept < survivors else None
    table = layer.table_arguments()
    launch(
        focused_sparse_fwd_kernel,
        grid(v, tile),
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
            "scale_log2": layer.plan.scale * LOG2_E,
        },
        sparse_constants(layer, survivors, kept, tile),
        tile.shape,
    )
    return out, new_values, new_indices, places


def grid(x: Tensor, tile: Tile) -> tuple[int]:
    return (x.shape[0] * x.shape[1] * triton.cdiv(x.shape[2], tile.rows),)


def _layer_table(layers: Sequence[Layer], keys: Sequence[Tensor], device: torch.device) -> dict[str, Any]:
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
        bits = [_bits(plan.scale * LOG2_E), _bits(FLOOR if rows else 0.0)]
        rows += [layer.q.data_ptr(), k.data_ptr(), layer.table.data_ptr(), found["table_stride"]]
        rows += [addresses[0], found["region_rows"], *addresses[1:], *bits]
    table = torch.empty(len(rows), dtype=torch.int64, device=device)
    if device.type != "meta":
        table.copy_(torch.tensor(rows, dtype=torch.int64))
    return {"layers_ptr": table, "previous": len(layers)}


def _bits(number: float) -> int:
    bits: int = struct.unpack("<i", struct.pack("<f", number))[0]
    return bits


def dense_constants(layer: Layer, tile: Tile) -> dict[str, Any]:
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


def sparse_constants(layer: Layer, survivors: int, kept: int, tile: Tile) -> dict[str, Any]:
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


def wide_precision(x: Tensor) -> str:
    """Return how float32 numbers are multiplied with rows of ``x``: half inputs lose nothing in tf32, which keeps the range."""
    half = x.dtype != torch.float32
    return "tf32" if half and target_of(x.device).name not in ("gfx942", "gfx1100") else "ieee"
