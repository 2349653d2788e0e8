"""How far a tiled output is from the untiled one: the figures that say whether tiling can be seen.

Imports numpy, `engine.metrics` and `engine.tiling.geometry`. Images are (H, W, C) float32 in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.metrics import psnr
from engine.tiling.geometry import AxisPlan, TilePlan

# Half of a just noticeable difference on a flat area would be about 1/255; beyond this one anybody sees it.
VISIBLE = 8 / 255


@dataclass(frozen=True)
class TilingFigures:
    """Tiled against untiled output of one image.

    `psnr_db` over all values; `share_within`: share of the values that differ by at most 8/255; `seam_ratio`: (mean gradient
    across tile borders ÷ mean gradient elsewhere) of the tiled output ÷ the same of the untiled one, 1 where no border shows;
    `overlap_share`: pixels processed beyond those of the image ÷ those of the image.
    """

    psnr_db: float
    share_within: float
    seam_ratio: float
    overlap_share: float


def tiling_figures(
    tiled_hwc: NDArray[np.float32], untiled_hwc: NDArray[np.float32], plan: TilePlan, scale: int
) -> TilingFigures:
    """Returns the figures of a tiled output against the untiled one of the same shape; `plan` is that of the tiled run."""
    tiled_hwc, untiled_hwc = np.clip(tiled_hwc, 0, 1), np.clip(untiled_hwc, 0, 1)
    within = np.abs(tiled_hwc - untiled_hwc) <= np.float32(VISIBLE)
    seams = [_border_contrast(image_hwc, plan, scale) for image_hwc in (tiled_hwc, untiled_hwc)]
    return TilingFigures(
        float(psnr(tiled_hwc * 255, untiled_hwc * 255)),
        float(within.mean()),
        seams[0] / seams[1] if seams[1] else 1.0,
        plan.processed_px / (plan.height * plan.width) - 1,
    )


def _borders(axis: AxisPlan, scale: int) -> NDArray[np.intp]:
    """Positions, along one axis of the output, where something changes hands: both edges and the middle of each seam."""
    seams = [span for span in axis.spans if len(span.tiles) == 2]
    lines = [
        line * scale + (span.length * scale // 2 if middle else 0)
        for span in seams
        for line, middle in ((span.start, False), (span.start, True), (span.start + span.length, False))
    ]
    return np.array(sorted(set(lines)), dtype=np.intp)


def _border_contrast(image_hwc: NDArray[np.float32], plan: TilePlan, scale: int) -> float:
    """Mean gradient across the tile borders ÷ mean gradient across all other lines; 1 where there is no border."""
    across = elsewhere = 0.0
    across_count = elsewhere_count = 0
    for axis, plan_axis in ((0, plan.rows), (1, plan.columns)):
        steps = np.abs(np.diff(image_hwc, axis=axis))
        # One figure for each line between two rows (or columns): line n lies before row n.
        lines = steps.mean(axis=(1 - axis, 2), dtype=np.float64)
        borders = _borders(plan_axis, scale) - 1
        across += float(lines[borders].sum())
        across_count += len(borders)
        rest = np.delete(lines, borders)
        elsewhere += float(rest.sum())
        elsewhere_count += len(rest)
    if not across_count or not elsewhere:
        return 1.0
    return (across / across_count) / (elsewhere / elsewhere_count)
