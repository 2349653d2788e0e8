"""The workers of one job: one for each entry of the device list, all fed from one schedule, replaced when they die.

Imports the standard library and the plain modules of `engine`. Everything happens in one loop that waits for all workers at
once, so that none of them ever waits for another to start, to load or to die.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from engine import messages
from engine.canvas import RasterRef
from engine.client.patience import Condition, Patience, Stalled
from engine.client.process import RESTARTED, Child, Waker, is_answer
from engine.client.schedule import Schedule, Task
from engine.errors import (
    ContextLostError,
    HostMemoryError,
    OutOfMemoryError,
    ProcessDiedError,
    TriptychError,
    WorkerError,
    from_failure,
)
from engine.journal import read_journal
from engine.memory.budget import oom_kills
from engine.memory.planner import smaller_tile
from engine.tiling.geometry import Box, TilePlan

# Deaths in one tile, or while a worker starts and opens its canvas, after which it is given up.
_DEATHS_ALLOWED = 1


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


class _State(Enum):
    """Where a worker stands in this job."""

    AWAY = "away"
    STARTING = "starting"
    OPENING = "opening"
    OPEN = "open"
    CLOSING = "closing"
    GONE = "gone"


# In these a worker owes an answer, or at least signs of life.
_OWING = (_State.STARTING, _State.OPENING, _State.CLOSING)


@dataclass
class _Member:
    """One worker of the crew and what it is doing. `deaths`: since it last had its canvas open; `replaced`: in the whole job."""

    child: Child
    settings: messages.UpscaleSettings
    state: _State = _State.AWAY
    epoch: int = 0
    writer: int = 0
    task: Task | None = None
    deaths: int = 0
    replaced: int = 0
    peak_bytes: int = 0

    @property
    def is_at_work(self) -> bool:
        """Whether something is to be heard of it."""
        return self.state in _OWING or self.task is not None


@dataclass
class Outcome:
    """What the crew has to say when the canvas is complete."""

    backend: dict[str, str] = field(default_factory=dict)
    peak_memory_bytes: int = 0
    different: dict[int, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Crew:
    """Runs the tasks of a schedule on its workers. Use once.

    `count_oom_kills` answers how many processes the system has ended for lack of memory, None where nobody counts.
    """

    def __init__(
        self,
        job: CanvasJob,
        schedule: Schedule,
        members: Sequence[tuple[Child, messages.UpscaleSettings]],
        waker: Waker,
        patience: Patience,
        on_progress: Callable[[messages.Progress], None] | None,
        on_stalled: Callable[[Stalled], None] | None,
        count_oom_kills: Callable[[], int | None] = oom_kills,
    ) -> None:
        self._job = job
        self._schedule = schedule
        self._members = [_Member(child, settings) for child, settings in members]
        self._waker = waker
        self._patience = patience
        self._on_progress = on_progress
        self._on_stalled = on_stalled
        self._started_s = time.perf_counter()
        self._deaths: Counter[Task] = Counter()
        # Tiles that are to be run differently: all of them in pieces of this edge, or one of them by this backend.
        self._limit_px: int | None = None
        self._backends: dict[int, str] = {}
        self._count_oom_kills = count_oom_kills
        self._oom_kills = count_oom_kills()
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
            while not self._schedule.is_done:
                for member in self._members:
                    self._give_work(member)
                self._listen()
            self._begin_to_close()
            while any(member.state is _State.CLOSING for member in self._members):
                self._listen()
        except BaseException:
            for member in self._members:
                self._abandon(member)
            raise
        self._add_up()
        return self.outcome

    def _give_work(self, member: _Member) -> None:
        """Hands the worker the next task; brings it in first, where there is one and it is not here yet."""
        if member.is_at_work or member.state is _State.GONE or not self._schedule.has_work:
            return
        if member.state is _State.AWAY:
            self._bring_in(member)
            return
        task = self._schedule.take()
        if task is None:
            return
        member.task = task
        member.child.silence.begin("computing")
        if task.kind == "seam":
            member.child.post(messages.BlendSeam(member.epoch, task.index))
        else:
            backend = self._backends.get(task.index)
            member.child.post(messages.RunTile(member.epoch, task.index, self._limit_px, backend))

    def _bring_in(self, member: _Member) -> None:
        member.child.settle(self._waker)
        member.child.start()
        member.state = _State.STARTING
        if member.child.is_ready:
            self._open(member)

    def _open(self, member: _Member) -> None:
        job = self._job
        member.writer = job.next_writer()
        member.epoch = member.child.next_epoch()
        member.state = _State.OPENING
        member.child.silence.begin("idle")
        member.child.post(
            messages.OpenCanvas(
                member.epoch,
                job.model,
                member.settings,
                job.plan,
                job.source,
                job.canvas,
                str(job.journal_path(member.writer)),
                job.stamp,
                job.job_folder,
                member.writer,
            )
        )

    def _listen(self) -> None:
        """Waits until something happens, and answers it."""
        handles: list[Any] = [self._waker.handle]
        for member in self._members:
            handles += member.child.handles
        ready = wait(handles, self._patience.look_s)
        self._waker.check()
        for member in self._members:
            if any(handle in ready for handle in member.child.handles):
                self._hear(member)
            elif member.is_at_work:
                self._watch(member)

    def _hear(self, member: _Member) -> None:
        try:
            event = member.child.take()
        except ProcessDiedError as error:
            self._bury(member, error)
            return
        if member.state is _State.STARTING and member.child.is_ready:
            self._open(member)
        elif is_answer(event) and event.epoch == member.epoch:
            self._answer(member, event)

    def _answer(self, member: _Member, event: Any) -> None:
        task = member.task
        match event:
            case messages.Failed():
                self._fail(member, from_failure(event.failure))
            case messages.DoneOpen() if member.state is _State.OPENING:
                member.state, member.deaths = _State.OPEN, 0
            case messages.DoneTile() if task == Task("tile", event.index):
                self._finish_tile(member, event)
            case messages.DoneSeam() if task == Task("seam", event.region):
                self._finish(member, event.sr_boxes)
            case messages.DoneClose() if member.state is _State.CLOSING:
                member.state = _State.GONE
                self._account(member, event)
            case _:
                raise member.child.refuse()

    def _finish_tile(self, member: _Member, event: messages.DoneTile) -> None:
        member.peak_bytes = max(member.peak_bytes, event.peak_bytes)
        if event.note:
            self.outcome.different[event.index] = event.note
        if event.limit_px is not None:
            # What did not fit once would not fit the next time.
            self._limit_px = min(event.limit_px, self._limit_px or event.limit_px)
        self._finish(member, event.sr_boxes, event.seconds, event.peak_bytes)

    def _finish(
        self, member: _Member, sr_boxes: tuple[Box, ...], seconds: float | None = None, peak_bytes: int | None = None
    ) -> None:
        task, member.task = member.task, None
        assert task is not None
        self._schedule.finish(task)
        # First: the worker computes while the caller looks at what is new.
        self._give_work(member)
        if self._on_progress is not None:
            tiles_done, tiles = self._schedule.tiles_done, len(self._job.plan.tiles)
            self._on_progress(messages.Progress(0, tiles_done, tiles, self.seconds, sr_boxes, seconds, peak_bytes))

    def _fail(self, member: _Member, failure: TriptychError) -> None:
        """Decides what an error means that a worker survived, or of which it said that it will not."""
        if isinstance(failure, HostMemoryError) and member.task is not None and member.task.kind == "tile":
            self._make_smaller(member, failure)
        elif isinstance(failure, ContextLostError):
            # The process is leaving; its tile is tried once more, on the backend that asks least of the device.
            if member.task is not None and member.task.kind == "tile":
                self._backends[member.task.index] = "reference"
            member.child.discard("lost its device")
            self._bury(member, failure)
        elif isinstance(failure, OutOfMemoryError) and self._has_others(member):
            self._retire(member, failure)
        else:
            raise failure

    def _make_smaller(self, member: _Member, failure: HostMemoryError) -> None:
        """Hands the tile of a worker that ran out of memory, and is leaving, out again in smaller pieces."""
        task = member.task
        assert task is not None
        member.child.discard("ran out of memory")
        member.state, member.task = _State.AWAY, None
        member.replaced += 1
        self._schedule.put_back(task)
        if not self._shrink(task.index):
            raise OutOfMemoryError(failure.message, failure.hint)

    def _has_others(self, member: _Member) -> bool:
        return any(other is not member and other.state is not _State.GONE for other in self._members)

    def _retire(self, member: _Member, error: TriptychError) -> None:
        """Lets the others go on without this worker."""
        if member.task is not None:
            self._schedule.put_back(member.task)
        self._abandon(member)
        member.state, member.task = _State.GONE, None
        self.outcome.warnings.append(f"{member.settings.device} took no further part in the job. {error.message}")

    def _bury(self, member: _Member, error: WorkerError) -> None:
        """Takes note of how a worker died. Where there is work left, a new one goes on from what is recorded."""
        child, task, state = member.child, member.task, member.state
        ran_out = self._was_out_of_memory(child)
        member.state, member.task = _State.AWAY, None
        if state is _State.CLOSING:
            # All is recorded: only the account of this worker is lost.
            member.state = _State.GONE
            return
        member.replaced += 1
        is_counted = child.ended_by != RESTARTED
        if task is None:
            member.deaths += is_counted and state in _OWING
            if member.deaths > _DEATHS_ALLOWED:
                if not self._has_others(member):
                    raise error
                self._retire(member, error)
            return
        member.task = task
        if self._is_recorded(member, task):
            # It died between the record and its answer.
            self._finish(member, self._final_boxes(task))
            return
        member.task = None
        self._schedule.put_back(task)
        self._deaths[task] += is_counted
        if self._deaths[task] > _DEATHS_ALLOWED:
            raise self._giving_up(task, error, ran_out)
        if ran_out and task.kind == "tile":
            self._shrink(task.index)

    def _was_out_of_memory(self, child: Child) -> bool:
        """Whether the system ended the process for lack of memory: it was killed, not by us, and somebody counted it."""
        before, self._oom_kills = self._oom_kills, self._count_oom_kills()
        has_risen = before is not None and self._oom_kills is not None and self._oom_kills > before
        return has_risen and not child.ended_by and child.exit_code == -getattr(signal, "SIGKILL", 9)

    def _is_recorded(self, member: _Member, task: Task) -> bool:
        """Whether the worker that died had recorded what it was at. Its pages are the system's by then, and outlive it."""
        for record in read_journal(self._job.journal_path(member.writer), self._job.stamp):
            if (record.kind, record.index) == (task.kind, task.index):
                if record.kind == "tile" and record.note:
                    self.outcome.different[record.index] = record.note
                return True
        return False

    def _final_boxes(self, task: Task) -> tuple[Box, ...]:
        plan = self._job.plan
        region = plan.core_of[task.index] if task.kind == "tile" else task.index
        return () if region is None else (plan.regions[region].box.scaled(self._job.canvas.height // plan.height),)

    def _shrink(self, index: int) -> bool:
        """Has the tiles to come cut into smaller pieces; returns whether there are smaller ones."""
        tile = self._job.plan.tiles[index]
        edge_px = self._limit_px or max(tile.height, tile.width)
        limit_px = smaller_tile(
            min(tile.height, edge_px),
            min(tile.width, edge_px),
            window_px=self._job.window_px,
            overlap_px=self._job.plan.overlap_px,
        )
        if limit_px is None:
            return False
        self._limit_px = limit_px
        return True

    def _giving_up(self, task: Task, error: WorkerError, ran_out: bool) -> WorkerError:
        what = f"tile {task.index + 1} of {len(self._job.plan.tiles)}" if task.kind == "tile" else "a seam"
        why = "The system was out of memory." if ran_out else error.message
        return WorkerError(
            f"The worker died twice in {what}. {why}",
            "Use a smaller --tile or --device cpu; what was finished is kept, and `triptych upscale --resume` goes on from it.",
        )

    def _watch(self, member: _Member) -> None:
        """Reports a worker that is silent, and ends one that stays so."""
        silence = member.child.silence
        match silence.look():
            case Condition.STALLED if self._on_stalled is not None:
                self._on_stalled(Stalled(member.settings.device, silence.seconds, silence.activity))
            case Condition.STUCK:
                member.child.kill(f"showed no sign of life for {silence.seconds:.0f} s and was ended")

    def _begin_to_close(self) -> None:
        """Lets the workers leave the canvas; nobody waits for one that has not even opened it."""
        for member in self._members:
            if member.state is _State.OPEN:
                member.state = _State.CLOSING
                member.child.silence.begin("computing")
                member.child.post(messages.CloseCanvas(member.epoch))
            elif member.state is _State.OPENING:
                member.child.dismiss(member.epoch)

    def _account(self, member: _Member, closed: messages.DoneClose) -> None:
        outcome = self.outcome
        member.peak_bytes = max(member.peak_bytes, closed.peak_memory_bytes)
        outcome.warnings += [warning for warning in closed.warnings if warning not in outcome.warnings]
        for operator, names in closed.backend.items():
            known = outcome.backend.get(operator, "")
            outcome.backend[operator] = "+".join(dict.fromkeys(filter(None, [*known.split("+"), *names.split("+")])))

    def _add_up(self) -> None:
        outcome = self.outcome
        outcome.peak_memory_bytes = sum(member.peak_bytes for member in self._members)
        for member in self._members:
            if member.replaced:
                times = "once" if member.replaced == 1 else f"{member.replaced} times"
                outcome.warnings.append(
                    f"The worker on {member.settings.device} ended {times} before its work was done and was replaced."
                )

    def _abandon(self, member: _Member) -> None:
        if member.state in (_State.OPENING, _State.OPEN, _State.CLOSING):
            member.child.abandon(member.epoch)
