"""Which windows each window attends to: a coarse score of window means (SSCAN's routing).

Shapes: B images, W windows of an image, H heads, N tokens of a window, D head dimension, K kept windows. May import
torch and what ``kernels`` shares.
"""

import torch
from torch import Tensor

from kernels.blocks import block_slices
from kernels.dispatch import AUTO, Backend, serve
from kernels.precision import accumulate_dtype, without_autocast
from kernels.selective_attention.configs import MOST_ROUTED
from kernels.validation import check_same_kind, shapes

_SCORE_BUDGET_BYTES = 64 << 20


def select_windows(q: Tensor, k: Tensor, topk: int) -> Tensor:
    """Return the ``min(topk, W)`` windows with the highest scores for each window, best first, (B, W, K) int32.

    ``q, k``: (B, W, H, N, D). Both are averaged over the tokens of each window, all heads together (padded tokens count
    like others), in float32 at least; the score is the scaled dot product of the two means, computed in blocks of query
    windows, never all at once for a large image. Equal scores go to the lower index. Not differentiable. Raises
    ``ValueError`` with the shapes where they do not fit.
    """
    if q.dim() != 5 or q.shape != k.shape or 0 in q.shape:
        raise ValueError(f"q and k must share one non-empty shape (B, W, H, N, D); got {shapes(q=q, k=k)}")
    if topk < 1:
        raise ValueError(f"topk must be at least 1; got {topk}")
    check_same_kind({"q": q, "k": k})
    with torch.no_grad(), without_autocast(q.device):
        dtype = accumulate_dtype(q.dtype)
        # (B, W, H*D)
        query_mean = q.mean(dim=3, dtype=dtype).flatten(2)
        key_mean = k.mean(dim=3, dtype=dtype).flatten(2)
        query_mean = query_mean * query_mean.shape[-1] ** -0.5
        kept = min(topk, q.shape[1])

        def run(chosen: Backend) -> Tensor:
            if chosen is Backend.TRITON and kept <= MOST_ROUTED:
                from kernels.selective_attention import triton_kernels

                return triton_kernels.best_windows(query_mean, key_mean, kept)
            return _best_in_blocks(query_mean, key_mean, kept)

        # Whatever serves the attention serves its routing.
        return serve("selective_attention", AUTO, run, q, q.shape[-1], tokens=q.shape[-2])


def _best_in_blocks(query_mean: Tensor, key_mean: Tensor, kept: int) -> Tensor:
    """Score blocks of query windows against all key windows, both (B, W, C), and keep the best of each row."""
    images, windows, _ = query_mean.shape
    index = torch.empty(images, windows, kept, dtype=torch.int32, device=query_mean.device)
    for rows in block_slices(windows, images * windows * query_mean.element_size(), _SCORE_BUDGET_BYTES):
        _best_first(query_mean[:, rows] @ key_mean.mT, index[:, rows])
    return index


def _best_first(scores: Tensor, index: Tensor) -> None:
    """Fill ``index`` (B, R, K) with the largest of ``scores`` (B, R, W), which is consumed.

    argmax names the first of several maxima, which is the rule for ties; topk and sort of all windows promise less or
    cost more for the few windows that are kept.
    """
    # NaN would win every round: such a score comes last. Minus infinity is kept free to mark the windows taken.
    scores.nan_to_num_(nan=torch.finfo(scores.dtype).min)
    for rank in range(index.shape[-1]):
        best = scores.argmax(dim=-1, keepdim=True)
        index[..., rank : rank + 1] = best
        scores.scatter_(-1, best, -torch.inf)
