"""What a PFT reads at one layer: how many tokens survive, and how they get fewer.

Imports Qt, numpy, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from app.inspector.arrays import weights_in
from app.inspector.count_chart import CountChart
from app.inspector.legend import HeatLegend
from app.theme import Theme
from engine.attention import Attention, TokensFound
from engine.deferred import np


class TokenDetails(QWidget):
    """The count, the counts of all layers, and which head is shown. `head_changed`; `step_chosen(layer)` from the chart."""

    head_changed = Signal()
    step_chosen = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = QLabel()
        self._count.setProperty("role", "display")
        self._of = QLabel()
        self._explained = QLabel()
        for label in (self._of, self._explained):
            label.setProperty("role", "muted")
            label.setWordWrap(True)
        self.chart = CountChart(theme)
        self.chart.chosen.connect(self.step_chosen)
        self.heads = QComboBox()
        self.heads.setAccessibleName(self.tr("Head"))
        self.heads.setToolTip(self.tr("Each head of the attention looks by itself and keeps tokens of its own."))
        self.heads.currentIndexChanged.connect(self._tell_head)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self._count, self._of, self.chart, self.heads, HeatLegend(theme), self._explained):
            column.addWidget(widget)

    @property
    def head(self) -> int | None:
        """The head that is shown, None for all of them."""
        return None if self.heads.currentIndex() <= 0 else self.heads.currentIndex() - 1

    @property
    def text(self) -> str:
        """Everything that is said."""
        return "\n".join((self._count.text(), self._of.text(), self._explained.text()))

    def show_step(self, attention: Attention, step: int) -> None:
        """Shows one layer of a PFT."""
        found = attention.found
        assert isinstance(found, TokensFound)
        shown = found.steps[step]
        self._offer_heads(shown.weights.shape[0])
        self._count.setText(self.tr("{count} of {tokens}").format(count=shown.count, tokens=found.window_tokens))
        self._of.setText(self._kept(shown.count, found.window_tokens))
        self.chart.show_counts([each.count for each in found.steps], step)
        weights = weights_in(shown, attention.tile, self.head)
        together = int(np.count_nonzero(~np.isnan(weights)))
        words = []
        if self.head is None and shown.weights.shape[0] > 1 and together > shown.count:
            words.append(self.tr("Together the heads keep {count} different ones.").format(count=together))
        if shown.is_shifted:
            words.append(
                self.tr(
                    "This layer's windows are shifted by half a window; layers of one kind inherit each other's tokens."
                )
            )
        self._explained.setText(" ".join(words))
        self._explained.setVisible(bool(words))

    def _kept(self, count: int, tokens: int) -> str:
        if count >= tokens:
            return self.tr(
                "Tokens of the window (white) are read: all of them so far, coloured by how much each counts."
            )
        return self.tr("Tokens of the window (white) are left in each head, coloured by how much each counts.")

    def _offer_heads(self, count: int) -> None:
        """Lists so many heads; the choice stays where there is one of that number."""
        if self.heads.count() == count + 1:
            return
        chosen = self.heads.currentIndex()
        self.heads.blockSignals(True)
        self.heads.clear()
        self.heads.addItem(self.tr("All heads (mean)"))
        self.heads.addItems([self.tr("Head {number}").format(number=number + 1) for number in range(count)])
        self.heads.setCurrentIndex(chosen if 0 <= chosen <= count else 0)
        self.heads.blockSignals(False)
        self.heads.setVisible(count > 1)

    @Slot()
    def _tell_head(self) -> None:
        self.head_changed.emit()
