"""What the next job will need, asked before it runs: tiles, memory, and the grid over the image.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.bridge import Planned
from app.jobs import Picture
from app.windows.desk import Desk
from engine.catalog import CatalogEntry
from engine.tiling.geometry import plan_tiles

if TYPE_CHECKING:
    from engine.messages import UpscaleSettings

# Somebody who turns a wheel does not want an answer for every step.
_REST_MS = 200

_Question = tuple[int, str, int, "UpscaleSettings"]


class Planning(QObject):
    """Asks the engine about the picture shown and the marked model. `planned(DonePlan | None)`: its answer."""

    planned = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._asked: _Question | None = None
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._ask)
        desk.changed.connect(self._follow)
        desk.bridge.planned.connect(self._on_planned)

    def _question(self) -> tuple[_Question, Picture, CatalogEntry] | None:
        picture, entry = self._desk.session.shown, self._desk.panel.choice
        if picture is None or picture.raster is None or entry is None:
            return None
        return (picture.number, str(entry.path), entry.scale, self._desk.upscale_settings), picture, entry

    @Slot()
    def _follow(self) -> None:
        found = self._question()
        if found is None:
            self._asked = None
            self._show(None)
        elif found[0] != self._asked and self._desk.session.active_job is None:
            self._rest.start()

    @Slot()
    def _ask(self) -> None:
        found = self._question()
        if found is None or found[0] == self._asked or self._desk.session.active_job is not None:
            return
        question, picture, entry = found
        self._asked = question
        assert picture.raster is not None
        self._desk.bridge.plan(picture.number, picture.raster, entry.path, entry.scale, question[3])

    @Slot(object)
    def _on_planned(self, event: Planned) -> None:
        found = self._question()
        # Of a picture that was turned away from, or of other settings: another answer is on its way.
        if found is not None and found[0] == self._asked and event.number == found[1].number:
            self._show(event)

    def _show(self, event: Planned | None) -> None:
        desk = self._desk
        desk.panel.tiling.show_plan(None if event is None else event.plan)
        picture = desk.session.shown
        boxes = None
        if event is not None and picture is not None and picture.raster is not None:
            plan = event.plan
            boxes = plan_tiles(
                picture.raster.height,
                picture.raster.width,
                tile_px=plan.tile_px,
                overlap_px=plan.overlap_px,
                window_px=plan.prepared.info.window_px,
            ).tiles
        desk.view.set_tile_grid(boxes)
        self.planned.emit(None if event is None else event.plan)
