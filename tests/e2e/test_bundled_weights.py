"""What the bundled weights promise: tiling that cannot be seen, half precision that is close, quality over bicubic."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import catalog

BUNDLED = [(entry.name, entry.scale) for entry in catalog.list_models() if entry.source == "bundled"]
SPECIAL = [entry.name for entry in catalog.list_models() if entry.purpose]
# What each size promises, by set and scale: Y-PSNR in dB.
FAST_DB = {("Set5", 2): 36.3, ("Set5", 4): 30.4, ("Set14", 2): 32.2, ("Set14", 4): 27.3}
LIGHT_DB = {("Set5", 2): 37.0, ("Set5", 4): 31.2}
# What each size gains over bicubic on Kodak24, by scale, in dB.
FAST_GAIN_DB, LIGHT_GAIN_DB = {2: 2.0, 4: 1.2}, {2: 2.5, 4: 1.5}
# Any weights against bicubic, on any set; those for compressed photographs on compressed inputs.
GAIN_DB, COMPRESSED_GAIN_DB = 0.5, 0.2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "scale"), BUNDLED)
def test_tiles_of_the_sample_reach_their_goals(triptych: Callable, name: str, scale: int) -> None:
    outcome = triptych("bench", "tiling", "--model", name, "--scale", scale, "--json")
    assert [row["tile"] for row in outcome.jobs] == [128, 480]
    assert [row["missed"] for row in outcome.jobs] == [[], []], outcome.jobs
    assert outcome.status == 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "scale"), BUNDLED)
def test_half_precision_is_close_to_fp32(triptych: Callable, name: str, scale: int) -> None:
    outcome = triptych("bench", "precision", "--model", name, "--scale", scale, "--json")
    figures = {row["precision"]: row["psnr"] for row in outcome.jobs}
    assert figures["fp16"] >= 60, figures
    assert figures["bf16"] >= 50, figures


@pytest.fixture
def folders() -> list[Path]:
    """The folders of originals to measure on."""
    named = [Path(folder) for folder in os.environ.get("TRIPTYCH_EVAL", "").split(os.pathsep) if folder]
    if not named:
        pytest.skip("TRIPTYCH_EVAL names no folders of high-resolution images (Set5, Set14)")
    return named


@pytest.mark.quality
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "scale"), BUNDLED)
def test_quality_is_what_the_size_promises_and_what_the_card_says(
    triptych: Callable, folders: list[Path], name: str, scale: int
) -> None:
    if name in SPECIAL:
        levels = [word for quality in (40, 60, 80) for word in ("--jpeg", quality)]
        promised, gains_db, gain_db = {}, {}, COMPRESSED_GAIN_DB
    else:
        is_fast = name.endswith("-fast")
        levels, gain_db = [], GAIN_DB
        promised, gains_db = (FAST_DB, FAST_GAIN_DB) if is_fast else (LIGHT_DB, LIGHT_GAIN_DB)
    carded = catalog.find_model(name, scale).psnr
    rows = triptych("bench", "quality", *folders, "--model", name, "--scale", scale, *levels, "--json").jobs
    assert rows
    for row in rows:
        assert row["gain"] >= (gains_db.get(scale, gain_db) if row["set"] == "Kodak24" else gain_db), row
        assert row["psnr"] >= promised.get((row["set"], scale), 0.0), row
        dataset = f"{row['set']} ({row['degradation']})" if levels else row["set"]
        if dataset in carded:
            assert row["psnr"] == pytest.approx(carded[dataset], abs=0.01), row
