"""The edge of a tile as a slider: from what the memory plan chooses, over fixed sizes, to no tiles at all. Imports Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

TileEdge = int | Literal["auto"] | None


class TileSlider(QWidget):
    """`edge`: input pixels, "auto", or None for the whole image at once. `changed` when another is chosen."""

    changed = Signal()

    def __init__(self, edges_px: Sequence[int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stops: tuple[TileEdge, ...] = ("auto", *edges_px, None)
        # What "auto" has come to, in words, or "" while that is not known.
        self._found = ""
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMinimumHeight(20)
        self.slider.setRange(0, len(self._stops) - 1)
        self.slider.setPageStep(1)
        self.slider.setAccessibleName(self.tr("Tile"))
        self.slider.setToolTip(
            self.tr(
                "Edge of a tile in pixels of the image (←, →). Auto, at the left end, takes the largest that fits the memory;"
                " at the right end the whole image goes through the model at once."
            )
        )
        self.setFocusProxy(self.slider)
        label = QLabel(self.tr("Tile"))
        label.setBuddy(self.slider)
        self._words = QLabel()
        head = QHBoxLayout()
        head.addWidget(label)
        head.addStretch(1)
        head.addWidget(self._words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.slider)
        self.slider.valueChanged.connect(self._follow)
        self._say()

    @property
    def edge(self) -> TileEdge:
        """What is chosen."""
        return self._stops[self.slider.value()]

    @property
    def stops(self) -> tuple[TileEdge, ...]:
        """What there is to choose, from left to right."""
        return self._stops

    @property
    def text(self) -> str:
        """What is chosen, in words."""
        return self._words.text()

    def choose(self, edge: TileEdge) -> None:
        """Chooses an edge; raises ValueError where the slider has no place for it."""
        self.slider.setValue(self._stops.index(edge))

    def show_found(self, found: str) -> None:
        """Shows what "auto" has come to; "": not known."""
        self._found = found
        self._say()

    @Slot()
    def _follow(self) -> None:
        # Of the choice before.
        self._found = ""
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        if self.edge is None:
            words = self.tr("Off: whole image")
        elif self.edge == "auto":
            words = self.tr("Auto ({edge})").format(edge=self._found) if self._found else self.tr("Auto")
        else:
            words = self.tr("{edge} px").format(edge=self.edge)
        self._words.setText(words)
        self.slider.setAccessibleDescription(words)
