"""Running jobs one after another: one that fails does not stop the others, and what is left can be resumed. No torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import paths, runs
from engine.cli.inputs import Missed
from engine.cli.terminal import ProgressBar, ask, failure_table, report_error, say
from engine.client import Engine
from engine.errors import Cancelled, OutputError, TriptychError, format_bytes
from engine.jobs import FINAL_ERRORS, Job, as_plain, job_key, run_job
from engine.memory.probe import release_freed
from engine.messages import ImageInfo, Progress
from engine.reports import JobReport

# For every size of image that a network meets, oneDNN keeps up to a megabyte of code for as long as the process lives. After so
# many sizes a batch goes on in new workers.
SIZES_PER_WORKER = 256

# So many jobs between two times that freed memory is given back: thousands of messages leave gaps between what is kept.
_TRIM_EVERY = 50


@dataclass(frozen=True)
class Entry:
    """One job of a batch.

    `is_resumed`: an earlier run was to do it. `folder_id`: the folder in which that run left it. `marks`: the manifests in which
    it stands, with its number there.
    """

    job: Job
    is_resumed: bool = False
    folder_id: str | None = None
    marks: tuple[tuple[runs.Run, int], ...] = ()


def runs_folder(engine: Engine) -> Path:
    """Returns where the manifests of interrupted runs lie."""
    return engine.jobs_folder.with_name("runs")


def run_batch(engine: Engine, entries: Sequence[Entry | Missed], as_json: bool) -> int:
    """Runs a new batch and returns the exit status. Where it has several jobs, it can be resumed wherever it is interrupted."""
    root = runs_folder(engine)
    runs.clean(root, paths.keep_days() * 86400)
    jobs = [entry for entry in entries if isinstance(entry, Entry)]
    batch = Batch(engine, as_json)
    manifest = None
    if len(jobs) > 1:
        try:
            manifest = runs.begin(root, [as_plain(entry.job) for entry in jobs])
        except OutputError as error:
            # Each job will find its own way to say that there is no room to work.
            say(f"  note: This run could not be resumed if it were interrupted. {error.message}")
    if manifest is None:
        status = batch.run(entries)
    else:
        with manifest:
            numbers = iter(range(len(jobs)))
            status = batch.run(
                [
                    Entry(entry.job, marks=((manifest, next(numbers)),)) if isinstance(entry, Entry) else entry
                    for entry in entries
                ]
            )
    runs.take_over(root, batch.ended)
    return status


class Batch:
    """Runs jobs, prints what became of each, counts the failures, and sums them up at the end."""

    def __init__(self, engine: Engine, as_json: bool, published: set[Path] | None = None) -> None:
        self._engine = engine
        self._as_json = as_json
        self._published = set() if published is None else published
        self._failures: list[tuple[str, str]] = []
        self._left = 0
        self._sizes: set[tuple[str, int, int]] = set()
        # Key of a job that needs nothing more → the file written, or None where it failed for good.
        self.ended: dict[str, str | None] = {}

    def run(self, entries: Sequence[Entry | Missed]) -> int:
        """Runs all jobs and returns the exit status: 0 all done, 1 some failed, 130 interrupted."""
        bar = ProgressBar(len(entries))
        for number, entry in enumerate(entries):
            try:
                if isinstance(entry, Missed):
                    raise entry.error
                report = self._run_one(entry, bar)
            except (KeyboardInterrupt, Cancelled):
                bar.clear()
                self._engine.cancel()
                done = f"{number - len(self._failures)} of {len(entries)} jobs are done" if len(entries) > 1 else ""
                say(
                    f"Interrupted{': ' if done else ''}{done}. `triptych upscale --resume` goes on from what is finished."
                )
                return 130
            except TriptychError as error:
                bar.finish_job()
                self._fail(entry, error)
            else:
                bar.finish_job()
                self._end(entry, report.output)
                self._tell(report)
        if self._failures and len(entries) > 1:
            self._sum_up(len(entries))
        return 1 if self._failures else 0

    def _run_one(self, entry: Entry, bar: ProgressBar) -> JobReport:
        job = entry.job
        label = f"{job.input.name} · {job.model.label}"

        def on_start(info: ImageInfo) -> None:
            self._renew_workers((job.model.label, info.height, info.width))
            bar.start_job(f"{label} · {info.width}×{info.height}")

        def on_progress(progress: Progress) -> None:
            bar.advance(progress.tiles_done, progress.tiles)

        def on_changed(changes: tuple[str, ...]) -> bool:
            bar.clear()
            return ask(
                f"{job.input.name} was interrupted under other conditions: {'; '.join(changes)}."
                " Go on from its tiles all the same? The result may differ a little from tile to tile."
            )

        bar.start_job(label)
        return run_job(
            self._engine,
            job,
            published=self._published,
            on_start=on_start,
            on_progress=on_progress,
            on_changed=on_changed,
            is_resumed=entry.is_resumed,
            folder_id=entry.folder_id,
        )

    def _renew_workers(self, size: tuple[str, int, int]) -> None:
        if size not in self._sizes and len(self._sizes) >= SIZES_PER_WORKER:
            self._engine.restart_workers()
            self._sizes.clear()
        self._sizes.add(size)

    def _end(self, entry: Entry, output: str | None) -> None:
        for run, number in entry.marks:
            run.end(number, output)
        self.ended[job_key(as_plain(entry.job))] = output
        if len(self.ended) % _TRIM_EVERY == 0:
            release_freed()

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

    def _fail(self, entry: Entry | Missed, error: TriptychError) -> None:
        if isinstance(entry, Missed):
            source = entry.word
        else:
            source = str(entry.job.input)
            if isinstance(error, FINAL_ERRORS):
                self._end(entry, None)
            else:
                self._left += 1
        self._failures.append((source, error.message))
        if self._as_json:
            print(json.dumps({"input": source, "error": error.message, "hint": error.hint}), flush=True)
        else:
            report_error(error)

    def _sum_up(self, jobs: int) -> None:
        failed = len(self._failures)
        say(f"{failed} of {jobs} jobs failed, {jobs - failed} are done.")
        say(failure_table(self._failures))
        if self._left:
            say(f"`triptych upscale --resume` tries {self._left} of them again, from what they had finished.")
