"""The loupe: the spot under the pointer, enlarged, in all sources beside each other.

Imports Qt, `app.compare` and the plain data of `engine`. Its pictures come from the same tiles as the panes'.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QRegion

from app.compare.camera import MAX_ZOOM, ZOOM_STEPS, Placement, boxes_of
from app.compare.lettering import FAINT, WORDS, Lettering
from app.compare.painting import Drawing
from app.compare.panes import Cell, Panes

# Edges of a patch, the one that is wanted first: on a small stage smaller ones keep off the spot and the inspector.
_PATCH_PX = (120, 96, 72)
_CAPTION_PX = 22
_GAP_PX = 8
_AWAY_PX = 26
_MOST_COLUMNS = 5
# How many times larger than the pane, and at least this large.
_LARGER = 4.0
_LEAST_ZOOM = 8.0


class Loupe:
    """Paints the loupe near the spot it looks at, wherever there is room."""

    def __init__(self, panes: Panes) -> None:
        self._panes = panes

    @property
    def zoom(self) -> float:
        """Device pixels per picture pixel in the loupe."""
        wanted = min(MAX_ZOOM, max(_LEAST_ZOOM * self._panes.ratio, _LARGER * self._panes.camera.zoom))
        return next(step for step in ZOOM_STEPS if step >= wanted - 1e-6)

    def frame(self, spot: tuple[Cell, QPointF], taken: QRect | None = None) -> QRect:
        """Returns where the loupe lies: inside the stage, beside the spot, and off what is `taken` where there is room."""
        return self._laid_out(spot, taken)[0]

    def _laid_out(self, spot: tuple[Cell, QPointF], taken: QRect | None) -> tuple[QRect, int]:
        """Returns the frame and the edge of a patch: the largest that covers neither spot nor `taken`, else none but the spot."""
        letters = Lettering(self._panes.ratio)
        edges = [letters.px(edge_px) for edge_px in _PATCH_PX]
        frames = [self._places_of(edge, spot) for edge in edges]
        covered = [QRect(round(spot[1].x()), round(spot[1].y()), 1, 1), *([] if taken is None else [taken])]
        for hindrances in (covered, covered[:1]):
            for places, edge in zip(frames, edges, strict=True):
                for place in places:
                    if not any(place.intersects(each) for each in hindrances):
                        return place, edge
        return frames[0][0], edges[0]

    def _places_of(self, edge: int, spot: tuple[Cell, QPointF]) -> list[QRect]:
        """Returns where a loupe with patches of this edge may lie, the best place first; one that sticks out where it must."""
        letters, count = Lettering(self._panes.ratio), len(self._panes.comparison.keys)
        columns = self._columns(count)
        rows = -(-count // columns)
        gap = letters.px(_GAP_PX)
        size = QSize(columns * edge + (columns + 1) * gap, rows * (edge + letters.px(_CAPTION_PX)) + (rows + 1) * gap)
        view, away = self._panes.view, letters.px(_AWAY_PX)
        x, y = round(spot[1].x()), round(spot[1].y())
        last_left, last_top = view.right() + 1 - size.width(), view.bottom() + 1 - size.height()
        # Right below the spot if there is room, else on another side of it, else at an edge of the stage.
        lefts = [x + away, x - away - size.width(), last_left, view.left()]
        tops = [y + away, y - away - size.height(), last_top, view.top()]
        places = [
            QRect(left, top, size.width(), size.height())
            for top in tops
            for left in lefts
            if view.left() <= left <= last_left and view.top() <= top <= last_top
        ]
        return places or [QRect(max(view.left(), last_left), max(view.top(), last_top), size.width(), size.height())]

    def paint(
        self, painter: QPainter, drawing: Drawing, spot: tuple[Cell, QPointF], taken: QRect | None = None
    ) -> bool:
        """Paints the patches; returns whether all were sharp."""
        panes, comparison = self._panes, self._panes.comparison
        letters, (frame, edge) = Lettering(panes.ratio), self._laid_out(spot, taken)
        gap = letters.px(_GAP_PX)
        columns = self._columns(len(comparison.keys))
        letters.plate(painter, frame, 8)
        x, y = panes.placement_in(spot[0]).to_picture(spot[1].x(), spot[1].y())
        is_sharp = True
        for index, key in enumerate(comparison.keys):
            left = frame.left() + gap + (index % columns) * (edge + gap)
            top = frame.top() + gap + (index // columns) * (edge + gap + letters.px(_CAPTION_PX))
            patch = QRect(left, top, edge, edge)
            is_sharp &= self._paint_patch(painter, drawing, key, patch, x, y)
            caption = QRect(left, top + edge, edge, letters.px(_CAPTION_PX))
            colour = WORDS if key == comparison.current_key else FAINT
            letters.write(
                painter, caption, f"{index + 1}  {comparison.opened(key).source.title}", letters.small, colour
            )
        return is_sharp

    def _paint_patch(self, painter: QPainter, drawing: Drawing, key: str, patch: QRect, x: float, y: float) -> bool:
        zoom, opened = self.zoom, self._panes.comparison.opened(key)
        placement = Placement(
            round(patch.left() + patch.width() / 2 - x * zoom), round(patch.top() + patch.height() / 2 - y * zoom), zoom
        )
        painter.fillRect(patch, QColor(0, 0, 0, 120))
        finished = self._panes.comparison.finished(key)
        inside: QRegion | None = None
        if finished is not None:
            raster = opened.source.raster
            own = placement.inner(*opened.origin, float(opened.magnification))
            seen = own.visible(patch, raster.height, raster.width)
            inside = QRegion()
            for box in boxes_of(finished.intersected(QRect(seen.left, seen.top, seen.width, seen.height))):
                inside += own.place(box) & patch
        is_sharp = drawing.draw(painter, opened.natural, patch, placement, False, inside)
        self._paint_aim(painter, patch, zoom)
        return is_sharp

    def _paint_aim(self, painter: QPainter, patch: QRect, zoom: float) -> None:
        """Frames the middle pixel of the patch."""
        painter.save()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        edge = max(6.0 * self._panes.ratio, zoom)
        aim = QRect(0, 0, round(edge), round(edge))
        aim.moveCenter(patch.center())
        painter.setPen(QPen(QColor(0, 0, 0, 160), 3 * self._panes.ratio))
        painter.drawRect(aim)
        painter.setPen(QPen(QColor(255, 255, 255, 230), self._panes.ratio))
        painter.drawRect(aim)
        painter.restore()

    def _columns(self, count: int) -> int:
        return count if count <= _MOST_COLUMNS else -(-count // 2)
