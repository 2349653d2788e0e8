"""Saving results: each as it is finished, or by hand.

Imports Qt and `app`.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from app.bridge import JobSaved, TaskFailed, default_path
from app.jobs import Job, Picture
from app.sentences import in_window
from app.windows.desk import Desk
from engine.errors import OutputError
from engine.imaging import formats


class Saving(QObject):
    """Writes results into files, and shows where they are."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        desk.actions.save.triggered.connect(self.save)
        desk.actions.save_as.triggered.connect(self._ask_where)
        desk.strip.reveal_button.clicked.connect(self.reveal)
        desk.panel.saves.setChecked(desk.settings.saves_results)
        desk.panel.saves.toggled.connect(self._keep_choice)
        desk.bridge.job_saved.connect(self._on_saved)
        self.tell_where()
        desk.bridge.failed.connect(self._on_failed)

    @Slot(bool)
    def _keep_choice(self, saves: bool) -> None:
        self._desk.settings.saves_results = saves

    @Slot()
    def tell_where(self) -> None:
        """Says where results are saved, as the settings have it."""
        target = self._desk.settings.target
        where = self.tr("beside its image") if target.folder is None else str(target.folder)
        form = "" if target.format == "keep" else formats.format_named(target.format).title
        self._desk.panel.where.say(f"{where} · {form}" if form else where)
        self._desk.panel.saves.setToolTip(
            self.tr("As soon as it is finished: {where}, as {name}.\nSettings (Ctrl+,) change that.").format(
                where=where, name=target.template
            )
        )

    @Slot()
    def save(self) -> None:
        """Saves the result that is chosen, under the command line's name or the next free one."""
        job, picture = self._desk.result_shown
        if job is not None and picture is not None:
            self.write(job, picture)

    @Slot()
    def _ask_where(self) -> None:
        from app.dialogs.files import SaveImage

        job, picture = self._desk.result_shown
        if job is None or picture is None or picture.info is None or job.canvas is None:
            return
        proposal = job.saved_as or default_path(
            job.canvas, picture.info, job.model, job.scale, self._desk.settings.target
        )
        path = SaveImage.ask(self._desk.window, proposal)
        if path is not None:
            self.write(job, picture, path)

    def write(self, job: Job, picture: Picture, path: Path | None = None) -> None:
        """Writes a finished result: at `path`, which the person confirmed, or as the settings say."""
        if picture.info is None or job.canvas is None or job.is_being_saved:
            return
        job.is_being_saved = True
        # A file is replaced only where the dialog has asked; the default name gives way to one that is there.
        overwrite = path is not None and path.exists()
        target = self._desk.settings.target
        self._desk.bridge.save(job.number, job.canvas, picture.info, job.model, job.scale, target, path, overwrite)
        self._desk.tell()

    @Slot(object)
    def _on_saved(self, event: JobSaved) -> None:
        job = self._desk.session.job(event.job_number)
        for warning in event.written.warnings:
            self._desk.notices.show_warning(in_window(warning))
        if job is not None:
            job.is_being_saved = False
            job.saved_as = Path(event.written.path)
        self._desk.tell()

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        if event.what != "save":
            return
        failure = event.failure
        hint = failure.hint
        if failure.kind == OutputError.__name__:
            # The engine's own hint names an option of the command line.
            hint = self.tr("Choose another folder, name or format with Save as… (Ctrl+Shift+S).")
        self._desk.notices.show_failure(failure, hint)
        job = self._desk.session.job(event.number)
        if job is not None:
            job.is_being_saved = False
        self._desk.tell()

    @Slot()
    def reveal(self) -> None:
        """Opens the folder of the file that the chosen result was saved as."""
        job, _ = self._desk.result_shown
        if job is not None and job.saved_as is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(job.saved_as.parent)))
