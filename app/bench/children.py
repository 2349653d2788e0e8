"""Runs one measurement in a process of its own and reads what it found. Imports the standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_LIMIT_S = 600


def environment_for(folder: Path) -> dict[str, str]:
    """Returns the environment of a measurement: settings and cache of its own, and a display or none."""
    environment = dict(os.environ)
    # As where Triptych is installed: only the first start compiles.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["TRIPTYCH_CACHE"] = str(folder / "cache")
    environment["XDG_CONFIG_HOME"] = str(folder / "config")
    if sys.platform.startswith("linux") and not any(
        environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    return environment


def run_child(module: str, words: list[str], folder: Path) -> dict[str, Any]:
    """Runs `python -m MODULE WORDS` and returns the last line that it prints, with `began_s`, when it was started.

    Raises RuntimeError with what it said where it failed.
    """
    began_s = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", module, *words],
        env=environment_for(folder),
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    lines = result.stdout.strip().splitlines()
    if result.returncode or not lines:
        raise RuntimeError(f"{module} ended with {result.returncode}:\n{result.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(lines[-1])
    return found | {"began_s": began_s}


def tell(found: dict[str, Any]) -> None:
    """Prints what was found, for `run_child` in the parent."""
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def percentile(values: list[float], share: float) -> float:
    """Returns the value below which that share of the values lies (nearest rank); 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
