"""The one camera that all panes look through: where it stands over the picture and how large it shows it.

Imports Qt and the plain data of `engine`. Zoom counts device pixels of the screen per pixel of the *picture* (output
pixels), so 1:1 means one pixel of the result on one pixel of the screen. `view` coordinates are device pixels from a
pane's top left, `picture` coordinates output pixels.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from typing import NamedTuple, cast

from PySide6.QtCore import QObject, QRect, Signal
from PySide6.QtGui import QRegion

from engine.tiling.geometry import Box

# The steps that people know from other viewers; above 1 each shows whole pixels.
ZOOM_STEPS = (
    1 / 256, 1 / 192, 1 / 128, 1 / 96, 1 / 64, 1 / 48, 1 / 32, 1 / 24, 1 / 16, 1 / 12, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3,
    1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0,
)  # fmt: skip
MAX_ZOOM = ZOOM_STEPS[-1]

# Above this zoom pixels are shown as the squares they are.
NEAREST_ABOVE_ZOOM = 3.0

# From this zoom on pixels are told apart by lines, and their values are written into them.
VALUES_FROM_ZOOM = 16.0


class Placement(NamedTuple):
    """Where the picture lies in a pane: its top left in whole device pixels, and the zoom."""

    left: int
    top: int
    zoom: float

    def moved(self, x: int, y: int) -> Placement:
        """Returns the placement as seen from a pane whose corner lies at (`x`, `y`)."""
        return Placement(self.left + x, self.top + y, self.zoom)

    def inner(self, origin_top: int, origin_left: int, magnification: float) -> Placement:
        """Returns the placement of a raster that begins at this point of the picture and is magnified to it."""
        return Placement(
            self.left + round(origin_left * self.zoom),
            self.top + round(origin_top * self.zoom),
            self.zoom * magnification,
        )

    def place(self, box: Box) -> QRect:
        """Returns where a box lies, in device pixels; neighbours share their edge, whatever the rounding."""
        left, top = self.x_of(box.left), self.y_of(box.top)
        return QRect(left, top, self.x_of(box.right) - left, self.y_of(box.bottom) - top)

    def x_of(self, column: float) -> int:
        """Returns the device column where a column of the picture begins."""
        return self.left + round(column * self.zoom)

    def y_of(self, row: float) -> int:
        """Returns the device row where a row of the picture begins."""
        return self.top + round(row * self.zoom)

    def visible(self, view: QRect, height: int, width: int) -> Box:
        """Returns the pixels of a picture of this size that `view` shows, in part or whole; without area where none."""
        top = max(0, math.floor((view.top() - self.top) / self.zoom))
        left = max(0, math.floor((view.left() - self.left) / self.zoom))
        bottom = min(height, math.ceil((view.top() + view.height() - self.top) / self.zoom))
        right = min(width, math.ceil((view.left() + view.width() - self.left) / self.zoom))
        return Box(top, left, max(0, bottom - top), max(0, right - left))

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Returns the point of the picture under a point of the pane."""
        return (x - self.left) / self.zoom, (y - self.top) / self.zoom


def boxes_of(region: QRegion) -> list[Box]:
    """Returns the rectangles that make a region."""
    # Qt's stubs leave out that a region can be iterated.
    rectangles = cast(Iterable[QRect], region)
    return [Box(each.top(), each.left(), each.height(), each.width()) for each in rectangles]


