"""The devices that tile configurations are shipped for, and which of them a device at hand takes.

No kernel is tuned on a user's machine: an operator's ``configs`` module holds one table by target. May import torch and
the standard library.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Target:
    """A kind of device. ``arch`` is the compute capability times ten (NVIDIA) or the gfx name (AMD).

    ``shared_bytes`` is the shared memory one program may use.
    """

    name: str
    platform: str
    arch: int | str
    warp_size: int
    shared_bytes: int


SM_80 = Target("sm_80", "cuda", 80, 32, 163 << 10)
SM_86 = Target("sm_86", "cuda", 86, 32, 99 << 10)
SM_89 = Target("sm_89", "cuda", 89, 32, 99 << 10)
SM_90 = Target("sm_90", "cuda", 90, 32, 227 << 10)
SM_100 = Target("sm_100", "cuda", 100, 32, 227 << 10)
SM_120 = Target("sm_120", "cuda", 120, 32, 99 << 10)
GFX942 = Target("gfx942", "hip", "gfx942", 64, 64 << 10)
GFX1100 = Target("gfx1100", "hip", "gfx1100", 32, 64 << 10)

TARGETS = (SM_80, SM_86, SM_89, SM_90, SM_100, SM_120, GFX942, GFX1100)

_PRETENDED: ContextVar[Target | None] = ContextVar("kernels_pretended_target", default=None)


@contextmanager
def pretend(target: Target) -> Iterator[None]:
    """Make ``target_of`` answer ``target`` inside the block, whatever the device: for compiling ahead of time."""
    token = _PRETENDED.set(target)
    try:
        yield
    finally:
        _PRETENDED.reset(token)


def target_of(device: torch.device) -> Target:
    """Return the target whose configurations a device takes; a CPU, where only the interpreter runs, takes sm_80's."""
    pretended = _PRETENDED.get()
    if pretended is not None:
        return pretended
    if device.type != "cuda":
        return SM_80
    index = torch.cuda.current_device() if device.index is None else device.index
    return _device_target(index)


@functools.cache
def _device_target(index: int) -> Target:
    properties = torch.cuda.get_device_properties(index)
    if torch.version.hip:
        return nearest_gfx(properties.gcnArchName)
    return nearest_capability(properties.major, properties.minor)


def nearest_capability(major: int, minor: int) -> Target:
    """Return the target for a compute capability of at least 8.0; a newer unknown one takes the smallest tiles."""
    if (major, minor) == (8, 0):
        return SM_80
    if major == 8:
        return SM_89 if minor == 9 else SM_86
    return {9: SM_90, 10: SM_100}.get(major, SM_120)


def nearest_gfx(arch_name: str) -> Target:
    """Return the target for an AMD architecture such as ``gfx942:sramecc+``: the gfx9 family has waves of 64 lanes."""
    return GFX942 if arch_name.startswith("gfx9") else GFX1100
