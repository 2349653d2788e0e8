"""``convolutional_attention`` by torch's convolutions. May import torch and what ``kernels`` shares.

Shapes: B images, C channels, h w pixels, L side of the static kernel.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kernels.blocks import block_slices
from kernels.parallel import for_each
from kernels.precision import accumulate_dtype

# With this many channels a CPU trains with one folded kernel an image a quarter faster than with two convolutions;
# with 4 or 16 there is nothing between them, with 12 it is much slower.
_FOLDED_CHANNELS = 8

# What one thread writes of a map at a time: half its second-level cache holds what it read for that as well.
_STRIP_BYTES = 512 << 10


def convolutional_attention(x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor) -> Tensor:
    """Convolve once with the folded kernel, or with the static kernel and with the dynamic ones; shapes as in ``api``.

    A CPU computes half inputs in float32.
    """
    dtype = accumulate_dtype(x.dtype) if x.device.type == "cpu" else x.dtype
    x_bchw, static, dynamic = x.to(dtype), static_kernel.to(dtype), dynamic_kernel.to(dtype)
    images, channels = x.shape[:2]
    if x.device.type == "cpu" and not (torch.is_grad_enabled() and any(t.requires_grad for t in (x, static, dynamic))):
        return _in_strips(x_bchw, _fold(static, dynamic)).to(x.dtype)
    if images == 1 or (x.device.type == "cpu" and channels == _FOLDED_CHANNELS):
        return _folded(x_bchw, static, dynamic).to(x.dtype)
    wide = F.conv2d(x_bchw, static, padding=static.shape[-1] // 2)
    grouped = x_bchw.reshape(1, images * channels, *x.shape[2:])
    narrow = F.conv2d(grouped, dynamic.reshape(-1, 1, 3, 3), padding=1, groups=images * channels)
    return (wide + narrow.view_as(wide)).to(x.dtype)


def _fold(static: Tensor, dynamic: Tensor) -> Tensor:
    """Add each image's dynamic kernel to the diagonal of the static one's centre: (B, C, C, L, L)."""
    # (B, C, C, 3, 3): a depthwise kernel acts on its own channel only.
    diagonal = dynamic.permute(0, 2, 3, 1).diag_embed().permute(0, 3, 4, 1, 2)
    return static + F.pad(diagonal, ((static.shape[-1] - 3) // 2,) * 4)


def _folded(x: Tensor, static: Tensor, dynamic: Tensor) -> Tensor:
    """Convolve with the folded kernels: one group of channels an image."""
    images, channels, height, width = x.shape
    grouped = x.reshape(1, images * channels, height, width)
    kernels = _fold(static, dynamic).flatten(0, 1)
    out = F.conv2d(grouped, kernels, padding=static.shape[-1] // 2, groups=images)
    return out.view(images, channels, height, width)


def _in_strips(x: Tensor, kernels: Tensor) -> Tensor:
    """Convolve each image (B, C, h, w) with its folded kernel, in strips of rows with one thread each.

    A thread that is held up delays its own strip only, and the copy that a slice of channels needs stays in its cache:
    16 of 64 channels of 256 x 256 took 13.9 ms in place of 20.9 in one piece. The result has the memory format of ``x``.
    """
    images, channels, height, width = x.shape
    half = kernels.shape[-1] // 2
    form = torch.channels_last if x.stride(1) == 1 and channels > 1 else torch.contiguous_format
    out = torch.empty(x.shape, dtype=x.dtype, memory_format=form)

    def fill(strip: tuple[int, slice]) -> None:
        image, rows = strip
        top, bottom = max(rows.start - half, 0), min(rows.stop + half, height)
        seen = x[image : image + 1, :, top:bottom]
        if bottom - top < rows.stop - rows.start + 2 * half:
            # Zeros above the first row and below the last, as the padding gives them left and right.
            seen = F.pad(seen, (0, 0, top - rows.start + half, rows.stop + half - bottom))
        out[image, :, rows] = F.conv2d(seen, kernels[image], padding=(0, half))[0]

    strips = list(block_slices(height, channels * width * x.element_size(), _STRIP_BYTES))
    for_each([(image, rows) for image in range(images) for rows in strips], fill)
    return out
