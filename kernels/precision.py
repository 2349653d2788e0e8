"""The dtype in which an operator computes. May import torch and the standard library."""

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


def accumulate_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return float64 for float64 inputs and float32 for every other floating dtype."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Switch autocast off: the dtype of an operator's inputs decides how it computes, not the caller's context."""
    if torch.amp.is_autocast_available(device.type) and torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


def apart_from_autocast(backward: Callable[P, T]) -> Callable[P, T]:
    """Decorate the backward pass of an autograd function to run without autocast, as its forward pass did.

    Where a loss is taken back inside an autocast block, every product would be computed in that block's dtype.
    """

    @functools.wraps(backward)
    def uncast(*context_and_grads: P.args, **named: P.kwargs) -> T:
        device = next(grad.device for grad in context_and_grads if isinstance(grad, torch.Tensor))
        with without_autocast(device):
            return backward(*context_and_grads, **named)

    return uncast
