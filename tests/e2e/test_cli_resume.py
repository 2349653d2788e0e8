"""`triptych upscale --resume`: what was interrupted is finished, with the options it began with, and nothing is done twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from engine.client import Engine, JobOrigin
from engine.job_header import InputFile
from engine.jobs import Job, as_plain, named_choice
from engine.messages import UpscaleSettings
from engine.outputs import Target
from engine.workspace import JobFolder, list_jobs

# The picture of 56 × 40 pixels in six tiles.
WORDS = ["--model", "esc-fast", "--scale", 2, "--tile", 32, "--overlap", 16]
TILES = 6


@pytest.fixture
def album(picture_hwc: np.ndarray, tmp_path: Path) -> Path:
    """Three pictures of one size."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        cv2.imwrite(str(folder / name), np.roll(picture_hwc, 7 * number, axis=1))
    return folder


@pytest.fixture
def undisturbed(triptych: Callable, own_cache: Path, album: Path, tmp_path: Path) -> Callable[[str], bytes]:
    """Returns what a picture becomes when nothing interrupts it."""

    def make(name: str) -> bytes:
        out = tmp_path / "undisturbed"
        outcome = triptych("upscale", album / name, *WORDS, "-o", out, "--json")
        data = Path(outcome.jobs[0]["output"]).read_bytes()
        shutil.rmtree(out)
        return data

    return make


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) if folder.exists() else []


def nothing_left(cache: Path) -> bool:
    return files(cache / "jobs") == files(cache / "runs") == []


