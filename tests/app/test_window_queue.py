"""The window's queue on a fake engine: many images, order, pause, cancel, retry, undo, restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QGuiApplication,
    QIcon,
    QImage,
    QPalette,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QListWidget, QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.bridge import Bridge
from app.dialogs.closing import ConfirmLoss
from app.dialogs.files import OpenImages
from app.jobs import JobState, PictureState
from app.main import restore
from app.settings import Settings
from app.windows.main_window import MainWindow
from engine.errors import WorkerError
from tests.app.fake_engine import Controls

MakeImage = Callable[..., Path]

# Qt 6.12 takes the position of a drag as QPointF; Qt 6.8, the oldest that is supported, takes QPoint only.
pytestmark = pytest.mark.filterwarnings("ignore:.*Drag.*Event:DeprecationWarning")


@pytest.fixture
def three(qtbot: QtBot, window: MainWindow, make_image: MakeImage) -> MainWindow:
    """The window with three images, all with their thumbnails."""
    window.open_files([make_image(f"{name}.png") for name in ("one", "two", "three")])
    qtbot.waitUntil(lambda: all(picture.has_thumbnail for picture in window.session.pictures))
    return window


def state(window: MainWindow, row: int) -> str:
    return window.pictures.item(row).text().split("\n")[1]


def names(window: MainWindow) -> list[str]:
    assert window.pictures.numbers == [picture.number for picture in window.session.pictures]
    return [picture.path.stem for picture in window.session.pictures]


def choose_from_menu(window: MainWindow, row: int, words: str) -> None:
    menu = window.pictures.make_menu(window.session.pictures[row].number)
    action = next(each for each in menu.actions() if each.text() == words)
    assert action.isEnabled(), action.toolTip()
    action.trigger()
    menu.deleteLater()


def entry(window: MainWindow, row: int, words: str) -> tuple[bool, str]:
    """Returns whether an entry of a row's menu can be chosen, and its tooltip."""
    menu = window.pictures.make_menu(window.session.pictures[row].number)
    action = next(each for each in menu.actions() if each.text() == words)
    menu.deleteLater()
    return action.isEnabled(), action.toolTip()


def row_middle(window: MainWindow, row: int) -> QPoint:
    """Returns the middle of a row in the window."""
    pictures = window.pictures
    return pictures.viewport().mapTo(window, pictures.visualItemRect(pictures.item(row)).center())


def all_done(window: MainWindow) -> bool:
    return all(
        picture.results and all(job.state is JobState.DONE for job in picture.results)
        for picture in window.session.pictures
    )


def messages(window: MainWindow) -> str:
    return "\n".join(notice.report for notice in window.notices.notices)


def test_start_upscales_every_image_and_saves_each(
    qtbot: QtBot, three: MainWindow, settings: Settings, tmp_path: Path
) -> None:
    settings.saves_results = True
    assert three.panel.start_button.text() == "Upscale 3 images · esc-fast ×2"
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: all(p.results and p.results[0].saved_as for p in three.session.pictures))
    for name in ("one", "two", "three"):
        assert cv2.imread(str(tmp_path / f"{name}_esc-fast_x2.png")).shape == (96, 160, 3)
    assert [state(three, row) for row in range(3)] == ["Saved, esc-fast ×2"] * 3
    # Nothing lacks it any more: the button is about the image shown.
    assert three.panel.start_button.accessibleName() == "Upscale · esc-fast ×2 · about 3 s"
    three.panel.choose("sscan-fast")
    assert three.panel.start_button.text() == "Upscale 3 images · sscan-fast ×2"


