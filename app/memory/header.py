"""The line above the timeline: what is shown, of which device, and the buttons. Imports Qt and `app`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from app.memory.collector import Place
from app.memory.commands import Commands
from app.widgets.elided_label import ElidedLabel

HEIGHT_PX = 32


class Header(QWidget):
    """Title, device, a sentence, and the buttons. `place_chosen(key)` when the person wants to see another device."""

    place_chosen = Signal(str)

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT_PX)
        self.toggle_button = QToolButton()
        self.toggle_button.setDefaultAction(commands.toggle)
        self.toggle_button.setProperty("quiet", True)
        self.toggle_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toggle_button.setObjectName("memoryToggle")
        self.toggle_button.setArrowType(Qt.ArrowType.RightArrow)
        self.places = QComboBox()
        self.places.setAccessibleName(self.tr("Which memory is shown"))
        self.places.setToolTip(self.tr("Choose the device whose memory is shown."))
        self.places.activated.connect(self._choose)
        self.summary = QLabel()
        self.sentence = ElidedLabel()
        self.sentence.setProperty("role", "muted")
        self.explain_button = _button(commands.explain)
        self.moment = QLabel()
        self.moment.setProperty("role", "muted")
        self.save_button = QToolButton()
        self.save_button.setText(self.tr("Save…"))
        self.save_button.setToolTip(self.tr("Save the readings, the picture or a report."))
        self.save_button.setProperty("quiet", True)
        self.save_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.save_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(self.save_button)
        menu.setToolTipsVisible(True)
        menu.addActions([commands.save_csv, commands.save_png, commands.save_report])
        self.save_button.setMenu(menu)
        self.tools = QWidget()
        tools = QHBoxLayout(self.tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(2)
        for action in (commands.scope, commands.pause, commands.clear, commands.copy):
            tools.addWidget(_button(action))
        tools.addWidget(self.save_button)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(self.toggle_button)
        row.addWidget(self.places)
        row.addWidget(self.summary)
        row.addWidget(self.sentence, 1)
        row.addWidget(self.explain_button)
        row.addWidget(self.moment)
        row.addWidget(self.tools)
        self.explain_button.hide()
        self.places.hide()

    def show_expanded(self, is_expanded: bool) -> None:
        """Points the arrow down, or to the side."""
        self.toggle_button.setArrowType(Qt.ArrowType.DownArrow if is_expanded else Qt.ArrowType.RightArrow)

    def show_places(self, places: Sequence[Place], shown: str) -> None:
        """Offers these places, if there is a choice."""
        titles = [place.name or self.tr("Host memory") for place in places]
        known = [(self.places.itemData(index), self.places.itemText(index)) for index in range(self.places.count())]
        wanted = list(zip((place.key for place in places), titles, strict=True))
        if known != wanted:
            self.places.clear()
            for key, title in wanted:
                self.places.addItem(title, key)
            self.places.setVisible(len(wanted) > 1)
        self.places.setCurrentIndex(self.places.findData(shown))

    @Slot(int)
    def _choose(self, index: int) -> None:
        self.place_chosen.emit(self.places.itemData(index))


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setProperty("quiet", True)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
