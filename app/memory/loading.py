"""Loads the timeline beside the window: pyqtgraph takes so long to import that the window would stand still. Imports QtCore."""

from __future__ import annotations

import importlib
import threading

from PySide6.QtCore import QObject, QTimer, Signal, Slot

_LOOK_MS = 20


class TimelineLoader(QObject):
    """Imports `app.memory.timeline` in a thread of its own. `loaded("")` on the GUI thread, or with why it cannot be.

    The thread touches no object of Qt: the panel, and this with it, may be gone before it ends.
    """

    loaded = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._problem: list[str] = []
        self._clock = QTimer(self, interval=_LOOK_MS)
        self._clock.timeout.connect(self._look)

    def start(self) -> None:
        """Begins, once, and not any more after `wait`."""
        if self._thread is None and not self._is_over:
            # No daemon: a process that ends in the middle of loading Qt's classes would crash.
            self._thread = threading.Thread(target=_load, args=(self._problem,), name="triptych timeline")
            self._thread.start()
            self._clock.start()

    def wait(self) -> None:
        """Returns when the thread has ended; none is started after that."""
        self._is_over = True
        if self._thread is not None:
            self._thread.join()

    @Slot()
    def _look(self) -> None:
        if self._thread is not None and not self._thread.is_alive():
            self._clock.stop()
            self._thread.join()
            self.loaded.emit("".join(self._problem))


def _load(problem: list[str]) -> None:
    """Imports the timeline; adds to `problem` why it cannot be."""
    try:
        importlib.import_module("app.memory.timeline")
    except ImportError as error:
        problem.append(str(error))
