"""Readings as CSV, and all that is known as JSON for a report of a bug. Imports `app.memory` and the plain data of `engine`.

Nothing here names files, folders or people.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any

from app.memory.collector import Collector
from app.memory.readings import NAMES, History, Reading, TilePeak
from engine.monitor import torch_build

_PACKAGES = ("triptych", "torch", "triton", "PySide6-Essentials", "nvidia-ml-py", "pyqtgraph")
_LAST_PEAKS = 20


def csv_text(history: History) -> str:
    """Returns the readings as CSV, bytes in whole numbers, unknown ones empty; each peak of a tile in a row of its own."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["time_utc", *(f"{name}_bytes" for name in NAMES[1:]), "tile", "tile_seconds", "tile_peak_bytes"])
    rows = [*((reading.time_s, _reading_row(reading)) for reading in history), *_peak_rows(history.peaks)]
    for time_s, row in sorted(rows, key=lambda each: each[0]):
        writer.writerow([_utc(time_s), *row])
    return file.getvalue()


def _reading_row(reading: Reading) -> list[Any]:
    amounts = (getattr(reading, name) for name in NAMES[1:])
    return [*(round(amount) if isfinite(amount) else "" for amount in amounts), "", "", ""]


def _peak_rows(peaks: list[TilePeak]) -> Iterator[tuple[float, list[Any]]]:
    for each in peaks:
        yield each.end_s, [*[""] * (len(NAMES) - 1), each.number, round(each.end_s - each.begin_s, 3), round(each.peak)]


def snapshot_text(collector: Collector, key: str) -> str:
    """Returns what is known of memory just now, of the place `key` and of the others, as JSON."""
    history = collector.history(key)
    columns = history.columns()
    places = {
        place.key: {"name": place.name or "host", "now": _amounts(collector.history(place.key).last)}
        for place in collector.places
    }
    why = collector.no_gpu
    build = torch_build()
    report = {
        "made_utc": _utc(time.monotonic()),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "torch_built_for_cuda": build.cuda if build is not None else None,
        "why_no_gpu": None if why is None else {"kind": why.kind, "detail": why.detail},
        "shown": key,
        "models_run_on": collector.job_key,
        "job_at_work": collector.is_in_job,
        "places": places,
        "readings": len(history),
        "highest": {f"{name}_bytes": _whole(columns[name]) for name in NAMES[1:]} if len(history) else {},
        "last_tiles": [
            {"tile": each.number, "seconds": round(each.end_s - each.begin_s, 3), "peak_bytes": round(each.peak)}
            for each in history.peaks[-_LAST_PEAKS:]
        ],
    }
    return json.dumps(report, indent=2)


def _amounts(reading: Reading | None) -> dict[str, int | None] | None:
    if reading is None:
        return None
    amounts = ((name, getattr(reading, name)) for name in NAMES[1:])
    return {f"{name}_bytes": round(amount) if isfinite(amount) else None for name, amount in amounts}


def _whole(values: Any) -> int | None:
    known = [value for value in values if isfinite(value)]
    return round(max(known)) if known else None


def _utc(time_s: float) -> str:
    """Returns the wall clock's time of a moment of the monotonic clock."""
    moment = datetime.fromtimestamp(time.time() - time.monotonic() + time_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
