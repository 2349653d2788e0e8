"""Workers that crash, hang, lie and flood, in every state: the job goes on or ends with a sentence, and the next one runs."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.canvas import RasterRef, open_raster
from engine.client import Engine, Patience, Stalled
from engine.errors import (
    Cancelled,
    CheckpointError,
    NotFiniteError,
    OutOfMemoryError,
    StuckError,
    WorkerError,
)
from engine.messages import Progress
from tests.engine.client.conftest import MODEL, SETTINGS, SHORT, MakeEngine, Runs, records_of
from tests.engine.client.fake_worker import Fault, requests_met

posix = pytest.mark.skipif(os.name == "nt", reason="signals")
Pixels = NDArray[np.float32]


def finish(engine: Engine, source: RasterRef, folder: Path) -> Pixels:
    """Runs a job to its end and returns the canvas."""
    return np.array(open_raster(engine.upscale(source, MODEL, SETTINGS, folder / "canvas.raw").canvas))


def require_next_job(engine: Engine, source: RasterRef, folder: Path, undisturbed: Pixels) -> None:
    assert np.array_equal(finish(engine, source, folder), undisturbed)


def pairs(default: list[tuple[str, str]], ats: str, hows: str) -> list[object]:
    """Returns every pair of a stage and a fault (lists of names with commas); those that are not default are slow."""
    every = [(at, how) for at in ats.split(", ") for how in hows.split(", ")]
    return [pytest.param(*pair, marks=[] if pair in default else [pytest.mark.slow]) for pair in every]


DEATHS = [(at, "die") for at in ("start", "plan", "open", "tile", "seam", "close")] + [
    ("tile", "exit"),
    ("open", "die late"),
    ("tile", "die late"),
]


@posix
@pytest.mark.parametrize(("at", "how"), pairs(DEATHS, "start, plan, open, tile, seam, close", "die, exit, die late"))
def test_a_worker_that_dies_once_is_replaced_and_the_bits_are_the_same(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str, how: str
) -> None:
    engine = faulty(Fault(at, how))
    require_next_job(engine, source, tmp_path, undisturbed)
    assert (tmp_path / "faults" / "fault.0.0").exists()
    require_next_job(engine, source, tmp_path, undisturbed)


@posix
def test_what_was_recorded_before_a_death_is_not_computed_again(
    faulty: MakeEngine, source: RasterRef, undisturbed: Pixels
) -> None:
    runs = Runs(faulty(Fault("tile", "die late", 2), Fault("seam", "die late")), source)
    with runs.open() as job:
        events: list[Progress] = []
        upscaled = runs.run(job, events.append)
        assert np.array_equal(open_raster(upscaled.canvas), undisturbed)
        assert set(Counter((record.kind, record.index) for record in records_of(job)).values()) == {1}
    assert sum(box.height * box.width for event in events for box in event.sr_boxes) == 100 * 140
    assert [event.tiles_done for event in events][-1] == upscaled.done.tiles
    assert any("was replaced" in warning for warning in upscaled.done.warnings)


@pytest.mark.parametrize("at", ["plan", "open", "tile", "seam", "close"])
def test_a_silent_worker_is_reported_once_and_replaced(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str
) -> None:
    engine = faulty(Fault(at, "fall silent"))
    told: list[Stalled] = []
    engine.on_stalled = told.append
    if at == "plan":
        # Nothing is lost by then: whoever asked is told, and asks again.
        with pytest.raises(StuckError, match="made no progress for 2 s"):
            finish(engine, source, tmp_path)
    else:
        require_next_job(engine, source, tmp_path, undisturbed)
    # While it opens its canvas it loads the model, which may be silent for long.
    assert [(each.device, each.activity) for each in told] == ([] if at == "open" else [("cpu", "computing")])
    require_next_job(engine, source, tmp_path, undisturbed)


@posix
@pytest.mark.parametrize("at", ["open", "tile", "close"])
def test_a_frozen_process_is_replaced(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str
) -> None:
    require_next_job(faulty(Fault(at, "freeze")), source, tmp_path, undisturbed)


def test_a_worker_that_never_starts_is_given_up(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    fault = Fault("start", "fall silent")
    engine = faulty(fault, patience=Patience(start_s=1.0, look_s=0.05))
    with pytest.raises(WorkerError, match="did not start within 1 s"):
        finish(engine, source, tmp_path)
    require_next_job(faulty(fault), source, tmp_path, undisturbed)


def test_restart_workers_lets_a_stalled_job_go_on(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    # Three times: what the person restarts does not count as a death of the tile.
    engine = faulty(Fault("tile", "fall silent", 3, times=3), patience=Patience(stalled_s=0.7, look_s=0.05))
    restarts = []

    def restart(stalled: Stalled) -> None:
        restarts.append(stalled.seconds)
        threading.Thread(target=engine.restart_workers).start()

    engine.on_stalled = restart
    require_next_job(engine, source, tmp_path, undisturbed)
    assert len(restarts) == 3
    assert min(restarts) > 0.7


LIES = [("start", "garbage"), ("plan", "nonsense"), ("open", "garbage"), ("tile", "nonsense"), ("close", "nonsense")]


@pytest.mark.parametrize(("at", "how"), pairs(LIES, "start, plan, open, tile, seam, close", "nonsense, garbage"))
def test_a_worker_that_lies_ends_the_job_with_a_sentence(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str, how: str
) -> None:
    engine = faulty(Fault(at, how))
    with pytest.raises(WorkerError, match="in a way this version does not understand"):
        finish(engine, source, tmp_path)
    require_next_job(engine, source, tmp_path, undisturbed)


def test_a_worker_of_another_version_is_refused(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty(Fault("start", "wrong version"))
    with pytest.raises(WorkerError, match="does not understand"):
        finish(engine, source, tmp_path)
    require_next_job(engine, source, tmp_path, undisturbed)


def test_an_answer_about_another_tile_is_not_believed(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty(Fault("tile", "wrong tile", 1))
    with pytest.raises(WorkerError, match="does not understand"):
        finish(engine, source, tmp_path)
    require_next_job(engine, source, tmp_path, undisturbed)


@pytest.mark.parametrize("at", ["open", "tile", "close"])
def test_an_answer_to_another_request_is_dropped_and_the_silence_after_it_noticed(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str
) -> None:
    require_next_job(faulty(Fault(at, "wrong epoch")), source, tmp_path, undisturbed)


DEAF = [("plan", "work on"), ("open", "fall silent"), ("tile", "flood"), ("tile", "work on")]


@pytest.mark.parametrize(("at", "how"), pairs(DEAF, "plan, open, tile", "flood, work on, fall silent"))
def test_a_worker_that_does_not_come_back_from_a_cancel_is_replaced(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str, how: str
) -> None:
    engine = faulty(Fault(at, how), patience=Patience(soft_cancel_s=0.3))
    marker = tmp_path / "faults" / "fault.0.0"
    canceller = threading.Thread(target=lambda: (wait_for(marker), engine.cancel()), daemon=True)
    canceller.start()
    with pytest.raises(Cancelled):
        finish(engine, source, tmp_path)
    canceller.join()
    require_next_job(engine, source, tmp_path, undisturbed)


def wait_for(path: Path) -> None:
    """Returns when the file exists; the test's timeout ends it where that never happens."""
    pause = threading.Event()
    while not path.exists():
        pause.wait(0.005)


