"""The line at the bottom: what is going on, how long it will take, and the button that ends it.

Imports Qt and `app`.
"""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from app.actions import Actions
from app.widgets.elided_label import ElidedLabel
from app.wording import countdown_text

_HEIGHT_PX = 52


class ActionButton(QPushButton):
    """A button that is an action: its words, its state and its tooltip."""

    def __init__(self, action: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = action
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        self.setText(self._action.text())
        self.setEnabled(self._action.isEnabled())
        self.setToolTip(self._action.toolTip())


class ProgressStrip(QWidget):
    """Says one sentence; while a job runs also its progress, the time left and Cancel; afterwards what can be done with it."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(_HEIGHT_PX)
        self.setAccessibleName(self.tr("Progress"))
        self._end_s: float | None = None
        self._after_s: float | None = None
        self._tiles = ""
        self.sentence = ElidedLabel()
        self.bar = QProgressBar(textVisible=False)
        self.bar.setAccessibleName(self.tr("Progress of the job"))
        self.left = QLabel()
        self.left.setProperty("role", "muted")
        self.pause_button = ActionButton(actions.pause)
        self.cancel_button = ActionButton(actions.cancel)
        self.save_button = ActionButton(actions.save)
        self.save_as_button = ActionButton(actions.save_as)
        self.reveal_button = QPushButton(self.tr("Show in folder"))
        self.reveal_button.setToolTip(self.tr("Open the folder that holds the saved file."))
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(14)
        row.addWidget(self.sentence, 2)
        row.addWidget(self.bar, 3)
        row.addWidget(self.left)
        self._buttons = (
            self.pause_button,
            self.cancel_button,
            self.save_button,
            self.save_as_button,
            self.reveal_button,
        )
        for button in self._buttons:
            row.addWidget(button)
        # The time left runs down between two tiles, which can be a minute apart.
        self._clock = QTimer(self, interval=500)
        self._clock.timeout.connect(self._count_down)
        self.say("")

    def say(self, sentence: str, *buttons: QPushButton) -> None:
        """Shows a sentence and these of the strip's buttons; nothing is running."""
        self._clock.stop()
        self.sentence.say(sentence)
        self.bar.hide()
        self.left.hide()
        self._show_buttons(*buttons)

    def begin(self, sentence: str, seconds_after: float | None = None) -> None:
        """Shows that a job runs, of which nothing can be foretold yet; `seconds_after`: what those in line after it will take."""
        self.say(sentence, self.pause_button, self.cancel_button)
        self.bar.setRange(0, 0)
        self.bar.show()
        self._end_s = None
        self._after_s = seconds_after
        self._tiles = ""
        self.left.setText("")
        self.left.show()

    def advance(self, tiles_done: int, tiles: int, seconds_left: float | None) -> None:
        """Shows how far the running job is."""
        self.bar.setRange(0, max(1, tiles))
        self.bar.setValue(tiles_done)
        self._tiles = self.tr("Tile {done} of {tiles}").format(done=tiles_done, tiles=tiles)
        self._end_s = None if seconds_left is None else time.monotonic() + seconds_left
        self._count_down()
        self._clock.start()

    def expect(self, seconds_left: float) -> None:
        """Shows how long the running job should take, before its first tile tells more."""
        self._end_s = time.monotonic() + seconds_left
        self._count_down()
        self._clock.start()

    def cancelling(self, sentence: str) -> None:
        """Shows that the running job is being ended."""
        self.begin(sentence)
        self._show_buttons()

    def _show_buttons(self, *buttons: QPushButton) -> None:
        for button in self._buttons:
            button.setVisible(button in buttons)

    @Slot()
    def _count_down(self) -> None:
        if self._end_s is None:
            self.left.setText(self._tiles)
            return
        seconds = max(0.0, self._end_s - time.monotonic())
        if self._tiles:
            left = self.tr("{duration} left").format(duration=countdown_text(seconds))
            if self._after_s is not None:
                total = countdown_text(seconds + self._after_s)
                left = self.tr("{left}, {total} in all").format(left=left, total=total)
            self.left.setText(f"{self._tiles} · {left}")
        else:
            self.left.setText(self.tr("About {duration} left").format(duration=countdown_text(seconds)))
