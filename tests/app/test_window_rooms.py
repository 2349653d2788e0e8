"""The window's other rooms on a fake engine: preview, prediction, tile grid, memory panel, inspector, palette, settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel
from pytestqt.qtbot import QtBot

import app
from app.actions import key_text
from app.bridge import Bridge
from app.dialogs.files import SaveImage
from app.dialogs.keys import Keys
from app.jobs import JobState, PictureState
from app.manners.settings_dialog import SettingsDialog
from app.settings import Settings
from app.windows.main_window import MainWindow
from engine.errors import WorkerError
from engine.outputs import Target
from engine.tiling.geometry import Box
from tests.app.fake_engine import Controls

MakeImage = Callable[..., Path]


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, make_image: MakeImage) -> MainWindow:
    """The window with an image that is larger than the preview's frame."""
    window.open_files([make_image("photo.png", 300, 400)])
    qtbot.waitUntil(lambda: window.session.shown is not None and window.session.shown.raster is not None)
    qtbot.waitUntil(lambda: bool(window.panel.tiling.needs.text()))
    return window


def titles(window: MainWindow) -> list[str]:
    return [source.title for source in window.view.comparison.sources]


# Preview


def test_preview_runs_the_frame_through_all_ticked_models_and_shows_it_one_to_one(
    qtbot: QtBot, opened: MainWindow, bridge: Bridge
) -> None:
    opened.actions_.preview.trigger()
    qtbot.waitUntil(lambda: len(opened.view.comparison.keys) == 4)
    assert titles(opened) == ["Input", "esc-fast ×2", "pft-light ×4", "sscan-fast ×2"]
    frame = opened.view.comparison.frame
    assert frame == Box(22, 72, 256, 256)
    assert [source.placed for source in opened.view.comparison.sources[1:]] == [frame] * 3
    assert opened.view.camera.zoom == 1.0
    assert opened.view.mode == "grid"
    # Another frame, another preview.
    with qtbot.waitSignals([bridge.preview_made] * 3):
        opened.view.frame_moved.emit(Box(0, 0, 256, 256))
    qtbot.waitUntil(lambda: {source.placed for source in opened.view.comparison.sources[1:]} == {Box(0, 0, 256, 256)})
    opened.actions_.preview.trigger()
    assert titles(opened) == ["Input"]
    assert opened.view.comparison.frame is None


def test_esc_leaves_the_preview(qtbot: QtBot, opened: MainWindow) -> None:
    opened.actions_.preview.trigger()
    qtbot.waitUntil(lambda: len(opened.view.comparison.keys) == 4)
    QTest.keyClick(opened.view, Qt.Key.Key_Escape)
    assert titles(opened) == ["Input"]


def test_preview_leaves_out_what_is_not_ticked(qtbot: QtBot, opened: MainWindow) -> None:
    for card in opened.panel._cards[1:]:
        card.tick.setChecked(False)
    opened.actions_.preview.trigger()
    qtbot.waitUntil(lambda: titles(opened) == ["Input", "esc-fast ×2"])
    opened.panel._cards[0].tick.setChecked(False)
    opened.actions_.preview.trigger()
    assert not opened.actions_.preview.isEnabled()
    assert "Tick a model first." in opened.actions_.preview.toolTip()


def test_ticks_and_scale_change_a_preview_that_is_on_at_once(qtbot: QtBot, opened: MainWindow, bridge: Bridge) -> None:
    first, *others = opened.panel._cards
    opened.actions_.preview.trigger()
    # Before it is computed, or while it is.
    others[1].tick.setChecked(False)
    all_but_one = ["Input", "esc-fast ×2", "pft-light ×4"]
    qtbot.waitUntil(lambda: titles(opened) == all_but_one)
    # One that comes is computed, the others are there already; one that goes leaves at once.
    with qtbot.waitSignals([bridge.preview_made]):
        others[1].tick.setChecked(True)
    qtbot.waitUntil(lambda: titles(opened) == [*all_but_one, "sscan-fast ×2"])
    opened.panel.scales.choose(4)
    assert titles(opened) == ["Input", "pft-light ×4", "sscan-fast ×2"]
    qtbot.waitUntil(lambda: titles(opened) == ["Input", "esc-fast ×4", "pft-light ×4", "sscan-fast ×2"])
    first.tick.setChecked(False)
    assert titles(opened) == ["Input", "pft-light ×4", "sscan-fast ×2"]
    for card in others:
        card.tick.setChecked(False)
    assert not opened.previewing.is_on
    assert titles(opened) == ["Input"]


