"""The bar at the top: what is done most, the layouts of the comparison, its zoom, and everything else in a menu.

Imports Qt and `app`.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QMenu, QSizePolicy, QToolBar, QToolButton, QWidget

from app.actions import Actions
from app.compare.view import ComparisonView
from app.theme import Theme


class ToolBar(QToolBar):
    """The actions as buttons. `zoom_text` says pixels of the screen per pixel of the result."""

    def __init__(self, actions: Actions, view: ComparisonView, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Tools"))
        self._actions = actions
        self._view = view
        self._theme = theme
        self.setMovable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        commands = view.commands
        layouts = [commands.one, commands.wipe, commands.side, commands.grid, commands.diff]
        work = [actions.start, actions.pause, actions.cancel]
        self.addActions([actions.open, actions.save, actions.preview, *work])
        self.addSeparator()
        self.addActions(layouts)
        self.addSeparator()
        self.addActions([commands.fit, commands.actual_size, commands.zoom_out])
        self.zoom_text = QLabel()
        self.zoom_text.setProperty("role", "muted")
        self.zoom_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.zoom_text.setMinimumWidth(self.fontMetrics().horizontalAdvance("0000 %") + 8)
        self.zoom_text.setAccessibleName(self.tr("Zoom"))
        self.zoom_text.setToolTip(self.tr("Pixels of the screen per pixel of the result."))
        self.addWidget(self.zoom_text)
        self.addAction(commands.zoom_in)
        icon_only = Qt.ToolButtonStyle.ToolButtonIconOnly
        ends = [actions.sheet, actions.settings]
        self._style(icon_only, *work, *layouts, commands.fit, commands.zoom_out, commands.zoom_in)
        self._style(Qt.ToolButtonStyle.ToolButtonTextOnly, commands.actual_size)
        spacer = QWidget()
        spacer.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spacer)
        self.addActions(ends)
        self._style(icon_only, *ends)
        self.menu_button = self._make_menu_button()
        self.addWidget(self.menu_button)
        theme.changed.connect(self._tint)
        self._tint()

    def show_zoom(self, zoom: float | None) -> None:
        """Shows a zoom (1: one pixel of the result is one of the screen), or that there is no picture."""
        if zoom is None:
            self.zoom_text.setText("–")
            return
        percent = zoom * 100
        self.zoom_text.setText(f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %")

    def _style(self, style: Qt.ToolButtonStyle, *actions: QAction) -> None:
        for action in actions:
            button = self.widgetForAction(action)
            if isinstance(button, QToolButton):
                button.setToolButtonStyle(style)

    def _make_menu_button(self) -> QToolButton:
        actions, commands = self._actions, self._view.commands
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        for group in (
            (actions.open, actions.open_folder, actions.paste, actions.reference),
            (actions.save, actions.save_as, actions.sheet, actions.close_picture),
            (actions.start, actions.preview, actions.pause, actions.cancel, actions.undo),
            (commands.tile_grid, commands.inspector, commands.loupe, commands.attention, commands.region),
            (actions.full_screen, actions.palette, actions.settings, actions.keys),
            (actions.quit,),
        ):
            menu.addActions(list(group))
            menu.addSeparator()
        self.recent = QMenu(self.tr("Open recent"), menu)
        menu.insertMenu(actions.paste, self.recent)
        button = QToolButton()
        button.setToolTip(self.tr("More (F10)"))
        button.setAccessibleName(self.tr("More"))
        button.setShortcut("F10")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        button.setMenu(menu)
        return button

    @Slot()
    def _tint(self) -> None:
        self.menu_button.setIcon(self._theme.icon("more"))
