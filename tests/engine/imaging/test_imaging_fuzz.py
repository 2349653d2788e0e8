"""Damaged images through a real I/O process: it outlives them, answers each in a sentence, and leaves no half file."""

from __future__ import annotations

import multiprocessing
import time
import zlib
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.canvas import RasterRef, create_raster, open_raster
from engine.imaging.main import serve
from engine.messages import Decode, DoneDecode, DoneEncode, Encode, EncodeOptions, Failed, Ready, Stop
from tests.engine.imaging import mutations

KINDS = ("png", "jpeg", "tiff", "webp", "avif")
SEED = 20261120
_OUTPUTS = ("png", "jpeg", "tiff", "webp")
# The client's own patience.
_SILENCE_S = 60
# What is decoded is also encoded, with its damaged metadata, up to this size.
_ENCODED_PIXELS = 100_000


@dataclass
class _Tally:
    read: int = 0
    refused: int = 0
    written: int = 0
    slowest_s: float = 0.0
    deaths: list[str] = field(default_factory=list)


class _Io:
    """An I/O process that is started again where it died."""

    def __init__(self) -> None:
        self.process: SpawnProcess | None = None
        self.connection: Connection | None = None

    def start(self) -> Connection:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        assert ours.poll(_SILENCE_S)
        assert isinstance(ours.recv(), Ready)
        self.connection = ours
        return ours

    def ask(self, request: Any) -> Any:
        """Returns the event that ends the request, or None where the process died of it."""
        connection = self.connection or self.start()
        connection.send(request)
        while True:
            assert connection.poll(_SILENCE_S), f"silent for a minute: {request}"
            try:
                event = connection.recv()
            except EOFError:
                assert self.process is not None
                self.process.join(_SILENCE_S)
                self.connection = None
                return None
            if isinstance(event, DoneDecode | DoneEncode | Failed):
                return event

    def stop(self) -> None:
        if self.connection is not None and self.process is not None:
            self.connection.send(Stop())
            self.process.join(_SILENCE_S)
            assert self.process.exitcode == 0
            self.connection.close()


def _attack(folder: Path, files: dict[str, list[bytes]], each: int, tally: _Tally) -> None:
    io = _Io()
    raster, results = str(folder / "input.raster"), folder / "results"
    results.mkdir()
    try:
        for kind, sound in files.items():
            for number in range(each):
                rng = np.random.default_rng([SEED, zlib.crc32(kind.encode()), number])
                path = folder / f"damaged-{number}.{kind}"
                path.write_bytes(mutations.mutated(sound[number % len(sound)], kind, rng))
                started = time.monotonic()
                event = io.ask(Decode(number, str(path), raster))
                _check_decoded(event, path, tally)
                if isinstance(event, DoneDecode):
                    _check_encoded(io, event, results / f"{number}-{kind}", number, tally)
                tally.slowest_s = max(tally.slowest_s, time.monotonic() - started)
                # Kept where the process died of it.
                if event is not None:
                    path.unlink()
    finally:
        io.stop()
    assert not [path.name for path in results.iterdir() if path.name.startswith(".")], "something half was left"


def _check_decoded(event: Any, path: Path, tally: _Tally) -> None:
    raster = path.with_name("input.raster")
    if isinstance(event, DoneDecode):
        tally.read += 1
        info = event.info
        assert open_raster(event.raster).shape == (info.height, info.width, info.channels)
    elif isinstance(event, Failed):
        tally.refused += 1
        _check_sentence(event, path.name)
        assert not raster.exists()
    else:
        tally.deaths.append(path.name)
        raster.unlink(missing_ok=True)


def _check_sentence(event: Failed, name: str) -> None:
    failure = event.failure
    assert failure.kind in ("InputError", "ImageTooLargeError", "OutputError"), failure.details
    assert name in failure.message
    assert failure.message.endswith(".")
    assert failure.hint
    assert "\n" not in failure.message


def _check_encoded(io: _Io, decoded: DoneDecode, target: Path, number: int, tally: _Tally) -> None:
    """Writes what was read, with its metadata, and removes both; the file is whole or not there."""
    info, source = decoded.info, decoded.raster
    pixels_hwc = open_raster(source)
    if info.height * info.width <= _ENCODED_PIXELS:
        canvas = RasterRef(str(target.with_name("canvas.raster")), info.height, info.width, info.channels, "float32")
        create_raster(canvas)[:] = pixels_hwc / np.float32(np.iinfo(pixels_hwc.dtype).max)
        format_name = _OUTPUTS[number % len(_OUTPUTS)]
        options = EncodeOptions(format_name, 8 if format_name in ("jpeg", "webp") else info.bit_depth)
        event = io.ask(Encode(number, canvas, info, f"{target}.{format_name}", options))
        if isinstance(event, DoneEncode):
            tally.written += 1
            Path(event.path).unlink()
        elif isinstance(event, Failed):
            _check_sentence(event, target.name)
        else:
            tally.deaths.append(target.name)
        Path(canvas.path).unlink()
        assert not list(target.parent.iterdir())
    del pixels_hwc
    Path(source.path).unlink()


def test_a_slice_of_the_damaged_images(tmp_path):
    tally = _Tally()
    files = mutations.sound_files(tmp_path, KINDS) | mutations.foreign_files()
    _attack(tmp_path, files, 150 // len(files), tally)
    assert tally.deaths == []
    assert tally.read > 20
    assert tally.refused > 60
    assert tally.written > 20


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_two_thousand_damaged_images(tmp_path):
    tally = _Tally()
    _attack(tmp_path, mutations.sound_files(tmp_path, KINDS), 400, tally)
    print(tally)
    assert tally.deaths == []
    assert tally.read + tally.refused == 2000
    assert min(tally.read, tally.refused) > 200


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_damaged_images_of_the_other_kinds(tmp_path):
    tally = _Tally()
    files = mutations.foreign_files()
    _attack(tmp_path, files, 200, tally)
    print(tally)
    assert tally.deaths == []
    assert tally.read + tally.refused == 200 * len(files)
