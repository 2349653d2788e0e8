"""The process of one side: its environment, its peak, its output, and what is said when it dies."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.benchmark.cases import OURS, built, find, picture
from engine.benchmark.side import Environment, Side, SideError

EDGE_PX = 32


@pytest.fixture(scope="module", params=list(Environment), ids=lambda environment: environment.name)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Environment, Side, Side]]:
    """Starts ours and the baseline of ESC-light in one environment."""
    environment = request.param
    with (
        Side("esc-light", OURS, EDGE_PX, 1, environment) as ours,
        Side("esc-light", "whole maps", EDGE_PX, 1, environment) as published,
    ):
        yield environment, ours, published


def test_peak_output_and_times(pair: tuple[Environment, Side, Side], tmp_path: Path) -> None:
    _, ours, published = pair
    our_peak = ours.first(tmp_path / "ours.npy")
    published_peak = published.first(tmp_path / "published.npy")
    network = built(find("esc-light"), OURS, torch.device("cpu"), torch.float32)
    weights_bytes = sum(parameter.nbytes for parameter in network.parameters())
    # 4 heads of 1024 x 1024 scores in float32, and their softmax beside them.
    assert 2 * 4 * 1024**2 * 4 < published_peak < 1 << 30
    assert weights_bytes < our_peak < published_peak
    with torch.inference_mode():
        expected = network(picture(EDGE_PX, EDGE_PX, torch.device("cpu"), torch.float32)).numpy()
    for path in ("ours.npy", "published.npy"):
        output = np.load(tmp_path / path)
        assert output.shape == (1, 3, 4 * EDGE_PX, 4 * EDGE_PX)
        assert np.abs(output - expected).max() < 1e-5
    assert 0 < ours.seconds() < 60
    assert 0 < published.seconds() < 60


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads a process's environment from /proc")
def test_only_the_worker_s_environment_is_prepared(pair: tuple[Environment, Side, Side]) -> None:
    environment, ours, _ = pair
    given = Path(f"/proc/{ours.process_id}/environ").read_bytes()
    assert (b"glibc.malloc.tcache_count=0" in given) == (environment is Environment.WORKER)


def test_a_side_that_dies_is_named_with_its_last_words() -> None:
    with (
        Side("esc-light", "no such baseline", EDGE_PX, 1, Environment.TORCH) as side,
        pytest.raises(
            SideError, match=r"esc-light, no such baseline, in torch's environment: .* ended with 1: .*KeyError"
        ),
    ):
        side.first(Path("unused.npy"))


def test_a_side_ends_with_its_block() -> None:
    with Side("esc-light", OURS, EDGE_PX, 1, Environment.TORCH) as side:
        assert side.is_running
    assert not side.is_running
