"""Batches of `triptych upscale`: names that meet, links, folders in folders, failures in the middle, disks that fill up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

from engine.client import Engine
from engine.outputs import safe_name
from engine.workspace import list_jobs

FAST = ["--model", "esc-fast", "--scale", 2, "--json"]
TILED = [*FAST, "--tile", 32, "--overlap", 16]


@pytest.fixture
def photo(picture_png: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(picture_png, tmp_path / "photo.png"))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    return folder


@pytest.fixture
def tiny_png(tmp_path: Path) -> Path:
    """A picture that takes next to no time."""
    path = tmp_path / "tiny.png"
    cv2.imwrite(str(path), np.full((8, 8, 3), 90, np.uint8))
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def outputs(outcome: Any) -> list[str]:
    return [Path(job["output"]).name for job in outcome.jobs]


# What fails


@pytest.mark.parametrize("as_json", [True, False])
def test_a_batch_goes_on_after_failures_and_ends_with_a_table_of_them(
    triptych: Callable, own_cache: Path, album: Path, tiny_png: Path, tmp_path: Path, as_json: bool
) -> None:
    for name in ("a.png", "m.png", "z.png"):
        shutil.copy(tiny_png, album / name)
    (album / "broken.png").write_bytes(tiny_png.read_bytes()[:60])
    (album / "text.jpg").write_text("no picture")
    words = FAST if as_json else FAST[:-1]
    outcome = triptych("upscale", album, tmp_path / "missing.png", *words, "-o", tmp_path / "out")
    assert outcome.status == 1
    assert files(tmp_path / "out") == ["a_esc-fast_x2.png", "m_esc-fast_x2.png", "z_esc-fast_x2.png"]
    *_, heading, first, second, third = outcome.stderr.splitlines()
    assert heading == "3 of 6 jobs failed, 3 are done."
    for line, name in zip((first, second, third), ("broken.png", "text.jpg", "missing.png"), strict=True):
        shown, reason = line.strip().split("  ", 1)
        assert shown.endswith(name)
        assert name in reason
    assert len(outcome.jobs) == (6 if as_json else 0)
    # They would fail again: nothing of them is resumed.
    assert triptych("upscale", "--resume").status == 0


def test_all_images_of_one_model_come_before_the_next(
    triptych: Callable, engine: Engine, album: Path, tiny_png: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        shutil.copy(tiny_png, album / f"{name}.png")
    loaded = []
    prepare = engine.prepare

    def spy(model: Any, settings: Any) -> Any:
        if not loaded or loaded[-1] != model.weights:
            loaded.append(model.weights)
        return prepare(model, settings)

    monkeypatch.setattr(engine, "prepare", spy)
    outcome = triptych("upscale", album, *FAST, "--model", "sscan-fast", "-o", tmp_path / "out")
    assert [(job["model"], Path(job["input"]).name) for job in outcome.jobs] == [
        ("esc-fast", "a.png"),
        ("esc-fast", "b.png"),
        ("sscan-fast", "a.png"),
        ("sscan-fast", "b.png"),
    ]
    assert len(loaded) == 2


# Names and places


@pytest.mark.parametrize("existing", ["rename", "skip", "overwrite"])
def test_inputs_of_one_name_become_two_files(
    triptych: Callable, album: Path, tiny_png: Path, tmp_path: Path, existing: str
) -> None:
    for folder in ("one", "two"):
        (album / folder).mkdir()
        shutil.copy(tiny_png, album / folder / "same.png")
    out = tmp_path / "out"
    outcome = triptych("upscale", album / "one", album / "two", *FAST, "-o", out, "--existing", existing)
    assert outputs(outcome) == ["same_esc-fast_x2.png", "same_esc-fast_x2_1.png"]
    assert files(out) == ["same_esc-fast_x2.png", "same_esc-fast_x2_1.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows itself refuses these names")
def test_names_that_windows_refuses_are_made_safe(
    triptych: Callable, album: Path, tiny_png: Path, tmp_path: Path
) -> None:
    names = ["con.png", "a:b?.png", "pipe|star*.png", "line\nbreak.png", "nul.tar.png", f"{'long' * 62}.png"]
    folders = ["aux", "what? ", "dots..."]
    for name in names:
        shutil.copy(tiny_png, album / name)
    for folder in folders:
        (album / folder).mkdir()
        shutil.copy(tiny_png, album / folder / "x.png")
    out = tmp_path / "out"
    outcome = triptych("upscale", album, *FAST, "--recursive", "--name", "{name}", "-o", out)
    assert outcome.status == 0, outcome
    made = files(out)
    assert len(made) == len(names) + len(folders)
    for path in made:
        for part in Path(path).parts:
            assert part == safe_name(part)
            assert len(os.fsencode(part)) < 255
    assert {"_con.png", "a_b_.png", "_aux/x.png", "what_/x.png", "dots/x.png"} <= set(made)


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_to_images_count_and_links_to_folders_do_not(
    triptych: Callable, album: Path, tiny_png: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(tiny_png, elsewhere / "far.png")
    (album / "to a file.png").symlink_to(elsewhere / "far.png")
    (album / "dangling.png").symlink_to(tmp_path / "nothing.png")
    (album / "itself.png").symlink_to(album / "itself.png")
    (album / "loop").symlink_to(album, target_is_directory=True)
    (album / "to a folder").symlink_to(elsewhere, target_is_directory=True)
    out = tmp_path / "out"
    outcome = triptych("upscale", album, *FAST, "--recursive", "-o", out)
    assert outputs(outcome) == ["to a file_esc-fast_x2.png"]
    # A link that is named itself is meant.
    named = triptych("upscale", album / "to a folder", album / "dangling.png", *FAST, "-o", tmp_path / "named")
    assert named.status == 1
    assert "dangling.png" in named.jobs[1]["error"]
    assert files(tmp_path / "named") == ["far_esc-fast_x2.png"]


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_a_link_in_the_output_folder_does_not_lead_out_of_it(
    triptych: Callable, album: Path, tiny_png: Path, tmp_path: Path
) -> None:
    for folder in ("in", "sub"):
        (album / folder).mkdir()
        shutil.copy(tiny_png, album / folder / "x.png")
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    (out / "real").mkdir(parents=True)
    elsewhere.mkdir()
    (out / "sub").symlink_to(elsewhere, target_is_directory=True)
    (out / "in").symlink_to(out / "real", target_is_directory=True)
    outcome = triptych("upscale", album, *FAST, "--recursive", "-o", out)
    assert outcome.status == 1
    assert Path(outcome.jobs[0]["output"]) == out / "in" / "x_esc-fast_x2.png"
    assert "leads out of the output folder" in outcome.jobs[1]["error"]
    assert files(elsewhere) == []
    # The output folder itself may be a link: it was named.
    (tmp_path / "named").symlink_to(elsewhere, target_is_directory=True)
    assert triptych("upscale", tiny_png, *FAST, "-o", tmp_path / "named").status == 0
    assert files(elsewhere) == ["tiny_esc-fast_x2.png"]


def test_a_folder_can_be_its_own_output(triptych: Callable, album: Path, tiny_png: Path) -> None:
    (album / "deep" / "er").mkdir(parents=True)
    shutil.copy(tiny_png, album / "a.png")
    shutil.copy(tiny_png, album / "deep" / "er" / "b.png")
    words = ["upscale", album, *FAST, "--recursive", "-o", album]
    assert outputs(triptych(*words)) == ["a_esc-fast_x2.png", "b_esc-fast_x2.png"]
    everything = ["a.png", "a_esc-fast_x2.png", "deep/er/b.png", "deep/er/b_esc-fast_x2.png"]
    assert files(album) == everything
    # What Triptych made is no input the second time.
    again = triptych(*words, "--existing", "skip")
    assert [job["warnings"][0] for job in again.jobs] == [
        "a_esc-fast_x2.png exists already: skipped.",
        "b_esc-fast_x2.png exists already: skipped.",
    ]
    assert files(album) == everything


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_an_output_folder_in_the_input_folder_is_no_input_by_any_name(
    triptych: Callable, album: Path, tiny_png: Path, tmp_path: Path
) -> None:
    (album / "out").mkdir()
    shutil.copy(tiny_png, album / "a.png")
    # Not made by Triptych, and in the output folder all the same.
    shutil.copy(tiny_png, album / "out" / "other.png")
    (tmp_path / "link").symlink_to(album / "out", target_is_directory=True)
    for out in (album / "out", tmp_path / "link", album / "out" / ".." / "out"):
        outcome = triptych("upscale", album, *FAST, "--recursive", "--existing", "overwrite", "-o", out)
        assert outputs(outcome) == ["a_esc-fast_x2.png"]
    assert files(album / "out") == ["a_esc-fast_x2.png", "other.png"]


# Folders and disks that change in the middle


def test_an_output_folder_that_goes_in_the_middle_is_made_again(
    triptych: Callable, interrupter: Any, photo: Path, tiny_png: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    interrupter.on(2, lambda: shutil.rmtree(out))
    outcome = triptych("upscale", tiny_png, photo, *TILED, "-o", out)
    assert outcome.status == 0
    assert files(out) == ["photo_esc-fast_x2.png"]


def test_an_input_folder_that_goes_in_the_middle_fails_what_is_left_of_it(
    triptych: Callable, interrupter: Any, album: Path, tiny_png: Path, tmp_path: Path
) -> None:
    for name in "abc":
        shutil.copy(tiny_png, album / f"{name}.png")
    interrupter.on(2, lambda: shutil.rmtree(album))
    outcome = triptych("upscale", album, *FAST, "-o", tmp_path / "out")
    assert outcome.status == 1
    assert ["error" in job for job in outcome.jobs] == [False, False, True]
    assert "c.png" in outcome.jobs[2]["error"]
    assert files(tmp_path / "out") == ["a_esc-fast_x2.png", "b_esc-fast_x2.png"]


def test_an_output_folder_that_becomes_a_file_costs_no_tile(
    triptych: Callable, engine: Engine, interrupter: Any, own_cache: Path, photo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    interrupter.on(6, lambda: out.write_text("in the way"))
    outcome = triptych("upscale", photo, *TILED, "-o", f"{out}/")
    assert outcome.status == 1
    assert "cannot be made" in outcome.jobs[0]["error"]
    assert out.read_text() == "in the way"
    (kept,) = list_jobs(engine.jobs_folder)
    assert kept.tiles_recorded == 6
    out.unlink()
    interrupter.heard.clear()
    resumed = triptych("upscale", "--resume", "--json")
    assert resumed.status == 0
    assert interrupter.heard == [6]
    assert files(out) == ["photo_esc-fast_x2.png"]


def test_what_failed_for_lack_of_a_place_is_resumed_and_the_broken_is_not(
    triptych: Callable, own_cache: Path, album: Path, tiny_png: Path, tmp_path: Path
) -> None:
    for name in "ab":
        shutil.copy(tiny_png, album / f"{name}.png")
    (album / "broken.png").write_bytes(b"nothing")
    out = tmp_path / "out"
    out.write_text("in the way")
    outcome = triptych("upscale", album, *FAST, "-o", f"{out}/")
    assert outcome.status == 1
    assert "`triptych upscale --resume` tries 2 of them again" in outcome.stderr
    out.unlink()
    resumed = triptych("upscale", "--resume", "--json")
    assert resumed.status == 0
    assert outputs(resumed) == ["a_esc-fast_x2.png", "b_esc-fast_x2.png"]
    assert "nothing to resume" in triptych("upscale", "--resume").stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)]
    if (
        sys.platform != "linux"
        or shutil.which("mount") is None
        or subprocess.run(words, capture_output=True).returncode
    ):
        pytest.skip("only root on Linux can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave_bytes: int) -> Path:
    """Writes a file that leaves so much of a disk."""
    path = disk / "filling"
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(disk).free - leave_bytes)
    return path


def test_a_disk_that_is_full_when_the_canvas_is_reserved(
    triptych: Callable, engine: Engine, small_disk: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_cache_folder", small_disk / "cache")
    # Room for the canvas, and not for the margins that lie behind it.
    filling = fill(small_disk, 40 * 56 * 3 * (1 + 4 * 4) + 8192)
    outcome = triptych("upscale", photo, *TILED, "-o", tmp_path / "out")
    assert outcome.status == 1
    assert "No space left" in outcome.jobs[0]["error"] or "KiB free" in outcome.jobs[0]["error"], outcome
    assert outcome.jobs[0]["hint"]
    assert not (tmp_path / "out").exists()
    assert files(small_disk / "cache") == []
    filling.unlink()
    assert triptych("upscale", photo, *TILED, "-o", tmp_path / "out").status == 0


def test_a_disk_that_is_full_when_the_result_is_written(
    triptych: Callable, interrupter: Any, own_cache: Path, small_disk: Path, photo: Path
) -> None:
    out = small_disk / "out"
    interrupter.on(5, lambda: fill(small_disk, 8192))
    outcome = triptych("upscale", photo, *TILED, "-o", out)
    assert outcome.status == 1
    assert "photo_esc-fast_x2.png" in outcome.jobs[0]["error"]
    assert outcome.jobs[0]["hint"]
    assert not out.exists() or files(out) == []
    (small_disk / "filling").unlink()
    interrupter.heard.clear()
    assert triptych("upscale", "--resume", "--json").status == 0
    # No tile was computed again.
    assert interrupter.heard == [6]
    assert files(out) == ["photo_esc-fast_x2.png"]


# Devices and backends


def test_devices_in_a_list_share_the_tiles(triptych: Callable, photo: Path, tmp_path: Path) -> None:
    (alone,) = triptych("upscale", photo, *TILED, "-o", tmp_path / "alone.png").jobs
    (shared,) = triptych("upscale", photo, *TILED, "--device", "cpu,cpu", "-o", tmp_path / "shared.png").jobs
    assert (alone["device"], shared["device"]) == ("cpu", "cpu,cpu")
    assert (tmp_path / "alone.png").read_bytes() == (tmp_path / "shared.png").read_bytes()


# Memory


def _private_bytes(process: psutil.Process) -> int:
    """Resident memory that is the process's own; what it maps from files goes with the files."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])


