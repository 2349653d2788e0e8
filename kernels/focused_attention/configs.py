"""The tiles of the focused attention kernels by target; why they are what they are: README.md.

May import torch and ``kernels``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels._triton.launch import Shape
from kernels._triton.targets import Target


@dataclass(frozen=True)
class Tile:
    """Rows of queries and of keys that a program holds at once, and how it is laid out."""

    rows: int
    keys: int
    shape: Shape


# A selecting program holds whole rows: rows x keys numbers, several times over.
_SELECT_NUMBERS = 8192
_SPARSE_NUMBERS = 1024


def dense_tile(target: Target, tokens: int, head_dim: int, dtype: torch.dtype) -> Tile:
    """Return the tile of the dense forward kernel, of a carried map and of a step back."""
    if dtype == torch.float32:
        return Tile(32, 32, Shape(4, 1))
    side = 64 if tokens > 32 else 32
    return Tile(side, min(side, 64), Shape(4, 1 if target.platform == "hip" else 2))


def product_tile(target: Target, tokens: int, dtype: torch.dtype) -> Tile:
    """Return the tile of the products of a map in float32 with rows of q, k or the output's gradient."""
    side = 64 if tokens > 32 and dtype != torch.float32 else 32
    return Tile(side, 32, Shape(4, 1 if target.platform == "hip" else 2))


def selecting_tile(target: Target, keys: int) -> Tile:
    """Return the tile of the kernel that selects among all keys of a window: whole rows."""
    return Tile(max(1, min(16, _SELECT_NUMBERS // keys)), keys, Shape(8 if target.warp_size == 32 else 4, 1))


def sparse_tile(keys: int) -> Tile:
    """Return the tile of the kernels over the surviving keys: whole rows of them."""
    return Tile(max(1, min(16, _SPARSE_NUMBERS // keys)), keys, Shape(4, 1))
