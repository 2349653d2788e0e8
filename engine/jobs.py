"""One job from file to file: decode, upscale, score, write. The command line runs these, and the window names files with them.

Imports the parent half of `engine` (numpy, no torch, no codec).
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engine import catalog
from engine.canvas import RasterRef
from engine.client import Engine, JobOrigin, Upscaled
from engine.errors import InputError, UsageError
from engine.job_header import InputFile
from engine.messages import DonePrepare, EncodeOptions, ImageInfo, ModelRequest, Progress, UpscaleSettings
from engine.outputs import (
    Target,
    UnfitError,
    check_disk,
    check_format,
    default_encode_options,
    extension_for,
    folder_for,
    output_folder,
    output_path,
)
from engine.reports import JobReport, report_of
from engine.scoring import Scores, check_reference, score
from engine.workspace import JobFolder, job_id, open_job

# What comes out the same however often it is tried: nothing of such a job is worth keeping.
FINAL_ERRORS = (InputError, UsageError, UnfitError)
# What of the plain form was asked for and names the job; the rest was found when it began, or added by whoever began it.
_ASKED = ("input", "label", "checkpoint", "settings", "target", "scale", "size", "reference", "subfolder")


@dataclass(frozen=True)
class ModelChoice:
    """A model as it was asked for: the `label` that names files, and how to find its weights for a scale.

    `locate(scale or None)` returns the request to send, with what the label turned out to mean ("esc-fast", None for a
    checkpoint), and raises UsageError that lists the offer; `scales` is that offer, empty where only the checkpoint itself
    knows. `checkpoint`: the weights file where one was named instead of a model.
    """

    label: str
    locate: Callable[[int | None], tuple[ModelRequest, str | None]]
    scales: tuple[int, ...] = ()
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Job:
    """One input through one model. `size`: (width, height) to reach, each or both, instead of `scale`."""

    input: Path
    model: ModelChoice
    settings: UpscaleSettings
    target: Target
    scale: int | None = None
    size: tuple[int | None, int | None] | None = None
    reference: Path | None = None
    subfolder: Path = Path()


def named_choice(name: str) -> ModelChoice:
    """Returns the model of that name in the catalog. Raises UsageError that lists the names where there is none."""
    catalog.find_model(name, None)

    def locate(scale: int | None) -> tuple[ModelRequest, str | None]:
        entry = catalog.find_model(name, scale)
        return ModelRequest(str(entry.path), entry.scale), entry.name

    return ModelChoice(name, locate, catalog.scales_of(name))


def checkpoint_choice(file: Path) -> ModelChoice:
    """Returns the weights in `file` as a model; nothing is read yet."""
    return ModelChoice(file.stem, lambda scale: (ModelRequest(str(file), scale), None), checkpoint=file)


def as_plain(job: Job, request: ModelRequest | None = None, variant: str | None = None) -> dict[str, Any]:
    """Returns a job as plain JSON, from which `from_plain` makes it again; `request`, `variant`: the weights that were found."""
    target = job.target
    return {
        "input": _absolute(job.input),
        "label": job.model.label,
        "checkpoint": _absolute(job.model.checkpoint),
        "weights": _absolute(Path(request.weights)) if request else None,
        "weights_scale": request.scale if request else None,
        "variant": variant,
        "settings": asdict(job.settings),
        "target": {**asdict(target), "folder": _absolute(target.folder), "file": _absolute(target.file)},
        "scale": job.scale,
        "size": list(job.size) if job.size else None,
        "reference": _absolute(job.reference),
        "subfolder": str(job.subfolder),
    }


def from_plain(plain: dict[str, Any]) -> Job:
    """Returns the job that `as_plain` described, with the weights it found where they are still there.

    Raises KeyError, TypeError or ValueError for what is no job, UsageError where its model is gone.
    """
    target = plain["target"]
    size = plain["size"]
    return Job(
        Path(plain["input"]),
        _plain_choice(plain),
        UpscaleSettings(**plain["settings"]),
        Target(**{**target, "folder": _path(target["folder"]), "file": _path(target["file"])}),
        plain["scale"],
        (size[0], size[1]) if size else None,
        _path(plain["reference"]),
        Path(plain["subfolder"]),
    )


def job_key(plain: dict[str, Any]) -> str:
    """Returns a name for what a plain job asks for: equal in every run and whichever weights it found."""
    return job_id({name: plain.get(name) for name in _ASKED})


def run_job(
    engine: Engine,
    job: Job,
    *,
    published: set[Path] | None = None,
    on_start: Callable[[ImageInfo], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_changed: Callable[[tuple[str, ...]], bool] | None = None,
    is_resumed: bool = False,
    folder_id: str | None = None,
) -> JobReport:
    """Runs one job, from the start or from where it was interrupted, and returns its report.

    Raises `engine.errors` where it fails. Nothing but a whole file is left in the output folder. What was computed stays in the
    job's folder where the job is cancelled or cannot be finished, and the next call goes on from it. `published` holds the
    files that this run has written: they are never replaced, not even where existing files are. `on_changed` is asked, with what
    differs now ("torch was ..."), whether an interrupted job goes on all the same; without it, or if it says no, the job
    begins anew. `is_resumed`: an earlier run was to do this job, so a file that it published is taken for the result and not
    written twice. `folder_id`: the folder to go on from (`engine.workspace.list_jobs`); without it, it is found by what the job
    is.
    """
    published = set() if published is None else published
    accepted = _accept(engine, job, published, on_start)
    if isinstance(accepted, _Refused):
        _forget(engine, folder_id or job_id(accepted.identity))
        return accepted.report
    with _job_folder(engine, accepted.identity, folder_id) as folder:
        report = _run_in(engine, job, folder, accepted, published, on_progress, on_changed, is_resumed)
    published.add(Path(report.output or ""))
    return report


@dataclass(frozen=True)
class _Refused:
    """A job that has nothing to do: its output exists and is to be kept."""

    report: JobReport
    identity: dict[str, Any]


@dataclass(frozen=True)
class _Accepted:
    """A job past all its refusals: what it is made from, by what, and where its result goes."""

    info: ImageInfo
    request: ModelRequest
    variant: str | None
    prepared: DonePrepare
    path: Path
    options: EncodeOptions
    identity: dict[str, Any]


def target_size(width: int, height: int, size: tuple[int | None, int | None]) -> tuple[int, int]:
    """Returns the (width, height) that `--size` means for an image: as large as fits in it, proportions kept."""
    ratios = [wanted / have for wanted, have in zip(size, (width, height), strict=True) if wanted is not None]
    ratio = min(ratios)
    exact = (round(width * ratio), round(height * ratio))
    return max(exact[0], 1), max(exact[1], 1)


def _scale_for_size(job: Job, info: ImageInfo, wanted: tuple[int, int]) -> int | None:
    """Returns the smallest scale on offer that reaches the wanted size."""
    if not job.model.scales:
        return None
    for scale in job.model.scales:
        if info.width * scale >= wanted[0] and info.height * scale >= wanted[1]:
            return scale
    largest = job.model.scales[-1]
    raise InputError(
        f"{job.input.name}: {wanted[0]} × {wanted[1]} cannot be reached: ×{largest}, the largest scale of {job.model.label},"
        f" gives {info.width * largest} × {info.height * largest}.",
        "Ask for a smaller --size, or upscale the result once more.",
    )


def _accept(
    engine: Engine, job: Job, published: set[Path], on_start: Callable[[ImageInfo], None] | None
) -> _Accepted | _Refused:
    """Decides everything that needs no pixels. Raises what can be refused before any work."""
    info = engine.inspect(job.input)
    if on_start is not None:
        on_start(info)
    wanted = target_size(info.width, info.height, job.size) if job.size else None
    asked_scale = _scale_for_size(job, info, wanted) if wanted else job.scale
    request, variant = job.model.locate(asked_scale)
    prepared = engine.prepare(request, job.settings)
    scale = prepared.info.scale
    width, height = wanted or (info.width * scale, info.height * scale)
    if wanted and (wanted[0] > info.width * scale or wanted[1] > info.height * scale):
        raise InputError(
            f"{job.input.name}: {wanted[0]} × {wanted[1]} cannot be reached with these weights (×{scale}).",
            "Ask for a smaller --size.",
        )
    if job.reference:
        check_reference(engine.inspect(job.reference), info, scale)
    options = default_encode_options(info, job.target.format, job.target.quality)
    check_format(options, height, width)
    path = job.target.file or output_path(
        job.input,
        output_folder(job.input, job.subfolder, job.target),
        job.target.template,
        model=job.model.label,
        scale=scale,
        width=width,
        height=height,
        extension=extension_for(options.format, job.input),
    )
    # By what was asked for and by the weights' content: another file of the same weights goes on as well.
    identity = {"job": job_key(as_plain(job)), "sha256": prepared.info.sha256, "weights_scale": request.scale}
    if job.target.existing == "skip" and path.exists() and path not in published:
        note = f"{path.name} exists already: skipped."
        report = JobReport(
            str(job.input),
            str(path),
            job.model.label,
            variant or prepared.info.variant,
            scale,
            width,
            height,
            warnings=[note],
        )
        return _Refused(report, identity)
    check_disk(path, height * width * info.channels * _value_bytes(info), options.format)
    options = replace(options, overwrite=job.target.existing == "overwrite" and path not in published)
    if wanted:
        options = replace(options, resize_width=wanted[0], resize_height=wanted[1])
    return _Accepted(info, request, variant, prepared, path, options, identity)


@contextlib.contextmanager
def _job_folder(engine: Engine, identity: dict[str, Any], folder_id: str | None) -> Iterator[JobFolder]:
    """Gives the job's folder; afterwards it is removed, unless the job was interrupted: then it is kept for a resume."""
    folder = open_job(engine.jobs_folder, folder_id) if folder_id else engine.open_job(identity)
    try:
        yield folder
    except BaseException as error:
        if folder.header is None or isinstance(error, FINAL_ERRORS):
            folder.remove()
        else:
            folder.release()
        raise
    folder.remove()


