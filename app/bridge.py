"""Between the window and the engine: calls go out to two threads, events come back as Qt signals on the GUI thread.

The only file of `app` that talks to `engine.client`. Imports QtCore and the parent half of `engine`; `engine.client` itself
is loaded by the first lane that needs it, after the window has been painted.

There are two *lanes*, each a thread with an `Engine` of its own (an `Engine` takes calls from one thread only): `files`
reads, writes and lists, `work` runs models. So a picture that is dropped while another is being upscaled is shown at once.
An engine starts a process when it is first needed, hence the lanes own one process each.

Events are put into one mailbox and delivered in order, at most thirty times a second while there is only progress to
tell; progress of the same job is merged there (the latest counts, the finished boxes add up).
"""

from __future__ import annotations

import shutil
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, cast

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from engine.canvas import RasterRef
from engine.catalog import CatalogEntry
from engine.errors import Cancelled, Failure, TriptychError, to_failure
from engine.messages import (
    DoneAttention,
    DoneDecode,
    DoneEncode,
    DonePlan,
    DonePrepare,
    EncodeOptions,
    ImageInfo,
    ModelRequest,
    Progress,
    SheetPane,
    UpscaleSettings,
    WorkerMemory,
)

if TYPE_CHECKING:
    from app.compare.sources import PaneSource
    from engine.client import Engine, Upscaled
    from engine.outputs import Target
    from engine.shown import ShownJob
    from engine.tiling.geometry import Box
    from engine.workspace import JobFolder, UnfinishedJob

PROGRESS_INTERVAL_MS = 33
_CANCEL_AGAIN_S = 0.1
_JOIN_S = 5.0


class EngineLike(Protocol):
    """What the bridge asks of `engine.client.Engine`; calls block and raise `engine.errors`."""

    def decode(self, path: Path, raster_path: Path) -> DoneDecode: ...
    def prepare(self, model: ModelRequest, settings: UpscaleSettings) -> DonePrepare: ...
    def upscale(
        self,
        source: RasterRef,
        model: ModelRequest,
        settings: UpscaleSettings,
        canvas_path: Path,
        on_progress: Callable[[Progress], None] | None = None,
        on_canvas: Callable[[RasterRef], None] | None = None,
    ) -> Upscaled: ...
    @property
    def jobs_folder(self) -> Path: ...
    def encode(self, canvas: RasterRef, source: ImageInfo, path: Path, options: EncodeOptions) -> DoneEncode: ...
    def write_sheet(
        self, panes: Sequence[SheetPane], pane_height: int, pane_width: int, path: Path, heading: str
    ) -> DoneEncode: ...
    def new_folder(self) -> Path: ...
    def plan(
        self, model: ModelRequest, settings: UpscaleSettings, height: int, width: int, channels: int
    ) -> DonePlan: ...
    def look_at(self, lr_view: Box | None) -> None: ...
    def inspect_attention(
        self, source: RasterRef, model: ModelRequest, settings: UpscaleSettings, x: int, y: int
    ) -> DoneAttention: ...
    def examine(self) -> dict[str, Any]: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...


OnMemory = Callable[[WorkerMemory], None]


@dataclass(frozen=True)
class ModelsListed:
    """The catalog was read."""

    entries: tuple[CatalogEntry, ...]


@dataclass(frozen=True)
class ModelReady:
    """A model is loaded and waits for work."""

    ready: DonePrepare


@dataclass(frozen=True)
class PictureOpened:
    """An input is decoded."""

    picture_number: int
    decoded: DoneDecode


@dataclass(frozen=True)
class ReferenceOpened:
    """A ground truth for a picture is decoded."""

    picture_number: int
    decoded: DoneDecode


@dataclass(frozen=True)
class ModelInstalled:
    """A checkpoint was added to the list of models."""

    entry: CatalogEntry


@dataclass(frozen=True)
class PreviewMade:
    """One model's result of the preview's frame (input pixels)."""

    number: int
    model: str
    scale: int
    frame: Box
    upscaled: Upscaled


