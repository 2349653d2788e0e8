"""The choice of a model and a scale, and the button that starts.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.actions import Actions
from app.controls.tiling import TilingControls
from app.sentences import in_window
from app.widgets.elided_label import ElidedLabel
from app.widgets.scale_switch import ScaleSwitch
from engine.catalog import CatalogEntry

PANEL_WIDTH_PX = 304
# With more cards than these, only the chosen one tells what it is good for: the controls below stay in a low window.
_OPEN_CARDS = 3
FIRST_SCALE = 2
FIRST_FAMILY = "esc"
# Beside the words of the button that starts: its padding and border.
_BUTTON_MARGIN_PX = 15


class ModelCard(QFrame):
    """One model: its name, what it is good for, and its figures. A click anywhere on it chooses it.

    `folds`: it is one line, with one figure, while it is not chosen; the tooltip has the rest.
    """

    def __init__(self, entries: Sequence[CatalogEntry], folds: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folds = folds
        self.entries = {entry.scale: entry for entry in entries}
        first = entries[0]
        self.name, self.family, self.title = first.name, first.family, in_window(first.title)
        self.setProperty("card", "true")
        self.radio = QRadioButton(self.title)
        self.radio.setStyleSheet("font-weight: 600")
        self._good_for = in_window(first.description)
        self.radio.setAccessibleDescription(self._good_for)
        self.radio.toggled.connect(self._mark)
        self.tick = QCheckBox()
        self.tick.setAccessibleName(self.tr("Preview and show {name}").format(name=self.title))
        told = self.tr("Ticked models are in the preview (Ctrl+R), and their results in the panes.")
        self.tick.setToolTip(told)
        self.tick.setAccessibleDescription(told)
        self._description = _words(self._good_for)
        self._figures = _words("")
        self._figure = QLabel()
        self._figure.setProperty("role", "muted")
        self._figure.setTextFormat(Qt.TextFormat.PlainText)
        column = QVBoxLayout(self)
        column.setContentsMargins(11, 5, 11, 7)
        column.setSpacing(2)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.radio, 1)
        top.addWidget(self._figure)
        top.addWidget(self.tick)
        column.addLayout(top)
        for widget in (self._description, self._figures):
            column.addWidget(widget)
        self._unfold(not folds)
        self.show_figures(first.scale)

    @property
    def is_special(self) -> bool:
        """Whether it is for special pictures only."""
        return any(entry.purpose for entry in self.entries.values())

    @property
    def is_added(self) -> bool:
        """Whether it is a checkpoint of the person's, not one of Triptych's own."""
        return all(entry.source == "added" for entry in self.entries.values())

    def entry_for(self, scale: int) -> CatalogEntry:
        """Returns the weights for a scale, or for the nearest that there is."""
        return self.entries[min(self.entries, key=lambda each: abs(each - scale))]

    def show_figures(self, scale: int) -> None:
        """Shows size and quality of the weights for the scale (or the nearest there is)."""
        entry = self.entry_for(scale)
        count = _in_short(entry.parameter_count)
        measured = [self._quality(name, value) for name, value in entry.psnr.items()]
        parts = [count, *measured[:1]]
        if entry.source == "added":
            parts.append(self.tr("added by you"))
        self._figures.setText(" · ".join(parts))
        values = [self.tr("{value} dB").format(value=f"{value:.2f}") for value in entry.psnr.values()]
        # Special weights are measured on other inputs: their figure beside the others' would mislead.
        self._figure.setText("" if entry.purpose else (values or [count])[0])
        source = self.tr("Added by you: {file}") if entry.source == "added" else self.tr("Comes with Triptych: {file}")
        told = [self._good_for] if self._folds else []
        told += [self.tr("{count} parameters").format(count=count), *measured]
        self.setToolTip("\n".join([*told, source.format(file=entry.path.name)]))

    def _quality(self, images: str, psnr_db: float) -> str:
        """Returns what was measured, on which set: `PSNR-Y 36.74 dB on Set5`; it breaks before the set only."""
        value = f"{psnr_db:.2f}"
        return self.tr("PSNR-Y\N{NO-BREAK SPACE}{value}\N{NO-BREAK SPACE}dB on {images}").format(
            value=value, images=images
        )

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Chooses this model."""
        self.radio.setChecked(True)
        self.radio.setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()

    def _unfold(self, is_open: bool) -> None:
        self._description.setVisible(is_open)
        self._figures.setVisible(is_open)
        self._figure.setVisible(not is_open)

    @Slot(bool)
    def _mark(self, chosen: bool) -> None:
        self._unfold(chosen or not self._folds)
        self.setProperty("chosen", "true" if chosen else "false")
        self.style().unpolish(self)
        self.style().polish(self)


