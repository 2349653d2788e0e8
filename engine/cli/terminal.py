"""What the command line says: errors in sentences, and a progress bar where there is a terminal. Standard library only."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time

from engine.errors import TriptychError

_NAME_COLUMNS = 48


def say(text: str) -> None:
    """Writes a line to stderr."""
    print(text, file=sys.stderr, flush=True)


def report_error(error: TriptychError) -> None:
    """Writes an error and what to do about it to stderr."""
    say(f"triptych: {error.message}")
    if error.hint:
        say(f"          {error.hint}")


def ask(question: str) -> bool:
    """Asks a question on the terminal and returns whether the answer was yes; without a terminal it is no."""
    if sys.stdin is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def failure_table(rows: list[tuple[str, str]]) -> str:
    """Returns a line for each (name, reason), the names in a column of their own; a long name keeps its end."""
    lines = [(_one_line(name), _one_line(reason)) for name, reason in rows]
    shown = [
        (name if len(name) <= _NAME_COLUMNS else f"…{name[1 - _NAME_COLUMNS :]}", reason) for name, reason in lines
    ]
    width = max(len(name) for name, _ in shown)
    return "\n".join(f"  {name.ljust(width)}  {reason}" for name, reason in shown)


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def format_seconds(seconds: float) -> str:
    """Returns a duration as 0:41, 12:05 or 1:02:03."""
    whole = max(round(seconds), 0)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class ProgressBar:
    """A bar with the time left on stderr: only on a terminal, and at most ten times a second.

    `units` is the whole batch in jobs; `advance` moves within the current one.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._done = 0
        self._label = ""
        self._fraction = 0.0
        self._started = time.monotonic()
        self._last_drawn = 0.0
        self._visible = sys.stderr.isatty()

    def start_job(self, label: str) -> None:
        """Begins a job: `label` says which."""
        self._label, self._fraction = label, 0.0
        self._draw(force=True)

    def advance(self, done: int, total: int) -> None:
        """Moves to `done` of `total` tiles of the current job."""
        self._fraction = done / max(total, 1)
        self._draw()

    def finish_job(self) -> None:
        """Ends the current job."""
        self._done += 1
        self._fraction = 0.0
        self.clear()

    def clear(self) -> None:
        """Removes the bar, so that a line can be written."""
        if self._visible:
            with contextlib.suppress(OSError):
                sys.stderr.write("\r\x1b[K")
                sys.stderr.flush()

    def _draw(self, force: bool = False) -> None:
        now = time.monotonic()
        if not self._visible or (not force and now - self._last_drawn < 0.1 and self._fraction < 1):
            return
        self._last_drawn = now
        overall = (self._done + self._fraction) / max(self._jobs, 1)
        elapsed = now - self._started
        left = f"{format_seconds(elapsed / overall * (1 - overall))} left" if overall > 0 else "estimating"
        count = f"{self._done + 1}/{self._jobs} " if self._jobs > 1 else ""
        bar_width = 24
        filled = round(bar_width * overall)
        line = f"{count}{self._label}  {'█' * filled}{'░' * (bar_width - filled)} {overall:4.0%}  {left}"
        columns = shutil.get_terminal_size().columns - 1
        with contextlib.suppress(OSError):
            sys.stderr.write("\r\x1b[K" + line[:columns])
            sys.stderr.flush()
