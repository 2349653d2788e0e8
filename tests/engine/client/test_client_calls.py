"""Calls from several threads, closing, cancelling, two processes on one job, the order of tiles, and what stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from engine import messages
from engine.canvas import RasterRef, open_raster
from engine.client import Engine, Patience
from engine.client.patience import Condition, Silence
from engine.client.process import Waker
from engine.errors import Cancelled, JobBusyError, OutputError, TriptychError
from engine.messages import EncodeOptions, ImageInfo, Progress
from engine.tiling.geometry import Box
from tests.engine.client.conftest import MODEL, SETTINGS, SHORT, MakeEngine, Runs, make_source, records_of
from tests.engine.client.fake_worker import FakeWorker, Fault, requests_met
from tests.engine.client.test_client_faults import wait_for

posix = pytest.mark.skipif(os.name == "nt", reason="signals")
Pixels = NDArray[np.float32]


def test_a_cancelled_job_goes_on_from_its_tiles(
    faulty: MakeEngine, source: RasterRef, undisturbed: Pixels, tmp_path: Path
) -> None:
    runs = Runs(faulty(), source)
    seen: list[int] = []

    def cancel(progress: Progress) -> None:
        seen.append(progress.tiles_done)
        if progress.tiles_done == 3:
            runs.engine.cancel()

    with runs.open() as job:
        with pytest.raises(Cancelled):
            runs.run(job, cancel)
        # Nothing is told any more after the cancel.
        assert seen[-1] == 3
        assert seen.count(3) == 1
        process = runs.engine._workers[0].process_id
        upscaled = runs.run(job)
        # The tile that the worker was at may have been recorded too.
        assert upscaled.done.resumed_tiles in (3, 4)
        assert np.array_equal(open_raster(upscaled.canvas), undisturbed)
        assert runs.engine._workers[0].process_id == process
        assert len([record for record in records_of(job) if record.kind == "tile"]) == 6


def test_a_callback_that_raises_ends_the_call_and_not_the_worker(
    faulty: MakeEngine, source: RasterRef, undisturbed: Pixels, tmp_path: Path
) -> None:
    engine = faulty()

    def fail(progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw", fail)
    process = engine._workers[0].process_id
    assert np.array_equal(
        open_raster(engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw").canvas), undisturbed
    )
    assert engine._workers[0].process_id == process


def test_a_cancel_is_felt_while_the_last_one_is_still_being_drained(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    # The worker is deaf, and the drain would wait for it for ever: the second call waits for the drain, and is cancelled too.
    engine = faulty(Fault("tile", "work on"), patience=Patience(soft_cancel_s=3600.0))
    for index in range(2):
        over = threading.Event()
        threading.Thread(target=cancel_until, args=(engine, over, tmp_path / "faults" / "fault.0.0")).start()
        with pytest.raises(Cancelled):
            engine.upscale(source, MODEL, SETTINGS, tmp_path / f"{index}.raw")
        over.set()


def cancel_until(engine: Engine, over: threading.Event, marker: Path) -> None:
    """Cancels again and again from the time the file exists: a cancel before a call begins is not for that call."""
    wait_for(marker)
    while not over.wait(0.02):
        engine.cancel()


@pytest.mark.parametrize("at", ["start", "plan", "open", "tile"])
def test_close_from_another_thread_ends_the_call(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, at: str
) -> None:
    engine = faulty(Fault(at, "fall silent"), patience=Patience())
    closer = threading.Thread(target=lambda: (wait_for(tmp_path / "faults" / "fault.0.0"), engine.close()), daemon=True)
    before = set(psutil.Process().children(recursive=True))
    closer.start()
    with pytest.raises(Cancelled):
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw")
    closer.join()
    assert not [each for each in set(psutil.Process().children(recursive=True)) - before if not is_tracker(each)]
    with pytest.raises(Cancelled):
        engine.prepare(MODEL, SETTINGS)
    engine.cancel()
    engine.restart_workers()
    engine.close()


def is_tracker(process: psutil.Process) -> bool:
    """Whether it is the helper that multiprocessing starts once and keeps."""
    return "resource_tracker" in " ".join(process.cmdline())


def test_close_in_a_callback_ends_the_call(faulty: MakeEngine, source: RasterRef, tmp_path: Path) -> None:
    engine = faulty()
    with pytest.raises(Cancelled):
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw", lambda _progress: engine.close())
    assert engine._workers[0].process_id is None


def test_close_while_a_cancelled_worker_is_being_drained_starts_no_other(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    engine = faulty(Fault("tile", "work on"), patience=Patience(soft_cancel_s=3600.0))
    threading.Thread(target=lambda: (wait_for(tmp_path / "faults" / "fault.0.0"), engine.cancel()), daemon=True).start()
    with pytest.raises(Cancelled):
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw")
    engine.close()
    assert engine._workers[0].process_id is None
    assert not [thread for thread in threading.enumerate() if "drain" in thread.name]


def test_calls_from_several_threads_wait_for_each_other(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty()
    results: dict[int, Pixels] = {}

    def run(number: int) -> None:
        upscaled = engine.upscale(source, MODEL, SETTINGS, tmp_path / f"{number}.raw")
        results[number] = np.array(open_raster(upscaled.canvas))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all(np.array_equal(result, undisturbed) for result in results.values())


def test_a_worker_that_is_not_asked_for_any_more_leaves(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty()
    runs = Runs(engine, source)
    with runs.on("cpu,cpu,cpu").open() as job:
        runs.on("cpu,cpu,cpu").run(job)
    several = {process for process, _, _ in requests_met(tmp_path / "faults")}
    with runs.on("cpu").open() as job:
        job.clear()
        assert np.array_equal(open_raster(runs.on("cpu").run(job).canvas), undisturbed)
    assert len(engine._workers) == 1
    assert [process for process in several if psutil.pid_exists(process)] == [engine._workers[0].process_id]


def test_an_image_of_one_tile_starts_one_worker(faulty: MakeEngine, tmp_path: Path) -> None:
    engine = faulty()
    runs = Runs(engine, make_source(tmp_path, 20, 20)).on("cpu,cpu,cpu")
    with runs.open() as job:
        assert runs.run(job).done.tiles == 1
    assert len({process for process, _, _ in requests_met(tmp_path / "faults")}) == 1


def test_a_finished_job_asks_no_worker_to_open_its_canvas(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    runs = Runs(faulty(), source)
    with runs.open() as job:
        runs.run(job)
        opened = [at for _, at, _ in requests_met(tmp_path / "faults")].count("open")
        assert runs.run(job).done.resumed_tiles == 6
        assert [at for _, at, _ in requests_met(tmp_path / "faults")].count("open") == opened == 1


def test_tiles_in_view_come_first(faulty: MakeEngine, source: RasterRef, tmp_path: Path) -> None:
    engine = faulty()
    # The lower right corner, before there is a job; after two tiles the lower left one.
    engine.look_at(Box(40, 60, 5, 5))

    def look(progress: Progress) -> None:
        if progress.tiles_done == 1 and progress.tile_seconds is not None:
            engine.look_at(Box(40, 0, 5, 5))

    engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw", look)
    order = [index for _, at, index in requests_met(tmp_path / "faults") if at == "tile"]
    # The second was handed out before the first was told of.
    assert order == [5, 0, 3, 1, 2, 4]


_HOLD = """
import sys
from pathlib import Path
from engine.workspace import open_job
job = open_job(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts Python processes and ends them."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, words)],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_second_process_on_a_running_job_waits_or_is_told(
    faulty: MakeEngine,
    source: RasterRef,
    undisturbed: Pixels,
    other_process: Callable[..., subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = Runs(faulty(), source)
    with runs.open() as job:
        name = job.job_id
    other = other_process(_HOLD, runs.engine.jobs_folder, name)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    monkeypatch.setattr("engine.client.engine.JOB_BUSY_S", 0.1)
    with pytest.raises(JobBusyError, match="Another Triptych is working on this job"):
        runs.open()
    monkeypatch.undo()
    other.kill()
    # What a kill leaves locked is free at once.
    with runs.open() as job:
        assert np.array_equal(open_raster(runs.run(job).canvas), undisturbed)


class HangingImages:
    """An I/O process that writes half a file beside the result, and does what it is told instead of finishing."""

    def __init__(self, marker: str, how: str) -> None:
        self.marker, self.how = marker, how

    def __call__(self, connection: Connection) -> None:
        from engine.imaging.publish import aside_prefix

        signal.signal(signal.SIGINT, signal.SIG_IGN)
        connection.send(messages.Ready(0, messages.PROTOCOL_VERSION, os.getpid()))
        request = connection.recv()
        begun = Path(request.path).parent / f"{aside_prefix(os.getpid())}begun"
        begun.with_suffix(".part").write_bytes(b"half a file")
        begun.with_suffix(".folder").mkdir()
        (begun.with_suffix(".folder") / "strip").write_bytes(b"half a strip")
        Path(self.marker).touch()
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        while True:
            if self.how == "progress":
                connection.send(messages.IoProgress(request.epoch, 0.5))
            threading.Event().wait(0.02 if self.how == "progress" else None)


def encode(engine: Engine, folder: Path) -> Any:
    canvas = RasterRef(str(folder / "canvas.raw"), 4, 4, 3, "float32")
    info = ImageInfo(str(folder / "in.png"), "png", 2, 2, 3, 8)
    return engine.encode(canvas, info, folder / "out" / "result.png", EncodeOptions("png", 8))


@pytest.mark.parametrize(
    ("how", "kind", "sentence"),
    [
        ("silence", OutputError, r"result\.png cannot be written\. .* made no progress for 2 s and was ended"),
        ("progress", Cancelled, "Cancelled"),
        pytest.param(
            "die",
            OutputError,
            r"result\.png cannot be written\. .*ended unexpectedly \(killed by SIGKILL\)",
            marks=posix,
        ),
    ],
)
def test_an_encode_that_is_ended_leaves_nothing_in_the_output_folder(
    tmp_path: Path, how: str, kind: type[TriptychError], sentence: str
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.png").write_bytes(b"not ours")
    marker = tmp_path / "marker"
    with Engine(cache_folder=tmp_path, serve_io=HangingImages(str(marker), how), patience=SHORT) as engine:
        if how == "progress":
            # As long as it gets on it may take longer than silence is allowed to last.
            threading.Thread(
                target=lambda: (wait_for(marker), threading.Event().wait(SHORT.io_silence_s + 0.3), engine.cancel()),
                daemon=True,
            ).start()
        with pytest.raises(kind, match=sentence):
            encode(engine, tmp_path)
        assert engine._io.process_id is None
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["other.png"]


@posix
def test_nothing_stays_behind(tmp_path: Path, source: RasterRef) -> None:
    """No process, thread or file descriptor after many calls, cancels and kills; none more while the engine lives."""
    folder = tmp_path / "faults"
    folder.mkdir()
    own = psutil.Process()
    with Engine(cache_folder=tmp_path / "first", serve_worker=FakeWorker(str(folder))) as engine:
        # What is made once a process: the tracker of multiprocessing, modules, caches.
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw")
    before = own.num_fds(), threading.active_count(), len(own.children(recursive=True))
    with Engine(cache_folder=tmp_path / "cache", serve_worker=FakeWorker(str(folder)), patience=SHORT) as engine:
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw")
        alive = own.num_fds(), threading.active_count()
        for number in range(45):
            disturb: Callable[[Progress], None] | None = None
            if number % 9 in (2, 5):
                disturb = lambda progress: engine.cancel() if progress.tiles_done == 2 else None  # noqa: E731
            elif number % 9 == 7:
                disturb = lambda progress: kill_once(engine) if progress.tiles_done == 4 else None  # noqa: E731
            try:
                upscaled = engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw", disturb)
                assert upscaled.done.tiles == 6
            except Cancelled:
                assert number % 9 in (2, 5)
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw")
        join_drains()
        assert (own.num_fds(), threading.active_count()) == alive
    join_drains()
    assert (own.num_fds(), threading.active_count(), len(own.children(recursive=True))) == before


def join_drains() -> None:
    """Waits for the last steps of threads that have let go of their worker already."""
    for thread in threading.enumerate():
        if thread.name.endswith("drain"):
            thread.join()


def kill_once(engine: Engine) -> None:
    process = engine._workers[0].process_id
    if process is not None:
        os.kill(process, signal.SIGKILL)


def test_silence_is_counted_only_while_somebody_listens() -> None:
    now_s = 0.0
    silence = Silence(Patience(), lambda: now_s)
    silence.begin("computing")
    # The machine slept for a day, or the caller did not come back: that is nobody's silence.
    now_s = 86400.0
    assert silence.look() is Condition.WELL
    conditions = []
    for _ in range(100):
        now_s += 0.7
        conditions.append(silence.look())
    assert conditions.index(Condition.STALLED) == 5
    assert conditions.count(Condition.STALLED) == 1
    assert conditions.index(Condition.STUCK) == 84
    silence.hear(messages.Heartbeat(-1, "loading"))
    assert silence.seconds == 0
    for _ in range(800):
        now_s += 0.7
        assert silence.look() is Condition.WELL
    now_s += 1
    silence.hear(messages.Heartbeat(-1, "computing"))
    assert silence.look() is Condition.WELL


def test_a_waker_may_be_set_at_any_time() -> None:
    waker = Waker()
    for _ in range(100_000):
        waker.set()
    waker.clear()
    waker.check()
    waker.set(for_good=True)
    waker.clear()
    waker.close()
    waker.close()
    waker.set()
    with pytest.raises(Cancelled):
        waker.check()