class ModelPanel(QWidget):
    """The right side of the window.

    Signals: `changed` when another model or scale is chosen, by the person or for them. `ticks_changed`: other models are
    `shown`; `changed` comes too.
    """

    changed = Signal()
    ticks_changed = Signal()

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(PANEL_WIDTH_PX)
        self._cards: list[ModelCard] = []
        # What was ticked and what was not, by name: models are listed anew with every one that is added.
        self._ticks: dict[str, bool] = {}
        # Whether choice and ticks are ours and nobody's wish, and whether they are the small sizes.
        self._is_untouched, self._begins_small = False, True
        self._group = QButtonGroup(self)
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._empty = _words(self.tr("Looking for models…"))
        self._column.addWidget(self._empty)
        self.scales = ScaleSwitch(FIRST_SCALE)
        self.scales.changed.connect(self._follow)
        self.tiling = TilingControls()
        self.tiling.changed.connect(self.changed)
        self.all_ticked = QCheckBox(self.tr("Run all ticked models"))
        self.all_ticked.setToolTip(self.tr("Upscale runs every ticked model on every image, not only the marked one."))
        self.all_ticked.toggled.connect(self.changed)
        self.saves = QCheckBox(self.tr("Save each result"))
        self.where = ElidedLabel()
        self.where.setProperty("role", "muted")
        self.output_button = QToolButton()
        self.output_button.setDefaultAction(actions.settings)
        self.output_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.output_button.setProperty("quiet", "true")
        self.output_button.setAccessibleName(self.tr("Where and how results are saved"))
        self.size_text = _words("")
        self.size_text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.start_button = StartButton(actions)
        inner = QWidget()
        inner.setObjectName("models")
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 10, 16, 2)
        column.setSpacing(7)
        column.addWidget(_heading(self.tr("Model")))
        column.addWidget(self._list)
        column.addSpacing(2)
        column.addWidget(_heading(self.tr("Scale")))
        column.addWidget(self.scales)
        column.addSpacing(6)
        column.addWidget(self.tiling)
        column.addStretch(1)
        # On a low screen the controls scroll, and the button that starts stays in sight.
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        foot = QVBoxLayout()
        foot.setContentsMargins(16, 4, 16, 12)
        foot.setSpacing(6)
        foot.addWidget(self.all_ticked)
        saving = QHBoxLayout()
        saving.setSpacing(6)
        saving.addWidget(self.saves)
        saving.addWidget(self.where, 1)
        saving.addWidget(self.output_button)
        foot.addLayout(saving)
        foot.addWidget(self.size_text)
        foot.addWidget(self.start_button)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(area, 1)
        whole.addLayout(foot)

    @property
    def choice(self) -> CatalogEntry | None:
        """The chosen weights, or None while there are none."""
        card = self._chosen_card
        return None if card is None else card.entries.get(self.scales.scale)

    @property
    def ticked(self) -> list[CatalogEntry]:
        """The weights of all ticked models for the chosen scale, or the nearest that each has."""
        return [card.entry_for(self.scales.scale) for card in self._cards if card.tick.isChecked()]

    @property
    def ticks(self) -> dict[str, bool]:
        """Which models are ticked and which are not, by name."""
        return dict(self._ticks)

    def put_back_ticks(self, ticks: Mapping[str, bool]) -> None:
        """Takes the ticks of an earlier start, before models are listed."""
        self._ticks = dict(ticks)

    def shows(self, name: str) -> bool:
        """Whether the panes show results of this model: it is ticked, or not in the list (any more)."""
        return all(card.tick.isChecked() for card in self._cards if card.name == name)

    def tick(self, name: str) -> None:
        """Ticks the model of this name, if it is there: what is run is seen."""
        for card in self._cards:
            if card.name == name:
                card.tick.setChecked(True)

    def show_models(self, entries: Sequence[CatalogEntry], preferred: str) -> None:
        """Lists the models; `preferred` (a name, or a family such as "esc") is chosen if it is there.

        Where it is not, the one that a new window begins with is: of a family the small size, until `begin_with_best`.
        """
        is_new = not self._ticks and preferred == FIRST_FAMILY
        for card in self._cards:
            self._group.removeButton(card.radio)
            self._column.removeWidget(card)
            card.deleteLater()
        names = list(dict.fromkeys(entry.name for entry in sorted(entries, key=_place)))
        folds = len(names) > _OPEN_CARDS
        self._cards = [ModelCard([entry for entry in entries if entry.name == name], folds) for name in names]
        for index, card in enumerate(self._cards):
            self._group.addButton(card.radio)
            self._column.insertWidget(index, card)
            card.radio.toggled.connect(self._follow)
            # What the person just added is wanted too.
            is_wanted = self._is_first_of_family(card) or (bool(self._ticks) and card.is_added)
            card.tick.setChecked(self._ticks.get(card.name, is_wanted))
            card.tick.toggled.connect(self._follow_ticks)
        self._empty.setVisible(not self._cards)
        self._empty.setText(self.tr("There are no models here. `triptych models add FILE` adds a checkpoint."))
        best = self._nearest(preferred)
        if best is not None:
            best.radio.setChecked(True)
            self._ticks = {}
        self._follow_ticks()
        self._is_untouched = is_new and best is not None

    def begin_with_best(self) -> bool:
        """Chooses and ticks the best size of each family in place of the small one, and returns whether it did.

        For a device that runs it as quickly as a CPU runs the small one; what the person chose stays.
        """
        if not self._is_untouched:
            return False
        self._begins_small = False
        for card in self._cards:
            card.tick.setChecked(self._is_first_of_family(card))
        best = self._nearest(FIRST_FAMILY)
        if best is not None:
            best.radio.setChecked(True)
        return True

    def _nearest(self, preferred: str) -> ModelCard | None:
        def distance(card: ModelCard) -> tuple[int, ...]:
            return *self._distance(card, preferred), *self._distance(card, FIRST_FAMILY)

        return min(self._cards, key=distance, default=None)

    def _distance(self, card: ModelCard, preferred: str) -> tuple[int, int]:
        """How far a model is from the preferred one: itself, then its family, others."""
        if card.name == preferred:
            return 0, 0
        return (1, self._rank(card)) if card.family == preferred.partition("-")[0] else (2, 0)

    def _rank(self, card: ModelCard) -> int:
        """Where a model stands in its family: the size to begin with, others, special weights."""
        if card.is_special:
            return 2
        return int(card.name.endswith("-fast") != self._begins_small)

    def _is_first_of_family(self, card: ModelCard) -> bool:
        """Whether it is the one that stands for its family at first: one of each is enough to choose by."""
        return card is min((each for each in self._cards if each.family == card.family), key=self._rank)

    def choose(self, name: str) -> None:
        """Chooses the model of this name, if it is there."""
        for card in self._cards:
            if card.name == name:
                card.radio.setChecked(True)

    @property
    def _chosen_card(self) -> ModelCard | None:
        return next((card for card in self._cards if card.radio.isChecked()), None)

    @Slot()
    def _follow_ticks(self) -> None:
        self._is_untouched = False
        self._ticks |= {card.name: card.tick.isChecked() for card in self._cards}
        self.ticks_changed.emit()
        self.changed.emit()

    @Slot()
    def _follow(self) -> None:
        card = self._chosen_card
        if card is None:
            return
        self._is_untouched = False
        self.scales.offer(card.entries.keys(), card.name)
        for each in self._cards:
            each.show_figures(self.scales.scale)
        self.changed.emit()


