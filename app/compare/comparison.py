"""The state of the comparison: which pictures there are, how they are laid out, and what is drawn over them.

Imports QtCore, Qt's image, `app.compare` and the plain data of `engine`. It knows no widget; the stage paints it, the bar and the
commands change it. In `side`, `wipe` and `diff` the reference is the first picture and the current one the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from PySide6.QtCore import QObject, QRect, Signal
from PySide6.QtGui import QImage, QRegion

from app.compare.camera import boxes_of
from app.compare.difference import DifferenceLayer, DifferenceSettings
from app.compare.layers import OpenSource, TileKey, TileLayer
from app.compare.layouts import MODES, Mode
from app.compare.sources import MOST_PANES, Arrangement, PaneSource, arrange
from app.compare.tiles import TileStore
from engine.resampling import Method
from engine.tiling.geometry import Box


class Overlay(NamedTuple):
    """A picture drawn over a part of a source; `box` in input pixels."""

    image: QImage
    box: Box


class Comparison(QObject):
    """Sources, mode and marks. `changed`: paint again; the other signals tell what a person (or the program) chose."""

    changed = Signal()
    sources_changed = Signal()
    settings_changed = Signal()
    mode_changed = Signal(str)
    current_changed = Signal(str)
    reference_changed = Signal(str)
    region_changed = Signal(object)

    def __init__(self, store: TileStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._opened: dict[str, OpenSource] = {}
        self._finished: dict[str, QRegion | None] = {}
        self._difference_layer: DifferenceLayer | None = None
        self._older_difference: DifferenceLayer | None = None
        self.arrangement: Arrangement | None = None
        self.mode: Mode = "one"
        self.current_key = ""
        self.reference_key = ""
        self.peeked_key = ""
        self.method: Method = "bicubic"
        self.difference = DifferenceSettings()
        self.wipe_position = 0.5
        self.wipe_is_level = False
        self.region: Box | None = None
        self.frame: Box | None = None
        self.tile_grid: list[Box] = []
        self.overlays: dict[str, Overlay] = {}
        self.figures: dict[str, tuple[str, ...]] = {}

    # Sources

    @property
    def sources(self) -> list[PaneSource]:
        """What is shown, in order."""
        return [opened.source for opened in self._opened.values()]

    @property
    def keys(self) -> list[str]:
        """The sources' keys, in order: the first is pane 1."""
        return list(self._opened)

    def opened(self, key: str) -> OpenSource:
        """Returns a source with its map and layers."""
        return self._opened[key]

    @property
    def input_key(self) -> str:
        """The input's key, or "" where there is none."""
        return next((source.key for source in self.sources if source.kind == "input"), "")

    @property
    def truth_key(self) -> str:
        """The ground truth's key, or "" where there is none."""
        return next((source.key for source in self.sources if source.kind == "reference"), "")

    def set_sources(self, sources: Sequence[PaneSource]) -> None:
        """Shows these sources; those that are shown already keep their tiles. More than nine are cut off."""
        shown = list(sources)[:MOST_PANES]
        before = self._opened
        self._opened = {}
        self.arrangement = arrange(shown) if shown else None
        for source in shown:
            self._opened[source.key] = self._taken_over(before, source) or self._open(source)
        for key, opened in before.items():
            if self._opened.get(key) is not opened:
                self._let_go(opened)
        self._finished = {key: region for key, region in self._finished.items() if key in self._opened}
        self.figures = {source.key: source.figures for source in shown}
        self.overlays = {key: overlay for key, overlay in self.overlays.items() if key in self._opened}
        self._renew_difference(keep_older=False)
        before_keys = (self.current_key, self.reference_key)
        self._choose_keys()
        self.sources_changed.emit()
        if self.current_key != before_keys[0]:
            self.current_changed.emit(self.current_key)
        if self.reference_key != before_keys[1]:
            self.reference_changed.emit(self.reference_key)
        self.changed.emit()

    def _taken_over(self, before: dict[str, OpenSource], source: PaneSource) -> OpenSource | None:
        """Returns the open source of the same pixels, brought up to date."""
        opened = before.get(source.key)
        assert self.arrangement is not None
        if opened is None or (opened.source.raster, opened.source.icc) != (source.raster, source.icc):
            return None
        opened.source = source
        enlarged = opened.enlarged
        if opened.arrange(self.arrangement, self.method) and enlarged is not None:
            self._store.drop([enlarged])
        self._set_finished(opened, _region_of(source.finished))
        return opened

    def _open(self, source: PaneSource) -> OpenSource:
        assert self.arrangement is not None
        self._finished[source.key] = _region_of(source.finished)
        return OpenSource(source, self.arrangement, self.method)

    def _let_go(self, opened: OpenSource) -> None:
        self._store.drop(opened.layers)

    def _set_finished(self, opened: OpenSource, region: QRegion | None) -> None:
        """Takes what is final now; tiles of what was not, or is no longer, are made anew."""
        before = self._finished.get(opened.source.key)
        raster = opened.source.raster
        whole = QRegion(0, 0, raster.width, raster.height)
        # An empty region is a region too: nothing is final yet.
        was, now = (whole if each is None else each for each in (before, region))
        new, gone = now - was, was - now
        self._finished[opened.source.key] = region
        for box in boxes_of(new if gone.isEmpty() else whole):
            self._forget(opened, box)

    def _forget(self, opened: OpenSource, box: Box) -> None:
        for layer in opened.own_pixels:
            self._store.forget(layer, box)
        in_picture = _in_picture(opened, box)
        if opened.enlarged is not None:
            top, left = opened.origin
            # Interpolation looks a few pixels beyond.
            around = Box(
                in_picture.top - top - 12, in_picture.left - left - 12, in_picture.height + 24, in_picture.width + 24
            )
            self._store.forget(opened.enlarged, around)
        for difference in (self._difference_layer, self._older_difference):
            if difference is not None and opened in (difference.base, difference.shown):
                self._store.forget(difference, in_picture)

    def add_finished(self, key: str, boxes: Iterable[Box]) -> None:
        """Shows more of a source that is being made; boxes in pixels of its raster."""
        opened = self._opened.get(key)
        if opened is None:
            return
        region = self._finished.get(key)
        for box in boxes:
            self._forget(opened, box)
            if region is not None:
                region = region.united(QRect(box.left, box.top, box.width, box.height))
        self._finished[key] = region
        self.changed.emit()

    def finished(self, key: str) -> QRegion | None:
        """Returns the final part of a source in pixels of its raster, or None where all of it is."""
        return self._finished.get(key)

    def is_final(self, key: str, layer: TileLayer, tile: TileKey) -> bool:
        """Whether nothing that this tile of the source's layer shows will be written any more."""
        region, opened = self._finished.get(key), self._opened[key]
        if region is None:
            return True
        core = layer.core(tile)
        return layer is opened.natural and (
            QRegion(core.left, core.top, core.width, core.height).subtracted(region).isEmpty()
        )

    def set_figures(self, key: str, figures: tuple[str, ...]) -> None:
        """Shows other figures in a source's label."""
        if key in self._opened and self.figures.get(key) != figures:
            self.figures[key] = figures
            self.changed.emit()

    def close(self) -> None:
        """Lets go of every raster."""
        self.set_sources([])

    # Choices

    def set_mode(self, mode: str) -> None:
        """Chooses the layout; raises ValueError for a name that is none."""
        if mode not in MODES:
            raise ValueError(f"there is no mode {mode!r}, only {', '.join(MODES)}")
        if mode == self.mode:
            return
        self.mode = mode
        self._part_keys()
        self.mode_changed.emit(mode)
        self.changed.emit()

    @property
    def shown_mode(self) -> Mode:
        """The mode in force: a picture alone is shown as one pane whatever was chosen."""
        return self.mode if len(self._opened) > 1 else "one"

    def set_current(self, key: str) -> None:
        """Chooses the picture shown; in modes of two it trades places where it was the reference."""
        if key not in self._opened or key == self.current_key:
            return
        if key == self.reference_key and self.mode in ("side", "wipe", "diff"):
            self.swap()
            return
        self.current_key = key
        self._renew_difference(keep_older=False)
        self.current_changed.emit(key)
        self.changed.emit()

    def set_reference(self, key: str) -> None:
        """Chooses the picture that the others are compared with; it trades places where it was the current one."""
        if key not in self._opened or key == self.reference_key:
            return
        if key == self.current_key and len(self._opened) > 1 and self.mode in ("side", "wipe", "diff"):
            self.swap()
            return
        self.reference_key = key
        self._renew_difference(keep_older=False)
        self.reference_changed.emit(key)
        self.changed.emit()

    def swap(self) -> None:
        """Lets the current picture and the reference trade places."""
        if self.current_key == self.reference_key:
            return
        self.set_pair(self.reference_key, self.current_key)

    def set_pair(self, current_key: str, reference_key: str) -> None:
        """Chooses both at once."""
        before = (self.current_key, self.reference_key)
        if not {current_key, reference_key} <= set(self._opened) or (current_key, reference_key) == before:
            return
        self.current_key, self.reference_key = current_key, reference_key
        self._renew_difference(keep_older=False)
        if current_key != before[0]:
            self.current_changed.emit(current_key)
        if reference_key != before[1]:
            self.reference_changed.emit(reference_key)
        self.changed.emit()

    def peek(self, key: str) -> None:
        """Shows one picture in every pane until it is called with ""."""
        if key in (*self._opened, "") and key != self.peeked_key:
            self.peeked_key = key
            self.changed.emit()

    def set_method(self, method: Method) -> None:
        """Chooses how smaller pictures are magnified."""
        if method == self.method:
            return
        self.method = method
        for opened in self._opened.values():
            enlarged = opened.enlarged
            if opened.arrange(opened.arrangement, method) and enlarged is not None:
                self._store.drop([enlarged])
        self._renew_difference(keep_older=True)
        self.settings_changed.emit()
        self.changed.emit()

    def set_difference(self, settings: DifferenceSettings) -> None:
        """Chooses how differences are shown."""
        if settings == self.difference:
            return
        self.difference = settings
        self._renew_difference(keep_older=True)
        self.settings_changed.emit()
        self.changed.emit()

    def set_gain(self, gain: float) -> None:
        """Chooses how many times differences are enlarged."""
        self.set_difference(self.difference._replace(gain=gain))

    def set_wipe(self, position: float, is_level: bool | None = None) -> None:
        """Moves the divider to a part 0..1 of the view; `is_level`: it lies across, top against bottom."""
        self.wipe_position = min(1.0, max(0.0, position))
        if is_level is not None and is_level != self.wipe_is_level:
            self.wipe_is_level = is_level
            self.settings_changed.emit()
        self.changed.emit()

    def set_region(self, region: Box | None) -> None:
        """Marks a part of the picture (input pixels), or none."""
        if region != self.region:
            self.region = region
            self.region_changed.emit(region)
            self.changed.emit()

    # Marks of the program

    def set_frame(self, frame: Box | None) -> None:
        """Shows the frame of a preview (input pixels), or none."""
        self.frame = frame
        self.changed.emit()

    def set_tile_grid(self, boxes: Sequence[Box] | None) -> None:
        """Takes the tiles of the plan (input pixels)."""
        self.tile_grid = list(boxes or ())
        self.settings_changed.emit()
        self.changed.emit()

    def set_overlay(self, key: str, image: QImage | None, box: Box) -> None:
        """Lays a picture over a part of a source, or takes it away."""
        if image is None:
            self.overlays.pop(key, None)
        else:
            self.overlays[key] = Overlay(image, box)
        self.changed.emit()

    # What is drawn

    @property
    def difference_layers(self) -> list[TileLayer]:
        """The difference of the current picture from the reference, the latest first; empty where they are the same one."""
        if self._difference_layer is None and self.current_key != self.reference_key and self.current_key:
            self._difference_layer = DifferenceLayer(
                self._opened[self.reference_key], self._opened[self.current_key], self.difference
            )
        return [layer for layer in (self._difference_layer, self._older_difference) if layer is not None]

    def typical_gain(self, area: Box) -> float | None:
        """Returns the gain that fills the scale in an area (picture pixels), or None where there is no difference to see."""
        layers = self.difference_layers
        return layers[0].typical_gain(area) if layers and isinstance(layers[0], DifferenceLayer) else None

    def _renew_difference(self, keep_older: bool) -> None:
        # The older one stands in until the new tiles are there, so that a change of the gain does not blink.
        older = self._difference_layer if keep_older else None
        dropped = [layer for layer in (self._difference_layer, self._older_difference) if layer not in (None, older)]
        self._store.drop([layer for layer in dropped if layer is not None])
        self._difference_layer, self._older_difference = None, older

    def _part_keys(self) -> None:
        """In modes of two, gives a picture that would be compared with itself another reference."""
        if self.mode in ("side", "wipe", "diff") and self.current_key == self.reference_key and len(self._opened) > 1:
            others = (self.truth_key, self.input_key, *self.keys)
            self.set_pair(self.current_key, next(key for key in others if key not in ("", self.current_key)))

    def _choose_keys(self) -> None:
        """Keeps what was chosen while it is there; else the latest result against the truth, or against the input."""
        keys = self.keys
        self.peeked_key = self.peeked_key if self.peeked_key in keys else ""
        if self.reference_key not in keys:
            self.reference_key = self.truth_key or self.input_key or (keys[0] if keys else "")
        if self.current_key not in keys or (self.current_key == self.reference_key and len(keys) > 1):
            others = [source for source in self.sources if source.key != self.reference_key]
            models = [source.key for source in others if source.kind == "model"]
            self.current_key = (models or [source.key for source in others] or keys or [""])[-1]


def _region_of(finished: tuple[Box, ...] | None) -> QRegion | None:
    if finished is None:
        return None
    region = QRegion()
    for box in finished:
        region = region.united(QRect(box.left, box.top, box.width, box.height))
    return region


def _in_picture(opened: OpenSource, box: Box) -> Box:
    """Returns the picture pixels that a box of a raster's pixels touches."""
    factor, (top, left) = opened.magnification, opened.origin
    first_row, first_column = int(box.top * factor), int(box.left * factor)
    last_row, last_column = -int(-box.bottom * factor // 1), -int(-box.right * factor // 1)
    return Box(top + first_row, left + first_column, last_row - first_row, last_column - first_column)
