"""`triptych bench memory`: the peak that is predicted for a tile against the one that a real worker then measures.

Imports the standard library and the plain modules of `engine`; numpy when it is called.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from engine.messages import ModelRequest, UpscaleSettings

if TYPE_CHECKING:
    from engine.client import Engine

# Of other edges than the probes (`engine.memory.probe`). At 128 both figures scatter by 5 MiB, more than a tenth of ESC's 40.
TILES_PX = (192, 320, 480)
TOLERANCE = 0.1
# Tiles in a row: the highest of a few peaks, as in a job, for those of small tiles scatter by a tenth.
_TILES = 4


@dataclass(frozen=True)
class Prediction:
    """One tile size of one model: `predicted_bytes` before anything of it was run, `peak_bytes` measured by the worker."""

    tile_px: int
    predicted_bytes: int
    peak_bytes: int
    seconds: float
    processed_px: int

    @property
    def ratio(self) -> float:
        """Predicted ÷ measured."""
        return self.predicted_bytes / self.peak_bytes

    @property
    def us_per_px(self) -> float:
        """Microseconds for each input pixel that went through the model, halo counted."""
        return self.seconds * 1e6 / self.processed_px


def measure_predictions(
    engine: Engine, request: ModelRequest, tiles_px: Sequence[int], settings: UpscaleSettings, channels: int = 3
) -> list[Prediction]:
    """Plans an image of noise for each tile size, a row of tiles, then runs them all; what was learned by one helps no other."""
    # The largest first: it needs the most probes, and what they leave behind belongs to what is predicted.
    sized = [(tile, replace(settings, tile_px=tile)) for tile in sorted(tiles_px, reverse=True)]
    # Whole tiles with their seams, where the edge is a multiple of the model's window.
    sizes = {tile: (tile, _TILES * tile - (_TILES - 1) * settings.overlap_px) for tile in tiles_px}
    predicted = {tile: engine.plan(request, each, *sizes[tile], channels).predicted_bytes for tile, each in sized}
    rows = []
    for tile, each in reversed(sized):
        peak_bytes, seconds = _run(engine, request, each, *sizes[tile], channels)
        # None only from a worker of another device than it was asked for.
        rows.append(Prediction(tile, predicted[tile] or 0, peak_bytes, round(seconds, 3), _TILES * tile * tile))
    return rows


def _run(
    engine: Engine, request: ModelRequest, settings: UpscaleSettings, height: int, width: int, channels: int
) -> tuple[int, float]:
    import numpy as np

    from engine.canvas import RasterRef, create_raster

    folder = engine.new_folder()
    try:
        source = RasterRef(str(folder / "input.raw"), height, width, channels, "uint8")
        create_raster(source)[:] = np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)
        done = engine.upscale(source, request, settings, folder / "canvas.raw").done
        return done.peak_memory_bytes, done.seconds
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def empty_cache() -> Iterator[None]:
    """Lets the workers started in this block begin with no costs known, as at a first run."""
    before = os.environ.get("TRIPTYCH_CACHE")
    with tempfile.TemporaryDirectory(prefix="triptych-") as folder:
        os.environ["TRIPTYCH_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["TRIPTYCH_CACHE"]
            else:
                os.environ["TRIPTYCH_CACHE"] = before


def run(options: argparse.Namespace) -> int:
    """Prints predicted and measured peaks of every model; exit status 1 where one is more than a tenth off."""
    from engine.cli.bench_subjects import choices
    from engine.client import Engine

    if not options.json:
        print("Peak memory of a worker above that before the model was loaded, predicted before the run and measured")
        print(f"{'model':<14} {'scale':<5} {'tile':>5} {'predicted':>10} {'measured':>10} {'ratio':>6} {'µs/px':>6}")
    has_missed = False
    for choice, scale in choices(options):
        request, variant = choice.locate(scale)
        # A new worker for each, as when a person starts Triptych with this model.
        with empty_cache(), Engine() as engine:
            prepared = engine.prepare(request, UpscaleSettings())
            for row in measure_predictions(engine, request, options.tile or TILES_PX, UpscaleSettings()):
                has_missed |= abs(row.ratio - 1) > TOLERANCE
                name = variant or prepared.info.variant
                if options.json:
                    content = {
                        "model": name,
                        "scale": prepared.info.scale,
                        **asdict(row),
                        "ratio": round(row.ratio, 3),
                        "us_per_px": round(row.us_per_px, 2),
                    }
                    print(json.dumps(content), flush=True)
                    continue
                print(
                    f"{name:<14} ×{prepared.info.scale:<4} {row.tile_px:>5} {row.predicted_bytes / 2**20:>6.1f} MiB"
                    f" {row.peak_bytes / 2**20:>6.1f} MiB {row.ratio:6.3f} {row.us_per_px:6.1f}",
                    flush=True,
                )
    return 1 if has_missed else 0
