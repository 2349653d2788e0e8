"""PSNR-Y and SSIM of the sources against the reference, computed beside the window.

Imports QtCore, numpy, `app.compare` and `engine`'s metrics. A thread reads crops of bounded size from the rasters; the latest
question wins, and what was asked before is given up between two crops. Values are rounded to 8 bit first, as the figures of
`triptych upscale --reference` are; the whole image is measured without a border of `scale` pixels, as there.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.compare.layers import OpenSource
from engine.deferred import np
from engine.metrics import psnr_y, ssim_y
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

_CROP_PX = 768
_SSIM_WINDOW_PX = 11


class Score(NamedTuple):
    """PSNR-Y in dB (infinity where nothing differs) and SSIM, or None where the area is too small for its window."""

    psnr_db: float
    ssim: float | None


class Question(NamedTuple):
    """What to measure: `source` against `reference` in `area`, a box in pixels of both rasters (they have the same size).

    `name` comes back with the answer.
    """

    name: tuple[str, str]
    source: OpenSource
    reference: OpenSource
    area: Box


class Scorer(QObject):
    """Answers questions one after the other: `answered(name, Score)`. Its thread runs from the first one to `close`."""

    answered = Signal(object, object)
    _posted = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._condition = threading.Condition()
        # What was asked last and has no answer yet; of that, what nobody has begun.
        self._open: list[Question] = []
        self._waiting: list[Question] = []
        self._is_closing = False
        self._thread: threading.Thread | None = None
        self._posted.connect(self._receive, Qt.ConnectionType.QueuedConnection)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being measured or will be."""
        with self._condition:
            return not self._open

    def ask(self, questions: list[Question]) -> None:
        """Asks these questions instead of all earlier ones; one that is being measured already goes on."""
        with self._condition:
            begun = [question for question in self._open if question not in self._waiting]
            self._open = list(questions)
            self._waiting = [question for question in questions if question not in begun]
            if not self._waiting:
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="triptych-scores", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def close(self) -> None:
        """Gives up what is asked; nothing reads a raster when it returns."""
        with self._condition:
            self._is_closing = True
            self._open, self._waiting = [], []
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        self._is_closing = False

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._is_closing)
                if self._is_closing:
                    return
                question = self._waiting.pop(0)
            self._answer(question)
            # While it waits, the thread must not keep rasters mapped whose files are removed.
            del question

    def _answer(self, question: Question) -> None:
        try:
            score = self._measure(question)
        except Exception:
            # Figures are an extra: without them the pictures are still there.
            _log.exception("a figure could not be measured")
            self._posted.emit(question, None)
            return
        # One that was given up is not told: it may have been asked again by now.
        if score is not None:
            self._posted.emit(question, score)

    def _measure(self, question: Question) -> Score | None:
        """Returns the score, or None where nobody asks for it any more."""
        squares, pixels, structure, positions = 0.0, 0, 0.0, 0
        maps = (question.source.map_hwc, question.reference.map_hwc)
        for core, around in crops_of(question.area):
            if question not in self._open:
                return None
            pair = [to_rgb8(raster[around.slices]) for raster in maps]
            inner = core.relative_to(around).slices
            psnr_db = psnr_y(pair[0][inner], pair[1][inner])
            squares += core.height * core.width * (0.0 if math.isinf(psnr_db) else 255.0**2 / 10 ** (psnr_db / 10))
            pixels += core.height * core.width
            if min(around.height, around.width) >= _SSIM_WINDOW_PX:
                count = (around.height - _SSIM_WINDOW_PX + 1) * (around.width - _SSIM_WINDOW_PX + 1)
                structure += count * ssim_y(pair[0], pair[1])
                positions += count
        mean = squares / pixels
        psnr = 10 * math.log10(255.0**2 / mean) if mean > 0 else math.inf
        return Score(psnr, structure / positions if positions else None)

    @Slot(object, object)
    def _receive(self, question: Question, score: Score | None) -> None:
        with self._condition:
            if question not in self._open:
                return
            self._open = [each for each in self._open if each != question]
        if score is not None:
            self.answered.emit(question.name, score)


def crops_of(area: Box) -> Iterator[tuple[Box, Box]]:
    """Yields an area in pieces: the pixels that are new in each, and those that SSIM's windows need with them.

    Each window position lies in exactly one of the second boxes, each pixel in one of the first.
    """
    overlap = _SSIM_WINDOW_PX - 1
    for top, height in _pieces(area.height, overlap):
        for left, width in _pieces(area.width, overlap):
            around = Box(area.top + top, area.left + left, height, width)
            new_top, new_left = overlap if top else 0, overlap if left else 0
            yield Box(around.top + new_top, around.left + new_left, height - new_top, width - new_left), around


def _pieces(length: int, overlap: int) -> Iterator[tuple[int, int]]:
    start = 0
    while True:
        # A rest too short for a window goes with the last piece.
        stop = length if length - start < _CROP_PX + 2 * overlap else start + _CROP_PX
        yield start, stop - start
        if stop == length:
            return
        start = stop - overlap


def to_rgb8(block_hwc: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns a block of a raster as (H, W, 3) uint8, rounded half to even, grey repeated, alpha left out."""
    colour_hwc = block_hwc[:, :, : 1 if block_hwc.shape[2] <= 2 else 3]
    if colour_hwc.dtype == np.uint16:
        colour_hwc = np.rint(colour_hwc / np.float32(257))
    elif colour_hwc.dtype != np.uint8:
        colour_hwc = np.rint(np.clip(np.nan_to_num(colour_hwc), 0, 1) * np.float32(255))
    return np.broadcast_to(colour_hwc.astype(np.uint8), (*colour_hwc.shape[:2], 3))
