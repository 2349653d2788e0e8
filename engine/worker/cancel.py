"""The soft cancel: a flag that the listener sets and that the inference thread looks at between the blocks of a network.

Imports torch.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from engine.errors import Cancelled

# CUDA runs ahead of Python: with more blocks than this queued, a cancel would be seen long before it is felt.
_BLOCKS_IN_FLIGHT = 2


class CancelToken:
    """Says whether the epoch at work was cancelled. The listener calls `cancel`, the inference thread everything else."""

    def __init__(self) -> None:
        self._epoch = 0
        # Epochs rise, so the latest cancelled one is all there is to remember.
        self._cancelled = -1

    def begin(self, epoch: int) -> None:
        """Names the epoch that `check` asks about."""
        self._epoch = epoch

    def cancel(self, epoch: int) -> None:
        """Cancels an epoch, at work or still to come."""
        self._cancelled = max(self._cancelled, epoch)

    def check(self) -> None:
        """Raises Cancelled where the epoch at work was cancelled."""
        if self._cancelled >= self._epoch:
            raise Cancelled("Cancelled.")


@contextlib.contextmanager
def checked_between(stages: Sequence[nn.Module], token: CancelToken, device: str) -> Iterator[None]:
    """Looks at the token before each of the stages of a network while the block is open.

    On CUDA it also waits there until the block before the last has been computed.
    """
    queued: deque[Any] = deque()

    def before_stage(_module: nn.Module, _inputs: Any) -> None:
        token.check()
        if device.startswith("cuda"):
            event: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(device))
            queued.append(event)
            if len(queued) > _BLOCKS_IN_FLIGHT:
                queued.popleft().synchronize()
                token.check()

    handles = [stage.register_forward_pre_hook(before_stage) for stage in stages]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
