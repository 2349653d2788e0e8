"""Where the models look: a pixel that was picked in the comparison goes to the worker, its answer to the inspector's panel.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from app.bridge import AttentionFailed, AttentionSeen
from app.jobs import Job
from app.sentences import in_window
from app.theme import Theme
from app.windows.desk import Desk
from app.windows.showing import Showing, job_key
from app.wording import result_title

if TYPE_CHECKING:
    from app.inspector.panel import AttentionInspector


class Inspecting(QObject):
    """Asks the engine about the pixel that was picked, for each model's result that is shown."""

    def __init__(self, desk: Desk, showing: Showing, theme: Theme) -> None:
        super().__init__(desk)
        self._desk = desk
        self._theme = theme
        self._panel: AttentionInspector | None = None
        # Of which picture the pixel was picked.
        self._number = 0
        view = desk.view
        view.attention_toggled.connect(self._switch)
        view.zoom_changed.connect(self._follow_zoom)
        showing.shown.connect(self._offer)
        desk.bridge.attention_seen.connect(self._on_seen)
        desk.bridge.attention_failed.connect(self._on_failed)

    @property
    def panel(self) -> AttentionInspector:
        """The inspector's panel, made when it is first asked for: the window is painted sooner."""
        if self._panel is None:
            from app.inspector.panel import AttentionInspector

            view = self._desk.view
            self._panel = AttentionInspector(self._theme)
            view.pixel_picked.connect(self._panel.pick)
            view.current_changed.connect(self._panel.choose)
            self._panel.model_chosen.connect(view.set_current)
            self._panel.overlay_changed.connect(view.set_overlay)
            self._panel.asked.connect(self._ask)
            self._offer()
        return self._panel

    @Slot(bool)
    def _switch(self, on: bool) -> None:
        if on or self._panel is not None:
            self.panel.set_active(on)

    def _jobs(self) -> list[Job]:
        picture = self._desk.session.shown
        keys = self._desk.view.comparison.keys
        return [] if picture is None else [job for job in picture.results if job_key(job) in keys]

    @Slot()
    def _offer(self) -> None:
        if self._panel is None:
            return
        from app.inspector.panel import InspectedModel

        picture = self._desk.session.shown
        number = 0 if picture is None else picture.number
        if number != self._number:
            self._number = number
            self.panel.set_active(False)
            self.panel.set_active(self._desk.view.commands.attention.isChecked())
        self.panel.show_models([InspectedModel(job_key(job), result_title(job)) for job in self._jobs()])
        self._follow_zoom()

    @Slot()
    def _follow_zoom(self) -> None:
        if self._panel is None:
            return
        arrangement = self._desk.view.comparison.arrangement
        if arrangement is not None:
            self.panel.set_zoom(self._desk.view.camera.zoom * float(arrangement.scale))

    @Slot(str, int, int)
    def _ask(self, key: str, x: int, y: int) -> None:
        desk, picture = self._desk, self._desk.session.shown
        job = next((each for each in self._jobs() if job_key(each) == key), None)
        if job is None or picture is None or picture.raster is None:
            return
        if desk.session.active_job is not None:
            self.panel.fail(
                key,
                x,
                y,
                self.tr("The worker is busy with a job."),
                self.tr("Wait until it is done, or pause it (Ctrl+Shift+.), then pick the pixel again."),
            )
            return
        desk.bridge.inspect(key, picture.raster, job.weights, job.scale, job.settings, x, y)

    @Slot(object)
    def _on_seen(self, event: AttentionSeen) -> None:
        self.panel.take(event.key, event.done)

    @Slot(object)
    def _on_failed(self, event: AttentionFailed) -> None:
        failure = event.failure
        self.panel.fail(event.key, event.x, event.y, in_window(failure.message), in_window(failure.hint))
