"""What of the list of images and of the line survives the end of the window, and its way back into the line.

Imports Qt and `app`. Both are written down whenever they change, so that a kill loses nothing. At the start the line is put back
once the models are listed and it is known which jobs were interrupted: those are offered by `app.windows.opening`, as they go on
from their tiles. Nothing begins before the person wants it.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Slot

from app.bridge import InterruptedFound, ModelsListed, TaskFailed
from app.jobs import Job, JobState
from app.resumption import InLine, Resumed, is_for_window, line_text, line_words, read_line
from app.widgets.notice import Notice
from app.windows.desk import Desk
from app.windows.running import Running
from engine.catalog import CatalogEntry


class Keeping(QObject):
    """Writes down what is open and in line, and puts back what was in line."""

    def __init__(self, desk: Desk, running: Running) -> None:
        super().__init__(desk)
        self._desk = desk
        self._running = running
        self._queue: list[Path] = []
        self._line: list[InLine] = []
        # Until the line of before is put back it stays written down as it is.
        self._is_put_back = not desk.settings.line
        self._entries: tuple[CatalogEntry, ...] | None = None
        # Jobs that are offered in another way: file, model, scale.
        self._interrupted: set[tuple[Path, str, int]] | None = None
        self._jobs: list[Job] = []
        self._notice: Notice | None = None
        bridge = desk.bridge
        bridge.models_listed.connect(self._on_models)
        bridge.interrupted_found.connect(self._on_interrupted)
        bridge.failed.connect(self._on_failed)
        desk.changed.connect(self._follow)

    def write(self) -> None:
        """Writes down what is open and what is to do; Qt brings it to the disk when it has nothing else to do."""
        session, settings = self._desk.session, self._desk.settings
        settings.queue = self._queue = [picture.path for picture in session.pictures]
        if self._is_put_back:
            self._line = self._to_do()
            settings.line = line_text(self._line)

    def _to_do(self) -> list[InLine]:
        return [
            InLine(picture.path, job.model, job.scale, job.settings)
            for picture in self._desk.session.pictures
            for job in picture.results
            if job.is_to_do
        ]

    @Slot()
    def _follow(self) -> None:
        is_line_other = self._is_put_back and self._line != self._to_do()
        if is_line_other or self._queue != [picture.path for picture in self._desk.session.pictures]:
            self.write()
        goes_on = not self._desk.session.is_paused or not any(job.state is JobState.QUEUED for job in self._jobs)
        if self._notice is not None and goes_on:
            # It went on, or went, by another way than the notice's own.
            if self._notice in self._desk.notices.notices:
                self._notice.dismissed.emit()
            self._notice = None

    # What was in line

    @Slot(object)
    def _on_models(self, event: ModelsListed) -> None:
        self._entries = event.entries
        self._put_back()

    @Slot(object)
    def _on_interrupted(self, event: InterruptedFound) -> None:
        headers = [each.header for each in event.jobs if is_for_window(each)]
        self._interrupted = {(Path(header.input.path), header.model, header.scale) for header in headers}
        self._put_back()

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        if event.what == "interrupted":
            self._interrupted = set()
            self._put_back()

    def _put_back(self) -> None:
        if self._is_put_back or self._entries is None or self._interrupted is None:
            return
        self._is_put_back = True
        weights = {(entry.name, entry.scale): entry.path for entry in self._entries}
        pictures = {picture.path: picture for picture in self._desk.session.pictures}
        line = [
            each
            for each in read_line(self._desk.settings.line)
            if each.path in pictures and each[:3] not in self._interrupted
        ]
        known = [each for each in line if (each.model, each.scale) in weights]
        for path, model, scale, settings in known:
            order = Resumed(path, model, scale, weights[model, scale], settings, "")
            self._jobs.append(self._running.put_back(pictures[path], order))
        for model, scale in dict.fromkeys((each.model, each.scale) for each in line if each not in known):
            self._desk.notices.show_warning(
                self.tr("What was in line for {title} is left out.").format(title=f"{model} ×{scale}"),
                self.tr("The model is not there any more."),
            )
        if known:
            self._desk.session.is_paused = True
            self._offer(known)
        self._desk.tell()

    def _offer(self, line: list[InLine]) -> None:
        sentence, names = line_words(line)
        self._desk.notices.offer(
            sentence,
            names,
            (
                (self.tr("Start"), self.tr("Begin with the first of the list."), self._start),
                (self.tr("Discard"), self.tr("Take them out of the line; the images stay open."), self._discard),
            ),
        )
        self._notice = self._desk.notices.notices[0]

    def _start(self) -> None:
        self._desk.session.is_paused = False
        self._running.go_on()

    def _discard(self) -> None:
        self._running.leave_out(self._jobs)
