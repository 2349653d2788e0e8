"""What an ESC convolves with at one step: the shared kernel, the tile's own, and their sum.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from app.inspector.arrays import kernels_of
from app.inspector.kernel_view import KernelView
from app.inspector.legend import HeatLegend
from app.theme import Theme
from engine.attention import Attention, KernelsFound


class KernelDetails(QWidget):
    """The three kernels of one channel, or their means. `channel_changed` when another channel was chosen."""

    channel_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = KernelView(theme)
        self.channels = QComboBox()
        self.channels.setAccessibleName(self.tr("Channel"))
        self.channels.setToolTip(self.tr("The convolution has a kernel for each of its channels."))
        self.channels.currentIndexChanged.connect(self._tell_channel)
        self._explained, self._over = QLabel(), QLabel()
        for label in (self._explained, self._over):
            label.setProperty("role", "muted")
            label.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        for widget in (self.view, self.channels, self._explained):
            column.addWidget(widget)
        column.addSpacing(4)
        column.addWidget(self._over)
        column.addWidget(HeatLegend(theme))

    @property
    def channel(self) -> int | None:
        """The channel that is shown, None for the mean of all."""
        return None if self.channels.currentIndex() <= 0 else self.channels.currentIndex() - 1

    @property
    def text(self) -> str:
        """Everything that is said."""
        return "\n".join((self._explained.text(), self._over.text()))

    def show_step(self, attention: Attention, step: int) -> None:
        """Shows one convolution of an ESC."""
        found = attention.found
        assert isinstance(found, KernelsFound)
        channels, edge = found.shared.shape[0], found.shared.shape[1]
        self._offer_channels(channels)
        self.view.show_kernels(kernels_of(found, step, self.channel))
        words = [
            self.tr("The shared kernel is the same everywhere in the network; the small one is made from this tile.")
        ]
        if found.mixes:
            words.append(
                self.tr("Shown is what a channel makes of itself; the shared kernel mixes all {count} as well.").format(
                    count=channels
                )
            )
        self._explained.setText(" ".join(words))
        self._over.setText(
            self.tr(
                "Over the image: the {edge} × {edge} px around the pixel, and how strong the whole kernel is there."
            ).format(edge=edge)
        )

    def _offer_channels(self, count: int) -> None:
        """Lists so many channels; the choice stays where there is one of that number."""
        if self.channels.count() == count + 1:
            return
        chosen = self.channels.currentIndex()
        self.channels.blockSignals(True)
        self.channels.clear()
        self.channels.addItem(self.tr("All channels (mean)"))
        self.channels.addItems([self.tr("Channel {number}").format(number=number + 1) for number in range(count)])
        self.channels.setCurrentIndex(chosen if 0 <= chosen <= count else 0)
        self.channels.blockSignals(False)

    @Slot()
    def _tell_channel(self) -> None:
        self.channel_changed.emit()
