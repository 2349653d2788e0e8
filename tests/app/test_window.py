"""The window on a fake engine: open, drop, upscale, cancel, compare, save, errors, close."""

from __future__ import annotations

import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QMargins, QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.actions import key_text
from app.bridge import Bridge
from app.crash import CrashReporter
from app.dialogs.closing import ConfirmLoss
from app.dialogs.files import OpenImages, SaveImage
from app.jobs import JobState
from app.main import _close_on_signals
from app.settings import Settings
from app.theme import Theme
from app.windows.main_window import MainWindow
from engine.canvas import RasterRef
from engine.errors import WorkerError
from engine.messages import DoneEncode, EncodeOptions, ImageInfo
from engine.outputs import Target
from tests.app.fake_engine import Controls, FakeEngine

MakeImage = Callable[..., Path]

# Qt 6.12 takes the position of a drag as QPointF; Qt 6.8, the oldest that is supported, takes QPoint only.
pytestmark = pytest.mark.filterwarnings("ignore:.*QDragEnterEvent:DeprecationWarning")


@pytest.fixture
def opened(qtbot: QtBot, window: MainWindow, make_image: MakeImage) -> MainWindow:
    """The window with one image shown."""
    window.open_files([make_image()])
    wait_open(qtbot, window)
    return window


@pytest.fixture
def done(qtbot: QtBot, opened: MainWindow) -> MainWindow:
    """The window with a finished result that is not saved."""
    opened.actions_.start.trigger()
    wait_done(qtbot, opened)
    return opened


def wait_open(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: window.session.shown is not None and window.session.shown.raster is not None)


def wait_done(qtbot: QtBot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: shown_state(window) is JobState.DONE)


def shown_state(window: MainWindow) -> JobState | None:
    picture = window.session.shown
    return None if picture is None or picture.shown_job is None else picture.shown_job.state


def has_result(window: MainWindow) -> bool:
    """Whether a result is among the panes."""
    return any(key.startswith("job:") for key in window.view.comparison.keys)


def figures(window: MainWindow, key: str) -> tuple[str, ...]:
    return window.view.comparison.figures[key]


def colour_at(qtbot: QtBot, window: MainWindow, key: str, row: int, column: int) -> tuple[int, int, int]:
    """Returns what the screen shows of a raster's pixel, at eight pixels of the screen for one."""
    view = window.view
    view.set_mode("one")
    view.set_current(key)
    view.camera.zoom_to(8.0)
    scale = view.comparison.opened(key).source.raster.width / window.session.shown.raster.width
    whole = float(view.comparison.arrangement.scale)
    at = ((column + 0.5) * whole / scale, (row + 0.5) * whole / scale)
    view.camera.look_at(*at)
    view.stage.refresh()
    qtbot.waitUntil(lambda: view.stage.is_sharp and view.store.is_idle)
    cell = view.panes.cells[0]
    placement = view.panes.placement_in(cell)
    shown = view.stage.grab().toImage().pixelColor(placement.x_of(at[0]), placement.y_of(at[1]))
    return shown.red(), shown.green(), shown.blue()


def messages(window: MainWindow) -> str:
    return "\n".join(notice.report for notice in window.notices.notices)


def held(urls: list[QUrl]) -> QMimeData:
    data = QMimeData()
    data.setUrls(urls)
    return data


def drop(window: MainWindow, *urls: QUrl) -> None:
    # The data must outlive the events: Qt only borrows it. A drop goes to the widget that took the drag.
    data = held(list(urls))
    middle, action, button = window.rect().center(), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    entered = QDragEnterEvent(middle, action, data, button, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window, entered)
    assert entered.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(middle), action, data, button, Qt.KeyboardModifier.NoModifier))


# Opening


def test_begins_with_a_drop_area_that_says_what_it_takes(window: MainWindow) -> None:
    assert window.pages.currentWidget() is window.drop_area
    texts = " ".join(label.text() for label in window.drop_area.findChildren(type(window.zoom_text)))
    for name in ("PNG", "JPEG", "TIFF", "WebP"):
        assert name in texts
    assert not window.actions_.start.isEnabled()
    assert "Open an image first." in window.actions_.start.toolTip()


