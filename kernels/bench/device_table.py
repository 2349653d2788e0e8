"""The correctness gate, the clock and the table of the operators on a GPU. May import torch and ``kernels`` only."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from kernels._triton import versions
from kernels._triton.targets import target_of
from kernels.bench.device_cases import DeviceCase, Rival
from kernels.bench.rates import Rates, measure_rates, median_ms
from kernels.testing import GRADIENT_LIMIT, OUTPUT_LIMIT, relative_error, row_errors

# A rival may round where ours does not; what computes something else is off by far more.
_RIVAL_LIMIT = 2e-2
_AGREEING_ROWS = 0.99


@dataclass(frozen=True)
class Measured:
    """How long a call took and how much memory it took at its peak, above inputs and outputs."""

    time_ms: float
    memory_bytes: int


@dataclass(frozen=True)
class DeviceRow:
    """One line of the table: our operator against one rival, against its floor, or one layer; or what is wrong."""

    operator: str
    case: str
    against: str = ""
    ours_ms: float | None = None
    theirs_ms: float | None = None
    goal: str = ""
    reached: bool | None = None
    ours_bytes: int | None = None
    theirs_bytes: int | None = None
    note: str = ""
    fault: str = ""

    def __str__(self) -> str:
        """Lay the row out as a row of a Markdown table."""
        if self.fault:
            return f"| {self.operator} | {self.case} | {self.against} | WRONG: {self.fault} | | | | | |"
        ratio = f"{self.theirs_ms / self.ours_ms:.2f}×" if self.ours_ms and self.theirs_ms else ""
        verdict = {True: "reached", False: "MISSED", None: ""}[self.reached]
        cells = [
            self.operator,
            self.case,
            self.against,
            _ms(self.ours_ms),
            _ms(self.theirs_ms),
            ratio,
            f"{self.goal} {verdict}".strip(),
            "" if self.ours_bytes is None else f"{_mib(self.ours_bytes)} / {_mib(self.theirs_bytes)}",
            self.note,
        ]
        return "| " + " | ".join(cells) + " |"


HEADER = (
    "| operator | case | against | ours ms | its ms | ratio | goal | peak MiB, ours / its | note |\n" + "|---" * 9 + "|"
)


def device_rows(cases: Sequence[DeviceCase], device: torch.device, rounds: int) -> Iterator[DeviceRow]:
    """Check, then measure each case; a case that fails its check yields its fault and no times."""
    rates: dict[torch.dtype, Rates] = {}
    for case in cases:
        fault = gate(case, "triton", device)
        if fault:
            yield DeviceRow(case.operator, case.label, fault=fault)
            continue
        if case.dtype not in rates:
            rates[case.dtype] = measure_rates(device, case.dtype)
        yield from _case_rows(case, device, rounds, rates[case.dtype])


def _case_rows(case: DeviceCase, device: torch.device, rounds: int, rates: Rates) -> Iterator[DeviceRow]:
    leaves = [leaf.detach().to(device) for leaf in case.prepare(case.count)]
    ours = _measure(lambda: case.call("triton", leaves), rounds)
    for rival in case.rivals:
        yield _rival_row(case, rival, leaves, device, rounds)
    if case.work is not None:
        floor_ms, part = rates.floor_ms(case.work)
        reached = None if case.floor_goal is None else ours.time_ms <= case.floor_goal * floor_ms
        goal = "" if case.floor_goal is None else f"≤ {case.floor_goal:g}× the floor"
        note = f"{ours.time_ms / floor_ms:.2f}× the floor, set by {part}"
        yield DeviceRow(case.operator, case.label, "floor", ours.time_ms, floor_ms, goal, reached, note=note)
    if case.memory_goal_bytes is not None:
        reached = ours.memory_bytes <= case.memory_goal_bytes
        goal = f"≤ {_mib(int(case.memory_goal_bytes))} MiB"
        yield DeviceRow(
            case.operator, case.label, "memory", goal=goal, reached=reached, note=f"{_mib(ours.memory_bytes)} MiB"
        )
    if case.layers is not None:
        yield from _layer_rows(case, leaves)


def _rival_row(case: DeviceCase, rival: Rival, leaves: list[Tensor], device: torch.device, rounds: int) -> DeviceRow:
    """Time ours and the rival in turn; of several ways to run the rival, the fastest that runs."""
    if rival.missing:
        return DeviceRow(case.operator, case.label, rival.name, note=rival.missing)
    best: tuple[str, Measured, Measured] | None = None
    notes = []
    for way, call in rival.ways.items():
        try:
            fault = _rival_fault(case, call, device)
            if fault:
                notes.append(f"{way}: {fault}")
                continue
            ours, theirs = _side_by_side(partial(case.call, "triton", leaves), partial(call, leaves), rounds)
        except (RuntimeError, ImportError) as error:
            # It does not run on this device or does not fit; that is a result, and the row says it.
            notes.append(f"{way}: {str(error).strip().splitlines()[0][:80]}")
            torch.cuda.empty_cache()
            continue
        if best is None or theirs.time_ms < best[2].time_ms:
            best = way, ours, theirs
    if best is None:
        return DeviceRow(case.operator, case.label, rival.name, note="; ".join(notes))
    way, ours, theirs = best
    goal, reached = _verdict(rival, ours, theirs)
    return DeviceRow(
        case.operator,
        case.label,
        f"{rival.name}, {way}",
        ours.time_ms,
        theirs.time_ms,
        goal,
        reached,
        ours.memory_bytes,
        theirs.memory_bytes,
        "; ".join(notes),
    )


def _verdict(rival: Rival, ours: Measured, theirs: Measured) -> tuple[str, bool | None]:
    goals, results = [], []
    if rival.speed_goal is not None:
        goals.append(f"≥ {rival.speed_goal:g}×")
        results.append(theirs.time_ms >= rival.speed_goal * ours.time_ms)
    if rival.memory_share is not None:
        goals.append(f"memory ≤ {rival.memory_share:g}")
        results.append(ours.memory_bytes <= rival.memory_share * theirs.memory_bytes)
    return ", ".join(goals), all(results) if results else None


def _layer_rows(case: DeviceCase, leaves: list[Tensor]) -> Iterator[DeviceRow]:
    assert case.layers is not None
    with torch.no_grad():
        for layer in case.layers(leaves):
            time_ms = median_ms(layer.call)
            note = ""
            if layer.without_selection is not None:
                share = max(0.0, 1 - median_ms(layer.without_selection) / time_ms)
                note = f"selection {share:.0%}"
            yield DeviceRow(case.operator, layer.label, ours_ms=time_ms, note=note)


def gate(case: DeviceCase, backend: str, device: torch.device, dtype: torch.dtype | None = None) -> str:
    """Compare a backend with the reference in float64 on a small instance; return what is wrong, or nothing."""
    dtype = dtype or case.dtype
    leaves = _leaves(case, device, dtype)
    wide = _leaves(case, device, dtype, torch.float64)
    found, expected = _with_gradients(case, backend, leaves), _with_gradients(case, "reference", wide)
    for number, (got, want) in enumerate(zip(found, expected, strict=True)):
        limit = (GRADIENT_LIMIT if number else OUTPUT_LIMIT)[dtype]
        error = _error(case, got, want)
        if not error < limit:
            name = f"gradient {number}" if number else "output"
            return f"{name}: relative error {error:.1e}, limit {limit:.0e}"
    return ""


def _rival_fault(case: DeviceCase, call: Callable[[list[Tensor]], Tensor], device: torch.device) -> str:
    """Say where a rival computes something else, on the gate's small instance."""
    leaves = [leaf.detach() for leaf in _leaves(case, device, case.dtype)]
    wide = [leaf.double() if leaf.is_floating_point() else leaf for leaf in leaves]
    error = _error(case, call(leaves), case.call("reference", wide))
    return "" if error < _RIVAL_LIMIT else f"computes something else: relative error {error:.1e}"


