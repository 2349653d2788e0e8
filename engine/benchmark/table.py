"""The rows of `triptych bench models`: what was measured of one network against one baseline, beside what it should reach.

Knows numbers only. May import the standard library.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import median


@dataclass(frozen=True)
class Goals:
    """What a comparison should reach, None where nothing was set.

    `faster`: how many times the baseline's speed at least; `memory`: which part of its peak at most; `share`: which part of the
    machine's rate of matrix products at least.
    """

    faster: float | None = None
    memory: float | None = None
    share: float | None = None


NO_GOALS = Goals()


@dataclass(frozen=True)
class Turn:
    """The seconds of one round: the baseline, ours, and a product of two matrices."""

    baseline_seconds: float
    seconds: float
    product_seconds: float


@dataclass(frozen=True)
class Row:
    """One network against one baseline: seconds and ratios are medians over the rounds, memory is in bytes.

    `environment` is the baseline's (`side.Environment`), empty on a GPU; ours always runs as in the worker. `fault` says why
    there are no figures, empty otherwise; `share` is the part of the machine's rate of matrix products.
    """

    model: str
    configuration: str
    baseline: str
    environment: str
    precision: str
    height: int
    width: int
    goals: Goals = NO_GOALS
    fault: str = ""
    baseline_seconds: float | None = None
    seconds: float | None = None
    ratio: float | None = None
    baseline_peak_bytes: int | None = None
    peak_bytes: int | None = None
    memory: float | None = None
    product_gflops: float | None = None
    share: float | None = None

    def __str__(self) -> str:
        """Lay the row out for the table."""
        baseline = f"{self.baseline}, {self.environment}" if self.environment else self.baseline
        head = f"{self.model:9} {self.precision:4} {f'{self.width}×{self.height}':7} {baseline:27}"
        if self.fault:
            return f"{head} {self.fault}"
        cells = (
            _number(self.baseline_seconds, 8, 3),
            _number(self.seconds, 7, 3),
            _beside(self.ratio, ".2f", "≥", self.goals.faster),
            _mib(self.baseline_peak_bytes),
            _mib(self.peak_bytes),
            _beside(self.memory, ".2f", "≤", self.goals.memory),
            _number(self.product_gflops, 7, 0),
            _beside(self.share, ".0%", "≥", self.goals.share),
        )
        return " ".join((head, *cells)).rstrip()


HEADER = (
    f"{'model':9} {'type':4} {'input':7} {'baseline, its environment':27} {'baseline':>8} {'ours':>7} {'faster':>6} {'goal':6}"
    f" {'baseline':>8} {'ours':>8} {'part':>6} {'goal':6} {'product':>7} {'share':>6} goal\n"
    f"{'':50} {'s':>8} {'s':>7} {'':6} {'':6} {'MiB':>8} {'MiB':>8} {'':6} {'':6} {'GFLOP/s':>7}"
)


def figures(
    turns: Sequence[Turn], *, peaks: tuple[int, int], flops: float | None, product_flops: float
) -> dict[str, float | int | None]:
    """Make a row's figures from its rounds.

    `peaks`: of the baseline and ours, in bytes; `flops`: of one forward pass, None where not counted; `product_flops`: of the
    product.
    """
    return {
        "baseline_seconds": median(turn.baseline_seconds for turn in turns),
        "seconds": median(turn.seconds for turn in turns),
        "ratio": median(turn.baseline_seconds / turn.seconds for turn in turns),
        "baseline_peak_bytes": peaks[0],
        "peak_bytes": peaks[1],
        "memory": peaks[1] / peaks[0],
        "product_gflops": median(product_flops / turn.product_seconds for turn in turns) / 1e9,
        "share": None
        if flops is None
        else median(flops / turn.seconds * turn.product_seconds / product_flops for turn in turns),
    }


def _beside(value: float | None, style: str, sign: str, goal: float | None) -> str:
    shown = "" if value is None else format(value, style)
    wanted = ""
    if goal is not None:
        wanted = f"{sign} {format(goal, style) if style.endswith('%') else Fraction(goal).limit_denominator(10)}"
    return f"{shown:>6} {wanted:6}"


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'':{width}}" if value is None else f"{value:{width}.{digits}f}"


def _mib(value: int | None) -> str:
    return f"{'':8}" if value is None else f"{value / 2**20:8.0f}"
