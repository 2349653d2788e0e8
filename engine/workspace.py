"""The folders in which jobs lie while they run, who may touch them, and when they go.

Imports plain modules of `engine`, the standard library and `filelock`. `<cache>/jobs/<job id>/` holds

    job.json            the header (`engine.job_header`), written once
    input.raw           the decoded input
    canvas.raw          the canvas with its margins (`engine.tiling.layout`)
    journal.N           the records of writer N; every worker of every run has a number of its own
    lock                an OS lock: held by the process that runs, resumes or removes the job
    worker.N.lock       an OS lock: held by worker N while it may write

Locks die with their process, so what a kill leaves behind is free at once; a worker that outlives its parent for a moment still
holds its own, and is waited for. Folders with names that `job_id` did not make are never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from engine.errors import JobBusyError, OutputError
from engine.job_header import HeaderError, JobHeader
from engine.journal import read_journal

LOCK_TIMEOUT_S = 10.0
# How long a look at somebody's lock waits: two windows that look at the same moment should not hide a job from each other.
_GLANCE_S = 0.2
_POLL_S = 0.05
_ID = re.compile(r"^j[0-9a-f]{24}$")
_WORKER_LOCK = re.compile(r"^worker\.(\d+)\.lock$")
_JOURNAL = re.compile(r"^journal\.(\d+)$")


def job_id(identity: dict[str, Any]) -> str:
    """Returns the name of the job that `identity` (plain JSON) describes: equal for equal identities, in every run."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "j" + hashlib.sha256(text.encode()).hexdigest()[:24]


class JobFolder:
    """A job's folder, locked for this process until `release` or `remove`; also a context manager that releases.

    `header` is None where the job has not begun or its header cannot be used; `problem` says why in a sentence.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock
        self.header, self.problem, self.is_foreign = _read_header(path)

    @property
    def job_id(self) -> str:
        """The job's name."""
        return self.path.name

    @property
    def header_path(self) -> Path:
        """Where the header lies."""
        return self.path / "job.json"

    @property
    def input_path(self) -> Path:
        """Where the decoded input lies."""
        return self.path / "input.raw"

    @property
    def canvas_path(self) -> Path:
        """Where the canvas lies."""
        return self.path / "canvas.raw"

    def journal_path(self, writer: int) -> Path:
        """Where the journal of writer `writer` lies."""
        return self.path / f"journal.{writer}"

    def journals(self) -> list[Path]:
        """Returns all journals, in the order of their writers."""
        return _journals(self.path)

    def next_writer(self) -> int:
        """Returns a number that no writer of this job has had, and keeps it taken by an empty journal."""
        writer = max((_number(_JOURNAL, path) for path in self.journals()), default=-1) + 1
        with _disk_errors(self.path):
            self.journal_path(writer).touch(exist_ok=False)
        return writer

    def write_header(self, header: JobHeader) -> None:
        """Writes the header, whole or not at all; from then on the job is one that can be resumed.

        Raises ValueError where there is one already: `clear` begins anew.
        """
        if self.header_path.exists():
            raise ValueError(f"{self.path} has a header already")
        aside = self.path / "job.json.new"
        with _disk_errors(self.path):
            with open(aside, "wb") as file:
                file.write(header.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.header_path)
            _sync_folder(self.path)
        self.header, self.problem, self.is_foreign = header, "", False

    def clear(self) -> None:
        """Removes everything but the locks, so that the job begins anew."""
        with _disk_errors(self.path):
            # First: without it nothing of the rest counts, wherever this is interrupted.
            self.header_path.unlink(missing_ok=True)
            _sync_folder(self.path)
            for each in _contents(self.path):
                _remove(each)
        self.header, self.problem, self.is_foreign = None, "", False

    def settle(self) -> None:
        """Lets the job be over: its result lies in a file, and whatever happens now, nobody is offered to go on with it.

        The canvas stays for as long as the lock is held; `clean` takes what a kill leaves of it.
        """
        with _disk_errors(self.path):
            self.header_path.unlink(missing_ok=True)
            _sync_folder(self.path)

    def release(self) -> None:
        """Gives the lock back; the folder stays. May be called twice."""
        self._lock.release()

    def remove(self) -> None:
        """Removes the folder and gives the lock back.

        What another process still holds open (Windows) stays, without its header, until `clean` finds it free. Raises OutputError
        where not even the header can be removed.
        """
        try:
            with _disk_errors(self.path):
                self.header_path.unlink(missing_ok=True)
            for each in _contents(self.path):
                with contextlib.suppress(OSError):
                    _remove(each)
            for each in self.path.glob("worker.*.lock"):
                _try_unlink(each)
            # While it is held: whoever waits for this file finds it unlinked and asks again. Windows refuses.
            _try_unlink(self.path / "lock")
        finally:
            self._lock.release()
        if os.name == "nt":
            _try_unlink(self.path / "lock")
        # Not empty: another process has begun the same job meanwhile.
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def __enter__(self) -> JobFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


