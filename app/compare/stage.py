"""The surface on which the pictures lie: paints the comparison and its marks, and hands the mouse to the gestures.

Imports Qt and `app`. It reads no raster: pictures come from the tile store, and what is missing is asked for after each paint.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QCursor, QEnterEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.compare.gestures import Gestures
from app.compare.marks import Marks
from app.compare.painting import Drawing, Prints
from app.compare.panes import Cell, Panes
from app.compare.pictures import Pictures
from app.compare.tiles import TileStore
from app.theme import Theme

# Time that one paint may spend on prints; the others come in the next one.
_PRINTING_BUDGET_S = 0.006
_WHEEL_NOTCH = 120


class Stage(QWidget):
    """Paints panes. `settled`: everything in view is sharp; `pointed`: the spot under the pointer is another one."""

    settled = Signal()
    pointed = Signal()

    def __init__(self, panes: Panes, store: TileStore, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.panes = panes
        self.gestures = Gestures(panes, self)
        self._store = store
        self._theme = theme
        self._prints = Prints()
        self._pictures = Pictures(panes, theme)
        self.marks = Marks(panes, theme)
        self._pointer: QPointF | None = None
        self._wheel_rest = 0
        self.is_sharp = False
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setMouseTracking(True)
        self.setMinimumSize(240, 160)
        panes.comparison.changed.connect(self._follow)
        panes.camera.changed.connect(self.refresh)
        theme.changed.connect(self.refresh)
        store.arrived.connect(self.refresh)

    @property
    def spot(self) -> tuple[Cell, QPointF] | None:
        """The pane and point (device pixels) that loupe and inspector look at: the pointer, else the middle of the first pane."""
        cells = self.panes.cells
        if not cells:
            return None
        if self._pointer is not None:
            cell = self.panes.cell_at(self._pointer.x(), self._pointer.y())
            if cell is not None:
                return cell, self._pointer
        return cells[0], QPointF(cells[0].frame.center())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws what is in view from the tiles that are there, and asks for the others."""
        painter = QPainter(self)
        # From here on one unit is one pixel of the screen, whatever the desktop's scale.
        painter.scale(1 / self.devicePixelRatioF(), 1 / self.devicePixelRatioF())
        painter.fillRect(self.panes.view, QColor(self._theme.colours.stage))
        drawing = Drawing(self._store, self._prints, _PRINTING_BUDGET_S)
        is_sharp = self._pictures.paint(painter, drawing)
        is_sharp &= self.marks.paint(painter, drawing, self.spot, self._pointer is not None)
        painter.end()
        self._store.want(drawing.wishes, self._pictures.ahead())
        if not drawing.is_complete:
            QTimer.singleShot(0, self.update)
        self.is_sharp = is_sharp and drawing.is_complete
        if self.is_sharp:
            self.settled.emit()

    @Slot()
    def refresh(self) -> None:
        """Has the stage painted anew; until then it does not count as sharp."""
        self.is_sharp = False
        self.update()

    @Slot()
    def _follow(self) -> None:
        """Fits the camera to the panes, whose size the mode decides."""
        ratio = self.devicePixelRatioF()
        self.panes.ratio = ratio
        self.panes.view = QRect(0, 0, max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio)))
        cells = self.panes.cells
        if cells:
            self.panes.camera.set_view(cells[0].frame.width(), cells[0].frame.height())
        else:
            self._prints.clear()
        self.refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fits the camera to the new size."""
        super().resizeEvent(event)
        self._follow()

    def event(self, event: QEvent) -> bool:
        """Follows the window to a screen of another sharpness."""
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._follow()
        return super().event(event)

    def sizeHint(self) -> QSize:
        """Room for two pictures."""
        return QSize(960, 600)

    @Slot(int)
    def zoom_at_pointer(self, steps: int) -> None:
        """Zooms by whole steps at the pointer, or where it is over no pane at the middle."""
        # Where it is now: no event tells that the stage moved under a pointer that rests.
        at = QPointF(self.mapFromGlobal(QCursor.pos())) * self.devicePixelRatioF()
        cell = None if self._pointer is None else self.panes.cell_at(at.x(), at.y())
        if cell is None:
            self.panes.camera.step(steps)
        else:
            self.panes.camera.step(steps, at.x() - cell.frame.left(), at.y() - cell.frame.top())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms by one step a notch at the cursor; touchpads, which send parts of a notch, add up to one."""
        self._wheel_rest += event.angleDelta().y()
        steps = int(self._wheel_rest / _WHEEL_NOTCH)
        at = event.position() * self.devicePixelRatioF()
        cell = self.panes.cell_at(at.x(), at.y())
        if steps and cell is not None:
            self._wheel_rest -= steps * _WHEEL_NOTCH
            self.panes.camera.step(steps, at.x() - cell.frame.left(), at.y() - cell.frame.top())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Takes hold of what lies under the pointer."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            at = event.position() * self.devicePixelRatioF()
            self.gestures.press(at, event.modifiers(), event.button() == Qt.MouseButton.MiddleButton)
            self.setCursor(self.gestures.cursor_at(at, event.modifiers()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Moves what is held; else loupe and inspector follow."""
        at = event.position() * self.devicePixelRatioF()
        self._point_to(at)
        self.gestures.move(at)
        self.setCursor(self.gestures.cursor_at(at, event.modifiers()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Lets go."""
        at = event.position() * self.devicePixelRatioF()
        self.gestures.release(at)
        self.setCursor(self.gestures.cursor_at(at, event.modifiers()))

    def show_what_shift_does(self, is_down: bool) -> None:
        """Shows by the pointer, before it moves, that it marks a region while Shift is held."""
        if self._pointer is not None:
            modifiers = Qt.KeyboardModifier.ShiftModifier if is_down else Qt.KeyboardModifier.NoModifier
            self.setCursor(self.gestures.cursor_at(self._pointer, modifiers))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Goes from the whole picture to 1:1 at the pointer, and back; on the divider, to the middle."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at, camera = event.position() * self.devicePixelRatioF(), self.panes.camera
        cell = self.panes.cell_at(at.x(), at.y())
        if self.gestures.cursor_at(at, event.modifiers()) in (Qt.CursorShape.SplitHCursor, Qt.CursorShape.SplitVCursor):
            self.panes.comparison.set_wipe(0.5)
        elif cell is not None and camera.is_fitted:
            camera.zoom_to(1.0, at.x() - cell.frame.left(), at.y() - cell.frame.top())
        else:
            camera.fit()

    def enterEvent(self, event: QEnterEvent) -> None:
        """The pointer is on the stage."""
        self._point_to(event.position() * self.devicePixelRatioF())

    def leaveEvent(self, _event: QEvent) -> None:
        """The pointer is elsewhere: loupe and inspector look at the middle."""
        self._point_to(None)

    def _point_to(self, at: QPointF | None) -> None:
        if at == self._pointer:
            return
        self._pointer = at
        self.pointed.emit()
        if self.marks.follow_pointer:
            self.refresh()
