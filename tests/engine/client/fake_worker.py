"""A worker without torch: enlarges by repeating pixels, writes canvas and journal like the real one, and misbehaves as told.

Runs in child processes, so everything here is importable and can be pickled. A *fault* says where the worker misbehaves, how, and
how many times: each time leaves a file, so that also the processes that follow know.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from typing import Any

import numpy as np

from engine import messages
from engine.canvas import open_raster
from engine.errors import (
    Cancelled,
    ContextLostError,
    HostMemoryError,
    NotFiniteError,
    OutOfMemoryError,
    TriptychError,
    from_failure,
    to_failure,
)
from engine.journal import JournalWriter
from engine.tiling.geometry import plan_tiles
from engine.tiling.writer import CanvasWriter
from engine.worker.heartbeat import Pulse
from engine.workspace import hold_worker_lock

SCALE = 2
WINDOW_PX = 8
_LOADING = ("prepare", "open")
_ERRORS: dict[str, type[TriptychError]] = {
    "context lost": ContextLostError,
    "out of memory": OutOfMemoryError,
    "refused memory": HostMemoryError,
    "not finite": NotFiniteError,
}


@dataclass(frozen=True)
class Fault:
    """Misbehaviour `how` on the way to answer a request: `at` is "start", "prepare", "plan", "open", "tile", "seam" or "close".

    `index`: of the tile, None for any; `device`: of the worker, "" for any. `times`: how often in all.

    "die": killed by SIGKILL; "die late": the same after the work is done and recorded, before the answer; "exit": leaves;
    "freeze": SIGSTOP; "fall silent": no heartbeat, no answer; "work on": heartbeats, no answer, deaf to a cancel; "wrong epoch",
    "wrong tile", "nonsense" (an object of no kind that the parent knows), "garbage" (bytes that cannot be unpickled),
    "wrong version", "flood" (heartbeats without end or pause); or one of the errors above.
    """

    at: str
    how: str
    index: int | None = None
    device: str = ""
    times: int = 1


@dataclass(frozen=True)
class FakeWorker:
    """What a child runs. `folder`: where it keeps what faults have happened, and one file for each request it met."""

    folder: str
    faults: tuple[Fault, ...] = ()
    tile_px: int = 32

    def __call__(self, connection: Connection) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _Process(connection, self).run()


class Nonsense:
    """An object that no message is."""


class _Process:
    def __init__(self, connection: Connection, script: FakeWorker) -> None:
        self._connection = connection
        self._script = script
        self._folder = Path(script.folder)
        self._send_lock = threading.Lock()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        self._cancelled = -1
        self._pulse = Pulse(self.send, self._memory)
        self._device = ""
        self._writer: CanvasWriter | None = None
        self._lock: Any = None
        self._open: Any = None

    def send(self, event: Any) -> None:
        with self._send_lock:
            self._connection.send(event)

    def _memory(self) -> messages.WorkerMemory:
        return messages.WorkerMemory(monotonic(), os.getpid(), self._device, 3, 2, 1)

    def run(self) -> None:
        version = messages.PROTOCOL_VERSION
        match self._fault("start", None):
            case "wrong version":
                version += 1
            case "fall silent":
                threading.Event().wait()
        self.send(messages.Ready(0, version, os.getpid()))
        threading.Thread(target=self._listen, daemon=True).start()
        while not isinstance(request := self._requests.get(), messages.Stop):
            at = _STAGES[type(request)]
            with self._pulse.doing("loading" if at in _LOADING else "computing"):
                answer = self._serve(request, at)
            self.send(answer)
            if isinstance(answer, messages.Failed) and isinstance(from_failure(answer.failure), ContextLostError):
                os._exit(75)

    def _listen(self) -> None:
        try:
            while True:
                request = self._connection.recv()
                if isinstance(request, messages.Cancel):
                    self._cancelled = max(self._cancelled, request.epoch)
                else:
                    self._requests.put(request)
        except (EOFError, OSError):
            os._exit(0)

    def _serve(self, request: Any, at: str) -> Any:
        if hasattr(request, "settings"):
            self._device = request.settings.device
        index = getattr(request, "index", None)
        self._note(at, index)
        how = self._fault(at, index)
        try:
            if self._cancelled >= request.epoch and at != "close":
                raise Cancelled("Cancelled.")
            if how in _ERRORS:
                raise _ERRORS[how](f"{how} at {at}.")
            answer = self._answer(request)
        except TriptychError as error:
            return messages.Failed(request.epoch, to_failure(error))
        if how == "die late":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "wrong epoch":
            return replace(answer, epoch=request.epoch + 1000)
        if how == "wrong tile":
            return replace(answer, index=index + 1)
        return answer

    def _answer(self, request: Any) -> Any:
        match request:
            case messages.Prepare():
                return self._prepared(request)
            case messages.Plan():
                tile_px = self._script.tile_px if request.settings.tile_px == "auto" else request.settings.tile_px
                plan = plan_tiles(request.height, request.width, tile_px=tile_px, overlap_px=8, window_px=WINDOW_PX)
                return messages.DonePlan(
                    request.epoch, self._prepared(request), plan.tile_px, 8, len(plan.tiles), 1000, 9000, 9900, 0.1
                )
            case messages.OpenCanvas():
                self._leave_canvas()
                if request.job_folder:
                    self._lock = hold_worker_lock(Path(request.job_folder), request.writer, request.stamp)
                journal = JournalWriter(Path(request.journal_path), request.stamp)
                self._writer = CanvasWriter(request.plan, request.canvas, SCALE, journal)
                self._open = request
                return messages.DoneOpen(request.epoch, self._prepared(request))
            case messages.RunTile():
                return self._run_tile(request)
            case messages.BlendSeam():
                assert self._writer is not None
                return messages.DoneSeam(request.epoch, request.region, self._writer.blend_seam(request.region))
            case messages.CloseCanvas():
                self._leave_canvas()
                return messages.DoneClose(request.epoch, {"window_attention": "sdpa"}, 100)
        raise TypeError(request)

    def _run_tile(self, request: messages.RunTile) -> messages.DoneTile:
        assert self._writer is not None
        box = self._open.plan.tiles[request.index]
        lr_hwc = open_raster(self._open.source)[box.slices].astype(np.float32) / np.float32(255)
        sr_hwc = np.repeat(np.repeat(lr_hwc, SCALE, axis=0), SCALE, axis=1)
        # So that a seam is a blend of two different tiles.
        sr_hwc += np.float32(request.index) / np.float32(100)
        note = "smaller tiles" if request.limit_px else request.backend or ""
        boxes = self._writer.write_tile(request.index, sr_hwc, note)
        return messages.DoneTile(request.epoch, request.index, 0.01, boxes, 100, note, request.limit_px)

    def _leave_canvas(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _prepared(self, request: Any) -> messages.DonePrepare:
        info = messages.ModelInfo("FAKE", "fake", SCALE, WINDOW_PX, 1, "0" * 64)
        return messages.DonePrepare(request.epoch, info, "cpu", "fp32", 1, {"torch": "none"})

    def _note(self, at: str, index: int | None) -> None:
        with open(self._folder / "requests", "a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {at} {'' if index is None else index}\n")

    def _fault(self, at: str, index: int | None) -> str:
        """Misbehaves where this is the place; returns how, where the answer is to be changed."""
        for number, fault in enumerate(self._script.faults):
            if fault.at != at or fault.index not in (None, index) or fault.device not in ("", self._device):
                continue
            if self._count(number, fault.times):
                self._misbehave(fault.how, "loading" if at in _LOADING else "computing")
                return fault.how
        return ""

    def _count(self, number: int, times: int) -> bool:
        for time in range(times):
            try:
                os.close(os.open(self._folder / f"fault.{number}.{time}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return True
        return False

    def _misbehave(self, how: str, activity: str) -> None:
        match how:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(3)
            case "freeze":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "fall silent":
                with self._pulse.doing("idle"):
                    self.send(messages.Heartbeat(-1, activity))
                    threading.Event().wait()
            case "work on":
                threading.Event().wait()
            case "nonsense":
                self.send(Nonsense())
            case "garbage":
                with self._send_lock:
                    self._connection.send_bytes(b"this is no pickle")
            case "flood":
                while True:
                    self.send(messages.Heartbeat(-1, "computing"))


_STAGES: dict[type, str] = {
    messages.Prepare: "prepare",
    messages.Plan: "plan",
    messages.OpenCanvas: "open",
    messages.RunTile: "tile",
    messages.BlendSeam: "seam",
    messages.CloseCanvas: "close",
}


def requests_met(folder: Path) -> list[tuple[int, str, int | None]]:
    """Returns (process, stage, index) of every request that fake workers with this folder have met."""
    lines = (folder / "requests").read_text(encoding="utf-8").splitlines() if (folder / "requests").exists() else []
    words = (line.split(" ") for line in lines)
    return [(int(process), at, int(index) if index else None) for process, at, index in words]
