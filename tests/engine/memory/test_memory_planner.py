"""Plans: the largest tile that fits, what is said where it is small, and what is learned from running out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.errors import OutOfMemoryError
from engine.memory.budget import Budget, budget_of
from engine.memory.cost import Lesson, MemoryCost
from engine.memory.planner import AUTO_CAP_PX, MemoryPlan, plan, smaller_tile
from engine.tiling.geometry import plan_tiles, round_up

MIB, GIB = 2**20, 2**30
# 100 MiB, and 2000 bytes a pixel.
COST = MemoryCost(((0, 100 * MIB),), 2000.0, 16)


def planned(budget: Budget, height: int = 3000, width: int = 4000, asked: Any = "auto", **others: Any) -> MemoryPlan:
    """Plans with windows of 16 pixels and an overlap of 32 on the CPU."""
    values: dict[str, Any] = {"window_px": 16, "overlap_px": 32, "device_type": "cpu"} | others
    return plan(COST, budget, height, width, asked=asked, **values)


def test_auto_goes_up_to_the_cap_and_no_further() -> None:
    chosen = planned(budget_of(100 * GIB))
    assert chosen.tile_px == AUTO_CAP_PX["cpu"]
    assert chosen.warnings == ()
    assert chosen.overlap_share <= 0.15
    assert planned(budget_of(100 * GIB), device_type="cuda").tile_px == AUTO_CAP_PX["cuda"]


def test_the_prediction_is_that_of_the_largest_tile_that_comes_out() -> None:
    chosen = planned(budget_of(100 * GIB), 500, 700)
    tiles = plan_tiles(500, 700, tile_px=chosen.tile_px, overlap_px=32, window_px=16)
    assert (chosen.tile_height, chosen.tile_width) == (tiles.tiles[0].height, tiles.tiles[0].width)
    assert chosen.predicted_bytes == COST.peak_bytes(tiles.tiles[0].height, tiles.tiles[0].width)
    assert chosen.overlap_share == pytest.approx(tiles.processed_px / (500 * 700) - 1)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(150, 900), st.sampled_from([8, 16, 32]))
def test_auto_takes_the_largest_tile_that_fits(height: int, width: int, limit_mib: int, window_px: int) -> None:
    budget = Budget(limit_mib * 2 * MIB, limit_mib * MIB)
    chosen = planned(budget, height, width, window_px=window_px)
    assert chosen.predicted_bytes <= budget.limit_bytes
    assert chosen.tile_px is not None
    assert chosen.tile_px % window_px == 0
    larger = planned(budget, height, width, asked=chosen.tile_px + window_px, window_px=window_px)
    at_cap = chosen.tile_px + window_px > AUTO_CAP_PX["cpu"]
    whole_image = chosen.tile_height >= height and chosen.tile_width >= width
    assert at_cap or whole_image or larger.predicted_bytes > budget.limit_bytes


def test_little_memory_makes_small_tiles_and_says_what_that_costs() -> None:
    chosen = planned(Budget(200 * MIB, 140 * MIB))
    assert chosen.tile_px == 144
    assert chosen.overlap_share > 0.15
    assert "144 pixels only" in chosen.warnings[0]
    assert "% of the work" in chosen.warnings[0]
    assert len(chosen.warnings) == 1


def test_tiles_whose_seams_may_be_seen_are_a_last_resort_and_said() -> None:
    # 128 pixels would take 131 MiB.
    chosen = planned(Budget(130 * MIB, 115 * MIB))
    assert chosen.tile_px == 80
    assert "seams may be seen" in chosen.warnings[-1]


def test_tiles_that_nobody_sees_may_take_more_than_the_budget_as_long_as_they_are_free() -> None:
    chosen = planned(Budget(200 * MIB, 115 * MIB))
    assert chosen.tile_px == 128
    assert "would take 131 MiB, more than the 115 MiB" in chosen.warnings[0]
    assert not any("seams" in warning for warning in chosen.warnings)
    # But not where they ran out of memory before.
    lesson = Lesson(128, 128, 200 * MIB)
    assert planned(Budget(200 * MIB, 115 * MIB), lessons=[lesson]).tile_px == 80


def test_a_model_whose_tiles_are_seen_below_a_size_is_not_given_smaller_ones() -> None:
    # 320 pixels take 295 MiB, 640 take 881 MiB.
    assert planned(Budget(350 * MIB, 200 * MIB), least_good_px=320).tile_px == 320
    assert planned(Budget(350 * MIB, 200 * MIB)).tile_px == 224
    assert planned(budget_of(100 * GIB), least_good_px=640).tile_px == 640
    assert planned(budget_of(100 * GIB), 300, 200, least_good_px=640).warnings == ()
    small = planned(Budget(250 * MIB, 200 * MIB), least_good_px=320)
    assert small.tile_px == 224
    assert "seams may be seen" in small.warnings[-1]


def test_a_small_image_needs_no_warning() -> None:
    chosen = planned(budget_of(100 * GIB), 60, 90)
    assert chosen.warnings == ()
    assert (chosen.tile_height, chosen.tile_width) == (60, 90)


def test_between_budget_and_free_memory_it_is_tried_with_a_warning() -> None:
    chosen = planned(Budget(130 * MIB, 50 * MIB))
    assert chosen.tile_px == 48
    assert "more than the 50 MiB" in chosen.warnings[0]


def test_where_nothing_fits_the_sentence_has_the_numbers() -> None:
    with pytest.raises(OutOfMemoryError) as caught:
        planned(Budget(80 * MIB, 0))
    assert "Tiles of 48 pixels would take 104 MiB" in caught.value.message
    assert "80 MiB is free" in caught.value.message
    assert "-fast" in caught.value.hint


@pytest.mark.parametrize("asked", [64, 480, 1600, None])
def test_what_was_asked_for_is_taken_where_it_fits(asked: int | None) -> None:
    chosen = planned(budget_of(1000 * GIB), asked=asked)
    assert chosen.tile_px == asked
    assert chosen.warnings == ()
    if asked is None:
        assert chosen.predicted_bytes == COST.peak_bytes(3000, 4000)
        assert chosen.overlap_share == 0


def test_what_was_asked_for_and_exceeds_the_budget_is_warned_of() -> None:
    chosen = planned(Budget(2 * GIB, 500 * MIB), asked=480)
    assert chosen.tile_px == 480
    assert "would take 525 MiB, more than the 500 MiB" in chosen.warnings[0]


@pytest.mark.parametrize("asked", [960, None])
def test_what_was_asked_for_and_exceeds_the_free_memory_is_made_smaller(asked: int | None) -> None:
    chosen = planned(Budget(600 * MIB, 400 * MIB), asked=asked)
    assert chosen.tile_px is not None
    assert chosen.predicted_bytes <= 400 * MIB
    assert "more than is free" in chosen.warnings[-1]
    assert ("The whole image at once" if asked is None else "Tiles of 960 pixels") in chosen.warnings[-1]


def test_a_tile_that_ran_out_is_not_planned_again_with_as_little_memory() -> None:
    lesson = Lesson(480, 480, 4 * GIB)
    again = planned(Budget(4 * GIB, 3 * GIB), lessons=[lesson])
    assert again.tile_height * again.tile_width <= 480 * 480 // 2
    assert again.tile_px == smaller_tile(480, 480, window_px=16, overlap_px=32)
    assert planned(Budget(6 * GIB, 5 * GIB), lessons=[lesson]).tile_px == 480


def test_even_the_smallest_tile_is_tried_again() -> None:
    assert planned(budget_of(4 * GIB), lessons=[Lesson(48, 48, 4 * GIB)]).tile_px == 48


@given(st.integers(1, 6000), st.integers(1, 6000), st.sampled_from([8, 16, 32, 64]), st.integers(0, 100))
def test_running_out_ends(height: int, width: int, window_px: int, overlap_px: int) -> None:
    tries, least = 0, round_up(overlap_px, window_px) + window_px
    edge = smaller_tile(height, width, window_px=window_px, overlap_px=overlap_px)
    while edge is not None:
        assert edge % window_px == 0
        assert edge < max(height, width)
        pixels = min(edge, height) * min(edge, width)
        assert pixels <= height * width / 2 + window_px * max(height, width) or edge == least
        height, width = min(edge, height), min(edge, width)
        tries += 1
        edge = smaller_tile(height, width, window_px=window_px, overlap_px=overlap_px)
    assume(tries)
    assert tries <= 30