def test_an_interrupted_job_goes_on_from_its_tiles(
    triptych: Callable, undisturbed: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    expected = undisturbed("a.png")
    out = tmp_path / "out"
    interrupter.press_after(3)
    stopped = triptych("upscale", album / "a.png", *WORDS, "-o", out, "--json")
    assert stopped.status == 130
    assert stopped.stdout == ""
    assert "`triptych upscale --resume` goes on" in stopped.stderr
    assert len(stopped.stderr.splitlines()) == 1
    assert files(out) == []
    done = max(interrupter.heard)
    interrupter.heard.clear()
    resumed = triptych("upscale", "--resume", "--json")
    assert resumed.status == 0, resumed
    (job,) = resumed.jobs
    # The tiles that were there are told of first, and none of them is computed again.
    assert interrupter.heard[0] >= done
    assert interrupter.heard[-1] == job["tiles"] == TILES
    assert (job["warnings"], job["tile"], job["model"]) == ([], 32, "esc-fast")
    assert (out / "a_esc-fast_x2.png").read_bytes() == expected
    assert files(out) == ["a_esc-fast_x2.png"]
    assert nothing_left(own_cache)
    nothing = triptych("upscale", "--resume", "--json")
    assert (nothing.status, nothing.stdout) == (0, "")
    assert "nothing to resume" in nothing.stderr


def test_the_same_command_goes_on_too(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    words = ["upscale", album, *WORDS, "-o", tmp_path / "out", "--json"]
    interrupter.press_after(4)
    assert triptych(*words).status == 130
    interrupter.heard.clear()
    again = triptych(*words)
    assert again.status == 0
    assert interrupter.heard[0] >= 4
    assert files(tmp_path / "out") == [f"{name}_esc-fast_x2.png" for name in "abc"]
    # What the first run had left is done: nothing of it is resumed.
    assert nothing_left(own_cache)


def test_a_batch_goes_on_with_what_it_had_not_begun(
    triptych: Callable, undisturbed: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    expected = [undisturbed(f"{name}.png") for name in "abc"]
    out = tmp_path / "out"
    interrupter.press_after(TILES + 3)
    stopped = triptych("upscale", album, *WORDS, "-o", out, "--json")
    assert stopped.status == 130
    assert "1 of 3 jobs are done" in stopped.stderr
    assert len(stopped.jobs) == 1
    assert files(out) == ["a_esc-fast_x2.png"]
    # Of these inputs only.
    only = triptych("upscale", "--resume", album / "c.png", "--json")
    assert [Path(job["output"]).name for job in only.jobs] == ["c_esc-fast_x2.png"]
    none = triptych("upscale", "--resume", tmp_path / "elsewhere", album / "a.png")
    assert (none.status, none.stdout) == (0, "")
    assert "among these inputs" in none.stderr
    rest = triptych("upscale", "--resume", str(album / "*.png"), "--json")
    assert [Path(job["output"]).name for job in rest.jobs] == ["b_esc-fast_x2.png"]
    assert [(out / f"{name}_esc-fast_x2.png").read_bytes() for name in "abc"] == expected
    assert len(files(out)) == 3
    assert nothing_left(own_cache)


def test_the_options_are_those_of_the_beginning(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--model", "esc-fast", "--size", "100x", "--tile", 32, "--format", "tiff", "--name", "{name} {width}"]
    interrupter.press_after(1)
    assert triptych("upscale", album / "a.png", album / "b.png", *words, "-o", out).status == 130
    resumed = triptych("upscale", "--resume", "--json")
    assert [(job["width"], job["scale"]) for job in resumed.jobs] == [(100, 2), (100, 2)]
    assert files(out) == ["a 100.tif", "b 100.tif"]
    assert nothing_left(own_cache)


@pytest.mark.parametrize(
    "words",
    [
        ["--model", "esc"],
        ["--scale", "2"],
        ["-o", "elsewhere"],
        ["--device", "cpu"],
        ["--overwrite"],
        ["--recursive"],
        ["--tile", "off"],
        ["--name", "{name}"],
    ],
)
def test_options_beside_resume_are_wrong_usage(triptych: Callable, words: list[str]) -> None:
    outcome = triptych("upscale", "--resume", *words)
    assert outcome.status == 2
    flag = {"-o": "--output", "--overwrite": "--existing"}.get(words[0], words[0])
    assert flag in outcome.stderr


def test_a_changed_input_is_done_as_new(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    interrupter.press_after(3)
    triptych("upscale", album / "a.png", *WORDS, "-o", out)
    changed = cv2.imread(str(album / "a.png"))[:36, :50]
    cv2.imwrite(str(album / "a.png"), changed)
    interrupter.heard.clear()
    (job,) = triptych("upscale", "--resume", "--json").jobs
    assert (job["width"], job["height"]) == (100, 72)
    assert "has changed since it was interrupted" in job["warnings"][0]
    assert interrupter.heard[0] == 1
    assert nothing_left(own_cache)


@pytest.mark.parametrize(("answer", "goes_on"), [(None, False), ("n\n", False), ("", False), ("y\n", True)])
def test_other_conditions_are_asked_about_on_a_terminal_and_told_without(
    triptych: Callable,
    engine: Engine,
    interrupter: Any,
    own_cache: Path,
    album: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str | None,
    goes_on: bool,
) -> None:
    import io
    import sys

    interrupter.press_after(3)
    triptych("upscale", album / "a.png", *WORDS, "-o", tmp_path / "out")
    monkeypatch.setattr(engine, "changes_since", lambda *_: ("torch was 1.0 and is 2.0",))
    if answer is not None:
        stdin = io.StringIO(answer)
        stdin.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    interrupter.heard.clear()
    resumed = triptych("upscale", "--resume", "--json")
    (job,) = resumed.jobs
    asked = "torch was 1.0 and is 2.0. Go on" in resumed.stderr
    assert asked == (answer is not None)
    assert (interrupter.heard[0] >= 3) == goes_on
    assert bool(job["warnings"]) != goes_on
    assert all("torch was 1.0 and is 2.0" in warning for warning in job["warnings"])


@pytest.mark.parametrize("existing", ["rename", "skip", "overwrite"])
def test_a_file_that_was_published_just_before_a_kill_is_not_written_twice(
    triptych: Callable,
    own_cache: Path,
    album: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    existing: str,
) -> None:
    def die(_: JobFolder) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out"
    out.mkdir()
    if existing == "overwrite":
        (out / "a_esc-fast_x2.png").write_bytes(b"to be replaced")
    with monkeypatch.context() as patch:
        patch.setattr(JobFolder, "remove", die)
        stopped = triptych("upscale", album, *WORDS, "-o", out, "--existing", existing)
    assert stopped.status == 130
    assert files(out) == ["a_esc-fast_x2.png"]
    before = (out / "a_esc-fast_x2.png").read_bytes()
    # It is whole, and its job does not know.
    assert cv2.imdecode(np.frombuffer(before, np.uint8), cv2.IMREAD_COLOR).shape == (80, 112, 3)
    resumed = triptych("upscale", "--resume", "--json")
    assert resumed.status == 0, resumed
    assert len(resumed.jobs) == 3
    assert files(out) == [f"{name}_esc-fast_x2.png" for name in "abc"]
    assert (out / "a_esc-fast_x2.png").read_bytes() == before
    assert nothing_left(own_cache)


@pytest.mark.parametrize("existing", ["rename", "overwrite"])
def test_twins_stay_two_files_over_an_interruption(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path, existing: str
) -> None:
    twin = tmp_path / "twins" / "a.png"
    twin.parent.mkdir()
    shutil.copy(album / "a.png", twin)
    out = tmp_path / "out"
    interrupter.press_after(TILES + 2)
    words = ["upscale", album / "a.png", twin, *WORDS, "-o", out, "--existing", existing]
    assert triptych(*words).status == 130
    assert files(out) == ["a_esc-fast_x2.png"]
    (job,) = triptych("upscale", "--resume", "--json").jobs
    # Equal to the last byte, and still another picture's result.
    assert Path(job["output"]).name == "a_esc-fast_x2_1.png"
    assert job["input"] == str(twin)
    assert files(out) == ["a_esc-fast_x2.png", "a_esc-fast_x2_1.png"]


def test_a_name_that_was_taken_meanwhile_is_not_replaced(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    interrupter.press_after(2)
    triptych("upscale", album / "a.png", *WORDS, "-o", out)
    out.mkdir()
    (out / "a_esc-fast_x2.png").write_bytes(b"somebody's")
    (job,) = triptych("upscale", "--resume", "--json").jobs
    assert Path(job["output"]).name == "a_esc-fast_x2_1.png"
    assert (out / "a_esc-fast_x2.png").read_bytes() == b"somebody's"


def test_a_name_that_was_taken_meanwhile_is_kept_where_existing_files_are_skipped(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    interrupter.press_after(2)
    triptych("upscale", album / "a.png", *WORDS, "-o", out, "--existing", "skip")
    out.mkdir()
    (out / "a_esc-fast_x2.png").write_bytes(b"somebody's")
    (job,) = triptych("upscale", "--resume", "--json").jobs
    assert "skipped" in job["warnings"][0]
    assert (out / "a_esc-fast_x2.png").read_bytes() == b"somebody's"
    # Nothing to resume a second time.
    assert nothing_left(own_cache)


def test_a_job_of_the_window_is_resumed_as_well(
    triptych: Callable, engine: Engine, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    settings = UpscaleSettings(tile_px=32, overlap_px=16)
    job = Job(album / "b.png", named_choice("esc-fast"), settings, Target(tmp_path / "out"), scale=2)
    request, variant = job.model.locate(2)
    folder = engine.open_job({"some": "identity of its own"})
    source = engine.decode(job.input, folder.input_path).raster

    def stop(progress: Any) -> None:
        if progress.tiles_done == 2:
            raise KeyboardInterrupt

    origin = JobOrigin(InputFile.of(job.input), "esc-fast", as_plain(job, request, variant))
    with pytest.raises(KeyboardInterrupt):
        engine.upscale(source, request, settings, folder.canvas_path, stop, job=folder, origin=origin)
    folder.release()
    resumed = triptych("upscale", "--resume", "--json")
    assert [Path(job["output"]).name for job in resumed.jobs] == ["b_esc-fast_x2.png"]
    assert nothing_left(own_cache)


def test_weights_that_became_others_begin_anew(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    import torch

    from engine.models.registry import build

    small = {
        "dim": 16,
        "pdim": 4,
        "kernel_size": 13,
        "n_blocks": 1,
        "conv_blocks": 1,
        "window_size": 16,
        "num_heads": 1,
    }
    weights = tmp_path / "mine.pth"
    networks = [build("ESC", small | {"upscaling_factor": 2, "exp_ratio": 1.25}).state_dict() for _ in range(2)]
    torch.save({"params": networks[0]}, weights)
    words = ["--weights", weights, "--tile", 32, "--overlap", 16, "-o", tmp_path / "out"]
    interrupter.press_after(3)
    assert triptych("upscale", album / "a.png", *words).status == 130
    torch.save({"params": networks[1]}, weights)
    (job,) = triptych("upscale", "--resume", "--json").jobs
    assert "other weights" in job["warnings"][0]
    torch.save({"params": networks[0]}, weights)
    interrupter.press_after(3)
    assert triptych("upscale", album / "a.png", *words).status == 130
    weights.unlink()
    gone = triptych("upscale", "--resume", "--json")
    assert gone.status == 1
    assert "mine.pth" in gone.jobs[0]["error"]


def test_a_job_that_another_version_kept_is_told_and_stays(
    triptych: Callable, engine: Engine, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    interrupter.press_after(3)
    triptych("upscale", album / "a.png", *WORDS, "-o", tmp_path / "out")
    (job,) = list_jobs(engine.jobs_folder)
    header = replace(job.header, client={"input": str(album / "a.png"), "options": "of another version"})
    (job.path / "job.json").write_bytes(header.to_bytes())
    outcome = triptych("upscale", "--resume", "--json")
    assert outcome.status == 1
    assert "another version" in outcome.jobs[0]["error"]
    assert (job.path / "canvas.raw").exists()


def test_an_input_that_is_gone_fails_by_name_and_its_canvas_stays(
    triptych: Callable, interrupter: Any, own_cache: Path, album: Path, tmp_path: Path
) -> None:
    interrupter.press_after(3)
    triptych("upscale", album / "a.png", *WORDS, "-o", tmp_path / "out")
    (album / "a.png").rename(album / "away.png")
    outcome = triptych("upscale", "--resume", "--json")
    assert outcome.status == 1
    assert "a.png" in outcome.jobs[0]["error"]
    (album / "away.png").rename(album / "a.png")
    interrupter.heard.clear()
    assert triptych("upscale", "--resume").status == 0
    assert interrupter.heard[0] >= 3