def test_rows_say_how_far_each_image_is(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    controls.release(3)
    qtbot.waitUntil(lambda: state(three, 0) == "50 % · 2 s left")
    assert [state(three, 1), state(three, 2)] == ["In line", "In line"]
    assert three.strip.sentence.text() == "Upscaling one.png with esc-fast ×2 · 2 more"
    controls.release(15)
    qtbot.waitUntil(lambda: all_done(three))


def test_pause_keeps_the_place_and_goes_on(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    controls.release()
    qtbot.waitUntil(lambda: three.session.active_job is not None and three.session.active_job.tiles_done == 1)
    job = three.session.active_job
    three.strip.pause_button.click()
    qtbot.waitUntil(lambda: job.state is JobState.QUEUED)
    assert three.session.active_job is None
    assert three.strip.sentence.text() == "Paused. 3 to do."
    assert three.strip.pause_button.text() == "Resume"
    assert [state(three, row) for row in range(3)] == ["In line"] * 3
    controls.holds_tiles = False
    three.strip.pause_button.click()
    qtbot.waitUntil(lambda: all_done(three))
    assert three.session.pictures[0].results == [job]


def test_cancel_empties_the_line(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job.canvas is not None)
    three.actions_.cancel.trigger()
    qtbot.waitUntil(lambda: three.session.active_job is None)
    assert three.session.queued_jobs == []
    assert [state(three, row) for row in range(3)] == ["80 × 48"] * 3
    assert three.strip.sentence.text() == "Cancelled. Ctrl+Z takes it back."
    assert not three.actions_.cancel.isEnabled()


def test_undo_after_a_cancel_goes_on_from_the_tiles_done(
    qtbot: QtBot, three: MainWindow, controls: Controls, bridge: Bridge
) -> None:
    begun: list[Path] = []
    bridge.canvas_made.connect(lambda event: begun.append(Path(event.canvas.path).parent))
    controls.holds_tiles = True
    three.actions_.start.trigger()
    controls.release(2)
    qtbot.waitUntil(lambda: three.session.active_job.tiles_done == 2)
    three.actions_.cancel.trigger()
    qtbot.waitUntil(lambda: three.session.active_job is None)
    assert three.session.queued_jobs == []
    QTest.keyClick(three, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(begun) == 2)
    # The folder that holds the tiles of before.
    assert begun[0] == begun[1]
    assert [state(three, row) for row in (1, 2)] == ["In line"] * 2
    assert not three.actions_.undo.isEnabled()
    controls.holds_tiles = False
    controls.release(6)
    qtbot.waitUntil(lambda: all_done(three))


def test_undo_in_the_middle_of_a_cancel_takes_it_back_too(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job.canvas is not None)
    job = three.session.active_job
    three.actions_.cancel.trigger()
    assert job.state is JobState.CANCELLING
    three.actions_.undo.trigger()
    controls.holds_tiles = False
    qtbot.waitUntil(lambda: all_done(three))
    assert three.session.pictures[0].results == [job]


def test_undo_brings_back_the_cancelled_job_of_one_image(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job.canvas is not None)
    choose_from_menu(three, 1, "Cancel this image")
    assert not three.session.pictures[1].results
    three.actions_.undo.trigger()
    assert state(three, 1) == "In line"
    controls.holds_tiles = False
    controls.release()
    qtbot.waitUntil(lambda: all_done(three))


def test_the_time_for_the_whole_line_is_told(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    # Six tiles of half a second are known to make an image; two more images wait.
    controls.holds_tiles = True
    three.actions_.start.trigger()
    controls.release(6 + 2)
    qtbot.waitUntil(lambda: three.session.pictures[1].results[0].tiles_done == 2)
    qtbot.waitUntil(lambda: three.strip.left.text() == "Tile 2 of 6 · 2 s left, 5 s in all")
    controls.release(10)
    qtbot.waitUntil(lambda: all_done(three))


def test_the_start_button_goes_on_with_a_line_that_is_paused(
    qtbot: QtBot, three: MainWindow, controls: Controls
) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job.canvas is not None)
    three.actions_.pause.trigger()
    qtbot.waitUntil(lambda: three.session.active_job is None)
    assert three.panel.start_button.text() == "Resume: 3 to do"
    controls.holds_tiles = False
    three.panel.start_button.click()
    qtbot.waitUntil(lambda: all_done(three))


def test_one_image_can_be_cancelled_and_the_others_go_on(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job.canvas is not None)
    choose_from_menu(three, 1, "Cancel this image")
    choose_from_menu(three, 0, "Cancel this image")
    qtbot.waitUntil(lambda: not three.session.pictures[0].results)
    controls.holds_tiles = False
    controls.release()
    qtbot.waitUntil(lambda: bool(three.session.pictures[2].results) and three.session.next_job is None)
    qtbot.waitUntil(lambda: three.session.active_job is None)
    assert [len(picture.results) for picture in three.session.pictures] == [0, 0, 1]


def test_a_failure_stays_with_its_image_and_can_be_tried_again(
    qtbot: QtBot, three: MainWindow, controls: Controls
) -> None:
    controls.upscale_error = WorkerError("The worker process ended unexpectedly.", "Try again.")
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: [state(three, row) for row in range(3)] == ["Failed"] * 3)
    controls.upscale_error = None
    choose_from_menu(three, 1, "Try again")
    qtbot.waitUntil(lambda: state(three, 1) == "Done, esc-fast ×2")
    assert state(three, 0) == "Failed"


def test_trying_again_runs_what_failed_and_not_what_is_marked_now(
    qtbot: QtBot, three: MainWindow, controls: Controls
) -> None:
    three.panel.scales.choose(4)
    three.panel.tiling.overlap.setValue(48)
    controls.upscale_error = WorkerError("The worker process ended unexpectedly.", "Try again.")
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: [state(three, row) for row in range(3)] == ["Failed"] * 3)
    controls.upscale_error = None
    three.panel.tiling.overlap.setValue(16)
    three.panel.choose("sscan-fast")
    choose_from_menu(three, 1, "Try again")
    qtbot.waitUntil(lambda: state(three, 1) == "Done, esc-fast ×4")
    (job,) = three.session.pictures[1].results
    assert job.settings.overlap_px == 48
    enabled, why_not = entry(three, 1, "Try again")
    assert not enabled
    assert "Nothing has failed for this image." in why_not
    assert entry(three, 0, "Try again")[0]


