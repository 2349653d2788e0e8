"""The command `python -m engine.training.prepare OUT`: what a training run needs, small enough to send to a lent GPU.

OUT/photographs holds the photographs as JPEG of quality 95 with full colour (two fifths of the lossless files, a mean of
43 dB), OUT/procedural images drawn ahead: `python -m engine.training MODEL --images OUT/photographs --procedural
OUT/procedural` then needs neither OpenCV there, nor the time to draw. May import OpenCV and the other modules of this
package.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2

from engine.errors import OutputError, TriptychError
from engine.training.configuration import Recipe
from engine.training.pairs import Uint8Image, load_photographs, split_held_back
from engine.training.pool import ProceduralPool

__all__ = ["main"]

_QUALITY = 95


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.prepare", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs to train on")
    parser.add_argument("--procedural", type=int, default=300, help="how many images to draw (default: 300)")
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    arguments = parser.parse_args(argv)
    try:
        megabytes = _prepare(arguments) / 1e6
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return 1
    print(f"{arguments.out}: {megabytes:.1f} MB")
    return 0


def _prepare(arguments: argparse.Namespace) -> int:
    """Write both folders; return their bytes."""
    photographs = load_photographs(arguments.images)
    written = sum(_write(arguments.out / "photographs" / f"{name}.jpg", image) for name, image in photographs.items())
    # Those held back lend neither colours nor crops.
    training, _ = split_held_back(list(photographs))
    pool = ProceduralPool([photographs[name] for name in training], replace(Recipe(), seed=arguments.seed))
    for serial in range(arguments.procedural):
        written += _write(arguments.out / "procedural" / f"{serial:05d}.jpg", pool.image(serial))
    return written


def _write(path: Path, image_hwc: Uint8Image) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY, *sampling]
    if not cv2.imwrite(str(path), image_hwc[:, :, ::-1], options):
        raise OutputError(f"{path} could not be written.")
    return path.stat().st_size


if __name__ == "__main__":
    raise SystemExit(main())
