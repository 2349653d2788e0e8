"""ESC, ESC-FP and ESC-Real: convolutions emulating self-attention, one windowed attention a block.

May import torch, kernels and engine.models.layers only. Source: "Emulating Self-attention with Convolution for
Efficient Image Super-Resolution" (Lee et al., 2025); parameters are named and ordered as published, so official
checkpoints load strictly. Shape legend: B batch, C = dim, P = pdim (the channels that the large kernel sees), H W
pixels, r scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import kernels
from engine.models.layers import (
    ChannelLayerNorm,
    ConvFeedForward,
    PointwiseConv,
    channels_last,
    from_windows,
    mirror_around,
    pad_to_multiple,
    run_in,
    symmetrise,
    to_windows,
)


class WindowAttention(nn.Module):
    """Self-attention inside unshifted windows with a learned bias per offset."""

    def __init__(self, dim: int, window_size: int, num_heads: int) -> None:
        super().__init__()
        self.window_size = window_size
        self.num_heads = num_heads
        bias = torch.empty(num_heads, (2 * window_size - 1) ** 2)
        # On the meta device (a checkpoint is being loaded) arithmetic would import torch's compiler: a second, and 80 MB.
        self.relative_position_bias = nn.Parameter(bias if bias.is_meta else torch.randn(bias.shape) * 0.001)
        self.to_qkv = PointwiseConv(dim, 3 * dim)
        self.to_out = PointwiseConv(dim, dim)

    def forward(self, x_bchw: Tensor, skip_bchw: Tensor) -> Tensor:
        """Attend in `(B, C, H, W)` and add to the skip; the reflected padding takes part in the attention."""
        batch, _, height, width = x_bchw.shape
        padded = pad_to_multiple(x_bchw, self.window_size, "reflect")
        size = (batch, padded.shape[-2], padded.shape[-1])
        # windows before q, k and v: a third of what cutting those would copy
        joint = self.to_qkv.of_tokens(to_windows(padded, self.window_size))
        qkv = torch.unflatten(joint, -1, (3, self.num_heads, -1))
        q, k, v = (part.transpose(1, 2) for part in qkv.unbind(2))
        out = kernels.window_attention(q, k, v, self.relative_position_bias, self.window_size)
        merged = from_windows(out, self.window_size, size)[..., :height, :width]
        return self.to_out.onto(skip_bchw, merged)


class SharedLargeKernel(nn.Module):
    """Adds a dynamic depthwise 3x3, made from the pooled input, to the network's shared 13x13 kernel."""

    def __init__(self, pdim: int) -> None:
        super().__init__()
        self.pdim = pdim
        last = nn.Conv2d(pdim // 2, 9 * pdim, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias if last.bias is not None else last.weight)
        self.dwc_proj = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(pdim, pdim // 2, 1), nn.GELU(), last)

    def forward(self, x_bphw: Tensor, large_kernels: tuple[Tensor, ...]) -> Tensor:
        """Map `(B, P, H, W)` to the same shape; `large_kernels` is the symmetrised `(P, P, 13, 13)` filter."""
        dynamic = self.dwc_proj(x_bphw).reshape(-1, self.pdim, 3, 3)
        return kernels.convolutional_attention(x_bphw, large_kernels[0], dynamic)


class FactoredLargeKernel(nn.Module):
    """ESC-FP's large kernel: a channel mix, then a depthwise 13x13 with the dynamic 3x3 in its centre."""

    def __init__(self, pdim: int) -> None:
        super().__init__()
        self.pdim = pdim
        self.proj = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(pdim, pdim // 4, 1), nn.GELU(), nn.Conv2d(pdim // 4, 9 * pdim, 1)
        )

    def forward(self, x_bphw: Tensor, large_kernels: tuple[Tensor, ...]) -> Tensor:
        """Map `(B, P, H, W)` to the same shape; `large_kernels` is the mix `(P, P, 1, 1)` and the `(P, 1, 13, 13)`."""
        channel_mix, spatial = large_kernels
        batch, channels, height, width = x_bphw.shape
        dynamic = self.proj(x_bphw).reshape(batch * channels, 1, 3, 3)
        kernel = functional.pad(dynamic, (5, 5, 5, 5)) + spatial.repeat(batch, 1, 1, 1)
        mixed = functional.conv2d(x_bphw, channel_mix)
        if batch == 1:
            return functional.conv2d(mixed, kernel, padding=6, groups=channels)
        # every image has its own kernel: images become channel groups
        grouped = mixed.reshape(1, batch * channels, height, width)
        out = functional.conv2d(grouped, kernel, padding=6, groups=batch * channels)
        return channels_last(out.reshape(batch, channels, height, width))


class PartialConvolution(nn.Module):
    """Runs the convolutional attention on the first P channels and mixes all of them afterwards."""

    def __init__(self, dim: int, pdim: int, factored: bool) -> None:
        super().__init__()
        self.pdim = pdim
        self.plk = FactoredLargeKernel(pdim) if factored else SharedLargeKernel(pdim)
        self.aggr = PointwiseConv(dim, dim)

    def forward(self, x_bchw: Tensor, skip_bchw: Tensor, large_kernels: tuple[Tensor, ...]) -> Tensor:
        """Mix `(B, C, H, W)` and add it to the skip. Without gradients the first P channels of `x` are overwritten."""
        convolved = self.plk(x_bchw[:, : self.pdim], large_kernels)
        if torch.is_grad_enabled():
            joined = torch.cat([convolved, x_bchw[:, self.pdim :]], dim=1)
        else:
            joined = x_bchw
            joined[:, : self.pdim] = convolved
        return self.aggr.onto(skip_bchw, joined)


class Block(nn.Module):
    """One ESC block: a feed-forward, one window attention, then feed-forwards with convolutional attention."""

    def __init__(
        self,
        dim: int,
        pdim: int,
        conv_blocks: int,
        window_size: int,
        num_heads: int,
        exp_ratio: float,
        *,
        first_ratio: float = 2,
        use_ln: bool,
        factored: bool = False,
    ) -> None:
        super().__init__()
        self.ln_proj = ChannelLayerNorm(dim)
        self.proj = ConvFeedForward(dim, first_ratio)
        self.ln_attn = ChannelLayerNorm(dim)
        self.attn = WindowAttention(dim, window_size, num_heads)
        self.lns = nn.ModuleList([ChannelLayerNorm(dim) if use_ln else nn.Identity() for _ in range(conv_blocks)])
        self.pconvs = nn.ModuleList([PartialConvolution(dim, pdim, factored) for _ in range(conv_blocks)])
        self.convffns = nn.ModuleList([ConvFeedForward(dim, exp_ratio) for _ in range(conv_blocks)])
        self.ln_out = ChannelLayerNorm(dim)
        self.conv_out = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x_bchw: Tensor, large_kernels: tuple[Tensor, ...]) -> Tensor:
        """Map `(B, C, H, W)` to the same shape."""
        x = self.proj(self.ln_proj(x_bchw))
        x = self.attn(self.ln_attn(x), x)
        for norm, feed_forward, partial in zip(self.lns, self.convffns, self.pconvs, strict=True):
            x = partial(feed_forward(norm(x)), x, large_kernels)
        out: Tensor = self.conv_out(self.ln_out(x)) + x_bchw
        return out


class _Body(nn.Module):
    """What the three ESC networks share: the shallow convolution, the blocks and the stages a caller may interrupt."""

    proj: nn.Conv2d
    blocks: nn.ModuleList

    def stages(self) -> list[nn.Module]:
        """List the modules between which a forward pass may be interrupted, in order."""
        return list(self.blocks)

    def _run_blocks(self, image_bchw: Tensor, large_kernels: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        shallow = self.proj(run_in(self.proj.weight.dtype, image_bchw))
        deep = shallow
        for block in self.blocks:
            deep = block(deep, large_kernels)
        return shallow, deep


def _require_kernel_13(kernel_size: int) -> None:
    if kernel_size != 13:
        raise ValueError(f"kernel_size is {kernel_size}; the published network is defined for 13 only")


class ESC(_Body):
    """ESC, and by its arguments ESC-light and ESC-XL.

    `forward`: `(B, 3, H, W)` float32 in 0..1 to `(B, 3, H*r, W*r)` float32, not clamped. The body runs in the
    parameters' dtype; the image skip and its sum are float32.
    """

    def __init__(
        self,
        dim: int = 64,
        pdim: int = 16,
        kernel_size: int = 13,
        n_blocks: int = 5,
        conv_blocks: int = 5,
        window_size: int = 32,
        num_heads: int = 4,
        upscaling_factor: int = 4,
        exp_ratio: float = 1.25,
        use_ln: bool = False,
    ) -> None:
        super().__init__()
        _require_kernel_13(kernel_size)
        self.upscaling_factor = upscaling_factor
        self.plk_filter = nn.Parameter(torch.empty(pdim, pdim, kernel_size, kernel_size))
        nn.init.trunc_normal_(self.plk_filter, std=0.02)
        self.proj = nn.Conv2d(3, dim, 3, padding=1)
        self.blocks = nn.ModuleList(
            [Block(dim, pdim, conv_blocks, window_size, num_heads, exp_ratio, use_ln=use_ln) for _ in range(n_blocks)]
        )
        self.last = nn.Conv2d(dim, dim, 3, padding=1)
        self.to_img = nn.Conv2d(dim, 3 * upscaling_factor**2, 3, padding=1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images."""
        shallow, deep = self._run_blocks(x_bchw, (symmetrise(self.plk_filter),))
        residual = self.to_img(self.last(deep) + shallow).float()
        upscaled = functional.pixel_shuffle(residual, self.upscaling_factor)
        return upscaled + functional.interpolate(x_bchw.float(), scale_factor=self.upscaling_factor, mode="nearest")


class ESCFP(_Body):
    """ESC-FP: the large kernel factored into a channel mix and a depthwise part.

    `forward` as in `ESC`, with a bicubic image skip (a = -0.75).
    """

    def __init__(
        self,
        dim: int = 48,
        pdim: int = 16,
        kernel_size: int = 13,
        n_blocks: int = 5,
        conv_blocks: int = 5,
        window_size: int = 32,
        num_heads: int = 3,
        upscaling_factor: int = 4,
        exp_ratio: float = 1.25,
    ) -> None:
        super().__init__()
        _require_kernel_13(kernel_size)
        self.upscaling_factor = upscaling_factor
        self.lk_channel = nn.Parameter(torch.empty(pdim, pdim, 1, 1))
        self.lk_spatial = nn.Parameter(torch.empty(pdim, 1, kernel_size, kernel_size))
        nn.init.trunc_normal_(self.lk_channel, std=0.02)
        nn.init.trunc_normal_(self.lk_spatial, std=0.02)
        self.proj = nn.Conv2d(3, dim, 3, padding=1)
        sizes = (dim, pdim, conv_blocks, window_size, num_heads, exp_ratio)
        self.blocks = nn.ModuleList(
            [Block(*sizes, first_ratio=1.5, use_ln=True, factored=True) for _ in range(n_blocks)]
        )
        self.ln_last = ChannelLayerNorm(dim)
        self.last = nn.Conv2d(dim, dim, 3, padding=1)
        self.to_img = nn.Conv2d(dim, 3 * upscaling_factor**2, 3, padding=1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images."""
        shallow, deep = self._run_blocks(x_bchw, (self.lk_channel, self.lk_spatial))
        residual = self.to_img(self.last(self.ln_last(deep)) + shallow).float()
        upscaled = functional.pixel_shuffle(residual, self.upscaling_factor)
        skip = functional.interpolate(
            x_bchw.float(), scale_factor=self.upscaling_factor, mode="bicubic", align_corners=False
        )
        return upscaled + skip


class ImageSkip(nn.Sequential):
    """ESC-Real's path from the image straight to the last features; its 7x7 reflects at the borders."""

    def __init__(self, dim: int) -> None:
        super().__init__(
            PointwiseConv(3, 2 * dim),
            nn.Conv2d(2 * dim, 2 * dim, 7, groups=2 * dim),
            nn.LeakyReLU(0.2),
            PointwiseConv(2 * dim, dim),
        )

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Map `(B, 3, H, W)` to `(B, C, H, W)`."""
        widened = mirror_around(self[0](x_bchw), 3)
        out: Tensor = self[3](self[2](self[1](widened)))
        return out


class ESCReal(_Body):
    """ESC-Real, for photographs with real degradations; four times only.

    `forward` as in `ESC`, but the output is absolute (no image is added to it). `upscaling_factor` is accepted as
    published and must be 4.
    """

    def __init__(
        self,
        dim: int = 64,
        pdim: int = 16,
        kernel_size: int = 13,
        n_blocks: int = 10,
        conv_blocks: int = 5,
        window_size: int = 32,
        num_heads: int = 4,
        upscaling_factor: int = 4,
        exp_ratio: float = 2,
    ) -> None:
        super().__init__()
        _require_kernel_13(kernel_size)
        if upscaling_factor != 4:
            raise ValueError(f"upscaling_factor is {upscaling_factor}; ESC-Real upscales four times only")
        self.upscaling_factor = upscaling_factor
        self.plk_filter = nn.Parameter(torch.empty(pdim, pdim, kernel_size, kernel_size))
        nn.init.trunc_normal_(self.plk_filter, std=0.02)
        self.proj = nn.Conv2d(3, dim, 3, padding=1)
        self.blocks = nn.ModuleList(
            [Block(dim, pdim, conv_blocks, window_size, num_heads, exp_ratio, use_ln=True) for _ in range(n_blocks)]
        )
        self.last = nn.Conv2d(dim, dim, 3, padding=1)
        self.to_img = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(dim, dim, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.Conv2d(dim, dim, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(dim, dim, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(dim, 3, 3, padding=1),
        )
        self.skip = ImageSkip(dim)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images four times."""
        shallow, deep = self._run_blocks(x_bchw, (symmetrise(self.plk_filter),))
        image = run_in(self.proj.weight.dtype, x_bchw)
        upscaled: Tensor = self.to_img(self.last(deep) + shallow + self.skip(image))
        return upscaled.float()


def convert_scale(state: Mapping[str, Tensor], scale: int) -> dict[str, Tensor]:
    """Return an ESC or ESC-FP state whose `to_img` serves another scale.

    The (ry, rx) grid of sub-pixels is resized bilinearly for each colour, input channel and tap.
    """
    converted: dict[str, Any] = dict(state)
    weight, bias = state["to_img.weight"], state["to_img.bias"]
    rows, channels, height, width = weight.shape
    old = int((rows // 3) ** 0.5)
    if old == scale:
        return converted
    grid = weight.reshape(3, old, old, channels * height * width).permute(0, 3, 1, 2)
    resized = functional.interpolate(grid, size=(scale, scale), mode="bilinear", align_corners=False)
    converted["to_img.weight"] = resized.permute(0, 2, 3, 1).reshape(3 * scale**2, channels, height, width)
    grid = bias.reshape(3, 1, old, old)
    resized = functional.interpolate(grid, size=(scale, scale), mode="bilinear", align_corners=False)
    converted["to_img.bias"] = resized.reshape(3 * scale**2)
    return converted
