"""What an SSCAN reads at one step, in words beside its picture. Imports Qt, `app` and the plain data of `engine`."""

from __future__ import annotations

import math

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.inspector.legend import LegendRow
from app.inspector.overlays import QUERY, SELECTED
from engine.attention import Attention, WindowsFound
from engine.tiling.geometry import Box


class WindowDetails(QWidget):
    """The legend of red and white, and how far the model looks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._query, self._selected = LegendRow(QUERY), LegendRow(SELECTED)
        self._explained = QLabel()
        self._explained.setProperty("role", "muted")
        self._explained.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self._query, self._selected, self._explained):
            column.addWidget(widget)

    @property
    def text(self) -> str:
        """Everything that is said."""
        return "\n".join((self._query.text, self._selected.text, self._explained.text()))

    def show_step(self, attention: Attention, step: int) -> None:
        """Shows one step of an SSCAN."""
        assert isinstance(attention.found, WindowsFound)
        shown = attention.found.steps[step]
        edge, count = attention.window_px, len(shown.selected)
        self._query.say(self.tr("The window of this pixel, {edge} × {edge} px").format(edge=edge))
        if count == 1:
            told = self.tr("The window it reads, the most alike of {windows}")
        else:
            told = self.tr("The {count} windows it reads, the most alike of {windows}")
        self._selected.say(told.format(count=count, windows=shown.windows))
        farthest = max(_distance(box, shown.query) for box in shown.selected)
        words = []
        if shown.query in shown.selected:
            words.append(self.tr("One of them is its own."))
        else:
            words.append(self.tr("Its own is not among them."))
        if farthest:
            words.append(self.tr("The farthest is {distance} px away.").format(distance=round(farthest)))
        words.append(self.tr("What is dimmed is not read in this step."))
        self._explained.setText(" ".join(words))


def _distance(a: Box, b: Box) -> float:
    """How far the corners of two boxes are apart, in pixels."""
    return math.hypot(a.top - b.top, a.left - b.left)
