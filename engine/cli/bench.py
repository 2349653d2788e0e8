"""`triptych bench`: quality of the weights, tiling, memory, precisions, the networks, the attention operators, the window."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable


def run(options: argparse.Namespace) -> int:
    """Runs `triptych bench KIND` and returns its exit status."""
    if options.kind == "app":
        import subprocess
        import sys

        # The window is another program to the engine: it is started by name and never imported.
        return subprocess.call([sys.executable, "-m", "app.bench", *(["--json"] if options.json else [])])
    if options.kind == "kernels":
        # Runs from a bare checkout on a machine without codecs, as `models` does.
        return int(importlib.import_module("kernels.bench.__main__").main(["--json"] if options.json else []))
    if options.kind == "models":
        from engine.cli import bench_models

        return bench_models.run(options)
    from engine.cli import bench_memory, bench_precision, bench_quality, bench_tiling

    kinds: dict[str, Callable[[argparse.Namespace], int]] = {
        "quality": bench_quality.run,
        "tiling": bench_tiling.run,
        "memory": bench_memory.run,
        "precision": bench_precision.run,
    }
    return kinds[options.kind](options)