@dataclass(frozen=True)
class Planned:
    """What a job of this picture would take: `plan` says tiles, predicted memory and what speaks against them."""

    number: int
    plan: DonePlan


@dataclass(frozen=True)
class MemorySeen:
    """What a worker holds."""

    memory: WorkerMemory


@dataclass(frozen=True)
class AttentionSeen:
    """Where a model looks from the pixel that was picked; `key` is the pane's."""

    key: str
    done: DoneAttention


@dataclass(frozen=True)
class AttentionFailed:
    """A model could not be looked into."""

    key: str
    x: int
    y: int
    failure: Failure


@dataclass(frozen=True)
class Examined:
    """What the worker found of devices and backends, as `triptych doctor --json` has it."""

    report: dict[str, Any]


@dataclass(frozen=True)
class CanvasMade:
    """A job has begun: where its result will lie."""

    job_number: int
    canvas: RasterRef


@dataclass(frozen=True)
class JobProgressed:
    """Tiles of a job were finished."""

    job_number: int
    progress: Progress


@dataclass(frozen=True)
class JobDone:
    """A job's canvas is complete."""

    job_number: int
    upscaled: Upscaled
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobSaved:
    """A result lies in a file."""

    job_number: int
    written: DoneEncode


@dataclass(frozen=True)
class SheetWritten:
    """A comparison sheet lies in a file."""

    written: DoneEncode


@dataclass(frozen=True)
class InterruptedFound:
    """What earlier runs left unfinished, the latest first."""

    jobs: tuple[UnfinishedJob, ...]


@dataclass(frozen=True)
class FileFinished:
    """A job that the command line had begun was finished: the input, and the file that was written."""

    source: str
    output: str


@dataclass(frozen=True)
class TaskStopped:
    """A task was cancelled, before or after it began."""

    number: int


@dataclass(frozen=True)
class TaskFailed:
    """A task ended in an error.

    `what`: "models", "prepare", "open", "reference", "install", "plan", "preview", "upscale", "save" …
    """

    number: int
    what: str
    failure: Failure


Event = (
    ModelsListed
    | ModelReady
    | PictureOpened
    | ReferenceOpened
    | ModelInstalled
    | PreviewMade
    | Planned
    | MemorySeen
    | AttentionSeen
    | AttentionFailed
    | Examined
    | CanvasMade
    | JobProgressed
    | JobDone
    | JobSaved
    | SheetWritten
    | InterruptedFound
    | FileFinished
    | TaskStopped
    | TaskFailed
)


@dataclass(frozen=True)
class Origin:
    """What makes a job one that can be resumed: the input's file, the model's name, and the folder of the interrupted job."""

    path: Path
    label: str
    folder_id: str | None = None


@dataclass(frozen=True)
class Task:
    """One call for a lane. `number` says whose it is (a picture's or a job's; 0: nobody's), `what` which kind."""

    number: int
    what: str
    call: Callable[[EngineLike], Event | None]


