"""The bar above the comparison: which pictures there are, and the settings of the mode in force. Imports Qt and `app`."""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from app.compare.chip import Chip
from app.compare.commands import Commands
from app.compare.comparison import Comparison
from app.compare.difference import DIFFERENCE_KINDS, DifferenceKind
from app.compare.labels import gain_text, method_name
from app.theme import Theme
from engine.resampling import Method

_METHODS: tuple[Method, ...] = ("nearest", "bilinear", "bicubic", "lanczos")
_ROW_HEIGHT_PX = 42
# A chip with a name that can still be told from others.
_SHORT_CHIP_PX = 84
_LEAST_CHIP_PX = 34
_CHIP_GAP_PX = 4
_BAR_GAP_PX = 6
# Margins of the bar, and a gap before the settings.
_SPARE_PX = 30


class Bar(QWidget):
    """Chips of the pictures at the left, settings at the right. It is hidden while there is nothing to choose."""

    def __init__(self, comparison: Comparison, commands: Commands, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._comparison = comparison
        self._commands = commands
        self._theme = theme
        self._chips: list[Chip] = []
        self.setObjectName("compareBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._chip_row = QHBoxLayout()
        self._chip_row.setSpacing(_CHIP_GAP_PX)
        self._chip_row.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._settings = QWidget()
        row = QHBoxLayout(self._settings)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addStretch(1)
        self._make_method(row)
        self._make_difference(row)
        self._divider_button = self._button(commands.turn_divider, row, Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._box = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._box.setContentsMargins(8, 0, 8, 0)
        self._box.setSpacing(_BAR_GAP_PX)
        self._box.addLayout(self._chip_row)
        self._box.addWidget(self._settings, 1)
        comparison.sources_changed.connect(self._refill)
        comparison.current_changed.connect(self._follow)
        comparison.reference_changed.connect(self._follow)
        comparison.mode_changed.connect(self._follow)
        comparison.settings_changed.connect(self._follow)
        theme.changed.connect(self._tint)
        self._tint()
        self._refill()

    def _make_method(self, row: QHBoxLayout) -> None:
        self.method = QComboBox()
        self.method.setAccessibleName(self.tr("How smaller pictures are enlarged"))
        self.method.setToolTip(
            self.tr("How the input is enlarged to the size of its result.\nAbove 300 % pixels are shown as squares.")
        )
        for method in _METHODS:
            self.method.addItem(self.tr("Input: {method}").format(method=method_name(method)), method)
        self.method.activated.connect(self._choose_method)
        row.addWidget(self.method)

    def _make_difference(self, row: QHBoxLayout) -> None:
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Kind of difference"))
        self.kind.setToolTip(self.tr("What is shown of the difference between picture and base."))
        names = {"absolute": self.tr("Absolute"), "signed": self.tr("Signed"), "ssim": self.tr("Structure (SSIM)")}
        for kind in DIFFERENCE_KINDS:
            self.kind.addItem(names[kind], kind)
        self.kind.activated.connect(self._choose_kind)
        row.addWidget(self.kind)
        only_icon, only_text = Qt.ToolButtonStyle.ToolButtonIconOnly, Qt.ToolButtonStyle.ToolButtonTextOnly
        colour = self._button(self._commands.false_colour, row, only_text)
        less = self._button(self._commands.less_gain, row, only_icon)
        self.gain = QLabel()
        self.gain.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.gain.setMinimumWidth(self.fontMetrics().horizontalAdvance("× 128") + 8)
        self.gain.setAccessibleName(self.tr("Gain"))
        row.addWidget(self.gain)
        more = self._button(self._commands.more_gain, row, only_icon)
        normalise = self._button(self._commands.normalise, row, only_text)
        self._difference_widgets: list[QWidget] = [self.kind, colour, less, self.gain, more, normalise]

    def _button(self, action: QAction, row: QHBoxLayout, style: Qt.ToolButtonStyle) -> QToolButton:
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(style)
        button.setProperty("quiet", True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        row.addWidget(button)
        return button

    @property
    def chips(self) -> list[Chip]:
        """The pictures' buttons, in order."""
        return self._chips[: len(self._comparison.keys)]

    @Slot()
    def _refill(self) -> None:
        """Names the chips after the pictures; those that are made once stay."""
        titles = [source.title for source in self._comparison.sources]
        while len(self._chips) < len(titles):
            index = len(self._chips)
            chip = Chip(self._theme, index + 1)
            self._chips.append(chip)
            self._chip_row.addWidget(chip)
            chip.clicked.connect(lambda _checked=False, index=index: self._show_at(index))
            chip.chosen_as_reference.connect(lambda index=index: self._refer_to(index))
        for index, chip in enumerate(self._chips):
            chip.setVisible(index < len(titles))
            chip.rename(titles[index] if index < len(titles) else "")
        self._follow()

    @Slot()
    def _follow(self) -> None:
        comparison = self._comparison
        for key, chip in zip(comparison.keys, self.chips, strict=True):
            chip.show_as(key == comparison.current_key, key == comparison.reference_key and len(self.chips) > 1)
        mode = comparison.shown_mode
        is_magnified = any(comparison.opened(key).magnification != 1 for key in comparison.keys)
        self.method.setVisible(is_magnified and mode != "diff")
        self.method.setCurrentIndex(_METHODS.index(comparison.method))
        for widget in self._difference_widgets:
            widget.setVisible(mode == "diff")
        self.kind.setCurrentIndex(DIFFERENCE_KINDS.index(comparison.difference.kind))
        self.gain.setText(gain_text(comparison.difference.gain))
        self._divider_button.setVisible(mode == "wipe")
        self.setVisible(len(self.chips) > 1)
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        """As narrow as its settings: the chips give up their names first, then take a row of their own."""
        return QSize(max(240, self._settings.minimumSizeHint().width() + 16), _ROW_HEIGHT_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Takes one row, or two where the names would be cut too short."""
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        needed = len(self.chips) * _SHORT_CHIP_PX + self._settings.sizeHint().width() + _SPARE_PX
        has_settings = any(not each.isHidden() for each in (self.method, self.kind, self._divider_button))
        in_two = has_settings and needed > self.width()
        directions = QBoxLayout.Direction
        self._box.setDirection(directions.TopToBottom if in_two else directions.LeftToRight)
        # Two rows are equally high; in one the settings take what the chips leave.
        self._box.setStretch(0, 1 if in_two else 0)
        self._box.setSpacing(0 if in_two else _BAR_GAP_PX)
        self.setFixedHeight(_ROW_HEIGHT_PX * (2 if in_two else 1))
        room = self.width() - _SPARE_PX - (self._settings.sizeHint().width() if has_settings and not in_two else 0)
        self._share(room)

    def _share(self, room_px: int) -> None:
        """Gives each chip what its name needs, or where that is too much, the long ones an equal share of the rest."""
        chips = self.chips
        left_px = room_px - _CHIP_GAP_PX * max(0, len(chips) - 1)
        wishes = sorted(chip.sizeHint().width() for chip in chips)
        cap_px = 0
        for index, wish in enumerate(wishes):
            cap_px = max(_LEAST_CHIP_PX, left_px // (len(wishes) - index))
            if wish > cap_px:
                break
            left_px -= wish
            cap_px = wish
        for chip in chips:
            chip.setFixedWidth(min(chip.sizeHint().width(), cap_px))

    def _show_at(self, index: int) -> None:
        self._comparison.set_current(self._comparison.keys[index])
        # A second click on the chosen chip would uncheck it.
        self._follow()

    def _refer_to(self, index: int) -> None:
        self._comparison.set_reference(self._comparison.keys[index])

    @Slot(int)
    def _choose_method(self, index: int) -> None:
        self._comparison.set_method(_METHODS[index])

    @Slot(int)
    def _choose_kind(self, index: int) -> None:
        kind = cast(DifferenceKind, self.kind.itemData(index))
        self._comparison.set_difference(self._comparison.difference._replace(kind=kind))

    @Slot()
    def _tint(self) -> None:
        colours = self._theme.colours
        self.setStyleSheet(
            f"QWidget#compareBar {{ background: {colours.surface}; border-bottom: 1px solid {colours.border}; }}"
            f"QToolButton[quiet='true']:checked {{ background: {colours.selected}; border-color: {colours.accent_text}; }}"
        )
