"""What the engine's side tells the window: one named tuple for each kind of news. Imports the standard library.

Named tuples, for twenty frozen dataclasses take 15 ms to define, and the window is painted after that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from engine.canvas import RasterRef
    from engine.catalog import CatalogEntry
    from engine.client import Upscaled
    from engine.errors import Failure
    from engine.messages import (
        DoneAttention,
        DoneDecode,
        DoneEncode,
        DonePlan,
        DonePrepare,
        Progress,
        WorkerMemory,
    )
    from engine.tiling.geometry import Box
    from engine.workspace import UnfinishedJob


class ModelsListed(NamedTuple):
    """The catalog was read."""

    entries: tuple[CatalogEntry, ...]


class ModelReady(NamedTuple):
    """A model is loaded and waits for work."""

    ready: DonePrepare


class PictureOpened(NamedTuple):
    """An input is decoded."""

    picture_number: int
    decoded: DoneDecode


class ReferenceOpened(NamedTuple):
    """A ground truth for a picture is decoded."""

    picture_number: int
    decoded: DoneDecode


class ModelInstalled(NamedTuple):
    """A checkpoint was added to the list of models."""

    entry: CatalogEntry


class PreviewMade(NamedTuple):
    """One model's result of the preview's frame (input pixels)."""

    number: int
    model: str
    scale: int
    frame: Box
    upscaled: Upscaled


class Planned(NamedTuple):
    """What a job of this picture would take: `plan` says tiles, predicted memory and what speaks against them."""

    number: int
    plan: DonePlan


class MemorySeen(NamedTuple):
    """What a worker holds."""

    memory: WorkerMemory


class AttentionSeen(NamedTuple):
    """Where a model looks from the pixel that was picked; `key` is the pane's."""

    key: str
    done: DoneAttention


class AttentionFailed(NamedTuple):
    """A model could not be looked into."""

    key: str
    x: int
    y: int
    failure: Failure


class Examined(NamedTuple):
    """What the worker found of devices and backends, as `triptych doctor --json` has it."""

    report: dict[str, Any]


class CanvasMade(NamedTuple):
    """A job has begun: where its result will lie."""

    job_number: int
    canvas: RasterRef


class JobProgressed(NamedTuple):
    """Tiles of a job were finished."""

    job_number: int
    progress: Progress


class JobDone(NamedTuple):
    """A job's canvas is complete."""

    job_number: int
    upscaled: Upscaled
    notes: tuple[str, ...] = ()


class JobSaved(NamedTuple):
    """A result lies in a file."""

    job_number: int
    written: DoneEncode


class SheetWritten(NamedTuple):
    """A comparison sheet lies in a file."""

    written: DoneEncode


class InterruptedFound(NamedTuple):
    """What earlier runs left unfinished, the latest first."""

    jobs: tuple[UnfinishedJob, ...]


class FileFinished(NamedTuple):
    """A job that the command line had begun was finished: the input, and the file that was written."""

    source: str
    output: str


class TaskStopped(NamedTuple):
    """A task was cancelled, before or after it began."""

    number: int


class TaskFailed(NamedTuple):
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
