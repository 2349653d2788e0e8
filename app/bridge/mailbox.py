"""News from other threads, delivered on the GUI thread. Imports QtCore.

Events are delivered in order, at most thirty times a second while there is only progress to tell; progress of the same job is
merged meanwhile (the latest counts, the finished boxes add up), and of what a worker holds only the latest is kept.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.bridge.events import Event, JobProgressed, MemorySeen

PROGRESS_INTERVAL_MS = 33


class Mailbox(QObject):
    """Takes events from any thread; `delivered(Event)` comes on the thread of this object."""

    delivered = Signal(object)
    _woken = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._events: deque[Event] = deque()
        self._memory: dict[int, MemorySeen] = {}
        self._is_woken = False
        self._is_closed = False
        self._told_s = 0.0
        # Apart from that of all news, which would hold up a first tile.
        self._progress_told_s = 0.0
        self._woken.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._deliver)

    def post(self, event: Event) -> None:
        """Puts an event in; for the lanes' threads."""
        with self._lock:
            if self._is_closed:
                return
            last = self._events[-1] if self._events else None
            if (
                isinstance(event, JobProgressed)
                and isinstance(last, JobProgressed)
                and last.job_number == event.job_number
            ):
                boxes = last.progress.sr_boxes + event.progress.sr_boxes
                self._events[-1] = JobProgressed(event.job_number, replace(event.progress, sr_boxes=boxes))
            elif isinstance(event, MemorySeen):
                self._memory[event.memory.process_id] = event
            else:
                self._events.append(event)
            # What waits may be only what a worker holds: the first progress does not wait with it.
            wake = not self._is_woken or (last is None and bool(self._events))
            self._is_woken = True
        if wake:
            self._woken.emit()

    def close(self) -> None:
        """Drops what is in it; nothing is delivered afterwards."""
        with self._lock:
            self._is_closed = True
            self._events.clear()
            self._memory.clear()
        self._later.stop()

    @Slot()
    def _deliver(self) -> None:
        now_s = time.monotonic()
        with self._lock:
            before_s = self._progress_told_s if self._events else self._told_s
            wait_ms = PROGRESS_INTERVAL_MS - round((now_s - before_s) * 1000)
            if wait_ms > 0 and all(isinstance(event, JobProgressed) for event in self._events):
                self._later.start(wait_ms)
                return
            events = [*self._events, *self._memory.values()]
            self._events.clear()
            self._memory.clear()
            self._is_woken = False
        self._told_s = now_s
        if any(isinstance(event, JobProgressed) for event in events):
            self._progress_told_s = now_s
        for event in events:
            # What is told may end the window.
            if not self._is_closed:
                self.delivered.emit(event)
