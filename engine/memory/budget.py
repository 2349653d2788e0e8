"""How much memory a job may use: read again before each job, from the host (containers' limits included) or from the device.

Imports the standard library, and psutil where the system is not Linux. Swap never counts: a model in swap does not end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# (device) -> (free bytes, total bytes), as torch.cuda.mem_get_info.
MemGetInfo = Callable[[str], tuple[int, int]]
RESERVE_BYTES = 512 * 2**20
RESERVE_SHARE = 0.1


@dataclass(frozen=True)
class Budget:
    """What a job may use. `free_bytes`: free now, with what the session itself holds already; `limit_bytes`: of those, to be used."""

    free_bytes: int
    limit_bytes: int


def budget_of(free_bytes: int, held_bytes: int = 0, sharers: int = 1) -> Budget:
    """Returns the budget: (free − 10 % − 512 MiB) ÷ sharers + held, where `held_bytes` is what this session holds of it already."""
    raise NotImplementedError


def free_host_bytes(root: Path = Path("/")) -> int:
    """Returns the memory of this machine, or of the container it is seen from, that can be had without swapping."""
    raise NotImplementedError


def free_bytes(device: str, mem_get_info: MemGetInfo | None = None) -> int:
    """Returns the free memory of a device: of the host for "cpu" and "mps", else as `mem_get_info` says."""
    raise NotImplementedError


def process_fraction(limit_bytes: int, total_bytes: int) -> float:
    """Returns the share for torch.cuda.set_per_process_memory_fraction (Windows: its driver spills into host memory instead)."""
    raise NotImplementedError


def oom_kills(root: Path = Path("/")) -> int | None:
    """Returns how often the kernel has killed for want of memory (machine and container); None where nobody counts."""
    raise NotImplementedError
