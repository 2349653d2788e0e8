"""One side of a comparison on a CPU, in a process of its own: its peak memory, its output, its times.

What an allocator does is settled when a process begins, so sides that differ in it cannot share one; and what one side leaves
free in its heap is no part of another's figures. `Side` is the parent's end; `python -m engine.benchmark.side NAME SIDE EDGE
THREADS ENVIRONMENT` answers a line of JSON to each line that it reads. Imports torch when run as a program only, and not before
the environment is prepared.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.memory.allocator import prepare_allocator, starting_environment
from engine.memory.probe import PeakMemory, private_bytes, release_freed, trim_heap

# Edge of the square matrices whose product tells the machine's rate.
PRODUCT_EDGE = 4096
PRODUCT_FLOPS = 2.0 * PRODUCT_EDGE**3


class Environment(StrEnum):
    """What a side runs in: torch as a person starts it, or as the worker does (huge pages, large blocks mapped, short spins)."""

    TORCH = "torch's"
    WORKER = "worker's"


class SideError(RuntimeError):
    """A side's process ended before it answered; the message tells the status and its last line of errors."""


class Side:
    """The process of one side; a context manager. Every call waits for the answer and raises `SideError` where none comes."""

    def __init__(self, name: str, side: str, edge_px: int, threads: int, environment: Environment) -> None:
        self._label = f"{name}, {side}, in {environment} environment"
        # Not a pipe: nobody reads it before the end. It lives as long as the process.
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        root = str(Path(__file__).parents[2])
        variables = {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))}
        command = [
            sys.executable,
            "-m",
            "engine.benchmark.side",
            name,
            side,
            str(edge_px),
            str(threads),
            environment.value,
        ]
        with starting_environment() if environment is Environment.WORKER else contextlib.nullcontext():
            self._process = subprocess.Popen(
                command,
                env=os.environ | variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )

    def __enter__(self) -> Side:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    @property
    def process_id(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def first(self, output: Path) -> int:
        """Build the network, run it once, write the output to a file of numpy's; return the peak in bytes, weights included."""
        return int(self._ask("first", str(output)))

    def seconds(self) -> float:
        """Run the network once more and return how long that took."""
        return float(self._ask("again"))

    def product_seconds(self) -> float:
        """Multiply two square matrices of `PRODUCT_EDGE` in float32 and return how long that took."""
        return float(self._ask("product"))

    def _ask(self, *request: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            self._process.communicate()
            self._errors.seek(0)
            words = self._errors.read().strip().rpartition("\n")[2]
            raise SideError(f"{self._label}: its process ended with {self._process.returncode}: {words}")
        return json.loads(answer)


def _serve(name: str, side: str, edge: str, threads: str, environment: str) -> None:
    as_worker = environment == Environment.WORKER
    if as_worker:
        # As engine.worker.main does before it loads torch.
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
        prepare_allocator()
    import numpy as np
    import torch
    from torch import Tensor, nn

    from engine.benchmark.cases import built, find, picture

    torch.set_num_threads(int(threads))
    cpu = torch.device("cpu")
    image = picture(int(edge), int(edge), cpu, torch.float32)
    factors: list[Tensor] = []
    network: nn.Module | None = None

    def answer(request: list[str]) -> float:
        nonlocal network
        match request:
            case ["first", path]:
                release_freed()
                base_bytes = private_bytes()
                network = built(find(name), side, cpu, torch.float32)
                with PeakMemory("cpu", base_bytes) as peak:
                    output = network(image)
                np.save(path, output.numpy())
                return peak.peak_bytes
            case ["again"] if network is not None:
                if as_worker:
                    # As it does before each tile.
                    trim_heap()
                start = time.perf_counter()
                network(image)
                return time.perf_counter() - start
            case ["product"]:
                if not factors:
                    factors.extend(torch.randn(2, PRODUCT_EDGE, PRODUCT_EDGE))
                start = time.perf_counter()
                torch.mm(*factors)
                return time.perf_counter() - start
        raise ValueError(f"there is no request {request}")

    with torch.inference_mode():
        for line in sys.stdin:
            sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
