"""`triptych bench models`: our networks beside the published algorithms, taking turns in one run.

On a CPU in float32, times and peak memory, and of ESC the share of the machine's own rate of matrix products measured in
the same rounds; the published code once in torch's own environment, as a person runs it, and once in the worker's. On a CUDA
device in float16 and bfloat16 against PyTorch's own attention, compiled or fused, and gathers. Outputs are compared first:
where they differ, no speed is printed. May import torch, numpy and the rest of this package.
"""

from __future__ import annotations

import math
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.benchmark.cases import COMPARISONS, OURS, Comparison, built, find, picture
from engine.benchmark.side import PRODUCT_EDGE, PRODUCT_FLOPS, Environment, Side, SideError
from engine.benchmark.table import Row, Turn, figures

# What PyTorch on a GPU works on: a frame of 640 x 360.
_GPU_SIZE = (360, 640)
_HALF_LIMIT_DB = {torch.float16: 60.0, torch.bfloat16: 50.0}
# How a fault begins that makes the command fail.
WRONG, BROKEN = "WRONG", "BROKEN"


def names() -> tuple[str, ...]:
    """List the networks that there is a comparison of."""
    return tuple(comparison.name for comparison in COMPARISONS)


def rows(chosen: Sequence[str], *, edge_px: int, rounds: int, threads: int | None) -> Iterator[Row]:
    """Measure the comparisons of these names (all when empty), on the GPU where there is one.

    `edge_px`: of the CPU's square input; `threads`: torch's, as they are when None. Raises `ValueError` for an unknown name.
    """
    comparisons = [find(name) for name in chosen or names()]
    if torch.cuda.is_available():
        yield from _gpu_rows(comparisons, rounds)
        return
    for comparison in comparisons:
        yield from _cpu_rows(comparison, edge_px, rounds, threads or torch.get_num_threads())


def setting(rounds: int, threads: int | None) -> dict[str, str | int]:
    """Name what the figures belong to."""
    device = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    return {
        "torch": torch.__version__,
        "device": device,
        "threads": threads or torch.get_num_threads(),
        "rounds": rounds,
    }


