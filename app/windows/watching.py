"""The memory panel's readings: what the devices and the host have, what the worker holds, and what a job was predicted to need.

Imports Qt, `app` and the plain data of `engine`; the monitor, which loads psutil, only after the window has been painted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from app.bridge import JobProgressed, MemorySeen, Planned
from app.jobs import JobState
from app.memory.panel import MemoryPanel
from app.theme import Theme
from app.windows.desk import Desk

if TYPE_CHECKING:
    from engine.messages import DonePlan
    from engine.monitor import MonitorThread


class Watching(QObject):
    """Feeds the memory panel."""

    # From the monitor's thread to the window's.
    _looked = Signal(object)

    def __init__(self, desk: Desk, theme: Theme) -> None:
        super().__init__(desk)
        self._desk = desk
        self._monitor: MonitorThread | None = None
        self._watched: set[int] = set()
        # The job whose tiles are being shown, or 0.
        self._job_number = 0
        self.panel = MemoryPanel(theme)
        desk.window.addAction(self.panel.toggle_action)
        self.panel.set_expanded(desk.settings.shows_memory)
        self.panel.expanded_changed.connect(self._keep_expanded)
        self._looked.connect(self.panel.show_use)
        desk.bridge.memory_seen.connect(self._on_memory)
        desk.bridge.planned.connect(self._on_planned)
        desk.bridge.progressed.connect(self._on_progress)
        desk.changed.connect(self._follow)

    @Slot()
    def start(self) -> None:
        """Begins to look."""
        from engine.monitor import MonitorThread

        if self._monitor is None:
            self._monitor = MonitorThread(self._looked.emit)
            self._monitor.start()

    def stop(self) -> None:
        """Returns when nothing is looked at any more."""
        if self._monitor is not None:
            self._monitor.stop()
        self.panel.wait()

    @Slot(object)
    def show_plan(self, plan: DonePlan | None) -> None:
        """Draws what the next job is predicted to need, and the limit it keeps to."""
        if plan is not None:
            self.panel.show_plan(plan.predicted_bytes, plan.budget_bytes, plan.prepared.device)

    @Slot(object)
    def _on_planned(self, event: Planned) -> None:
        active = self._desk.session.active_job
        if active is not None and event.number == active.number:
            self.show_plan(event.plan)

    @Slot(object)
    def _on_memory(self, event: MemorySeen) -> None:
        memory = event.memory
        if self._monitor is not None and memory.process_id not in self._watched:
            self._watched.add(memory.process_id)
            self._monitor.watch(memory.process_id)
        self.panel.show_worker(memory)

    @Slot(object)
    def _on_progress(self, event: JobProgressed) -> None:
        peak_bytes = event.progress.tile_peak_bytes
        if peak_bytes:
            self.panel.add_tile_peak(peak_bytes)

    @Slot()
    def _follow(self) -> None:
        active = self._desk.session.active_job
        number = active.number if active is not None and active.state is JobState.RUNNING else 0
        if number == self._job_number:
            return
        if self._job_number:
            self.panel.end_job()
        if number:
            self.panel.begin_job()
        self._job_number = number

    @Slot(bool)
    def _keep_expanded(self, is_expanded: bool) -> None:
        self._desk.settings.shows_memory = is_expanded
