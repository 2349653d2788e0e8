"""The tiles that ``window_attention`` ships for each target, chosen by ahead-of-time figures (README.md says how).

May import torch, the standard library and ``kernels._triton``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from kernels._triton.launch import Shape
from kernels._triton.targets import GFX1100, Target

# A dot product needs 16 of everything.
_SMALLEST = 16
# More blocks than this between two row beginnings, and the unrolled loop costs more than the bias by index.
_MOST_PARTS = 3
# How many programs the pass over the bias table makes out of the windows, about four for each multiprocessor.
_TABLE_PROGRAMS = 1024


@dataclass(frozen=True)
class Tiles:
    """How many tokens a program owns (``fixed``) and takes in at a time (``moving``), and its shape."""

    fixed: int
    moving: int
    shape: Shape


@dataclass(frozen=True)
class TableSlice:
    """How a block of the bias is read: ``parts`` blocks make whole rows; ``entries`` of the table cover one block.

    Where ``sliced`` is false each pair of tokens looks its entry up in memory by its index.
    """

    parts: int
    sliced: bool
    entries: int


def block_d(head_dim: int) -> int:
    """Return the power of two that holds a head dimension, at least 16."""
    return max(_SMALLEST, _power_of_two(head_dim))


def forward_tiles(target: Target, side: int, head_dim: int, dtype: torch.dtype) -> Tiles:
    """Return the tiles of the forward pass: queries are fixed, keys move."""
    wide, full = block_d(head_dim) > 32, dtype == torch.float32
    if target == GFX1100:
        if full:
            tiles = Tiles(16 if wide else 32, 16, Shape(8, 1))
        else:
            tiles = Tiles(64, 32 if wide else 64, Shape(4, 1))
    elif target.platform == "hip":
        tiles = Tiles(64, 32 if full else 64, Shape(4, 1))
    elif full:
        tiles = Tiles(64, 32, Shape(8 if wide else 4, 2))
    else:
        tiles = Tiles(128, 64, Shape(8, 2))
    return _fit(tiles, side)


def backward_tiles(target: Target, side: int, head_dim: int, dtype: torch.dtype) -> Tiles:
    """Return the tiles of the passes over queries and over keys: those are fixed, the others move."""
    wide, full = block_d(head_dim) > 32, dtype == torch.float32
    if target == GFX1100 and full:
        tiles = Tiles(16, 16, Shape(16, 1)) if wide else Tiles(32, 16, Shape(8, 1))
    elif target == GFX1100:
        tiles = Tiles(32, 16, Shape(4, 1)) if wide else Tiles(64, 32, Shape(4, 1))
    elif target.platform == "hip":
        tiles = Tiles(32, 32, Shape(4, 1)) if full or wide else Tiles(64, 32, Shape(4, 1))
    elif full:
        tiles = Tiles(32, 32, Shape(4, 1)) if wide else Tiles(64, 32, Shape(8, 1))
    else:
        tiles = Tiles(64, 32 if wide else 64, Shape(4, 2))
    return _fit(tiles, side)


def table_shape(target: Target, side: int, dtype: torch.dtype) -> tuple[int, Shape]:
    """Return the block of the pass over the bias table, one window row each way, and its shape."""
    block = max(_SMALLEST, _power_of_two(side))
    warps = {16: 1, 32: 2}.get(block, 8)
    if dtype == torch.float32:
        # Without a matrix unit every thread holds whole rows of its operands.
        warps = 8 if target == GFX1100 else min(8, 4 * warps)
    return block, Shape(warps, 1)


def table_chunks(windows: int, heads: int, side: int) -> int:
    """Return among how many programs the windows are shared out in the pass over the bias table."""
    return max(1, min(windows, _TABLE_PROGRAMS // (heads * side)))


def table_slice(side: int, fixed: int, moving: int) -> TableSlice:
    """Say how a block of ``fixed`` by ``moving`` tokens reads its bias."""
    parts = math.lcm(moving, side) // moving
    if parts > _MOST_PARTS:
        return TableSlice(1, False, 0)
    fixed_rows = fixed // side if fixed % side == 0 else (fixed - 2) // side + 2
    moving_rows = max((part * moving + moving - 1) // side - part * moving // side + 1 for part in range(parts))
    return TableSlice(parts, True, _power_of_two((fixed_rows + moving_rows - 1) * (2 * side - 1)))


def _fit(tiles: Tiles, side: int) -> Tiles:
    """Cut tiles down to a window that is smaller, and keys to 32 where a block of more does not make whole rows."""
    if 1 < table_slice(side, tiles.fixed, tiles.moving).parts <= _MOST_PARTS:
        # Each part has its own places in the table, and of 64 keys they take every register.
        tiles = replace(tiles, moving=min(tiles.moving, 32))
    most = max(_SMALLEST, _power_of_two(side * side))
    warps = tiles.shape.num_warps
    if tiles.fixed > most:
        warps = max(1, warps * most // tiles.fixed)
    shape = replace(tiles.shape, num_warps=warps)
    return Tiles(min(tiles.fixed, most), min(tiles.moving, most), shape)


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
