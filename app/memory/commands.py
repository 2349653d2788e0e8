"""What a person can do with the memory panel, with words and keys. Imports Qt and `app.actions`.

`toggle` acts in the whole window (whoever shows the panel adds it there); the others while the panel has the focus.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.actions import allow


class Commands(QObject):
    """The actions of the panel."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__(panel)
        self.toggle = self._make(self.tr("Memory"), "Ctrl+Shift+M", self.tr("Show or hide where the memory goes."))
        self.toggle.setCheckable(True)
        self.pause = self._make(
            self.tr("Pause the timeline"),
            "P",
            self.tr("Hold the picture still. The readings go on, and are there afterwards."),
            self.tr("Pause"),
        )
        self.pause.setCheckable(True)
        self.scope = self._make(
            self.tr("Memory of Triptych only"),
            "O",
            self.tr("Leave other programs out, and magnify what Triptych itself holds."),
            self.tr("Triptych only"),
        )
        self.scope.setCheckable(True)
        self.clear = self._make(
            self.tr("Clear the timeline"), "C", self.tr("Forget the readings until now."), self.tr("Clear")
        )
        self.copy = self._make(
            self.tr("Copy a report on memory"),
            "R",
            self.tr("Copy what is known of memory to the clipboard, for the report of a bug. It names no files."),
            self.tr("Copy report"),
        )
        self.save_csv = self._make(self.tr("Memory readings as CSV…"), "S", self.tr("Save every reading, in bytes."))
        self.save_png = self._make(self.tr("Memory timeline as PNG…"), "Shift+S", self.tr("Save what the panel shows."))
        self.save_report = self._make(
            self.tr("Memory report as JSON…"),
            "Shift+R",
            self.tr("Save what the report of a bug needs. It names no files."),
        )
        self.explain = self._make(
            self.tr("What to do…"), "W", self.tr("Say how the models can be made to run on a GPU.")
        )
        for action in self.in_panel:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            panel.addAction(action)

    @property
    def in_panel(self) -> list[QAction]:
        """The actions that act while the panel has the focus."""
        return [
            self.pause, self.scope, self.clear, self.copy, self.save_csv, self.save_png, self.save_report, self.explain,
        ]  # fmt: skip

    @property
    def all(self) -> list[QAction]:
        """Every action, in the order in which the keys are listed."""
        return [self.toggle, *self.in_panel]

    def allow_reading(self, why_not: str) -> None:
        """Enables what needs readings, or disables it for the reason `why_not`."""
        for action in (self.pause, self.clear, self.save_csv, self.save_png):
            allow(action, why_not)

    def hold(self, is_held: bool) -> None:
        """Names what the key does now: the timeline stands still, or runs."""
        self.pause.setText(self.tr("Resume the timeline") if is_held else self.tr("Pause the timeline"))
        self.pause.setIconText(self.tr("Resume") if is_held else self.tr("Pause"))
        allow(self.pause)

    def _make(self, text: str, key: str, explained: str, on_button: str = "") -> QAction:
        """`text`: as palette and keys page name it, among all others; `on_button`: as the panel itself does."""
        action = QAction(text, self)
        if on_button:
            action.setIconText(on_button)
        action.setShortcut(QKeySequence(key))
        action.setProperty("explained", explained)
        allow(action)
        return action
