"""The card beside a set of weights: what they are, how they were trained, what they score, whom to credit.

Everything in it comes from the run and from what was measured on the file. May import torch, engine.{degradation,
quality} and the other modules of this package.
"""

from collections.abc import Sequence
from pathlib import Path

import torch

from engine.quality import FolderQuality
from engine.training.configuration import Recipe
from engine.training.run import Run

__all__ = ["LICENCE", "credits_of", "render_card", "stages"]

LICENCE = "CC BY 4.0"
_DEGRADATIONS = {
    "bicubic": "MATLAB's antialiased bicubic, rounded to 8 bit: for clean images, not for JPEG artefacts",
    "photo": "blur, resampling by several kernels, Gaussian and shot noise, JPEG 30 to 95 (`engine/training/degradation.py`); "
    "one in ten inputs is clean",
}
# A curve of at most so many points says all that one of hundreds does.
_CURVE_POINTS = 8


def render_card(run: Run, results: Sequence[FolderQuality], sha256: str, credits: str) -> str:
    """Return the card of a run's weights as Markdown."""
    name = f"{run.configuration.name}_x{run.scale}"
    rows = {"file": f"`{name}.safetensors`, sha256 `{sha256}`", **_facts(run)}
    lines = [f"# {run.configuration.name} x{run.scale}", ""]
    if run.configuration.purpose:
        lines += [f"For: {run.configuration.purpose}. {run.configuration.description}", ""]
    lines += ["| | |", "|---|---|", *(f"| {key} | {value} |" for key, value in rows.items())]
    lines += ["", "## Measured", "", *_measured(run, results)]
    lines += _curve(run)
    lines += ["", "## On the bundled sample", "", f"![the input, these weights and the original]({name}_sample.png)"]
    lines += ["", "`python resources/weights/sheets.py` makes this sheet."]
    lines += ["", "## Credits", "", credits]
    return "\n".join(lines).rstrip() + "\n"


def stages(run: Run) -> list[str]:
    """Return what was done to come to these weights, one sentence for each run, the earliest first."""
    progress = run.progress
    minutes = f"{progress.seconds / 60:.0f} minutes" if progress.seconds >= 90 else f"{progress.seconds:.0f} seconds"
    precision = "bf16 over fp32 weights" if run.half else "fp32"
    origin = f" from {progress.started_from}" if progress.started_from else " from fresh weights"
    version = torch.__version__.split("+")[0]
    ours = f"{progress.step} steps in {minutes}{origin}, on {progress.hardware}, torch {version}, {precision}"
    return [*progress.history, ours, *([progress.blend] if progress.blend else [])]


def credits_of(weights: Path) -> str:
    """Return the attributions that must stand beside the weights: the list in CREDITS.md."""
    path = weights / "CREDITS.md"
    if not path.exists():
        return "None recorded."
    return "\n".join(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("- "))


def _facts(run: Run) -> dict[str, str]:
    configuration, progress, recipe = run.configuration, run.progress, run.trained_with
    count = sum(parameter.numel() for parameter in run.model.parameters())
    arguments = ", ".join(f"{name} {value}" for name, value in configuration.arguments.items())
    batches = "; ".join(f"{n} of {side} x {side} ({often:.0%})" for n, side, often in recipe.batches)
    ended = progress.steps is not None and progress.step >= progress.steps
    schedule = "constant, then a cosine" if ended else "constant so far"
    first, last = recipe.photographs
    return {
        "architecture": f"{configuration.architecture}: {arguments}; {count} parameters",
        "configuration": f"`{configuration.name}.toml`",
        "licence": f"{LICENCE}; credits below and in `CREDITS.md`",
        "trained": "; then ".join(stages(run)),
        "batches": f"low-resolution crops: {batches}",
        "optimiser": f"AdamW, rate {recipe.learning_rate}, warm-up of {recipe.warmup_steps} steps, {schedule}; "
        f"moving average {recipe.ema_decay}; {_loss(recipe)}",
        "data": "the photographs of `CREDITS.md` (one in 24 held back for the log) mixed with procedural images; "
        f"{first:.0%} photographs at first, {last:.0%} in the last third",
        "degradation": _DEGRADATIONS[recipe.degradation],
    }


def _loss(recipe: Recipe) -> str:
    loss = "Charbonnier" if recipe.charbonnier else "L1"
    if recipe.frequency:
        loss += f" and {recipe.frequency:g} x L1 of the Fourier transform"
        loss += f" (in the last {1 - recipe.frequency_from:.0%} of the run)" if recipe.frequency_from > 0 else ""
    return f"{loss} loss"


def _measured(run: Run, results: Sequence[FolderQuality]) -> list[str]:
    qualities = sorted({each.degradation.jpeg_quality for each in results if each.degradation.jpeg_quality is not None})
    command = f"triptych bench quality FOLDER... --model {run.configuration.name}"
    command += "".join(f" --jpeg {quality}" for quality in qualities)
    lines = [
        f"Y-PSNR in dB and SSIM, borders of `scale` pixels cut (`{command}`);",
        "none of these images was trained on.",
    ]
    if qualities:
        lines[1:] = [
            "the inputs of the rows with a JPEG quality were shrunk by bicubic and then stored so, for both sides of the",
            "comparison (without `--jpeg`: the clean inputs). None of these images was trained on.",
        ]
    lines += ["", "| set | PSNR-Y | SSIM | bicubic | SSIM | gain |", "|---|---|---|---|---|---|"]
    for result in results:
        mean = result.mean
        lines.append(
            f"| {result.name} | {mean.psnr_y:.2f} | {mean.ssim:.4f} | {mean.bicubic_psnr_y:.2f} | "
            f"{mean.bicubic_ssim:.4f} | {mean.gain:+.2f} |"
        )
    return lines if results else [*lines, "| (not measured) | | | | | |"]


def _curve(run: Run) -> list[str]:
    """Return the held-back PSNR over the steps of the last run as a table, its ends always among the points."""
    curve = run.progress.curve
    if len(curve) < 2:
        return []
    count = min(_CURVE_POINTS, len(curve))
    chosen = [curve[round(i * (len(curve) - 1) / (count - 1))] for i in range(count)]
    return [
        "",
        "Y-PSNR of the moving average on the held-back photographs during the last run:",
        "",
        "| step | " + " | ".join(str(step) for step, _ in chosen) + " |",
        "|---|" + "---|" * count,
        "| dB | " + " | ".join(f"{decibel:.2f}" for _, decibel in chosen) + " |",
    ]
