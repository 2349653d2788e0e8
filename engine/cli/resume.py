"""`triptych upscale --resume`: finishes what interrupted runs left, with the options they began with. No torch."""

from __future__ import annotations

import argparse
import contextlib
import glob
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import runs
from engine.cli.arguments import given_options
from engine.cli.batch import Batch, Entry, runs_folder
from engine.cli.inputs import Missed
from engine.cli.terminal import say
from engine.client import Engine
from engine.errors import InputError, UsageError
from engine.jobs import from_plain, job_key
from engine.outputs import is_inside
from engine.workspace import UnfinishedJob, list_jobs


def run(options: argparse.Namespace) -> int:
    """Runs `triptych upscale --resume [INPUT...]` and returns its exit status."""
    contradictions = given_options(options, beside=("resume", "inputs", "json"))
    if contradictions:
        raise UsageError(
            f"--resume goes on with the options that a run began with, and does not take {', '.join(contradictions)}.",
            "Leave it out, or run the command anew without --resume.",
        )
    is_wanted = _filter(options.inputs)
    with Engine() as engine, contextlib.ExitStack() as stack:
        manifests = [stack.enter_context(run) for run in runs.interrupted(runs_folder(engine))]
        entries = [entry for entry in _entries(engine, manifests) if is_wanted(_input_of(entry))]
        if not entries:
            among = " among these inputs" if options.inputs else ""
            say(f"Nothing was interrupted{among}: there is nothing to resume.")
            return 0
        published = {output for manifest in manifests for output in manifest.outputs}
        return Batch(engine, options.json, published).run(entries)


def _entries(engine: Engine, manifests: list[runs.Run]) -> list[Entry | Missed]:
    """Returns what is left: the jobs of interrupted runs in their order, then the single ones, the oldest first."""
    begun: dict[str, UnfinishedJob] = {}
    entries: dict[str, Entry | Missed] = {}
    for unfinished in list_jobs(engine.jobs_folder):
        # One that is none of ours (its client kept other things in the header) is listed by its folder's name.
        begun.setdefault(_key_of(unfinished.header.client) or unfinished.job_id, unfinished)
    for manifest in manifests:
        for number in manifest.left:
            key = job_key(manifest.jobs[number])
            known = entries.get(key)
            if known is None:
                known = _entry(manifest.jobs[number], begun.pop(key, None))
            if isinstance(known, Entry):
                known = replace(known, marks=(*known.marks, (manifest, number)))
            entries[key] = known
    for key, unfinished in reversed(begun.items()):
        entries[key] = _entry(unfinished.header.client, unfinished)
    return list(entries.values())


def _entry(plain: dict[str, Any], unfinished: UnfinishedJob | None) -> Entry | Missed:
    """Returns the job that `plain` describes, to be gone on with where it had begun."""
    try:
        job = from_plain(unfinished.header.client if unfinished else plain)
    except UsageError as error:
        return Missed(str(plain.get("input", "")), error)
    except (KeyError, TypeError, ValueError):
        name = unfinished.header.input.path if unfinished else str(plain.get("input", ""))
        return Missed(
            name,
            InputError(
                f"{Path(name).name} was interrupted in another version of Triptych, which kept its options differently.",
                "Run the command that began it once more.",
            ),
        )
    return Entry(job, is_resumed=True, folder_id=unfinished.job_id if unfinished else None)


def _key_of(plain: dict[str, Any]) -> str | None:
    return job_key(plain) if "input" in plain else None


def _input_of(entry: Entry | Missed) -> Path:
    return Path(entry.word) if isinstance(entry, Missed) else entry.job.input


def _filter(words: list[str]) -> Callable[[Path], bool]:
    """Returns whether an input is meant by INPUT arguments: files, folders and what lies below them, globs; none mean all."""
    if not words:
        return lambda _: True
    places = [Path(word) for word in words]
    for word in words:
        if glob.has_magic(word) and not os.path.lexists(word):
            places += map(Path, glob.glob(word, recursive=True))
    return lambda path: any(is_inside(path, place) for place in places)
