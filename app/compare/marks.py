"""What is drawn over the pictures: grids, region, the preview's frame, the divider, overlays, labels, loupe and inspector.

Imports Qt, numpy, `app` and the plain data of `engine`. All in device pixels of the stage.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QLine, QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

from app.compare.camera import VALUES_FROM_ZOOM
from app.compare.gestures import frame_handle
from app.compare.inspector import Inspector
from app.compare.labels import Labels
from app.compare.lettering import MARK, ON_MARK, Lettering
from app.compare.loupe import Loupe
from app.compare.painting import Drawing
from app.compare.panes import Cell, Panes, Part
from app.theme import Theme
from engine.deferred import np
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIGHT_LINE = QColor(255, 255, 255, 150)
_DARK_LINE = QColor(0, 0, 0, 110)
_PIXEL_LINE = QColor(128, 128, 128, 110)
# Tiles smaller than this on the screen would be a mesh that hides the picture.
_SMALLEST_TILE_PX = 10
_DIVIDER_HANDLE_PX = 34


def _tr(text: str) -> str:
    return QCoreApplication.translate("compare", text)


class Marks:
    """Paints the marks; the switches say which."""

    def __init__(self, panes: Panes, theme: Theme) -> None:
        self._panes = panes
        self._theme = theme
        self.labels = Labels(panes)
        self.loupe = Loupe(panes)
        self.inspector = Inspector(panes)
        self.shows_tile_grid = False
        self.shows_loupe = False
        self.shows_inspector = False
        self._tiles: tuple[list[Box], NDArray[np.int64]] | None = None

    @property
    def follow_pointer(self) -> bool:
        """Whether something moves with the pointer."""
        return self.shows_loupe or self.shows_inspector

    def paint(self, painter: QPainter, drawing: Drawing, spot: tuple[Cell, QPointF] | None, has_pointer: bool) -> bool:
        """Paints all marks; returns whether the pictures in them were sharp."""
        panes = self._panes
        if spot is None:
            return True
        for part in panes.parts:
            self._paint_overlay(painter, part)
            if panes.camera.zoom >= VALUES_FROM_ZOOM:
                self._paint_pixel_grid(painter, part)
        for cell in panes.cells:
            painter.save()
            painter.setClipRect(cell.frame)
            if self.shows_tile_grid:
                self._paint_tiles(painter, cell)
            self._paint_region(painter, cell)
            self._paint_frame(painter, cell)
            if self.follow_pointer and (len(panes.cells) > 1 or not has_pointer):
                self._paint_cross(painter, cell, spot)
            painter.restore()
        self._paint_divider(painter)
        self.labels.paint(painter)
        self._paint_current(painter)
        taken = self.inspector.paint(painter, spot) if self.shows_inspector else None
        # Beside the picture there is nothing to enlarge.
        if not self.shows_loupe or self.inspector.place(spot) is None:
            return True
        return self.loupe.paint(painter, drawing, spot, taken)

    def _paint_overlay(self, painter: QPainter, part: Part) -> None:
        overlay = self._panes.comparison.overlays.get(part.key)
        if overlay is None:
            return
        place = self._panes.place_input(overlay.box, part.cell)
        shown = place & part.view
        if shown.isEmpty() or place.isEmpty():
            return
        # Of a large enlargement only the part in view: Qt's painter cannot count beyond 32 767.
        across, down = overlay.image.width() / place.width(), overlay.image.height() / place.height()
        source = QRectF(
            (shown.left() - place.left()) * across,
            (shown.top() - place.top()) * down,
            shown.width() * across,
            shown.height() * down,
        )
        painter.drawImage(QRectF(shown), overlay.image, source)

    def _paint_pixel_grid(self, painter: QPainter, part: Part) -> None:
        opened = self._panes.comparison.opened(part.key)
        own = self._panes.source_placement(opened, part.cell)
        seen = own.visible(part.view, opened.natural.height, opened.natural.width)
        place = own.place(seen)
        lines = [QLine(own.x_of(x), place.top(), own.x_of(x), place.bottom()) for x in range(seen.left, seen.right + 1)]
        lines += [
            QLine(place.left(), own.y_of(y), place.right(), own.y_of(y)) for y in range(seen.top, seen.bottom + 1)
        ]
        painter.save()
        painter.setClipRect(part.view)
        painter.setPen(QPen(_PIXEL_LINE, 1))
        painter.drawLines(lines)
        painter.restore()

    def _paint_tiles(self, painter: QPainter, cell: Cell) -> None:
        """Draws the tiles of the plan: a light line beside a dark one shows on every ground."""
        arrangement, boxes = self._panes.comparison.arrangement, self._panes.comparison.tile_grid
        if arrangement is None or not boxes:
            return
        if self._tiles is None or self._tiles[0] is not boxes:
            sides = [(box.top, box.left, box.bottom, box.right) for box in boxes]
            self._tiles = (boxes, np.array(sides, dtype=np.int64))
        placement = self._panes.placement_in(cell)
        scale = float(arrangement.scale) * placement.zoom
        if boxes[0].width * scale < _SMALLEST_TILE_PX * self._panes.ratio:
            return
        sides_px = np.rint(self._tiles[1] * scale).astype(np.int64)
        sides_px += np.array([placement.top, placement.left, placement.top, placement.left])
        view = cell.frame
        seen = sides_px[
            (sides_px[:, 0] <= view.bottom()) & (sides_px[:, 2] >= view.top())
            & (sides_px[:, 1] <= view.right()) & (sides_px[:, 3] >= view.left())
        ]  # fmt: skip
        frames = [
            QRect(QPoint(max(left, view.left() - 9), max(top, view.top() - 9)),
                  QPoint(min(right, view.right() + 9) - 1, min(bottom, view.bottom() + 9) - 1))
            for top, left, bottom, right in seen.tolist()
        ]  # fmt: skip
        width = max(1, round(self._panes.ratio))
        for colour, shift in ((_DARK_LINE, width), (_LIGHT_LINE, 0)):
            painter.setPen(QPen(colour, width))
            painter.drawRects([frame.adjusted(shift, shift, -shift - 1, -shift - 1) for frame in frames])

    def _paint_region(self, painter: QPainter, cell: Cell) -> None:
        region = self._panes.comparison.region
        if region is None:
            return
        place = self._panes.place_input(region, cell)
        letters = Lettering(self._panes.ratio)
        self._paint_border(painter, place, Qt.PenStyle.DashLine)
        text = f"{region.width} × {region.height}"
        tag = QRect(0, 0, letters.width(text, letters.small_bold) + letters.px(12), letters.px(20))
        tag.moveTopRight(QPoint(place.right() + 1, place.bottom() + letters.px(5)))
        if tag.bottom() > cell.frame.bottom():
            tag.moveBottom(place.bottom() - letters.px(5))
            tag.moveRight(place.right() - letters.px(5))
        letters.plate(painter, tag, 4)
        letters.write(painter, tag, text, letters.small_bold, MARK, Qt.AlignmentFlag.AlignHCenter)

    def _paint_frame(self, painter: QPainter, cell: Cell) -> None:
        frame = self._panes.comparison.frame
        if frame is None:
            return
        place = self._panes.place_input(frame, cell)
        letters = Lettering(self._panes.ratio)
        self._paint_border(painter, place, Qt.PenStyle.SolidLine)
        handle = frame_handle(place, self._panes.ratio)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(MARK)
        painter.drawRoundedRect(handle, 4 * letters.ratio, 4 * letters.ratio)
        painter.setBrush(ON_MARK)
        for column in range(2):
            for row in range(3):
                centre = QPointF(handle.left() + letters.px(9 + 5 * column), handle.top() + letters.px(6 + 5 * row))
                painter.drawEllipse(centre, 1.3 * letters.ratio, 1.3 * letters.ratio)
        painter.restore()
        words = handle.adjusted(letters.px(20), 0, -letters.px(6), 0)
        letters.write(painter, words, _tr("Preview"), letters.small_bold, ON_MARK)

    def _paint_border(self, painter: QPainter, place: QRect, style: Qt.PenStyle) -> None:
        """Draws a border outside the place: a dark line under a light blue one."""
        width = max(1, round(2 * self._panes.ratio))
        outer = QRectF(place).adjusted(-width / 2, -width / 2, width / 2, width / 2)
        # Far outside the pane nothing is drawn, and dashes there would be counted all the same.
        view = QRectF(self._panes.view).adjusted(-4 * width, -4 * width, 4 * width, 4 * width)
        for colour, line in ((QColor(0, 0, 0, 150), Qt.PenStyle.SolidLine), (MARK, style)):
            pen = QPen(colour, width, line)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(outer & view)

    def _paint_cross(self, painter: QPainter, cell: Cell, spot: tuple[Cell, QPointF]) -> None:
        """Marks in each pane the spot that is looked at in one."""
        at = spot[1] - QPointF(spot[0].frame.topLeft()) + QPointF(cell.frame.topLeft())
        reach, gap = 9 * self._panes.ratio, 4 * self._panes.ratio
        for colour, width in ((QColor(0, 0, 0, 170), 3.0), (QColor(255, 255, 255, 230), 1.2)):
            painter.setPen(QPen(colour, width * self._panes.ratio))
            for angle in range(0, 360, 90):
                direction = QPointF(math.cos(math.radians(angle)), math.sin(math.radians(angle)))
                painter.drawLine(at + direction * gap, at + direction * reach)

    def _paint_divider(self, painter: QPainter) -> None:
        divider, ratio = self._panes.divider, self._panes.ratio
        if divider is None:
            return
        is_level = self._panes.comparison.wipe_is_level
        width = max(2, round(2 * ratio))
        line = QRect(divider)
        if is_level:
            line.setHeight(width)
            line.translate(0, -width // 2)
        else:
            line.setWidth(width)
            line.translate(-width // 2, 0)
        painter.fillRect(line.adjusted(-1, -1, 1, 1), QColor(0, 0, 0, 110))
        painter.fillRect(line, QColor(255, 255, 255, 235))
        self._paint_grip(painter, QPointF(line.center()), is_level)

    def _paint_grip(self, painter: QPainter, at: QPointF, is_level: bool) -> None:
        ratio = self._panes.ratio
        radius = _DIVIDER_HANDLE_PX / 2 * ratio
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(0, 0, 0, 90), 2 * ratio))
        painter.setBrush(QColor(255, 255, 255, 245))
        painter.drawEllipse(at, radius, radius)
        painter.translate(at)
        if is_level:
            painter.rotate(90)
        pen = QPen(ON_MARK, 2 * ratio)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        for side in (-1, 1):
            tip, back, half = side * 10 * ratio, side * 5 * ratio, 5 * ratio
            painter.drawPolyline([QPointF(back, -half), QPointF(tip, 0), QPointF(back, half)])
        painter.restore()

    def _paint_current(self, painter: QPainter) -> None:
        """Frames the pane that is the current one among several."""
        comparison = self._panes.comparison
        if comparison.shown_mode != "grid" or comparison.peeked_key:
            return
        width = max(2, round(2 * self._panes.ratio))
        for cell in self._panes.cells:
            if cell.key == comparison.current_key:
                ring = QRegion(cell.frame) - QRegion(cell.frame.adjusted(width, width, -width, -width))
                painter.save()
                painter.setClipRegion(ring)
                painter.fillRect(cell.frame, QColor(self._theme.colours.accent_text))
                painter.restore()