class Camera(QObject):
    """Zoom and position, shared by panes of the same size. `changed` is emitted after every move."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._width = self._height = 1
        self._view_width = self._view_height = 1
        self._zoom = 1.0
        self._centre_x = self._centre_y = 0.5
        self._is_fitted = True

    @property
    def zoom(self) -> float:
        """Device pixels per output pixel."""
        return self._zoom

    @property
    def is_fitted(self) -> bool:
        """Whether the whole picture is kept in view when the pane changes its size."""
        return self._is_fitted

    @property
    def fit_zoom(self) -> float:
        """The zoom at which the whole picture just fills the pane."""
        return min(self._view_width / self._width, self._view_height / self._height, MAX_ZOOM)

    def set_picture(self, width: int, height: int, keep: bool) -> None:
        """Looks at a picture of this size in output pixels; `keep`: at the same spot as large on screen, else fitted."""
        if keep and not self._is_fitted:
            ratio = self._width / max(1, width)
            self._centre_x /= ratio
            self._centre_y /= ratio
            self._zoom = min(MAX_ZOOM, self._zoom * ratio)
        else:
            self._is_fitted = True
        self._width, self._height = max(1, width), max(1, height)
        self._settle()

    def set_view(self, width: int, height: int) -> None:
        """Takes the size of a pane in device pixels."""
        if (self._view_width, self._view_height) == (max(1, width), max(1, height)):
            return
        self._view_width, self._view_height = max(1, width), max(1, height)
        self._settle()

    def fit(self) -> None:
        """Shows the whole picture, now and when the pane changes its size."""
        self._is_fitted = True
        self._settle()

    def look_at(self, x: float, y: float, zoom: float | None = None) -> None:
        """Brings a point of the picture to the middle of the pane."""
        if zoom is not None:
            self._zoom = self._allowed(zoom)
        self._centre_x, self._centre_y = x, y
        self._is_fitted = False
        self._settle()

    def zoom_to(self, zoom: float, at_x: float | None = None, at_y: float | None = None) -> None:
        """Changes the zoom while the picture's point under (`at_x`, `at_y`) stays there; None: the pane's centre."""
        at_x = self._view_width / 2 if at_x is None else at_x
        at_y = self._view_height / 2 if at_y is None else at_y
        picture_x, picture_y = self.to_picture(at_x, at_y)
        self._zoom = self._allowed(zoom)
        self._centre_x = picture_x - (at_x - self._view_width / 2) / self._zoom
        self._centre_y = picture_y - (at_y - self._view_height / 2) / self._zoom
        self._is_fitted = False
        self._settle()

    def step(self, steps: int, at_x: float | None = None, at_y: float | None = None) -> None:
        """Zooms by whole steps, in where `steps` is positive; passing the fitted zoom on the way out stops there."""
        zoom = self._zoom
        for _ in range(abs(steps)):
            zoom = _next_zoom(zoom, steps > 0)
        if steps < 0 and zoom <= self.fit_zoom <= 1.0:
            self.fit()
        else:
            self.zoom_to(zoom, at_x, at_y)

    def pan(self, x: float, y: float) -> None:
        """Moves the picture by device pixels."""
        self._centre_x -= x / self._zoom
        self._centre_y -= y / self._zoom
        self._settle()

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Returns the picture's point under a point of the pane."""
        return (
            self._centre_x + (x - self._view_width / 2) / self._zoom,
            self._centre_y + (y - self._view_height / 2) / self._zoom,
        )

    @property
    def placement(self) -> Placement:
        """Where to draw: on whole device pixels, so that at 1:1 no pixel is smeared over two."""
        return Placement(
            round(self._view_width / 2 - self._centre_x * self._zoom),
            round(self._view_height / 2 - self._centre_y * self._zoom),
            self._zoom,
        )

    def _allowed(self, zoom: float) -> float:
        return min(MAX_ZOOM, max(min(self.fit_zoom, 1.0), zoom))

    def _settle(self) -> None:
        if self._is_fitted:
            self._zoom = self.fit_zoom
        self._centre_x = _kept_in(self._centre_x, self._width, self._view_width / self._zoom)
        self._centre_y = _kept_in(self._centre_y, self._height, self._view_height / self._zoom)
        self.changed.emit()


def _next_zoom(zoom: float, larger: bool) -> float:
    # A hair of tolerance: a zoom that is a step, but for rounding, counts as that step.
    if larger:
        index = bisect.bisect_right(ZOOM_STEPS, zoom * 1.001)
        return ZOOM_STEPS[min(index, len(ZOOM_STEPS) - 1)]
    index = bisect.bisect_left(ZOOM_STEPS, zoom / 1.001) - 1
    return ZOOM_STEPS[max(index, 0)]


def _kept_in(centre: float, size: float, visible: float) -> float:
    """Returns the nearest centre at which no empty space shows that could be filled; a smaller picture is centred."""
    if visible >= size:
        return size / 2
    return min(max(centre, visible / 2), size - visible / 2)
