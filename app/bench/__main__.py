"""`python -m app.bench [--json]`: every figure of the window with its goal beside it. Imports the standard library only."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import resources
from app.bench.children import environment_for, run_child
from app.libraries import why_qt_cannot_start

_PAINT_ROUNDS = 5
PAINT_RATIO_GOAL, PAINT_GOAL_S = 3.0, 1.5
P99_GOAL_MS, LATEST_GOAL_MS = 16.0, 50.0
TILE_GOAL_S, TILE_RATIO_GOAL = 1.0, 1.3


@dataclass(frozen=True)
class Figure:
    """One measured number. `goal` is a bound that it must stay below, or None where it is only told."""

    measure: str
    figure: str
    value: float
    unit: str
    goal: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether it stays below its goal; None without one."""
        return None if self.goal is None else self.value < self.goal

    @property
    def text(self) -> str:
        """One line for a person."""
        goal = "" if self.goal is None else f"goal < {self.goal:g}"
        missed = "   missed" if self.is_met is False else ""
        return f"  {self.figure:<42} {self.value:>9.2f} {self.unit:<3} {goal:<12}{missed}".rstrip()


def main(arguments: Sequence[str]) -> int:
    """Prints every figure and returns 1 where one misses its goal, or where the window cannot be measured."""
    parser = argparse.ArgumentParser(prog="triptych bench app", description="Measure how quick the window is.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each figure")
    options = parser.parse_args(arguments)
    problem = why_qt_cannot_start(environment_for(Path(os.devnull)))
    if problem:
        sys.stderr.write(problem + "\n")
        return 1
    measures = (
        ("Start of the window, with an image on the command line", _first_paint),
        ("Lateness of a 16 ms tick while the worker upscales", _working),
        ("Lateness of a 16 ms tick while a result of 20000 × 20000 pixels is panned and zoomed", _panning),
        ("From Start to the first tile on the screen, esc-fast ×2, tile 128, worker warm", _first_tile),
    )
    has_missed = False
    for title, measure in measures:
        if not options.json:
            _say(title)
        try:
            with tempfile.TemporaryDirectory(prefix="triptych-bench-") as folder:
                for figure in measure(Path(folder)):
                    has_missed |= figure.is_met is False
                    _say(json.dumps(asdict(figure) | {"met": figure.is_met}) if options.json else figure.text)
        except (RuntimeError, OSError, ValueError) as error:
            has_missed = True
            sys.stderr.write(f"{title}: {error}\n")
    return 1 if has_missed else 0


def _first_paint(folder: Path) -> Iterator[Figure]:
    """A bare PySide6 window and Triptych's by turns; the first round only warms the disk."""
    image = str(resources.path("samples") / "sample.png")
    seconds: dict[str, list[float]] = {"bare": [], "paint": []}
    has_torch = False
    for _ in range(1 + _PAINT_ROUNDS):
        for what, times in seconds.items():
            found = run_child("app.bench.window_child", [what, image], folder)
            times.append(found["painted_s"] - found["began_s"])
            has_torch |= bool(found.get("has_torch"))
    bare_s, window_s = (statistics.median(times[1:]) for times in seconds.values())
    measure = "first paint"
    yield Figure(measure, "bare PySide6 window", round(bare_s, 3), "s")
    yield Figure(measure, "Triptych", round(window_s, 3), "s", PAINT_GOAL_S)
    yield Figure(measure, "ratio", round(window_s / bare_s, 2), "", PAINT_RATIO_GOAL)
    yield Figure(measure, "torch in the window's process (0: no)", float(has_torch), "", 1.0)


def _working(folder: Path) -> Iterator[Figure]:
    # Large enough to work on for a while; a copy, for the result is saved beside it.
    image = shutil.copy(resources.path("samples") / "sample_hr.png", folder)
    found = run_child("app.bench.window_child", ["upscale", str(image)], folder)
    if "error" in found:
        raise RuntimeError(found["error"])
    yield from _lateness("tick while working", found)
    yield Figure("tick while working", "torch in the window's process (0: no)", float(found["has_torch"]), "", 1.0)


def _panning(folder: Path) -> Iterator[Figure]:
    found = run_child("app.bench.panning_child", [str(folder)], folder)
    yield from _lateness("tick while panning", found)
    yield Figure("tick while panning", "moves of the camera", float(found["steps"]), "")
    yield Figure("tick while panning", "paints", float(found["paints"]), "")


def _lateness(measure: str, found: dict[str, Any]) -> Iterator[Figure]:
    yield Figure(measure, "ticks", float(found["ticks"]), "")
    yield Figure(measure, "p50", found["p50_ms"], "ms")
    yield Figure(measure, "p99", found["p99_ms"], "ms", P99_GOAL_MS)
    yield Figure(measure, "latest", found["max_ms"], "ms", LATEST_GOAL_MS)
    yield Figure(measure, "computed by the window between ticks, p99", found["busy_p99_ms"], "ms")
    yield Figure(measure, "computed by the window between ticks, most", found["busy_max_ms"], "ms")


def _first_tile(folder: Path) -> Iterator[Figure]:
    found = run_child("app.bench.first_tile_child", [str(folder)], folder)
    measure = "first tile"
    yield Figure(measure, "on the screen", found["window_s"], "s", TILE_GOAL_S)
    yield Figure(measure, "same job in the worker alone", found["worker_s"], "s")
    yield Figure(measure, "of it the tile itself", found["tile_s"], "s")
    yield Figure(measure, "ratio of screen to worker alone", found["ratio"], "", TILE_RATIO_GOAL)
    yield Figure(measure, "on the screen with tile auto", found["auto_s"], "s")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
