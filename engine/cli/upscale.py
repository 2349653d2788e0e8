"""`triptych upscale`: runs the jobs one after another; one that fails does not stop the others."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from engine.cli import inputs
from engine.cli.options import choices_of, settings_of
from engine.cli.terminal import ProgressBar, format_bytes, report_error
from engine.client import Engine
from engine.errors import Cancelled, NotYetError, TriptychError, UsageError
from engine.imaging import formats
from engine.jobs import Job, run_job
from engine.messages import ImageInfo, Progress
from engine.outputs import Target, check_template
from engine.reports import JobReport


def run(options: argparse.Namespace) -> int:
    """Runs `triptych upscale` and returns its exit status."""
    if options.resume:
        raise NotYetError("--resume is not yet in this version.", "Run the command again without it.")
    if not options.inputs:
        raise UsageError("No input was named.", "Name an image, a folder or a glob: `triptych upscale photo.png`.")
    if options.format == "avif":
        raise NotYetError("--format avif is not yet in this version.", "Use png, tiff, webp or jpeg.")
    settings = settings_of(options)
    check_template(options.name)
    choices = choices_of(options, ("esc",))
    target = _target(options, len(choices))
    if options.reference and (len(options.inputs) > 1 or Path(options.inputs[0]).is_dir()):
        raise UsageError("--reference belongs to one input.", "Run the command once for each image.")

    found = list(inputs.expand(options.inputs, recursive=options.recursive, output_folder=target.folder))
    with Engine() as engine:
        if options.weights:
            # An unreadable checkpoint is wrong usage: it is found before any job.
            engine.prepare(choices[0].locate(options.scale)[0], settings)
        runner = _Runner(engine, options.json)
        jobs: list[Job | inputs.Missed] = []
        for each in found:
            if isinstance(each, inputs.Missed):
                jobs.append(each)
            elif each.named or not inputs.is_ours(engine, each.path):
                jobs.extend(
                    Job(
                        each.path,
                        choice,
                        settings,
                        target,
                        scale=options.scale,
                        size=options.size,
                        reference=Path(options.reference) if options.reference else None,
                        subfolder=each.subfolder if options.recursive else Path(),
                    )
                    for choice in choices
                )
        return runner.run_all(jobs)


def _target(options: argparse.Namespace, models: int) -> Target:
    common = {
        "template": options.name,
        "format": options.format,
        "quality": options.quality,
        "existing": options.existing,
    }
    if options.output is None:
        return Target(**common)
    path = Path(options.output)
    named_format = formats.format_of_extension(path.suffix)
    if path.is_dir() or options.output.endswith(("/", "\\")) or not path.suffix:
        return Target(folder=path, **common)
    if len(options.inputs) > 1 or models > 1 or Path(options.inputs[0]).is_dir():
        raise UsageError(
            f"--output {path} is one file, and there are several results.", "Name a folder, ending it with a slash."
        )
    if named_format is None:
        raise UsageError(
            f"{path.name} does not end in a format that Triptych writes.",
            "Use .png, .tif, .webp or .jpg, or name a folder.",
        )
    if options.format not in ("keep", named_format):
        raise UsageError(f"--format {options.format} and the name {path.name} disagree.", "Leave one of them out.")
    if named_format == "avif":
        raise NotYetError("AVIF is not yet in this version.", "Use .png, .tif, .webp or .jpg.")
    return Target(file=path, **{**common, "format": named_format})


class _Runner:
    """Runs jobs, prints what became of each, and counts the failures."""

    def __init__(self, engine: Engine, as_json: bool) -> None:
        self._engine = engine
        self._as_json = as_json
        self._published: set[Path] = set()

    def run_all(self, jobs: list[Job | inputs.Missed]) -> int:
        bar = ProgressBar(len(jobs))
        failures = 0
        for job in jobs:
            try:
                if isinstance(job, inputs.Missed):
                    raise job.error
                report = self._run_one(job, bar)
            except (KeyboardInterrupt, Cancelled):
                bar.clear()
                self._engine.cancel()
                raise KeyboardInterrupt from None
            except TriptychError as error:
                failures += 1
                bar.finish_job()
                self._fail(job, error)
            else:
                bar.finish_job()
                self._tell(report)
        return 1 if failures else 0

    def _run_one(self, job: Job, bar: ProgressBar) -> JobReport:
        label = f"{job.input.name} · {job.model.label}"

        def on_start(info: ImageInfo) -> None:
            bar.start_job(f"{label} · {info.width}×{info.height}")

        def on_progress(progress: Progress) -> None:
            bar.advance(progress.tiles_done, progress.tiles)

        bar.start_job(label)
        return run_job(self._engine, job, published=self._published, on_start=on_start, on_progress=on_progress)

    def _tell(self, report: JobReport) -> None:
        if self._as_json:
            print(json.dumps(report.as_json()), flush=True)
            return
        if report.seconds is None:
            print(f"{report.input}: {report.warnings[0]}", flush=True)
            return
        scores = "" if report.psnr is None else f" · PSNR-Y {report.psnr:.2f} dB"
        scores += "" if report.ssim is None else f" · SSIM {report.ssim:.4f}"
        memory = format_bytes(report.peak_memory_bytes or 0)
        print(
            f"{report.output}  {report.width}×{report.height} · {report.variant} ×{report.scale}"
            f" · {report.seconds:.1f} s · {memory}{scores}",
            flush=True,
        )
        for warning in report.warnings:
            print(f"  note: {warning}", file=sys.stderr, flush=True)

    def _fail(self, job: Job | inputs.Missed, error: TriptychError) -> None:
        if not self._as_json:
            report_error(error)
            return
        source = str(job.input) if isinstance(job, Job) else job.word
        print(json.dumps({"input": source, "error": error.message, "hint": error.hint}), flush=True)
