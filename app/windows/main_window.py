"""The window: an image and its result side by side, the choice of a model, and what is going on.

Imports Qt, `app` and the plain data of `engine`. It holds the session and shows it; what takes time goes to the bridge,
whose answers change the session first and then what is shown of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Actions, allow
from app.bridge import (
    Bridge,
    CanvasMade,
    FileFinished,
    InterruptedFound,
    JobDone,
    JobProgressed,
    JobSaved,
    ModelReady,
    ModelsListed,
    Origin,
    PictureOpened,
    TaskFailed,
    TaskStopped,
    default_path,
    readable_extensions,
    readable_formats,
)
from app.dialogs.closing import ConfirmLoss
from app.dialogs.files import OpenImages, SaveImage
from app.dialogs.keys import Keys
from app.jobs import Job, JobState, Picture, PictureState, Session
from app.pixels import Pyramid, TileKey
from app.resumption import Resumed, is_for_window, offer_words
from app.settings import Settings
from app.theme import Theme
from app.widgets.compare_view import CompareView
from app.widgets.drop_area import DropArea
from app.widgets.model_panel import ModelPanel
from app.widgets.notice import NoticeStack
from app.widgets.picture_list import PictureList
from app.widgets.progress_strip import ProgressStrip
from app.wording import (
    device_text,
    duration_text,
    input_figures,
    picture_state,
    result_figures,
    result_title,
    size_text,
)
from engine.errors import OutputError, WorkerError
from engine.messages import UpscaleSettings

if TYPE_CHECKING:
    from engine.workspace import UnfinishedJob

_CHECKPOINTS = (".pth", ".pt", ".ckpt", ".safetensors")
_FIRST_SIZE_PX = (1240, 780)


class MainWindow(QMainWindow):
    """Triptych's window. `painted` once, when it is first on the screen: only then the engine is started."""

    painted = Signal()

    def __init__(self, bridge: Bridge, settings: Settings, theme: Theme) -> None:
        super().__init__()
        self._bridge = bridge
        self._settings = settings
        self._theme = theme
        self._was_painted = False
        self._asks_before_loss = True
        self._ready_text = ""
        self.session = Session()
        # Interrupted jobs that wait for their turn.
        self._to_resume: list[Resumed] = []
        self.setWindowTitle("Triptych")
        self.setAcceptDrops(True)
        self._build(theme)
        self._connect()
        self.resize(*_FIRST_SIZE_PX)
        if settings.geometry is not None:
            self.restoreGeometry(settings.geometry)
        self._refresh()

    # Building

    def _build(self, theme: Theme) -> None:
        self.view = CompareView(theme)
        self.actions_ = Actions(self, self.view, theme)
        self.drop_area = DropArea(theme, _listed(readable_formats()))
        self.pages = QStackedWidget()
        self.pages.addWidget(self.drop_area)
        self.pages.addWidget(self.view)
        self.notices = NoticeStack(theme)
        self.pictures = PictureList()
        self.panel = ModelPanel(self.actions_)
        self.strip = ProgressStrip(self.actions_)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.notices)
        middle.addWidget(self.pages, 1)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.pictures)
        row.addLayout(middle, 1)
        row.addWidget(self.panel)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(self.strip)
        self.setCentralWidget(centre)
        self.addToolBar(self._make_toolbar())

    def _make_toolbar(self) -> QToolBar:
        bar = QToolBar(self.tr("Tools"))
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        actions = self.actions_
        bar.addActions([actions.open, actions.save])
        bar.addSeparator()
        bar.addActions([actions.fit, actions.actual_size, actions.zoom_out])
        self.zoom_text = QLabel()
        self.zoom_text.setProperty("role", "muted")
        self.zoom_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.zoom_text.setMinimumWidth(self.fontMetrics().horizontalAdvance("0000 %") + 8)
        self.zoom_text.setAccessibleName(self.tr("Zoom"))
        self.zoom_text.setToolTip(self.tr("Pixels of the screen per pixel of the result."))
        bar.addWidget(self.zoom_text)
        bar.addAction(actions.zoom_in)
        styles = {
            actions.actual_size: Qt.ToolButtonStyle.ToolButtonTextOnly,
            actions.zoom_out: Qt.ToolButtonStyle.ToolButtonIconOnly,
            actions.zoom_in: Qt.ToolButtonStyle.ToolButtonIconOnly,
        }
        for action, style in styles.items():
            button = bar.widgetForAction(action)
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(style)
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bar.addWidget(spacer)
        bar.addWidget(self._make_menu_button())
        return bar

    def _make_menu_button(self) -> QToolButton:
        actions = self.actions_
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for group in (
            (actions.open, actions.save, actions.save_as, actions.close_picture),
            (actions.start, actions.cancel),
            (actions.full_screen, actions.keys),
            (actions.quit,),
        ):
            menu.addActions(list(group))
            menu.addSeparator()
        self.menu_button = QToolButton()
        self.menu_button.setToolTip(self.tr("More (F10)"))
        self.menu_button.setAccessibleName(self.tr("More"))
        self.menu_button.setShortcut("F10")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.menu_button.setMenu(menu)
        self._tint()
        return self.menu_button

    def _connect(self) -> None:
        actions, bridge = self.actions_, self._bridge
        actions.open.triggered.connect(self._ask_for_images)
        actions.start.triggered.connect(self.start_job)
        actions.cancel.triggered.connect(self.cancel_job)
        actions.save.triggered.connect(self.save)
        actions.save_as.triggered.connect(self._ask_where_to_save)
        actions.close_picture.triggered.connect(self._close_shown)
        actions.fit.triggered.connect(self.view.camera.fit)
        actions.actual_size.triggered.connect(self._show_actual_size)
        actions.zoom_in.triggered.connect(self._zoom_in)
        actions.zoom_out.triggered.connect(self._zoom_out)
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.keys.triggered.connect(self._show_keys)
        actions.quit.triggered.connect(self.close)
        self.drop_area.open_button.clicked.connect(actions.open.trigger)
        self.drop_area.open_button.setToolTip(actions.open.toolTip())
        self.strip.reveal_button.clicked.connect(self._reveal)
        self.view.zoom_changed.connect(self._show_zoom)
        self.view.after_header.picked.connect(self._show_result_at)
        self.pictures.picked.connect(self._turn_to)
        self.panel.changed.connect(self._follow_choice)
        self._theme.changed.connect(self._tint)
        bridge.models_listed.connect(self._on_models)
        bridge.model_ready.connect(self._on_model_ready)
        bridge.picture_opened.connect(self._on_opened)
        bridge.canvas_made.connect(self._on_canvas)
        bridge.progressed.connect(self._on_progress)
        bridge.job_done.connect(self._on_done)
        bridge.job_saved.connect(self._on_saved)
        bridge.interrupted_found.connect(self._on_interrupted)
        bridge.file_finished.connect(self._on_file_finished)
        bridge.stopped.connect(self._on_stopped)
        bridge.failed.connect(self._on_failed)

    # Opening

    def open_files(self, paths: Iterable[Path]) -> None:
        """Opens images; the first new one is shown. What the window does not take is refused in words."""
        first: Picture | None = None
        for path in paths:
            refusal = self._refusal(path)
            if refusal is not None:
                self.notices.show_error(*refusal)
                continue
            picture, is_new = self.session.add(path.absolute())
            first = first or picture
            if is_new:
                self.pictures.put(picture.number, picture.path.name, picture_state(picture))
                self._bridge.open_picture(picture.number, picture.path)
        if first is not None:
            self._settings.folder = first.path.parent
            self._show(first)

    def _refusal(self, path: Path) -> tuple[str, str] | None:
        if path.is_dir():
            return (
                self.tr("{name} is a folder, and this window takes files.").format(name=path.name or str(path)),
                self.tr("Drop the images inside it, or run `triptych upscale FOLDER`."),
            )
        if path.suffix.lower() in _CHECKPOINTS:
            return (
                self.tr("{name} is a checkpoint, not an image.").format(name=path.name),
                self.tr("`triptych models add FILE` adds it to the list of models."),
            )
        return None

    @Slot()
    def _ask_for_images(self) -> None:
        self.open_files(OpenImages.ask(self, self._settings.folder, readable_extensions()))

    @Slot(object)
    def _on_opened(self, event: PictureOpened) -> None:
        picture = self.session.picture(event.picture_number)
        decoded = event.decoded
        if picture is None:
            self._bridge.discard(decoded.raster)
            return
        picture.state, picture.info, picture.raster = PictureState.OPEN, decoded.info, decoded.raster
        for warning in decoded.info.warnings:
            self.notices.show_warning(f"{picture.path.name}: {warning}")
        self.pictures.put(picture.number, picture.path.name, picture_state(picture))
        thumbnail_of = Pyramid(decoded.raster, decoded.info.icc)
        self.pictures.set_thumbnail(picture.number, thumbnail_of.make(TileKey(thumbnail_of.top_level, 0, 0)).image)
        thumbnail_of.close()
        if picture is self.session.shown:
            self._show(picture)
        self._resume_next()

    # Showing

    def _show(self, picture: Picture | None) -> None:
        """Turns to a picture, or to the drop area where there is none."""
        self.session.shown = picture
        if picture is not None:
            self.pictures.pick(picture.number)
        if picture is None or picture.raster is None or picture.info is None:
            self.view.show_picture(None, None, "" if picture is None else picture.path.name, "")
        else:
            self.view.show_picture(picture.raster, picture.info.icc, picture.path.name, input_figures(picture.info))
            self._show_shown_job(picture)
            self.view.setFocus()
        self._tell_state()
        self._refresh()

    def _show_shown_job(self, picture: Picture) -> None:
        """Shows the picture's chosen result beside it, as far as it is; or the picture alone."""
        job = picture.shown_job
        titles = [result_title(each) for each in picture.results]
        self.view.after_header.offer(titles, picture.results.index(job) if job is not None else -1)
        if job is None or job.canvas is None or job.state is JobState.CANCELLING:
            self.view.hide_result()
            return
        icc = None if picture.info is None else picture.info.icc
        finished = None if job.state is JobState.DONE else job.finished
        self.view.show_result(job.canvas, icc, job.scale, finished)
        self.view.after_header.say(result_title(job), result_figures(job))

    @Slot(int)
    def _turn_to(self, number: int) -> None:
        picture = self.session.picture(number)
        if picture is not None and picture is not self.session.shown:
            self._show(picture)

    @Slot(int)
    def _show_result_at(self, index: int) -> None:
        picture = self.session.shown
        if picture is not None and 0 <= index < len(picture.results):
            picture.shown_job = picture.results[index]
            self._show_shown_job(picture)
            self._tell_state()
            self._refresh()

    # What earlier runs left

    @Slot(object)
    def _on_interrupted(self, event: InterruptedFound) -> None:
        jobs = event.jobs
        if not jobs:
            return
        sentence, names = offer_words(jobs)
        self.notices.offer(
            sentence,
            names,
            (
                (self.tr("Resume"), self.tr("Go on from the tiles that are done."), lambda: self._resume(jobs)),
                (self.tr("Discard"), self.tr("Remove what was done of them."), lambda: self._discard(jobs)),
            ),
        )

    def _resume(self, jobs: Sequence[UnfinishedJob]) -> None:
        for unfinished in jobs:
            if is_for_window(unfinished):
                self._to_resume.append(Resumed.of(unfinished))
            else:
                self._bridge.finish_file(unfinished)
        self.open_files([each.path for each in self._to_resume])
        self._resume_next()

    def _discard(self, jobs: Sequence[UnfinishedJob]) -> None:
        for unfinished in jobs:
            self._bridge.forget(unfinished.job_id)

    def _resume_next(self) -> None:
        """Starts the next interrupted job whose picture is open, unless another job is at work."""
        if self.session.active_job is not None:
            return
        for resumed in self._to_resume:
            pictures = (each for each in self.session.pictures if each.path == resumed.path)
            picture = next((each for each in pictures if each.raster is not None), None)
            if picture is not None:
                self._to_resume.remove(resumed)
                self._show(picture)
                self._start(picture, resumed)
                return

    @Slot(object)
    def _on_file_finished(self, event: FileFinished) -> None:
        self.notices.show_warning(
            self.tr("{name} is finished.").format(name=Path(event.source).name),
            self.tr("The result is {path}.").format(path=event.output),
        )

    # The job

    @Slot()
    def start_job(self) -> None:
        """Runs the chosen model on the picture shown."""
        picture, entry = self.session.shown, self.panel.choice
        if picture is None or picture.raster is None or entry is None or self.session.active_job is not None:
            return
        self._start(picture, Resumed(picture.path, entry.name, entry.scale, entry.path, UpscaleSettings(), ""))

    def _start(self, picture: Picture, wanted: Resumed) -> None:
        """Runs a model on an open picture, in the folder of an interrupted job where one is named."""
        if picture.raster is None:
            return
        job = self.session.new_job(picture, wanted.model, wanted.scale, wanted.weights)
        earlier = picture.same_result(job)
        if earlier is not None:
            # The same weights on the same pixels: the new canvas will be the old one again.
            self.view.hide_result()
            self._drop_result(picture, earlier)
        origin = Origin(picture.path, wanted.model, wanted.folder_id or None)
        self._bridge.upscale(job.number, picture.raster, wanted.weights, wanted.scale, wanted.settings, origin)
        self._show_shown_job(picture)
        self._tell_state()
        self._refresh()

    @Slot()
    def cancel_job(self) -> None:
        """Stops the running job; its unfinished result disappears at once."""
        job = self.session.active_job
        if job is None or job.state is JobState.CANCELLING:
            return
        job.advance(JobState.CANCELLING)
        picture = self.session.picture(job.picture_number)
        if picture is not None and picture is self.session.shown and picture.shown_job is job:
            self._show_shown_job(picture)
        self._tell_state()
        self._refresh()
        self._bridge.cancel(job.number)

    @Slot(object)
    def _on_canvas(self, event: CanvasMade) -> None:
        job = self.session.job(event.job_number)
        if job is None or job.state is JobState.CANCELLING:
            return
        job.advance(JobState.RUNNING)
        job.canvas, job.began_s = event.canvas, time.monotonic()
        self._tell_state()
        picture = self.session.shown
        if picture is not None and picture.shown_job is job:
            self._show_shown_job(picture)

    @Slot(object)
    def _on_progress(self, event: JobProgressed) -> None:
        job = self.session.job(event.job_number)
        if job is None or job.state is not JobState.RUNNING:
            return
        progress = event.progress
        job.tiles_done, job.tiles, job.seconds = progress.tiles_done, progress.tiles, progress.seconds
        job.finished.extend(progress.sr_boxes)
        self.strip.advance(job.tiles_done, job.tiles, job.seconds_left(time.monotonic()))
        shown, picture = self.session.shown, self.session.picture(job.picture_number)
        if shown is not None and shown.shown_job is job:
            self.view.add_finished(progress.sr_boxes)
        if picture is not None:
            self.pictures.put(picture.number, picture.path.name, picture_state(picture))

    @Slot(object)
    def _on_done(self, event: JobDone) -> None:
        job = self.session.job(event.job_number)
        if job is None:
            self._bridge.discard(event.upscaled.canvas)
            return
        was_shown_whole = job.canvas is not None and job.state is JobState.RUNNING
        job.advance(JobState.DONE)
        job.canvas, job.done = event.upscaled.canvas, event.upscaled.done
        self.session.learn(job, job.done)
        for warning in (*event.notes, *job.done.warnings):
            self.notices.show_warning(warning)
        picture = self.session.shown
        if picture is not None and picture.shown_job is job:
            if was_shown_whole:
                self.view.finish()
                self.view.after_header.say(result_title(job), result_figures(job))
            else:
                self._show_shown_job(picture)
        self._tell_state()
        self._refresh()
        self._resume_next()

    @Slot(object)
    def _on_stopped(self, event: TaskStopped) -> None:
        job = self.session.job(event.number)
        if job is None or job.state is not JobState.CANCELLING:
            return
        job.advance(JobState.CANCELLED)
        picture = self.session.picture(job.picture_number)
        if picture is not None and job.canvas is not None:
            picture.left.add(Path(job.canvas.path).parent.name)
        self._forget_job(job)
        self._tell_state(self.tr("Cancelled."))
        # The worker may have been ended with the job: then a new one gets ready for the next.
        self._prepare_choice()
        self._resume_next()

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        failure = event.failure
        picture, job = self.session.picture(event.number), self.session.job(event.number)
        hint = failure.hint
        if event.what == "save" and failure.kind == OutputError.__name__:
            # The engine's own hint names an option of the command line.
            hint = self.tr("Choose another folder, name or format with Save as… (Ctrl+Shift+S).")
        # Of an error that the engine foresaw, its two sentences say all.
        details = failure.details if failure.kind == WorkerError.__name__ else ""
        self.notices.show_error(failure.message, hint, details)
        if event.what == "open" and picture is not None:
            self._remove_picture(picture)
        elif event.what == "upscale" and job is not None:
            job.advance(JobState.FAILED)
            self._forget_job(job)
        elif event.what == "save" and job is not None:
            job.is_being_saved = False
        self._tell_state()
        self._refresh()
        self._resume_next()

    def _forget_job(self, job: Job) -> None:
        """Takes a job without a result out of its picture."""
        picture = self.session.picture(job.picture_number)
        if picture is not None:
            is_shown = picture is self.session.shown
            if is_shown and picture.shown_job is job:
                self.view.hide_result()
            self._drop_result(picture, job)
            if is_shown:
                self._show_shown_job(picture)
        self._refresh()

    def _drop_result(self, picture: Picture, job: Job) -> None:
        picture.remove_result(job)
        if job.canvas is not None:
            self._bridge.discard(job.canvas)

    # Saving

    @Slot()
    def save(self) -> None:
        """Saves the result shown beside its input, under the command line's name or the next free one."""
        self._save(None)

    @Slot()
    def _ask_where_to_save(self) -> None:
        job, picture = self._result_shown()
        if job is None or picture is None or picture.info is None or job.canvas is None:
            return
        proposal = default_path(job.canvas, picture.info, job.model, job.scale)
        path = SaveImage.ask(self, proposal)
        if path is not None:
            self._save(path)

    def _save(self, path: Path | None) -> None:
        job, picture = self._result_shown()
        if job is None or picture is None or picture.info is None or job.canvas is None or job.is_being_saved:
            return
        job.is_being_saved = True
        # A file is replaced only where the dialog has asked; the default name gives way to one that is there.
        overwrite = path is not None and path.exists()
        self._bridge.save(job.number, job.canvas, picture.info, job.model, job.scale, path, overwrite)
        self._tell_state()
        self._refresh()

    @Slot(object)
    def _on_saved(self, event: JobSaved) -> None:
        job = self.session.job(event.job_number)
        for warning in event.written.warnings:
            self.notices.show_warning(warning)
        if job is not None:
            job.is_being_saved = False
            job.saved_as = Path(event.written.path)
        self._tell_state()
        self._refresh()

    @Slot()
    def _reveal(self) -> None:
        job, _ = self._result_shown()
        if job is not None and job.saved_as is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(job.saved_as.parent)))

    def _result_shown(self) -> tuple[Job | None, Picture | None]:
        """Returns the finished job that is shown, and its picture."""
        picture = self.session.shown
        if picture is None or picture.shown_job is None or picture.shown_job.state is not JobState.DONE:
            return None, None
        return picture.shown_job, picture

    # Models

    @Slot(object)
    def _on_models(self, event: ModelsListed) -> None:
        self.panel.show_models(event.entries, self._settings.model)
        self._prepare_choice()

    @Slot(object)
    def _on_model_ready(self, event: ModelReady) -> None:
        ready = event.ready
        was_idle = self.strip.sentence.text() in ("", self._ready_text)
        self._ready_text = self.tr("Ready on {device}, {precision}.").format(
            device=device_text(ready.device), precision=ready.precision
        )
        # What the strip says of a job, or of its end, stays.
        if was_idle:
            self._tell_state()

    def _prepare_choice(self) -> None:
        """Gets the worker going ahead of the first job, which then begins at once."""
        entry = self.panel.choice
        if entry is not None:
            self._bridge.prepare(entry.path, entry.scale, UpscaleSettings())

    @Slot()
    def _follow_choice(self) -> None:
        if self.panel.choice is not None:
            self._settings.model = self.panel.choice.name
        self._refresh()

    # What is said and what can be done

    def _tell_state(self, sentence: str = "") -> None:
        """Shows in the strip what is going on, or what there is to do about what is shown."""
        active = self.session.active_job
        picture = self.session.shown
        if active is not None:
            self._tell_job(active)
            return
        job, _ = self._result_shown()
        if job is not None and not sentence:
            self._tell_result(job)
        elif sentence:
            self.strip.say(sentence)
        elif picture is not None and picture.state is PictureState.OPENING:
            self.strip.say(self.tr("Opening {name}…").format(name=picture.path.name))
        else:
            self.strip.say(self._ready_text)

    def _tell_job(self, job: Job) -> None:
        picture = self.session.picture(job.picture_number)
        name = "" if picture is None else picture.path.name
        if job.state is JobState.CANCELLING:
            self.strip.cancelling(self.tr("Cancelling {name}…").format(name=name))
            return
        self.strip.begin(self.tr("Upscaling {name} with {title}").format(name=name, title=result_title(job)))
        left_s = job.seconds_left(time.monotonic())
        if job.tiles:
            self.strip.advance(job.tiles_done, job.tiles, left_s)
        elif left_s is not None:
            self.strip.expect(left_s)

    def _tell_result(self, job: Job) -> None:
        if job.is_being_saved:
            self.strip.say(self.tr("Saving…"))
        elif job.saved_as is not None:
            self.strip.say(
                self.tr("Saved as {name}").format(name=job.saved_as.name),
                self.strip.reveal_button,
                self.strip.save_as_button,
            )
        else:
            took = "" if job.done is None else duration_text(job.done.seconds)
            self.strip.say(
                self.tr("Done in {duration}. Not saved yet.").format(duration=took),
                self.strip.save_button,
                self.strip.save_as_button,
            )

    def _refresh(self) -> None:
        """Enables what can be done now, and says of the rest why it cannot."""
        actions, picture, active = self.actions_, self.session.shown, self.session.active_job
        none_open = self.tr("Open an image first.")
        is_open = picture is not None and picture.raster is not None
        why_not_start = ""
        if picture is None:
            why_not_start = none_open
        elif not is_open:
            why_not_start = self.tr("The image is still being opened.")
        elif self.panel.choice is None:
            why_not_start = self.tr("There is no model to run.")
        elif active is not None:
            why_not_start = self.tr("A job is running: wait for it, or cancel it.")
        allow(actions.start, why_not_start)
        can_cancel = active is not None and active.state is not JobState.CANCELLING
        allow(actions.cancel, "" if can_cancel else self.tr("Nothing is running."))
        allow(actions.save, self._why_not_save(False))
        allow(actions.save_as, self._why_not_save(True))
        allow(actions.close_picture, "" if picture is not None else self.tr("No image is open."))
        for action in (actions.fit, actions.actual_size, actions.zoom_in, actions.zoom_out):
            allow(action, "" if is_open else none_open)
        self._show_offer(picture)
        self.pictures.setVisible(len(self.session.pictures) > 1)
        for each in self.session.pictures:
            self.pictures.put(each.number, each.path.name, picture_state(each))
        self.pages.setCurrentWidget(self.view if self.session.pictures else self.drop_area)
        self.setWindowTitle("Triptych" if picture is None else f"{picture.path.name} – Triptych")
        self._show_zoom()

    def _why_not_save(self, elsewhere: bool) -> str:
        job, _ = self._result_shown()
        if job is None:
            return self.tr("There is no result yet: upscale the image first.")
        if job.is_being_saved:
            return self.tr("The result is being saved.")
        if job.saved_as is not None and not elsewhere:
            return self.tr("It is saved already, as {name}.").format(name=job.saved_as.name)
        return ""

    def _show_offer(self, picture: Picture | None) -> None:
        """Says on the start button, and above it, what a click would make."""
        entry = self.panel.choice
        if entry is None:
            self.panel.start_button.say(self.tr("Upscale"))
        else:
            self.panel.start_button.say(
                self.tr("Upscale ×{scale} with {model}").format(scale=entry.scale, model=entry.name)
            )
        if entry is None or picture is None or picture.raster is None:
            self.panel.size_text.setText("")
            return
        height, width = picture.raster.height, picture.raster.width
        self.panel.size_text.setText(
            self.tr("{size} → {larger} pixels").format(
                size=size_text(width, height), larger=size_text(width * entry.scale, height * entry.scale)
            )
        )

    @Slot()
    def _show_zoom(self) -> None:
        is_shown = self.session.shown is not None and self.session.shown.raster is not None
        percent = self.view.camera.zoom * 100
        shown = f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"
        self.zoom_text.setText(shown if is_shown else "–")
        self.view.setAccessibleDescription(self.tr("Zoom {percent}").format(percent=shown))

    @Slot()
    def _show_actual_size(self) -> None:
        self.view.camera.zoom_to(1.0)

    @Slot()
    def _zoom_in(self) -> None:
        self.view.camera.step(1)

    @Slot()
    def _zoom_out(self) -> None:
        self.view.camera.step(-1)

    @Slot(bool)
    def _set_full_screen(self, full: bool) -> None:
        if full:
            self.showFullScreen()
        else:
            self.showNormal()

    @Slot()
    def _show_keys(self) -> None:
        Keys(self.actions_, self).exec()

    @Slot()
    def _tint(self) -> None:
        self.menu_button.setIcon(self._theme.icon("more"))

    # Closing

    @Slot()
    def _close_shown(self) -> None:
        picture = self.session.shown
        if picture is None or not self._may_lose(picture.results, self.tr("Close the image")):
            return
        if any(job.is_active for job in picture.results):
            self.cancel_job()
        self._remove_picture(picture)
        self._tell_state()

    def _remove_picture(self, picture: Picture) -> None:
        was_shown = picture is self.session.shown
        self.session.remove(picture)
        self.pictures.drop(picture.number)
        if was_shown:
            self._show(self.session.shown)
        for raster in (picture.raster, *(job.canvas for job in picture.results if not job.is_active)):
            if raster is not None:
                self._bridge.discard(raster)
        for folder_id in picture.left:
            self._bridge.forget(folder_id)
        self._refresh()

    def _may_lose(self, jobs: Sequence[Job], do_it: str) -> bool:
        """Returns whether these jobs may go: nothing is lost with them, or the person agrees."""
        unsaved = [job for job in jobs if job.is_unsaved]
        if any(job.is_active for job in jobs):
            what, consequence = self.tr("A job is still running."), self.tr("It will be cancelled.")
        elif len(unsaved) > 1:
            what = self.tr("{count} results are not saved.").format(count=len(unsaved))
            consequence = self.tr("They will be lost.")
        elif unsaved:
            what = self.tr("The result {title} is not saved.").format(title=result_title(unsaved[0]))
            consequence = self.tr("It will be lost.")
        else:
            return True
        return ConfirmLoss.ask(self, what, consequence, do_it)

    def close_without_asking(self) -> None:
        """Closes the window although work is lost: the system wants the process to end."""
        self._asks_before_loss = False
        # A question that is open is answered by its being closed; it may be the one that this window asks on closing.
        while (dialog := QApplication.activeModalWidget()) is not None:
            dialog.close()
        QTimer.singleShot(0, self.close)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks before work is lost; then lets go of the rasters, ends the engine, and remembers where the window was."""
        jobs = [job for picture in self.session.pictures for job in picture.results]
        may_close = not self._asks_before_loss or self._may_lose(jobs, self.tr("Close Triptych"))
        # Asked again: the system may have decided while the question was open.
        if not may_close and self._asks_before_loss:
            event.ignore()
            return
        self._settings.geometry = self.saveGeometry()
        self._settings.flush()
        self.hide()
        # The maps go first: nothing may read a raster whose file the engine removes.
        self.view.close_rasters()
        self._bridge.close()
        event.accept()

    # Qt's events

    def event(self, event: QEvent) -> bool:
        """Tells of the first paint, once it is on the screen."""
        handled = super().event(event)
        if event.type() == QEvent.Type.Paint and not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)
        return handled

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files, and shows that it does."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            self.drop_area.set_hovered(True)
            self.pages.setCurrentWidget(self.drop_area)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Goes back to what was shown."""
        self._end_drag()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens what was dropped."""
        self._end_drag()
        urls = event.mimeData().urls()
        event.acceptProposedAction()
        for url in urls:
            if not url.isLocalFile():
                self.notices.show_error(
                    self.tr("{name} is not a file on this computer.").format(name=url.toDisplayString()),
                    self.tr("Save it first, then drop the file."),
                )
        self.open_files(Path(url.toLocalFile()) for url in urls if url.isLocalFile())

    def _end_drag(self) -> None:
        self.drop_area.set_hovered(False)
        self._refresh()


def _listed(names: Sequence[str]) -> str:
    """Returns names as a list in a sentence: `PNG, JPEG and TIFF`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
