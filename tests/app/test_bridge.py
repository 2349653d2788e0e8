"""The bridge: calls leave the GUI thread, answers come back on it, cancel hits the right call."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.bridge import Bridge, JobProgressed, MemorySeen, default_path, save_target
from engine.canvas import RasterRef
from engine.errors import OutputError, WorkerError
from engine.messages import ImageInfo, Progress, UpscaleSettings, WorkerMemory
from engine.outputs import Target
from engine.tiling.geometry import Box
from tests.app.fake_engine import Controls

WEIGHTS = Path("esc-fast_x2.safetensors")


@pytest.fixture
def raster(qtbot: QtBot, bridge: Bridge, make_image: Callable[..., Path]) -> RasterRef:
    """A decoded picture, on a bridge that has been started."""
    bridge.start()
    with qtbot.waitSignal(bridge.picture_opened) as opened:
        bridge.open_picture(1, make_image())
    return opened.args[0].decoded.raster


def test_answers_come_on_the_gui_thread(qtbot: QtBot, bridge: Bridge, make_image: Callable[..., Path]) -> None:
    threads: list[threading.Thread] = []
    bridge.picture_opened.connect(lambda _event: threads.append(threading.current_thread()))
    bridge.start()
    with qtbot.waitSignal(bridge.picture_opened):
        bridge.open_picture(1, make_image())
    assert threads == [threading.main_thread()]


def test_each_engine_is_called_from_one_thread(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef
) -> None:
    with qtbot.waitSignal(bridge.job_done):
        bridge.prepare(WEIGHTS, 2, UpscaleSettings())
        bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    assert sorted(next(iter(engine.threads)) for engine in controls.engines) == ["triptych files", "triptych work"]
    assert all(len(engine.threads) == 1 for engine in controls.engines)


def test_nothing_is_started_before_the_first_paint(qtbot: QtBot, bridge: Bridge, controls: Controls) -> None:
    bridge.list_models()
    bridge.prepare(WEIGHTS, 2, UpscaleSettings())
    assert controls.engines == []
    with qtbot.waitSignals([bridge.models_listed, bridge.model_ready]):
        bridge.start()


def test_progress_is_merged_and_at_most_thirty_a_second(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef
) -> None:
    controls.tile_px = 2
    told: list[tuple[float, Progress]] = []
    bridge.progressed.connect(lambda event: told.append((time.monotonic(), event.progress)))
    with qtbot.waitSignal(bridge.job_done):
        bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    boxes = [box for _, progress in told for box in progress.sr_boxes]
    assert len(boxes) == 24 * 40
    assert sum(box.height * box.width for box in boxes) == 96 * 160
    assert len(told) < 200
    assert told[-1][1].tiles_done == 24 * 40
    # The last one comes with the end of the job, whenever that is.
    times = [moment for moment, _ in told[:-1]]
    assert all(later - earlier > 0.025 for earlier, later in itertools.pairwise(times))


def test_progress_of_two_jobs_is_not_mixed(qtbot: QtBot, bridge: Bridge) -> None:
    told: list[JobProgressed] = []
    bridge.progressed.connect(told.append)
    for number, box in ((1, Box(0, 0, 4, 4)), (1, Box(0, 4, 4, 4)), (2, Box(4, 0, 4, 4))):
        bridge._mailbox.post(JobProgressed(number, Progress(0, 1, 9, 1.0, (box,))))
    qtbot.waitUntil(lambda: len(told) == 2)
    assert [(event.job_number, len(event.progress.sr_boxes)) for event in told] == [(1, 2), (2, 1)]


def test_the_first_progress_does_not_wait_for_news_of_memory(qtbot: QtBot, bridge: Bridge) -> None:
    told: list[str] = []
    bridge.memory_seen.connect(lambda _: told.append("memory"))
    bridge.progressed.connect(lambda _: told.append("progress"))
    # As if something had been told just now, and an hour were a thirtieth of a second.
    bridge._mailbox._told_s = time.monotonic() + 3600
    bridge._mailbox.post(MemorySeen(WorkerMemory(0.0, 1, "cpu", 0, None, 0)))
    qtbot.wait(20)
    assert told == []
    bridge._mailbox.post(JobProgressed(1, Progress(0, 1, 9, 1.0, (Box(0, 0, 4, 4),))))
    qtbot.waitUntil(lambda: told == ["progress", "memory"])


def test_a_cancelled_job_ends_within_half_a_second_and_says_no_more(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef
) -> None:
    controls.holds_tiles = True
    with qtbot.waitSignal(bridge.canvas_made):
        bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    told: list[object] = []
    bridge.progressed.connect(told.append)
    controls.release()
    with qtbot.waitSignal(bridge.stopped, timeout=500):
        bridge.cancel(2)
    assert told == []
    controls.holds_tiles = False
    with qtbot.waitSignal(bridge.job_done):
        bridge.upscale(3, raster, WEIGHTS, 2, UpscaleSettings())


def test_a_job_that_waits_for_another_call_is_cancelled_at_once(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef
) -> None:
    controls.holds_prepare = True
    bridge.prepare(WEIGHTS, 2, UpscaleSettings())
    bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    with qtbot.waitSignal(bridge.stopped, timeout=500):
        bridge.cancel(2)
    with qtbot.waitSignal(bridge.model_ready):
        controls.release()
    assert "upscale" not in controls.calls


def test_cancel_does_not_touch_what_reads_files(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef, make_image: Callable[..., Path]
) -> None:
    controls.holds_tiles = True
    with qtbot.waitSignal(bridge.canvas_made):
        bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    with qtbot.waitSignals([bridge.picture_opened, bridge.stopped]):
        bridge.open_picture(7, make_image("other.png"))
        bridge.cancel(2)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (WorkerError("The worker ended.", "Try again."), "The worker ended."),
        (ZeroDivisionError("surprise"), "An unexpected error stopped the work (ZeroDivisionError: surprise)."),
    ],
)
def test_errors_come_as_words_and_the_next_job_runs(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef, error: Exception, message: str
) -> None:
    controls.upscale_error = error
    with qtbot.waitSignal(bridge.failed) as failed:
        bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    assert (failed.args[0].number, failed.args[0].what) == (2, "upscale")
    assert failed.args[0].failure.message == message
    controls.upscale_error = None
    with qtbot.waitSignal(bridge.job_done):
        bridge.upscale(3, raster, WEIGHTS, 2, UpscaleSettings())


def test_closing_in_the_middle_of_a_job_ends_threads_and_engines(
    qtbot: QtBot, bridge: Bridge, controls: Controls, raster: RasterRef
) -> None:
    controls.holds_tiles = True
    with qtbot.waitSignal(bridge.canvas_made):
        bridge.upscale(2, raster, WEIGHTS, 2, UpscaleSettings())
    told: list[object] = []
    for signal in (bridge.stopped, bridge.failed, bridge.job_done):
        signal.connect(told.append)
    began_s = time.monotonic()
    bridge.close()
    assert time.monotonic() - began_s < 1
    assert all(engine.is_closed for engine in controls.engines)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("triptych")]
    qtbot.wait(50)
    assert told == []


def test_a_discarded_raster_leaves_the_disk(qtbot: QtBot, bridge: Bridge, raster: RasterRef) -> None:
    bridge.discard(raster)
    qtbot.waitUntil(lambda: not Path(raster.path).parent.exists())


def info(path: str, format_name: str, bit_depth: int = 8) -> ImageInfo:
    return ImageInfo(path, format_name, 24, 40, 3, bit_depth)


CANVAS = RasterRef("canvas.raw", 48, 80, 3, "float32")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (info("/photos/roof.png", "png"), "/photos/roof_esc-fast_x2.png"),
        (info("/photos/roof.jpeg", "jpeg"), "/photos/roof_esc-fast_x2.jpeg"),
        (info("/photos/roof.bmp", "bmp"), "/photos/roof_esc-fast_x2.png"),
        (info("/photos/roof.old", "tiff", 16), "/photos/roof_esc-fast_x2.tif"),
    ],
)
def test_results_are_named_as_the_command_line_names_them(source: ImageInfo, expected: str) -> None:
    assert default_path(CANVAS, source, "esc-fast", 2, Target()) == Path(expected)


def test_a_chosen_extension_chooses_the_format() -> None:
    path, options = save_target(CANVAS, info("/a.png", "png"), "esc-fast", 2, Target(), Path("/b/result.webp"))
    assert (path, options.format) == (Path("/b/result.webp"), "webp")
    path, options = save_target(CANVAS, info("/a.png", "png"), "esc-fast", 2, Target(), Path("/b/result"))
    assert (path, options.format) == (Path("/b/result.png"), "png")


def test_a_format_that_cannot_hold_the_result_is_refused_before_it_is_written() -> None:
    with pytest.raises(OutputError, match="16"):
        save_target(CANVAS, info("/a.tif", "tiff", 16), "esc-fast", 2, Target(), Path("/b/result.jpg"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(), ("/photos/roof_esc-fast_x2.png", "png", None)),
        (Target(format="jpeg", quality=61), ("/photos/roof_esc-fast_x2.jpg", "jpeg", 61)),
        (Target(format="avif", quality=40), ("/photos/roof_esc-fast_x2.avif", "avif", 40)),
        (
            Target(folder=Path("/out"), template="{name} by {model}", format="webp", quality=7),
            ("/out/roof by esc-fast.webp", "webp", 7),
        ),
    ],
)
def test_format_and_quality_of_the_settings_reach_the_file(
    target: Target, expected: tuple[str, str, int | None]
) -> None:
    path, options = save_target(CANVAS, info("/photos/roof.png", "png"), "esc-fast", 2, target, None)
    assert (str(path), options.format, options.quality) == expected
    # A name that the person chose names the format; the quality stays.
    path, options = save_target(CANVAS, info("/a.png", "png"), "esc-fast", 2, target, Path("/b/result.jpg"))
    assert (path, options.format, options.quality) == (Path("/b/result.jpg"), "jpeg", target.quality)
