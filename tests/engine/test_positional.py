"""Positional files: all bytes or an error, on systems with and without the calls that make it easy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from engine.positional import PositionalFile, as_bytes, reserve


@pytest.fixture(params=["own calls", "seek and write"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls of this system, or those alone that every system has."""
    if request.param == "seek and write":
        for name in ("pwrite", "preadv", "fdatasync", "posix_fallocate"):
            monkeypatch.delattr(os, name, raising=False)


@pytest.mark.usefixtures("system")
def test_what_is_written_at_a_place_is_read_there(tmp_path: Path) -> None:
    file = PositionalFile(tmp_path / "f", create=True)
    file.reserve(1000)
    assert file.size_bytes == 1000
    values = np.arange(60, dtype=np.float32).reshape(3, 20)
    file.write_at(500, as_bytes(values))
    file.write_at(0, b"begin")
    target = np.empty_like(values)
    file.read_into(500, as_bytes(target))
    file.sync()
    assert np.array_equal(target, values)
    with pytest.raises(EOFError, match="ends before"):
        file.read_into(990, memoryview(bytearray(11)))
    assert file.is_open
    file.close()
    file.close()
    assert not file.is_open
    assert (tmp_path / "f").read_bytes()[:6] == b"begin\0"


@pytest.mark.usefixtures("system")
def test_reserving_never_shortens_and_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 5000)
    file = PositionalFile(tmp_path / "f")
    file.reserve(100)
    assert (tmp_path / "f").read_bytes() == b"x" * 5000
    file.reserve(6000)
    file.close()
    assert (tmp_path / "f").read_bytes() == b"x" * 5000 + bytes(1000)


def test_a_system_that_takes_and_gives_few_bytes_at_a_time_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwrite, preadv = os.pwrite, os.preadv
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, offset: pwrite(descriptor, data[:7], offset))
    monkeypatch.setattr(os, "preadv", lambda descriptor, views, offset: preadv(descriptor, [views[0][:5]], offset))
    file = PositionalFile(tmp_path / "f", create=True)
    file.write_at(3, bytes(range(100)))
    target = bytearray(100)
    file.read_into(3, memoryview(target))
    file.close()
    assert bytes(target) == bytes(range(100))


def refuse(code: int) -> object:
    def fallocate(descriptor: int, offset: int, size: int) -> None:
        raise OSError(code, os.strerror(code))

    return fallocate


def test_a_file_system_that_cannot_promise_blocks_gets_a_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", refuse(errno.EOPNOTSUPP), raising=False)
    with open(tmp_path / "f", "wb") as file:
        reserve(file.fileno(), 10_000)
    assert (tmp_path / "f").stat().st_size == 10_000


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_not_taken_for_one_that_cannot_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", refuse(code), raising=False)
    with open(tmp_path / "f", "wb") as file, pytest.raises(OSError, match=os.strerror(code)):
        reserve(file.fileno(), 10_000)


def test_an_array_that_does_not_lie_in_one_piece_is_refused() -> None:
    values = np.zeros((4, 4), np.float32)
    assert len(as_bytes(values)) == 64
    assert len(as_bytes(values[:0])) == 0
    with pytest.raises(ValueError, match="not C-contiguous"):
        as_bytes(values[:, 1:])
