"""The pixel inspector: where the pointer is, and which values lie there in every source.

Imports Qt, numpy, `app.compare` and the plain data of `engine`. Single pixels are read from the rasters' maps; values
are given as 0..255 whatever the raster's type, with a decimal where it has more steps than that.
"""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QCoreApplication, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.compare.lettering import FAINT, MARGIN_PX, PLATE_EDGE, WORDS, Lettering
from app.compare.panes import Cell, Panes
from app.compare.sampling import as_unit, colour_of
from engine.deferred import np

_LINE_PX = 22
_PADDING_PX = 12
_SWATCH_PX = 14
_TITLE_WIDTH_PX = 150
_VALUE_WIDTH_PX = 46


def _tr(text: str) -> str:
    return QCoreApplication.translate("compare", text)


class Reading(NamedTuple):
    """One source's pixel: `values` as 0..255 (red, green, blue, alpha if any), or None where it is not there yet."""

    key: str
    title: str
    values: tuple[float, ...] | None
    is_exact: bool
    difference: float | None


class Inspector:
    """Reads the pixels at a spot and paints them as a table."""

    def __init__(self, panes: Panes) -> None:
        self._panes = panes

    def place(self, spot: tuple[Cell, QPointF]) -> tuple[int, int, int, int] | None:
        """Returns (x, y) in the input and (x, y) in the picture of a spot, or None outside of the picture."""
        arrangement = self._panes.comparison.arrangement
        x, y = self._panes.placement_in(spot[0]).to_picture(spot[1].x(), spot[1].y())
        if arrangement is None or not (0 <= x < arrangement.width and 0 <= y < arrangement.height):
            return None
        scale = float(arrangement.scale)
        return int(x / scale), int(y / scale), int(x), int(y)

    def read(self, spot: tuple[Cell, QPointF]) -> list[Reading]:
        """Returns the values of all sources at a spot; empty outside of the picture."""
        comparison, place = self._panes.comparison, self.place(spot)
        if place is None:
            return []
        values = {key: self._values(key, place[2], place[3]) for key in comparison.keys}
        base = values.get(comparison.reference_key)
        readings = []
        for key in comparison.keys:
            own = values[key]
            difference = None
            if own is not None and base is not None and key != comparison.reference_key:
                difference = max(abs(a - b) for a, b in zip(own[:3], base[:3], strict=True))
            is_exact = comparison.opened(key).source.raster.dtype == "uint8"
            readings.append(Reading(key, comparison.opened(key).source.title, own, is_exact, difference))
        return readings

    def words(self, spot: tuple[Cell, QPointF]) -> str:
        """Returns the same as a text, for assistive tools."""
        place = self.place(spot)
        if place is None:
            return ""
        lines = [_tr("Input pixel {x}, {y}").format(x=place[0], y=place[1])]
        lines += [f"{each.title}: {', '.join(_shown(each))}" for each in self.read(spot)]
        return "\n".join(lines)

    def _values(self, key: str, x: int, y: int) -> tuple[float, ...] | None:
        comparison = self._panes.comparison
        opened, finished = comparison.opened(key), comparison.finished(key)
        top, left = opened.origin
        row, column = int((y + 0.5 - top) / opened.magnification), int((x + 0.5 - left) / opened.magnification)
        raster = opened.source.raster
        if y < top or x < left or row >= raster.height or column >= raster.width:
            return None
        if finished is not None and not finished.contains(QPoint(column, row)):
            return None
        pixel = as_unit(opened.map_hwc[row : row + 1, column : column + 1])
        values = colour_of(pixel)[0, 0]
        if raster.has_alpha:
            values = np.append(values, pixel[0, 0, -1])
        return tuple(float(value) * 255 for value in values)

    def frame(self, spot: tuple[Cell, QPointF]) -> QRect:
        """Returns where the table lies: in the lower left corner of the stage, or the right one where the spot is in the left."""
        return self._frame(spot, self.read(spot))

    def _frame(self, spot: tuple[Cell, QPointF], readings: list[Reading]) -> QRect:
        letters = Lettering(self._panes.ratio)
        view, margin = self._panes.view, letters.px(MARGIN_PX)
        columns = _channels(readings) + 1
        width = letters.px(_SWATCH_PX + 8 + _TITLE_WIDTH_PX + columns * _VALUE_WIDTH_PX) + 2 * letters.px(_PADDING_PX)
        height = (len(readings) + 2 if readings else 1) * letters.px(_LINE_PX) + 2 * letters.px(7)
        frame = QRect(view.left() + margin, view.bottom() + 1 - margin - height, width, height)
        if frame.adjusted(-margin, -margin, margin, margin).contains(spot[1].toPoint()):
            frame.moveRight(view.right() - margin)
        return frame

    def paint(self, painter: QPainter, spot: tuple[Cell, QPointF]) -> QRect:
        """Paints the table and returns where it lies."""
        letters, place, readings = Lettering(self._panes.ratio), self.place(spot), self.read(spot)
        frame, channels = self._frame(spot, readings), _channels(readings)
        padding, line = letters.px(_PADDING_PX), letters.px(_LINE_PX)
        letters.plate(painter, frame, 8)
        row = QRect(frame.left() + padding, frame.top() + letters.px(7), frame.width() - 2 * padding, line)
        if place is None:
            letters.write(painter, row, _tr("Point at the image to read its pixels."), letters.plain, FAINT)
            return frame
        told = _tr("Input {x}, {y}").format(x=place[0], y=place[1])
        if place[:2] != place[2:]:
            told += "    " + _tr("Result {x}, {y}").format(x=place[2], y=place[3])
        letters.write(painter, row, told, letters.bold)
        row.translate(0, line)
        heads = [*(_tr("R"), _tr("G"), _tr("B"), _tr("A"))[:channels], _tr("Δ max")]
        self._paint_columns(painter, letters, row, heads, FAINT)
        for reading in readings:
            row.translate(0, line)
            self._paint_reading(painter, letters, row, reading, channels)
        return frame

    def _paint_reading(
        self, painter: QPainter, letters: Lettering, row: QRect, reading: Reading, channels: int
    ) -> None:
        edge = letters.px(_SWATCH_PX)
        swatch = QRect(row.left(), row.top() + (row.height() - edge) // 2, edge, edge)
        if reading.values is not None:
            painter.fillRect(swatch, QColor(*(round(value) for value in reading.values[:3])))
        painter.setPen(QPen(PLATE_EDGE, letters.ratio))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(swatch)
        title = QRect(swatch.right() + letters.px(9), row.top(), letters.px(_TITLE_WIDTH_PX - 8), row.height())
        is_current = reading.key == self._panes.comparison.current_key
        letters.write(painter, title, reading.title, letters.bold if is_current else letters.plain)
        texts = _shown(reading)
        if reading.values is not None:
            texts += [""] * (channels - len(texts))
            texts.append("" if reading.difference is None else f"{reading.difference:.1f}")
        self._paint_columns(painter, letters, row, texts, WORDS if reading.values is not None else FAINT)

    def _paint_columns(
        self, painter: QPainter, letters: Lettering, row: QRect, texts: list[str], colour: QColor
    ) -> None:
        width = letters.px(_VALUE_WIDTH_PX)
        first = row.left() + letters.px(_SWATCH_PX + 8 + _TITLE_WIDTH_PX)
        if len(texts) == 1:
            width = row.right() + 1 - first
        for index, text in enumerate(texts):
            cell = QRect(first + index * width, row.top(), width, row.height())
            letters.write(painter, cell, text, letters.plain, colour, Qt.AlignmentFlag.AlignRight)


def _channels(readings: list[Reading]) -> int:
    return 4 if any(each.values is not None and len(each.values) == 4 for each in readings) else 3


def _shown(reading: Reading) -> list[str]:
    if reading.values is None:
        return [_tr("not there yet")]
    return [f"{value:.0f}" if reading.is_exact else f"{value:.1f}" for value in reading.values]
