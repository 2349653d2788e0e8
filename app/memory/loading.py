"""Loads the timeline beside the window: pyqtgraph takes so long to import that the window would stand still. Imports QtCore."""

from __future__ import annotations

import contextlib
import importlib
import threading

from PySide6.QtCore import QObject, Qt, Signal


class TimelineLoader(QObject):
    """Imports `app.memory.timeline` in a thread of its own. `loaded("")` on the GUI thread, or with why it cannot be."""

    loaded = Signal(str)
    _done = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: threading.Thread | None = None
        self._is_over = False
        self._done.connect(self._tell, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Begins, once, and not any more after `wait`."""
        if self._thread is None and not self._is_over:
            # No daemon: a process that ends in the middle of loading Qt's classes would crash.
            self._thread = threading.Thread(target=self._load, name="triptych timeline")
            self._thread.start()

    def wait(self) -> None:
        """Returns when the thread has ended; none is started after that."""
        self._is_over = True
        if self._thread is not None:
            self._thread.join()

    def _load(self) -> None:
        problem = ""
        try:
            importlib.import_module("app.memory.timeline")
        except ImportError as error:
            problem = str(error)
        # The window, and this with it, may be gone by now.
        with contextlib.suppress(RuntimeError):
            self._done.emit(problem)

    def _tell(self, problem: str) -> None:
        if self._thread is not None:
            self._thread.join()
        self.loaded.emit(problem)
