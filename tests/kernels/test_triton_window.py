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
# Every head dimension at 64, 100 (ragged on both axes) and 256 tokens that is not among the others.
GRID = [
    (head_dim, side, 1, 1, False)
    for head_dim in (13, 16, 20, 40)
    for side in (8, 10, 16)
    if (head_dim, side) not in {shape[:2] for shape in SMALL + SLOW}
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
def test_several_blocks_on_both_axes_interpreted() -> None:
    check("cpu", "float16", (16, 16, 1, 1, False), regions=False, backward=True)


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", [*SLOW, *GRID], ids=str)
def test_large_windows_interpreted(shape: tuple[int, int, int, int, bool], dtype: str) -> None:
    check("cpu", dtype, shape, regions=True, backward=True)


@pytest.mark.interpreted
def test_any_strides_interpreted() -> None:
    qkv = random_windows((2, 16, 3, 2, 16), 1)[0].detach().permute(2, 0, 3, 1, 4)
    table = random_bias_table(2, 4).detach()
    q, k, v = qkv[0], qkv[1], qkv[2].transpose(2, 3).contiguous().transpose(2, 3)
    found = window_attention(q, k, v, table, 4, backend="triton")
    expected = window_attention(q.double(), k.double(), v.double(), table.double(), 4, backend="reference")
    assert relative_error(found, expected) < OUTPUT_LIMIT[torch.float32]
    # Heads stay inside a token, so that merging them afterwards copies nothing.
    assert found.transpose(1, 2).is_contiguous()


@pytest.mark.interpreted
def test_two_runs_give_equal_bits_interpreted() -> None:
    check_equal_bits("cpu", "float32", (3, 2, 25, 13), 5)


def check_equal_bits(device: str, dtype_name: str, shape: tuple[int, int, int, int], side: int) -> None:
    """Runs forward and backward twice and compares bits."""
    dtype = getattr(torch, dtype_name)
    leaves = [*random_windows(shape, 3, dtype=dtype), random_bias_table(shape[1], side, dtype=dtype)]
    leaves = [leaf.detach().to(device).requires_grad_() for leaf in leaves]
    runs = []
    for _ in range(2):
        out = window_attention(*leaves, side, backend="triton")
        runs.append([out, *torch.autograd.grad(out, leaves, torch.ones_like(out))])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.interpreted
def test_a_backward_pass_that_does_not_build_is_served_by_sdpa() -> None:
    from kernels import dispatch, supports
    from kernels.window_attention import triton_kernels

    leaves = [*random_windows((1, 1, 16, 8)), random_bias_table(1, 4)]
    wide = [leaf.detach().double().requires_grad_() for leaf in leaves]
    out = window_attention(*leaves, 4, backend="triton")
    original = triton_kernels.launch
    triton_kernels.launch = no_compiler
    try:
        with pytest.warns(RuntimeWarning, match="triton backend of window_attention is passed over"):
            gradients = torch.autograd.grad(out, leaves, torch.ones_like(out))
        assert not supports("window_attention", "triton", "cpu", torch.float32).ok
    finally:
        triton_kernels.launch = original
        dispatch._dropped().clear()
    expected = window_attention(*wide, 4, backend="reference")
    wanted = torch.autograd.grad(expected, wide, torch.ones_like(expected))
    for got, want in zip(gradients, wanted, strict=True):
        assert relative_error(got, want) < GRADIENT_LIMIT[torch.float32]


def no_compiler(*_: object) -> None:
    """Stands in for a launch on a machine whose compiler is gone."""
    raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable")


@pytest.mark.interpreted
def test_bfloat16_is_refused_by_the_interpreter() -> None:
    from kernels import BackendError

    q = torch.ones(1, 1, 4, 16, dtype=torch.bfloat16)
    with pytest.raises(BackendError, match="interpreter does not compute in bfloat16"):
        window_attention(q, q, q, torch.zeros(1, 9), 2, backend="triton")


@pytest.mark.interpreted
def test_the_interpreter_is_what_serves() -> None:
    q = torch.ones(1, 1, 4, 16)
    with use_backend("auto") as record:
        window_attention(q, q, q, torch.zeros(1, 9), 2)
    assert record.served == {"window_attention": "triton"}


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("regions", [False, True])
@pytest.mark.parametrize("shape", [*SMALL, *SLOW, *LARGE], ids=str)
def test_forward_and_backward_on_a_gpu(shape: tuple[int, int, int, int, bool], regions: bool, dtype: str) -> None:
    check("cuda", dtype, shape, regions=regions, backward=True)
    check("cuda", dtype, shape, regions=regions, backward=False)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_two_runs_give_equal_bits_on_a_gpu(dtype: str) -> None:
    check_equal_bits("cuda", dtype, (37, 4, 1024, 16), 32)
