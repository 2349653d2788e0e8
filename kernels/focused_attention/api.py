"""The public call of ``focused_attention``: validates once, then hands over to a backend.

Shapes: W windows, H heads, M side of a window, N = M*M tokens, D head dimension, K kept keys. May import torch and
``kernels``.
"""

from torch import Tensor

from kernels.dispatch import AUTO, Backend, serve
from kernels.focused_attention.state import FocusState
from kernels.validation import check_windows, shapes


def focused_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias_table: Tensor,
    window_size: int,
    *,
    topk: int,
    previous: FocusState | None = None,
    regions: Tensor | None = None,
    scale: float | None = None,
    backend: str = AUTO,
) -> tuple[Tensor, FocusState]:
    """Attend to the keys that survived the layers before and keep the ``topk`` strongest (PFT, Long et al. 2025).

    ``q, k, v``: (W, H, N, D), any float dtype; half inputs are accumulated in float32. ``bias_table``: (H or 1,
    (2M-1)^2), key minus query. ``previous``: the state of the last layer of the same shift. ``regions``: (windows per
    image, N) int8 or None, -100 for a pair with different labels, window w uses row w mod (windows per image); ignored
    once the state carries indices. ``scale``: D^-½ when None. With p the softmax over the surviving keys, the values
    are a = p for a first layer, else (p·a' + 1e-20) / (Σ(p·a' + 1e-20) + 1e-20); where ``topk`` < N the ``topk``
    largest stay, not renormalised. Returns Σ a·v over them, (W, H, N, D) in the dtype of ``q``, and the new state;
    differentiable in q, k, v and the tables of all layers. Raises ``ValueError`` with the shapes where they do not fit,
    ``BackendError`` where a named backend cannot run.
    """
    check_windows(q, k, v, bias_table, window_size, regions)
    _check_state(q, topk, previous)
    if scale is None:
        scale = q.shape[-1] ** -0.5
    state = FocusState() if previous is None else previous

    def run(chosen: Backend) -> tuple[Tensor, FocusState]:
        if chosen is Backend.TRITON:
            from kernels.focused_attention import triton_kernels

            return triton_kernels.focused_attention(q, k, v, bias_table, window_size, topk, state, regions, scale)
        if chosen is Backend.SDPA:
            from kernels.focused_attention import sdpa

            return sdpa.focused_attention(q, k, v, bias_table, window_size, topk, state, regions, scale)
        from kernels.focused_attention import reference

        return reference.focused_attention(q, k, v, bias_table, window_size, topk, state, regions, scale)

    return serve("focused_attention", backend, run, q, q.shape[-1], tokens=q.shape[-2])


def _check_state(q: Tensor, topk: int, previous: FocusState | None) -> None:
    windows, heads, tokens, _ = q.shape
    if topk < 1:
        raise ValueError(f"topk must be at least 1; got {topk} with {shapes(q=q)}")
    # Keys are kept in 16 bits.
    if tokens > 1 << 15:
        raise ValueError(f"a window of at most {1 << 15} tokens is needed; got {shapes(q=q)}")
    if previous is None:
        return
    if (previous.values is None) != (previous.indices is None) or (previous.values is not None and previous.dense):
        raise ValueError("a state holds either values with indices or dense layers; this one mixes them")
    for layer in previous.dense:
        if layer.q.shape[:3] != q.shape[:3] or layer.k.shape != layer.q.shape:
            raise ValueError(f"the state's layers must be ({windows}, {heads}, {tokens}, D); got {shapes(q=layer.q)}")
    if previous.values is None or previous.indices is None:
        return
    found = shapes(q=q, values=previous.values, indices=previous.indices)
    if previous.values.shape[:-1] != q.shape[:3] or previous.values.shape != previous.indices.shape:
        raise ValueError(f"the state must be ({windows}, {heads}, {tokens}, K); got {found}")
    kept = previous.values.shape[-1]
    if kept < topk < tokens:
        raise ValueError(f"topk {topk} is more than the {kept} keys that survived; got {found}")
