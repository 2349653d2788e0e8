"""PFT-light as published: maps of all windows at once, and keys and values gathered for the sparse layers.

May import torch only. Source: Long et al. 2025, "Progressive Focused Transformer for Single Image Super-Resolution". The
published sparse products are CUDA code for float32; here they are the gathers in PyTorch that define them. Shape legend:
B batch, C = embed_dim, H W pixels, M window edge, N = M*M tokens, n windows times heads, K kept keys, D head dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

_MEAN = (0.4488, 0.4371, 0.4040)


class PlanarGelu(nn.Module):
    """A depthwise convolution of tokens, taken to planes and back, and its gelu."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels)
        self.depthwise_conv = nn.Sequential(convolution, nn.GELU())

    def forward(self, x_btc: Tensor, size: tuple[int, int]) -> Tensor:
        """Map `(B, H*W, C)` to the same shape."""
        planes = x_btc.transpose(1, 2).reshape(x_btc.shape[0], x_btc.shape[2], *size).contiguous()
        out: Tensor = self.depthwise_conv(planes)
        return out.flatten(2).transpose(1, 2).contiguous()


class FeedForward(nn.Module):
    """Widen, gelu, add the gelu'd depthwise convolution, narrow."""

    def __init__(self, channels: int, hidden: int, kernel_size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.dwconv = PlanarGelu(hidden, kernel_size)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, x_btc: Tensor, size: tuple[int, int]) -> Tensor:
        """Map `(B, H*W, C)` to the same shape."""
        hidden = functional.gelu(self.fc1(x_btc))
        out: Tensor = self.fc2(hidden + self.dwconv(hidden, size))
        return out


class Carried:
    """The values and indices that pass from layer to layer, for each of the two shifts."""

    def __init__(self) -> None:
        self.values: list[Tensor | None] = [None, None]
        self.indices: list[Tensor | None] = [None, None]


class FocusedAttention(nn.Module):
    """Window attention multiplied by the carried maps, and over the surviving keys once some were dropped."""

    def __init__(self, dim: int, window_size: int, heads: int, topk: int) -> None:
        super().__init__()
        self.heads = heads
        self.topk = topk
        columns = heads if dim > 100 else 1
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window_size - 1) ** 2, columns))
        self.proj = nn.Linear(dim, dim)

    def forward(self, windows: Tensor, entry: Tensor, mask: Tensor | None, carried: Carried, parity: int) -> Tensor:
        """Map `(windows, N, 4C)`, that is q, k, v and the position term, to `(windows, N, C)`."""
        count, tokens, width = windows.shape
        channels = width // 4
        dim = channels // self.heads
        split = windows.reshape(count, tokens, 4, self.heads, dim).permute(2, 0, 3, 1, 4)
        q, k, v, position = split[0] * dim**-0.5, split[1], split[2], split[3]
        # (1, heads or 1, N, N)
        bias = self.relative_position_bias_table[entry.flatten()].view(tokens, tokens, -1).permute(2, 0, 1)[None]
        kept, values = carried.indices[parity], carried.values[parity]
        if kept is None:
            logits = q @ k.transpose(-2, -1) + bias
            if mask is not None:
                logits = (logits.view(-1, mask.shape[0], *logits.shape[1:]) + mask[:, None]).view(logits.shape)
        else:
            logits = (_gather_rows(k, kept) @ q[..., None]).squeeze(-1)
            logits = logits + bias.expand(count, self.heads, -1, -1).gather(-1, kept)
        attention = logits.softmax(dim=-1)
        if values is not None:
            attention = attention * values + 1e-20
            attention = attention / (attention.sum(dim=-1, keepdim=True) + 1e-20)
        if self.topk < tokens:
            attention, picked = attention.topk(self.topk, dim=-1)
            kept = picked if kept is None else kept.gather(-1, picked)
        carried.values[parity], carried.indices[parity] = attention, kept
        out = attention @ v if kept is None else (attention[..., None, :] @ _gather_rows(v, kept)).squeeze(-2)
        merged: Tensor = self.proj((out + position).transpose(1, 2).reshape(count, tokens, channels))
        return merged


