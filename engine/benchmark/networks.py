"""`triptych bench models`: our networks beside the published algorithms, taking turns in one run.

On a CPU in float32, times and peak memory, and of ESC the share of the machine's own rate of matrix products measured in
the same rounds. On a CUDA device in float16 and bfloat16 against PyTorch's own attention, compiled or fused, and gathers.
Outputs are compared first: where they differ, no speed is printed. May import torch, numpy and the rest of this package.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import torch
from torch import Tensor, nn

from engine.benchmark.cases import COMPARISONS, OURS, Comparison, built, find, picture
from engine.benchmark.footprint import peak_bytes

_PRODUCT_EDGE = 4096
# What PyTorch on a GPU works on: a frame of 640 x 360.
_GPU_SIZE = (360, 640)
_HALF_LIMIT_DB = {torch.float16: 60.0, torch.bfloat16: 50.0}


@dataclass(frozen=True)
class Row:
    """One network against one baseline: seconds and ratios are medians over the rounds, memory is in bytes.

    `fault` says why there are no figures, empty otherwise; `share` is the part of the machine's rate of matrix products.
    """

    model: str
    configuration: str
    baseline: str
    precision: str
    height: int
    width: int
    fault: str = ""
    baseline_seconds: float | None = None
    seconds: float | None = None
    ratio: float | None = None
    baseline_peak_bytes: int | None = None
    peak_bytes: int | None = None
    product_gflops: float | None = None
    share: float | None = None

    def __str__(self) -> str:
        """Lay the row out for the table."""
        head = f"{self.model:10} {self.precision:5} {self.width:>4}×{self.height:<4} {self.baseline:23}"
        if self.fault:
            return f"{head} {self.fault}"
        share = "" if self.share is None else f"{self.share:6.0%}"
        return (
            f"{head} {_number(self.baseline_seconds, 9, 3)} {_number(self.seconds, 8, 3)} {_number(self.ratio, 6, 2)}"
            f" {_mib(self.baseline_peak_bytes)} {_mib(self.peak_bytes)} {_number(self.product_gflops, 8, 0)} {share:>6}"
        )


HEADER = (
    f"{'model':10} {'type':5} {'input':9} {'baseline':23} {'baseline':>9} {'ours':>8} {'ratio':>6} {'baseline':>9} {'ours':>9}"
    f" {'GFLOP/s':>8} {'share':>6}\n{'':50} {'s':>9} {'s':>8} {'':6} {'MiB':>9} {'MiB':>9} {'product':>8}"
)


def names() -> tuple[str, ...]:
    """List the networks that there is a comparison of."""
    return tuple(comparison.name for comparison in COMPARISONS)


def rows(chosen: Sequence[str], *, edge_px: int, rounds: int, threads: int | None) -> Iterator[Row]:
    """Measure the comparisons of these names (all when empty), on the GPU where there is one.

    `edge_px`: of the CPU's square input; `threads`: torch's, as they are when None. Raises `ValueError` for an unknown name.
    """
    comparisons = [find(name) for name in chosen or names()]
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        on_gpu = torch.cuda.is_available()
        yield from _gpu_rows(comparisons, rounds) if on_gpu else _cpu_rows(comparisons, edge_px, rounds)
    finally:
        torch.set_num_threads(before)


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


def _cpu_rows(chosen: Sequence[Comparison], edge_px: int, rounds: int) -> Iterator[Row]:
    device, dtype = torch.device("cpu"), torch.float32
    image = picture(edge_px, edge_px, device, dtype)
    for comparison in chosen:
        ours = built(comparison, OURS, device, dtype)
        for name in comparison.on_cpu:
            yield _cpu_row(comparison, name, ours, image, rounds)


def _cpu_row(comparison: Comparison, name: str, ours: nn.Module, image: Tensor, rounds: int) -> Row:
    height, width = image.shape[-2:]
    head = (comparison.name, comparison.configuration, name, "fp32", height, width)
    published = built(comparison, name, image.device, torch.float32)
    product = torch.randn(2, _PRODUCT_EDGE, _PRODUCT_EDGE)
    times: list[tuple[float, float, float]] = []
    with torch.inference_mode():
        ours(image)
        for _ in range(rounds):
            output, seconds = _timed(lambda: ours(image))
            _, product_seconds = _timed(lambda: product[0] @ product[1])
            expected, published_seconds = _timed(lambda: published(image))
            fault = _difference(output, expected, comparison.limits)
            if fault:
                return Row(*head, fault=fault)
            times.append((seconds, published_seconds, product_seconds))
    threads = torch.get_num_threads()
    peaks = [peak_bytes(comparison.name, side, width, threads) for side in (name, OURS)]
    flops = 2.0 * comparison.multiply_adds(height * width) if comparison.multiply_adds else None
    product_flops = 2.0 * _PRODUCT_EDGE**3
    return Row(
        *head,
        baseline_seconds=median(t[1] for t in times),
        seconds=median(t[0] for t in times),
        ratio=median(t[1] / t[0] for t in times),
        baseline_peak_bytes=peaks[0],
        peak_bytes=peaks[1],
        product_gflops=median(product_flops / t[2] for t in times) / 1e9,
        share=None if flops is None else median(flops / t[0] * t[2] / product_flops for t in times),
    )


def _timed(work: Callable[[], Tensor]) -> tuple[Tensor, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _difference(output: Tensor, expected: Tensor, limits: tuple[float, float]) -> str:
    """Say by how much two outputs in float32 differ where that is too much, else nothing."""
    gap = (output.float() - expected.float()).abs()
    largest, mean = float(gap.max()), float(gap.mean())
    if largest <= limits[0] and mean <= limits[1]:
        return ""
    return (
        f"WRONG: outputs differ by {largest:.1e} at most and {mean:.1e} in the mean (limits {limits[0]}, {limits[1]})"
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
                    yield Row(*_gpu_head(comparison, name, dtype), fault="the GPU's memory is too small for it")


def _gpu_head(comparison: Comparison, name: str, dtype: torch.dtype) -> tuple[str, str, str, str, int, int]:
    precision = {torch.float16: "fp16", torch.bfloat16: "bf16"}[dtype]
    baseline = f"{name}, fp32" if comparison.only_float32 else name
    return (comparison.name, comparison.configuration, baseline, precision, *_GPU_SIZE)


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
            return Row(
                *head, fault=f"WRONG: {psnr_db:.1f} dB against the baseline in fp32 (limit {_HALF_LIMIT_DB[dtype]})"
            )
        published_peak = _gpu_peak(published, published_image)[1]
        product = torch.randn(2, _PRODUCT_EDGE, _PRODUCT_EDGE, device=device).to(dtype)
        times = []
        for _ in range(max(rounds, 5)):
            times.append(
                (
                    _gpu_seconds(lambda: ours(image)),
                    _gpu_seconds(lambda: published(published_image)),
                    _gpu_seconds(lambda: product[0] @ product[1]),
                )
            )
    flops = 2.0 * comparison.multiply_adds(_GPU_SIZE[0] * _GPU_SIZE[1]) if comparison.multiply_adds else None
    product_flops = 2.0 * _PRODUCT_EDGE**3
    return Row(
        *head,
        baseline_seconds=median(t[1] for t in times),
        seconds=median(t[0] for t in times),
        ratio=median(t[1] / t[0] for t in times),
        baseline_peak_bytes=published_peak,
        peak_bytes=peak,
        product_gflops=median(product_flops / t[2] for t in times) / 1e9,
        share=None if flops is None else median(flops / t[0] * t[2] / product_flops for t in times),
    )


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


def _number(value: float | None, width: int, digits: int) -> str:
    return f"{'':{width}}" if value is None else f"{value:{width}.{digits}f}"


def _mib(value: int | None) -> str:
    return f"{'':9}" if value is None else f"{value / 2**20:9.0f}"
