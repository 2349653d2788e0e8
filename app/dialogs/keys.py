"""Lists every key. Imports Qt and `app.actions`."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.actions import Actions, keys_text
from app.compare.view import ComparisonView


class Keys(QDialog):
    """The actions with their keys, and what the mouse does."""

    def __init__(self, actions: Actions, view: ComparisonView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(28)
        grid.setVerticalSpacing(6)
        everywhere = [(keys_text(action), action.text().rstrip("…")) for action in actions.all]
        in_view = [(keys_text(action), action.text().rstrip("…")) for action in view.actions() if keys_text(action)]
        in_view += view.held_keys()
        half = (len(in_view) + 1) // 2
        columns = ((self.tr("Everywhere"), everywhere), (self.tr("Comparison"), in_view[:half]), ("", in_view[half:]))
        for number, (heading, rows) in enumerate(columns):
            title = QLabel(heading)
            title.setProperty("role", "heading")
            grid.addWidget(title, 0, 2 * number + 1)
            for row, (key, does) in enumerate(rows, 1):
                label = QLabel(key)
                label.setProperty("role", "title")
                grid.addWidget(label, row, 2 * number, Qt.AlignmentFlag.AlignRight)
                grid.addWidget(QLabel(does), row, 2 * number + 1)
        note = QLabel(self.tr("The keys of the comparison act while it has the focus: click on it."))
        note.setProperty("role", "muted")
        note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 16)
        column.setSpacing(16)
        column.addLayout(grid)
        column.addWidget(note)
        column.addWidget(buttons)
