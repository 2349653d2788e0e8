"""The canvas on disk: the bits of a run in memory, whatever the order, the writers and the interruptions."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canvas import RasterRef
from engine.errors import OutputError
from engine.journal import JournalWriter
from engine.tiling.geometry import TilePlan, plan_tiles
from engine.tiling.layout import canvas_bytes, reserve_canvas
from engine.tiling.recovery import recover
from engine.tiling.writer import CanvasWriter

ROOT = Path(__file__).parents[3]
PLAN = plan_tiles(60, 76, tile_px=32, overlap_px=16, window_px=8)


@st.composite
def plans(draw: st.DrawFn) -> TilePlan:
    window = draw(st.sampled_from([1, 4, 8]))
    return plan_tiles(
        draw(st.integers(1, 70)),
        draw(st.integers(1, 70)),
        tile_px=draw(st.none() | st.integers(8, 48)),
        overlap_px=draw(st.integers(0, 24)),
        window_px=window,
    )


def legal_order(plan: TilePlan, rng: random.Random) -> list[tuple[str, int]]:
    """A random order of all tasks in which a seam comes after its tiles."""
    tiles = list(range(len(plan.tiles)))
    rng.shuffle(tiles)
    ready_at = {region: max(map(tiles.index, plan.regions[region].tiles)) for region in plan.seams}
    place: dict[tuple[str, int], float] = {("tile", tile): float(at) for at, tile in enumerate(tiles)}
    place |= {("seam", region): rng.uniform(at + 0.01, len(tiles)) for region, at in ready_at.items()}
    return sorted(place, key=lambda task: place[task])


@given(plans(), st.integers(1, 3), st.integers(1, 4), st.randoms(use_true_random=False))
def test_interrupted_runs_of_two_writers_give_the_bits_of_an_undisturbed_run(
    make_job: Callable[..., Any], plan: TilePlan, scale: int, channels: int, rng: random.Random
) -> None:
    job = make_job(plan, scale, channels)
    writers = [job.writer(0), job.writer(1)]
    tasks = legal_order(plan, rng)
    cut = rng.randint(0, len(tasks))
    for task in tasks[:cut]:
        job.do(rng.choice(writers), [task])
    # Killed in the middle of the next task: some of its bytes are there, its record is not.
    if cut < len(tasks):
        scribble_over(job, tasks[cut], rng)
    done = job.finish(number=2)
    assert done.tiles == {index for kind, index in tasks[:cut] if kind == "tile"}
    assert done.seams == {index for kind, index in tasks[:cut] if kind == "seam"}
    assert np.array_equal(job.picture(), job.undisturbed())
    for writer in writers:
        writer.close()


def scribble_over(job: Any, task: tuple[str, int], rng: random.Random) -> None:
    kind, index = task
    region = job.plan.core_of[index] if kind == "tile" else index
    if region is not None:
        box = job.plan.regions[region].box.scaled(job.scale)
        height = rng.randint(1, box.height)
        canvas_hwc = np.memmap(
            job.canvas.path, np.float32, "r+", shape=(job.canvas.height, job.canvas.width, job.canvas.channels)
        )
        canvas_hwc[box.slices][:height] = np.nan
        canvas_hwc.flush()


def test_final_boxes_partition_the_canvas(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    written = np.zeros((job.canvas.height, job.canvas.width), int)
    with job.writer() as writer:
        for index in job.all_tiles:
            for box in writer.write_tile(index, job.sr_tile(index)):
                written[box.slices] += 1
        for region in job.all_seams:
            for box in writer.blend_seam(region):
                written[box.slices] += 1
    assert (written == 1).all()


def test_a_plan_without_cores_is_written_by_its_seams(make_job: Callable[..., Any]) -> None:
    plan = plan_tiles(40, 8, tile_px=24, overlap_px=16, window_px=8)
    assert None in plan.core_of
    job = make_job(plan)
    with job.writer() as writer:
        tile = plan.core_of.index(None)
        assert writer.write_tile(tile, job.sr_tile(tile)) == ()
    assert tile in job.finish().tiles
    assert np.array_equal(job.picture(), job.undisturbed())


def test_the_file_holds_the_margins_behind_the_picture(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    job.run_all()
    margins = sum(
        PLAN.regions[region].box.height * PLAN.regions[region].box.width * len(PLAN.regions[region].tiles)
        for region in PLAN.seams
    )
    size = canvas_bytes(PLAN, job.canvas, job.scale)
    assert Path(job.canvas.path).stat().st_size == size
    assert 0 <= size - job.canvas.size_bytes - margins * job.scale**2 * 3 * 4 < 4096


def test_reserving_again_keeps_what_is_there(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    job.run_all()
    before = Path(job.canvas.path).read_bytes()
    with open(job.canvas.path, "ab") as file:
        file.truncate(len(before) - 5000)
    reserve_canvas(PLAN, job.canvas, job.scale)
    assert Path(job.canvas.path).read_bytes() == before[:-5000] + bytes(5000)


def test_what_does_not_fit_the_plan_is_refused(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    with job.writer() as writer:
        for wrong in (job.sr_tile(0)[1:], job.sr_tile(0)[..., :1], job.sr_tile(0).astype(np.float64)):
            with pytest.raises(ValueError, match="tile 0 is"):
                writer.write_tile(0, wrong)
        with pytest.raises(ValueError, match="not a seam"):
            writer.blend_seam(PLAN.core_of[0])
    other = RasterRef(job.canvas.path, job.canvas.height, job.canvas.width + 1, 3, "float32")
    with pytest.raises(ValueError, match="not the canvas"):
        canvas_bytes(PLAN, other, job.scale)


def test_a_canvas_that_was_not_reserved_is_refused(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    Path(job.canvas.path).touch()
    with JournalWriter(job.folder / "journal.0") as journal, pytest.raises(ValueError, match="reserve it first"):
        CanvasWriter(PLAN, job.canvas, job.scale, journal)


def test_a_tile_may_be_a_view_and_is_not_changed(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    with job.writer() as writer:
        for index in job.all_tiles:
            wide = np.zeros((*job.sr_tile(index).shape[:2], 5), np.float32)
            wide[..., 1:4] = job.sr_tile(index)
            wide.flags.writeable = False
            writer.write_tile(index, wide[..., 1:4])
    job.finish()
    assert np.array_equal(job.picture(), job.undisturbed())


class WatchedSync:
    """Stands for os.fdatasync: names the files, and raises `error` where one is given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: OSError | None = None) -> None:
        self._real, self._error = os.fdatasync, error
        self.names: queue.Queue[str] = queue.Queue()
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, descriptor: int) -> None:
        if self._error is not None:
            raise self._error
        self._real(descriptor)
        self.names.put(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def next_two(self) -> list[str]:
        return [self.names.get(timeout=30), self.names.get(timeout=30)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks up descriptors in /proc")
def test_syncs_come_at_most_once_a_second_and_at_the_end(
    make_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(PLAN)
    job.writer().close()
    watched = WatchedSync(monkeypatch)
    now = [0.0]
    journal = JournalWriter(job.folder / "journal.1", 77)
    writer = CanvasWriter(PLAN, job.canvas, job.scale, journal, clock=lambda: now[0])
    for index, (at, is_due) in enumerate(
        [(0.2, False), (0.9, False), (1.1, True), (1.2, False), (2.0, False), (2.2, True)]
    ):
        now[0] = at
        writer.write_tile(index, job.sr_tile(index))
        if is_due:
            assert watched.next_two() == ["canvas.raw", "journal.1"]
            assert writer._sync is not None
            writer._sync.result()
    assert watched.names.empty()
    writer.close()
    assert watched.next_two() == ["canvas.raw", "journal.1"]
    writer.close()
    assert watched.names.empty()


@pytest.mark.skipif(not hasattr(os, "fdatasync"), reason="this system has no fdatasync")
def test_a_disk_that_fails_while_syncing_is_a_sentence(
    make_job: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(PLAN)
    threads = threading.active_count()
    job.writer().close()
    with monkeypatch.context() as patch:
        WatchedSync(patch, OSError(errno.EIO, "Input/output error"))
        journal = JournalWriter(job.folder / "journal.1", 77)
        clock = itertools.count(0, 2)
        writer = CanvasWriter(PLAN, job.canvas, job.scale, journal, clock=lambda: float(next(clock)))
        # The first may still be under way when the next tile comes: the error comes with one of them, or with the last.
        with pytest.raises(OutputError, match="Input/output error"):  # noqa: PT012
            job.do(writer, job.tasks())
            writer.close()
        with contextlib.suppress(OutputError):
            writer.close()
    assert threading.active_count() == threads
    job.finish()
    assert np.array_equal(job.picture(), job.undisturbed())


def peak_bytes(job: Any) -> int:
    blank = {
        tile.height * tile.width: np.zeros((tile.height * 2, tile.width * 2, 3), np.float32) for tile in job.plan.tiles
    }
    with job.writer() as writer:
        tracemalloc.start()
        for index, tile in enumerate(job.plan.tiles):
            writer.write_tile(index, blank[tile.height * tile.width].reshape(tile.height * 2, tile.width * 2, 3))
        for region in job.plan.seams:
            writer.blend_seam(region)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_canvas(make_job: Callable[..., Any]) -> None:
    peaks = [
        peak_bytes(make_job(plan_tiles(size, size, tile_px=128, overlap_px=32, window_px=16))) for size in (320, 768)
    ]
    # Both are about the margins of one tile, in bytes: 4 strips of 16 × 128 pixels, corners included, four times.
    assert peaks[1] <= 1.05 * peaks[0]


WORKER = """
import sys
from pathlib import Path
import numpy as np
from engine.canvas import RasterRef
from engine.journal import JournalWriter
from engine.tiling.geometry import plan_tiles
from engine.tiling.recovery import recover
from engine.tiling.writer import CanvasWriter

folder, number = Path(sys.argv[1]), sys.argv[2]
plan = plan_tiles(60, 76, tile_px=32, overlap_px=16, window_px=8)
canvas = RasterRef(str(folder / "canvas.raw"), 60 * 8, 76 * 8, 3, "float32")
done = recover(plan, canvas, 8, sorted(folder.glob("journal.*")), 77)
writer = CanvasWriter(plan, canvas, 8, JournalWriter(folder / f"journal.{number}", 77))
print("begins with", len(done.tiles) + len(done.seams), flush=True)
for index, tile in enumerate(plan.tiles):
    if index not in done.tiles:
        shape = (tile.height * 8, tile.width * 8, 3)
        writer.write_tile(index, np.random.default_rng(index).random(shape, np.float32))
        print("tile", index, flush=True)
for region in plan.seams:
    if region not in done.seams:
        writer.blend_seam(region)
        print("seam", region, flush=True)
writer.close()
print("end", flush=True)
"""


def test_a_process_killed_again_and_again_finishes_bit_identical(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN, 8)
    reserve_canvas(PLAN, job.canvas, job.scale)
    rng = random.Random(5)
    reported = 0
    for number in itertools.count():
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(job.folder), str(number)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        begins = int(process.stdout.readline().split()[-1])
        # Everything that was reported is there, and at most what was under way besides.
        assert begins >= reported
        reported = begins
        for _ in range(rng.randint(1, 14)):
            line = process.stdout.readline()
            reported += line.startswith(("tile", "seam"))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
        process.wait()
        process.stdout.close()
        reported += rest.count("tile") + rest.count("seam")
        if line == "end\n" or rest.endswith("end\n"):
            break
    assert number >= 4
    assert np.array_equal(job.picture(), job.undisturbed())
    assert len(job.recover().tiles) == len(PLAN.tiles)


DISK_FULL = """
import os, sys
from pathlib import Path
import numpy as np
from engine.canvas import RasterRef, open_raster
from engine.errors import OutputError
from engine.journal import JournalWriter
from engine.tiling.blend import SeamBlender
from engine.tiling.geometry import plan_tiles
from engine.tiling.layout import canvas_bytes, reserve_canvas
from engine.tiling.recovery import recover
from engine.tiling.writer import CanvasWriter

folder = Path(sys.argv[1])
plan = plan_tiles(60, 76, tile_px=32, overlap_px=16, window_px=8)
canvas = RasterRef(str(folder / "canvas.raw"), 480, 608, 3, "float32")
size = canvas_bytes(plan, canvas, 8)
filler = folder / "filler"
disk = os.statvfs(folder)
filler.write_bytes(bytes(disk.f_bavail * disk.f_frsize - size // 2))
try:
    reserve_canvas(plan, canvas, 8)
    raise SystemExit("reserved more than the disk has")
except OutputError as error:
    assert "no room" in error.message and "No space left" in error.message, error.message
assert not Path(canvas.path).exists()

# A file system that cannot promise blocks: the full disk is met by a write.
with open(canvas.path, "wb") as file:
    file.truncate(size)
tiles = [np.random.default_rng(i).random((t.height * 8, t.width * 8, 3), np.float32) for i, t in enumerate(plan.tiles)]
writer = CanvasWriter(plan, canvas, 8, JournalWriter(folder / "journal.0"))
written = 0
try:
    for index, tile in enumerate(tiles):
        writer.write_tile(index, tile)
        written += 1
    raise SystemExit("wrote more than the disk has")
except OutputError as error:
    assert "No space left" in error.message and "resume" in error.hint, error
assert 0 < written < len(tiles)
assert recover(plan, canvas, 8, [folder / "journal.0"]).tiles == frozenset(range(written))
filler.unlink()
for index in range(written, len(tiles)):
    writer.write_tile(index, tiles[index])
for region in plan.seams:
    writer.blend_seam(region)
writer.close()
expected = np.zeros((480, 608, 3), np.float32)
blender = SeamBlender(plan, expected, 8)
for index, tile in enumerate(tiles):
    blender.add(index, tile)
assert np.array_equal(open_raster(canvas), expected)
done = recover(plan, canvas, 8, [folder / "journal.0"])
assert (len(done.tiles), len(done.seams)) == (len(tiles), len(plan.seams))
print("whole")
"""


def test_a_full_disk_is_a_sentence_and_the_job_goes_on_when_there_is_room(tmp_path: Path) -> None:
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*own_mounts, "mount", "-t", "tmpfs", "none", str(tmp_path)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this system does not let a user mount a small disk")
    script = 'mount -t tmpfs -o size=32m none "$1" && exec "$2" -c "$3" "$1"'
    result = subprocess.run(
        [*own_mounts, "sh", "-c", script, "sh", str(tmp_path), sys.executable, DISK_FULL],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.strip() == "whole"


def test_a_canvas_that_no_disk_can_hold_leaves_nothing(tmp_path: Path) -> None:
    plan = plan_tiles(2**20, 2**20, tile_px=None, overlap_px=0, window_px=8)
    canvas = RasterRef(str(tmp_path / "canvas.raw"), 2**22, 2**22, 4, "float32")
    with pytest.raises(OutputError, match="no room"):
        reserve_canvas(plan, canvas, 4)
    assert list(tmp_path.iterdir()) == []


def test_recovery_reports_how_far_it_is(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    job.run_all()
    told: list[float] = []
    recover(PLAN, job.canvas, job.scale, [job.folder / "journal.0"], 77, told.append)
    assert told == sorted(told)
    assert told[-1] == 1
