"""The rows of a GPU, on a CPU: what is compared, in which dtype, and when no speed is printed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from engine.benchmark import networks
from engine.benchmark.cases import find

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Puts a small picture, canned times and canned peaks in the place of a GPU's; gives the times that are left."""
    times = [0.5, 2.0, 0.01] * 5

    def seconds(work: Callable[[], Tensor]) -> float:
        work()
        return times.pop(0)

    def peak(network: nn.Module, image: Tensor) -> tuple[Tensor, int]:
        return network(image), 100 if type(network).__module__.startswith("engine.models") else 400

    monkeypatch.setattr(networks, "_GPU_SIZE", (32, 40))
    monkeypatch.setattr(networks, "PRODUCT_EDGE", 8)
    monkeypatch.setattr(networks, "_gpu_seconds", seconds)
    monkeypatch.setattr(networks, "_gpu_peak", peak)
    return times


def test_each_round_times_ours_the_baseline_and_a_product(clock: list[float]) -> None:
    row = networks._gpu_row(find("esc-light"), "whole maps", CPU, torch.bfloat16, rounds=2)
    assert row.fault == ""
    # Ours is timed first: 0.5 s against 2 s, and never fewer than five rounds.
    assert (row.seconds, row.baseline_seconds, row.ratio) == (0.5, 2.0, 4.0)
    assert clock == []
    assert (row.peak_bytes, row.baseline_peak_bytes, row.memory) == (100, 400, 0.25)
    assert (row.precision, row.height, row.width, row.environment) == ("bf16", 32, 40, "")
    assert row.goals.faster is None
    assert "whole maps  " in str(row)


def test_operators_that_know_float32_only_run_in_that() -> None:
    assert networks._gpu_head(find("pft-light"), "gathers", torch.float16)["baseline"] == "gathers, fp32"
    assert networks._gpu_head(find("sscan"), "gather + SDPA", torch.float16)["baseline"] == "gather + SDPA"


def test_too_far_from_float32_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "_HALF_LIMIT_DB", {torch.bfloat16: 200.0})
    row = networks._gpu_row(find("esc-light"), "whole maps", CPU, torch.bfloat16, rounds=1)
    assert row.fault.startswith("WRONG: ")
    assert "dB against the baseline in fp32 (limit 200.0)" in row.fault
    assert row.ratio is None
