"""Makes the comparison sheets beside the cards: the input, the weights' result and the original, a part of the bundled sample.

With Triptych installed, `python resources/weights/sheets.py [NAME]...` writes NAME_xS_sample.png for all bundled weights or for
those named, with `triptych compare`. Imports OpenCV, `resources` and `engine`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

import resources
from engine import catalog
from engine.cli import main as triptych
from engine.degradation import BICUBIC, Degradation
from engine.resampling import imresize

# Of sample_hr.png: fine lines, print of falling size, a wooden frame. Multiples of every scale, and small enough for a card.
TOP, LEFT, HEIGHT, WIDTH = 708, 604, 180, 264
# What weights for compressed photographs are shown on.
COMPRESSED = Degradation(jpeg_quality=60)


def make_sheet(entry: catalog.CatalogEntry, output: Path) -> int:
    """Write the sheet of one set of weights; returns the exit status of `triptych compare`."""
    stored = cv2.imread(str(resources.path("samples") / "sample_hr.png"), cv2.IMREAD_COLOR)
    if stored is None:
        raise FileNotFoundError("resources/samples/sample_hr.png is missing: run resources/samples/draw.py")
    original = np.asarray(stored[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH], np.uint8)
    degradation = COMPRESSED if entry.purpose else BICUBIC
    # The codec's order of channels matters to JPEG alone.
    small = degradation(np.asarray(imresize(original, 1.0 / entry.scale), np.uint8)[:, :, ::-1], entry.name)
    name = "sample" if degradation == BICUBIC else f"sample ({degradation.label})"
    with tempfile.TemporaryDirectory() as folder:
        reference, source = Path(folder) / "reference.png", Path(folder) / f"{name}.png"
        cv2.imwrite(str(reference), original)
        cv2.imwrite(str(source), small[:, :, ::-1])
        words = ["compare", str(source), "--model", entry.name, "--scale", str(entry.scale), "-o", str(output)]
        return triptych([*words, "--reference", str(reference)])


def main() -> int:
    """Make the sheets of the weights named on the command line, of all bundled ones where none is."""
    entries = [entry for entry in catalog.list_models() if entry.source == "bundled"]
    unknown = set(sys.argv[1:]) - {entry.name for entry in entries}
    if unknown:
        print(f"There are no bundled weights {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    chosen = [entry for entry in entries if not sys.argv[1:] or entry.name in sys.argv[1:]]
    folder = resources.path("weights")
    return max(make_sheet(entry, folder / f"{entry.name}_x{entry.scale}_sample.png") for entry in chosen)


if __name__ == "__main__":
    raise SystemExit(main())
