"""Starting a kernel, or, while compiling ahead of time, writing down what would have been started.

The launchers of all operators go through ``launch``, so what the tests compile for a device that is not there is what a
user's device would get. May import torch and the standard library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from kernels._triton.targets import Target, pretend


@dataclass(frozen=True)
class Shape:
    """How a program is laid out on the device: its warps, and the stages in which its loops fetch ahead."""

    num_warps: int
    num_stages: int


@dataclass(frozen=True)
class Compilation:
    """One specialisation of a kernel as a launch would build it; ``label`` names its first use in tables and tests.

    Two uses that need the same code are equal. ``signature`` gives each argument's Triton type or ``constexpr``,
    ``constexprs`` the values of those, ``aligned`` the arguments known to be multiples of 16, ``forward`` whether it
    serves a forward pass.
    """

    label: str = field(compare=False)
    kernel: Any = field(compare=False)
    kernel_name: str
    signature: tuple[tuple[str, str], ...]
    constexprs: tuple[tuple[str, Any], ...]
    aligned: tuple[str, ...]
    shape: Shape
    forward: bool = field(compare=False)


@dataclass
class _Recorder:
    label: str = ""
    forward: bool = True
    found: dict[Compilation, Compilation] = field(default_factory=dict)


_RECORDER: ContextVar[_Recorder | None] = ContextVar("kernels_launch_recorder", default=None)
_TYPES = {
    torch.float32: "fp32",
    torch.float16: "fp16",
    torch.bfloat16: "bf16",
    torch.int8: "i8",
    torch.int16: "i16",
    torch.int32: "i32",
    torch.int64: "i64",
}


class Recording:
    """What ``record`` yields: set the name of what comes next with ``name``, read the result from ``compilations``."""

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder

    def name(self, label: str, *, forward: bool) -> None:
        """Give the following launches a label and say which pass they belong to."""
        self._recorder.label, self._recorder.forward = label, forward

    @property
    def compilations(self) -> list[Compilation]:
        """Return each different specialisation once, in the order of the launches."""
        return list(self._recorder.found)


@contextmanager
def record(target: Target) -> Iterator[Recording]:
    """Write launches down instead of starting them, as ``target`` would get them; tensors may be on the meta device."""
    recorder = _Recorder()
    token = _RECORDER.set(recorder)
    try:
        with pretend(target):
            yield Recording(recorder)
    finally:
        _RECORDER.reset(token)


def launch(
    kernel: Any, grid: tuple[int, ...], arguments: Mapping[str, Any], constexprs: Mapping[str, Any], shape: Shape
) -> None:
    """Start ``kernel`` on the device of its tensors, with every argument by name.

    ``arguments`` holds tensors, None, int and float; ``constexprs`` what is fixed at compile time.
    """
    recorder = _RECORDER.get()
    if recorder is not None:
        found = _compilation(kernel, arguments, constexprs, shape, recorder)
        recorder.found.setdefault(found, found)
        return
    device = next(value.device for value in arguments.values() if isinstance(value, Tensor))
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        try:
            # Fusing multiply and add is said out loud because Triton is about to change its default.
            kernel[grid](
                **arguments,
                **constexprs,
                num_warps=shape.num_warps,
                num_stages=shape.num_stages,
                enable_fp_fusion=True,
            )
        except RuntimeError as error:
            if "out of memory" in str(error) and not isinstance(error, torch.OutOfMemoryError):
                # Callers who make do with smaller pieces look for torch's class.
                raise torch.OutOfMemoryError(str(error)) from error
            raise


def _compilation(
    kernel: Any, arguments: Mapping[str, Any], constexprs: Mapping[str, Any], shape: Shape, recorder: _Recorder
) -> Compilation:
    signature: list[tuple[str, str]] = []
    fixed: list[tuple[str, Any]] = []
    aligned: list[str] = []
    for name in kernel.arg_names:
        value = constexprs[name] if name in constexprs else arguments[name]
        kind, is_aligned = ("constexpr", False) if name in constexprs else _kind(value)
        signature.append((name, kind))
        if kind == "constexpr":
            fixed.append((name, value))
        if is_aligned:
            aligned.append(name)
    label = f"{recorder.label} {kernel.__name__}".strip()
    return Compilation(
        label, kernel, kernel.__name__, tuple(signature), tuple(fixed), tuple(aligned), shape, recorder.forward
    )


def _kind(value: Any) -> tuple[str, bool]:
    """Return the type of an argument as a launch would specialise it, and whether it counts as a multiple of 16."""
    if isinstance(value, Tensor):
        # Fresh tensors are aligned; a view that is not merely gets another specialisation.
        return f"*{_TYPES[value.dtype]}", value.storage_offset() * value.element_size() % 16 == 0
    if isinstance(value, float):
        return "fp32", False
    if value is None or value == 1:
        return "constexpr", False
    return ("i32" if -(2**31) <= value < 2**31 else "i64"), value % 16 == 0
