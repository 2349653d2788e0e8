"""The memory panel: header, timeline and numbers, fed with what the monitor and the workers tell. Imports Qt and `app`.

Readings are taken also while it is folded or paused; painting stops then.
"""

from __future__ import annotations

import time
from math import isfinite, nan
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.actions import allow
from app.memory.collector import Collector
from app.memory.colours import inks_of
from app.memory.commands import Commands
from app.memory.figures import Figures, Shown
from app.memory.header import HEIGHT_PX, Header
from app.memory.loading import TimelineLoader
from app.memory.readings import History, Picture, Reading, Scope
from app.memory.wording import ago_text, bytes_text, gib_text, no_gpu_words
from app.theme import Theme

if TYPE_CHECKING:
    from app.memory.saving import Kind
    from app.memory.timeline import Timeline
    from engine.messages import WorkerMemory
    from engine.monitor import MemoryUse

# Eight pictures a second at most; a worker at work tells ten times.
_PAINT_MS = 125
# As high as its numbers, and on a high screen a part of the window's height, up to twice that.
_BODY_HEIGHT_PX = 122
_PART_OF_WINDOW = 8
# Where a job will hold less than this part of the whole, it is shown alone, until the person chooses.
_SMALL = 1 / 8
_FIRST_SPAN_S = 60
_SPANS_S = (10, 30, 60, 120, 300, 600)

_TOLD_MS = 4000


