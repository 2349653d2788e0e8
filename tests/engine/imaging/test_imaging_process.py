"""The I/O process itself: spawned, asked, attacked, stopped."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image

from engine.canvas import RasterRef, create_raster, open_raster
from engine.errors import InputError, OutputError, from_failure
from engine.imaging import progress
from engine.imaging.main import answer, serve
from engine.imaging.publish import leftovers
from engine.messages import (
    PROTOCOL_VERSION,
    Decode,
    DoneDecode,
    DoneEncode,
    DoneInspect,
    Encode,
    EncodeOptions,
    Failed,
    ImageInfo,
    Inspect,
    IoProgress,
    Ready,
    SheetPane,
    Stop,
    WriteSheet,
)

# How long any answer may take on a busy machine before the test calls it a hang.
_PATIENCE_S = 60


@dataclass
class _Child:
    process: SpawnProcess
    connection: Connection

    def ask(self, request: Any) -> Any:
        self.connection.send(request)
        while True:
            assert self.connection.poll(_PATIENCE_S), f"no answer to {request}"
            event = self.connection.recv()
            if not isinstance(event, IoProgress):
                return event
            assert event.epoch == request.epoch
            assert 0 <= event.fraction <= 1


@pytest.fixture
def child() -> Iterator[_Child]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    assert ours.poll(_PATIENCE_S)
    ready = ours.recv()
    assert isinstance(ready, Ready)
    assert (ready.protocol_version, ready.process_id) == (PROTOCOL_VERSION, process.pid)
    yield _Child(process, ours)
    ours.close()
    process.join(_PATIENCE_S)
    assert process.exitcode == 0


def test_decode_and_encode_across_the_pipe(child, tmp_path, picture):
    pixels = picture(channels=4, bit_depth=16)
    source = str(tmp_path / "in.png")
    from engine.imaging.encode import encode

    first = RasterRef(str(tmp_path / "first"), 24, 31, 4, "float32")
    create_raster(first)[:] = pixels / np.float32(65535)
    encode(first, ImageInfo(source, "png", 24, 31, 4, 16), source, EncodeOptions("png", 16))

    seen = child.ask(Inspect(7, source))
    assert isinstance(seen, DoneInspect)
    assert (seen.epoch, seen.info.bit_depth, seen.info.channels) == (7, 16, 4)
    decoded = child.ask(Decode(8, source, str(tmp_path / "raster")))
    assert isinstance(decoded, DoneDecode)
    assert (decoded.epoch, decoded.info) == (8, seen.info)
    np.testing.assert_array_equal(open_raster(decoded.raster), pixels)
    options = EncodeOptions("tiff", 16)
    written = child.ask(Encode(9, first, decoded.info, str(tmp_path / "out.tif"), options))
    assert isinstance(written, DoneEncode)
    assert (written.epoch, written.height, written.width) == (9, 24, 31)
    again = child.ask(Encode(10, first, decoded.info, str(tmp_path / "out.tif"), options))
    assert Path(again.path).name == "out_1.tif"


def test_failures_are_sentences_with_their_epoch(child, tmp_path):
    failed = child.ask(Decode(3, str(tmp_path / "missing.png"), str(tmp_path / "raster")))
    assert isinstance(failed, Failed)
    assert failed.epoch == 3
    error = from_failure(failed.failure)
    assert isinstance(error, InputError)
    assert error.message == "missing.png does not exist."
    assert "Traceback" in failed.failure.details
    reference = RasterRef(str(tmp_path / "canvas"), 4, 4, 3, "float32")
    create_raster(reference)
    info = ImageInfo("x", "png", 4, 4, 3, 8)
    failed = child.ask(Encode(4, reference, info, str(tmp_path / "nowhere" / "a.png"), EncodeOptions("png", 8)))
    assert isinstance(from_failure(failed.failure), OutputError)


def test_an_unknown_request_does_not_end_the_process(child, tmp_path):
    failed = child.ask(Ready(5, 0, 0))
    assert isinstance(failed, Failed)
    assert failed.epoch == 5
    assert isinstance(child.ask(Inspect(6, str(tmp_path))), Failed)


def test_stop_and_the_end_of_the_pipe_end_it(child):
    child.connection.send(Stop())
    child.process.join(_PATIENCE_S)
    assert child.process.exitcode == 0


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ctrl_c_is_the_parents_business(child, tmp_path):
    os.kill(child.process.pid or 0, signal.SIGINT)
    assert isinstance(child.ask(Inspect(1, str(tmp_path / "missing.png"))), Failed)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the bound on memory is Linux'")
def test_memory_is_bounded(child):
    limits = Path(f"/proc/{child.process.pid}/limits").read_text().splitlines()
    (line,) = [line for line in limits if line.startswith("Max address space")]
    assert int(line.split()[3]) == 8 * 2**30


def _noise(path: Path, side: int, channels: int = 3) -> RasterRef:
    raster = RasterRef(str(path), side, side, channels, "float32")
    create_raster(raster)[:] = np.random.default_rng(0).random((side, side, channels), dtype=np.float32)
    return raster


@pytest.mark.parametrize("options", [{}, {"resize_height": 1000, "resize_width": 1000}])
def test_a_process_killed_while_it_writes_leaves_what_can_be_found(options, tmp_path):
    """The client removes it, and knows it by its name: nothing stays in the output folder nor beside the canvas."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    ready = ours.recv()
    work, results = tmp_path / "work", tmp_path / "results"
    work.mkdir()
    results.mkdir()
    canvas = _noise(work / "canvas", 1500)
    info = ImageInfo("x", "png", 1500, 1500, 3, 16)
    ours.send(Encode(1, canvas, info, str(results / "out.png"), EncodeOptions("png", 16, **options)))
    assert ours.poll(_PATIENCE_S)
    assert isinstance(ours.recv(), IoProgress)
    process.kill()
    process.join()
    left = leftovers(results, ready.process_id)
    # While it still resizes, nothing has been begun there.
    assert [path.suffix for path in left] == ([] if options else [".part"])
    assert sorted(results.iterdir()) == left
    beside = leftovers(work, ready.process_id)
    assert [path.suffix for path in beside] == ([".resize"] if options else [])
    assert sorted(work.iterdir()) == sorted([*beside, work / "canvas"])
    assert leftovers(results, ready.process_id + 1) == []


