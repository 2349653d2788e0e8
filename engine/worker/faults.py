"""What an exception of torch means: judged by its type and by what the device still does, never by its text.

Imports torch and the standard library.
"""

from __future__ import annotations

import contextlib
import gc
import traceback

import torch

from engine.memory.probe import release_freed

# What must be free for a failure on the CPU not to count as a lack of memory where nothing better is known.
_LEAST_BYTES = 64 * 2**20


def is_out_of_memory(error: BaseException, device: str, needed_bytes: int = 0) -> bool:
    """Whether an error means that memory ran out.

    For the host's memory torch reports that as a plain RuntimeError, like much else: it is tried whether `needed_bytes` can
    be had (on CUDA, where models pass through the host's memory while they are loaded, a little of it).
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if device.startswith("cuda"):
        needed_bytes = 0
    # Its subclasses are errors of their own: those of a device, of a backend, recursion.
    return type(error) is RuntimeError and not _can_allocate(max(needed_bytes, _LEAST_BYTES))


def leaves_ruins(error: BaseException) -> bool:
    """Whether a library failed in the middle of a computation, so that the process may be of no more use.

    After a lack of memory, or whatever else a plain RuntimeError is, oneDNN answers every new shape with "could not create a
    primitive", also when there is memory again (torch 2.13). Of the errors that allocators and numpy raise it knows nothing.
    """
    return type(error) is RuntimeError


def is_context_lost(error: BaseException, device: str) -> bool:
    """Whether an error on a CUDA device left its context unusable: then even waiting for the device fails."""
    if not device.startswith("cuda") or not isinstance(error, RuntimeError):
        return False
    try:
        torch.cuda.synchronize(device)
    except RuntimeError:
        return True
    return False


def _can_allocate(size_bytes: int) -> bool:
    try:
        torch.empty(size_bytes, dtype=torch.uint8)
    except (RuntimeError, MemoryError):
        return False
    return True


def give_back(error: BaseException, device: str) -> None:
    """Frees what a failed attempt held: the frames of its traceback keep its tensors alive otherwise."""
    link: BaseException | None = error
    while link is not None and link.__traceback__ is not None:
        traceback.clear_frames(link.__traceback__)
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    gc.collect()
    if device.startswith("cuda"):
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
    release_freed()
