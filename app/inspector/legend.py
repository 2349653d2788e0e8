"""What the colours over the picture mean. Imports Qt, numpy and `app`."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from app.compare.lettering import Lettering
from app.inspector.overlays import scale_colours
from app.theme import Theme
from engine.deferred import np

_SWATCH_PX = 16
_BAR_PX = 10
_LINE_PX = 18


class Swatch(QWidget):
    """A small square with a line of one colour, on the dark of the picture that it lies over."""

    def __init__(self, colour: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = colour
        self.setFixedSize(_SWATCH_PX, _SWATCH_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws the square."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(60, 63, 70))
        pen = QPen(self._colour, 2)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        painter.setPen(pen)
        painter.drawRect(self.rect().adjusted(3, 3, -4, -4))


class LegendRow(QWidget):
    """A swatch and what it stands for."""

    def __init__(self, colour: QColor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._words = QLabel()
        self._words.setWordWrap(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(Swatch(colour), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self._words, 1)

    def say(self, text: str) -> None:
        """Shows what the colour stands for."""
        self._words.setText(text)

    @property
    def text(self) -> str:
        """What the colour stands for."""
        return self._words.text()


class HeatLegend(QWidget):
    """The scale of the heat from weak to strong, with words at its ends."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Colours from weak to strong"))
        self.setToolTip(
            self.tr("Relative to the strongest. The colours follow the square root, so that weak ones are seen.")
        )
        theme.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """A bar and a line of words."""
        return QSize(272, _BAR_PX + _LINE_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws the bar and its ends."""
        painter, letters = QPainter(self), Lettering(1.0)
        colours = np.ascontiguousarray(scale_colours(np.linspace(0, 1, 256, dtype=np.float32)))
        bar = QImage(colours.data, 256, 1, 3 * 256, QImage.Format.Format_RGB888)
        painter.drawImage(QRect(0, 0, self.width(), _BAR_PX), bar)
        row, muted = QRect(0, _BAR_PX, self.width(), _LINE_PX), QColor(self._theme.colours.muted)
        letters.write(painter, row, self.tr("weak"), letters.small, muted)
        letters.write(painter, row, self.tr("strong"), letters.small, muted, Qt.AlignmentFlag.AlignRight)
