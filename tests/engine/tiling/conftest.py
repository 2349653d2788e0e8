"""A job on disk whose network is a table of random tiles, and the canvas that an undisturbed run gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.canvas import RasterRef, open_raster
from engine.journal import JournalWriter
from engine.tiling.blend import SeamBlender
from engine.tiling.geometry import TilePlan
from engine.tiling.layout import reserve_canvas
from engine.tiling.recovery import Recovery, recover
from engine.tiling.writer import CanvasWriter

STAMP = 77


class DiskJob:
    """One plan on disk. Tasks are ("tile", index) and ("seam", region)."""

    def __init__(self, folder: Path, plan: TilePlan, scale: int, channels: int) -> None:
        self.folder = folder
        self.plan = plan
        self.scale = scale
        self.canvas = RasterRef(
            str(folder / "canvas.raw"), plan.height * scale, plan.width * scale, channels, "float32"
        )
        self.all_tiles = frozenset(range(len(plan.tiles)))
        self.all_seams = frozenset(plan.seams)

    def sr_tile(self, index: int) -> NDArray[np.float32]:
        """What the network makes of a tile: the same whenever it is asked."""
        tile = self.plan.tiles[index]
        shape = (tile.height * self.scale, tile.width * self.scale, self.canvas.channels)
        return np.random.default_rng(index).random(shape, np.float32)

    def undisturbed(self) -> NDArray[np.float32]:
        """The canvas of a run in memory that nothing interrupts."""
        canvas_hwc = np.full((self.canvas.height, self.canvas.width, self.canvas.channels), np.nan, np.float32)
        blender = SeamBlender(self.plan, canvas_hwc, self.scale)
        for index in range(len(self.plan.tiles)):
            blender.add(index, self.sr_tile(index))
        return canvas_hwc

    def writer(self, number: int = 0) -> CanvasWriter:
        reserve_canvas(self.plan, self.canvas, self.scale)
        journal = JournalWriter(self.folder / f"journal.{number}", STAMP)
        return CanvasWriter(self.plan, self.canvas, self.scale, journal)

    def tasks(self, done: Recovery | None = None) -> list[tuple[str, int]]:
        """All tasks that are left, tiles first."""
        done = done or Recovery()
        return [
            *(("tile", index) for index in sorted(self.all_tiles - done.tiles)),
            *(("seam", region) for region in sorted(self.all_seams - done.seams)),
        ]

    def do(self, writer: CanvasWriter, tasks: Iterable[tuple[str, int]]) -> None:
        for kind, index in tasks:
            if kind == "tile":
                writer.write_tile(index, self.sr_tile(index))
            else:
                writer.blend_seam(index)

    def run_all(self) -> None:
        with self.writer() as writer:
            self.do(writer, self.tasks())

    def recover(self) -> Recovery:
        return recover(self.plan, self.canvas, self.scale, sorted(self.folder.glob("journal.*")), STAMP)

    def finish(self, number: int = 99) -> Recovery:
        """Resumes: recovers, does what is left with a new writer, and returns what had been recovered."""
        done = self.recover()
        with self.writer(number) as writer:
            self.do(writer, self.tasks(done))
        return done

    def picture(self) -> NDArray[np.float32]:
        return np.array(open_raster(self.canvas))


@pytest.fixture(scope="session")
def make_job(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., DiskJob]:
    """Returns a function (plan, scale=2, channels=3) that makes a job in a new folder."""

    def make(plan: TilePlan, scale: int = 2, channels: int = 3) -> DiskJob:
        return DiskJob(tmp_path_factory.mktemp("job"), plan, scale, channels)

    return make
