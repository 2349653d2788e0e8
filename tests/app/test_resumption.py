"""What earlier runs left is offered when the window starts, and goes on or goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.bridge import Bridge
from app.dialogs.closing import ConfirmLoss
from app.jobs import JobState
from app.main import restore
from app.resumption import InLine, line_text, read_line
from app.settings import Settings
from app.theme import Theme
from app.windows.main_window import MainWindow
from engine.messages import UpscaleSettings
from engine.workspace import list_jobs
from tests.app.fake_engine import Controls, catalog


@pytest.fixture
def interrupted(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, controls: Controls, make_image: Callable[..., Path]
) -> Path:
    """An image whose job was cancelled after its second tile."""
    path = make_image("roof.png")
    with qtbot.waitSignal(bridge.picture_opened):
        window.open_files([path])
    controls.holds_tiles = True
    with qtbot.waitSignal(bridge.canvas_made):
        window.actions_.start.trigger()
    controls.release(2)
    qtbot.waitUntil(lambda: window.session.active_job.tiles_done == 2)
    with qtbot.waitSignal(bridge.stopped):
        window.actions_.cancel.trigger()
    controls.holds_tiles = False
    return path


def button(window: MainWindow, words: str) -> QPushButton:
    (found,) = (each for each in window.notices.findChildren(QPushButton) if each.text() == words)
    return found


def offer(qtbot: QtBot, window: MainWindow, bridge: Bridge) -> None:
    with qtbot.waitSignal(bridge.interrupted_found):
        bridge.find_interrupted()
    qtbot.waitUntil(lambda: bool(window.notices.notices))


def test_nothing_is_offered_where_nothing_was_left(qtbot: QtBot, window: MainWindow, bridge: Bridge) -> None:
    with qtbot.waitSignal(bridge.interrupted_found) as found:
        bridge.find_interrupted()
    assert found.args[0].jobs == ()
    assert window.notices.notices == []


def test_a_cancelled_job_is_kept_and_offered_by_name(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, controls: Controls, interrupted: Path
) -> None:
    assert len(list_jobs(controls.folder / "jobs")) == 1
    offer(qtbot, window, bridge)
    (notice,) = window.notices.notices
    assert notice.report.startswith("One job was interrupted.")
    assert "roof.png · " in notice.report
    assert " tiles done" in notice.report


def test_what_is_older_than_the_settings_say_is_removed_and_not_offered(
    qtbot: QtBot,
    window: MainWindow,
    bridge: Bridge,
    controls: Controls,
    interrupted: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (left,) = (job.path for job in list_jobs(controls.folder / "jobs"))
    five_days_ago = time.time() - 5 * 86400
    for each in left.iterdir():
        os.utime(each, (five_days_ago, five_days_ago))
    for days, expected in (("6", 1), ("4", 0)):
        monkeypatch.setenv("TRIPTYCH_KEEP_DAYS", days)
        with qtbot.waitSignal(bridge.interrupted_found) as found:
            bridge.find_interrupted()
        assert len(found.args[0].jobs) == expected
        assert left.exists() == bool(expected)


def test_resume_opens_the_image_and_finishes_the_job(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, interrupted: Path
) -> None:
    offer(qtbot, window, bridge)
    with qtbot.waitSignal(bridge.job_done):
        button(window, "Resume").click()
    assert window.session.shown.path == interrupted
    assert window.session.shown.shown_job.state is JobState.DONE
    assert window.notices.notices == []


def test_starting_a_cancelled_job_again_takes_the_same_folder(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, controls: Controls, interrupted: Path
) -> None:
    (left,) = (job.path for job in list_jobs(controls.folder / "jobs"))
    with qtbot.waitSignal(bridge.job_done) as done:
        window.actions_.start.trigger()
    assert Path(done.args[0].upscaled.canvas.path).parent == left


def test_closing_the_image_removes_what_was_left_of_its_jobs(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, controls: Controls, interrupted: Path
) -> None:
    window.actions_.close_picture.trigger()
    qtbot.waitUntil(lambda: list((controls.folder / "jobs").iterdir()) == [])


def test_discard_removes_what_was_left(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, controls: Controls, interrupted: Path
) -> None:
    offer(qtbot, window, bridge)
    button(window, "Discard").click()
    qtbot.waitUntil(lambda: list_jobs(controls.folder / "jobs") == [])
    assert window.notices.notices == []


def test_the_folder_of_a_result_goes_with_its_image(
    qtbot: QtBot, window: MainWindow, bridge: Bridge, controls: Controls, make_image: Callable[..., Path]
) -> None:
    with qtbot.waitSignal(bridge.picture_opened):
        window.open_files([make_image()])
    with qtbot.waitSignal(bridge.job_done):
        window.actions_.start.trigger()
    jobs = controls.folder / "jobs"
    assert len(list(jobs.iterdir())) == 1
    window.opening.remove(window.session.shown)
    qtbot.waitUntil(lambda: list(jobs.iterdir()) == [])


# What was in line


@pytest.fixture
def start_again(
    qtbot: QtBot, qapp: QApplication, controls: Controls, theme: Theme, tmp_path: Path
) -> Iterator[Callable[[], MainWindow]]:
    """Starts the window as `app.main` does, from the settings that lie on the disk."""
    bridges = []

    def start() -> MainWindow:
        # A copy: settings that are open in this process would be shared, whatever the file says.
        number = len(bridges)
        copy = tmp_path / f"again {number}.ini"
        copy.write_bytes((tmp_path / "settings.ini").read_bytes())
        settings = Settings(QSettings(str(copy), QSettings.Format.IniFormat))
        bridge = Bridge(controls.make_engine, catalog)
        bridges.append(bridge)
        window = MainWindow(bridge, settings, theme)
        qtbot.addWidget(window, before_close_func=lambda closing: setattr(closing, "_asks_before_loss", False))
        window.painted.connect(bridge.start)
        bridge.list_models()
        bridge.find_interrupted()
        window.open_files(restore(settings, []))
        with qtbot.waitSignals([window.painted, bridge.interrupted_found]):
            window.show()
        qtbot.waitUntil(lambda: all(picture.has_thumbnail for picture in window.session.pictures))
        return window

    yield start
    for bridge in bridges:
        bridge.close()


@pytest.fixture
def at_work(qtbot: QtBot, window: MainWindow, controls: Controls, make_image: Callable[..., Path]) -> MainWindow:
    """A window with three images, of which the first is at work and the others are in line."""
    window.open_files([make_image(f"{name}.png") for name in ("one", "two", "three")])
    qtbot.waitUntil(lambda: all(picture.has_thumbnail for picture in window.session.pictures))
    window.panel.tiling.overlap.setValue(48)
    controls.holds_tiles = True
    window.actions_.start.trigger()
    controls.release(2)
    qtbot.waitUntil(lambda: window.session.active_job is not None and window.session.active_job.tiles_done == 2)
    # Another model is marked than runs.
    window.panel.choose("sscan-fast")
    return window


def end_by_force(window: MainWindow, bridge: Bridge) -> None:
    """Ends the engine as a kill does; the window has no moment to write anything."""
    bridge.close()
    window.hide()


def states(window: MainWindow) -> list[str]:
    return [window.pictures.item(row).text().replace("\n", ": ") for row in range(window.pictures.count())]


def test_the_list_is_on_the_disk_as_soon_as_it_changes(
    qtbot: QtBot, window: MainWindow, make_image: Callable[..., Path], tmp_path: Path
) -> None:
    def kept() -> list[str]:
        copy = tmp_path / "copy.ini"
        copy.write_bytes((tmp_path / "settings.ini").read_bytes())
        return [path.stem for path in Settings(QSettings(str(copy), QSettings.Format.IniFormat)).queue]

    window.open_files([make_image("one.png"), make_image("two.png")])
    qtbot.waitUntil(lambda: kept() == ["one", "two"])
    window.pictures.move_to(window.session.pictures[1].number, 0)
    window.pictures.moved.emit(window.session.pictures[1].number, 0)
    qtbot.waitUntil(lambda: kept() == ["two", "one"])
    window.actions_.close_picture.trigger()
    qtbot.waitUntil(lambda: kept() == ["two"])


@pytest.mark.parametrize("end", ["killed", "closed"])
def test_what_was_in_line_is_there_again_and_waits(
    qtbot: QtBot,
    at_work: MainWindow,
    bridge: Bridge,
    controls: Controls,
    start_again: Callable[[], MainWindow],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    end: str,
) -> None:
    qtbot.waitUntil(lambda: "three.png" in (tmp_path / "settings.ini").read_text())
    if end == "killed":
        end_by_force(at_work, bridge)
    else:
        asked: list[tuple[str, str]] = []
        monkeypatch.setattr(
            ConfirmLoss, "ask", lambda _, what, consequence, __: asked.append((what, consequence)) or True
        )
        assert at_work.close()
        assert asked == [("A job is still running.", "It is offered again at the next start.")]
    again = start_again()
    # The one that was at work has tiles, and is offered for itself; it is not in line as well.
    told = [notice.report for notice in again.notices.notices]
    assert [words.partition("\n")[0] for words in told] == ["2 jobs were still in line.", "One job was interrupted."]
    assert "two.png · esc-fast ×2; three.png · esc-fast ×2" in told[0]
    assert states(again) == ["one.png: 80 × 48", "two.png: In line", "three.png: In line"]
    assert again.session.active_job is None
    assert again.strip.sentence.text() == "Paused. 2 to do."
    assert controls.calls.count("upscale") == 1
    controls.holds_tiles = False
    button(again, "Start").click()
    qtbot.waitUntil(lambda: again.session.active_job is None and again.session.next_job is None)
    assert [[job.settings.overlap_px for job in picture.results] for picture in again.session.pictures] == [
        [],
        [48],
        [48],
    ]
    assert states(again)[1:] == ["two.png: Done, esc-fast ×2", "three.png: Done, esc-fast ×2"]
    # And the other offer still holds.
    button(again, "Resume").click()
    qtbot.waitUntil(lambda: states(again)[0] == "one.png: Done, esc-fast ×2")
    assert again.notices.notices == []


def test_a_line_that_nobody_starts_waits_for_the_start_after_the_next(
    qtbot: QtBot, at_work: MainWindow, bridge: Bridge, start_again: Callable[[], MainWindow], tmp_path: Path
) -> None:
    qtbot.waitUntil(lambda: "three.png" in (tmp_path / "settings.ini").read_text())
    end_by_force(at_work, bridge)
    once = start_again()
    assert len(once.session.queued_jobs) == 2
    # Nothing is lost by closing, so nothing is asked: an open question would hold the test up.
    assert once.close()
    (tmp_path / "settings.ini").write_bytes((tmp_path / "again 0.ini").read_bytes())
    twice = start_again()
    assert len(twice.session.queued_jobs) == 2
    assert [notice.report.partition("\n")[0] for notice in twice.notices.notices] == [
        "2 jobs were still in line.",
        "One job was interrupted.",
    ]


def test_the_offer_goes_when_the_line_goes_on_or_goes(
    qtbot: QtBot, at_work: MainWindow, bridge: Bridge, controls: Controls, start_again: Callable[[], MainWindow]
) -> None:
    QApplication.processEvents()
    end_by_force(at_work, bridge)
    one, two = start_again(), start_again()
    discard = [each for each in one.notices.findChildren(QPushButton) if each.text() == "Discard"]
    # The offer of the interrupted job has one too.
    next(each for each in discard if "out of the line" in each.toolTip()).click()
    assert one.session.queued_jobs == []
    assert one.actions_.undo.isEnabled()
    assert [notice.report.partition("\n")[0] for notice in one.notices.notices] == ["One job was interrupted."]
    one.actions_.undo.trigger()
    assert [states(one)[row] for row in (1, 2)] == ["two.png: In line", "three.png: In line"]
    assert one.session.active_job is None
    controls.holds_tiles = False
    two.actions_.pause.trigger()
    qtbot.waitUntil(lambda: two.session.active_job is None and two.session.next_job is None)
    assert [notice.report.partition("\n")[0] for notice in two.notices.notices] == ["One job was interrupted."]


def test_resume_goes_on_although_the_line_waits(
    qtbot: QtBot, at_work: MainWindow, bridge: Bridge, controls: Controls, start_again: Callable[[], MainWindow]
) -> None:
    QApplication.processEvents()
    end_by_force(at_work, bridge)
    again = start_again()
    controls.holds_tiles = False
    button(again, "Resume").click()
    qtbot.waitUntil(lambda: states(again)[0] == "one.png: Done, esc-fast ×2")
    assert again.session.shown.path.stem == "one"


def test_a_job_that_was_started_by_hand_is_not_resumed_beside_itself(
    qtbot: QtBot, at_work: MainWindow, bridge: Bridge, controls: Controls, start_again: Callable[[], MainWindow]
) -> None:
    QApplication.processEvents()
    end_by_force(at_work, bridge)
    again = start_again()
    again.panel.choose("esc-fast")
    again.actions_.start.trigger()
    qtbot.waitUntil(lambda: again.session.active_job is not None and again.session.active_job.canvas is not None)
    job = again.session.active_job
    assert job.picture_number == again.session.pictures[0].number
    button(again, "Resume").click()
    assert again.session.active_job is job
    controls.holds_tiles = False
    controls.release()
    qtbot.waitUntil(lambda: again.session.active_job is None and again.session.next_job is None)
    assert [len(picture.results) for picture in again.session.pictures] == [1, 1, 1]


def test_images_and_models_that_are_gone_leave_the_line(
    qtbot: QtBot,
    at_work: MainWindow,
    bridge: Bridge,
    start_again: Callable[[], MainWindow],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    QApplication.processEvents()
    end_by_force(at_work, bridge)
    (tmp_path / "two.png").unlink()
    others = [each for each in catalog() if each.name != "esc-fast"]
    with monkeypatch.context() as patch:
        patch.setattr("tests.app.test_resumption.catalog", lambda: others)
        gone = start_again()
    assert gone.session.queued_jobs == []
    assert "What was in line for esc-fast ×2 is left out." in gone.notices.notices[0].report
    again = start_again()
    assert states(again) == ["one.png: 80 × 48", "three.png: In line"]
    assert again.notices.notices[0].report.startswith("One job was still in line.")


def test_the_line_is_kept_as_it_was_written_and_nothing_else_is_believed() -> None:
    line = [
        InLine(Path("/a, b.png"), "esc", 2, UpscaleSettings()),
        InLine(Path("/ü.png"), "esc", 2, UpscaleSettings()),
        InLine(Path("/a, b.png"), "pft", 4, UpscaleSettings(tile_px=None, precision="fp32")),
    ]
    assert read_line(line_text(line)) == line
    assert line_text([]) == ""
    for text in ("", "nonsense", "[1]", "{}", '[{"model": "esc"}]', line_text(line).replace("overlap_px", "unknown")):
        assert read_line(text) == []
