"""What the panes show, to the pixel, in every mode."""

from __future__ import annotations

import gc
import math
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.compare.difference import DifferenceSettings
from app.compare.labels import difference_name, legend_bar
from app.compare.layers import TileKey
from app.compare.lettering import Lettering
from app.compare.sources import PaneSource
from app.compare.view import ComparisonView
from app.theme import Theme
from engine.resampling import Method, imresize
from engine.scoring import score
from engine.tiling.geometry import Box
from tests.app.compare.conftest import Put, as_array

Noise = Callable[..., np.ndarray]
Seen = Callable[[], np.ndarray]


@pytest.fixture
def trio(put: Put, noise: Noise) -> list[PaneSource]:
    """An input of 200 × 150, and two results of twice its size."""
    low = noise(150, 200)
    return [
        put("input", low, "input"),
        put("one", noise(300, 400, seed=1)),
        put("two", noise(300, 400, seed=2).astype(np.float32) / 255),
    ]


def pixels_of(source: PaneSource) -> np.ndarray:
    raster = source.raster
    flat = np.fromfile(raster.path, raster.dtype).reshape(raster.height, raster.width, raster.channels)
    return flat if raster.dtype == "uint8" else np.rint(flat * 255).astype(np.uint8)


def cell(view: ComparisonView, index: int = 0) -> QRect:
    return view.panes.cells[index].frame


def cut(image: np.ndarray, frame: QRect) -> np.ndarray:
    return image[frame.top() : frame.top() + frame.height(), frame.left() : frame.left() + frame.width()]


def expected_at(view: ComparisonView, pixels: np.ndarray, frame: QRect) -> np.ndarray:
    """Returns what a pane shows of `pixels` (of picture size) at 1:1."""
    placement = view.camera.placement
    return pixels[-placement.top : -placement.top + frame.height(), -placement.left : -placement.left + frame.width()]


def test_one_to_one_shows_the_pixels_themselves(view: ComparisonView, trio: list[PaneSource], seen: Seen) -> None:
    view.resize(300, 242)
    view.show_sources(trio, keep_camera=False)
    view.set_current("one")
    view.camera.look_at(200, 150, 1.0)
    assert np.array_equal(seen(), expected_at(view, pixels_of(trio[1]), cell(view)))


def test_a_float_result_is_rounded(view: ComparisonView, trio: list[PaneSource], seen: Seen) -> None:
    view.resize(300, 242)
    view.show_sources(trio, keep_camera=False)
    view.set_current("two")
    view.camera.look_at(200, 150, 1.0)
    assert np.array_equal(seen(), expected_at(view, pixels_of(trio[2]), cell(view)))


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_the_input_is_enlarged_as_chosen(
    view: ComparisonView, trio: list[PaneSource], seen: Seen, method: Method
) -> None:
    view.resize(300, 242)
    view.show_sources(trio, keep_camera=False)
    view.comparison.set_method(method)
    view.set_current("input")
    view.camera.look_at(200, 150, 1.0)
    enlarged = imresize(pixels_of(trio[0]), 2, method=method)
    difference = np.abs(seen().astype(int) - expected_at(view, enlarged, cell(view)))
    # Here both passes are rounded at once, there one after the other.
    assert difference.max() <= 1


@pytest.mark.parametrize("zoom", [4, 8, 12])
def test_above_three_pixels_are_squares(view: ComparisonView, trio: list[PaneSource], seen: Seen, zoom: int) -> None:
    view.resize(240, 242)
    view.show_sources(trio, keep_camera=False)
    for key, source, edge in (("one", trio[1], zoom), ("input", trio[0], 2 * zoom)):
        view.set_current(key)
        view.camera.look_at(200, 150, zoom)
        shown, placement = seen(), view.camera.placement
        rows = (np.arange(shown.shape[0]) - placement.top) // edge
        columns = (np.arange(shown.shape[1]) - placement.left) // edge
        assert np.array_equal(shown, pixels_of(source)[rows][:, columns])


