"""``selective_attention`` by the flash-attn package, on gathered keys and values; an optional extra, never required.

Shapes: B images, W windows of an image, H heads, N tokens of a window, D head dimension, K selected windows. May import
torch, flash_attn inside the function, and what ``kernels`` shares.
"""

from __future__ import annotations

import torch
from torch import Tensor


def selective_attention(q: Tensor, k: Tensor, v: Tensor, index: Tensor, scale: float) -> Tensor:
    """Gather the selected windows' tokens, K times the size of k and v, and attend to them; shapes as in the public call.

    float16 and bfloat16 on a GPU only. Differentiable; both the attention's backward pass and the gather's (which sorts
    before it adds) give equal bits in two runs. Raises ``ImportError`` where flash-attn is missing.
    """
    from flash_attn import flash_attn_func

    images, windows, heads, tokens, head_dim = q.shape
    first = torch.arange(images, device=q.device)[:, None, None] * windows
    rows = (index.long() + first).flatten(0, 1)
    # flash-attn wants heads inside tokens: (B*W, N, H, D) and (B*W, K*N, H, D).
    queries = q.reshape(images * windows, heads, tokens, head_dim).transpose(1, 2)
    keys, values = (
        x.reshape(images * windows, heads, tokens, head_dim)[rows].transpose(2, 3).flatten(1, 2) for x in (k, v)
    )
    out: Tensor = flash_attn_func(queries, keys, values, softmax_scale=scale, deterministic=True)
    return out.transpose(1, 2).reshape(q.shape)
