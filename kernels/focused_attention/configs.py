"""The tiles of the focused attention kernels by target; why they are what they are: README.md.

May import torch and ``kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels._triton.launch import Shape
from kernels._triton.targets import GFX1100, Target


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
    return Tile(64, 32, Shape(8 if carried or head_dim > 40 else 4, 2))


def product_tile(target: Target, dtype: torch.dtype) -> Tile:
    """Return the tile of the products of a map in float32 with rows of q, k or the output's gradient."""
    side = 32 if dtype == torch.float32 or target.platform == "hip" else 64
    return Tile(side, 32, Shape(4, 1 if target.platform == "hip" else 2))


def selecting_tile(keys: int) -> Tile:
    """Return the tile of the kernel that selects among all keys of a window: whole rows."""
    return Tile(max(1, min(16, _SELECT_NUMBERS // keys)), keys, Shape(4, 1))


def sparse_tile(keys: int) -> Tile:
    """Return the tile of the kernels over the surviving keys: whole rows of them."""
    return Tile(max(1, min(16, _SPARSE_NUMBERS // keys)), keys, Shape(4, 1))
