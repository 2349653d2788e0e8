"""One picture in the bar above the comparison: a button with its number and name. Imports Qt and `app`."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.compare.lettering import Lettering
from app.theme import Theme

_HEIGHT_PX = 28
_PADDING_PX = 8
_LEAST_WIDTH_PX = 34
_MOST_WIDTH_PX = 190
_MARK_GAP_PX = 6


def _base() -> str:
    """Returns what the picture is called that the others are compared with."""
    return QCoreApplication.translate("compare", "Base")


def _mark_width(letters: Lettering) -> int:
    return letters.width(_base(), letters.small_bold) + 10


class Chip(QAbstractButton):
    """Shows a picture when it is clicked; Shift and click, or the right button, make it the base (`chosen_as_reference`)."""

    chosen_as_reference = Signal()

    def __init__(self, theme: Theme, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._number = number
        self.is_reference = False
        self.setCheckable(True)
        self.setFixedHeight(_HEIGHT_PX)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def rename(self, title: str) -> None:
        """Stands for a picture of this name."""
        self.setText(title)
        self.setAccessibleName(title)
        self.setToolTip(
            self.tr(
                "{title} ({number}; hold to peek)\nShift and click, or the right button: make it the base"
                " (Shift+{number})."
            ).format(title=title, number=self._number)
        )

    def show_as(self, is_current: bool, is_reference: bool) -> None:
        """Marks the picture that is shown, and the reference."""
        self.setChecked(is_current)
        self.is_reference = is_reference
        self.setAccessibleDescription(_base() if is_reference else "")
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the whole name, up to a limit."""
        letters = Lettering(1.0)
        width = 2 * _PADDING_PX + 20 + 8 + letters.width(self.text(), letters.bold)
        if self.is_reference:
            width += _mark_width(letters) + _MARK_GAP_PX
        return QSize(min(_MOST_WIDTH_PX, width + 2), _HEIGHT_PX)

    def minimumSizeHint(self) -> QSize:
        """Room for the number."""
        return QSize(_LEAST_WIDTH_PX, _HEIGHT_PX)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Shift and click, or the right button, choose the reference."""
        with_shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.button() == Qt.MouseButton.RightButton or (event.button() == Qt.MouseButton.LeftButton and with_shift):
            self.chosen_as_reference.emit()
            event.accept()
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Return presses it too; the other keys go on to the comparison."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws number, name and the mark of the reference."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colours, letters = self._theme.colours, Lettering(1.0)
        frame = self.rect().adjusted(1, 1, -1, -1)
        ground = colours.selected if self.isChecked() else colours.hovered if self.underMouse() else None
        painter.setPen(
            QPen(QColor(colours.accent_text), 1) if self.isChecked() or self.hasFocus() else Qt.PenStyle.NoPen
        )
        painter.setBrush(QColor(ground) if ground is not None else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(frame, 6, 6)
        x = self._paint_badge(painter, letters, QPoint(_PADDING_PX, 5), str(self._number), self.isChecked())
        rest = QRect(x + 8, 0, self.width() - x - 8 - _PADDING_PX, self.height())
        if self.is_reference:
            width = _mark_width(letters)
            if rest.width() > width:
                rest.setRight(rest.right() - width - _MARK_GAP_PX)
                self._paint_badge(painter, letters, QPoint(self.width() - _PADDING_PX - width, 5), _base(), False)
        font = letters.bold if self.isChecked() else letters.plain
        letters.write(painter, rest, self.text(), font, QColor(colours.text))

    def _paint_badge(self, painter: QPainter, letters: Lettering, at: QPoint, text: str, is_marked: bool) -> int:
        """Draws a small plate with a text; returns where it ends."""
        colours = self._theme.colours
        frame = QRect(at.x(), at.y(), max(18, letters.width(text, letters.small_bold) + 10), 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.accent if is_marked else colours.border))
        painter.drawRoundedRect(frame, 4, 4)
        colour = QColor(colours.on_accent if is_marked else colours.text)
        letters.write(painter, frame, text, letters.small_bold, colour, Qt.AlignmentFlag.AlignHCenter)
        return frame.right() + 1