def test_the_order_is_changed_by_key_by_menu_and_back_by_undo(qtbot: QtBot, three: MainWindow) -> None:
    three.pictures.setCurrentRow(2)
    QTest.keyClick(three.pictures, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert names(three) == ["one", "three", "two"]
    choose_from_menu(three, 2, "Do first")
    assert names(three) == ["two", "one", "three"]
    three.actions_.undo.trigger()
    three.actions_.undo.trigger()
    assert names(three) == ["one", "two", "three"]
    assert not three.actions_.undo.isEnabled()


def test_the_order_is_the_order_of_the_work(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    controls.holds_tiles = True
    choose_from_menu(three, 2, "Do first")
    three.actions_.start.trigger()
    assert three.session.active_job.picture_number == three.session.pictures[0].number
    assert three.session.pictures[0].path.stem == "three"
    controls.release(18)
    qtbot.waitUntil(lambda: all_done(three))


def test_undo_takes_out_what_was_added_at_once(
    qtbot: QtBot, three: MainWindow, make_image: MakeImage, tmp_path: Path
) -> None:
    folder = tmp_path / "by mistake"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        make_image(name).rename(folder / name)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder)), QUrl.fromLocalFile(str(tmp_path / "one.png"))])
    three.opening.take(data)
    assert names(three) == ["one", "two", "three", "a", "b"]
    assert three.session.shown is three.session.pictures[3]
    three.actions_.undo.trigger()
    # What was there before stays, also what was dropped once more.
    assert names(three) == ["one", "two", "three"]
    assert three.session.shown is three.session.pictures[2]
    assert not three.actions_.undo.isEnabled()
    assert (folder / "a.png").exists()


def test_undo_of_adding_asks_before_a_result_is_lost(
    qtbot: QtBot, three: MainWindow, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    three.opening.open_files([make_image("more.png")])
    qtbot.waitUntil(lambda: three.session.shown is not None and three.session.shown.raster is not None)
    three.panel.saves.setChecked(False)
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job is None and not three.session.queued_jobs)
    answers = iter([False, True])
    monkeypatch.setattr(ConfirmLoss, "ask", lambda *_: next(answers))
    three.actions_.undo.trigger()
    assert names(three) == ["one", "two", "three", "more"]
    three.actions_.undo.trigger()
    assert names(three) == ["one", "two", "three"]


