"""Where things lie: sources of different size, the camera, the layouts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication

from app.compare.camera import MAX_ZOOM, Camera, Placement
from app.compare.layouts import grid_cells, side_cells
from app.compare.sources import Arrangement, PaneSource, arrange
from engine.canvas import RasterRef
from engine.tiling.geometry import Box


def source(key: str, height: int, width: int, kind: str = "model", placed: Box | None = None) -> PaneSource:
    return PaneSource(key, key, kind, RasterRef("", height, width, 3, "uint8"), placed=placed)  # type: ignore[arg-type]


def test_the_picture_is_as_large_as_the_largest_scale() -> None:
    sources = [source("input", 30, 40, "input"), source("two", 60, 80), source("three", 90, 120)]
    arrangement = arrange(sources)
    assert (arrangement.height, arrangement.width) == (90, 120)
    assert [arrangement.magnification(each) for each in sources] == [3, Fraction(3, 2), 1]


def test_a_preview_lies_where_its_frame_was() -> None:
    preview = source("preview", 32, 48, placed=Box(5, 6, 8, 12))
    arrangement = arrange([source("input", 30, 40, "input"), preview])
    assert arrangement.scale == 4
    assert arrangement.origin(preview) == (20, 24)
    assert arrangement.magnification(preview) == 1


def test_without_an_input_the_smallest_picture_stands_for_it() -> None:
    arrangement = arrange([source("a", 60, 80), source("b", 120, 160)])
    assert (arrangement.input_height, arrangement.input_width, arrangement.scale) == (60, 80, 2)


@given(
    scale=st.sampled_from([Fraction(1), Fraction(2), Fraction(3), Fraction(4), Fraction(3, 2)]),
    top=st.integers(0, 80), left=st.integers(0, 80), height=st.integers(1, 20), width=st.integers(1, 20),
)  # fmt: skip
def test_a_box_of_the_input_comes_back_from_the_picture(
    scale: Fraction, top: int, left: int, height: int, width: int
) -> None:
    arrangement = Arrangement(100, 100, scale)
    x, y, w, h = arrangement.to_picture(Box(top, left, height, width))
    assert arrangement.to_input(x, y, x + w, y + h) == Box(top, left, height, width)


def test_a_rectangle_outside_is_kept_inside_the_input() -> None:
    assert Arrangement(50, 60, Fraction(2)).to_input(-40, -40, 400, 400) == Box(0, 0, 50, 60)


@pytest.fixture
def camera(qapp: QApplication) -> Camera:
    camera = Camera()
    camera.set_view(600, 400)
    camera.set_picture(1200, 1200, keep=False)
    return camera


def test_begins_with_the_whole_picture(camera: Camera) -> None:
    assert camera.zoom == pytest.approx(1 / 3)
    assert (camera.placement.left, camera.placement.top) == (100, 0)


def test_fit_follows_the_size_of_the_pane_until_the_person_zooms(camera: Camera) -> None:
    camera.set_view(1200, 1200)
    assert camera.zoom == pytest.approx(1.0)
    camera.zoom_to(2.0)
    camera.set_view(600, 400)
    assert camera.zoom == pytest.approx(2.0)


@given(x=st.floats(150, 450), y=st.floats(50, 350), steps=st.integers(1, 6))
def test_wheel_keeps_the_point_under_the_pointer(x: float, y: float, steps: int) -> None:
    camera = Camera()
    camera.set_view(600, 400)
    camera.set_picture(6000, 4000, keep=False)
    camera.zoom_to(1.0)
    before = camera.to_picture(x, y)
    camera.step(steps, x, y)
    assert camera.to_picture(x, y) == pytest.approx(before, abs=1e-6)


def test_steps_are_those_people_know(camera: Camera) -> None:
    camera.zoom_to(0.9)
    seen = []
    for _ in range(5):
        camera.step(1)
        seen.append(camera.zoom)
    assert seen == [1.0, 1.5, 2.0, 3.0, 4.0]
    camera.step(100)
    assert camera.zoom == MAX_ZOOM == 64


def test_zooming_out_ends_at_the_whole_picture(camera: Camera) -> None:
    camera.zoom_to(4.0)
    camera.step(-50)
    assert camera.is_fitted


def test_a_huge_picture_can_be_zoomed_out_of_step_by_step(camera: Camera) -> None:
    camera.set_picture(30_000, 30_000, keep=False)
    camera.zoom_to(1.0)
    camera.step(-13)
    assert camera.is_fitted
    assert camera.zoom == pytest.approx(400 / 30_000)


def test_panning_stops_at_the_edge(camera: Camera) -> None:
    camera.zoom_to(1.0)
    camera.pan(10_000, 10_000)
    assert (camera.placement.left, camera.placement.top) == (0, 0)
    camera.pan(-10_000, -10_000)
    assert (camera.placement.left, camera.placement.top) == (600 - 1200, 400 - 1200)


def test_a_result_takes_the_place_of_its_input(camera: Camera) -> None:
    camera.zoom_to(2.0, 100, 100)
    input_point = camera.to_picture(300, 200)
    camera.set_picture(2400, 2400, keep=True)
    assert camera.zoom == pytest.approx(1.0)
    assert camera.to_picture(300, 200) == pytest.approx((2 * input_point[0], 2 * input_point[1]))


@given(zoom=st.floats(0.01, 64), edge=st.integers(1, 500), left=st.integers(-9999, 9999))
def test_neighbours_share_an_edge(zoom: float, edge: int, left: int) -> None:
    placement = Placement(left, -left, zoom)
    one, other = placement.place(Box(0, 0, edge, edge)), placement.place(Box(edge, edge, 7, 7))
    assert (one.left() + one.width(), one.top() + one.height()) == (other.left(), other.top())


@given(
    count=st.integers(1, 9), width=st.integers(200, 4000), height=st.integers(200, 3000),
    picture_width=st.integers(10, 9000), picture_height=st.integers(10, 9000),
)  # fmt: skip
def test_panes_are_equal_apart_and_inside(
    count: int, width: int, height: int, picture_width: int, picture_height: int
) -> None:
    view = QRect(0, 0, width, height)
    cells = grid_cells(view, picture_width, picture_height, count, 2)
    assert len(cells) == count
    assert len({(cell.width(), cell.height()) for cell in cells}) == 1
    assert all(view.contains(cell) for cell in cells)
    assert not any(one.intersects(other) for i, one in enumerate(cells) for other in cells[:i])


def test_a_grid_of_four_photographs_is_two_by_two() -> None:
    cells = grid_cells(QRect(0, 0, 1200, 800), 3000, 2000, 4, 2)
    assert len({cell.left() for cell in cells}) == len({cell.top() for cell in cells}) == 2


def test_a_panorama_is_stacked_and_a_photograph_is_not() -> None:
    view = QRect(0, 0, 1200, 800)
    stacked, beside = side_cells(view, 8000, 1000, 2), side_cells(view, 3000, 2000, 2)
    assert stacked[0].left() == stacked[1].left()
    assert beside[0].top() == beside[1].top()
