"""What earlier runs left unfinished, and its way back into the window: offered once at the start, resumed one by one.

Imports QtCore, `app` and the plain data of `engine`. An *interrupted* job has begun: its tiles lie in a folder of its own, which
the engine finds. One that was only *in line* is known from the settings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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


class InLine(NamedTuple):
    """A job that was in line: which model was to run on which file, and how."""

    path: Path
    model: str
    scale: int
    settings: UpscaleSettings


def line_text(line: Sequence[InLine]) -> str:
    """Returns the line as the settings keep it: JSON, in which the files of the same model and settings share an entry."""
    files: dict[tuple[str, int, UpscaleSettings], list[str]] = {}
    for path, model, scale, settings in line:
        files.setdefault((model, scale, settings), []).append(str(path))
    entries = [
        {"model": model, "scale": scale, "settings": asdict(settings), "files": names}
        for (model, scale, settings), names in files.items()
    ]
    return json.dumps(entries) if entries else ""


def read_line(text: str) -> list[InLine]:
    """Returns the line that `line_text` wrote; [] where somebody else did, or another version."""
    from engine.messages import UpscaleSettings

    try:
        return [
            InLine(Path(name), str(entry["model"]), int(entry["scale"]), UpscaleSettings(**entry["settings"]))
            for entry in json.loads(text or "[]")
            for name in entry["files"]
        ]
    except (KeyError, TypeError, ValueError):
        return []


def _tr(text: str) -> str:
    return QCoreApplication.translate("Resumption", text)


def offer_words(jobs: Sequence[UnfinishedJob]) -> tuple[str, str]:
    """Returns the sentence of the offer, and the line under it that names the first inputs with what is done of them."""
    if len(jobs) == 1:
        sentence = _tr("One job was interrupted.")
    else:
        sentence = _tr("{count} jobs were interrupted.").format(count=len(jobs))
    named = [
        _tr("{name} · {model} ×{scale}: {done} of {tiles} tiles done").format(
            name=Path(job.header.input.path).name,
            model=job.header.model,
            scale=job.header.scale,
            done=job.tiles_recorded,
            tiles=len(job.header.plan().tiles),
        )
        for job in jobs[:_NAMED]
    ]
    return sentence, _in_a_line(named, len(jobs))


def line_words(line: Sequence[InLine]) -> tuple[str, str]:
    """Returns the sentence that says how many jobs were in line, and the line under it that names the first of them."""
    if len(line) == 1:
        sentence = _tr("One job was still in line.")
    else:
        sentence = _tr("{count} jobs were still in line.").format(count=len(line))
    named = [f"{path.name} · {model} ×{scale}" for path, model, scale, _ in line[:_NAMED]]
    return sentence, _in_a_line(named, len(line))


def _in_a_line(named: list[str], count: int) -> str:
    """Returns the first of `count` in a line that says how many more there are."""
    if count > len(named):
        named = [*named, _tr("and {count} more").format(count=count - len(named))]
    return "; ".join(named)
