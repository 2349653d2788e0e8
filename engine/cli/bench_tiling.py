"""`triptych bench tiling`: whether tiles can be seen in the output of each model, with the goals beside the figures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.tiling.figures import TilingFigures
    from engine.tiling.goals import SetFigures

# The bundled picture is cut to this size, so that the figures of all models are there in minutes; images that are named are not.
SAMPLE_HEIGHT, SAMPLE_WIDTH = 512, 768
TILES_PX = (128, 480)


def run(options: argparse.Namespace) -> int:
    """Prints the figures of every model, image and tile size; exit status 1 where the means over a model's images miss a goal.

    With `--record`, the means go into the table and the cards beside the bundled weights.
    """
    from engine.cli.bench_subjects import ArrayUpscaler, choices, load_images
    from engine.client import Engine
    from engine.tiling.goals import OVERLAP_PX, goals_missed, over_photographs

    if options.record and (options.weights or not options.images):
        raise UsageError(
            "--record keeps what the bundled weights reach on photographs.",
            "Name photographs of at least 600 pixels a side, and leave --weights out.",
        )
    if not options.json:
        print(
            f"Tiled against untiled output, overlap {OVERLAP_PX}. Goals: PSNR 50 dB at 480, 45 dB at 128; at 480 99.99 %"
        )
        print("of the values within 8/255; gradient across tile borders within 1 % of the untiled output's.")
        print(
            f"{'model':<14} {'scale':<5} {'image':<20} {'tile':>5} {'PSNR':>7} {'within':>9} {'seam':>7} {'overlap':>8}"
        )
    has_missed = False
    with Engine() as engine:
        images = load_images(engine, options.images, ("sample_hr.png", SAMPLE_HEIGHT, SAMPLE_WIDTH))
        for choice, scale in choices(options):
            whole = ArrayUpscaler(engine, choice, scale, tile_px=None)
            tiles_px: Sequence[int] = options.tile or TILES_PX
            found: dict[int, list[TilingFigures]] = {tile_px: [] for tile_px in tiles_px}
            for name, lr_hwc in images:
                untiled_hwc = whole.canvas(lr_hwc)
                for tile_px in tiles_px:
                    tiled = ArrayUpscaler(engine, choice, scale, tile_px=tile_px, overlap_px=OVERLAP_PX)
                    found[tile_px].append(_measure(tiled, lr_hwc, untiled_hwc))
                    _print(options, whole, name, tile_px, found[tile_px][-1])
            by_tile = {tile_px: over_photographs(each) for tile_px, each in found.items()}
            for tile_px, each in by_tile.items():
                has_missed |= bool(goals_missed(each.mean, tile_px))
                if each.photographs > 1:
                    _print(options, whole, f"all {each.photographs}", tile_px, each.mean, each.worst_psnr_db)
            if options.record:
                _record(whole, [name for name, _ in images], by_tile)
    return 1 if has_missed else 0


def _record(whole: Any, names: Sequence[str], by_tile: Mapping[int, SetFigures]) -> None:
    from engine import catalog
    from engine.tiling.goals import record

    entry = catalog.find_model(whole.variant, whole.scale)
    if entry.source == "bundled":
        record(Path(entry.path), whole.info.sha256, whole.scale, names, by_tile)


def _measure(tiled: Any, lr_hwc: NDArray[np.uint8], untiled_hwc: NDArray[np.float32]) -> TilingFigures:
    from engine.tiling.figures import tiling_figures
    from engine.tiling.geometry import plan_tiles

    tiled_hwc = tiled.canvas(lr_hwc)
    height, width, _ = lr_hwc.shape
    plan = plan_tiles(
        height, width, tile_px=tiled.settings.tile_px, overlap_px=tiled.settings.overlap_px, window_px=tiled.window_px
    )
    return tiling_figures(tiled_hwc, untiled_hwc, plan, tiled.scale)


def _print(
    options: argparse.Namespace,
    whole: Any,
    name: str,
    tile_px: int,
    figures: TilingFigures,
    worst_psnr_db: float | None = None,
) -> None:
    """Prints one line; `worst_psnr_db` where it is that of several images."""
    from engine.tiling.goals import goals_missed

    missed = goals_missed(figures, tile_px)
    if options.json:
        row = {
            "model": whole.variant,
            "scale": whole.scale,
            "image": name,
            "tile": tile_px,
            "psnr": round(figures.psnr_db, 2),
            "worst_psnr": round(figures.psnr_db if worst_psnr_db is None else worst_psnr_db, 2),
            "within": round(figures.share_within, 6),
            "seam": round(figures.seam_ratio, 4),
            "overlap": round(figures.overlap_share, 4),
            "missed": missed,
        }
        print(json.dumps(row), flush=True)
        return
    worst = "" if worst_psnr_db is None else f"  worst {worst_psnr_db:.2f}"
    print(
        f"{whole.variant:<14} ×{whole.scale:<4} {name:<20} {tile_px:>5} {figures.psnr_db:7.2f} {figures.share_within:9.4%}"
        f" {figures.seam_ratio:7.4f} {figures.overlap_share:8.1%}{worst}"
        f"{'  misses: ' + ', '.join(missed) if missed else ''}",
        flush=True,
    )
