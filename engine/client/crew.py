"""The workers of one job: one for each entry of the device list, all fed from one schedule, replaced when they die.

Imports the standard library and the plain modules of `engine`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from engine import messages
from engine.canvas import RasterRef
from engine.client.process import Child, Waker, is_answer
from engine.client.schedule import Schedule, Task
from engine.errors import ContextLostError, ProcessDiedError, WorkerError, from_failure
from engine.memory.budget import oom_kills
from engine.memory.planner import smaller_tile
from engine.tiling.geometry import Box, TilePlan

# A worker at work that sends no heartbeat for so long is reported; after the second time it is replaced.
STALLED_S = 5.0
STUCK_S = 60.0
# A compiler, or the import of torch, may hold the interpreter, and with it the heartbeat, for longer.
_PATIENT_ACTIVITIES = ("compiling", "loading")
_PATIENT_STUCK_S = 600.0
# Deaths in one tile, or while a worker opens its canvas, after which the job ends.
_DEATHS_ALLOWED = 1
_WAIT_S = 0.5


@dataclass(frozen=True)
class CanvasJob:
    """What the workers of a job share. `job_folder`: where it can be resumed, else None. `journal_path(n)`: of writer n."""

    model: messages.ModelRequest
    plan: TilePlan
    source: RasterRef
    canvas: RasterRef
    window_px: int
    journal_path: Callable[[int], Path]
    next_writer: Callable[[], int]
    stamp: int = 0
    job_folder: str | None = None


@dataclass(frozen=True)
class Stalled:
    """A worker that shows no sign of life: its device, since when, and what it was last doing."""

    device: str
    seconds: float
    activity: str


@dataclass
class _Member:
    """One worker of the crew and what it is doing."""

    child: Child
    settings: messages.UpscaleSettings
    epoch: int = 0
    task: Task | None = None
    is_open: bool = False
    heard_s: float = 0.0
    activity: str = "idle"
    is_stalled: bool = False
    deaths: int = 0
    closed: messages.DoneClose | None = None


@dataclass
class Outcome:
    """What the crew has to say when the canvas is complete."""

    backend: dict[str, str] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    different: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Crew:
    """Runs the tasks of a schedule on its workers. Use once."""

    def __init__(
        self,
        job: CanvasJob,
        schedule: Schedule,
        members: Sequence[tuple[Child, messages.UpscaleSettings]],
        waker: Waker,
        on_progress: Callable[[messages.Progress], None] | None,
        on_stalled: Callable[[Stalled], None] | None,
    ) -> None:
        self._job = job
        self._schedule = schedule
        self._members = [_Member(child, settings) for child, settings in members]
        self._waker = waker
        self._on_progress = on_progress
        self._on_stalled = on_stalled
        self._started_s = time.perf_counter()
        self._deaths: Counter[Task] = Counter()
        # Tiles that are to be run differently: in pieces of this edge, or by this backend.
        self._limit_px: int | None = None
        self._limits_px: dict[int, int] = {}
        self._backends: dict[int, str] = {}
        self._oom_kills = oom_kills()
        self.outcome = Outcome()

    @property
    def seconds(self) -> float:
        """Seconds since the crew began."""
        return time.perf_counter() - self._started_s

    def run(self) -> Outcome:
        """Returns when every tile and seam is recorded and the workers have left the canvas.

        Raises Cancelled as soon as the waker is set: the workers come to an end in the background. Raises WorkerError and its kin
        where the job cannot go on; what is recorded stays.
        """
        try:
            for member in self._members:
                self._open(member)
            while not self._schedule.is_done:
                for member in self._members:
                    self._hand_out(member)
                self._listen()
            self._close()
        except BaseException:
            self._abandon()
            raise
        return self.outcome

    def _open(self, member: _Member) -> None:
        member.child.open(self._waker)
        writer = self._job.next_writer()
        member.epoch = member.child.next_epoch()
        member.is_open, member.task = False, None
        member.heard_s, member.activity, member.is_stalled = time.monotonic(), "loading", False
        member.child.post(
            messages.OpenCanvas(
                member.epoch,
                self._job.model,
                member.settings,
                self._job.plan,
                self._job.source,
                self._job.canvas,
                str(self._job.journal_path(writer)),
                self._job.stamp,
                self._job.job_folder,
                writer,
            )
        )

    def _hand_out(self, member: _Member) -> None:
        if not member.is_open or member.task is not None:
            return
        task = self._schedule.take()
        if task is None:
            return
        member.task, member.heard_s, member.activity = task, time.monotonic(), "computing"
        if task.kind == "seam":
            member.child.post(messages.BlendSeam(member.epoch, task.index))
            return
        limit_px = self._limits_px.get(task.index, self._limit_px)
        member.child.post(messages.RunTile(member.epoch, task.index, limit_px, self._backends.get(task.index)))

    def _listen(self) -> None:
        """Waits until something happens, and answers it."""
        handles: list[Any] = [self._waker.handle]
        for member in self._members:
            handles += member.child.handles
        ready = wait(handles, _WAIT_S)
        self._waker.check()
        for member in self._members:
            if any(handle in ready for handle in member.child.handles):
                self._hear(member)
            self._watch(member)

    def _hear(self, member: _Member) -> None:
        try:
            event = member.child.take()
        except ProcessDiedError as error:
            self._bury(member, error)
            return
        member.heard_s, member.is_stalled = time.monotonic(), False
        if isinstance(event, messages.Heartbeat):
            member.activity = event.activity
        if not is_answer(event) or event.epoch != member.epoch:
            return
        match event:
            case messages.Failed():
                failure = from_failure(event.failure)
                if not isinstance(failure, ContextLostError):
                    raise failure
                # The process is leaving; what it was doing is tried once more, on the backend that asks least of the device.
                if member.task is not None and member.task.kind == "tile":
                    self._backends[member.task.index] = "reference"
                self._bury(member, failure)
            case messages.DoneOpen():
                member.is_open = True
            case messages.DoneTile() | messages.DoneSeam():
                self._finish(member, event)
            case messages.DoneClose():
                member.closed = event

    def _finish(self, member: _Member, event: messages.DoneTile | messages.DoneSeam) -> None:
        task, member.task = member.task, None
        if task is None:
            return
        self._schedule.finish(task)
        seconds = peak_bytes = None
        if isinstance(event, messages.DoneTile):
            seconds, peak_bytes = event.seconds, event.peak_bytes
            self.outcome.peak_memory_bytes = max(self.outcome.peak_memory_bytes, peak_bytes)
            if event.note:
                self.outcome.different[event.index] = event.note
            if event.limit_px is not None and event.index not in self._limits_px:
                # What did not fit once would not fit the next time.
                self._limit_px = min(event.limit_px, self._limit_px or event.limit_px)
        self._tell(event.sr_boxes, seconds, peak_bytes)

    def _tell(self, sr_boxes: tuple[Box, ...], seconds: float | None, peak_bytes: int | None) -> None:
        if self._on_progress is not None:
            self._on_progress(
                messages.Progress(
                    0,
                    self._schedule.tiles_done,
                    len(self._job.plan.tiles),
                    self.seconds,
                    sr_boxes,
                    seconds,
                    peak_bytes,
                )
            )

    def _bury(self, member: _Member, error: WorkerError) -> None:
        """Takes note of how a worker died, and lets a new one go on from what is recorded."""
        member.child.kill()
        task, member.task = member.task, None
        ran_out = self._was_out_of_memory()
        if task is None:
            member.deaths += not member.is_open
            if member.deaths > _DEATHS_ALLOWED:
                raise error
        else:
            self._schedule.put_back(task)
            self._deaths[task] += 1
            if self._deaths[task] > _DEATHS_ALLOWED:
                raise self._giving_up(task, error, ran_out)
            if ran_out and task.kind == "tile":
                self._shrink(task.index)
        self._open(member)

    def _was_out_of_memory(self) -> bool:
        """Whether the system ended a process for lack of memory since this was last asked."""
        before, self._oom_kills = self._oom_kills, oom_kills()
        return before is not None and self._oom_kills is not None and self._oom_kills > before

    def _shrink(self, index: int) -> None:
        tile = self._job.plan.tiles[index]
        limit_px = smaller_tile(
            tile.height, tile.width, window_px=self._job.window_px, overlap_px=self._job.plan.overlap_px
        )
        if limit_px is not None:
            self._limits_px[index] = self._limit_px = min(limit_px, self._limit_px or limit_px)

    def _giving_up(self, task: Task, error: WorkerError, ran_out: bool) -> WorkerError:
        what = f"tile {task.index + 1} of {len(self._job.plan.tiles)}" if task.kind == "tile" else "a seam"
        why = "The system was out of memory." if ran_out else error.message
        return WorkerError(
            f"The worker died twice in {what}. {why}",
            "Use a smaller --tile or --device cpu; what was finished is kept, and `triptych upscale --resume` goes on from it.",
        )

    def _watch(self, member: _Member) -> None:
        """Reports a worker that is silent, and ends one that stays so."""
        if member.is_open and member.task is None:
            return
        is_patient = member.activity in _PATIENT_ACTIVITIES
        silent_s = time.monotonic() - member.heard_s
        if silent_s > (_PATIENT_STUCK_S if is_patient else STUCK_S):
            member.child.kill()
        elif silent_s > STALLED_S and not is_patient and not member.is_stalled:
            member.is_stalled = True
            if self._on_stalled is not None:
                self._on_stalled(Stalled(member.settings.device, silent_s, member.activity))

    def _close(self) -> None:
        """Lets the workers leave the canvas and adds up what they did."""
        for member in self._members:
            member.child.post(messages.CloseCanvas(member.epoch))
        for member in self._members:
            while member.closed is None:
                wait([*member.child.handles, self._waker.handle], _WAIT_S)
                self._waker.check()
                if not member.child.has_event():
                    continue
                try:
                    event = member.child.take()
                except ProcessDiedError:
                    # Everything is recorded: only the account of this worker is lost.
                    break
                if isinstance(event, messages.Failed) and event.epoch == member.epoch:
                    raise from_failure(event.failure)
                if isinstance(event, messages.DoneClose) and event.epoch == member.epoch:
                    member.closed = event
        self._add_up()

    def _add_up(self) -> None:
        outcome = self.outcome
        closed = [member.closed for member in self._members if member.closed is not None]
        if closed:
            outcome.peak_memory_bytes = max(outcome.peak_memory_bytes, sum(each.peak_memory_bytes for each in closed))
        for each in closed:
            outcome.warnings += [warning for warning in each.warnings if warning not in outcome.warnings]
            for operator, names in each.backend.items():
                known = outcome.backend.get(operator, "")
                outcome.backend[operator] = "+".join(
                    dict.fromkeys(filter(None, [*known.split("+"), *names.split("+")]))
                )

    def _abandon(self) -> None:
        for member in self._members:
            if member.child.process_id is not None and member.epoch:
                member.child.abandon(member.epoch)
