"""The comparison sheets beside the cards: made by the command that the cards name, small, and there for each card."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cv2
import pytest

import resources
from engine import catalog


@pytest.fixture
def sheets() -> ModuleType:
    specification = importlib.util.spec_from_file_location("sheets", resources.path("weights") / "sheets.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_sheet_shows_the_input_the_result_and_the_original(
    triptych: Callable, sheets: ModuleType, tmp_path: Path
) -> None:
    for scale in (2, 4):
        output = tmp_path / f"sheet_x{scale}.png"
        assert sheets.make_sheet(catalog.find_model("esc-fast", scale), output) == 0
        image = cv2.imread(str(output))
        assert image.shape[1] > 3 * sheets.WIDTH
        assert output.stat().st_size < 300_000


def test_unknown_weights_are_refused(
    sheets: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sheets.py", "esc-nowhere"])
    assert sheets.main() == 2
    assert "esc-nowhere" in capsys.readouterr().err


def test_each_card_has_its_sheet_and_each_sheet_is_small() -> None:
    folder = resources.path("weights")
    cards = list(folder.glob("*_x?.md"))
    assert cards
    for card in cards:
        sheet = card.with_name(f"{card.stem}_sample.png")
        assert f"({sheet.name})" in card.read_text(encoding="utf-8"), card.name
        assert sheet.stat().st_size < 300_000, sheet.name
