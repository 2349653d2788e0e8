"""The relative position bias of a window: from a table over offsets to an N×N matrix. May import torch only.

Shapes: H heads (or 1, shared), M side of the window, N = M*M tokens, S = 2M-1 offsets along one axis.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def relative_index(window_size: int, device: torch.device | str) -> Tensor:
    """Return the (N, N) int64 index of the offset key minus query into a table of (2M-1)^2 entries."""
    axis = torch.arange(window_size, device=device)
    row, column = axis.repeat_interleave(window_size), axis.repeat(window_size)
    offset_row = row[None, :] - row[:, None] + window_size - 1
    offset_column = column[None, :] - column[:, None] + window_size - 1
    return offset_row * (2 * window_size - 1) + offset_column


def bias_matrix(bias_table: Tensor, window_size: int) -> Tensor:
    """Spread a table of shape (H, (2M-1)^2) over all pairs of tokens: (H, N, N); differentiable, deterministic.

    Equals ``bias_table[:, relative_index(window_size, ...)]``, without an index and without scattered additions.
    """
    bias: Tensor = _BiasMatrix.apply(bias_table, window_size)  # type: ignore[no-untyped-call]
    return bias


def region_penalty(regions: Tensor, windows: slice, dtype: torch.dtype, rows: slice = slice(None)) -> Tensor:
    """Return the (windows, 1, rows, N) penalty: -100 where two tokens lie in different regions, else 0.

    ``regions`` is (windows per image, N); window w uses row w mod (windows per image). ``windows`` has both ends;
    ``rows`` are the query tokens.
    """
    window = torch.arange(windows.start, windows.stop, device=regions.device) % regions.shape[0]
    label = regions[window]
    return (label[:, None, rows, None] != label[:, None, None, :]).to(dtype) * -100.0


def sum_to_heads(grad: Tensor, heads: int) -> Tensor:
    """Sum the gradient of a block of logits (b, H, R, N) over windows, and over heads where one table serves all."""
    return grad.sum(dim=(0, 1))[None] if heads == 1 else grad.sum(dim=0)


class _BiasMatrix(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, bias_table: Tensor, window_size: int) -> Tensor:
        ctx.window_size = window_size
        side = 2 * window_size - 1
        # (H, query row, key row, S): for each pair of window rows, the table's row of their offset.
        rows = bias_table.reshape(-1, side, side).unfold(1, window_size, 1).flip(1).transpose(2, 3).contiguous()
        spread = rows.new_empty(len(rows), *[window_size] * 4)
        # Column by column: one copy of all that walks backwards through the table took nine times as long (4 heads, M 32).
        for column in range(window_size):
            spread[:, :, column] = rows[..., window_size - 1 - column : side - column]
        return spread.view(-1, window_size**2, window_size**2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        size, heads = ctx.window_size, grad.shape[0]
        side = 2 * size - 1
        # (H, i, j, key row, key column), i = M-1 - query row; summed along the diagonals i + key row, then j + key column.
        sliding = grad.reshape(heads, size, size, size, size).flip(1, 2)
        rows = grad.new_zeros(heads, side, size, size)
        table = grad.new_zeros(heads, side, side)
        for i in range(size):
            rows[:, i : i + size] += sliding[:, i].transpose(1, 2)
        for j in range(size):
            table[:, :, j : j + size] += rows[:, :, j]
        return table.view(heads, side * side), None
