"""The comparison as a labelled sheet: the marked region, or what is in view, of every pane, in one PNG.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot

from app.actions import allow
from app.bridge import SheetWritten, TaskFailed
from app.windows.desk import Desk
from engine.errors import OutputError


class Exporting(QObject):
    """Writes a comparison sheet of what the view shows."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        desk.actions.sheet.triggered.connect(self._ask_where)
        desk.changed.connect(self._follow)
        desk.bridge.sheet_written.connect(self._on_written)
        desk.bridge.failed.connect(self._on_failed)
        self._follow()

    @Slot()
    def _follow(self) -> None:
        several = len(self._desk.view.comparison.keys) > 1
        allow(
            self._desk.actions.sheet,
            "" if several else self.tr("There is nothing to compare yet: upscale the image first."),
        )

    @Slot()
    def _ask_where(self) -> None:
        from app.dialogs.files import SaveImage

        desk, picture = self._desk, self._desk.session.shown
        box = desk.view.region or desk.view.visible_box
        if picture is None or picture.info is None or box is None:
            return
        proposal = picture.path.with_name(f"{picture.path.stem}_comparison.png")
        path = SaveImage.ask_sheet(desk.window, proposal)
        if path is None:
            return
        heading = self.tr("{name}   {width} × {height} pixels from {left}, {top}").format(
            name=picture.path.name, width=box.width, height=box.height, left=box.left, top=box.top
        )
        desk.bridge.write_sheet(desk.view.comparison.sources, box, path, heading)
        desk.tell(self.tr("Writing {name}…").format(name=path.name))

    @Slot(object)
    def _on_written(self, event: SheetWritten) -> None:
        self._desk.tell(self.tr("The comparison sheet is {path}.").format(path=event.written.path))

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        if event.what != "sheet":
            return
        failure = event.failure
        is_place = failure.kind == OutputError.__name__
        self._desk.notices.show_failure(failure, self.tr("Choose another folder.") if is_place else failure.hint)
        self._desk.tell()
