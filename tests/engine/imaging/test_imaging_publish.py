"""A result appears whole, under a free name, or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.errors import OutputError
from engine.imaging.publish import aside_prefix, leftovers, written_aside


@pytest.fixture
def canvas(picture):
    return picture() / np.float32(255)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_clash_takes_the_next_free_number(tmp_path, canvas, write):
    (tmp_path / "out_2.png").write_text("mine")
    (tmp_path / "out.png").write_text("mine too")
    names = [Path(write(canvas, "out.png").path).name for _ in range(3)]
    assert names == ["out_1.png", "out_3.png", "out_4.png"]
    assert (tmp_path / "out_2.png").read_text() == "mine"
    assert (tmp_path / "out.png").read_text() == "mine too"
    assert _names(tmp_path) == ["out.png", "out_1.png", "out_2.png", "out_3.png", "out_4.png"]


def test_a_dangling_link_is_a_clash_too(tmp_path, canvas, write):
    (tmp_path / "out.png").symlink_to(tmp_path / "elsewhere" / "target.png")
    assert Path(write(canvas, "out.png").path).name == "out_1.png"
    assert (tmp_path / "out.png").is_symlink()


def test_overwrite_replaces(tmp_path, canvas, write, read):
    (tmp_path / "out.png").write_text("old")
    assert write(canvas, "out.png", overwrite=True).path == str(tmp_path / "out.png")
    assert read(str(tmp_path / "out.png"))[0].width == 31
    assert _names(tmp_path) == ["out.png"]


def test_file_systems_without_hard_links_work_too(tmp_path, canvas, write, monkeypatch, read):
    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "out.png").write_text("mine")
    assert Path(write(canvas, "out.png").path).name == "out_1.png"
    assert (tmp_path / "out.png").read_text() == "mine"
    assert read(str(tmp_path / "out_1.png"))[0].width == 31
    assert _names(tmp_path) == ["out.png", "out_1.png"]


def test_a_claim_that_cannot_be_kept_is_given_back(tmp_path, canvas, write, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="Input/output error"):
        write(canvas, "out.png")
    assert _names(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_the_file_has_the_usual_mode(canvas, write):
    mask = os.umask(0o022)
    try:
        path = write(canvas, "out.png").path
    finally:
        os.umask(mask)
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o644


def test_a_missing_folder_is_named(tmp_path, canvas, write):
    with pytest.raises(OutputError, match=r"out\.png cannot be written: there is no folder .*nowhere") as caught:
        write(canvas, str(tmp_path / "nowhere" / "out.png"))
    assert caught.value.hint
    assert _names(tmp_path) == []


def test_a_folder_that_is_a_file_is_named(tmp_path, canvas, write):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="there is no folder"):
        write(canvas, str(tmp_path / "file" / "out.png"))
    assert _names(tmp_path) == ["file"]


def test_a_read_only_folder_is_named(tmp_path, canvas, write, monkeypatch):
    real_open = os.open

    def read_only(path, flags, *rest, **options):
        if ".triptych-" in str(path):
            raise OSError(errno.EROFS, "Read-only file system")
        return real_open(path, flags, *rest, **options)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(OutputError, match="Read-only file system") as caught:
        write(canvas, "out.png")
    assert str(tmp_path) in caught.value.message
    assert _names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path, canvas, write):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        write(canvas, str(folder / "out.png"))
    assert _names(folder) == []


@pytest.mark.parametrize("name", ["out.png", "out.tif", "out.jpg", "out.webp", "out.avif"])
def test_a_full_disk_leaves_nothing(name, tmp_path, write):
    """The size limit of files stands for the disk: writing beyond it fails in the middle of the file."""
    noise = np.random.default_rng(0).random((400, 400, 3), dtype=np.float32)
    keep = tmp_path / "results"
    keep.mkdir()
    resource = pytest.importorskip("resource", reason="limits of POSIX")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The canvas itself (1.9 MB) must fit below the limit: it is written first, by this very process.
    from engine.canvas import RasterRef, create_raster
    from engine.imaging.encode import encode
    from engine.messages import EncodeOptions, ImageInfo

    reference = RasterRef(str(tmp_path / "canvas"), 400, 400, 3, "float32")
    create_raster(reference)[:] = noise
    form = {".jpg": "jpeg", ".tif": "tiff"}.get(Path(name).suffix, Path(name).suffix[1:])
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OutputError) as caught:
            encode(reference, ImageInfo(name, form, 400, 400, 3, 8), str(keep / name), EncodeOptions(form, 8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert name in caught.value.message
    assert str(keep) in caught.value.message
    assert _names(keep) == []


def test_a_size_the_format_cannot_hold_leaves_nothing(tmp_path, write):
    with pytest.raises(OutputError, match="16,383"):
        write(np.zeros((1, 16_384, 3), np.float32), "long.webp")
    assert _names(tmp_path) == []


def test_an_interrupted_block_leaves_nothing(tmp_path):
    def half_written() -> None:
        with written_aside(tmp_path / "out.png") as aside:
            aside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_written()
    assert _names(tmp_path) == []


def test_an_equal_file_is_taken_as_the_result(tmp_path, canvas, write):
    """A run that was interrupted just after it published does not write the same file twice when it is resumed."""
    first = write(canvas, "out.png")
    status = Path(first.path).stat()
    again = write(canvas, "out.png", adopt_equal=True)
    assert again.path == first.path
    assert (Path(again.path).stat().st_ino, Path(again.path).stat().st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
    assert _names(tmp_path) == ["out.png"]


def test_an_equal_file_is_found_under_its_number_too(tmp_path, canvas, write):
    (tmp_path / "out.png").write_text("mine")
    numbered = write(canvas, "out.png")
    assert Path(numbered.path).name == "out_1.png"
    assert write(canvas, "out.png", adopt_equal=True).path == numbered.path
    assert _names(tmp_path) == ["out.png", "out_1.png"]


def test_only_the_very_same_bytes_are_adopted(tmp_path, canvas, write):
    path = Path(write(canvas, "out.png").path)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert Path(write(canvas, "out.png", adopt_equal=True).path).name == "out_1.png"
    (tmp_path / "link.png").symlink_to(tmp_path / "out_1.png")
    assert Path(write(canvas, "link.png", adopt_equal=True).path).name == "link_1.png"


def test_leftovers_are_those_of_one_process(tmp_path):
    mine = tmp_path / f"{aside_prefix()}0123.part"
    mine.write_text("half")
    (tmp_path / f"{aside_prefix(os.getpid() + 1)}0123.part").write_text("another's")
    (tmp_path / ".triptych-notes").write_text("a person's")
    folder = tmp_path / f"{aside_prefix()}0123.resize"
    folder.mkdir()
    assert leftovers(tmp_path, os.getpid()) == [mine, folder]
    assert leftovers(tmp_path / "gone", os.getpid()) == []


def test_leftovers_are_found_without_a_codec():
    code = (
        "import sys, engine.imaging.publish; print([n for n in ('pyvips', 'numpy', 'cv2', 'PIL') if n in sys.modules])"
    )
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": root}
    )
    assert done.stdout.strip() == "[]"
