"""The command line in this process, on the real worker and I/O processes of the session."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.cli import bench, compare, doctor, main, resume, upscale
from engine.client import Engine

ROOT = Path(__file__).parents[2]


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


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(engine: Engine) -> Start:
    """Starts `triptych WORD...` as a process from the checkout, with a cache of its own that knows what is measured already."""

    def begin(*words: object, cache: Path) -> subprocess.Popen[str]:
        cache.mkdir(exist_ok=True)
        for measured in Path(os.environ["TRIPTYCH_CACHE"]).glob("*.json"):
            shutil.copy(measured, cache)
        # A shell starts what runs in the background with Ctrl+C ignored, and that is inherited; a handler is not.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "engine.cli", *map(str, words)],
                cwd=ROOT,
                env=os.environ | {"TRIPTYCH_CACHE": str(cache)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        finally:
            signal.signal(signal.SIGINT, before)

    return begin


@pytest.fixture
def own_cache(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lets the session's engine keep its jobs in a cache of this test's own."""
    folder = tmp_path / "own cache"
    monkeypatch.setattr(engine, "_cache_folder", folder)
    return folder


@dataclass
class Interrupter:
    """Something that happens after so many tiles; `heard` are the counts of tiles done, as they rose in each job."""

    after: int | None = None
    heard: list[int] = field(default_factory=list)
    act: Callable[[], object] = lambda: None

    def advance(self, done: int) -> None:
        """Hears of the tiles done in the job at work; seams are told of as well."""
        if not self.heard or done != self.heard[-1] or done == 1:
            self.heard.append(done)
        if self.after is not None and len(self.heard) >= self.after:
            self.after = None
            self.act()

    def on(self, tiles: int, act: Callable[[], object]) -> None:
        """Does something when so many more tiles are done, over all jobs."""
        self.heard.clear()
        self.after, self.act = tiles, act

    def press_after(self, tiles: int) -> None:
        """Presses Ctrl+C when so many more tiles are done."""

        def press() -> None:
            raise KeyboardInterrupt

        self.on(tiles, press)


@pytest.fixture
def interrupter(monkeypatch: pytest.MonkeyPatch) -> Interrupter:
    """Stands in for the progress bar: hears of every tile, and can press Ctrl+C."""
    from engine.cli.terminal import ProgressBar

    interrupter = Interrupter()
    monkeypatch.setattr(ProgressBar, "advance", lambda _, done, total: interrupter.advance(done))
    return interrupter
