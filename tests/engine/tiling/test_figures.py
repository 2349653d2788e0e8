"""The figures that say whether tiling can be seen: nothing for equal images, and a step at a border is found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.tiling.figures import tiling_figures
from engine.tiling.geometry import plan_tiles

SCALE = 2
PLAN = plan_tiles(96, 128, tile_px=64, overlap_px=32, window_px=16)


@pytest.fixture
def output_hwc() -> NDArray[np.float32]:
    rng = np.random.default_rng(5)
    return rng.uniform(0.3, 0.7, (96 * SCALE, 128 * SCALE, 3)).astype(np.float32)


def test_equal_outputs_differ_in_nothing(output_hwc: NDArray[np.float32]) -> None:
    figures = tiling_figures(output_hwc, output_hwc, PLAN, SCALE)
    assert math.isinf(figures.psnr_db)
    assert figures.share_within == 1
    assert figures.seam_ratio == 1
    assert figures.overlap_share == pytest.approx(PLAN.processed_px / (96 * 128) - 1)


def test_a_step_at_a_tile_border_raises_the_seam_ratio(output_hwc: NDArray[np.float32]) -> None:
    seam = next(span for span in PLAN.columns.spans if len(span.tiles) == 2)
    stepped_hwc = output_hwc.copy()
    stepped_hwc[:, seam.start * SCALE :] += np.float32(0.2)
    assert tiling_figures(stepped_hwc, output_hwc, PLAN, SCALE).seam_ratio > 1.005


def test_a_step_elsewhere_does_not(output_hwc: NDArray[np.float32]) -> None:
    stepped_hwc = output_hwc.copy()
    stepped_hwc[:, 7:] += np.float32(0.2)
    assert tiling_figures(stepped_hwc, output_hwc, PLAN, SCALE).seam_ratio <= 1


def test_the_share_within_counts_values_that_anybody_sees(output_hwc: NDArray[np.float32]) -> None:
    spotted_hwc = output_hwc.copy()
    spotted_hwc[:10, :10] += np.float32(10 / 255)
    figures = tiling_figures(spotted_hwc, output_hwc, PLAN, SCALE)
    assert figures.share_within == pytest.approx(1 - 100 / (96 * 128 * SCALE**2))
