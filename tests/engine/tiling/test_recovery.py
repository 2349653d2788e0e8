"""Recovery believes bytes only: journals cut, pages zeroed, records that lie. Never a wrong pixel."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.canvas import RasterRef
from engine.journal import RECORD_BYTES, JournalWriter, Record, read_journal
from engine.tiling.geometry import Box, plan_tiles
from engine.tiling.layout import CanvasLayout
from engine.tiling.recovery import Recovery, recover

# Four tiles, four seams of two tiles, one of four.
SMALL = plan_tiles(40, 44, tile_px=32, overlap_px=16, window_px=8)
# Three by three tiles.
PLAN = plan_tiles(48, 48, tile_px=24, overlap_px=8, window_px=8)
PAGE_BYTES = 4096


def test_a_journal_cut_at_every_byte_resumes_right(make_job: Callable[..., Any]) -> None:
    job = make_job(SMALL)
    job.run_all()
    expected = job.undisturbed()
    journal = job.folder / "journal.0"
    data = journal.read_bytes()
    tasks = job.tasks()
    assert len(data) == len(tasks) * RECORD_BYTES
    for length in range(len(data) + 1):
        journal.write_bytes(data[:length])
        done = job.recover()
        kept = tasks[: length // RECORD_BYTES]
        assert done.tiles == {index for kind, index in kept if kind == "tile"}
        assert done.seams == {index for kind, index in kept if kind == "seam"}
        # At each end of a record, and once within each: from the journal that is left, on a canvas that lost the rest.
        if length % RECORD_BYTES in (0, 50):
            lose_all_but(job, kept)
            job.finish()
            assert np.array_equal(job.picture(), expected)
            (job.folder / "journal.99").unlink()


def lose_all_but(job: Any, kept: list[tuple[str, int]]) -> None:
    layout = CanvasLayout(job.plan, job.canvas, job.scale)
    picture = np.memmap(job.canvas.path, np.float32, "r+", shape=(job.canvas.height, job.canvas.width, 3))
    for kind, index in set(job.tasks()) - set(kept):
        box = layout.core(index) if kind == "tile" else job.plan.regions[index].box.scaled(job.scale)
        picture[box.slices] = 0
        if kind == "tile":
            zero(job, *layout.margins(index))


def zero(job: Any, offset: int, size: int) -> None:
    with open(job.canvas.path, "r+b") as file:
        file.seek(offset)
        file.write(bytes(size))


@pytest.mark.parametrize("seams_recorded", ["all", "half", "none"])
def test_any_page_of_zeros_is_found_and_made_good(make_job: Callable[..., Any], seams_recorded: str) -> None:
    job = make_job(PLAN)
    tasks = job.tasks()
    keep = {"all": tasks, "half": [*tasks[:9], *tasks[9::2]], "none": tasks[:9]}[seams_recorded]
    with job.writer() as writer:
        job.do(writer, keep)
    expected = job.undisturbed()
    whole = Path(job.canvas.path).read_bytes()
    for offset in range(0, len(whole), PAGE_BYTES):
        zero(job, offset, min(PAGE_BYTES, len(whole) - offset))
        done = job.finish()
        assert np.array_equal(job.picture(), expected), f"page at {offset}"
        # Complete, every page of the picture is spoken for; before the first seam, every page of the margins is.
        is_margin = offset >= job.canvas.size_bytes
        if (seams_recorded == "all" and not is_margin) or (seams_recorded == "none" and is_margin):
            assert len(done.tiles) + len(done.seams) < len(keep)
        (job.folder / "journal.99").unlink()
        Path(job.canvas.path).write_bytes(whole)


def test_margins_that_no_seam_needs_any_more_may_be_lost(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    job.run_all()
    layout = CanvasLayout(PLAN, job.canvas, job.scale)
    zero(job, layout.margins(0)[0], layout.size_bytes - layout.margins(0)[0])
    assert job.recover() == Recovery(job.all_tiles, job.all_seams)


def test_a_tile_whose_margins_fail_is_not_done_while_one_of_its_seams_is_missing(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    missing = PLAN.seams_of[4][2]
    with job.writer() as writer:
        job.do(writer, [task for task in job.tasks() if task != ("seam", missing)])
    layout = CanvasLayout(PLAN, job.canvas, job.scale)
    zero(job, *layout.margins(4))
    other = next(tile for tile in job.all_tiles if missing not in PLAN.seams_of[tile])
    zero(job, *layout.margins(other))
    done = job.finish()
    assert done.tiles == job.all_tiles - {4}
    assert done.seams == job.all_seams - {missing}
    assert np.array_equal(job.picture(), job.undisturbed())


def test_a_seam_whose_pixels_fail_takes_its_tiles_with_it_only_where_their_margins_fail(
    make_job: Callable[..., Any],
) -> None:
    job = make_job(PLAN)
    job.run_all()
    seam = next(region for region in PLAN.seams if len(PLAN.regions[region].tiles) == 2)
    first, second = PLAN.regions[seam].tiles
    picture = np.memmap(job.canvas.path, np.float32, "r+", shape=(job.canvas.height, job.canvas.width, 3))
    picture[PLAN.regions[seam].box.scaled(job.scale).slices] = 0
    assert job.recover() == Recovery(job.all_tiles, job.all_seams - {seam})
    zero(job, *CanvasLayout(PLAN, job.canvas, job.scale).margins(first))
    done = job.finish()
    assert done == Recovery(job.all_tiles - {first}, job.all_seams - {seam})
    assert second in done.tiles
    assert np.array_equal(job.picture(), job.undisturbed())


def test_records_that_lie_do_not_count(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    job.run_all()
    honest = read_journal(job.folder / "journal.0", 77)
    (job.folder / "journal.0").unlink()
    tile, seam = honest[0], honest[-1]
    lies = [
        replace(tile, pixels_crc=tile.pixels_crc ^ 1),
        replace(seam, pixels_crc=seam.pixels_crc ^ 1),
        replace(honest[1], margins_crc=honest[1].margins_crc ^ 1),
        replace(honest[2], box=Box(0, 0, 1, 1)),
        replace(honest[3], index=4),
        replace(seam, index=PLAN.core_of[0]),
        Record("tile", len(PLAN.tiles), Box(0, 0, 0, 0), 0),
        Record("seam", len(PLAN.regions), Box(0, 0, 0, 0), 0),
    ]
    with JournalWriter(job.folder / "journal.0", 77) as journal:
        for lie in lies:
            journal.append(lie)
    assert job.recover() == Recovery()
    # An honest record of the same task, by another writer, counts.
    with JournalWriter(job.folder / "journal.1", 77) as journal:
        journal.append(tile)
    assert job.recover() == Recovery(frozenset({0}))


def test_the_record_that_holds_says_how_the_tile_was_made(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    with job.writer(0) as first, job.writer(1) as second:
        first.write_tile(0, job.sr_tile(0), "smaller tiles")
        second.write_tile(1, job.sr_tile(1), "fp32")
        # Tile 0 done again, as planned this time, and other bits came out.
        second.write_tile(0, job.sr_tile(0)[::-1].copy())
    assert job.recover() == Recovery(frozenset({0, 1}), frozenset(), {1: "fp32"})


def test_core_and_margins_of_two_tries_make_no_tile(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    with job.writer() as writer:
        writer.write_tile(0, job.sr_tile(0)[::-1].copy())
        offset, size = CanvasLayout(PLAN, job.canvas, job.scale).margins(0)
        old_margins = Path(job.canvas.path).read_bytes()[offset : offset + size]
        writer.write_tile(0, job.sr_tile(0))
    assert job.recover().tiles == {0}
    with open(job.canvas.path, "r+b") as file:
        file.seek(offset)
        file.write(old_margins)
    assert job.recover().tiles == frozenset()


def test_a_canvas_that_is_missing_or_short_proves_what_is_left_of_it(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    job.run_all()
    expected = job.undisturbed()
    whole = job.folder / "whole"
    shutil.copy(job.canvas.path, whole)
    rng = random.Random(3)
    for length in [0, 1, *(rng.randrange(whole.stat().st_size) for _ in range(6)), None]:
        if length is None:
            Path(job.canvas.path).unlink()
            assert job.recover() == Recovery()
        else:
            Path(job.canvas.path).write_bytes(whole.read_bytes()[:length])
        job.finish()
        assert np.array_equal(job.picture(), expected)
        (job.folder / "journal.99").unlink()


def test_the_journals_of_two_writers_and_of_a_stranger(make_job: Callable[..., Any]) -> None:
    job = make_job(PLAN)
    with job.writer(0) as first, job.writer(1) as second:
        for index in job.all_tiles:
            (first if index % 2 else second).write_tile(index, job.sr_tile(index))
    stranger = read_journal(job.folder / "journal.0", 77)
    with JournalWriter(job.folder / "journal.2", 78) as journal:
        for record in stranger:
            journal.append(record)
    assert job.recover().tiles == job.all_tiles
    (job.folder / "journal.0").unlink()
    assert job.recover().tiles == {0, 2, 4, 6, 8}


def test_a_canvas_of_another_plan_is_refused(tmp_path: Path) -> None:
    canvas = RasterRef(str(tmp_path / "c"), 96, 97, 3, "float32")
    with pytest.raises(ValueError, match="not the canvas"):
        recover(PLAN, canvas, 2, [])
