"""Tiles cover the image once, sit on window multiples, and stay within the size asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.tiling.geometry import Box, TilePlan, plan_from_axes, plan_tiles, round_up

SIZES = st.integers(1, 200)


@st.composite
def plans(draw: st.DrawFn) -> TilePlan:
    return plan_tiles(
        draw(SIZES),
        draw(SIZES),
        tile_px=draw(st.none() | st.integers(12, 200)),
        overlap_px=draw(st.integers(0, 80)),
        window_px=draw(st.sampled_from([4, 8, 16, 32])),
    )


@given(
    height=SIZES,
    width=SIZES,
    tile_px=st.integers(12, 200),
    overlap_px=st.integers(0, 80),
    window_px=st.sampled_from([4, 8, 16, 32]),
)
def test_regions_partition_the_image(height: int, width: int, tile_px: int, overlap_px: int, window_px: int) -> None:
    plan = plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px, window_px=window_px)
    hits = np.zeros((height, width), int)
    for region in plan.regions:
        hits[region.box.slices] += 1
    assert (hits == 1).all()


@given(
    height=SIZES,
    width=SIZES,
    tile_px=st.integers(12, 200),
    overlap_px=st.integers(0, 80),
    window_px=st.sampled_from([4, 8, 16, 32]),
)
def test_tiles_sit_on_windows_and_keep_their_size(
    height: int, width: int, tile_px: int, overlap_px: int, window_px: int
) -> None:
    plan = plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px, window_px=window_px)
    largest = max(round_up(tile_px, window_px), round_up(overlap_px, window_px) + window_px)
    assert plan.tile_px == largest
    for tile in plan.tiles:
        assert tile.top % window_px == 0
        assert tile.left % window_px == 0
        assert tile.height <= largest
        assert tile.width <= largest
        # A tile ends on a window multiple too, unless the image itself ends there.
        assert tile.bottom % window_px == 0 or tile.bottom == height
        assert tile.right % window_px == 0 or tile.right == width


@given(height=SIZES, width=SIZES, tile_px=st.integers(12, 200), overlap_px=st.integers(0, 80))
def test_every_region_lies_within_each_of_its_tiles(height: int, width: int, tile_px: int, overlap_px: int) -> None:
    plan = plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px, window_px=8)
    for region in plan.regions:
        assert len(region.tiles) in (1, 2, 4)
        for index in region.tiles:
            tile = plan.tiles[index]
            assert tile.top <= region.box.top
            assert tile.left <= region.box.left
            assert region.box.bottom <= tile.bottom
            assert region.box.right <= tile.right


@pytest.mark.parametrize("size", [(97, 640), (480, 481), (2000, 1500)])
def test_a_core_keeps_a_quarter_of_the_overlap_from_its_tiles_inner_edges(size: tuple[int, int]) -> None:
    plan = plan_tiles(*size, tile_px=128, overlap_px=32, window_px=16)
    for region in plan.regions:
        for index in region.tiles:
            tile = plan.tiles[index]
            assert tile.top == 0 or region.box.top - tile.top >= 8
            assert tile.left == 0 or region.box.left - tile.left >= 8
            assert tile.bottom == size[0] or tile.bottom - region.box.bottom >= 8
            assert tile.right == size[1] or tile.right - region.box.right >= 8


def test_off_is_one_tile() -> None:
    plan = plan_tiles(1000, 777, tile_px=None, overlap_px=32, window_px=16)
    assert plan.tiles == (Box(0, 0, 1000, 777),)
    assert plan.tile_px is None
    assert len(plan.regions) == 1


def test_overlap_costs_little_at_480() -> None:
    plan = plan_tiles(5000, 5000, tile_px=480, overlap_px=32, window_px=32)
    assert plan.processed_px / 5000**2 - 1 <= 0.15


@pytest.mark.parametrize("wrong", [{"height": 0}, {"overlap_px": -1}, {"tile_px": 0}, {"window_px": 0}])
def test_sizes_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    sizes = {"height": 10, "width": 10, "tile_px": 8, "overlap_px": 0, "window_px": 8} | wrong
    with pytest.raises(ValueError, match="positive"):
        plan_tiles(sizes.pop("height"), sizes.pop("width"), **sizes)


@given(plans())
def test_every_tile_knows_its_core_and_its_seams(plan: TilePlan) -> None:
    for index, regions in enumerate(plan.regions_of):
        assert list(regions) == [i for i, region in enumerate(plan.regions) if index in region.tiles]
        core = plan.core_of[index]
        assert sorted([*plan.seams_of[index], *([] if core is None else [core])]) == list(regions)
    assert plan.seams == tuple(i for i, region in enumerate(plan.regions) if len(region.tiles) > 1)
    cores = [core for core in plan.core_of if core is not None]
    assert sorted([*cores, *plan.seams]) == list(range(len(plan.regions)))


@given(plans())
def test_a_plan_is_what_its_axes_make(plan: TilePlan) -> None:
    assert plan_from_axes(plan.rows, plan.columns, tile_px=plan.tile_px, overlap_px=plan.overlap_px) == plan
