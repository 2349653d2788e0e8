"""A line of the timeline, or the area beneath one. Imports Qt, pyqtgraph and numpy.

pyqtgraph's own curve asks anew for the bounds of its data whenever anything is painted, and fills polygons, which takes Qt a
second for ten minutes of readings that jump. The timeline knows its range, and a picture has only so many columns: here a line
has at most two points in each, and an area is painted as an image, in the same time whatever it shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from pyqtgraph.functions import create_qpolygonf, ndarray_from_qpolygonf
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

Values = NDArray[np.float64]

_MOST_A_COLUMN = 2


class Curve(pg.GraphicsObject):  # type: ignore[misc]
    """Points (x, y), x rising, joined where both are finite; `in_pairs`: joined two by two; `fills`: the area beneath instead."""

    def __init__(self, *, in_pairs: bool = False, fills: bool = False) -> None:
        super().__init__()
        self._in_pairs = in_pairs
        self._fills = fills
        self._frame = QRectF()
        self._x: Values = np.empty(0)
        self._y: Values = np.empty(0)
        self._pen = QPen()

    def set_frame(self, frame: QRectF) -> None:
        """Takes the range that the plot shows, from zero up: nothing outside of it is painted."""
        if frame != self._frame:
            self.prepareGeometryChange()
            self._frame = QRectF(frame)

    def set_data(self, x: Values, y: Values) -> None:
        """Shows these points from now on, both (N,)."""
        self._x, self._y = x, y
        self.update()

    def data(self) -> tuple[Values, Values]:
        """Returns the points shown."""
        return self._x, self._y

    def set_pen(self, pen: QPen) -> None:
        """Paints with it from now on; areas take its colour."""
        self._pen = pen
        self.update()

    def boundingRect(self) -> QRectF:
        """Returns the range of the plot."""
        return self._frame

    def paint(self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None = None) -> None:
        """Paints the area or the line."""
        if not len(self._x) or self._frame.isEmpty():
            return
        on_screen = painter.deviceTransform().mapRect(self._frame)
        columns, rows = max(1, round(on_screen.width())), max(1, round(on_screen.height()))
        if self._fills:
            painter.drawImage(self._frame, self._area(columns, rows))
            return
        painter.setPen(self._pen)
        for x, y in self._runs(columns):
            painter.drawPolyline(_polygon(x, y))

    def _area(self, columns: int, rows: int) -> QImage:
        """Returns the frame as pixels, its first row at zero: the plot counts upwards."""
        frame = self._frame
        places = frame.left() + (np.arange(columns) + 0.5) * (frame.width() / columns)
        x, y = _thinned(self._x, self._y, columns)
        # Where a value is not known, nothing is filled.
        heights = np.nan_to_num(np.interp(places, x, y, left=0.0, right=0.0)) * (rows / frame.height())
        # Qt wants rows of whole four bytes.
        covered = np.zeros((rows, -(-columns // 4) * 4), np.uint8)
        covered[:, :columns] = (np.arange(rows) + 0.5)[:, None] < heights[None, :]
        image = QImage(covered.data, columns, rows, covered.strides[0], QImage.Format.Format_Indexed8)
        image.setColorTable([0, QColor(self._pen.color()).rgba()])
        # A copy in a format that Qt paints quickly, and that owns its bytes.
        return image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)

    def _runs(self, columns: int) -> list[tuple[Values, Values]]:
        """Returns the points, parted where they are not joined."""
        if self._in_pairs:
            cuts = np.arange(2, len(self._x), 2)
            return list(zip(np.split(self._x, cuts), np.split(self._y, cuts), strict=True))
        x, y = _thinned(self._x, self._y, columns)
        is_known = np.isfinite(x) & np.isfinite(y)
        cuts = np.flatnonzero(np.diff(is_known)) + 1
        parts = zip(np.split(x, cuts), np.split(y, cuts), np.split(is_known, cuts), strict=True)
        return [(x, y) for x, y, known in parts if len(known) and known[0]]


def _thinned(x: Values, y: Values, columns: int) -> tuple[Values, Values]:
    """Returns the points, or the highest of each group where there are more than a picture's columns can show."""
    size = -(-len(x) // (_MOST_A_COLUMN * columns))
    if size <= 1:
        return x, y
    starts = np.arange(0, len(x), size)
    return x[starts], np.fmax.reduceat(y, starts)


def _polygon(x: Values, y: Values) -> QPolygonF:
    polygon: Any = create_qpolygonf(len(x))
    points = ndarray_from_qpolygonf(polygon)
    points[:, 0], points[:, 1] = x, y
    made: QPolygonF = polygon
    return made
