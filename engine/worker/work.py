"""The work on one canvas: tiles and seams as the parent hands them out, and what is done when one of them fails.

Imports torch (through its neighbours), numpy, `engine.canvas`, `engine.journal`, `engine.tiling` and `engine.memory`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine import messages
from engine.canvas import open_raster
from engine.errors import HostMemoryError, NotFiniteError, OutOfMemoryError, UsageError
from engine.journal import JournalWriter
from engine.memory.planner import smaller_tile
from engine.memory.probe import PeakMemory, release_freed, trim_heap
from engine.tiling.geometry import Box, plan_tiles
from engine.tiling.run import Network, run_tiles, upscale_tile
from engine.tiling.writer import CanvasWriter
from engine.worker.faults import give_back, is_out_of_memory
from engine.worker.session import Session
from engine.workspace import WorkerLock, hold_worker_lock
from kernels import dispatch

# How often a tile is written, or a seam blended, that lacks memory for it.
_WRITE_ATTEMPTS = 3
# A tile that is put together from pieces lies in memory up to this size, beyond it in a file.
_IN_MEMORY_BYTES = 2**30
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Way:
    """One way to compute a tile: in fp32 or in the session's precision, and by which backend; `note` names what is different."""

    is_exact: bool
    backend: str
    note: str


