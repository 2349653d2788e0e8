"""Editing the list of images: order, removal, trying again; and taking that back, or a cancel.

Imports Qt and `app`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMenu

from app.actions import allow
from app.dialogs.closing import ConfirmLoss
from app.jobs import Job, Picture, reference_sizes
from app.windows.desk import Desk
from app.windows.opening import Opening
from app.windows.running import CancelledJob, Running
from app.windows.saving import Saving
from app.wording import result_title, size_text


class Queueing(QObject):
    """What a person does to the images in the list."""

    def __init__(self, desk: Desk, opening: Opening, running: Running, saving: Saving) -> None:
        super().__init__(desk)
        self._desk = desk
        self._opening = opening
        self._running = running
        self._saving = saving
        # How each edit is taken back, the latest last.
        self._undo: list[Callable[[], None]] = []
        desk.actions.close_picture.triggered.connect(self._close_shown)
        desk.actions.undo.triggered.connect(self.undo)
        desk.pictures.moved.connect(self._on_moved)
        opening.added.connect(self._on_added)
        running.cancelled.connect(self._on_cancelled)
        desk.pictures.menu_asked.connect(self._fill_menu)
        desk.changed.connect(self._follow)
        self._follow()

    @Slot()
    def undo(self) -> None:
        """Takes back the latest edit of the list, or the latest cancel."""
        if self._undo:
            self._undo.pop()()
            self._desk.tell()

    @Slot()
    def _follow(self) -> None:
        allow(self._desk.actions.undo, "" if self._undo else self.tr("There is nothing to take back."))

    # Cancelling

    @Slot(object)
    def _on_cancelled(self, jobs: list[CancelledJob]) -> None:
        if jobs:
            self._undo.append(lambda: self._running.take_back(jobs))

    # Adding

    @Slot(object)
    def _on_added(self, pictures: list[Picture]) -> None:
        numbers = [picture.number for picture in pictures]
        self._undo.append(lambda: self._take_out(numbers))

    def _take_out(self, numbers: Sequence[int]) -> None:
        """Takes images out again that were added together, those of them that are still there."""
        found = (self._desk.session.picture(number) for number in numbers)
        pictures = [picture for picture in found if picture is not None]
        if not pictures:
            # They went one by one: what was done before is the latest now.
            self.undo()
            return
        if not self.may_lose([job for picture in pictures for job in picture.results], self.tr("Take the images out")):
            self._undo.append(lambda: self._take_out(numbers))
            return
        self._let_go(*pictures)
        self._running.go_on()

    # Order

    @Slot(int, int)
    def _on_moved(self, number: int, row: int) -> None:
        session = self._desk.session
        picture = session.picture(number)
        if picture is None:
            return
        before = session.pictures.index(picture)
        session.move(picture, row)
        self._undo.append(lambda: self._move_back(picture, before))
        self._desk.tell()

    def _move_back(self, picture: Picture, row: int) -> None:
        if picture in self._desk.session.pictures:
            self._desk.session.move(picture, row)
            self._desk.pictures.move_to(picture.number, row)

    # Removal

    @Slot()
    def _close_shown(self) -> None:
        if self._desk.session.shown is not None:
            self.remove(self._desk.session.shown)

    def remove(self, picture: Picture) -> None:
        """Takes a picture out, after asking where a result would be lost."""
        # Before the question, which takes the focus.
        is_in_list = self._desk.pictures.hasFocus()
        if not self.may_lose(picture.results, self.tr("Close the image")):
            return
        row = self._desk.session.pictures.index(picture)
        self._let_go(picture)
        if is_in_list:
            self._desk.pictures.setFocus()
        # The path only: what can be taken back must not keep the picture and its results.
        path = picture.path
        self._undo.append(lambda: self._bring_back(path, row))
        # The line goes on with the others.
        self._running.go_on()

    def _let_go(self, *pictures: Picture) -> None:
        for picture in pictures:
            if picture.is_busy:
                self._running.stop_picture(picture)
        self._opening.remove(*pictures)

    def _bring_back(self, path: Path, row: int) -> None:
        if not path.is_file():
            self._desk.notices.show_error(
                self.tr("{name} is not there any more.").format(name=path.name),
                self.tr("It was in {folder}.").format(folder=path.parent),
            )
            return
        self._opening.open_files([path], is_edit=False)
        picture = next(each for each in self._desk.session.pictures if each.path == path)
        self._move_back(picture, min(row, len(self._desk.session.pictures) - 1))

    def may_close(self, jobs: Sequence[Job], do_it: str) -> bool:
        """Returns whether the window may go with these jobs; what is to do is not lost, as the next start has it again."""
        if any(job.is_active for job in jobs) and not any(job.is_unsaved and not job.is_being_saved for job in jobs):
            what, consequence = self.tr("A job is still running."), self.tr("It is offered again at the next start.")
            return ConfirmLoss.ask(self._desk.window, what, consequence, do_it)
        return self.may_lose([job for job in jobs if not job.is_to_do], do_it)

    def may_lose(self, jobs: Sequence[Job], do_it: str) -> bool:
        """Returns whether these jobs may go: nothing is lost with them, or the person agrees."""
        unsaved = [job for job in jobs if job.is_unsaved and not job.is_being_saved]
        if any(job.is_to_do for job in jobs):
            what, consequence = self.tr("A job is still running."), self.tr("It will be cancelled.")
        elif len(unsaved) > 1:
            what = self.tr("{count} results are not saved.").format(count=len(unsaved))
            consequence = self.tr("They will be lost.")
        elif unsaved:
            what = self.tr("The result {title} is not saved.").format(title=result_title(unsaved[0]))
            consequence = self.tr("It will be lost.")
        else:
            return True
        return ConfirmLoss.ask(self._desk.window, what, consequence, do_it)

    # The menu of a row

    @Slot(int, object)
    def _fill_menu(self, number: int, menu: QMenu) -> None:
        picture = self._desk.session.picture(number)
        if picture is None:
            return
        again = menu.addAction(self.tr("Try again"), lambda: self._running.retry(picture))
        why_not = self.tr("It is in the line already.") if picture.is_busy else ""
        allow(again, why_not or ("" if picture.failed else self.tr("Nothing has failed for this image.")))
        cancel = menu.addAction(self.tr("Cancel this image"), lambda: self._running.cancel_picture(picture))
        allow(cancel, "" if picture.is_busy else self.tr("Nothing runs for this image."))
        menu.addSeparator()
        session = self._desk.session
        row = session.pictures.index(picture)
        last = len(session.pictures) - 1
        first = menu.addAction(self.tr("Do first"), lambda: self._move_by_menu(picture, 0))
        allow(first, "" if row > 0 else self.tr("It is the first already."))
        end = menu.addAction(self.tr("Do last"), lambda: self._move_by_menu(picture, last))
        allow(end, "" if row < last else self.tr("It is the last already."))
        menu.addSeparator()
        self._add_reference(picture, menu)
        menu.addAction(self.tr("Show in folder"), lambda: self._reveal(picture))
        menu.addAction(self.tr("Close image"), lambda: self.remove(picture))

    def _add_reference(self, picture: Picture, menu: QMenu) -> None:
        shown = self._desk.session.shown
        words = self.tr("Use as a reference")
        if shown is not None and shown is not picture:
            # An ampersand of the name would underline the letter after it.
            words = self.tr("Use as the reference of {name}").format(name=shown.path.name.replace("&", "&&"))
        action = menu.addAction(words, lambda: self._opening.open_reference(picture.path))
        allow(action, self._why_no_reference(picture))

    def _why_no_reference(self, picture: Picture) -> str:
        shown = self._desk.session.shown
        if shown is None or shown.raster is None:
            return self.tr("No image is shown that it could be the reference of.")
        if picture is shown:
            return self.tr("It is the image that is shown: turn to another one first.")
        if picture.info is None:
            return self.tr("The image is still being opened.")
        allowed = reference_sizes(shown.raster)
        if (picture.info.height, picture.info.width) in allowed:
            return ""
        return self.tr("It has {size} pixels, and a reference of {name} has {sizes}.").format(
            size=size_text(picture.info.width, picture.info.height),
            name=shown.path.name,
            sizes=", ".join(size_text(width, height) for height, width in allowed),
        )

    def _move_by_menu(self, picture: Picture, row: int) -> None:
        self._desk.pictures.move_to(picture.number, row)
        self._on_moved(picture.number, row)

    def _reveal(self, picture: Picture) -> None:
        saved = [job.saved_as for job in picture.results if job.saved_as is not None]
        path = saved[-1] if saved else picture.path
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