def test_a_file_of_the_command_line_is_shown(
    qtbot: QtBot, bridge: Bridge, settings: Settings, theme: Theme, make_image: MakeImage
) -> None:
    window = MainWindow(bridge, settings, theme)
    qtbot.addWidget(window)
    window.painted.connect(bridge.start)
    bridge.list_models()
    window.open_files([make_image("roof.png", 40, 60)])
    with qtbot.waitSignal(window.painted):
        window.show()
    wait_open(qtbot, window)
    assert window.windowTitle() == "roof.png – Triptych"
    assert figures(window, "input") == ("60 × 40 · RGB, 8 bit",)
    assert window.pages.currentWidget() is window.view


def test_the_picture_itself_is_on_the_screen(qtbot: QtBot, opened: MainWindow, tmp_path: Path) -> None:
    file = cv2.cvtColor(cv2.imread(str(tmp_path / "photo.png")), cv2.COLOR_BGR2RGB)
    for row, column in ((10, 20), (24, 40), (30, 60)):
        assert colour_at(qtbot, opened, "input", row, column) == tuple(int(value) for value in file[row, column])


def test_dropped_files_are_opened_and_the_first_is_shown(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage
) -> None:
    paths = [make_image(f"{name}.png") for name in ("one", "two", "three")]
    drop(window, *(QUrl.fromLocalFile(str(path)) for path in paths))
    qtbot.waitUntil(lambda: all(picture.raster is not None for picture in window.session.pictures))
    assert [picture.path for picture in window.session.pictures] == paths
    assert window.session.shown is window.session.pictures[0]
    assert window.pictures.isVisible()
    # The keys of the comparison act at once.
    assert window.view.hasFocus()
    assert not window.pictures.item(2).icon().isNull()


