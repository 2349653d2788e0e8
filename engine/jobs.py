"""One job from file to file: decode, upscale, score, write. The command line runs these, and the window names files with them.

Imports the parent half of `engine` (numpy, no torch, no codec).
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.canvas import RasterRef, open_raster
from engine.client import Engine, JobOrigin, Upscaled
from engine.errors import InputError, OutputError, UsageError
from engine.imaging import formats
from engine.job_header import InputFile
from engine.messages import (
    DonePrepare,
    DoneUpscale,
    EncodeOptions,
    ImageInfo,
    ModelRequest,
    Progress,
    UpscaleSettings,
)
from engine.workspace import JobFolder

DEFAULT_TEMPLATE = "{name}_{model}_x{scale}"
# Names that Windows keeps for devices, whatever their extension.
_WINDOWS_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$")
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


@dataclass(frozen=True)
class ModelChoice:
    """A model as it was asked for: the `label` that names files, and how to find its weights for a scale.

    `locate(scale or None)` returns the request to send and raises UsageError that lists the offer; `scales` is that offer, empty
    where only the checkpoint itself knows. `variant` is what the label turned out to mean ("esc-fast"), or None for a checkpoint.
    """

    label: str
    locate: Callable[[int | None], tuple[ModelRequest, str | None]]
    scales: tuple[int, ...] = ()


@dataclass(frozen=True)
class Target:
    """How results are named and written. `folder` None: beside the input. `file` wins over folder and template."""

    folder: Path | None = None
    file: Path | None = None
    template: str = DEFAULT_TEMPLATE
    format: str = "keep"
    quality: int | None = None
    existing: str = "rename"


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


@dataclass(frozen=True)
class JobReport:
    """What a job did, with exactly the keys that `--json` prints (product.md, "The command line")."""

    input: str
    output: str | None
    model: str
    variant: str | None = None
    scale: int | None = None
    width: int | None = None
    height: int | None = None
    tiles: int | None = None
    tile: int | None = None
    overlap: int | None = None
    device: str | None = None
    precision: str | None = None
    backend: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    peak_memory_bytes: int | None = None
    predicted_memory_bytes: int | None = None
    psnr: float | None = None
    ssim: float | None = None
    warnings: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Returns the report as a dictionary of plain values."""
        return asdict(self)


def safe_name(text: str) -> str:
    """Returns `text` as a file name that every system accepts, Windows included."""
    text = _WINDOWS_FORBIDDEN.sub("_", text).rstrip(". ")
    if not text or _WINDOWS_DEVICES.match(text):
        text = f"_{text}"
    return text


def check_template(template: str) -> None:
    """Raises UsageError where a name template holds a separator or a field that does not exist."""
    if "/" in template or "\\" in template:
        raise UsageError(
            f"The name template {template!r} holds a folder separator.", "Choose the folder with --output."
        )
    try:
        formatted = template.format(name="n", model="m", scale=2, width=1, height=1)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise UsageError(
            f"The name template {template!r} cannot be read ({error}).",
            "It may use {name}, {model}, {scale}, {width} and {height}.",
        ) from error
    if not formatted.strip(". "):
        raise UsageError("The name template is empty.", f"The default is {DEFAULT_TEMPLATE}.")


def output_path(
    source: Path, folder: Path, template: str, *, model: str, scale: int, width: int, height: int, extension: str
) -> Path:
    """Returns where a result goes: `folder` / the filled template + `extension` (".png")."""
    name = template.format(name=source.stem, model=model, scale=scale, width=width, height=height)
    return folder / (safe_name(name) + extension)


def default_encode_options(info: ImageInfo, format_name: str = "keep", quality: int | None = None) -> EncodeOptions:
    """Returns how a result is written so that nothing of the input is lost: same format where it can be written, same depth.

    A format named by the caller gets the depth it can hold only if that is the input's; else OutputError says what can hold it.
    """
    if format_name == "keep":
        format_name = formats.kept_format(info.format, info.bit_depth)
    return EncodeOptions(format=format_name, bit_depth=info.bit_depth, quality=quality)


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


