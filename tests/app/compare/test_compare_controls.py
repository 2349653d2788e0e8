"""Keys, mouse and buttons of the comparison."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QKeySequence, QWheelEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.compare.difference import DifferenceSettings
from app.compare.keyboard import digit_of
from app.compare.sources import PaneSource
from app.compare.view import ComparisonView
from engine.tiling.geometry import Box
from tests.app.compare.conftest import Put

Noise = Callable[..., np.ndarray]
SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def shown(view: ComparisonView, put: Put, noise: Noise) -> ComparisonView:
    """A view of an input of 300 × 200 and three results of twice its size."""
    sources = [put("input", noise(200, 300), "input")]
    sources += [put(key, noise(400, 600, seed=seed)) for seed, key in enumerate(("sscan", "esc", "pft"))]
    view.show_sources(sources, keep_camera=False)
    return view


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, view: ComparisonView) -> None:
        self.now_s = 0.0
        view.keyboard.clock = lambda: self.now_s


def key(
    view: QWidget, qtbot: QtBot, code: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
) -> None:
    qtbot.keyClick(view, code, modifiers)


def test_the_latest_result_is_shown_against_the_input(shown: ComparisonView) -> None:
    assert (shown.current_key, shown.reference_key) == ("pft", "input")


def test_a_digit_shows_a_picture(shown: ComparisonView, qtbot: QtBot) -> None:
    with qtbot.waitSignal(shown.current_changed) as changed:
        key(shown, qtbot, Qt.Key.Key_2)
    assert changed.args == ["sscan"]
    key(shown, qtbot, Qt.Key.Key_9)
    assert shown.current_key == "sscan"


@pytest.mark.parametrize("mode", ["one", "side", "wipe", "diff"])
def test_a_held_digit_is_taken_back(shown: ComparisonView, qtbot: QtBot, mode: str) -> None:
    shown.set_mode(mode)
    clock = Clock(shown)
    for digit, during in ((Qt.Key.Key_2, "sscan"), (Qt.Key.Key_1, "input")):
        qtbot.keyPress(shown, digit)
        assert shown.current_key == during
        clock.now_s += 1
        qtbot.keyRelease(shown, digit)
        assert (shown.current_key, shown.reference_key) == ("pft", "input")


def test_a_digit_held_in_the_grid_shows_its_picture_everywhere(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("grid")
    clock = Clock(shown)
    qtbot.keyPress(shown, Qt.Key.Key_2)
    qtbot.waitUntil(lambda: shown.comparison.peeked_key == "sscan")
    assert {part.key for part in shown.panes.parts} == {"sscan"}
    clock.now_s += 1
    qtbot.keyRelease(shown, Qt.Key.Key_2)
    assert shown.comparison.peeked_key == ""
    assert shown.current_key == "pft"
    key(shown, qtbot, Qt.Key.Key_2)
    assert shown.current_key == "sscan"


def test_shift_and_a_digit_make_the_reference(shown: ComparisonView, qtbot: QtBot) -> None:
    key(shown, qtbot, Qt.Key.Key_3, SHIFT)
    assert (shown.current_key, shown.reference_key) == ("pft", "esc")


def test_digits_are_known_by_their_place() -> None:
    def typed(code: Qt.Key, scan: int, virtual: int = 0) -> QKeyEvent:
        nothing = Qt.KeyboardModifier.NoModifier
        return QKeyEvent(QEvent.Type.KeyPress, code, nothing, scan, virtual, 0)

    # French keyboards type é on the second key, and Czech ones ě.
    assert digit_of(typed(Qt.Key.Key_Eacute, 11), "linux") == 2
    assert digit_of(typed(Qt.Key.Key_Ampersand, 2), "win32") == 1
    assert digit_of(typed(Qt.Key.Key_Percent, 0, 23), "darwin") == 5
    # The number pad has keys elsewhere.
    assert digit_of(typed(Qt.Key.Key_7, 79), "linux") == 7
    assert digit_of(typed(Qt.Key.Key_0, 19), "linux") is None
    assert digit_of(typed(Qt.Key.Key_M, 58), "linux") is None


@pytest.mark.parametrize("mode", ["one", "side", "wipe", "grid", "diff"])
def test_space_peeks_at_the_reference(shown: ComparisonView, qtbot: QtBot, mode: str) -> None:
    shown.set_mode(mode)
    cells = shown.panes.cells
    qtbot.keyPress(shown, Qt.Key.Key_Space)
    assert {part.key for part in shown.panes.parts} == {"input"}
    assert [cell.frame for cell in shown.panes.cells] == [cell.frame for cell in cells]
    qtbot.keyRelease(shown, Qt.Key.Key_Space)
    assert shown.comparison.peeked_key == ""


def test_a_peek_ends_with_the_focus(shown: ComparisonView, qtbot: QtBot) -> None:
    qtbot.keyPress(shown, Qt.Key.Key_Space)
    shown.clearFocus()
    assert shown.comparison.peeked_key == ""


def test_x_swaps(shown: ComparisonView, qtbot: QtBot) -> None:
    key(shown, qtbot, Qt.Key.Key_X)
    assert (shown.current_key, shown.reference_key) == ("input", "pft")


def test_in_modes_of_two_no_picture_is_compared_with_itself(shown: ComparisonView) -> None:
    shown.set_mode("wipe")
    shown.set_current("input")
    assert (shown.current_key, shown.reference_key) == ("input", "pft")
    shown.set_reference("input")
    assert (shown.current_key, shown.reference_key) == ("pft", "input")


def test_a_picture_that_is_its_own_reference_gets_another_one(shown: ComparisonView) -> None:
    shown.set_current("esc")
    shown.set_reference("esc")
    assert (shown.current_key, shown.reference_key) == ("esc", "esc")
    shown.set_mode("wipe")
    assert (shown.current_key, shown.reference_key) == ("esc", "input")


def test_m_goes_through_the_layouts_and_d_to_the_difference_and_back(shown: ComparisonView, qtbot: QtBot) -> None:
    modes = []
    shown.mode_changed.connect(modes.append)
    for _ in range(4):
        key(shown, qtbot, Qt.Key.Key_M)
    assert modes == ["wipe", "side", "grid", "one"]
    shown.set_mode("side")
    key(shown, qtbot, Qt.Key.Key_D)
    assert shown.mode == "diff"
    key(shown, qtbot, Qt.Key.Key_D)
    assert shown.mode == "side"
    with pytest.raises(ValueError, match="no mode 'blink'"):
        shown.set_mode("blink")


def test_e_and_n_set_the_gain(shown: ComparisonView, qtbot: QtBot) -> None:
    key(shown, qtbot, Qt.Key.Key_E)
    assert shown.difference.gain == 4
    shown.set_mode("diff")
    key(shown, qtbot, Qt.Key.Key_E)
    assert shown.difference.gain == 8
    key(shown, qtbot, Qt.Key.Key_E, SHIFT)
    key(shown, qtbot, Qt.Key.Key_E, SHIFT)
    assert shown.difference.gain == 2
    key(shown, qtbot, Qt.Key.Key_N)
    assert 1.0 <= shown.difference.gain < 1.2
    key(shown, qtbot, Qt.Key.Key_C)
    assert not shown.difference.false_colour


def test_f_and_ctrl_0_and_plus_and_minus_zoom(shown: ComparisonView, qtbot: QtBot) -> None:
    key(shown, qtbot, Qt.Key.Key_0, CTRL)
    assert shown.camera.zoom == 1.0
    key(shown, qtbot, Qt.Key.Key_Plus)
    assert shown.camera.zoom == 1.5
    key(shown, qtbot, Qt.Key.Key_Equal)
    assert shown.camera.zoom == 2.0
    key(shown, qtbot, Qt.Key.Key_Minus)
    assert shown.camera.zoom == 1.5
    key(shown, qtbot, Qt.Key.Key_F)
    assert shown.camera.is_fitted


@pytest.mark.parametrize("code", [Qt.Key.Key_Plus, Qt.Key.Key_Minus])
def test_plus_and_minus_zoom_at_the_pointer_and_elsewhere_at_the_middle(
    shown: ComparisonView, qtbot: QtBot, code: Qt.Key
) -> None:
    shown.set_mode("grid")
    shown.camera.look_at(300, 200, 4.0)
    cell = shown.panes.cells[3]

    def under(at: QPoint) -> tuple[float, float]:
        return shown.panes.placement_in(cell).to_picture(at.x(), at.y())

    at = cell.frame.center() + QPoint(60, -40)
    qtbot.mouseMove(shown.stage, at)
    before, middle = under(at), under(cell.frame.center())
    key(shown, qtbot, code)
    assert shown.camera.zoom != 4.0
    assert under(at) == pytest.approx(before, abs=0.5)
    assert under(cell.frame.center()) != pytest.approx(middle, abs=2)
    QApplication.sendEvent(shown.stage, QEvent(QEvent.Type.Leave))
    middle = under(cell.frame.center())
    key(shown, qtbot, code)
    assert under(cell.frame.center()) == pytest.approx(middle, abs=0.5)


def test_ctrl_and_a_digit_choose_the_layout(shown: ComparisonView, qtbot: QtBot) -> None:
    modes = []
    shown.mode_changed.connect(modes.append)
    for code in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_4, Qt.Key.Key_1):
        key(shown, qtbot, code, CTRL)
    assert modes == ["wipe", "side", "grid", "one"]
    for action in (shown.commands.one, shown.commands.wipe, shown.commands.side, shown.commands.grid):
        assert "M: next layout." in action.toolTip()
    # The fourth key of a French keyboard, on which no digit is to be had without Shift.
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Apostrophe, CTRL, 13, 0, 0)
    assert shown.keyboard.press(event) == (sys.platform == "linux")
    assert shown.mode == ("grid" if sys.platform == "linux" else "one")
    assert shown.current_key == "pft"


def test_r_marks_what_is_in_view_and_clears_it(shown: ComparisonView, qtbot: QtBot) -> None:
    region = shown.commands.region
    shown.camera.look_at(300, 200, 4.0)
    in_view = shown.visible_box
    key(shown, qtbot, Qt.Key.Key_R)
    assert shown.region == in_view
    assert in_view is not None
    assert region.isChecked()
    shown.camera.fit()
    assert shown.region == in_view
    key(shown, qtbot, Qt.Key.Key_R)
    assert shown.region is None
    key(shown, qtbot, Qt.Key.Key_R)
    key(shown, qtbot, Qt.Key.Key_Escape)
    assert shown.region is None
    assert not region.isChecked()
    # One that the mouse marked is cleared by the same key.
    shown.set_region(Box(1, 2, 30, 40))
    key(shown, qtbot, Qt.Key.Key_R)
    assert shown.region is None
    assert region.toolTip().startswith("Region (R)\n")


def test_arrows_pan_and_more_with_shift(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.camera.look_at(300, 200, 4.0)
    before = shown.camera.placement
    key(shown, qtbot, Qt.Key.Key_Right)
    assert shown.camera.placement.left == before.left - 48
    key(shown, qtbot, Qt.Key.Key_Up, SHIFT)
    assert shown.camera.placement.top == before.top + 240


def test_ctrl_and_arrows_move_the_divider_and_v_turns_it(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("wipe")
    key(shown, qtbot, Qt.Key.Key_Right, CTRL)
    assert shown.comparison.wipe_position == pytest.approx(0.52)
    key(shown, qtbot, Qt.Key.Key_V)
    assert shown.comparison.wipe_is_level
    key(shown, qtbot, Qt.Key.Key_Up, CTRL)
    assert shown.comparison.wipe_position == pytest.approx(0.5)


def test_switches_have_keys_and_esc_leaves_them_one_by_one(shown: ComparisonView, qtbot: QtBot) -> None:
    marks = shown.stage.marks
    with qtbot.waitSignal(shown.attention_toggled) as toggled:
        key(shown, qtbot, Qt.Key.Key_A)
    assert toggled.args == [True]
    key(shown, qtbot, Qt.Key.Key_I)
    key(shown, qtbot, Qt.Key.Key_L)
    shown.set_region(Box(1, 2, 30, 40))
    assert marks.shows_inspector
    assert marks.shows_loupe
    left = []
    for _ in range(4):
        key(shown, qtbot, Qt.Key.Key_Escape)
        left.append(
            (shown.region is None, shown.commands.attention.isChecked(), marks.shows_inspector, marks.shows_loupe)
        )
    assert left == [
        (True, True, True, True),
        (True, False, True, True),
        (True, False, False, True),
        (True, False, False, False),
    ]


def test_esc_goes_on_to_the_window_when_there_is_nothing_to_leave(
    qtbot: QtBot, shown: ComparisonView, theme: object
) -> None:
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(shown, event)
    assert not event.isAccepted()


def test_g_needs_a_plan_and_says_so(shown: ComparisonView, qtbot: QtBot) -> None:
    grid = shown.commands.tile_grid
    key(shown, qtbot, Qt.Key.Key_G)
    assert not grid.isChecked()
    assert grid.toolTip().splitlines() == ["Tile grid (G)", "There is no plan of tiles for this image yet."]
    shown.set_tile_grid([Box(0, 0, 100, 100), Box(0, 80, 100, 100)])
    key(shown, qtbot, Qt.Key.Key_G)
    assert grid.isChecked()
    assert shown.stage.marks.shows_tile_grid


def test_keys_act_only_while_the_comparison_has_the_focus(
    shown: ComparisonView, qtbot: QtBot, put: Put, noise: Noise
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    line = QLineEdit()
    column = QVBoxLayout(window)
    column.addWidget(line)
    column.addWidget(shown)
    with qtbot.waitExposed(window):
        window.show()
    window.activateWindow()
    line.setFocus()
    for code in (Qt.Key.Key_M, Qt.Key.Key_2, Qt.Key.Key_X):
        qtbot.keyClick(line, code)
    assert (shown.mode, shown.current_key, line.text()) == ("one", "pft", "m2x")
    qtbot.mouseClick(shown.stage, Qt.MouseButton.LeftButton)
    assert shown.hasFocus()
    qtbot.keyClick(shown, Qt.Key.Key_2)
    assert shown.current_key == "sscan"
    shown.setParent(None)


def test_every_action_tells_its_key_and_why_it_cannot(view: ComparisonView, put: Put, noise: Noise) -> None:
    for action in view.actions():
        assert not action.isEnabled()
        sentence = action.toolTip().splitlines()[-1]
        assert sentence.endswith((".", ").")), sentence
    view.show_sources([put("input", noise(20, 20), "input")], keep_camera=False)
    assert view.commands.wipe.toolTip() == (
        "Wipe (Ctrl+2)\nThere is only the image itself: upscale it, or use a reference."
    )
    view.show_sources([put("input", noise(20, 20), "input"), put("m", noise(40, 40))], keep_camera=False)
    assert view.commands.swap.isEnabled()
    assert view.commands.swap.toolTip().startswith("Swap (X)\n")
    keys = [action.shortcut().toString() for action in view.actions() if not action.shortcut().isEmpty()]
    assert len(keys) == len(set(keys))
    assert {"M", "D", "X", "E", "Shift+E", "N", "F", "Ctrl+0", "+", "-", "G", "I", "A", "R"} <= set(keys)
    assert all(name and what for name, what in view.held_keys())


def drag(view: ComparisonView, qtbot: QtBot, start: QPoint, end: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    stage = view.stage
    qtbot.mousePress(stage, Qt.MouseButton.LeftButton, modifiers, start)
    for step in (1, 2, 3, 4):
        qtbot.mouseMove(stage, start + (end - start) * step / 4)
    qtbot.mouseRelease(stage, Qt.MouseButton.LeftButton, modifiers, end)


PLAIN = Qt.KeyboardModifier.NoModifier


def test_dragging_pans_all_panes(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("grid")
    shown.camera.look_at(300, 200, 4.0)
    before = shown.camera.placement
    drag(shown, qtbot, QPoint(500, 300), QPoint(460, 320), PLAIN)
    assert (shown.camera.placement.left, shown.camera.placement.top) == (before.left - 40, before.top + 20)


def test_the_wheel_zooms_at_the_pointer_in_any_pane(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("grid")
    shown.camera.look_at(300, 200, 1.0)
    cell = shown.panes.cells[3]
    at = QPointF(cell.frame.center()) + QPointF(30, -20)
    before = shown.panes.placement_in(cell).to_picture(at.x(), at.y())
    wheel = QWheelEvent(
        at, shown.stage.mapToGlobal(at), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton, PLAIN,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(shown.stage, wheel)
    assert shown.camera.zoom == 2.0
    assert shown.panes.placement_in(cell).to_picture(at.x(), at.y()) == pytest.approx(before, abs=0.5)


def test_the_divider_is_dragged(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("wipe")
    width = shown.stage.width()
    drag(shown, qtbot, QPoint(width // 2 + 3, 100), QPoint(round(width * 0.3), 140), PLAIN)
    assert shown.comparison.wipe_position == pytest.approx(0.3, abs=0.01)
    qtbot.mouseDClick(shown.stage, Qt.MouseButton.LeftButton, PLAIN, QPoint(round(width * 0.3), 50))
    assert shown.comparison.wipe_position == 0.5


def test_shift_and_drag_mark_a_region_and_a_click_clears_it(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.camera.look_at(300, 200, 2.0)
    placement = shown.camera.placement
    start = QPoint(placement.x_of(240), placement.y_of(150))
    end = QPoint(placement.x_of(320), placement.y_of(210))
    with qtbot.waitSignal(shown.region_changed):
        drag(shown, qtbot, end, start, SHIFT)
    # In input pixels, of which each has two by two output pixels.
    assert shown.region == Box(75, 120, 30, 40)
    shown.set_mode("grid")
    assert shown.region == Box(75, 120, 30, 40)
    qtbot.mouseClick(shown.stage, Qt.MouseButton.LeftButton, SHIFT, QPoint(50, 50))
    assert shown.region is None


def test_the_frame_is_moved_by_its_handle_and_stays_inside(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.camera.look_at(300, 200, 1.0)
    shown.set_frame(Box(60, 80, 64, 64))
    place = shown.panes.place_input(Box(60, 80, 64, 64), shown.panes.cells[0])
    with qtbot.waitSignal(shown.frame_moved) as moved:
        drag(shown, qtbot, place.topLeft() + QPoint(30, -10), place.topLeft() + QPoint(70, 10), PLAIN)
    assert moved.args == [Box(70, 100, 64, 64)]
    place = shown.panes.place_input(Box(70, 100, 64, 64), shown.panes.cells[0])
    drag(shown, qtbot, QPoint(place.left(), place.center().y()), QPoint(2, place.center().y()), PLAIN)
    assert shown.comparison.frame is not None
    assert shown.comparison.frame.left >= 0
    with qtbot.waitSignal(shown.frame_moved):
        key(shown, qtbot, Qt.Key.Key_Down, ALT)


def test_inside_the_frame_the_picture_is_panned(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.camera.look_at(300, 200, 4.0)
    shown.set_frame(Box(80, 120, 64, 64))
    before = shown.camera.placement
    drag(shown, qtbot, QPoint(320, 200), QPoint(300, 200), PLAIN)
    assert shown.camera.placement.left == before.left - 20
    assert shown.comparison.frame == Box(80, 120, 64, 64)


def test_a_click_picks_a_pixel_only_for_the_attention_inspector(shown: ComparisonView, qtbot: QtBot) -> None:
    picked: list[tuple[str, int, int]] = []
    shown.pixel_picked.connect(lambda *what: picked.append(what))
    shown.camera.look_at(300, 200, 4.0)
    at = QPoint(shown.camera.placement.x_of(301), shown.camera.placement.y_of(207)) + QPoint(1, 1)
    qtbot.mouseClick(shown.stage, Qt.MouseButton.LeftButton, PLAIN, at)
    shown.commands.attention.setChecked(True)
    qtbot.mouseClick(shown.stage, Qt.MouseButton.LeftButton, PLAIN, at)
    assert picked == [("pft", 150, 103)]
    drag(shown, qtbot, at, at + QPoint(30, 0), PLAIN)
    assert len(picked) == 1
    qtbot.mouseMove(shown.stage, at)
    key(shown, qtbot, Qt.Key.Key_Return)
    assert len(picked) == 2


def test_a_click_chooses_a_pane_of_the_grid(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("grid")
    qtbot.mouseClick(shown.stage, Qt.MouseButton.LeftButton, PLAIN, shown.panes.cells[1].frame.center())
    assert shown.current_key == "sscan"


def test_a_double_click_goes_to_one_to_one_and_back(shown: ComparisonView, qtbot: QtBot) -> None:
    qtbot.mouseDClick(shown.stage, Qt.MouseButton.LeftButton, PLAIN, QPoint(200, 200))
    assert shown.camera.zoom == 1.0
    assert not shown.camera.is_fitted
    qtbot.mouseDClick(shown.stage, Qt.MouseButton.LeftButton, PLAIN, QPoint(200, 200))
    assert shown.camera.is_fitted


def test_chips_show_pictures_and_choose_the_reference(shown: ComparisonView, qtbot: QtBot) -> None:
    chips = shown.bar.chips
    assert [chip.text() for chip in chips] == ["Input", "Sscan", "Esc", "Pft"]
    qtbot.mouseClick(chips[1], Qt.MouseButton.LeftButton)
    assert shown.current_key == "sscan"
    assert [chip.isChecked() for chip in chips] == [False, True, False, False]
    qtbot.mouseClick(chips[2], Qt.MouseButton.RightButton)
    assert shown.reference_key == "esc"
    assert chips[2].accessibleDescription() == "Base"
    qtbot.mouseClick(chips[3], Qt.MouseButton.LeftButton, SHIFT)
    assert (shown.current_key, shown.reference_key) == ("sscan", "pft")
    assert "Shift+2" in chips[1].toolTip()
    qtbot.keyClick(chips[3], Qt.Key.Key_4)
    assert shown.current_key == "pft"


def test_the_bar_offers_what_the_mode_needs(shown: ComparisonView, qtbot: QtBot) -> None:
    bar = shown.bar
    assert bar.method.isVisible()
    bar.method.setCurrentIndex(0)
    bar.method.activated.emit(0)
    assert shown.comparison.method == "nearest"
    shown.set_mode("diff")
    assert not bar.method.isVisible()
    assert bar.kind.isVisible()
    bar.kind.setCurrentIndex(2)
    bar.kind.activated.emit(2)
    assert shown.difference.kind == "ssim"
    shown.set_difference(DifferenceSettings("signed", 12.5))
    assert (bar.gain.text(), bar.kind.currentIndex()) == ("× 12.5", 1)


def test_the_pointer_says_what_shift_does(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.set_mode("one")
    qtbot.mouseMove(shown.stage, shown.panes.cells[0].frame.center() + QPoint(20, 30))
    qtbot.waitUntil(lambda: shown.stage.spot is not None)
    qtbot.keyPress(shown, Qt.Key.Key_Shift)
    assert shown.stage.cursor().shape() == Qt.CursorShape.CrossCursor
    qtbot.keyRelease(shown, Qt.Key.Key_Shift)
    assert shown.stage.cursor().shape() == Qt.CursorShape.OpenHandCursor
    # A shortcut with Shift marks nothing; and where the focus goes, Shift comes up unseen.
    qtbot.keyPress(shown, Qt.Key.Key_Shift, Qt.KeyboardModifier.ControlModifier)
    assert shown.stage.cursor().shape() == Qt.CursorShape.OpenHandCursor
    qtbot.keyPress(shown, Qt.Key.Key_Shift)
    QApplication.sendEvent(shown, QFocusEvent(QEvent.Type.FocusOut))
    assert shown.stage.cursor().shape() == Qt.CursorShape.OpenHandCursor


def test_where_the_bar_takes_two_rows_both_stand_in_the_middle_of_theirs(shown: ComparisonView) -> None:
    shown.resize(560, 442)
    shown.set_mode("diff")
    bar = shown.bar
    row_px = bar.height() / 2
    chips = [chip.mapTo(bar, chip.rect().center()).y() for chip in bar.chips]
    settings = [each.mapTo(bar, each.rect().center()).y() for each in (bar.kind, bar.gain)]
    assert all(abs(y - row_px / 2) <= 2 for y in chips), chips
    assert all(abs(y - 3 * row_px / 2) <= 2 for y in settings)


def test_a_picture_alone_needs_no_bar(view: ComparisonView, put: Put, noise: Noise) -> None:
    view.set_mode("grid")
    view.show_sources([put("input", noise(20, 30), "input")], keep_camera=False)
    assert not view.bar.isVisible()
    assert len(view.panes.cells) == 1
    assert view.mode == "grid"


def test_the_loupe_looks_at_the_pointer_in_every_picture(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.camera.look_at(300, 200, 1.0)
    shown.commands.loupe.setChecked(True)
    qtbot.mouseMove(shown.stage, QPoint(320, 100))
    spot = shown.stage.spot
    assert spot is not None
    frame = shown.stage.marks.loupe.frame(spot)
    assert shown.panes.view.contains(frame)
    assert not frame.contains(QPoint(320, 100))
    assert shown.stage.marks.loupe.zoom >= 4 * shown.camera.zoom
    qtbot.waitUntil(lambda: shown.stage.is_sharp and shown.store.is_idle)
    shown.set_mode("grid")
    assert len(shown.panes.cells) == 4


# As in a window of 1280 x 800 with and without the list of images.
@pytest.mark.parametrize("width", [768, 960])
def test_loupe_and_inspector_leave_each_other_room(shown: ComparisonView, width: int) -> None:
    shown.resize(width, 442)
    view = shown.panes.view
    shown.commands.loupe.setChecked(True)
    shown.commands.inspector.setChecked(True)
    marks, cell = shown.stage.marks, shown.panes.cells[0]
    for x in range(5, view.width(), 60):
        for y in range(5, view.height(), 60):
            spot = (cell, QPointF(x, y))
            loupe, table = marks.loupe.frame(spot, marks.inspector.frame(spot)), marks.inspector.frame(spot)
            assert view.contains(loupe)
            assert view.contains(table)
            assert not loupe.contains(x, y)
            assert not loupe.intersects(table)


def test_beside_the_picture_there_is_no_loupe(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.camera.fit()
    frame = shown.panes.picture_frame(shown.panes.cells[0])
    outside = QPoint(frame.left() // 2, frame.center().y())
    assert frame.left() > 10
    qtbot.mouseMove(shown.stage, outside)
    qtbot.waitUntil(lambda: shown.stage.is_sharp and shown.store.is_idle)
    without = shown.stage.grab().toImage()
    shown.commands.loupe.setChecked(True)
    spot = shown.stage.spot
    assert spot is not None
    place = shown.stage.marks.loupe.frame(spot)
    assert shown.stage.grab(place).toImage() == without.copy(place)
    qtbot.mouseMove(shown.stage, frame.center())
    qtbot.waitUntil(lambda: shown.stage.is_sharp and shown.store.is_idle)
    assert shown.stage.grab(place).toImage() != without.copy(place)


def test_the_inspector_reads_every_picture(view: ComparisonView, put: Put, qtbot: QtBot) -> None:
    low = np.full((50, 60, 3), (10, 20, 30), dtype=np.uint8)
    high = np.full((100, 120, 3), 0.1, dtype=np.float32)
    high[40, 60] = (0.5, 0.25, 1.0)
    working = put("working", high, finished=(Box(0, 0, 10, 10),))
    view.show_sources([put("input", low, "input"), put("esc", high), working], keep_camera=False)
    view.camera.look_at(60, 40, 8.0)
    view.commands.inspector.setChecked(True)
    placement = view.camera.placement
    qtbot.mouseMove(view.stage, QPoint(placement.x_of(60) + 2, placement.y_of(40) + 2))
    spot = view.stage.spot
    assert spot is not None
    inspector = view.stage.marks.inspector
    assert inspector.place(spot) == (30, 20, 60, 40)
    first, second, third = inspector.read(spot)
    assert first.values == pytest.approx((10, 20, 30))
    assert second.values == pytest.approx((127.5, 63.75, 255))
    assert second.difference == pytest.approx(225)
    assert third.values is None
    assert "Esc: 127.5, 63.8, 255.0" in inspector.words(spot)
    assert "not there yet" in inspector.words(spot)
    assert "Input pixel 30, 20" in view.stage.accessibleDescription()


def test_the_part_in_view_is_told_once_it_rests(shown: ComparisonView, qtbot: QtBot) -> None:
    boxes: list[Box] = []
    shown.view_changed.connect(boxes.append)
    with qtbot.waitSignal(shown.view_changed):
        for step in range(5):
            shown.camera.look_at(100 + 20 * step, 200, 4.0)
    assert len(boxes) == 1
    assert boxes[0] == shown.visible_box
    assert boxes[0].height * boxes[0].width < 300 * 200 / 2


def test_a_shortcut_of_the_window_does_not_take_a_held_key(shown: ComparisonView, qtbot: QtBot) -> None:
    taken: list[str] = []
    action = QAction(shown)
    action.setShortcut(QKeySequence("Space"))
    action.triggered.connect(lambda: taken.append("space"))
    shown.addAction(action)
    qtbot.keyPress(shown, Qt.Key.Key_Space)
    assert shown.comparison.peeked_key == "input"
    assert not taken


def test_an_unknown_key_is_left_out(shown: ComparisonView) -> None:
    shown.set_current("nothing")
    shown.set_reference("nothing")
    shown.add_finished("nothing", [Box(0, 0, 1, 1)])
    shown.update_figures("nothing", ("1 s",))
    assert (shown.current_key, shown.reference_key) == ("pft", "input")


def test_nothing_can_be_shown(shown: ComparisonView, qtbot: QtBot) -> None:
    shown.show_sources([], keep_camera=False)
    assert shown.current_key == shown.reference_key == ""
    assert shown.visible_box is None
    for code in (Qt.Key.Key_1, Qt.Key.Key_Space, Qt.Key.Key_X, Qt.Key.Key_Return, Qt.Key.Key_Right):
        key(shown, qtbot, code)
    shown.stage.grab()


def test_sources_keep_their_places(view: ComparisonView, put: Put, noise: Noise) -> None:
    sources: list[PaneSource] = [put(name, noise(20, 20)) for name in ("a", "b", "c")]
    view.show_sources(sources, keep_camera=False)
    view.set_current("b")
    view.set_reference("c")
    view.show_sources([*sources, put("d", noise(20, 20))], keep_camera=True)
    assert (view.current_key, view.reference_key) == ("b", "c")
    view.show_sources(sources[2:], keep_camera=True)
    assert (view.current_key, view.reference_key) == ("c", "c")
