"""`triptych models`: lists the models, adds a checkpoint, removes one that was added. No torch, unless one is added."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from engine import catalog
from engine.errors import UsageError


def run(options: argparse.Namespace) -> int:
    """Runs `triptych models` and returns its exit status."""
    if options.action == "add":
        return _add(Path(options.file), options.json)
    if options.action == "remove":
        return _remove(options.name)
    entries = catalog.list_models()
    if options.json:
        for entry in entries:
            print(json.dumps(_as_json(entry)))
        return 0
    for entry in entries:
        scores = " · ".join(f"{name} {value:.2f} dB" for name, value in entry.psnr.items())
        parameters = f"{entry.parameter_count / 1000:.0f} k parameters"
        purpose = f" ({entry.purpose})" if entry.purpose else ""
        print(f"{entry.name:<16} ×{entry.scale}  {parameters:>18}  {entry.source:<8} {scores}{purpose}".rstrip())
    if not entries:
        print("No models were found: the installation is incomplete. Install Triptych again.")
    return 0


def _as_json(entry: catalog.CatalogEntry) -> dict[str, object]:
    return {
        "name": entry.name,
        "family": entry.family,
        "architecture": entry.architecture,
        "scale": entry.scale,
        "parameters": entry.parameter_count,
        "source": entry.source,
        "description": entry.description,
        "purpose": entry.purpose,
        "psnr": entry.psnr,
        "path": str(entry.path),
    }


def _add(file: Path, as_json: bool) -> int:
    from engine.client import Engine
    from engine.installing import install

    with Engine() as engine:
        entry, info = install(engine, file)
    if as_json:
        print(json.dumps(_as_json(entry)))
    else:
        print(f"Added {entry.name} ×{entry.scale}: {info.variant}, {entry.parameter_count / 1000:.0f} k parameters.")
    return 0


def _remove(name: str) -> int:
    found = [entry for entry in catalog.list_models() if entry.name == name]
    if not found:
        raise UsageError(f"There is no model {name!r}.", "`triptych models` lists them.")
    added = [entry for entry in found if entry.source == "added"]
    if not added:
        raise UsageError(f"{name} came with Triptych and cannot be removed.")
    for entry in added:
        entry.path.unlink()
        print(f"Removed {entry.name} ×{entry.scale}.")
    return 0
