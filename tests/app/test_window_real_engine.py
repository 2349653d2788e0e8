"""The whole path once with the real engine: an image on the command line, a bundled model, a saved file."""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
from PySide6.QtCore import QMimeData, QUrl
from pytestqt.qtbot import QtBot

import app.bridge
from app.bridge import Bridge
from app.jobs import JobState
from app.settings import Settings
from app.theme import Theme
from app.windows.main_window import MainWindow


@pytest.mark.skipif(not app.bridge.read_catalog(), reason="no bundled weights in this checkout")
def test_opens_upscales_and_saves(
    qtbot: QtBot,
    settings: Settings,
    theme: Theme,
    make_image: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = set(multiprocessing.active_children())
    cache = tmp_path / "cache"
    monkeypatch.setenv("TRIPTYCH_CACHE", str(cache))
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "data"))
    path = make_image("photo.png", 24, 40)
    window = MainWindow(Bridge(), settings, theme)
    qtbot.addWidget(window)
    bridge = window._bridge
    window.painted.connect(bridge.start)
    bridge.list_models()
    window.open_files([path])
    with qtbot.waitSignal(window.painted):
        window.show()
    qtbot.waitUntil(window.actions_.start.isEnabled, timeout=30_000)
    with qtbot.waitSignals([bridge.canvas_made, bridge.progressed, bridge.job_done], timeout=90_000):
        window.actions_.start.trigger()
    job = window.session.shown.shown_job
    assert job.state is JobState.DONE
    assert [(box.height, box.width) for box in job.finished] == [(48, 80)]
    with qtbot.waitSignal(bridge.job_saved, timeout=30_000):
        window.actions_.save.trigger()
    assert window.notices.notices == []
    # The result is still on show; after a kill, nobody would be offered to finish what lies in a file.
    assert Path(job.canvas.path).exists()
    assert not (Path(job.canvas.path).parent / "job.json").exists()
    assert window.close()
    choice = window.panel.choice
    assert cv2.imread(str(tmp_path / f"photo_{choice.name}_x2.png")).shape == (48, 80, 3)
    assert set(multiprocessing.active_children()) <= others
    assert list((cache / "jobs").iterdir()) == []


@pytest.mark.skipif(not app.bridge.read_catalog(), reason="no bundled weights in this checkout")
def test_a_dropped_checkpoint_installs_itself_and_one_with_code_in_it_is_refused(
    qtbot: QtBot, settings: Settings, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "data"))
    entry = next(each for each in app.bridge.read_catalog() if (each.name, each.scale) == ("esc-fast", 2))
    mine = Path(shutil.copy(entry.path, tmp_path / "mine_x2.safetensors"))
    evil = tmp_path / "evil.pth"
    evil.write_bytes(pickle.dumps(print))
    window = MainWindow(Bridge(), settings, theme)
    qtbot.addWidget(window)
    bridge = window._bridge
    window.painted.connect(bridge.start)
    bridge.list_models()
    with qtbot.waitSignal(window.painted):
        window.show()
    qtbot.waitUntil(lambda: window.panel.choice is not None, timeout=30_000)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in (mine, evil)])
    with qtbot.waitSignals([bridge.model_installed, bridge.failed, bridge.models_listed], timeout=90_000):
        window.opening.take(data)
    # It is in the list, and chosen.
    assert window.panel.choice.name == "mine"
    assert window.panel.choice.source == "added"
    (refused,) = window.notices.notices
    assert "evil.pth" in refused.report
    assert window.session.pictures == []
    assert window.close()
