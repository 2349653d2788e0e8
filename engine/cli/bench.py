"""`triptych bench`: quality of the weights, tiling, memory, precisions, the networks, the attention operators, the window."""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import TriptychError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.client import Engine
    from engine.jobs import ModelChoice


def run(options: argparse.Namespace) -> int:
    """Runs `triptych bench KIND` and returns its exit status."""
    if options.kind == "app":
        import subprocess
        import sys

        # The window is another program to the engine: it is started by name and never imported.
        return subprocess.call([sys.executable, "-m", "app.bench", *(["--json"] if options.json else [])])
    if options.kind == "kernels":
        # Runs from a bare checkout on a machine without codecs, as `models` does.
        return int(importlib.import_module("kernels.bench.__main__").main(["--json"] if options.json else []))
    if options.kind == "models":
        from engine.cli import bench_models

        return bench_models.run(options)
    from engine.cli import bench_memory, bench_quality, bench_tiling

    kinds: dict[str, Callable[[argparse.Namespace], int]] = {
        "quality": bench_quality.run,
        "tiling": bench_tiling.run,
        "memory": bench_memory.run,
        "precision": _precision,
    }
    return kinds[options.kind](options)


def choices(options: argparse.Namespace) -> Iterator[tuple[ModelChoice, int | None]]:
    """Yields each model with each scale to measure."""
    from engine import catalog
    from engine.cli.options import choices_of

    bundled = tuple(dict.fromkeys(entry.name for entry in catalog.list_models() if entry.source == "bundled"))
    for choice in choices_of(options, bundled):
        offered: tuple[int | None, ...] = choice.scales or (None,)
        for scale in (options.scale,) if options.scale else offered:
            yield choice, scale


class ArrayUpscaler:
    """Upscales arrays through the engine, as the measuring wants it: uint8 RGB in, uint8 RGB out."""

    def __init__(self, engine: Engine, choice: ModelChoice, scale: int | None, **settings: Any) -> None:
        from engine.messages import UpscaleSettings

        self._engine = engine
        self._request, self.variant = choice.locate(scale)
        self.settings = UpscaleSettings(**settings)
        prepared = engine.prepare(self._request, self.settings)
        self.info = prepared.info
        self.scale, self.window_px = prepared.info.scale, prepared.info.window_px
        self.variant = self.variant or prepared.info.variant
        self.seconds = 0.0

    def canvas(self, lr_hwc: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Returns the canvas, float32, not clamped."""
        import numpy as np

        from engine.canvas import RasterRef, create_raster, open_raster

        folder = self._engine.new_folder()
        try:
            source = RasterRef(str(folder / "input.raw"), lr_hwc.shape[0], lr_hwc.shape[1], 3, "uint8")
            create_raster(source)[:] = lr_hwc
            upscaled = self._engine.upscale(source, self._request, self.settings, folder / "canvas.raw")
            self.seconds += upscaled.done.seconds
            return np.array(open_raster(upscaled.canvas))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def __call__(self, lr_hwc: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import numpy as np

        sr_hwc: NDArray[np.uint8] = np.rint(np.clip(self.canvas(lr_hwc), 0, 1) * np.float32(255)).astype(np.uint8)
        return sr_hwc


def load_original(engine: Engine, path: Path) -> tuple[NDArray[np.uint8], bool]:
    """Reads an image through the I/O process, as every file from outside: uint8 (H, W, 3), and whether it is grey."""
    from engine.scoring import to_rgb8

    folder = engine.new_folder()
    try:
        raster = engine.decode(path, folder / "original.raw").raster
        return to_rgb8(raster), raster.colour_channels == 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load_images(
    engine: Engine, names: Sequence[str], sample: tuple[str, int, int]
) -> list[tuple[str, NDArray[np.uint8]]]:
    """Reads the images named, uint8 (H, W, 3); without any, the upper left of the bundled `sample` (name, rows, columns)."""
    import resources

    if names:
        return [(Path(name).name, load_original(engine, Path(name))[0]) for name in names]
    name, height, width = sample
    return [(name, load_original(engine, resources.path("samples") / name)[0][:height, :width])]


def _psnr_of(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    import numpy as np

    from engine.metrics import psnr

    return float(psnr(np.clip(a, 0, 1) * 255, np.clip(b, 0, 1) * 255))


def _print_row(options: argparse.Namespace, row: dict[str, Any], text: str) -> None:
    print(json.dumps(row) if options.json else text, flush=True)


def _precision(options: argparse.Namespace) -> int:
    """Prints the PSNR of fp16 and bf16 against fp32 on a crop of at most 256 × 256 pixels."""
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
                    _print_row(options, row, f"{exact.variant:<14} ×{exact.scale}  {precision}  {name:<24} {psnr:6.2f}")
    return 0
