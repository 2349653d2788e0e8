"""The command as a process of its own: interrupted, piped, and without a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def test_results_go_to_stdout_and_no_bar_is_drawn_without_a_terminal(
    start: Callable, picture_png: Path, tmp_path: Path
) -> None:
    process = start("upscale", picture_png, "--scale", 2, "-o", tmp_path / "out.png", cache=tmp_path / "cache")
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 0
    assert "out.png" in stdout
    assert "112×80" in stdout
    assert stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only here may a file name be bytes that are no text")
@pytest.mark.parametrize("as_json", [True, False])
def test_a_name_that_is_no_text_is_upscaled_and_told(
    start: Callable, picture_png: Path, tmp_path: Path, as_json: bool
) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \xd7.png")
    Path(odd).write_bytes(picture_png.read_bytes())
    words = ["--json"] if as_json else []
    process = start("upscale", odd, "--scale", 2, "-o", tmp_path / "out", *words, cache=tmp_path / "cache")
    stdout, stderr = process.communicate(timeout=100)
    assert process.returncode == 0, stderr
    (made,) = (os.fsencode(path.name) for path in (tmp_path / "out").iterdir())
    assert made == b"caf\xe9 \xd7_esc_x2.png"
    if as_json:
        assert os.fsencode(json.loads(stdout)["output"]).endswith(made)


@pytest.mark.parametrize("words", [[], ["photo.png", "other.tif"]])
def test_without_a_subcommand_the_window_is_started_by_name(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cli import main

    started: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command: started.append(command) or 7)
    assert main(words) == 7
    assert started == [[sys.executable, "-m", "app", *words]]
