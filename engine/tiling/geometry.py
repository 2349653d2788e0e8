"""Where tiles lie and how they share their overlap: pure integers.

Imports the standard library only. `lr_` coordinates count input pixels, `sr_` coordinates output pixels.

An axis of the image is cut into tiles that start on multiples of the model's window (else the windows, and the output with
them, would shift) and share `overlap` pixels with the next tile. In the middle half of each overlap the two tiles are blended;
the outer quarters, where a tile lacks context on one side, belong to the neighbour. The axis thus falls into *spans*: a span
has one tile (a core) or two (a seam). The product of the two axes' spans is a partition of the image into regions with one, two
or four tiles: no output pixel is written twice, whatever the order of the tiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """Row after the last one."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """Column after the last one."""
        return self.left + self.width

    def scaled(self, scale: int) -> Box:
        """Returns the same rectangle in an image `scale` times as large."""
        return Box(self.top * scale, self.left * scale, self.height * scale, self.width * scale)

    def relative_to(self, origin: Box) -> Box:
        """Returns the rectangle in coordinates that begin at `origin`'s corner."""
        return Box(self.top - origin.top, self.left - origin.left, self.height, self.width)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices, for indexing an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


@dataclass(frozen=True)
class Span:
    """A stretch of one axis, with the one or two tiles (by index on that axis) that make it."""

    start: int
    length: int
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class AxisPlan:
    """One axis of a plan: its tiles as (start, length), and the spans that partition it."""

    tiles: tuple[tuple[int, int], ...]
    spans: tuple[Span, ...]

    @property
    def length(self) -> int:
        """Length of the axis in pixels."""
        start, length = self.tiles[-1]
        return start + length


@dataclass(frozen=True)
class Region:
    """A rectangle of the partition with the tiles (indices into `TilePlan.tiles`, rising) that contribute to it."""

    box: Box
    tiles: tuple[int, ...]
    rows: Span
    columns: Span


@dataclass(frozen=True)
class TilePlan:
    """All tiles of one image, row by row, and the partition of the image into regions (both in input pixels).

    `tile_px` is the edge actually used (halo included), or None where the image goes through the model at once.
    """

    height: int
    width: int
    tile_px: int | None
    overlap_px: int
    tiles: tuple[Box, ...]
    regions: tuple[Region, ...]
    rows: AxisPlan
    columns: AxisPlan

    def __reduce__(self) -> tuple[Callable[..., TilePlan], tuple[AxisPlan, AxisPlan]]:
        # Plans cross pipes: of ten thousand regions only the two axes travel, small enough for any pipe to take at once.
        return partial(plan_from_axes, tile_px=self.tile_px, overlap_px=self.overlap_px), (self.rows, self.columns)

    @cached_property
    def regions_of(self) -> tuple[tuple[int, ...], ...]:
        """By tile: the indices of the regions it contributes to, rising."""
        regions: list[list[int]] = [[] for _ in self.tiles]
        for index, region in enumerate(self.regions):
            for tile in region.tiles:
                regions[tile].append(index)
        return tuple(map(tuple, regions))

    @cached_property
    def core_of(self) -> tuple[int | None, ...]:
        """By tile: the index of the region that it alone makes, or None where seams cover the whole tile."""
        return tuple(
            next((index for index in indices if len(self.regions[index].tiles) == 1), None)
            for indices in self.regions_of
        )

    @cached_property
    def seams_of(self) -> tuple[tuple[int, ...], ...]:
        """By tile: the indices of the regions that it shares with other tiles, rising."""
        return tuple(
            tuple(index for index in indices if len(self.regions[index].tiles) > 1) for indices in self.regions_of
        )

    @cached_property
    def seams(self) -> tuple[int, ...]:
        """Indices of the regions that two or four tiles share, rising."""
        return tuple(index for index, region in enumerate(self.regions) if len(region.tiles) > 1)

    @property
    def processed_px(self) -> int:
        """Input pixels that go through the model, those shared by two tiles counted twice."""
        return sum(tile.height * tile.width for tile in self.tiles)