def _forget(engine: Engine, folder_id: str) -> None:
    """Removes what an interrupted run left of a job that has its result already."""
    if (engine.jobs_folder / folder_id).exists():
        open_job(engine.jobs_folder, folder_id).remove()


def _run_in(
    engine: Engine,
    job: Job,
    folder: JobFolder,
    accepted: _Accepted,
    published: set[Path],
    on_progress: Callable[[Progress], None] | None,
    on_changed: Callable[[tuple[str, ...]], bool] | None,
    is_resumed: bool,
) -> JobReport:
    notes = take_up(engine, job, folder, accepted.request, accepted.prepared.info.sha256, on_changed)
    is_resumed = is_resumed or folder.header is not None
    # Before the pixels are read: a change in between shows as a changed input later, and not as the one that was read.
    origin = JobOrigin(_input_file(job.input), job.model.label, as_plain(job, accepted.request, accepted.variant))
    source, info = _source_of(engine, job, folder, accepted)
    upscaled = engine.upscale(
        source,
        accepted.request,
        job.settings,
        folder.canvas_path,
        on_progress,
        job=folder,
        origin=origin,
    )
    scores = _score_against(engine, upscaled, job.reference) if job.reference else (None, None)
    # What this run published under the same name is the result of a twin, equal or not.
    adopts = is_resumed and accepted.path not in published
    with folder_for(accepted.path):
        written = engine.encode(upscaled.canvas, info, accepted.path, replace(accepted.options, adopt_equal=adopts))
    return report_of(
        job.input,
        written.path,
        job.model.label,
        accepted.variant,
        upscaled,
        scores,
        written.width,
        written.height,
        [*notes, *info.warnings, *written.warnings],
    )