@dataclass(frozen=True)
class UnfinishedJob:
    """A job that nobody runs and that can be resumed. `tiles_recorded`: by its journals, not yet checked against the canvas.

    `last_used_s`: seconds since 1970 at its last change.
    """

    job_id: str
    path: Path
    header: JobHeader
    tiles_recorded: int
    last_used_s: float


def open_job(root: Path, job_id: str, timeout_s: float = LOCK_TIMEOUT_S) -> JobFolder:
    """Returns the job's folder in `root`, made where it is missing, locked for this process.

    Waits up to `timeout_s` for another process that holds it and for workers that outlived their parent. Raises JobBusyError
    after that, OutputError where the folder cannot be written.
    """
    if not _ID.match(job_id):
        raise ValueError(f"{job_id!r} is not a name that job_id() makes")
    path = root / job_id
    deadline = time.monotonic() + timeout_s
    while True:
        with _disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            # Not `exist_ok`: that looks at the folder again, which another process may have removed by then.
            with contextlib.suppress(FileExistsError):
                path.mkdir()
        try:
            return JobFolder(path, _lock_job(path, deadline))
        except FileNotFoundError:
            # Removed by another process between the two lines: begin again.
            if time.monotonic() > deadline:
                raise _busy(path) from None


def list_jobs(root: Path) -> list[UnfinishedJob]:
    """Returns the jobs in `root` that nobody runs and that can be resumed, the latest first."""
    found = []
    for path in _job_paths(root):
        header, _, _ = _read_header(path)
        if header is None or not _is_free(path):
            continue
        tiles = {
            record.index
            for each in _journals(path)
            for record in read_journal(each, header.stamp)
            if record.kind == "tile"
        }
        found.append(UnfinishedJob(path.name, path, header, len(tiles), _last_used_s(path)))
    return sorted(found, key=lambda job: job.last_used_s, reverse=True)


def clean(root: Path, older_than_s: float) -> list[Path]:
    """Removes the jobs in `root` that were last changed longer ago, and those that never began; returns what it removed.

    A job that a process holds stays, whatever its age. So does, until it is old, a job of another version of Triptych.
    """
    removed = []
    for path in _job_paths(root):
        with contextlib.suppress(JobBusyError, FileNotFoundError, OutputError):
            folder = JobFolder(path, _lock_job(path, time.monotonic() + _GLANCE_S))
            never_began = folder.header is None and not folder.is_foreign
            if never_began or time.time() - _last_used_s(path) > older_than_s:
                folder.remove()
                removed.append(path)
            else:
                folder.release()
    return removed


