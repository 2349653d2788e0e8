"""The panel of the attention inspector: one pixel, the models, a slider through the steps of one of them.

Imports Qt, `app` and the plain data of `engine`. It computes nothing: it asks (`asked`), is answered (`take`, `fail`), and says
what is to be laid over which picture (`overlay_changed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QGridLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.inspector.kernel_details import KernelDetails
from app.inspector.overlays import SHARPNESS, line_for, overlay_of
from app.inspector.step_slider import StepSlider
from app.inspector.token_details import TokenDetails
from app.inspector.window_details import WindowDetails
from app.theme import Theme
from app.wording import device_text, duration_text, size_text
from engine.attention import KernelsFound, TokensFound
from engine.messages import DoneAttention
from engine.tiling.geometry import Box

PANEL_WIDTH_PX = 304
_MODELS_A_ROW = 2
_NOWHERE = Box(0, 0, 0, 0)


@dataclass(frozen=True)
class InspectedModel:
    """A model that can be looked into: the key of the picture that shows its result, and its title."""

    key: str
    title: str


@dataclass
class _Look:
    """What is known of one model for the pixel: an answer, an error (message, hint), or neither yet. `step`: which is shown."""

    done: DoneAttention | None = None
    error: tuple[str, str] | None = None
    step: int = 0


@dataclass
class _Pixel:
    """The pixel that was picked. `other_key`: the picture it was picked on, where that is no model's; else ""."""

    x: int
    y: int
    other_key: str
    looks: dict[str, _Look] = field(default_factory=dict)


