"""Counts how late a regular tick of the GUI thread comes: what keeps it from coming keeps the window from answering.

Imports QtCore.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Slot

from app.bench.children import percentile

TICK_MS = 16


class Ticks(QObject):
    """A tick every 16 ms. `late_ms`: how much longer than that each one took since the one before.

    `busy_ms`: what the thread itself computed since the one before. Where ticks are late and this is small, the processor was
    busy with something else, or another thread held the interpreter.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.late_ms: list[float] = []
        self.busy_ms: list[float] = []
        self._last_s: float | None = None
        self._last_cpu_s = 0.0
        self.timer = QTimer(self, interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begins to count."""
        self._last_s = None
        self.timer.start()

    def stop(self) -> dict[str, float]:
        """Ends the count and returns p50, p99 and the latest in milliseconds, the number of ticks, and what was computed."""
        self.timer.stop()
        return {
            "ticks": len(self.late_ms),
            "p50_ms": round(percentile(self.late_ms, 0.5), 2),
            "p99_ms": round(percentile(self.late_ms, 0.99), 2),
            "max_ms": round(max(self.late_ms, default=0.0), 2),
            "busy_p99_ms": round(percentile(self.busy_ms, 0.99), 2),
            "busy_max_ms": round(max(self.busy_ms, default=0.0), 2),
        }

    @Slot()
    def _tick(self) -> None:
        now_s, cpu_s = time.monotonic(), time.thread_time()
        if self._last_s is not None:
            self.late_ms.append(max(0.0, (now_s - self._last_s) * 1000 - TICK_MS))
            self.busy_ms.append((cpu_s - self._last_cpu_s) * 1000)
        self._last_s, self._last_cpu_s = now_s, cpu_s