def test_a_row_out_of_sight_costs_no_event_its_time_and_is_right_soon_after(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_image()
    for number in range(400):
        (tmp_path / f"copy {number:03}.png").symlink_to(made)
    window.open_files(sorted(tmp_path.glob("copy *")))
    shown: list[int] = []
    show = type(window.pictures).show_state
    monkeypatch.setattr(
        type(window.pictures), "show_state", lambda rows, picture: (shown.append(picture.number), show(rows, picture))
    )
    last = window.session.pictures[-1]
    last.failure = "It failed."
    window.opening._desk.tell()
    assert 0 < len(shown) < 40
    qtbot.waitUntil(lambda: window.pictures.item(399).text() == f"{last.path.name}\nFailed")


def test_delete_removes_and_undo_brings_back(qtbot: QtBot, three: MainWindow) -> None:
    three.pictures.setCurrentRow(1)
    QTest.keyClick(three.pictures, Qt.Key.Key_Delete)
    assert names(three) == ["one", "three"]
    assert three.session.shown.path.stem == "three"
    # From the picture too, not only from its row.
    qtbot.waitUntil(lambda: three.session.shown.raster is not None)
    QTest.keyClick(three.view, Qt.Key.Key_Delete)
    assert names(three) == ["one"]
    three.actions_.undo.trigger()
    three.actions_.undo.trigger()
    assert names(three) == ["one", "two", "three"]
    qtbot.waitUntil(lambda: three.session.pictures[1].raster is not None)


def test_removing_the_image_at_work_asks_and_cancels_it(
    qtbot: QtBot, three: MainWindow, controls: Controls, monkeypatch: pytest.MonkeyPatch
) -> None:
    controls.holds_tiles = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.active_job.canvas is not None)
    answers = [False, True]
    monkeypatch.setattr(ConfirmLoss, "ask", lambda *_: answers.pop(0))
    choose_from_menu(three, 0, "Close image")
    assert names(three) == ["one", "two", "three"]
    choose_from_menu(three, 0, "Close image")
    assert names(three) == ["two", "three"]
    qtbot.waitUntil(lambda: controls.calls.count("upscale") == 2)
    controls.release(12)
    qtbot.waitUntil(lambda: all_done(three))


def test_a_folder_is_taken_with_the_folders_inside_it(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "holiday"
    (folder / "beach").mkdir(parents=True)
    make_image("holiday/b.png")
    make_image("holiday/A.png")
    make_image("holiday/beach/c.png")
    (folder / "notes.txt").write_text("not an image")
    monkeypatch.setattr(OpenImages, "ask_folder", lambda *_: folder)
    window.actions_.open_folder.trigger()
    assert names(window) == ["A", "b", "c"]


def test_pixels_of_images_that_nobody_looks_at_are_given_back(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, controls: Controls
) -> None:
    window.open_files([make_image(f"{number:02}.png", 10, 10) for number in range(12)])
    pictures = window.session.pictures
    qtbot.waitUntil(lambda: all(picture.has_thumbnail for picture in pictures))
    assert sum(picture.raster is not None for picture in pictures) <= 8
    qtbot.waitUntil(lambda: len([each for each in controls.folder.iterdir() if list(each.glob("input.raw"))]) <= 8)
    far = pictures[1]
    assert far.state is PictureState.CLOSED
    window.pictures.setCurrentRow(1)
    qtbot.waitUntil(lambda: far.raster is not None and "input" in window.view.comparison.keys)
    window.actions_.start.trigger()
    qtbot.waitUntil(lambda: all_done(window))


def test_an_image_of_the_clipboard_becomes_a_file(
    qtbot: QtBot, window: MainWindow, settings: Settings, tmp_path: Path
) -> None:
    settings.folder = tmp_path
    image = QImage(20, 10, QImage.Format.Format_RGB888)
    image.fill(QColor(10, 200, 30))
    QGuiApplication.clipboard().setImage(image)
    window.actions_.paste.trigger()
    window.actions_.paste.trigger()
    qtbot.waitUntil(lambda: all(picture.raster is not None for picture in window.session.pictures))
    assert names(window) == ["Pasted image", "Pasted image 2"]
    assert cv2.imread(str(tmp_path / "Pasted image.png"))[5, 5].tolist() == [30, 200, 10]
    QGuiApplication.clipboard().setText("only words")
    window.actions_.paste.trigger()
    assert "There is no image in the clipboard." in messages(window)


def test_files_of_the_clipboard_are_opened(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(make_image("copied.png")))])
    # Not put into Qt's clipboard: that and Python would each delete the data at the end.
    clipboard = SimpleNamespace(mimeData=lambda: data)
    monkeypatch.setattr("app.windows.opening.QGuiApplication", SimpleNamespace(clipboard=lambda: clipboard))
    window.actions_.paste.trigger()
    qtbot.waitUntil(lambda: names(window) == ["copied"])


