"""Lists every key. Imports Qt and `app.actions`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.actions import Actions, keys_text
from app.compare.view import ComparisonView


class Keys(QDialog):
    """The actions with their keys, what other keys do where they act, and what the mouse does."""

    def __init__(
        self, actions: Actions, view: ComparisonView, memory: Sequence[QAction], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(6)
        whole = Qt.ShortcutContext.WindowShortcut
        everywhere = _rows([*actions.all, *(each for each in memory if each.shortcutContext() == whole)])
        everywhere.append(("F10", self.tr("Open the menu")))
        in_list = [(self.tr("Alt+Up, Alt+Down"), self.tr("Move the image up or down"))]
        in_view = _rows(view.actions()) + view.held_keys()
        in_memory = _rows([each for each in memory if each.shortcutContext() != whole])
        in_memory += [
            (self.tr("Left, Right"), self.tr("Read the moments one by one; Esc ends it")),
            ("+, -", self.tr("Show less or more of the past")),
        ]
        half = (len(in_view) + len(in_memory) + 2) // 2
        columns = (
            [(self.tr("Everywhere"), everywhere), (self.tr("List of images"), in_list)],
            [(self.tr("Comparison"), in_view[:half])],
            [("", in_view[half:]), (self.tr("Memory"), in_memory)],
        )
        for number, groups in enumerate(columns):
            row = 0
            for heading, keys in groups:
                self._list(grid, row, 2 * number, heading, keys)
                row += len(keys) + 1
        note = QLabel(
            self.tr(
                "The keys of the list, the comparison and the memory act while these have the focus: click on them."
            )
        )
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        # Some desktops put a picture on it, which the buttons of the window do not have.
        buttons.button(QDialogButtonBox.StandardButton.Close).setIcon(QIcon())
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 16)
        column.setSpacing(16)
        column.addLayout(grid)
        column.addWidget(note)
        column.addWidget(buttons)

    def _list(self, grid: QGridLayout, row: int, column: int, heading: str, keys: Sequence[tuple[str, str]]) -> None:
        title = QLabel(heading)
        title.setProperty("role", "heading")
        grid.addWidget(title, row, column + 1)
        for offset, (key, does) in enumerate(keys, 1):
            label = QLabel(key)
            label.setProperty("role", "title")
            grid.addWidget(label, row + offset, column, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(QLabel(does), row + offset, column + 1)


def _rows(actions: Sequence[QAction]) -> list[tuple[str, str]]:
    """Returns the keys of those actions that have one, with what they do."""
    return [(keys_text(action), action.text().rstrip("…")) for action in actions if keys_text(action)]
