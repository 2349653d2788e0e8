"""Pictures and jobs in words, for headers and lists. Imports QtCore and the plain data of `app` and `engine`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from app.jobs import Job, JobState, Picture, PictureState

if TYPE_CHECKING:
    from engine.messages import ImageInfo


def _tr(text: str) -> str:
    return QCoreApplication.translate("wording", text)


def duration_text(seconds: float) -> str:
    """Returns a duration as people say it: `0.4 s`, `8 s`, `2 min 5 s`, `1 h 20 min`."""
    if seconds < 9.95:
        return _tr("{seconds} s").format(seconds=f"{seconds:.1f}")
    return countdown_text(seconds)


def countdown_text(seconds: float) -> str:
    """Returns a duration that runs down, so without tenths: `8 s`, `2 min 5 s`, `25 min`, `1 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return _tr("{seconds} s").format(seconds=whole)
    if whole < 600:
        return _tr("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
    minutes = round(whole / 60)
    if minutes < 60:
        return _tr("{minutes} min").format(minutes=minutes)
    return _tr("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def about_text(seconds: float) -> str:
    """Returns a duration that is guessed, so without seconds where there are minutes: `8 s`, `2 min`, `1 h 20 min`."""
    minutes = round(seconds / 60)
    if seconds < 59.5 or minutes >= 60:
        return countdown_text(max(1.0, seconds))
    return _tr("{minutes} min").format(minutes=minutes)


def size_text(width: int, height: int) -> str:
    """Returns a size in pixels: `640 × 480`."""
    return f"{width} × {height}"


def device_text(device: str) -> str:
    """Returns a device as people write it: `CPU`, `CUDA 0`."""
    return device.upper().replace(":", " ")


def input_figures(info: ImageInfo) -> str:
    """Returns what an input is: `640 × 480 · RGB, 8 bit`."""
    colours = {1: _tr("grey"), 2: _tr("grey with alpha"), 3: _tr("RGB"), 4: _tr("RGB with alpha")}[info.channels]
    return _tr("{size} · {colours}, {bits} bit").format(
        size=size_text(info.width, info.height), colours=colours, bits=info.bit_depth
    )


def result_title(job: Job) -> str:
    """Returns which result this is: `esc-light ×2`."""
    return f"{job.model} ×{job.scale}"


def result_figures(job: Job) -> tuple[str, ...]:
    """Returns a result's size while it is made; once it is done, how long it took, where, and the memory at its peak."""
    if job.done is None:
        return () if job.canvas is None else (size_text(job.canvas.width, job.canvas.height),)
    took = _tr("{duration} on {device}").format(
        duration=duration_text(job.done.seconds), device=device_text(job.done.device)
    )
    return (took, f"{job.done.peak_memory_bytes / 2**30:.2f} GiB")


def picture_state(picture: Picture) -> str:
    """Returns how far an image is, for the list."""
    running = next((job for job in picture.results if job.is_active), None)
    if running is not None:
        if running.state is JobState.CANCELLING:
            return _tr("Pausing…") if running.is_paused else _tr("Cancelling…")
        if not running.tiles:
            return _tr("Upscaling…")
        percent = round(100 * running.tiles_done / running.tiles)
        left_s = running.seconds_left(time.monotonic())
        if left_s is None or left_s < 1:
            return _tr("Upscaling, {percent} %").format(percent=percent)
        return _tr("{percent} % · {duration} left").format(percent=percent, duration=countdown_text(left_s))
    if any(job.state is JobState.QUEUED for job in picture.results):
        return _tr("In line")
    if picture.failure:
        return _tr("Failed")
    if picture.state is PictureState.OPENING:
        return _tr("Opening…")
    job = picture.shown_job
    if job is None:
        return "" if picture.info is None else size_text(picture.info.width, picture.info.height)
    told = _tr("Saved, {title}") if job.saved_as else _tr("Done, {title}")
    return told.format(title=result_title(job))