@dataclass(frozen=True)
class _Refused:
    """A job that has nothing to do: its output exists and is to be kept."""

    report: JobReport


@dataclass(frozen=True)
class _Accepted:
    """A job past all its refusals: what it is made from, by what, and where its result goes."""

    info: ImageInfo
    request: ModelRequest
    variant: str | None
    prepared: DonePrepare
    path: Path
    options: EncodeOptions


def run_job(
    engine: Engine,
    job: Job,
    *,
    published: set[Path] | None = None,
    on_start: Callable[[ImageInfo], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_changed: Callable[[tuple[str, ...]], bool] | None = None,
) -> JobReport:
    """Runs one job, from the start or from where it was interrupted, and returns its report.

    Raises `engine.errors` where it fails. Nothing but a whole file is left in the output folder. What was computed stays in the
    job's folder where the job is cancelled or cannot be finished, and the next call goes on from it. `published` holds the
    files that this run has written: they are never replaced, not even where existing files are. `on_changed` is asked, with what
    differs now ("torch was ..."), whether an interrupted job goes on all the same; without it, or if it says no, the job
    begins anew.
    """
    published = set() if published is None else published
    accepted = _accept(engine, job, published, on_start)
    if isinstance(accepted, _Refused):
        return accepted.report
    with _job_folder(engine, job, accepted) as folder:
        report = _run_in(engine, job, folder, accepted, on_progress, on_changed)
    published.add(Path(report.output or ""))
    return report


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
    formats.check_output(options.format, options.bit_depth, height, width)
    path = job.target.file or output_path(
        job.input,
        _folder_of(job),
        job.target.template,
        model=job.model.label,
        scale=scale,
        width=width,
        height=height,
        extension=extension_for(options.format, job.input),
    )
    if job.target.existing == "skip" and path.exists() and path not in published:
        return _Refused(
            JobReport(
                str(job.input),
                str(path),
                job.model.label,
                variant or prepared.info.variant,
                scale,
                width,
                height,
                warnings=[f"{path.name} exists already: skipped."],
            )
        )
    check_disk(path, height * width * info.channels * (info.bit_depth // 8), options.format)
    options = replace(options, overwrite=job.target.existing == "overwrite" and path not in published)
    if wanted:
        options = replace(options, resize_width=wanted[0], resize_height=wanted[1])
    return _Accepted(info, request, variant, prepared, path, options)


@contextlib.contextmanager
def _job_folder(engine: Engine, job: Job, accepted: _Accepted) -> Iterator[JobFolder]:
    """Gives the job's folder; afterwards it is removed, unless the job was interrupted: then it is kept for a resume."""
    folder = engine.open_job({**as_plain(job, accepted.request, None), "sha256": accepted.prepared.info.sha256})
    try:
        yield folder
    except BaseException:
        if folder.header is None:
            folder.remove()
        else:
            folder.release()
        raise
    folder.remove()


def _run_in(
    engine: Engine,
    job: Job,
    folder: JobFolder,
    accepted: _Accepted,
    on_progress: Callable[[Progress], None] | None,
    on_changed: Callable[[tuple[str, ...]], bool] | None,
) -> JobReport:
    notes = _take_up(engine, job, folder, accepted.request, on_changed)
    is_resumed = folder.header is not None
    source, info = _source_of(engine, job, folder, accepted)
    upscaled = engine.upscale(
        source,
        accepted.request,
        job.settings,
        folder.canvas_path,
        on_progress,
        job=folder,
        origin=JobOrigin(InputFile.of(job.input), job.model.label, as_plain(job, accepted.request, accepted.variant)),
    )
    scores = _score_against(engine, upscaled, job.reference) if job.reference else (None, None)
    with folder_for(accepted.path):
        written = engine.encode(upscaled.canvas, info, accepted.path, replace(accepted.options, adopt_equal=is_resumed))
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


def _take_up(
    engine: Engine,
    job: Job,
    folder: JobFolder,
    request: ModelRequest,
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
        pixel_bytes = info.channels * (info.bit_depth // 8 + 4 * accepted.prepared.info.scale**2)
        engine.require_room(info.height * info.width * pixel_bytes)
    decoded = engine.decode(job.input, folder.input_path)
    return decoded.raster, decoded.info


def as_plain(job: Job, request: ModelRequest, variant: str | None) -> dict[str, Any]:
    """Returns a job, with the weights it found, as plain JSON: what names it, and what `from_plain` makes it from again."""
    target = job.target
    return {
        "input": str(job.input.absolute()),
        "label": job.model.label,
        "weights": str(Path(request.weights).absolute()),
        "weights_scale": request.scale,
        "variant": variant,
        "settings": asdict(job.settings),
        "target": {
            **asdict(target),
            "folder": str(target.folder.absolute()) if target.folder else None,
            "file": str(target.file.absolute()) if target.file else None,
        },
        "scale": job.scale,
        "size": list(job.size) if job.size else None,
        "reference": str(job.reference.absolute()) if job.reference else None,
        "subfolder": str(job.subfolder),
    }


def from_plain(plain: dict[str, Any]) -> Job:
    """Returns the job that `as_plain` described. Raises KeyError, TypeError or ValueError for anything else."""
    request = ModelRequest(str(plain["weights"]), plain["weights_scale"])
    variant = plain["variant"]
    target = plain["target"]
    folder, file = target["folder"], target["file"]
    return Job(
        Path(plain["input"]),
        ModelChoice(plain["label"], lambda _scale: (request, variant)),
        UpscaleSettings(**plain["settings"]),
        Target(**{**target, "folder": Path(folder) if folder else None, "file": Path(file) if file else None}),
        plain["scale"],
        (plain["size"][0], plain["size"][1]) if plain["size"] else None,
        Path(plain["reference"]) if plain["reference"] else None,
        Path(plain["subfolder"]),
    )


def report_of(
    source: Path,
    output: str | None,
    label: str,
    variant: str | None,
    upscaled: Upscaled,
    scores: tuple[float | None, float | None],
    width: int,
    height: int,
    warnings: list[str],
) -> JobReport:
    """Returns the report of a finished job; `scores` is (PSNR-Y in dB, SSIM) or (None, None)."""
    done = upscaled.done
    return JobReport(
        input=str(source),
        output=output,
        model=label,
        variant=variant or upscaled.model.variant,
        scale=upscaled.model.scale,
        width=width,
        height=height,
        tiles=done.tiles,
        tile=done.tile_px,
        overlap=done.overlap_px,
        device=done.device,
        precision=done.precision,
        backend=done.backend,
        seconds=round(done.seconds, 3),
        peak_memory_bytes=done.peak_memory_bytes,
        predicted_memory_bytes=done.predicted_memory_bytes,
        psnr=scores[0],
        ssim=scores[1],
        warnings=[*warnings, *done.warnings, *_different(done)],
    )


def _different(done: DoneUpscale) -> list[str]:
    """Says which tiles were not computed as planned: for those the figures of tiling hold, and not every bit."""
    by_note: dict[str, list[str]] = {}
    for index, note in sorted(done.different.items()):
        by_note.setdefault(note, []).append(str(index + 1))
    return [
        f"Done differently ({note}): tile{'s' if len(tiles) > 1 else ''} {', '.join(tiles)} of {done.tiles}."
        for note, tiles in by_note.items()
    ]


def extension_for(format_name: str, source: Path) -> str:
    """Returns the input's own extension (".jpeg", ".tiff") where it stands for the format written, else the usual one."""
    own = source.suffix.lower()
    return own if formats.format_of_extension(own) == format_name else formats.extension_of(format_name)


def _folder_of(job: Job) -> Path:
    if job.target.folder is None:
        return job.input.parent
    return job.target.folder / job.subfolder


def check_disk(path: Path, raw_bytes: int, format_name: str) -> None:
    """Raises OutputError before any work where the folder of `path` cannot be written or its disk cannot hold the file.

    `raw_bytes` is the size of the uncompressed pixels. A folder that does not exist yet is not made: the nearest that does is
    asked.
    """
    folder = next(each for each in (path.parent, *path.parent.resolve().parents) if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputError(
            f"The folder {path.parent} cannot be written ({error.strerror or error}).",
            "Choose another with --output.",
        ) from error
    # What a lossless format takes at worst; lossy ones take a quarter of it at worst.
    needed_bytes = raw_bytes if format_name in ("png", "tiff") else raw_bytes // 4
    if needed_bytes > free_bytes:
        raise OutputError(
            f"The result may take {needed_bytes / 2**30:.1f} GiB and the disk of {path.parent} has"
            f" {free_bytes / 2**30:.1f} GiB free.",
            "Free some space, choose another folder with --output, or a lossy --format.",
        )


@contextlib.contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """Makes the folder of `path` for the block that writes it; where the block fails, what was made is removed again."""
    made = [each for each in (path.parent, *path.parent.parents) if not each.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {path.parent} cannot be made ({error.strerror or error}).", "Choose another with --output."
        ) from error
    try:
        yield
    except BaseException:
        for folder in made:
            # Not empty: somebody else uses it by now.
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def to_rgb8(raster: RasterRef) -> NDArray[np.uint8]:
    """Returns a raster as (H, W, 3) uint8 for measuring and showing: rounded half to even, grey repeated, alpha left out."""
    image_hwc = open_raster(raster)[..., : raster.colour_channels]
    if raster.dtype == "float32":
        image_hwc = np.rint(np.clip(image_hwc, 0, 1) * np.float32(255))
    elif raster.dtype == "uint16":
        image_hwc = np.rint(image_hwc / np.float32(257))
    image_hwc = image_hwc.astype(np.uint8)
    return np.repeat(image_hwc, 3, axis=2) if image_hwc.shape[2] == 1 else np.ascontiguousarray(image_hwc)


def score(canvas: RasterRef, reference: RasterRef, scale: int) -> tuple[float | None, float | None]:
    """Returns (PSNR-Y in dB, SSIM) of a canvas against the ground truth, `scale` pixels cut from each side.

    None where identical images make the PSNR infinite, or an image is too small to be measured. Raises InputError where the
    sizes differ.
    """
    from engine.metrics import psnr_y, ssim_y

    if (canvas.height, canvas.width) != (reference.height, reference.width):
        raise InputError(
            f"The reference is {reference.width} × {reference.height} pixels and the result {canvas.width} × {canvas.height}.",
            "A reference must be exactly input × scale.",
        )
    sr_hwc, hr_hwc = to_rgb8(canvas), to_rgb8(reference)
    if min(sr_hwc.shape[:2]) < 2 * scale + 11:
        return None, None
    psnr = float(psnr_y(sr_hwc, hr_hwc, scale))
    return (round(psnr, 4) if math.isfinite(psnr) else None), round(float(ssim_y(sr_hwc, hr_hwc, scale)), 6)


def check_reference(reference: ImageInfo, info: ImageInfo, scale: int) -> None:
    """Raises InputError, before any work, where the ground truth has not the size of the result."""
    expected = (info.width * scale, info.height * scale)
    if (reference.width, reference.height) != expected:
        raise InputError(
            f"The reference is {reference.width} × {reference.height} pixels and the result will be"
            f" {expected[0]} × {expected[1]}.",
            "A reference must be exactly input × scale.",
        )


def _score_against(engine: Engine, upscaled: Upscaled, reference: Path) -> tuple[float | None, float | None]:
    folder = engine.new_folder()
    try:
        decoded = engine.decode(reference, folder / "reference.raw")
        return score(upscaled.canvas, decoded.raster, upscaled.model.scale)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether `path` lies in `folder` or is it, links resolved."""
    return os.path.commonpath([os.path.realpath(path), os.path.realpath(folder)]) == os.path.realpath(folder)
