"""The public call of ``convolutional_attention``: validates once, then hands over to a backend.

Shapes: B images, C channels, h w pixels, L side of the static kernel. May import torch and ``kernels``.
"""

from torch import Tensor

from kernels.dispatch import AUTO, Backend, serve
from kernels.validation import check_same_kind, shapes


def convolutional_attention(x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor, *, backend: str = AUTO) -> Tensor:
    """Compute conv(x, static) + depthwise conv(x, dynamic), both zero-padded to the input's size (ESC, ConvAttn).

    ``x``: (B, C, h, w), any float dtype; half inputs are accumulated in float32. ``static_kernel``: (C, C, L, L) with L
    odd and at least 3, shared by the images. ``dynamic_kernel``: (B, C, 3, 3), one depthwise kernel for each image.
    Returns (B, C, h, w) in the dtype of ``x``; differentiable in all three. Raises ``ValueError`` with the shapes where
    they do not fit, ``BackendError`` where a named backend cannot run.
    """
    _check(x, static_kernel, dynamic_kernel)

    def run(chosen: Backend) -> Tensor:
        if chosen is Backend.TRITON:
            from kernels.convolutional_attention.triton_kernels import convolutional_attention as by_triton

            return by_triton(x, static_kernel, dynamic_kernel)
        if chosen is Backend.SDPA:
            from kernels.convolutional_attention import sdpa

            return sdpa.convolutional_attention(x, static_kernel, dynamic_kernel)
        from kernels.convolutional_attention import reference

        return reference.convolutional_attention(x, static_kernel, dynamic_kernel)

    return serve("convolutional_attention", backend, run, x, x.shape[1])


def _check(x: Tensor, static_kernel: Tensor, dynamic_kernel: Tensor) -> None:
    found = shapes(x=x, static_kernel=static_kernel, dynamic_kernel=dynamic_kernel)
    if x.dim() != 4 or 0 in x.shape:
        raise ValueError(f"x must be a non-empty (B, C, h, w); got {found}")
    images, channels = x.shape[:2]
    side = static_kernel.shape[-1] if static_kernel.dim() == 4 else 0
    if static_kernel.shape != (channels, channels, side, side) or side < 3 or side % 2 == 0:
        raise ValueError(f"static_kernel must be ({channels}, {channels}, L, L), L odd and at least 3; got {found}")
    if dynamic_kernel.shape != (images, channels, 3, 3):
        raise ValueError(f"dynamic_kernel must be ({images}, {channels}, 3, 3); got {found}")
    check_same_kind({"x": x, "static_kernel": static_kernel, "dynamic_kernel": dynamic_kernel})