class AttentionInspector(QWidget):
    """Shows where each model looks from the pixel that was picked.

    Signals: `asked(key, x, y)`: somebody must look into this model; to be answered by `take` or `fail`. `overlay_changed(key,
    QImage | None, Box)`: what lies over a picture, in input pixels. `model_chosen(key)`: the person chose another model.
    """

    asked = Signal(str, int, int)
    model_chosen = Signal(str)
    overlay_changed = Signal(str, object, object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._models: list[InspectedModel] = []
        self._pixel: _Pixel | None = None
        self._current_key = ""
        # What lies over which picture now: drawing it again takes longer than a slider moves.
        self._overlaid: dict[str, tuple[DoneAttention, int, int | None, int] | None] = {}
        self._is_active = False
        self._line_px = SHARPNESS
        # The step that was shown last of each model: another pixel is looked at there too.
        self._steps: dict[str, int] = {}
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumWidth(PANEL_WIDTH_PX)
        self.setAccessibleName(self.tr("Attention inspector"))
        self._place = _label("title")
        self._tile = _label("muted")
        self._buttons: list[QPushButton] = []
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._choose_at)
        self._button_grid = QGridLayout()
        self._button_grid.setSpacing(6)
        self._pages = QStackedWidget()
        self._make_pages(theme)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(8)
        heading = _label("heading")
        heading.setText(self.tr("Attention"))
        for widget in (heading, self._place, self._tile):
            column.addWidget(widget)
        column.addLayout(self._button_grid)
        column.addWidget(self._pages, 1)
        self._show()

    def _make_pages(self, theme: Theme) -> None:
        self._empty = _page()
        self._lesson = [_label("title"), *(_label("muted") for _ in range(5))]
        self._fill_page(self._empty, self._lesson)
        self._waiting = _page()
        self._waiting_words = _label("muted")
        bar = QProgressBar()
        bar.setRange(0, 0)
        bar.setTextVisible(False)
        bar.setAccessibleName(self.tr("Looking into the model"))
        self._fill_page(self._waiting, [self._waiting_words, bar])
        self._failed = _page()
        self._message, self._hint = _label("error"), _label("muted")
        self.again = QPushButton(self.tr("Try again"))
        self.again.setToolTip(self.tr("Look into the model from the same pixel once more."))
        self.again.clicked.connect(self._ask_again)
        self._fill_page(self._failed, [self._message, self._hint, self.again])
        self._found = _page()
        self.steps = StepSlider()
        self.steps.changed.connect(self._take_step)
        self.windows = WindowDetails()
        self.tokens = TokenDetails(theme)
        self.tokens.head_changed.connect(self._show_found)
        self.tokens.step_chosen.connect(self.steps.slider.setValue)
        self.kernels = KernelDetails(theme)
        self.kernels.channel_changed.connect(self._show_found)
        self._made = _label("muted")
        self._fill_page(self._found, [self.steps, self.windows, self.tokens, self.kernels, self._made])
        scroller = QScrollArea()
        scroller.setWidgetResizable(True)
        scroller.setFrameShape(QFrame.Shape.NoFrame)
        scroller.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroller.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroller.setWidget(self._found)
        self._found.setObjectName("models")
        self._scroller = scroller
        for page in (self._empty, self._waiting, self._failed, scroller):
            self._pages.addWidget(page)

    @staticmethod
    def _fill_page(page: QWidget, widgets: Sequence[QWidget]) -> None:
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(12)
        for widget in widgets:
            column.addWidget(widget)
        column.addStretch(1)

    # What the window tells

    @property
    def current_key(self) -> str:
        """The model that is shown, "" where there is none."""
        return self._current_key

    def show_models(self, models: Sequence[InspectedModel]) -> None:
        """Takes the models that can be looked into; what is known of those that stay is kept, new ones are asked for."""
        self._models = list(models)
        # The view may have dropped what lay over a picture that it showed anew.
        self._overlaid = dict.fromkeys(self._overlaid)
        keys = [model.key for model in models]
        if self._current_key not in keys:
            self._current_key = keys[0] if keys else ""
        while len(self._buttons) < len(models):
            self._add_button()
        for index, button in enumerate(self._buttons):
            if index < len(models):
                title = models[index].title
                button.setText(title)
                button.setToolTip(self.tr("Show where {model} looks.").format(model=title))
        pixel = self._pixel
        if pixel is not None:
            for key in [key for key in pixel.looks if key not in keys]:
                del pixel.looks[key]
            for key in keys:
                if key not in pixel.looks:
                    self._ask(pixel, key)
        self._show()

    @Slot(bool)
    def set_active(self, active: bool) -> None:
        """Begins to wait for a pixel, or forgets the pixel and takes every overlay away."""
        self._is_active = active
        if not active:
            self._pixel = None
        self._show()

    @Slot(str, int, int)
    def pick(self, key: str, x: int, y: int) -> None:
        """Takes a pixel of the input, picked on the picture `key`, and asks for every model, the one of this picture first."""
        self._is_active = True
        keys = [model.key for model in self._models]
        if key in keys:
            self._current_key = key
        self._pixel = _Pixel(x, y, "" if key in keys else key)
        # The one that is shown first.
        for each in sorted(keys, key=lambda each: each != self._current_key):
            self._ask(self._pixel, each)
        self._show()

    @Slot(str, object)
    def take(self, key: str, done: DoneAttention) -> None:
        """Takes an answer; one about a pixel or a model that is no longer asked about is left out."""
        pixel, attention = self._pixel, done.attention
        if pixel is None or key not in pixel.looks or (attention.x, attention.y) != (pixel.x, pixel.y):
            return
        steps = len(attention.found.steps)
        pixel.looks[key] = _Look(done, step=min(self._steps.get(key, 0), steps - 1))
        self._show()

    @Slot(str, int, int, str, str)
    def fail(self, key: str, x: int, y: int, message: str, hint: str) -> None:
        """Takes an error in words in place of an answer."""
        pixel = self._pixel
        if pixel is None or key not in pixel.looks or (x, y) != (pixel.x, pixel.y):
            return
        pixel.looks[key] = _Look(error=(message, hint))
        self._show()

    @Slot(float)
    def set_zoom(self, zoom: float) -> None:
        """Takes how many pixels of the screen a pixel of the input has, so that lines are as thin as can be seen."""
        line_px = line_for(zoom)
        if line_px != self._line_px:
            self._line_px = line_px
            self._tell_overlays()

    # What the person does

    def choose(self, key: str) -> None:
        """Shows another model. An unknown key is left out."""
        if key in [model.key for model in self._models]:
            self._current_key = key
            self._show()

    @Slot(int)
    def _choose_at(self, index: int) -> None:
        self.choose(self._models[index].key)
        self.model_chosen.emit(self._current_key)

    @Slot(int)
    def _take_step(self, step: int) -> None:
        look = self._look
        if look is not None and look.done is not None:
            look.step = self._steps[self._current_key] = step
            self._show_found()

    @Slot()
    def _ask_again(self) -> None:
        if self._pixel is not None and self._current_key:
            self._ask(self._pixel, self._current_key)
            self._show()

    def _ask(self, pixel: _Pixel, key: str) -> None:
        pixel.looks[key] = _Look()
        self.asked.emit(key, pixel.x, pixel.y)

    # What is shown

    @property
    def _look(self) -> _Look | None:
        return None if self._pixel is None else self._pixel.looks.get(self._current_key)

    def _add_button(self) -> None:
        index = len(self._buttons)
        button = QPushButton()
        button.setCheckable(True)
        button.setProperty("segment", "true")
        self._group.addButton(button, index)
        self._button_grid.addWidget(button, index // _MODELS_A_ROW, index % _MODELS_A_ROW)
        self._buttons.append(button)

    def _show(self) -> None:
        """Shows the state: the pixel, the models, and the page that fits."""
        pixel, look = self._pixel, self._look
        for index, button in enumerate(self._buttons):
            button.setVisible(pixel is not None and 1 < len(self._models) > index)
            button.setChecked(index < len(self._models) and self._models[index].key == self._current_key)
        self._place.setVisible(pixel is not None)
        self._tile.setVisible(look is not None and look.done is not None)
        if pixel is not None:
            self._place.setText(self.tr("Pixel {x}, {y}").format(x=pixel.x, y=pixel.y))
        if pixel is None or look is None:
            self._teach()
            self._pages.setCurrentWidget(self._empty)
        elif look.error is not None:
            self._message.setText(look.error[0])
            self._hint.setText(look.error[1])
            self._hint.setVisible(bool(look.error[1]))
            self._pages.setCurrentWidget(self._failed)
        elif look.done is None:
            title = next(model.title for model in self._models if model.key == self._current_key)
            self._waiting_words.setText(self.tr("Looking into {model}…").format(model=title))
            self._pages.setCurrentWidget(self._waiting)
        else:
            self._pages.setCurrentWidget(self._scroller)
            self._show_details(look.done, look.step)
        self._tell_overlays()

    def _teach(self) -> None:
        """Says what to do, and what will be seen."""
        if not self._models:
            words = (
                self.tr("Upscale the image first"),
                self.tr("Then click a pixel of it to see where the model looks."),
            )
        elif self._is_active:
            words = (
                self.tr("Click a pixel of the image"),
                self.tr("You will see where each model looks from there."),
            )
        else:
            words = (
                self.tr("Press A and click a pixel"),
                self.tr("You will see where each model looks from that pixel of the image."),
            )
        rest = (
            self.tr("SSCAN reads a few whole windows, the most alike wherever they lie."),
            self.tr("PFT reads fewer and fewer tokens of its window, layer by layer."),
            self.tr("ESC convolves with a large kernel, to which each tile adds a small one of its own."),
            self.tr("A slider goes through the network step by step."),
        )
        for label, text in zip(self._lesson, (*words, *rest), strict=True):
            label.setText(text)

    @Slot()
    def _show_found(self) -> None:
        """Shows another step, head or channel of the same model."""
        look = self._look
        if look is not None and look.done is not None:
            self._show_details(look.done, look.step)
            self._tell_overlays()

    def _show_details(self, done: DoneAttention, step: int) -> None:
        attention = done.attention
        is_tokens, is_kernels = (isinstance(attention.found, kind) for kind in (TokensFound, KernelsFound))
        details = self.tokens if is_tokens else self.kernels if is_kernels else self.windows
        for widget in (self.windows, self.tokens, self.kernels):
            widget.setVisible(widget is details)
        self.steps.show_steps(attention, step)
        details.show_step(attention, step)
        self._tile.setText(
            self.tr("Seen on a tile of {size} px").format(size=size_text(attention.tile.width, attention.tile.height))
        )
        self._made.setText(
            self.tr("Computed in {duration} on {device}, {precision}.").format(
                duration=duration_text(done.seconds),
                device=device_text(done.prepared.device),
                precision=done.prepared.precision,
            )
        )

    def _tell_overlays(self) -> None:
        """Lays over every model's picture what it does, and over the picture that was clicked what the current one does."""
        pixel = self._pixel
        wanted: dict[str, _Look] = (
            {} if pixel is None else {k: look for k, look in pixel.looks.items() if look.done is not None}
        )
        if pixel is not None and pixel.other_key and self._current_key in wanted:
            wanted[pixel.other_key] = wanted[self._current_key]
        for key in [key for key in self._overlaid if key not in wanted]:
            del self._overlaid[key]
            self.overlay_changed.emit(key, None, _NOWHERE)
        for key, look in wanted.items():
            assert look.done is not None
            found = look.done.attention.found
            head = self.tokens.head if isinstance(found, TokensFound) else None
            if isinstance(found, TokensFound) and head is not None:
                # Another PFT may have fewer heads than the one the choice was made for.
                head = min(head, found.steps[0].weights.shape[0] - 1)
            drawn = (look.done, look.step, head, self._line_px)
            if self._overlaid.get(key) != drawn:
                self._overlaid[key] = drawn
                self.overlay_changed.emit(key, *overlay_of(look.done.attention, look.step, head, self._line_px))


def _page() -> QWidget:
    return QWidget()


def _label(role: str) -> QLabel:
    label = QLabel()
    label.setProperty("role", role)
    label.setWordWrap(True)
    return label
