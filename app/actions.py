"""What a person can do, each with its words, its key and its icon; and why it cannot be done just now.

Imports Qt and `app.theme`. An action's tooltip always names its key; a disabled one adds the reason.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from app.theme import Theme


def key_text(action: QAction) -> str:
    """Returns the action's key as the desktop writes it."""
    return action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)


def keys_text(action: QAction) -> str:
    """Returns all keys of an action, as the desktop writes them."""
    return ", ".join(each.toString(QKeySequence.SequenceFormat.NativeText) for each in action.shortcuts())


def allow(action: QAction, why_not: str = "") -> None:
    """Enables the action, or disables it for the reason `why_not` (a sentence)."""
    action.setEnabled(not why_not)
    keys = f" ({key_text(action)})" if key_text(action) else ""
    told = f"{action.text().replace('&', '').rstrip('…')}{keys}"
    explained = str(action.property("explained") or "")
    action.setToolTip("\n".join(line for line in (told, why_not or explained) if line))


class Actions(QObject):
    """Every action of the window but those of the comparison (`app.compare.commands`)."""

    def __init__(self, window: QWidget, theme: Theme) -> None:
        super().__init__(window)
        self._theme = theme
        self._icons: dict[QAction, str] = {}
        self.open = self._make(
            window, self.tr("Open…"), "Ctrl+O", "open", self.tr("Choose images, or drop them anywhere on the window.")
        )
        self.open_folder = self._make(
            window, self.tr("Open folder…"), "Ctrl+Shift+O", "", self.tr("Take in every image of a folder.")
        )
        self.paste = self._make(
            window, self.tr("Paste"), "Ctrl+V", "", self.tr("Take in the image, or the files, of the clipboard.")
        )
        self.reference = self._make(
            window,
            self.tr("Use a reference…"),
            "Ctrl+Shift+R",
            "",
            self.tr("Choose the original in full size: the results are measured against it."),
        )
        self.start = self._make(
            window,
            self.tr("Upscale"),
            "Ctrl+Return",
            "start",
            self.tr("Run the marked model on every image that lacks it."),
        )
        self.preview = self._make(
            window,
            self.tr("Preview"),
            "Ctrl+R",
            "preview",
            self.tr("Run a small part of the image through all ticked models."),
        )
        self.pause = self._make(
            window,
            self.tr("Pause"),
            "Ctrl+Shift+.",
            "pause",
            self.tr("Stop here, and go on later from the tiles that are done."),
        )
        self.cancel = self._make(
            window,
            self.tr("Cancel"),
            "Ctrl+.",
            "cancel",
            self.tr("Stop at once. Undo (Ctrl+Z), or Upscale (Ctrl+Return), goes on from what is finished."),
        )
        self.undo = self._make(
            window,
            self.tr("Undo"),
            "Ctrl+Z",
            "",
            self.tr("Take back what was last done to the list of images, or a cancel."),
        )
        self.save = self._make(
            window, self.tr("Save"), "Ctrl+S", "save", self.tr("Write the result beside its input, under a free name.")
        )
        self.save_as = self._make(
            window, self.tr("Save as…"), "Ctrl+Shift+S", "", self.tr("Choose the result's folder, name and format.")
        )
        self.sheet = self._make(
            window,
            self.tr("Comparison sheet…"),
            "Ctrl+Shift+E",
            "sheet",
            self.tr("Save the marked region, or what is in view, of every picture side by side."),
        )
        self.close_picture = self._make(
            window,
            self.tr("Close image"),
            "Ctrl+W",
            "",
            self.tr("Take the image shown out of the window. Delete does it too."),
        )
        self.close_picture.setShortcuts([QKeySequence("Ctrl+W"), QKeySequence(QKeySequence.StandardKey.Delete)])
        self.full_screen = self._make(window, self.tr("Full screen"), "F11", "", self.tr("Esc leaves it."))
        self.full_screen.setCheckable(True)
        self.palette = self._make(
            window, self.tr("Commands…"), "Ctrl+Shift+P", "", self.tr("Find anything that can be done by its name.")
        )
        self.settings = self._make(
            window,
            self.tr("Settings…"),
            "Ctrl+,",
            "settings",
            self.tr("Language, colours, where results go, and the device."),
        )
        self.keys = self._make(window, self.tr("Keys"), "F1", "", self.tr("List every key."))
        self.quit = self._make(window, self.tr("Quit"), "Ctrl+Q", "", "")
        theme.changed.connect(self._tint)
        self._tint()

    @property
    def all(self) -> list[QAction]:
        """Every action, in the order in which the keys are listed."""
        return [
            self.open, self.open_folder, self.paste, self.reference, self.start, self.preview, self.pause, self.cancel, self.undo,
            self.save, self.save_as, self.sheet, self.close_picture, self.full_screen, self.palette, self.settings, self.keys,
            self.quit,
        ]  # fmt: skip

    def offer_pause(self, is_paused: bool) -> None:
        """Has the action that pauses say what it would do now: pause, or resume."""
        icon = "resume" if is_paused else "pause"
        self.pause.setText(self.tr("Resume") if is_paused else self.tr("Pause"))
        pauses, resumes = (
            self.tr("Stop here, and go on later from the tiles that are done."),
            self.tr("Go on from the tiles that are done."),
        )
        self.pause.setProperty("explained", resumes if is_paused else pauses)
        if self._icons[self.pause] != icon:
            self._icons[self.pause] = icon
            self.pause.setIcon(self._theme.icon(icon))

    def _make(self, owner: QWidget, text: str, key: str, icon: str, explained: str) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setProperty("explained", explained)
        owner.addAction(action)
        allow(action)
        if icon:
            self._icons[action] = icon
        return action

    @Slot()
    def _tint(self) -> None:
        for action, icon in self._icons.items():
            action.setIcon(self._theme.icon(icon))