def _leaves(
    case: DeviceCase, device: torch.device, dtype: torch.dtype, wider: torch.dtype | None = None
) -> list[Tensor]:
    """Make the gate's leaves, rounded to ``dtype`` and then, for the reference, widened."""
    made = []
    for leaf in case.prepare(case.gate_count):
        here = leaf.detach().to(device)
        if here.is_floating_point():
            here = here.to(dtype).to(wider or dtype).requires_grad_(case.gradients)
        made.append(here)
    return made


def _with_gradients(case: DeviceCase, backend: str, leaves: list[Tensor]) -> list[Tensor]:
    with torch.set_grad_enabled(case.gradients):
        out = case.call(backend, leaves)
    if not case.gradients:
        return [out]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    # A gradient of ones would leave nothing of q and k: probabilities sum to one.
    weights = torch.linspace(-1, 1, out.numel(), dtype=torch.float64, device=out.device).view(out.shape)
    return [out, *torch.autograd.grad(out, wanted, weights.to(out.dtype))]


def _error(case: DeviceCase, got: Tensor, want: Tensor) -> float:
    if not case.selects:
        return relative_error(got, want)
    errors = row_errors(got, want).flatten().sort().values
    return float(errors[int(_AGREEING_ROWS * (len(errors) - 1))])


def _side_by_side(ours: Callable[[], Tensor], theirs: Callable[[], Tensor], rounds: int) -> tuple[Measured, Measured]:
    """Measure two calls taking turns, so that clocks and heat touch both alike."""
    times: tuple[list[float], list[float]] = ([], [])
    with torch.no_grad():
        peaks = _peak_bytes(ours), _peak_bytes(theirs)
        for _ in range(rounds):
            for place, call in enumerate((ours, theirs)):
                times[place].append(median_ms(call, samples=3))
    medians = [sorted(found)[len(found) // 2] for found in times]
    return Measured(medians[0], peaks[0]), Measured(medians[1], peaks[1])


def _measure(call: Callable[[], Tensor], rounds: int) -> Measured:
    with torch.no_grad():
        return Measured(median_ms(call, samples=max(3, rounds)), _peak_bytes(call))


def _peak_bytes(call: Callable[[], Tensor]) -> int:
    """Return the peak above inputs and outputs, of a second call: the first one compiles and allocates workspaces."""
    call()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    out = call()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before - out.untyped_storage().nbytes()


def device_setting(device: torch.device) -> dict[str, Any]:
    """Name the card, the driver and the versions that the figures belong to."""
    properties = torch.cuda.get_device_properties(device)
    return {
        "card": properties.name,
        "configurations": target_of(device).name,
        "multiprocessors": properties.multi_processor_count,
        "driver": _driver(),
        "torch": torch.__version__,
        "runtime": torch.version.hip or torch.version.cuda,
        "triton": versions.triton_version(),
        "system": platform.platform(),
    }


def _driver() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "unknown"
    asked = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
    said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False).stdout.split()
    return said[0] if said else "unknown"


def _ms(time_ms: float | None) -> str:
    return "" if time_ms is None else f"{time_ms:.3f}"


def _mib(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f"{size_bytes / (1 << 20):.2f}"
