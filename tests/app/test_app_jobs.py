"""Pictures and jobs as plain data."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.jobs import Job, JobState, Session
from engine.canvas import RasterRef
from engine.messages import DoneUpscale, ImageInfo


def job() -> Job:
    return Job(1, 1, "esc-fast", 2, Path("esc-fast_x2.safetensors"))


def test_a_job_goes_from_the_line_to_its_end() -> None:
    each = job()
    assert each.is_to_do
    assert not each.is_active
    for state in (JobState.WAITING, JobState.RUNNING, JobState.RUNNING, JobState.DONE):
        each.advance(state)
    assert not each.is_active
    assert each.is_unsaved


@pytest.mark.parametrize("end", [JobState.DONE, JobState.FAILED, JobState.CANCELLED])
def test_an_ended_job_stays_ended(end: JobState) -> None:
    each = job()
    each.advance(JobState.WAITING)
    each.advance(JobState.CANCELLING)
    each.advance(end)
    with pytest.raises(ValueError, match="cannot become running"):
        each.advance(JobState.RUNNING)


def test_time_left_follows_the_tiles_done() -> None:
    each = job()
    assert each.seconds_left(100.0) is None
    each.began_s, each.expected_s = 90.0, 25.0
    assert each.seconds_left(100.0) == pytest.approx(15.0)
    assert each.seconds_left(1000.0) == 0.0
    each.tiles_done, each.tiles, each.seconds = 3, 12, 6.0
    assert each.seconds_left(100.0) == pytest.approx(18.0)


def test_a_second_job_of_a_model_is_expected_to_take_as_long_per_pixel() -> None:
    session = Session()
    small, _ = session.add(Path("/small.png"))
    large, _ = session.add(Path("/large.png"))
    small.raster = RasterRef("a", 10, 10, 3, "uint8")
    small.info = ImageInfo("/small.png", "png", 10, 10, 3, 8)
    large.info = ImageInfo("/large.png", "png", 20, 30, 3, 8)
    first = session.new_job(small, "esc-fast", 2, Path("w"))
    assert first.expected_s is None
    session.learn(first, DoneUpscale(0, 1, 480, 32, "cpu", "fp32", {}, 2.0, 0))
    assert session.new_job(large, "esc-fast", 2, Path("w")).expected_s == pytest.approx(12.0)
    assert session.new_job(large, "esc-fast", 4, Path("w")).expected_s is None


def test_the_same_file_is_opened_once() -> None:
    session = Session()
    first, is_new = session.add(Path("/a.png"))
    again, is_new_again = session.add(Path("/a.png"))
    assert (is_new, is_new_again) == (True, False)
    assert first is again


def test_removing_the_picture_shown_turns_to_its_neighbour() -> None:
    session = Session()
    pictures = [session.add(Path(f"/{name}.png"))[0] for name in "abc"]
    session.shown = pictures[1]
    session.remove(pictures[1])
    assert session.shown is pictures[2]
    session.remove(pictures[2])
    assert session.shown is pictures[0]
    session.remove(pictures[0])
    assert session.shown is None


def test_removing_a_result_shows_the_latest_other_one() -> None:
    session = Session()
    picture, _ = session.add(Path("/a.png"))
    first = session.new_job(picture, "esc-fast", 2, Path("w"))
    second = session.new_job(picture, "esc-fast", 2, Path("w"))
    assert picture.same_result(second) is first
    picture.remove_result(second)
    assert picture.shown_job is first
    picture.remove_result(first)
    assert picture.shown_job is None


def test_a_paused_job_goes_back_into_the_line() -> None:
    each = job()
    for state in (JobState.WAITING, JobState.RUNNING, JobState.CANCELLING, JobState.QUEUED, JobState.WAITING):
        each.advance(state)
    assert each.is_active


def test_the_line_follows_the_order_of_the_pictures() -> None:
    session = Session()
    pictures = [session.add(Path(f"/{name}.png"))[0] for name in "abc"]
    jobs = [session.new_job(picture, "esc-fast", 2, Path("w")) for picture in pictures]
    assert session.next_job is jobs[0]
    session.move(pictures[2], 0)
    assert session.queued_jobs == [jobs[2], jobs[0], jobs[1]]
    jobs[2].advance(JobState.WAITING)
    assert session.active_job is jobs[2]
    assert session.next_job is jobs[0]
