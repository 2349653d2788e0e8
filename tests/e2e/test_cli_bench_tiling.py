"""`triptych bench tiling`: a set is summed up, and what was measured is kept beside the weights it was measured on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

import resources

WORDS = ["--model", "esc-fast", "--scale", 2, "--tile", 64]


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    files = []
    for number in range(2):
        noise = np.random.default_rng(number).integers(60, 200, (70, 90, 3), dtype=np.uint8)
        files.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(files[-1]), cv2.GaussianBlur(noise, (0, 0), 1 + number))
    return files


def test_several_images_are_summed_up_by_their_means(triptych: Callable, photographs: list[Path]) -> None:
    outcome = triptych("bench", "tiling", *photographs, *WORDS, "--json")
    first, second, both = outcome.jobs
    assert [row["image"] for row in outcome.jobs] == ["0.png", "1.png", "all 2"]
    assert both["psnr"] == pytest.approx((first["psnr"] + second["psnr"]) / 2, abs=0.02)
    assert both["worst_psnr"] == min(first["psnr"], second["psnr"])
    assert outcome.status == bool(both["missed"])
    assert "worst" in triptych("bench", "tiling", *photographs, *WORDS).stdout.splitlines()[-1]


def test_what_was_measured_is_kept_beside_the_weights(
    triptych: Callable, photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    for suffix in ("safetensors", "md"):
        shutil.copy(resources.path("weights") / f"esc-fast_x2.{suffix}", weights)
    bundled = resources.path
    monkeypatch.setattr(resources, "path", lambda name: weights if name == "weights" else bundled(name))
    *_, both = triptych("bench", "tiling", *photographs, *WORDS, "--record", "--json").jobs
    ((sha256, entry),) = json.loads((weights / "tiling.json").read_text()).items()
    assert sha256 == hashlib.sha256((weights / "esc-fast_x2.safetensors").read_bytes()).hexdigest()
    assert (entry["file"], entry["photographs"]) == ("esc-fast_x2.safetensors", ["0.png", "1.png"])
    assert entry["tiles"] == {"64": {name: both[name] for name in ("psnr", "worst_psnr", "within", "seam")}}
    card = (weights / "esc-fast_x2.md").read_text(encoding="utf-8")
    assert "means over 2 photographs (0, 1;" in card
    assert f"| 64 | {both['psnr']:.2f} dB | {both['worst_psnr']:.2f} dB |" in card


@pytest.mark.parametrize("words", [[], ["photo.png", "--weights", "net.safetensors"]])
def test_only_photographs_through_bundled_weights_are_kept(triptych: Callable, words: list[str]) -> None:
    outcome = triptych("bench", "tiling", *words, "--record")
    assert outcome.status == 2
    assert "--record" in outcome.stderr
