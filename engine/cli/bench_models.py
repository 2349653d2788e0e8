"""`triptych bench models`: our networks beside the published algorithms, end to end.

Imports no torch itself; the room that measures is loaded by name, so that this runs from a bare checkout without codecs.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
from dataclasses import asdict

from engine.errors import UsageError
from engine.memory.allocator import prepare_allocator


def run(options: argparse.Namespace) -> int:
    """Prints a row for each network and baseline; returns 1 where outputs differ, and then prints no speed for them."""
    # As in the worker, for all sides alike: read when torch is loaded, and by the processes that measure memory.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    prepare_allocator()
    networks = importlib.import_module("engine.benchmark.networks")
    names = options.model or []
    known = networks.names()
    for name in names:
        if name not in known:
            raise UsageError(f"There is no benchmark of {name!r}.", f"There are {', '.join(known)}.")
    if options.size % 8:
        raise UsageError(f"--size {options.size} is not a multiple of 8.", "SSCAN's baseline takes whole windows only.")
    setting = networks.setting(options.rounds, options.threads)
    if not options.json:
        print(", ".join(f"{name} {value}" for name, value in setting.items()))
        print(
            "×4; medians of rounds in which the sides take turns; memory: the peak of one forward pass, weights included"
        )
        print(networks.HEADER, flush=True)
    rows = []
    for row in networks.rows(names, edge_px=options.size, rounds=options.rounds, threads=options.threads):
        rows.append(row)
        if not options.json:
            print(row, flush=True)
    if options.json:
        print(json.dumps({**setting, "rows": [asdict(row) for row in rows]}))
    return int(any(row.fault.startswith("WRONG") for row in rows))
