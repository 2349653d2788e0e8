"""Compiling kernels for devices that need not be present, and what the compiler says they use.

May import torch, the standard library, and Triton inside functions.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernels._triton.launch import Compilation
from kernels._triton.targets import Target


@dataclass(frozen=True)
class Figures:
    """What one compiled kernel uses: registers of a thread, bytes a thread spills to memory, shared bytes of a program.

    On NVIDIA ``spill_bytes`` is the thread's whole stack frame, on AMD the vector registers spilled times 4.
    """

    registers: int
    spill_bytes: int
    shared_bytes: int


def shipped(operator: str, target: Target) -> list[Compilation]:
    """Return every specialisation that an operator ships for a target, from its ``triton_kernels.shipped``."""
    module = importlib.import_module(f"kernels.{operator}.triton_kernels")
    found: list[Compilation] = module.shipped(target)
    return found


def compile_ahead(compilation: Compilation, target: Target) -> Figures:
    """Compile one specialisation for a target and return its figures; raises what Triton raises where it cannot."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = [name for name, _ in compilation.signature]
    source = ASTSource(
        fn=compilation.kernel,
        signature=dict(compilation.signature),
        constexprs=dict(compilation.constexprs),
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in compilation.aligned},
    )
    options = {
        "num_warps": compilation.shape.num_warps,
        "num_stages": compilation.shape.num_stages,
        "enable_fp_fusion": True,
    }
    compiled = triton.compile(source, target=GPUTarget(target.platform, target.arch, target.warp_size), options=options)
    shared_bytes = int(compiled.metadata.shared)
    if target.platform == "hip":
        return _amd_figures(compiled.asm["amdgcn"], shared_bytes)
    return _nvidia_figures(compiled.asm["cubin"], shared_bytes)


def _nvidia_figures(cubin: bytes, shared_bytes: int) -> Figures:
    import triton

    tool: Any = triton.knobs.nvidia.cuobjdump
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "kernel.cubin")
        path.write_bytes(cubin)
        said = subprocess.run(
            [tool.path, "--dump-resource-usage", str(path)], capture_output=True, text=True, check=True
        ).stdout
    registers, stack = (int(_only(rf"\b{word}:(\d+)", said)) for word in ("REG", "STACK"))
    return Figures(registers, stack, shared_bytes)


def _amd_figures(assembly: str, shared_bytes: int) -> Figures:
    spilled = int(_only(r"\.vgpr_spill_count:\s*(\d+)", assembly))
    fixed = int(_only(r"\.group_segment_fixed_size:\s*(\d+)", assembly))
    registers = int(_only(r"\.vgpr_count:\s*(\d+)", assembly))
    return Figures(registers, 4 * spilled, max(fixed, shared_bytes))


def _only(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"the compiler's report has no {pattern!r}: {text[:400]}")
    return found[1]