class MemoryPanel(QWidget):
    """Shows where the memory goes. `expanded_changed` when it is unfolded or folded; it begins folded."""

    expanded_changed = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("memory")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(self.tr("Memory"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._theme = theme
        self._collector = Collector()
        # What is shown of it: the place (None: where the models run), how much of the past, and the readings while it is paused.
        self._chosen_key: str | None = None
        self._span_s = _FIRST_SPAN_S
        self._held: tuple[History, float] | None = None
        self._has_chosen_scope = False
        self._cursor_s: float | None = None
        self._said = ""
        self._is_dirty = True
        self._cannot_draw = False
        self._has_readings: bool | None = None
        self.commands = Commands(self)
        self.header = Header(self.commands)
        self.figures = Figures()
        self.timeline: Timeline | None = None
        self._loader = TimelineLoader(self)
        self._loader.loaded.connect(self._put_timeline)
        self._build()
        self._connect()
        self._tint()
        self._refresh()

    def _build(self) -> None:
        self.placeholder = QLabel(self.tr("The first readings come in a moment."))
        self.placeholder.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.placeholder.setProperty("role", "muted")
        self.body = QWidget()
        self.body.setFixedHeight(_BODY_HEIGHT_PX)
        self.body.hide()
        self._row = QHBoxLayout(self.body)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addWidget(self.placeholder, 1)
        self._row.addWidget(self.figures)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.body)
        self._clock = QTimer(self, interval=_PAINT_MS)
        self._told = QTimer(self, interval=_TOLD_MS, singleShot=True)

    def _connect(self) -> None:
        commands = self.commands
        commands.toggle.toggled.connect(self.set_expanded)
        commands.pause.toggled.connect(self._hold)
        commands.scope.triggered.connect(self._choose_scope)
        commands.clear.triggered.connect(self._clear)
        commands.copy.triggered.connect(self._copy_report)
        commands.save_csv.triggered.connect(lambda: self._save("csv"))
        commands.save_png.triggered.connect(lambda: self._save("png"))
        commands.save_report.triggered.connect(lambda: self._save("json"))
        commands.explain.triggered.connect(self._explain)
        self.header.place_chosen.connect(self._choose_place)
        self._clock.timeout.connect(self._refresh_if_dirty)
        self._told.timeout.connect(lambda: self._tell(""))
        self._theme.changed.connect(self._tint)

    def set_window_height(self, height_px: int) -> None:
        """Takes as much of a window of this height as suits it."""
        self.body.setFixedHeight(min(max(_BODY_HEIGHT_PX, height_px // _PART_OF_WINDOW), 2 * _BODY_HEIGHT_PX))

    # What it is fed with

    @Slot(object)
    def show_use(self, use: MemoryUse) -> None:
        """Takes a look of the monitor, four times a second."""
        self._collector.show_use(use)
        self._mark()

    @Slot(object)
    def show_worker(self, memory: WorkerMemory) -> None:
        """Takes what a worker told of itself."""
        self._collector.show_worker(memory)
        self._mark()

    def show_plan(self, predicted_bytes: int | None, limit_bytes: int | None, device: str) -> None:
        """Takes what the job at work, or the next one, is expected to take and may take, and its device ("cpu", "cuda:0")."""
        self._collector.show_plan(predicted_bytes, limit_bytes, device)
        self._mark()

    def begin_job(self) -> None:
        """Takes note that a job begins."""
        self._collector.begin_job(time.monotonic())

    def add_tile_peak(self, peak_bytes: int) -> None:
        """Takes the peak of a tile that has just ended."""
        self._collector.add_tile_peak(peak_bytes, time.monotonic())
        self._mark()

    def end_job(self) -> None:
        """Takes note that the job is over, however it ended."""
        self._collector.end_job()
        self._mark()

    def show_device(self, sentence: str) -> None:
        """Says this of the device, instead of what the panel would say of a missing GPU; empty: that again."""
        self._said = sentence
        self._mark()

    def wait(self) -> None:
        """Returns when no thread of the panel runs any more; for the end of the window."""
        self._loader.wait()

    # How it is shown

    @property
    def is_expanded(self) -> bool:
        """Whether more than the header is shown."""
        return not self.body.isHidden()

    @property
    def toggle_action(self) -> QAction:
        """Folds and unfolds, from anywhere in the window that it is added to."""
        return self.commands.toggle

    @Slot(bool)
    def set_expanded(self, is_expanded: bool) -> None:
        """Unfolds, or folds to the header."""
        if is_expanded == self.is_expanded:
            return
        self.body.setVisible(is_expanded)
        self.commands.toggle.setChecked(is_expanded)
        self.header.show_expanded(is_expanded)
        self._follow_sight()
        self._refresh()
        self.updateGeometry()
        self.expanded_changed.emit(is_expanded)

    @property
    def shown_key(self) -> str:
        """The place that is shown: the chosen one, else where the models run."""
        keys = [place.key for place in self._collector.places]
        return self._chosen_key if self._chosen_key in keys else self._collector.job_key

    @property
    def history(self) -> History:
        """The readings that are shown: held ones while it is paused."""
        return self._held[0] if self._held is not None else self._collector.history(self.shown_key)

    def sizeHint(self) -> QSize:
        """As high as what is unfolded."""
        return QSize(900, HEIGHT_PX + (self.body.height() if self.is_expanded else 0))

    def event(self, event: QEvent) -> bool:
        """Follows whether it can be seen; loads the timeline after the first time that it was painted."""
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._follow_sight()
        elif event.type() == QEvent.Type.Paint and self.is_expanded and self.timeline is None:
            QTimer.singleShot(0, self._loader.start)
        return super().event(event)

    def _follow_sight(self) -> None:
        if self.isVisible():
            self._clock.start()
        else:
            self._clock.stop()

    @Slot(str)
    def _put_timeline(self, problem: str) -> None:
        if problem:
            self._cannot_draw = True
            self.placeholder.setText(self.tr("The timeline cannot be shown: {problem}.").format(problem=problem))
            return
        from app.memory.timeline import Timeline

        self.timeline = Timeline(inks_of(self._theme))
        self.timeline.cursor_moved.connect(self._read_at)
        self.timeline.span_asked.connect(self._change_span)
        # Shown by the next refresh, so that making it and painting it do not hold the window up in one go.
        self.timeline.hide()
        self._row.insertWidget(0, self.timeline, 1)
        self.setTabOrder(self.header.save_button, self.timeline)
        self._mark()

    def _mark(self) -> None:
        self._is_dirty = True

    @Slot()
    def _refresh_if_dirty(self) -> None:
        if self._is_dirty:
            self._refresh()

    def _refresh(self) -> None:
        """Shows what there is now."""
        self._is_dirty = False
        collector, key = self._collector, self.shown_key
        history, last = self.history, self._collector.history(self.shown_key).last
        self._allow(bool(len(history)))
        place = next((each for each in collector.places if each.key == key), None)
        is_gpu = place is not None and place.is_gpu
        self.header.show_places(collector.places, key)
        self._show_title(is_gpu)
        self._show_sentence(is_gpu)
        self._show_summary(last)
        if last is not None and not self._has_chosen_scope and isfinite(last.predicted):
            self.commands.scope.setChecked(max(last.ours, last.context + last.predicted) < _SMALL * last.total)
        if self.is_expanded:
            self._show_body(history, is_gpu)

    def _show_body(self, history: History, is_gpu: bool) -> None:
        self.placeholder.setVisible(self.timeline is None or not len(history))
        if len(history) and not self._cannot_draw:
            self.placeholder.setText(self.tr("Loading the timeline…"))
        if self.timeline is not None:
            self.timeline.setVisible(bool(len(history)))
            scope: Scope = "ours" if self.commands.scope.isChecked() else "all"
            self.timeline.show_picture(Picture(history, self._now_s, self._span_s, scope))
        self._show_figures(is_gpu)

    @property
    def _now_s(self) -> float:
        return self._held[1] if self._held is not None else self._collector.now_s

    def _allow(self, has_readings: bool) -> None:
        if has_readings != self._has_readings:
            self._has_readings = has_readings
            self.commands.allow_reading("" if has_readings else self.tr("There are no readings yet."))

    def _show_title(self, is_gpu: bool) -> None:
        title = self.tr("GPU memory") if is_gpu else self.tr("Memory")
        if self.commands.toggle.text() != title:
            self.commands.toggle.setText(title)
            allow(self.commands.toggle)

    def _show_sentence(self, is_gpu: bool) -> None:
        why = self._collector.no_gpu
        sentence = self._said or ("" if why is None or is_gpu else no_gpu_words(why)[0])
        if self.header.sentence.text() != sentence:
            self.header.sentence.say(sentence)
        self.header.explain_button.setVisible(why is not None)
        allow(self.commands.explain, "" if why is not None else self.tr("The models can run on a GPU."))

    def _show_summary(self, last: Reading | None) -> None:
        text = tip = ""
        if last is not None:
            words = self.tr("Triptych {ours} · others {other} of {total}")
            text, tip = (
                words.format(ours=say(last.ours), other=say(last.other), total=say(last.total))
                for say in (gib_text, bytes_text)
            )
        self.header.summary.setText(text)
        self.header.summary.setToolTip(tip)
        self.header.summary.setVisible(bool(text) and not self.is_expanded)
        self.header.tools.setVisible(self.is_expanded)

    def _show_figures(self, is_gpu: bool) -> None:
        if self.figures.is_gpu != is_gpu:
            self.figures.set_gpu(is_gpu)
        history = self.history
        reading = history.last if self._cursor_s is None else history.nearest(self._cursor_s)
        at_s = self._now_s if self._cursor_s is None else self._cursor_s
        ran = [each for each in history.peaks if each.begin_s <= at_s]
        peak = ran[-1] if ran and (self._cursor_s is None or at_s <= ran[-1].end_s) else None
        self.figures.show_reading(Shown(reading, peak.peak if peak else nan, peak.number if peak else None))
        moment = "" if self._cursor_s is None else ago_text(self._now_s - self._cursor_s)
        if not moment and self._held is not None:
            moment = self.tr("Paused")
        if not self._told.isActive():
            self.header.moment.setText(moment)

    # What a person does

    @Slot(bool)
    def _hold(self, is_held: bool) -> None:
        self._held = (self.history.copy(), self._collector.now_s) if is_held else None
        self.commands.hold(is_held)
        self._refresh()

    @Slot(bool)
    def _choose_scope(self, _is_ours: bool) -> None:
        self._has_chosen_scope = True
        self._refresh()

    @Slot(str)
    def _choose_place(self, key: str) -> None:
        self._chosen_key = key
        self.commands.pause.setChecked(False)
        self._refresh()

    @Slot(object)
    def _read_at(self, time_s: float | None) -> None:
        self._cursor_s = time_s
        self._refresh()

    @Slot(int)
    def _change_span(self, step: int) -> None:
        index = min(max(_SPANS_S.index(self._span_s) + step, 0), len(_SPANS_S) - 1)
        self._span_s = _SPANS_S[index]
        self._refresh()

    @Slot()
    def _clear(self) -> None:
        self.commands.pause.setChecked(False)
        self._collector.clear()
        self._refresh()

    @Slot()
    def _copy_report(self) -> None:
        from app.memory.export import snapshot_text

        QGuiApplication.clipboard().setText(snapshot_text(self._collector, self.shown_key))
        self._tell(self.tr("The report is in the clipboard."))

    @Slot()
    def _explain(self) -> None:
        from app.memory.explanation import explain

        if self._collector.no_gpu is not None:
            explain(self.window(), self._collector.no_gpu)

    def _save(self, kind: Kind) -> None:
        from app.memory.saving import SaveReadings, save_picture, save_text

        path = SaveReadings.ask(self.window(), kind)
        if path is None:
            return
        try:
            if kind == "png":
                save_picture(path, self.body, self._theme.colours.surface)
            else:
                save_text(path, kind, self._collector, self.shown_key, self.history)
        except OSError as error:
            self._tell(self.tr("{name} cannot be written: {reason}").format(name=path.name, reason=error.strerror))
            return
        self._tell(self.tr("Saved as {name}.").format(name=path.name))

    def _tell(self, sentence: str) -> None:
        """Says something for a few seconds; empty: no more."""
        self.header.moment.setText(sentence)
        if sentence:
            self._told.start()
        else:
            self._refresh()

    @Slot()
    def _tint(self) -> None:
        colours, inks = self._theme.colours, inks_of(self._theme)
        self.setStyleSheet(
            f"QWidget#memory {{ background: {colours.surface}; border-top: 1px solid {colours.border}; }}"
            f"QToolButton[quiet='true']:checked {{ background: {colours.selected}; border-color: {colours.accent_text}; }}"
            "QToolButton[quiet='true']::menu-indicator { image: none; }"
            "QToolButton#memoryToggle { font-weight: 600; }"
            "QToolButton#memoryToggle:checked { background: transparent; border-color: transparent; }"
            f"QToolButton#memoryToggle:hover {{ background: {colours.hovered}; }}"
            f"QToolButton#memoryToggle:focus {{ border-color: {colours.accent_text}; }}"
        )
        self.figures.set_inks(inks)
        if self.timeline is not None:
            self.timeline.set_inks(inks)
        self._mark()
