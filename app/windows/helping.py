"""What helps to find one's way: command palette, page of keys, settings, and the card that tells the device.

Imports Qt and `app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QAction

from app.bridge import Examined, TaskFailed
from app.manners.self_test import SelfTestCard
from app.sentences import in_window
from app.theme import Theme
from app.windows.desk import Desk
from app.windows.watching import Watching

if TYPE_CHECKING:
    from app.manners.palette import CommandPalette
    from app.manners.settings_dialog import DeviceChoice


class Helping(QObject):
    """Opens what explains and adjusts. `settings_changed`: some other values count from now on."""

    settings_changed = Signal()

    def __init__(self, desk: Desk, watching: Watching, theme: Theme) -> None:
        super().__init__(desk)
        self._desk = desk
        self._watching = watching
        self._theme = theme
        self._devices: list[DeviceChoice] = []
        # Made when it is first opened: the window is painted sooner.
        self.palette: CommandPalette | None = None
        self.card = SelfTestCard(theme)
        self.card.dismissed.connect(self._keep_told)
        actions = desk.actions
        actions.palette.triggered.connect(self._open_palette)
        actions.settings.triggered.connect(self._open_settings)
        actions.keys.triggered.connect(self._show_keys)
        desk.bridge.examined.connect(self._on_examined)
        desk.bridge.failed.connect(self._on_failed)

    def everything(self) -> list[QAction]:
        """Returns every action that there is."""
        return [*self._desk.actions.all, *self._desk.view.actions(), *self._watching.panel.commands.all]

    @Slot()
    def _show_keys(self) -> None:
        from app.dialogs.keys import Keys

        Keys(self._desk.actions, self._desk.view, self._watching.panel.commands.all, self._desk.window).exec()

    @Slot()
    def _open_palette(self) -> None:
        from app.manners.palette import CommandPalette

        if self.palette is None:
            self.palette = CommandPalette(self.everything, self._theme, self._desk.window)
        self.palette.open()

    @Slot()
    def _open_settings(self) -> None:
        from app.manners.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self._desk.settings, self._devices, self._desk.window)
        dialog.saved.connect(self._follow_settings)
        dialog.exec()
        if dialog.restart_needed:
            self._desk.notices.show_warning(
                self.tr("The new language is shown from the next start on."),
                self.tr("Close Triptych and open it again."),
            )
        dialog.deleteLater()

    @Slot()
    def _follow_settings(self) -> None:
        self._theme.set_scheme(self._desk.settings.scheme)
        self.settings_changed.emit()
        self._desk.tell()

    @Slot(object)
    def _on_examined(self, event: Examined) -> None:
        from app.manners.settings_dialog import DeviceChoice

        report: dict[str, Any] = event.report
        self._devices = [DeviceChoice(each["device"], each["name"]) for each in report["devices"]]
        settings = self._desk.settings
        self.card.show_report(report, settings.device, settings.device_told)

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        if event.what == "examine":
            self.card.show_failure(in_window(event.failure.message), in_window(event.failure.hint))

    @Slot(str)
    def _keep_told(self, identity: str) -> None:
        self._desk.settings.device_told = identity