def test_start_ends_the_preview_and_its_files_go(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    opened.actions_.preview.trigger()
    qtbot.waitUntil(lambda: len(opened.view.comparison.keys) == 4)
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: titles(opened) == ["Input", "esc-fast ×2"])
    qtbot.waitUntil(lambda: not list(controls.folder.glob("*/frame.raw")))
    qtbot.waitUntil(lambda: opened.session.active_job is None)


def test_a_preview_that_fails_says_why_and_goes_back(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.upscale_error = WorkerError("The worker process ended unexpectedly.", "Try again.")
    opened.actions_.preview.trigger()
    qtbot.waitUntil(lambda: bool(opened.notices.notices))
    assert not opened.previewing.is_on
    assert titles(opened) == ["Input"]


# Prediction


def test_what_a_run_needs_is_said_before_it(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.plan_warnings = ("Tiles of 128 need twice the work: take 256.",)
    tiling = opened.panel.tiling
    assert tiling.needs.text().endswith("of 2.0 GiB free")
    assert tiling.tile.text == "Auto (32)"
    assert not tiling.warning.isVisible()
    tiling.tile.choose(128)
    qtbot.waitUntil(lambda: tiling.warning.text() == "Tiles of 128 need twice the work: take 256.")
    assert tiling.needs.text() == "12 tiles · needs 0.02 GiB of 2.0 GiB free"
    assert tiling.needs.toolTip() == (
        "Predicted peak: 16_777_216 bytes. Free now: 2_147_483_648 bytes.".replace("_", "\N{NARROW NO-BREAK SPACE}")
    )


def test_the_tile_is_chosen_with_the_keys_from_auto_to_the_whole_image(qtbot: QtBot, opened: MainWindow) -> None:
    tile = opened.panel.tiling.tile
    QTest.keyClick(tile.slider, Qt.Key.Key_Right)
    assert (tile.edge, tile.text) == (128, "128 px")
    QTest.keyClick(tile.slider, Qt.Key.Key_End)
    assert (tile.edge, tile.text) == (None, "Off: whole image")
    qtbot.waitUntil(lambda: opened.panel.tiling.needs.text().startswith("1 tile "))
    QTest.keyClick(tile.slider, Qt.Key.Key_Home)
    assert tile.edge == "auto"
    # What it comes to is not known again before the plan is.
    assert tile.text == "Auto"
    qtbot.waitUntil(lambda: tile.text == "Auto (32)")
    assert tile.slider.accessibleDescription() == "Auto (32)"


def test_where_results_go_is_said_beside_the_switch_that_saves_them(opened: MainWindow, settings: Settings) -> None:
    assert opened.panel.where.text() == "beside its image"
    settings.target = Target(format="jpeg")
    opened.saving.tell_where()
    assert opened.panel.where.text() == "beside its image · JPEG"
    assert opened.panel.output_button.defaultAction() is opened.actions_.settings


def test_the_start_button_says_how_long_it_will_take_in_words_that_fit(opened: MainWindow) -> None:
    button = opened.panel.start_button
    for model in ("esc", "esc-light-with-a-long-name"):
        button.say(f"Upscale 12 images · {model} ×2", "about 4 min")
        assert button.accessibleName() == f"Upscale 12 images · {model} ×2 · about 4 min"
        assert "Upscale 12" in button.text()
        assert button.text().endswith("about 4 min")
        for line in button.text().split("\n"):
            assert button.fontMetrics().horizontalAdvance(line) < button.width()


def test_the_tile_grid_is_the_plan_s(qtbot: QtBot, opened: MainWindow) -> None:
    tiling = opened.panel.tiling
    tiling.tile.choose(None)
    qtbot.waitUntil(lambda: opened.view.comparison.tile_grid == [Box(0, 0, 300, 400)])
    opened.view.setFocus()
    QTest.keyClick(opened.view, Qt.Key.Key_G)
    assert opened.view.commands.tile_grid.isChecked()


def test_settings_of_a_job_are_those_chosen(qtbot: QtBot, opened: MainWindow, settings: Settings) -> None:
    tiling = opened.panel.tiling
    settings.device = "cpu"
    tiling.tile.choose(256)
    tiling.overlap.setValue(16)
    tiling.precision.setCurrentIndex(tiling.precision.findData("fp32"))
    opened.actions_.start.trigger()
    job = opened.session.active_job
    assert (job.settings.tile_px, job.settings.overlap_px, job.settings.precision) == (256, 16, "fp32")
    assert job.settings.device == "cpu"
    qtbot.waitUntil(lambda: job.state is JobState.DONE)


def test_tiles_in_view_come_first(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job.canvas is not None)
    opened.view.camera.zoom_to(8.0)
    opened.view.camera.look_at(0, 0)
    qtbot.waitUntil(lambda: bool(controls.views) and controls.views[-1] is not None)
    assert controls.views[-1].top == controls.views[-1].left == 0
    opened.actions_.cancel.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job is None)


# Sheet


def test_the_marked_region_becomes_a_sheet(
    qtbot: QtBot,
    opened: MainWindow,
    controls: Controls,
    bridge: Bridge,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "upscale the image first" in opened.actions_.sheet.toolTip()
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job is None)
    answers = [tmp_path / "gone" / "sheet.png", tmp_path / "sheet.png"]
    monkeypatch.setattr(SaveImage, "ask_sheet", lambda *_: answers.pop(0))
    opened.view.set_region(Box(10, 20, 30, 40))
    opened.actions_.sheet.trigger()
    qtbot.waitUntil(lambda: bool(opened.notices.notices))
    assert "Choose another folder." in opened.notices.notices[0].report
    with qtbot.waitSignal(bridge.sheet_written):
        opened.actions_.sheet.trigger()
    ((panes, height, width, heading),) = controls.sheets
    assert [pane[0] for pane in panes] == ["Input", "esc-fast ×2"]
    assert (height, width) == (60, 80)
    assert heading == "photo.png   40 × 30 pixels from 20, 10"
    assert opened.strip.sentence.text().endswith("sheet.png.")


# Memory


def test_the_memory_panel_follows_a_job(qtbot: QtBot, opened: MainWindow, settings: Settings) -> None:
    panel = opened.watching.panel
    qtbot.waitUntil(lambda: len(panel.history) > 1)
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job is None)
    assert panel.history.peaks
    panel.toggle_action.trigger()
    assert not panel.is_expanded
    assert not settings.shows_memory


