"""Pictures and the jobs made of them, as plain data that knows no window and no process.

Imports the standard library, `app.pace` and the plain data of `engine`. A `Picture` is an input that a person opened; a `Job` is
one picture × one model × one scale. A job's state changes only through `advance`, which refuses a step that makes no sense.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from app.pace import Pace
from engine.canvas import RasterRef
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from engine.messages import DoneUpscale, ImageInfo, UpscaleSettings


# How many times larger than its image on each side a reference may be: the scales of the models, and 1.
_REFERENCE_SCALES = (1, 2, 3, 4)


def reference_sizes(raster: RasterRef) -> list[tuple[int, int]]:
    """Returns the sizes (height, width) that a reference of this image may have."""
    return [(raster.height * scale, raster.width * scale) for scale in _REFERENCE_SCALES]


def _default_settings() -> UpscaleSettings:
    # Not above: the messages take 20 ms to define, and the window is painted before there is a job.
    from engine.messages import UpscaleSettings

    return UpscaleSettings()


class PictureState(Enum):
    """Whether an input's pixels are there. `CLOSED`: not read yet, or let go of to spare the disk."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"


class JobState(Enum):
    """How far a job has come.

    `QUEUED`: in line in the window. `WAITING`: handed to the engine. `CANCELLING` lasts until the engine has let go of it; a job
    that is paused goes through it too, and back to `QUEUED`.
    """

    QUEUED = "queued"
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


_NEXT = {
    JobState.QUEUED: {JobState.WAITING, JobState.CANCELLED},
    JobState.WAITING: {JobState.RUNNING, JobState.CANCELLING, JobState.DONE, JobState.FAILED},
    JobState.RUNNING: {JobState.CANCELLING, JobState.DONE, JobState.FAILED},
    JobState.CANCELLING: {JobState.QUEUED, JobState.CANCELLED, JobState.DONE, JobState.FAILED},
    JobState.DONE: set[JobState](),
    JobState.CANCELLED: set[JobState](),
    JobState.FAILED: set[JobState](),
}


@dataclass
class Job:
    """One picture × one model.

    `finished`: boxes of the canvas whose pixels are final (output pixels). `began_s`: when its canvas was made, by the
    monotonic clock. `expected_s`: how long it should take by what the same model took before, or None.
    """

    number: int
    picture_number: int
    model: str
    scale: int
    weights: Path
    settings: UpscaleSettings = field(default_factory=_default_settings)
    # The folder of the interrupted job that this one goes on from, or "".
    folder_id: str = ""
    state: JobState = JobState.QUEUED
    is_paused: bool = False
    tiles_done: int = 0
    tiles: int = 0
    seconds: float = 0.0
    began_s: float | None = None
    expected_s: float | None = None
    canvas: RasterRef | None = None
    finished: list[Box] = field(default_factory=list)
    done: DoneUpscale | None = None
    saved_as: Path | None = None
    is_being_saved: bool = False

    @property
    def is_active(self) -> bool:
        """Whether the engine works on it or is about to."""
        return self.state in (JobState.WAITING, JobState.RUNNING, JobState.CANCELLING)

    @property
    def is_to_do(self) -> bool:
        """Whether it waits in line or is being worked on."""
        return self.state is JobState.QUEUED or self.is_active

    @property
    def is_unsaved(self) -> bool:
        """Whether it holds a result that would be lost."""
        return self.state is JobState.DONE and self.saved_as is None

    def seconds_left(self, now_s: float) -> float | None:
        """Time to the end: from the tiles done, before the first one from earlier jobs, or None where nothing is known."""
        if self.tiles_done and self.tiles:
            return self.seconds / self.tiles_done * (self.tiles - self.tiles_done)
        if self.expected_s is None or self.began_s is None:
            return None
        return max(0.0, self.expected_s - (now_s - self.began_s))

    def advance(self, state: JobState) -> None:
        """Moves to the state; raises ValueError where no job can go from here to there."""
        if state is not self.state and state not in _NEXT[self.state]:
            raise ValueError(f"a job that is {self.state.value} cannot become {state.value}")
        self.state = state


