"""What `triptych bench` measures on: the models and scales asked for, a model as a function of arrays, and images.

Imports the standard library; numpy and the client when it is called.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engine.client import Engine
    from engine.jobs import ModelChoice


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
