"""The Triton kernels of window_attention against the reference in float64: by the interpreter, and on a GPU if there is one."""

from __future__ import annotations

import pytest
import torch

from kernels import use_backend, window_attention
from kernels.testing import (
    GRADIENT_LIMIT,
    OUTPUT_LIMIT,
    PoisonedMemory,
    random_bias_table,
    random_windows,
    relative_error,
)

# Head dimension, window side, windows, heads, one table for all heads: every published shape, ragged blocks on each axis.
SMALL = [
    (16, 8, 2, 1, False),
    (13, 10, 1, 1, True),
    (20, 10, 1, 1, False),
    (40, 5, 1, 2, True),
    (64, 3, 2, 2, False),
    (5, 1, 2, 1, False),
]
SLOW = [
    (16, 16, 1, 1, False),
    (16, 32, 1, 1, False),
    (16, 48, 1, 1, False),
    (13, 24, 2, 1, True),
    (40, 12, 2, 2, True),
    (16, 10, 3, 2, False),
]
LARGE = [
    (16, 16, 37, 2, False),
    (16, 32, 9, 4, False),
    (16, 48, 3, 3, True),
    (13, 32, 5, 4, False),
    (40, 32, 5, 6, False),
    (20, 10, 33, 3, False),
    (64, 24, 7, 2, True),
    (32, 7, 300, 8, False),
]


def check(
    device: str, dtype_name: str, shape: tuple[int, int, int, int, bool], *, regions: bool, backward: bool
) -> None:
    """Compares the output and, where asked, all gradients with the reference in float64 on the same rounded inputs."""
    head_dim, side, windows, heads, shared = shape
    dtype = getattr(torch, dtype_name)
    leaves = random_windows((windows, heads, side * side, head_dim), 4, dtype=dtype)
    leaves = [*leaves, random_bias_table(1 if shared else heads, side, dtype=dtype)]
    q, k, v, grad_out, table = (leaf.detach().to(device).requires_grad_() for leaf in leaves)
    labels = None
    if regions:
        rows = 1 if windows % 2 else 2
        labels = torch.randint(0, 3, (rows, side * side), generator=torch.Generator().manual_seed(7)).to(torch.int8)
        labels = labels.to(device)
    with PoisonedMemory(), torch.set_grad_enabled(backward):
        found = window_attention(q, k, v, table, side, regions=labels, scale=0.3, backend="triton")
    wide = [x.detach().double().requires_grad_() for x in (q, k, v, table)]
    expected = window_attention(*wide, side, regions=labels, scale=0.3, backend="reference")
    assert found.dtype == dtype
    error = relative_error(found, expected)
    assert error < OUTPUT_LIMIT[dtype], f"output: {error:.1e}"
    if not backward:
        return
    with PoisonedMemory():
        gradients = torch.autograd.grad(found, (q, k, v, table), grad_out.detach())
    wanted = torch.autograd.grad(expected, wide, grad_out.detach().double())
    for name, got, want in zip(("q", "k", "v", "table"), gradients, wanted, strict=True):
        if side == 1 and name != "v":
            # One token attends to itself: nothing but its value has a gradient.
            assert float(got.abs().max()) < 1e-2
            continue
        error = relative_error(got, want)
        assert error < GRADIENT_LIMIT[dtype], f"gradient of {name}: {error:.1e}"


@pytest.mark.interpreted
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_forward_and_backward_interpreted(shape: tuple[int, int, int, int, bool], dtype: str) -> None:
    check("cpu", dtype, shape, regions=False, backward=True)


@pytest.mark.interpreted
@pytest.mark.parametrize("shape", [(16, 4, 4, 1, False), (13, 6, 1, 2, True)], ids=str)
def test_regions_interpreted(shape: tuple[int, int, int, int, bool]) -> None:
    check("cpu", "float32", shape, regions=True, backward=True)


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "shape",
    SLOW, ids=str)
def test_forward_and_backward_on_a_gpu(shape: tuple[int, int, int, int, bool], regions: bool, dtype: str) -> None:
    check("cuda", dtype, shape, regions=regions, backward=True)
    check("cuda", dtype, shape, regions=regions, backward=False)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_two_runs_give_equal_bits_on_a_gpu(dtype: str) -> None:
    check_equal_bits("cuda", dtype, (37, 4, 1024, 16), 32)
