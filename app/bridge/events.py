"""What the engine's side tells the window: one frozen dataclass for each kind of news. Imports the plain data of `engine`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.canvas import RasterRef
from engine.catalog import CatalogEntry
from engine.errors import Failure
from engine.messages import DoneAttention, DoneDecode, DoneEncode, DonePlan, DonePrepare, Progress, WorkerMemory

if TYPE_CHECKING:
    from engine.client import Upscaled
    from engine.tiling.geometry import Box
    from engine.workspace import UnfinishedJob


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
