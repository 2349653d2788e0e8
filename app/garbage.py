"""Frees Python's reference cycles on the GUI thread alone. Imports QtCore.

Python frees a cycle whenever a collection is due: in whichever thread allocates, and in the middle of a call of Qt's that runs
Python on its way. A cycle may hold objects of Qt. They end safely only on their own thread; and where Qt goes through all
widgets for a new style, telling each, one that is freed meanwhile ends the process. So nothing is collected automatically
while there is a window; a timer does it, between events.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

_INTERVAL_MS = 1000
_SETTLED_MS = 5000


class GarbageCollector(QObject):
    """Stands in for Python's automatic collection while it is started; lives on the GUI thread."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self, interval=_INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        # What the start has made stays until the end: looking through it again and again would make the window late.
        self._settled = QTimer(self, interval=_SETTLED_MS, singleShot=True)
        self._settled.timeout.connect(gc.freeze)

    def start(self) -> None:
        """Turns automatic collection off and takes its place."""
        gc.disable()
        self._timer.start()
        self._settled.start()

    def stop(self) -> None:
        """Gives collecting back to Python."""
        self._timer.stop()
        self._settled.stop()
        gc.unfreeze()
        gc.enable()

    @Slot()
    def collect(self) -> None:
        """Collects the youngest objects, and where Python's thresholds say so the older ones."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        gc.collect(next((generation for generation in (2, 1) if counts[generation] > thresholds[generation]), 0))