def _cpu_rows(comparison: Comparison, edge_px: int, rounds: int, threads: int) -> Iterator[Row]:
    """Yield a row for each baseline in each environment; all of them and ours take turns."""
    sides = [(name, environment) for name in comparison.on_cpu for environment in Environment]
    head: dict[str, Any] = {
        "model": comparison.name,
        "configuration": comparison.configuration,
        "precision": "fp32",
        "height": edge_px,
        "width": edge_px,
        "goals": comparison.goals,
    }
    heads = {side: head | {"baseline": side[0], "environment": side[1].value} for side in sides}
    turns: dict[tuple[str, Environment], list[Turn]] = {side: [] for side in sides}
    peaks: dict[tuple[str, Environment], int] = {}
    faults: dict[tuple[str, Environment], str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triptych-bench-")))
        try:
            ours = stack.enter_context(Side(comparison.name, OURS, edge_px, threads, Environment.WORKER))
            our_peak = ours.first(folder / "ours.npy")
            output = np.load(folder / "ours.npy")
            ours.product_seconds()
        except SideError as error:
            yield from (Row(**heads[side], fault=f"{BROKEN}: {error}") for side in sides)
            return
        others: dict[tuple[str, Environment], Side] = {}
        for side in sides:
            try:
                other = stack.enter_context(Side(comparison.name, side[0], edge_px, threads, side[1]))
                peaks[side] = other.first(folder / "baseline.npy")
                others[side] = other
                faults[side] = _difference(output, np.load(folder / "baseline.npy"), comparison.limits)
            except SideError as error:
                faults[side] = f"{BROKEN}: {error}"
        timed = [side for side in sides if not faults[side]]
        for _ in range(rounds if timed else 0):
            seconds, product_seconds = ours.seconds(), ours.product_seconds()
            for side in timed:
                turns[side].append(Turn(others[side].seconds(), seconds, product_seconds))
    flops = _flops(comparison, edge_px**2)
    for side in sides:
        if faults[side]:
            yield Row(**heads[side], fault=faults[side])
            continue
        found: dict[str, Any] = figures(
            turns[side], peaks=(peaks[side], our_peak), flops=flops, product_flops=PRODUCT_FLOPS
        )
        yield Row(**heads[side], **found)


def _flops(comparison: Comparison, pixels: int) -> float | None:
    return 2.0 * comparison.multiply_adds(pixels) if comparison.multiply_adds else None


def _difference(output: NDArray[np.float32], expected: NDArray[np.float32], limits: tuple[float, float]) -> str:
    """Say by how much two outputs in float32 differ where that is too much, else nothing."""
    gap = np.abs(output - expected)
    largest, mean = float(gap.max()), float(gap.mean(dtype=np.float64))
    if largest <= limits[0] and mean <= limits[1]:
        return ""
    return (
        f"{WRONG}: outputs differ by {largest:.1e} at most and {mean:.1e} in the mean (limits {limits[0]}, {limits[1]})"
    )


def _gpu_rows(chosen: Sequence[Comparison], rounds: int) -> Iterator[Row]:
    device = torch.device("cuda", torch.cuda.current_device())
    for comparison in chosen:
        for dtype in (torch.float16, torch.bfloat16):
            for name in comparison.on_gpu:
                torch.cuda.empty_cache()
                try:
                    yield _gpu_row(comparison, name, device, dtype, rounds)
                except torch.cuda.OutOfMemoryError:
                    yield Row(**_gpu_head(comparison, name, dtype), fault="the GPU's memory is too small for it")


def _gpu_head(comparison: Comparison, name: str, dtype: torch.dtype) -> dict[str, Any]:
    return {
        "model": comparison.name,
        "configuration": comparison.configuration,
        "baseline": f"{name}, fp32" if comparison.only_float32 else name,
        "environment": "",
        "precision": {torch.float16: "fp16", torch.bfloat16: "bf16"}[dtype],
        "height": _GPU_SIZE[0],
        "width": _GPU_SIZE[1],
    }


def _gpu_row(comparison: Comparison, name: str, device: torch.device, dtype: torch.dtype, rounds: int) -> Row:
    """Measure one side after the other and both in turns; ours takes the image in float32 and gives float32, as always."""
    image = picture(*_GPU_SIZE, device, torch.float32)
    published_dtype = torch.float32 if comparison.only_float32 else dtype
    head = _gpu_head(comparison, name, dtype)
    with torch.inference_mode():
        expected = built(comparison, name, device, torch.float32)(image)
        ours = built(comparison, OURS, device, dtype)
        published = built(comparison, name, device, published_dtype)
        published_image = image.to(published_dtype)
        output, peak = _gpu_peak(ours, image)
        psnr_db = -10 * math.log10(max(float((output - expected).square().mean()), 1e-30))
        del output, expected
        if not psnr_db >= _HALF_LIMIT_DB[dtype]:
            limit = _HALF_LIMIT_DB[dtype]
            return Row(**head, fault=f"{WRONG}: {psnr_db:.1f} dB against the baseline in fp32 (limit {limit})")
        published_peak = _gpu_peak(published, published_image)[1]
        product = torch.randn(2, PRODUCT_EDGE, PRODUCT_EDGE, device=device).to(dtype)
        turns = []
        for _ in range(max(rounds, 5)):
            seconds, published_seconds, product_seconds = (
                _gpu_seconds(work)
                for work in (
                    lambda: ours(image),
                    lambda: published(published_image),
                    lambda: product[0] @ product[1],
                )
            )
            turns.append(Turn(published_seconds, seconds, product_seconds))
    found: dict[str, Any] = figures(
        turns,
        peaks=(published_peak, peak),
        flops=_flops(comparison, _GPU_SIZE[0] * _GPU_SIZE[1]),
        product_flops=PRODUCT_FLOPS,
    )
    return Row(**head, **found)


def _gpu_peak(network: nn.Module, image: Tensor) -> tuple[Tensor, int]:
    """Return the output of a warm network and the most memory that it took at a time, weights and output included."""
    # What compiles or loads at a first call is no part of the figure.
    network(image)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    output: Tensor = network(image)
    torch.cuda.synchronize()
    weights = sum(p.numel() * p.element_size() for p in [*network.parameters(), *network.buffers()])
    return output, torch.cuda.max_memory_allocated() - before + weights


def _gpu_seconds(work: Callable[[], Tensor]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    work()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1000
