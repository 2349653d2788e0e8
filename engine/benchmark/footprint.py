"""The peak memory of one forward pass, measured in a process of its own: what ran before leaves no trace in the figure.

`python -m engine.benchmark.footprint NAME SIDE EDGE THREADS` prints bytes; `peak_bytes` runs that. On a CPU the figure is the
private memory above that before the network was built (engine.memory.probe), weights included. May import torch when run as a
program, and nothing of it before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def peak_bytes(name: str, side: str, edge_px: int, threads: int) -> int:
    """Measure one side of a comparison on the CPU; raises `RuntimeError` with the end of its errors where that fails."""
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))}
    command = [sys.executable, "-m", "engine.benchmark.footprint", name, side, str(edge_px), str(threads)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"measuring the memory of {name}, {side}, ended with {done.returncode}: {done.stderr[-500:]}"
        )
    return int(done.stdout)


def _main(name: str, side: str, edge: str, threads: str) -> int:
    from engine.memory.allocator import prepare_allocator
    from engine.memory.probe import PeakMemory, private_bytes, release_freed

    prepare_allocator()
    import torch

    from engine.benchmark.cases import built, find, picture

    torch.set_num_threads(int(threads))
    cpu = torch.device("cpu")
    image = picture(int(edge), int(edge), cpu, torch.float32)
    release_freed()
    base_bytes = private_bytes()
    network = built(find(name), side, cpu, torch.float32)
    with torch.inference_mode(), PeakMemory("cpu", base_bytes) as peak:
        network(image)
    return peak.peak_bytes


if __name__ == "__main__":
    sys.stdout.write(f"{_main(*sys.argv[1:])}\n")