@dataclass(eq=False)
class Picture:
    """An input: its file, and once decoded what it was and where its pixels lie.

    `results`: its jobs that are to do or done, oldest first; `shown_job`: the one that is saved by hand. `left`: the
    folders of its jobs that were cancelled, which another start goes on from. `failure`: why its last job came to nothing;
    `failed`: the jobs that did. `reference`: the ground truth to compare with.
    """

    number: int
    path: Path
    state: PictureState = PictureState.CLOSED
    info: ImageInfo | None = None
    raster: RasterRef | None = None
    results: list[Job] = field(default_factory=list)
    shown_job: Job | None = None
    left: set[str] = field(default_factory=set)
    failure: str = ""
    failed: list[Job] = field(default_factory=list)
    reference: RasterRef | None = None
    has_thumbnail: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether one of its jobs is to do."""
        return any(job.is_to_do for job in self.results)

    def remove_result(self, job: Job) -> None:
        """Takes the job out; if it was shown, the latest other one is."""
        self.results.remove(job)
        if self.shown_job is job:
            self.shown_job = self.results[-1] if self.results else None

    def same_result(self, job: Job) -> Job | None:
        """Returns an earlier job of the same model and scale."""
        same = (each for each in self.results if each is not job and (each.model, each.scale) == (job.model, job.scale))
        return next(same, None)


class Session:
    """The pictures that are open, in the order they came, and which one is shown."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pictures: list[Picture] = []
        self.shown: Picture | None = None
        # Nothing new is begun until the person goes on.
        self.is_paused = False
        # What the same model took before, in this session or an earlier one.
        self.pace = pace or Pace()
        self._numbers = itertools.count(1)
        # A folder may hold thousands, and each event asks for one of them.
        self._by_path: dict[Path, Picture] = {}
        self._by_number: dict[int, Picture] = {}

    def add(self, path: Path) -> tuple[Picture, bool]:
        """Returns the picture of this file, and whether it is new here."""
        known = self._by_path.get(path)
        if known is not None:
            return known, False
        picture = Picture(next(self._numbers), path)
        self.pictures.append(picture)
        self._by_path[path] = self._by_number[picture.number] = picture
        return picture, True

    def remove(self, picture: Picture) -> None:
        """Takes the picture out; if it was shown, its neighbour is shown instead."""
        index = self.pictures.index(picture)
        self.pictures.remove(picture)
        del self._by_path[picture.path], self._by_number[picture.number]
        if self.shown is picture:
            self.shown = self.pictures[min(index, len(self.pictures) - 1)] if self.pictures else None

    def move(self, picture: Picture, index: int) -> None:
        """Puts the picture elsewhere in the order."""
        self.pictures.remove(picture)
        self.pictures.insert(index, picture)

    def new_job(
        self, picture: Picture, model: str, scale: int, weights: Path, settings: UpscaleSettings | None = None
    ) -> Job:
        """Returns a job of this picture at the end of the line, which is shown from now on."""
        job = Job(next(self._numbers), picture.number, model, scale, weights, settings or _default_settings())
        job.expected_s = self.expected_seconds(picture, model, scale, job.settings)
        picture.results.append(job)
        picture.shown_job = job
        return job

    def expected_seconds(self, picture: Picture, model: str, scale: int, settings: UpscaleSettings) -> float | None:
        """Returns how long this model should take for this picture by what it took before, or None where it has not run yet."""
        if picture.info is None:
            return None
        return self.pace.seconds(picture.info.height * picture.info.width, model, scale, settings)

    def learn(self, job: Job, done: DoneUpscale) -> None:
        """Remembers how fast a finished job's model is here."""
        picture = self.picture(job.picture_number)
        if picture is not None and picture.raster is not None:
            pixels = picture.raster.height * picture.raster.width
            self.pace.learn(pixels, job.model, job.scale, job.settings, done)

    def picture(self, number: int) -> Picture | None:
        """Returns the picture of this number, if it is still open."""
        return self._by_number.get(number)

    def job(self, number: int) -> Job | None:
        """Returns the job of this number, if its picture is still open."""
        return next((job for job in self._jobs() if job.number == number), None)

    @property
    def active_job(self) -> Job | None:
        """The job that the engine works on or is about to."""
        return next((job for job in self._jobs() if job.is_active), None)

    @property
    def next_job(self) -> Job | None:
        """The job to begin next: the first in line of the first picture that has one."""
        return next((job for job in self._jobs() if job.state is JobState.QUEUED), None)

    @property
    def queued_jobs(self) -> list[Job]:
        """The jobs in line, in the order in which they will be done."""
        return [job for job in self._jobs() if job.state is JobState.QUEUED]

    def _jobs(self) -> Iterator[Job]:
        return (job for picture in self.pictures for job in picture.results)

    @property
    def unsaved_jobs(self) -> list[Job]:
        """Results that closing would lose."""
        return [job for job in self._jobs() if job.is_unsaved]
