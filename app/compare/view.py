"""The comparison view: the one widget that the window puts in its middle.

Imports Qt, `app` and the plain data of `engine`. It opens the rasters of what it shows and lets them go in `close_rasters`; it
never writes a raster and never removes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QFocusEvent, QImage, QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.compare.bar import Bar
from app.compare.camera import Camera
from app.compare.commands import Commands
from app.compare.comparison import Comparison
from app.compare.difference import DifferenceSettings
from app.compare.keyboard import Keyboard
from app.compare.layouts import Mode
from app.compare.panes import Panes
from app.compare.scoring import Scoring
from app.compare.sources import PaneSource
from app.compare.stage import Stage
from app.compare.tiles import TileStore
from app.theme import Theme
from engine.tiling.geometry import Box


class ComparisonView(QWidget):
    """Up to nine pictures through one camera.

    Signals: `mode_changed(name)`, `current_changed(key)`, `reference_changed(key)`: what was chosen, by whomever.
    `view_changed(Box)`: the part of the input in view, in input pixels, at most once an event loop. `region_changed(Box |
    None)`: the marked part of the input. `frame_moved(Box)`: the preview's frame was put elsewhere, in input pixels.
    `pixel_picked(key, x, y)`: a pixel of the input was clicked while the last `attention_toggled` was True. `zoom_changed`: the
    camera moved.
    """

    mode_changed = Signal(str)
    current_changed = Signal(str)
    reference_changed = Signal(str)
    view_changed = Signal(object)
    region_changed = Signal(object)
    frame_moved = Signal(object)
    pixel_picked = Signal(str, int, int)
    attention_toggled = Signal(bool)
    zoom_changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = Camera(self)
        self.store = TileStore(self)
        self.comparison = Comparison(self.store, self)
        self.panes = Panes(self.comparison, self.camera)
        self.stage = Stage(self.panes, self.store, theme)
        self.commands = Commands(self, self.panes, self.stage.marks, theme)
        self.bar = Bar(self.comparison, self.commands, theme)
        self.keyboard = Keyboard(self.stage, self.commands, self)
        self.scoring = Scoring(self.panes, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Comparison"))
        self.stage.setAccessibleName(self.tr("Pictures"))
        # A click on a pane gives the focus, and with it the keys, to the comparison.
        self.stage.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.stage.setFocusProxy(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(self.stage, 1)
        self._view_timer = QTimer(self, singleShot=True, interval=0)
        self._view_timer.timeout.connect(self._tell_view)
        self._connect()

    def _connect(self) -> None:
        comparison, gestures = self.comparison, self.stage.gestures
        comparison.mode_changed.connect(self.mode_changed)
        comparison.current_changed.connect(self.current_changed)
        comparison.reference_changed.connect(self.reference_changed)
        comparison.region_changed.connect(self.region_changed)
        self.camera.changed.connect(self.zoom_changed)
        self.camera.changed.connect(self._view_timer.start)
        gestures.frame_moved.connect(self.frame_moved)
        gestures.clicked.connect(self._take_clicked)
        gestures.picked.connect(self.pixel_picked)
        self.commands.switched.connect(self.stage.refresh)
        self.commands.zoom_asked.connect(self.stage.zoom_at_pointer)
        self.commands.attention_toggled.connect(self._pick_pixels)
        self.commands.attention_toggled.connect(self.attention_toggled)
        self.scoring.changed.connect(self._show_scores)
        self.stage.pointed.connect(self._describe)

    # What is shown

    def show_sources(self, sources: Sequence[PaneSource], *, keep_camera: bool) -> None:
        """Shows these pictures, at most nine, and nothing else; [] empties the view.

        Pictures whose key, raster and profile are those of before keep what was drawn. `keep_camera`: the same spot stays in the
        middle, as large as it is; else the whole picture is fitted and a region is cleared.
        """
        self.comparison.set_sources(sources)
        arrangement = self.comparison.arrangement
        if not keep_camera or arrangement is None:
            self.comparison.set_region(None)
        if arrangement is not None:
            self.camera.set_picture(arrangement.width, arrangement.height, keep=keep_camera)

    def add_finished(self, key: str, boxes: Iterable[Box]) -> None:
        """Shows more of a picture that is being made; boxes in pixels of its raster. An unknown key is left out."""
        self.comparison.add_finished(key, boxes)

    def update_figures(self, key: str, figures: tuple[str, ...]) -> None:
        """Shows other figures in a picture's label. An unknown key is left out."""
        self.comparison.set_figures(key, figures)

    def close_rasters(self) -> None:
        """Shows nothing and lets go of every raster, so that their files may be removed; its threads have ended then."""
        self.scoring.close()
        self.comparison.close()
        self.scoring.close()
        self.store.close()

    # Choices

    @property
    def mode(self) -> Mode:
        """The layout chosen: one, wipe, side, grid or diff."""
        return self.comparison.mode

    def set_mode(self, mode: str) -> None:
        """Chooses the layout; raises ValueError for a name that is none."""
        self.comparison.set_mode(mode)

    @property
    def difference(self) -> DifferenceSettings:
        """How differences are shown."""
        return self.comparison.difference

    def set_difference(self, settings: DifferenceSettings) -> None:
        """Chooses how differences are shown."""
        self.comparison.set_difference(settings)

    @property
    def current_key(self) -> str:
        """The picture shown, or "" where there is none."""
        return self.comparison.current_key

    def set_current(self, key: str) -> None:
        """Chooses the picture shown. An unknown key is left out."""
        self.comparison.set_current(key)

    @property
    def reference_key(self) -> str:
        """The picture that the others are compared with, or "" where there is none."""
        return self.comparison.reference_key

    def set_reference(self, key: str) -> None:
        """Chooses the picture that the others are compared with. An unknown key is left out."""
        self.comparison.set_reference(key)

    @property
    def region(self) -> Box | None:
        """The marked part of the input, in input pixels."""
        return self.comparison.region

    def set_region(self, region: Box | None) -> None:
        """Marks a part of the input, or none."""
        self.comparison.set_region(region)

    @property
    def visible_box(self) -> Box | None:
        """The part of the input in view, in input pixels, or None where nothing is shown."""
        return self.panes.visible_box

    # Marks

    def set_tile_grid(self, boxes: Sequence[Box] | None) -> None:
        """Takes the tiles of a plan (input pixels) for the tile grid, or None where there is no plan."""
        self.comparison.set_tile_grid(boxes)

    def set_frame(self, frame: Box | None) -> None:
        """Shows the movable frame of a preview (input pixels), or none."""
        self.comparison.set_frame(frame)

    def set_overlay(self, key: str, image: QImage | None, box: Box) -> None:
        """Lays a picture (with alpha) over a part of a source, in input pixels; None takes it away."""
        self.comparison.set_overlay(key, image, box)

    def actions(self) -> list[QAction]:
        """Returns what can be done in the view, each with its words and its key."""
        return list(self.commands.all)

    def held_keys(self) -> list[tuple[str, str]]:
        """Returns keys and gestures that are no actions, with what they do, for the page of keys."""
        return [
            ("1 … 9", self.tr("Show a picture; hold to peek")),
            ("Shift+1 … 9", self.tr("Make a picture the base, which others are compared with")),
            (self.tr("Space"), self.tr("Peek at the base while it is held")),
            (self.tr("Arrows"), self.tr("Move the picture; with Shift further")),
            (self.tr("Ctrl+Arrows"), self.tr("Move the divider of a wipe")),
            (self.tr("Alt+Arrows"), self.tr("Move the frame of the preview")),
            (self.tr("Shift+Drag"), self.tr("Mark a region; a click clears it")),
            (self.tr("Wheel"), self.tr("Zoom at the pointer")),
            (self.tr("Double click"), self.tr("From the whole picture to 1:1, and back")),
            (self.tr("Return"), self.tr("Pick the pixel at the pointer for the attention inspector")),
            ("Esc", self.tr("Leave peek, region, inspector, loupe, preview, full screen or a notice")),
        ]

    @property
    def is_settled(self) -> bool:
        """Whether everything in view is as sharp as it gets, and every score is there."""
        return self.stage.is_sharp and self.store.is_idle and self.scoring.is_idle

    def event(self, event: QEvent) -> bool:
        """Claims its keys before the window's shortcuts get them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.keyboard.takes(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Acts on digits, Space, arrows, Esc and Return."""
        if not self.keyboard.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Ends what a held key began."""
        if not self.keyboard.release(event):
            super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Ends every peek."""
        self.keyboard.let_go()
        super().focusOutEvent(event)

    @Slot(str)
    def _take_clicked(self, key: str) -> None:
        if self.comparison.shown_mode == "grid":
            self.comparison.set_current(key)

    @Slot(bool)
    def _pick_pixels(self, picks: bool) -> None:
        self.stage.gestures.picks = picks

    @Slot()
    def _show_scores(self) -> None:
        self.stage.marks.labels.scores = self.scoring.scores
        self.stage.refresh()

    @Slot()
    def _describe(self) -> None:
        """Tells assistive tools what the pixel inspector shows."""
        spot = self.stage.spot
        if self.stage.marks.shows_inspector and spot is not None:
            self.stage.setAccessibleDescription(self.stage.marks.inspector.words(spot))

    @Slot()
    def _tell_view(self) -> None:
        box = self.visible_box
        if box is not None:
            self.view_changed.emit(box)
