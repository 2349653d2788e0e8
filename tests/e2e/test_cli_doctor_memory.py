"""`triptych doctor` reports what the cost store knows of each model's memory."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from engine import catalog
from engine.cli import doctor
from engine.memory.cost import CostKey, CostStore, Lesson, MemoryCost, Peak


class _NoWorker:
    """Stands for the engine: the worker's part of the report is another test's."""

    def __enter__(self) -> _NoWorker:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def examine(self) -> dict[str, Any]:
        return {"device": "cpu", "devices": [], "why_no_gpu": "", "backends": {}}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CostStore:
    monkeypatch.setenv("TRIPTYCH_CACHE", str(tmp_path))
    monkeypatch.setattr(doctor, "Engine", _NoWorker)
    return CostStore(tmp_path)


def test_known_memory_is_reported_by_the_model_s_name(store: CostStore, capsys: pytest.CaptureFixture[str]) -> None:
    weights = catalog.find_model("esc-fast", 2).path
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    key = CostKey(sha256, 2, "fp32", "auto", "cpu x86_64 torch2.13.0", 2, False, 3, "0.1.0")
    store.keep_cost(key, MemoryCost(((0, 2**20),), 1000.0, 16))
    store.keep_peak(key, Peak(128, 128, 17 * 2**20))
    store.keep_lesson(key, Lesson(480, 480, 2**30))
    assert doctor.run(argparse.Namespace(json=True)) == 0
    (row,) = json.loads(capsys.readouterr().out)["memory"]
    assert (row["model"], row["scale"], row["tile"]) == ("esc-fast", 2, 480)
    assert row["predicted_memory_bytes"] == 2**20 + 1000 * 480 * 480
    assert row["last"] == {"height": 128, "width": 128, "peak_bytes": 17 * 2**20}
    assert row["ran_out"] == [{"height": 480, "width": 480, "free_bytes": 2**30}]
    assert doctor.run(argparse.Namespace(json=False)) == 0
    text = capsys.readouterr().out
    assert "esc-fast ×2" in text
    assert "tile 480: about 0.2 GiB" in text
    assert "last 128 × 128: 17 MiB" in text
    assert "ran out with 480 × 480" in text


def test_weights_that_are_gone_go_by_their_hash(store: CostStore, capsys: pytest.CaptureFixture[str]) -> None:
    key = CostKey("f" * 64, 2, "fp16", "auto", "Some GPU sm9.0 cuda12", 1, True, 4, "0.1.0")
    store.keep_peak(key, Peak(960, 960, 2**30))
    assert doctor.run(argparse.Namespace(json=True)) == 0
    (row,) = json.loads(capsys.readouterr().out)["memory"]
    assert (row["model"], row["tile"], row["predicted_memory_bytes"]) == ("f" * 12, 960, None)


def test_nothing_known_is_an_empty_list(store: CostStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.run(argparse.Namespace(json=True)) == 0
    assert json.loads(capsys.readouterr().out)["memory"] == []
    assert doctor.run(argparse.Namespace(json=False)) == 0
    assert "Memory" not in capsys.readouterr().out
