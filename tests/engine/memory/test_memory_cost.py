"""Costs: lines and knots over the pixels, and the file that keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.memory.cost import (
    LESSONS_KEPT,
    CostKey,
    CostStore,
    Lesson,
    MemoryCost,
    Peak,
    corrected,
    fit,
    through,
)

KEY = CostKey("ab" * 32, 2, "fp32", "auto", "cpu x86_64 torch2.13.0", 2, False, 3, "0.1.0")
COST = MemoryCost(((0, 10_000_000), (16_384, 50_000_000)), 1000.0, 16)


def test_two_probes_make_the_line_through_them() -> None:
    cost = fit([Peak(100, 100, 5_000_000), Peak(200, 200, 11_000_000)])
    assert cost.peak_bytes(100, 100) == 5_000_000
    assert cost.peak_bytes(200, 200) == 11_000_000
    assert cost.peak_bytes(300, 300) == 21_000_000


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.integers(0, 2**34)), min_size=2, max_size=6, unique_by=lambda each: each[0]
    )
)
def test_no_noise_makes_a_larger_tile_cheaper_or_a_cost_negative(measured: list[tuple[int, int]]) -> None:
    cost = fit([Peak(16 * edge, 16 * edge, size) for edge, size in measured], 16)
    sizes = [cost.peak_bytes(edge, edge) for edge in range(16, 1600, 80)]
    assert sizes == sorted(sizes)
    assert min(sizes) >= 0


def test_one_size_is_no_line() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        fit([Peak(64, 64, 1), Peak(64, 64, 2)])


def test_a_tile_is_padded_to_whole_windows() -> None:
    assert COST.peak_bytes(121, 113) == COST.peak_bytes(128, 128) == 50_000_000


def test_between_knots_the_peak_lies_on_their_line_and_beyond_it_rises() -> None:
    assert COST.peak_bytes(64, 128) == 30_000_000
    assert COST.peak_bytes(128, 256) == 50_000_000 + 1000 * 128 * 128


@given(st.integers(1, 10**6), st.integers(0, 10**10))
def test_a_measured_peak_is_met_and_the_knots_still_rise(pixels: int, peak_bytes: int) -> None:
    cost = through(replace(COST, window_px=1), pixels, peak_bytes)
    assert cost.peak_bytes(pixels, 1) == peak_bytes
    assert [knot[1] for knot in cost.knots] == sorted(knot[1] for knot in cost.knots)
    assert cost.knots[0][0] == 0


def test_a_good_prediction_stays_and_a_bad_one_is_corrected() -> None:
    assert corrected(COST, Peak(128, 128, 54_000_000)) is COST
    assert corrected(COST, Peak(128, 128, 70_000_000)).peak_bytes(128, 128) == 70_000_000
    assert corrected(COST, Peak(480, 480, 900_000_000)).peak_bytes(480, 480) == 900_000_000
    assert corrected(COST, Peak(480, 480, 900_000_000)).peak_bytes(128, 128) == 50_000_000


def test_the_store_keeps_all_by_key(tmp_path: Path) -> None:
    store, other = CostStore(tmp_path), replace(KEY, ensemble=True)
    assert store.read(KEY).cost is None
    store.keep_cost(KEY, COST)
    store.keep_peak(KEY, Peak(128, 128, 52_000_000))
    store.keep_lesson(other, Lesson(480, 480, 10**9))
    again = CostStore(tmp_path)
    assert again.read(KEY).cost == COST
    assert again.read(KEY).last == Peak(128, 128, 52_000_000)
    assert again.read(other).lessons == (Lesson(480, 480, 10**9),)
    assert again.read(other).cost is None
    assert [record.key for record in again.remembered()] == [other, KEY]


@pytest.mark.parametrize("change", ["sha256", "precision", "backend", "device", "version"])
def test_another_key_knows_nothing(tmp_path: Path, change: str) -> None:
    CostStore(tmp_path).keep_cost(KEY, COST)
    assert CostStore(tmp_path).read(replace(KEY, **{change: "other"})).cost is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format_version": 1}',
        '{"format_version": 1, "records": 3}',
        '{"format_version": 99, "records": []}',
        "\0" * 100,
    ],
)
def test_a_damaged_file_counts_as_empty_and_is_written_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "memory.json").write_text(content)
    store = CostStore(tmp_path)
    assert store.remembered() == []
    store.keep_cost(KEY, COST)
    assert store.read(KEY).cost == COST


@pytest.mark.parametrize(
    "damage",
    [
        {"knots": [[0, -5]]},
        {"knots": [[0, 100], [50, 20]]},
        {"knots": [[7, 100]]},
        {"knots": []},
        {"knots": "many"},
        {"bytes_per_px": "a lot"},
        {"bytes_per_px": float("nan")},
        {"window_px": 0},
        {"window_px": True},
    ],
)
def test_a_damaged_record_costs_only_itself(tmp_path: Path, damage: dict[str, object]) -> None:
    store, other = CostStore(tmp_path), replace(KEY, scale=4)
    store.keep_cost(KEY, COST)
    store.keep_cost(other, COST)
    content = json.loads((tmp_path / "memory.json").read_text())
    content["records"][0]["cost"] |= damage
    (tmp_path / "memory.json").write_text(json.dumps(content))
    assert [record.key for record in store.remembered()] == [other]


def test_the_newest_lessons_are_kept_and_none_twice(tmp_path: Path) -> None:
    store = CostStore(tmp_path)
    for edge in range(1, LESSONS_KEPT + 4):
        store.keep_lesson(KEY, Lesson(edge, edge, 5))
        store.keep_lesson(KEY, Lesson(edge, edge, 5))
    assert store.read(KEY).lessons == tuple(Lesson(edge, edge, 5) for edge in range(4, LESSONS_KEPT + 4))


def test_a_run_that_took_less_than_was_free_disproves_the_lesson(tmp_path: Path) -> None:
    store = CostStore(tmp_path)
    store.keep_lesson(KEY, Lesson(480, 480, 10**9))
    store.keep_peak(KEY, Peak(240, 240, 10**8))
    store.keep_peak(KEY, Peak(480, 480, 2 * 10**9))
    assert len(store.read(KEY).lessons) == 1
    store.keep_peak(KEY, Peak(480, 480, 5 * 10**8))
    assert store.read(KEY).lessons == ()


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = CostStore(tmp_path / "file")
    store.keep_cost(KEY, COST)
    assert store.read(KEY).cost is None


def test_what_nobody_used_for_half_a_year_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CostStore(tmp_path)
    monkeypatch.setattr("engine.memory.cost.time.time", lambda: 1000.0)
    store.keep_cost(KEY, COST)
    monkeypatch.setattr("engine.memory.cost.time.time", lambda: 1000.0 + 200 * 24 * 3600)
    store.keep_cost(replace(KEY, scale=4), COST)
    assert [record.key.scale for record in store.remembered()] == [4]
