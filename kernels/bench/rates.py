"""What a device can do at most, measured on it, and the least time that some work can take there: its floor.

May import torch and ``kernels``; Triton inside functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from kernels._triton.launch import Shape, launch

_COPY_BYTES = 1 << 30
_SAMPLES = 9


@dataclass(frozen=True)
class Work:
    """What one call has to do. ``vector_operations`` counts float32 instructions, a multiply-add as one.

    ``narrow`` names the product's small extent: ``inner`` where 16 numbers are summed (attention with heads of 16),
    ``columns`` where 16 results share each number (a convolution to 16 channels).
    """

    bytes_moved: float
    matrix_flops: float
    narrow: str
    exponentials: float = 0.0
    vector_operations: float = 0.0


@dataclass(frozen=True)
class Rates:
    """A device's measured rates a second, products in one dtype."""

    copied_bytes: float
    inner_flops: float
    columns_flops: float
    exponentials: float
    vector_operations: float

    def floor_ms(self, work: Work) -> tuple[float, str]:
        """Return the least time of some work in milliseconds, and which of its parts takes that long."""
        matrix_rate = self.inner_flops if work.narrow == "inner" else self.columns_flops
        parts = {
            "bytes": work.bytes_moved / self.copied_bytes,
            "products": work.matrix_flops / matrix_rate,
            "exponentials": work.exponentials / self.exponentials,
            "float32": work.vector_operations / self.vector_operations,
        }
        name = max(parts, key=lambda part: parts[part])
        return parts[name] * 1e3, name


def attention_work(queries: float, keys_each: float, head_dim: int, bytes_moved: float, operations_each: float) -> Work:
    """Count a softmax attention's work from its queries (over all heads), the keys of each, and operations a pair."""
    pairs = queries * keys_each
    return Work(bytes_moved, 4 * pairs * head_dim, "inner", pairs, operations_each * pairs)


def median_ms(call: Callable[[], object], samples: int = _SAMPLES, least_ms: float = 5.0) -> float:
    """Return the median time of a call between two events of the device, each sample at least ``least_ms`` long."""
    repeats = max(1, int(least_ms / max(_timed_ms(call, 1), 1e-3)))
    return sorted(_timed_ms(call, repeats) for _ in range(samples))[samples // 2]


def _timed_ms(call: Callable[[], object], repeats: int) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    start.record()
    for _ in range(repeats):
        call()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end)) / repeats


def measure_rates(device: torch.device, dtype: torch.dtype) -> Rates:
    """Measure a device's rates, products in ``dtype``; takes about a second."""
    return Rates(
        _copy_rate(device),
        _matrix_rate(device, dtype, (64, 64, 16)),
        _matrix_rate(device, dtype, (128, 16, 64)),
        _loop_rate(device, "exponential"),
        _loop_rate(device, "vector"),
    )


def _copy_rate(device: torch.device) -> float:
    source = torch.empty(_COPY_BYTES, dtype=torch.int8, device=device)
    target = torch.empty_like(source)
    # A copy reads and writes.
    return 2 * _COPY_BYTES / (median_ms(lambda: target.copy_(source)) * 1e-3)


def _programs(device: torch.device) -> int:
    return 16 * torch.cuda.get_device_properties(device).multi_processor_count


def _matrix_rate(device: torch.device, dtype: torch.dtype, block: tuple[int, int, int]) -> float:
    from kernels.bench.rates_device import matrix_rate_kernel

    rows, columns, inner = block
    programs, rounds = _programs(device), 2000
    a, b = torch.zeros(rows, inner, dtype=dtype, device=device), torch.zeros(inner, columns, dtype=dtype, device=device)
    out = torch.empty(programs, rows, columns, device=device)
    arguments = {"a_ptr": a, "b_ptr": b, "out_ptr": out, "rounds": rounds}
    blocks = {"BLOCK_M": rows, "BLOCK_N": columns, "INNER": inner}
    time_ms = median_ms(lambda: launch(matrix_rate_kernel, (programs,), arguments, blocks, Shape(4, 1)))
    return 2 * 2.0 * rows * columns * inner * rounds * programs / (time_ms * 1e-3)


def _loop_rate(device: torch.device, kind: str) -> float:
    from kernels.bench.rates_device import exponential_rate_kernel, vector_rate_kernel

    programs, rounds, block = _programs(device), 2000, 1024
    x, out = torch.ones(block, device=device), torch.empty(programs, block, device=device)
    arguments = {"x_ptr": x, "out_ptr": out, "rounds": rounds}
    kernel = exponential_rate_kernel
    if kind == "vector":
        kernel, arguments = vector_rate_kernel, arguments | {"factor": 0.5, "addend": 0.5}
    time_ms = median_ms(lambda: launch(kernel, (programs,), arguments, {"BLOCK": block}, Shape(4, 1)))
    return 8.0 * rounds * block * programs / (time_ms * 1e-3)
