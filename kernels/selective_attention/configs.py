"""The tiles of the selective attention kernels by target; why they are what they are: README.md.

May import torch and ``kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels._triton.launch import Shape
from kernels._triton.targets import GFX1100, Target

# The routing kernel holds the best windows of a row in registers; more than this are found by torch, block by block.
MOST_ROUTED = 32


@dataclass(frozen=True)
class Tile:
    """Rows of queries and of keys that one step of a program works on, and how the program is laid out."""

    rows: int
    keys: int
    shape: Shape


def forward_tile(target: Target, tokens: int, head_dim: int, dtype: torch.dtype) -> Tile:
    """Return the tile of the forward kernel: at most one window of queries against at most one of keys."""
    if dtype == torch.float32:
        # Products in full float32 keep their operands in registers: smaller tiles, or they spill.
        return Tile(16, 16, Shape(4, 1)) if target is GFX1100 and head_dim > 16 else Tile(32, 32, Shape(4, 2))
    rows, keys = _fit(tokens, 128 if tokens > 64 else 64), _fit(tokens, 64)
    warps = 4 if rows <= 64 else 8
    if target.platform == "hip":
        # Waves of 64 lanes and 64 KiB: one stage fetched ahead is all that fits beside the tiles.
        if head_dim > 32:
            return Tile(min(rows, 64), min(keys, 32), Shape(8 if target is GFX1100 else 4, 1))
        return Tile(min(rows, 64), keys, Shape(4, 2))
    return Tile(rows, keys, Shape(warps, 3 if target.name in ("sm_80", "sm_90", "sm_100") else 2))


def backward_tile(target: Target, tokens: int, head_dim: int, dtype: torch.dtype) -> Tile:
    """Return the tile of both backward kernels; each holds two score tiles and two accumulators."""
    if dtype == torch.float32:
        if target is GFX1100 and head_dim > 16:
            return Tile(16, 16, Shape(8, 1))
        return Tile(32, 32, Shape(4, 1)) if head_dim <= 32 else Tile(16, 32, Shape(4, 1))
    if target is GFX1100 and head_dim > 16:
        # Two accumulators of 64 columns leave room for 16 rows.
        return Tile(min(_fit(tokens, 64), 16 if head_dim > 40 else 32), 32, Shape(8, 1))
    rows = _fit(tokens, 64)
    stages = 1 if target.platform == "hip" else 2
    return Tile(rows, _fit(tokens, 64), Shape(4, stages))


def routing_tile(target: Target, windows: int) -> Tile:
    """Return the tile of the kernel that scores windows: scores in float32 and as many candidates in 64 bits."""
    rows = 32 if windows > 16 else 16
    return Tile(rows, 32 if target.platform == "hip" else 64, Shape(4, 1))


def _fit(tokens: int, most: int) -> int:
    """Return the power of two from 16 to ``most`` that covers ``tokens``, or ``most``."""
    size = 16
    while size < tokens and size < most:
        size *= 2
    return size


# Where flash-attn on gathered keys and values was measured faster than the Triton kernel: (target's name, tokens of a
# window, head dimension). No GPU has been measured yet, so it is taken only by name.
_FLASH_FASTER: frozenset[tuple[str, int, int]] = frozenset()


def flash_is_faster(target: Target, tokens: int, head_dim: int) -> bool:
    """Say whether ``auto`` takes flash-attn for this case, where it can run: a matter of measurement, see BENCHMARKS.md."""
    return (target.name, tokens, head_dim) in _FLASH_FASTER


def flash_sizes(target: Target) -> tuple[tuple[int, int], ...]:
    """Return the sizes, (tokens of a window, head dimension), for which ``auto`` takes flash-attn on a target."""
    return tuple(sorted((tokens, head_dim) for name, tokens, head_dim in _FLASH_FASTER if name == target.name))
