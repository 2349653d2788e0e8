"""Which entries of a row are its largest. May import torch; numpy works on its memory.

Shapes: T entries of a row, K entries kept.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

_LAST = (1 << 15) - 1
_LITTLE_ENDIAN = bool(np.little_endian)


def largest(values: Tensor, kept: int) -> Tensor:
    """Return the int64 positions of the ``kept`` largest of each row of ``values`` (..., T), in no particular order.

    ``values`` must not be negative. In float32 on a CPU, equal values go to the lower position, whatever the number of
    threads; elsewhere as ``torch.topk`` decides. T is at most 2^15.
    """
    if not _can_pair(values):
        return values.topk(kept, dim=-1, sorted=False).indices
    return keep_largest(values, None, kept)[1].long()


def keep_largest(values: Tensor, keys: Tensor | None, kept: int) -> tuple[Tensor, Tensor]:
    """Return the ``kept`` largest of each row of ``values`` (..., T) and their int16 keys, in no particular order.

    ``keys`` (..., T) int16, not negative; the positions in the row where None. ``values`` must not be negative. In
    float32 on a CPU, equal values go to the lower key; elsewhere as ``torch.topk`` decides.
    """
    if not _can_pair(values):
        best = values.topk(kept, dim=-1, sorted=False)
        picked = best.indices.to(torch.int16) if keys is None else keys.gather(-1, best.indices)
        return best.values, picked
    if keys is None:
        keys = torch.arange(values.shape[-1], dtype=torch.int16)
    # The bits of floats that are not negative order as integers. With the key counted down below them, a pair is one
    # int64, all pairs differ, and numpy's vectorised partition of them is several times faster than torch.topk.
    pairs = torch.empty(*values.shape, 2, dtype=torch.int32)
    high, low = (1, 0) if _LITTLE_ENDIAN else (0, 1)
    pairs[..., high] = values.view(torch.int32)
    torch.sub(_LAST, keys.expand(values.shape), out=pairs[..., low])
    dropped = values.shape[-1] - kept
    if dropped:
        # One thread: others that spin for torch's next operation would take turns with a second one of ours.
        pairs.view(torch.int64).numpy()[..., 0].partition(dropped, axis=-1)
    best_values = pairs[..., dropped:, high].contiguous().view(torch.float32)
    return best_values, (_LAST - pairs[..., dropped:, low]).to(torch.int16)


def _can_pair(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype == torch.float32
