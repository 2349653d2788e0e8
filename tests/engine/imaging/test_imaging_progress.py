"""Progress goes out in order and not too often, and patience with a silent codec ends."""

from __future__ import annotations

import pytest

from engine.imaging.progress import Progress, unheard


class _Clock:
    """Stands for `time`: the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = _Clock()
    monkeypatch.setattr("engine.imaging.progress.time", clock)
    return clock


def test_reports_are_spaced_and_never_fall(clock):
    sent: list[float] = []
    progress = Progress(sent.append)
    for fraction in (0.0, 0.1, 0.2):
        progress.report(fraction)
    assert sent == [0.0]
    clock.now += 1
    progress.report(0.1)
    clock.now += 1
    progress.report(7.0)
    assert sent == [0.0, 0.2, 1.0]


def test_a_part_counts_within_the_whole(clock):
    sent: list[float] = []
    progress = Progress(sent.append)
    report = progress.part(0.5, 0.75)
    for fraction in (0.0, 0.5, 1.0):
        report(fraction)
        clock.now += 1
    assert sent == [0.5, 0.625, 0.75]


def test_patience_repeats_and_ends(clock, monkeypatch):
    class Ticks:
        """An event that is waited for in vain five times, half a minute each."""

        def __init__(self) -> None:
            self.left = 5

        def wait(self, _: float) -> bool:
            self.left -= 1
            clock.now += 30
            return self.left < 0

        def set(self) -> None:
            pass

    monkeypatch.setattr("engine.imaging.progress.Event", Ticks)
    sent: list[float] = []
    progress = Progress(sent.append)
    progress.report(0.25)
    with progress.patience(100):
        pass
    # Itself, and after 30, 60 and 90 s; not after 120 and 150 s.
    assert sent == [0.25] * 4
    unheard().report(0.5)
