"""What a model takes in memory: a fixed part and a part per input pixel, measured once and kept in the cache folder.

Imports the standard library and `engine.paths`. Beside the costs the store keeps what was learned from runs: the peak that was
measured last, and the tiles that ran out of memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine import paths

FORMAT_VERSION = 1
# A record of a model that has not been run for this long is dropped when the file is written.
KEEP_S = 180 * 24 * 3600.0
# The newest lessons of one key; older ones speak of a machine that has changed since.
_LESSONS_KEPT = 8
# A measured peak that is this far above or below its prediction makes the cost be measured again.
TOLERANCE = 0.1


@dataclass(frozen=True)
class MemoryCost:
    """Peak memory as a line over the pixels of a tile: `fixed_bytes` + `bytes_per_px` × input pixels."""

    fixed_bytes: int
    bytes_per_px: float

    def peak_bytes(self, height: int, width: int) -> int:
        """Returns the predicted peak, in bytes above the process without a model, of a tile of height × width input pixels."""
        return round(self.fixed_bytes + self.bytes_per_px * height * width)


@dataclass(frozen=True)
class Probe:
    """One measurement: a tile of height × width input pixels peaked at `peak_bytes`."""

    height: int
    width: int
    peak_bytes: int


@dataclass(frozen=True)
class Lesson:
    """A tile of height × width input pixels ran out of memory where `free_bytes` had been free before it."""

    height: int
    width: int
    free_bytes: int


@dataclass(frozen=True)
class CostKey:
    """What a cost is valid for: whatever changes what is allocated.

    `sha256` of the weights; `backend` as asked for; `device`: its name with driver and torch version, as
    `engine.worker.devices.device_identity` returns; `channels` as in `engine.canvas`; `version` of Triptych.
    """

    sha256: str
    scale: int
    precision: str
    backend: str
    device: str
    threads: int
    ensemble: bool
    channels: int
    version: str

    @property
    def text(self) -> str:
        """The key as one line, as it stands in the file."""
        return " ".join(f"{field.name}={getattr(self, field.name)}" for field in fields(self))


@dataclass(frozen=True)
class Remembered:
    """All that the store holds for one key. `last`: the peak measured by the last whole run, and of which tile size."""

    key: CostKey
    cost: MemoryCost | None = None
    last: Probe | None = None
    lessons: tuple[Lesson, ...] = ()


def fit(small: Probe, large: Probe) -> MemoryCost:
    """Returns the line through two probes; never falling and never below zero, so that noise cannot promise a free tile."""
    raise NotImplementedError


class CostStore:
    """The costs, peaks and lessons in `<cache>/memory.json`; a file that is missing or damaged counts as empty."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = (folder or paths.cache_folder()) / "memory.json"

    def read(self, key: CostKey) -> Remembered:
        """Returns what is known for `key`."""
        raise NotImplementedError

    def remembered(self) -> list[Remembered]:
        """Returns all records, the last used first."""
        raise NotImplementedError

    def keep_cost(self, key: CostKey, cost: MemoryCost) -> None:
        """Keeps a measured cost."""

    def keep_peak(self, key: CostKey, peak: Probe) -> None:
        """Keeps the peak of a whole run; a cost that predicted it badly is dropped and so measured again."""

    def keep_lesson(self, key: CostKey, lesson: Lesson) -> None:
        """Keeps that a tile ran out of memory."""
