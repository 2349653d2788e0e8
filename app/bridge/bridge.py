"""Between the window and the engine: calls go out to two threads, events come back as Qt signals on the GUI thread.

Imports QtCore and the parent half of `engine`; `engine.client` itself is loaded by the first lane that needs it, after the
window has been painted.

There are two *lanes*, each a thread with an `Engine` of its own (an `Engine` takes calls from one thread only): `files`
reads, writes and lists, `work` runs models. So a picture that is dropped while another is being upscaled is shown at once.
An engine starts a process when it is first needed, hence the lanes own one process each.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from PySide6.QtCore import QObject, Signal, SignalInstance, Slot

from app.bridge.canvases import Canvases
from app.bridge.events import (
    AttentionFailed,
    AttentionSeen,
    CanvasMade,
    Event,
    Examined,
    FileFinished,
    InterruptedFound,
    JobDone,
    JobProgressed,
    JobSaved,
    MemorySeen,
    ModelInstalled,
    ModelReady,
    ModelsListed,
    PictureOpened,
    Planned,
    PreviewMade,
    ReferenceOpened,
    SheetWritten,
    TaskFailed,
    TaskStopped,
)
from app.bridge.lane import JOIN_S, EngineLike, Lane, OnMemory, Task
from app.bridge.listing import read_catalog
from app.bridge.mailbox import Mailbox
from app.bridge.targets import save_target
from engine.canvas import RasterRef
from engine.catalog import CatalogEntry
from engine.errors import Cancelled, TriptychError, to_failure

if TYPE_CHECKING:
    from app.compare.sources import PaneSource
    from engine.client import Engine
    from engine.messages import ImageInfo, ModelRequest, Progress, UpscaleSettings
    from engine.outputs import Target
    from engine.shown import ShownJob
    from engine.tiling.geometry import Box
    from engine.workspace import UnfinishedJob

_CANCEL_AGAIN_S = 0.1


class Origin(NamedTuple):
    """What makes a job one that can be resumed: the input's file, the model's name, and the folder of the interrupted job."""

    path: Path
    label: str
    folder_id: str | None = None


def _request(weights: Path, scale: int) -> ModelRequest:
    # Not above: forty dataclasses take 20 ms to define, and the window is painted before the first request.
    from engine.messages import ModelRequest

    return ModelRequest(str(weights), scale)


def _upscale_to_show(
    engine: EngineLike,
    source: RasterRef,
    request: ModelRequest,
    settings: UpscaleSettings,
    origin: Origin,
    on_progress: Callable[[Progress], None],
    on_canvas: Callable[[RasterRef], None],
) -> ShownJob:
    from engine.shown import upscale_to_show

    return upscale_to_show(
        cast("Engine", engine),
        origin.path,
        source,
        origin.label,
        request,
        settings,
        on_progress=on_progress,
        on_canvas=on_canvas,
        folder_id=origin.folder_id,
    )


def _preview(
    number: int, source: RasterRef, frame: Box, entry: CatalogEntry, settings: UpscaleSettings, engine: EngineLike
) -> Event:
    from engine.canvas import create_raster, open_raster

    folder = engine.new_folder()
    cut = RasterRef(str(folder / "frame.raw"), frame.height, frame.width, source.channels, source.dtype)
    create_raster(cut)[:] = open_raster(source)[frame.slices]
    request = _request(entry.path, entry.scale)
    upscaled = engine.upscale(cut, request, settings, folder / "canvas.raw")
    return PreviewMade(number, entry.name, entry.scale, frame, upscaled)


def start_engine(on_memory: OnMemory | None = None) -> EngineLike:
    """Returns a real engine that tells `on_memory` what its workers hold."""
    from engine.client import Engine

    return Engine(on_memory=on_memory)


class Bridge(QObject):
    """The window's only way to the engine. Methods return at once; answers come as signals on the GUI thread.

    models_listed(ModelsListed)      the catalog was read
    model_ready(ModelReady)          a model is loaded
    picture_opened(PictureOpened)    an input is decoded
    reference_opened(ReferenceOpened)      a ground truth is decoded
    model_installed(ModelInstalled)  a checkpoint was added
    preview_made(PreviewMade)        a part of an input went through one model
    planned(Planned)                 what a job would take
    memory_seen(MemorySeen)          what a worker holds
    attention_seen(AttentionSeen)    where a model looks
    attention_failed(AttentionFailed)      why that cannot be told
    examined(Examined)               devices and backends
    canvas_made(CanvasMade)          a job has begun
    progressed(JobProgressed)        tiles are finished, at most thirty times a second
    job_done(JobDone)                a canvas is complete
    job_saved(JobSaved)              a result was written
    sheet_written(SheetWritten)      a comparison sheet was written
    interrupted_found(InterruptedFound)    what earlier runs left
    file_finished(FileFinished)      a job of the command line was finished
    stopped(TaskStopped)             what was cancelled has ended
    failed(TaskFailed)               a task ended in an error
    """

    models_listed = Signal(object)
    model_ready = Signal(object)
    picture_opened = Signal(object)
    reference_opened = Signal(object)
    model_installed = Signal(object)
    preview_made = Signal(object)
    planned = Signal(object)
    memory_seen = Signal(object)
    attention_seen = Signal(object)
    attention_failed = Signal(object)
    examined = Signal(object)
    canvas_made = Signal(object)
    progressed = Signal(object)
    job_done = Signal(object)
    job_saved = Signal(object)
    sheet_written = Signal(object)
    interrupted_found = Signal(object)
    file_finished = Signal(object)
    stopped = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        make_engine: Callable[[OnMemory], EngineLike] = start_engine,
        list_models: Callable[[], list[CatalogEntry]] = read_catalog,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._list_models = list_models
        self._mailbox = Mailbox(self)
        self._mailbox.delivered.connect(self._tell)
        self._files = Lane("files", make_engine, self._mailbox.post)
        self._work = Lane("work", make_engine, self._mailbox.post)
        self._canvases = Canvases()
        self._is_closed = False
        # Jobs that were cancelled and have not ended yet, with what tells their thread that they have.
        self._abandoned: dict[int, threading.Event] = {}
        self._cancelling: list[threading.Thread] = []
        self._left_previews: set[int] = set()
        # The pixel of the input that was picked last for the attention inspector.
        self._picked = (-1, -1)
        self._signals: dict[type[Event], SignalInstance] = {
            ModelsListed: self.models_listed,
            ModelReady: self.model_ready,
            PictureOpened: self.picture_opened,
            ReferenceOpened: self.reference_opened,
            ModelInstalled: self.model_installed,
            PreviewMade: self.preview_made,
            Planned: self.planned,
            MemorySeen: self.memory_seen,
            AttentionSeen: self.attention_seen,
            AttentionFailed: self.attention_failed,
            Examined: self.examined,
            CanvasMade: self.canvas_made,
            JobProgressed: self.progressed,
            JobDone: self.job_done,
            JobSaved: self.job_saved,
            SheetWritten: self.sheet_written,
            InterruptedFound: self.interrupted_found,
            FileFinished: self.file_finished,
            TaskStopped: self.stopped,
            TaskFailed: self.failed,
        }

    def start(self) -> None:
        """Lets the lanes begin. Called after the window's first paint."""
        self._files.start()
        self._work.start()

    def list_models(self) -> None:
        """Reads the catalog."""
        self._files.submit(Task(0, "models", lambda _: ModelsListed(tuple(self._list_models()))))

    def prepare(self, weights: Path, scale: int, settings: UpscaleSettings) -> None:
        """Loads a model ahead of its first job, so that the job begins at once."""
        request = _request(weights, scale)
        self._work.submit(Task(0, "prepare", lambda engine: ModelReady(engine.prepare(request, settings))))

    def open_picture(self, number: int, path: Path) -> None:
        """Decodes an input."""

        def call(engine: EngineLike) -> Event:
            return PictureOpened(number, engine.decode(path, engine.new_folder() / "input.raw"))

        self._files.submit(Task(number, "open", call))

    def open_reference(self, number: int, path: Path) -> None:
        """Decodes a ground truth for the picture of this number."""

        def call(engine: EngineLike) -> Event:
            return ReferenceOpened(number, engine.decode(path, engine.new_folder() / "reference.raw"))

        self._files.submit(Task(number, "reference", call))

    def install(self, path: Path) -> None:
        """Checks a checkpoint and adds it to the list of models."""

        def call(engine: EngineLike) -> Event:
            from engine.installing import install

            return ModelInstalled(install(cast("Engine", engine), path)[0])

        self._files.submit(Task(0, "install", call))

    def plan(self, number: int, source: RasterRef, weights: Path, scale: int, settings: UpscaleSettings) -> None:
        """Asks what a job would take, before it is begun."""
        request = _request(weights, scale)

        def call(engine: EngineLike) -> Event:
            return Planned(number, engine.plan(request, settings, source.height, source.width, source.channels))

        self._work.submit(Task(number, "plan", call))

    def preview(
        self, number: int, source: RasterRef, frame: Box, models: Sequence[CatalogEntry], settings: UpscaleSettings
    ) -> None:
        """Runs a part of a decoded input (input pixels) through models, one after the other, until `cancel_preview`.

        `number`: of this preview, used for no other and for no picture or job.
        """

        def call(entry: CatalogEntry, engine: EngineLike) -> Event | None:
            if number in self._left_previews:
                raise Cancelled("Cancelled.")
            return _preview(number, source, frame, entry, settings, engine)

        for entry in models:
            self._work.submit(Task(number, "preview", partial(call, entry)))

    def cancel_preview(self, number: int) -> None:
        """Stops a preview: its models that have not begun never do."""
        self._left_previews.add(number)
        thread = threading.Thread(target=self._work.cancel, args=(number,), name="triptych cancel", daemon=True)
        self._cancelling = [each for each in self._cancelling if each.is_alive()] + [thread]
        thread.start()

    def inspect(
        self, key: str, source: RasterRef, weights: Path, scale: int, settings: UpscaleSettings, x: int, y: int
    ) -> None:
        """Asks where a model looks from a pixel of the input. Questions about other pixels that wait are dropped."""
        self._picked = (x, y)

        def call(engine: EngineLike) -> Event | None:
            if self._picked != (x, y):
                return None
            try:
                return AttentionSeen(key, engine.inspect_attention(source, _request(weights, scale), settings, x, y))
            except Cancelled:
                raise
            except TriptychError as error:
                return AttentionFailed(key, x, y, to_failure(error))

        self._work.submit(Task(0, "inspect", call))

    def examine(self) -> None:
        """Asks what devices and backends there are."""
        self._work.submit(Task(0, "examine", lambda engine: Examined(engine.examine())))

    def find_interrupted(self) -> None:
        """Looks for what earlier runs left unfinished; what is older than the settings say is removed, not offered."""

        def call(engine: EngineLike) -> Event:
            from engine.paths import keep_days
            from engine.workspace import clean, list_jobs

            clean(engine.jobs_folder, keep_days() * 86400)
            return InterruptedFound(tuple(list_jobs(engine.jobs_folder)))

        self._files.submit(Task(0, "interrupted", call))

    def upscale(
        self,
        number: int,
        source: RasterRef,
        weights: Path,
        scale: int,
        settings: UpscaleSettings,
        origin: Origin | None = None,
    ) -> None:
        """Runs a model on a decoded input; with `origin` as a job that can be resumed, and goes on where it was interrupted."""
        request = _request(weights, scale)

        def on_progress(progress: Progress) -> None:
            self._mailbox.post(JobProgressed(number, progress))

        def on_canvas(canvas: RasterRef) -> None:
            if origin is not None:
                self._canvases.begin(canvas)
            self._mailbox.post(CanvasMade(number, canvas))

        def call(engine: EngineLike) -> Event:
            if origin is None:
                canvas_path = engine.new_folder() / "canvas.raw"
                return JobDone(number, engine.upscale(source, request, settings, canvas_path, on_progress, on_canvas))
            shown = _upscale_to_show(engine, source, request, settings, origin, on_progress, on_canvas)
            self._canvases.hold(shown.folder)
            return JobDone(number, shown.upscaled, shown.notes)

        self._work.submit(Task(number, "upscale", call))

    def finish_file(self, unfinished: UnfinishedJob) -> None:
        """Finishes a job that the command line had begun, and writes its file where it was to go."""

        def call(engine: EngineLike) -> Event:
            from engine.jobs import from_plain, run_job

            job = from_plain(unfinished.header.client)
            report = run_job(cast("Engine", engine), job, is_resumed=True, folder_id=unfinished.job_id)
            return FileFinished(report.input, report.output or "")

        self._work.submit(Task(0, "resume", call))

    def forget(self, folder_id: str) -> None:
        """Removes what an interrupted job left."""

        def call(engine: EngineLike) -> None:
            from engine.workspace import open_job

            open_job(engine.jobs_folder, folder_id).remove()

        self._files.submit(Task(0, "forget", call))

    def cancel(self, number: int) -> None:
        """Stops a job: nothing more is heard of it but how it ended."""
        if number in self._abandoned:
            return
        ended = self._abandoned[number] = threading.Event()
        # Ending a process takes a tenth of a second that the window should not stand still for.
        thread = threading.Thread(target=self._cancel_until, args=(number, ended), name="triptych cancel", daemon=True)
        self._cancelling = [each for each in self._cancelling if each.is_alive()] + [thread]
        thread.start()

    def save(
        self,
        number: int,
        canvas: RasterRef,
        info: ImageInfo,
        label: str,
        scale: int,
        target: Target,
        path: Path | None = None,
        overwrite: bool = False,
    ) -> None:
        """Writes a result: at `path`, or where `target` says if that is None."""

        def call(engine: EngineLike) -> Event:
            place, options = save_target(canvas, info, label, scale, target, path)
            if path is None:
                place.parent.mkdir(parents=True, exist_ok=True)
            written = engine.encode(canvas, info, place, replace(options, overwrite=overwrite))
            self._canvases.settle(canvas)
            return JobSaved(number, written)

        self._files.submit(Task(number, "save", call))

    def write_sheet(self, sources: Sequence[PaneSource], box: Box, path: Path, heading: str) -> None:
        """Writes a part (input pixels) of all sources as a labelled sheet."""

        def call(engine: EngineLike) -> Event:
            from app.sheet import sheet_panes

            folder = engine.new_folder()
            try:
                panes, height, width = sheet_panes(sources, box, folder)
                return SheetWritten(engine.write_sheet(panes, height, width, path, heading))
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        self._files.submit(Task(0, "sheet", call))

    def discard(self, raster: RasterRef) -> None:
        """Removes a raster from the disk, with the folder that was made for it; a job that was interrupted keeps its canvas."""

        self._files.submit(Task(0, "discard", lambda _: self._canvases.discard(raster)))

    def look_at(self, lr_view: Box | None) -> None:
        """Says which part of the image at work is in view (input pixels): its tiles come first."""
        self._work.look_at(lr_view)

    def close(self) -> None:
        """Ends the work, the threads and the processes; no signal comes afterwards."""
        if self._is_closed:
            return
        self._is_closed = True
        self._mailbox.close()
        for ended in self._abandoned.values():
            ended.set()
        for thread in self._cancelling:
            thread.join(JOIN_S)
        self._work.close()
        self._files.close()
        self._canvases.remove_all()

    @Slot(object)
    def _tell(self, event: Event) -> None:
        match event:
            case CanvasMade() | JobProgressed() if event.job_number in self._abandoned:
                # Nobody waits for these any more.
                return
            case JobDone():
                self._forget_cancel(event.job_number)
            case TaskStopped() | TaskFailed():
                self._forget_cancel(event.number)
        self._signals[type(event)].emit(event)

    def _forget_cancel(self, number: int) -> None:
        ended = self._abandoned.pop(number, None)
        if ended is not None:
            ended.set()

    def _cancel_until(self, number: int, ended: threading.Event) -> None:
        """Cancels until the job has ended: a cancel that falls between two of the engine's calls hits neither."""
        while not ended.is_set():
            self._work.cancel(number)
            ended.wait(_CANCEL_AGAIN_S)