def test_every_job_in_line_has_its_predicted_peak_in_the_panel(
    qtbot: QtBot, opened: MainWindow, make_image: Callable[..., Path], controls: Controls
) -> None:
    panel = opened.watching.panel
    opened.open_files([make_image("small.png", height=32, width=32)])
    qtbot.waitUntil(lambda: all(picture.has_thumbnail for picture in opened.session.pictures))
    controls.tile_px = 512
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    controls.release()
    second = opened.session.pictures[1].results[0]
    qtbot.waitUntil(lambda: second.state is JobState.RUNNING)
    qtbot.waitUntil(lambda: panel.history.last is not None and panel.history.last.predicted == 1024 * 32 * 32)
    controls.release()
    qtbot.waitUntil(lambda: opened.session.active_job is None)


# Inspector


def test_the_inspector_takes_the_place_of_the_controls_and_says_when_it_must_wait(
    qtbot: QtBot, opened: MainWindow, controls: Controls
) -> None:
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job is None)
    opened.view.setFocus()
    QTest.keyClick(opened.view, Qt.Key.Key_A)
    inspector = opened.inspecting.panel
    assert opened.right.currentWidget() is inspector
    controls.holds_tiles = True
    opened.panel.scales.choose(4)
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job.canvas is not None)
    first = opened.session.shown.results[0]
    opened.view.pixel_picked.emit(f"job:{first.number}", 20, 30)
    words = " ".join(label.text() for label in inspector.findChildren(type(opened.zoom_text)))
    assert "The worker is busy with a job." in words
    opened.actions_.cancel.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job is None)
    QTest.keyClick(opened.view, Qt.Key.Key_Escape)
    assert opened.right.currentWidget() is opened.panel


# Help


def test_the_palette_finds_and_runs_a_command(qtbot: QtBot, opened: MainWindow) -> None:
    opened.actions_.palette.trigger()
    qtbot.waitUntil(lambda: opened.helping.palette is not None and opened.helping.palette.isVisible())
    field = QApplication.focusWidget()
    QTest.keyClicks(field, "tile grid")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(opened.view.commands.tile_grid.isChecked)
    names = {action.text() for action in opened.helping.everything()}
    assert {"Open…", "Wipe", "Preview"} <= names


def actions_of(window: MainWindow) -> list[QAction]:
    """Returns every action in the window that has words, but what Qt and pyqtgraph have of their own and nobody is offered."""
    own = window.toolbar.toggleViewAction()
    return [
        action
        for action in window.findChildren(QAction)
        if action.text()
        and action.menu() is None
        and action is not own
        and not type(action.parent()).__module__.startswith("pyqtgraph")
    ]


