"""One row of the command palette: what it says, and how it is painted. Imports Qt and `app`."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QAction, QColor, QFont, QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.actions import key_text
from app.theme import Theme

ENTRY_ROLE = int(Qt.ItemDataRole.UserRole) + 1
_MARGIN_PX = 12
_GAP_PX = 16
_LINE_GAP_PX = 2
_CHECK = "✓ "


@dataclass(frozen=True)
class Entry:
    """An action in words: its name, its key, what it does, and why it cannot be done now ("" where it can)."""

    action: QAction
    name: str
    key: str
    explained: str
    reason: str
    positions: frozenset[int] = frozenset()

    @classmethod
    def of(cls, action: QAction) -> Entry:
        """Returns the action's words; `app.actions.allow` has put the reason below the first line of its tooltip."""
        name = action.text().replace("&", "").strip()
        below = "\n".join(action.toolTip().split("\n")[1:]).strip()
        reason = "" if action.isEnabled() else below
        return cls(action, name, key_text(action), str(action.property("explained") or ""), reason)

    @property
    def is_enabled(self) -> bool:
        """Whether it can be run now."""
        return self.action.isEnabled()

    @property
    def second_line(self) -> str:
        """What stands under the name."""
        return self.reason or self.explained


class RowDelegate(QStyledItemDelegate):
    """Paints name and key, and under them the reason or what it does; letters that were typed are stressed."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Two lines of text and air."""
        line = QFontMetrics(option.font).height()
        return QSize(200, 2 * line + _LINE_GAP_PX + 14)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draws one row."""
        entry = index.data(ENTRY_ROLE)
        if not isinstance(entry, Entry):
            return
        frame: QRect = option.rect
        colours = self._theme.colours
        painter.save()
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if is_chosen:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colours.selected))
            painter.drawRoundedRect(frame.adjusted(1, 1, -1, -1), 6, 6)
        font: QFont = option.font
        metrics = QFontMetrics(font)
        inner = frame.adjusted(_MARGIN_PX, 7, -_MARGIN_PX, -7)
        key_width = metrics.horizontalAdvance(entry.key)
        first = QRect(inner.left(), inner.top(), inner.width() - key_width - _GAP_PX, metrics.height())
        name_colour = colours.text if entry.is_enabled else colours.disabled
        _draw_stressed(painter, font, first, entry, QColor(name_colour), QColor(colours.accent_text))
        painter.setFont(font)
        painter.setPen(QColor(colours.muted))
        key_place = QRect(inner.right() - key_width, inner.top(), key_width + 1, metrics.height())
        painter.drawText(key_place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, entry.key)
        second = QRect(inner.left(), first.bottom() + 1 + _LINE_GAP_PX, inner.width(), metrics.height())
        painter.setPen(QColor(colours.warning if entry.reason and is_chosen else colours.muted))
        words = metrics.elidedText(entry.second_line.replace("\n", " "), Qt.TextElideMode.ElideRight, second.width())
        painter.drawText(second, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        painter.restore()


def _draw_stressed(painter: QPainter, font: QFont, place: QRect, entry: Entry, plain: QColor, stressed: QColor) -> None:
    """Draws the name piece by piece; pieces that were typed are bold and coloured."""
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    x = place.left()
    if entry.action.isCheckable() and entry.action.isChecked():
        painter.setFont(font)
        painter.setPen(plain)
        painter.drawText(QRect(x, place.top(), place.width(), place.height()), Qt.AlignmentFlag.AlignVCenter, _CHECK)
        x += QFontMetrics(font).horizontalAdvance(_CHECK)
    for piece, is_typed in _pieces(entry.name, entry.positions):
        used = bold if is_typed else font
        painter.setFont(used)
        painter.setPen(stressed if is_typed else plain)
        room = QRect(x, place.top(), max(0, place.right() - x), place.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, piece)
        x += QFontMetrics(used).horizontalAdvance(piece)


def _pieces(name: str, positions: frozenset[int]) -> list[tuple[str, bool]]:
    """Returns the name cut where letters that were typed begin or end."""
    pieces: list[tuple[str, bool]] = []
    for index, character in enumerate(name):
        is_typed = index in positions
        if pieces and pieces[-1][1] == is_typed:
            pieces[-1] = (pieces[-1][0] + character, is_typed)
        else:
            pieces.append((character, is_typed))
    return pieces
