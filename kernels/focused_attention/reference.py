"""The definition of ``focused_attention``: plain PyTorch, any device and dtype, differentiable.

Shapes: W windows, H heads, N tokens of a window, D head dimension, T keys that survived so far, K keys kept. May
import torch and what ``kernels`` shares.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kernels.focused_attention.state import DenseLayer, FocusState, carried_map, multiply_carried
from kernels.precision import accumulate_dtype
from kernels.relative_bias import relative_index


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
    told: Tensor | None = None,
) -> tuple[Tensor, FocusState]:
    """Score the surviving keys, multiply by the carried values, keep the largest, one window after the other.

    ``told`` (W, H, N, K) names the keys to keep, among the survivors, in place of the largest: what another backend kept.
    """
    outputs, values, indices, sums, norms = [], [], [], [], []
    layer = DenseLayer(q, k, bias_table, window_size, regions, scale, q.new_empty(0), q.new_empty(0))
    for window in range(q.shape[0]):
        here = slice(window, window + 1)
        if previous.indices is None or previous.values is None:
            # (1, H, N, N)
            logits, keys, carried = layer.logits(here, slice(None)), None, None
            if previous.dense:
                carried = carried_map(previous.dense, here, slice(None))
        else:
            carried, keys = previous.values[here], previous.indices[here].long()
            logits = _sparse_logits(layer, here, keys)
        attention, norm = logits.softmax(dim=-1), torch.ones_like(logits[..., 0])
        if carried is not None:
            attention, norm = multiply_carried(attention, carried)
        if told is not None:
            full = attention if keys is None else _spread(attention, keys, q.shape[2])
            keys = told[here].long()
            attention = full.gather(-1, keys)
        elif topk < q.shape[2]:
            attention, picked = attention.topk(topk, dim=-1)
            keys = picked if keys is None else keys.gather(-1, picked)
        outputs.append(_weighted_sum(attention, keys, v[here]))
        if keys is None:
            sums.append(logits.logsumexp(dim=-1).detach())
            norms.append(norm.detach())
        else:
            values.append(attention)
            indices.append(keys.to(torch.int16))
    out = torch.cat(outputs).to(q.dtype)
    if values:
        return out, FocusState(torch.cat(values), torch.cat(indices))
    layer = DenseLayer(q, k, bias_table, window_size, regions, scale, torch.cat(sums), torch.cat(norms))
    return out, FocusState(dense=(*previous.dense, layer))


def _sparse_logits(layer: DenseLayer, windows: slice, keys: Tensor) -> Tensor:
    """Compute the logits at ``keys`` (1, H, N, T) only; regions no longer count."""
    dtype = accumulate_dtype(layer.q.dtype)
    # (1, H, N, T, D)
    rows = _rows(layer.k[windows].to(dtype), keys)
    scores = ((layer.q[windows].to(dtype) * layer.scale)[..., None, :] * rows).sum(dim=-1)
    # (N, N) -> (1, H, N, T): the table's entry for each query and each of its keys.
    entry = relative_index(layer.window_size, keys.device).expand(*keys.shape[:2], -1, -1).gather(-1, keys)
    heads = torch.arange(keys.shape[1], device=keys.device)[None, :, None, None] % layer.bias_table.shape[0]
    return scores + layer.bias_table.to(dtype)[heads, entry]


def _weighted_sum(attention: Tensor, keys: Tensor | None, v: Tensor) -> Tensor:
    """Sum the rows of ``v`` at ``keys`` (all rows for None) with the weights ``attention`` (1, H, N, K)."""
    v = v.to(attention.dtype)
    if keys is None:
        return attention @ v
    return (attention[..., None] * _rows(v, keys)).sum(dim=-2)


def _spread(attention: Tensor, keys: Tensor, tokens: int) -> Tensor:
    """Put the values at ``keys`` (1, H, N, T) into rows of zeros, (1, H, N, N)."""
    return attention.new_zeros(*attention.shape[:-1], tokens).scatter(-1, keys, attention)


def _rows(x: Tensor, keys: Tensor) -> Tensor:
    """Take the rows ``keys`` (1, H, N, T) of ``x`` (1, H, N, D): (1, H, N, T, D)."""
    flat = keys.flatten(2)[..., None].expand(-1, -1, -1, x.shape[-1])
    return x.gather(2, flat).view(*keys.shape, x.shape[-1])
