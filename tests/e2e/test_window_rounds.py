"""One window with the real engine, used for a long time: what 200 rounds of opening, upscaling and closing leave behind."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

# Before Qt is loaded: no test opens a window on somebody's screen.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QCoreApplication, QEvent, QSettings
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

import app.bridge
from app.bridge import Bridge
from app.garbage import GarbageCollector
from app.jobs import JobState
from app.settings import Settings
from app.theme import Theme
from app.windows.main_window import MainWindow

pytestmark = [
    pytest.mark.skipif(not app.bridge.read_catalog(), reason="no bundled weights in this checkout"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="what a process holds is read from /proc"),
]

MEMORY_MAY_GROW = 1.05


@dataclass(frozen=True)
class Held:
    """What the window's process holds; of memory also what its children hold (KiB that are no file's)."""

    widgets: int
    threads: int
    children: int
    mapped: int
    descriptors: int
    files: int
    own_kib: int
    children_kib: int

    def more_than(self, before: Held) -> dict[str, tuple[int, int]]:
        """Returns what there is more of than before; memory, which is never still, is left out."""
        was = asdict(before)
        counted = {name: count for name, count in asdict(self).items() if not name.endswith("_kib")}
        return {name: (was[name], count) for name, count in counted.items() if count > was[name]}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRIPTYCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "data"))
    return tmp_path / "cache"


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication, cache: Path, tmp_path: Path) -> Iterator[MainWindow]:
    """A window with engines of its own that keeps its results to itself, esc-fast ×2 chosen."""
    settings = Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    settings.saves_results = False
    settings.model = "esc-fast"
    theme = Theme(qapp)
    collector = GarbageCollector()
    collector.start()
    window = MainWindow(Bridge(), settings, theme)
    qtbot.addWidget(window, before_close_func=lambda closing: setattr(closing, "_asks_before_loss", False))
    window.painted.connect(window._bridge.start)
    window._bridge.list_models()
    with qtbot.waitSignal(window.painted):
        window.show()
    qtbot.waitUntil(lambda: window.panel.choice is not None, timeout=30_000)
    assert window.panel.choice.name == "esc-fast"
    yield window
    window.close_without_asking()
    qtbot.waitUntil(lambda: window._bridge._is_closed, timeout=30_000)
    collector.stop()
    qapp.setStyleSheet("")
    theme.deleteLater()


@pytest.fixture
def go_round(
    qtbot: QtBot, window: MainWindow, picture_hwc: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Opens an image, upscales it, waits until the result is sharp on the screen, and closes it."""
    # The person agrees that the result, which is saved nowhere, is lost.
    monkeypatch.setattr("app.windows.queueing.ConfirmLoss.ask", lambda *_: True)
    actions, session = window.actions_, window.session

    def go(number: int) -> None:
        path = tmp_path / f"photo-{number % 3}.png"
        if not path.exists():
            assert cv2.imwrite(str(path), picture_hwc[:24, :40])
        window.open_files([path])
        qtbot.waitUntil(lambda: session.shown is not None and session.shown.raster is not None, timeout=60_000)
        qtbot.waitUntil(actions.start.isEnabled, timeout=60_000)
        actions.start.trigger()
        job = session.shown.results[-1]
        qtbot.waitUntil(lambda: job.state is JobState.DONE, timeout=60_000)
        qtbot.waitUntil(lambda: window.view.is_settled, timeout=30_000)
        actions.close_picture.trigger()
        assert session.pictures == []
        # The files of a picture go in the lane that read it.
        qtbot.waitUntil(lambda: not Path(job.canvas.path).exists(), timeout=30_000)
        assert window.notices.notices == []

    return go


