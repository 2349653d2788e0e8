"""``python -m kernels._triton``: compile every shipped specialisation ahead of time and print what each uses.

May import ``kernels`` and the standard library; needs Triton, no GPU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TextIO

from kernels._triton.compile_ahead import Figures, compile_ahead, shipped
from kernels._triton.launch import Compilation
from kernels._triton.targets import TARGETS
from kernels.dispatch import OPERATORS


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one Markdown table for each operator: rows are specialisations, columns targets."""
    parser = argparse.ArgumentParser(prog="kernels._triton", description="Compile the Triton kernels ahead of time.")
    parser.add_argument("--operator", choices=OPERATORS, action="append", help="only this operator (repeatable)")
    parser.add_argument("--target", choices=[target.name for target in TARGETS], action="append", help="only this one")
    parser.add_argument("--match", default="", help="only specialisations whose name contains this")
    parser.add_argument("--summary", action="store_true", help="the largest figures of each kernel and dtype")
    chosen = parser.parse_args(arguments)
    targets = [target for target in TARGETS if chosen.target is None or target.name in chosen.target]
    for operator in chosen.operator or OPERATORS:
        rows: dict[str, dict[str, list[Figures]]] = {}
        for target in targets:
            for compilation in shipped(operator, target):
                if chosen.match in compilation.label:
                    figures = compile_ahead(compilation, target)
                    shape = compilation.shape
                    _say(
                        f"{target.name} {compilation.label}: {_cell([figures])} "
                        f"({shape.num_warps} warps, {shape.num_stages} stages)",
                        sys.stderr,
                    )
                    label = _summary_label(compilation) if chosen.summary else compilation.label
                    rows.setdefault(label, {}).setdefault(target.name, []).append(figures)
        _say(f"\n{operator}: registers / spilled bytes / shared KiB\n", sys.stdout)
        _say("| kernel | " + " | ".join(target.name for target in targets) + " |", sys.stdout)
        _say("|---" * (len(targets) + 1) + "|", sys.stdout)
        for label, cells in sorted(rows.items()) if chosen.summary else rows.items():
            _say(f"| {label} | " + " | ".join(_cell(cells.get(t.name, [])) for t in targets) + " |", sys.stdout)
    return 0


def _summary_label(compilation: Compilation) -> str:
    """Name a kernel without its operator and the dtype of its tensors."""
    kinds = {kind.removeprefix("*") for _, kind in compilation.signature}
    dtype = next((name for name in ("fp16", "bf16") if name in kinds), "fp32")
    name = compilation.kernel_name.partition("attention_")[2] or compilation.kernel_name.removeprefix("focused_")
    return f"{name.removesuffix('_kernel').replace('_', ' ')} {dtype}"


def _say(line: str, stream: TextIO) -> None:
    stream.write(line + "\n")
    stream.flush()


def _cell(figures: Sequence[Figures]) -> str:
    """Lay the largest of some figures out: registers/spilled bytes/shared KiB."""
    if not figures:
        return ""
    shared_kib = max(f.shared_bytes for f in figures) / 1024
    return f"{max(f.registers for f in figures)}/{max(f.spill_bytes for f in figures)}/{shared_kib:.0f}"


if __name__ == "__main__":
    sys.exit(main())
