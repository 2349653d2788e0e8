"""Tells the client that the I/O process is getting on, so that it can tell slow from stuck.

Imports the standard library only. The client ends a process that has said nothing for a minute (`messages.IoProgress`). Most work
is done in strips and reports after each. A few codecs take a whole image in one call that says nothing; while such a call runs,
the last fraction is repeated, but only for a time that the image's size explains: a decoder that a hostile file has caught in a
loop falls silent after that.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from threading import Event, Lock, Thread

# Reports go out at most this often, and repeated ones that often.
_LEAST_INTERVAL_S = 0.1
_REPEAT_INTERVAL_S = 5.0


class Progress:
    """Counts a request's progress from 0 to 1 and passes it on to `send`, at most ten times a second; thread-safe."""

    def __init__(self, send: Callable[[float], None]) -> None:
        self._send = send
        self._lock = Lock()
        self._fraction = 0.0
        self._sent_at = float("-inf")
        self._advanced_at = time.monotonic()

    def report(self, fraction: float) -> None:
        """Sets how much is done; a smaller fraction than before counts as a sign of life only."""
        with self._lock:
            self._fraction = max(self._fraction, min(1.0, fraction))
            self._advanced_at = time.monotonic()
            if self._advanced_at - self._sent_at >= _LEAST_INTERVAL_S:
                self._emit()

    def part(self, start: float, stop: float) -> Callable[[float], None]:
        """Returns a function that reports 0..1 of one step as start..stop of the whole."""

        def report(fraction: float) -> None:
            self.report(start + (stop - start) * fraction)

        return report

    @contextlib.contextmanager
    def patience(self, allowance_s: float) -> Iterator[None]:
        """Repeats the last report during the block, until nothing has been reported for `allowance_s`."""
        done = Event()

        def repeat() -> None:
            while not done.wait(_REPEAT_INTERVAL_S):
                with self._lock:
                    if time.monotonic() - self._advanced_at < allowance_s:
                        self._emit()

        thread = Thread(target=repeat, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _emit(self) -> None:
        self._sent_at = time.monotonic()
        self._send(self._fraction)


def unheard() -> Progress:
    """Returns a progress that nobody listens to."""

    def ignore(_: float) -> None:
        return None

    return Progress(ignore)
