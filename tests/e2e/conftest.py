"""The command line in this process, on the real worker and I/O processes of the session."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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
