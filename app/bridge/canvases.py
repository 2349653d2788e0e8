"""The canvases behind the results on show, and when they leave the disk. Imports the plain data of `engine`; no Qt."""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from engine.canvas import RasterRef
from engine.errors import OutputError

if TYPE_CHECKING:
    from engine.workspace import JobFolder


class Canvases:
    """Holds the locked folders of finished jobs, and knows those of jobs that were begun; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Path, JobFolder] = {}
        # A job that was cancelled keeps its canvas, to go on from.
        self._resumable: set[Path] = set()

    def begin(self, canvas: RasterRef) -> None:
        """Notes that this canvas is one to go on from."""
        self._resumable.add(Path(canvas.path).parent)

    def hold(self, folder: JobFolder) -> None:
        """Takes over the folder of a finished job, with its lock."""
        with self._lock:
            self._held[folder.path] = folder

    def settle(self, canvas: RasterRef) -> None:
        """Notes that the result lies in a file: after a kill nobody is to be offered to finish it."""
        with self._lock:
            held = self._held.get(Path(canvas.path).parent)
        if held is not None:
            # Of a disk that fails here the person hears soon enough; the file is written.
            with contextlib.suppress(OutputError):
                held.settle()

    def discard(self, raster: RasterRef) -> None:
        """Removes a raster with the folder that was made for it; the canvas of an interrupted job stays."""
        folder = Path(raster.path).parent
        with self._lock:
            held = self._held.pop(folder, None)
        if held is not None:
            held.remove()
        elif folder not in self._resumable:
            shutil.rmtree(folder, ignore_errors=True)

    def remove_all(self) -> None:
        """Removes every folder that is held."""
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for folder in held:
            folder.remove()
