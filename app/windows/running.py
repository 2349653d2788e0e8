"""The line of jobs: start, pause, cancel, try again; one job at a time goes to the engine.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, Signal, Slot

from app.bridge import CanvasMade, JobDone, JobProgressed, Origin, TaskFailed, TaskStopped
from app.jobs import Job, JobState, Picture, PictureState
from app.resumption import Resumed
from app.sentences import in_window
from app.windows.desk import Desk
from app.windows.saving import Saving
from app.windows.showing import Showing
from engine.catalog import CatalogEntry
from engine.tiling.geometry import Box


class CancelledJob(NamedTuple):
    """A job that was cancelled, and what it takes to run it again."""

    number: int
    picture_number: int
    order: Resumed


class Running(QObject):
    """Takes jobs through the engine. `wanted(Picture)`: its pixels are needed for the next job.

    `worker_lost`: what was loaded may have gone with a job that was stopped. `cancelled(list[CancelledJob])`: by the person, who
    may want them back.
    """

    wanted = Signal(object)
    cancelled = Signal(object)
    worker_lost = Signal()

    def __init__(self, desk: Desk, showing: Showing, saving: Saving) -> None:
        super().__init__(desk)
        self._desk = desk
        self._showing = showing
        self._saving = saving
        bridge, actions = desk.bridge, desk.actions
        actions.start.triggered.connect(self.start)
        actions.cancel.triggered.connect(self.cancel)
        actions.pause.triggered.connect(self.pause_or_go_on)
        bridge.canvas_made.connect(self._on_canvas)
        bridge.progressed.connect(self._on_progress)
        bridge.job_done.connect(self._on_done)
        bridge.stopped.connect(self._on_stopped)
        bridge.failed.connect(self._on_failed)
        desk.view.view_changed.connect(self._look)

    # Beginning

    def orders(self) -> list[tuple[Picture, CatalogEntry]]:
        """Returns what `start` would run: each picture with each model whose result it lacks, or the one shown where none lacks.

        The models are the marked one, or all that are ticked where the person wants that.
        """
        session, panel = self._desk.session, self._desk.panel
        entries = panel.ticked if panel.all_ticked.isChecked() else [panel.choice] if panel.choice is not None else []
        lacking = [
            (picture, entry)
            for picture in session.pictures
            for entry in entries
            if not any((job.model, job.scale) == (entry.name, entry.scale) for job in picture.results)
        ]
        shown = session.shown
        goes_on = session.is_paused and session.next_job is not None
        if lacking or goes_on or shown is None or shown.is_busy:
            return lacking
        return [(shown, entry) for entry in entries]

    @Slot()
    def start(self) -> None:
        """Puts into the line what is to be run, and goes on if it was paused."""
        self._desk.session.is_paused = False
        for picture, entry in self.orders():
            self.enqueue(picture, entry)
        self.go_on()

    def enqueue(self, picture: Picture, entry: CatalogEntry) -> Job:
        """Puts a model into the line for a picture."""
        return self._enqueue(
            picture, Resumed(picture.path, entry.name, entry.scale, entry.path, self._desk.upscale_settings, "")
        )

    def resume(self, picture: Picture, wanted: Resumed) -> None:
        """Puts an interrupted job back into the line and goes on, if it was paused: the person wants the job now."""
        same = (each for each in picture.results if (each.model, each.scale) == (wanted.model, wanted.scale))
        if not any(each.is_active for each in same):
            self._enqueue(picture, wanted)
        self._desk.session.is_paused = False
        self.go_on()

    def put_back(self, picture: Picture, wanted: Resumed) -> Job:
        """Puts a job into the line that was in it when Triptych ended; nothing begins."""
        return self._enqueue(picture, wanted)

    def _enqueue(self, picture: Picture, wanted: Resumed) -> Job:
        picture.failure = ""
        picture.failed.clear()
        self._desk.panel.tick(wanted.model)
        job = self._desk.session.new_job(picture, wanted.model, wanted.scale, wanted.weights, wanted.settings)
        job.folder_id = wanted.folder_id
        earlier = picture.same_result(job)
        if earlier is not None:
            # The same weights on the same pixels: the new canvas will be the old one again.
            picture.remove_result(earlier)
            if picture is self._desk.session.shown:
                self._showing.refresh()
            self._let_go(earlier)
            picture.shown_job = job
        return job

    def go_on(self) -> None:
        """Begins the next job in line, unless one is at work, the line is paused, or its picture must be opened first."""
        session = self._desk.session
        job = session.next_job
        if session.active_job is None and not session.is_paused and job is not None:
            picture = session.picture(job.picture_number)
            assert picture is not None
            if picture.raster is None:
                if picture.state is PictureState.CLOSED:
                    self.wanted.emit(picture)
            else:
                self._begin(job, picture)
        self._desk.tell()

    def _begin(self, job: Job, picture: Picture) -> None:
        assert picture.raster is not None
        job.advance(JobState.WAITING)
        job.finished.clear()
        job.tiles_done, job.canvas, job.began_s = 0, None, None
        origin = Origin(picture.path, job.model, job.folder_id or None)
        what = job.number, picture.raster, job.weights, job.scale, job.settings
        # What was predicted before was of the picture and the model that were looked at, not of every job in line.
        self._desk.bridge.plan(*what)
        self._desk.bridge.upscale(*what, origin)
        if picture is self._desk.session.shown:
            self._showing.refresh()

    # Stopping

    @Slot()
    def cancel(self) -> None:
        """Stops the running job and empties the line; the unfinished result disappears at once, its tiles are kept."""
        session = self._desk.session
        active, queued = session.active_job, session.queued_jobs
        self.cancelled.emit(self._as_cancelled([*([] if active is None else [active]), *queued]))
        for job in queued:
            job.advance(JobState.CANCELLED)
            self._remove(job)
        session.is_paused = False
        if active is not None:
            self._stop(active)
        self._desk.tell()

    def take_back(self, cancelled: Iterable[CancelledJob]) -> None:
        """Puts cancelled jobs back into the line, where each goes on from the tiles that are done."""
        for each in cancelled:
            picture = self._desk.session.picture(each.picture_number)
            job = self._desk.session.job(each.number)
            if job is not None and job.state is JobState.CANCELLING:
                # It is still being stopped: like one that is paused, it goes back into the line when it is.
                job.is_paused = True
            elif job is None and picture is not None:
                self._enqueue(picture, each.order)
        self.go_on()

    def _as_cancelled(self, jobs: Iterable[Job]) -> list[CancelledJob]:
        found = []
        for job in jobs:
            picture = self._desk.session.picture(job.picture_number)
            if picture is not None:
                found.append(CancelledJob(job.number, picture.number, _order_again(picture, job)))
        return found

    def leave_out(self, jobs: Iterable[Job]) -> None:
        """Takes those of the jobs that have not begun out of the line."""
        queued = [job for job in jobs if job.state is JobState.QUEUED]
        self.cancelled.emit(self._as_cancelled(queued))
        for job in queued:
            job.advance(JobState.CANCELLED)
            self._remove(job)
        self._desk.tell()

    @Slot()
    def pause_or_go_on(self) -> None:
        """Stops where it is, to go on from the tiles that are done; or goes on."""
        session = self._desk.session
        session.is_paused = not session.is_paused
        job = session.active_job
        if not session.is_paused:
            self.go_on()
            return
        if job is not None:
            job.is_paused = True
            self._stop(job)
        self._desk.tell()

    def cancel_picture(self, picture: Picture) -> None:
        """Takes a picture's jobs out of the line, the running one too."""
        self.cancelled.emit(self._as_cancelled(each for each in picture.results if each.is_to_do))
        self.stop_picture(picture)

    def stop_picture(self, picture: Picture) -> None:
        """Does that for good: the picture goes."""
        for job in [each for each in picture.results if each.is_to_do]:
            if job.state is JobState.QUEUED:
                job.advance(JobState.CANCELLED)
                self._remove(job)
            else:
                job.is_paused = False
                self._stop(job)
        self._desk.tell()

    def retry(self, picture: Picture) -> None:
        """Puts the jobs of a picture that failed into the line again, as they were: whatever is marked now."""
        for job in list(picture.failed):
            self._enqueue(picture, _order_again(picture, job))
        self.go_on()

    def _stop(self, job: Job) -> None:
        if job.state is JobState.CANCELLING:
            return
        job.advance(JobState.CANCELLING)
        if self._is_shown(job):
            self._showing.refresh()
        self._desk.bridge.cancel(job.number)

    # What comes back

    @Slot(object)
    def _on_canvas(self, event: CanvasMade) -> None:
        job = self._desk.session.job(event.job_number)
        if job is None or job.state is JobState.CANCELLING:
            return
        job.advance(JobState.RUNNING)
        job.canvas, job.began_s = event.canvas, time.monotonic()
        if self._is_shown(job):
            self._showing.refresh()
        self._desk.tell()

    @Slot(object)
    def _on_progress(self, event: JobProgressed) -> None:
        desk, job = self._desk, self._desk.session.job(event.job_number)
        if job is None or job.state is not JobState.RUNNING:
            return
        progress = event.progress
        job.tiles_done, job.tiles, job.seconds = progress.tiles_done, progress.tiles, progress.seconds
        job.finished.extend(progress.sr_boxes)
        desk.strip.advance(job.tiles_done, job.tiles, job.seconds_left(time.monotonic()))
        if self._is_shown(job):
            self._showing.add_finished(job, progress.sr_boxes)
        picture = desk.session.picture(job.picture_number)
        if picture is not None:
            desk.pictures.show_state(picture)

    @Slot(object)
    def _on_done(self, event: JobDone) -> None:
        desk, job = self._desk, self._desk.session.job(event.job_number)
        if job is None:
            desk.bridge.discard(event.upscaled.canvas)
            return
        job.advance(JobState.DONE)
        job.canvas, job.done = event.upscaled.canvas, event.upscaled.done
        desk.session.learn(job, job.done)
        self._warn(event.notes, job.done.warnings)
        picture = desk.session.picture(job.picture_number)
        if self._is_shown(job):
            self._showing.refresh()
        if picture is not None and desk.settings.saves_results:
            self._saving.write(job, picture)
        self.go_on()

    @Slot(object)
    def _on_stopped(self, event: TaskStopped) -> None:
        desk, job = self._desk, self._desk.session.job(event.number)
        if job is None or job.state is not JobState.CANCELLING:
            return
        picture = desk.session.picture(job.picture_number)
        if job.is_paused:
            job.is_paused = False
            job.advance(JobState.QUEUED)
        else:
            job.advance(JobState.CANCELLED)
            if picture is not None and job.canvas is not None:
                picture.left.add(Path(job.canvas.path).parent.name)
            self._remove(job)
        # The worker may have been ended with the job: then a new one gets ready for the next.
        self.worker_lost.emit()
        self.go_on()
        if desk.session.active_job is None:
            desk.tell(self.tr("Paused.") if desk.session.is_paused else self.tr("Cancelled. Ctrl+Z takes it back."))

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        job = self._desk.session.job(event.number)
        if event.what != "upscale":
            return
        failure = event.failure
        self._desk.notices.show_failure(failure, failure.hint)
        if job is not None:
            picture = self._desk.session.picture(job.picture_number)
            if picture is not None:
                picture.failure = failure.message
                picture.failed.append(job)
            job.advance(JobState.FAILED)
            self._remove(job)
        self.go_on()

    @Slot(object)
    def _look(self, lr_view: Box | None) -> None:
        """Has the tiles in view computed first."""
        job = self._desk.session.active_job
        self._desk.bridge.look_at(lr_view if job is not None and self._is_shown(job) else None)

    def _warn(self, *groups: Iterable[str]) -> None:
        for warnings in groups:
            for warning in warnings:
                self._desk.notices.show_warning(in_window(warning))

    def _is_shown(self, job: Job) -> bool:
        shown = self._desk.session.shown
        return shown is not None and shown.number == job.picture_number

    def _remove(self, job: Job) -> None:
        """Takes a job without a result out of its picture."""
        picture = self._desk.session.picture(job.picture_number)
        if picture is None or job not in picture.results:
            return
        picture.remove_result(job)
        if picture is self._desk.session.shown:
            self._showing.refresh()
        self._let_go(job)

    def _let_go(self, job: Job) -> None:
        if job.canvas is not None:
            self._desk.bridge.discard(job.canvas)


def _order_again(picture: Picture, job: Job) -> Resumed:
    """Returns what it takes to run a job once more."""
    return Resumed(picture.path, job.model, job.scale, job.weights, job.settings, job.folder_id)
