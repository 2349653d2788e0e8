"""How ``convolutional_attention`` lays its product out, and the tiles shipped for each target (README.md says why).

May import torch, the standard library and ``kernels._triton``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels._triton.launch import Shape
from kernels._triton.targets import Target

# Sixteen bytes of half precision: a group's first number is always aligned for the widest load.
_CHANNEL_STEP = 8
# About four programs for each multiprocessor share the pixels out in the pass over the weights.
_WEIGHT_PROGRAMS = 1024


@dataclass(frozen=True)
class Layout:
    """The convolution as a matrix product: a row is a group of neighbouring pixels, a column one channel of one of them.

    ``channels`` with zeros up to a multiple of 8; ``group`` pixels make ``columns`` (a power of two); one row of the
    kernel has ``inner`` numbers under a group, taken ``block_k`` at a time in ``steps`` steps.
    """

    side: int
    channels: int
    group: int
    columns: int
    inner: int
    block_k: int

    @property
    def steps(self) -> int:
        """The blocks of one kernel row; the last may reach past ``inner``, where the weights are zero."""
        return (self.inner + self.block_k - 1) // self.block_k


@dataclass(frozen=True)
class Tiles:
    """How many groups a program takes, and its shape."""

    block_m: int
    shape: Shape


def layout(channels: int, side: int, dtype: torch.dtype) -> Layout:
    """Choose how many pixels share one product, so that its columns number 64 (32 for 8 channels)."""
    padded = (channels + _CHANNEL_STEP - 1) // _CHANNEL_STEP * _CHANNEL_STEP
    group = 4 if padded <= 16 else 2 if padded <= 32 else 1
    inner = (side + group - 1) * padded
    candidates = (32, 16) if dtype == torch.float32 else (64, 32, 16)
    block_k = min(candidates, key=lambda block: (inner + block - 1) // block * block)
    return Layout(side, padded, group, 1 << (group * padded - 1).bit_length(), inner, block_k)


def forward_tiles(target: Target, dtype: torch.dtype) -> Tiles:
    """Return the tiles of the convolution itself."""
    if dtype == torch.float32:
        return Tiles(32 if target.warp_size == 32 and target.platform == "hip" else 64, Shape(4, 2))
    if target.platform == "hip":
        return Tiles(128, Shape(4, 2))
    if target.shared_bytes < 128 << 10:
        return Tiles(128, Shape(4, 3))
    return Tiles(128, Shape(4, 4))


def weight_tiles(target: Target, dtype: torch.dtype) -> Tiles:
    """Return the tiles of the weight gradient, where groups are the inner extent."""
    if dtype == torch.float32:
        return Tiles(32, Shape(4, 1))
    return Tiles(64, Shape(4, 2 if target.platform == "hip" else 3))


def weight_chunks(images: int, blocks: int, here: Layout) -> int:
    """Return among how many programs the pixels of one image are shared out, given its blocks of groups."""
    return max(1, min(blocks, _WEIGHT_PROGRAMS // (images * here.side * here.steps)))
