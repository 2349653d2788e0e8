"""Which backend serves an operator, and in one sentence why another was passed over.

May import torch, the standard library and, of ``kernels``, what does not import Triton: ``_triton.versions``,
``_triton.targets`` and inside a function the operators' ``configs``; backends are imported by the operators' own ``api``
modules, inside the branch that needs them.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import torch
from torch import Tensor

from kernels._triton import versions
from kernels._triton.targets import target_of
from kernels.precision import without_autocast


class Backend(StrEnum):
    """The names a caller may force; ``auto`` is not one of them."""

    TRITON = "triton"
    FLASH = "flash"
    SDPA = "sdpa"
    REFERENCE = "reference"


AUTO = "auto"
AUTO_ORDER = (Backend.TRITON, Backend.FLASH, Backend.SDPA, Backend.REFERENCE)
OPERATORS = ("window_attention", "focused_attention", "selective_attention", "convolutional_attention")

T = TypeVar("T")

# Triton keeps one row of focused_attention's scores in registers.
FOCUSED_TOKENS = 1024
WIDEST_CONVOLUTION = 64

_FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_SDPA_DEVICES = ("cpu", "cuda", "mps", "xpu")


class BackendError(RuntimeError):
    """A backend was asked for by name and cannot serve this call; the message is the sentence of its ``Support``."""


@dataclass(frozen=True)
class Support:
    """Whether a backend can serve a call; where it cannot, ``reason`` is a sentence for people (empty where it can)."""

    ok: bool
    reason: str = ""


@dataclass
class BackendRecord:
    """Which backend served each operator while ``use_backend`` was active.

    ``served`` maps the operator's name to the backend's; where several served one operator, their names are joined by
    ``+`` in the order in which they first did.
    """

    requested: str
    served: dict[str, str] = field(default_factory=dict)

    def note(self, operator: str, backend: Backend) -> None:
        """Add one service to the record."""
        names = self.served.get(operator)
        if names is None:
            self.served[operator] = backend.value
        elif backend.value not in names.split("+"):
            self.served[operator] = f"{names}+{backend.value}"


_ACTIVE: ContextVar[BackendRecord | None] = ContextVar("kernels_active_backend", default=None)


@contextmanager
def use_backend(name: str) -> Iterator[BackendRecord]:
    """Set what ``backend="auto"`` means inside the block and yield the record of what served.

    ``name`` is ``auto`` (the usual order) or a backend's name, which is then forced: an operator that it cannot serve
    raises ``BackendError``. A call that names its own backend keeps it. Blocks nest, the innermost counts; the choice
    belongs to the current thread or task only. Raises ``ValueError`` for an unknown name.
    """
    record = BackendRecord(requested=AUTO if name == AUTO else _parse(name).value)
    token = _ACTIVE.set(record)
    try:
        yield record
    finally:
        _ACTIVE.reset(token)


def supports(
    operator: str,
    backend: str,
    device: torch.device | str,
    dtype: torch.dtype,
    head_dim: int | None = None,
    *,
    tokens: int | None = None,
) -> Support:
    """Say whether ``backend`` can serve ``operator`` on this device, dtype, head and window size, and if not why.

    ``head_dim`` is the head dimension of an attention (the channels of ``convolutional_attention``), ``tokens`` the
    tokens of a window; None means any. A backend that was dropped stays dropped. Raises ``ValueError`` for an unknown
    operator or backend.
    """
    _check_operator(operator)
    chosen = _parse(backend)
    place = torch.device(device)
    if dtype not in _FLOATING:
        return Support(False, f"{operator} takes float16, bfloat16, float32 or float64, not {_short(dtype)}.")
    if head_dim is not None and head_dim < 1:
        return Support(False, f"a head dimension of {head_dim} is not possible.")
    if place.type == "mps" and dtype == torch.float64:
        return Support(False, "the mps device has no float64.")
    if chosen is Backend.SDPA and place.type not in _SDPA_DEVICES:
        return Support(False, f"sdpa serves {', '.join(_SDPA_DEVICES)}; the device is {place.type}.")
    fault = ""
    if chosen is Backend.TRITON:
        fault = versions.device_fault(place, dtype) or _triton_fault(operator, head_dim, tokens)
    elif chosen is Backend.FLASH:
        fault = _flash_fault(operator, place, dtype, head_dim)
    fault = fault or _dropped().get((operator, chosen), "")
    return Support(not fault, fault)


def select(
    operator: str,
    backend: str,
    device: torch.device | str,
    dtype: torch.dtype,
    head_dim: int | None = None,
    *,
    tokens: int | None = None,
) -> Backend:
    """Choose the backend of one call and note it in the active record.

    ``auto`` takes the first of ``AUTO_ORDER`` that supports the call, or the one that ``use_backend`` set; flash comes
    first where it was measured faster than our kernel on this kind of device, and is passed over everywhere else. A
    backend asked for by name, here or there, is never replaced by another. Raises ``BackendError`` with the sentence of its
    ``Support`` where it cannot run, ``ValueError`` for an unknown name.
    """
    chosen = _choose(operator, backend, device, dtype, head_dim, tokens)
    _note(operator, chosen)
    return chosen


def _choose(
    operator: str,
    backend: str,
    device: torch.device | str,
    dtype: torch.dtype,
    head_dim: int | None,
    tokens: int | None,
) -> Backend:
    record = _ACTIVE.get()
    requested = record.requested if backend == AUTO and record is not None else backend
    if requested == AUTO:
        chosen = _first_supported(operator, device, dtype, head_dim, tokens)
    else:
        chosen = _parse(requested)
    support = supports(operator, chosen, device, dtype, head_dim, tokens=tokens)
    if not support.ok:
        raise BackendError(f"The {chosen.value} backend cannot serve {operator} here: {support.reason}")
    return chosen


def serve(
    operator: str,
    backend: str,
    run: Callable[[Backend], T],
    like: Tensor,
    head_dim: int | None = None,
    *,
    tokens: int | None = None,
) -> T:
    """Run one call of an operator on the backend that ``select`` chooses, and note in the active record what served.

    ``run`` imports the backend it is given and calls it, with autocast off; ``like`` is a tensor with the call's device
    and dtype. A Triton or flash backend that cannot be built is dropped for the rest of the process with a warning, and
    the next one serves; one asked for by name raises ``BackendError`` instead.
    """
    while True:
        chosen = _choose(operator, backend, like.device, like.dtype, head_dim, tokens)
        try:
            with without_autocast(like.device):
                result = run(chosen)
        except Exception as error:
            if not drop_if_broken(operator, chosen, error):
                raise
            continue
        _note(operator, chosen)
        return result


def drop_if_broken(operator: str, backend: Backend, error: Exception) -> bool:
    """Drop a Triton or flash backend, with a warning, if ``error`` says that it could not be built; say whether it did.

    Serves backward passes too, which meet their own kernels only after the forward pass has run.
    """
    words = versions.build_fault(error) if backend in (Backend.TRITON, Backend.FLASH) else ""
    if not words:
        return False
    reason = f"it could not be built and was dropped ({words})."
    _dropped()[operator, backend] = reason
    warnings.warn(f"The {backend.value} backend of {operator} is passed over: {reason}", RuntimeWarning, stacklevel=3)
    return True


def support_table(
    device: torch.device | str, dtype: torch.dtype = torch.float32
) -> dict[str, dict[str, tuple[bool, str]]]:
    """Give ``(ok, reason)`` for each operator and each backend on a device, for ``triptych doctor``.

    Keys are the operators' names, then the backends' in the order in which ``auto`` tries them. Flash that runs has a
    reason too: the sizes for which ``auto`` takes it.
    """
    table: dict[str, dict[str, tuple[bool, str]]] = {}
    for operator in OPERATORS:
        row = {backend.value: supports(operator, backend, device, dtype) for backend in AUTO_ORDER}
        if row[Backend.FLASH].ok:
            row[Backend.FLASH.value] = Support(True, _flash_note(torch.device(device)))
        table[operator] = {name: (support.ok, support.reason) for name, support in row.items()}
    return table


def _note(operator: str, chosen: Backend) -> None:
    record = _ACTIVE.get()
    if record is not None:
        record.note(operator, chosen)


def _first_supported(
    operator: str, device: torch.device | str, dtype: torch.dtype, head_dim: int | None, tokens: int | None
) -> Backend:
    def serves(candidate: Backend) -> bool:
        return supports(operator, candidate, device, dtype, head_dim, tokens=tokens).ok

    if serves(Backend.FLASH) and _flash_was_faster(torch.device(device), head_dim, tokens):
        return Backend.FLASH
    for candidate in AUTO_ORDER:
        if candidate is not Backend.FLASH and serves(candidate):
            return candidate
    # The reference refuses what every backend refuses, so its reason is the one to give.
    return Backend.REFERENCE


def _flash_was_faster(device: torch.device, head_dim: int | None, tokens: int | None) -> bool:
    """Ask the table of measurements; what it does not know, a size left open included, stays with our own kernel."""
    from kernels.selective_attention.configs import flash_is_faster

    return head_dim is not None and tokens is not None and flash_is_faster(target_of(device), tokens, head_dim)


def _flash_note(device: torch.device) -> str:
    from kernels.selective_attention.configs import flash_sizes

    sizes = [f"{tokens} tokens with heads of {head_dim}" for tokens, head_dim in flash_sizes(target_of(device))]
    taken = f"for windows of {', '.join(sizes)}" if sizes else "by name only"
    return f"auto takes it where it was measured faster than triton on this kind of device: {taken}."


@functools.cache
def _dropped() -> dict[tuple[str, Backend], str]:
    """Return the one table of dropped backends: what could not be built stays so until the process ends."""
    return {}


def _triton_fault(operator: str, head_dim: int | None, tokens: int | None) -> str:
    if operator == "convolutional_attention":
        if head_dim is not None and head_dim > WIDEST_CONVOLUTION:
            return f"the triton kernels of {operator} take up to {WIDEST_CONVOLUTION} channels, not {head_dim}."
        return ""
    if head_dim is not None and head_dim > versions.WIDEST_HEAD:
        return f"the triton kernels take heads of up to {versions.WIDEST_HEAD} numbers, not {head_dim}."
    if operator == "focused_attention" and tokens is not None and tokens > FOCUSED_TOKENS:
        return f"the triton kernels of {operator} take windows of up to {FOCUSED_TOKENS} tokens, not {tokens}."
    return ""


def _flash_fault(operator: str, device: torch.device, dtype: torch.dtype, head_dim: int | None) -> str:
    if operator != "selective_attention":
        reason = "it is no softmax attention" if operator == "convolutional_attention" else "its scores carry a bias"
        return f"flash-attn cannot compute {operator}: {reason}."
    if dtype not in (torch.float16, torch.bfloat16):
        return f"flash-attn takes float16 and bfloat16, not {_short(dtype)}."
    if device.type != "cuda":
        return f"flash-attn runs on CUDA and ROCm; the device is {device.type}."
    if head_dim is not None and head_dim > versions.WIDEST_FLASH_HEAD:
        return f"flash-attn takes heads of up to {versions.WIDEST_FLASH_HEAD} numbers, not {head_dim}."
    if importlib.util.find_spec("flash_attn") is None:
        return "flash-attn is not installed; `pip install 'triptych[flash]'` adds it."
    return versions.hardware_fault(device)


def _parse(name: str) -> Backend:
    try:
        return Backend(name)
    except ValueError:
        known = ", ".join([AUTO, *(backend.value for backend in AUTO_ORDER)])
        raise ValueError(f"There is no backend {name!r}; the names are {known}.") from None


def _check_operator(operator: str) -> None:
    if operator not in OPERATORS:
        raise ValueError(f"There is no operator {operator!r}; the names are {', '.join(OPERATORS)}.")


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