class Lane:
    """A thread that makes the calls of one engine, first come first served."""

    def __init__(self, name: str, make_engine: Callable[[OnMemory], EngineLike], post: Callable[[Event], None]) -> None:
        self._make_engine = make_engine
        self._post = post
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._engine: EngineLike | None = None
        self._running: Task | None = None
        self._waiting: list[Task] = []
        self._is_closing = False
        self._thread = threading.Thread(target=self._serve, name=f"triptych {name}", daemon=True)

    def start(self) -> None:
        """Starts the thread; tasks submitted before wait for it."""
        self._thread.start()

    def submit(self, task: Task) -> None:
        """Puts the task at the end of the queue."""
        with self._lock:
            self._waiting.append(task)
        self._tasks.put(task)

    def cancel(self, number: int) -> None:
        """Stops the task of that number, if it runs, or never lets it begin. May be repeated; it hits no other task."""
        with self._lock:
            waiting = [task for task in self._waiting if task.number == number]
            for task in waiting:
                self._waiting.remove(task)
            if self._running is not None and self._running.number == number and self._engine is not None:
                # Under the lock, so that the lane cannot have gone on to another task meanwhile.
                self._engine.cancel()
        for _ in waiting:
            self._post(TaskStopped(number))

    def look_at(self, lr_view: Box | None) -> None:
        """Tells the engine, if there is one, which part of the image is in view."""
        engine = self._engine
        if engine is not None:
            engine.look_at(lr_view)

    def close(self) -> None:
        """Stops what runs, ends the thread and the engine's processes. Blocks until they are gone."""
        with self._lock:
            self._is_closing = True
            engine = self._engine
            if engine is not None and self._running is not None:
                # Ended at once: a process that is at work would not hear a polite request.
                engine.cancel()
            self._waiting.clear()
        self._tasks.put(None)
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        if engine is not None:
            engine.close()

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            with self._lock:
                if task not in self._waiting:
                    # Cancelled before it began, and reported then.
                    continue
                self._waiting.remove(task)
                self._running = task
            event = self._answer(task)
            with self._lock:
                self._running = None
            if event is not None:
                self._post(event)

    def _answer(self, task: Task) -> Event | None:
        try:
            return task.call(self._ready_engine())
        except Cancelled:
            return TaskStopped(task.number)
        except TriptychError as error:
            return TaskFailed(task.number, task.what, to_failure(error, "\n".join(getattr(error, "__notes__", []))))
        except Exception as error:
            # The lane outlives whatever happens in a call: the person reads it, and the next task runs.
            return TaskFailed(task.number, task.what, to_failure(error, traceback.format_exc()))

    def _ready_engine(self) -> EngineLike:
        with self._lock:
            if self._is_closing:
                raise Cancelled("Cancelled.")
            if self._engine is None:
                self._engine = self._make_engine(lambda memory: self._post(MemorySeen(memory)))
            return self._engine


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
    request = ModelRequest(str(entry.path), entry.scale)
    upscaled = engine.upscale(cut, request, settings, folder / "canvas.raw")
    return PreviewMade(number, entry.name, entry.scale, frame, upscaled)


def start_engine(on_memory: OnMemory | None = None) -> EngineLike:
    """Returns a real engine that tells `on_memory` what its workers hold."""
    from engine.client import Engine

    return Engine(on_memory=on_memory)


def readable_extensions() -> tuple[str, ...]:
    """Returns the extensions of the images that can be opened, with the dot."""
    from engine.imaging import formats

    return formats.readable_extensions()


def readable_formats() -> list[str]:
    """Returns the names of the image formats that can be opened, as people write them."""
    from engine.imaging import formats

    names = dict.fromkeys(formats.format_of_extension(extension) for extension in formats.readable_extensions())
    return [formats.format_named(name).title for name in names if name is not None]


