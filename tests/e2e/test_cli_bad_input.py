"""Bad input: a clear sentence, the right exit status, and nothing left behind (product.md's table)."""

from __future__ import annotations

import pickle
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def _leftovers(engine: object) -> list[Path]:
    """Working images that a job left in the cache."""
    folder = engine._folder  # type: ignore[attr-defined]
    return [] if folder is None else list(folder.iterdir())


def test_what_is_no_image_fails_alone_and_by_name(
    triptych: Callable, engine: object, picture_png: Path, tmp_path: Path
) -> None:
    bad = {
        "empty.png": b"",
        "text.png": b"this is not an image, whatever its name says\n" * 10,
        "truncated.png": picture_png.read_bytes()[: picture_png.stat().st_size // 2],
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "nothing here").mkdir()
    words = [*(tmp_path / name for name in bad), tmp_path / "missing.png", tmp_path / "nothing here", picture_png]
    out = tmp_path / "out"
    outcome = triptych("upscale", *words, "--scale", 2, "-o", out, "--json")
    assert outcome.status == 1
    assert len(outcome.jobs) == 6
    *failed, good = outcome.jobs
    for name, job in zip([*bad, "missing.png", "nothing here"], failed, strict=True):
        assert set(job) == {"input", "error", "hint"}
        assert name in job["error"], job
        assert job["input"].endswith(name)
        assert "Traceback" not in job["error"]
        assert job["error"].endswith((".", "?", "!"))
    assert Path(good["output"]).name == "picture_esc_x2.png"
    assert _files(out) == {"picture_esc_x2.png"}
    assert _leftovers(engine) == []


def test_a_decompression_bomb_is_refused_from_its_header(triptych: Callable, engine: object, tmp_path: Path) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    outcome = triptych("upscale", tmp_path / "bomb.png", "--json")
    assert outcome.status == 1
    assert "bomb.png" in outcome.jobs[0]["error"]
    assert "100000" in outcome.jobs[0]["error"].replace(" ", "").replace(",", "").replace("\u202f", "")
    assert _files(tmp_path) == {"bomb.png"}
    assert _leftovers(engine) == []


@pytest.mark.parametrize(("size", "format_name"), [((1, 17_000), "jpeg"), ((1, 4_100), "webp")])
def test_a_format_that_cannot_hold_the_size_is_refused_before_any_work(
    triptych: Callable, tmp_path: Path, size: tuple[int, int], format_name: str
) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "long.png"), np.zeros((*size, 3), np.uint8))
    outcome = triptych("upscale", tmp_path / "long.png", "--scale", 4, "--format", format_name, "--json")
    assert outcome.status == 1
    assert str(size[1] * 4) in outcome.jobs[0]["error"].replace(" ", "").replace(",", "").replace("\u202f", "")
    assert "PNG" in outcome.jobs[0]["hint"]
    assert _files(tmp_path) == {"long.png"}


def test_16_bit_into_jpeg_is_refused(triptych: Callable, tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "deep.png"), np.zeros((8, 8, 3), np.uint16))
    outcome = triptych("upscale", tmp_path / "deep.png", "--format", "jpeg", "--json")
    assert outcome.status == 1
    assert "16" in outcome.jobs[0]["error"]
    assert _files(tmp_path) == {"deep.png"}


@pytest.mark.parametrize("full", ["output", "cache"])
def test_an_output_that_a_disk_cannot_hold_is_refused_before_any_work(
    triptych: Callable, picture_png: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str
) -> None:
    real = shutil.disk_usage

    def nearly_full(folder: Path) -> object:
        is_output = str(folder).startswith(str(tmp_path))
        return real(folder)._replace(free=1000) if is_output == (full == "output") else real(folder)

    monkeypatch.setattr(shutil, "disk_usage", nearly_full)
    outcome = triptych("upscale", picture_png, "--scale", 2, "-o", tmp_path / "out", "--json")
    assert outcome.status == 1
    assert "1 KiB free" in outcome.jobs[0]["error"]
    assert ("TRIPTYCH_CACHE" in outcome.jobs[0]["hint"]) == (full == "cache")
    assert _files(tmp_path) == set()


def test_a_folder_that_cannot_be_written(triptych: Callable, engine: object, picture_png: Path, tmp_path: Path) -> None:
    # A file where the folder should be: refused for every user, root too, whom a read-only mode does not stop.
    (tmp_path / "occupied").write_text("a file")
    outcome = triptych("upscale", picture_png, "--scale", 2, "-o", str(tmp_path / "occupied") + "/", "--json")
    assert outcome.status == 1
    assert "occupied" in outcome.jobs[0]["error"]
    assert "--output" in outcome.jobs[0]["hint"]
    assert (tmp_path / "occupied").read_text() == "a file"
    assert _leftovers(engine) == []


