"""An engine without processes or models, for tests of the window: same methods, same errors, steps on command.

Reads and writes images with OpenCV, enlarges with its bicubic, tile by tile; a test can hold it at every tile.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from engine.canvas import RasterRef, create_raster, open_raster
from engine.catalog import CatalogEntry
from engine.client import JobOrigin, Upscaled
from engine.errors import Cancelled, InputError, OutputError, TriptychError
from engine.job_header import Conditions, JobHeader
from engine.messages import (
    DoneDecode,
    DoneEncode,
    DonePlan,
    DonePrepare,
    DoneUpscale,
    EncodeOptions,
    ImageInfo,
    ModelInfo,
    ModelRequest,
    Progress,
    SheetPane,
    UpscaleSettings,
    WorkerMemory,
)
from engine.tiling.geometry import Box, plan_tiles
from engine.workspace import JobFolder, job_id, open_job

TILE_PX = 32


class Controls:
    """What a test decides: whether tiles wait for `release`, and what fails. Shared by all engines of a bridge."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tile_px = TILE_PX
        self.seconds_per_tile = 0.5
        self.holds_tiles = False
        self.holds_prepare = False
        self.device = "cpu"
        self.upscale_error: TriptychError | Exception | None = None
        self.decode_warnings: tuple[str, ...] = ()
        self.plan_warnings: tuple[str, ...] = ()
        self.views: list[Box | None] = []
        self.sheets: list[tuple[tuple[tuple[str, ...], ...], int, int, str]] = []
        self.engines: list[FakeEngine] = []
        self.calls: list[str] = []
        self._permits = threading.Semaphore(0)

    def release(self, tiles: int = 1) -> None:
        """Lets so many held steps go on."""
        self._permits.release(tiles)

    def make_engine(self, on_memory: Callable[[WorkerMemory], None]) -> FakeEngine:
        """Returns an engine under these controls."""
        engine = FakeEngine(self, on_memory)
        self.engines.append(engine)
        return engine

    def wait(self, cancelled: threading.Event) -> None:
        """Blocks until a step is released or the call is cancelled."""
        while not self._permits.acquire(timeout=0.005):
            if cancelled.is_set():
                raise Cancelled("Cancelled.")


