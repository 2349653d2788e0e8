"""Four hundred megapixels through the command line: time and memory against those of sixteen, with the same tile.

Takes ten minutes on two idle cores; run with `-m slow -s` to see the figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest

from engine.tiling.geometry import plan_tiles

GIB = 2**30
MODEL, SCALE, TILE_PX = "esc-fast", 4, 384


def write_picture(path: Path, edge_px: int) -> None:
    """Writes a square RGB picture of smooth colours with texture, strip by strip from one seed."""
    generator = np.random.default_rng(7)
    columns = np.linspace(0, 60, edge_px, dtype=np.float32)
    picture_hwc = np.empty((edge_px, edge_px, 3), np.uint8)
    for top in range(0, edge_px, 250):
        rows = np.linspace(top / 80, (top + 250) / 80, 250, dtype=np.float32)[:, None]
        for channel in range(3):
            wave = 128 + 90 * np.sin(columns * (1 + channel / 3)) * np.cos(rows * (1 + channel / 5))
            noise = generator.normal(0, 9, (250, edge_px)).astype(np.float32)
            picture_hwc[top : top + 250, :, channel] = (wave + noise).clip(0, 255)
    assert cv2.imwrite(str(path), picture_hwc)


@dataclass(frozen=True)
class Measured:
    """One run. Peaks in bytes of private memory, by process; `cpu_s` of the worker; `report`: the line that --json printed."""

    report: dict[str, Any]
    peaks: dict[str, int]
    cpu_s: float
    processed_px: int


def run(picture: Path, folder: Path) -> Measured:
    """Upscales the picture in a process of its own and watches it and its children ten times a second."""
    environment = {**os.environ, "TRIPTYCH_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "engine.cli", "upscale", str(picture), "--model", MODEL, "--scale", str(SCALE)]
    command += ["--device", "cpu", "--tile", str(TILE_PX), "--json", "--output", str(folder / "out")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, env=environment, cwd=Path(__file__).parents[2], text=True
    )
    peaks: defaultdict[int, int] = defaultdict(int)
    cpu_s: dict[int, float] = {}
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(psutil.Process(process.pid), over, peaks, cpu_s))
    watcher.start()
    out, _ = process.communicate()
    over.set()
    watcher.join()
    assert process.returncode == 0
    report = json.loads(out.splitlines()[-1])
    children = [number for number in peaks if number != process.pid]
    worker = max(children, key=lambda number: cpu_s[number])
    others = max((peaks[number] for number in children if number != worker), default=0)
    edge_px = report["width"] // SCALE
    plan = plan_tiles(edge_px, edge_px, tile_px=report["tile"], overlap_px=report["overlap"], window_px=32)
    assert len(plan.tiles) == report["tiles"]
    return Measured(
        report,
        {"parent": peaks[process.pid], "worker": peaks[worker], "images": others},
        cpu_s[worker],
        plan.processed_px,
    )


def watch(parent: psutil.Process, over: threading.Event, peaks: defaultdict[int, int], cpu_s: dict[int, float]) -> None:
    while not over.wait(0.1):
        try:
            family = [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for each in family:
            try:
                status = Path(f"/proc/{each.pid}/status").read_text(encoding="utf-8")
                times = each.cpu_times()
            except (OSError, psutil.NoSuchProcess):
                # It has just ended.
                continue
            if "RssAnon:" in status:
                private_bytes = 1024 * int(status.partition("RssAnon:")[2].split()[0])
                peaks[each.pid] = max(peaks[each.pid], private_bytes)
                cpu_s[each.pid] = times.user + times.system


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="private memory is read from /proc")
def test_four_hundred_megapixels_take_the_time_and_the_memory_of_sixteen(tmp_path: Path) -> None:
    edge_px = int(os.environ.get("TRIPTYCH_HUGE_EDGE", "5000"))
    runs = []
    # Once before: what is measured and kept in the cache would count as the first one's time.
    write_picture(tmp_path / "first.png", 500)
    run(tmp_path / "first.png", tmp_path)
    for edge in (1000, edge_px):
        write_picture(tmp_path / f"{edge}.png", edge)
        runs.append(run(tmp_path / f"{edge}.png", tmp_path))
        figures = runs[-1]
        print(
            json.dumps(
                {
                    "output_megapixels": figures.report["width"] * figures.report["height"] / 1e6,
                    "tiles": figures.report["tiles"],
                    "seconds": figures.report["seconds"],
                    "us_per_processed_px": 1e6 * figures.report["seconds"] / figures.processed_px,
                    "cpu_us_per_processed_px": 1e6 * figures.cpu_s / figures.processed_px,
                    "peak_memory_mib": figures.report["peak_memory_bytes"] / 2**20,
                    "predicted_memory_mib": figures.report["predicted_memory_bytes"] / 2**20,
                    "private_mib": {name: size / 2**20 for name, size in figures.peaks.items()},
                    "warnings": figures.report["warnings"],
                }
            )
        )
    small, huge = runs
    written = cv2.imread(huge.report["output"], cv2.IMREAD_REDUCED_COLOR_8)
    assert written is not None
    assert huge.report["width"] == huge.report["height"] == edge_px * SCALE
    assert huge.peaks["parent"] < 0.5 * GIB
    assert huge.peaks["worker"] < huge.report["predicted_memory_bytes"] + GIB
    assert huge.report["peak_memory_bytes"] <= 1.05 * small.report["peak_memory_bytes"]
    # Of the processor's time, which other programs do not change; start-up is in the small one's, so that it may only take less.
    assert huge.cpu_s / huge.processed_px <= 1.15 * small.cpu_s / small.processed_px
