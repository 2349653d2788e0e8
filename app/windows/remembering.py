"""What the next start begins with: ticks, tiling, how the comparison looks, and how fast the models were.

Imports Qt and `app`. What the settings file holds is put back once, before there is a picture; after that every change is kept
at once. The scale is left out: the window begins at ×2.
"""

from __future__ import annotations

from typing import cast, get_args

from PySide6.QtCore import QObject, Slot

from app.compare.difference import DIFFERENCE_KINDS, GAINS, DifferenceKind, DifferenceSettings
from app.controls.tiling import MOST_OVERLAP_PX, OVERLAP_PX, PRECISIONS
from app.windows.desk import Desk
from app.windows.showing import Showing
from engine.resampling import Method

# The difference is a look at two pictures, and nothing to begin with.
_LAYOUTS = ("one", "wipe", "side", "grid")
_AUTO, _OFF = "auto", "off"


class Remembering(QObject):
    """Keeps what the person chose, for the next start."""

    def __init__(self, desk: Desk, showing: Showing) -> None:
        super().__init__(desk)
        self._desk = desk
        self._showing = showing
        self._put_back_tiling()
        self._put_back_comparison()
        desk.panel.put_back_ticks(desk.settings.ticks)
        desk.panel.ticks_changed.connect(self._keep_ticks)
        desk.panel.tiling.changed.connect(self._keep_tiling)
        desk.view.commands.tile_grid.toggled.connect(self._keep_grid)
        desk.view.comparison.settings_changed.connect(self._keep_comparison)
        showing.layout_chosen.connect(self._keep_layout)
        desk.bridge.job_done.connect(self._keep_pace)

    def _put_back_tiling(self) -> None:
        settings, tiling = self._desk.settings, self._desk.panel.tiling
        edges = {_name_of(edge): edge for edge in tiling.tile.stops}
        tiling.tile.choose(edges[settings.choice("tiling/tile", list(edges), _AUTO)])
        tiling.overlap.setValue(settings.number("tiling/overlap", 0, MOST_OVERLAP_PX, OVERLAP_PX))
        precision = settings.choice("engine/precision", PRECISIONS, PRECISIONS[0])
        tiling.precision.setCurrentIndex(PRECISIONS.index(precision))
        self._desk.view.commands.tile_grid.setChecked(settings.switch("compare/tile_grid", False))

    @Slot()
    def _keep_tiling(self) -> None:
        settings, chosen = self._desk.settings, self._desk.upscale_settings
        settings.keep("tiling/tile", _name_of(chosen.tile_px))
        settings.keep("tiling/overlap", chosen.overlap_px)
        settings.keep("engine/precision", chosen.precision)

    @Slot(bool)
    def _keep_grid(self, shows: bool) -> None:
        self._desk.settings.keep("compare/tile_grid", shows)

    def _put_back_comparison(self) -> None:
        settings, comparison = self._desk.settings, self._desk.view.comparison
        usual = comparison.difference
        comparison.set_method(cast(Method, settings.choice("compare/input", get_args(Method), comparison.method)))
        kind = settings.choice("compare/difference", DIFFERENCE_KINDS, usual.kind)
        comparison.set_difference(
            DifferenceSettings(
                cast(DifferenceKind, kind),
                settings.amount("compare/gain", GAINS[0], GAINS[-1], usual.gain),
                settings.switch("compare/false_colour", usual.false_colour),
            )
        )
        comparison.set_wipe(
            comparison.wipe_position, settings.switch("compare/level_divider", comparison.wipe_is_level)
        )
        layout = settings.choice("compare/layout", _LAYOUTS, "")
        if layout:
            self._showing.begin_with(layout)

    @Slot()
    def _keep_comparison(self) -> None:
        settings, comparison = self._desk.settings, self._desk.view.comparison
        settings.keep("compare/input", comparison.method)
        settings.keep("compare/difference", comparison.difference.kind)
        settings.keep("compare/gain", comparison.difference.gain)
        settings.keep("compare/false_colour", comparison.difference.false_colour)
        settings.keep("compare/level_divider", comparison.wipe_is_level)

    @Slot(str)
    def _keep_layout(self, mode: str) -> None:
        if mode in _LAYOUTS:
            self._desk.settings.keep("compare/layout", mode)

    @Slot()
    def _keep_ticks(self) -> None:
        self._desk.settings.ticks = self._desk.panel.ticks

    @Slot()
    def _keep_pace(self) -> None:
        self._desk.settings.pace = self._desk.session.pace.text


def _name_of(edge: int | str | None) -> str:
    """Returns an edge of tiles as the settings file has it: "auto", "off" or a number."""
    return _OFF if edge is None else str(edge)