class FakeEngine:
    """Stands in for `engine.client.Engine`."""

    def __init__(self, controls: Controls, on_memory: Callable[[WorkerMemory], None]) -> None:
        self._controls = controls
        self._on_memory = on_memory
        self._cancelled = threading.Event()
        self.is_closed = False
        self.threads: set[str] = set()

    def _begin(self, call: str) -> None:
        self._cancelled.clear()
        self._controls.calls.append(call)
        self.threads.add(threading.current_thread().name)

    def decode(self, path: Path, raster_path: Path) -> DoneDecode:
        """Reads an image file."""
        self._begin("decode")
        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise InputError(
                f"{path.name} is not an image that can be read.", "Open it in another program and save it as PNG."
            )
        image = image[:, :, None] if image.ndim == 2 else image
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[image.shape[2]]
        height, width, channels = image.shape
        raster = RasterRef(str(raster_path), height, width, channels, str(image.dtype))
        create_raster(raster)[:] = image[:, :, order]
        depth = 8 if image.dtype == np.uint8 else 16
        info = ImageInfo(str(path), "png", height, width, channels, depth, warnings=self._controls.decode_warnings)
        return DoneDecode(0, info, raster)

    def prepare(self, model: ModelRequest, settings: UpscaleSettings) -> DonePrepare:
        """Says what the model is."""
        self._begin("prepare")
        if self._controls.holds_prepare:
            self._controls.wait(self._cancelled)
        return DonePrepare(0, self._info(model), self._controls.device, "fp32")

    def plan(
        self, model: ModelRequest, settings: UpscaleSettings, height: int, width: int, channels: int = 3
    ) -> DonePlan:
        """Says what a run would take: a kilobyte a pixel of the largest tile."""
        self._begin("plan")
        edge = self._controls.tile_px if settings.tile_px == "auto" else settings.tile_px
        tiles = len(
            plan_tiles(height, width, tile_px=edge, overlap_px=settings.overlap_px if edge else 0, window_px=1).tiles
        )
        needed = 1024 * min(edge or height, height) * min(edge or width, width)
        warnings = self._controls.plan_warnings
        prepared = DonePrepare(0, self._info(model), "cpu", "fp32")
        return DonePlan(0, prepared, edge, settings.overlap_px, tiles, needed, 2**30, 2**31, 0.1, warnings)

    def examine(self) -> dict[str, Any]:
        """Finds a processor and no GPU."""
        self._begin("examine")
        cpu = {
            "device": "cpu",
            "name": "CPU",
            "threads": 2,
            "memory_total_bytes": 8 << 30,
            "memory_free_bytes": 4 << 30,
        }
        why = "This torch is a CPU build. Install the CUDA build to use the GPU."
        return {"device": "cpu", "why_no_gpu": why, "devices": [cpu], "backends": {}}

    def look_at(self, lr_view: Box | None) -> None:
        """Notes what is in view."""
        self._controls.views.append(lr_view)

    def upscale(
        self,
        source: RasterRef,
        model: ModelRequest,
        settings: UpscaleSettings,
        canvas_path: Path,
        on_progress: Callable[[Progress], None] | None = None,
        on_canvas: Callable[[RasterRef], None] | None = None,
        *,
        job: JobFolder | None = None,
        origin: JobOrigin | None = None,
    ) -> Upscaled:
        """Enlarges by bicubic, a tile at a time; with `job`, leaves a header there before the first one."""
        self._begin("upscale")
        if self._controls.upscale_error is not None:
            raise self._controls.upscale_error
        scale = model.scale or 4
        canvas = RasterRef(str(canvas_path), source.height * scale, source.width * scale, source.channels, "float32")
        pixels = create_raster(canvas)
        if job is not None and origin is not None and job.header is None:
            job.write_header(self._header(source, model, origin))
        if on_canvas is not None:
            on_canvas(canvas)
        top = {"uint8": 255.0, "uint16": 65535.0}[source.dtype]
        lr_hwc = np.asarray(open_raster(source), dtype=np.float32) / top
        sr_hwc = cv2.resize(lr_hwc, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        sr_hwc = sr_hwc.reshape(pixels.shape)
        edge = self._controls.tile_px
        boxes = [
            Box(top, left, min(edge, source.height - top), min(edge, source.width - left)).scaled(scale)
            for top in range(0, source.height, edge)
            for left in range(0, source.width, edge)
        ]
        for index, box in enumerate(boxes, 1):
            if self._controls.holds_tiles:
                self._controls.wait(self._cancelled)
            pixels[box.slices] = sr_hwc[box.slices]
            self._on_memory(WorkerMemory(time.monotonic(), os.getpid(), "cpu", index * 2**20, None, 2**20))
            seconds = index * self._controls.seconds_per_tile
            if on_progress is not None:
                on_progress(Progress(0, index, len(boxes), seconds, (box,), tile_peak_bytes=index * 2**20))
        seconds = len(boxes) * self._controls.seconds_per_tile
        done = DoneUpscale(0, len(boxes), edge, 0, "cpu", "fp32", {"window_attention": "reference"}, seconds, 2**20)
        return Upscaled(canvas, self._info(model), done)

    def encode(self, canvas: RasterRef, source: ImageInfo, path: Path, options: EncodeOptions) -> DoneEncode:
        """Writes the canvas; on a clash the next free number is taken."""
        self._begin("encode")
        if not path.parent.is_dir():
            raise OutputError(f"There is no folder {path.parent}.", "Choose another with --output.")
        number, target = 1, path
        while target.exists() and not options.overwrite:
            target = path.with_name(f"{path.stem}_{number}{path.suffix}")
            number += 1
        image = np.rint(np.clip(open_raster(canvas), 0, 1) * 255).astype(np.uint8)
        order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[canvas.channels]
        cv2.imwrite(str(target), image[:, :, order])
        return DoneEncode(0, str(target), canvas.height, canvas.width)

    def write_sheet(
        self, panes: Sequence[SheetPane], pane_height: int, pane_width: int, path: Path, heading: str
    ) -> DoneEncode:
        """Writes the panes beside each other, in their own size, and keeps what was asked."""
        self._begin("sheet")
        if not path.parent.is_dir():
            raise OutputError(f"There is no folder {path.parent}.", "Choose another with --output.")
        self._controls.sheets.append(
            (tuple((pane.title, *pane.lines) for pane in panes), pane_height, pane_width, heading)
        )
        for pane in panes:
            assert Path(pane.raster.path).stat().st_size
        path.write_bytes(b"sheet")
        return DoneEncode(0, str(path), pane_height, pane_width * len(panes))

    @property
    def jobs_folder(self) -> Path:
        """Where jobs lie that can be resumed."""
        return self._controls.folder / "jobs"

    def open_job(self, identity: dict[str, Any]) -> JobFolder:
        """Returns the locked folder of a job."""
        return open_job(self.jobs_folder, job_id(identity))

    def changes_since(self, header: JobHeader, model: ModelRequest, settings: UpscaleSettings) -> tuple[str, ...]:
        """Says that nothing has changed."""
        return ()

    def _header(self, source: RasterRef, model: ModelRequest, origin: JobOrigin) -> JobHeader:
        edge = self._controls.tile_px
        return JobHeader.begin(
            plan_tiles(source.height, source.width, tile_px=edge, overlap_px=0, window_px=1),
            source,
            window_px=1,
            scale=model.scale or 4,
            weights=model.weights,
            weights_sha256=self._info(model).sha256,
            model=origin.label,
            conditions=Conditions("fp32", "cpu", 1, False),
            input_file=origin.input_file,
            client=origin.client,
        )

    def new_folder(self) -> Path:
        """Returns a new folder for rasters."""
        return Path(tempfile.mkdtemp(dir=self._controls.folder))

    def cancel(self) -> None:
        """Ends a held call."""
        self._cancelled.set()

    def close(self) -> None:
        """Ends a held call for good."""
        self._cancelled.set()
        self.is_closed = True

    def _info(self, model: ModelRequest) -> ModelInfo:
        name = Path(model.weights).stem.partition("_")[0]
        return ModelInfo("ESC", name, model.scale or 4, 16, 136_000, "0" * 64)


def catalog() -> list[CatalogEntry]:
    """Returns a small catalog: `esc-fast` at ×2 and ×4, `sscan-fast` at ×2, `pft-light` at ×4."""
    words = {
        "esc": "Quick and even: one shared large kernel.",
        "sscan": "Repeated patterns: windows look at windows like themselves.",
        "pft": "Fine structure: attention that narrows from layer to layer.",
    }
    offer = (("esc-fast", 2), ("esc-fast", 4), ("pft-light", 4), ("sscan-fast", 2))
    return [
        CatalogEntry(
            name=name,
            scale=scale,
            path=Path(f"{name}_x{scale}.safetensors"),
            architecture=name.partition("-")[0].upper(),
            family=name.partition("-")[0],
            parameter_count=136_000 * scale,
            source="bundled",
            description=words[name.partition("-")[0]],
            psnr={"Set5": 40.0 - 2 * scale},
        )
        for name, scale in offer
    ]
