"""Words over pictures: light on dark plates in both schemes, because what lies beneath may have any colour.

Imports Qt. Sizes are given in logical pixels and drawn in device pixels.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QApplication

PLATE = QColor(17, 18, 20, 222)
PLATE_EDGE = QColor(255, 255, 255, 34)
WORDS = QColor("#f4f5f7")
FAINT = QColor("#b9bdc6")
MARK = QColor("#8ab8ff")
ON_MARK = QColor("#10141c")
MARGIN_PX = 10


class Lettering:
    """Fonts and plates at one sharpness (`ratio`: device pixels per logical pixel)."""

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        self.plain = _font(12, ratio)
        self.bold = _font(12, ratio, QFont.Weight.DemiBold)
        self.small = _font(11, ratio)
        self.small_bold = _font(11, ratio, QFont.Weight.DemiBold)

    def px(self, logical: float) -> int:
        """Returns a length in device pixels."""
        return round(logical * self.ratio)

    def width(self, text: str, font: QFont) -> int:
        """Returns the text's width in device pixels."""
        return QFontMetrics(font).horizontalAdvance(text)

    def height(self, font: QFont) -> int:
        """Returns the line's height in device pixels."""
        return QFontMetrics(font).height()

    def plate(self, painter: QPainter, frame: QRect, radius: float = 6) -> None:
        """Draws a plate for words."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(PLATE_EDGE, self.ratio))
        painter.setBrush(PLATE)
        painter.drawRoundedRect(frame, radius * self.ratio, radius * self.ratio)
        painter.restore()

    def write(
        self,
        painter: QPainter,
        frame: QRect,
        text: str,
        font: QFont,
        colour: QColor = WORDS,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        """Writes one line in the frame, shortened where it is too long."""
        painter.setFont(font)
        painter.setPen(colour)
        shown = QFontMetrics(font).elidedText(text, elide, frame.width())
        painter.drawText(frame, align | Qt.AlignmentFlag.AlignVCenter, shown)

    def badge(self, painter: QPainter, at: QPoint, text: str, is_marked: bool) -> QRect:
        """Draws a small square with a letter or number; its place is returned."""
        edge = self.px(18)
        frame = QRect(at.x(), at.y(), max(edge, self.width(text, self.small_bold) + self.px(10)), edge)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(MARK if is_marked else QColor(255, 255, 255, 38))
        painter.drawRoundedRect(frame, 4 * self.ratio, 4 * self.ratio)
        painter.restore()
        colour = ON_MARK if is_marked else WORDS
        self.write(painter, frame, text, self.small_bold, colour, Qt.AlignmentFlag.AlignHCenter)
        return frame


def _font(logical_px: float, ratio: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    font = QFont(QApplication.font())
    font.setPixelSize(max(1, round(logical_px * ratio)))
    font.setWeight(weight)
    return font