@pytest.fixture
def look_closely(
    qtbot: QtBot, window: MainWindow, picture_hwc: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Opens an image and a reference; previews, upscales, saves; looks at the difference and into the model; closes it."""
    actions, session, view = window.actions_, window.session, window.view
    reference = tmp_path / "reference.png"
    assert cv2.imwrite(str(reference), cv2.resize(picture_hwc[:24, :40], (80, 48), interpolation=cv2.INTER_CUBIC))
    monkeypatch.setattr("app.dialogs.files.OpenImages.ask", lambda *_: [reference])
    window.panel.saves.setChecked(True)

    def go(number: int) -> None:
        path = tmp_path / f"photo-{number % 3}.png"
        if not path.exists():
            assert cv2.imwrite(str(path), picture_hwc[:24, :40])
        window.open_files([path])
        qtbot.waitUntil(lambda: session.shown is not None and session.shown.raster is not None, timeout=60_000)
        actions.reference.trigger()
        qtbot.waitUntil(lambda: session.shown.reference is not None, timeout=30_000)
        actions.preview.trigger()
        wanted = 1 + len(window.panel.ticked)
        qtbot.waitUntil(lambda: len(view.comparison.keys) == wanted, timeout=60_000)
        qtbot.waitUntil(actions.start.isEnabled, timeout=60_000)
        actions.start.trigger()
        job = session.shown.results[-1]
        qtbot.waitUntil(lambda: job.saved_as is not None, timeout=60_000)
        view.set_mode("diff")
        qtbot.waitUntil(lambda: view.is_settled, timeout=30_000)
        # Both figures of the result: of the reference there is one.
        assert (f"job:{job.number}", "image") in view.scoring.scores
        view.set_mode("side")
        view.commands.attention.setChecked(True)
        view.pixel_picked.emit(f"job:{job.number}", 20, 12)
        qtbot.waitUntil(lambda: f"job:{job.number}" in view.comparison.overlays, timeout=60_000)
        view.commands.attention.setChecked(False)
        actions.close_picture.trigger()
        assert session.pictures == []
        job.saved_as.unlink()
        qtbot.waitUntil(lambda: not Path(job.canvas.path).exists(), timeout=30_000)
        assert window.notices.notices == []

    return go


@pytest.fixture
def look(qtbot: QtBot, cache: Path) -> Callable[[], Held]:
    """Counts what is held, after everything that is to be deleted has been deleted."""

    def count() -> Held:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        children = _children()
        return Held(
            widgets=len(QApplication.allWidgets()),
            threads=_count("/proc/self/task"),
            children=len(children),
            mapped=sum(str(cache) in line for line in Path("/proc/self/maps").read_text().splitlines()),
            descriptors=_count("/proc/self/fd"),
            files=sum(path.is_file() for path in cache.rglob("*")),
            own_kib=_anonymous_kib(os.getpid()),
            children_kib=sum(map(_anonymous_kib, children)),
        )

    return count


def _count(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(word) for task in tasks for word in (task / "children").read_text().split()]


def _anonymous_kib(process_id: int) -> int:
    """Returns the process's own memory: without what is mapped from files, and without pages it shares."""
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def settle(qtbot: QtBot, look: Callable[[], Held], before: Held) -> Held:
    """Returns what is held once it is no more than before; after ten seconds, whatever it is: threads of a pool end late."""
    found = look()

    def is_no_more() -> bool:
        nonlocal found
        found = look()
        return not found.more_than(before)

    try:
        qtbot.waitUntil(is_no_more, timeout=10_000)
    except qtbot.TimeoutError:
        # The caller says what there is more of.
        return found
    return found


@pytest.mark.timeout(120)
def test_eight_rounds_leave_nothing_behind(
    qtbot: QtBot, window: MainWindow, go_round: Callable[[int], None], look: Callable[[], Held]
) -> None:
    for number in range(3):
        go_round(number)
    before = look()
    for number in range(3, 8):
        go_round(number)
    after = settle(qtbot, look, before)
    assert after.more_than(before) == {}
    # Nothing is open any more, so nothing is mapped; the worker and the I/O process go on.
    assert after.mapped == 0
    assert after.children >= 2


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twenty_rounds_with_preview_and_attention_leave_nothing_behind(
    qtbot: QtBot, window: MainWindow, look_closely: Callable[[int], None], look: Callable[[], Held]
) -> None:
    for number in range(5):
        look_closely(number)
    before = look()
    for number in range(5, 20):
        look_closely(number)
    after = settle(qtbot, look, before)
    print("", before, after, sep="\n")
    assert after.more_than(before) == {}
    assert after.mapped == 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_rounds_leave_nothing_behind_and_memory_is_flat(
    qtbot: QtBot, window: MainWindow, go_round: Callable[[int], None], look: Callable[[], Held]
) -> None:
    for number in range(10):
        go_round(number)
    before = look()
    for number in range(10, 20):
        go_round(number)
    warm = look()
    for number in range(20, 200):
        go_round(number)
    after = settle(qtbot, look, before)
    # With -s: the figures.
    print("", before, warm, after, sep="\n")
    assert after.more_than(before) == {}
    assert after.mapped == 0
    assert after.own_kib <= warm.own_kib * MEMORY_MAY_GROW
    assert after.children_kib <= warm.children_kib * MEMORY_MAY_GROW
