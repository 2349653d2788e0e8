"""Cycles that hold objects of Qt end on the GUI thread, whoever allocates."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, QThread
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.garbage import GarbageCollector

ROOT = Path(__file__).parents[2]


@pytest.fixture
def collector(qapp: QApplication) -> Iterator[GarbageCollector]:
    collector = GarbageCollector()
    collector.start()
    yield collector
    collector.stop()
    # The tests' own rule, as it was before.
    gc.disable()


def allocate_in_another_thread() -> None:
    """Makes so many containers that Python would collect all generations."""

    def work() -> None:
        kept = [[number] for number in range(200_000)]
        assert len(kept) == 200_000

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def make_cycle(ended_on_gui_thread: list[bool]) -> weakref.ref[QObject]:
    """Makes an object that only itself refers to, and that notes on which thread it ends."""
    gui_thread = QThread.currentThread()
    cyclic = QObject()
    cyclic.itself = cyclic  # type: ignore[attr-defined]
    cyclic.destroyed.connect(
        lambda: ended_on_gui_thread.append(QThread.currentThread() is gui_thread), Qt.ConnectionType.DirectConnection
    )
    return weakref.ref(cyclic)


def test_a_cycle_outlives_what_other_threads_allocate_and_ends_on_the_gui_thread(
    qtbot: QtBot, collector: GarbageCollector
) -> None:
    ended_on_gui_thread: list[bool] = []
    cyclic = make_cycle(ended_on_gui_thread)
    allocate_in_another_thread()
    assert cyclic() is not None
    qtbot.waitUntil(lambda: cyclic() is None)
    assert ended_on_gui_thread == [True]


def test_without_the_collector_it_would_end_on_the_other_thread(qapp: QApplication) -> None:
    ended_on_gui_thread: list[bool] = []
    gc.enable()
    cyclic = make_cycle(ended_on_gui_thread)
    allocate_in_another_thread()
    gc.disable()
    assert cyclic() is None
    assert ended_on_gui_thread == [False]


def test_stopping_gives_collecting_back(qapp: QApplication) -> None:
    collector = GarbageCollector()
    collector.start()
    assert not gc.isenabled()
    collector.stop()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()


_CHANGE_OF_STYLE = """
from PySide6.QtWidgets import QApplication, QLabel, QStyleFactory, QWidget
from app.garbage import GarbageCollector

class Allocating(QLabel):
    def changeEvent(self, event):
        kept = [[number] for number in range(100_000)]
        super().changeEvent(event)

application = QApplication([])
collector = GarbageCollector(application)
{start}
labels = [Allocating("words") for _ in range(20)]
for _ in range(3):
    for _ in range(200):
        left = QWidget()
        left.itself = left
        inside = QLabel("words", left)
        left.show()
        left.close()
        del left, inside
    application.setStyle(QStyleFactory.create("Fusion"))
"""


def test_widgets_in_cycles_outlive_a_change_of_style_that_goes_through_them() -> None:
    code = _CHANGE_OF_STYLE.format(start="collector.start()")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stderr
