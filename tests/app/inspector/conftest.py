"""Answers as the worker gives them, small and made by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.attention import (
    Attention,
    KernelsFound,
    KernelStep,
    Numbers,
    TokensFound,
    TokenStep,
    WindowsFound,
    WindowStep,
)
from engine.messages import DoneAttention, DonePrepare, ModelInfo
from engine.tiling.geometry import Box

Answer = Callable[..., DoneAttention]
# A part of an image: its corner is not the image's.
TILE = Box(16, 32, 48, 64)


def numbers(values: object, dtype: str = "<f4") -> Numbers:
    array = np.ascontiguousarray(values, dtype=dtype)
    return Numbers(array.shape, "int32" if dtype == "<i4" else "float32", array.tobytes())


def windows_found() -> WindowsFound:
    query = Box(32, 48, 8, 8)
    own = WindowStep(0, 0, query, (query, Box(16, 32, 8, 8)), 48)
    others = WindowStep(0, 1, query, (Box(56, 88, 8, 8), Box(32, 56, 8, 8)), 48)
    return WindowsFound((own, others, WindowStep(1, 0, query, (query,), 48), WindowStep(1, 1, query, (query,), 48)))


def tokens_found() -> TokensFound:
    """Two heads in a window of 4 × 4 at row 32, column 48: 16 tokens, then 4, then 2."""
    window = Box(32, 48, 4, 4)
    everywhere = np.array([(32 + index // 4, 48 + index % 4) for index in range(16)])

    def step(layer: int, shifted: bool, chosen: list[list[int]]) -> TokenStep:
        positions = np.array([everywhere[head] for head in chosen])
        weights = np.array([np.arange(len(head), 0, -1) / 20 for head in chosen])
        return TokenStep(0, layer, shifted, len(chosen[0]), (window,), numbers(positions, "<i4"), numbers(weights))

    everything = [list(range(16))] * 2
    return TokensFound(
        (step(0, False, everything), step(1, True, [[0, 1, 2, 3]] * 2), step(2, False, [[0, 5], [5, 15]])), 16
    )


def kernels_found() -> KernelsFound:
    shared = np.random.default_rng(3).normal(0, 0.1, (2, 5, 5))
    own = np.random.default_rng(4).normal(0, 0.1, (3, 2, 3, 3))
    steps = tuple(KernelStep(0, layer, numbers(own[layer]), numbers(np.ones((5, 5)))) for layer in range(3))
    return KernelsFound(steps, numbers(shared), True)


@pytest.fixture
def answer() -> Answer:
    """Makes an answer of a kind ("windows", "tokens", "kernels") about a pixel."""

    def answer(kind: str, x: int = 50, y: int = 33, tile: Box = TILE) -> DoneAttention:
        found = {"windows": windows_found, "tokens": tokens_found, "kernels": kernels_found}[kind]()
        info = ModelInfo({"windows": "SSCAN", "tokens": "PFT", "kernels": "ESC"}[kind], "small", 2, 8, 1000, "")
        prepared = DonePrepare(0, info, "cpu", "fp32")
        return DoneAttention(0, prepared, Attention(info.architecture, x, y, tile, 8, found), 0.25)

    return answer
