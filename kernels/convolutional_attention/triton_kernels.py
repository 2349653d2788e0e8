"""``convolutional_attention`` by Triton: the launchers, the autograd function, and what is shipped; needs Triton to import.

Shapes: B images, C channels, h w pixels, L side of the static kernel; a packed tensor is laid out as ``triton_device``
says. May import torch, triton and ``kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from kernels._triton.launch import Compilation, Recording, Shape, launch, record
from kernels._triton.targets import Target, target_of
from kernels.convolutional_attention import sdpa
from kernels.convolutional_attention.configs import Layout, forward_tiles, layout, weight_chunks, weight_tiles
from kernels.convolutional_attention.triton_device import (
    convolutional_attention_bwd_weight_kernel,
    convolutional_attention_fold_kernel,
    convolutional_attention_fwd_kernel,
    convolutional_attention_pack_kernel,
)
from kernels.dispatch import Backend, drop_if_broken
from kernels.precision import apart_from_autocast

_PACK_PIXELS = 64


def convolutional_attention(x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor) -> Tensor:
    """Convolve with each image's folded kernel; shapes as in the public call, any strides.

    The output has the memory format of ``x``: channels last where a pixel's channels lie side by side, else planes.
    """
    if torch.is_grad_enabled() and any(t.requires_grad for t in (x, static_kernel, dynamic_kernel)):
        out: Tensor = _ConvolutionalAttention.apply(  # type: ignore[no-untyped-call]
            x, static_kernel, dynamic_kernel
        )
        return out
    return _convolve(x, static_kernel, dynamic_kernel)


class _ConvolutionalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor) -> Tensor:
        ctx.save_for_backward(x, static_kernel, dynamic_kernel)
        return _convolve(x, static_kernel, dynamic_kernel)

    @staticmethod
    @once_differentiable
    @apart_from_autocast
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        x, static_kernel, dynamic_kernel = ctx.saved_tensors
        try:
            return _backward(x, static_kernel, dynamic_kernel, grad_out, ctx.needs_input_grad)
        except Exception as error:
            if not drop_if_broken("convolutional_attention", Backend.TRITON, error):
                raise
        return _backward_elsewhere(x, static_kernel, dynamic_kernel, grad_out)


@dataclass(frozen=True)
class _Packed:
    """A packed batch: ``rows`` rows of ``pitch`` pixels an image, then enough zeros for the last row's reads."""

    data: Tensor
    rows: int
    pitch: int