def read_catalog() -> list[CatalogEntry]:
    """Returns the models there are."""
    from engine.catalog import list_models

    return list_models()


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
    _woken = Signal()

    def __init__(
        self,
        make_engine: Callable[[OnMemory], EngineLike] = start_engine,
        list_models: Callable[[], list[CatalogEntry]] = read_catalog,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._list_models = list_models
        self._files = Lane("files", make_engine, self._post)
        self._work = Lane("work", make_engine, self._post)
        self._mail_lock = threading.Lock()
        self._mail: deque[Event] = deque()
        self._memory_mail: dict[int, MemorySeen] = {}
        self._is_woken = False
        self._delivered_s = 0.0
        self._is_closed = False
        # The folders of canvases on show, locked, by their path.
        self._held: dict[Path, JobFolder] = {}
        self._held_lock = threading.Lock()
        # The folders of jobs that were begun here: one that was cancelled keeps its canvas, to go on from.
        self._resumable: set[Path] = set()
        # Jobs that were cancelled and have not ended yet, with what tells their thread that they have.
        self._abandoned: dict[int, threading.Event] = {}
        self._cancelling: list[threading.Thread] = []
        self._left_previews: set[int] = set()
        # The pixel of the input that was picked last for the attention inspector.
        self._picked = (-1, -1)
        self._woken.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._later = QTimer(self, singleShot=True)
        self._later.timeout.connect(self._deliver)

    def start(self) -> None:
        """Lets the lanes begin. Called after the window's first paint."""
        self._files.start()
        self._work.start()

    def list_models(self) -> None:
        """Reads the catalog."""
        self._files.submit(Task(0, "models", lambda _: ModelsListed(tuple(self._list_models()))))

    def prepare(self, weights: Path, scale: int, settings: UpscaleSettings) -> None:
        """Loads a model ahead of its first job, so that the job begins at once."""
        request = ModelRequest(str(weights), scale)
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
        request = ModelRequest(str(weights), scale)

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
                return AttentionSeen(
                    key, engine.inspect_attention(source, ModelRequest(str(weights), scale), settings, x, y)
                )
            except Cancelled:
                raise
            except TriptychError as error:
                return AttentionFailed(key, x, y, to_failure(error))

        self._work.submit(Task(0, "inspect", call))

    def examine(self) -> None:
        """Asks what devices and backends there are."""
        self._work.submit(Task(0, "examine", lambda engine: Examined(engine.examine())))

    def find_interrupted(self) -> None:
        """Looks for what earlier runs left unfinished."""

        def call(engine: EngineLike) -> Event:
            from engine.workspace import list_jobs

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
        request = ModelRequest(str(weights), scale)

        def on_progress(progress: Progress) -> None:
            self._post(JobProgressed(number, progress))

        def on_canvas(canvas: RasterRef) -> None:
            if origin is not None:
                self._resumable.add(Path(canvas.path).parent)
            self._post(CanvasMade(number, canvas))

        def call(engine: EngineLike) -> Event:
            if origin is None:
                canvas_path = engine.new_folder() / "canvas.raw"
                return JobDone(number, engine.upscale(source, request, settings, canvas_path, on_progress, on_canvas))
            shown = _upscale_to_show(engine, source, request, settings, origin, on_progress, on_canvas)
            with self._held_lock:
                self._held[shown.folder.path] = shown.folder
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
            return JobSaved(number, engine.encode(canvas, info, place, replace(options, overwrite=overwrite)))

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

        def call(_: EngineLike) -> None:
            folder = Path(raster.path).parent
            with self._held_lock:
                held = self._held.pop(folder, None)
            if held is not None:
                held.remove()
            elif folder not in self._resumable:
                shutil.rmtree(folder, ignore_errors=True)

        self._files.submit(Task(0, "discard", call))

    def look_at(self, lr_view: Box | None) -> None:
        """Says which part of the image at work is in view (input pixels): its tiles come first."""
        self._work.look_at(lr_view)

    def close(self) -> None:
        """Ends the work, the threads and the processes; no signal comes afterwards."""
        if self._is_closed:
            return
        self._is_closed = True
        self._later.stop()
        for ended in self._abandoned.values():
            ended.set()
        for thread in self._cancelling:
            thread.join(_JOIN_S)
        self._work.close()
        self._files.close()
        for folder in self._held.values():
            folder.remove()
        with self._mail_lock:
            self._mail.clear()

    def _post(self, event: Event) -> None:
        """Puts an event into the mailbox; for the lanes' threads."""
        with self._mail_lock:
            last = self._mail[-1] if self._mail else None
            if (
                isinstance(event, JobProgressed)
                and isinstance(last, JobProgressed)
                and last.job_number == event.job_number
            ):
                boxes = last.progress.sr_boxes + event.progress.sr_boxes
                self._mail[-1] = JobProgressed(event.job_number, replace(event.progress, sr_boxes=boxes))
            elif isinstance(event, MemorySeen):
                # Of each worker only the latest counts.
                self._memory_mail[event.memory.process_id] = event
            else:
                self._mail.append(event)
            wake = not self._is_woken
            self._is_woken = True
        if wake and not self._is_closed:
            self._woken.emit()

    @Slot()
    def _deliver(self) -> None:
        now_s = time.monotonic()
        wait_ms = PROGRESS_INTERVAL_MS - round((now_s - self._delivered_s) * 1000)
        with self._mail_lock:
            if wait_ms > 0 and all(isinstance(event, JobProgressed) for event in self._mail):
                self._later.start(wait_ms)
                return
            events = [*self._mail, *self._memory_mail.values()]
            self._mail.clear()
            self._memory_mail.clear()
            self._is_woken = False
        self._delivered_s = now_s
        for event in events:
            if not self._is_closed:
                self._tell(event)

    def _tell(self, event: Event) -> None:
        match event:
            case ModelsListed():
                self.models_listed.emit(event)
            case ModelReady():
                self.model_ready.emit(event)
            case PictureOpened():
                self.picture_opened.emit(event)
            case ReferenceOpened():
                self.reference_opened.emit(event)
            case ModelInstalled():
                self.model_installed.emit(event)
            case PreviewMade():
                self.preview_made.emit(event)
            case Planned():
                self.planned.emit(event)
            case MemorySeen():
                self.memory_seen.emit(event)
            case AttentionSeen():
                self.attention_seen.emit(event)
            case AttentionFailed():
                self.attention_failed.emit(event)
            case Examined():
                self.examined.emit(event)
            case CanvasMade() | JobProgressed() if event.job_number in self._abandoned:
                # Nobody waits for these any more.
                return
            case CanvasMade():
                self.canvas_made.emit(event)
            case JobProgressed():
                self.progressed.emit(event)
            case JobDone():
                self._forget_cancel(event.job_number)
                self.job_done.emit(event)
            case JobSaved():
                self.job_saved.emit(event)
            case SheetWritten():
                self.sheet_written.emit(event)
            case InterruptedFound():
                self.interrupted_found.emit(event)
            case FileFinished():
                self.file_finished.emit(event)
            case TaskStopped():
                self._forget_cancel(event.number)
                self.stopped.emit(event)
            case TaskFailed():
                self._forget_cancel(event.number)
                self.failed.emit(event)

    def _forget_cancel(self, number: int) -> None:
        ended = self._abandoned.pop(number, None)
        if ended is not None:
            ended.set()

    def _cancel_until(self, number: int, ended: threading.Event) -> None:
        """Cancels until the job has ended: a cancel that falls between two of the engine's calls hits neither."""
        while not ended.is_set():
            self._work.cancel(number)
            ended.wait(_CANCEL_AGAIN_S)


def default_path(canvas: RasterRef, info: ImageInfo, label: str, scale: int, target: Target) -> Path:
    """Returns where the command line would write this result: beside its input, `photo_esc_x2.png`, or as `target` says."""
    from engine.outputs import default_encode_options, extension_for, output_folder, output_path

    source = Path(info.path)
    return output_path(
        source,
        output_folder(source, Path(), target),
        target.template,
        model=label,
        scale=scale,
        width=canvas.width,
        height=canvas.height,
        extension=extension_for(default_encode_options(info, target.format).format, source),
    )


def save_target(
    canvas: RasterRef, info: ImageInfo, label: str, scale: int, target: Target, path: Path | None
) -> tuple[Path, EncodeOptions]:
    """Returns where a result goes and how it is written, as the command line would do it.

    The extension of `path` names the format. A path without one, or with one that names no format, gets the extension of
    the default. Raises OutputError where the format cannot hold the result.
    """
    from engine.imaging import formats
    from engine.outputs import default_encode_options

    wanted = formats.format_of_extension(path.suffix) if path is not None else None
    options = default_encode_options(info, wanted or target.format, target.quality)
    formats.check_output(options.format, options.bit_depth, canvas.height, canvas.width)
    if path is None or wanted is None:
        default = default_path(canvas, info, label, scale, target)
        path = default if path is None else path.with_name(path.name + default.suffix)
    return path, options
