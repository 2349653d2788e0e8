"""Every kernel compiles for every target that it ships for, within the target's shared memory and with few or no spills.

No GPU is needed. By default a thin slice runs: two targets, one specialisation of each kernel; all of it is slow.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from kernels._triton.launch import Compilation
from kernels._triton.targets import GFX942, SM_90, TARGETS, Target
from kernels.dispatch import OPERATORS

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

# A forward pass in half precision spills nothing; elsewhere this much is borne.
SPILL_LIMIT_BYTES = 64


def faults(compilation: Compilation, target: Target) -> Iterator[str]:
    """Compiles one specialisation and yields what is wrong with it."""
    from kernels._triton.compile_ahead import compile_ahead

    try:
        figures = compile_ahead(compilation, target)
    except Exception as error:
        yield f"{compilation.label}: {type(error).__name__}: {error}"
        return
    half = {"*fp16", "*bf16"} & {kind for _, kind in compilation.signature}
    limit = 0 if compilation.forward and half else SPILL_LIMIT_BYTES
    if figures.spill_bytes > limit:
        yield f"{compilation.label}: spills {figures.spill_bytes} bytes, {limit} allowed ({figures})"
    if figures.shared_bytes > target.shared_bytes:
        yield f"{compilation.label}: {figures.shared_bytes} shared bytes, {target.shared_bytes} allowed ({figures})"
    # A kernel that was optimised away would pass everything else.
    if figures.registers < 4:
        yield f"{compilation.label}: no work is left in it ({figures})"


def slice_of(compilations: list[Compilation]) -> list[Compilation]:
    """Keeps the first half-precision specialisation of each kernel, or its first where it takes no half tensors."""
    halves = [c for c in compilations if "*fp16" in dict(c.signature).values()]
    kept = {c.kernel_name: c for c in reversed(compilations)} | {c.kernel_name: c for c in reversed(halves)}
    return list(kept.values())


def test_the_slice_has_each_kernel_once() -> None:
    from kernels._triton.compile_ahead import shipped

    compilations = shipped("window_attention", SM_90)
    kept = slice_of(compilations)
    assert len(kept) == len({c.kernel_name for c in compilations})
    assert all("*fp16" in dict(c.signature).values() for c in kept)


@pytest.mark.parametrize(
    ("operator", "rows"),
    [("window_attention", {"fwd fp16", "bwd table fp32"}), ("focused_attention", {"sparse fwd bf16", "table fp32"})],
)
def test_the_summary_names_kernels_and_dtypes(operator: str, rows: set[str]) -> None:
    from kernels._triton.__main__ import _summary_label
    from kernels._triton.compile_ahead import shipped

    assert rows <= {_summary_label(compilation) for compilation in shipped(operator, SM_90)}


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("target", [SM_90, GFX942], ids=lambda target: target.name)
def test_one_specialisation_of_each_kernel_compiles(target: Target, operator: str) -> None:
    from kernels._triton.compile_ahead import shipped

    wrong = [fault for c in slice_of(shipped(operator, target)) for fault in faults(c, target)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_everything_shipped_compiles(target: Target, operator: str) -> None:
    from kernels._triton.compile_ahead import shipped

    compilations = shipped(operator, target)
    assert compilations
    wrong = [fault for c in compilations for fault in faults(c, target)]
    assert not wrong, "\n".join(wrong)
