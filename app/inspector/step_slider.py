"""Through the steps of a network: a slider, and where it stands in words. Imports Qt and the plain data of `engine`."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QLabel, QSlider, QVBoxLayout, QWidget

from engine.attention import Attention, KernelsFound, TokensFound


class StepSlider(QWidget):
    """`changed(step)` when another step was chosen: with the pointer, the arrow keys, Page (a block), Home or End."""

    changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumHeight(22)
        self.slider.setAccessibleName(self.tr("Step of the network"))
        self.slider.setToolTip(
            self.tr("Through the network, step by step (←, →; Page Up and Page Down: a whole block; Home, End).")
        )
        self._words = QLabel()
        self._words.setProperty("role", "title")
        self._attention: Attention | None = None
        self.slider.valueChanged.connect(self._follow)
        self.setFocusProxy(self.slider)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._words)
        column.addWidget(self.slider)

    @property
    def text(self) -> str:
        """Where the slider stands."""
        return self._words.text()

    def show_steps(self, attention: Attention, step: int) -> None:
        """Goes over the steps of a network and stands at one of them; `changed` is not emitted."""
        self._attention = attention
        steps = attention.found.steps
        self.slider.blockSignals(True)
        self.slider.setRange(0, len(steps) - 1)
        self.slider.setPageStep(max(1, sum(each.block == 0 for each in steps)))
        self.slider.setValue(step)
        self.slider.setEnabled(len(steps) > 1)
        self.slider.blockSignals(False)
        self._say(step)

    @Slot(int)
    def _follow(self, step: int) -> None:
        self._say(step)
        self.changed.emit(step)

    def _say(self, step: int) -> None:
        if self._attention is None:
            return
        steps = self._attention.found.steps
        shown = steps[step]
        match self._attention.found:
            case TokensFound():
                words = self.tr("Block {block} of {blocks} · layer {layer} of {layers}")
            case KernelsFound():
                words = self.tr("Block {block} of {blocks} · convolution {layer} of {layers}")
            case _:
                words = self.tr("Block {block} of {blocks} · attention {layer} of {layers}")
        told = words.format(
            block=shown.block + 1,
            blocks=steps[-1].block + 1,
            layer=shown.layer + 1,
            layers=sum(each.block == shown.block for each in steps),
        )
        self._words.setText(told)
        self.slider.setAccessibleDescription(told)
