"""The public call of ``selective_attention``: validates once, then hands over to a backend.

Shapes: B images, W windows of an image, H heads, N tokens of a window, D head dimension, K selected windows. May
import torch and ``kernels``.
"""

import torch
from torch import Tensor

from kernels.dispatch import AUTO, Backend, serve
from kernels.validation import check_same_kind, shapes


def selective_attention(
    q: Tensor, k: Tensor, v: Tensor, index: Tensor, *, scale: float | None = None, backend: str = AUTO
) -> Tensor:
    """Let every query window attend to the tokens of its K selected windows (SSCAN, Kim et al. 2025).

    ``q, k, v``: (B, W, H, N, D), any float dtype; half inputs are accumulated in float32. ``index``: (B, W, K) int32 or
    int64 from ``select_windows``, values in 0..W-1. ``scale``: D^-½ when None. Returns (B, W, H, N, D) in the dtype of
    ``q``; differentiable in q, k and v. Raises ``ValueError`` with the shapes where they do not fit, ``BackendError``
    where a named backend cannot run.
    """
    _check(q, k, v, index)
    if scale is None:
        scale = q.shape[-1] ** -0.5

    def run(chosen: Backend) -> Tensor:
        if chosen is Backend.TRITON:
            from kernels.selective_attention import triton_kernels

            return triton_kernels.selective_attention(q, k, v, index, scale)
        if chosen is Backend.FLASH:
            from kernels.selective_attention import flash

            return flash.selective_attention(q, k, v, index, scale)
        if chosen is Backend.SDPA:
            from kernels.selective_attention import sdpa

            return sdpa.selective_attention(q, k, v, index, scale)
        from kernels.selective_attention import reference

        return reference.selective_attention(q, k, v, index, scale)

    return serve("selective_attention", backend, run, q, q.shape[-1], tokens=q.shape[-2])


def _check(q: Tensor, k: Tensor, v: Tensor, index: Tensor) -> None:
    found = shapes(q=q, k=k, v=v, index=index)
    if q.dim() != 5 or q.shape != k.shape or q.shape != v.shape or 0 in q.shape:
        raise ValueError(f"q, k and v must share one non-empty shape (B, W, H, N, D); got {found}")
    check_same_kind({"q": q, "k": k, "v": v})
    if index.dim() != 3 or index.shape[:2] != q.shape[:2] or index.shape[2] < 1:
        raise ValueError(f"index must be ({q.shape[0]}, {q.shape[1]}, K) with K at least 1; got {found}")
    if index.dtype not in (torch.int32, torch.int64) or index.device != q.device:
        raise ValueError(f"index must be int32 or int64 on {q.device}; got {found} on {index.device}")
    # Reading the values back would stall an accelerator: there torch's gathers check them, and the Triton kernels trust them.
    if index.device.type == "cpu":
        lowest, highest = (int(bound) for bound in index.aminmax())
        if lowest < 0 or highest >= q.shape[1]:
            raise ValueError(f"index holds {lowest}..{highest}, windows are 0..{q.shape[1] - 1}; got {found}")
