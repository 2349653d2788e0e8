"""ESC and ESC-light as published: planes, two convolutions a layer, an N×N map for every window and head.

May import torch only. Source: Lee et al. 2025, "Emulating Self-attention with Convolution for Efficient Image
Super-Resolution". Shape legend: B batch, C = dim, P = pdim, H W pixels, M window edge, N = M*M tokens, D head dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

# softmax(q kᵀ / √D + bias) v; q, k, v (windows, heads, N, D), bias (heads, N, N)
Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def attend_plainly(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attend with every map of every window and head in memory at once."""
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
    out: Tensor = (scores + bias).softmax(dim=-1) @ v
    return out


def attend_fused(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attend by torch's scaled dot product attention, the bias as a mask that all windows share."""
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias[None])


def compiled_flex_attention() -> Attend:
    """Return attention by a compiled FlexAttention that adds the bias to each score; needs a compiler at run time."""
    from torch.nn.attention.flex_attention import flex_attention

    compiled: Any = torch.compile(flex_attention, dynamic=False)

    def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        def add_bias(score: Tensor, _batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            return score + bias[head, query, key]

        out: Tensor = compiled(q, k, v, score_mod=add_bias)
        return out

    return attend


class PlanarNorm(nn.Module):
    """LayerNorm over the channels of planes: there and back through a permutation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Normalise `(B, C, H, W)`."""
        last = x_bchw.permute(0, 2, 3, 1).contiguous()
        normed = functional.layer_norm(last, last.shape[-1:], self.weight, self.bias, 1e-6)
        return normed.permute(0, 3, 1, 2).contiguous()


class FeedForward(nn.Module):
    """1x1 and gelu; a gelu'd depthwise 3x3 of that is added to it; 1x1."""

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        hidden = int(channels * ratio)
        self.proj = nn.Conv2d(channels, hidden, 1)
        self.dwc = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.aggr = nn.Conv2d(hidden, channels, 1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to the same shape."""
        hidden = functional.gelu(self.proj(x_bchw))
        hidden = functional.gelu(self.dwc(hidden)) + hidden
        out: Tensor = self.aggr(hidden)
        return out


class WindowAttention(nn.Module):
    """Attention inside unshifted windows, reflect-padded to whole ones; the bias is read by an N×N index."""

    def __init__(self, dim: int, window_size: int, heads: int, attend: Attend) -> None:
        super().__init__()
        self.window_size = window_size
        self.heads = heads
        self.attend = attend
        self.relative_position_bias = nn.Parameter(torch.zeros(heads, (2 * window_size - 1) ** 2))
        self.to_qkv = nn.Conv2d(dim, 3 * dim, 1)
        self.to_out = nn.Conv2d(dim, dim, 1)
        place = torch.stack(
            torch.meshgrid(torch.arange(window_size), torch.arange(window_size), indexing="ij"), dim=-1
        ).flatten(0, 1)
        # (N, N, 2): key minus query
        offset = place[None, :] - place[:, None] + window_size - 1
        self.entry: Tensor
        self.register_buffer("entry", offset[..., 0] * (2 * window_size - 1) + offset[..., 1], persistent=False)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Map `(B, C, H, W)` to the same shape."""
        batch, channels, height, width = x_bchw.shape
        edge, heads, dim = self.window_size, self.heads, channels // self.heads
        padded = functional.pad(x_bchw, (0, -width % edge, 0, -height % edge), mode="reflect")
        rows, columns = padded.shape[-2] // edge, padded.shape[-1] // edge
        qkv = self.to_qkv(padded).reshape(batch, 3, heads, dim, rows, edge, columns, edge)
        # (3, B, rows, columns, heads, M, M, D)
        q, k, v = qkv.permute(1, 0, 4, 6, 2, 5, 7, 3).reshape(3, -1, heads, edge * edge, dim).unbind(0)
        out = self.attend(q, k, v, self.relative_position_bias[:, self.entry])
        merged = out.reshape(batch, rows, columns, heads, edge, edge, dim).permute(0, 3, 6, 1, 4, 2, 5)
        whole = merged.reshape(batch, channels, rows * edge, columns * edge)[..., :height, :width]
        projected: Tensor = self.to_out(whole)
        return projected


class ConvolutionalAttention(nn.Module):
    """On the first P channels, the shared 13x13 plus a depthwise 3x3 made from their mean; then 1x1 over all."""

    def __init__(self, dim: int, pdim: int) -> None:
        super().__init__()
        self.pdim = pdim
        self.plk = nn.ModuleDict(
            {
                "dwc_proj": nn.Sequential(
                    nn.AdaptiveAvgPool2d(1), nn.Conv2d(pdim, pdim // 2, 1), nn.GELU(), nn.Conv2d(pdim // 2, 9 * pdim, 1)
                )
            }
        )
        self.aggr = nn.Conv2d(dim, dim, 1)

    def forward(self, x_bchw: Tensor, large: Tensor) -> Tensor:
        """Map `(1, C, H, W)` to the same shape; as published, one image at a time."""
        seen, rest = x_bchw[:, : self.pdim], x_bchw[:, self.pdim :]
        dynamic = self.plk["dwc_proj"](seen).reshape(self.pdim, 1, 3, 3)
        mixed = functional.conv2d(seen, large, padding=6)
        mixed = mixed + functional.conv2d(seen, dynamic, padding=1, groups=self.pdim)
        out: Tensor = self.aggr(torch.cat([mixed, rest], dim=1))
        return out


class Block(nn.Module):
    """One block: feed-forward, window attention, then feed-forwards with convolutional attention."""

    def __init__(
        self, dim: int, pdim: int, conv_blocks: int, window_size: int, heads: int, ratio: float, attend: Attend
    ) -> None:
        super().__init__()
        self.ln_proj = PlanarNorm(dim)
        self.proj = FeedForward(dim, 2)
        self.ln_attn = PlanarNorm(dim)
        self.attn = WindowAttention(dim, window_size, heads, attend)
        self.pconvs = nn.ModuleList([ConvolutionalAttention(dim, pdim) for _ in range(conv_blocks)])
        self.convffns = nn.ModuleList([FeedForward(dim, ratio) for _ in range(conv_blocks)])
        self.ln_out = PlanarNorm(dim)
        self.conv_out = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x_bchw: Tensor, large: Tensor) -> Tensor:
        """Map `(1, C, H, W)` to the same shape."""
        x = self.proj(self.ln_proj(x_bchw))
        x = x + self.attn(self.ln_attn(x))
        for feed_forward, convolve in zip(self.convffns, self.pconvs, strict=True):
            x = x + convolve(feed_forward(x), large)
        out: Tensor = self.conv_out(self.ln_out(x)) + x_bchw
        return out


class PublishedESC(nn.Module):
    """ESC and ESC-light; `(1, 3, H, W)` in 0..1 to `(1, 3, H*r, W*r)`, in the parameters' dtype."""

    def __init__(
        self,
        dim: int = 64,
        pdim: int = 16,
        n_blocks: int = 5,
        conv_blocks: int = 5,
        window_size: int = 32,
        num_heads: int = 4,
        upscaling_factor: int = 4,
        exp_ratio: float = 1.25,
        attend: Attend = attend_plainly,
    ) -> None:
        super().__init__()
        self.scale = upscaling_factor
        self.plk_filter = nn.Parameter(torch.zeros(pdim, pdim, 13, 13))
        self.proj = nn.Conv2d(3, dim, 3, padding=1)
        sizes = (dim, pdim, conv_blocks, window_size, num_heads, exp_ratio)
        self.blocks = nn.ModuleList([Block(*sizes, attend) for _ in range(n_blocks)])
        self.last = nn.Conv2d(dim, dim, 3, padding=1)
        self.to_img = nn.Conv2d(dim, 3 * upscaling_factor**2, 3, padding=1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale one image."""
        quarter = torch.rot90(self.plk_filter, -1, (-2, -1))
        turned = [side.flip(axes) for side in (self.plk_filter, quarter) for axes in ((), (-1,), (-2,), (-2, -1))]
        large = torch.stack(turned).mean(dim=0)
        shallow = self.proj(x_bchw)
        deep = shallow
        for block in self.blocks:
            deep = block(deep, large)
        residual = self.to_img(self.last(deep) + shallow)
        nearest = x_bchw.repeat_interleave(self.scale**2, dim=1)
        return functional.pixel_shuffle(residual + nearest, self.scale)


def multiply_adds(
    pixels: int,
    dim: int = 64,
    pdim: int = 16,
    n_blocks: int = 5,
    conv_blocks: int = 5,
    window_size: int = 32,
    upscaling_factor: int = 4,
    exp_ratio: float = 1.25,
) -> int:
    """Count the multiply-adds of the products and convolutions for so many pixels, padding to whole windows included."""

    def feed_forward(ratio: float) -> int:
        hidden = int(dim * ratio)
        return 2 * dim * hidden + 9 * hidden

    attention = 4 * dim**2 + 2 * window_size**2 * dim
    convolution = feed_forward(exp_ratio) + 169 * pdim**2 + 9 * pdim + dim**2
    block = feed_forward(2) + attention + conv_blocks * convolution + 9 * dim**2
    ends = 9 * dim * (3 + dim + 3 * upscaling_factor**2)
    return pixels * (ends + n_blocks * block)
