"""`triptych upscale`: every option that works, on the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from engine.client import Engine

KEYS = {
    "input", "output", "model", "variant", "scale", "width", "height", "tiles", "tile", "overlap", "device", "precision",
    "backend", "seconds", "peak_memory_bytes", "predicted_memory_bytes", "psnr", "ssim", "warnings",
}  # fmt: skip


def read(path: Path | str) -> NDArray[np.generic]:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image


@pytest.fixture
def photo(picture_png: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(picture_png, tmp_path / "photo.png"))


def test_default_is_esc_at_4_beside_the_input(triptych: Callable, photo: Path) -> None:
    outcome = triptych("upscale", photo, "--json")
    (job,) = outcome.jobs
    assert outcome.status == 0
    assert set(job) == KEYS
    assert job["output"] == str(photo.parent / "photo_esc_x4.png")
    assert (job["model"], job["scale"], job["width"], job["height"]) == ("esc", 4, 224, 160)
    assert job["variant"].startswith("esc-")
    assert (job["device"], job["precision"], job["overlap"], job["tiles"]) == ("cpu", "fp32", 32, 1)
    # Chosen by the memory plan: no larger than it need be.
    assert job["tile"] == 64
    assert set(job["backend"]) == {"window_attention", "convolutional_attention"}
    assert job["peak_memory_bytes"] > 0
    assert job["seconds"] > 0
    assert job["predicted_memory_bytes"] > 0
    assert (job["psnr"], job["ssim"]) == (None, None)
    assert read(job["output"]).shape == (160, 224, 3)


@pytest.mark.parametrize("model", ["sscan", "esc", "pft"])
@pytest.mark.parametrize("scale", [2, 4])
def test_every_bundled_model_enlarges_faithfully(
    triptych: Callable, photo: Path, picture_hwc: NDArray[np.uint8], model: str, scale: int
) -> None:
    outcome = triptych("upscale", photo, "--model", model, "--scale", scale, "--json")
    assert outcome.status == 0, outcome
    sr_hwc = read(outcome.jobs[0]["output"])[..., ::-1]
    assert sr_hwc.shape == (40 * scale, 56 * scale, 3)
    # Shrunk again, the result is the picture: not shifted, not another picture, no colour cast.
    back = cv2.resize(sr_hwc.astype(np.float32), (56, 40), interpolation=cv2.INTER_AREA)
    error = np.abs(back - picture_hwc)
    assert error.mean() < 6


def test_several_models_and_a_folder_as_output(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = triptych("upscale", photo, "--model", "esc", "--model", "sscan", "--scale", 2, "-o", out, "--json")
    assert [Path(job["output"]).name for job in outcome.jobs] == ["photo_esc_x2.png", "photo_sscan_x2.png"]
    assert sorted(path.name for path in out.iterdir()) == ["photo_esc_x2.png", "photo_sscan_x2.png"]


def test_existing_renames_skips_and_overwrites(triptych: Callable, photo: Path) -> None:
    first = photo.parent / "photo_esc_x2.png"
    first.write_bytes(b"precious")
    renamed = triptych("upscale", photo, "--scale", 2, "--json")
    assert renamed.jobs[0]["output"] == str(photo.parent / "photo_esc_x2_1.png")
    skipped = triptych("upscale", photo, "--scale", 2, "--existing", "skip", "--json")
    assert skipped.status == 0
    assert set(skipped.jobs[0]) == KEYS
    assert "skipped" in skipped.jobs[0]["warnings"][0]
    assert first.read_bytes() == b"precious"
    replaced = triptych("upscale", photo, "--scale", 2, "--overwrite", "--json")
    assert replaced.jobs[0]["output"] == str(first)
    assert read(first).shape == (80, 112, 3)


def test_overwrite_never_replaces_a_file_of_the_same_run(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    twin = tmp_path / "other" / "photo.png"
    twin.parent.mkdir()
    shutil.copy(photo, twin)
    outcome = triptych("upscale", photo, twin, "--scale", 2, "--overwrite", "-o", tmp_path / "out", "--json")
    assert [Path(job["output"]).name for job in outcome.jobs] == ["photo_esc_x2.png", "photo_esc_x2_1.png"]


def test_name_template(triptych: Callable, photo: Path) -> None:
    outcome = triptych("upscale", photo, "--scale", 2, "--name", "{model} {name} {width}x{height} @{scale}", "--json")
    assert Path(outcome.jobs[0]["output"]).name == "esc photo 112x80 @2.png"


def test_output_file_and_its_format(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    outcome = triptych("upscale", photo, "--scale", 2, "-o", tmp_path / "deep" / "result.tif", "--json")
    assert outcome.status == 0, outcome
    assert (tmp_path / "deep" / "result.tif").read_bytes()[:2] in (b"II", b"MM")


@pytest.mark.parametrize(("format_name", "extension"), [("tiff", ".tif"), ("webp", ".webp"), ("jpeg", ".jpg")])
def test_formats(triptych: Callable, photo: Path, format_name: str, extension: str) -> None:
    outcome = triptych("upscale", photo, "--scale", 2, "--format", format_name, "--quality", 90, "--json")
    assert Path(outcome.jobs[0]["output"]).suffix == extension
    assert read(outcome.jobs[0]["output"]).shape == (80, 112, 3)


@pytest.mark.parametrize("words", [["--format", "avif"], ["-o", "photo.avif"]])
def test_avif(triptych: Callable, engine: Engine, photo: Path, words: list[str]) -> None:
    words = [str(photo.parent / word) if word.endswith(".avif") else word for word in words]
    (job,) = triptych("upscale", photo, "--scale", 2, *words, "--json").jobs
    assert Path(job["output"]).suffix == ".avif"
    info = engine.inspect(Path(job["output"]))
    assert (info.format, info.width, info.height) == ("avif", 112, 80)
    assert info.software.startswith("Triptych")


def test_size_takes_the_smallest_scale_that_reaches_it(triptych: Callable, photo: Path) -> None:
    outcome = triptych("upscale", photo, "--size", "100x", "--json")
    (job,) = outcome.jobs
    assert (job["scale"], job["width"], job["height"]) == (2, 100, 71)
    assert read(job["output"]).shape == (71, 100, 3)


def test_size_beyond_the_largest_scale_fails_with_what_can_be_reached(triptych: Callable, photo: Path) -> None:
    outcome = triptych("upscale", photo, "--size", "x5000", "--json")
    assert outcome.status == 1
    assert "224 × 160" in outcome.jobs[0]["error"]


def test_reference_gives_psnr_and_ssim(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    first = triptych("upscale", photo, "--scale", 2, "-o", tmp_path / "truth.png", "--json").jobs[0]
    noisy = read(first["output"]).astype(np.int16)
    noisy[::2] += 4
    cv2.imwrite(str(tmp_path / "noisy.png"), noisy.clip(0, 255).astype(np.uint8))
    outcome = triptych("upscale", photo, "--scale", 2, "--reference", tmp_path / "noisy.png", "--json")
    assert 34 < outcome.jobs[0]["psnr"] < 45
    assert 0.5 < outcome.jobs[0]["ssim"] < 1


def test_a_reference_of_another_size_is_refused_before_any_work(
    triptych: Callable, photo: Path, tmp_path: Path
) -> None:
    outcome = triptych("upscale", photo, "--scale", 4, "--reference", photo, "-o", tmp_path / "out", "--json")
    assert outcome.status == 1
    assert "56 × 40" in outcome.jobs[0]["error"]
    assert "224 × 160" in outcome.jobs[0]["error"]
    assert not list((tmp_path / "out").glob("*"))


def test_tiles_are_rounded_up_to_the_window_and_close_to_the_whole(
    triptych: Callable, photo: Path, tmp_path: Path
) -> None:
    tiled = triptych(
        "upscale", photo, "--scale", 2, "--tile", 30, "--overlap", 10, "-o", tmp_path / "t.png", "--json"
    ).jobs[0]
    whole = triptych("upscale", photo, "--scale", 2, "--tile", "off", "-o", tmp_path / "w.png", "--json").jobs[0]
    assert (tiled["tile"], tiled["overlap"]) == (32, 16)
    assert tiled["tiles"] == 6
    assert (whole["tile"], whole["tiles"]) == (None, 1)
    difference = read(tiled["output"]).astype(float) - read(whole["output"])
    assert 0 < np.sqrt((difference**2).mean()) < 4


def test_ensemble_changes_a_little(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    plain = triptych("upscale", photo, "--scale", 2, "-o", tmp_path / "p.png", "--json").jobs[0]
    better = triptych("upscale", photo, "--scale", 2, "--ensemble", "-o", tmp_path / "e.png", "--json").jobs[0]
    difference = np.abs(read(plain["output"]).astype(float) - read(better["output"]))
    assert 0 < difference.mean() < 3


def test_reference_backend_gives_the_same_picture(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    fast = triptych("upscale", photo, "--scale", 2, "-o", tmp_path / "s.png", "--json").jobs[0]
    plain = triptych("upscale", photo, "--scale", 2, "--backend", "reference", "-o", tmp_path / "r.png", "--json").jobs[
        0
    ]
    assert set(plain["backend"].values()) == {"reference"}
    assert np.abs(read(fast["output"]).astype(int) - read(plain["output"])).max() <= 1


def test_folders_mirror_and_skip_what_triptych_made(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    album = tmp_path / "album"
    (album / "day two").mkdir(parents=True)
    shutil.copy(photo, album / "a.png")
    shutil.copy(photo, album / "day two" / "b.png")
    (album / "notes.txt").write_text("not an image")
    (album / "linked").symlink_to(tmp_path, target_is_directory=True)
    flat = triptych("upscale", album, "--scale", 2, "--json")
    assert [Path(job["output"]).name for job in flat.jobs] == ["a_esc_x2.png"]
    out = album / "out"
    deep = triptych("upscale", album, "--scale", 2, "--recursive", "-o", out, "--json")
    assert deep.status == 0
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png")) == [
        "a_esc_x2.png",
        "day two/b_esc_x2.png",
    ]
    again = triptych("upscale", album, "--scale", 2, "--recursive", "-o", out, "--existing", "skip", "--json")
    assert len(again.jobs) == 2
    assert all("skipped" in job["warnings"][0] for job in again.jobs)


def test_globs_and_a_path_that_looks_like_one(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd[1].png"
    shutil.copy(photo, odd)
    exact = triptych("upscale", odd, "--scale", 2, "-o", tmp_path / "one", "--json")
    assert [Path(job["output"]).name for job in exact.jobs] == ["odd[1]_esc_x2.png"]
    globbed = triptych("upscale", tmp_path / "ph*.png", "--scale", 2, "-o", tmp_path / "two", "--json")
    assert [Path(job["output"]).name for job in globbed.jobs] == ["photo_esc_x2.png"]


@pytest.mark.parametrize(
    ("channels", "dtype"), [(1, np.uint8), (3, np.uint16), (4, np.uint8), (4, np.uint16), (1, np.uint16)]
)
def test_depth_and_channels_are_kept(
    triptych: Callable, tmp_path: Path, channels: int, dtype: type[np.unsignedinteger]
) -> None:
    top = int(np.iinfo(dtype).max)
    ramp = np.linspace(0.2 * top, 0.8 * top, 20 * 24).reshape(20, 24)
    image = np.repeat(ramp[..., None], channels, axis=2).astype(dtype)
    if channels == 4:
        image[..., 3] = top // 3
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), image)
    sr_hwc = read(triptych("upscale", path, "--scale", 2, "--json").jobs[0]["output"])
    assert sr_hwc.dtype == dtype
    assert sr_hwc.shape[:2] == (40, 48)
    assert (1 if sr_hwc.ndim == 2 else sr_hwc.shape[2]) == channels
    if channels == 4:
        assert (sr_hwc[..., 3] == top // 3).all()
    assert abs(float(sr_hwc.reshape(40, 48, -1)[..., 0].mean()) / top - 0.5) < 0.03


@pytest.mark.parametrize("size", [(1, 1), (3, 17), (16, 2)])
@pytest.mark.parametrize("model", ["sscan", "esc", "pft"])
def test_any_size_from_one_pixel_up(triptych: Callable, tmp_path: Path, size: tuple[int, int], model: str) -> None:
    path = tmp_path / "small.png"
    cv2.imwrite(str(path), np.full((*size, 3), 128, np.uint8))
    outcome = triptych("upscale", path, "--model", model, "--scale", 2, "--json")
    assert outcome.status == 0
    sr_hwc = read(outcome.jobs[0]["output"])
    assert sr_hwc.shape == (size[0] * 2, size[1] * 2, 3)
    assert np.abs(sr_hwc.astype(int) - 128).max() < 25
