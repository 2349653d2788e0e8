"""The public call of ``window_attention``: validates once, then hands over to a backend.

Shapes: W windows, H heads, M side of a window, N = M*M tokens, D head dimension. May import torch and ``kernels``.
"""

from torch import Tensor

from kernels.dispatch import AUTO, Backend, serve
from kernels.validation import check_windows


def window_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias_table: Tensor,
    window_size: int,
    *,
    regions: Tensor | None = None,
    scale: float | None = None,
    backend: str = AUTO,
) -> Tensor:
    """Compute softmax(q kᵀ·scale + bias) v inside each window (ESC, Lee et al. 2025).

    ``q, k, v``: (W, H, N, D), any float dtype; half inputs are accumulated in float32. ``bias_table``: (H or 1,
    (2M-1)^2), indexed by (key row - query row + M-1)*(2M-1) + (key column - query column + M-1). ``regions``: (windows
    per image, N) int8 or None; a pair of tokens with different labels gets -100, window w uses row w mod (windows per
    image). ``scale``: D^-½ when None. Returns (W, H, N, D) in the dtype of ``q``; differentiable in q, k, v and the
    table. Raises ``ValueError`` with the shapes where they do not fit, ``BackendError`` where a named backend cannot
    run.
    """
    check_windows(q, k, v, bias_table, window_size, regions)
    if scale is None:
        scale = q.shape[-1] ** -0.5

    def run(chosen: Backend) -> Tensor:
        if chosen is Backend.TRITON:
            from kernels.window_attention import triton_kernels

            return triton_kernels.window_attention(q, k, v, bias_table, window_size, regions, scale)
        if chosen is Backend.SDPA:
            from kernels.window_attention import sdpa

            return sdpa.window_attention(q, k, v, bias_table, window_size, regions, scale)
        from kernels.window_attention import reference

        return reference.window_attention(q, k, v, bias_table, window_size, regions, scale)

    return serve("window_attention", backend, run, q, q.shape[-1], tokens=q.shape[-2])
