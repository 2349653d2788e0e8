"""`triptych upscale`: from the options to the jobs of a batch."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli import inputs, resume
from engine.cli.batch import Entry, run_batch
from engine.cli.options import choices_of, settings_of
from engine.client import Engine
from engine.errors import TriptychError, UsageError
from engine.imaging import formats
from engine.jobs import Job, ModelChoice
from engine.messages import UpscaleSettings
from engine.outputs import Target, check_template


def run(options: argparse.Namespace) -> int:
    """Runs `triptych upscale` and returns its exit status."""
    if options.resume:
        return resume.run(options)
    if not options.inputs:
        raise UsageError("No input was named.", "Name an image, a folder or a glob: `triptych upscale photo.png`.")
    settings = settings_of(options)
    check_template(options.name)
    choices = choices_of(options, ("esc",))
    target = _target(options, len(choices))
    if options.reference and (len(options.inputs) > 1 or Path(options.inputs[0]).is_dir()):
        raise UsageError("--reference belongs to one input.", "Run the command once for each image.")

    found = list(inputs.expand(options.inputs, recursive=options.recursive, output_folder=target.folder))
    with Engine() as engine:
        _refuse_early(engine, options, choices, settings)
        return run_batch(engine, _entries(engine, options, found, choices, settings, target), options.json)


def _refuse_early(
    engine: Engine, options: argparse.Namespace, choices: list[ModelChoice], settings: UpscaleSettings
) -> None:
    """Raises UsageError for what the first job would find out: a checkpoint or a backend that cannot be used."""
    if not (options.weights or options.backend in ("triton", "flash")):
        return
    for choice in choices:
        request, _ = choice.locate(choice.scales[0] if options.size and choice.scales else options.scale)
        try:
            engine.prepare(request, settings)
        except UsageError:
            raise
        except TriptychError:
            # No fault of the command: each job tells of it as its own failure.
            return


def _entries(
    engine: Engine,
    options: argparse.Namespace,
    found: list[inputs.Found | inputs.Missed],
    choices: list[ModelChoice],
    settings: UpscaleSettings,
    target: Target,
) -> list[Entry | inputs.Missed]:
    """Returns the jobs, all of one model before the next: loading a model takes as long as decoding several megapixels."""
    ours = {
        each.path
        for each in found
        if isinstance(each, inputs.Found) and not each.named and inputs.is_ours(engine, each.path)
    }
    entries: list[Entry | inputs.Missed] = []
    for choice in choices:
        for each in found:
            if isinstance(each, inputs.Missed):
                if choice is choices[0]:
                    entries.append(each)
            elif each.path not in ours:
                job = Job(
                    each.path,
                    choice,
                    settings,
                    target,
                    scale=options.scale,
                    size=options.size,
                    reference=Path(options.reference) if options.reference else None,
                    subfolder=each.subfolder if options.recursive else Path(),
                )
                entries.append(Entry(job))
    return entries


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
    if named_format not in formats.writable_formats():
        raise UsageError(
            f"{path.name} does not end in a format that Triptych writes.",
            "Use .png, .tif, .webp, .jpg or .avif, or name a folder.",
        )
    if options.format not in ("keep", named_format):
        raise UsageError(f"--format {options.format} and the name {path.name} disagree.", "Leave one of them out.")
    return Target(file=path, **{**common, "format": named_format})
