"""The Triton kernels of convolutional_attention against the reference: by the interpreter, and on a GPU if there is one."""

from __future__ import annotations

import pytest
import torch

from kernels import convolutional_attention
from kernels.testing import GRADIENT_LIMIT, OUTPUT_LIMIT, PoisonedMemory, random_windows, relative_error

# Images, channels, height, width, side of the static kernel: ragged groups, rows and channels.
SMALL = [
    (2, 8, 5, 9, 3),
    (1, 16, 6, 7, 13),
    (2, 3, 4, 6, 5),
    (1, 12, 1, 1, 7),
    (1, 17, 3, 5, 3),
    (1, 48, 3, 4, 3),
    (1, 13, 8, 8, 3),
    (1, 20, 10, 10, 3),
    (1, 40, 5, 5, 3),
]
# 256 pixels, and ragged blocks of groups, rows and channels with the kernel of ESC.
SLOW = [
    (1, 16, 16, 16, 13),
    (1, 13, 10, 10, 13),
    (1, 20, 16, 16, 5),
    (1, 40, 16, 16, 3),
    (1, 16, 20, 70, 13),
    (2, 8, 24, 24, 13),
    (1, 48, 9, 9, 13),
]
LARGE = [
    (1, 16, 90, 160, 13),
    (3, 8, 48, 48, 13),
    (2, 48, 33, 65, 13),
    (1, 64, 40, 41, 7),
    (2, 24, 37, 31, 13),
    (1, 1, 64, 63, 13),
]
Shape = tuple[int, int, int, int, int]


def check(device: str, dtype_name: str, shape: Shape, *, last: bool, backward: bool) -> None:
    """Compares the output and, where asked, all gradients with the reference in float64 on the same rounded inputs."""
    images, channels, height, width, side = shape
    dtype = getattr(torch, dtype_name)
    (x, grad_out) = random_windows((images, channels, height, width), 2, seed=1, dtype=dtype)
    (static,) = random_windows((channels, channels, side, side), 1, seed=2, dtype=dtype)
    (dynamic,) = random_windows((images, channels, 3, 3), 1, seed=3, dtype=dtype)
    form = torch.channels_last if last else torch.contiguous_format
    leaves = [t.detach().to(device) for t in (x, static, dynamic)]
    leaves[0] = leaves[0].to(memory_format=form)
    leaves = [t.requires_grad_() for t in leaves]
    with PoisonedMemory(), torch.set_grad_enabled(backward):
        found = convolutional_attention(*leaves, backend="triton")
    wide = [t.detach().double().requires_grad_() for t in leaves]
    expected = convolutional_attention(*wide, backend="reference")
    assert found.dtype == dtype
    assert found.is_contiguous(memory_format=form)
    error = relative_error(found, expected)
    assert error < OUTPUT_LIMIT[dtype], f"output: {error:.1e}"
    if not backward:
        return
    grad = grad_out.detach().to(device)
    with PoisonedMemory():
        gradients = torch.autograd.grad(found, leaves, grad)
    wanted = torch.autograd.grad(expected, wide, grad.double())
    for name, got, want in zip(("x", "static", "dynamic"), gradients, wanted, strict=True):
        error = relative_error(got, want)
        assert error < GRADIENT_LIMIT[dtype], f"gradient of {name}: {error:.1e}"


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("shape", "dtype", "last"),
    [(shape, ("float32", "float16")[i % 2], i % 4 < 2) for i, shape in enumerate(SMALL)]
    + [(SMALL[1], "float32", False), (SMALL[0], "float16", True)],
    ids=str,
)
def test_forward_and_backward_interpreted(shape: Shape, dtype: str, last: bool) -> None:
    check("cpu", dtype, shape, last=last, backward=True)


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [*SMALL, *SLOW], ids=str)
def test_more_shapes_interpreted(shape: Shape, dtype: str, last: bool) -> None:
    check("cpu", dtype, shape, last=last, backward=True)


@pytest.mark.interpreted
def test_a_slice_of_channels_is_read_in_place_interpreted() -> None:
    (features,) = random_windows((1, 24, 4, 6), 1)
    x = features.detach().to(memory_format=torch.channels_last)[:, :8]
    (static,) = random_windows((8, 8, 3, 3), 1, seed=2)
    (dynamic,) = random_windows((1, 8, 3, 3), 1, seed=3)
    static, dynamic = static.detach(), dynamic.detach()
    found = convolutional_attention(x, static, dynamic, backend="triton")
    expected = convolutional_attention(x.double(), static.double(), dynamic.double(), backend="reference")
    assert relative_error(found, expected) < OUTPUT_LIMIT[torch.float32]
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.interpreted
def test_a_batch_of_any_size_fits_the_grid() -> None:
    from kernels.convolutional_attention import triton_kernels

    grids = []
    original = triton_kernels.launch
    triton_kernels.launch = lambda _kernel, grid, *_: grids.append(grid)
    try:
        x, static, dynamic = (
            torch.empty(shape, device="meta") for shape in ((70000, 8, 6, 9), (8, 8, 5, 5), (70000, 8, 3, 3))
        )
        triton_kernels._convolve(x, static, dynamic)
    finally:
        triton_kernels.launch = original
    assert len(grids) == 3
    assert all(extent <= 65535 for grid in grids for extent in grid[1:])


@pytest.mark.interpreted
def test_two_runs_give_equal_bits_interpreted() -> None:
    check_equal_bits("cpu", "float32", (2, 8, 5, 9, 3))


def check_equal_bits(device: str, dtype_name: str, shape: Shape) -> None:
    """Runs forward and backward twice and compares bits."""
    images, channels, height, width, side = shape
    dtype = getattr(torch, dtype_name)
    leaves = [
        *random_windows((images, channels, height, width), 1, seed=1, dtype=dtype),
        *random_windows((channels, channels, side, side), 1, seed=2, dtype=dtype),
        *random_windows((images, channels, 3, 3), 1, seed=3, dtype=dtype),
    ]
    leaves = [leaf.detach().to(device).requires_grad_() for leaf in leaves]
    runs = []
    for _ in range(2):
        out = convolutional_attention(*leaves, backend="triton")
        runs.append([out, *torch.autograd.grad(out, leaves, torch.ones_like(out))])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [*SMALL, *SLOW, *LARGE], ids=str)
def test_forward_and_backward_on_a_gpu(shape: Shape, last: bool, dtype: str) -> None:
    check("cuda", dtype, shape, last=last, backward=True)
    check("cuda", dtype, shape, last=last, backward=False)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_two_runs_give_equal_bits_on_a_gpu(dtype: str) -> None:
    check_equal_bits("cuda", dtype, (3, 16, 70, 91, 13))