class CanvasWork:
    """An open canvas with the session that fills it. Close it: it holds the job's writer lock."""

    def __init__(self, request: messages.OpenCanvas, session: Session) -> None:
        self.epoch = request.epoch
        self._session = session
        self._settings = request.settings
        self._folder = Path(request.canvas.path).parent
        self._served: dict[str, str] = {}
        self._peak_bytes = 0
        # The largest peak of a tile that went as planned, and that tile: what the forecast is compared with.
        self._planned_peak_bytes = 0
        self._planned_box = Box(0, 0, 0, 0)
        self._plan = request.plan
        self._forecast = session.forecast(request.settings, request.source.channels)
        # Asked now: what is not known would else be measured in the middle of a lack of memory.
        self._forecast.predicted_bytes(1, 1)
        self._has_kept_lesson = False
        self._sizes_met: set[tuple[int, int]] = set()
        self._source_hwc = open_raster(request.source)
        self._lock: WorkerLock | None = None
        if request.job_folder:
            self._lock = hold_worker_lock(Path(request.job_folder), request.writer, request.stamp)
        try:
            self._writer = self._open_writer(request)
        except BaseException:
            self._release_lock()
            raise

    @property
    def device(self) -> str:
        """The session's device."""
        return self._session.device

    def activity(self, index: int) -> str:
        """Returns what the worker does while it runs a tile, as heartbeats tell it: the first of its size may be compiled for."""
        box = self._plan.tiles[index]
        is_new = (box.height, box.width) not in self._sizes_met
        self._sizes_met.add((box.height, box.width))
        return "compiling" if is_new and self.device.startswith("cuda") else "computing"

    def run_tile(self, request: messages.RunTile) -> messages.DoneTile:
        """Computes one tile, in pieces where it does not fit, another way where it is not finite, and records it."""
        started = time.perf_counter()
        box = self._plan.tiles[request.index]
        trim_heap()
        with PeakMemory(self.device, self._session.base_bytes) as memory:
            sr_hwc, note, limit_px = self._compute(box, request)
            boxes = self._writing(partial(self._writer.write_tile, request.index, sr_hwc, note), box)
            del sr_hwc
        self._peak_bytes = max(self._peak_bytes, memory.peak_bytes)
        if not note and memory.peak_bytes > self._planned_peak_bytes:
            self._planned_peak_bytes, self._planned_box = memory.peak_bytes, box
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
        lr_box = self._plan.regions[request.region].box
        boxes = self._writing(partial(self._writer.blend_seam, request.region), lr_box)
        return messages.DoneSeam(request.epoch, request.region, boxes)

    def close(self) -> messages.DoneClose:
        """Writes what is outstanding and lets the canvas go."""
        try:
            self._writer.close()
        finally:
            self._release_lock()
        if self._planned_peak_bytes:
            box = self._planned_box
            self._forecast.finished(box.height, box.width, self._planned_peak_bytes)
        return messages.DoneClose(self.epoch, dict(self._served), self._peak_bytes, self._session.info.warnings)

    def _open_writer(self, request: messages.OpenCanvas) -> CanvasWriter:
        journal = JournalWriter(Path(request.journal_path), request.stamp)
        try:
            return CanvasWriter(self._plan, request.canvas, self._session.info.scale, journal)
        except BaseException:
            journal.close()
            raise

    def _writing(self, write: Callable[[], _T], box: Box) -> _T:
        """Calls `write`, again where memory was short: it writes the same bytes to the same places."""
        for _ in range(_WRITE_ATTEMPTS):
            try:
                return write()
            except MemoryError as error:
                give_back(error, self.device)
        raise self._no_room(box)

    def _compute(self, box: Box, request: messages.RunTile) -> tuple[NDArray[np.float32], str, int | None]:
        """Returns the tile's output, how it was done differently, and the edge of the pieces where it was cut."""
        limit_px = request.limit_px
        if limit_px is not None and limit_px >= max(box.height, box.width):
            limit_px = None
        elif limit_px is not None and not self._has_kept_lesson:
            # The parent asks for pieces because a worker ran out of memory; one that was ended for it kept no lesson.
            self._keep_lesson(box.height, box.width)
        for way in self._ways(request.backend):
            try:
                sr_hwc, limit_px = self._fitting(box, limit_px, partial(self._run, box, way))
            except FloatingPointError as error:
                give_back(error, self.device)
                continue
            notes = ("smaller tiles" if limit_px is not None else "", way.note)
            return sr_hwc, ", ".join(filter(None, notes)), limit_px
        raise NotFiniteError(
            f"Tile {request.index + 1} of {len(self._plan.tiles)} came out with values that are not finite, in fp32 too.",
            "These weights do not suit this image, or the weights file is damaged: try another model.",
        )

    def _ways(self, asked_backend: str | None) -> Iterator[_Way]:
        """Yields the ways to compute a tile, each tried where the one before gave values that are not finite."""
        backend = asked_backend or self._settings.backend
        yield _Way(False, backend, asked_backend or "")
        if self._session.precision != "fp32":
            yield _Way(True, backend, "fp32")
        if backend != "reference":
            yield _Way(True, "reference", "reference")

    def _run(self, box: Box, way: _Way, limit_px: int | None) -> NDArray[np.float32]:
        """Computes one tile one way. Raises FloatingPointError where it is not finite."""
        tile_hwc = np.ascontiguousarray(self._source_hwc[box.slices])
        network = self._session.network(self._settings.ensemble, exact=way.is_exact)
        try:
            with dispatch.use_backend(way.backend) as record:
                if limit_px is None:
                    sr_hwc = upscale_tile(tile_hwc, network, self._session.info.scale)
                else:
                    sr_hwc = self._run_in_pieces(tile_hwc, network, limit_px)
        except dispatch.BackendError as error:
            raise UsageError(str(error), "Use --backend auto.") from error
        for operator, name in record.served.items():
            self._note(operator, name)
        # Row by row: a mask of the whole would add to the peak.
        if not all(np.isfinite(row_wc).all() for row_wc in sr_hwc):
            raise FloatingPointError("a value of the tile is not finite")
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

    def _fitting(
        self, box: Box, limit_px: int | None, run: Callable[[int | None], NDArray[np.float32]]
    ) -> tuple[NDArray[np.float32], int | None]:
        """Calls `run` with smaller and smaller pieces until one fits the memory; returns its result and the edge that fitted."""
        while True:
            height, width = (box.height, box.width) if limit_px is None else (limit_px, limit_px)
            try:
                return run(limit_px), limit_px
            except Exception as error:
                # While the error still holds what the attempt held: what it lacked is lacking now.
                if not is_out_of_memory(error, self.device, self._forecast.predicted_bytes(height, width)):
                    raise
                self._keep_lesson(height, width)
                if not self.device.startswith("cuda"):
                    # What libraries make of it is unknown (`leaves_ruins`), and a process that ends gives all of its memory back.
                    raise HostMemoryError(
                        f"There was not enough memory for {width} × {height} pixels of a tile.",
                        "Close other programs, or use a smaller model (its name ends in -fast).",
                    ) from None
                give_back(error, self.device)
            limit_px = smaller_tile(
                min(height, box.height),
                min(width, box.width),
                window_px=self._session.info.window_px,
                overlap_px=self._plan.overlap_px,
            )
            if limit_px is None:
                raise self._no_room(box)

    def _keep_lesson(self, height: int, width: int) -> None:
        """Keeps that a tile of this size ran out of memory, for the plans to come."""
        self._has_kept_lesson = True
        self._forecast.ran_out(height, width)

    def _no_room(self, box: Box) -> OutOfMemoryError:
        return OutOfMemoryError(
            f"{self.device} has not enough memory for even a small piece of a tile of {box.width} × {box.height} px.",
            "Close other programs, or use a smaller model (its name ends in -fast) or --device cpu.",
        )

    def _note(self, operator: str, name: str) -> None:
        known = self._served.get(operator, "").split("+") if operator in self._served else []
        self._served[operator] = "+".join(dict.fromkeys([*known, *name.split("+")]))

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.release()
        release_freed()