def test_from_sixteen_values_and_lines_are_drawn(view: ComparisonView, put: Put, seen: Seen) -> None:
    view.show_sources([put("input", np.full((60, 60, 3), 90, dtype=np.uint8), "input")], keep_camera=False)
    view.camera.look_at(30, 30, 12.0)
    assert len(np.unique(seen().reshape(-1, 3), axis=0)) == 1
    view.camera.look_at(30, 30, 16.0)
    shown = seen()
    left, top = view.camera.placement.left % 16, view.camera.placement.top % 16
    square = shown[top + 160 : top + 176, left + 160 : left + 176].astype(int)
    # The line at its edge, the ground beside it, and digits lighter than both.
    assert square[0, 8, 0] != 90
    assert square[1, 1, 0] == 90
    assert square.max() > 180


@pytest.mark.parametrize("zoom", [0.37, 0.75, 1.5, 2.0, 3.0])
def test_no_seam_between_the_view_s_own_tiles(view: ComparisonView, put: Put, seen: Seen, zoom: float) -> None:
    view.resize(1200, 242)
    ramp = np.broadcast_to((np.arange(1200) / 1199)[None, :, None], (300, 1200, 3)).astype(np.float32)
    view.show_sources([put("input", ramp, "input")], keep_camera=False)
    view.camera.look_at(600, 150, zoom)
    shown = seen()
    row = shown[shown.shape[0] // 2, :, 0].astype(int)
    left = max(0, view.camera.placement.left)
    steps = np.diff(row[left + 6 : len(row) - left - 6])
    assert steps.min() >= 0
    assert steps.max() <= math.ceil(1 / zoom)


def test_a_small_view_is_a_mean_and_not_a_choice(view: ComparisonView, put: Put, seen: Seen) -> None:
    stripes = np.zeros((1024, 1024, 3), dtype=np.uint8)
    stripes[:, ::2] = 200
    view.show_sources([put("input", stripes, "input")], keep_camera=False)
    view.camera.look_at(512, 512, 0.25)
    middle = seen()[150:250, 270:370].astype(int)
    assert np.abs(middle - 100).max() <= 2


def test_all_panes_show_the_same_place(view: ComparisonView, trio: list[PaneSource], seen: Seen) -> None:
    view.show_sources(trio, keep_camera=False)
    view.set_mode("grid")
    view.camera.look_at(180, 140, 1.0)
    shown = seen()
    for index in (1, 2):
        frame = cell(view, index)
        inner = frame.adjusted(2, 2, -2, -2)
        part = expected_at(view, pixels_of(trio[index]), frame)[2:-2, 2:-2]
        assert np.array_equal(cut(shown, inner), part)


def test_side_by_side_shows_reference_and_current(view: ComparisonView, trio: list[PaneSource], seen: Seen) -> None:
    view.resize(640, 282)
    view.show_sources(trio, keep_camera=False)
    view.set_mode("side")
    view.set_reference("one")
    view.set_current("two")
    view.camera.look_at(200, 150, 1.0)
    shown = seen()
    for index, source in ((0, trio[1]), (1, trio[2])):
        assert np.array_equal(cut(shown, cell(view, index)), expected_at(view, pixels_of(source), cell(view, index)))


@pytest.mark.parametrize("is_level", [False, True])
def test_the_divider_parts_reference_from_current(
    view: ComparisonView, trio: list[PaneSource], seen: Seen, is_level: bool
) -> None:
    view.resize(390, 282)
    view.show_sources(trio, keep_camera=False)
    view.set_mode("wipe")
    view.set_reference("one")
    view.set_current("two")
    view.comparison.set_wipe(0.25, is_level)
    view.camera.look_at(200, 150, 1.0)
    shown, frame = seen(), cell(view)
    one, two = (expected_at(view, pixels_of(source), frame) for source in (trio[1], trio[2]))
    if is_level:
        shown, one, two = (np.swapaxes(each, 0, 1) for each in (shown, one, two))
    at = round(0.25 * shown.shape[1])
    # The grip lies on the middle of the line, 17 pixels to each side.
    assert np.array_equal(shown[:, : at - 20], one[:, : at - 20])
    assert np.array_equal(shown[:, at + 20 :], two[:, at + 20 :])
    assert shown[5, at - 1 : at + 1].min() > 220


def test_a_difference_is_that_of_the_two_pictures(view: ComparisonView, put: Put, noise: Noise, seen: Seen) -> None:
    one, two = put("one", noise(400, 900, seed=1)), put("two", noise(400, 900, seed=2))
    view.show_sources([one, two], keep_camera=False)
    view.set_mode("diff")
    view.set_difference(DifferenceSettings("absolute", 1.0, false_colour=False))
    view.camera.look_at(450, 200, 1.0)
    expected = np.abs(pixels_of(two).astype(int) - pixels_of(one))
    shown = seen().astype(int)
    rows = slice(max(0, view.camera.placement.top), max(0, view.camera.placement.top) + 300)
    part = expected[max(0, -view.camera.placement.top) :][: shown[rows].shape[0], -view.camera.placement.left :]
    assert np.abs(shown[rows] - part[:, : shown.shape[1]]).max() <= 1


def test_another_gain_does_not_blink(view: ComparisonView, trio: list[PaneSource], seen: Seen) -> None:
    view.show_sources(trio, keep_camera=False)
    view.set_mode("diff")
    seen()
    before = view.comparison.difference_layers[0]
    view.comparison.set_gain(16.0)
    assert view.comparison.difference_layers[1:] == [before]
    assert view.store.get(next(iter(before.keys_in(0, Box(0, 0, 9, 9))))) is not None


def test_of_a_picture_in_the_making_only_final_tiles_are_made_ahead(
    view: ComparisonView, put: Put, noise: Noise
) -> None:
    view.resize(900, 700)
    low = put("input", noise(300, 400), "input")
    made = replace(put("made", noise(600, 800)), finished=(Box(0, 0, 600, 300),))
    view.show_sources([low, made], keep_camera=False)
    view.set_current("input")
    view.camera.zoom_to(1.0, 0, 0)
    natural = view.comparison.opened("made").natural
    ahead = {key for layer, key in view.stage._pictures.ahead() if layer is natural}
    assert ahead == {TileKey(natural.number, 0, row, 0) for row in range(3)}
    view.show_sources([low, replace(made, finished=None)], keep_camera=True)
    # And the whole in one tile.
    assert len({key for layer, key in view.stage._pictures.ahead() if layer is natural}) == 3 * 4 + 1


def test_what_is_not_finished_shows_the_input(
    view: ComparisonView, trio: list[PaneSource], seen: Seen, theme: Theme
) -> None:
    view.resize(300, 242)
    working = replace(trio[1], finished=(Box(0, 0, 300, 200),))
    view.show_sources([trio[0], working, trio[2]], keep_camera=False)
    view.set_current("one")
    view.camera.look_at(200, 150, 1.0)
    middle = -view.camera.placement.left
    shown, result = seen().astype(int), expected_at(view, pixels_of(trio[1]), cell(view))
    low = expected_at(view, imresize(pixels_of(trio[0]), 2), cell(view))
    edge = 200 - middle
    assert np.array_equal(shown[:, :edge], result[:, :edge])
    stage = np.array(QColor(theme.colours.stage).getRgb()[:3])
    veiled = low[:, edge:] * 0.45 + stage * 0.55
    assert np.abs(shown[:, edge:] - veiled).max() <= 3
    view.add_finished("one", [Box(0, 200, 300, 200)])
    assert np.array_equal(seen(), result)


def test_a_tile_that_was_shown_too_early_is_made_anew(view: ComparisonView, put: Put, noise: Noise, seen: Seen) -> None:
    view.resize(300, 242)
    low, result = noise(100, 150), noise(200, 300, seed=3)
    source = put("job:1", np.zeros((200, 300, 3), dtype=np.uint8), finished=())
    view.show_sources([put("input", low, "input"), source], keep_camera=False)
    view.set_current("job:1")
    view.camera.look_at(150, 100, 1.0)
    seen()
    np.memmap(source.raster.path, np.uint8, "r+", shape=(200, 300, 3))[:] = result
    # The whole of it is told in one go, as at the end of a job.
    view.show_sources([view.comparison.sources[0], replace(source, finished=None)], keep_camera=True)
    assert np.array_equal(seen(), expected_at(view, result, cell(view)))


def test_a_preview_lies_over_the_input(view: ComparisonView, put: Put, noise: Noise, seen: Seen) -> None:
    view.resize(300, 242)
    low, part = noise(150, 200), noise(80, 100, seed=5)
    preview = put("preview", part, placed=Box(50, 75, 40, 50))
    view.show_sources([put("input", low, "input"), preview], keep_camera=False)
    view.set_current("preview")
    view.camera.look_at(200, 140, 1.0)
    shown, placement = seen(), view.camera.placement
    top, left = 100 + placement.top, 150 + placement.left
    assert np.array_equal(shown[top : top + 80, left : left + 100], part)


def test_transparency_lies_on_squares(view: ComparisonView, put: Put, seen: Seen, theme: Theme) -> None:
    pixels = np.zeros((300, 400, 4), dtype=np.uint8)
    pixels[:, 200:] = (10, 200, 30, 255)
    view.show_sources([put("input", pixels, "input")], keep_camera=False)
    view.camera.look_at(200, 150, 1.0)
    shown = seen()
    placement = view.camera.placement
    clear = shown[placement.top + 20 : placement.top + 120, placement.left + 20 : placement.left + 150].reshape(-1, 3)
    names = {QColor(*(int(value) for value in colour)).name() for colour in np.unique(clear, axis=0)}
    assert names == {theme.colours.check_dark, theme.colours.check_light}
    assert tuple(shown[placement.top + 20, placement.left + 300]) == (10, 200, 30)


def test_marks_lie_where_they_were_set(view: ComparisonView, put: Put, seen: Seen) -> None:
    grey = np.full((150, 200, 3), 128, dtype=np.uint8)
    view.show_sources([put("input", grey, "input")], keep_camera=False)
    view.camera.look_at(100, 75, 2.0)
    plain = seen()
    placement = view.camera.placement

    def changed() -> tuple[int, int, int, int]:
        rows, columns = np.nonzero((seen() != plain).any(axis=2))
        return (
            rows.min() - placement.top,
            columns.min() - placement.left,
            rows.max() + 1 - placement.top,
            columns.max() + 1 - placement.left,
        )

    view.set_overlay("input", filled(QColor(255, 0, 0, 128)), Box(20, 30, 10, 40))
    assert changed() == (40, 60, 60, 140)
    view.set_overlay("input", None, Box(0, 0, 1, 1))
    view.commands.tile_grid.setChecked(True)
    view.set_tile_grid([Box(10, 10, 60, 60), Box(10, 50, 60, 60)])
    assert changed() == (20, 20, 140, 220)
    view.set_tile_grid(None)
    view.set_region(Box(40, 50, 20, 30))
    top, left, _, right = changed()
    assert (top, left, right) == (78, 98, 162)
    view.set_region(None)
    view.set_frame(Box(60, 20, 32, 32))
    _, left, bottom, _ = changed()
    assert (left, bottom) == (38, 186)


def filled(colour: QColor) -> QImage:
    image = QImage(8, 8, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(colour)
    return image


def test_labels_say_what_is_shown(view: ComparisonView, trio: list[PaneSource], qtbot: QtBot, put: Put) -> None:
    truth = put("reference", pixels_of(trio[1]) // 2 + 60, "reference", title="Ground truth")
    figured = replace(trio[1], figures=("0.6 s", "0.4 GiB"))
    view.show_sources([trio[0], figured, trio[2], truth], keep_camera=False)
    assert (view.current_key, view.reference_key) == ("two", "reference")
    qtbot.waitUntil(lambda: ("one", "image") in view.scoring.scores and view.is_settled, timeout=10_000)
    figures, scores = view.stage.marks.labels.lines_of("one")
    psnr, ssim = score(trio[1].raster, truth.raster, 2)
    assert figures == "0.6 s  ·  0.4 GiB"
    assert scores == f"PSNR {psnr:.2f} dB  SSIM {ssim:.4f}"
    view.update_figures("one", ("0.7 s",))
    assert view.stage.marks.labels.lines_of("one")[0] == "0.7 s"
    assert view.stage.marks.labels.lines_of("input")[1] == ""


def test_a_region_is_measured_by_itself(view: ComparisonView, trio: list[PaneSource], qtbot: QtBot, put: Put) -> None:
    pixels = pixels_of(trio[1])
    spoiled = pixels.copy()
    spoiled[100:140, 60:120] = 255 - spoiled[100:140, 60:120]
    truth = put("reference", pixels, "reference")
    view.show_sources([trio[0], put("bad", spoiled), truth], keep_camera=False)
    view.set_region(Box(0, 0, 40, 40))
    qtbot.waitUntil(lambda: ("bad", "area") in view.scoring.scores, timeout=10_000)
    assert view.scoring.scores["bad", "area"].psnr_db == math.inf
    assert "Region: PSNR ∞ dB  SSIM 1.0000" in view.stage.marks.labels.lines_of("bad")[1]
    view.set_region(Box(50, 30, 20, 30))
    qtbot.waitUntil(lambda: view.scoring.scores["bad", "area"].psnr_db < 20, timeout=10_000)
    view.set_region(None)
    qtbot.waitUntil(lambda: view.is_settled, timeout=10_000)
    assert ("bad", "area") not in view.scoring.scores


def test_scores_are_whole_in_a_narrow_pane(
    view: ComparisonView, trio: list[PaneSource], qtbot: QtBot, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.resize(620, 500)
    figured = replace(trio[1], figures=("1 min 12 s on CUDA 0", "10.42 GiB"))
    view.show_sources([figured, put("reference", pixels_of(trio[1]), "reference")], keep_camera=False)
    view.set_mode("side")
    view.set_region(Box(0, 0, 40, 40))
    qtbot.waitUntil(lambda: ("one", "area") in view.scoring.scores, timeout=10_000)
    cut: list[str] = []
    written: list[str] = []
    write = Lettering.write

    def watch(self: Lettering, painter: QPainter, frame: QRect, text: str, font: QFont, *rest: object) -> None:
        written.append(text)
        if self.width(text, font) > frame.width():
            cut.append(text)
        write(self, painter, frame, text, font, *rest)

    monkeypatch.setattr(Lettering, "write", watch)
    view.stage.grab()
    assert "Region: PSNR ∞ dB  SSIM 1.0000" in written
    assert "1 min 12 s on CUDA 0  ·  10.42 GiB" in written
    assert cut == []


def test_the_part_in_view_is_measured(view: ComparisonView, trio: list[PaneSource], qtbot: QtBot, put: Put) -> None:
    pixels = pixels_of(trio[1])
    view.show_sources([trio[0], trio[1], put("reference", pixels, "reference")], keep_camera=False)
    view.camera.look_at(200, 150, 4.0)
    qtbot.waitUntil(lambda: ("one", "area") in view.scoring.scores, timeout=10_000)
    assert "In view: PSNR ∞ dB" in view.stage.marks.labels.lines_of("one")[1]


@pytest.mark.parametrize("scheme", [Qt.ColorScheme.Dark, Qt.ColorScheme.Light])
def test_both_schemes_paint_everything(
    qapp: QApplication, qtbot: QtBot, trio: list[PaneSource], scheme: Qt.ColorScheme
) -> None:
    theme = Theme(qapp, scheme)
    view = ComparisonView(theme)
    qtbot.addWidget(view)
    view.resize(900, 600)
    view.show()
    view.show_sources(trio, keep_camera=False)
    view.commands.loupe.setChecked(True)
    view.commands.inspector.setChecked(True)
    for mode in ("one", "wipe", "side", "grid", "diff"):
        view.set_mode(mode)
        view.stage.refresh()
        qtbot.waitUntil(lambda: view.stage.is_sharp and view.store.is_idle, timeout=10_000)
        image = view.stage.grab().toImage()
        assert len(np.unique(as_array(image)[::9, ::9].reshape(-1, 3), axis=0)) > 100
    view.close_rasters()
    theme.deleteLater()
    qapp.setStyleSheet("")


def test_a_paint_that_is_short_of_time_still_comes_to_an_end(
    view: ComparisonView, trio: list[PaneSource], seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.resize(900, 642)
    view.set_mode("grid")
    view.show_sources(trio, keep_camera=False)
    view.camera.zoom_to(0.7, 0, 0)
    expected = seen()
    view.stage._prints.clear()
    monkeypatch.setattr("app.compare.stage._PRINTING_BUDGET_S", 1e-9)
    view.stage.refresh()
    assert np.array_equal(seen(), expected)


def test_more_than_nine_are_cut_off(view: ComparisonView, put: Put, noise: Noise, seen: Seen) -> None:
    low = noise(30, 40)
    view.show_sources([put(f"p{index}", low) for index in range(12)], keep_camera=False)
    assert view.comparison.keys == [f"p{index}" for index in range(9)]
    view.set_mode("grid")
    assert len(view.panes.cells) == len(view.bar.chips) == 9
    seen()


def test_the_same_raster_is_kept_and_another_is_not(view: ComparisonView, trio: list[PaneSource], seen: Seen) -> None:
    view.show_sources(trio, keep_camera=False)
    before = view.comparison.opened("one").natural
    view.show_sources([trio[0], replace(trio[1], title="Other")], keep_camera=True)
    assert view.comparison.opened("one").natural is before
    view.show_sources([trio[0], replace(trio[2], key="one")], keep_camera=True)
    assert view.comparison.opened("one").natural is not before


def test_a_result_comes_where_the_input_was(view: ComparisonView, trio: list[PaneSource]) -> None:
    view.show_sources(trio[:1], keep_camera=False)
    view.camera.look_at(60, 50, 4.0)
    before = view.visible_box
    view.show_sources(trio[:2], keep_camera=True)
    assert view.camera.zoom == pytest.approx(2.0)
    after = view.visible_box
    assert before is not None
    assert after is not None
    # The bar with the pictures' names has taken some rows from the view.
    assert (after.left, after.width) == (before.left, before.width)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts the maps of the process in /proc")
def test_nothing_stays_behind(view: ComparisonView, trio: list[PaneSource], seen: Seen, qtbot: QtBot) -> None:
    def mapped() -> int:
        return Path("/proc/self/maps").read_text().count("raster-")

    layers: list[weakref.ref[object]] = []
    for mode in ("one", "wipe", "side", "grid", "diff") * 2:
        view.set_mode(mode)
        view.show_sources(trio, keep_camera=False)
        seen()
        layers += [weakref.ref(view.comparison.opened(key)) for key in view.comparison.keys]
        view.close_rasters()
        gc.collect()
        assert mapped() == 0
    QApplication.processEvents()
    assert not [each for each in layers if each() is not None]


def test_the_loupe_shows_the_same_spot_of_every_picture(
    view: ComparisonView, trio: list[PaneSource], seen: Seen, qtbot: QtBot
) -> None:
    view.resize(900, 642)
    view.show_sources(trio, keep_camera=False)
    view.set_current("two")
    view.camera.look_at(200, 150, 1.0)
    view.commands.loupe.setChecked(True)
    at = cell(view).center() + QPoint(-37, 21)
    qtbot.mouseMove(view.stage, at)
    shown, loupe, spot = seen(), view.stage.marks.loupe, view.stage.spot
    assert spot is not None
    assert spot[1].toPoint() == at
    place, placement = loupe.frame(spot), view.camera.placement
    x, y = at.x() - placement.left, at.y() - placement.top
    edge_px, gap_px = 120, 8
    for index, source in enumerate(trio):
        left, top = place.left() + gap_px + index * (edge_px + gap_px), place.top() + gap_px
        patch = shown[top : top + edge_px, left : left + edge_px]
        # An input's pixel is as large as two by two of a result.
        pixel_px = loupe.zoom * (2 if source.kind == "input" else 1)
        steps = np.arange(edge_px) - edge_px // 2
        rows, columns = (np.floor((steps + each * loupe.zoom) / pixel_px).astype(int) for each in (y, x))
        expected = pixels_of(source)[rows][:, columns]
        # In the middle a frame says which pixel it is about.
        beside = np.abs(steps) > loupe.zoom
        free = beside[:, None] | beside[None, :]
        assert np.array_equal(patch[free], expected[free]), source.key
    assert 8 <= loupe.zoom <= 16


@pytest.mark.parametrize(
    ("settings", "marks"),
    [
        (DifferenceSettings("absolute", 4.0), ("0", "31.9", "63.8 of 255")),
        (DifferenceSettings("absolute", 4.0, false_colour=False), ("0", "31.9", "63.8 of 255")),
        (DifferenceSettings("signed", 4.0), ("darker −63.8", "0", "brighter +63.8")),
        (DifferenceSettings("ssim", 4.0), ("1", "0.875", "0.75")),
    ],
)
def test_a_difference_has_its_legend(
    view: ComparisonView,
    put: Put,
    settle: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    settings: DifferenceSettings,
    marks: tuple[str, str, str],
) -> None:
    base = np.full((300, 400, 3), 100, dtype=np.uint8)
    view.show_sources([put("one", base), put("two", base + 32)], keep_camera=False)
    view.set_mode("diff")
    view.set_difference(settings)
    settle()
    written: list[str] = []
    write = Lettering.write

    def watch(self: Lettering, painter: QPainter, frame: QRect, text: str, *rest: object) -> None:
        written.append(text)
        write(self, painter, frame, text, *rest)

    monkeypatch.setattr(Lettering, "write", watch)
    shown = as_array(view.stage.grab().toImage()).astype(int)
    assert written == [f"{difference_name(settings)}  × 4", "Two against One", *marks]
    # The scale lies below the words, in the colours of the picture beside it.
    bar = as_array(legend_bar(settings)).astype(int)[0]
    scale = shown[62, 20 : 20 + 212]
    assert np.abs(scale[0] - bar[0]).max() <= 12
    assert np.abs(scale[-1] - bar[-1]).max() <= 12
    assert np.abs(scale[106] - bar[128]).max() <= 12
    if settings.kind != "ssim":
        step = 32 * 4 / 255
        stands_for = bar[round(255 * ((1 + step) / 2 if settings.kind == "signed" else step))]
        assert np.abs(shown[-60, shown.shape[1] // 2] - stands_for).max() <= 6


def test_results_of_another_scale_than_the_reference_say_why_they_have_no_figures(
    view: ComparisonView, trio: list[PaneSource], noise: Noise, put: Put, qtbot: QtBot
) -> None:
    truth = put("reference", noise(600, 800), "reference")
    preview = put("preview", noise(80, 100), placed=Box(50, 75, 40, 50))
    view.show_sources([*trio, put("four", noise(600, 800, seed=4)), preview, truth], keep_camera=False)
    qtbot.waitUntil(lambda: view.is_settled, timeout=10_000)
    labels = view.stage.marks.labels
    for key in ("one", "two"):
        assert labels.lines_of(key)[1] == "Reference ×4, result ×2: no figures"
    assert labels.lines_of("four")[1].startswith("PSNR ")
    for key in ("input", "preview", "reference"):
        assert labels.lines_of(key)[1] == ""
    view.show_sources(trio, keep_camera=False)
    assert labels.lines_of("one")[1] == ""


_AT_A_RATIO = """
import sys, time
from PySide6.QtWidgets import QApplication
from app.compare.sources import PaneSource
from app.compare.view import ComparisonView
from app.theme import Theme
from engine.canvas import RasterRef
low, high, *asked = sys.argv[1:]
app = QApplication([])
view = ComparisonView(Theme(app))
view.resize(420, 342)
view.show()
view.show_sources(
    [PaneSource("input", "Input", "input", RasterRef(low, 150, 200, 3, "uint8")),
     PaneSource("result", "Result", "model", RasterRef(high, 300, 400, 3, "uint8"), figures=("0.6 s", "0.42 GiB"))],
    keep_camera=False,
)
view.set_current("result")
for number, zoom in enumerate(asked):
    view.camera.look_at(200, 150, float(zoom))
    view.stage.refresh()
    end_s = time.monotonic() + 30
    while not (view.stage.is_sharp and view.store.is_idle):
        app.processEvents()
        assert time.monotonic() < end_s
    assert view.stage.grab().toImage().save(f"{high}-{number}.png")
    print(view.devicePixelRatioF())
view.close_rasters()
"""


def at_ratio(ratio: int, sources: list[PaneSource], zooms: Sequence[float]) -> list[np.ndarray]:
    """Returns what a program on a screen of this sharpness shows of the second source."""
    paths = [source.raster.path for source in sources[:2]]
    command = [sys.executable, "-c", _AT_A_RATIO, *paths, *(str(zoom) for zoom in zooms)]
    environment = {**os.environ, "QT_SCALE_FACTOR": str(ratio), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert [float(line) for line in done.stdout.splitlines()] == [ratio] * len(zooms)
    return [as_array(QImage(f"{paths[1]}-{number}.png")) for number in range(len(zooms))]


def test_on_a_screen_of_twice_the_sharpness_pictures_and_words_are_sharp_and_in_the_same_places(
    trio: list[PaneSource], qapp: QApplication
) -> None:
    (plain,) = at_ratio(1, trio, [4])
    sharp, one_to_one = at_ratio(2, trio, [8, 1])
    assert sharp.shape == (2 * plain.shape[0], 2 * plain.shape[1], 3)
    halved = sharp.reshape(plain.shape[0], 2, plain.shape[1], 2, 3).astype(float).mean(axis=(1, 3))
    # Below the label there is nothing but the picture: each of its pixels is a square of twice the edge.
    label = slice(0, 60)
    assert np.array_equal(halved[60:], plain[60:])
    # The label is where it was, drawn anew and not blown up.
    assert np.abs(halved[label] - plain[label]).mean() < 6
    words = sharp[20:68, 20:400]
    assert (words != np.repeat(np.repeat(words[::2, ::2], 2, axis=0), 2, axis=1)).any(axis=2).mean() > 0.02
    # At 1:1 each pixel of the result is one of the screen, not four.
    rows, columns = one_to_one.shape[:2]
    top, left = (rows - 300) // 2, (columns - 400) // 2
    assert np.array_equal(one_to_one[top + 100 : top + 300, left : left + 400], pixels_of(trio[1])[100:])
