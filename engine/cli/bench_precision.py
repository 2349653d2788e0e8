"""`triptych bench precision`: half precision against fp32, in dB. Imports the standard library; numpy when it is called."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from engine.errors import TriptychError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def run(options: argparse.Namespace) -> int:
    """Prints the PSNR of fp16 and bf16 against fp32 on a crop of at most 256 × 256 pixels."""
    from engine.cli.bench_subjects import ArrayUpscaler, choices, load_images
    from engine.client import Engine

    if not options.json:
        print("PSNR in dB against fp32, a crop of 256 × 256 pixels (goals: fp16 60, bf16 50)")
    with Engine() as engine:
        for choice, scale in choices(options):
            exact = ArrayUpscaler(engine, choice, scale, tile_px=None, precision="fp32")
            sample = ("sample.png", 256, 256)
            crops = [(name, image_hwc[:256, :256]) for name, image_hwc in load_images(engine, options.images, sample)]
            wholes = [exact.canvas(lr_hwc) for _, lr_hwc in crops]
            for precision in ("fp16", "bf16"):
                half = ArrayUpscaler(engine, choice, scale, tile_px=None, precision=precision)
                for (name, lr_hwc), whole in zip(crops, wholes, strict=True):
                    try:
                        psnr = _psnr_of(half.canvas(lr_hwc), whole)
                    except TriptychError:
                        # Values that are not finite: as far from fp32 as can be.
                        psnr = float("-inf")
                    row = {
                        "model": exact.variant,
                        "scale": exact.scale,
                        "image": name,
                        "precision": precision,
                        "psnr": round(psnr, 2) if psnr > 0 else None,
                    }
                    text = f"{exact.variant:<14} ×{exact.scale}  {precision}  {name:<24} {psnr:6.2f}"
                    print(json.dumps(row) if options.json else text, flush=True)
    return 0


def _psnr_of(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    import numpy as np

    from engine.metrics import psnr

    return float(psnr(np.clip(a, 0, 1) * 255, np.clip(b, 0, 1) * 255))
