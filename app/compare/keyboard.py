"""Keys that are held, and keys that are known by their place: digits, Space, arrows, Esc, Return.

Imports Qt and `app.compare`. A digit acts at once; held longer than a tap, what it did is taken back when it is let go.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QPointF, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent

from app.compare.commands import Commands
from app.compare.comparison import Comparison
from app.compare.panes import Panes
from app.compare.stage import Stage

_HELD_S = 0.3
_ARROW_STEP_PX = 48
_PAGE_STEP_PX = 240
_DIVIDER_STEP = 0.02
_FRAME_STEP_PX = 8

# Where the digits 1 to 9 lie: what the platform calls their keys, whatever the layout writes on them.
_EVDEV_FIRST = 10
_WINDOWS_FIRST = 2
_MAC_KEYS = (18, 19, 20, 21, 23, 22, 26, 28, 25)

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


def digit_of(event: QKeyEvent, platform: str = sys.platform) -> int | None:
    """Returns the digit 1 to 9 whose key it is: by its place on the keyboard, or where that is not told by what it types."""
    if platform == "darwin":
        code = event.nativeVirtualKey()
        if code in _MAC_KEYS:
            return _MAC_KEYS.index(code) + 1
    else:
        first = _WINDOWS_FIRST if platform == "win32" else _EVDEV_FIRST
        if 0 <= event.nativeScanCode() - first < 9:
            return event.nativeScanCode() - first + 1
    typed = event.key() - Qt.Key.Key_0
    return typed if 1 <= typed <= 9 else None


class Keyboard(QObject):
    """Acts on keys of the view; `press` and `release` return whether the key was one of theirs."""

    def __init__(self, stage: Stage, commands: Commands, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stage = stage
        self._commands = commands
        # The clock is an attribute so that a test can hold a key without waiting.
        self.clock: Callable[[], float] = time.monotonic
        self._digit: int | None = None
        self._pressed_s = 0.0
        self._before = ("", "")
        self._hold = QTimer(self, singleShot=True, interval=round(_HELD_S * 1000))
        self._hold.timeout.connect(self._peek_at_digit)

    @property
    def _panes(self) -> Panes:
        return self._stage.panes

    @property
    def _comparison(self) -> Comparison:
        return self._panes.comparison

    def takes(self, event: QKeyEvent) -> bool:
        """Whether the key belongs to the view before it belongs to a shortcut of the window."""
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Escape:
            return self._commands.can_leave
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if plain and (key == Qt.Key.Key_Space or key in _ARROWS):
            return True
        return digit_of(event) is not None and (plain or modifiers == Qt.KeyboardModifier.ShiftModifier)

    def press(self, event: QKeyEvent) -> bool:
        """Acts on a key that goes down."""
        key, modifiers = Qt.Key(event.key()), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Shift and not modifiers & ~Qt.KeyboardModifier.ShiftModifier:
            self._stage.show_what_shift_does(True)
        if key == Qt.Key.Key_Escape:
            return self._commands.leave()
        if key in _ARROWS:
            return self._move(*_ARROWS[key], modifiers)
        if key == Qt.Key.Key_Space and modifiers == Qt.KeyboardModifier.NoModifier:
            self._comparison.peek(self._comparison.reference_key)
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and modifiers == Qt.KeyboardModifier.NoModifier:
            return self._pick()
        digit = digit_of(event)
        if digit is not None and modifiers == Qt.KeyboardModifier.ControlModifier:
            # Where the layout writes no digit on the key, the layouts' shortcuts do not see one.
            return self._commands.choose_layout(digit)
        if digit is None or modifiers & ~Qt.KeyboardModifier.ShiftModifier:
            return False
        if not event.isAutoRepeat():
            self._press_digit(digit, bool(modifiers))
        return True

    def release(self, event: QKeyEvent) -> bool:
        """Ends what a held key began."""
        if event.isAutoRepeat():
            return event.key() == Qt.Key.Key_Space or digit_of(event) is not None
        if event.key() == Qt.Key.Key_Shift:
            self._stage.show_what_shift_does(False)
        if event.key() == Qt.Key.Key_Space:
            self._comparison.peek("")
            return True
        if digit_of(event) is None or digit_of(event) != self._digit:
            return False
        self._release_digit()
        return True

    def let_go(self) -> None:
        """Ends every peek, and what Shift shows: the focus has gone, and with it the news of keys that come up."""
        self._stage.show_what_shift_does(False)
        self._hold.stop()
        self._digit = None
        self._comparison.peek("")

    def _press_digit(self, digit: int, is_reference: bool) -> None:
        keys = self._comparison.keys
        if digit > len(keys):
            return
        if is_reference:
            self._comparison.set_reference(keys[digit - 1])
            return
        self._digit = digit
        self._pressed_s = self.clock()
        self._before = (self._comparison.current_key, self._comparison.reference_key)
        if self._comparison.shown_mode == "grid":
            # All pictures are there already: a tap only chooses, a hold shows this one in every pane.
            self._hold.start()
        else:
            self._comparison.set_current(keys[digit - 1])

    def _release_digit(self) -> None:
        digit, self._digit = self._digit, None
        self._hold.stop()
        was_held = self.clock() - self._pressed_s >= _HELD_S
        if self._comparison.shown_mode == "grid":
            self._comparison.peek("")
            if not was_held and digit is not None:
                self._comparison.set_current(self._comparison.keys[digit - 1])
        elif was_held:
            self._comparison.set_pair(*self._before)

    @Slot()
    def _peek_at_digit(self) -> None:
        keys = self._comparison.keys
        if self._digit is not None and self._digit <= len(keys):
            self._comparison.peek(keys[self._digit - 1])

    def _move(self, columns: int, rows: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Arrows pan; with Shift by more; with Ctrl they move the divider, with Alt the preview's frame."""
        if modifiers == Qt.KeyboardModifier.ControlModifier:
            if self._panes.divider is None:
                return False
            steps = rows if self._comparison.wipe_is_level else columns
            self._comparison.set_wipe(self._comparison.wipe_position + steps * _DIVIDER_STEP)
            return True
        if modifiers == Qt.KeyboardModifier.AltModifier:
            if self._comparison.frame is None:
                return False
            self._stage.gestures.nudge_frame(columns * _FRAME_STEP_PX, rows * _FRAME_STEP_PX)
            return True
        if modifiers & ~Qt.KeyboardModifier.ShiftModifier:
            return False
        step = (_PAGE_STEP_PX if modifiers else _ARROW_STEP_PX) * self._panes.ratio
        self._panes.camera.pan(-columns * step, -rows * step)
        return True

    def _pick(self) -> bool:
        """Picks the pixel that is looked at, as a click does."""
        spot = self._stage.spot
        if not self._stage.gestures.picks or spot is None:
            return False
        cell, at = spot
        self._stage.gestures.pick(QPointF(at), cell)
        return True
