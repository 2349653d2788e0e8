"""A job whose result is looked at before it is written: its canvas stays in the job's folder until the window lets go of it.

Imports the parent half of `engine`. The folder is the one that `engine.jobs.run_job` would use for the same picture, model and
settings, so what is interrupted here is finished by `triptych upscale --resume` too, and the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.canvas import RasterRef
from engine.client import Engine, JobOrigin, Upscaled
from engine.job_header import InputFile
from engine.jobs import Job, as_plain, job_key, named_choice, take_up
from engine.messages import ModelRequest, Progress, UpscaleSettings
from engine.outputs import Target
from engine.workspace import JobFolder, open_job

# In the header's `client`: the job was begun to be looked at, so a window that resumes it shows it and does not write a file.
SHOWN = "shown"


@dataclass(frozen=True)
class ShownJob:
    """A finished canvas in a folder whose lock is held: `folder.remove()` when nobody looks at it any more."""

    folder: JobFolder
    upscaled: Upscaled
    notes: tuple[str, ...]


def upscale_to_show(
    engine: Engine,
    path: Path,
    source: RasterRef,
    label: str,
    request: ModelRequest,
    settings: UpscaleSettings,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    on_canvas: Callable[[RasterRef], None] | None = None,
    folder_id: str | None = None,
) -> ShownJob:
    """Upscales a decoded input, from the start or from where the same job was interrupted; `folder_id` names that job.

    Raises `engine.errors` where it fails; what was computed then stays in the folder, and the next call goes on from it.
    """
    job = Job(path, named_choice(label), settings, Target(), scale=request.scale)
    prepared = engine.prepare(request, settings)
    identity = {"job": job_key(as_plain(job)), "sha256": prepared.info.sha256, "weights_scale": request.scale}
    folder = open_job(engine.jobs_folder, folder_id) if folder_id else engine.open_job(identity)
    try:
        notes = take_up(engine, job, folder, request, prepared.info.sha256, None)
        if folder.header is not None and not _is_same(folder, source):
            folder.clear()
        upscaled = engine.upscale(
            source,
            request,
            settings,
            folder.canvas_path,
            on_progress,
            on_canvas,
            job=folder,
            origin=JobOrigin(InputFile.of(path), label, {**as_plain(job, request, prepared.info.variant), SHOWN: True}),
        )
    except BaseException:
        if folder.header is None:
            folder.remove()
        else:
            folder.release()
        raise
    return ShownJob(folder, upscaled, tuple(notes))


def _is_same(folder: JobFolder, source: RasterRef) -> bool:
    """Whether the pixels on show are those that the interrupted job was made from."""
    return folder.header is not None and folder.header.source_holds(Path(source.path))