def test_every_action_of_the_window_is_in_the_palette(qtbot: QtBot, opened: MainWindow) -> None:
    # The parts that are made when they are first seen, too.
    opened.watching.panel.toggle_action.setChecked(True)
    opened.view.commands.attention.setChecked(True)
    opened.actions_.palette.trigger()
    qtbot.waitUntil(lambda: opened.helping.palette is not None and opened.helping.palette.isVisible())
    palette = opened.helping.palette
    assert palette is not None
    listed = {(entry.name, entry.key) for entry in palette.model.entries}
    for action in actions_of(opened):
        assert (action.text().replace("&", ""), key_text(action)) in listed
    assert ("Memory", "Ctrl+Shift+M") in listed
    palette.close()


def keys_on_the_page(qtbot: QtBot, window: MainWindow) -> set[str]:
    """Opens the page of keys as a person does, and returns the keys on it."""
    found: set[str] = set()

    def read() -> None:
        page = QApplication.activeModalWidget()
        assert isinstance(page, Keys)
        for label in page.findChildren(QLabel):
            if label.property("role") == "title":
                found.update(label.text().split(", "))
        page.reject()

    QTimer.singleShot(0, read)
    QTest.keyClick(window.view, Qt.Key.Key_F1)
    return found


# What each handler of keys in the window takes, as the page of keys writes it; () where those are any button's.
_HANDLED = {
    "compare/chip.py": (),
    "compare/view.py": (
        "1 … 9", "Shift+1 … 9", "Space", "Arrows", "Ctrl+Arrows", "Alt+Arrows", "Return", "Esc",
    ),
    "manners/self_test.py": ("Esc",),
    "memory/timeline.py": ("Left", "Right", "+", "-"),
    "widgets/notice.py": ("Esc",),
    "widgets/picture_list.py": ("Alt+Up", "Alt+Down"),
    "windows/main_window.py": ("Esc",),
}  # fmt: skip


def test_f1_lists_every_key_there_is(qtbot: QtBot, opened: MainWindow) -> None:
    opened.watching.panel.toggle_action.setChecked(True)
    opened.view.commands.attention.setChecked(True)
    keys = [each for action in opened.findChildren(QAction) for each in action.shortcuts()]
    keys += [shortcut.key() for shortcut in opened.findChildren(QShortcut)]
    keys += [button.shortcut() for button in opened.findChildren(QAbstractButton) if not button.shortcut().isEmpty()]
    wanted = {each.toString(QKeySequence.SequenceFormat.NativeText) for each in keys}
    assert {"Ctrl+Shift+M", "F10", "Ctrl+4", "R"} <= wanted
    folder = Path(app.__file__).parent
    handlers = {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*.py")
        if "def keyPressEvent" in file.read_text(encoding="utf-8")
    }
    assert handlers == set(_HANDLED), "a key that is handled stands on the page, and its handler in _HANDLED"
    assert (wanted | {key for keys in _HANDLED.values() for key in keys}) - keys_on_the_page(qtbot, opened) == set()


def test_f10_opens_the_menu(qtbot: QtBot, opened: MainWindow) -> None:
    seen: list[bool] = []

    def look() -> None:
        menu = opened.toolbar.menu_button.menu()
        seen.append(menu.isVisible())
        menu.close()

    QTimer.singleShot(0, look)
    QTest.keyClick(opened.view, Qt.Key.Key_F10)
    qtbot.waitUntil(lambda: seen == [True])


