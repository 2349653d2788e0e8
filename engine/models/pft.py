"""PFT and PFT-light: window attention that narrows to fewer tokens from layer to layer.

May import torch, kernels and engine.models.layers only. Source: "Progressive Focused Transformer for Single Image
Super-Resolution" (Long et al., CVPR 2025); parameters are named and ordered as published, so official checkpoints load
strictly. Shape legend: B batch, C = embed_dim, H W pixels, M window edge, N = M*M tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import kernels
from engine.models.layers import (
    DepthwiseConv,
    channels_last,
    from_windows,
    in_strips,
    pad_to_multiple,
    to_qkv_windows,
)
from kernels import fused_linear

RGB_MEAN = (0.4488, 0.4371, 0.4040)
WIDE_DIM = 100


class DepthwiseGelu(nn.Module):
    """A depthwise convolution followed by a gelu; the published name of its weights is `depthwise_conv.0`."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.depthwise_conv = nn.Sequential(DepthwiseConv(channels, kernel_size), nn.GELU())

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        out: Tensor = self.depthwise_conv(x_bhwc.permute(0, 3, 1, 2))
        return out.permute(0, 2, 3, 1)


class ConvFeedForward(nn.Module):
    """Widen, gelu, add a gelu'd depthwise convolution of it, narrow."""

    def __init__(self, channels: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = DepthwiseGelu(hidden, kernel_size)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape; the caller owns the residual."""
        hidden = fused_linear.linear_gelu(x_bhwc, self.fc1.weight, self.fc1.bias)
        return fused_linear.linear(hidden + self.dwconv(hidden), self.fc2.weight, self.fc2.bias)


class FocusedAttention(nn.Module):
    """The bias table and the output projection of one layer's attention."""

    def __init__(self, dim: int, window_size: int, num_heads: int) -> None:
        super().__init__()
        columns = num_heads if dim > WIDE_DIM else 1
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * window_size - 1) ** 2, columns))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.proj = nn.Linear(dim, dim)

    def bias_table(self) -> Tensor:
        """Return the table as the operator wants it: `(heads or 1, offsets)`, key minus query."""
        return self.relative_position_bias_table.flip(0).t()


class FocusTrail:
    """What one forward pass carries from layer to layer: a focus state for each of the two shifts."""

    def __init__(self, regions_wn: Tensor) -> None:
        self.regions_wn = regions_wn
        self.states: dict[bool, kernels.FocusState | None] = {False: None, True: None}


