"""`triptych bench quality`: PSNR-Y and SSIM on folders of originals, beside bicubic and beside the papers' figures."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.cli.bench_subjects import ArrayUpscaler
    from engine.degradation import Degradation
    from engine.quality import FolderQuality

_HEAD = (
    f"{'model':<14} {'scale':<5} {'set':<24} {'PSNR-Y':>7} {'SSIM':>7} {'bicubic':>8} {'SSIM':>7} {'gain':>6}"
    f" {'paper':>7} {'SSIM':>7} {'of':<9} {'seconds':>8}"
)


def run(options: argparse.Namespace) -> int:
    """Runs `triptych bench quality` and returns its exit status."""
    from engine.cli.bench_subjects import ArrayUpscaler, choices, load_original
    from engine.client import Engine
    from engine.quality import measure, with_window_padding

    if not options.json:
        print(
            "Y-PSNR in dB and SSIM, border of `scale` pixels cut; the gain is over MATLAB's bicubic on the same input;"
        )
        print("the paper's figures: of the same network, or for a size of our own of the smallest published one")
        print(_HEAD)
    with Engine() as engine:
        for choice, scale in choices(options):
            upscaler = ArrayUpscaler(engine, choice, scale, tile_px=None, ensemble=options.ensemble)
            # The other two pad inside the network, in their published measurements too.
            padded = options.pad_windows and upscaler.info.architecture.startswith("ESC")
            upscale = with_window_padding(upscaler, upscaler.window_px, upscaler.scale) if padded else upscaler
            for folder, degradation in product(options.folders, _degradations(options)):
                upscaler.seconds = 0.0
                load = partial(load_original, engine)
                (result,) = measure(Path(folder), upscale, upscaler.scale, load=load, degradation=degradation)
                row = _row(upscaler, result, ensemble=options.ensemble, padded=padded)
                print(json.dumps(row) if options.json else _text(row), flush=True)
    return 0


def _degradations(options: argparse.Namespace) -> Iterator[Degradation]:
    from engine.degradation import Degradation

    for quality in options.jpeg or (None,):
        yield Degradation(options.noise, quality)


def _row(upscaler: ArrayUpscaler, result: FolderQuality, *, ensemble: bool, padded: bool) -> dict[str, Any]:
    from engine.degradation import BICUBIC
    from engine.published import published_figure

    mean, info = result.mean, upscaler.info
    # No paper measured on degraded inputs.
    clean = result.degradation == BICUBIC
    paper = published_figure(info.architecture, info.variant, upscaler.scale, result.folder) if clean else None
    return {
        "model": upscaler.variant,
        "scale": upscaler.scale,
        "set": result.folder,
        "degradation": result.degradation.label,
        "ensemble": ensemble,
        "padded": padded,
        "images": len(result.rows),
        "psnr": round(mean.psnr_y, 3),
        "ssim": round(mean.ssim, 5),
        "bicubic_psnr": round(mean.bicubic_psnr_y, 3),
        "bicubic_ssim": round(mean.bicubic_ssim, 5),
        "gain": round(mean.gain, 3),
        "paper": paper.variant if paper else None,
        "paper_psnr": paper.psnr if paper else None,
        "paper_ssim": paper.ssim if paper else None,
        "seconds": round(upscaler.seconds, 2),
    }


def _text(row: dict[str, Any]) -> str:
    dataset = row["set"] if row["degradation"] == "bicubic" else f"{row['set']} ({row['degradation']})"
    paper_psnr = f"{row['paper_psnr']:.2f}" if row["paper_psnr"] is not None else "-"
    paper_ssim = f"{row['paper_ssim']:.4f}" if row["paper_ssim"] is not None else "-"
    return (
        f"{row['model']:<14} ×{row['scale']:<4} {dataset:<24} {row['psnr']:7.2f} {row['ssim']:7.4f}"
        f" {row['bicubic_psnr']:8.2f} {row['bicubic_ssim']:7.4f} {row['gain']:+6.2f}"
        f" {paper_psnr:>7} {paper_ssim:>7} {row['paper'] or '-':<9} {row['seconds']:8.1f}"
    )