class StartButton(QPushButton):
    """Starts; its text says what it will do, its tooltip why it cannot."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._action = actions.start
        self._said = "", ""
        self._note = ""
        self.setProperty("primary", "true")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.clicked.connect(actions.start.trigger)
        actions.start.changed.connect(self._follow)
        self.say(actions.start.text())
        self._follow()

    def say(self, text: str, about: str = "", note: str = "") -> None:
        """Shows what a click will do and how long that should take, in a second line where one is too short for both.

        `note`: what else there is to know, for the tooltip.
        """
        self._said = text, about
        self._note = note
        self._follow()
        self.setAccessibleName(f"{text} · {about}" if about else text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Breaks or shortens its words for the new width."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        text, about = self._said
        whole = self.accessibleName()
        metrics, room_px = self.fontMetrics(), self.contentsRect().width() - 2 * _BUTTON_MARGIN_PX
        if about and metrics.horizontalAdvance(whole) > room_px:
            self.setText(f"{metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room_px)}\n{about}")
        else:
            self.setText(metrics.elidedText(whole, Qt.TextElideMode.ElideMiddle, room_px))

    @Slot()
    def _follow(self) -> None:
        self.setEnabled(self._action.isEnabled())
        self.setToolTip("\n".join(line for line in (self._action.toolTip(), self._note) if line))
        self.setAccessibleDescription(self._note)


def _place(entry: CatalogEntry) -> tuple[bool, bool, str, bool]:
    """Where a model stands in the list: families, each from its small size up; those for special pictures come last."""
    return bool(entry.purpose), entry.source != "bundled", entry.family, not entry.name.endswith("-fast")


def _in_short(count: int) -> str:
    """Returns a count as people write it: 136 k, 1.2 M."""
    return f"{count / 1e6:.1f}\N{NO-BREAK SPACE}M" if count >= 1e6 else f"{count / 1e3:.0f}\N{NO-BREAK SPACE}k"


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "heading")
    return label


def _words(text: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label