class Layer(nn.Module):
    """One transformer layer: focused attention with a depthwise position term, then the feed-forward."""

    def __init__(
        self, dim: int, num_heads: int, window_size: int, shifted: bool, topk: int, kernel_size: int, mlp_ratio: float
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.window_size = window_size
        self.shifted = shifted
        self.topk = topk
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.wqkv = nn.Linear(dim, 3 * dim)
        self.v_LePE = DepthwiseGelu(dim, kernel_size)
        self.attn_win = FocusedAttention(dim, window_size, num_heads)
        self.convffn = ConvFeedForward(dim, int(dim * mlp_ratio), kernel_size)

    def forward(self, x_bhwc: Tensor, trail: FocusTrail) -> Tensor:
        """Map `(B, H, W, C)` to the same shape and leave this layer's focus state in `trail`."""
        x_bchw = self._attend(x_bhwc, trail).permute(0, 3, 1, 2)
        kernel_size = self.convffn.dwconv.kernel_size
        fed = in_strips(self._feed, x_bchw, halo=kernel_size // 2, widest=self.convffn.fc1.out_features)
        return fed.permute(0, 2, 3, 1)

    def _feed(self, x_bchw: Tensor) -> Tensor:
        x_bhwc = x_bchw.permute(0, 2, 3, 1)
        out: Tensor = x_bhwc + self.convffn(self.norm2(x_bhwc))
        return out.permute(0, 3, 1, 2)

    def _attend(self, x_bhwc: Tensor, trail: FocusTrail) -> Tensor:
        """Return the map plus what its attention adds to it."""
        batch, height, width, channels = x_bhwc.shape
        qkv = fused_linear.linear(self.norm1(x_bhwc), self.wqkv.weight, self.wqkv.bias)
        # the position term reads the unshifted map; adding it after the windows are merged is the same sum
        position = self.v_LePE(qkv[..., 2 * channels :])
        shift = self.window_size // 2
        if self.shifted:
            qkv = torch.roll(qkv, (-shift, -shift), (1, 2))
        q, k, v = to_qkv_windows(qkv.permute(0, 3, 1, 2), self.window_size, self.num_heads)
        out, trail.states[self.shifted] = kernels.focused_attention(
            q,
            k,
            v,
            self.attn_win.bias_table(),
            self.window_size,
            topk=self.topk,
            previous=trail.states[self.shifted],
            regions=trail.regions_wn if self.shifted else None,
        )
        merged = from_windows(out, self.window_size, (batch, height, width)).permute(0, 2, 3, 1)
        if self.shifted:
            merged = torch.roll(merged, (shift, shift), (1, 2))
        projection = self.attn_win.proj
        return fused_linear.linear_add(merged + position, projection.weight, projection.bias, x_bhwc)


class LayerGroup(nn.Module):
    """The layers of one block; odd ones are shifted by half a window."""

    def __init__(
        self, dim: int, num_heads: int, window_size: int, topks: Sequence[int], kernel_size: int, mlp_ratio: float
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            [
                Layer(dim, num_heads, window_size, index % 2 == 1, topk, kernel_size, mlp_ratio)
                for index, topk in enumerate(topks)
            ]
        )

    def forward(self, x_bhwc: Tensor, trail: FocusTrail) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        for layer in self.layers:
            x_bhwc = layer(x_bhwc, trail)
        return x_bhwc


class Block(nn.Module):
    """One PFT block: its layers, a 3x3 convolution and a residual around both."""

    def __init__(
        self, dim: int, num_heads: int, window_size: int, topks: Sequence[int], kernel_size: int, mlp_ratio: float
    ) -> None:
        super().__init__()
        self.residual_group = LayerGroup(dim, num_heads, window_size, topks, kernel_size, mlp_ratio)
        self.conv = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x_bhwc: Tensor, trail: FocusTrail) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        deep = self.residual_group(x_bhwc, trail).permute(0, 3, 1, 2)
        out: Tensor = self.conv(deep).permute(0, 2, 3, 1) + x_bhwc
        return out


class PatchEmbed(nn.Module):
    """The norm of the first tokens, under its published name."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_bhwc: Tensor) -> Tensor:
        """Map `(B, H, W, C)` to the same shape."""
        out: Tensor = self.norm(x_bhwc)
        return out


class PFT(nn.Module):
    """PFT, and by its arguments PFT-light.

    `forward`: `(B, 3, H, W)` float32 in 0..1 to `(B, 3, H*r, W*r)` float32, not clamped. The body runs in the
    parameters' dtype; taking off and adding back the mean is float32. `img_size` and `use_checkpoint` are accepted as
    published and change nothing here.
    """

    def __init__(
        self,
        upscale: int = 4,
        in_chans: int = 3,
        img_size: int = 64,
        embed_dim: int = 52,
        depths: Sequence[int] = (2, 4, 6, 6, 6),
        num_heads: int = 4,
        num_topk: Sequence[int] = (1024,) * 2 + (256,) * 4 + (128,) * 6 + (64,) * 6 + (32,) * 6,
        window_size: int = 32,
        convffn_kernel_size: int = 7,
        img_range: float = 1.0,
        mlp_ratio: float = 1,
        upsampler: str = "pixelshuffledirect",
        resi_connection: str = "1conv",
        use_checkpoint: bool = False,
    ) -> None:
        super().__init__()
        # they steer the published training code only
        del img_size, use_checkpoint
        _check(in_chans, depths, num_topk, upscale, upsampler, resi_connection)
        self.upscale = upscale
        self.window_size = window_size
        self.img_range = img_range
        self.upsampler = upsampler
        self.register_buffer("relative_position_index_SA", relative_position_index(window_size))
        self.conv_first = nn.Conv2d(3, embed_dim, 3, padding=1)
        self.patch_embed = PatchEmbed(embed_dim)
        starts = [sum(depths[:index]) for index in range(len(depths))]
        self.layers = nn.ModuleList(
            [
                Block(
                    embed_dim,
                    num_heads,
                    window_size,
                    num_topk[start : start + depth],
                    convffn_kernel_size,
                    mlp_ratio,
                )
                for start, depth in zip(starts, depths, strict=True)
            ]
        )
        self.norm = nn.LayerNorm(embed_dim)
        self.conv_after_body = nn.Conv2d(embed_dim, embed_dim, 3, padding=1)
        if upsampler == "pixelshuffledirect":
            self.upsample = nn.Sequential(*_shuffle_step(embed_dim, 3, upscale))
        else:
            self.conv_before_upsample = nn.Sequential(nn.Conv2d(embed_dim, 64, 3, padding=1), nn.LeakyReLU(0.01))
            factors = [2] * (upscale // 2) if upscale != 3 else [3]
            self.upsample = nn.Sequential(*[part for factor in factors for part in _shuffle_step(64, 64, factor)])
            self.conv_last = nn.Conv2d(64, 3, 3, padding=1)
        self.apply(_init_linear)

    def stages(self) -> list[nn.Module]:
        """List the modules between which a forward pass may be interrupted, in order."""
        return [module for module in self.modules() if isinstance(module, Layer)]

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images."""
        height, width = x_bchw.shape[-2:]
        image = pad_to_multiple(x_bchw.float(), self.window_size, "symmetric")
        mean = torch.tensor(RGB_MEAN, dtype=torch.float32, device=image.device).view(1, 3, 1, 1)
        centred = (image - mean) * self.img_range
        features = self.conv_first(channels_last(centred.to(self.conv_first.weight.dtype)))
        deep = self.conv_after_body(self._body(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)) + features
        if self.upsampler == "pixelshuffle":
            out = self.conv_last(self.upsample(self.conv_before_upsample(deep)))
        else:
            out = self.upsample(deep)
        upscaled: Tensor = out.float() / self.img_range + mean
        return upscaled[..., : height * self.upscale, : width * self.upscale]

    def _body(self, x_bhwc: Tensor) -> Tensor:
        trail = FocusTrail(shift_regions(x_bhwc.shape[1], x_bhwc.shape[2], self.window_size, x_bhwc.device))
        x = self.patch_embed(x_bhwc)
        for block in self.layers:
            x = block(x, trail)
        out: Tensor = self.norm(x)
        return out


def _check(
    in_chans: int, depths: Sequence[int], num_topk: Sequence[int], upscale: int, upsampler: str, resi_connection: str
) -> None:
    if in_chans != 3:
        raise ValueError(f"in_chans is {in_chans}; only colour images (3) are supported")
    if len(num_topk) != sum(depths):
        raise ValueError(f"num_topk has {len(num_topk)} entries for {sum(depths)} layers")
    if upsampler not in ("pixelshuffle", "pixelshuffledirect"):
        raise ValueError(f"upsampler {upsampler!r} is unknown; use 'pixelshuffle' or 'pixelshuffledirect'")
    if resi_connection != "1conv":
        raise ValueError(f"resi_connection {resi_connection!r} is unknown; use '1conv'")
    if upscale not in (2, 3, 4):
        raise ValueError(f"upscale is {upscale}; use 2, 3 or 4")


def _shuffle_step(channels: int, out_channels: int, factor: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, out_channels * factor**2, 3, padding=1), nn.PixelShuffle(factor)]


def _init_linear(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


def relative_position_index(window_size: int) -> Tensor:
    """Return the published int64 `(N, N)` table of bias rows for each query and key, query minus key."""
    # Not on the meta device (a checkpoint is being loaded): arithmetic there would import torch's compiler.
    steps = torch.arange(window_size * window_size, device="cpu")
    rows, columns = steps // window_size, steps % window_size
    down = rows[:, None] - rows[None, :] + window_size - 1
    right = columns[:, None] - columns[None, :] + window_size - 1
    return down * (2 * window_size - 1) + right


def shift_regions(height: int, width: int, window_size: int, device: torch.device) -> Tensor:
    """Label the parts of a rolled map that do not belong together: `(windows, N)` int8 of up to nine labels."""
    shift = window_size // 2

    def bands(size: int) -> Tensor:
        steps = torch.arange(size, device=device)
        return (steps >= size - window_size).to(torch.int8) + (steps >= size - shift).to(torch.int8)

    labels = bands(height)[:, None] * 3 + bands(width)[None, :]
    rows, columns = height // window_size, width // window_size
    split = labels.reshape(rows, window_size, columns, window_size).permute(0, 2, 1, 3)
    return split.reshape(rows * columns, window_size * window_size).contiguous()
