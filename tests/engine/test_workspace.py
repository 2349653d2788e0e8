"""Folders of jobs: one holder at a time across processes, listed when free, removed when forgotten, never while locked."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.canvas import RasterRef, create_raster
from engine.errors import OutputError
from engine.job_header import Conditions, InputFile, JobHeader
from engine.journal import JournalWriter, Record
from engine.tiling.geometry import Box, plan_tiles
from engine.workspace import JobBusyError, JobFolder, clean, hold_worker_lock, job_id, list_jobs, open_job

ROOT = Path(__file__).parents[2]
JOB = job_id({"input": "/a/b.png", "scale": 2})
PLAN = plan_tiles(50, 60, tile_px=32, overlap_px=8, window_px=8)
DAY_S = 86_400


def begin(folder: JobFolder) -> JobHeader:
    """Makes a job of the folder, as a client does before it starts workers."""
    source = RasterRef(str(folder.input_path), 50, 60, 3, "uint8")
    create_raster(source)
    picture = folder.path.parent.parent / "picture.png"
    picture.write_bytes(b"picture")
    header = JobHeader.begin(
        PLAN, source, window_px=8, scale=2, weights="w", weights_sha256="00", model="esc",
        conditions=Conditions("fp32", "cpu", 1, False), input_file=InputFile.of(picture),
    )  # fmt: skip
    folder.canvas_path.write_bytes(b"canvas")
    folder.write_header(header)
    return header


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


class Process:
    """A real second process that runs a piece of code and is talked to by lines."""

    def __init__(self, code: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-c", PRELUDE + code, *arguments],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def is_silent_for(self, seconds: float) -> bool:
        return not select.select([self._process.stdout], [], [], seconds)[0]

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> int:
        self._process.communicate()
        return self._process.returncode


PRELUDE = """
import sys
from pathlib import Path
from engine.workspace import hold_worker_lock, open_job
root, job = Path(sys.argv[1]), sys.argv[2]
"""
HOLD = """
folder = open_job(root, job)
print('held')
sys.stdin.readline()
folder.release()
print('released')
sys.stdin.readline()
"""
HOLD_AS_WORKER = """
lock = hold_worker_lock(root / job, 0)
print('held')
sys.stdin.readline()
"""


@pytest.fixture
def start(root: Path) -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def start_one(code: str) -> Process:
        started.append(Process(code, str(root), JOB))
        return started[-1]

    yield start_one
    for process in started:
        process.kill()


def test_equal_identities_have_one_name(root: Path) -> None:
    assert job_id({"scale": 2, "input": "/a/b.png"}) == JOB
    assert job_id({"scale": 3, "input": "/a/b.png"}) != JOB
    with pytest.raises(ValueError, match="not a name"):
        open_job(root, "../elsewhere")


def test_a_job_is_begun_released_and_taken_up(root: Path) -> None:
    with open_job(root, JOB) as folder:
        assert (folder.header, folder.problem) == (None, "")
        header = begin(folder)
        assert folder.header == header
        with pytest.raises(ValueError, match="header already"):
            folder.write_header(header)
        assert [folder.next_writer(), folder.next_writer()] == [0, 1]
    with open_job(root, JOB) as folder:
        assert folder.header == header
        assert folder.job_id == JOB
        assert folder.next_writer() == 2
        assert folder.journals() == [folder.journal_path(number) for number in range(3)]


def test_journals_come_in_the_order_of_their_numbers(root: Path) -> None:
    with open_job(root, JOB) as folder:
        for _ in range(12):
            folder.next_writer()
        assert [path.name for path in folder.journals()] == [f"journal.{number}" for number in range(12)]


def leave_a_folder(path: Path) -> None:
    """Leaves what an I/O process leaves that is killed while it resizes."""
    (path / ".triptych-0-0-x.resize").mkdir()
    (path / ".triptych-0-0-x.resize" / "strip.raw").write_bytes(b"pixels")


def test_clear_leaves_nothing_of_the_earlier_run(root: Path) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
        folder.next_writer()
        leave_a_folder(folder.path)
        folder.clear()
        assert folder.header is None
        assert [path.name for path in folder.path.iterdir()] == ["lock"]
        begin(folder)


def test_a_second_process_waits_and_then_has_the_job(root: Path, start: Callable[[str], Process]) -> None:
    first = start(HOLD)
    assert first.line() == "held"
    second = start("print('asks')\nfolder = open_job(root, job, 60)\nprint('got')")
    assert second.line() == "asks"
    assert second.is_silent_for(0.3)
    first.go_on()
    assert first.line() == "released"
    assert second.line() == "got"


def test_a_second_process_is_told_after_the_time_limit(root: Path, start: Callable[[str], Process]) -> None:
    first = start(HOLD)
    assert first.line() == "held"
    began = time.monotonic()
    with pytest.raises(JobBusyError, match="Another Triptych") as caught:
        open_job(root, JOB, 0.5)
    assert time.monotonic() - began >= 0.5
    assert str(root / JOB) in caught.value.hint
    first.go_on()
    assert first.line() == "released"
    open_job(root, JOB, 0.5).release()


def test_a_kill_frees_the_job_at_once(root: Path, start: Callable[[str], Process]) -> None:
    first = start(HOLD)
    assert first.line() == "held"
    first.kill()
    open_job(root, JOB, 0).release()


def test_a_worker_that_outlives_its_parent_is_waited_for(root: Path, start: Callable[[str], Process]) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
    orphan = start(HOLD_AS_WORKER)
    assert orphan.line() == "held"
    with pytest.raises(JobBusyError):
        open_job(root, JOB, 0.3)
    assert list_jobs(root) == []
    assert clean(root, -1) == []
    second = start("print('asks')\nfolder = open_job(root, job, 60)\nprint('got')\nsys.stdin.readline()")
    assert second.line() == "asks"
    assert second.is_silent_for(0.3)
    orphan.kill()
    assert second.line() == "got"
    second.kill()
    assert [job.job_id for job in list_jobs(root)] == [JOB]


def test_a_worker_of_a_job_that_began_anew_is_refused(root: Path) -> None:
    with open_job(root, JOB) as folder:
        header = begin(folder)
        with hold_worker_lock(folder.path, 0, header.stamp), pytest.raises(JobBusyError):
            hold_worker_lock(folder.path, 0, header.stamp)
        folder.clear()
        begin(folder)
        for _ in range(2):
            with pytest.raises(JobBusyError):
                hold_worker_lock(folder.path, 0, header.stamp)


def test_only_jobs_that_can_be_resumed_are_listed_latest_first(root: Path) -> None:
    assert list_jobs(root) == []
    names = [job_id({"n": number}) for number in range(4)]
    for name in names[:3]:
        with open_job(root, name) as folder:
            header = begin(folder)
            with JournalWriter(folder.journal_path(folder.next_writer()), header.stamp) as journal:
                for index in (0, 1, 1):
                    journal.append(Record("tile", index, Box(0, 0, 1, 1), 0))
    open_job(root, names[3]).release()
    set_age(root / names[1], 3 * DAY_S)
    set_age(root / names[0], 2 * DAY_S)
    listed = list_jobs(root)
    assert [job.job_id for job in listed] == [names[2], names[0], names[1]]
    assert {job.tiles_recorded for job in listed} == {2}
    assert listed[2].last_used_s < time.time() - 2.9 * DAY_S
    assert listed[0].header == header
    with open_job(root, names[2]):
        assert [job.job_id for job in list_jobs(root)] == [names[0], names[1]]


def test_a_job_whose_result_lies_in_a_file_is_not_offered_after_a_kill(root: Path) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
        folder.canvas_path.touch()
        folder.settle()
        assert folder.canvas_path.exists()
        assert clean(root, 1e9) == []
    # The lock is free now, as after a kill.
    assert list_jobs(root) == []
    assert clean(root, 1e9) == [folder.path]
    assert not folder.path.exists()


def set_age(path: Path, age_s: float) -> None:
    for each in path.iterdir():
        os.utime(each, (time.time() - age_s,) * 2)


def test_forgotten_jobs_go_and_young_ones_stay(root: Path) -> None:
    old, young, held, begun = (job_id({"n": number}) for number in range(4))
    for name in (old, young, held):
        with open_job(root, name) as folder:
            begin(folder)
        set_age(root / name, 10 * DAY_S)
    os.utime(root / young / "canvas.raw")
    # Never began: its process was killed while decoding.
    with open_job(root, begun) as folder:
        folder.input_path.write_bytes(b"half")
    (root / "1234-abc").mkdir()
    (root / "1234-abc" / "input.raw").write_bytes(b"of an engine that runs")
    (root / "notes.txt").write_text("not ours")
    with open_job(root, held):
        assert clean(root, 7 * DAY_S) == sorted([root / old, root / begun])
    assert sorted(path.name for path in root.iterdir()) == sorted([young, held, "1234-abc", "notes.txt"])
    assert clean(root, 7 * DAY_S) == [root / held]
    assert clean(root / "absent", 0) == []


def test_a_locked_folder_is_never_removed(root: Path, start: Callable[[str], Process]) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
    set_age(root / JOB, 100 * DAY_S)
    holder = start(HOLD)
    assert holder.line() == "held"
    before = sorted(path.name for path in (root / JOB).iterdir())
    assert clean(root, 0) == []
    assert sorted(path.name for path in (root / JOB).iterdir()) == before
    holder.kill()
    assert clean(root, 0) == [root / JOB]
    assert list(root.iterdir()) == []


def test_the_job_of_another_version_stays_until_it_is_old(root: Path) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
    header = root / JOB / "job.json"
    header.write_bytes(header.read_bytes().replace(b'"format_version":1', b'"format_version":2'))
    with open_job(root, JOB) as folder:
        assert folder.header is None
        assert "another version" in folder.problem
    assert list_jobs(root) == []
    assert clean(root, DAY_S) == []
    set_age(root / JOB, 2 * DAY_S)
    assert clean(root, DAY_S) == [root / JOB]


def test_a_damaged_header_makes_no_job(root: Path) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
    header = root / JOB / "job.json"
    header.write_bytes(header.read_bytes()[:-3])
    with open_job(root, JOB) as folder:
        assert folder.header is None
        assert "damaged" in folder.problem
    assert list_jobs(root) == []
    assert clean(root, DAY_S) == [root / JOB]


def test_a_header_that_was_never_renamed_does_not_count(root: Path) -> None:
    with open_job(root, JOB) as folder:
        begin(folder)
        folder.header_path.rename(folder.path / "job.json.new")
    with open_job(root, JOB) as folder:
        assert folder.header is None
        begin(folder)


def test_remove_takes_everything_and_a_new_job_can_begin(root: Path) -> None:
    folder = open_job(root, JOB)
    begin(folder)
    hold_worker_lock(folder.path, 0).release()
    folder.next_writer()
    leave_a_folder(folder.path)
    folder.remove()
    assert list(root.iterdir()) == []
    folder.release()
    with open_job(root, JOB) as folder:
        assert folder.header is None


def test_the_lock_may_be_given_back_by_another_thread(root: Path) -> None:
    folder = open_job(root, JOB)
    thread = threading.Thread(target=folder.release)
    thread.start()
    thread.join()
    open_job(root, JOB, 0).release()


REMOVE_AGAIN_AND_AGAIN = """
import os
for _ in range(25):
    folder = open_job(root, job, 60)
    marker = os.open(root.parent / 'marker', os.O_CREAT | os.O_EXCL)
    assert folder.path.is_dir()
    os.close(marker)
    (root.parent / 'marker').unlink()
    folder.remove()
"""


def test_processes_that_open_and_remove_one_job_never_hold_it_together(
    root: Path, start: Callable[[str], Process]
) -> None:
    processes = [start(REMOVE_AGAIN_AND_AGAIN) for _ in range(3)]
    assert [process.end() for process in processes] == [0, 0, 0]
    assert list(root.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_cache_that_cannot_be_written_is_a_sentence(root: Path) -> None:
    root.mkdir()
    root.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        open_job(root, JOB)


def test_a_cache_that_is_a_file_is_a_sentence(root: Path) -> None:
    root.write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written"):
        open_job(root, JOB)