def _convolve(x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor) -> Tensor:
    images, channels, height, width = x.shape
    here = layout(channels, static_kernel.shape[-1], x.dtype)
    tiles = forward_tiles(target_of(x.device), x.dtype)
    packed = _pack(x, here, here.side // 2)
    weight = _fold(static_kernel, dynamic_kernel, here)
    planes = x.stride(1) != 1 or channels == 1
    form = torch.contiguous_format if planes else torch.channels_last
    out = torch.empty(x.shape, dtype=x.dtype, device=x.device, memory_format=form)
    groups = _ceil_div(width, here.group)
    launch(
        convolutional_attention_fwd_kernel,
        (images * _ceil_div(height * groups, tiles.block_m),),
        {"packed_ptr": packed.data, "weight_ptr": weight, "out_ptr": out, "height": height, "width": width}
        | {"groups": groups, "rows": packed.rows, "row_extent": packed.pitch * here.channels}
        | _strides("out", out, "bchw"),
        _product_constexprs(here)
        | {
            "C": channels,
            "BLOCK_M": tiles.block_m,
            "PLANES": planes and here.columns == here.group * here.channels,
        },
        tiles.shape,
    )
    return out


def _pack(x: Tensor, here: Layout, border: int) -> _Packed:
    """Copy a batch channels last with zeros around it, so that the product's loads need no bounds."""
    images, channels, height, width = x.shape
    rows = height + 2 * border
    pitch = _ceil_div(width, here.group) * here.group + 2 * border
    extent = images * rows * pitch * here.channels
    # The last group's last block reads past the last row, and meets zero weights there.
    data = torch.empty(extent + here.block_k, dtype=x.dtype, device=x.device)
    data[extent:].zero_()
    launch(
        convolutional_attention_pack_kernel,
        (images * rows, _ceil_div(pitch, _PACK_PIXELS)),
        {"x_ptr": x, "packed_ptr": data, "height": height, "width": width, "rows": rows, "pitch": pitch}
        | _strides("x", x, "bchw"),
        {
            "BORDER": border,
            "C": channels,
            "CP": here.channels,
            "BLOCK_C": 1 << (here.channels - 1).bit_length(),
            "BLOCK_X": _PACK_PIXELS,
        },
        Shape(4, 1),
    )
    return _Packed(data, rows, pitch)


def _fold(static_kernel: Tensor, dynamic_kernel: Tensor, here: Layout) -> Tensor:
    """Return each image's weights (B, L, steps·block, columns), the dynamic kernel added to the centre's diagonal."""
    images, channels = dynamic_kernel.shape[:2]
    weight = torch.empty(
        images,
        here.side,
        here.steps * here.block_k,
        here.columns,
        dtype=static_kernel.dtype,
        device=static_kernel.device,
    )
    launch(
        convolutional_attention_fold_kernel,
        (images * here.side * here.steps,),
        {"static_ptr": static_kernel, "dynamic_ptr": dynamic_kernel, "weight_ptr": weight}
        | _strides("s", static_kernel, "ocij")
        | _strides("d", dynamic_kernel, "bcij"),
        _product_constexprs(here) | {"C": channels},
        Shape(4, 1),
    )
    return weight


def _backward(
    x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor, grad_out: Tensor, wanted: tuple[bool, ...]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the wanted gradients of x, the static and the dynamic kernel."""
    grad_x = grad_static = grad_dynamic = None
    if wanted[0]:
        # The gradient of a convolution is one with the kernel turned by half and its channels swapped.
        grad_x = _convolve(grad_out, static_kernel.flip(2, 3).transpose(0, 1), dynamic_kernel.flip(2, 3))
    if wanted[1] or wanted[2]:
        taps = _tap_gradients(x, grad_out, static_kernel.shape[-1])
        half = static_kernel.shape[-1] // 2
        grad_static = taps.sum(dim=0).permute(3, 2, 0, 1).to(static_kernel.dtype)
        centre = taps[:, half - 1 : half + 2, half - 1 : half + 2]
        # (B, 3, 3, C): a depthwise kernel meets its own channel only.
        grad_dynamic = centre.diagonal(dim1=3, dim2=4).permute(0, 3, 1, 2).to(dynamic_kernel.dtype)
    return grad_x, grad_static, grad_dynamic


def _tap_gradients(x: Tensor, grad_out: Tensor, side: int) -> Tensor:
    """Return each image's gradient of the whole folded kernel: (B, L, L, C in, C out) float32."""
    images, channels, height, width = x.shape
    here = layout(channels, side, x.dtype)
    tiles = weight_tiles(target_of(x.device), x.dtype)
    packed = _pack(x, here, side // 2)
    packed_grad = _pack(grad_out, here, 0)
    groups = _ceil_div(width, here.group)
    chunks = weight_chunks(images, _ceil_div(height * groups, tiles.block_m), here)
    shape = (images, chunks, side, here.steps * here.block_k, here.columns)
    partial = torch.empty(shape, dtype=torch.float32, device=x.device)
    launch(
        convolutional_attention_bwd_weight_kernel,
        (images * chunks * side * here.steps,),
        {"packed_ptr": packed.data, "grad_ptr": packed_grad.data, "partial_ptr": partial, "height": height}
        | {"groups": groups, "rows": packed.rows, "row_extent": packed.pitch * here.channels},
        _product_constexprs(here) | {"BLOCK_M": tiles.block_m, "CHUNKS": chunks},
        tiles.shape,
    )
    used = partial.sum(dim=1)[:, :, : here.inner, : here.group * here.channels]
    by_pixel = used.reshape(images, side, side + here.group - 1, here.channels, here.group, here.channels)
    # Pixel g of a group meets tap j at column j + g.
    taps = by_pixel[:, :, :side, :, 0]
    for pixel in range(1, here.group):
        taps = taps + by_pixel[:, :, pixel : pixel + side, :, pixel]
    return taps[..., :channels, :channels]


def _backward_elsewhere(
    x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor, grad_out: Tensor
) -> tuple[Tensor, ...]:
    """Compute the gradients through the next backend, which runs the forward pass once more."""
    x, static_kernel, dynamic_kernel = (t.detach().requires_grad_() for t in (x, static_kernel, dynamic_kernel))
    with torch.enable_grad():
        out = sdpa.convolutional_attention(x, static_kernel, dynamic_kernel)
    return torch.autograd.grad(out, (x, static_kernel, dynamic_kernel), grad_out)


def _product_constexprs(here: Layout) -> dict[str, Any]:
    return {
        "SIDE": here.side,
        "CP": here.channels,
        "GROUP": here.group,
        "COLUMNS": here.columns,
        "BLOCK_K": here.block_k,
        "STEPS": here.steps,
    }


def _strides(name: str, tensor: Tensor, axes: str) -> dict[str, int]:
    return {f"{name}_s{axis}": stride for axis, stride in zip(axes, tensor.stride(), strict=True)}


def _ceil_div(number: int, divisor: int) -> int:
    return (number + divisor - 1) // divisor


def shipped(target: Target) -> list[Compilation]:
    """Return every specialisation that the published and bundled networks lead to on a target."""
    with record(target) as recording:
        for dtype in (torch.float16, torch.bfloat16, torch.float32):
            for channels in (16, 8, 48):
                for last in (True, False):
                    _record_one(recording, dtype, (2, channels, 64, 96), last=last)
        # Triton builds the number one into a kernel.
        _record_one(recording, torch.float16, (1, 8, 1, 1), last=True)
        return recording.compilations


def _record_one(recording: Recording, dtype: torch.dtype, shape: tuple[int, int, int, int], *, last: bool) -> None:
    images, channels = shape[:2]
    name = f"{str(dtype).removeprefix('torch.')} C {channels} {'channels last' if last else 'planes'}"
    name += " one pixel" if shape[3] == 1 else ""
    x = torch.empty(shape, dtype=dtype, device="meta")
    if last:
        x = x.to(memory_format=torch.channels_last)
    static = torch.empty(channels, channels, 13, 13, dtype=dtype, device="meta")
    dynamic = torch.empty(images, channels, 3, 3, dtype=dtype, device="meta")
    recording.name(name, forward=True)
    _convolve(x, static, dynamic)
    recording.name(name, forward=False)
    _backward(x, static, dynamic, x, (True, True, True))
