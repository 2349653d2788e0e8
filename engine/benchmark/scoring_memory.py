"""The memory of SSCAN's scoring step as the image grows, beside routing over a fixed number of regions, and its plot.

`python -m engine.benchmark.scoring_memory PLOT.svg` measures and draws; each figure comes from a process of its own. The
step is everything between q, k, v and the attended tokens: routing, scores, softmax, weighted sum; the figure is the peak
above q, k and v. SSCAN's windows keep their size, so their number grows with the image (Kim et al. 2025, Fig. 4);
BiFormer's routing (BRA, Zhu et al. 2023) keeps 8 x 8 regions, whose size grows. May import torch and kernels in the
measuring process only.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

EDGES_PX = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
REGIONS = 8
WINDOW = 8
HEADS, HEAD_DIM, TOPK = 4, 16, 4
# Above this much the regions' scores are computed on paper instead of measured.
_MEASURED_BYTES = 3 << 30
OURS, BRA = "fixed size of windows (SSCAN, ours)", "fixed number of regions (BRA, 8 × 8)"


@dataclass(frozen=True)
class Point:
    """Peak memory of one step at one image edge; `measured` is false where it was computed from the scores' size."""

    edge_px: int
    peak_bytes: int
    measured: bool


def region_score_bytes(edge_px: int) -> int:
    """Compute the size of BRA's scores and their softmax in float32: quadratic in the number of pixels."""
    tokens = edge_px**2 // REGIONS**2
    return 2 * 4 * HEADS * REGIONS**2 * tokens * TOPK * tokens


def measure() -> dict[str, list[Point]]:
    """Measure both steps at every edge; takes about a minute."""
    ours = [Point(edge, _in_own_process("ours", edge), True) for edge in EDGES_PX]
    regions = []
    for edge in EDGES_PX:
        measured = region_score_bytes(edge) <= _MEASURED_BYTES
        regions.append(Point(edge, _in_own_process("bra", edge) if measured else region_score_bytes(edge), measured))
    return {OURS: ours, BRA: regions}


def _in_own_process(step: str, edge_px: int) -> int:
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))}
    command = [sys.executable, "-m", "engine.benchmark.scoring_memory", "--measure", step, str(edge_px)]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def _peak_bytes(step: str, edge_px: int) -> int:
    from engine.memory.allocator import prepare_allocator
    from engine.memory.probe import PeakMemory, private_bytes, release_freed

    prepare_allocator()
    import torch

    size = WINDOW if step == "ours" else edge_px // REGIONS
    windows, tokens = (edge_px // size) ** 2, size**2
    work: Callable[[Tensor, Tensor, Tensor], Tensor] = _selective if step == "ours" else _routed
    with torch.inference_mode():
        work(*torch.randn(3, 1, 16, HEADS, 16, HEAD_DIM).unbind(0))
        q, k, v = torch.randn(3, 1, windows, HEADS, tokens, HEAD_DIM).unbind(0)
        release_freed()
        with PeakMemory("cpu", private_bytes()) as peak:
            work(q, k, v)
    return peak.peak_bytes


def _selective(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    import kernels

    return kernels.selective_attention(q, k, v, kernels.select_windows(q, k, TOPK))


def _routed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Routing as BiFormer publishes it, for one image: gathered keys and values, all scores at once."""
    means = (x[0].mean(dim=2).flatten(1) for x in (q, k))
    best = (next(means) @ next(means).mT).topk(TOPK, dim=-1).indices
    # (W, K, H, N, D) -> (W, H, K*N, D)
    keys, values = (x[0][best].transpose(1, 2).flatten(2, 3) for x in (k, v))
    scores = q[0] @ keys.mT
    scores *= HEAD_DIM**-0.5
    out: Tensor = scores.softmax(dim=-1) @ values
    return out


def plot(curves: dict[str, list[Point]]) -> str:
    """Draw the curves as an SVG with two logarithmic axes: pixels and bytes."""
    width, height, left, top, right, bottom = 720, 430, 78, 24, 20, 56
    low, high = 2.0**20, 2.0**42
    first, last = EDGES_PX[0] ** 2, EDGES_PX[-1] ** 2

    def x(edge_px: float) -> float:
        return left + (width - left - right) * _log_share(edge_px**2, first, last)

    def y(count: float) -> float:
        return height - bottom - (height - top - bottom) * _log_share(count, low, high)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for exponent, label in ((20, "1 MiB"), (25, "32 MiB"), (30, "1 GiB"), (35, "32 GiB"), (40, "1 TiB")):
        line = y(2.0**exponent)
        parts.append(f'<path d="M{left} {line:.1f}H{width - right}" stroke="#dddddd"/>')
        parts.append(f'<text x="{left - 8}" y="{line + 4:.1f}" text-anchor="end" fill="#444444">{label}</text>')
    for edge in (64, 128, 256, 512, 1024):
        parts.append(f'<path d="M{x(edge):.1f} {top}V{height - bottom}" stroke="#eeeeee"/>')
        parts.append(
            f'<text x="{x(edge):.1f}" y="{height - bottom + 18}" text-anchor="middle" fill="#444444">{edge}²</text>'
        )
    parts.append(
        f'<text x="{(left + width - right) / 2}" y="{height - 14}" text-anchor="middle" fill="#444444">image, pixels</text>'
    )
    for number, ((name, points), colour) in enumerate(zip(curves.items(), ("#1565c0", "#c62828"), strict=True)):
        for measured, dash in ((True, ""), (False, ' stroke-dasharray="6 5"')):
            # a computed stretch begins where the measured one ends
            drawn = [
                p
                for i, p in enumerate(points)
                if p.measured == measured or (p.measured and i + 1 < len(points) and not points[i + 1].measured)
            ]
            path = " ".join(f"{x(p.edge_px):.1f},{y(p.peak_bytes):.1f}" for p in drawn)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        parts += [
            f'<circle cx="{x(p.edge_px):.1f}" cy="{y(p.peak_bytes):.1f}" r="3.5" fill="{colour}"/>'
            for p in points
            if p.measured
        ]
        parts.append(f'<text x="{left + 14}" y="{top + 18 + 20 * number}" fill="{colour}">{name}</text>')
    parts.append(
        f'<text x="{left + 14}" y="{top + 58}" fill="#444444">dots: measured; dashes: computed from the size of the scores</text>'
    )
    return "\n".join([*parts, "</svg>", ""])


def _log_share(value: float, low: float, high: float) -> float:
    return math.log(value / low) / math.log(high / low)


def table(curves: dict[str, list[Point]]) -> str:
    """Lay the points out as a Markdown table, in MiB; computed ones in brackets."""
    lines = [f"| image | {' | '.join(curves)} |", "|---|" + "---|" * len(curves)]
    for row in zip(*curves.values(), strict=True):
        cells = [f"{p.peak_bytes / 2**20:,.0f}" if p.measured else f"({p.peak_bytes / 2**20:,.0f})" for p in row]
        lines.append(f"| {row[0].edge_px}² | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Measure one step (`--measure STEP EDGE`), or all, and write the plot."""
    if arguments[:1] == ["--measure"]:
        sys.stdout.write(f"{_peak_bytes(arguments[1], int(arguments[2]))}\n")
        return 0
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m engine.benchmark.scoring_memory PLOT.svg\n")
        return 2
    curves = measure()
    Path(arguments[0]).write_text(plot(curves), encoding="utf-8")
    sys.stdout.write(table(curves))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
