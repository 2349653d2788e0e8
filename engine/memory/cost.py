"""What a model takes in memory over the pixels of a tile, measured once and kept in the cache folder.

Imports the standard library, `engine.paths` and `engine.tiling.geometry`. Beside the costs, the store keeps what runs taught: the
peak that was measured last, and the tiles that ran out of memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from engine import paths
from engine.tiling.geometry import round_up

FORMAT_VERSION = 1
# What nobody has used for half a year is left out when the file is next written.
KEEP_S = 180 * 24 * 3600.0
# The newest lessons of a key; older ones speak of a machine that has changed since.
LESSONS_KEPT = 8
# How far a measured peak may lie from its prediction before the cost is corrected.
TOLERANCE = 0.1
# More pixels than any tile has.
FAR_PX = 2**40
# A knot within this share of the pixels of a new one gives way to it.
_NEAR = 0.2


@dataclass(frozen=True)
class MemoryCost:
    """Peak memory over a tile's pixels (padded to whole windows), in bytes above the process without a model.

    `knots`: (pixels, bytes), rising in both, the first at 0 pixels: the fixed part; between two, the peak lies on their line.
    Beyond the last it rises by `bytes_per_px`. `reach_px`: up to how many pixels it was measured for; beyond, more probes would
    tell more.
    """

    knots: tuple[tuple[int, int], ...]
    bytes_per_px: float
    window_px: int = 1
    reach_px: int = FAR_PX

    def peak_bytes(self, height: int, width: int) -> int:
        """Returns the predicted peak of a tile of height × width input pixels, in bytes."""
        pixels = self.padded_px(height, width)
        last_px, last_bytes = self.knots[-1]
        if pixels >= last_px:
            return round(last_bytes + self.bytes_per_px * (pixels - last_px))
        above = bisect_right([knot_px for knot_px, _ in self.knots], pixels)
        (low_px, low_bytes), (high_px, high_bytes) = self.knots[above - 1 : above + 1]
        return round(low_bytes + (high_bytes - low_bytes) * (pixels - low_px) / (high_px - low_px))

    def padded_px(self, height: int, width: int) -> int:
        """Returns the pixels of a tile as the network sees it."""
        return round_up(height, self.window_px) * round_up(width, self.window_px)


@dataclass(frozen=True)
class Peak:
    """A measurement: a tile of height × width input pixels peaked at `peak_bytes`."""

    height: int
    width: int
    peak_bytes: int


@dataclass(frozen=True)
class Lesson:
    """A tile of height × width input pixels ran out of memory although `free_bytes` had been free when its job was planned."""

    height: int
    width: int
    free_bytes: int


@dataclass(frozen=True)
class CostKey:
    """What a cost is valid for: all that changes what is allocated.

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
        """The key as one line of JSON, as it stands in the file."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True)
class Remembered:
    """All that the store holds for one key. `last`: what the last run to its end peaked at, and at which tile."""

    key: CostKey
    cost: MemoryCost | None = None
    last: Peak | None = None
    lessons: tuple[Lesson, ...] = ()
    used_s: float = 0.0


def fit(peaks: Sequence[Peak], window_px: int = 1) -> MemoryCost:
    """Returns the line through measurements of tiles of whole windows (least squares over the pixels).

    Neither its slope nor its fixed part is below zero. Raises ValueError where the measurements are not of at least two sizes.
    """
    pixels = [peak.height * peak.width for peak in peaks]
    if len(set(pixels)) < 2:
        raise ValueError(f"a line needs measurements of two sizes, not of {pixels}")
    values = [peak.peak_bytes for peak in peaks]
    mean_px, mean_bytes = sum(pixels) / len(pixels), sum(values) / len(values)
    spread = sum((each - mean_px) ** 2 for each in pixels)
    rise = sum((px - mean_px) * (value - mean_bytes) for px, value in zip(pixels, values, strict=True))
    slope = max(rise / spread, 0.0)
    fixed = mean_bytes - slope * mean_px
    if fixed < 0:
        # Memory that grows faster than the pixels: a line through the origin and the largest measurement errs least above it.
        largest = max(range(len(pixels)), key=pixels.__getitem__)
        return MemoryCost(((0, 0),), values[largest] / pixels[largest], window_px)
    return MemoryCost(((0, round(fixed)),), slope, window_px)


def through(cost: MemoryCost, pixels: int, peak_bytes: int) -> MemoryCost:
    """Returns the cost with a knot at a measured peak, in place of those near it; the others give way where they contradict."""
    others = [knot for knot in cost.knots if not pixels * (1 - _NEAR) < knot[0] < pixels * (1 + _NEAR)]
    below = [(px, min(size, peak_bytes)) for px, size in others if px < pixels]
    above = [(px, max(size, peak_bytes)) for px, size in others if px > pixels]
    return replace(cost, knots=(*below, (pixels, peak_bytes), *above))


def corrected(cost: MemoryCost, peak: Peak) -> MemoryCost:
    """Returns the cost where it predicts `peak` to within a tenth, else one that passes through it."""
    predicted = cost.peak_bytes(peak.height, peak.width)
    if abs(predicted / peak.peak_bytes - 1) <= TOLERANCE:
        return cost
    return through(cost, cost.padded_px(peak.height, peak.width), peak.peak_bytes)


class CostStore:
    """Costs, peaks and lessons in `<cache>/memory.json`. A file that is missing or damaged counts as empty.

    Each change reads the file, and replaces it whole: two processes at once may lose one's change, never the file.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = (folder or paths.cache_folder()) / "memory.json"

    def read(self, key: CostKey) -> Remembered:
        """Returns what is known for `key`."""
        return self._read().get(key.text, Remembered(key))

    def remembered(self) -> list[Remembered]:
        """Returns all records, the last used first."""
        return sorted(self._read().values(), key=lambda record: -record.used_s)

    def keep_cost(self, key: CostKey, cost: MemoryCost) -> None:
        """Keeps a measured cost."""
        self._change(key, lambda record: replace(record, cost=cost))

    def keep_peak(self, key: CostKey, peak: Peak) -> None:
        """Keeps the peak of a run; a cost that predicted it wrongly is corrected by it, a lesson that it disproves is dropped."""

        def change(record: Remembered) -> Remembered:
            cost = record.cost and corrected(record.cost, peak)
            lessons = tuple(each for each in record.lessons if not _disproves(peak, each))
            return replace(record, cost=cost, last=peak, lessons=lessons)

        if peak.peak_bytes > 0:
            self._change(key, change)

    def keep_lesson(self, key: CostKey, lesson: Lesson) -> None:
        """Keeps that a tile ran out of memory."""

        def change(record: Remembered) -> Remembered:
            others = tuple(each for each in record.lessons if each != lesson)
            return replace(record, lessons=(*others, lesson)[-LESSONS_KEPT:])

        self._change(key, change)

    def _change(self, key: CostKey, change: Callable[[Remembered], Remembered]) -> None:
        records = self._read()
        now_s = time.time()
        records[key.text] = replace(change(records.get(key.text, Remembered(key))), used_s=now_s)
        self._write([record for record in records.values() if now_s - record.used_s < KEEP_S])

    def _read(self) -> dict[str, Remembered]:
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            if content["format_version"] != FORMAT_VERSION:
                return {}
            entries = list(content["records"])
        except (OSError, ValueError, TypeError, KeyError):
            # Missing, damaged, or of another version: all is measured again.
            return {}
        records = {}
        for entry in entries:
            # One damaged record costs only itself.
            with contextlib.suppress(TypeError, ValueError, KeyError, AttributeError):
                record = _record_from(entry)
                records[record.key.text] = record
        return records

    def _write(self, records: list[Remembered]) -> None:
        content = {"format_version": FORMAT_VERSION, "records": [asdict(record) for record in records]}
        # A cache that cannot be written only costs the next run a second measurement.
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._file.parent, prefix=self._file.name)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as out:
                    json.dump(content, out, indent=1)
                Path(name).replace(self._file)
            finally:
                Path(name).unlink(missing_ok=True)


