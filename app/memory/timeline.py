"""The picture of the readings over time. Imports Qt, pyqtgraph, numpy and `app`.

Loaded only when the panel is first seen: importing pyqtgraph takes a quarter of a second of processor time. Layers are painted
from the highest to the lowest, each filled down to zero, so that none has to be cut out of another.
"""

from __future__ import annotations

from math import ceil, floor, inf, log2, log10
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QFont, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from app.memory.colours import Inks
from app.memory.curves import Curve
from app.memory.readings import Picture, Scope
from app.memory.wording import GIB, gib_text, time_tick, whole_gib_text

_LAYERS = ("cached", "activations", "weights", "context", "other")
_LEAST_TOP = 2**24
# So far may the words of an axis reach beyond its ends.
_SPARE_PX = 24
# A limit that lies further away than this would press everything else flat.
_FAR = 2.5


class Timeline(QWidget):
    """Paints a `Picture`. `cursor_moved(time_s)` where the pointer or the arrow keys read, None where they no longer do;
    `span_asked(step)` when the person wants to see more (1) or less (-1) of the past."""

    cursor_moved = Signal(object)
    span_asked = Signal(int)

    def __init__(self, inks: Inks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture: Picture | None = None
        self._cursor_s: float | None = None
        self._top = float(_LEAST_TOP)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Memory over time"))
        self.setAccessibleDescription(
            self.tr("Left and Right read single moments, plus and minus change how much of the past is shown.")
        )
        self.plot: Any = pg.PlotWidget(enableMenu=False)
        self._make_plot()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        self.set_inks(inks)

    def _make_plot(self) -> None:
        plot = self.plot
        plot.setFrameShape(QFrame.Shape.NoFrame)
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        plot.setMouseEnabled(x=False, y=False)
        plot.hideButtons()
        plot.getViewBox().setDefaultPadding(0)
        # Room for the outermost words of the axes.
        plot.getPlotItem().setContentsMargins(0, 7, 20, 0)
        plot.viewport().installEventFilter(self)
        plot.scene().sigMouseMoved.connect(self._point_at)
        self._curves: list[Curve] = []
        self._grid = self._add(-1, Curve(in_pairs=True))
        self._layers = {name: self._add(rank, Curve(fills=True)) for rank, name in enumerate(_LAYERS)}
        self._total = self._add(10, Curve())
        self._peaks = self._add(11, Curve(in_pairs=True))
        self._predicted = self._add(12, Curve())
        self._limit = self._add(13, Curve())
        self._cursor: Any = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(20)
        self._cursor.hide()
        plot.addItem(self._cursor, ignoreBounds=True)
        # Says where the limit is when it lies above the picture.
        self._beyond: Any = pg.TextItem(anchor=(0, 0.2))
        self._beyond.setZValue(19)
        plot.addItem(self._beyond, ignoreBounds=True)

    def _add(self, rank: int, curve: Curve) -> Curve:
        curve.setZValue(rank)
        self.plot.addItem(curve, ignoreBounds=True)
        self._curves.append(curve)
        return curve

    def set_inks(self, inks: Inks) -> None:
        """Paints in these colours from now on."""
        self.plot.setBackground(inks.stage)
        for name, curve in self._layers.items():
            colour = QColor(getattr(inks, name))
            curve.set_pen(pg.mkPen(colour))
        self._total.set_pen(pg.mkPen(inks.total))
        self._peaks.set_pen(pg.mkPen(inks.peak, width=2))
        self._predicted.set_pen(pg.mkPen(inks.predicted, width=2, style=Qt.PenStyle.DashLine))
        self._limit.set_pen(pg.mkPen(inks.limit, width=2, style=Qt.PenStyle.DotLine))
        self._cursor.setPen(pg.mkPen(inks.cursor))
        self._beyond.setColor(QColor(inks.limit))
        font = QFont(self.font())
        font.setPointSizeF(max(font.pointSizeF() - 1, 6))
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(inks.grid))
            axis.setTextPen(pg.mkPen(inks.text))
            self._beyond.setFont(font)
            axis.setStyle(tickLength=0, tickFont=font, tickTextOffset=5, hideOverlappingLabels=_SPARE_PX)
        self.plot.getAxis("left").setWidth(self.fontMetrics().horizontalAdvance("0.000 GiB") + 8)
        self.plot.getAxis("bottom").setHeight(self.fontMetrics().height() + 4)
        self._grid.set_pen(pg.mkPen(inks.grid))

    def show_picture(self, picture: Picture) -> None:
        """Paints this from now on."""
        is_new_span = self._picture is None or picture.span_s != self._picture.span_s
        self._picture = picture
        columns = picture.history.columns(picture.now_s - picture.span_s, picture.now_s)
        ages = columns["time_s"] - picture.now_s
        floors = columns["other"] if picture.scope == "all" else np.zeros(len(ages))
        self._show_layers(ages, columns, picture.scope)
        heads = floors + columns["context"]
        self._predicted.set_data(ages, heads + columns["predicted"])
        limits = columns["ceiling"] if picture.scope == "all" else columns["context"] + columns["limit"]
        peaks = self._show_peaks(picture, ages, heads)
        if picture.scope == "all":
            top = _highest(columns["total"]) * 1.03
        else:
            inner = max(_highest(*(heads + columns[name] for name in ("predicted",))), peaks, _highest(_ours(columns)))
            limit = _highest(limits)
            # Above the highest there is room for the words that say where the limit is.
            top = 1.12 * limit if inner < limit <= _FAR * inner else 1.3 * inner
        self._limit.set_data(ages, limits)
        self._total.set_data(ages, columns["total"])
        self._total.setVisible(picture.scope == "all")
        self._set_range(max(top, _LEAST_TOP), is_new_span)
        self._show_beyond(limits, columns["limit"])
        self._show_cursor()

    def clear_cursor(self) -> None:
        """Reads no moment any more."""
        self._read(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and Right read the moments one by one, Escape stops that; plus and minus change the span."""
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                self._step(-1 if event.key() == Qt.Key.Key_Left else 1)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.span_asked.emit(-1)
            case Qt.Key.Key_Minus:
                self.span_asked.emit(1)
            case Qt.Key.Key_Escape if self._cursor_s is not None:
                self._read(None)
            case _:
                super().keyPressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows the pointer out of the plot, and its wheel."""
        if event.type() == QEvent.Type.Leave:
            self._read(None)
        elif event.type() == QEvent.Type.Wheel and isinstance(event, QWheelEvent):
            if event.angleDelta().y():
                self.span_asked.emit(-1 if event.angleDelta().y() > 0 else 1)
            return True
        return super().eventFilter(watched, event)

    def _show_layers(self, ages: NDArray[np.float64], columns: dict[str, NDArray[np.float64]], scope: Scope) -> None:
        height = np.zeros(len(ages))
        for name in reversed(_LAYERS):
            if name == "other" and scope == "ours":
                self._layers[name].set_data(np.empty(0), np.empty(0))
                continue
            height = height + columns[name]
            self._layers[name].set_data(ages, height)

    def _show_peaks(self, picture: Picture, ages: NDArray[np.float64], heads: NDArray[np.float64]) -> float:
        """Draws the peaks of the tiles in view as levels over the time each took; returns the highest."""
        begin_s = picture.now_s - picture.span_s
        peaks = [each for each in picture.history.peaks if begin_s < each.end_s and each.begin_s <= picture.now_s]
        if not peaks or not len(ages):
            self._peaks.set_data(np.empty(0), np.empty(0))
            return 0.0
        spans = np.array([(each.begin_s, each.end_s) for each in peaks]) - picture.now_s
        at = np.clip(np.searchsorted(ages, spans[:, 1]), 0, len(ages) - 1)
        levels = heads[at] + np.array([each.peak for each in peaks])
        # A gap of a few pixels between neighbours, so that each tile is seen for itself.
        spans[:, 0] = np.minimum(spans[:, 0] + picture.span_s / 250, spans[:, 1])
        self._peaks.set_data(spans.ravel(), np.repeat(levels, 2))
        return float(levels.max())

    def _set_range(self, top: float, is_new_span: bool) -> None:
        assert self._picture is not None
        span_s = self._picture.span_s
        # The scale follows growth at once, but shrinks only when it is far too large: it must not breathe with every tile.
        if top > self._top or top < 0.6 * self._top or is_new_span:
            self._top = top
            self.plot.setYRange(0, top, padding=0)
            heights = _heights(top)
            self.plot.getAxis("left").setTicks([[(value, _tick(value, top)) for value in heights]])
            self._grid.set_data(np.tile([-span_s, 0.0], len(heights)), np.repeat(heights, 2))
        if is_new_span:
            self.plot.setXRange(-span_s, 0, padding=0)
            steps = 6 if span_s % 6 == 0 else 5
            ages = [span_s * step / steps for step in range(steps + 1)]
            self.plot.getAxis("bottom").setTicks([[(-age, time_tick(age)) for age in ages]])
        for curve in self._curves:
            curve.set_frame(QRectF(-span_s, 0, span_s, self._top))

    def _show_beyond(self, heights: NDArray[np.float64], limits: NDArray[np.float64]) -> None:
        assert self._picture is not None
        # False too where the limit is unknown.
        is_beyond = bool(len(heights)) and bool(heights[-1] > self._top)
        self._beyond.setVisible(is_beyond)
        if is_beyond:
            self._beyond.setText(self.tr("limit {amount} ↑").format(amount=gib_text(float(limits[-1]))))
            self._beyond.setPos(-self._picture.span_s, self._top)

    @Slot(object)
    def _point_at(self, scene_position: QPointF) -> None:
        if self._picture is None:
            return
        box = self.plot.getViewBox()
        if not box.sceneBoundingRect().contains(scene_position):
            self._read(None)
            return
        self._read(self._picture.now_s + box.mapSceneToView(scene_position).x())

    def _step(self, step: int) -> None:
        if self._picture is None:
            return
        found = self._picture.history.beside(self._cursor_s if self._cursor_s is not None else inf, step)
        if found is not None:
            self._read(found.time_s)

    def _read(self, time_s: float | None) -> None:
        if time_s == self._cursor_s:
            return
        self._cursor_s = time_s
        self._show_cursor()
        self.cursor_moved.emit(time_s)

    def _show_cursor(self) -> None:
        self._cursor.setVisible(self._cursor_s is not None)
        if self._cursor_s is not None and self._picture is not None:
            self._cursor.setValue(self._cursor_s - self._picture.now_s)


def _ours(columns: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return columns["context"] + columns["weights"] + columns["activations"] + columns["cached"]


def _highest(values: NDArray[np.float64]) -> float:
    """Returns the highest of the values that are known, 0 where none is."""
    known = values[np.isfinite(values)]
    return float(known.max()) if len(known) else 0.0


def _heights(top: float) -> list[float]:
    """Returns three to five round heights from 0 on: powers of two of a GiB, below that tenths."""
    gib = top / GIB
    step = 2.0 ** ceil(log2(gib / 5)) if gib >= 4 else _round_step(gib / 4)
    return [step * count * GIB for count in range(floor(gib / step) + 1)]


def _round_step(least: float) -> float:
    """Returns the smallest of 1, 2, 5, 10, … (and their tenths) that is not less."""
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def _tick(height: float, top: float) -> str:
    """Returns a height for the axis; from 4 GiB on the heights are whole."""
    if not height:
        return "0"
    return gib_text(height) if top < 4 * GIB else whole_gib_text(height)