def test_progress_comes_while_it_works(child, tmp_path):
    """Decoding and writing both say that they get on, in order; how often depends on how long they take."""
    for request in _long_requests(tmp_path):
        child.connection.send(request)
        fractions = []
        while True:
            assert child.connection.poll(_PATIENCE_S)
            event = child.connection.recv()
            if not isinstance(event, IoProgress):
                break
            assert event.epoch == request.epoch
            fractions.append(event.fraction)
        assert isinstance(event, DoneEncode | DoneDecode)
        assert fractions
        assert fractions == sorted(fractions)
        assert 0 <= fractions[0] <= fractions[-1] <= 1


def test_every_strip_is_reported(tmp_path, monkeypatch):
    """Decoding, bleeding, resizing and writing report after each strip, up to the end."""
    monkeypatch.setattr(progress, "_LEAST_INTERVAL_S", 0.0)
    for request in _long_requests(tmp_path):
        fractions = []
        event = answer(request, lambda event, fractions=fractions: fractions.append(event.fraction))
        assert isinstance(event, DoneEncode | DoneDecode)
        assert len(fractions) >= 5
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1


def _long_requests(tmp_path):
    canvas = _noise(tmp_path / "canvas", 1500, 4)
    info = ImageInfo("x", "tiff", 1500, 1500, 4, 16)
    path = str(tmp_path / "out.tif")
    options = EncodeOptions("tiff", 16, resize_height=1400, resize_width=1400)
    return Encode(1, canvas, info, path, options), Decode(2, path, str(tmp_path / "raster"))


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}


def test_naming_the_entry_point_loads_no_codec():
    code = (
        "import sys, engine.imaging.main, engine.imaging.formats\n"
        "print([name for name in ('pyvips', 'cv2', 'PIL', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment())
    assert done.stdout.strip() == "[]"


def test_the_process_says_nothing_on_the_terminal(tmp_path, picture):
    """libvips and libtiff complain of damaged files on stderr; the terminal belongs to the parent's progress bar."""
    path = tmp_path / "cut.tif"
    Image.fromarray(picture(60, 60)).save(path)
    path.write_bytes(path.read_bytes()[:6000])
    script = tmp_path / "ask.py"
    script.write_text(
        "import multiprocessing as mp\n"
        "from engine.imaging.main import serve\n"
        "from engine.messages import Decode, Stop\n"
        "if __name__ == '__main__':\n"
        "    context = mp.get_context('spawn')\n"
        "    ours, theirs = context.Pipe()\n"
        "    process = context.Process(target=serve, args=(theirs,), daemon=True)\n"
        "    process.start()\n"
        "    ours.recv()\n"
        f"    ours.send(Decode(1, {str(path)!r}, {str(tmp_path / 'raster')!r}))\n"
        "    event = ours.recv()\n"
        "    while not hasattr(event, 'failure'):\n"
        "        event = ours.recv()\n"
        "    print(event.failure.message)\n"
        "    ours.send(Stop())\n"
        "    process.join()\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, env=_environment())
    assert "cut.tif is damaged or truncated" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (MemoryError(), "InputError", "photo.png cannot be read: it needs more memory"),
        (OSError(5, "Input/output error"), "InputError", "photo.png cannot be read (Input/output error)"),
        (pyvips.Error("unable to call x", "out of range"), "InputError", "the image library refused it"),
        (RuntimeError("surprise"), "WorkerError", "RuntimeError: surprise"),
    ],
)
def test_any_exception_becomes_a_sentence(error, kind, words, monkeypatch):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("engine.imaging.decode.decode", fail)
    event = answer(Decode(11, "/somewhere/photo.png", "/nowhere/raster"))
    assert isinstance(event, Failed)
    assert event.epoch == 11
    assert event.failure.kind == kind
    assert words in event.failure.message
    assert "Traceback" in event.failure.details


def test_a_sheet_is_written_across_the_pipe(child, tmp_path, picture):
    reference = RasterRef(str(tmp_path / "raster"), 24, 31, 3, "uint8")
    create_raster(reference)[:] = picture()
    pane = SheetPane(reference, "Input", ("bicubic",))
    written = child.ask(WriteSheet(12, (pane, pane), 48, 62, str(tmp_path / "sheet.png"), "a heading"))
    assert isinstance(written, DoneEncode)
    assert written.epoch == 12
    with Image.open(written.path) as sheet:
        assert sheet.size == (written.width, written.height)