def test_one_image_has_its_row_too(qtbot: QtBot, window: MainWindow, make_image: MakeImage) -> None:
    assert not window.pictures.isVisible()
    window.open_files([make_image()])
    assert window.pictures.isVisible()
    assert window.pictures.count() == 1
    choose_from_menu(window, 0, "Close image")
    assert not window.pictures.isVisible()


def test_room_under_the_rows_invites_more(qtbot: QtBot, window: MainWindow, make_image: MakeImage) -> None:
    def is_invited() -> bool:
        pictures = window.pictures
        hint = next(label for label in pictures.findChildren(QLabel) if label.text() == "Drop more images here")
        below = pictures.visualItemRect(pictures.item(pictures.count() - 1)).bottom()
        assert not hint.isVisible() or below < hint.geometry().top() < hint.geometry().bottom() < pictures.height()
        return hint.isVisible()

    window.open_files([make_image("one.png")])
    qtbot.waitUntil(lambda: window.session.shown.raster is not None)
    assert is_invited()
    window.open_files([make_image(f"{number}.png", 8, 8) for number in range(12)])
    qtbot.waitUntil(lambda: not is_invited())
    window.pictures.scrollToBottom()
    assert not is_invited()
    window.resize(window.width(), 2000)
    qtbot.waitUntil(is_invited)


def test_arrows_keep_the_focus_in_the_list_and_opening_gives_it_to_the_picture(
    qtbot: QtBot, three: MainWindow, make_image: MakeImage
) -> None:
    assert three.view.hasFocus()
    three.pictures.setFocus()
    for row in (1, 2):
        QTest.keyClick(three.pictures, Qt.Key.Key_Down)
        assert three.session.shown is three.session.pictures[row]
        assert three.pictures.hasFocus()
    three.open_files([make_image("four.png")])
    assert three.view.hasFocus()
    # Turned to before its pixels are there: they come while the person goes on in the list.
    three.pictures.setFocus()
    qtbot.waitUntil(lambda: "input" in three.view.comparison.keys)
    assert three.pictures.hasFocus()
    # Delete goes from row to row as well.
    QTest.keyClick(three.pictures, Qt.Key.Key_Delete)
    assert names(three) == ["one", "two", "three"]
    assert three.pictures.hasFocus()


def test_a_thumbnail_is_the_picture(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    image = QImage(90, 60, QImage.Format.Format_RGB888)
    image.fill(QColor(10, 200, 30))
    for x in range(90):
        for y in range(30):
            image.setPixelColor(x, y, QColor(200, 20, 120))
    assert image.save(str(tmp_path / "halves.png"))
    window.open_files([tmp_path / "halves.png"])
    qtbot.waitUntil(lambda: window.session.pictures[0].has_thumbnail)
    # In a row that is selected too: its colours are not tinted.
    for mode in (QIcon.Mode.Normal, QIcon.Mode.Selected):
        thumbnail = window.pictures.item(0).icon().pixmap(44, 44, mode).toImage()
        assert (thumbnail.width(), thumbnail.height()) == (44, 44)
        assert thumbnail.pixelColor(22, 8).getRgb() == (200, 20, 120, 255)
        assert thumbnail.pixelColor(22, 36).getRgb() == (10, 200, 30, 255)


def test_the_bar_of_a_row_is_as_long_as_what_is_done(qtbot: QtBot, three: MainWindow, controls: Controls) -> None:
    def bar(row: int) -> int:
        shown = three.pictures.viewport().grab().toImage()
        accent = three.pictures.palette().color(QPalette.ColorRole.Highlight).rgb()
        rect = three.pictures.visualItemRect(three.pictures.item(row))
        return max(
            sum(shown.pixel(x, y) == accent for x in range(rect.left(), rect.right()))
            for y in range(rect.bottom() - 10, rect.bottom())
        )

    assert bar(0) == 0
    controls.holds_tiles = True
    three.actions_.start.trigger()
    lengths = []
    for tiles in (2, 4):
        controls.release(2)
        qtbot.waitUntil(lambda tiles=tiles: three.session.active_job.tiles_done == tiles)
        lengths.append(bar(0))
    assert lengths[0] > 30
    assert lengths[1] == pytest.approx(2 * lengths[0], abs=1)
    assert bar(1) == 0
    controls.release(14)
    qtbot.waitUntil(lambda: all_done(three))
    assert bar(0) == 0


def test_a_row_that_was_dragged_is_done_where_it_lies(
    qtbot: QtBot, three: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move(pictures: QListWidget, _event: QDropEvent) -> None:
        # Qt's own part of it: it asks for a drag of the system, which no screen has that nobody sees.
        item = pictures.takeItem(pictures.row(pictures.currentItem()))
        pictures.insertItem(2, item)
        pictures.setCurrentItem(item)

    monkeypatch.setattr(QListWidget, "dropEvent", move)
    three.pictures.setCurrentRow(0)
    none = Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(9, 9), Qt.DropAction.MoveAction, QMimeData(), Qt.MouseButton.LeftButton, none)
    three.pictures.dropEvent(event)
    assert names(three) == ["two", "three", "one"]
    three.actions_.undo.trigger()
    assert names(three) == ["one", "two", "three"]


@pytest.mark.parametrize("way", ["right click", "menu key"])
def test_the_menu_of_a_row_opens(qtbot: QtBot, three: MainWindow, way: str) -> None:
    three.pictures.setFocus()
    three.pictures.setCurrentRow(1)
    handle = three.windowHandle()
    if way == "right click":
        QTest.mouseClick(handle, Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, row_middle(three, 2))
    else:
        # What the platform makes of the key; the row that is chosen is where it belongs to.
        QApplication.sendEvent(handle, QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(), QPoint()))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    next(each for each in menu.actions() if each.text() == "Close image").trigger()
    menu.close()
    assert names(three) == (["one", "two"] if way == "right click" else ["one", "three"])


