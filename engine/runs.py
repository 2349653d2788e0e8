"""What a batch set out to do, on disk, so that what it had not begun when it was interrupted can be done later.

Imports the standard library, `filelock` and the parent half of `engine`. What a job had computed lies in the job's own folder
(`engine.workspace`); here lies that there was to be such a job. `<cache>/runs/` holds, for each run of several jobs,

    r<32 hex>.jsonl     the manifest: written aside and renamed before the first job, then one line added for each job that ended
    r<32 hex>.lock      an OS lock, held while the run lasts: it dies with its process

A line is a CRC-32 of the rest in eight hex digits, a space, and JSON. A line that is torn or zeroed counts as not written: then
its job is done once more, and a result that is there already is recognised by its bytes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from engine.errors import OutputError
from engine.jobs import job_key

FORMAT_VERSION = 1
_NAME = re.compile(r"^r[0-9a-f]{32}\.jsonl$")
_LOCK_NAME = re.compile(r"^r[0-9a-f]{32}\.lock$")
_GLANCE_S = 0.2
_SYNC_INTERVAL_S = 1.0


class Run:
    """The manifest of one run, locked for this process until `close`; also a context manager that closes.

    `jobs`: all jobs of the run in the plain form of `engine.jobs`.
    """

    def __init__(
        self, path: Path, lock: FileLock, jobs: Sequence[dict[str, Any]], ended: dict[int, str | None]
    ) -> None:
        self._path = path
        self._lock = lock
        self.jobs = jobs
        self._ended = ended
        self._synced_s = time.monotonic()
        self._is_open = True

    @property
    def left(self) -> list[int]:
        """The numbers of the jobs that have not ended, in their order."""
        return [number for number in range(len(self.jobs)) if number not in self._ended]

    @property
    def outputs(self) -> set[Path]:
        """The files that the run has published."""
        return {Path(output) for output in self._ended.values() if output}

    def end(self, number: int, output: str | None) -> None:
        """Writes down that a job needs nothing more: its result lies at `output`, or it failed for good (None)."""
        if number in self._ended:
            return
        self._ended[number] = output
        # A line that the disk does not take costs the next resume a look at this job, and this run nothing.
        with contextlib.suppress(OSError), open(self._path, "ab") as file:
            file.write(_line({"ended": number, "output": output}))
            file.flush()
            if time.monotonic() - self._synced_s > _SYNC_INTERVAL_S:
                self._synced_s = time.monotonic()
                os.fsync(file.fileno())

    def close(self) -> None:
        """Gives the manifest back, and removes it where no job is left; may be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        if self.left:
            # As in `end`.
            with contextlib.suppress(OSError), open(self._path, "ab") as file:
                os.fsync(file.fileno())
            self._lock.release()
        else:
            _remove(self._path, self._lock)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def begin(root: Path, jobs: Sequence[dict[str, Any]]) -> Run:
    """Writes the manifest of a run that is about to do `jobs`, and returns it locked.

    When it returns, the manifest is on the disk, whole. Raises OutputError where the folder cannot be written.
    """
    path = root / f"r{uuid.uuid4().hex}.jsonl"
    lock = _lock_of(path)
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=_GLANCE_S)
        _write(path, jobs)
    except (OSError, NotImplementedError) as error:
        _remove(path, lock)
        raise OutputError(
            f"The folder for working images, {root.parent}, cannot be written"
            f" ({getattr(error, 'strerror', None) or error}).",
            "Free some disk space, or point TRIPTYCH_CACHE at a folder that can be written.",
        ) from error
    return Run(path, lock, jobs, {})


def interrupted(root: Path) -> list[Run]:
    """Returns the runs in `root` that ended before their jobs did, each locked for this process, the oldest first.

    A run that another process is at is left out, and so is a manifest that this version cannot read.
    """
    found = []
    for path in sorted(_manifests(root), key=_changed_s):
        run = _take(path)
        if run is None:
            continue
        if run.left:
            found.append(run)
        else:
            run.close()
    return found


