"""From parsed options to what the engine takes, with every refusal that needs no image. No torch, no numpy at import."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.errors import CheckpointError, UsageError
from engine.jobs import ModelChoice, checkpoint_choice, named_choice
from engine.messages import UpscaleSettings

SCALES = (2, 3, 4)


def settings_of(options: argparse.Namespace) -> UpscaleSettings:
    """Returns the run settings. Raises UsageError for what cannot be."""
    for device in options.device.split(","):
        kind, _, index = device.partition(":")
        if device not in ("auto", "cpu", "mps", "cuda") and not (kind == "cuda" and index.isdigit()):
            raise UsageError(
                f"Unknown device {device!r}.",
                "Use auto, cpu, mps, cuda, cuda:N, or a comma list such as cuda:0,cuda:1.",
            )
    return UpscaleSettings(
        tile_px=None if options.tile == "off" else options.tile,
        overlap_px=options.overlap,
        device=options.device,
        precision=options.precision,
        backend=options.backend,
        ensemble=options.ensemble,
    )


def check_scale(scale: int | None) -> None:
    """Raises UsageError for a scale that no model has."""
    if scale is not None and scale not in SCALES:
        raise UsageError(f"×{scale} is not a scale that Triptych offers.", "Use --scale 2, 3 or 4.")


def choices_of(options: argparse.Namespace, default: tuple[str, ...]) -> list[ModelChoice]:
    """Returns the models asked for. Raises UsageError for one that is unknown or lacks the scale, before any work."""
    if options.weights and options.model:
        raise UsageError("--model and --weights exclude each other.", "Add the file with `triptych models add FILE`.")
    check_scale(options.scale)
    if options.weights:
        return [_checkpoint_choice(Path(options.weights))]
    names = list(dict.fromkeys(options.model or default))
    choices = [named_choice(name) for name in names]
    if not getattr(options, "size", None):
        for choice in choices:
            choice.locate(options.scale)
    return choices


def _checkpoint_choice(file: Path) -> ModelChoice:
    if not file.is_file():
        raise CheckpointError(f"There is no weights file {file}.", "Check the path after --weights.")
    return checkpoint_choice(file)
