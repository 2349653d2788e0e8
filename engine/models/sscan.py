"""SSCAN: windows that attend to the few windows most like them.

May import torch, kernels and engine.models.layers only. Source: "Crafting Query-Aware Selective Attention for Single
Image Super-Resolution" (Kim, Kim, Jung, Min 2025), for which neither code nor weights are public.

The paper fixes: a shallow convolution; a body of SSCAN blocks, each of several FGCA (fine-grained context-aware
attention) blocks; reconstruction by pixel shuffle; windows of a fixed size, whose number grows with the image; query
windows scored against key windows, the top-k kept, and exact attention to the tokens of those only.

We decide, as constructor arguments that lie in a checkpoint's metadata or in the code: widths, depths, heads,
the feed-forward, the position term, the padding and the bilinear image skip.

Shape legend: B batch, C = dim, H W pixels, M window edge, N = M*M tokens, W windows of an image, D head dimension.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

import kernels
from engine.models.layers import DepthwiseConv, from_windows, in_strips, pad_to_multiple, run_in, to_windows
from kernels import fused_linear


class ConvFeedForward(nn.Module):
    """Widen, gelu, add a gelu'd depthwise convolution of it, narrow."""

    def __init__(self, dim: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.dwconv = DepthwiseConv(hidden, kernel_size)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape; the caller owns the residual."""
        hidden = fused_linear.linear_gelu(x_bhwc, self.fc1.weight, self.fc1.bias)
        spread = functional.gelu(self.dwconv(hidden.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        return fused_linear.linear(hidden + spread, self.fc2.weight, self.fc2.bias)


class WindowSelection(nn.Module):
    """The routing of one attention; a module of its own, without parameters, so that a hook can see what it chose."""

    def __init__(self, topk: int) -> None:
        super().__init__()
        self.topk = topk

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        """Return the windows chosen for each window, best first: `(B, W, heads, N, D)` twice to `(B, W, K)` int32."""
        return kernels.select_windows(q, k, self.topk)


class FineGrainedAttention(nn.Module):
    """FGCA: every query window attends to the tokens of its top-k key windows, plus a depthwise position term."""

    def __init__(self, dim: int, num_heads: int, window_size: int, topk: int, kernel_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.window_size = window_size
        self.select = WindowSelection(topk)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.lepe = DepthwiseConv(dim, kernel_size)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x_bhwc: Tensor, skip_bhwc: Tensor) -> Tensor:
        """Attend in `(B, H, W, C)` and add to the skip; the mirrored padding takes part in the attention."""
        batch, height, width, _ = x_bhwc.shape
        padded = pad_to_multiple(x_bhwc.permute(0, 3, 1, 2), self.window_size, "reflect_or_replicate")
        size = (batch, padded.shape[-2], padded.shape[-1])
        tokens = to_windows(padded, self.window_size)
        joint = fused_linear.linear(tokens, self.qkv.weight, self.qkv.bias)
        qkv = torch.unflatten(joint, -1, (3, self.num_heads, -1))
        q, k, v = (torch.unflatten(part.transpose(1, 2), 0, (batch, -1)) for part in qkv.unbind(2))
        index: Tensor = self.select(q, k)
        attended = kernels.selective_attention(q, k, v, index)
        position = self.lepe(from_windows(v.flatten(0, 1), self.window_size, size))
        merged = from_windows(attended.flatten(0, 1), self.window_size, size) + position
        cropped = merged[..., :height, :width].permute(0, 2, 3, 1)
        return fused_linear.linear_add(cropped, self.proj.weight, self.proj.bias, skip_bhwc)


class Layer(nn.Module):
    """One FGCA block: the attention and the feed-forward, each behind a norm and inside a residual."""

    def __init__(
        self, dim: int, num_heads: int, window_size: int, topk: int, mlp_ratio: float, kernel_size: int
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim)
        self.attn = FineGrainedAttention(dim, num_heads, window_size, topk, kernel_size)
        self.norm2 = nn.LayerNorm(dim)
        self.ffn = ConvFeedForward(dim, int(dim * mlp_ratio), kernel_size)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        x_bchw = self.attn(self.norm1(x_bhwc), x_bhwc).permute(0, 3, 1, 2)
        halo = self.ffn.dwconv.kernel_size[0] // 2
        return in_strips(self._feed, x_bchw, halo=halo, widest=self.ffn.fc1.out_features).permute(0, 2, 3, 1)

    def _feed(self, x_bchw: Tensor) -> Tensor:
        x_bhwc = x_bchw.permute(0, 2, 3, 1)
        out: Tensor = x_bhwc + self.ffn(self.norm2(x_bhwc))
        return out.permute(0, 3, 1, 2)


class Block(nn.Module):
    """One SSCAN block: its FGCA blocks, a 3x3 convolution and a residual around both."""

    def __init__(
        self, dim: int, depth: int, num_heads: int, window_size: int, topk: int, mlp_ratio: float, kernel_size: int
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [Layer(dim, num_heads, window_size, topk, mlp_ratio, kernel_size) for _ in range(depth)]
        )
        self.conv = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        deep = x_bhwc
        for layer in self.layers:
            deep = layer(deep)
        out: Tensor = self.conv(deep.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + x_bhwc
        return out


class SSCAN(nn.Module):
    """SSCAN: 829 552 parameters at four times with the defaults.

    `forward`: `(B, 3, H, W)` float32 in 0..1 to `(B, 3, H*r, W*r)` float32, not clamped. The body runs in the
    parameters' dtype; the bilinear image skip and its sum are float32. An image of fewer windows than `topk` attends to
    all of them.
    """

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
    ) -> None:
        super().__init__()
        self.upscaling_factor = upscaling_factor
        self.conv_first = nn.Conv2d(3, dim, 3, padding=1)
        self.blocks = nn.ModuleList(
            [Block(dim, depth, num_heads, window_size, topk, mlp_ratio, kernel_size) for _ in range(n_blocks)]
        )
        self.conv_after_body = nn.Conv2d(dim, dim, 3, padding=1)
        self.to_img = nn.Conv2d(dim, 3 * upscaling_factor**2, 3, padding=1)
        self.apply(_init_linear)

    def stages(self) -> list[nn.Module]:
        """List the modules between which a forward pass may be interrupted, in order."""
        return [module for module in self.modules() if isinstance(module, Layer)]

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images."""
        features = self.conv_first(run_in(self.conv_first.weight.dtype, x_bchw))
        deep = features.permute(0, 2, 3, 1)
        for block in self.blocks:
            deep = block(deep)
        residual = self.to_img(self.conv_after_body(deep.permute(0, 3, 1, 2)) + features).float()
        upscaled = functional.pixel_shuffle(residual, self.upscaling_factor)
        skip = functional.interpolate(
            x_bchw.float(), scale_factor=self.upscaling_factor, mode="bilinear", align_corners=False
        )
        return upscaled + skip


def _init_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
