"""`triptych bench tiling`: whether tiles can be seen in the output of each model, with the goals beside the figures."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.tiling.figures import TilingFigures

OVERLAP_PX = 32
# PSNR of tiled against untiled output in dB, by tile edge: the least that is good enough at that edge and above.
PSNR_GOALS_DB = ((480, 50.0), (128, 45.0))
SHARE_GOAL = 0.9999
SEAM_TOLERANCE = 0.01
OVERLAP_GOAL = 0.15
# At and above this edge the share within 8/255 and the work on overlaps have goals too.
ROOMY_PX = 480
# The bundled picture is cut to this size, so that the figures of all models are there in minutes; images that are named are not.
SAMPLE_HEIGHT, SAMPLE_WIDTH = 512, 768


def goals_missed(figures: TilingFigures, tile_px: int) -> list[str]:
    """Returns the names of the figures that miss their goal at this tile size; empty where tiling cannot be seen."""
    goal_db = next((goal for edge, goal in PSNR_GOALS_DB if tile_px >= edge), 0.0)
    missed = []
    if figures.psnr_db < goal_db:
        missed.append("psnr")
    if tile_px >= ROOMY_PX and figures.share_within < SHARE_GOAL:
        missed.append("within")
    if abs(figures.seam_ratio - 1) > SEAM_TOLERANCE:
        missed.append("seam")
    return missed


def run(options: argparse.Namespace) -> int:
    """Prints the figures of every model, image and tile size; exit status 1 where one misses its goal."""
    from engine.cli.bench import ArrayUpscaler, choices, load_images
    from engine.client import Engine

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
        for choice, scale in choices(options):
            whole = ArrayUpscaler(engine, choice, scale, tile_px=None)
            for name, lr_hwc in load_images(engine, options.images, _sample()):
                untiled_hwc = whole.canvas(lr_hwc)
                for tile_px in options.tile or (128, 480):
                    tiled = ArrayUpscaler(engine, choice, scale, tile_px=tile_px, overlap_px=OVERLAP_PX)
                    figures = _measure(tiled, lr_hwc, untiled_hwc)
                    missed = goals_missed(figures, tile_px)
                    has_missed |= bool(missed)
                    _print(options, whole.variant or "", whole.scale, name, tile_px, figures, missed)
    return 1 if has_missed else 0


def _sample() -> tuple[str, int, int]:
    return "sample_hr.png", SAMPLE_HEIGHT, SAMPLE_WIDTH


def _measure(tiled: Any, lr_hwc: NDArray[np.uint8], untiled_hwc: NDArray[np.float32]) -> TilingFigures:
    from engine.tiling.figures import tiling_figures
    from engine.tiling.geometry import plan_tiles

    tiled_hwc = tiled.canvas(lr_hwc)
    height, width, _ = lr_hwc.shape
    plan = plan_tiles(height, width, tile_px=tiled.settings.tile_px, overlap_px=OVERLAP_PX, window_px=tiled.window_px)
    return tiling_figures(tiled_hwc, untiled_hwc, plan, tiled.scale)


def _print(
    options: argparse.Namespace,
    variant: str,
    scale: int,
    name: str,
    tile_px: int,
    figures: TilingFigures,
    missed: list[str],
) -> None:
    if options.json:
        row = {
            "model": variant,
            "scale": scale,
            "image": name,
            "tile": tile_px,
            "psnr": round(figures.psnr_db, 2),
            "within": round(figures.share_within, 6),
            "seam": round(figures.seam_ratio, 4),
            "overlap": round(figures.overlap_share, 4),
            "missed": missed,
        }
        print(json.dumps(row), flush=True)
        return
    print(
        f"{variant:<14} ×{scale:<4} {name:<20} {tile_px:>5} {figures.psnr_db:7.2f} {figures.share_within:9.4%}"
        f" {figures.seam_ratio:7.4f} {figures.overlap_share:8.1%}{'  misses: ' + ', '.join(missed) if missed else ''}",
        flush=True,
    )