def test_a_read_only_folder(triptych: Callable, engine: object, picture_png: Path, tmp_path: Path) -> None:
    import os

    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    # Root may write everywhere but into the kernel's own file system.
    folder = Path("/sys/kernel") if os.geteuid() == 0 else locked
    if not folder.exists():
        pytest.skip("no folder here is read-only for root")
    outcome = triptych("upscale", picture_png, "--scale", 2, "-o", folder, "--json")
    assert outcome.status == 1
    assert str(folder) in outcome.jobs[0]["error"]
    assert "cannot be written" in outcome.jobs[0]["error"]
    assert _leftovers(engine) == []


class _Dangerous:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, (f"open({str(self.witness)!r}, 'w').close()",))


@pytest.fixture
def checkpoints(tmp_path: Path) -> dict[str, Path]:
    """Checkpoints that must be refused, by what is wrong with them."""
    import torch

    from engine.models.checkpoint import load_checkpoint
    from engine.models.registry import build

    files = {name: tmp_path / f"{name}.pth" for name in ("code", "compressed", "unknown", "missing", "infinite", "cut")}
    with zipfile.ZipFile(files["code"], "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"params": _Dangerous(tmp_path / "witness")}))
        archive.writestr("archive/version", "3\n")
    small = {
        "dim": 16,
        "pdim": 4,
        "kernel_size": 13,
        "n_blocks": 1,
        "conv_blocks": 1,
        "window_size": 16,
        "num_heads": 1,
    }
    network = build("ESC", small | {"upscaling_factor": 2, "exp_ratio": 1.25})
    state = network.state_dict()
    torch.save({"params_ema": state}, tmp_path / "good.pth")
    assert load_checkpoint(tmp_path / "good.pth").descriptor.scale == 2
    with (
        zipfile.ZipFile(tmp_path / "good.pth") as source,
        zipfile.ZipFile(files["compressed"], "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for member in source.namelist():
            out.writestr(member, source.read(member))
    torch.save({"some.weight": torch.zeros(3, 3)}, files["unknown"])
    torch.save({"params": {key: value for key, value in state.items() if key != "last.bias"}}, files["missing"])
    torch.save({"params": state | {"last.bias": torch.full_like(state["last.bias"], float("nan"))}}, files["infinite"])
    files["cut"].write_bytes((tmp_path / "good.pth").read_bytes()[:-3000])
    return files


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("code", ""),
        ("compressed", "compressed"),
        ("unknown", "some.weight"),
        ("missing", "last.bias"),
        ("infinite", "finite"),
        ("cut", ""),
    ],
)
def test_a_checkpoint_that_cannot_be_trusted_is_refused_before_any_job(
    triptych: Callable, checkpoints: dict[str, Path], picture_png: Path, tmp_path: Path, name: str, word: str
) -> None:
    outcome = triptych("upscale", picture_png, "--weights", checkpoints[name], "-o", tmp_path / "out", "--json")
    assert outcome.status == 2, outcome
    assert outcome.stdout == ""
    assert word in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert not (tmp_path / "witness").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--model", "swinir"], "The models are"),
        (["--scale", "5"], "2, 3 or 4"),
        (["--weights", "nowhere.pth"], "nowhere.pth"),
        (["--device", "tpu"], "tpu"),
        (["--device", "cpu,tpu"], "tpu"),
        (["--backend", "flash", "--model", "esc"], "carry a bias"),
        (["-o", "result.heic"], "result.heic"),
        (["--name", "a/b"], "separator"),
        (["--tile", "-3"], "positive"),
        (["--size", "big"], "3840x"),
        (["-o", "result.xyz"], "result.xyz"),
    ],
)
def test_wrong_usage_ends_with_2_before_any_job(
    triptych: Callable, picture_png: Path, words: list[str], expected: str
) -> None:
    outcome = triptych("upscale", picture_png, *words)
    assert outcome.status == 2
    assert expected in outcome.stderr
    assert outcome.stdout == ""


@pytest.mark.parametrize("size", [["--scale", "2"], ["--size", "100x"]])
def test_triton_without_a_gpu_is_wrong_usage_with_its_reason(
    triptych: Callable, picture_png: Path, size: list[str]
) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    outcome = triptych("upscale", picture_png, "--backend", "triton", *size, "--json")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "the triton kernels run on CUDA" in outcome.stderr
    assert "--backend auto" in outcome.stderr


def test_no_gpu_here_is_a_sentence_with_what_to_do(triptych: Callable, picture_png: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    outcome = triptych("upscale", picture_png, "--device", "cuda", "--json")
    assert outcome.status == 1
    assert "CUDA" in outcome.jobs[0]["error"]
    assert "--device cpu" in outcome.jobs[0]["hint"]
