"""What the window shows before there is an image: where to drop one, and what it takes.

Imports Qt and `app`.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, QSize, Qt, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.theme import Theme, draw_icon

_ICON_PX = 72
_MARGIN_PX = 28
_SLOT_PX = 84
_LEAST_WIDTH_PX, _LEAST_HEIGHT_PX = 320, 140


class DropArea(QWidget):
    """An invitation to drop images. `open_button` is the same by hand; `set_hovered` while files are held over it."""

    def __init__(self, theme: Theme, formats: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._is_hovered = False
        self._is_on_slot = False
        self.setAccessibleName(self.tr("Drop area"))
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._title = QLabel(self.tr("Drop images here"), alignment=Qt.AlignmentFlag.AlignCenter)
        self._title.setProperty("role", "display")
        takes = QLabel(self.tr("It takes {formats}, in 8 or 16 bits.").format(formats=formats))
        takes.setAlignment(Qt.AlignmentFlag.AlignCenter)
        takes.setProperty("role", "muted")
        takes.setWordWrap(True)
        more = QLabel(
            self.tr("Folders too, and images from the clipboard. Checkpoints (.safetensors, .pth) become models.")
        )
        more.setAlignment(Qt.AlignmentFlag.AlignCenter)
        more.setProperty("role", "muted")
        more.setWordWrap(True)
        self.open_button = QPushButton(self.tr("Open…"))
        # It goes while files are held over the window, but leaves its place, so that nothing jumps.
        policy = self.open_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.open_button.setSizePolicy(policy)
        column = QVBoxLayout(self)
        column.setContentsMargins(64, 40, 64, 40)
        column.setSpacing(8)
        column.addStretch(4)
        column.addWidget(self._picture)
        column.addSpacing(10)
        column.addWidget(self._title)
        column.addWidget(takes)
        column.addWidget(more)
        column.addSpacing(14)
        column.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        self._slot = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._slot.setMinimumHeight(_SLOT_PX)
        self._slot.hide()
        column.addWidget(self._slot)
        column.addStretch(5)
        theme.changed.connect(self._tint)
        self._tint()

    def set_hovered(self, hovered: bool, reference_of: str = "") -> None:
        """Shows that what is held over the window can be dropped; with a name, also as the reference of the image named so."""
        self._is_hovered = hovered
        self._is_on_slot = False
        self._slot.setVisible(hovered and bool(reference_of))
        self._slot.setText(self.tr("Drop it here as the reference of {name}").format(name=reference_of))
        self._title.setText(self.tr("Let go to open") if hovered else self.tr("Drop images here"))
        self.open_button.setVisible(not hovered)
        self._tint()
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Small: while a picture is shown, this page must not keep the window from being low."""
        return QSize(_LEAST_WIDTH_PX, _LEAST_HEIGHT_PX)

    def is_on_slot(self, at: QPoint) -> bool:
        """Whether a point of the area lies on the slot for a reference."""
        return self._slot.isVisible() and self._slot.geometry().contains(at)

    def point_at(self, at: QPoint) -> None:
        """Shows where what is held would go."""
        if self.is_on_slot(at) != self._is_on_slot:
            self._is_on_slot = not self._is_on_slot
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws the dashed frame."""
        colours = self._theme.colours
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colours.stage))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(colours.accent_text if self._is_hovered else colours.control_border), 1.5)
        pen.setDashPattern([5, 4])
        painter.setPen(pen)
        if self._is_hovered and not self._is_on_slot:
            painter.setBrush(QColor(colours.selected))
        frame = QRectF(self.rect()).adjusted(_MARGIN_PX, _MARGIN_PX, -_MARGIN_PX, -_MARGIN_PX)
        painter.drawRoundedRect(frame, 12, 12)
        if self._slot.isVisible():
            painter.setBrush(QColor(colours.selected if self._is_on_slot else colours.stage))
            painter.drawRoundedRect(QRectF(self._slot.geometry()), 10, 10)

    @Slot()
    def _tint(self) -> None:
        colours = self._theme.colours
        ratio = self.devicePixelRatioF()
        pixmap = draw_icon("drop", colours.accent_text if self._is_hovered else colours.muted, round(_ICON_PX * ratio))
        pixmap.setDevicePixelRatio(ratio)
        self._picture.setPixmap(pixmap)