def test_the_folder_of_an_image_and_of_its_result_is_shown(
    qtbot: QtBot, three: MainWindow, monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path
) -> None:
    shown: list[Path] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: shown.append(Path(url.toLocalFile())))
    choose_from_menu(three, 1, "Show in folder")
    assert shown == [tmp_path]
    settings.target = replace(settings.target, folder=tmp_path / "results")
    settings.saves_results = True
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: all(p.results and p.results[0].saved_as for p in three.session.pictures))
    choose_from_menu(three, 1, "Show in folder")
    assert three.strip.reveal_button.isVisible()
    three.strip.reveal_button.click()
    assert shown == [tmp_path, tmp_path / "results", tmp_path / "results"]


@pytest.mark.parametrize("child", ["list", "panel", "comparison"])
def test_a_drop_on_any_part_of_the_window_opens_the_file(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, child: str
) -> None:
    window.open_files([make_image("one.png")])
    qtbot.waitUntil(lambda: window.session.shown.raster is not None)
    window.pictures.setFocus()
    parts: dict[str, QWidget] = {
        "list": window.pictures.viewport(),
        "panel": window.panel.start_button,
        "comparison": window.view.stage,
    }
    part = parts[child]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(make_image("two.png")))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    # As the platform sends them: Qt looks for the widget under the pointer that takes drops.
    at, handle = part.mapTo(window, part.rect().center()), window.windowHandle()
    QApplication.sendEvent(handle, QDragEnterEvent(at, action, data, button, none))
    QApplication.sendEvent(handle, QDragMoveEvent(at, action, data, button, none))
    QApplication.sendEvent(handle, QDropEvent(QPointF(at), action, data, button, none))
    assert names(window) == ["one", "two"]
    assert window.view.hasFocus()


def test_another_image_of_the_list_is_used_as_the_reference(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage
) -> None:
    window.open_files([make_image("a & b.png"), make_image("large.png", 96, 160), make_image("odd.png", 50, 160)])
    words = "Use as the reference of a && b.png"
    assert entry(window, 1, words) == (
        False,
        "Use as the reference of a  b.png\nNo image is shown that it could be the reference of.",
    )
    qtbot.waitUntil(lambda: all(picture.has_thumbnail for picture in window.session.pictures))
    assert "It is the image that is shown" in entry(window, 0, "Use as a reference")[1]
    assert not entry(window, 0, "Use as a reference")[0]
    enabled, why_not = entry(window, 2, words)
    assert not enabled
    assert "It has 160 × 50 pixels, and a reference of a & b.png has 80 × 48, 160 × 96, " in why_not
    choose_from_menu(window, 1, words)
    qtbot.waitUntil(lambda: "reference" in window.view.comparison.keys)
    assert window.session.shown.path.name == "a & b.png"
    assert window.view.reference_key == "reference"


