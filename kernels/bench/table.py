"""What ``python -m kernels.bench`` prints: the GPU's table where there is one, else the backends of a CPU.

Times, checks and lays out the CPU's table itself. May import torch and ``kernels`` only.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from kernels._triton import versions
from kernels.bench.cases import Case, cpu_cases
from kernels.dispatch import OPERATORS
from kernels.testing import GRADIENT_LIMIT, OUTPUT_LIMIT, relative_error, row_errors

_BACKENDS = ("reference", "sdpa")
# Of the rows of an operator that selects, this share must agree; the rest may hold keys that tie within rounding.
_AGREEING_ROWS = 0.99


@dataclass(frozen=True)
class Row:
    """One measured case: times in milliseconds of CPU time, or what the gate found wrong and no times."""

    operator: str
    case: str
    timed: str
    fault: str = ""
    reference_ms: float | None = None
    sdpa_ms: float | None = None
    ratio: float | None = None

    def __str__(self) -> str:
        """Lay the row out for the table."""
        head = f"{self.operator:24} {self.case:58} {self.timed:8}"
        if self.reference_ms is None or self.sdpa_ms is None or self.ratio is None:
            return f"{head} WRONG: {self.fault}"
        return f"{head} {self.reference_ms:8.1f}ms {self.sdpa_ms:7.1f}ms {self.ratio:5.1f}×"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check each case, time it, print a row for each; return 1 where a check failed."""
    parser = argparse.ArgumentParser(
        prog="kernels.bench", description="Time the attention operators: on the GPU, or on a CPU where there is none."
    )
    parser.add_argument("--operator", choices=OPERATORS, help="only this operator")
    parser.add_argument("--cpu", action="store_true", help="the CPU's table although there is a GPU")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each case (default 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    chosen = parser.parse_args(arguments)
    absent = "left out by --cpu" if chosen.cpu else _gpu_fault()
    if not absent:
        return _on_gpu(chosen.operator, chosen.rounds, chosen.json)
    if not chosen.json:
        print(f"GPU table: {absent}. What follows are the backends of the CPU.")
    cases = [case for case in cpu_cases() if chosen.operator in (None, case.operator)]
    threads_before = torch.get_num_threads()
    torch.set_num_threads(chosen.threads)
    try:
        rows = _measure(cases, chosen.rounds, show=not chosen.json)
    finally:
        torch.set_num_threads(threads_before)
    if chosen.json:
        setting = {"gpu": f"none: {absent}", **_setting(chosen.rounds, chosen.threads)}
        print(json.dumps({**setting, "rows": [asdict(row) for row in rows]}))
    return int(any(row.fault for row in rows))


def _gpu_fault() -> str:
    """Return why no GPU can be measured here, empty where one can."""
    fault = versions.device_fault(torch.device("cuda"), torch.float16)
    return f"no figures, because {fault[0].lower()}{fault[1:].rstrip('.')}" if fault else ""


def _on_gpu(operator: str | None, rounds: int, as_json: bool) -> int:
    """Print the GPU's table, row by row as it is measured; with JSON, one object at the end."""
    from kernels.bench import device_table
    from kernels.bench.device_cases import device_cases

    device = torch.device("cuda", torch.cuda.current_device())
    setting = device_table.device_setting(device)
    if not as_json:
        print(", ".join(f"{name} {value}" for name, value in setting.items()) + "\n\n" + device_table.HEADER)
    rows = []
    cases = [case for case in device_cases() if operator in (None, case.operator)]
    # The convolutions that ours are measured against get the best algorithm that cuDNN finds.
    with torch.backends.cudnn.flags(enabled=True, benchmark=True):
        for row in device_table.device_rows(cases, device, rounds):
            rows.append(row)
            if not as_json:
                print(row, flush=True)
    if as_json:
        print(json.dumps({**setting, "rows": [asdict(row) for row in rows]}))
    return int(any(row.fault for row in rows))


def _measure(cases: Sequence[Case], rounds: int, *, show: bool) -> list[Row]:
    if show:
        setting = _setting(rounds, torch.get_num_threads())
        print(", ".join(f"{name} {value}" for name, value in setting.items()))
        print(f"{'operator':24} {'case':58} {'timed':8} {'reference':>10} {'sdpa':>9} {'ratio':>6}")
    rows = []
    for case in cases:
        rows.append(_row(case, rounds))
        if show:
            print(rows[-1], flush=True)
    return rows


def _setting(rounds: int, threads: int) -> dict[str, str | int]:
    capability = torch.backends.cpu.get_cpu_capability()
    device = f"{platform.machine()} {capability}"
    return {"torch": torch.__version__, "cpu": device, "threads": threads, "least CPU time of rounds": rounds}


def _row(case: Case, rounds: int) -> Row:
    timed = "fwd+bwd" if case.training else "fwd"
    fault = gate(case)
    if fault:
        return Row(case.operator, case.label, timed, fault)
    reference_ms, sdpa_ms = _times_ms(case, rounds)
    return Row(case.operator, case.label, timed, "", reference_ms, sdpa_ms, reference_ms / sdpa_ms)


def gate(case: Case) -> str:
    """Compare sdpa in float32 with the reference in float64 on a small instance; return what is wrong, or nothing."""
    leaves = case.prepare(case.gate_count)
    wide = [leaf.detach().double().requires_grad_() for leaf in leaves]
    found, expected = _run(case, "sdpa", leaves), _run(case, "reference", wide)
    for number, (got, want) in enumerate(zip(found, expected, strict=True)):
        limit = (GRADIENT_LIMIT if number else OUTPUT_LIMIT)[torch.float32]
        error = _error(case, got, want)
        if not error < limit:
            return f"{'output' if number == 0 else f'gradient {number}'}: relative error {error:.1e}, limit {limit:.0e}"
    return ""


def _error(case: Case, got: Tensor, want: Tensor) -> float:
    if not case.selects:
        return relative_error(got, want)
    if got.dim() == 2:
        # One key kept differently moves a table's gradient by more than rounding; the tests compare it on equal keys.
        return 0.0 if bool(got.isfinite().all()) else float("inf")
    errors = row_errors(got, want).flatten().sort().values
    return float(errors[int(_AGREEING_ROWS * (len(errors) - 1))])


def _run(case: Case, backend: str, leaves: list[Tensor]) -> list[Tensor]:
    """Return the output, then, where the case trains, the gradient of each leaf."""
    with torch.set_grad_enabled(case.training):
        out = case.call(backend, leaves)
    if not case.training:
        return [out]
    return [out, *torch.autograd.grad(out, leaves, torch.ones_like(out))]


def _times_ms(case: Case, rounds: int) -> list[float]:
    """Take turns, one untimed round first; the least time of a backend is the one least disturbed."""
    leaves = case.prepare(case.count)
    least = [float("inf")] * len(_BACKENDS)
    for number in range(rounds + 1):
        for place, backend in enumerate(_BACKENDS):
            start = time.process_time()
            _run(case, backend, leaves)
            if number:
                least[place] = min(least[place], (time.process_time() - start) * 1e3)
    return least
