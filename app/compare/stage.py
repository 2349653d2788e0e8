"""The surface on which the pictures lie: paints the comparison, and turns what the mouse does into moves.

Imports Qt, `app` and the plain data of `engine`. It reads no raster: pictures come from the tile store, and what is
missing is asked for after each paint.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QBrush,
    QColor,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.compare.camera import NEAREST_ABOVE_ZOOM, Camera, Placement, boxes_of
from app.compare.comparison import Comparison
from app.compare.layers import OpenSource, TileKey, TileLayer
from app.compare.layouts import grid_cells, side_cells
from app.compare.painting import Drawing, Prints
from app.compare.sources import Arrangement
from app.compare.tiles import TileStore
from app.theme import Theme
from engine.tiling.geometry import Box

# Time that one paint may spend on prints; the others come in the next one.
_PRINTING_BUDGET_S = 0.006
_GAP_PX = 2
_CHECK_EDGE_PX = 8
_WHEEL_NOTCH = 120
# What is still the input lies under a veil, so that the finished tiles stand out.
_VEIL_OPACITY = 0.5
# Tiles fetched ahead, beyond those in view.
_MOST_AHEAD = 400


@dataclass(frozen=True)
class Cell:
    """A pane's place on the stage in device pixels, and which source it is."""

    frame: QRect
    key: str


