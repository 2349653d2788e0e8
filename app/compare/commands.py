"""What can be done in the comparison, each with its words, its key and, where it has one, its icon.

Imports Qt and `app`. The keys act while the view or something in it has the focus. What is done while a key is *held*,
and the digits, which are told by their place on the keyboard, are `app.compare.keyboard`.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QWidget

from app.actions import allow
from app.compare.camera import Camera
from app.compare.comparison import Comparison
from app.compare.layouts import Mode
from app.compare.marks import Marks
from app.compare.panes import Panes
from app.theme import Theme
from engine.tiling.geometry import Box

_LAYOUTS: tuple[Mode, ...] = ("one", "wipe", "side", "grid")


class Commands(QObject):
    """The view's actions.

    `switched`: a mark was switched on or off; `attention_toggled`: clicks pick pixels, or no longer; `zoom_asked`: steps to zoom
    in by, at the pointer.
    """

    switched = Signal()
    attention_toggled = Signal(bool)
    zoom_asked = Signal(int)

    def __init__(self, view: QWidget, panes: Panes, marks: Marks, theme: Theme) -> None:
        super().__init__(view)
        self._view = view
        self._panes = panes
        self._marks = marks
        self._theme = theme
        self._layout: Mode = "one"
        self._icons: list[tuple[QAction, str]] = []
        self.all: list[QAction] = []
        self._make_modes()
        self._make_difference()
        self._make_camera()
        self._make_marks()
        panes.comparison.mode_changed.connect(self._follow)
        panes.comparison.sources_changed.connect(self._follow)
        panes.comparison.settings_changed.connect(self._follow)
        panes.comparison.current_changed.connect(self._follow)
        panes.comparison.reference_changed.connect(self._follow)
        panes.comparison.region_changed.connect(self._follow)
        theme.changed.connect(self._tint)
        self._tint()
        self._follow()

    @property
    def _comparison(self) -> Comparison:
        return self._panes.comparison

    @property
    def _camera(self) -> Camera:
        return self._panes.camera

    def _make_modes(self) -> None:
        self.one = self._make(
            self.tr("One"),
            "Ctrl+1",
            self.tr("One picture, flipped in place with the digits. M: next layout."),
            "mode-one",
        )
        self.wipe = self._make(
            self.tr("Wipe"),
            "Ctrl+2",
            self.tr("Base and picture, parted by a line to drag. M: next layout."),
            "mode-wipe",
        )
        self.side = self._make(
            self.tr("Side by side"),
            "Ctrl+3",
            self.tr("Base and picture beside each other. M: next layout."),
            "mode-side",
        )
        self.grid = self._make(self.tr("Grid"), "Ctrl+4", self.tr("All pictures at once. M: next layout."), "mode-grid")
        self.diff = self._make(
            self.tr("Difference"), "D", self.tr("What differs from the base; again: back."), "mode-diff"
        )
        self.modes: dict[Mode, QAction] = {
            "one": self.one, "wipe": self.wipe, "side": self.side, "grid": self.grid, "diff": self.diff,
        }  # fmt: skip
        group = QActionGroup(self)
        for mode, action in self.modes.items():
            action.setCheckable(True)
            group.addAction(action)
            # `triggered`, not `toggled`: a mode that is set by the program must not come back as a wish.
            action.triggered.connect(lambda _checked=False, mode=mode: self._choose_mode(mode))
        self.next_mode = self._make(self.tr("Next layout"), "M", self.tr("One, wipe, side by side, grid."))
        self.next_mode.triggered.connect(self._go_to_next_mode)
        self.swap = self._make(self.tr("Swap"), "X", self.tr("Picture and base trade places."))
        self.swap.triggered.connect(self._comparison.swap)
        self.turn_divider = self._make(
            self.tr("Turn the divider"), "V", self.tr("Ctrl with the arrow keys moves it."), "turn"
        )
        self.turn_divider.triggered.connect(self._turn_divider)

    def _make_difference(self) -> None:
        self.more_gain = self._make(self.tr("More gain"), "E", self.tr("Show differences larger."), "plus")
        self.more_gain.triggered.connect(lambda: self._change_gain(1))
        self.less_gain = self._make(self.tr("Less gain"), "Shift+E", self.tr("Show differences smaller."), "minus")
        self.less_gain.triggered.connect(lambda: self._change_gain(-1))
        self.normalise = self._make(
            self.tr("Normalise"),
            "N",
            self.tr("Choose the gain so that the largest difference in view fills the scale."),
        )
        self.normalise.triggered.connect(self._normalise)
        self.false_colour = self._make(
            self.tr("False colour"), "C", self.tr("Colours for the size of the difference, or the plain values.")
        )
        self.false_colour.setCheckable(True)
        self.false_colour.triggered.connect(self._colour)

    def _make_camera(self) -> None:
        camera = self._camera
        self.fit = self._make(self.tr("Fit"), "F", self.tr("Show the whole image."), "fit")
        self.fit.triggered.connect(camera.fit)
        self.actual_size = self._make(
            self.tr("1:1"), "Ctrl+0", self.tr("One pixel of the result on one of the screen.")
        )
        self.actual_size.triggered.connect(lambda: camera.zoom_to(1.0))
        at_pointer = self.tr("At the pointer, as the wheel does.")
        self.zoom_in = self._make(self.tr("Zoom in"), "+", at_pointer, "zoom-in")
        self.zoom_in.triggered.connect(lambda: self.zoom_asked.emit(1))
        self.zoom_out = self._make(self.tr("Zoom out"), "-", at_pointer, "zoom-out")
        self.zoom_out.triggered.connect(lambda: self.zoom_asked.emit(-1))
        # On many keyboards + is Shift and =: the key itself is enough.
        self.zoom_in.setShortcuts([QKeySequence("+"), QKeySequence("=")])

    def _make_marks(self) -> None:
        self.tile_grid = self._make(self.tr("Tile grid"), "G", self.tr("Show the tiles of the plan over the image."))
        self.inspector = self._make(
            self.tr("Pixel inspector"), "I", self.tr("The values under the pointer, in every picture.")
        )
        self.loupe = self._make(
            self.tr("Loupe"), "L", self.tr("The spot under the pointer, enlarged, in every picture.")
        )
        self.attention = self._make(
            self.tr("Attention inspector"), "A", self.tr("Click a pixel to see where each model looks.")
        )
        for action in (self.tile_grid, self.inspector, self.loupe, self.attention):
            action.setCheckable(True)
            action.toggled.connect(self._switch)
        self.attention.toggled.connect(self.attention_toggled)
        self.region = self._make(
            self.tr("Region"),
            "R",
            self.tr("Mark what is in view; again, or Esc: clear it. Shift and drag marks a part of it."),
        )
        self.region.setCheckable(True)
        self.region.triggered.connect(self._mark_region)

    def _make(self, text: str, key: str, explained: str, icon: str = "") -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setProperty("explained", explained)
        self._view.addAction(action)
        self.all.append(action)
        if icon:
            self._icons.append((action, icon))
        return action

    def leave(self) -> bool:
        """Leaves the innermost of peek, region, inspectors and loupe; returns whether there was one to leave."""
        if self._comparison.peeked_key:
            self._comparison.peek("")
            return True
        if self._comparison.region is not None:
            self._comparison.set_region(None)
            return True
        for action in (self.attention, self.inspector, self.loupe):
            if action.isChecked():
                action.setChecked(False)
                return True
        return False

    @property
    def can_leave(self) -> bool:
        """Whether `leave` has something to do."""
        switches = (self.attention, self.inspector, self.loupe)
        comparison = self._comparison
        return bool(
            comparison.peeked_key or comparison.region is not None or any(each.isChecked() for each in switches)
        )

    def choose_layout(self, digit: int) -> bool:
        """Does what Ctrl and a digit do; returns whether there is such a layout."""
        if digit > len(_LAYOUTS):
            return False
        self.modes[_LAYOUTS[digit - 1]].trigger()
        return True

    def _choose_mode(self, mode: Mode) -> None:
        comparison = self._comparison
        if mode == "diff" and comparison.mode == "diff":
            comparison.set_mode(self._layout)
            return
        if comparison.mode != "diff":
            self._layout = comparison.mode
        comparison.set_mode(mode)

    @Slot()
    def _go_to_next_mode(self) -> None:
        mode = self._comparison.mode
        index = _LAYOUTS.index(mode) + 1 if mode in _LAYOUTS else 0
        self._comparison.set_mode(_LAYOUTS[index % len(_LAYOUTS)])

    @Slot()
    def _turn_divider(self) -> None:
        self._comparison.set_wipe(self._comparison.wipe_position, not self._comparison.wipe_is_level)

    def _change_gain(self, steps: int) -> None:
        self._comparison.set_gain(self._comparison.difference.next_gain(steps))

    @Slot()
    def _normalise(self) -> None:
        arrangement, visible = self._comparison.arrangement, self._panes.visible_box
        if arrangement is None or visible is None:
            return
        left, top, width, height = arrangement.to_picture(visible)
        gain = self._comparison.typical_gain(Box(int(top), int(left), round(height), round(width)))
        if gain is not None:
            self._comparison.set_gain(gain)

    @Slot(bool)
    def _mark_region(self, marks: bool) -> None:
        self._comparison.set_region(self._panes.visible_box if marks else None)

    @Slot(bool)
    def _colour(self, checked: bool) -> None:
        self._comparison.set_difference(self._comparison.difference._replace(false_colour=checked))

    @Slot()
    def _switch(self) -> None:
        self._marks.shows_tile_grid = self.tile_grid.isChecked()
        self._marks.shows_inspector = self.inspector.isChecked()
        self._marks.shows_loupe = self.loupe.isChecked()
        self.switched.emit()

    @Slot()
    def _follow(self) -> None:
        """Checks and enables what the state allows; what it does not says why."""
        comparison = self._comparison
        count = len(comparison.keys)
        self.modes[comparison.mode].setChecked(True)
        self.false_colour.setChecked(comparison.difference.false_colour)
        none = "" if count else self.tr("There is no image yet.")
        alone = none or (
            "" if count > 1 else self.tr("There is only the image itself: upscale it, or use a reference.")
        )
        for action in (
            self.fit,
            self.actual_size,
            self.zoom_in,
            self.zoom_out,
            self.inspector,
            self.loupe,
            self.attention,
            self.region,
        ):
            allow(action, none)
        allow(self.one, none)
        for action in (self.wipe, self.side, self.grid, self.diff, self.next_mode, self.swap):
            allow(action, alone)
        no_wipe = "" if comparison.mode == "wipe" else self.tr("This is for the wipe.")
        allow(self.turn_divider, alone or no_wipe)
        no_difference = "" if comparison.mode == "diff" else self.tr("Show the difference first (D).")
        for action in (self.more_gain, self.less_gain, self.normalise, self.false_colour):
            allow(action, alone or no_difference)
        allow(self.tile_grid, "" if comparison.tile_grid else self.tr("There is no plan of tiles for this image yet."))
        self.region.setChecked(comparison.region is not None)

    @Slot()
    def _tint(self) -> None:
        for action, icon in self._icons:
            action.setIcon(self._theme.icon(icon))