def take_up(
    engine: Engine,
    job: Job,
    folder: JobFolder,
    request: ModelRequest,
    weights_sha256: str,
    on_changed: Callable[[tuple[str, ...]], bool] | None,
) -> list[str]:
    """Decides whether an interrupted job goes on or begins anew (then its folder is cleared); returns what to say about it."""
    header = folder.header
    if header is None:
        # What lies there without a header proves nothing.
        folder.clear()
        return []
    if not header.matches_input(job.input):
        folder.clear()
        return [f"{job.input.name} has changed since it was interrupted: it was upscaled from the start."]
    if header.weights_sha256 != weights_sha256:
        # Tiles of two networks do not make a picture: nothing to ask.
        folder.clear()
        return [f"{job.model.label} has other weights since it was interrupted: it was upscaled from the start."]
    changes = engine.changes_since(header, request, job.settings)
    if changes and not (on_changed is not None and on_changed(changes)):
        folder.clear()
        return [f"It was interrupted under other conditions ({'; '.join(changes)}): it was upscaled from the start."]
    return []


def _source_of(engine: Engine, job: Job, folder: JobFolder, accepted: _Accepted) -> tuple[RasterRef, ImageInfo]:
    """Returns the decoded input: that of the interrupted run where it holds, else decoded now."""
    header, info = folder.header, accepted.info
    if header is not None and header.source_holds(folder.input_path):
        return header.source(folder.input_path), info
    if header is None:
        # The input as decoded, and the canvas of four bytes a value.
        pixel_bytes = info.channels * (_value_bytes(info) + 4 * accepted.prepared.info.scale**2)
        engine.require_room(info.height * info.width * pixel_bytes)
    decoded = engine.decode(job.input, folder.input_path)
    return decoded.raster, decoded.info


def _value_bytes(info: ImageInfo) -> int:
    """Bytes that one value of the decoded image takes."""
    return 1 if info.bit_depth == 8 else 2


def _input_file(path: Path) -> InputFile:
    try:
        return InputFile.of(path)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or error}).", "Check the file.") from error


def _score_against(engine: Engine, upscaled: Upscaled, reference: Path) -> Scores:
    folder = engine.new_folder()
    try:
        decoded = engine.decode(reference, folder / "reference.raw")
        return score(upscaled.canvas, decoded.raster, upscaled.model.scale)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plain_choice(plain: dict[str, Any]) -> ModelChoice:
    weights, variant = plain["weights"], plain["variant"]
    if weights is not None and Path(weights).is_file():
        request = ModelRequest(str(weights), plain["weights_scale"])
        checkpoint = _path(plain["checkpoint"])
        return ModelChoice(plain["label"], lambda _scale: (request, variant), checkpoint=checkpoint)
    if plain["checkpoint"] is not None:
        return checkpoint_choice(Path(plain["checkpoint"]))
    return named_choice(plain["label"])


def _absolute(path: Path | None) -> str | None:
    return str(path.absolute()) if path is not None else None


def _path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None