class Stage(QWidget):
    """Paints a `Comparison`. `settled` is emitted when everything in view is sharp."""

    settled = Signal()

    def __init__(
        self, comparison: Comparison, camera: Camera, store: TileStore, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._comparison = comparison
        self._camera = camera
        self._store = store
        self._theme = theme
        self._prints = Prints()
        self._grabbed_at: QPointF | None = None
        self._wheel_rest = 0
        self.is_sharp = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 160)
        comparison.changed.connect(self._follow)
        camera.changed.connect(self.update)
        theme.changed.connect(self.update)
        store.arrived.connect(self.update)

    @property
    def view(self) -> QRect:
        """The stage in device pixels."""
        ratio = self.devicePixelRatioF()
        return QRect(0, 0, round(self.width() * ratio), round(self.height() * ratio))

    @property
    def cells(self) -> list[Cell]:
        """The panes of the mode in force."""
        comparison, arrangement = self._comparison, self._comparison.arrangement
        if arrangement is None:
            return []
        gap_px = max(1, round(_GAP_PX * self.devicePixelRatioF()))
        keys = [comparison.current_key]
        frames = [self.view]
        if comparison.shown_mode == "side":
            keys = [comparison.reference_key, comparison.current_key]
            frames = side_cells(self.view, arrangement.width, arrangement.height, gap_px)
        elif comparison.shown_mode == "grid":
            keys = comparison.keys
            frames = grid_cells(self.view, arrangement.width, arrangement.height, len(keys), gap_px)
        return [Cell(frame, key) for frame, key in zip(frames, keys, strict=True)]

    def placement_in(self, cell: Cell) -> Placement:
        """Where the picture lies in a pane, in device pixels of the stage."""
        return self._camera.placement.moved(cell.frame.left(), cell.frame.top())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws what is in view from the tiles that are there, and asks for the others."""
        painter = QPainter(self)
        # From here on one unit is one pixel of the screen, whatever the desktop's scale.
        painter.scale(1 / self.devicePixelRatioF(), 1 / self.devicePixelRatioF())
        painter.fillRect(self.view, QColor(self._theme.colours.stage))
        drawing = Drawing(self._store, self._prints, time.monotonic() + _PRINTING_BUDGET_S)
        is_sharp = True
        for cell in self.cells:
            painter.setClipRect(cell.frame)
            is_sharp &= self._paint_cell(painter, drawing, cell)
        painter.end()
        self._store.want([*drawing.wishes, *self._ahead()])
        if not drawing.is_complete:
            QTimer.singleShot(0, self.update)
        self.is_sharp = is_sharp and drawing.is_complete
        if self.is_sharp:
            self.settled.emit()

    def _paint_cell(self, painter: QPainter, drawing: Drawing, cell: Cell) -> bool:
        comparison = self._comparison
        mode = comparison.shown_mode
        if comparison.peeked_key:
            return self._paint_source(painter, drawing, cell, comparison.peeked_key, cell.frame)
        if mode == "wipe":
            first, second = self.wipe_halves(cell.frame)
            is_sharp = self._paint_source(painter, drawing, cell, comparison.reference_key, first)
            return self._paint_source(painter, drawing, cell, comparison.current_key, second) and is_sharp
        if mode == "diff":
            return self._paint_difference(painter, drawing, cell)
        return self._paint_source(painter, drawing, cell, cell.key, cell.frame)

    def wipe_halves(self, frame: QRect) -> tuple[QRect, QRect]:
        """Returns the parts of a pane on both sides of the divider."""
        first, second = QRect(frame), QRect(frame)
        if self._comparison.wipe_is_level:
            at = round(frame.height() * self._comparison.wipe_position)
            first.setHeight(at)
            second.setTop(frame.top() + at)
        else:
            at = round(frame.width() * self._comparison.wipe_position)
            first.setWidth(at)
            second.setLeft(frame.left() + at)
        return first, second

    def _paint_source(self, painter: QPainter, drawing: Drawing, cell: Cell, key: str, view: QRect) -> bool:
        """Draws a source; where it is not there yet, the input under a veil."""
        if view.isEmpty():
            return True
        opened, finished = self._comparison.opened(key), self._comparison.finished(key)
        placement = self.placement_in(cell)
        is_sharp = True
        region: QRegion | None = None
        if finished is not None or opened.source.placed is not None:
            region = self._on_screen(opened, finished, placement, view)
            base_key = self._comparison.input_key
            if base_key and base_key != key:
                is_sharp = self._paint_layer(painter, drawing, self._comparison.opened(base_key), view, placement, None)
                veil = QColor(self._theme.colours.stage)
                veil.setAlphaF(_VEIL_OPACITY)
                painter.fillRect(self._place(opened.arrangement, placement) & view, veil)
        return self._paint_layer(painter, drawing, opened, view, placement, region) and is_sharp

    def _paint_layer(
        self,
        painter: QPainter,
        drawing: Drawing,
        opened: OpenSource,
        view: QRect,
        placement: Placement,
        region: QRegion | None,
    ) -> bool:
        layer, smooth = self.layer_of(opened)
        if layer.has_alpha:
            own = placement.inner(*layer.origin, float(layer.magnification))
            frame = own.place(layer.core(TileKey(layer.number, layer.top_level, 0, 0))) & view
            painter.save()
            painter.setClipRegion(QRegion(frame) if region is None else region & frame)
            painter.fillRect(frame, self._checks())
            painter.restore()
        return drawing.draw(painter, layer, view, placement, smooth, region)

    def _paint_difference(self, painter: QPainter, drawing: Drawing, cell: Cell) -> bool:
        comparison = self._comparison
        region: QRegion | None = None
        for key in (comparison.reference_key, comparison.current_key):
            opened, finished = comparison.opened(key), comparison.finished(key)
            if finished is not None or opened.source.placed is not None:
                part = self._on_screen(opened, finished, self.placement_in(cell), cell.frame)
                region = part if region is None else region & part
        layers = comparison.difference_layers
        if not layers:
            return True
        smooth = self._camera.zoom <= NEAREST_ABOVE_ZOOM
        if len(layers) > 1:
            held = len(drawing.wishes)
            drawing.draw(painter, layers[1], cell.frame, self.placement_in(cell), smooth, region)
            # The older one only stands in: what it lacks is not made any more.
            del drawing.wishes[held:]
        return drawing.draw(painter, layers[0], cell.frame, self.placement_in(cell), smooth, region)

    def layer_of(self, opened: OpenSource) -> tuple[TileLayer, bool]:
        """Returns the layer of a source that this zoom calls for, and whether it is drawn smoothly."""
        zoom = self._camera.zoom
        if zoom > NEAREST_ABOVE_ZOOM:
            return opened.natural, False
        if opened.enlarged is not None and zoom * float(opened.magnification) > 1:
            return opened.enlarged, True
        is_nearest = opened.method == "nearest" and opened.magnification > 1 and zoom * float(opened.magnification) > 1
        return opened.natural, not is_nearest

    def _ahead(self) -> list[tuple[TileLayer, TileKey]]:
        """Returns tiles that the next moves will need: those just outside the view, and the same view of the other pictures."""
        comparison = self._comparison
        wishes: list[tuple[TileLayer, TileKey]] = []
        cells = self.cells
        if not cells:
            return wishes
        shown = {cell.key for cell in cells} | {comparison.reference_key}
        others = [key for key in comparison.keys if key not in shown]
        for key, cell in [(cell.key, cell) for cell in cells] + [(key, cells[0]) for key in others]:
            opened = comparison.opened(key)
            layer, _ = self.layer_of(opened)
            own = self.placement_in(cell).inner(*layer.origin, float(layer.magnification))
            margin = round(cell.frame.width() / 3) if key in shown else 0
            around = cell.frame.adjusted(-margin, -margin, margin, margin)
            level = layer.level_for(own.zoom)
            wishes += [(layer, found) for found in layer.keys_in(level, own.visible(around, layer.height, layer.width))]
            # The whole picture in one tile: whatever comes into view, something is there to draw.
            wishes.append((opened.natural, TileKey(opened.natural.number, opened.natural.top_level, 0, 0)))
        return wishes[:_MOST_AHEAD]

    def _on_screen(self, opened: OpenSource, finished: QRegion | None, placement: Placement, view: QRect) -> QRegion:
        """Returns where the final part of a source lies on the screen."""
        raster = opened.source.raster
        own = placement.inner(*opened.origin, float(opened.magnification))
        seen = own.visible(view, raster.height, raster.width)
        whole = QRegion(0, 0, raster.width, raster.height) if finished is None else finished
        region = QRegion()
        for part in boxes_of(whole.intersected(QRect(seen.left, seen.top, seen.width, seen.height))):
            region += own.place(part) & view
        return region

    def _place(self, arrangement: Arrangement, placement: Placement) -> QRect:
        return placement.place(Box(0, 0, arrangement.height, arrangement.width))

    def _checks(self) -> QBrush:
        """Returns the chequered ground that shows through transparency."""
        edge = round(_CHECK_EDGE_PX * self.devicePixelRatioF())
        pixmap = QPixmap(2 * edge, 2 * edge)
        pixmap.fill(QColor(self._theme.colours.check_light))
        painter = QPainter(pixmap)
        dark = QColor(self._theme.colours.check_dark)
        painter.fillRect(0, 0, edge, edge, dark)
        painter.fillRect(edge, edge, edge, edge, dark)
        painter.end()
        return QBrush(pixmap)

    @Slot()
    def _follow(self) -> None:
        """Fits the camera to the panes, whose size the mode decides."""
        cells = self.cells
        if cells:
            self._camera.set_view(cells[0].frame.width(), cells[0].frame.height())
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the camera to the new size."""
        super().resizeEvent(event)
        self._follow()

    def sizeHint(self) -> QSize:
        """Room for two pictures."""
        return QSize(960, 600)

    def cell_at(self, x: float, y: float) -> Cell | None:
        """Returns the pane under a point of the stage in device pixels."""
        return next((cell for cell in self.cells if cell.frame.contains(int(x), int(y))), None)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms by one step a notch at the cursor; touchpads, which send parts of a notch, add up to one."""
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / _WHEEL_NOTCH)
        at = event.position() * self.devicePixelRatioF()
        cell = self.cell_at(at.x(), at.y())
        if steps and cell is not None:
            self._wheel_rest -= steps * _WHEEL_NOTCH
            self._camera.step(steps, at.x() - cell.frame.left(), at.y() - cell.frame.top())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes hold of the picture."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._grabbed_at = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Moves the picture with the pointer."""
        if self._grabbed_at is not None:
            moved = (event.position() - self._grabbed_at) * self.devicePixelRatioF()
            self._grabbed_at = event.position()
            self._camera.pan(moved.x(), moved.y())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        """Lets go of the picture."""
        self._grabbed_at = None
        self.setCursor(Qt.CursorShape.OpenHandCursor)
