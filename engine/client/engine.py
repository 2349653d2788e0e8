"""The engine as its clients see it: blocking calls that raise `engine.errors`.

Imports the standard library and the plain modules of `engine`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from engine import messages, paths
from engine.canvas import RasterRef
from engine.client.crew import CanvasJob, Crew
from engine.client.patience import Patience, Silence, Stalled
from engine.client.process import RESTARTED, Child, Serve, Waker, end_together
from engine.client.schedule import Schedule
from engine.errors import (
    CheckpointError,
    ContextLostError,
    InputError,
    OutOfMemoryError,
    OutputError,
    ProcessDiedError,
    StuckError,
    TriptychError,
    WorkerError,
    format_bytes,
)
from engine.imaging.publish import leftovers
from engine.job_header import Conditions, InputFile, JobHeader
from engine.memory.budget import oom_kills
from engine.tiling.geometry import Box, TilePlan, plan_tiles
from engine.tiling.layout import reserve_canvas
from engine.tiling.recovery import Recovery, recover
from engine.workspace import JobFolder, clean, job_id, open_job

# How long a job that another process works on is waited for; it may be about to end.
JOB_BUSY_S = 10.0
# How long `close` waits for a call in another thread to come back, which it does at once unless a callback holds it.
_CLOSE_S = 10.0
_E = TypeVar("_E")


def _serve_io(connection: Connection) -> None:
    from engine.imaging.main import serve

    serve(connection)


def _serve_worker(connection: Connection) -> None:
    from engine.worker.main import serve

    serve(connection)


@dataclass(frozen=True)
class Upscaled:
    """A finished canvas (float32, about 0..1: the network may overshoot slightly) and how it was made."""

    canvas: RasterRef
    model: messages.ModelInfo
    done: messages.DoneUpscale


@dataclass(frozen=True)
class JobOrigin:
    """What a job's header keeps for whoever resumes it: the input file as it was, the model's name, and free plain JSON."""

    input_file: InputFile
    label: str
    client: dict[str, Any]


@dataclass(frozen=True)
class _Decided:
    """What a run will do: planned now, or fixed by the header of a run that was interrupted."""

    prepared: messages.DonePrepare
    plan: TilePlan
    canvas: RasterRef
    predicted_bytes: int | None
    recovery: Recovery
    warnings: tuple[str, ...]


class Engine:
    """The inference engine: processes that start when they are needed, and calls that block.

    Not for a GUI thread. Calls from several threads wait for each other; `cancel`, `look_at`, `restart_workers` and `close` do
    not. A context manager: leaving it ends the processes and removes the working images. `serve_worker`, `serve_io`: what the
    processes run, `count_oom_kills`: who is asked whether the system killed for lack of memory (tests put their own there).
    `on_memory` is told what the workers hold, ten times a second while they work, by whichever thread hears it: it must not
    block.
    """

    def __init__(
        self,
        *,
        cache_folder: Path | None = None,
        serve_worker: Serve = _serve_worker,
        serve_io: Serve = _serve_io,
        patience: Patience | None = None,
        count_oom_kills: Callable[[], int | None] = oom_kills,
        on_memory: Callable[[messages.WorkerMemory], None] | None = None,
    ) -> None:
        self._patience = patience or Patience()
        self._io = Child("image reading", serve_io, self._patience)
        self._serve_worker = serve_worker
        self._on_memory = on_memory
        self._workers = [self._new_worker("worker")]
        self._count_oom_kills = count_oom_kills
        self._cache_folder = cache_folder or paths.cache_folder()
        self._folder: Path | None = None
        self._waker = Waker()
        self._calls = threading.RLock()
        self._call_depth = 0
        self._is_closing = False
        self._has_cleaned = False
        self._schedule: Schedule | None = None
        self._lr_view: Box | None = None
        self.on_stalled: Callable[[Stalled], None] | None = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _one_call(self) -> Iterator[None]:
        """Joins several requests to one call: a cancel that falls between two of them ends it too."""
        with self._calls:
            if self._call_depth == 0:
                self._waker.clear()
            self._waker.check()
            self._call_depth += 1
            try:
                yield
            finally:
                self._call_depth -= 1
                if self._is_closing:
                    self._end()

    def _ask(self, child: Child, make: Callable[[int], Any], expect: type[_E], device: str = "") -> _E:
        def tell(silence: Silence) -> None:
            if self.on_stalled is not None:
                self.on_stalled(Stalled(device, silence.seconds, silence.activity))

        with self._one_call():
            return child.request(make, expect, self._waker, tell)

    def _ask_io(
        self, make: Callable[[int], Any], expect: type[_E], path: Path, verb: str, folders: Sequence[Path] = ()
    ) -> _E:
        """Asks the I/O process about a file that is to be "read" or "written".

        Where the process is ended on the way, what it had begun to write in `folders` goes with it.
        """
        failure, hint = {
            "read": (InputError, "The file is probably damaged; nothing else was lost."),
            "written": (OutputError, "Try again; the result is kept until then. Another --format may work."),
        }[verb]
        with self._one_call():
            self._io.open(self._waker)
            process_id = self._io.process_id
            try:
                return self._ask(self._io, make, expect)
            except (ProcessDiedError, StuckError) as error:
                raise failure(f"{path.name} cannot be {verb}. {error.message}", hint) from error
            finally:
                if process_id is not None and self._io.process_id != process_id:
                    for folder in folders:
                        _remove(leftovers(folder, process_id))

    def _ask_worker(self, make: Callable[[int], Any], expect: type[_E], weights: str, device: str) -> _E:
        """Asks the first worker for something that loads weights; one that dies of it twice has a checkpoint to blame."""
        with self._one_call():
            kills = self._count_oom_kills()
            try:
                return self._ask(self._workers[0], make, expect, device)
            except (ProcessDiedError, ContextLostError):
                # A new process, once.
                pass
            try:
                return self._ask(self._workers[0], make, expect, device)
            except ProcessDiedError as error:
                raise self._why_died(error, weights, kills) from error

    def _why_died(self, error: ProcessDiedError, weights: str, kills_before: int | None) -> TriptychError:
        name, kills = Path(weights).name, self._count_oom_kills()
        if kills is not None and kills_before is not None and kills > kills_before:
            return OutOfMemoryError(
                f"{name}: the system was out of memory while these weights were loaded and measured.",
                "Close other programs, or use a smaller model (its name ends in -fast) or --device cpu.",
            )
        if self._workers[0].ended_by:
            return WorkerError(f"{name}: {error.message}", error.hint)
        return CheckpointError(
            f"{name}: the worker ended while it loaded these weights. {error.message}",
            "The file is damaged, or there is not enough memory for it.",
        )

    def inspect(self, path: Path) -> messages.ImageInfo:
        """Reads an image's header."""
        done = self._ask_io(lambda epoch: messages.Inspect(epoch, str(path)), messages.DoneInspect, path, "read")
        return done.info

    def decode(self, path: Path, raster_path: Path) -> messages.DoneDecode:
        """Decodes an image into a raster (uint8 or uint16) at `raster_path`."""
        return self._ask_io(
            lambda epoch: messages.Decode(epoch, str(path), str(raster_path)),
            messages.DoneDecode,
            path,
            "read",
            [raster_path.parent],
        )

    def encode(
        self, canvas: RasterRef, source: messages.ImageInfo, path: Path, options: messages.EncodeOptions
    ) -> messages.DoneEncode:
        """Writes a canvas as an image file; the answer names the file as published."""
        return self._ask_io(
            lambda epoch: messages.Encode(epoch, canvas, source, str(path), options),
            messages.DoneEncode,
            path,
            "written",
            [path.parent, Path(canvas.path).parent],
        )

    def write_sheet(
        self,
        panes: Sequence[messages.SheetPane],
        pane_height: int,
        pane_width: int,
        path: Path,
        heading: str = "",
        overwrite: bool = True,
    ) -> messages.DoneEncode:
        """Writes a labelled comparison sheet."""
        return self._ask_io(
            lambda epoch: messages.WriteSheet(
                epoch, tuple(panes), pane_height, pane_width, str(path), heading, overwrite
            ),
            messages.DoneEncode,
            path,
            "written",
            [path.parent],
        )

    def prepare(self, model: messages.ModelRequest, settings: messages.UpscaleSettings) -> messages.DonePrepare:
        """Loads a model onto its (first) device, or raises why it cannot be."""
        first = self._settings_of_workers(settings)[0]
        return self._ask_worker(
            lambda epoch: messages.Prepare(epoch, model, first), messages.DonePrepare, model.weights, first.device
        )

    def plan(
        self,
        model: messages.ModelRequest,
        settings: messages.UpscaleSettings,
        height: int,
        width: int,
        channels: int = 3,
    ) -> messages.DonePlan:
        """Returns what a run on an image of height × width input pixels would take: tile, memory, work on overlaps."""
        each = self._settings_of_workers(settings)
        return self._ask_worker(
            lambda epoch: messages.Plan(epoch, model, each[0], height, width, channels, _sharers(each)),
            messages.DonePlan,
            model.weights,
            each[0].device,
        )

    def install(self, model: messages.ModelRequest, destination: Path) -> messages.DonePrepare:
        """Checks a checkpoint in the worker and writes it as safetensors to `destination`."""
        return self._ask_worker(
            lambda epoch: messages.Install(epoch, model, str(destination)), messages.DonePrepare, model.weights, "cpu"
        )

    def examine(self) -> dict[str, Any]:
        """Returns what devices and attention backends the worker finds."""
        return self._ask(self._workers[0], messages.Examine, messages.DoneExamine).report

    def inspect_attention(
        self, source: RasterRef, model: messages.ModelRequest, settings: messages.UpscaleSettings, x: int, y: int
    ) -> messages.DoneAttention:
        """Returns where a model looks from the pixel (`x`, `y`) of a raster, computed on one tile around it."""
        if not (0 <= x < source.width and 0 <= y < source.height):
            raise ValueError(f"pixel {x}, {y} lies outside of an image of {source.width} × {source.height}")
        first = self._settings_of_workers(settings)[0]
        return self._ask_worker(
            lambda epoch: messages.InspectAttention(epoch, model, first, source, x, y),
            messages.DoneAttention,
            model.weights,
            first.device,
        )

    def upscale(
        self,
        source: RasterRef,
        model: messages.ModelRequest,
        settings: messages.UpscaleSettings,
        canvas_path: Path,
        on_progress: Callable[[messages.Progress], None] | None = None,
        on_canvas: Callable[[RasterRef], None] | None = None,
        *,
        job: JobFolder | None = None,
        origin: JobOrigin | None = None,
    ) -> Upscaled:
        """Upscales a raster into a canvas at `canvas_path`; `on_canvas` is told of it before the first tile.

        With `job`, a folder whose lock the caller holds, the run can be resumed: `origin` goes into its header. Where the folder
        has a header already, its plan is followed and its tiles are not computed again: ask `changes_since` whether it may be.
        """
        if job is not None and job.header is None and origin is None:
            raise ValueError("a job that begins needs an origin for its header")
        with self._one_call():
            each = self._settings_of_workers(settings)
            self._have_workers(len(each))
            decided = self._decide(source, model, each, canvas_path, job, origin)
            if on_canvas is not None:
                on_canvas(decided.canvas)
            return self._run(source, model, each, decided, job, on_progress)

    def changes_since(
        self, header: JobHeader, model: messages.ModelRequest, settings: messages.UpscaleSettings
    ) -> tuple[str, ...]:
        """Returns what differs now from the conditions a job was begun under, as phrases; empty where its bits would be equal."""
        prepared = self.prepare(model, settings)
        changes = header.conditions.differences(_conditions(prepared, self._settings_of_workers(settings)))
        if prepared.info.sha256 != header.weights_sha256:
            changes = (f"{Path(model.weights).name} holds other weights", *changes)
        return changes

    def look_at(self, lr_view: Box | None) -> None:
        """Says which part of the image (input pixels) is in view: its tiles come first, in this job and in those that follow.

        Safe from any thread.
        """
        self._lr_view = lr_view
        schedule = self._schedule
        if schedule is not None:
            schedule.look_at(lr_view)

    def restart_workers(self) -> None:
        """Ends the workers; the job at work goes on in new ones from what is finished. Safe from any thread."""
        for worker in self._workers:
            worker.kill(RESTARTED)

    def new_folder(self) -> Path:
        """Returns a new folder for working images, on disk until the engine closes (or the caller removes it)."""
        if self._folder is None:
            try:
                root = self.jobs_folder
                root.mkdir(parents=True, exist_ok=True)
                _remove_abandoned(root)
                self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=root))
            except OSError as error:
                raise OutputError(
                    f"The folder for working images, {self._cache_folder}, cannot be written ({error.strerror}).",
                    "Point TRIPTYCH_CACHE at a folder that can.",
                ) from error
        return Path(tempfile.mkdtemp(dir=self._folder))

    def open_job(self, identity: dict[str, Any]) -> JobFolder:
        """Returns the folder of the job that `identity` (plain JSON) describes, locked: one that was interrupted, or a new one.

        Forgotten jobs are removed before. Raises JobBusyError where another process works on this job.
        """
        if not self._has_cleaned:
            self._has_cleaned = True
            clean(self.jobs_folder, paths.keep_days() * 86400)
        return open_job(self.jobs_folder, job_id(identity), JOB_BUSY_S)

    @property
    def jobs_folder(self) -> Path:
        """Where the jobs lie that can be resumed."""
        return self._cache_folder / "jobs"

    def require_room(self, size_bytes: int) -> None:
        """Raises OutputError where the disk of the cache folder cannot hold that much more."""
        folder = next(each for each in (self._cache_folder, *self._cache_folder.absolute().parents) if each.exists())
        free_bytes = shutil.disk_usage(folder).free
        if size_bytes > free_bytes:
            raise OutputError(
                f"The working images would take {format_bytes(size_bytes)}, and the disk of {self._cache_folder} has"
                f" {format_bytes(free_bytes)} free.",
                "Free some space, or point TRIPTYCH_CACHE at a folder on a larger disk.",
            )

    def cancel(self) -> None:
        """Ends the call in progress: it raises `Cancelled` at once, and the worker comes to an end in the background."""
        self._waker.set()

    def close(self) -> None:
        """Ends the call in progress, the processes and the working images; safe from any thread. Calls after it are cancelled."""
        self._is_closing = True
        self._waker.set(for_good=True)
        # A call in progress ends the processes itself, on its way out: they are its own until then.
        if not self._calls.acquire(timeout=_CLOSE_S):
            for child in (*self._workers, self._io):
                child.kill("was closed")
            return
        try:
            self._end()
        finally:
            self._calls.release()

    def _end(self) -> None:
        if self._call_depth:
            return
        end_together([*self._workers, self._io], self._patience.leave_s)
        self._waker.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _settings_of_workers(self, settings: messages.UpscaleSettings) -> list[messages.UpscaleSettings]:
        """Returns the settings of each worker of a device list; workers on the CPU share its threads."""
        devices = settings.device.split(",")
        on_cpu = sum(device == "cpu" for device in devices)
        threads = settings.threads
        if threads is None and on_cpu > 1:
            threads = max(1, _threads_of_torch() // on_cpu)
        return [replace(settings, device=device, threads=threads) for device in devices]

    def _new_worker(self, name: str) -> Child:
        return Child(name, self._serve_worker, self._patience, is_worker=True, on_memory=self._on_memory)

    def _have_workers(self, count: int) -> None:
        """Sees to it that there are so many workers: one that is not asked for any more would keep its model's memory."""
        while len(self._workers) < count:
            self._workers.append(self._new_worker(f"worker {len(self._workers) + 1}"))
        extra, self._workers = self._workers[count:], self._workers[:count]
        end_together(extra, self._patience.leave_s)

    def _decide(
        self,
        source: RasterRef,
        model: messages.ModelRequest,
        each: list[messages.UpscaleSettings],
        canvas_path: Path,
        job: JobFolder | None,
        origin: JobOrigin | None,
    ) -> _Decided:
        """Plans a run and writes its header, or takes the plan of the header that is there."""
        header = job.header if job is not None else None
        asked = each[0] if header is None else replace(each[0], tile_px=header.tile_px, overlap_px=header.overlap_px)
        planned = self._ask_worker(
            lambda epoch: messages.Plan(
                epoch, model, asked, source.height, source.width, source.channels, _sharers(each)
            ),
            messages.DonePlan,
            model.weights,
            asked.device,
        )
        info = planned.prepared.info
        size = (source.height * info.scale, source.width * info.scale)
        canvas = RasterRef(str(canvas_path), *size, source.channels, "float32")
        if header is not None and job is not None:
            plan = header.plan()
            reserve_canvas(plan, canvas, info.scale)
            found = recover(
                plan, canvas, info.scale, job.journals(), header.stamp, lambda _fraction: self._waker.check()
            )
            return _Decided(planned.prepared, plan, canvas, planned.predicted_bytes, found, planned.warnings)
        plan = plan_tiles(
            source.height,
            source.width,
            tile_px=planned.tile_px,
            overlap_px=planned.overlap_px,
            window_px=info.window_px,
        )
        reserve_canvas(plan, canvas, info.scale)
        if job is not None and origin is not None:
            job.write_header(
                JobHeader.begin(
                    plan,
                    source,
                    window_px=info.window_px,
                    scale=info.scale,
                    weights=model.weights,
                    weights_sha256=info.sha256,
                    model=origin.label,
                    conditions=_conditions(planned.prepared, each),
                    input_file=origin.input_file,
                    client=origin.client,
                )
            )
        return _Decided(planned.prepared, plan, canvas, planned.predicted_bytes, Recovery(), planned.warnings)

    def _run(
        self,
        source: RasterRef,
        model: messages.ModelRequest,
        each: list[messages.UpscaleSettings],
        decided: _Decided,
        job: JobFolder | None,
        on_progress: Callable[[messages.Progress], None] | None,
    ) -> Upscaled:
        prepared, plan, found = decided.prepared, decided.plan, decided.recovery
        schedule = Schedule(plan, found.tiles, found.seams)
        schedule.look_at(self._lr_view)
        if found.tiles and on_progress is not None:
            on_progress(messages.Progress(0, len(found.tiles), len(plan.tiles), 0.0, _boxes(decided)))
        numbers = iter(range(10**6))
        crew_job = CanvasJob(
            model=model,
            plan=plan,
            source=source,
            canvas=decided.canvas,
            window_px=prepared.info.window_px,
            journal_path=job.journal_path if job else lambda n: Path(f"{decided.canvas.path}.journal.{n}"),
            next_writer=job.next_writer if job else lambda: next(numbers),
            stamp=job.header.stamp if job and job.header else 0,
            job_folder=str(job.path) if job else None,
        )
        members = [
            (child, replace(settings, precision=prepared.precision, tile_px=plan.tile_px, overlap_px=plan.overlap_px))
            for child, settings in zip(self._workers, each, strict=True)
        ]
        crew = Crew(
            crew_job,
            schedule,
            members,
            self._waker,
            self._patience,
            on_progress,
            self.on_stalled,
            self._count_oom_kills,
        )
        self._schedule = schedule
        try:
            outcome = crew.run()
        finally:
            self._schedule = None
        predicted = decided.predicted_bytes
        return Upscaled(
            decided.canvas,
            prepared.info,
            messages.DoneUpscale(
                0,
                tiles=len(plan.tiles),
                tile_px=plan.tile_px,
                overlap_px=plan.overlap_px,
                device=",".join([prepared.device, *(settings.device for settings in each[1:])]),
                precision=prepared.precision,
                backend=outcome.backend,
                seconds=crew.seconds,
                peak_memory_bytes=outcome.peak_memory_bytes,
                predicted_memory_bytes=predicted * len(each) if predicted is not None else None,
                resumed_tiles=len(found.tiles),
                different={**found.notes, **outcome.different},
                warnings=tuple(dict.fromkeys([*decided.warnings, *outcome.warnings])),
            ),
        )


def _conditions(prepared: messages.DonePrepare, each: list[messages.UpscaleSettings]) -> Conditions:
    device_type = prepared.device.partition(":")[0]
    return Conditions(
        precision=prepared.precision,
        device_type=device_type,
        threads=prepared.threads if device_type == "cpu" else 0,
        ensemble=each[0].ensemble,
        backend={"all operators": each[0].backend},
        device_name=prepared.versions.get("device", ""),
        versions={name: version for name, version in prepared.versions.items() if name != "device" and version},
    )


def _sharers(each: list[messages.UpscaleSettings]) -> int:
    """How many workers share the memory of the first one's device."""
    return sum(settings.device == each[0].device for settings in each)


def _boxes(decided: _Decided) -> tuple[Box, ...]:
    """The parts of the canvas that an interrupted run had finished (output pixels)."""
    plan, scale = decided.plan, decided.prepared.info.scale
    cores = (plan.core_of[tile] for tile in decided.recovery.tiles)
    regions = [index for index in cores if index is not None] + list(decided.recovery.seams)
    return tuple(plan.regions[index].box.scaled(scale) for index in regions)


def _threads_of_torch() -> int:
    """How many threads torch would take: as OMP_NUM_THREADS says (its first number, for the outermost loop), else one a core."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if first.isdigit() and int(first):
        return int(first)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _remove(paths: Sequence[Path]) -> None:
    """Removes files and folders; what somebody else holds open (Windows) stays."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()


def _remove_abandoned(root: Path) -> None:
    """Removes the working images of runs whose process no longer exists."""
    import psutil

    for folder in root.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
