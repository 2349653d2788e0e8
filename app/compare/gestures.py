"""What the mouse does on the stage: pan, move the divider, mark a region, move the preview's frame, pick a pixel.

Imports Qt, `app.compare` and the plain data of `engine`. Coordinates are device pixels of the stage.
"""

from __future__ import annotations

from enum import Enum

from PySide6.QtCore import QObject, QPointF, QRect, Qt, Signal

from app.compare.panes import Cell, Panes
from engine.tiling.geometry import Box

_NEAR_PX = 7
# A press that moved less is a click.
_STILL_PX = 4
_HANDLE_HEIGHT_PX = 22
_HANDLE_WIDTH_PX = 92


class Drag(Enum):
    """What a pressed button moves."""

    NOTHING = "nothing"
    PICTURE = "picture"
    DIVIDER = "divider"
    REGION = "region"
    FRAME = "frame"


class Gestures(QObject):
    """Turns presses and moves into changes of the comparison.

    `frame_moved(Box)`: the frame was let go elsewhere; `clicked(key)`: a pane was clicked; `picked(key, x, y)`: a pixel
    of the input was clicked while `picks` is set.
    """

    frame_moved = Signal(object)
    clicked = Signal(str)
    picked = Signal(str, int, int)

    def __init__(self, panes: Panes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panes = panes
        self._comparison = panes.comparison
        self._began = QPointF()
        self._last = QPointF()
        self._cell: Cell | None = None
        self._frame_began: Box | None = None
        self._is_click = False
        self.drag = Drag.NOTHING
        self.picks = False

    def press(self, at: QPointF, modifiers: Qt.KeyboardModifier, is_middle: bool) -> None:
        """Takes hold of what lies under the pointer."""
        self._cell = self._panes.cell_at(at.x(), at.y())
        if self._cell is None:
            return
        self._began = self._last = at
        self._is_click = not is_middle
        self.drag = Drag.PICTURE if is_middle else self.drag_at(at, modifiers)
        self._frame_began = self._comparison.frame

    def drag_at(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> Drag:
        """Returns what a press here would move."""
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            return Drag.REGION
        if self._is_on_divider(at):
            return Drag.DIVIDER
        if self._is_on_frame(at):
            return Drag.FRAME
        return Drag.PICTURE

    def move(self, at: QPointF) -> None:
        """Moves what is held."""
        if self._cell is None or self.drag is Drag.NOTHING:
            return
        if (at - self._began).manhattanLength() > _STILL_PX * self._panes.ratio:
            self._is_click = False
        moved, self._last = at - self._last, at
        if self.drag is Drag.PICTURE:
            self._panes.camera.pan(moved.x(), moved.y())
        elif self.drag is Drag.DIVIDER:
            view = self._panes.view
            is_level = self._comparison.wipe_is_level
            self._comparison.set_wipe(at.y() / view.height() if is_level else at.x() / view.width())
        elif self.drag is Drag.REGION and not self._is_click:
            self._comparison.set_region(self._region_to(at, self._cell))
        elif self.drag is Drag.FRAME:
            self._move_frame(at)

    def release(self, at: QPointF) -> None:
        """Lets go, and tells what came of it."""
        cell, drag, self.drag, self._cell = self._cell, self.drag, Drag.NOTHING, None
        if cell is None:
            return
        frame = self._comparison.frame
        if drag is Drag.FRAME and frame is not None and frame != self._frame_began:
            self.frame_moved.emit(frame)
        elif drag is Drag.REGION and self._is_click:
            self._comparison.set_region(None)
        elif drag is Drag.PICTURE and self._is_click:
            self.clicked.emit(cell.key)
            if self.picks:
                self.pick(at, cell)

    def pick(self, at: QPointF, cell: Cell) -> None:
        """Picks the pixel of the input that lies there."""
        arrangement = self._comparison.arrangement
        if arrangement is None:
            return
        x, y = self._panes.placement_in(cell).to_picture(at.x(), at.y())
        if 0 <= x < arrangement.width and 0 <= y < arrangement.height:
            box = arrangement.to_input(x, y, x, y)
            self.picked.emit(self.key_at(at, cell), box.left, box.top)

    def key_at(self, at: QPointF, cell: Cell) -> str:
        """Returns which source is shown at a point of a pane."""
        parts = (part for part in self._panes.parts if part.cell.frame == cell.frame)
        return next((part.key for part in parts if part.view.contains(at.toPoint())), cell.key)

    def nudge_frame(self, columns: int, rows: int) -> None:
        """Moves the frame by input pixels, as the keyboard does."""
        frame = self._comparison.frame
        if frame is None:
            return
        moved = self._kept_in(frame, frame.top + rows, frame.left + columns)
        if moved != frame:
            self._comparison.set_frame(moved)
            self.frame_moved.emit(moved)

    def cursor_at(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> Qt.CursorShape:
        """Returns the pointer's shape that says what a press here would do."""
        drag = self.drag if self.drag is not Drag.NOTHING else self.drag_at(at, modifiers)
        if drag is Drag.DIVIDER:
            return Qt.CursorShape.SplitVCursor if self._comparison.wipe_is_level else Qt.CursorShape.SplitHCursor
        if drag is Drag.FRAME:
            return Qt.CursorShape.SizeAllCursor
        if drag is Drag.REGION or self.picks:
            return Qt.CursorShape.CrossCursor
        return Qt.CursorShape.OpenHandCursor if self.drag is Drag.NOTHING else Qt.CursorShape.ClosedHandCursor

    def _is_on_divider(self, at: QPointF) -> bool:
        divider = self._panes.divider
        if divider is None:
            return False
        distance = at.y() - divider.top() if self._comparison.wipe_is_level else at.x() - divider.left()
        return abs(distance) <= _NEAR_PX * self._panes.ratio

    def _is_on_frame(self, at: QPointF) -> bool:
        """Whether the point lies on the frame's border or on the handle above it."""
        frame, cell = self._comparison.frame, self._panes.cell_at(at.x(), at.y())
        if frame is None or cell is None:
            return False
        near = round(_NEAR_PX * self._panes.ratio)
        outer = self._panes.place_input(frame, cell)
        if frame_handle(outer, self._panes.ratio).contains(at.toPoint()):
            return True
        inside = outer.adjusted(near, near, -near, -near).contains(at.toPoint())
        return outer.adjusted(-near, -near, near, near).contains(at.toPoint()) and not inside

    def _region_to(self, at: QPointF, cell: Cell) -> Box | None:
        arrangement = self._comparison.arrangement
        if arrangement is None:
            return None
        placement = self._panes.placement_in(cell)
        first, last = placement.to_picture(self._began.x(), self._began.y()), placement.to_picture(at.x(), at.y())
        left, right = sorted((first[0], last[0]))
        top, bottom = sorted((first[1], last[1]))
        return arrangement.to_input(left, top, right, bottom)

    def _move_frame(self, at: QPointF) -> None:
        arrangement, began = self._comparison.arrangement, self._frame_began
        if arrangement is None or began is None:
            return
        per_input_pixel = self._panes.camera.zoom * float(arrangement.scale)
        columns = round((at.x() - self._began.x()) / per_input_pixel)
        rows = round((at.y() - self._began.y()) / per_input_pixel)
        self._comparison.set_frame(self._kept_in(began, began.top + rows, began.left + columns))

    def _kept_in(self, frame: Box, top: int, left: int) -> Box:
        arrangement = self._comparison.arrangement
        assert arrangement is not None
        top = max(0, min(top, arrangement.input_height - frame.height))
        left = max(0, min(left, arrangement.input_width - frame.width))
        return Box(top, left, frame.height, frame.width)


def frame_handle(outer: QRect, ratio: float) -> QRect:
    """Returns where the handle of the preview's frame lies: above its left corner."""
    height = round(_HANDLE_HEIGHT_PX * ratio)
    return QRect(outer.left(), outer.top() - height, round(_HANDLE_WIDTH_PX * ratio), height)
