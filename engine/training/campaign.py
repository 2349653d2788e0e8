"""The command `python -m engine.training.campaign`: trains what is due next, for as long as the machine is lent.

The published light sizes come in the order in which they are worth most: x2 of each, x4 of each from the x2 body, the one
for photographs, x3. Each gets `--total-minutes`, in as many pieces as it takes; where a run is over its weights and card go
to `--weights`, and the next begins. Called again, also elsewhere with the same two folders, it goes on where it stopped.
May import torch and the other modules of this package.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from engine.training.__main__ import main as train_one

__all__ = ["ORDER", "main"]

ORDER = (
    ("esc-light", 2),
    ("sscan", 2),
    ("pft-light", 2),
    ("esc-light", 4),
    ("sscan", 4),
    ("pft-light", 4),
    ("esc-photo", 2),
    ("esc-photo", 4),
    ("esc-light", 3),
    ("sscan", 3),
    ("pft-light", 3),
)
# A piece shorter than this would be all loading.
_SHORTEST_MINUTES = 0.5


def main(argv: Sequence[str] | None = None, clock: Callable[[], float] = time.monotonic) -> int:
    """Run the command; returns the exit status of the first training that failed, else 0."""
    arguments = _parser().parse_args(argv)
    began_s = clock()
    for name, scale in ORDER:
        out = arguments.runs / f"{name}_x{scale}"
        while not _is_published(out, arguments.weights / f"{name}_x{scale}.safetensors"):
            left = arguments.minutes - (clock() - began_s) / 60.0
            if left < _SHORTEST_MINUTES:
                print(f"next time: {name} x{scale}")
                return 0
            status = _piece(arguments, name, scale, out, left)
            if status:
                return status
    print("every run is over")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training.campaign", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs to train on")
    parser.add_argument("--procedural", type=Path, help="folder of procedural images drawn ahead")
    parser.add_argument("--minutes", type=float, required=True, help="how long the machine is lent, this time")
    parser.add_argument("--total-minutes", type=float, default=15.0, help="of each run (default: 15)")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of checkpoints and logs")
    parser.add_argument("--weights", type=Path, required=True, help="folder with the configurations; weights go there")
    parser.add_argument("--eval", type=Path, nargs="+", default=[], help="folders of originals to measure on")
    return parser


def _piece(arguments: argparse.Namespace, name: str, scale: int, out: Path, minutes: float) -> int:
    """Train one run for at most `minutes`, or publish it where it is over; returns the exit status."""
    words = [name, "--scale", scale, "--out", out, "--weights", arguments.weights, "--device", arguments.device]
    if _is_over(out):
        words += ["--resume", "--publish"]
        words += ["--eval", *arguments.eval] if arguments.eval else []
    else:
        words += ["--images", arguments.images, "--minutes", minutes, "--total-minutes", arguments.total_minutes]
        words += ["--resume"] if (out / "checkpoint.pt").exists() else _start(arguments.weights, name, scale)
        words += ["--procedural", arguments.procedural] if arguments.procedural else []
    return train_one([str(word) for word in words])


def _start(weights: Path, name: str, scale: int) -> list[Any]:
    """Return the words that say where a fresh run begins: its own weights, at x3 and x4 those of x2, at x2 the small size's."""
    if (weights / f"{name}_x{scale}.safetensors").exists():
        return ["--go-on"]
    small = weights / f"{name.partition('-')[0]}-fast_x2.safetensors"
    if scale != 2 or not small.exists():
        return []
    # The one for photographs is the small ESC itself.
    return ["--start" if name == "esc-photo" else "--grow", small]


def _is_over(out: Path) -> bool:
    path = out / "checkpoint.pt"
    if not path.exists():
        return False
    progress = torch.load(path, map_location="cpu", weights_only=True)["progress"]
    return progress["steps"] is not None and bool(progress["step"] >= progress["steps"])


def _is_published(out: Path, weights: Path) -> bool:
    """Say whether a run is over and its weights were written since."""
    return _is_over(out) and weights.exists() and weights.stat().st_mtime >= (out / "checkpoint.pt").stat().st_mtime


if __name__ == "__main__":
    sys.exit(main())
