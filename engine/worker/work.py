"""The work on one canvas: tiles and seams as the parent hands them out, and what is done when one of them fails.

Imports torch (through its neighbours), numpy, `engine.canvas`, `engine.journal`, `engine.tiling` and `engine.memory`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine import messages
from engine.canvas import open_raster
from engine.errors import NotFiniteError, OutOfMemoryError, UsageError
from engine.journal import JournalWriter
from engine.memory.planner import smaller_tile
from engine.memory.probe import PeakMemory, release_freed
from engine.tiling.geometry import Box, plan_tiles
from engine.tiling.run import Network, run_tiles, upscale_tile
from engine.tiling.writer import CanvasWriter
from engine.worker.faults import give_back, is_out_of_memory
from engine.worker.session import Session
from engine.workspace import hold_worker_lock
from kernels import dispatch

_BLEND_ATTEMPTS = 3
# A tile that is put together from pieces lies in memory up to this size, beyond it in a file.
_IN_MEMORY_BYTES = 2**30
_T = TypeVar("_T")


class CanvasWork:
    """An open canvas with the session that fills it. Close it: it holds the job's writer lock."""

    def __init__(self, request: messages.OpenCanvas, session: Session) -> None:
        self.epoch = request.epoch
        self._session = session
        self._settings = request.settings
        self._folder = Path(request.canvas.path).parent
        self._served: dict[str, str] = {}
        self._peak_bytes = 0
        self._largest = Box(0, 0, 0, 0)
        self._plan = request.plan
        self._forecast = session.forecast(request.settings, request.source.channels)
        self._source_hwc = open_raster(request.source)
        self._lock = None
        if request.job_folder:
            self._lock = hold_worker_lock(Path(request.job_folder), request.writer, request.stamp)
        try:
            journal = JournalWriter(Path(request.journal_path), request.stamp)
            self._writer = CanvasWriter(self._plan, request.canvas, session.info.scale, journal)
        except BaseException:
            self._release_lock()
            raise

    def run_tile(self, request: messages.RunTile) -> messages.DoneTile:
        """Computes one tile, in pieces where it does not fit, again in fp32 where it is not finite, and records it."""
        started = time.perf_counter()
        box = self._plan.tiles[request.index]
        with PeakMemory(self._session.device, self._session.base_bytes) as memory:
            sr_hwc, note, limit_px = self._compute(box, request)
            boxes = self._writer.write_tile(request.index, sr_hwc, note)
            del sr_hwc
        if not note and memory.peak_bytes > self._peak_bytes:
            self._largest = box
        self._peak_bytes = max(self._peak_bytes, memory.peak_bytes)
        return messages.DoneTile(
            request.epoch,
            request.index,
            time.perf_counter() - started,
            boxes,
            memory.peak_bytes,
            note,
            limit_px,
        )

    def blend(self, request: messages.BlendSeam) -> messages.DoneSeam:
        """Blends one seam from the saved margins and records it."""
        for attempt in range(_BLEND_ATTEMPTS):
            try:
                return messages.DoneSeam(request.epoch, request.region, self._writer.blend_seam(request.region))
            except MemoryError as error:
                give_back(error, self._session.device)
                if attempt == _BLEND_ATTEMPTS - 1:
                    raise self._no_room(self._plan.regions[request.region].box) from None
        raise AssertionError("unreachable")

    def close(self) -> messages.DoneClose:
        """Writes what is outstanding and lets the canvas go."""
        try:
            self._writer.close()
        finally:
            self._release_lock()
        if self._largest.height:
            self._forecast.finished(self._largest.height, self._largest.width, self._peak_bytes)
        return messages.DoneClose(self.epoch, dict(self._served), self._peak_bytes, self._session.info.warnings)

    def _compute(self, box: Box, request: messages.RunTile) -> tuple[NDArray[np.float32], str, int | None]:
        """Returns the tile's output, how it was done differently, and the edge of the pieces where it was cut."""
        backend = request.backend or self._settings.backend
        note = request.backend or ""
        tile_hwc = np.ascontiguousarray(self._source_hwc[box.slices])
        network = self._session.network(self._settings.ensemble)
        sr_hwc, limit_px = self._fitting(
            box, request.limit_px, lambda limit: self._run(tile_hwc, network, backend, limit)
        )
        note = "smaller tiles" if limit_px is not None else note
        if not np.isfinite(sr_hwc).all():
            del sr_hwc
            exact = self._session.network(self._settings.ensemble, exact=True)
            # What was fp32 already can only come out differently from another backend.
            backend, note = (backend, "fp32") if self._session.precision != "fp32" else ("reference", "reference")
            sr_hwc, limit_px = self._fitting(box, limit_px, lambda limit: self._run(tile_hwc, exact, backend, limit))
            if not np.isfinite(sr_hwc).all():
                raise NotFiniteError(
                    f"Tile {request.index + 1} of {len(self._plan.tiles)} came out with values that are not finite, in fp32 too.",
                    "These weights do not suit this image, or the weights file is damaged: try another model.",
                )
        return sr_hwc, note, limit_px

    def _run(self, tile_hwc: NDArray[Any], network: Network, backend: str, limit_px: int | None) -> NDArray[np.float32]:
        scale = self._session.info.scale
        try:
            with dispatch.use_backend(backend) as record:
                if limit_px is None:
                    sr_hwc = upscale_tile(tile_hwc, network, scale)
                else:
                    sr_hwc = self._run_in_pieces(tile_hwc, network, limit_px)
        except dispatch.BackendError as error:
            raise UsageError(str(error), "Use --backend auto.") from error
        for operator, name in record.served.items():
            self._note(operator, name)
        return sr_hwc

    def _run_in_pieces(self, tile_hwc: NDArray[Any], network: Network, limit_px: int) -> NDArray[np.float32]:
        height, width, channels = tile_hwc.shape
        scale = self._session.info.scale
        plan = plan_tiles(
            height, width, tile_px=limit_px, overlap_px=self._plan.overlap_px, window_px=self._session.info.window_px
        )
        shape = (height * scale, width * scale, channels)
        sr_hwc: NDArray[np.float32]
        if 4 * np.prod(shape, dtype=np.int64) <= _IN_MEMORY_BYTES:
            sr_hwc = np.empty(shape, np.float32)
        else:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                sr_hwc = np.memmap(file, np.float32, "w+", shape=shape)
        run_tiles(plan, tile_hwc, sr_hwc, network, scale)
        return sr_hwc

    def _fitting(self, box: Box, limit_px: int | None, run: Callable[[int | None], _T]) -> tuple[_T, int | None]:
        """Calls `run` with smaller and smaller pieces until one fits the memory; returns its result and the edge that fitted."""
        device = self._session.device
        while True:
            height, width = (box.height, box.width) if limit_px is None else (limit_px, limit_px)
            try:
                return run(limit_px), limit_px
            except Exception as error:
                if not is_out_of_memory(error, device, self._forecast.cost().peak_bytes(height, width)):
                    raise
                self._forecast.ran_out(height, width)
                give_back(error, device)
            limit_px = smaller_tile(
                min(height, box.height),
                min(width, box.width),
                window_px=self._session.info.window_px,
                overlap_px=self._plan.overlap_px,
            )
            if limit_px is None:
                raise self._no_room(box)

    def _no_room(self, box: Box) -> OutOfMemoryError:
        return OutOfMemoryError(
            f"{self._session.device} has not enough memory for even a small piece of a tile of {box.width} × {box.height} px.",
            "Close other programs, or use a smaller model (its name ends in -fast) or --device cpu.",
        )

    def _note(self, operator: str, name: str) -> None:
        known = self._served.get(operator, "").split("+") if operator in self._served else []
        self._served[operator] = "+".join(dict.fromkeys([*known, *name.split("+")]))

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
        release_freed()