def test_the_queue_survives_a_restart(
    qtbot: QtBot, three: MainWindow, settings: Settings, bridge: Bridge, tmp_path: Path
) -> None:
    choose_from_menu(three, 2, "Do first")
    assert three.close()
    (tmp_path / "one.png").unlink()
    assert [path.stem for path in settings.queue] == ["three", "two"]
    given = tmp_path / "given.png"
    assert restore(settings, [given]) == [given, tmp_path / "three.png", tmp_path / "two.png"]


def test_a_reference_must_fit_and_is_measured_against(
    qtbot: QtBot, window: MainWindow, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.open_files([make_image()])
    qtbot.waitUntil(window.actions_.reference.isEnabled)
    answers = [make_image("wrong.png", 100, 160), make_image("original.png", 96, 160)]
    monkeypatch.setattr(OpenImages, "ask", lambda *_: [answers.pop(0)])
    window.actions_.reference.trigger()
    qtbot.waitUntil(lambda: "cannot be the reference of photo.png" in messages(window))
    assert "160 × 96" in messages(window)
    window.actions_.reference.trigger()
    qtbot.waitUntil(lambda: "reference" in window.view.comparison.keys)
    assert window.view.reference_key == "reference"
    window.actions_.start.trigger()
    qtbot.waitUntil(lambda: all_done(window))
    qtbot.waitUntil(lambda: window.view.is_settled, timeout=10_000)
    assert [source.title for source in window.view.comparison.sources] == ["Input", "Reference", "esc-fast ×2"]


def test_start_can_run_all_ticked_models(qtbot: QtBot, three: MainWindow, settings: Settings) -> None:
    three.panel.all_ticked.setChecked(True)
    assert settings.runs_ticked
    assert three.panel.start_button.text() == "Upscale 3 images · 3 models · ×2"
    for card in three.panel._cards[1:]:
        card.tick.setChecked(card.name == "sscan-fast")
    assert three.panel.start_button.text() == "Upscale 3 images · 2 models · ×2"
    three.actions_.start.trigger()
    qtbot.waitUntil(lambda: three.session.next_job is None and three.session.active_job is None)
    for picture in three.session.pictures:
        assert [job.model for job in picture.results] == ["esc-fast", "sscan-fast"]
    for card in three.panel._cards:
        card.tick.setChecked(False)
    assert "Tick a model first." in three.actions_.start.toolTip()


def test_images_opened_before_are_in_a_menu(
    qtbot: QtBot, three: MainWindow, settings: Settings, make_image: MakeImage, tmp_path: Path
) -> None:
    menu = three.toolbar.recent
    three.open_files([make_image("four & more.png")])
    (tmp_path / "two.png").unlink()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == ["four && more.png", "three.png", "one.png"]
    three.opening.remove(three.session.pictures[0])
    menu.actions()[2].trigger()
    assert names(three)[-1] == "one"
    settings.remember([make_image(f"{number}.png", 4, 4) for number in range(20)])
    assert len(settings.recent) == 12


def test_an_image_dropped_on_the_slot_is_the_reference(qtbot: QtBot, window: MainWindow, make_image: MakeImage) -> None:
    window.open_files([make_image()])
    qtbot.waitUntil(window.actions_.reference.isEnabled)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(make_image("original.png", 96, 160)))])
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(window, QDragEnterEvent(window.rect().center(), action, data, button, none))
    slot = window.drop_area._slot
    assert slot.isVisible()
    assert slot.text() == "Drop it here as the reference of photo.png"
    QApplication.processEvents()
    at = slot.mapTo(window, slot.rect().center())
    QApplication.sendEvent(window, QDragMoveEvent(at, action, data, button, none))
    QApplication.sendEvent(window, QDropEvent(QPointF(at), action, data, button, none))
    qtbot.waitUntil(lambda: "reference" in window.view.comparison.keys)
    assert names(window) == ["photo"]
    assert not slot.isVisible()
