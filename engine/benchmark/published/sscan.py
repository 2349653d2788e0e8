"""SSCAN written as routed attention is usually published: one score matrix, keys and values copied K times.

May import torch only. No code of SSCAN is public; this is its definition (ours, see `engine.models.sscan`) in the manner of
BiFormer (Zhu et al. 2023): all windows scored against all at once, the selected windows' keys and values gathered into one
tensor, attention on it. Shape legend: B batch, C = dim, H W pixels, M window edge, N = M*M tokens, W windows, K selected
windows, D head dimension.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

# softmax(q kᵀ / √D) v; q (B*W, heads, N, D), k and v (B*W, heads, K*N, D)
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


def attend_plainly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with every map in memory at once."""
    out: Tensor = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1) @ v
    return out


def attend_fused(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend by torch's scaled dot product attention."""
    return functional.scaled_dot_product_attention(q, k, v)


class PlanarDepthwise(nn.Conv2d):
    """A depthwise convolution of tokens through planes."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        out: Tensor = super().forward(x_bhwc.permute(0, 3, 1, 2).contiguous())
        return out.permute(0, 2, 3, 1).contiguous()


class FeedForward(nn.Module):
    """Widen, gelu, add the gelu'd depthwise convolution, narrow."""

    def __init__(self, dim: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.dwconv = PlanarDepthwise(hidden, kernel_size)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        hidden = functional.gelu(self.fc1(x_bhwc))
        out: Tensor = self.fc2(hidden + functional.gelu(self.dwconv(hidden)))
        return out


class RoutedAttention(nn.Module):
    """Attention of each window to its best K windows."""

    def __init__(self, dim: int, heads: int, window_size: int, topk: int, kernel_size: int, attend: Attend) -> None:
        super().__init__()
        self.heads = heads
        self.window_size = window_size
        self.topk = topk
        self.attend = attend
        self.qkv = nn.Linear(dim, 3 * dim)
        self.lepe = PlanarDepthwise(dim, kernel_size)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape; sides are whole windows."""
        batch, height, width, channels = x_bhwc.shape
        edge, dim = self.window_size, channels // self.heads
        rows, columns = height // edge, width // edge
        qkv = self.qkv(x_bhwc)
        split = qkv.reshape(batch, rows, edge, columns, edge, 3, channels).permute(5, 0, 1, 3, 2, 4, 6)
        # each (B, W, N, C)
        q, k, v = split.reshape(3, batch, rows * columns, edge * edge, channels).unbind(0)
        score = q.mean(dim=2) @ k.mean(dim=2).transpose(1, 2)
        index = score.topk(min(self.topk, rows * columns), dim=-1).indices
        k, v = (self._heads(_gather_windows(part, index), dim) for part in (k, v))
        out = self.attend(self._heads(q.flatten(0, 1), dim), k, v)
        tokens = out.transpose(1, 2).reshape(batch, rows, columns, edge, edge, channels)
        merged = tokens.permute(0, 1, 3, 2, 4, 5).reshape(x_bhwc.shape)
        projected: Tensor = self.proj(merged + self.lepe(qkv[..., 2 * channels :]))
        return projected

    def _heads(self, x: Tensor, dim: int) -> Tensor:
        """Bring `(B*W, tokens, C)` to `(B*W, heads, tokens, D)`."""
        return x.reshape(*x.shape[:2], self.heads, dim).transpose(1, 2)


def _gather_windows(x: Tensor, index: Tensor) -> Tensor:
    """Copy the selected windows of x `(B, W, N, C)`: `(B*W, K*N, C)`."""
    batch, windows, kept = index.shape
    picked = torch.gather(
        x[:, None].expand(-1, windows, -1, -1, -1), 2, index[..., None, None].expand(-1, -1, -1, *x.shape[2:])
    )
    return picked.reshape(batch * windows, kept * x.shape[2], x.shape[3])


class Layer(nn.Module):
    """The attention and the feed-forward, each behind a norm and inside a residual."""

    def __init__(
        self, dim: int, heads: int, window_size: int, topk: int, ratio: float, kernel_size: int, attend: Attend
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = RoutedAttention(dim, heads, window_size, topk, kernel_size, attend)
        self.norm2 = nn.LayerNorm(dim)
        self.ffn = FeedForward(dim, int(dim * ratio), kernel_size)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        x = x_bhwc + self.attn(self.norm1(x_bhwc))
        out: Tensor = x + self.ffn(self.norm2(x))
        return out


class Block(nn.Module):
    """Layers, a 3x3 convolution and a residual around them."""

    def __init__(self, layers: list[Layer], dim: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.conv = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        deep = x_bhwc
        for layer in self.layers:
            deep = layer(deep)
        planes = self.conv(deep.permute(0, 3, 1, 2).contiguous())
        out: Tensor = planes.permute(0, 2, 3, 1) + x_bhwc
        return out


class PublishedSSCAN(nn.Module):
    """SSCAN; `(B, 3, H, W)` in 0..1, sides whole windows, to `(B, 3, H*r, W*r)`, in the parameters' dtype."""

    def __init__(
        self,
        dim: int = 64,
        n_blocks: int = 4,
        depth: int = 4,
        num_heads: int = 4,
        window_size: int = 8,
        topk: int = 4,
        upscaling_factor: int = 4,
        mlp_ratio: float = 2,
        kernel_size: int = 5,
        attend: Attend = attend_plainly,
    ) -> None:
        super().__init__()
        self.scale = upscaling_factor
        self.conv_first = nn.Conv2d(3, dim, 3, padding=1)
        sizes = (dim, num_heads, window_size, topk, mlp_ratio, kernel_size, attend)
        self.blocks = nn.ModuleList([Block([Layer(*sizes) for _ in range(depth)], dim) for _ in range(n_blocks)])
        self.conv_after_body = nn.Conv2d(dim, dim, 3, padding=1)
        self.to_img = nn.Conv2d(dim, 3 * upscaling_factor**2, 3, padding=1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images."""
        features = self.conv_first(x_bchw)
        deep = features.permute(0, 2, 3, 1).contiguous()
        for block in self.blocks:
            deep = block(deep)
        residual = self.to_img(self.conv_after_body(deep.permute(0, 3, 1, 2).contiguous()) + features)
        skip = functional.interpolate(x_bchw, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return functional.pixel_shuffle(residual, self.scale) + skip