def _gather_rows(x: Tensor, kept: Tensor) -> Tensor:
    """Copy the rows that each query keeps: x `(windows, heads, N, D)` to `(windows, heads, N, K, D)`."""
    windows, heads, tokens, dim = x.shape
    first = torch.arange(windows * heads, device=x.device).view(windows, heads, 1, 1) * tokens
    # the quickest of torch's gathers on a CPU
    return x.reshape(-1, dim).index_select(0, (kept + first).flatten()).view(*kept.shape, dim)


class Layer(nn.Module):
    """One transformer layer."""

    def __init__(
        self, dim: int, heads: int, window_size: int, shift: int, topk: int, kernel_size: int, mlp_ratio: float
    ) -> None:
        super().__init__()
        self.window_size = window_size
        self.shift = shift
        self.norm1 = nn.LayerNorm(dim)
        self.norm2 = nn.LayerNorm(dim)
        self.wqkv = nn.Linear(dim, 3 * dim)
        self.v_LePE = PlanarGelu(dim, kernel_size)
        self.attn_win = FocusedAttention(dim, window_size, heads, topk)
        self.convffn = FeedForward(dim, int(dim * mlp_ratio), kernel_size)

    def forward(self, x_btc: Tensor, size: tuple[int, int], entry: Tensor, mask: Tensor, carried: Carried) -> Tensor:
        """Map `(B, H*W, C)` to the same shape."""
        batch, _, channels = x_btc.shape
        qkv = self.wqkv(self.norm1(x_btc))
        joint = torch.cat([qkv, self.v_LePE(qkv[..., 2 * channels :], size)], dim=-1).view(batch, *size, -1)
        if self.shift:
            joint = torch.roll(joint, (-self.shift, -self.shift), (1, 2))
        windows = _cut(joint, self.window_size)
        attended = self.attn_win(windows, entry, mask if self.shift else None, carried, int(self.shift > 0))
        merged = _paste(attended, self.window_size, batch, size)
        if self.shift:
            merged = torch.roll(merged, (self.shift, self.shift), (1, 2))
        x = x_btc + merged.reshape(x_btc.shape)
        out: Tensor = x + self.convffn(self.norm2(x), size)
        return out


