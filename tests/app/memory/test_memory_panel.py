"""The panel as a person meets it: what it says and draws, folded and unfolded, held still, read, saved."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot

from app.memory.panel import MemoryPanel
from app.memory.timeline import Timeline
from app.memory.wording import bytes_text, gib_text, no_gpu_words
from app.theme import DARK, LIGHT, Theme
from engine.messages import WorkerMemory
from engine.monitor import DeviceUse, MemoryUse, NoGpu, NoGpuKind, ProcessUse

GIB = 2**30
NO_DRIVER = NoGpu("no driver", "Driver Not Loaded", True)
START_S = 1000.0
Feed = Callable[..., None]


@pytest.fixture
def panel(qtbot: QtBot, theme: Theme) -> Iterator[MemoryPanel]:
    """A panel on the screen, unfolded, with its timeline."""
    panel = MemoryPanel(theme)
    qtbot.addWidget(panel)
    panel.set_expanded(True)
    panel.resize(1280, panel.sizeHint().height())
    with qtbot.waitExposed(panel):
        panel.show()
    qtbot.waitUntil(lambda: panel.timeline is not None, timeout=20_000)
    yield panel
    assert not [each.name for each in threading.enumerate() if each.name.startswith("triptych")]


def use_of(time_s: float, *, gpu: bool, ours_gib: float, other_gib: float = 2) -> MemoryUse:
    used = round((ours_gib + other_gib) * GIB)
    process = (ProcessUse(7, round(ours_gib * GIB)),)
    devices = (DeviceUse(0, "GeForce RTX 3070", 8 * GIB, used, 0, "GPU-0", process),) if gpu else ()
    return MemoryUse(time_s, 8 * GIB if not gpu else 64 * GIB, used, devices, process, None if gpu else NO_DRIVER)


@pytest.fixture
def feed(panel: MemoryPanel, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """Tells the panel of ten seconds of a job, at once: `seconds` of it, ten samples and four looks in each."""
    clock = {"now": START_S}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])

    def feed(seconds: int = 10, *, gpu: bool = False, plan: bool = True) -> None:
        for tick in range(seconds * 20):
            now = clock["now"] = clock["now"] + 0.05
            if tick % 2:
                context = None if gpu else GIB // 4
                device, uuid = ("cuda:0", "GPU-0") if gpu else ("cpu", "")
                panel.show_worker(WorkerMemory(now, 7, device, GIB, 3 * GIB // 4, GIB // 4, context, uuid))
            elif tick % 5 == 0:
                panel.show_use(use_of(now, gpu=gpu, ours_gib=1.25))
            if tick == 1 and plan:
                panel.show_plan(round(1.5 * GIB), 4 * GIB, "cuda:0" if gpu else "cpu")
                panel.begin_job()
            if tick % 20 == 19:
                panel.add_tile_peak(round(1.25 * GIB))
        panel._refresh()

    return feed


def amount(panel: MemoryPanel, name: str) -> str:
    return panel.figures.value(name).text()


def drawn(panel: MemoryPanel) -> Timeline:
    assert panel.timeline is not None
    return panel.timeline


def heights(curve: Any) -> np.ndarray:
    _, values = curve.data()
    return np.array([]) if values is None else np.asarray(values)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.00 GiB"),
        (2**18, "< 0.001 GiB"),
        (2**20 * 41, "0.040 GiB"),
        (GIB * 1.746, "1.75 GiB"),
        (GIB * 23.42, "23.4 GiB"),
        (GIB * 139.1, "139 GiB"),
    ],
)
def test_amounts_are_in_gib(size: float, text: str) -> None:
    assert gib_text(size) == text


def test_amounts_to_the_byte() -> None:
    assert bytes_text(1234567) == "1\u202f234\u202f567 bytes"
    assert (gib_text(float("nan")), bytes_text(float("nan"))) == ("—", "unknown")


def test_the_numbers_say_where_the_memory_goes(panel: MemoryPanel, feed: Feed) -> None:
    feed()
    told = {name: amount(panel, name) for name in ("context", "weights", "activations", "cached", "other", "total")}
    assert told == {
        "context": "0.25 GiB", "weights": "0.25 GiB", "activations": "0.50 GiB", "cached": "0.25 GiB",
        "other": "2.00 GiB", "total": "8.00 GiB",
    }  # fmt: skip
    told = {name: amount(panel, name) for name in ("reserved", "allocated", "predicted", "limit", "peak", "free")}
    assert told == {
        "reserved": "1.00 GiB", "allocated": "0.75 GiB", "predicted": "1.50 GiB", "limit": "4.00 GiB",
        "peak": "1.25 GiB", "free": "4.75 GiB",
    }  # fmt: skip
    value = panel.figures.value("weights")
    assert "268\u202f435\u202f456 bytes" in value.toolTip()
    assert "268\u202f435\u202f456 bytes" in value.accessibleName()


def test_the_timeline_draws_every_layer_and_line(panel: MemoryPanel, feed: Feed) -> None:
    feed()
    timeline = drawn(panel)
    assert not panel.commands.scope.isChecked()
    tops = {name: heights(curve)[-1] / GIB for name, curve in timeline._layers.items()}
    assert tops == {"other": 2.0, "context": 2.25, "weights": 2.5, "activations": 3.0, "cached": 3.25}
    assert heights(timeline._total)[-1] == 8 * GIB
    # Over what others hold and the context: the predicted 1.5, and the limit of 4 as it was when the job was planned.
    assert heights(timeline._predicted)[-1] == 3.75 * GIB
    assert heights(timeline._limit)[-1] == 6.25 * GIB
    assert np.allclose(heights(timeline._peaks), 3.5 * GIB)
    panel.commands.scope.trigger()
    tops = {name: heights(curve)[-1] / GIB for name, curve in timeline._layers.items() if name != "other"}
    assert tops == {"context": 0.25, "weights": 0.5, "activations": 1.0, "cached": 1.25}
    assert len(heights(timeline._layers["other"])) == 0
    assert heights(timeline._predicted)[-1] == 1.75 * GIB
    assert np.allclose(heights(timeline._peaks), 1.5 * GIB)


def test_the_picture_shows_the_layers_in_their_colours(panel: MemoryPanel, feed: Feed) -> None:
    feed(seconds=70)
    image = drawn(panel).grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    column = [image.pixelColor(image.width() // 2, row).name() for row in range(image.height())]
    from app.memory.colours import inks_of

    inks = inks_of(panel._theme)
    for name in ("activations", "weights", "context"):
        assert getattr(inks, name) in column, name
    order = [column.index(getattr(inks, name)) for name in ("cached", "activations", "weights", "context")]
    assert order == sorted(order)


def test_on_a_gpu_the_words_and_the_title_are_the_gpus(panel: MemoryPanel, feed: Feed) -> None:
    feed(gpu=True)
    assert panel.header.toggle_button.text() == "GPU memory"
    assert panel.figures._names["context"].text() == "Context"
    assert (amount(panel, "context"), amount(panel, "total")) == ("0.25 GiB", "8.00 GiB")
    assert panel.header.sentence.text() == ""
    assert not panel.header.explain_button.isVisible()
    assert not panel.commands.explain.isEnabled()
    assert "can run on a GPU" in panel.commands.explain.toolTip()


def test_another_place_can_be_looked_at(panel: MemoryPanel, feed: Feed) -> None:
    feed(gpu=True)
    places = panel.header.places
    assert places.isVisible()
    assert [places.itemText(index) for index in range(places.count())] == ["GeForce RTX 3070", "Host memory"]
    places.setCurrentIndex(1)
    places.activated.emit(1)
    assert panel.shown_key == "host"
    assert (amount(panel, "total"), panel.header.toggle_button.text()) == ("64.0 GiB", "Memory")


def test_without_a_gpu_it_says_why_and_what_to_do(panel: MemoryPanel, feed: Feed, qtbot: QtBot) -> None:
    feed()
    sentence, advice = no_gpu_words(NO_DRIVER)
    assert panel.header.sentence.text() == sentence
    assert panel.figures._names["context"].text() == "Libraries"
    panel.commands.explain.trigger()
    box = panel.window().findChild(QMessageBox)
    assert box is not None
    assert (box.text(), box.informativeText()) == (sentence, advice)
    box.close()
    panel.show_device("The device is busy.")
    panel._refresh()
    assert panel.header.sentence.text() == "The device is busy."


@pytest.mark.parametrize("kind", ["mac", "no bindings", "no driver", "no device", "cpu build", "too old"])
def test_every_reason_has_a_sentence_and_an_advice(kind: NoGpuKind, qapp: object) -> None:
    sentence, advice = no_gpu_words(NoGpu(kind, "GTX 1080, 6.1 < 7.5", False))
    assert sentence.endswith(".")
    assert len(advice) > 20
    assert sentence != advice
    if kind in ("cpu build", "too old"):
        assert "GTX 1080" in sentence


def test_it_folds_and_goes_on_reading(panel: MemoryPanel, feed: Feed, qtbot: QtBot) -> None:
    high = panel.sizeHint().height()
    assert high <= 160
    with qtbot.waitSignal(panel.expanded_changed) as folded:
        panel.toggle_action.trigger()
    assert folded.args == [False]
    assert panel.sizeHint().height() < 40
    assert not panel.figures.isVisible()
    assert not panel.header.tools.isVisible()
    feed()
    assert panel.header.summary.isVisible()
    assert panel.header.summary.text() == "Triptych 1.25 GiB · others 2.00 GiB of 8.00 GiB"
    assert "bytes" in panel.header.summary.toolTip()
    panel.set_expanded(True)
    assert amount(panel, "weights") == "0.25 GiB"
    assert not panel.header.summary.isVisible()


def test_it_is_held_still_and_goes_on(panel: MemoryPanel, feed: Feed) -> None:
    feed()
    panel.commands.pause.trigger()
    count, ages = len(panel.history), heights(drawn(panel)._total)
    feed(5)
    assert len(panel.history) == count
    assert np.array_equal(heights(drawn(panel)._total), ages)
    assert panel.header.moment.text() == "Paused"
    assert panel.commands.pause.iconText() == "Resume"
    panel.commands.pause.trigger()
    assert len(panel.history) > count
    assert panel.header.moment.text() == ""


def test_it_forgets(panel: MemoryPanel, feed: Feed) -> None:
    assert not panel.commands.clear.isEnabled()
    assert "no readings yet" in panel.commands.clear.toolTip()
    assert panel.placeholder.isVisible()
    assert "first readings" in panel.placeholder.text()
    feed()
    assert not panel.placeholder.isVisible()
    assert panel.commands.clear.isEnabled()
    panel.commands.pause.trigger()
    panel.commands.clear.trigger()
    assert (len(panel.history), panel.history.peaks) == (0, [])
    assert not panel.commands.pause.isChecked()
    assert panel.placeholder.isVisible()
    feed(1)
    assert len(panel.history)


def test_a_moment_is_read_with_the_pointer(panel: MemoryPanel, feed: Feed, qtbot: QtBot) -> None:
    feed()
    for _ in range(5):
        panel.show_worker(WorkerMemory(time.monotonic() + 0.1, 7, "cpu", 3 * GIB, 3 * GIB, GIB // 4, GIB // 4))
    panel._refresh()
    assert amount(panel, "reserved") == "3.00 GiB"
    plot = drawn(panel).plot
    spot = plot.mapFromScene(plot.getViewBox().mapViewToScene(QPointF(-5.0, GIB)))
    qtbot.mouseMove(plot.viewport(), spot)
    qtbot.waitUntil(lambda: panel._cursor_s is not None)
    assert amount(panel, "reserved") == "1.00 GiB"
    assert panel.header.moment.text() in ("4.9 s ago", "5.0 s ago", "5.1 s ago")
    assert panel.figures._names["peak"].text().startswith("Peak, tile ")
    QApplication.sendEvent(plot.viewport(), QEvent(QEvent.Type.Leave))
    assert amount(panel, "reserved") == "3.00 GiB"
    assert panel.header.moment.text() == ""


def test_moments_are_read_with_the_keys(panel: MemoryPanel, feed: Feed, qtbot: QtBot) -> None:
    feed()
    timeline = drawn(panel)
    timeline.setFocus()
    times = [each.time_s for each in panel.history]
    for key, index in ((Qt.Key.Key_Left, -2), (Qt.Key.Key_Left, -3), (Qt.Key.Key_Right, -2)):
        qtbot.keyClick(timeline, key)
        assert panel._cursor_s == pytest.approx(times[index])
    assert timeline._cursor.isVisible()
    qtbot.keyClick(timeline, Qt.Key.Key_Escape)
    assert panel._cursor_s is None
    assert not timeline._cursor.isVisible()


def turn_wheel(timeline: Timeline, delta: int) -> None:
    viewport = timeline.plot.viewport()
    middle = QPointF(viewport.rect().center())
    event = QWheelEvent(
        middle,
        QPointF(viewport.mapToGlobal(middle.toPoint())),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(viewport, event)


def test_keys_and_wheel_change_how_much_of_the_past_is_seen(panel: MemoryPanel, feed: Feed, qtbot: QtBot) -> None:
    feed()
    timeline = drawn(panel)

    def span() -> float:
        return float(-timeline.plot.getViewBox().viewRange()[0][0])

    assert span() == 60
    qtbot.keyClick(timeline, Qt.Key.Key_Minus)
    assert span() == 120
    for _ in range(9):
        turn_wheel(timeline, -120)
    assert span() == 600
    turn_wheel(timeline, 120)
    assert span() == 300
    for _ in range(9):
        qtbot.keyClick(timeline, Qt.Key.Key_Plus)
    assert span() == 10


def test_a_small_job_is_magnified_until_the_person_chooses(panel: MemoryPanel) -> None:
    small = use_of(START_S, gpu=False, ours_gib=0.3)
    panel.show_use(small)
    panel.show_plan(GIB // 4, 4 * GIB, "cpu")
    panel.show_use(use_of(START_S + 1, gpu=False, ours_gib=0.3))
    panel._refresh()
    assert panel.commands.scope.isChecked()
    panel.show_plan(3 * GIB, 4 * GIB, "cpu")
    panel.show_use(use_of(START_S + 2, gpu=False, ours_gib=0.3))
    panel._refresh()
    assert not panel.commands.scope.isChecked()
    panel.commands.scope.trigger()
    panel.show_use(use_of(START_S + 3, gpu=False, ours_gib=0.3))
    panel._refresh()
    assert panel.commands.scope.isChecked()


def save(panel: MemoryPanel, monkeypatch: pytest.MonkeyPatch, path: Path, action: str) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    getattr(panel.commands, action).trigger()


def test_readings_are_saved_as_csv(
    panel: MemoryPanel, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed()
    save(panel, monkeypatch, tmp_path / "readings", "save_csv")
    with (tmp_path / "readings.csv").open() as file:
        rows = list(csv.DictReader(file))
    tiles = [row for row in rows if row["tile"]]
    assert len(rows) == len(panel.history) + 10
    assert [row["tile"] for row in tiles] == [str(number) for number in range(1, 11)]
    assert {row["tile_peak_bytes"] for row in tiles} == {str(round(1.25 * GIB))}
    last = next(row for row in reversed(rows) if not row["tile"])
    assert (last["weights_bytes"], last["limit_bytes"]) == (str(GIB // 4), str(4 * GIB))
    assert [row["time_utc"] for row in rows] == sorted(row["time_utc"] for row in rows)
    assert rows[0]["predicted_bytes"] == ""
    assert panel.header.moment.text() == "Saved as readings.csv."


def test_the_picture_is_saved_as_png(
    panel: MemoryPanel, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed()
    save(panel, monkeypatch, tmp_path / "memory.png", "save_png")
    image = QImage(str(tmp_path / "memory.png"))
    assert (image.width(), image.height()) == (2 * panel.body.width(), 2 * panel.body.height())
    assert len({image.pixel(x, y) for x in range(0, image.width(), 9) for y in range(0, image.height(), 5)}) > 8


def test_a_report_is_copied_and_saved(
    panel: MemoryPanel, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed()
    panel.commands.copy.trigger()
    report = json.loads(QGuiApplication.clipboard().text())
    assert report["why_no_gpu"] == {"kind": "no driver", "detail": "Driver Not Loaded"}
    assert report["places"]["host"]["now"]["weights_bytes"] == GIB // 4
    assert report["highest"]["total_bytes"] == 8 * GIB
    assert [each["tile"] for each in report["last_tiles"]] == list(range(1, 11))
    assert report["packages"]["torch"]
    assert str(Path.home()) not in QGuiApplication.clipboard().text()
    assert panel.header.moment.text() == "The report is in the clipboard."
    save(panel, monkeypatch, tmp_path / "report.json", "save_report")
    assert json.loads((tmp_path / "report.json").read_text())["readings"] == report["readings"]


@pytest.mark.parametrize("action", ["save_csv", "save_png", "save_report"])
def test_a_file_that_cannot_be_written_is_told_of(
    panel: MemoryPanel, feed: Feed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    feed()
    save(panel, monkeypatch, tmp_path / "missing" / "file.any", action)
    assert panel.header.moment.text().startswith("file.any cannot be written: ")


def test_nothing_is_saved_when_the_person_thinks_better_of_it(
    panel: MemoryPanel, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    panel.commands.save_csv.trigger()
    assert panel.header.moment.text() == ""


def test_every_action_has_a_key_of_its_own_and_a_tooltip_that_names_it(panel: MemoryPanel, feed: Feed) -> None:
    feed()
    keys = [action.shortcut().toString() for action in panel.commands.all]
    assert all(keys)
    assert len(set(keys)) == len(keys)
    for action in panel.commands.all:
        assert f"({action.shortcut().toString()})" in action.toolTip()
        assert "\n" in action.toolTip()


def test_a_key_acts_while_the_panel_has_the_focus(panel: MemoryPanel, feed: Feed, qtbot: QtBot) -> None:
    feed()
    panel.activateWindow()
    drawn(panel).setFocus()
    qtbot.waitUntil(drawn(panel).hasFocus)
    qtbot.keyClick(drawn(panel), Qt.Key.Key_P)
    assert panel.commands.pause.isChecked()


def test_everything_that_takes_the_focus_has_a_name(panel: MemoryPanel, feed: Feed) -> None:
    feed()
    for widget in (drawn(panel), panel.header.places, panel.header.save_button, panel.header.toggle_button):
        assert widget.accessibleName() or widget.text()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scheme", [DARK, LIGHT])
def test_the_colours_follow_the_theme(panel: MemoryPanel, feed: Feed, theme: Theme, scheme: Any) -> None:
    feed()
    theme.colours = scheme
    theme.changed.emit()
    image = drawn(panel).grab().toImage()
    assert image.pixelColor(image.width() - 3, 3).name() == scheme.stage


def test_it_looks_four_times_a_second_or_more_often(panel: MemoryPanel) -> None:
    # How long a paint takes is `triptych bench app`'s to say; how much there is to paint, test_memory_curves.py's.
    assert panel._clock.isActive()
    assert panel._clock.interval() <= 250


CHECK = """
import sys
import app.memory.panel
assert "pyqtgraph" not in sys.modules
from PySide6.QtWidgets import QApplication
from app.theme import Theme
application = QApplication([])
hook = sys.excepthook
panel = app.memory.panel.MemoryPanel(Theme(application))
panel.show()
application.processEvents()
assert "pyqtgraph" not in sys.modules, "a folded panel needs no timeline"
panel.set_expanded(True)
assert "pyqtgraph" not in sys.modules, "not before it is painted"
while panel.timeline is None:
    application.processEvents()
