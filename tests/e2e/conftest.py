"""The command line in this process, on the real worker and I/O processes of the session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.cli import bench, compare, doctor, main, resume, upscale
from engine.client import Engine


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit status, the JSON lines of stdout, and both streams as text."""

    status: int
    jobs: list[dict[str, Any]]
    stdout: str
    stderr: str


Triptych = Callable[..., Outcome]


@pytest.fixture
def triptych(engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Triptych:
    """Runs `triptych WORD...` and returns its outcome; the processes outlive the command, for the next test."""

    @contextmanager
    def shared() -> Iterator[Engine]:
        yield engine

    for module in (bench, compare, doctor, resume, upscale):
        if hasattr(module, "Engine"):
            monkeypatch.setattr(module, "Engine", shared)
    monkeypatch.setattr("engine.client.Engine", shared)

    def run(*words: object) -> Outcome:
        capsys.readouterr()
        try:
            status = main([str(word) for word in words])
        except SystemExit as leaving:
            # argparse leaves by itself where it cannot read the words.
            status = int(leaving.code or 0)
        out, err = capsys.readouterr()
        jobs = [json.loads(line) for line in out.splitlines()] if "--json" in words else []
        return Outcome(status, jobs, out, err)

    return run


@pytest.fixture
def own_cache(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets the session's engine keep its jobs in a cache of this test's own."""
    folder = tmp_path / "own cache"
    monkeypatch.setattr(engine, "_cache_folder", folder)
    return folder


@dataclass
class Interrupter:
    """A Ctrl+C after so many tiles (None: never); `heard` are the counts of tiles done, as they rose in each job."""

    after: int | None = None
    heard: list[int] = field(default_factory=list)

    def advance(self, done: int) -> None:
        # Seams are told of as well.
        if not self.heard or done != self.heard[-1]:
            self.heard.append(done)
        if self.after is not None and len(self.heard) >= self.after:
            self.after = None
            raise KeyboardInterrupt

    def press_after(self, tiles: int) -> None:
        """Presses Ctrl+C when so many more tiles are done."""
        self.heard.clear()
        self.after = tiles


@pytest.fixture
def interrupter(monkeypatch: pytest.MonkeyPatch) -> Interrupter:
    """Stands in for the progress bar: hears of every tile, and can press Ctrl+C."""
    from engine.cli.terminal import ProgressBar

    interrupter = Interrupter()
    monkeypatch.setattr(ProgressBar, "advance", lambda _, done, total: interrupter.advance(done))
    return interrupter
