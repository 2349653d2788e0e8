"""How the tokens that survive get fewer from layer to layer, as bars. Imports Qt and `app`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.compare.lettering import Lettering
from app.theme import Theme

_HEIGHT_PX = 78
_LABEL_PX = 18
_GAP_PX = 2


class CountChart(QWidget):
    """One bar a layer, its height the logarithm of the count. `chosen(layer)` when one is clicked."""

    chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._counts: tuple[int, ...] = ()
        self._step = 0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Tokens left after each layer"))
        theme.changed.connect(self.update)

    def show_counts(self, counts: Sequence[int], step: int) -> None:
        """Shows how many tokens each layer keeps, one of the layers marked."""
        self._counts, self._step = tuple(counts), step
        told = ", ".join(str(count) for count in counts)
        self.setAccessibleDescription(told)
        self.setToolTip(self.tr("Tokens left after each layer: {counts}.\nClick a bar to see it.").format(counts=told))
        self.update()

    def sizeHint(self) -> QSize:
        """Bars, and a line of numbers above them."""
        return QSize(272, _HEIGHT_PX)

    def bar_at(self, x: int) -> int | None:
        """Returns the layer whose bar is at `x`."""
        if not self._counts or not 0 <= x < self.width():
            return None
        return min(len(self._counts) - 1, x * len(self._counts) // self.width())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses the layer whose bar is clicked."""
        layer = self.bar_at(round(event.position().x()))
        if layer is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(layer)
        event.accept()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws the bars and the numbers where the count changes."""
        if not self._counts:
            return
        painter, letters, colours = QPainter(self), Lettering(1.0), self._theme.colours
        room, most = self.height() - _LABEL_PX, math.log2(max(2, *self._counts))
        labelled_until = 0
        for index, count in enumerate(self._counts):
            left = index * self.width() // len(self._counts)
            width = (index + 1) * self.width() // len(self._counts) - left
            height = max(3, round(room * math.log2(max(1, count)) / most))
            bar = QRect(left, self.height() - height, max(1, width - _GAP_PX), height)
            is_current = index == self._step
            painter.fillRect(bar, QColor(colours.accent_text if is_current else colours.control_border))
            is_first = index == 0 or self._counts[index - 1] != count
            font = letters.small_bold if is_current else letters.small
            wide = letters.width(str(count), font)
            start = min(left, self.width() - wide)
            if is_first and start >= labelled_until:
                row = QRect(start, bar.top() - _LABEL_PX, wide + 1, _LABEL_PX)
                letters.write(painter, row, str(count), font, QColor(colours.text if is_current else colours.muted))
                labelled_until = start + wide + 4
