"""Which panes there are, where they lie, and how the picture lies in each: what painting, marks and mouse agree on.

Imports Qt's geometry, `app.compare` and the plain data of `engine`. All in device pixels of the stage.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRect
from PySide6.QtGui import QRegion

from app.compare.camera import NEAREST_ABOVE_ZOOM, Camera, Placement, boxes_of
from app.compare.comparison import Comparison
from app.compare.layers import OpenSource, TileLayer
from app.compare.layouts import grid_cells, side_cells
from engine.tiling.geometry import Box

_GAP_PX = 2


class Cell(NamedTuple):
    """A pane's place on the stage, and which source it stands for."""

    frame: QRect
    key: str


class Part(NamedTuple):
    """A part of a pane that shows one source: the whole of it, or what lies on one side of the divider."""

    cell: Cell
    key: str
    view: QRect


class Panes:
    """The panes of a comparison on a stage: `view` is its size, `ratio` how many device pixels a logical one has."""

    def __init__(self, comparison: Comparison, camera: Camera) -> None:
        self.comparison = comparison
        self.camera = camera
        self.view = QRect(0, 0, 1, 1)
        self.ratio = 1.0

    @property
    def cells(self) -> list[Cell]:
        """The panes of the mode in force."""
        comparison, arrangement = self.comparison, self.comparison.arrangement
        if arrangement is None:
            return []
        gap_px = max(1, round(_GAP_PX * self.ratio))
        keys = [comparison.current_key]
        frames = [self.view]
        if comparison.shown_mode == "side":
            keys = [comparison.reference_key, comparison.current_key]
            frames = side_cells(self.view, arrangement.width, arrangement.height, gap_px)
        elif comparison.shown_mode == "grid":
            keys = comparison.keys
            frames = grid_cells(self.view, arrangement.width, arrangement.height, len(keys), gap_px)
        return [Cell(frame, key) for frame, key in zip(frames, keys, strict=True)]

    @property
    def parts(self) -> list[Part]:
        """What shows a source, pane by pane; a difference shows none."""
        comparison, cells = self.comparison, self.cells
        if comparison.peeked_key:
            return [Part(cell, comparison.peeked_key, cell.frame) for cell in cells]
        if comparison.shown_mode == "wipe":
            first, second = self.wipe_halves(cells[0].frame)
            return [Part(cells[0], comparison.reference_key, first), Part(cells[0], comparison.current_key, second)]
        if comparison.shown_mode == "diff":
            return []
        return [Part(cell, cell.key, cell.frame) for cell in cells]

    @property
    def shows_difference(self) -> bool:
        """Whether the pane shows a difference just now."""
        return self.comparison.shown_mode == "diff" and not self.comparison.peeked_key

    @property
    def divider(self) -> QRect | None:
        """The line between the halves of a wipe, or None in other modes."""
        if self.comparison.shown_mode != "wipe" or self.comparison.peeked_key:
            return None
        _, second = self.wipe_halves(self.view)
        if self.comparison.wipe_is_level:
            return QRect(self.view.left(), second.top(), self.view.width(), 0)
        return QRect(second.left(), self.view.top(), 0, self.view.height())

    def wipe_halves(self, frame: QRect) -> tuple[QRect, QRect]:
        """Returns the parts of a pane on both sides of the divider."""
        first, second = QRect(frame), QRect(frame)
        if self.comparison.wipe_is_level:
            at = round(frame.height() * self.comparison.wipe_position)
            first.setHeight(at)
            second.setTop(frame.top() + at)
        else:
            at = round(frame.width() * self.comparison.wipe_position)
            first.setWidth(at)
            second.setLeft(frame.left() + at)
        return first, second

    def placement_in(self, cell: Cell) -> Placement:
        """Where the picture lies in a pane."""
        return self.camera.placement.moved(cell.frame.left(), cell.frame.top())

    def source_placement(self, opened: OpenSource, cell: Cell) -> Placement:
        """Where a source's own pixels lie in a pane."""
        return self.placement_in(cell).inner(*opened.origin, float(opened.magnification))

    def cell_at(self, x: float, y: float) -> Cell | None:
        """Returns the pane under a point."""
        return next((cell for cell in self.cells if cell.frame.contains(int(x), int(y))), None)

    def layer_of(self, opened: OpenSource) -> tuple[TileLayer, bool]:
        """Returns the layer of a source that this zoom calls for, and whether it is drawn smoothly."""
        zoom = self.camera.zoom
        is_magnified = opened.magnification != 1 and zoom * float(opened.magnification) > 1
        if zoom > NEAREST_ABOVE_ZOOM:
            return opened.natural, False
        if opened.enlarged is not None and is_magnified:
            return opened.enlarged, True
        return opened.natural, not (opened.method == "nearest" and is_magnified)

    def final_region(self, key: str, cell: Cell, view: QRect) -> QRegion | None:
        """Returns where the final part of a source lies in `view`, or None where that is everywhere."""
        opened, finished = self.comparison.opened(key), self.comparison.finished(key)
        if finished is None and opened.source.placed is None:
            return None
        raster = opened.source.raster
        own = self.source_placement(opened, cell)
        seen = own.visible(view, raster.height, raster.width)
        whole = QRegion(0, 0, raster.width, raster.height) if finished is None else finished
        region = QRegion()
        for part in boxes_of(whole.intersected(QRect(seen.left, seen.top, seen.width, seen.height))):
            region += own.place(part) & view
        return region

    def picture_frame(self, cell: Cell) -> QRect:
        """Returns where the whole picture lies, in part outside the pane."""
        arrangement = self.comparison.arrangement
        assert arrangement is not None
        return self.placement_in(cell).place(Box(0, 0, arrangement.height, arrangement.width))

    def place_input(self, box: Box, cell: Cell) -> QRect:
        """Returns where a box of input pixels lies in a pane."""
        arrangement = self.comparison.arrangement
        assert arrangement is not None
        placement = self.placement_in(cell)
        left, top, width, height = arrangement.to_picture(box)
        x, y = placement.x_of(left), placement.y_of(top)
        return QRect(x, y, placement.x_of(left + width) - x, placement.y_of(top + height) - y)

    @property
    def visible_box(self) -> Box | None:
        """The part of the input in view, in input pixels."""
        arrangement, cells = self.comparison.arrangement, self.cells
        if arrangement is None:
            return None
        placement, frame = self.camera.placement, cells[0].frame
        left, top = placement.to_picture(0, 0)
        right, bottom = placement.to_picture(frame.width(), frame.height())
        return arrangement.to_input(left, top, right, bottom)
