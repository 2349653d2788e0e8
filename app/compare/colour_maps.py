"""Colours for numbers: one scale for sizes, one for signs. Imports numpy.

Both are dark where the number is small, so that what differs stands out of the picture whatever the theme; both rise steadily in
lightness, and neither tells red from green.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEPS = 256

_HEAT = ((6, 6, 10), (44, 18, 96), (122, 30, 126), (204, 58, 92), (244, 126, 50), (252, 202, 86), (255, 254, 222))
_SIGNS = ((158, 222, 255), (58, 150, 240), (24, 78, 160), (14, 15, 18), (158, 74, 14), (240, 140, 40), (255, 226, 150))


def heat(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns colours (…, 3) for values 0..1, black to pale yellow; values beyond are clipped."""
    return _table(_HEAT)[_index(values)]


def signs(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns colours (…, 3) for values -1..1: blue below, black at 0, orange above."""
    return _table(_SIGNS)[_index((values + 1) / 2)]


def greys(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns greys (…, 3) for values 0..1."""
    return np.repeat(_index(values).astype(np.uint8)[..., None], 3, axis=-1)


def _index(values: NDArray[np.floating]) -> NDArray[np.intp]:
    index: NDArray[np.intp] = np.rint(np.clip(values, 0.0, 1.0) * (_STEPS - 1)).astype(np.intp)
    return index


def _table(stops: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint8]:
    at = np.linspace(0.0, 1.0, _STEPS)
    knots = np.linspace(0.0, 1.0, len(stops))
    channels = [np.interp(at, knots, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
