"""The preview: a part of the image through all ticked models at once, one to one, to choose a model by.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot

from app.bridge import PreviewMade, TaskFailed
from app.compare.sources import PaneSource
from app.jobs import Picture
from app.windows.desk import Desk
from app.windows.showing import Showing
from app.wording import duration_text
from engine.canvas import RasterRef
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from engine.catalog import CatalogEntry

FRAME_PX = 256
# A frame that is being dragged is computed where it comes to rest.
_REST_MS = 250


class Previewing(QObject):
    """Runs the ticked models on the frame, and again where the frame is put."""

    def __init__(self, desk: Desk, showing: Showing) -> None:
        super().__init__(desk)
        self._desk = desk
        self._showing = showing
        self._picture: Picture | None = None
        self._frame: Box | None = None
        # Previews of the picture that are done, by "esc-fast ×2".
        self._made: dict[str, PaneSource] = {}
        self._is_first_round = False
        # Previews count downwards: pictures and jobs, which the engine's tasks are also told apart by, count up.
        self._number = 0
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._run)
        desk.actions.preview.triggered.connect(self.toggle)
        desk.view.frame_moved.connect(self._move)
        desk.bridge.preview_made.connect(self._on_made)
        desk.bridge.failed.connect(self._on_failed)
        desk.panel.changed.connect(self._choose)
        desk.changed.connect(self._follow)

    @property
    def is_on(self) -> bool:
        """Whether a preview is shown."""
        return self._picture is not None

    @Slot()
    def toggle(self) -> None:
        """Shows a preview of the middle of what is in view, or goes back to the results."""
        picture = self._desk.session.shown
        if self.is_on or picture is None or picture.raster is None:
            self.leave()
            return
        visible = self._desk.view.visible_box or Box(0, 0, picture.raster.height, picture.raster.width)
        self._picture = picture
        self._move(_frame_in(visible, picture.raster))
        self._rest.stop()
        self._run()

    def leave(self) -> None:
        """Goes back to the results."""
        if self._picture is None:
            return
        picture, self._picture = self._picture, None
        self._rest.stop()
        self._desk.bridge.cancel_preview(self._number)
        self._desk.view.set_frame(None)
        if picture is self._desk.session.shown:
            self._showing.show_previews([])
        self._discard()
        self._desk.tell()

    @Slot(object)
    def _move(self, frame: Box) -> None:
        self._frame = frame
        self._desk.view.set_frame(frame)
        self._rest.start()

    @Slot()
    def _run(self) -> None:
        picture, frame, desk = self._picture, self._frame, self._desk
        if picture is None or frame is None or picture.raster is None:
            return
        if self._number:
            desk.bridge.cancel_preview(self._number)
        self._number -= 1
        there = [title for title, made in self._made.items() if made.placed == frame]
        entries = [entry for title, entry in self._ticked().items() if title not in there]
        desk.bridge.preview(self._number, picture.raster, frame, entries, desk.upscale_settings)
        if entries:
            desk.tell(self.tr("Previewing with {count} models…").format(count=len(entries)))

    def _ticked(self) -> dict[str, CatalogEntry]:
        """The weights of the ticked models for the chosen scale, by what their previews are called."""
        return {f"{entry.name} ×{entry.scale}": entry for entry in self._desk.panel.ticked}

    @Slot()
    def _choose(self) -> None:
        """Follows the ticks and the scale: what is shown and not wanted any more goes, what is lacking comes."""
        if self._picture is None:
            return
        wanted = self._ticked()
        if not wanted:
            self.leave()
            return
        gone = [self._made.pop(title) for title in list(self._made) if title not in wanted]
        if gone:
            self._showing.show_previews(list(self._made.values()))
        for each in gone:
            self._desk.bridge.discard(each.raster)
        if len(self._made) < len(wanted):
            self._rest.start()

    @Slot(object)
    def _on_made(self, event: PreviewMade) -> None:
        picture, canvas = self._picture, event.upscaled.canvas
        title = f"{event.model} ×{event.scale}"
        is_wanted = event.number == self._number and title in self._ticked()
        if picture is None or picture.info is None or not is_wanted:
            self._desk.bridge.discard(canvas)
            return
        stale = {key: each for key, each in self._made.items() if each.placed != self._frame or key == title}
        done = event.upscaled.done
        figures = (duration_text(done.seconds), f"{done.peak_memory_bytes / 2**30:.2f} GiB")
        source = PaneSource(
            f"preview:{title}", title, "model", canvas, picture.info.icc, figures=figures, placed=event.frame
        )
        is_first = not self._made
        made = {key: each for key, each in self._made.items() if key not in stale} | {title: source}
        # In the order of the list of models, whichever came first.
        self._made = {key: made[key] for key in [*self._ticked(), *made] if key in made}
        self._showing.show_previews(list(self._made.values()))
        for each in stale.values():
            self._desk.bridge.discard(each.raster)
        if is_first:
            self._is_first_round = True
        if self._is_first_round:
            # Again with each: one to one counts pixels of the largest result, and a larger one may have come.
            self._desk.view.camera.zoom_to(1.0)
        if self._ticked().keys() <= self._made.keys():
            self._is_first_round = False
            self._desk.tell(self.tr("Preview. Drag the frame to look elsewhere; Ctrl+R goes back to the results."))

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        if event.what == "preview":
            self._desk.notices.show_failure(event.failure, event.failure.hint)
            self.leave()

    @Slot()
    def _follow(self) -> None:
        """A preview ends where the person turns to another picture, or has the results made."""
        session = self._desk.session
        if self._picture is not None and (session.shown is not self._picture or session.active_job is not None):
            self.leave()

    def _discard(self) -> None:
        for source in self._made.values():
            self._desk.bridge.discard(source.raster)
        self._made = {}


def _frame_in(visible: Box, raster: RasterRef) -> Box:
    """Returns the frame in the middle of what is in view, inside the image (input pixels)."""
    height, width = min(FRAME_PX, raster.height), min(FRAME_PX, raster.width)
    top = visible.top + (visible.height - height) // 2
    left = visible.left + (visible.width - width) // 2
    return Box(min(max(0, top), raster.height - height), min(max(0, left), raster.width - width), height, width)
