"""A thread that makes the calls of one engine, and what it asks of an engine. Imports the parent half of `engine`; no Qt."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from app.bridge.events import Event, MemorySeen, TaskFailed, TaskStopped
from engine.errors import Cancelled, TriptychError, to_failure

if TYPE_CHECKING:
    from engine.canvas import RasterRef
    from engine.client import Upscaled
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
    from engine.tiling.geometry import Box

# How long the end of a thread is waited for.
JOIN_S = 5.0


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


OnMemory = Callable[["WorkerMemory"], None]


class Task(NamedTuple):
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
            self._thread.join(JOIN_S)
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