def test_held_files_are_invited_and_leaving_goes_back(opened: MainWindow, tmp_path: Path) -> None:
    # The data must outlive the event: Qt only borrows it.
    data = held([QUrl.fromLocalFile(str(tmp_path / "photo.png"))])
    event = QDragEnterEvent(
        QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    QApplication.sendEvent(opened, event)
    assert event.isAccepted()
    assert opened.pages.currentWidget() is opened.drop_area
    QApplication.sendEvent(opened, QDragLeaveEvent())
    assert opened.pages.currentWidget() is opened.view


def test_what_the_window_does_not_take_is_refused_in_words(window: MainWindow, tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    folder.mkdir()
    drop(
        window,
        QUrl.fromLocalFile(str(folder)),
        QUrl("https://example.org/cat.png"),
    )
    told = messages(window)
    assert "There is no image in the folder holiday." in told
    assert "https://example.org/cat.png is not a file on this computer." in told
    assert window.session.pictures == []


def test_a_file_that_is_no_image_is_an_error_and_the_others_open(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not an image")
    window.open_files([broken, make_image()])
    qtbot.waitUntil(lambda: "broken.png is not an image that can be read." in messages(window))
    wait_open(qtbot, window)
    assert [picture.path.name for picture in window.session.pictures] == ["photo.png"]
    assert "Traceback" not in messages(window)


def test_warnings_of_the_decoder_are_shown(
    qtbot: QtBot, window: MainWindow, controls: Controls, make_image: MakeImage
) -> None:
    controls.decode_warnings = ("Only the first of 3 pages is used.",)
    window.open_files([make_image()])
    qtbot.waitUntil(lambda: "photo.png: Only the first of 3 pages is used." in messages(window))


def test_open_asks_for_images_and_remembers_the_folder(
    qtbot: QtBot, window: MainWindow, settings: Settings, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_image()
    monkeypatch.setattr(OpenImages, "ask", lambda parent, folder, extensions: [path])
    window.drop_area.open_button.click()
    wait_open(qtbot, window)
    assert settings.folder == path.parent


# Models and scales


def test_begins_at_times_two_with_the_default_family(window: MainWindow) -> None:
    choice = window.panel.choice
    assert choice is not None
    assert (choice.name, choice.scale) == ("esc-fast", 2)


def test_a_model_says_what_it_is_good_for_where_it_comes_from_and_how_good_it_is(window: MainWindow) -> None:
    from PySide6.QtWidgets import QLabel

    card = next(each for each in window.panel._cards if each.name == "esc-fast")
    told = " ".join(label.text() for label in card.findChildren(QLabel))
    assert "Quick and even" in told
    assert "PSNR-Y 36.00 dB on Set5" in told.replace("\N{NO-BREAK SPACE}", " ")
    assert card.toolTip().endswith("Comes with Triptych: esc-fast_x2.safetensors")


def test_a_scale_that_a_model_lacks_says_so(window: MainWindow) -> None:
    window.panel.choose("pft-light")
    choice = window.panel.choice
    assert choice is not None
    assert (choice.name, choice.scale) == ("pft-light", 4)
    button = next(each for each in window.panel.scales.findChildren(type(window.panel.start_button).__bases__[0])
                  if each.text() == "×2")  # fmt: skip
    assert not button.isEnabled()
    assert button.toolTip() == "pft-light has no weights for ×2. It offers ×4."


def test_the_start_button_says_what_it_will_do(opened: MainWindow) -> None:
    assert opened.panel.start_button.text() == "Upscale · esc-fast ×2"
    assert opened.panel.size_text.text() == "80 × 48 → 160 × 96 pixels"


def test_the_model_is_remembered_and_the_scale_is_not(window: MainWindow, settings: Settings) -> None:
    window.panel.scales.choose(4)
    window.panel.choose("sscan-fast")
    assert settings.model == "sscan-fast"


# Upscaling


def test_tiles_appear_as_they_are_done(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    job = opened.session.active_job
    assert job is not None
    qtbot.waitUntil(lambda: has_result(opened))
    assert opened.view.mode == "side"
    controls.release(2)
    qtbot.waitUntil(lambda: job.tiles_done == 2)
    assert (opened.strip.bar.value(), opened.strip.bar.maximum()) == (2, 6)
    assert opened.strip.left.text() == "Tile 2 of 6 · 2 s left"

    from engine.canvas import open_raster

    canvas = open_raster(job.canvas)
    key = f"job:{job.number}"
    finished, unfinished = (20, 40), (80, 20)
    expected = tuple(int(value) for value in np.rint(np.clip(canvas[finished], 0, 1) * 255))
    assert colour_at(qtbot, opened, key, *finished) == expected
    # A tile that is not done shows the input under a veil, not the empty canvas.
    assert not canvas[unfinished].any()
    assert max(colour_at(qtbot, opened, key, *unfinished)) > 40
    controls.release(4)
    wait_done(qtbot, opened)
    expected = tuple(int(value) for value in np.rint(np.clip(canvas[unfinished], 0, 1) * 255))
    assert colour_at(qtbot, opened, key, *unfinished) == expected


def test_a_finished_job_says_how_long_it_took(done: MainWindow) -> None:
    assert done.strip.sentence.text() == "Done in 3.0 s. Not saved yet."
    (result,) = [source for source in done.view.comparison.sources if source.kind == "model"]
    assert result.title == "esc-fast ×2"
    assert figures(done, result.key) == ("3.0 s on CPU", "0.00 GiB")


def test_the_time_left_is_known_before_the_first_tile_of_a_second_job(
    qtbot: QtBot, done: MainWindow, controls: Controls
) -> None:
    controls.holds_tiles = True
    done.actions_.start.trigger()
    qtbot.waitUntil(lambda: done.strip.left.text() == "About 3 s left")
    controls.release(6)
    wait_done(qtbot, done)


def test_one_job_at_a_time_and_the_button_says_why(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    assert not opened.panel.start_button.isEnabled()
    assert "A job is running" in opened.panel.start_button.toolTip()
    controls.release(6)
    wait_done(qtbot, opened)
    assert opened.panel.start_button.isEnabled()


def test_cancel_is_felt_at_once_and_ends_within_half_a_second(
    qtbot: QtBot, opened: MainWindow, controls: Controls
) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    controls.release()
    qtbot.waitUntil(lambda: opened.session.active_job.tiles_done == 1)
    canvas = Path(opened.session.active_job.canvas.path)
    began_s = time.monotonic()
    opened.strip.cancel_button.click()
    assert opened.strip.sentence.text() == "Cancelling photo.png…"
    assert not has_result(opened)
    qtbot.waitUntil(lambda: opened.session.active_job is None, timeout=500)
    assert time.monotonic() - began_s < 0.5
    assert opened.strip.sentence.text() == "Cancelled. Ctrl+Z takes it back."
    assert opened.actions_.start.isEnabled()
    # Kept, to go on from.
    assert canvas.exists()
    controls.holds_tiles = False
    opened.actions_.start.trigger()
    wait_done(qtbot, opened)


def test_an_image_dropped_during_a_job_is_shown_while_it_runs(
    qtbot: QtBot, opened: MainWindow, controls: Controls, make_image: MakeImage
) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: has_result(opened))
    opened.open_files([make_image("second.png", 30, 30)])
    qtbot.waitUntil(lambda: opened.session.shown.raster is not None and opened.session.shown.path.name == "second.png")
    assert not has_result(opened)
    controls.release(6)
    qtbot.waitUntil(lambda: opened.session.active_job is None)
    assert not has_result(opened)
    opened.pictures.setCurrentRow(0)
    assert has_result(opened)
    assert opened.session.shown.path.name == "photo.png"


def test_a_failed_job_is_an_error_in_words_and_the_next_one_runs(
    qtbot: QtBot, opened: MainWindow, controls: Controls
) -> None:
    controls.upscale_error = WorkerError("The worker process ended unexpectedly.", "Try again.")
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: "The worker process ended unexpectedly." in messages(opened))
    assert opened.session.active_job is None
    controls.upscale_error = None
    opened.actions_.start.trigger()
    wait_done(qtbot, opened)


def test_details_are_folded_and_the_report_can_be_copied(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.upscale_error = ZeroDivisionError("surprise")
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: len(opened.notices.notices) == 1)
    notice = opened.notices.notices[0]
    buttons = {button.text(): button for button in notice.findChildren(type(opened.strip.reveal_button))}
    assert not notice._details.isVisible()
    buttons["Details"].click()
    assert notice._details.isVisible()
    assert "ZeroDivisionError" in notice._details.toPlainText()
    buttons["Copy report"].click()
    copied = QGuiApplication.clipboard().text()
    assert copied.startswith(notice.report)
    assert f"Python {platform.python_version()}" in copied
    QTest.keyClick(notice, Qt.Key.Key_Escape)
    assert opened.notices.notices == []


def test_results_of_two_models_can_be_chosen_between(qtbot: QtBot, done: MainWindow) -> None:
    done.panel.scales.choose(4)
    done.actions_.start.trigger()
    wait_done(qtbot, done)
    assert [source.title for source in done.view.comparison.sources] == ["Input", "esc-fast ×2", "esc-fast ×4"]
    assert done.view.mode == "grid"
    assert done.session.shown.shown_job.scale == 4
    done.view.setFocus()
    QTest.keyClick(done.view, Qt.Key.Key_2)
    assert done.session.shown.shown_job.scale == 2


# Comparing


def test_keys_of_the_comparison(qtbot: QtBot, done: MainWindow) -> None:
    camera, view = done.view.camera, done.view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert camera.zoom == 1.0
    assert done.zoom_text.text() == "100 %"
    QTest.keyClick(view, Qt.Key.Key_Plus)
    assert camera.zoom == 1.5
    QTest.keyClick(view, Qt.Key.Key_Minus)
    assert camera.zoom == 1.0
    QTest.keyClick(view, Qt.Key.Key_F)
    assert camera.is_fitted
    QTest.keyClick(view, Qt.Key.Key_M)
    assert view.mode == "grid"


# Saving


def test_save_writes_beside_the_input_under_the_command_line_s_name(
    qtbot: QtBot, done: MainWindow, bridge: Bridge, tmp_path: Path
) -> None:
    with qtbot.waitSignal(bridge.job_saved):
        done.actions_.save.trigger()
    saved = cv2.imread(str(tmp_path / "photo_esc-fast_x2.png"))
    assert saved.shape == (96, 160, 3)
    assert done.strip.sentence.text() == "Saved as photo_esc-fast_x2.png"
    assert "saved already" in done.actions_.save.toolTip()


def test_save_writes_the_result_that_is_shown(qtbot: QtBot, done: MainWindow, bridge: Bridge, tmp_path: Path) -> None:
    done.panel.choose("sscan-fast")
    done.actions_.start.trigger()
    wait_done(qtbot, done)
    # Of the two, the one that a digit chose, not the latest.
    QTest.keyClick(done.view, Qt.Key.Key_2)
    with qtbot.waitSignal(bridge.job_saved):
        QTest.keyClick(done.view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert [path.name for path in tmp_path.glob("photo_*")] == ["photo_esc-fast_x2.png"]
    QTest.keyClick(done.view, Qt.Key.Key_3)
    with qtbot.waitSignal(bridge.job_saved):
        QTest.keyClick(done.view, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    assert sorted(path.name for path in tmp_path.glob("photo_*"))[1:] == ["photo_sscan-fast_x2.png"]


def test_format_and_quality_of_the_settings_are_those_of_the_file(
    qtbot: QtBot,
    done: MainWindow,
    bridge: Bridge,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[EncodeOptions] = []
    encode = FakeEngine.encode

    def noting(
        engine: FakeEngine, canvas: RasterRef, source: ImageInfo, path: Path, options: EncodeOptions
    ) -> DoneEncode:
        written.append(options)
        return encode(engine, canvas, source, path, options)

    monkeypatch.setattr(FakeEngine, "encode", noting)
    settings.target = Target(format="jpeg", quality=61)
    with qtbot.waitSignal(bridge.job_saved):
        done.actions_.save.trigger()
    assert [(options.format, options.quality) for options in written] == [("jpeg", 61)]
    assert (tmp_path / "photo_esc-fast_x2.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def test_save_never_replaces_a_file(qtbot: QtBot, done: MainWindow, bridge: Bridge, tmp_path: Path) -> None:
    there = tmp_path / "photo_esc-fast_x2.png"
    there.write_bytes(b"precious")
    with qtbot.waitSignal(bridge.job_saved):
        done.actions_.save.trigger()
    assert there.read_bytes() == b"precious"
    assert (tmp_path / "photo_esc-fast_x2_1.png").exists()
    assert done.strip.sentence.text() == "Saved as photo_esc-fast_x2_1.png"


def test_save_as_proposes_the_name_and_replaces_what_the_dialog_confirmed(
    qtbot: QtBot, done: MainWindow, bridge: Bridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposals: list[Path] = []
    chosen = tmp_path / "chosen.png"
    chosen.write_bytes(b"old")

    def ask(parent: MainWindow, proposal: Path) -> Path:
        proposals.append(proposal)
        return chosen

    monkeypatch.setattr(SaveImage, "ask", ask)
    with qtbot.waitSignal(bridge.job_saved):
        done.actions_.save_as.trigger()
    assert proposals == [tmp_path / "photo_esc-fast_x2.png"]
    assert cv2.imread(str(chosen)).shape == (96, 160, 3)


def test_a_result_that_cannot_be_saved_says_what_to_do(
    qtbot: QtBot, done: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SaveImage, "ask", lambda parent, proposal: tmp_path / "nowhere" / "a.png")
    done.actions_.save_as.trigger()
    qtbot.waitUntil(lambda: "There is no folder" in messages(done))
    assert "Save as…" in messages(done)
    assert "--output" not in messages(done)
    assert done.actions_.save.isEnabled()


# Closing


def test_closing_asks_before_an_unsaved_result_is_lost(done: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ConfirmLoss, "ask", lambda parent, what, consequence, do_it: bool(asked.append(what)))
    assert not done.close()
    assert done.isVisible()
    assert asked == ["The result esc-fast ×2 is not saved."]


def test_closing_in_the_middle_of_a_job_leaves_nothing(
    qtbot: QtBot, opened: MainWindow, controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: has_result(opened))
    monkeypatch.setattr(ConfirmLoss, "ask", lambda parent, what, consequence, do_it: True)
    assert opened.close()
    assert all(engine.is_closed for engine in controls.engines)
    # The fixture of the bridge asserts that no thread is left.


def test_closing_an_image_removes_its_rasters(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    folders = list(controls.folder.iterdir())
    assert len(folders) == 1
    opened.actions_.close_picture.trigger()
    assert opened.session.pictures == []
    assert opened.pages.currentWidget() is opened.drop_area
    qtbot.waitUntil(lambda: not list(controls.folder.iterdir()))


def test_the_window_comes_back_where_it_was(
    qtbot: QtBot, window: MainWindow, settings: Settings, theme: Theme, controls: Controls
) -> None:
    # Another height than a new window's. The screen that Qt pretends to have is too narrow for any width to come back.
    window.resize(window.minimumSizeHint().grownBy(QMargins(0, 0, 0, 20)))
    size = window.size()
    window.close()
    again = MainWindow(Bridge(controls.make_engine, list), settings, theme)
    qtbot.addWidget(again)
    assert again.height() == size.height()


# Manners


def test_every_action_has_a_key_that_its_tooltip_names(window: MainWindow) -> None:
    keys = [key_text(action) for action in window.actions_.all]
    assert len(set(keys)) == len(keys)
    for action in window.actions_.all:
        assert key_text(action)
        assert f"({key_text(action)})" in action.toolTip()


def test_the_keys_are_those_that_are_promised(window: MainWindow) -> None:
    actions, view = window.actions_, window.view.commands
    for action, key in (
        (actions.open, "Ctrl+O"),
        (actions.paste, "Ctrl+V"),
        (actions.save, "Ctrl+S"),
        (actions.start, "Ctrl+Return"),
        (actions.preview, "Ctrl+R"),
        (actions.cancel, "Ctrl+."),
        (actions.undo, "Ctrl+Z"),
        (actions.close_picture, "Del"),
        (actions.full_screen, "F11"),
        (actions.palette, "Ctrl+Shift+P"),
        (actions.keys, "F1"),
        (view.swap, "X"),
        (view.next_mode, "M"),
        (view.diff, "D"),
        (view.more_gain, "E"),
        (view.less_gain, "Shift+E"),
        (view.normalise, "N"),
        (view.fit, "F"),
        (view.actual_size, "Ctrl+0"),
        (view.zoom_in, "+"),
        (view.zoom_out, "-"),
        (view.tile_grid, "G"),
        (view.inspector, "I"),
        (view.attention, "A"),
    ):
        assert QKeySequence(key) in action.shortcuts(), action.text()


def test_every_button_has_a_tooltip_and_a_name(done: MainWindow) -> None:
    from PySide6.QtWidgets import QAbstractButton, QLineEdit

    for button in done.findChildren(QAbstractButton):
        # What Qt itself adds: the arrow of a crowded toolbar, the cross of a search field.
        if button.objectName().startswith("qt_toolbar_ext") or isinstance(button.parent(), QLineEdit):
            continue
        assert button.toolTip() or button.accessibleDescription(), button.text()
        assert button.text() or button.accessibleName()


def test_f11_fills_the_screen_and_esc_leaves_it(qtbot: QtBot, opened: MainWindow) -> None:
    QTest.keyClick(opened.view, Qt.Key.Key_F11)
    assert opened.isFullScreen()
    # Esc leaves what is innermost first.
    QTest.keyClick(opened.view, Qt.Key.Key_I)
    QTest.keyClick(opened.view, Qt.Key.Key_Escape)
    assert opened.isFullScreen()
    assert not opened.view.commands.inspector.isChecked()
    QTest.keyClick(opened.view, Qt.Key.Key_Escape)
    assert not opened.isFullScreen()
    assert not opened.actions_.full_screen.isChecked()


def test_esc_never_stops_work(qtbot: QtBot, opened: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job.canvas is not None)
    for _ in range(3):
        QTest.keyClick(opened.view, Qt.Key.Key_Escape)
    controls.release(6)
    wait_done(qtbot, opened)


def test_dark_and_light_repaint_the_stage(qapp: QApplication, opened: MainWindow) -> None:
    # A second theme on the same application: what a change of the desktop does.
    grounds = []
    for scheme in (Qt.ColorScheme.Dark, Qt.ColorScheme.Light):
        opened._theme._scheme = scheme
        opened._theme._follow()
        grounds.append(opened.view.stage.grab().toImage().pixelColor(1, 1).lightness())
        assert opened._theme.is_dark == (scheme == Qt.ColorScheme.Dark)
    assert grounds[0] < 40 < 200 < grounds[1]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_closes_the_window_without_asking(
    qtbot: QtBot, done: MainWindow, controls: Controls, number: signal.Signals
) -> None:
    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    notifier = _close_on_signals(done)
    try:
        os.kill(os.getpid(), number)
        qtbot.waitUntil(lambda: not done.isVisible())
        qtbot.waitUntil(lambda: all(engine.is_closed for engine in controls.engines))
    finally:
        notifier.setEnabled(False)
        signal.set_wakeup_fd(-1)
        for each, handler in handlers.items():
            signal.signal(each, handler)


def test_a_signal_also_closes_a_window_that_is_asking(qtbot: QtBot, done: MainWindow) -> None:
    asked: list[object] = []

    def answer_for_the_person() -> None:
        if QApplication.activeModalWidget() is not None:
            asked.append(QApplication.activeModalWidget())
            done.close_without_asking()

    # The question has an event loop of its own, in which the timer runs.
    timer = QTimer(done, interval=5)
    timer.timeout.connect(answer_for_the_person)
    timer.start()
    assert done.close()
    timer.stop()
    assert len(asked) == 1
    assert not done.isVisible()
    assert QApplication.activeModalWidget() is None


def test_an_unforeseen_error_is_shown_with_its_details(qtbot: QtBot, window: MainWindow) -> None:
    reporter = CrashReporter(window.notices.show_error)
    try:
        raise KeyError("surprise")
    except KeyError as error:
        reporter._on_error(KeyError, error, error.__traceback__)
    qtbot.waitUntil(lambda: len(window.notices.notices) == 1)
    assert "Something unforeseen went wrong (KeyError: 'surprise')." in messages(window)
    assert "test_window.py" in messages(window)


def test_errors_with_their_details_fit_into_a_low_window(opened: MainWindow) -> None:
    opened.resize(1280, 720)
    for number in range(3):
        opened.notices.show_error(f"Error {number}.", "What to do.", "Traceback\n" * 40)
    for notice in opened.notices.notices[:2]:
        notice._details.show()
    QApplication.processEvents()
    assert opened.height() == 720
    assert opened.minimumSizeHint().height() <= 720


def test_a_high_window_shows_more_of_the_memory(opened: MainWindow) -> None:
    heights = []
    for height in (780, 1440, 2160):
        opened.resize(1280, height)
        QApplication.processEvents()
        heights.append(opened.watching.panel.body.height())
    assert heights == [122, 180, 244]


def test_a_long_name_is_shortened_in_its_middle_and_whole_in_its_tooltip(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage
) -> None:
    name = f"{'long ' * 40}end.png"
    width = window.width()
    window.open_files([make_image(name)])
    wait_open(qtbot, window)
    assert window.width() == width
    assert window.windowTitle().startswith(name[:20])