class WorkerLock:
    """The lock of one writer, held until `release` or the end of the process; also a context manager."""

    def __init__(self, lock: FileLock) -> None:
        self._lock = lock

    def release(self) -> None:
        """Gives the lock back; may be called twice."""
        self._lock.release()

    def __enter__(self) -> WorkerLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def hold_worker_lock(path: Path, writer: int, stamp: int | None = None) -> WorkerLock:
    """Takes the lock of writer `writer` of the job at `path`: a worker holds it for as long as it may write.

    Raises JobBusyError where another process has it, or where `stamp` is given and the job has become another one (a worker
    whose parent died meanwhile must not write into what came after it).
    """
    lock = _file_lock(path / f"worker.{writer}.lock")
    _acquire(lock, path, time.monotonic() + _GLANCE_S)
    if stamp is not None:
        header, _, _ = _read_header(path)
        if header is None or header.stamp != stamp:
            lock.release()
            raise _busy(path)
    return WorkerLock(lock)


def _lock_job(path: Path, deadline: float) -> FileLock:
    """Returns the job's lock, held, once no worker of an earlier run holds its own."""
    lock = _file_lock(path / "lock")
    _acquire(lock, path, deadline)
    try:
        for each in sorted(path.glob("worker.*.lock")):
            if _WORKER_LOCK.match(each.name):
                worker = _file_lock(each)
                _acquire(worker, path, deadline)
                worker.release()
    except BaseException:
        lock.release()
        raise
    return lock


def _file_lock(path: Path) -> FileLock:
    # Taken by one thread and given back by another: a window's job ends in another thread than it began.
    return FileLock(str(path), thread_local=False)


def _acquire(lock: FileLock, path: Path, deadline: float) -> None:
    try:
        lock.acquire(timeout=max(deadline - time.monotonic(), 0), poll_interval=_POLL_S)
    except Timeout as error:
        raise _busy(path) from error
    except FileNotFoundError:
        raise
    except (OSError, NotImplementedError) as error:
        raise OutputError(
            f"The folder for working images, {path}, cannot be locked ({error}).",
            "Point TRIPTYCH_CACHE at a folder on a local disk that can be written.",
        ) from error


def _busy(path: Path) -> JobBusyError:
    return JobBusyError(
        "Another Triptych is working on this job.",
        f"Wait until it is done, or close it. (Its working images are in {path}.)",
    )


def _is_free(path: Path) -> bool:
    with contextlib.suppress(JobBusyError, FileNotFoundError, OutputError):
        _lock_job(path, time.monotonic() + _GLANCE_S).release()
        return True
    return False


def _read_header(path: Path) -> tuple[JobHeader | None, str, bool]:
    """Returns (header, why there is none, whether another version wrote it)."""
    try:
        return JobHeader.from_bytes((path / "job.json").read_bytes()), "", False
    except FileNotFoundError:
        return None, "", False
    except HeaderError as error:
        return None, str(error), error.is_foreign
    except OSError as error:
        return None, f"The header of the job cannot be read ({error.strerror or error}).", False


def _job_paths(root: Path) -> list[Path]:
    try:
        return sorted(path for path in root.iterdir() if _ID.match(path.name) and path.is_dir())
    except OSError:
        return []


def _contents(path: Path) -> list[Path]:
    """Everything in the folder but its locks."""
    return [each for each in path.iterdir() if each.name != "lock" and not _WORKER_LOCK.match(each.name)]


def _journals(path: Path) -> list[Path]:
    return sorted(
        (each for each in path.iterdir() if _JOURNAL.match(each.name)), key=lambda each: _number(_JOURNAL, each)
    )


def _number(pattern: re.Pattern[str], path: Path) -> int:
    match = pattern.match(path.name)
    assert match is not None
    return int(match[1])


def _last_used_s(path: Path) -> float:
    times = []
    for each in _contents(path) or [path]:
        with contextlib.suppress(FileNotFoundError):
            times.append(each.stat().st_mtime)
    return max(times, default=0.0)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # Of an I/O process that was killed while it resized or bled colour.
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _try_unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _sync_folder(path: Path) -> None:
    """Returns when the names in the folder are on the disk; Windows does that by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The folder for working images, {path}, cannot be written ({error.strerror or error}).",
            "Free some disk space, or point TRIPTYCH_CACHE at a folder that can be written.",
        ) from error
