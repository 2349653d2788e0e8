"""The labels in the panes: number, name, figures and scores of what is shown; and the legend of a difference.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QCoreApplication, QPoint, QRect, Qt
from PySide6.QtGui import QImage, QPainter

from app.compare.camera import NEAREST_ABOVE_ZOOM
from app.compare.comparison import Comparison
from app.compare.difference import DifferenceSettings, colours_of
from app.compare.lettering import FAINT, MARGIN_PX, Lettering
from app.compare.panes import Panes
from app.compare.scores import Score
from engine.deferred import np

_LINE_PX = 24
_ROW_PX = 18
# Between the scores of the whole image and those of a part of it, on one line.
_APART = "    "
_PADDING_PX = 7
_LEGEND_WIDTH_PX = 232
_BAR_HEIGHT_PX = 10

Scores = Mapping[tuple[str, str], Score]


def _tr(text: str) -> str:
    return QCoreApplication.translate("compare", text)


def decibel_text(psnr_db: float) -> str:
    """Returns a PSNR as people write it: `31.24 dB`, `∞ dB`."""
    return _tr("{value} dB").format(value="∞" if math.isinf(psnr_db) else f"{psnr_db:.2f}")


def score_text(score: Score) -> str:
    """Returns both figures: `PSNR 31.24 dB  SSIM 0.9123`."""
    psnr = _tr("PSNR {value}").format(value=decibel_text(score.psnr_db))
    return psnr if score.ssim is None else psnr + "  " + _tr("SSIM {value}").format(value=f"{score.ssim:.4f}")


def gain_text(gain: float) -> str:
    """Returns a gain: `× 4`, `× 12.5`."""
    return f"× {gain:.0f}" if abs(gain - round(gain)) < 0.05 else f"× {gain:.1f}"


def name_of(comparison: Comparison, key: str, zoom: float) -> str:
    """Returns a source's title; an input that is interpolated at this zoom says how."""
    opened = comparison.opened(key)
    if opened.source.kind != "input" or opened.magnification == 1 or zoom > NEAREST_ABOVE_ZOOM:
        return opened.source.title
    return _tr("{title} ({method})").format(title=opened.source.title, method=method_name(opened.method))


def method_name(method: str) -> str:
    """Returns how an input is magnified, in words."""
    return {
        "nearest": _tr("nearest"),
        "bilinear": _tr("bilinear"),
        "bicubic": _tr("bicubic"),
        "lanczos": _tr("Lanczos"),
    }[method]


def difference_name(settings: DifferenceSettings) -> str:
    """Returns what a difference shows, in words."""
    names = {"absolute": _tr("Difference"), "signed": _tr("Signed difference"), "ssim": _tr("Structure (SSIM)")}
    return names[settings.kind]


