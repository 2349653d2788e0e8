"""How long the parent waits for its processes before it says so, asks again, or ends them.

Imports the standard library and `engine.messages`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from engine import messages

# A compiler, or the import of torch, may hold the interpreter, and with it the heartbeat, for longer.
_PATIENT_ACTIVITIES = ("compiling", "loading")
# Silence is counted in steps of at most this: time in which the machine slept, or the parent did not look, is nobody's silence.
_LONGEST_STEP_S = 1.0


@dataclass(frozen=True)
class Patience:
    """Limits in seconds.

    `start_s`: for a new process to read requests. `stalled_s`: silence of a worker after which it is reported; `stuck_s`: after
    which it is replaced; `loading_s`: the same while it loads or compiles. `io_silence_s`: the same for the I/O process, which
    tells of its progress strip by strip. `soft_cancel_s`: for a cancelled worker to come back from its tile. `leave_s`: for an
    idle process to leave. `end_s`: for a killed process to be gone. `look_s`: between two looks at who is silent.
    """

    start_s: float = 120.0
    stalled_s: float = 5.0
    stuck_s: float = 60.0
    loading_s: float = 600.0
    io_silence_s: float = 60.0
    soft_cancel_s: float = 1.5
    leave_s: float = 1.0
    end_s: float = 5.0
    look_s: float = 0.5


@dataclass(frozen=True)
class Stalled:
    """A worker that shows no sign of life: its device, since when, and what it was last doing."""

    device: str
    seconds: float
    activity: str


class Condition(Enum):
    """How a process is, by what was heard of it."""

    WELL = "well"
    STALLED = "stalled"
    STUCK = "stuck"


class Silence:
    """Counts for how long a process at work has said nothing."""

    def __init__(self, patience: Patience, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._looked_s = clock()
        self._limit_s: float | None = None
        self._is_told = False
        self.seconds = 0.0
        self.activity = "idle"

    def begin(self, activity: str, limit_s: float | None = None) -> None:
        """Begins to count: the process was given something to do. `limit_s`: after so long it is stuck, whatever it does."""
        self._limit_s = limit_s
        self.activity = activity
        self._restart()

    def hear(self, event: Any) -> None:
        """Takes note of a sign of life."""
        if isinstance(event, messages.Heartbeat):
            self.activity = event.activity
        self._restart()

    def look(self) -> Condition:
        """Returns what the silence until now means; STALLED once a silence, then WELL until it is STUCK."""
        now_s = self._clock()
        self.seconds += min(now_s - self._looked_s, _LONGEST_STEP_S)
        self._looked_s = now_s
        is_patient = self.activity in _PATIENT_ACTIVITIES
        limit_s = self._limit_s or (self._patience.loading_s if is_patient else self._patience.stuck_s)
        if self.seconds > limit_s:
            return Condition.STUCK
        if self._limit_s is None and not is_patient and self.seconds > self._patience.stalled_s and not self._is_told:
            self._is_told = True
            return Condition.STALLED
        return Condition.WELL

    def _restart(self) -> None:
        self.seconds = 0.0
        self._looked_s = self._clock()
        self._is_told = False
