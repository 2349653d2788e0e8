"""When to measure what: the scores of the image, and of the part in view or marked, follow what is shown.

Imports QtCore, `app.compare` and the plain data of `engine`. Needs a ground truth among the sources; only finished
pictures of its size are measured. The image is measured once; the part in view a moment after the camera came to rest.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.compare.layers import OpenSource
from app.compare.panes import Panes
from app.compare.scores import Question, Score, Scorer
from engine.tiling.geometry import Box

_REST_MS = 250
# Larger parts take seconds for each picture; the image's own score says enough about them.
_LARGEST_AREA_PX = 12_000_000
_LEAST_SIDE_PX = 11


class Scoring(QObject):
    """Keeps `scores` up to date: by (key, "image" or "area"). `changed` when one came or went."""

    changed = Signal()

    def __init__(self, panes: Panes, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._panes = panes
        self.scores: dict[tuple[str, str], Score] = {}
        # What the scores of images are of: another raster of the same key is another image.
        self._measured: dict[str, tuple[int, int]] = {}
        self._images = Scorer(self)
        self._areas = Scorer(self)
        self._rest = QTimer(self, singleShot=True, interval=_REST_MS)
        self._rest.timeout.connect(self._ask_for_areas)
        for scorer in (self._images, self._areas):
            scorer.answered.connect(self._take)
        panes.comparison.sources_changed.connect(self._follow_sources)
        panes.comparison.region_changed.connect(self._follow_camera)
        panes.camera.changed.connect(self._follow_camera)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is measured or will be."""
        return self._images.is_idle and self._areas.is_idle and not self._rest.isActive()

    def close(self) -> None:
        """Ends the threads; nothing reads a raster when it returns."""
        self._rest.stop()
        self._images.close()
        self._areas.close()
        self.scores.clear()
        self._measured.clear()

    def _pairs(self) -> list[tuple[OpenSource, OpenSource]]:
        """Returns each finished picture with the ground truth, if both have the same size."""
        comparison = self._panes.comparison
        if not comparison.truth_key:
            return []
        truth = comparison.opened(comparison.truth_key)
        size = (truth.source.raster.height, truth.source.raster.width)
        pairs = []
        for key in comparison.keys:
            opened = comparison.opened(key)
            raster = opened.source.raster
            is_whole = comparison.finished(key) is None and opened.source.placed is None
            if key != comparison.truth_key and is_whole and (raster.height, raster.width) == size:
                pairs.append((opened, truth))
        return pairs

    @Slot()
    def _follow_sources(self) -> None:
        pairs = self._pairs()
        current = {opened.source.key: (opened.natural.number, truth.natural.number) for opened, truth in pairs}
        self._measured = {key: numbers for key, numbers in self._measured.items() if current.get(key) == numbers}
        kept = {name: score for name, score in self.scores.items() if name[0] in self._measured}
        if kept != self.scores:
            self.scores = kept
            self.changed.emit()
        questions = []
        for opened, truth in pairs:
            if (opened.source.key, "image") not in self.scores:
                area = self._whole_of(opened)
                if min(area.height, area.width) >= _LEAST_SIDE_PX:
                    questions.append(Question((opened.source.key, "image"), opened, truth, area))
            self._measured[opened.source.key] = current[opened.source.key]
        self._images.ask(questions)
        self._rest.start()

    @Slot()
    def _follow_camera(self) -> None:
        if self._panes.comparison.truth_key:
            self._rest.start()

    @Slot()
    def _ask_for_areas(self) -> None:
        """Asks for the region, or for what is in view where that is not nearly the whole image."""
        comparison, arrangement = self._panes.comparison, self._panes.comparison.arrangement
        area = comparison.region or self._panes.visible_box
        questions: list[Question] = []
        if arrangement is not None and area is not None:
            is_whole = (area.height, area.width) == (arrangement.input_height, arrangement.input_width)
            left, top, width, height = arrangement.to_picture(area)
            for opened, truth in [] if is_whole else self._pairs():
                shrunk = float(opened.magnification)
                box = _rounded(left / shrunk, top / shrunk, width / shrunk, height / shrunk, opened)
                if box.height * box.width <= _LARGEST_AREA_PX and min(box.height, box.width) >= 1:
                    questions.append(Question((opened.source.key, "area"), opened, truth, box))
        asked = {question.name for question in questions}
        gone = [name for name in self.scores if name[1] == "area" and name not in asked]
        for name in gone:
            del self.scores[name]
        self._areas.ask(questions)
        if gone:
            self.changed.emit()

    def _whole_of(self, opened: OpenSource) -> Box:
        """Returns what is measured of an image: all but `scale` pixels at each side, as the papers do."""
        raster = opened.source.raster
        border = max(1, round(raster.width / opened.arrangement.input_width))
        return Box(border, border, raster.height - 2 * border, raster.width - 2 * border)

    @Slot(object, object)
    def _take(self, name: tuple[str, str], score: Score) -> None:
        self.scores[name] = score
        self.changed.emit()


def _rounded(left: float, top: float, width: float, height: float, opened: OpenSource) -> Box:
    raster = opened.source.raster
    first_column, first_row = max(0, round(left)), max(0, round(top))
    last_column, last_row = min(raster.width, round(left + width)), min(raster.height, round(top + height))
    return Box(first_row, first_column, max(0, last_row - first_row), max(0, last_column - first_column))