def _cut(x_bhwc: Tensor, edge: int) -> Tensor:
    batch, height, width, channels = x_bhwc.shape
    split = x_bhwc.view(batch, height // edge, edge, width // edge, edge, channels)
    return split.permute(0, 1, 3, 2, 4, 5).reshape(-1, edge * edge, channels)


def _paste(windows: Tensor, edge: int, batch: int, size: tuple[int, int]) -> Tensor:
    split = windows.view(batch, size[0] // edge, size[1] // edge, edge, edge, -1)
    return split.permute(0, 1, 3, 2, 4, 5).reshape(batch, *size, -1)


class LayerGroup(nn.Module):
    """Holds the layers under their published name."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)


class Block(nn.Module):
    """Layers, a 3x3 convolution and a residual around them."""

    def __init__(self, layers: Sequence[Layer], dim: int) -> None:
        super().__init__()
        self.residual_group = LayerGroup(layers)
        self.conv = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x_btc: Tensor, size: tuple[int, int], entry: Tensor, mask: Tensor, carried: Carried) -> Tensor:
        """Map `(B, H*W, C)` to the same shape."""
        deep = x_btc
        for layer in self.residual_group.layers.children():
            deep = layer(deep, size, entry, mask, carried)
        planes = self.conv(_to_planes(deep, size))
        out: Tensor = planes.flatten(2).transpose(1, 2) + x_btc
        return out


def _to_planes(x_btc: Tensor, size: tuple[int, int]) -> Tensor:
    return x_btc.transpose(1, 2).reshape(x_btc.shape[0], x_btc.shape[2], *size).contiguous()


class PublishedPFT(nn.Module):
    """PFT-light; `(B, 3, H, W)` in 0..1 to `(B, 3, H*r, W*r)`, in the parameters' dtype."""

    def __init__(
        self,
        upscale: int = 4,
        embed_dim: int = 52,
        depths: Sequence[int] = (2, 4, 6, 6, 6),
        num_heads: int = 4,
        num_topk: Sequence[int] = (1024,) * 2 + (256,) * 4 + (128,) * 6 + (64,) * 6 + (32,) * 6,
        window_size: int = 32,
        convffn_kernel_size: int = 7,
        mlp_ratio: float = 1,
    ) -> None:
        super().__init__()
        self.scale = upscale
        self.window_size = window_size
        place = torch.stack(
            torch.meshgrid(torch.arange(window_size), torch.arange(window_size), indexing="ij"), dim=-1
        ).flatten(0, 1)
        # (N, N, 2): query minus key
        offset = place[:, None] - place[None, :] + window_size - 1
        self.relative_position_index_SA: Tensor
        self.register_buffer("relative_position_index_SA", offset[..., 0] * (2 * window_size - 1) + offset[..., 1])
        self.conv_first = nn.Conv2d(3, embed_dim, 3, padding=1)
        self.patch_embed = nn.ModuleDict({"norm": nn.LayerNorm(embed_dim)})
        topks = iter(num_topk)
        self.layers = nn.ModuleList()
        for depth in depths:
            shifts = [window_size // 2 * (index % 2) for index in range(depth)]
            layers = [
                Layer(embed_dim, num_heads, window_size, shift, next(topks), convffn_kernel_size, mlp_ratio)
                for shift in shifts
            ]
            self.layers.append(Block(layers, embed_dim))
        self.norm = nn.LayerNorm(embed_dim)
        self.conv_after_body = nn.Conv2d(embed_dim, embed_dim, 3, padding=1)
        self.upsample = nn.Sequential(nn.Conv2d(embed_dim, 3 * upscale**2, 3, padding=1), nn.PixelShuffle(upscale))

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Upscale a batch of images."""
        height, width = x_bchw.shape[-2:]
        edge = self.window_size
        tall = torch.cat([x_bchw, x_bchw.flip(-2)], dim=-2)[..., : height + -height % edge, :]
        padded = torch.cat([tall, tall.flip(-1)], dim=-1)[..., : width + -width % edge]
        size = (padded.shape[-2], padded.shape[-1])
        mean = padded.new_tensor(_MEAN).view(1, 3, 1, 1)
        features = self.conv_first(padded - mean)
        mask = self._mask(size, features.device).to(features.dtype)
        carried = Carried()
        deep = self.patch_embed["norm"](features.flatten(2).transpose(1, 2))
        for block in self.layers:
            deep = block(deep, size, self.relative_position_index_SA, mask, carried)
        deep = self.conv_after_body(_to_planes(self.norm(deep), size)) + features
        out: Tensor = self.upsample(deep) + mean
        return out[..., : height * self.scale, : width * self.scale]

    def _mask(self, size: tuple[int, int], device: torch.device) -> Tensor:
        """Compute the `(windows, N, N)` mask: -100 between parts that the roll brought together."""
        edge, shift = self.window_size, self.window_size // 2
        label = torch.zeros(1, *size, 1, device=device)
        number = 0
        for rows in (slice(0, -edge), slice(-edge, -shift), slice(-shift, None)):
            for columns in (slice(0, -edge), slice(-edge, -shift), slice(-shift, None)):
                label[:, rows, columns] = number
                number += 1
        windows = _cut(label, edge).squeeze(-1)
        return (windows[:, :, None] != windows[:, None, :]).float() * -100.0
