"""How much memory a job may use: read again before each job, from the host (a container's limits included) or from the device.

Imports the standard library, and psutil where the system is not Linux. Swap never counts: a model that swaps does not end.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# device -> (free bytes, total bytes), as torch.cuda.mem_get_info answers.
MemGetInfo = Callable[[str], tuple[int, int]]

# Left to the system and to what other programs take while the job runs.
RESERVE_BYTES = 512 * 2**20
RESERVE_SHARE = 0.1

_ROOT = Path("/")


@dataclass(frozen=True)
class Budget:
    """What a job may use, in bytes above a process without a model.

    `free_bytes`: all that could be had, `limit_bytes`: what of it may be used; both count what the session holds already.
    """

    free_bytes: int
    limit_bytes: int


def budget_of(free_bytes: int, held_bytes: int = 0, sharers: int = 1) -> Budget:
    """Returns the budget of one of `sharers` workers: what is free, less a tenth, less 512 MiB, and what its session holds."""
    held_bytes = max(held_bytes, 0)
    usable_bytes = max(round(free_bytes * (1 - RESERVE_SHARE)) - RESERVE_BYTES, 0)
    return Budget(free_bytes // sharers + held_bytes, usable_bytes // sharers + held_bytes)


def free_bytes(device: str, mem_get_info: MemGetInfo | None = None) -> int:
    """Returns the free memory of a device, in bytes: as `mem_get_info` says for CUDA, else the host's."""
    if device.startswith("cuda"):
        if mem_get_info is None:
            raise ValueError("the free memory of a CUDA device needs mem_get_info")
        return mem_get_info(device)[0]
    return free_host_bytes()


def process_fraction(limit_bytes: int, total_bytes: int) -> float:
    """Returns the share of a device for torch.cuda.set_per_process_memory_fraction.

    For Windows, whose driver does not refuse what exceeds the device but moves it to host memory, many times slower.
    """
    return min(max(limit_bytes / total_bytes, 0.0), 1.0)


def free_host_bytes(root: Path = _ROOT) -> int:
    """Returns the memory that can be had without swapping, of the machine or of the container, whichever has less.

    `root`: where proc and sys lie (tests bring their own).
    """
    available = _available_bytes(root)
    if available is None:
        import psutil

        return int(psutil.virtual_memory().available)
    return max(min([available, *_container_free(root)]), 0)


def oom_kills(root: Path = _ROOT) -> int | None:
    """Returns how often the kernel has killed a process for want of memory, in this container and on this machine.

    To be compared before and after a death; None where nobody counts.
    """
    counts = [_field(root / "proc/vmstat", "oom_kill")]
    for folder in _cgroup2_folders(root):
        counts.append(_field(folder / "memory.events", "oom_kill"))
    for folder in _cgroup1_folders(root):
        counts.append(_field(folder / "memory.oom_control", "oom_kill"))
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _available_bytes(root: Path) -> int | None:
    kibibytes = _field(root / "proc/meminfo", "MemAvailable:")
    return None if kibibytes is None else kibibytes * 1024


def _container_free(root: Path) -> Iterator[int]:
    """Yields what each control group that this process is in, outer ones included, still allows."""
    for folder in _cgroup2_folders(root):
        limits = [limit for name in ("memory.max", "memory.high") if (limit := _number(folder / name)) is not None]
        used = _number(folder / "memory.current")
        if limits and used is not None:
            yield min(limits) - used + _reclaimable(folder, "inactive_file", "active_file")
    for folder in _cgroup1_folders(root):
        limit, used = _number(folder / "memory.limit_in_bytes"), _number(folder / "memory.usage_in_bytes")
        if limit is not None and used is not None:
            yield limit - used + _reclaimable(folder, "total_inactive_file", "total_active_file")


def _reclaimable(folder: Path, *names: str) -> int:
    """Pages of files count as used in a control group, but give way: all but the half of the active ones, which may be needed."""
    inactive, active = (_field(folder / "memory.stat", name) or 0 for name in names)
    return inactive + active // 2


def _cgroup2_folders(root: Path) -> Iterator[Path]:
    for line in _lines(root / "proc/self/cgroup"):
        if line.startswith("0::"):
            yield from _up(root / "sys/fs/cgroup", line[3:])


def _cgroup1_folders(root: Path) -> Iterator[Path]:
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            yield from _up(root / "sys/fs/cgroup/memory", path)


def _up(mount: Path, path: str) -> Iterator[Path]:
    """Yields the group's folder and those above it up to the mount, as far as they are there.

    In a container the path may be the host's, whose last part is what is mounted: then only the mount itself is there.
    """
    folder = mount.joinpath(*(part for part in Path(path.strip()).parts if part not in ("/", "..")))
    while True:
        if folder.is_dir():
            yield folder
        if folder == mount:
            return
        folder = folder.parent


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        # Not Linux, or hidden from this process.
        return []


def _number(file: Path) -> int | None:
    """The whole number a file holds; None for "max", no file, or something else."""
    lines = _lines(file)
    with contextlib.suppress(ValueError, IndexError):
        return int(lines[0])
    return None


def _field(file: Path, name: str) -> int | None:
    for line in _lines(file):
        words = line.split()
        if len(words) > 1 and words[0] == name and words[1].isdigit():
            return int(words[1])
    return None
