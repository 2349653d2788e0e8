"""The parent's half with real processes: they die, are cancelled, and come back; nothing stays behind."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from engine import catalog
from engine.canvas import RasterRef, create_raster, open_raster
from engine.client import Engine
from engine.errors import Cancelled, CheckpointError
from engine.messages import ModelRequest, Progress, UpscaleSettings

SETTINGS = UpscaleSettings(tile_px=64, overlap_px=16)


@pytest.fixture
def model() -> ModelRequest:
    entry = catalog.find_model("esc", 2)
    return ModelRequest(str(entry.path), entry.scale)


def raster(folder: Path, height: int = 70, width: int = 90) -> RasterRef:
    reference = RasterRef(str(folder / "source.raw"), height, width, 3, "uint8")
    create_raster(reference)[:] = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return reference


def test_progress_covers_the_canvas_and_ends_whole(engine: Engine, model: ModelRequest, tmp_path: Path) -> None:
    events: list[Progress] = []
    told: list[RasterRef] = []
    upscaled = engine.upscale(raster(tmp_path), model, SETTINGS, tmp_path / "c.raw", events.append, told.append)
    assert told == [upscaled.canvas]
    assert sorted({event.tiles_done for event in events}) == list(range(1, upscaled.done.tiles + 1))
    assert [event.tiles_done for event in events] == sorted(event.tiles_done for event in events)
    assert sum(box.height * box.width for event in events for box in event.sr_boxes) == 140 * 180
    assert np.isfinite(open_raster(upscaled.canvas)).all()


def test_two_runs_give_equal_bits(engine: Engine, model: ModelRequest, tmp_path: Path) -> None:
    source = raster(tmp_path)
    canvases = [engine.upscale(source, model, SETTINGS, tmp_path / name).canvas for name in ("a.raw", "b.raw")]
    assert np.array_equal(open_raster(canvases[0]), open_raster(canvases[1]))


def test_a_killed_worker_is_replaced_and_the_bits_are_the_same(
    engine: Engine, model: ModelRequest, tmp_path: Path
) -> None:
    source = raster(tmp_path)
    undisturbed = engine.upscale(source, model, SETTINGS, tmp_path / "a.raw")
    kills = []

    def kill_worker(progress: Progress) -> None:
        if progress.tiles_done == 2 and not kills:
            kills.append(engine._workers[0].process_id)
            engine.restart_workers()

    disturbed = engine.upscale(source, model, SETTINGS, tmp_path / "b.raw", kill_worker)
    assert kills
    assert engine._workers[0].process_id != kills[0]
    assert np.array_equal(open_raster(undisturbed.canvas), open_raster(disturbed.canvas))


def test_two_workers_share_the_tiles_of_one_job(engine: Engine, model: ModelRequest, tmp_path: Path) -> None:
    source = raster(tmp_path)
    alone = engine.upscale(source, model, SETTINGS, tmp_path / "a.raw")
    shared = engine.upscale(source, model, replace(SETTINGS, device="cpu,cpu"), tmp_path / "b.raw")
    assert shared.done.device == "cpu,cpu"
    assert np.array_equal(open_raster(alone.canvas), open_raster(shared.canvas))


def test_cancel_from_another_thread_ends_the_call_and_the_next_one_works(
    engine: Engine, model: ModelRequest, tmp_path: Path
) -> None:
    source = raster(tmp_path)

    def cancel_soon(_: Progress) -> None:
        threading.Thread(target=engine.cancel).start()

    with pytest.raises(Cancelled):
        engine.upscale(source, model, SETTINGS, tmp_path / "a.raw", cancel_soon)
    assert engine.upscale(source, model, SETTINGS, tmp_path / "b.raw").done.tiles > 1


def test_a_cancel_between_preparing_and_running_counts(engine: Engine, model: ModelRequest, tmp_path: Path) -> None:
    source = raster(tmp_path)
    with pytest.raises(Cancelled):
        engine.upscale(source, model, SETTINGS, tmp_path / "a.raw", on_canvas=lambda _: engine.cancel())
    assert engine.upscale(source, model, SETTINGS, tmp_path / "b.raw").done.tiles > 1


def test_an_error_in_the_worker_leaves_it_running(engine: Engine, model: ModelRequest, tmp_path: Path) -> None:
    engine.prepare(model, SETTINGS)
    process = engine._workers[0].process_id
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        engine.prepare(ModelRequest(str(tmp_path / "nothing.pth")), SETTINGS)
    assert engine._workers[0].process_id == process
    assert engine.prepare(model, SETTINGS).info.scale == 2


def test_close_ends_processes_threads_and_working_images(tmp_path: Path, picture_png: Path) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    threads = threading.active_count()
    with Engine(cache_folder=tmp_path / "cache") as own:
        folder = own.new_folder()
        own.decode(picture_png, folder / "p.raw")
        assert {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before
    assert threading.active_count() == threads
    assert list((tmp_path / "cache" / "jobs").iterdir()) == []


def test_working_images_of_a_run_that_died_are_cleaned_up(tmp_path: Path) -> None:
    gone = next(pid for pid in range(4_000_000, 5_000_000) if not psutil.pid_exists(pid))
    for owner in (gone, os.getppid()):
        (tmp_path / "jobs" / f"{owner}-x").mkdir(parents=True)
    with Engine(cache_folder=tmp_path) as own:
        own.new_folder()
        left = {path.name for path in (tmp_path / "jobs").iterdir()}
    assert f"{gone}-x" not in left
    assert f"{os.getppid()}-x" in left