def take_over(root: Path, ended: dict[str, str | None]) -> None:
    """Writes into the interrupted runs in `root` that these jobs have ended in another run.

    `ended`: key of the job (`engine.jobs.job_key`) → the file written, or None.
    """
    if not ended:
        return
    for run in interrupted(root):
        with run:
            for number in run.left:
                key = job_key(run.jobs[number])
                if key in ended:
                    run.end(number, ended[key])


def clean(root: Path, older_than_s: float) -> list[Path]:
    """Removes the manifests in `root` that were last changed longer ago and that nobody holds; returns what it removed."""
    removed = []
    for path in _manifests(root):
        if time.time() - _changed_s(path) > older_than_s and (lock := _try_lock(path)) is not None:
            _remove(path, lock)
            removed.append(path)
    for path in _paths(root, _LOCK_NAME):
        manifest = path.with_suffix(".jsonl")
        # Of a process that was killed before its manifest was whole, or between the removal of the two.
        if not manifest.exists() and (lock := _try_lock(manifest)) is not None:
            _remove(manifest, lock)
    return removed


def _take(path: Path) -> Run | None:
    lock = _try_lock(path)
    if lock is None:
        return None
    # After the lock is held: its last owner may have removed the manifest just before.
    read = _read(path)
    if read is None:
        lock.release()
        return None
    return Run(path, lock, *read)


def _read(path: Path) -> tuple[list[dict[str, Any]], dict[int, str | None]] | None:
    """Returns (jobs, what ended), or None for a manifest that is damaged or of another version."""
    try:
        lines = list(_lines(path.read_bytes().splitlines()))
    except OSError:
        return None
    if not lines or lines[0].get("format_version") != FORMAT_VERSION:
        return None
    common = lines[0]["common"]
    jobs = [{**common, **line["job"]} for line in lines if "job" in line]
    if len(jobs) != lines[0]["jobs"]:
        # Written whole before the first job, so this is damage, and the numbers of the rest would mean other jobs.
        return None
    return jobs, {line["ended"]: line["output"] for line in lines if "ended" in line}


def _lines(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        checksum, _, text = line.partition(b" ")
        if checksum == _checksum(text):
            yield json.loads(text)


def _line(value: dict[str, Any]) -> bytes:
    # A newline before it as well: after a torn line, this one begins anew.
    text = json.dumps(value, separators=(",", ":")).encode("ascii")
    return b"\n" + _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return f"{zlib.crc32(text):08x}".encode("ascii")


def _manifests(root: Path) -> list[Path]:
    return _paths(root, _NAME)


def _paths(root: Path, pattern: re.Pattern[str]) -> list[Path]:
    try:
        return [path for path in root.iterdir() if pattern.match(path.name)]
    except OSError:
        return []


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _lock_of(path: Path) -> FileLock:
    return FileLock(str(path.with_suffix(".lock")), thread_local=False)


def _try_lock(path: Path) -> FileLock | None:
    lock = _lock_of(path)
    try:
        lock.acquire(timeout=_GLANCE_S)
    except (Timeout, OSError, NotImplementedError):
        return None
    return lock


def _remove(path: Path, lock: FileLock) -> None:
    """Removes a manifest and all that goes with it, and gives its lock back."""
    # The manifest first: whoever gets the lock next looks for it.
    for each in (path, path.with_suffix(".new"), path.with_suffix(".lock")):
        with contextlib.suppress(OSError):
            each.unlink(missing_ok=True)
    lock.release()
    if os.name == "nt":
        # Windows removes no file that is open.
        with contextlib.suppress(OSError):
            path.with_suffix(".lock").unlink(missing_ok=True)


def _write(path: Path, jobs: Sequence[dict[str, Any]]) -> None:
    common = {name: value for name, value in jobs[0].items() if all(job.get(name) == value for job in jobs)}
    aside = path.with_suffix(".new")
    with open(aside, "wb") as file:
        file.write(_line({"format_version": FORMAT_VERSION, "jobs": len(jobs), "common": common}))
        for job in jobs:
            file.write(_line({"job": {name: value for name, value in job.items() if name not in common}}))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Returns when the names in the folder are on the disk; Windows does that by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