def test_many_sizes_go_on_in_new_workers(
    triptych: Callable, engine: Engine, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.cli import batch

    monkeypatch.setattr(batch, "SIZES_PER_WORKER", 3)
    restarts = []
    monkeypatch.setattr(engine, "restart_workers", lambda: restarts.append(len(list((tmp_path / "out").glob("*")))))
    for number, width in enumerate((8, 9, 8, 10, 9, 11, 8)):
        cv2.imwrite(str(album / f"{number}.png"), np.full((8, width, 3), 90, np.uint8))
    assert triptych("upscale", album, *FAST, "-o", tmp_path / "out").status == 0
    # Before the fourth size, which is that of the sixth image.
    assert restarts == [5]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_thousand_images_leave_memory_as_it_was(start: Callable, tmp_path: Path) -> None:
    album, cache = tmp_path / "album", tmp_path / "cache"
    album.mkdir()
    numbers = np.random.default_rng(5)
    # All sizes are met among the first fifty: each takes up to a megabyte of the worker, once (`engine.cli.batch`).
    sizes = [(8, 8), (12, 16), (9, 31), (40, 17)]
    # A few more than are measured, so that the command is at work when it is looked at.
    for number in range(1020):
        height, width = sizes[number % len(sizes)]
        image = numbers.integers(0, 256, (height, width, 3), dtype=np.uint8)
        cv2.imwrite(str(album / f"{number:04}.png"), image)
    process = start(
        "upscale", album, "--model", "esc-fast", "--scale", 2, "--json", "-o", tmp_path / "out", cache=cache
    )
    command = psutil.Process(process.pid)
    resident: dict[int, dict[str, int]] = {}
    counted: dict[int, tuple[int, int, int]] = {}
    for number, _ in enumerate(process.stdout, start=1):
        if number in (50, 1000):
            children = sorted(command.children(recursive=True), key=lambda child: child.pid)
            resident[number] = {
                f"process {index}": _private_bytes(each) for index, each in enumerate([command, *children])
            }
            counted[number] = (command.num_threads(), command.num_fds(), len(children))
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    print(resident, counted)
    assert len(files(tmp_path / "out")) == 1020
    for name, before in resident[50].items():
        assert resident[1000][name] <= 1.05 * before, resident
    (threads, files_before, children_before), (threads_after, files_after, children_after) = counted[50], counted[1000]
    assert (threads_after, children_after) == (threads, children_before)
    # Looked at in the middle of a job, which holds a lock or two.
    assert files_after <= files_before + 2
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert files(cache / "jobs") == files(cache / "runs") == []
