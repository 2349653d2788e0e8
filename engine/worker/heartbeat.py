"""Tells the parent ten times a second that the worker lives, and what it is doing. Standard library and messages only."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from engine.messages import Heartbeat, WorkerMemory

INTERVAL_S = 0.1


class Pulse:
    """A thread that sends heartbeats while there is work; an idle worker is silent and costs nothing.

    No beat is sent of work that has ended: an answer that follows the work is followed by no beat of it, which the parent would
    take for a sign of life of the next request. `read_memory` answers, from the pulse's thread, what the worker holds.
    """

    def __init__(
        self, send: Callable[[Heartbeat], None], read_memory: Callable[[], WorkerMemory | None] = lambda: None
    ) -> None:
        self._send = send
        self._read_memory = read_memory
        self._activity = "idle"
        # Held while a beat is sent, and while what it would say changes.
        self._lock = threading.Lock()
        self._has_work = threading.Event()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    @contextlib.contextmanager
    def doing(self, activity: str) -> Iterator[None]:
        """Beats with this activity ("loading", "compiling", "computing") while the block is open."""
        before = self._activity
        self._turn_to(activity)
        try:
            yield
        finally:
            self._turn_to(before)

    def _turn_to(self, activity: str) -> None:
        with self._lock:
            self._activity = activity
            if activity == "idle":
                self._has_work.clear()
            else:
                self._has_work.set()

    def _beat(self) -> None:
        pause = threading.Event()
        while self._has_work.wait():
            # Outside of the lock: it may wait for an allocator that the work holds.
            memory = self._read_memory()
            with self._lock:
                if self._activity == "idle":
                    continue
                try:
                    self._send(Heartbeat(-1, self._activity, memory))
                except OSError:
                    # The pipe is closed: the process is about to leave.
                    return
            pause.wait(INTERVAL_S)
