"""`triptych bench models`: our networks beside the published algorithms, end to end.

Imports no torch itself; the room that measures is loaded by name, so that this runs from a bare checkout without codecs.
"""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict

from engine.errors import UsageError

_LEGEND = """×4; medians of rounds in which the sides take turns; memory: the peak of one forward pass, weights included.
Ours runs as in the worker. A baseline runs in torch's own environment, as a person runs the published code, and in the worker's
(huge pages, large blocks mapped, short spins): the first ratio is what a user gains, the second what the networks' code gains.
"""


def run(options: argparse.Namespace) -> int:
    """Prints a row for each network and baseline; returns 1 where outputs differ or a side breaks, and then prints no speed."""
    networks = importlib.import_module("engine.benchmark.networks")
    table = importlib.import_module("engine.benchmark.table")
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
        print(f"{_LEGEND}{table.HEADER}", flush=True)
    rows = []
    for row in networks.rows(names, edge_px=options.size, rounds=options.rounds, threads=options.threads):
        rows.append(row)
        if not options.json:
            print(row, flush=True)
    if options.json:
        print(json.dumps({**setting, "rows": [asdict(row) for row in rows]}))
    return int(any(row.fault.startswith((networks.WRONG, networks.BROKEN)) for row in rows))