class Labels:
    """Paints the labels of all panes."""

    def __init__(self, panes: Panes) -> None:
        self._panes = panes
        self.scores: Scores = {}

    def paint(self, painter: QPainter) -> None:
        """Paints a label into every part of every pane, and the legend where a difference is shown."""
        panes, comparison = self._panes, self._panes.comparison
        letters = Lettering(panes.ratio)
        for part in panes.parts:
            is_second = panes.divider is not None and not comparison.wipe_is_level and part.view.left() > 0
            is_below = panes.divider is not None and comparison.wipe_is_level and part.view.top() > 0
            self._paint_source(painter, letters, part.key, part.view, is_second, is_below)
        if panes.shows_difference and panes.cells:
            self._paint_legend(painter, letters, panes.cells[0].frame)

    def lines_of(self, key: str) -> tuple[str, str]:
        """Returns a label's figures, and its scores."""
        comparison = self._panes.comparison
        figures = "  ·  ".join(comparison.figures.get(key, ()))
        whole, area = self.scores.get((key, "image")), self.scores.get((key, "area"))
        parts = []
        if whole is not None:
            parts.append(score_text(whole))
        if area is not None:
            told = _tr("Region: {score}") if comparison.region is not None else _tr("In view: {score}")
            parts.append(told.format(score=score_text(area)))
        return figures, _APART.join(parts) or self._why_no_scores(key)

    def _why_no_scores(self, key: str) -> str:
        """Returns why a result cannot be measured against the ground truth, or "" where it can or there is none."""
        comparison, arrangement = self._panes.comparison, self._panes.comparison.arrangement
        source = comparison.opened(key).source
        if not comparison.truth_key or arrangement is None or source.kind != "model" or source.placed is not None:
            return ""
        truth = comparison.opened(comparison.truth_key).source.raster
        if (source.raster.height, source.raster.width) == (truth.height, truth.width):
            return ""
        scales = [round(raster.width / arrangement.input_width) for raster in (truth, source.raster)]
        return _tr("Reference ×{reference}, result ×{result}: no figures").format(reference=scales[0], result=scales[1])

    def _paint_source(
        self, painter: QPainter, letters: Lettering, key: str, view: QRect, is_right: bool, is_below: bool
    ) -> None:
        comparison = self._panes.comparison
        margin, padding, line = letters.px(MARGIN_PX), letters.px(_PADDING_PX), letters.px(_LINE_PX)
        room = view.width() - 2 * margin
        if room < letters.px(40) or view.height() < line + 2 * margin:
            return
        number = str(comparison.keys.index(key) + 1)
        title = name_of(comparison, key, self._panes.camera.zoom)
        figures, scores = self.lines_of(key)
        is_reference = key == comparison.reference_key and len(comparison.keys) > 1
        gap = letters.px(8)
        badges = [(number, key == comparison.current_key)] + ([(_tr("Base"), False)] if is_reference else [])
        head = padding + sum(max(letters.px(18), letters.width(text, letters.small_bold) + letters.px(10)) + gap
                             for text, _ in badges)  # fmt: skip
        title_width = letters.width(title, letters.bold) + letters.px(2)
        figures_width = letters.width(figures, letters.plain) + 3 * gap if figures else 0
        rows, below = [scores] if scores else [], letters.px(_ROW_PX)
        if head + title_width + figures_width + padding > room or _widest(letters, rows) + 3 * padding > room:
            # In a narrow pane each has a line of its own, as far as they leave half of the picture free.
            wanted = [figures] * bool(figures) + scores.split(_APART)
            most = (view.height() // 2 - line - letters.px(4)) // below
            if len(wanted) <= most:
                figures, figures_width, rows = "", 0, wanted
        width = min(room, max(head + title_width + figures_width + padding, _widest(letters, rows) + 3 * padding))
        height = line + below * len(rows) + letters.px(4)
        left = view.right() + 1 - margin - width if is_right else view.left() + margin
        top = view.bottom() + 1 - margin - height if is_below else view.top() + margin
        frame = QRect(left, top, width, height)
        letters.plate(painter, frame)
        x = frame.left() + padding
        row = QRect(x, frame.top() + letters.px(2), frame.width() - 2 * padding, line)
        for text, is_marked in badges:
            place = letters.badge(painter, QPoint(x, row.top() + letters.px(3)), text, is_marked)
            x = place.right() + 1 + gap
        row.setLeft(x)
        letters.write(painter, row, title, letters.bold)
        rest = QRect(row)
        rest.setLeft(x + title_width + 2 * gap)
        if figures and rest.width() > letters.px(24):
            letters.write(painter, rest, figures, letters.plain, FAINT)
        for number_below, words in enumerate(rows):
            top = row.bottom() + number_below * below
            letters.write(
                painter, QRect(frame.left() + padding, top, width - 2 * padding, below), words, letters.small, FAINT
            )

    def _paint_legend(self, painter: QPainter, letters: Lettering, view: QRect) -> None:
        comparison, settings = self._panes.comparison, self._panes.comparison.difference
        margin, padding = letters.px(MARGIN_PX), letters.px(10)
        names = [name_of(comparison, key, 1.0) for key in (comparison.current_key, comparison.reference_key)]
        title = f"{difference_name(settings)}  {gain_text(settings.gain)}"
        subject = _tr("{shown} against {base}").format(shown=names[0], base=names[1])
        width = max(letters.px(_LEGEND_WIDTH_PX), letters.width(subject, letters.small) + 2 * padding)
        width = min(width, view.width() - 2 * margin)
        height = letters.px(78)
        if width < letters.px(120) or view.height() < height + 2 * margin:
            return
        frame = QRect(view.left() + margin, view.top() + margin, width, height)
        letters.plate(painter, frame)
        row = QRect(frame.left() + padding, frame.top() + letters.px(5), width - 2 * padding, letters.px(20))
        letters.write(painter, row, title, letters.bold)
        letters.write(painter, row.translated(0, letters.px(19)), subject, letters.small, FAINT)
        bar = QRect(row.left(), row.top() + letters.px(42), row.width(), letters.px(_BAR_HEIGHT_PX))
        painter.drawImage(bar, legend_bar(settings))
        ends = QRect(bar.left(), bar.bottom() + 1, bar.width(), letters.px(16))
        aligns = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for text, align in zip(self.legend_marks(settings), aligns, strict=True):
            letters.write(painter, ends, text, letters.small, FAINT, align)

    def legend_marks(self, settings: DifferenceSettings) -> tuple[str, str, str]:
        """Returns what the legend's left end, middle and right end stand for: steps of 255, or SSIM."""
        if settings.kind == "ssim":
            return "1", f"{1 - 0.5 / settings.gain:.3g}", f"{1 - 1 / settings.gain:.3g}"
        end = 255 / settings.gain
        if settings.kind == "signed":
            return (
                _tr("darker −{value}").format(value=f"{end:.3g}"),
                "0",
                _tr("brighter +{value}").format(value=f"{end:.3g}"),
            )
        return "0", f"{end / 2:.3g}", _tr("{value} of 255").format(value=f"{end:.3g}")


def _widest(letters: Lettering, rows: Sequence[str]) -> int:
    return max((letters.width(row, letters.small) for row in rows), default=0)


def legend_bar(settings: DifferenceSettings) -> QImage:
    """Returns the colours of the scale, left to right, one pixel high."""
    plain = DifferenceSettings(settings.kind, 1.0, settings.false_colour)
    start = -1.0 if settings.kind == "signed" else 0.0
    values = np.linspace(start, 1.0, 256, dtype=np.float32)[None, :]
    colours = np.ascontiguousarray(colours_of(values[:, :, None] if settings.kind == "absolute" else values, plain))
    if settings.kind == "absolute" and not settings.false_colour:
        colours = np.ascontiguousarray(np.repeat(colours, 3, axis=2))
    return QImage(colours.data, 256, 1, 3 * 256, QImage.Format.Format_RGB888).copy()
