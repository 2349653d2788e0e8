"""Writes finished tiles into the canvas and blends their seams, with the same result whatever the order of the tiles.

Imports numpy and `engine.tiling.geometry`. A region with one tile is copied; a seam waits until all its tiles have delivered
their part, and is then summed in the order of the tile indices, in float32.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.tiling.geometry import Box, Region, Span, TilePlan


def rising_weights(length: int) -> NDArray[np.float32]:
    """Returns `length` weights that rise from 0 to 1 as half a cosine; w + reversed(w) = 1 at every pixel."""
    position = (np.arange(length, dtype=np.float64) + 0.5) / length
    return (0.5 - 0.5 * np.cos(np.pi * position)).astype(np.float32)


def _axis_weights(span: Span, axis_tile: int, scale: int) -> NDArray[np.float32]:
    """Weights, along one axis of a region, of the tile with index `axis_tile` on that axis."""
    length = span.length * scale
    if len(span.tiles) == 1:
        return np.ones(length, np.float32)
    rising = rising_weights(length)
    return rising if axis_tile == span.tiles[1] else np.float32(1) - rising


def blend_parts(region: Region, parts_hwc: Iterable[NDArray[np.float32]], scale: int) -> NDArray[np.float32]:
    """Returns a region's pixels, blended from its tiles' parts, which come in the order of `region.tiles`.

    The one place of this arithmetic: a canvas in memory and one on disk get the same bits, whenever their tiles come.
    """
    columns_count = len(region.columns.tiles)
    blended: NDArray[np.float32] | None = None
    for position, part_hwc in enumerate(parts_hwc):
        row_weights = _axis_weights(region.rows, region.rows.tiles[position // columns_count], scale)
        column_weights = _axis_weights(region.columns, region.columns.tiles[position % columns_count], scale)
        if blended is None:
            blended = np.zeros_like(part_hwc)
        blended += row_weights[:, None, None] * column_weights[None, :, None] * part_hwc
    assert blended is not None
    return blended


class SeamBlender:
    """Collects the tiles of one plan into a canvas of shape (height × scale, width × scale, channels), float32.

    Holds only the parts of unfinished seams, so its memory is that of about one row of seams.
    """

    def __init__(self, plan: TilePlan, canvas_hwc: NDArray[Any], scale: int) -> None:
        self._plan = plan
        self._canvas_hwc = canvas_hwc
        self._scale = scale
        self._waiting: dict[Region, dict[int, NDArray[np.float32]]] = {}

    def add(self, tile_index: int, sr_tile_hwc: NDArray[np.float32]) -> tuple[Box, ...]:
        """Takes the output of one tile; returns the boxes of the canvas (output pixels) that are final now."""
        origin = self._plan.tiles[tile_index]
        finished = []
        for region in (self._plan.regions[index] for index in self._plan.regions_of[tile_index]):
            rows, columns = region.box.relative_to(origin).scaled(self._scale).slices
            part_hwc = sr_tile_hwc[rows, columns]
            sr_box = region.box.scaled(self._scale)
            if len(region.tiles) == 1:
                self._canvas_hwc[sr_box.slices] = part_hwc
            else:
                parts = self._waiting.setdefault(region, {})
                parts[tile_index] = part_hwc.copy()
                if len(parts) < len(region.tiles):
                    continue
                del self._waiting[region]
                self._canvas_hwc[sr_box.slices] = blend_parts(
                    region, (parts[tile] for tile in region.tiles), self._scale
                )
            finished.append(sr_box)
        return tuple(finished)
