"""Turning to a picture: its input, its results and its reference as the comparison's panes.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from app.compare.sources import MOST_PANES, PaneSource
from app.jobs import Job, JobState, Picture, PictureState
from app.windows.desk import Desk
from app.wording import input_figures, result_figures, result_title
from engine.tiling.geometry import Box

INPUT_KEY = "input"
REFERENCE_KEY = "reference"


def job_key(job: Job) -> str:
    """Returns the key of a job's pane."""
    return f"job:{job.number}"


class Showing(QObject):
    """Shows one picture of the session.

    Signals: `wanted(Picture)`: its pixels are needed and not there. `shown()`: other panes are there. `layout_chosen(mode)`: by
    the person.
    """

    wanted = Signal(object)
    shown = Signal()
    layout_chosen = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._previews: list[PaneSource] = []
        # Of which picture the view shows panes now.
        self._number = 0
        # Whether the person chose the layout: then more panes do not change it.
        self._is_mode_chosen = False
        self._is_choosing = False
        view = desk.view
        view.current_changed.connect(self._follow_current)
        view.mode_changed.connect(self._keep_mode)
        desk.pictures.picked.connect(self._turn_to)
        desk.panel.ticks_changed.connect(self.refresh)

    def begin_with(self, mode: str) -> None:
        """Takes a layout as if the person had chosen it."""
        self._desk.view.set_mode(mode)
        self._is_mode_chosen = True

    def show(self, picture: Picture | None) -> None:
        """Turns to a picture, or to the drop area where there is none; the comparison takes the focus.

        Not where the picture is on show and only its pixels have come: the person may be in the list by then.
        """
        is_arrival = picture is not None and picture.number == self._number and not self._desk.view.comparison.keys
        self._turn(picture)
        if picture is not None and not (is_arrival and picture.raster is not None):
            self._desk.view.setFocus()

    def _turn(self, picture: Picture | None) -> None:
        desk = self._desk
        desk.session.shown = picture
        self._previews = []
        if picture is not None:
            desk.pictures.pick(picture.number)
            if picture.state is PictureState.CLOSED:
                self.wanted.emit(picture)
        self.refresh()
        desk.tell()

    def refresh(self) -> None:
        """Shows the picture's panes as they are now."""
        picture, view = self._desk.session.shown, self._desk.view
        sources = [] if picture is None else self._sources(picture)
        count = len(view.comparison.keys)
        is_same = picture is not None and picture.number == self._number and bool(view.comparison.keys)
        self._number = 0 if picture is None else picture.number
        self._is_choosing = True
        try:
            view.show_sources(sources, keep_camera=is_same)
            if not self._is_mode_chosen and (len(sources) != count or not is_same):
                view.set_mode("grid" if len(sources) > 2 else "side")
            if picture is not None and not is_same:
                view.set_reference(INPUT_KEY)
            self._choose_pane(picture)
        finally:
            self._is_choosing = False
        self.shown.emit()

    def show_previews(self, previews: list[PaneSource]) -> None:
        """Shows these in place of the results; [] goes back to them."""
        self._previews = previews
        self.refresh()

    @property
    def has_previews(self) -> bool:
        """Whether previews are shown."""
        return bool(self._previews)

    def add_finished(self, job: Job, boxes: tuple[Box, ...]) -> None:
        """Shows more of a job's result, if it is in view."""
        self._desk.view.add_finished(job_key(job), boxes)

    def _sources(self, picture: Picture) -> list[PaneSource]:
        if picture.raster is None or picture.info is None:
            return []
        icc = picture.info.icc
        sources = [
            PaneSource(
                INPUT_KEY, self.tr("Input"), "input", picture.raster, icc, figures=(input_figures(picture.info),)
            )
        ]
        if picture.reference is not None:
            sources.append(PaneSource(REFERENCE_KEY, self.tr("Reference"), "reference", picture.reference, icc))
        if self._previews:
            return sources[:1] + self._previews
        visible = [
            job
            for job in picture.results
            if job.canvas is not None
            and job.state in (JobState.RUNNING, JobState.DONE)
            and self._desk.panel.shows(job.model)
        ]
        for job in visible[-(MOST_PANES - len(sources)) :]:
            assert job.canvas is not None
            finished = None if job.state is JobState.DONE else tuple(job.finished)
            sources.append(
                PaneSource(job_key(job), result_title(job), "model", job.canvas, icc, finished, result_figures(job))
            )
        return sources

    def _choose_pane(self, picture: Picture | None) -> None:
        view, panel = self._desk.view, self._desk.panel
        job = None if picture is None else picture.shown_job
        if picture is not None and job is not None and not panel.shows(job.model):
            # It has no pane any more: another result is shown, and saved by hand.
            picture.shown_job = next((each for each in picture.results[::-1] if panel.shows(each.model)), job)
        if self._previews:
            view.set_current(self._previews[-1].key)
        elif picture is not None and picture.shown_job is not None:
            view.set_current(job_key(picture.shown_job))

    @Slot(str)
    def _follow_current(self, key: str) -> None:
        picture = self._desk.session.shown
        if picture is None or self._is_choosing:
            return
        job = next((each for each in picture.results if job_key(each) == key), None)
        if job is not None and job is not picture.shown_job:
            picture.shown_job = job
            self._desk.tell()

    @Slot(str)
    def _keep_mode(self, mode: str) -> None:
        if not self._is_choosing:
            self._is_mode_chosen = True
            self.layout_chosen.emit(mode)

    @Slot(int)
    def _turn_to(self, number: int) -> None:
        picture = self._desk.session.picture(number)
        if picture is not None and picture is not self._desk.session.shown:
            # The focus stays in the list, for the next row.
            self._turn(picture)
