"""``python -m kernels._triton``: compile every shipped specialisation ahead of time and print what each uses.

May import ``kernels`` and the standard library; needs Triton, no GPU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TextIO

from kernels._triton.compile_ahead import Figures, compile_ahead, shipped
from kernels._triton.targets import TARGETS
from kernels.dispatch import OPERATORS


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one Markdown table for each operator: rows are specialisations, columns targets."""
    parser = argparse.ArgumentParser(prog="kernels._triton", description="Compile the Triton kernels ahead of time.")
    parser.add_argument("--operator", choices=OPERATORS, action="append", help="only this operator (repeatable)")
    parser.add_argument("--target", choices=[target.name for target in TARGETS], action="append", help="only this one")
    parser.add_argument("--match", default="", help="only specialisations whose name contains this")
    chosen = parser.parse_args(arguments)
    targets = [target for target in TARGETS if chosen.target is None or target.name in chosen.target]
    for operator in chosen.operator or OPERATORS:
        rows: dict[str, dict[str, str]] = {}
        for target in targets:
            for compilation in shipped(operator, target):
                if chosen.match in compilation.label:
                    shape = compilation.shape
                    cell = f"{_cell(compile_ahead(compilation, target))} ({shape.num_warps}w {shape.num_stages}s)"
                    rows.setdefault(compilation.label, {})[target.name] = cell
                    _say(f"{target.name} {compilation.label}: {cell}", sys.stderr)
        _say(f"\n{operator}: registers / spilled bytes / shared KiB (warps, stages)\n", sys.stdout)
        _say("| kernel | " + " | ".join(target.name for target in targets) + " |", sys.stdout)
        _say("|---" * (len(targets) + 1) + "|", sys.stdout)
        for label, cells in rows.items():
            _say(f"| {label} | " + " | ".join(cells.get(target.name, "") for target in targets) + " |", sys.stdout)
    return 0


def _say(line: str, stream: TextIO) -> None:
    stream.write(line + "\n")
    stream.flush()


def _cell(figures: Figures) -> str:
    return f"{figures.registers}/{figures.spill_bytes}/{figures.shared_bytes / 1024:.0f}"


if __name__ == "__main__":
    sys.exit(main())
