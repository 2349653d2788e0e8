"""Where the parts of a job lie in its canvas file: first the canvas's values, then the margins of one tile after the other.

Imports numpy and plain modules of `engine`. The margins of a tile are its parts of all its seams, in float32 as the network gave
them. They are kept until the job is done, so that a seam can be blended whenever all its tiles are there, and blended again to
the same bits after a kill.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

from engine.canvas import RasterRef, no_room
from engine.positional import PositionalFile
from engine.tiling.geometry import Box, TilePlan

_VALUE_BYTES = 4
# Canvas and margins share no page: zeroing or losing one touches only one of them.
_PAGE_BYTES = 4096


class CanvasLayout:
    """Byte positions in the canvas file of one plan.

    Raises ValueError where the canvas is not that of the plan: float32, `scale` times as large.
    """

    def __init__(self, plan: TilePlan, canvas: RasterRef, scale: int) -> None:
        if (canvas.height, canvas.width) != (plan.height * scale, plan.width * scale) or canvas.dtype != "float32":
            raise ValueError(f"{canvas} is not the canvas of {plan.height} × {plan.width} pixels at ×{scale}")
        self.plan = plan
        self.scale = scale
        self.channels = canvas.channels
        self._width = canvas.width
        start = -(-canvas.size_bytes // _PAGE_BYTES) * _PAGE_BYTES
        sizes = [
            sum(self._part_bytes(plan.regions[region].box) for region in plan.seams_of[tile])
            for tile in range(len(plan.tiles))
        ]
        self._margins = list(accumulate(sizes, initial=start))

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        return self._margins[-1]

    def _part_bytes(self, lr_box: Box) -> int:
        return lr_box.height * lr_box.width * self.scale**2 * self.channels * _VALUE_BYTES

    def core(self, tile: int) -> Box:
        """The pixels of the canvas that the tile alone makes (output pixels); of no size where it makes none."""
        region = self.plan.core_of[tile]
        if region is not None:
            return self.plan.regions[region].box.scaled(self.scale)
        origin = self.plan.tiles[tile].scaled(self.scale)
        return Box(origin.top, origin.left, 0, 0)

    def margins(self, tile: int) -> tuple[int, int]:
        """(offset, size) in bytes of the tile's margins."""
        return self._margins[tile], self._margins[tile + 1] - self._margins[tile]

    def parts(self, region: int) -> Iterator[int]:
        """Offsets in bytes of the region's parts, in the order of its tiles."""
        for tile in self.plan.regions[region].tiles:
            offset = self._margins[tile]
            for each in self.plan.seams_of[tile]:
                if each == region:
                    break
                offset += self._part_bytes(self.plan.regions[each].box)
            yield offset

    def row_bytes(self, sr_box: Box) -> int:
        """Size of one row of a box of the canvas."""
        return sr_box.width * self.channels * _VALUE_BYTES

    def rows(self, sr_box: Box) -> Iterator[tuple[int, slice]]:
        """Yields (offset in bytes, rows of the box) of each piece of the box that lies in one stretch of the file.

        That is one row, or the whole box where it is as wide as the canvas.
        """
        step = sr_box.height if sr_box.width == self._width else 1
        for row in range(0, sr_box.height, step or 1):
            offset = ((sr_box.top + row) * self._width + sr_box.left) * self.channels * _VALUE_BYTES
            yield offset, slice(row, row + step)


def canvas_bytes(plan: TilePlan, canvas: RasterRef, scale: int) -> int:
    """Returns the size of the canvas file with its margins."""
    return CanvasLayout(plan, canvas, scale).size_bytes


def reserve_canvas(plan: TilePlan, canvas: RasterRef, scale: int) -> None:
    """Creates the canvas file, or completes one that is there, with all its disk space claimed; what is in it stays.

    Raises OutputError where the disk cannot hold it or the folder cannot be written; then no new file stays behind.
    """
    size_bytes = canvas_bytes(plan, canvas, scale)
    path = Path(canvas.path)
    is_new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = PositionalFile(path, create=True)
        try:
            file.reserve(size_bytes)
        finally:
            file.close()
    except OSError as error:
        if is_new:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        raise no_room(path, size_bytes, error) from error
