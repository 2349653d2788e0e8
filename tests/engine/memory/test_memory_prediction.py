"""Predicted against measured peaks, through the real worker: three models × three tile sizes within a tenth."""

from __future__ import annotations

import pytest

from engine import catalog
from engine.cli.bench_memory import TILES_PX, TOLERANCE, empty_cache, measure_predictions
from engine.client import Engine
from engine.messages import ModelRequest, UpscaleSettings


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("model", ["esc-fast", "sscan-fast", "pft-fast"])
def test_peaks_are_predicted_to_within_a_tenth(model: str) -> None:
    entry = catalog.find_model(model, 2)
    with empty_cache(), Engine() as engine:
        rows = measure_predictions(engine, ModelRequest(str(entry.path), 2), TILES_PX, UpscaleSettings())
    assert len(rows) == 3
    assert [row for row in rows if abs(row.ratio - 1) > TOLERANCE] == []


def test_a_small_image_is_predicted_before_it_is_run() -> None:
    entry = catalog.find_model("esc-fast", 2)
    with empty_cache(), Engine() as engine:
        (row,) = measure_predictions(engine, ModelRequest(str(entry.path), 2), (96,), UpscaleSettings(), channels=4)
    # Noise of the heap weighs more in a small tile; the figures of large ones are the slow test's.
    assert 0.6 < row.ratio < 1.6
    assert row.peak_bytes > 0
