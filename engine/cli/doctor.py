"""`triptych doctor`: what was found, and why something is missing."""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine import catalog, paths
from engine.client import Engine
from engine.errors import TriptychError, format_bytes
from engine.memory.cost import CostStore
from engine.memory.planner import AUTO_CAP_PX

_PACKAGES = (
    "triptych",
    "torch",
    "triton",
    "flash-attn",
    "numpy",
    "pyvips",
    "pyvips-binary",
    "PySide6-Essentials",
    "nvidia-ml-py",
)


def run(options: argparse.Namespace) -> int:
    """Runs `triptych doctor` and returns its exit status: 1 where the worker cannot start."""
    report: dict[str, Any] = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "cache_folder": str(paths.cache_folder()),
        "data_folder": str(paths.data_folder()),
        "models": sorted({entry.name for entry in catalog.list_models()}),
        "memory": _memory(),
    }
    status = 0
    try:
        with Engine() as engine:
            report |= engine.examine()
    except TriptychError as error:
        report |= {"error": error.message, "hint": error.hint}
        status = 1
    if options.json:
        print(json.dumps(report))
    else:
        _print(report)
    return status


def _memory() -> list[dict[str, Any]]:
    """Returns what is known of the memory that models take: predicted for the largest tile of "auto", and last measured."""
    records = CostStore().remembered()
    names = {_sha256(entry.path): entry.name for entry in catalog.list_models()} if records else {}
    rows = []
    for record in records:
        key = record.key
        kind = key.device.partition(" ")[0]
        # A CUDA device goes by its product's name.
        tile_px = AUTO_CAP_PX.get(kind, AUTO_CAP_PX["cuda"])
        rows.append(
            {
                "model": names.get(key.sha256, key.sha256[:12]),
                "scale": key.scale,
                "device": key.device,
                "precision": key.precision,
                "backend": key.backend,
                "ensemble": key.ensemble,
                "channels": key.channels,
                "threads": key.threads,
                "tile": tile_px,
                "predicted_memory_bytes": record.cost and record.cost.peak_bytes(tile_px, tile_px),
                "last": record.last and asdict(record.last),
                "ran_out": [asdict(lesson) for lesson in record.lessons],
            }
        )
    return rows


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _print(report: dict[str, Any]) -> None:
    print(f"Python    {report['python']} on {report['platform']}")
    for name, number in report["packages"].items():
        print(f"  {name:<20} {number or 'not installed'}")
    print(f"Cache     {report['cache_folder']}")
    print(f"Added     {report['data_folder']}")
    print(f"Models    {', '.join(report['models']) or 'none'}")
    _print_memory(report["memory"])
    if "error" in report:
        print(f"Worker    {report['error']}", file=sys.stderr)
        return
    print("Devices")
    for device in report["devices"]:
        memory = ""
        if "memory_total_bytes" in device:
            free, total = format_bytes(device["memory_free_bytes"]), format_bytes(device["memory_total_bytes"])
            memory = f"  {free} of {total} free"
        chosen = "  ← auto" if device["device"] == report["device"] else ""
        print(f"  {device['device']:<8} {device['name']}{memory}{chosen}")
    if report["why_no_gpu"]:
        print(f"  no GPU: {report['why_no_gpu']}")
    print("Attention backends, in the order in which auto tries them")
    for operator, backends in report["backends"].items():
        print(f"  {operator}")
        for name, support in backends.items():
            words = ["yes" if support["ok"] else "no", *filter(None, [support["reason"]])]
            print(f"    {name:<10} {': '.join(words)}")


def _print_memory(rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    print("Memory, as far as it was measured")
    for row in rows:
        parts = [f"{row['precision']}{', ensemble' if row['ensemble'] else ''}, {row['channels']} channels"]
        if row["predicted_memory_bytes"] is not None:
            parts.append(f"tile {row['tile']}: about {format_bytes(row['predicted_memory_bytes'])}")
        if row["last"] is not None:
            last = row["last"]
            parts.append(f"last {last['width']} × {last['height']}: {format_bytes(last['peak_bytes'])}")
        if row["ran_out"]:
            parts.append("ran out with " + ", ".join(f"{each['width']} × {each['height']}" for each in row["ran_out"]))
        print(f"  {row['model']} ×{row['scale']:<3} {row['device'].partition(' ')[0]:<6} {'; '.join(parts)}")
