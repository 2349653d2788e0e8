"""The measuring of the window: its arithmetic, and that its children measure the real thing."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

import app.bench.__main__ as bench
import resources
from app.bench.children import percentile, run_child
from app.bench.ticks import Ticks


def test_figures_tell_whether_they_meet_their_goal() -> None:
    assert bench.Figure("m", "f", 15.9, "ms", 16.0).is_met is True
    assert bench.Figure("m", "f", 16.0, "ms", 16.0).is_met is False
    assert bench.Figure("m", "f", 1.0, "s").is_met is None
    assert "missed" in bench.Figure("m", "f", 17.0, "ms", 16.0).text
    assert "goal < 16" in bench.Figure("m", "f", 15.0, "ms", 16.0).text


def test_percentiles_of_known_values() -> None:
    values = [float(value) for value in range(100)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([], 0.5)) == (50.0, 99.0, 0.0)
    assert percentile([3.0], 0.99) == 3.0


def test_ticks_tell_of_a_thread_that_was_held_up(qtbot: QtBot) -> None:
    ticks = Ticks()
    ticks.start()
    qtbot.waitUntil(lambda: len(ticks.late_ms) > 2)
    began_s = time.monotonic()
    while time.monotonic() - began_s < 0.1:
        pass
    before = len(ticks.late_ms)
    qtbot.waitUntil(lambda: len(ticks.late_ms) > before)
    found = ticks.stop()
    assert found["max_ms"] >= 80
    assert found["ticks"] == len(ticks.late_ms)
    assert found["p50_ms"] <= found["p99_ms"] <= found["max_ms"]


@pytest.mark.parametrize("what", ["bare", "paint"])
def test_a_child_tells_when_it_was_painted(what: str, tmp_path: Path) -> None:
    image = str(resources.path("samples") / "sample.png")
    found = run_child("app.bench.window_child", [what, image], tmp_path)
    assert 0 < found["painted_s"] - found["began_s"] < 60
    assert not found.get("has_torch")


def test_a_child_that_fails_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="KeyError"):
        run_child("app.bench.window_child", ["nothing", "x"], tmp_path)


def test_a_missed_goal_and_a_failure_make_the_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(folder: Path) -> list[bench.Figure]:
        raise RuntimeError("no window")

    quick = [bench.Figure("m", "f", 1.0, "s", 2.0)]
    for name in ("_first_paint", "_working", "_panning", "_first_tile"):
        monkeypatch.setattr(bench, name, lambda folder: quick)
    assert bench.main(["--json"]) == 0
    assert capsys.readouterr().out.count('"met": true') == 4
    monkeypatch.setattr(bench, "_working", lambda folder: [bench.Figure("m", "f", 3.0, "s", 2.0)])
    assert bench.main([]) == 1
    monkeypatch.setattr(bench, "_working", fails)
    assert bench.main([]) == 1
    assert "no window" in capsys.readouterr().err
