"""The command as a process that is interrupted or killed: what it had finished is kept, and the next one goes on from it."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from engine.journal import RECORD_BYTES
from engine.tiling.geometry import plan_tiles

WORDS = ["--model", "esc-fast", "--scale", "2", "--tile", "32", "--overlap", "16", "--json"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def watch(process: subprocess.Popen[str], is_moment: Callable[[], bool]) -> bool:
    """Returns at the moment that is waited for, or False when the process has ended before."""
    while not is_moment():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.001)
            return False
    return True


def recorded_bytes(cache: Path) -> int:
    """The size of all journals: how far the job at work is."""
    size = 0
    for journal in (cache / "jobs").glob("j*/journal.*"):
        with contextlib.suppress(FileNotFoundError):
            size += journal.stat().st_size
    return size


def pictures(folder: Path, picture_hwc: np.ndarray, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        cv2.imwrite(str(folder / f"{number}.png"), np.roll(picture_hwc, 9 * number, axis=1))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill_parent(process: subprocess.Popen[str]) -> None:
    """Kills the command alone; its children notice by themselves and leave."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_ctrl_c_keeps_the_canvas_and_says_how_to_go_on(
    start: Callable, picture_hwc: np.ndarray, tmp_path: Path
) -> None:
    album, out, cache = pictures(tmp_path / "album", picture_hwc, 2), tmp_path / "out", tmp_path / "cache"
    large = album / "large.png"
    cv2.imwrite(str(large), np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8))
    process = start("upscale", album / "0.png", large, *WORDS, "-o", out, cache=cache)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    assert watch(process, lambda: recorded_bytes(cache) > 0)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines() == [
        "Interrupted: 1 of 2 jobs are done. `triptych upscale --resume` goes on from what is finished."
    ]
    assert [path.name for path in out.iterdir()] == [Path(first["output"]).name]
    (job,) = (cache / "jobs").iterdir()
    assert {"job.json", "canvas.raw", "input.raw"} <= {path.name for path in job.iterdir()}
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def moments(seed: int, count: int, pictures: int) -> list[tuple[int, int]]:
    """Returns moments by progress: (results published, bytes in the journals of the job after them)."""
    plan = plan_tiles(40, 56, tile_px=32, overlap_px=16, window_px=16)
    total_bytes = RECORD_BYTES * (len(plan.tiles) + len(plan.seams))
    numbers = random.Random(seed)
    return [(numbers.randrange(pictures), numbers.randint(0, total_bytes)) for _ in range(count)]


def check_kill(
    start: Callable,
    moment: tuple[int, int],
    album: Path,
    out: Path,
    cache: Path,
    expected: dict[str, bytes],
    resume: Callable[[], None],
) -> None:
    """Kills the command at a moment and resumes: the results are those of an undisturbed run, and nothing else is left."""
    published, recorded = moment
    process = start("upscale", album, *WORDS, "-o", out, cache=cache)

    def has_come() -> bool:
        results = [path for path in out.glob("*") if not path.name.startswith(".")]
        # Of a job that has begun at least: before the first there is nothing to go on from.
        return len(results) >= published and recorded_bytes(cache) >= recorded and any((cache / "jobs").glob("j*"))

    assert watch(process, has_come), moment
    kill_parent(process)
    assert contents(out) != expected, moment
    resume()
    assert contents(out) == expected, moment
    assert [*(cache / "jobs").iterdir(), *(cache / "runs").iterdir()] == [], moment


@pytest.fixture
def album(picture_hwc: np.ndarray, tmp_path: Path) -> Path:
    return pictures(tmp_path / "album", picture_hwc, 3)


@pytest.fixture
def expected(triptych: Callable, own_cache: Path, album: Path, tmp_path: Path) -> dict[str, bytes]:
    """What an undisturbed run makes of the pictures."""
    assert triptych("upscale", album, *WORDS, "-o", tmp_path / "undisturbed").status == 0
    made = contents(tmp_path / "undisturbed")
    assert len(made) == 3
    return made


def test_a_killed_command_is_resumed_bit_for_bit(
    triptych: Callable, start: Callable, own_cache: Path, album: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    def resume() -> None:
        assert triptych("upscale", "--resume", "--json").status == 0

    (moment,) = moments(seed=11, count=1, pictures=3)
    check_kill(start, moment, album, tmp_path / "out", own_cache, expected, resume)


def test_a_result_that_was_being_written_when_the_command_was_killed_is_written_once(
    triptych: Callable, start: Callable, own_cache: Path, tmp_path: Path
) -> None:
    # Noise, in a form that takes seconds to write and says nothing on the way.
    noise = np.random.default_rng(1).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "noise.png"), noise)
    out = tmp_path / "out"
    words = ["--model", "esc-fast", "--scale", "4", "--format", "webp", "--quality", "100", "-o", out]
    process = start("upscale", tmp_path / "noise.png", *words, cache=own_cache)
    children: list[psutil.Process] = []

    def is_writing() -> bool:
        children[:] = psutil.Process(process.pid).children(recursive=True)
        return any(out.glob(".triptych-*"))

    assert watch(process, is_writing)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=3)
    assert alive == []
    assert not out.exists() or list(out.iterdir()) == []
    assert triptych("upscale", "--resume", "--json").status == 0
    assert [path.name for path in out.iterdir()] == ["noise_esc-fast_x4.webp"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_command_killed_at_ten_moments_is_resumed_bit_for_bit(
    start: Callable, album: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"

    def resume() -> None:
        process = start("upscale", "--resume", "--json", cache=cache)
        _, stderr = process.communicate()
        assert process.returncode == 0, stderr

    for number, moment in enumerate(moments(seed=4, count=10, pictures=3)):
        check_kill(start, moment, album, tmp_path / f"out {number}", cache, expected, resume)
