"""What a job did, in the form that `--json` prints.

Imports the plain modules of `engine`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.messages import DoneUpscale

if TYPE_CHECKING:
    from engine.client import Upscaled


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
