"""What earlier runs left unfinished, and its way back into the window: offered once at the start, resumed one by one.

Imports QtCore, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

if TYPE_CHECKING:
    from engine.messages import UpscaleSettings
    from engine.workspace import UnfinishedJob

# How many inputs an offer names before it only counts.
_NAMED = 3


@dataclass(frozen=True)
class Resumed:
    """An interrupted job that is to be shown in the window: what it runs, and in which folder its tiles lie."""

    path: Path
    model: str
    scale: int
    weights: Path
    settings: UpscaleSettings
    folder_id: str

    @classmethod
    def of(cls, unfinished: UnfinishedJob) -> Resumed:
        """Returns what the header says. Raises TypeError where it was written by a window of another version."""
        from engine.messages import UpscaleSettings

        header = unfinished.header
        return cls(
            Path(header.input.path),
            header.model,
            header.scale,
            Path(header.weights),
            UpscaleSettings(**header.client["settings"]),
            unfinished.job_id,
        )


def is_for_window(unfinished: UnfinishedJob) -> bool:
    """Whether the job was begun in a window, to be looked at; else the command line began it, to write a file."""
    return bool(unfinished.header.client.get("shown"))


def offer_words(jobs: Sequence[UnfinishedJob]) -> tuple[str, str]:
    """Returns the sentence of the offer, and the line under it that names the first inputs with what is done of them."""

    def tr(text: str) -> str:
        return QCoreApplication.translate("Resumption", text)

    if len(jobs) == 1:
        sentence = tr("One job was interrupted.")
    else:
        sentence = tr("{count} jobs were interrupted.").format(count=len(jobs))
    named = [
        tr("{name} · {model} ×{scale}: {done} of {tiles} tiles done").format(
            name=Path(job.header.input.path).name,
            model=job.header.model,
            scale=job.header.scale,
            done=job.tiles_recorded,
            tiles=len(job.header.plan().tiles),
        )
        for job in jobs[:_NAMED]
    ]
    if len(jobs) > _NAMED:
        named.append(tr("and {count} more").format(count=len(jobs) - _NAMED))
    return sentence, "; ".join(named)
