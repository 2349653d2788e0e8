"""Taking things in: images, folders, the clipboard, checkpoints, a reference, and what earlier runs left unfinished.

Imports Qt, `app` and the plain data of `engine`.

The pixels of an opened picture lie in a file of their own, uncompressed. So pictures are opened one at a time, for a thumbnail,
and those that nobody looks at or works on give their pixels back once there are `_KEPT` of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, QUrl, Signal, Slot
from PySide6.QtGui import QGuiApplication, QImage

from app.bridge import (
    FileFinished,
    InterruptedFound,
    ModelInstalled,
    PictureOpened,
    ReferenceOpened,
    TaskFailed,
    readable_extensions,
)
from app.jobs import Job, Picture, PictureState, reference_sizes
from app.pixels import Pyramid, TileKey
from app.resumption import Resumed, is_for_window, offer_words
from app.windows.desk import Desk
from app.windows.running import Running
from app.windows.showing import Showing
from app.wording import size_text

if TYPE_CHECKING:
    from engine.workspace import UnfinishedJob

CHECKPOINTS = (".pth", ".pt", ".ckpt", ".safetensors")
# So many pictures keep their pixels without being needed: turning back to one is then at once.
_KEPT = 6


class Opening(QObject):
    """Takes in what is dropped, pasted, chosen or left over.

    Signal: `added(list[Picture])` when the person added images that were not there.
    """

    added = Signal(object)

    def __init__(self, desk: Desk, showing: Showing, running: Running) -> None:
        super().__init__(desk)
        self._desk = desk
        self._showing = showing
        self._running = running
        # Interrupted jobs whose picture is not open yet.
        self._to_resume: list[Resumed] = []
        self._pasted = 0
        bridge, actions = desk.bridge, desk.actions
        actions.open.triggered.connect(self._ask_for_images)
        actions.open_folder.triggered.connect(self._ask_for_folder)
        actions.paste.triggered.connect(self.paste)
        actions.reference.triggered.connect(self._ask_for_reference)
        showing.wanted.connect(self.open)
        running.wanted.connect(self.open)
        bridge.picture_opened.connect(self._on_opened)
        bridge.reference_opened.connect(self._on_reference)
        bridge.model_installed.connect(self._on_installed)
        bridge.interrupted_found.connect(self._on_interrupted)
        bridge.file_finished.connect(self._on_file_finished)
        bridge.failed.connect(self._on_failed)

    # Files

    def open_files(self, paths: Iterable[Path], is_edit: bool = True) -> None:
        """Takes in images, folders of images and checkpoints; the first of them is shown.

        `is_edit`: the person did it just now, and can take it back.
        """
        first: Picture | None = None
        taken: set[Path] = set()
        new: list[Picture] = []
        for path in self._images(paths):
            picture, is_new = self._desk.session.add(path.absolute())
            first = first or picture
            taken.add(picture.path)
            if is_new:
                self._desk.pictures.put(picture)
                new.append(picture)
        if new and is_edit:
            self.added.emit(new)
        if first is not None:
            self._desk.settings.remember(
                [each.path for each in self._desk.session.pictures[::-1] if each.path in taken]
            )
            self._desk.settings.folder = first.path.parent
            self._showing.show(first)
            self._open_next()

    def take(self, data: QMimeData) -> None:
        """Takes in what was dropped or pasted: files of this computer, or an image."""
        if data.hasUrls():
            self.open_urls(data.urls())
        elif data.hasImage():
            image = QImage(data.imageData())
            if not image.isNull():
                self._open_image(image)

    def open_urls(self, urls: Sequence[QUrl]) -> None:
        """Takes in the files that lie on this computer; says of the others what to do."""
        for url in urls:
            if not url.isLocalFile():
                self._desk.notices.show_error(
                    self.tr("{name} is not a file on this computer.").format(name=url.toDisplayString()),
                    self.tr("Save it first, then drop the file."),
                )
        self.open_files(Path(url.toLocalFile()) for url in urls if url.isLocalFile())

    @Slot()
    def paste(self) -> None:
        """Takes in what the clipboard holds."""
        data = QGuiApplication.clipboard().mimeData()
        if data is None or not (data.hasUrls() or data.hasImage()):
            self._desk.notices.show_warning(
                self.tr("There is no image in the clipboard."),
                self.tr("Copy an image, or files, in another program first."),
            )
            return
        self.take(data)

    def _open_image(self, image: QImage) -> None:
        """Writes a pasted image into a file of its own, which a result can lie beside, and opens that."""
        folder = self._desk.settings.folder
        path = next(each for each in _numbered(folder, self.tr("Pasted image")) if not each.exists())
        if not image.save(str(path)):
            self._desk.notices.show_error(
                self.tr("The pasted image cannot be written into {folder}.").format(folder=folder),
                self.tr("Open an image from a folder that can be written to; pasted images are put beside it."),
            )
            return
        self.open_files([path])

    def _images(self, paths: Iterable[Path]) -> Iterator[Path]:
        for path in paths:
            if path.is_dir():
                found = list(_images_in(path))
                if not found:
                    self._desk.notices.show_error(
                        self.tr("There is no image in the folder {name}.").format(name=path.name or str(path)),
                        self.tr(
                            "It takes the formats that the drop area names; folders inside it are looked into too."
                        ),
                    )
                yield from found
            elif path.suffix.lower() in CHECKPOINTS:
                self._desk.bridge.install(path)
                self._desk.tell(self.tr("Checking the checkpoint {name}…").format(name=path.name))
            else:
                yield path

    @Slot()
    def _ask_for_images(self) -> None:
        from app.dialogs.files import OpenImages

        self.open_files(OpenImages.ask(self._desk.window, self._desk.settings.folder, readable_extensions()))

    @Slot()
    def _ask_for_folder(self) -> None:
        from app.dialogs.files import OpenImages

        folder = OpenImages.ask_folder(self._desk.window, self._desk.settings.folder)
        if folder is not None:
            self.open_files([folder])

    # Pixels

    @Slot(object)
    def open(self, picture: Picture) -> None:
        """Has a picture's pixels read, ahead of those that only lack a thumbnail."""
        if picture.state is PictureState.CLOSED:
            picture.state = PictureState.OPENING
            self._desk.pictures.show_state(picture)
            self._desk.bridge.open_picture(picture.number, picture.path)

    def _open_next(self) -> None:
        """Opens the next picture that lacks a thumbnail, one at a time."""
        pictures = self._desk.session.pictures
        if any(each.state is PictureState.OPENING for each in pictures):
            return
        lacking = next(
            (each for each in pictures if not each.has_thumbnail and each.state is PictureState.CLOSED), None
        )
        if lacking is not None:
            self.open(lacking)

    @Slot(object)
    def _on_opened(self, event: PictureOpened) -> None:
        desk = self._desk
        picture, decoded = desk.session.picture(event.picture_number), event.decoded
        if picture is None:
            desk.bridge.discard(decoded.raster)
            self._open_next()
            return
        is_first_time = picture.info is None
        picture.state, picture.info, picture.raster = PictureState.OPEN, decoded.info, decoded.raster
        for warning in decoded.info.warnings if is_first_time else ():
            desk.notices.show_warning_of(picture.path.name, warning)
        if not picture.has_thumbnail:
            picture.has_thumbnail = True
            thumbnail_of = Pyramid(decoded.raster, decoded.info.icc)
            desk.pictures.set_thumbnail(picture.number, thumbnail_of.make(TileKey(thumbnail_of.top_level, 0, 0)).image)
            thumbnail_of.close()
        desk.pictures.show_state(picture)
        if picture is desk.session.shown:
            self._showing.show(picture)
        self._let_go_of_pixels(picture)
        self._resume(picture)
        self._running.go_on()
        self._open_next()

    def _let_go_of_pixels(self, latest: Picture) -> None:
        """Gives back the pixels of pictures that nobody needs just now, the first opened first."""
        session = self._desk.session
        idle = [
            each
            for each in session.pictures
            if each.raster is not None and each is not session.shown and each is not latest and not each.results
        ]
        for picture in idle[: max(0, len(idle) - _KEPT)]:
            assert picture.raster is not None
            self._desk.bridge.discard(picture.raster)
            picture.raster, picture.state = None, PictureState.CLOSED

    # A reference

    @Slot()
    def _ask_for_reference(self) -> None:
        from app.dialogs.files import OpenImages

        picture = self._desk.session.shown
        if picture is None:
            return
        paths = OpenImages.ask(self._desk.window, self._desk.settings.folder, readable_extensions())
        if paths:
            self.open_reference(paths[0])

    def open_reference(self, path: Path) -> None:
        """Takes an image as the ground truth of the picture that is shown."""
        if self._desk.session.shown is not None:
            self._desk.bridge.open_reference(self._desk.session.shown.number, path)

    @Slot(object)
    def _on_reference(self, event: ReferenceOpened) -> None:
        desk, picture = self._desk, self._desk.session.picture(event.picture_number)
        raster, info = event.decoded.raster, event.decoded.info
        if picture is None or picture.raster is None:
            desk.bridge.discard(raster)
            return
        sizes = reference_sizes(picture.raster)
        if (raster.height, raster.width) not in sizes:
            desk.bridge.discard(raster)
            desk.notices.show_error(
                self.tr("{name} has {size} pixels and cannot be the reference of {image}.").format(
                    name=Path(info.path).name, size=size_text(raster.width, raster.height), image=picture.path.name
                ),
                self.tr(
                    "A reference has exactly 1, 2, 3 or 4 times the pixels of the image on each side: {sizes}."
                ).format(sizes=", ".join(size_text(width, height) for height, width in sizes)),
            )
            return
        earlier, picture.reference = picture.reference, raster
        if picture is desk.session.shown:
            self._showing.refresh()
            desk.view.set_reference("reference")
        if earlier is not None:
            desk.bridge.discard(earlier)
        desk.tell()

    # Checkpoints

    @Slot(object)
    def _on_installed(self, event: ModelInstalled) -> None:
        entry = event.entry
        self._desk.tell(
            self.tr("Added {name} ×{scale}. It is in the list of models now.").format(
                name=entry.name, scale=entry.scale
            )
        )
        self._desk.settings.model = entry.name
        self._desk.bridge.list_models()

    # What earlier runs left

    @Slot(object)
    def _on_interrupted(self, event: InterruptedFound) -> None:
        jobs = event.jobs
        if not jobs:
            return
        sentence, names = offer_words(jobs)
        self._desk.notices.offer(
            sentence,
            names,
            (
                (self.tr("Resume"), self.tr("Go on from the tiles that are done."), lambda: self._resume_all(jobs)),
                (self.tr("Discard"), self.tr("Remove what was done of them."), lambda: self._discard(jobs)),
            ),
        )

    def _resume_all(self, jobs: Sequence[UnfinishedJob]) -> None:
        for unfinished in jobs:
            if is_for_window(unfinished):
                self._to_resume.append(Resumed.of(unfinished))
            else:
                self._desk.bridge.finish_file(unfinished)
        self.open_files([each.path for each in self._to_resume], is_edit=False)
        for picture in list(self._desk.session.pictures):
            if picture.raster is not None:
                self._resume(picture)

    def _resume(self, picture: Picture) -> None:
        """Puts the interrupted jobs of a picture that is open now back into the line."""
        for wanted in [each for each in self._to_resume if each.path == picture.path]:
            self._to_resume.remove(wanted)
            self._running.resume(picture, wanted)

    def _discard(self, jobs: Sequence[UnfinishedJob]) -> None:
        for unfinished in jobs:
            self._desk.bridge.forget(unfinished.job_id)

    @Slot(object)
    def _on_file_finished(self, event: FileFinished) -> None:
        self._desk.notices.show_warning(
            self.tr("{name} is finished.").format(name=Path(event.source).name),
            self.tr("The result is {path}.").format(path=event.output),
        )

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        if event.what in ("upscale", "save", "preview", "examine", "sheet"):
            return
        self._desk.notices.show_failure(event.failure, event.failure.hint)
        picture = self._desk.session.picture(event.number)
        if event.what == "open" and picture is not None:
            self.remove(picture)
            self._open_next()
        self._desk.tell()

    # Taking out

    def remove(self, *pictures: Picture) -> None:
        """Takes pictures out of the window, with their results and their places in the line."""
        desk = self._desk
        was_shown = desk.session.shown in pictures
        # Else the list would turn to a neighbour with each, which may go next.
        was_blocked = desk.pictures.blockSignals(True)
        for picture in pictures:
            desk.session.remove(picture)
            desk.pictures.drop(picture.number)
        desk.pictures.blockSignals(was_blocked)
        if was_shown:
            self._showing.show(desk.session.shown)
        for picture in pictures:
            jobs: list[Job] = [job for job in picture.results if not job.is_active]
            for raster in (picture.raster, picture.reference, *(job.canvas for job in jobs)):
                if raster is not None:
                    desk.bridge.discard(raster)
            for folder_id in picture.left:
                desk.bridge.forget(folder_id)
        desk.tell()


def _images_in(folder: Path) -> Iterator[Path]:
    """Yields the images of a folder and those inside it, in the order people list them; links to folders are not followed."""
    extensions = readable_extensions()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names, key=str.casefold):
            if Path(name).suffix.lower() in extensions and not name.startswith("."):
                yield Path(parent) / name


def _numbered(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{name}.png"
    number = 2
    while True:
        yield folder / f"{name} {number}.png"
        number += 1
