"""The only room of `app` that talks to `engine.client`.

`bridge` is the way there and back, `lane` a thread with an engine, `mailbox` how news reaches the GUI thread, `events` the news;
`canvases`, `targets` and `listing` are what the lanes work with.
"""

from app.bridge.bridge import Bridge, Origin, start_engine
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
from app.bridge.lane import EngineLike, OnMemory
from app.bridge.listing import read_catalog, readable_extensions, readable_formats
from app.bridge.targets import default_path, save_target

__all__ = [
    "AttentionFailed",
    "AttentionSeen",
    "Bridge",
    "CanvasMade",
    "EngineLike",
    "Event",
    "Examined",
    "FileFinished",
    "InterruptedFound",
    "JobDone",
    "JobProgressed",
    "JobSaved",
    "MemorySeen",
    "ModelInstalled",
    "ModelReady",
    "ModelsListed",
    "OnMemory",
    "Origin",
    "PictureOpened",
    "Planned",
    "PreviewMade",
    "ReferenceOpened",
    "SheetWritten",
    "TaskFailed",
    "TaskStopped",
    "default_path",
    "read_catalog",
    "readable_extensions",
    "readable_formats",
    "save_target",
    "start_engine",
]
