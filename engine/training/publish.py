"""Turning a run into something to ship: weights in safetensors, measured, with a card.

May import torch, engine.{models, degradation, quality, errors} and the other modules of this package.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from engine.degradation import BICUBIC, Degradation
from engine.models.checkpoint import file_sha256, load_checkpoint, save_checkpoint
from engine.quality import FolderQuality, Uint8Image, measure
from engine.training.card import LICENCE, credits_of, render_card, stages
from engine.training.pairs import Pair
from engine.training.run import Run, upscale_pair

__all__ = ["history_of", "load_tensors", "publish"]

_DESCRIPTIONS = {
    "ESC": "Quick and even: convolutional attention with one shared large kernel.",
    "SSCAN": "Repeated patterns: each window looks at the windows of the image that resemble it.",
    "PFT": "Fine structure: attention that narrows from layer to layer to the tokens that matter.",
}
# What weights are measured on, by the degradation they were trained for, and which of it lists of models show.
_MEASURED_ON = {
    "bicubic": (BICUBIC,),
    "photo": (*(Degradation(jpeg_quality=quality) for quality in (40, 60, 80)), BICUBIC),
}
_LISTED = {"bicubic": BICUBIC, "photo": Degradation(jpeg_quality=60)}


def load_tensors(path: Path) -> Mapping[str, Tensor]:
    """Return a checkpoint's tensors by name, to start a run from; raises CheckpointError."""
    return load_checkpoint(path).model.state_dict()


def history_of(path: Path) -> list[str]:
    """Return how the weights in a file were trained, a sentence for each run; empty where nobody wrote it down.

    It stands in the card beside the file, in the row "trained".
    """
    card = path.with_suffix(".md")
    text = card.read_text(encoding="utf-8") if card.exists() else ""
    rows = dict(re.findall(r"^\| (trained|started from) \| (.*) \|$", text, flags=re.MULTILINE))
    if "trained" not in rows:
        return []
    # Older cards tell the start in a row of its own.
    start = f" (from {rows['started from']})" if "started from" in rows else ""
    told: str = rows["trained"] + start
    return told.split("; then ")


def publish(run: Run, weights: Path, folders: Sequence[Path]) -> list[FolderQuality]:
    """Write a run's moving average to `weights` as NAME_xS.safetensors, with its card NAME_xS.md.

    Measures on `folders` first (models.md's conventions, through engine.quality; weights for compressed photographs on
    compressed inputs too); the means go into the card and, as JSON by set, into the metadata key `psnr`, of several
    degradations those of one.
    """
    model = run.averaged_model()

    def upscale(lr_hwc: Uint8Image) -> Uint8Image:
        return upscale_pair(model, Pair(lr_hwc, lr_hwc))

    configuration = run.configuration
    trained_for = run.trained_with.degradation
    results = [
        result
        for degradation in _MEASURED_ON[trained_for]
        for result in (measure(folders, upscale, run.scale, degradation=degradation) if folders else [])
    ]
    listed = [result for result in results if result.degradation == _LISTED[trained_for]]
    path = weights / f"{configuration.name}_x{run.scale}.safetensors"
    extra = {
        "description": configuration.description or _DESCRIPTIONS.get(configuration.architecture, ""),
        "licence": LICENCE,
        "psnr": json.dumps({result.name: round(result.mean.psnr_y, 3) for result in listed}),
        "training": json.dumps(stages(run)),
    }
    if configuration.purpose:
        extra["purpose"] = configuration.purpose
    save_checkpoint(
        path,
        model,
        {
            "architecture": configuration.architecture,
            "arguments": dict(configuration.arguments),
            "scale": run.scale,
        },
        extra,
    )
    card = render_card(run, results, file_sha256(path), credits_of(weights))
    path.with_suffix(".md").write_text(card, encoding="utf-8")
    return results
