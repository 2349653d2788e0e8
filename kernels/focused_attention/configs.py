"""The tiles of the focused attention kernels by target; why they are what they are: README.md.

May import torch and ``kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from kernels._triton.launch import Shape
from kernels._triton.targets import GFX1100, SM_90, SM_100, SM_120, Target


@dataclass(frozen=True)
class Tile:
    """Rows of queries and of keys that a program holds at once, and how it is laid out.

    ``chunk``: the columns of q and k that one product takes; where operands lie in registers, only a few.
    """

    rows: int
    keys: int
    shape: Shape
    chunk: int = 64


# A program that selects holds whole rows: rows × keys numbers, several times over.
_SELECT_NUMBERS = 4096
_SPARSE_NUMBERS = 1024


def dense_tile(target: Target, head_dim: int, dtype: torch.dtype, *, carried: bool) -> Tile:
    """Return the tile of the kernels over all keys; ``carried``: a second map is held beside the scores."""
    if dtype == torch.float32:
        if target is GFX1100 and head_dim > 16:
            return Tile(16, 16, Shape(4, 1), chunk=16)
        return Tile(32, 32, Shape(8, 1), chunk=16)
    if target.platform == "hip":
        return Tile(64, 32, Shape(8, 1), chunk=16)
    # On sm_100 the compiler spills 16 bytes of a head padded to 32 in 4 warps, and nothing of one padded to 16 or 64.
    wide = carried or head_dim > 40 or (target is SM_100 and 16 < head_dim <= 32)
    return Tile(64, 32, Shape(8 if wide else 4, 2))


def step_tile(target: Target, head_dim: int, dtype: torch.dtype) -> Tile:
    """Return the tile of the kernels that take a dense layer back through its maps."""
    tile = dense_tile(target, head_dim, dtype, carried=True)
    if target is SM_90:
        # Triton 3.6 fails to fetch ahead in the loop of ``focused_step_bwd_kernel`` around Hopper's asynchronous products.
        return replace(tile, shape=Shape(tile.shape.num_warps, 1))
    return tile


def product_tile(target: Target, dtype: torch.dtype) -> Tile:
    """Return the tile of the products of a map in float32 with rows of q, k or the output's gradient."""
    side = 32 if dtype == torch.float32 or target.platform == "hip" else 64
    return Tile(side, 32, Shape(4, 1 if target.platform == "hip" else 2))


def selecting_tile(target: Target, keys: int, head_dim: int) -> Tile:
    """Return the tile of the kernel that selects among all keys of a window: whole rows."""
    numbers = _SELECT_NUMBERS
    if target is SM_120 and head_dim > 16:
        numbers //= 4 if head_dim > 40 else 2
    return Tile(max(1, min(16, numbers // keys)), keys, Shape(4, 1))


def sparse_tile(target: Target, keys: int) -> Tile:
    """Return the tile of the kernels over the surviving keys: whole rows of them."""
    warps = 4 if target.platform == "hip" else 8
    return Tile(max(1, min(16, _SPARSE_NUMBERS // keys)), keys, Shape(warps, 1))
