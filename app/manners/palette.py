"""The command palette: everything that can be done, found by a few letters of its name.

Imports Qt and `app`. It owns no action: it asks for them each time it opens, so it always shows their present state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    Qt,
    QTimer,
    Slot,
)
from PySide6.QtGui import QAction, QKeyEvent, QPainterPath, QRegion, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListView, QVBoxLayout, QWidget

from app.manners.matching import Match, match
from app.manners.palette_row import ENTRY_ROLE, Entry, RowDelegate
from app.theme import Theme

_WIDTH_PX = 620
_HEIGHT_PX = 420
_TOP_SHARE = 0.12
_RADIUS_PX = 8
_RECENT = 5
Index = QModelIndex | QPersistentModelIndex


class CommandPalette(QFrame):
    """A popup with a field to type in and the actions that fit. Return runs the chosen one, Esc closes, arrows choose."""

    def __init__(self, actions: Callable[[], Sequence[QAction]], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self._actions = actions
        self._theme = theme
        self._window = parent
        self._recent: list[str] = []
        self._height_px = _HEIGHT_PX
        self.setObjectName("palette")
        self.setAccessibleName(self.tr("Command palette"))
        self.field = QLineEdit()
        self.field.setPlaceholderText(self.tr("What do you want to do?"))
        self.field.setAccessibleName(self.tr("Search commands"))
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._filter)
        self.field.installEventFilter(self)
        self.model = EntryModel(self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setItemDelegate(RowDelegate(theme, self.list))
        self.list.setUniformItemSizes(True)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # The field keeps the focus: what is typed always goes there.
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.setMouseTracking(True)
        self.list.entered.connect(self.list.setCurrentIndex)
        self.list.clicked.connect(self._run)
        self.nothing = QLabel(self.tr("No command is called that."))
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setProperty("role", "muted")
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 10)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        column.addWidget(self.nothing, 1)
        theme.changed.connect(self._tint)
        self._tint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cuts the corners round: not every desktop can show a popup through which one sees."""
        super().resizeEvent(event)
        shape = QPainterPath()
        shape.addRoundedRect(QRectF(self.rect()), _RADIUS_PX, _RADIUS_PX)
        self.setMask(QRegion(shape.toFillPolygon().toPolygon()))

    @Slot()
    def open(self) -> None:
        """Shows the palette over the upper middle of the window, with everything that can be done now."""
        self.model.entries = self._entries()
        window = self._window.window()
        width = min(_WIDTH_PX, window.width() - 32)
        self._height_px = min(_HEIGHT_PX, round(window.height() * 0.7))
        self.resize(width, self._height_px)
        at = window.mapToGlobal(QPoint((window.width() - width) // 2, round(window.height() * _TOP_SHARE)))
        self.move(at)
        self.field.clear()
        self._filter("")
        self.show()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Takes the keyboard."""
        super().showEvent(event)
        self.activateWindow()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Gives the field's arrow keys, Return and Esc to the list and the popup."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and self._press(event):
            return True
        return super().eventFilter(watched, event)

    def _press(self, event: QKeyEvent) -> bool:
        key, rows = event.key(), self.model.rowCount()
        page = max(1, self.list.viewport().height() // max(1, self.list.sizeHintForRow(0)))
        row = self.list.currentIndex().row()
        targets = {
            Qt.Key.Key_Down: (row + 1) % rows if rows else 0,
            Qt.Key.Key_Up: (row - 1) % rows if rows else 0,
            Qt.Key.Key_PageDown: min(row + page, rows - 1),
            Qt.Key.Key_PageUp: max(row - page, 0),
        }
        if key in targets:
            self.list.setCurrentIndex(self.model.index(targets[Qt.Key(key)], 0))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._run(self.list.currentIndex())
        elif key == Qt.Key.Key_Escape:
            self.close()
        else:
            return False
        return True

    @Slot(QModelIndex)
    def _run(self, index: QModelIndex) -> None:
        entry = index.data(ENTRY_ROLE)
        # What cannot be done stays on the screen with its reason.
        if not isinstance(entry, Entry) or not entry.action.isEnabled():
            return
        self._recent = [entry.name, *(name for name in self._recent if name != entry.name)][:_RECENT]
        self.close()
        # After the popup has gone: the action may open a dialog, and the focus is back where it was.
        QTimer.singleShot(0, entry.action, entry.action.trigger)

    @Slot(str)
    def _filter(self, typed: str) -> None:
        self.model.filter(typed)
        has_rows = self.model.rowCount() > 0
        self.list.setVisible(has_rows)
        self.nothing.setVisible(not has_rows)
        self.list.setCurrentIndex(self.model.index(0, 0))
        self.list.scrollToTop()
        self._fit(self.model.rowCount())

    def _fit(self, rows: int) -> None:
        """Makes the popup as high as what it shows, at most as high as it was opened."""
        row_px = self.list.sizeHintForRow(0) if rows else self.nothing.sizeHint().height() + 24
        margins = self.contentsMargins() + self._column.contentsMargins()
        chrome_px = self.field.sizeHint().height() + self._column.spacing() + margins.top() + margins.bottom() + 2
        self.resize(self.width(), min(self._height_px, chrome_px + max(1, rows) * row_px))

    def _entries(self) -> list[Entry]:
        """Returns one entry for each thing that can be done, those used last on top."""
        entries: dict[tuple[str, str], Entry] = {}
        for action in self._actions():
            if action.isSeparator() or action.menu() is not None or not action.isVisible() or not action.text():
                continue
            entry = Entry.of(action)
            known = entries.get((entry.name, entry.key))
            # Two widgets may offer the same: the one that works is meant.
            if known is None or (not known.is_enabled and entry.is_enabled):
                entries[entry.name, entry.key] = entry
        order = {name: place for place, name in enumerate(self._recent)}
        return sorted(entries.values(), key=lambda entry: order.get(entry.name, len(order)))

    @Slot()
    def _tint(self) -> None:
        c = self._theme.colours
        self.setStyleSheet(
            f"QFrame#palette {{ background: {c.surface}; border: 1px solid {c.control_border}; border-radius: {_RADIUS_PX}px; }}"
            f"QLineEdit {{ background: {c.raised}; border: 1px solid {c.control_border}; border-radius: 6px;"
            " padding: 8px 10px; }"
            f"QLineEdit:focus {{ border-color: {c.accent_text}; }}"
            "QListView { background: transparent; border: 0; outline: 0; }"
        )


class EntryModel(QAbstractListModel):
    """The entries that fit what was typed, the best first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: Sequence[Entry] = ()
        self._shown: list[tuple[Entry, Match]] = []

    def filter(self, typed: str) -> None:
        """Shows what fits: by its name, else by what it does."""
        hits: list[tuple[int, Entry, Match]] = []
        for entry in self.entries:
            by_name, words = match(typed, entry.name), f"{entry.name} {entry.explained}"
            if by_name is not None:
                hits.append((by_name.score, entry, by_name))
            elif (by_words := match(typed, words, scattered=False)) is not None and len(typed.strip()) > 2:
                hits.append((by_words.score - 10_000, entry, Match(by_words.score, frozenset())))
        if typed.strip():
            # Python's sort keeps the order of equals.
            hits.sort(key=lambda hit: -hit[0])
        self.beginResetModel()
        self._shown = [(entry, found) for _, entry, found in hits]
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Returns how many fit."""
        return 0 if parent is not None and parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Returns an entry for the painter, and its words for assistive tools and tests."""
        if not index.isValid():
            return None
        entry, found = self._shown[index.row()]
        if role == ENTRY_ROLE:
            return Entry(entry.action, entry.name, entry.key, entry.explained, entry.reason, found.positions)
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join(part for part in (entry.name, entry.key, entry.reason) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return entry.action.toolTip()
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Says that every row may be chosen: one that cannot be run shows why."""
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable if index.isValid() else Qt.ItemFlag.NoItemFlags