def _disproves(peak: Peak, lesson: Lesson) -> bool:
    """Whether a tile at least as large took less than had been free before the lesson: then another program had taken it."""
    return peak.height * peak.width >= lesson.height * lesson.width and peak.peak_bytes < lesson.free_bytes


def _record_from(entry: Any) -> Remembered:
    """Reads one record with every value checked. Raises TypeError, ValueError, KeyError or AttributeError for a damaged one."""
    cost = entry["cost"] and _cost_from(entry["cost"])
    last = entry["last"] and Peak(*(_whole(entry["last"][field.name]) for field in fields(Peak)))
    lessons = tuple(Lesson(*(_whole(each[field.name]) for field in fields(Lesson))) for each in entry["lessons"])
    return Remembered(CostKey(**entry["key"]), cost or None, last or None, lessons, _number(entry["used_s"]))


def _cost_from(entry: Any) -> MemoryCost:
    window_px, knots = _whole(entry["window_px"]), tuple((_whole(px), _whole(size)) for px, size in entry["knots"])
    rising = all(low[0] < high[0] and low[1] <= high[1] for low, high in pairwise(knots))
    if window_px < 1 or not knots or knots[0][0] != 0 or not rising:
        raise ValueError("no cost of memory")
    return MemoryCost(knots, _number(entry["bytes_per_px"]), window_px, _whole(entry["reach_px"]))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**62:
        raise ValueError(f"{value!r} is no amount")
    return float(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return int(_number(value))
