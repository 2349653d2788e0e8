"""Engines on workers that misbehave as told, an input for them, and what an undisturbed run makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.canvas import RasterRef, create_raster, open_raster
from engine.client import Engine, JobOrigin, Patience, Upscaled
from engine.job_header import InputFile
from engine.journal import Record, read_journal
from engine.messages import ModelRequest, Progress, UpscaleSettings
from engine.workspace import JobFolder
from tests.engine.client.fake_worker import FakeWorker, Fault

MODEL = ModelRequest("no.safetensors", 2)
SETTINGS = UpscaleSettings(tile_px=32, overlap_px=8, device="cpu")
# Silence, of a worker that beats ten times a second, is told and ended soon.
SHORT = Patience(stalled_s=0.7, stuck_s=1.5, loading_s=1.5, io_silence_s=1.5, soft_cancel_s=0.5, look_s=0.05)

MakeEngine = Callable[..., Engine]


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[MakeEngine]:
    """Makes engines on fake workers: faulty(Fault(...), ..., patience=..., count_oom_kills=...)."""
    folder = tmp_path / "faults"
    folder.mkdir()
    with ExitStack() as engines:

        def make(*faults: Fault, patience: Patience = SHORT, **rest: Any) -> Engine:
            worker = FakeWorker(str(folder), faults)
            engine = Engine(cache_folder=tmp_path / "cache", serve_worker=worker, patience=patience, **rest)
            return engines.enter_context(engine)

        yield make


def make_source(folder: Path, height: int = 50, width: int = 70, name: str = "source.raw") -> RasterRef:
    reference = RasterRef(str(folder / name), height, width, 3, "uint8")
    create_raster(reference)[:] = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return reference


@pytest.fixture
def source(tmp_path: Path) -> RasterRef:
    """An input of six tiles and seven seams."""
    return make_source(tmp_path)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float32]:
    """What a fake worker makes of the source where nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with Engine(cache_folder=folder / "cache", serve_worker=FakeWorker(str(folder))) as engine:
        upscaled = engine.upscale(make_source(folder), MODEL, SETTINGS, folder / "canvas.raw")
    return np.array(open_raster(upscaled.canvas))


@dataclass(frozen=True)
class Runs:
    """A job in a folder of its own, run and run again."""

    engine: Engine
    source: RasterRef
    model: ModelRequest = MODEL
    settings: UpscaleSettings = SETTINGS

    def open(self) -> JobFolder:
        """Returns the job's folder, locked."""
        return self.engine.open_job({"source": self.source.path, "settings": self.settings.tile_px})

    def run(self, job: JobFolder, on_progress: Callable[[Progress], None] | None = None) -> Upscaled:
        """Begins the job, or goes on with it."""
        origin = JobOrigin(InputFile.of(Path(self.source.path)), "model", {})
        return self.engine.upscale(
            self.source, self.model, self.settings, job.canvas_path, on_progress, job=job, origin=origin
        )

    def on(self, device: str) -> Runs:
        """Returns the same job on other devices."""
        return replace(self, settings=replace(self.settings, device=device))


def records_of(job: JobFolder) -> list[Record]:
    """Returns all records of a job."""
    assert job.header is not None
    return [record for path in job.journals() for record in read_journal(path, job.header.stamp)]
