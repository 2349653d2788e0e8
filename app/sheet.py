"""What a comparison sheet shows of the comparison's panes: the same part of each, with its figures.

Imports numpy and the plain data of `app` and `engine`; runs in a lane's thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.compare.sources import PaneSource, arrange
from engine.canvas import RasterRef, create_raster, open_raster
from engine.messages import SheetPane
from engine.scoring import score
from engine.tiling.geometry import Box


def sheet_panes(sources: Sequence[PaneSource], box: Box, folder: Path) -> tuple[list[SheetPane], int, int]:
    """Returns the sheet's panes with their height and width in pixels; their rasters are written into `folder`.

    `box`: the part to show, in input pixels. A result that does not reach into it (a preview) is left out. With a ground truth
    among the sources, PSNR-Y and SSIM of the part are those of every result of its size.
    """
    arrangement = arrange(sources)
    height, width = (round(size * arrangement.scale) for size in (box.height, box.width))
    cuts: list[tuple[PaneSource, RasterRef]] = []
    for source in sources:
        cut = _cut(source, box, folder / f"pane-{len(cuts)}.raw", arrangement.input_width)
        if cut is not None:
            cuts.append((source, cut))
    truth = next((cut for source, cut in cuts if source.kind == "reference"), None)
    panes = []
    for source, cut in cuts:
        lines = [" · ".join(source.figures)] if source.figures else []
        if truth is not None and source.kind == "model" and (cut.height, cut.width) == (truth.height, truth.width):
            psnr, ssim = score(cut, truth, truth.width // box.width)
            if psnr is not None and ssim is not None:
                lines.insert(0, f"PSNR-Y {psnr:.2f} dB · SSIM {ssim:.4f}")
        panes.append(SheetPane(cut, source.title, tuple(lines)))
    return panes, height, width


def _cut(source: PaneSource, box: Box, path: Path, input_width: int) -> RasterRef | None:
    """Writes a source's part of the box (input pixels) into a raster of its own; None where it has not all of it."""
    placed = source.placed or Box(0, 0, box.bottom, input_width)
    top, left = box.top - placed.top, box.left - placed.left
    if top < 0 or left < 0 or top + box.height > placed.height or left + box.width > placed.width:
        return None
    raster = source.raster
    scale = raster.width // placed.width
    inside = Box(top, left, box.height, box.width).scaled(scale)
    cut = RasterRef(str(path), inside.height, inside.width, raster.channels, raster.dtype)
    create_raster(cut)[:] = open_raster(raster)[inside.slices]
    return cut
