"""Manifests of batches: whole or not there, torn lines not counted, and nobody's but their run's."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import runs
from engine.errors import OutputError
from engine.jobs import Job, as_plain, from_plain, job_key, named_choice
from engine.messages import ModelRequest, UpscaleSettings
from engine.outputs import Target

ROOT = Path(__file__).parents[2]


def job(name: str = "a.png", **changes: Any) -> Job:
    plain = Job(Path("/pictures") / name, named_choice("esc"), UpscaleSettings(), Target(Path("/out")), scale=2)
    return replace(plain, **changes)


def jobs(count: int = 3) -> list[dict[str, Any]]:
    return [as_plain(job(f"{number} caf\udce9.png")) for number in range(count)]


def begun(root: Path, count: int = 3) -> list[dict[str, Any]]:
    """Leaves a run of which nothing was done."""
    plain = jobs(count)
    runs.begin(root, plain).close()
    return plain


def test_a_run_is_found_after_it_was_interrupted_with_what_is_left(tmp_path: Path) -> None:
    plain = jobs()
    with runs.begin(tmp_path, plain) as run:
        assert run.left == [0, 1, 2]
        run.end(1, "/out/1.png")
        run.end(1, None)
    (found,) = runs.interrupted(tmp_path)
    with found:
        assert found.jobs == plain
        assert found.left == [0, 2]
        assert found.outputs == {Path("/out/1.png")}
        found.end(0, None)
    (again,) = runs.interrupted(tmp_path)
    with again:
        assert again.left == [2]
        again.end(2, "/out/2.png")
    assert runs.interrupted(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_at_work_is_nobody_elses(tmp_path: Path) -> None:
    with runs.begin(tmp_path, jobs()):
        assert runs.interrupted(tmp_path) == []
        assert runs.clean(tmp_path, 0) == []
    assert len(runs.interrupted(tmp_path)) == 1


def test_the_lock_dies_with_its_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from engine import runs\n"
        f"run = runs.begin(Path({str(tmp_path)!r}), [{{'input': '1'}}, {{'input': '2'}}]); run.end(0, 'x')\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert runs.interrupted(tmp_path) == []
    process.kill()
    process.communicate()
    (found,) = runs.interrupted(tmp_path)
    with found:
        assert found.left == [1]


def test_a_manifest_cut_at_any_byte_of_its_end_loses_no_job(tmp_path: Path) -> None:
    plain = jobs(2)
    with runs.begin(tmp_path, plain) as run:
        path = run._path
        whole = path.stat().st_size
        run.end(0, "/out/0.png")
    data = path.read_bytes()
    for length in range(whole, len(data)):
        path.write_bytes(data[:length])
        (found,) = runs.interrupted(tmp_path)
        assert found.jobs == plain
        # Everything but the newline of the last line is needed.
        assert found.left == ([1] if length == len(data) - 1 else [0, 1])
        # A line that follows a torn one counts.
        found.end(1, None)
        found._lock.release()
        (after,) = runs.interrupted(tmp_path) or [None]
        assert after is None or after.left == [0]
        if after is not None:
            after._lock.release()
        else:
            # All was done, so it was removed.
            assert length == len(data) - 1


@pytest.mark.parametrize("offset", [0, 20, 150, -3])
def test_a_damaged_manifest_is_left_alone(tmp_path: Path, offset: int) -> None:
    begun(tmp_path)
    (path,) = tmp_path.glob("*.jsonl")
    data = bytearray(path.read_bytes())
    data[offset if offset else 3] ^= 1
    path.write_bytes(bytes(data))
    assert runs.interrupted(tmp_path) == []
    assert path.exists()


def test_jobs_that_were_done_elsewhere_are_not_left(tmp_path: Path) -> None:
    plain = begun(tmp_path)
    runs.take_over(tmp_path, {job_key(plain[0]): "/out/0.png", job_key(plain[2]): None, "unknown": None})
    (run,) = runs.interrupted(tmp_path)
    with run:
        assert run.left == [1]
    runs.take_over(tmp_path, {job_key(plain[1]): None})
    assert list(tmp_path.iterdir()) == []


def test_forgotten_manifests_are_cleaned_up_and_young_ones_not(tmp_path: Path) -> None:
    begun(tmp_path)
    assert runs.clean(tmp_path, 3600) == []
    (path,) = tmp_path.glob("*.jsonl")
    os.utime(path, (0, 0))
    (tmp_path / f"r{'0' * 32}.lock").touch()
    (tmp_path / "somebody's file").touch()
    assert runs.clean(tmp_path, 3600) == [path]
    assert [each.name for each in tmp_path.iterdir()] == ["somebody's file"]
    assert runs.clean(tmp_path / "missing", 0) == []


def test_a_folder_that_takes_no_manifest_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        runs.begin(tmp_path / "occupied" / "runs", jobs())


def test_a_manifest_of_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        runs.begin(tmp_path, jobs())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale": None, "size": (None, 300)},
        {
            "target": Target(file=Path("/out/x.tif"), format="tiff", quality=3, existing="skip"),
            "subfolder": Path("a/b"),
        },
        {
            "settings": UpscaleSettings(None, 8, "cpu,cpu", "bf16", "sdpa", True, 2),
            "reference": Path("/pictures/hr.png"),
        },
    ],
)
def test_a_job_comes_back_from_its_plain_form(changes: dict[str, Any]) -> None:
    import json

    before = job(**changes)
    request, variant = before.model.locate(2)
    asked = as_plain(before)
    found = json.loads(json.dumps(as_plain(before, request, variant)))
    for plain in (asked, found):
        after = from_plain(plain)
        assert replace(after, model=before.model) == before
        assert after.model.label == "esc"
        assert after.model.locate(2) == (request, variant)
        assert job_key(as_plain(after)) == job_key(asked)
    assert job_key(as_plain(replace(before, input=Path("/pictures/b.png")))) != job_key(asked)


def test_weights_that_moved_are_found_by_their_name() -> None:
    plain = as_plain(job(), ModelRequest("/gone/esc_x2.safetensors", 2), "esc-light")
    request, _ = from_plain(plain).model.locate(2)
    assert Path(request.weights).is_file()
