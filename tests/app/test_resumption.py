"""What earlier runs left is offered when the window starts, and goes on or goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.bridge import Bridge
from app.jobs import JobState
from app.windows.main_window import MainWindow
from engine.workspace import list_jobs
from tests.app.fake_engine import Controls


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
