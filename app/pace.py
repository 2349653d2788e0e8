"""How fast each model was here: seconds for a megapixel of the input, by model, scale, device and precision.

Imports the standard library and the plain data of `engine`. It outlives the session: `Settings` keeps it as text.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.messages import DoneUpscale, UpscaleSettings

_MEGAPIXEL = 1e6
# The latest stay: checkpoints come and go, and the settings file is no archive.
_MOST_KEPT = 200
_LONGEST_S = 1e7

_Run = tuple[str, int, str, str]


class Pace:
    """What was learned so far. `text`: it as one line of JSON, which another start begins from."""

    def __init__(self, text: str = "") -> None:
        """`text`: of an earlier start; what is not sound in it is left out."""
        self._seconds: dict[_Run, float] = {}
        try:
            rows = json.loads(text) if text else []
        except (ValueError, RecursionError):
            rows = []
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, list) and len(row) == 5 and [type(each) for each in row[:4]] == [str, int, str, str]:
                self._put((row[0], row[1], row[2], row[3]), row[4])

    @property
    def text(self) -> str:
        """What was learned, as text."""
        return json.dumps([[*run, float(f"{seconds:.4g}")] for run, seconds in self._seconds.items()])

    def seconds(self, pixels: int, model: str, scale: int, settings: UpscaleSettings) -> float | None:
        """Returns how long so many input pixels should take, or None where this has not been run yet."""
        known = self._seconds.get((model, scale, settings.device, settings.precision))
        return None if known is None else known * pixels / _MEGAPIXEL

    def learn(self, pixels: int, model: str, scale: int, settings: UpscaleSettings, done: DoneUpscale) -> None:
        """Takes in a finished run, under what was asked for and under what that came to ("auto" is "cpu", say).

        Of a run that went on from tiles that were there, the time counts for the others alone.
        """
        new_tiles = done.tiles - done.resumed_tiles
        if pixels < 1 or new_tiles < 1:
            return
        seconds = done.seconds * done.tiles / new_tiles * _MEGAPIXEL / pixels
        for device, precision in ((done.device, done.precision), (settings.device, settings.precision)):
            self._put((model, scale, device, precision), seconds)

    def _put(self, run: _Run, seconds: object) -> None:
        if type(seconds) not in (int, float):
            return
        assert isinstance(seconds, int | float)
        if not (0 < seconds < _LONGEST_S and math.isfinite(seconds)):
            return
        self._seconds.pop(run, None)
        self._seconds[run] = float(seconds)
        while len(self._seconds) > _MOST_KEPT:
            del self._seconds[next(iter(self._seconds))]
