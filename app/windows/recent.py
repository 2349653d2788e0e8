"""The images opened last, as a menu. Imports Qt and `app`."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMenu

from app.windows.desk import Desk
from app.windows.opening import Opening


class Recent(QObject):
    """Fills a menu with the images opened last, whenever it is opened."""

    def __init__(self, desk: Desk, opening: Opening, menu: QMenu) -> None:
        super().__init__(desk)
        self._desk = desk
        self._opening = opening
        self._menu = menu
        menu.setToolTipsVisible(True)
        menu.aboutToShow.connect(self.fill)

    @Slot()
    def fill(self) -> None:
        """Lists what there is now."""
        self._menu.clear()
        for path in self._desk.settings.recent:
            # An ampersand in a name is no key.
            action = self._menu.addAction(path.name.replace("&", "&&"), partial(self._opening.open_files, [path]))
            action.setToolTip(str(path))
        if self._menu.isEmpty():
            nothing = self._menu.addAction(self.tr("No image was opened yet"))
            nothing.setEnabled(False)
