"""Tells the parent ten times a second that the worker lives, and what it is doing. Standard library and messages only."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from engine.messages import Heartbeat

INTERVAL_S = 0.1


class Pulse:
    """A thread that sends heartbeats while there is work; an idle worker is silent and costs nothing."""

    def __init__(self, send: Callable[[Heartbeat], None]) -> None:
        self._send = send
        self._activity = "idle"
        self._has_work = threading.Event()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    @contextlib.contextmanager
    def doing(self, activity: str) -> Iterator[None]:
        """Beats with this activity ("loading", "compiling", "computing") while the block is open."""
        before, self._activity = self._activity, activity
        self._has_work.set()
        try:
            yield
        finally:
            self._activity = before
            if before == "idle":
                self._has_work.clear()

    def _beat(self) -> None:
        pause = threading.Event()
        while self._has_work.wait():
            try:
                self._send(Heartbeat(-1, self._activity))
            except OSError:
                # The pipe is closed: the process is about to leave.
                return
            pause.wait(INTERVAL_S)
