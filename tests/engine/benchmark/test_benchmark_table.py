"""The table's figures from canned measurements, and what the command makes of them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

from engine.benchmark import networks
from engine.benchmark.cases import OURS
from engine.benchmark.side import PRODUCT_FLOPS, Environment, SideError
from engine.benchmark.table import HEADER, Goals, Row, Turn, figures
from engine.cli import bench_models
from engine.errors import UsageError

MIB = 2**20
HEAD = {
    "model": "esc-light",
    "configuration": "C 64",
    "baseline": "whole maps",
    "environment": "torch's",
    "precision": "fp32",
    "height": 256,
    "width": 256,
}


def test_figures_are_medians_of_what_each_round_gives() -> None:
    turns = [Turn(8.0, 2.0, 0.5), Turn(9.0, 1.0, 0.25), Turn(12.0, 2.0, 0.5)]
    found = figures(turns, peaks=(3000 * MIB, 600 * MIB), flops=100e9, product_flops=50e9)
    assert found["baseline_seconds"] == 9.0
    assert found["seconds"] == 2.0
    # The median of 4, 9 and 6, not the quotient of the medians.
    assert found["ratio"] == 6.0
    assert found["memory"] == pytest.approx(0.2)
    assert found["product_gflops"] == pytest.approx(100.0)
    # In every round: 100e9 / seconds beside 50e9 / product seconds.
    assert found["share"] == pytest.approx(0.5)
    assert figures(turns, peaks=(1, 1), flops=None, product_flops=1.0)["share"] is None


def test_a_row_shows_each_figure_beside_its_goal() -> None:
    row = Row(
        **HEAD,
        goals=Goals(faster=4, memory=1 / 3, share=0.4),
        baseline_seconds=8.6,
        seconds=2.15,
        ratio=4.0,
        baseline_peak_bytes=2900 * MIB,
        peak_bytes=580 * MIB,
        memory=0.2,
        product_gflops=270.0,
        share=0.348,
    )
    shown = "esc-light fp32 256×256 whole maps, torch's 8.600 2.150 4.00 ≥ 4 2900 580 0.20 ≤ 1/3 270 35% ≥ 40%"
    assert " ".join(str(row).split()) == shown
    # Columns stand under their names.
    first = HEADER.split("\n")[0]
    assert str(row).index("8.600") + len("8.600") == first.index("baseline ", 30) + len("baseline")
    assert str(row).index("35%") + len("35%") == first.index("share") + len("share")


def test_a_fault_leaves_no_figure() -> None:
    assert str(Row(**HEAD, fault="WRONG: outputs differ")).endswith("torch's         WRONG: outputs differ")


class CannedSide:
    """Stands in for a process: answers what a script of the test says."""

    peaks: ClassVar[dict[str, int]] = {OURS: 100 * MIB, "whole maps": 500 * MIB}
    differs: tuple[str, ...] = ()
    dies: tuple[str, ...] = ()

    def __init__(self, name: str, side: str, edge_px: int, threads: int, environment: Environment) -> None:
        self._key = f"{side}, {environment}"
        self._side = side
        self._environment = environment
        self._edge_px = edge_px
        # Slower from round to round, all alike.
        self._round = 0

    def __enter__(self) -> CannedSide:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def first(self, output: Path) -> int:
        if self._key in self.dies:
            raise SideError(f"{self._key}: its process ended with -9: ")
        np.save(output, np.full((1, 3, 4 * self._edge_px, 4), 0.5 + 0.1 * (self._key in self.differs), np.float32))
        return self.peaks[self._side]

    def seconds(self) -> float:
        self._round += 1
        slow = {OURS: 1, "whole maps": 6 if self._environment is Environment.TORCH else 3}
        return slow[self._side] * self._round

    def product_seconds(self) -> float:
        return PRODUCT_FLOPS / 100e9


@pytest.fixture
def canned(monkeypatch: pytest.MonkeyPatch) -> type[CannedSide]:
    """Puts canned processes in the place of real ones, on a machine without a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    side = type("Scripted", (CannedSide,), {})
    monkeypatch.setattr(networks, "Side", side)
    return side


def measured() -> list[Row]:
    return list(networks.rows(["esc-light"], edge_px=8, rounds=3, threads=2))


def test_one_baseline_is_measured_in_both_environments(canned: type[CannedSide]) -> None:
    rows = measured()
    assert [(row.environment, row.ratio, row.seconds, row.baseline_seconds) for row in rows] == [
        ("torch's", 6.0, 2.0, 12.0),
        ("worker's", 3.0, 2.0, 6.0),
    ]
    assert all(row.memory == pytest.approx(0.2) for row in rows)
    assert all(row.product_gflops == pytest.approx(100) for row in rows)
    assert all(row.goals == Goals(faster=4, memory=1 / 3, share=0.4) for row in rows)
    # 64 pixels of ESC-light in 2 seconds.
    assert rows[0].share == pytest.approx(2 * networks._flops(networks.find("esc-light"), 64) / 2 / 2 / 100e9)


def test_where_outputs_differ_no_speed_is_printed(canned: type[CannedSide]) -> None:
    canned.differs = ("whole maps, worker's",)
    good, bad = measured()
    assert good.ratio == 6.0
    assert bad.ratio is None
    assert bad.fault == "WRONG: outputs differ by 1.0e-01 at most and 1.0e-01 in the mean (limits 1e-05, 5e-07)"


def test_a_baseline_that_dies_leaves_the_others_their_figures(canned: type[CannedSide]) -> None:
    canned.dies = ("whole maps, torch's",)
    bad, good = measured()
    assert bad.fault == "BROKEN: whole maps, torch's: its process ended with -9: "
    assert good.ratio == 3.0


def test_without_ours_there_is_nothing_to_compare(canned: type[CannedSide]) -> None:
    canned.dies = ("ours, worker's",)
    assert [row.fault[:20] for row in measured()] == ["BROKEN: ours, worker"] * 2


def options(**changes: object) -> argparse.Namespace:
    given = {"model": ["esc-light"], "size": 8, "rounds": 3, "threads": 2, "json": False}
    return argparse.Namespace(**{**given, **changes})


@pytest.mark.usefixtures("canned")
def test_the_command_prints_a_row_for_each_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_models.run(options()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "threads 2, rounds 3" in lines[0]
    assert [line.split()[5:10] for line in lines[-2:]] == [
        ["torch's", "12.000", "2.000", "6.00", "≥"],
        ["worker's", "6.000", "2.000", "3.00", "≥"],
    ]


@pytest.mark.usefixtures("canned")
def test_json_carries_the_goals(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_models.run(options(json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["threads"] == 2
    assert [row["ratio"] for row in told["rows"]] == [6.0, 3.0]
    assert told["rows"][0]["goals"] == {"faster": 4, "memory": pytest.approx(1 / 3), "share": 0.4}


@pytest.mark.parametrize("trouble", ["differs", "dies"])
def test_a_fault_fails_the_command(canned: type[CannedSide], trouble: str, capsys: pytest.CaptureFixture[str]) -> None:
    setattr(canned, trouble, ("whole maps, worker's",))
    assert bench_models.run(options()) == 1
    capsys.readouterr()


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UsageError, match="There is no benchmark of 'swin'"):
        bench_models.run(options(model=["swin"]))
    with pytest.raises(UsageError, match="--size 100 is not a multiple of 8"):
        bench_models.run(options(size=100))
