"""The real worker, killed, cancelled, starved and fed with values that are not finite: the job is done, and done right."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine import catalog
from engine.canvas import RasterRef, open_raster
from engine.client import Engine, Upscaled
from engine.client.process import Serve
from engine.errors import Cancelled, NotFiniteError, OutOfMemoryError
from engine.memory.cost import CostStore
from engine.messages import ModelRequest, Progress, UpscaleSettings
from engine.tiling.geometry import plan_tiles
from tests.engine.client.conftest import Runs, make_source, records_of
from tests.engine.client.real_faults import CaughtInTile, KilledAtTick, NotFinite, ShortOfMemory, own_cache
from tests.engine.client.test_client_faults import wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")
Pixels = NDArray[np.float32]
TILED = UpscaleSettings(tile_px=64, overlap_px=16, device="cpu")


def bundled(name: str) -> ModelRequest:
    entry = catalog.find_model(name, 2)
    return ModelRequest(str(entry.path), entry.scale)


@dataclass(frozen=True)
class Undisturbed:
    """A run of the shared engine, which nothing disturbs: what a disturbed one is compared with."""

    source: RasterRef
    model: ModelRequest
    pixels: Pixels
    tiles: int


@pytest.fixture(scope="module")
def whole(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """esc-fast ×2 on six tiles."""
    return undisturbed(engine, bundled("esc-fast"), tmp_path_factory.mktemp("whole"))


def undisturbed(engine: Engine, model: ModelRequest, folder: Path) -> Undisturbed:
    source = make_source(folder, 90, 130)
    upscaled = engine.upscale(source, model, TILED, folder / "canvas.raw")
    return Undisturbed(source, model, np.array(open_raster(upscaled.canvas)), upscaled.done.tiles)


@contextmanager
def runs_with(serve: Serve, whole: Undisturbed, folder: Path, **changes: object) -> Iterator[Runs]:
    """Gives the same job on an engine of its own whose worker is `serve`; costs and lessons of its own too."""
    with (
        own_cache(folder / "cache", Path(os.environ["TRIPTYCH_CACHE"])),
        Engine(cache_folder=folder / "jobs", serve_worker=serve) as engine,
    ):
        yield Runs(engine, whole.source, whole.model, replace(TILED, **changes))  # type: ignore[arg-type]


def require_each_once(upscaled: Upscaled, whole: Undisturbed, runs: Runs) -> None:
    """Nothing that was recorded has been computed a second time."""
    with runs.open() as job:
        counts = Counter((record.kind, record.index) for record in records_of(job))
    assert set(counts.values()) == {1}
    assert len([1 for kind, _ in counts if kind == "tile"]) == upscaled.done.tiles == whole.tiles


def kill_at(moments: int, seed: int, engine: Engine, whole: Undisturbed, folder: Path) -> None:
    """Kills the worker at so many random moments of as many jobs, each of which is to finish with the same bits."""
    # Two models in turn, so that each job loads one.
    other = undisturbed(engine, bundled("sscan-fast"), folder)
    victim = KilledAtTick(str(folder))
    chosen = random.Random(seed)
    with Engine(cache_folder=folder / "jobs", serve_worker=victim) as own:
        ticks: dict[ModelRequest, int] = {}
        kills = 0
        for each in itertools.cycle([whole, other]):
            runs = Runs(own, each.source, each.model, TILED)
            # The first run of each model counts its moments.
            tick = chosen.randrange(ticks[each.model]) if each.model in ticks else 10**9
            with runs.open() as job:
                job.clear()
                victim.arm(tick)
                upscaled = runs.run(job)
            left = victim.disarm()
            ticks.setdefault(each.model, tick - (left or 0))
            assert np.array_equal(open_raster(upscaled.canvas), each.pixels), f"moment {tick}"
            require_each_once(upscaled, each, runs)
            kills += left is None
            if kills == moments:
                break
    # There was something to choose from.
    assert min(ticks.values()) > 200


def test_a_worker_killed_at_two_random_moments(engine: Engine, whole: Undisturbed, tmp_path: Path) -> None:
    kill_at(2, 0, engine, whole, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_worker_killed_at_twenty_random_moments(engine: Engine, whole: Undisturbed, tmp_path: Path) -> None:
    kill_at(20, 1, engine, whole, tmp_path)


@dataclass(frozen=True)
class Felt:
    """Seconds from the cancel until the call came back, and until the worker was idle or replaced."""

    call_s: float
    worker_s: float


def cancel_in_tile(runs: Runs, marker: Path) -> Felt:
    """Runs the job and cancels it when the marker appears."""
    pressed: list[float] = []

    def press() -> None:
        wait_for(marker)
        pressed.append(time.perf_counter())
        runs.engine.cancel()

    presser = threading.Thread(target=press, daemon=True)
    presser.start()
    with runs.open() as job:
        with pytest.raises(Cancelled):
            runs.run(job)
        call_s = time.perf_counter() - pressed[0]
        drained = runs.engine._workers[0]._drained
        assert drained is not None
        drained.wait()
        worker_s = time.perf_counter() - pressed[0]
    presser.join()
    return Felt(call_s, worker_s)


@pytest.mark.parametrize("is_deaf", [False, True])
def test_a_cancel_in_a_tile_is_felt_and_the_next_call_goes_on(
    whole: Undisturbed, tmp_path: Path, is_deaf: bool
) -> None:
    marker = tmp_path / "in tile"
    with runs_with(CaughtInTile(str(marker), 2, is_deaf), whole, tmp_path) as runs:
        with runs.open() as job:
            job.clear()
        runs.engine.prepare(runs.model, runs.settings)
        process = runs.engine._workers[0].process_id
        felt = cancel_in_tile(runs, marker)
        # The promises are 0.5 and 2 s; a busy machine that runs tests is not what they are made for.
        assert felt.call_s < 5
        assert felt.worker_s < 20
        assert (runs.engine._workers[0].process_id == process) == (not is_deaf)
        with runs.open() as job:
            upscaled = runs.run(job)
        assert upscaled.done.resumed_tiles == 2
        assert np.array_equal(open_raster(upscaled.canvas), whole.pixels)
        require_each_once(upscaled, whole, runs)


OUT_OF_MEMORY = [
    ("load", "torch", 0),
    ("load", "numpy", 0),
    ("tile", "torch", 0),
    ("tile", "numpy", 3),
    ("tile", "allocator", 0, 4 * 2**20),
    ("tile", "allocator", 3, 2**20),
    ("write", "numpy", 2),
    ("blend", "numpy", 0),
]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(each, marks=[] if each in (OUT_OF_MEMORY[5], OUT_OF_MEMORY[6]) else [pytest.mark.slow])
        for each in OUT_OF_MEMORY
    ],
    ids=lambda each: "-".join(map(str, each)),
)
def test_out_of_memory_is_survived_and_nothing_is_computed_again(
    whole: Undisturbed, tmp_path: Path, fault: tuple[str, str, int]
) -> None:
    at, _, after, *_ = fault
    with runs_with(ShortOfMemory(str(tmp_path), *fault), whole, tmp_path) as runs:
        with runs.open() as job:
            upscaled = runs.run(job)
        assert (tmp_path / "ran out").exists()
        require_each_once(upscaled, whole, runs)
        pixels = open_raster(upscaled.canvas)
        lessons = [lesson for each in CostStore(tmp_path / "cache").remembered() for lesson in each.lessons]
        if at != "tile":
            # Tried again, and nothing came out differently.
            assert np.array_equal(pixels, whole.pixels)
            assert upscaled.done.different == {}
            assert lessons == []
            return
        assert upscaled.done.different == dict.fromkeys(range(after, whole.tiles), "smaller tiles")
        assert np.abs(pixels - whole.pixels).max() < 0.1
        assert np.isfinite(pixels).all()
        # The lesson is kept, and the next plan uses it.
        tile = plan_tiles(90, 130, tile_px=64, overlap_px=16, window_px=16).tiles[after]
        assert {(lesson.height, lesson.width) for lesson in lessons} == {(tile.height, tile.width)}
        planned = runs.engine.plan(runs.model, replace(TILED, tile_px="auto"), 90, 130)
        assert planned.tile_px is not None
        assert planned.tile_px**2 <= 64 * 64 / 2


def test_a_tile_of_which_no_piece_fits_ends_the_job_with_a_sentence(whole: Undisturbed, tmp_path: Path) -> None:
    with runs_with(ShortOfMemory(str(tmp_path), "pieces", "torch", 2), whole, tmp_path) as runs, runs.open() as job:
        with pytest.raises(OutOfMemoryError, match="There was not enough memory for 32 × 32 pixels of a tile"):
            runs.run(job)
        assert {record.index for record in records_of(job) if record.kind == "tile"} == {0, 1}


@pytest.mark.parametrize(
    ("precision", "notes", "expected"),
    [
        ("bf16", ("",), "fp32"),
        ("fp32", ("",), "reference"),
        pytest.param("bf16", ("", "fp32"), "reference", marks=pytest.mark.slow),
    ],
)
def test_a_tile_that_is_not_finite_is_computed_another_way(
    engine: Engine, whole: Undisturbed, tmp_path: Path, precision: str, notes: tuple[str, ...], expected: str
) -> None:
    settings = replace(TILED, precision=precision)
    planned = engine.upscale(whole.source, whole.model, settings, tmp_path / "planned.raw")
    with runs_with(NotFinite(2, notes), whole, tmp_path, precision=precision) as runs, runs.open() as job:
        upscaled = runs.run(job)
    assert upscaled.done.different == {2: expected}
    pixels, others = open_raster(upscaled.canvas), open_raster(planned.canvas)
    assert np.isfinite(pixels).all()
    # Tile 2 is the right end of the first row; left of it nothing has changed.
    assert np.array_equal(pixels[:, :160], others[:, :160])
    assert np.abs(pixels - whole.pixels).max() < 0.05


def test_a_tile_that_is_never_finite_ends_the_job_and_keeps_the_others(whole: Undisturbed, tmp_path: Path) -> None:
    with runs_with(NotFinite(2, ("", "reference")), whole, tmp_path) as runs, runs.open() as job:
        with pytest.raises(
            NotFiniteError, match=r"Tile 3 of 6 came out with values that are not finite, in fp32 too\."
        ):
            runs.run(job)
        assert {record.index for record in records_of(job) if record.kind == "tile"} == {0, 1}
        assert runs.engine._workers[0].process_id is not None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["esc-fast", "sscan-fast", "pft-fast"])
def test_how_long_a_cancel_in_a_large_tile_takes(engine: Engine, tmp_path: Path, name: str) -> None:
    """Run with `-s` for the figures; the blocks of tiles of 480 pixels take up to a second each."""
    source = make_source(tmp_path, 928, 480)
    settings = replace(TILED, tile_px=480, overlap_px=32)
    model = bundled(name)
    engine.plan(model, settings, source.height, source.width)
    process = engine._workers[0].process_id
    pressed: list[float] = []
    timers: list[threading.Timer] = []

    def press() -> None:
        pressed.append(time.perf_counter())
        engine.cancel()

    def press_later(progress: Progress) -> None:
        if not timers:
            # In the middle of the second tile, by the time that the first took.
            timers.append(threading.Timer(0.5 * (progress.tile_seconds or 0), press))
            timers[0].start()

    with pytest.raises(Cancelled):
        engine.upscale(source, model, settings, tmp_path / "canvas.raw", press_later)
    call_s = time.perf_counter() - pressed[0]
    drained = engine._workers[0]._drained
    assert drained is not None
    drained.wait()
    worker_s = time.perf_counter() - pressed[0]
    replaced = engine._workers[0].process_id != process
    print(f"{name}: call {call_s * 1000:.0f} ms, worker {'replaced' if replaced else 'idle'} after {worker_s:.2f} s")
    assert call_s < 0.5
    assert worker_s < 2