assert "pyqtgraph" in sys.modules and "torch" not in sys.modules
assert sys.excepthook is hook
"""


def test_pyqtgraph_is_loaded_only_when_the_panel_is_seen() -> None:
    told = subprocess.run([sys.executable, "-c", CHECK], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr


ENDING = """
from PySide6.QtWidgets import QApplication
from app.memory.panel import MemoryPanel
from app.theme import Theme
application = QApplication([])
panel = MemoryPanel(Theme(application))
panel.set_expanded(True)
panel._loader.start()
"""


def test_a_process_may_end_while_its_timeline_is_loaded() -> None:
    for _ in range(2):
        told = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, timeout=60)
        assert told.returncode == 0, told.stderr


def test_nothing_is_loaded_after_the_end(qtbot: QtBot, theme: Theme) -> None:
    panel = MemoryPanel(theme)
    qtbot.addWidget(panel)
    panel.set_expanded(True)
    panel.wait()
    panel._loader.start()
    assert panel._loader._thread is None


def test_a_panel_that_goes_while_its_timeline_is_loaded_leaves_nothing(qtbot: QtBot, theme: Theme) -> None:
    panel = MemoryPanel(theme)
    panel.set_expanded(True)
    panel._loader.start()
    panel.close()
    panel.deleteLater()
    del panel
    qtbot.wait(50)
    qtbot.waitUntil(lambda: not [each for each in threading.enumerate() if each.name == "triptych timeline"])


def test_where_pyqtgraph_is_missing_the_numbers_stay(
    qtbot: QtBot, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise ImportError("No module named 'pyqtgraph'")

    monkeypatch.setattr("app.memory.loading.importlib.import_module", fail)
    panel = MemoryPanel(theme)
    qtbot.addWidget(panel)
    panel.set_expanded(True)
    panel.show()
    panel.show_use(use_of(START_S, gpu=False, ours_gib=1))
    qtbot.waitUntil(lambda: "No module named 'pyqtgraph'" in panel.placeholder.text())
    panel.show_use(use_of(START_S + 1, gpu=False, ours_gib=1))
    panel._refresh()
    assert "No module named 'pyqtgraph'" in panel.placeholder.text()
    assert amount(panel, "other") == "2.00 GiB"


def test_a_limit_far_above_the_picture_is_told_in_words(panel: MemoryPanel, feed: Feed) -> None:
    feed()
    beyond = drawn(panel)._beyond
    assert not beyond.isVisible()
    panel.show_plan(GIB // 2, 40 * GIB, "cpu")
    panel.commands.scope.trigger()
    panel.show_worker(WorkerMemory(time.monotonic() + 1, 7, "cpu", GIB, GIB // 2, GIB // 4, GIB // 4))
    panel._refresh()
    assert beyond.isVisible()
    assert beyond.toPlainText() == "limit 40.0 GiB ↑"
    panel.end_job()
    panel.show_worker(WorkerMemory(time.monotonic() + 2, 7, "cpu", GIB, GIB // 2, GIB // 4, GIB // 4))
    panel._refresh()
    assert not beyond.isVisible()
