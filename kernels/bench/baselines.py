"""What the operators are measured against on a GPU: the ways PyTorch offers, each written as its user would.

All of them compute what the operator's reference computes (the tests compare them on a CPU). May import torch and the
standard library. Shapes: B images, W windows, H heads, M side of a window, N = M*M tokens, D head dimension, K selected
windows or kept keys, C channels.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel


def bias_of_table(table: Tensor, side: int) -> Tensor:
    """Spread a table (H, (2M-1)^2), key minus query, over all pairs of tokens: (1, H, N, N)."""
    place = torch.arange(side, device=table.device)
    row, column = place.repeat_interleave(side), place.repeat(side)
    down, right = row[None, :] - row[:, None] + side - 1, column[None, :] - column[:, None] + side - 1
    return table[:, down * (2 * side - 1) + right][None]


def window_by_sdpa(q: Tensor, k: Tensor, v: Tensor, table: Tensor, side: int, backend: SDPBackend) -> Tensor:
    """Run torch's attention with the bias as a mask that broadcasts over windows, on one of its backends."""
    with sdpa_kernel(backend):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias_of_table(table.to(q.dtype), side))


def window_by_flex(q: Tensor, k: Tensor, v: Tensor, table: Tensor, side: int, *, compiled: bool = True) -> Tensor:
    """Run FlexAttention, compiled, with the bias looked up in the table for each pair."""
    from torch.nn.attention.flex_attention import flex_attention

    offsets = 2 * side - 1

    def add_bias(score: Tensor, _window: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        down = key // side - query // side + side - 1
        right = key % side - query % side + side - 1
        return score + table[head, down * offsets + right]

    call: Any = _compiled_flex() if compiled else flex_attention
    out: Tensor = call(q, k, v, score_mod=add_bias)
    return out


@functools.cache
def _compiled_flex() -> Callable[..., Any]:
    from torch.nn.attention.flex_attention import flex_attention

    found: Callable[..., Any] = torch.compile(flex_attention, dynamic=False)
    return found


def selective_by_gather(q: Tensor, k: Tensor, v: Tensor, index: Tensor, backend: SDPBackend) -> Tensor:
    """Copy the selected windows' keys and values side by side, then run torch's attention on them."""
    images, windows, heads, _, head_dim = q.shape
    image = torch.arange(images, device=q.device)[:, None, None]
    # (B, W, K, H, N, D) to (B*W, H, K*N, D)
    shape = (images * windows, heads, -1, head_dim)
    keys, values = (x[image, index.long()].transpose(2, 3).reshape(shape) for x in (k, v))
    with sdpa_kernel(backend):
        out = F.scaled_dot_product_attention(q.flatten(0, 1), keys, values)
    return out.view_as(q)


def convolution_twice(x: Tensor, static: Tensor, dynamic: Tensor) -> Tensor:
    """Run the static and the dynamic convolution as two, images as groups of channels where there are several."""
    images, channels = x.shape[:2]
    wide = F.conv2d(x, static, padding=static.shape[-1] // 2)
    grouped = x.reshape(1, images * channels, *x.shape[2:])
    narrow = F.conv2d(grouped, dynamic.reshape(-1, 1, 3, 3), padding=1, groups=images * channels)
    return wide + narrow.view_as(wide)


class PublishedFocus:
    """PFT's attention as published, its two sparse products done with gathers; one layer after the other.

    Keeps, for each shift, the map of kept values and the int64 indices, as the published code does.
    """

    def __init__(self, products: str = "gather") -> None:
        self.values: dict[int, Tensor] = {}
        self.indices: dict[int, Tensor] = {}
        self._products = _cuda_products() if products == "cuda" else (_gathered_scores, _gathered_mixture)

    def layer(
        self, q: Tensor, k: Tensor, v: Tensor, table: Tensor, side: int, topk: int, shift: int, mask: Tensor | None
    ) -> Tensor:
        """Compute one layer: q, k, v (W, H, N, D); ``mask`` (W, N, N) counts while the shift is dense."""
        score, mix = self._products
        q = q * q.shape[-1] ** -0.5
        bias = bias_of_table(table, side)
        kept = self.indices.get(shift)
        if kept is None:
            logits = q @ k.mT + bias
            if mask is not None:
                logits = logits + mask[:, None]
        else:
            logits = score(q, k, kept) + torch.gather(bias.expand(*kept.shape[:2], -1, -1), 3, kept)
        values = logits.softmax(dim=-1)
        if shift in self.values:
            values = values * self.values[shift] + 1e-20
            values = values / (values.sum(dim=-1, keepdim=True) + 1e-20)
        if topk < side * side:
            values, places = values.topk(topk, dim=-1)
            kept = places if kept is None else kept.gather(3, places)
            self.indices[shift] = kept
        self.values[shift] = values
        return values @ v if kept is None else mix(values, v, kept)


def _gathered_scores(q: Tensor, k: Tensor, kept: Tensor) -> Tensor:
    # (W, H, N, K, D)
    keys = torch.gather(k[:, :, None].expand(-1, -1, q.shape[2], -1, -1), 3, _with_heads(kept, k))
    return (keys @ q[..., None])[..., 0]


def _gathered_mixture(values: Tensor, v: Tensor, kept: Tensor) -> Tensor:
    rows = torch.gather(v[:, :, None].expand(-1, -1, values.shape[2], -1, -1), 3, _with_heads(kept, v))
    return (values[..., None, :] @ rows)[..., 0, :]


def _with_heads(kept: Tensor, rows: Tensor) -> Tensor:
    return kept[..., None].expand(*kept.shape, rows.shape[-1])


def has_published_cuda() -> bool:
    """Say whether the CUDA operators that the authors of PFT publish are installed."""
    return importlib.util.find_spec("smm_cuda") is not None


def _cuda_products() -> tuple[Callable[[Tensor, Tensor, Tensor], Tensor], Callable[[Tensor, Tensor, Tensor], Tensor]]:
    extension: Any = importlib.import_module("smm_cuda")

    def score(q: Tensor, k: Tensor, kept: Tensor) -> Tensor:
        flat = [x.flatten(0, 1).contiguous() for x in (q, k.mT, kept.int())]
        out: Tensor = extension.SMM_QmK_forward_cuda(*flat)
        return out.view(kept.shape)

    def mix(values: Tensor, v: Tensor, kept: Tensor) -> Tensor:
        flat = [x.flatten(0, 1).contiguous() for x in (values, v, kept.int())]
        out: Tensor = extension.SMM_AmV_forward_cuda(*flat)
        return out.view(*values.shape[:3], v.shape[-1])

    return score, mix
