"""The memory of SSCAN's scoring step beside BiFormer's routing: what is compared, its figures, its plot."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch

from engine.benchmark import scoring_memory
from engine.benchmark.scoring_memory import BRA, HEAD_DIM, HEADS, OURS, Point

MIB = 2**20


def test_both_steps_compute_the_same_attention() -> None:
    """With as many windows as regions the two differ in what they hold, not in what comes out."""
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(1)
        q, k, v = torch.randn(3, 1, 64, HEADS, 16, HEAD_DIM, generator=generator).unbind(0)
        # Window means far apart, so that rounding decides no choice.
        k = k + 3 * torch.randn(1, 64, HEADS, 1, HEAD_DIM, generator=generator)
        q = q + 3 * torch.randn(1, 64, HEADS, 1, HEAD_DIM, generator=generator)
        ours, routed = scoring_memory._selective(q, k, v), scoring_memory._routed(q, k, v)
    torch.testing.assert_close(ours[0], routed, rtol=1e-4, atol=1e-5)


def test_the_scores_of_a_fixed_number_of_regions_are_quadratic() -> None:
    # 64 regions of 16 x 16 tokens attend to four each: scores and their softmax in float32.
    assert scoring_memory.region_score_bytes(128) == 2 * 4 * HEADS * 64 * 256 * (4 * 256)
    assert scoring_memory.region_score_bytes(256) == 16 * scoring_memory.region_score_bytes(128)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="exact peaks are those of Linux")
def test_measured_peaks_hold_what_each_step_must_hold() -> None:
    edge_px = 96
    regions = scoring_memory._in_own_process("bra", edge_px)
    ours = scoring_memory._in_own_process("ours", edge_px)
    output_bytes = edge_px**2 * HEADS * HEAD_DIM * 4
    assert regions >= scoring_memory.region_score_bytes(edge_px)
    assert output_bytes <= ours < regions / 3


def curves() -> dict[str, list[Point]]:
    """Makes up points for every edge: ours linear, the regions quadratic and computed from 256 on."""
    edges = scoring_memory.EDGES_PX
    return {
        OURS: [Point(edge, edge**2 * 800, True) for edge in edges],
        BRA: [Point(edge, scoring_memory.region_score_bytes(edge), edge < 256) for edge in edges],
    }


def test_the_table_brackets_what_was_computed() -> None:
    lines = scoring_memory.table(curves()).splitlines()
    assert lines[0] == f"| image | {OURS} | {BRA} |"
    by_edge = {line.split(" |")[0]: line for line in lines[2:]}
    assert by_edge["| 128²"] == f"| 128² | {128**2 * 800 / MIB:,.0f} | 512 |"
    assert by_edge["| 256²"] == "| 256² | 50 | (8,192) |"


def test_the_plot_is_straight_where_memory_is_linear() -> None:
    drawing = ElementTree.fromstring(scoring_memory.plot(curves()))
    space = "{http://www.w3.org/2000/svg}"
    measured = [line for line in drawing.iter(f"{space}polyline") if "stroke-dasharray" not in line.attrib]
    # Dots: nine of ours, four of the regions.
    assert len(list(drawing.iter(f"{space}circle"))) == 13
    slopes = []
    for line in measured:
        points = [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
        (x0, y0), (x1, y1) = points[0], points[-1]
        slopes.append((y0 - y1) / (x1 - x0))
    # Both axes are logarithmic: a square rises twice as steeply as a line.
    assert slopes[1] == pytest.approx(2 * slopes[0], rel=0.01)


def test_the_command_wants_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert scoring_memory.main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_command_writes_the_plot_and_prints_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scoring_memory, "measure", curves)
    assert scoring_memory.main([str(tmp_path / "plot.svg")]) == 0
    assert (tmp_path / "plot.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "| 1024² |" in capsys.readouterr().out