@posix
def test_two_deaths_in_one_tile_end_the_job_and_keep_what_is_done(
    faulty: MakeEngine, source: RasterRef, undisturbed: Pixels
) -> None:
    runs = Runs(faulty(Fault("tile", "die", 4, times=2)), source)
    with runs.open() as job:
        with pytest.raises(
            WorkerError, match=r"The worker died twice in tile 5 of 6\. .*ended unexpectedly \(killed by SIGKILL\)"
        ):
            runs.run(job)
        done = {record.index for record in records_of(job) if record.kind == "tile"}
        assert done == {0, 1, 2, 3}
        upscaled = runs.run(job)
        assert upscaled.done.resumed_tiles == 4
        assert np.array_equal(open_raster(upscaled.canvas), undisturbed)


@posix
def test_a_death_in_each_tile_does_not_end_the_job(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty(*(Fault("tile", "die", index) for index in range(6)))
    require_next_job(engine, source, tmp_path, undisturbed)


@posix
def test_a_worker_that_dies_whenever_it_opens_its_canvas_ends_the_job(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty(Fault("open", "die", times=2))
    with pytest.raises(WorkerError, match="killed by SIGKILL"):
        finish(engine, source, tmp_path)
    require_next_job(engine, source, tmp_path, undisturbed)


@posix
@pytest.mark.parametrize(
    ("at", "kind", "sentence"),
    [
        ("start", WorkerError, "The worker process cannot be started"),
        ("prepare", CheckpointError, r"no\.safetensors: the worker ended while it loaded these weights"),
    ],
)
def test_a_worker_that_always_dies_is_named_with_what_it_did(
    faulty: MakeEngine, at: str, kind: type[WorkerError], sentence: str
) -> None:
    engine = faulty(Fault(at, "die", times=2))
    with pytest.raises(kind, match=sentence) as caught:
        engine.prepare(MODEL, SETTINGS)
    assert type(caught.value) is kind
    assert engine.prepare(MODEL, SETTINGS).info.scale == 2


@posix
def test_a_death_for_lack_of_memory_makes_the_tiles_smaller(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    engine = faulty(Fault("tile", "die", 2), count_oom_kills=Kills(tmp_path / "faults" / "fault.0.0"))
    done = engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw").done
    # The tiles after it are not tried whole either.
    assert done.different == dict.fromkeys(range(2, 6), "smaller tiles")


class Kills:
    """Counts one death for lack of memory as soon as the file exists."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self) -> int:
        return 7 + self._file.exists()


def test_a_worker_that_is_refused_memory_is_replaced_and_gets_smaller_pieces(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    engine = faulty(Fault("tile", "refused memory", 2))
    done = engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw").done
    assert done.different == dict.fromkeys(range(2, 6), "smaller tiles")
    tiles = [(process, index) for process, at, index in requests_met(tmp_path / "faults") if at == "tile"]
    assert [index for _, index in tiles] == [0, 1, 2, 2, 3, 4, 5]
    assert len({process for process, _ in tiles}) == 2


def test_a_worker_that_is_refused_memory_for_every_piece_ends_the_job(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty(Fault("tile", "refused memory", 2, times=2))
    with pytest.raises(OutOfMemoryError, match="refused memory at tile"):
        finish(engine, source, tmp_path)
    require_next_job(engine, source, tmp_path, undisturbed)


@posix
def test_two_deaths_for_lack_of_memory_say_so(faulty: MakeEngine, source: RasterRef, tmp_path: Path) -> None:
    faults = tmp_path / "faults"
    engine = faulty(
        Fault("tile", "die", 2, times=2),
        count_oom_kills=lambda: len(list(faults.glob("fault.0.*"))),
    )
    with pytest.raises(WorkerError, match=r"died twice in tile 3 of 6\. The system was out of memory\."):
        engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw")


@posix
def test_a_death_beside_somebody_elses_for_lack_of_memory_is_not_taken_for_one(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    engine = faulty(Fault("tile", "exit", 2), count_oom_kills=Kills(tmp_path / "faults" / "fault.0.0"))
    assert engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw").done.different == {}


@posix
def test_weights_that_exhaust_the_system_are_not_called_damaged(faulty: MakeEngine, tmp_path: Path) -> None:
    faults = tmp_path / "faults"
    engine = faulty(Fault("prepare", "die", times=2), count_oom_kills=lambda: len(list(faults.glob("fault.0.*"))))
    with pytest.raises(OutOfMemoryError, match=r"no\.safetensors: the system was out of memory"):
        engine.prepare(MODEL, SETTINGS)


def test_a_lost_context_gets_a_new_worker_and_the_reference(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path
) -> None:
    engine = faulty(Fault("tile", "context lost", 3))
    done = engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw").done
    assert done.different == {3: "reference"}
    tiles = [(process, index) for process, at, index in requests_met(tmp_path / "faults") if at == "tile"]
    assert [index for _, index in tiles] == [0, 1, 2, 3, 3, 4, 5]
    assert len({process for process, _ in tiles}) == 2


def test_a_context_lost_twice_in_a_tile_ends_the_job(
    faulty: MakeEngine, source: RasterRef, undisturbed: Pixels
) -> None:
    runs = Runs(faulty(Fault("tile", "context lost", 3, times=2)), source)
    with runs.open() as job:
        with pytest.raises(WorkerError, match=r"died twice in tile 4 of 6\. context lost at tile"):
            runs.run(job)
        assert runs.run(job).done.resumed_tiles == 3


@pytest.mark.parametrize("at", ["plan", "open", "seam", "close"])
def test_a_context_lost_elsewhere_gets_a_new_worker(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, at: str
) -> None:
    engine = faulty(Fault(at, "context lost"))
    require_next_job(engine, source, tmp_path, undisturbed)


def test_an_error_ends_the_job_and_neither_the_worker_nor_the_canvas(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    runs = Runs(faulty(Fault("tile", "not finite", 3)), source)
    with runs.open() as job:
        with pytest.raises(NotFiniteError, match="not finite at tile"):
            runs.run(job)
        assert np.array_equal(open_raster(runs.run(job).canvas), undisturbed)
    assert len({process for process, _, _ in requests_met(tmp_path / "faults")}) == 1


@posix
@pytest.mark.parametrize("how", ["die", "out of memory", "context lost"])
def test_one_of_two_workers_may_fail_for_good(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels, how: str
) -> None:
    engine = faulty(Fault("open", how, device="cuda:9", times=9))
    runs = Runs(engine, source).on("cpu,cuda:9")
    with runs.open() as job:
        upscaled = runs.run(job)
    assert np.array_equal(open_raster(upscaled.canvas), undisturbed)
    # Where the other finished before, nothing needs to be said.
    if len(list((tmp_path / "faults").glob("fault.*"))) > 1 or how == "out of memory":
        assert all("cuda:9" in warning for warning in upscaled.done.warnings)


@posix
def test_a_tile_that_one_device_cannot_hold_goes_to_the_other(
    faulty: MakeEngine, source: RasterRef, undisturbed: Pixels
) -> None:
    engine = faulty(Fault("tile", "out of memory", device="cuda:9", times=9))
    runs = Runs(engine, source).on("cpu,cuda:9")
    with runs.open() as job:
        upscaled = runs.run(job)
        assert np.array_equal(open_raster(upscaled.canvas), undisturbed)
        assert Counter(record.kind for record in records_of(job))["tile"] == 6


@posix
def test_a_worker_killed_between_two_jobs_is_noticed_before_the_next(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    engine = faulty()
    for _ in range(3):
        require_next_job(engine, source, tmp_path, undisturbed)
        process = engine._workers[0].process_id
        assert process is not None
        os.kill(process, signal.SIGKILL)


def test_slow_callers_do_not_make_a_worker_look_stuck(
    faulty: MakeEngine, source: RasterRef, tmp_path: Path, undisturbed: Pixels
) -> None:
    # The worker answers and waits while nobody reads for longer than silence is allowed.
    engine = faulty()
    told: list[Stalled] = []
    engine.on_stalled = told.append
    blocked = threading.Event()

    def block(progress: Progress) -> None:
        if progress.tiles_done == 1:
            blocked.wait(SHORT.stuck_s * 1.5)

    done = engine.upscale(source, MODEL, SETTINGS, tmp_path / "canvas.raw", block).done
    assert not told
    assert not done.warnings
