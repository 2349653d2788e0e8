"""`triptych compare`: one image through several models, on one labelled sheet."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.canvas import RasterRef, create_raster
from engine.cli.options import choices_of, settings_of
from engine.cli.terminal import ProgressBar
from engine.client import Engine, Upscaled
from engine.errors import TriptychError, UsageError, format_bytes
from engine.jobs import ModelChoice
from engine.messages import DoneDecode, SheetPane, UpscaleSettings
from engine.outputs import check_disk, folder_for
from engine.reports import report_of
from engine.scoring import Scores, check_reference, score, to_rgb8

DEFAULT_SCALE = 4


@dataclass(frozen=True)
class _Result:
    """What one model made of the input."""

    choice: ModelChoice
    variant: str
    upscaled: Upscaled
    scores: Scores


def run(options: argparse.Namespace) -> int:
    """Runs `triptych compare` and returns its exit status."""
    settings = settings_of(options)
    choices = choices_of(options, ("sscan", "esc", "pft"))
    if Path(options.output).suffix.lower() != ".png":
        raise UsageError(f"A comparison sheet is a PNG, and {Path(options.output).name} does not end in .png.")
    try:
        with Engine() as engine:
            folder = engine.new_folder()
            try:
                return _compare(engine, options, settings, choices, folder)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except TriptychError as error:
        if not options.json or isinstance(error, UsageError):
            raise
        failure = {"input": options.input, "error": error.message, "hint": error.hint}
        print(json.dumps(failure), flush=True)
        return 1


def _compare(
    engine: Engine, options: argparse.Namespace, settings: UpscaleSettings, choices: list[ModelChoice], folder: Path
) -> int:
    scale = options.scale or (None if options.weights else DEFAULT_SCALE)
    output = Path(options.output)
    source = engine.decode(Path(options.input), folder / "input.raw")
    reference = engine.decode(Path(options.reference), folder / "reference.raw") if options.reference else None
    _refuse_early(engine, source, reference, choices, scale, settings, output)
    bar = ProgressBar(len(choices))
    results = []
    for choice in choices:
        bar.start_job(f"{Path(options.input).name} · {choice.label}")
        results.append(_run_model(engine, choice, scale, settings, source, reference, folder, bar))
        bar.finish_job()
    panes = [_input_pane(source, reference, results, folder), *map(_model_pane, results)]
    if reference is not None:
        panes.append(SheetPane(reference.raster, "reference", ("ground truth",)))
    canvas = _largest(results)
    sizes = f"{source.info.width} × {source.info.height} → {canvas.width} × {canvas.height}"
    heading = f"{Path(options.input).name}   {sizes}"
    with folder_for(output):
        written = engine.write_sheet(panes, canvas.height, canvas.width, output, heading)
    if not options.json:
        print(f"{written.path}  {written.width}×{written.height} · {len(panes)} panes", flush=True)
        return 0
    for result in results:
        made = result.upscaled.canvas
        report = report_of(
            Path(options.input),
            written.path,
            result.choice.label,
            result.variant,
            result.upscaled,
            result.scores,
            made.width,
            made.height,
            list(source.info.warnings),
        )
        print(json.dumps(report.as_json()), flush=True)
    return 0


def _refuse_early(
    engine: Engine,
    source: DoneDecode,
    reference: DoneDecode | None,
    choices: list[ModelChoice],
    scale: int | None,
    settings: UpscaleSettings,
    output: Path,
) -> None:
    """Raises before minutes of work what would else be raised after them."""
    info = engine.prepare(choices[0].locate(scale)[0], settings).info
    if reference is not None:
        check_reference(reference.info, source.info, info.scale)
    panes = len(choices) + 2
    check_disk(output, panes * source.info.height * source.info.width * info.scale**2 * 3, "png")


def _run_model(
    engine: Engine,
    choice: ModelChoice,
    scale: int | None,
    settings: UpscaleSettings,
    source: DoneDecode,
    reference: DoneDecode | None,
    folder: Path,
    bar: ProgressBar,
) -> _Result:
    request, variant = choice.locate(scale)
    upscaled = engine.upscale(
        source.raster,
        request,
        settings,
        folder / f"{choice.label}.raw",
        lambda progress: bar.advance(progress.tiles_done, progress.tiles),
    )
    scores: Scores = (None, None)
    if reference is not None:
        scores = score(upscaled.canvas, reference.raster, upscaled.model.scale)
    return _Result(choice, variant or upscaled.model.variant, upscaled, scores)


def _figures(scores: Scores) -> tuple[str, ...]:
    psnr, ssim = scores
    if psnr is None or ssim is None:
        return ()
    return (f"PSNR-Y {psnr:.2f} dB · SSIM {ssim:.4f}",)


def _model_pane(result: _Result) -> SheetPane:
    upscaled = result.upscaled
    done, info = upscaled.done, upscaled.model
    cost = f"{done.seconds:.1f} s · {format_bytes(done.peak_memory_bytes)} · {done.device} {done.precision}"
    return SheetPane(upscaled.canvas, f"{result.choice.label} ×{info.scale}", (*_figures(result.scores), cost))


def _largest(results: list[_Result]) -> RasterRef:
    return max((result.upscaled.canvas for result in results), key=lambda canvas: canvas.width)


def _input_pane(
    source: DoneDecode,
    reference: DoneDecode | None,
    results: list[_Result],
    folder: Path,
) -> SheetPane:
    """The input enlarged by bicubic, scored as the models are, so that the sheet shows what they gain."""
    canvas = _largest(results)
    enlarged = _bicubic(source.raster, canvas, folder / "bicubic.raw")
    scores: Scores = (None, None)
    if reference is not None and (reference.raster.height, reference.raster.width) == (canvas.height, canvas.width):
        scores = score(enlarged, reference.raster, canvas.width // source.info.width)
    return SheetPane(
        enlarged, "input (bicubic)", (*_figures(scores), f"{source.info.width} × {source.info.height} pixels")
    )


def _bicubic(source: RasterRef, canvas: RasterRef, path: Path) -> RasterRef:
    """Writes the input, enlarged to the canvas's size as the baseline of every figure is, as an 8-bit RGB raster."""
    from engine.resampling import imresize

    enlarged = RasterRef(str(path), canvas.height, canvas.width, 3, "uint8")
    create_raster(enlarged)[:] = imresize(to_rgb8(source), size=(canvas.height, canvas.width))
    return enlarged
