"""Readings of memory over time, in bounded room. Imports numpy.

A *reading* is what one place (a GPU, or the host) looked like at one moment. Its layers add up: `other` programs, then ours:
`context`, `weights`, `activations`, `cached`. On a CPU, `context` is the worker without a model: interpreter and libraries.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, nan
from typing import TYPE_CHECKING, Literal, NamedTuple

from engine.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# All memory of the place with other programs at the bottom, or only what is Triptych's own.
Scope = Literal["all", "ours"]

# Ten minutes of a worker at work (ten readings a second of it, four of the device).
KEPT_READINGS = 8400
KEPT_PEAKS = 2000


class Reading(NamedTuple):
    """One moment of one place, in bytes; NaN where nobody knows. `time_s`: by the monotonic clock.

    `predicted` and `limit` count from `context` on, as peaks do. `ceiling`: the height of the limit above everything, as it was
    when the job was planned.
    """

    time_s: float
    total: float
    other: float
    context: float = 0.0
    weights: float = 0.0
    activations: float = 0.0
    cached: float = 0.0
    predicted: float = nan
    limit: float = nan
    ceiling: float = nan

    @property
    def allocated(self) -> float:
        """What weights and tensors use."""
        return self.weights + self.activations

    @property
    def reserved(self) -> float:
        """What is held for the model, in use or not: what peaks, predictions and limits count."""
        return self.allocated + self.cached

    @property
    def ours(self) -> float:
        """All that the worker holds."""
        return self.context + self.reserved


NAMES = Reading._fields


class TilePeak(NamedTuple):
    """The peak of one tile, in bytes counted as `Reading.reserved`, and when it was run. `number`: within its job, from 1."""

    begin_s: float
    end_s: float
    peak: float
    number: int


class History:
    """The last readings of one place and the last peaks of tiles; the oldest go. Never more memory than at the beginning."""

    def __init__(self, kept_readings: int = KEPT_READINGS, kept_peaks: int = KEPT_PEAKS) -> None:
        self._kept = kept_readings
        # Twice as long, so that the last readings always lie in one piece and are moved only once in `kept_readings`.
        self._made_rows: NDArray[np.float64] | None = None
        self._begin = self._end = 0
        self._kept_peaks = kept_peaks
        self.peaks: list[TilePeak] = []

    @property
    def _rows(self) -> NDArray[np.float64]:
        """The columns, made when the first reading comes: the window is painted before."""
        if self._made_rows is None:
            self._made_rows = np.zeros((len(NAMES), 2 * self._kept))
        return self._made_rows

    def __len__(self) -> int:
        return self._end - self._begin

    def add(self, reading: Reading) -> None:
        """Keeps a reading; one that is older than the last is left out, so that time only goes forward."""
        if len(self) and reading.time_s <= self._rows[0, self._end - 1]:
            return
        if self._end == self._rows.shape[1]:
            self._rows[:, : len(self)] = self._rows[:, self._begin : self._end].copy()
            self._begin, self._end = 0, len(self)
        self._rows[:, self._end] = [getattr(reading, name) for name in NAMES]
        self._end += 1
        self._begin = max(self._begin, self._end - self._kept)

    def add_peak(self, peak: TilePeak) -> None:
        """Keeps the peak of a tile."""
        self.peaks.append(peak)
        if len(self.peaks) > self._kept_peaks:
            del self.peaks[: len(self.peaks) - self._kept_peaks]

    def clear(self) -> None:
        """Forgets everything."""
        self._begin = self._end = 0
        self.peaks.clear()

    def copy(self) -> History:
        """Returns the same readings, which stay while this one goes on."""
        other = History(self._kept, self._kept_peaks)
        other._rows[:] = self._rows
        other._begin, other._end, other.peaks = self._begin, self._end, list(self.peaks)
        return other

    def columns(self, begin_s: float = -inf, end_s: float = inf) -> dict[str, NDArray[np.float64]]:
        """Returns the readings of a span, and one to each side of it where there is one, as a view on each column."""
        times = self._rows[0, self._begin : self._end]
        first = max(int(np.searchsorted(times, begin_s)) - 1, 0)
        last = int(np.searchsorted(times, end_s, side="right")) + 1
        part = slice(self._begin + first, min(self._begin + last, self._end))
        return {name: self._rows[row, part] for row, name in enumerate(NAMES)}

    def nearest(self, time_s: float) -> Reading | None:
        """Returns the reading nearest in time, None where there is none."""
        times = self._rows[0, self._begin : self._end]
        if not len(times):
            return None
        after = int(np.searchsorted(times, time_s))
        around = [index for index in (after - 1, after) if 0 <= index < len(times)]
        return self._reading(min(around, key=lambda index: abs(float(times[index]) - time_s)))

    def beside(self, time_s: float, step: int) -> Reading | None:
        """Returns the reading `step` before (negative) or after the one nearest to `time_s`; at the ends, the outermost."""
        times = self._rows[0, self._begin : self._end]
        found = self.nearest(time_s)
        if found is None:
            return None
        index = int(np.searchsorted(times, found.time_s)) + step
        return self._reading(min(max(index, 0), len(times) - 1))

    @property
    def last(self) -> Reading | None:
        """The last reading."""
        return self._reading(len(self) - 1) if len(self) else None

    def __iter__(self) -> Iterator[Reading]:
        return (self._reading(index) for index in range(len(self)))

    def _reading(self, index: int) -> Reading:
        return Reading(*(float(value) for value in self._rows[:, self._begin + index]))


class Picture(NamedTuple):
    """What of a history is to be seen: the readings up to `now_s`, as far back as `span_s`."""

    history: History
    now_s: float
    span_s: float
    scope: Scope
