"""The parts that the three networks share: norms, feed-forwards, strips, windows and mirror padding.

May import torch and kernels only. Shape legend: B batch, C channels, H W pixels, M window edge, N = M*M tokens of a window,
D head dimension. Feature maps are `(B, C, H, W)` in channels-last memory: on a CPU a 1x1 convolution is seven times
and a LayerNorm four times faster there than on planes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.nn.grad import conv2d_input, conv2d_weight

from kernels import fused_linear
from kernels.parallel import for_each

PadMode = Literal["reflect", "symmetric", "reflect_or_replicate"]

# What one thread holds of a strip's widest map. Narrower strips would compute more of their neighbours' rows again than the
# cache saves; from 4 MiB on, the worker's allocator maps each map for itself, and touching fresh pages costs as much again as
# the arithmetic (ESC's feed-forward of 64 channels at 256 x 256: 10 ms here, 25 ms at 4 MiB).
_STRIP_BYTES = 2 << 20


class ChannelLayerNorm(nn.Module):
    """Normalises each pixel over its channels, with a learned scale and shift.

    `(B, C, H, W)` in any floating dtype to the same shape and dtype; torch accumulates the statistics in float32.
    """

    def __init__(self, channels: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Return the normalised map in channels-last memory."""
        x_bhwc = x_bchw.permute(0, 2, 3, 1)
        normed = functional.layer_norm(x_bhwc, self.weight.shape, self.weight, self.bias, self.eps)
        return normed.permute(0, 3, 1, 2)


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution computed as a matrix product over the pixels of a channels-last map."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Map `(B, in, H, W)` to `(B, out, H, W)` in channels-last memory."""
        return self.of_tokens(x_bchw.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    def of_tokens(self, x: Tensor) -> Tensor:
        """Map tokens `(..., in)` to `(..., out)`."""
        return fused_linear.linear(x, self.weight.flatten(1), self.bias)

    def gelu(self, x_bchw: Tensor) -> Tensor:
        """Return the gelu of `forward`."""
        x_bhwc = x_bchw.permute(0, 2, 3, 1)
        return fused_linear.linear_gelu(x_bhwc, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)

    def onto(self, other_bchw: Tensor, x_bchw: Tensor) -> Tensor:
        """Return `forward(x) + other`."""
        x_bhwc, other_bhwc = x_bchw.permute(0, 2, 3, 1), other_bchw.permute(0, 2, 3, 1)
        return fused_linear.linear_add(x_bhwc, self.weight.flatten(1), self.bias, other_bhwc).permute(0, 3, 1, 2)


class DepthwiseConv(nn.Conv2d):
    """A zero-padded depthwise convolution that keeps the size of its map."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__(channels, channels, kernel_size, padding=kernel_size // 2, groups=channels)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Return a map of the input's shape."""
        trains_on_cpu = torch.is_grad_enabled() and self.weight.requires_grad and x_bchw.device.type == "cpu"
        if trains_on_cpu and self.kernel_size[0] > 3 and self.bias is not None:
            out: Tensor = _TiledDepthwise.apply(x_bchw, self.weight, self.bias)  # type: ignore[no-untyped-call]
            return out
        return super().forward(x_bchw)


class _TiledDepthwise(torch.autograd.Function):
    """A depthwise convolution whose weight gradient is put together from 3x3 tiles of the kernel.

    On a CPU torch computes that gradient fast for 3x3 kernels only: a 5x5 took 4.6 ms of 8 x 32 x 48 x 48, its four tiles
    0.8 ms.
    """

    @staticmethod
    def forward(ctx: Any, x_bchw: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x_bchw, weight)
        return functional.conv2d(x_bchw, weight, bias, padding=weight.shape[-1] // 2, groups=weight.shape[0])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_bchw: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x_bchw, weight = ctx.saved_tensors
        channels, edge = weight.shape[0], weight.shape[-1]
        grad_bchw = channels_last(grad_bchw)
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = conv2d_input(  # type: ignore[no-untyped-call]
                x_bchw.shape, weight, grad_bchw, padding=edge // 2, groups=channels
            )
        padded = functional.pad(channels_last(x_bchw), (edge // 2,) * 4)
        height, width = x_bchw.shape[-2] + 2, x_bchw.shape[-1] + 2
        grad_weight = torch.empty_like(weight)
        # the last tile overlaps the one before where three does not divide the edge
        starts = [min(start, edge - 3) for start in range(0, edge, 3)]
        for top in starts:
            for left in starts:
                tile = channels_last(padded[..., top : top + height, left : left + width])
                taps = conv2d_weight(  # type: ignore[no-untyped-call]
                    tile, (channels, 1, 3, 3), grad_bchw, groups=channels
                )
                grad_weight[..., top : top + 3, left : left + 3] = taps
        return grad_x, grad_weight, grad_bchw.sum(dim=(0, 2, 3))


class ConvFeedForward(nn.Module):
    """ESC's feed-forward: widen, gelu, add a gelu'd depthwise 3x3 of it, narrow."""

    def __init__(self, channels: int, ratio: float) -> None:
        super().__init__()
        hidden = int(channels * ratio)
        self.proj = PointwiseConv(channels, hidden)
        self.dwc = DepthwiseConv(hidden, 3)
        self.aggr = PointwiseConv(hidden, channels)

    def forward(self, x_bchw: Tensor) -> Tensor:
        """Return a new map of the input's shape; the caller owns the residual."""
        return in_strips(self._whole, x_bchw, halo=1, widest=self.dwc.out_channels)

    def _whole(self, x_bchw: Tensor) -> Tensor:
        hidden = self.proj.gelu(x_bchw)
        hidden = functional.gelu(self.dwc(hidden)) + hidden
        mixed: Tensor = self.aggr(hidden)
        return mixed


def in_strips(work: Callable[[Tensor], Tensor], x_bchw: Tensor, *, halo: int, widest: int) -> Tensor:
    """Return `work(x)`, computed on a CPU without gradients in strips of rows that stay in a thread's cache.

    `work` maps `(B, C, H, W)` to the same shape and sees at most `halo` rows up and down, zeros beyond the map; `widest`
    is the number of channels of the widest map that it makes. A map of the input's shape, in channels-last memory.
    """
    if torch.is_grad_enabled() or x_bchw.device.type != "cpu":
        return work(x_bchw)
    batch, _, height, width = x_bchw.shape
    rows = max(1, _STRIP_BYTES // (width * widest * x_bchw.element_size()))
    strips = [(image, start, min(start + rows, height)) for image in range(batch) for start in range(0, height, rows)]
    if len(strips) == 1:
        return work(x_bchw)
    out = torch.empty_like(x_bchw, memory_format=torch.channels_last)

    def fill(strip: tuple[int, int, int]) -> None:
        image, start, end = strip
        top, bottom = max(start - halo, 0), min(end + halo, height)
        found = work(x_bchw[image : image + 1, :, top:bottom])
        out[image, :, start:end] = found[0, :, start - top : end - top]

    for_each(strips, fill)
    return out


def channels_last(x_bchw: Tensor) -> Tensor:
    """Return the map in channels-last memory, copied only where it is not there yet."""
    return x_bchw.contiguous(memory_format=torch.channels_last)


def to_windows(map_bchw: Tensor, window_size: int) -> Tensor:
    """Cut a map into windows of tokens, `(B*windows, N, C)`: image-major, then row-major, tokens row-major."""
    batch, channels, height, width = map_bchw.shape
    rows, columns = height // window_size, width // window_size
    split = map_bchw.permute(0, 2, 3, 1).reshape(batch, rows, window_size, columns, window_size, channels)
    return split.transpose(2, 3).reshape(batch * rows * columns, window_size * window_size, channels)


def to_qkv_windows(map_bchw: Tensor, window_size: int, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Cut a map of `3*heads*D` channels, ordered [qkv][head][D], into three `(B*windows, heads, N, D)` tensors.

    The window axis is image-major, then row-major; tokens are row-major. H and W are multiples of the window.
    """
    batch, channels, height, width = map_bchw.shape
    rows, columns, dim = height // window_size, width // window_size, channels // (3 * heads)
    split = map_bchw.permute(0, 2, 3, 1).reshape(batch, rows, window_size, columns, window_size, 3, heads, dim)
    # (3, B, rows, columns, heads, M, M, D)
    parts = split.permute(5, 0, 1, 3, 6, 2, 4, 7)
    windows = parts.reshape(3, batch * rows * columns, heads, window_size * window_size, dim)
    q, k, v = windows.unbind(0)
    return q, k, v


def from_windows(windows: Tensor, window_size: int, size: tuple[int, int, int]) -> Tensor:
    """Merge `(B*windows, heads, N, D)` into a `(B, heads*D, H, W)` map; `size` is (B, H, W). Inverse of the cut."""
    batch, height, width = size
    rows, columns = height // window_size, width // window_size
    _, heads, _, dim = windows.shape
    split = windows.reshape(batch, rows, columns, heads, window_size, window_size, dim)
    # (B, rows, M, columns, M, heads, D)
    map_bhwc = split.permute(0, 1, 4, 2, 5, 3, 6).reshape(batch, height, width, heads * dim)
    return map_bhwc.permute(0, 3, 1, 2)


def pad_to_multiple(x_bchw: Tensor, multiple: int, mode: PadMode) -> Tensor:
    """Pad right and bottom by mirroring until both sides are multiples of `multiple`.

    `reflect` does not repeat the edge pixel, `symmetric` does; both go on as a triangular wave where the padding
    exceeds the side, so any size from 1x1 up is defined, and both equal the published padding wherever that is defined.
    `reflect_or_replicate` repeats the edge along a side too short for one reflection.
    """
    height, width = x_bchw.shape[-2:]
    padded = mirror_after(x_bchw, -2, -height % multiple, mode)
    return mirror_after(padded, -1, -width % multiple, mode)


def mirror_after(x: Tensor, axis: int, count: int, mode: PadMode) -> Tensor:
    """Append `count` mirrored slices at the end of `axis` (see `pad_to_multiple` for the modes)."""
    if count == 0:
        return x
    size = x.shape[axis]
    edge = 0 if mode == "symmetric" else 1
    period = size - edge
    if period == 0 or (mode == "reflect_or_replicate" and count > period):
        last = x.narrow(axis, size - 1, 1)
        return torch.cat([x] + [last] * count, dim=axis)
    pieces, missing, backwards = [x], count, True
    # slices, flips and one concatenation: their gradients have no atomics, unlike those of a gather
    while missing > 0:
        length = min(period, missing)
        start = period - length if backwards else edge
        piece = x.narrow(axis, start, length)
        pieces.append(piece.flip(axis) if backwards else piece)
        missing -= length
        backwards = not backwards
    return torch.cat(pieces, dim=axis)


def mirror_around(x_bchw: Tensor, margin: int) -> Tensor:
    """Reflect-pad all four sides by `margin` (edge not repeated), for any size from 1x1 up."""
    padded = x_bchw
    for axis in (-2, -1):
        padded = mirror_after(padded, axis, margin, "reflect")
        # the part before the first pixel is the wave of the flipped map; only the original pixels may feed it
        before = mirror_after(padded.narrow(axis, 0, x_bchw.shape[axis]).flip(axis), axis, margin, "reflect")
        head = before.narrow(axis, x_bchw.shape[axis], margin).flip(axis)
        padded = torch.cat([head, padded], dim=axis)
    return padded


def symmetrise(kernel: Tensor) -> Tensor:
    """Average a kernel over the eight symmetries of the square on its last two axes.

    The sum runs in float32, in one fixed order; an already symmetric kernel changes by rounding only.
    """
    upright = kernel.float()
    turned = torch.rot90(upright, -1, (-2, -1))
    total = torch.zeros_like(upright)
    for side in (upright, turned):
        total = total + side + side.flip(-1) + side.flip(-2) + side.flip((-2, -1))
    return (total / 8).to(kernel.dtype)


def run_in(dtype: torch.dtype, x_bchw: Tensor) -> Tensor:
    """Cast an image to the body's dtype and to channels-last memory."""
    return channels_last(x_bchw.to(dtype))