def round_up(value: int, multiple: int) -> int:
    """Returns the smallest multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple


def _axis_tiles(length: int, tile_px: int, overlap_px: int, window_px: int) -> list[tuple[int, int]]:
    """Returns (start, length) of the tiles of one axis: as few as `tile_px` allows, then as even as the window allows."""
    if length <= tile_px:
        return [(0, length)]
    count = -(-(length - overlap_px) // (tile_px - overlap_px))
    stride = min(round_up(-(-(length - overlap_px) // count), window_px), tile_px - overlap_px)
    starts = range(0, length - overlap_px, stride)
    return [(start, min(stride + overlap_px, length - start)) for start in starts]


def _axis_spans(tiles: list[tuple[int, int]], overlap_px: int) -> list[Span]:
    """Cuts one axis into cores and seams; a seam is the middle half of an overlap (the whole of one below 4 pixels)."""
    margin = overlap_px // 4
    spans: list[Span] = []
    position = 0
    for index, (start, length) in enumerate(tiles):
        last = index == len(tiles) - 1
        core_end = start + length if last else tiles[index + 1][0] + margin
        if core_end > position:
            spans.append(Span(position, core_end - position, (index,)))
            position = core_end
        if not last:
            seam_end = start + length - margin
            if seam_end > position:
                spans.append(Span(position, seam_end - position, (index, index + 1)))
                position = seam_end
    return spans


def plan_tiles(height: int, width: int, *, tile_px: int | None, overlap_px: int, window_px: int) -> TilePlan:
    """Plans the tiles of an image of height × width input pixels.

    `tile_px` includes the halo; None means one tile for the whole image. Tile and overlap are rounded up to multiples of
    `window_px`, the tile to at least overlap + window. Raises ValueError where a size is not positive.
    """
    if min(height, width, window_px) < 1 or overlap_px < 0 or (tile_px is not None and tile_px < 1):
        raise ValueError(f"sizes must be positive: {height=} {width=} {tile_px=} {overlap_px=} {window_px=}")
    overlap_px = round_up(overlap_px, window_px)
    if tile_px is None:
        rows_axis, columns_axis = [(0, height)], [(0, width)]
    else:
        tile_px = max(round_up(tile_px, window_px), overlap_px + window_px)
        rows_axis = _axis_tiles(height, tile_px, overlap_px, window_px)
        columns_axis = _axis_tiles(width, tile_px, overlap_px, window_px)
    rows, columns = (
        AxisPlan(tuple(tiles), tuple(_axis_spans(tiles, overlap_px))) for tiles in (rows_axis, columns_axis)
    )
    return plan_from_axes(rows, columns, tile_px=tile_px, overlap_px=overlap_px)


def plan_from_axes(rows: AxisPlan, columns: AxisPlan, *, tile_px: int | None, overlap_px: int) -> TilePlan:
    """Returns the plan that the axes make: how a plan that was written down is taken up again, without planning anew.

    Raises ValueError where the spans of an axis do not cover it once each, in order, or name tiles that do not hold them.
    """
    for axis in (rows, columns):
        _check_axis(axis)
    tiles = tuple(Box(top, left, height, width) for top, height in rows.tiles for left, width in columns.tiles)
    regions = tuple(
        Region(
            Box(row_span.start, column_span.start, row_span.length, column_span.length),
            tuple(row * len(columns.tiles) + column for row in row_span.tiles for column in column_span.tiles),
            row_span,
            column_span,
        )
        for row_span in rows.spans
        for column_span in columns.spans
    )
    return TilePlan(rows.length, columns.length, tile_px, overlap_px, tiles, regions, rows, columns)


def _check_axis(axis: AxisPlan) -> None:
    position = 0
    for span in axis.spans:
        if span.start != position or span.length < 1 or len(span.tiles) not in (1, 2) or min(span.tiles) < 0:
            raise ValueError(f"the spans of an axis do not follow each other: {span}")
        for tile in span.tiles:
            start, length = axis.tiles[tile] if tile < len(axis.tiles) else (0, 0)
            if not (start <= span.start and span.start + span.length <= start + length):
                raise ValueError(f"tile {tile} does not hold {span}")
        position += span.length
    if not axis.tiles or position != axis.length:
        raise ValueError(f"the spans of an axis end at {position}")