def test_ctrl_q_closes_the_window(qtbot: QtBot, opened: MainWindow) -> None:
    with qtbot.waitSignal(opened.closing):
        QTest.keyClick(opened.view, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    assert not opened.isVisible()


def test_esc_dismisses_a_notice_when_nothing_else_takes_it(qtbot: QtBot, opened: MainWindow) -> None:
    card = opened.helping.card
    qtbot.waitUntil(card.isVisible)
    opened.notices.show_warning("The first.")
    opened.notices.show_warning("The second.")
    opened.actions_.full_screen.setChecked(True)
    opened.view.set_region(Box(1, 2, 30, 40))

    def state() -> tuple[bool, bool, list[str], bool]:
        reports = [notice.report for notice in opened.notices.notices]
        return opened.view.region is not None, opened.isFullScreen(), reports, card.isVisible()

    left = [state()]
    for focus in (opened.view, opened.view, opened.view, opened.panel, opened.view):
        QTest.keyClick(focus, Qt.Key.Key_Escape)
        left.append(state())
    both = ["The second.", "The first."]
    assert left == [
        (True, True, both, True),
        (False, True, both, True),
        (False, False, both, True),
        (False, False, both[1:], True),
        (False, False, [], True),
        (False, False, [], False),
    ]


def disabled_without_reason(window: MainWindow) -> list[str]:
    """Returns the tooltips of disabled actions that say nothing but what they say when they are enabled."""
    disabled = [action for action in actions_of(window) if not action.isEnabled()]
    assert disabled
    unsaid = []
    for action in disabled:
        _, _, below = action.toolTip().partition("\n")
        if not below.strip() or below == action.property("explained") or not below.rstrip(")").endswith("."):
            unsaid.append(action.toolTip())
    return unsaid


def test_whatever_cannot_be_done_says_why(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, controls: Controls
) -> None:
    window.watching.panel.toggle_action.setChecked(True)
    assert disabled_without_reason(window) == []
    window.open_files([make_image("photo.png", 300, 400)])
    assert window.session.shown.state is PictureState.OPENING
    assert disabled_without_reason(window) == []
    assert "The image is still being opened." in window.actions_.preview.toolTip()
    qtbot.waitUntil(lambda: window.session.shown.raster is not None)
    assert disabled_without_reason(window) == []
    controls.holds_tiles = True
    window.actions_.start.trigger()
    assert disabled_without_reason(window) == []
    qtbot.waitUntil(lambda: window.session.active_job is not None and window.session.active_job.canvas is not None)
    assert disabled_without_reason(window) == []
    window.actions_.pause.trigger()
    assert disabled_without_reason(window) == []
    qtbot.waitUntil(lambda: window.session.active_job is None)
    assert disabled_without_reason(window) == []
    # What waits is resumed, as what an earlier run left is.
    assert window.actions_.pause.toolTip() == "Resume (Ctrl+Shift+.)\nGo on from the tiles that are done."
    controls.holds_tiles = False
    window.actions_.pause.trigger()
    assert window.actions_.pause.toolTip().startswith("Pause (Ctrl+Shift+.)\nStop here,")
    qtbot.waitUntil(lambda: window.session.active_job is None)
    assert disabled_without_reason(window) == []


@pytest.mark.parametrize("scale", [5, 8])
def test_a_reference_is_as_large_as_a_model_makes_it(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, scale: int
) -> None:
    window.open_files([make_image("photo.png", 24, 40)])
    qtbot.waitUntil(window.actions_.reference.isEnabled)
    window.opening.open_reference(make_image("original.png", 24 * scale, 40 * scale))
    qtbot.waitUntil(lambda: bool(window.notices.notices))
    report = window.notices.notices[0].report
    assert f"original.png has {40 * scale} × {24 * scale} pixels and cannot be the reference of photo.png." in report
    assert "40 × 24, 80 × 48, 120 × 72, 160 × 96." in report
    assert "reference" not in window.view.comparison.keys
    for fits in (1, 3, 4):
        window.opening.open_reference(make_image(f"{fits}.png", 24 * fits, 40 * fits))
        qtbot.waitUntil(lambda width=40 * fits: raster_width(window, "reference") == width)


def raster_width(window: MainWindow, key: str) -> int:
    comparison = window.view.comparison
    return comparison.opened(key).source.raster.width if key in comparison.keys else 0


def test_the_device_is_told_once(qtbot: QtBot, window: MainWindow, settings: Settings) -> None:
    card = window.helping.card
    qtbot.waitUntil(card.isVisible)
    QTest.keyClick(card, Qt.Key.Key_Escape)
    assert settings.device_told


def test_results_go_where_the_settings_say(
    qtbot: QtBot, opened: MainWindow, settings: Settings, tmp_path: Path
) -> None:
    def fill() -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, SettingsDialog):
            settings.target = Target(folder=tmp_path / "results", template="{name}-large")
            dialog.saved.emit()
            dialog.reject()

    QTimer.singleShot(0, fill)
    opened.actions_.settings.trigger()
    assert str(tmp_path / "results") in opened.panel.saves.toolTip()
    assert opened.panel.where.text() == str(tmp_path / "results")
    opened.panel.saves.setChecked(True)
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.shown.results and opened.session.shown.results[0].saved_as is not None)
    assert (tmp_path / "results" / "photo-large.png").is_file()


def test_no_two_entries_of_the_palette_are_called_alike(opened: MainWindow) -> None:
    names = [action.text() for action in opened.helping.everything() if action.text()]
    assert sorted(set(names)) == sorted(names)
