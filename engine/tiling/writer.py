"""Writes tiles and seams into the canvas file, each with its record in the journal, so that a kill loses at most one of them.

Imports numpy and plain modules of `engine`. The order is: pixels, margins, record. What a task wrote without its record is
written again by whoever takes the task next.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from engine.canvas import RasterRef
from engine.errors import OutputError
from engine.journal import JournalWriter, Record
from engine.positional import PositionalFile, as_bytes
from engine.tiling.blend import blend_parts
from engine.tiling.geometry import Box, TilePlan
from engine.tiling.layout import CanvasLayout

_SYNC_INTERVAL_S = 1.0


class CanvasWriter:
    """One writer of a job's canvas: takes tiles, blends seams, records both.

    Several writers, each with its own journal, may share one canvas: no two tasks of a plan write the same byte. The pixels do
    not depend on the order of the tasks nor on who does them, and are those of `SeamBlender`. After a task has returned, a kill
    of the process does not lose it; a power cut loses about the tasks of the last second, longer where the disk is slower than
    the work (`close` waits for it). Holds no pixels between tasks. Raises OutputError where the disk cannot take the data; what
    was recorded before stays.
    """

    def __init__(
        self,
        plan: TilePlan,
        canvas: RasterRef,
        scale: int,
        journal: JournalWriter,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._layout = CanvasLayout(plan, canvas, scale)
        self._plan = plan
        self._journal = journal
        self._clock = clock
        self._path = Path(canvas.path)
        self._file = PositionalFile(self._path)
        if self._file.size_bytes < self._layout.size_bytes:
            self._file.close()
            raise ValueError(f"{self._path} is shorter than {self._layout.size_bytes} bytes: reserve it first")
        # Syncs run beside the work: a slow disk would else hold up the next tile, and a cancel with it.
        self._syncs = ThreadPoolExecutor(1, "canvas sync")
        self._sync: Future[None] | None = None
        self._synced_at = clock()

    def write_tile(self, index: int, sr_tile_hwc: NDArray[np.float32], note: str = "") -> tuple[Box, ...]:
        """Writes the tile's core and margins and records it; returns the boxes of the canvas that are final now.

        `sr_tile_hwc`: the network's output for the whole tile, float32, `scale` times the size of the tile. `note`: what was done
        differently from the plan, see `engine.journal.Record`.
        """
        tile = self._plan.tiles[index]
        wanted = (tile.height * self._layout.scale, tile.width * self._layout.scale, self._layout.channels)
        if sr_tile_hwc.shape != wanted or sr_tile_hwc.dtype != np.float32:
            raise ValueError(f"tile {index} is {sr_tile_hwc.dtype} {sr_tile_hwc.shape}, not float32 {wanted}")
        core = self._layout.core(index)
        rows, columns = core.relative_to(tile.scaled(self._layout.scale)).slices
        with self._disk_errors():
            pixels_crc = self._write_pixels(core, sr_tile_hwc[rows, columns])
            offset, _ = self._layout.margins(index)
            margins = as_bytes(self._margins_of(index, sr_tile_hwc))
            self._file.write_at(offset, margins)
            self._journal.append(Record("tile", index, core, pixels_crc, zlib.crc32(margins), note=note))
            self._sync_if_due()
        return (core,) if core.height else ()

    def blend_seam(self, region: int) -> tuple[Box, ...]:
        """Blends one seam from the saved margins of its tiles, which must all be recorded; returns its box of the canvas."""
        if len(self._plan.regions[region].tiles) == 1:
            raise ValueError(f"region {region} is not a seam")
        sr_box = self._plan.regions[region].box.scaled(self._layout.scale)
        with self._disk_errors():
            blended_hwc = blend_parts(self._plan.regions[region], self._read_parts(region, sr_box), self._layout.scale)
            pixels_crc = self._write_pixels(sr_box, blended_hwc)
            self._journal.append(Record("seam", region, sr_box, pixels_crc))
            self._sync_if_due()
        return (sr_box,)

    def close(self) -> None:
        """Syncs and closes canvas and journal; may be called twice."""
        self._syncs.shutdown()
        with self._disk_errors():
            try:
                last, self._sync = self._sync, None
                if last is not None:
                    # A system tells of a failed write once: the sync below would know nothing of it.
                    last.result()
                if self._file.is_open:
                    self._file.sync()
            finally:
                self._file.close()
                self._journal.close()

    def __enter__(self) -> CanvasWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _sync_if_due(self) -> None:
        if self._clock() - self._synced_at < _SYNC_INTERVAL_S or (self._sync is not None and not self._sync.done()):
            return
        if self._sync is not None:
            # Raises what the last one met.
            self._sync.result()
        self._synced_at = self._clock()
        self._sync = self._syncs.submit(self._sync_files)

    def _sync_files(self) -> None:
        """Returns when everything recorded until now is on the disk: the pixels, then the records."""
        self._file.sync()
        self._journal.sync()

    def _write_pixels(self, sr_box: Box, pixels_hwc: NDArray[np.float32]) -> int:
        """Writes a box of the canvas and returns the CRC of its bytes, row after row."""
        crc = 0
        for offset, rows in self._layout.rows(sr_box):
            data = as_bytes(np.ascontiguousarray(pixels_hwc[rows]))
            self._file.write_at(offset, data)
            crc = zlib.crc32(data, crc)
        return crc

    def _margins_of(self, index: int, sr_tile_hwc: NDArray[np.float32]) -> NDArray[np.float32]:
        origin = self._plan.tiles[index]
        parts = []
        for region in self._plan.seams_of[index]:
            rows, columns = self._plan.regions[region].box.relative_to(origin).scaled(self._layout.scale).slices
            parts.append(sr_tile_hwc[rows, columns].ravel())
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _read_parts(self, region: int, sr_box: Box) -> Iterator[NDArray[np.float32]]:
        for offset in self._layout.parts(region):
            part_hwc = np.empty((sr_box.height, sr_box.width, self._layout.channels), np.float32)
            self._file.read_into(offset, as_bytes(part_hwc))
            yield part_hwc

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"The working image in {self._path.parent} cannot be written ({error.strerror or error}).",
                "What was finished is kept: free some disk space, then resume.",
            ) from error
