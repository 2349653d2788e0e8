"""The Triton kernels of selective_attention and select_windows: by the interpreter, and on a GPU if there is one."""

from __future__ import annotations

import sys
import types

import pytest
import torch
from torch import Tensor

from kernels import select_windows, selective_attention, supports, use_backend
from kernels.testing import GRADIENT_LIMIT, OUTPUT_LIMIT, PoisonedMemory, random_windows, relative_error

# (images, windows, heads, tokens, head dimension, selected windows); 100 and 9 tokens leave ragged blocks on both axes.
SMALL = [
    (2, 2, 1, 64, 16, 2),
    (1, 3, 1, 100, 13, 2),
    (1, 4, 2, 9, 20, 3),
    (1, 2, 1, 64, 40, 2),
    (2, 1, 1, 4, 64, 1),
    (1, 2, 1, 256, 16, 1),
]
# Every head dimension at 64, 100 (ragged on both axes) and 256 tokens that is not among the others, and 64 windows selected.
SLOW = [
    (1, 9, 4, 64, 16, 4),
    (1, 4, 2, 256, 16, 3),
    (1, 3, 1, 256, 40, 2),
    (1, 65, 1, 4, 13, 64),
    (1, 17, 1, 64, 13, 16),
    (1, 17, 1, 4, 20, 16),
    (1, 2, 1, 256, 13, 2),
    (1, 2, 1, 100, 16, 2),
    (1, 2, 1, 64, 20, 2),
    (1, 2, 1, 100, 20, 2),
    (1, 2, 1, 256, 20, 2),
    (1, 2, 1, 100, 40, 2),
]
LARGE = [
    (1, 144, 4, 64, 16, 4),
    (2, 36, 4, 256, 16, 4),
    (1, 60, 4, 256, 40, 16),
    (3, 25, 2, 100, 13, 7),
    (1, 40, 2, 64, 64, 40),
    (1, 9, 3, 1024, 20, 2),
]


def draw_index(images: int, windows: int, kept: int) -> Tensor:
    """Draws ``kept`` different windows for each window."""
    drawn = torch.rand(images, windows, windows, generator=torch.Generator().manual_seed(2)).argsort(dim=-1)
    return drawn[..., :kept].int()


def check(device: str, dtype_name: str, shape: tuple[int, ...], *, training: bool = True) -> None:
    """Compares output and gradients with the reference in float64 on the same rounded inputs."""
    *shape_bwhnd, kept = shape
    dtype = getattr(torch, dtype_name)
    leaves = [x.detach().to(device) for x in random_windows(tuple(shape_bwhnd), 4, dtype=dtype)]
    q, k, v, grad_out = leaves
    wide = [x.double().requires_grad_() for x in leaves[:3]]
    inputs = [x.requires_grad_(training) for x in (q, k, v)]
    index = draw_index(shape[0], shape[1], kept).to(device)
    with PoisonedMemory():
        found = selective_attention(*inputs, index, scale=0.3, backend="triton")
    expected = selective_attention(*wide, index, scale=0.3, backend="reference")
    assert found.dtype == dtype
    error = relative_error(found, expected)
    assert error < OUTPUT_LIMIT[dtype], f"output: {error:.1e}"
    if not training:
        return
    with PoisonedMemory():
        given = torch.autograd.grad(found, inputs, grad_out)
    wanted = torch.autograd.grad(expected, wide, grad_out.double())
    for name, got, want in zip("qkv", given, wanted, strict=True):
        if kept * shape[3] == 1 and name != "v":
            continue
        error = relative_error(got, want)
        assert error < GRADIENT_LIMIT[dtype], f"gradient of {name}: {error:.1e}"


def check_equal_bits(device: str, dtype_name: str, shape: tuple[int, ...]) -> None:
    """Runs forward and backward twice and compares bits; one window is selected by all."""
    *shape_bwhnd, kept = shape
    leaves = [x.detach().to(device) for x in random_windows(tuple(shape_bwhnd), dtype=getattr(torch, dtype_name))]
    index = draw_index(shape[0], shape[1], kept).to(device)
    index[..., 0] = 1
    runs = []
    for _ in range(2):
        q, k, v = (x.requires_grad_() for x in leaves)
        out = selective_attention(q, k, v, index, backend="triton")
        runs.append([out, *torch.autograd.grad(out.float().square().sum(), (q, k, v))])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def check_routing(device: str, shape: tuple[int, ...], kept: int) -> None:
    """Compares the kernel's choice with that of torch in blocks; drawn means are far enough apart."""
    q, k, _ = (x.detach().to(device) for x in random_windows(shape))
    # Equal scores, no number, infinities and zeros of either sign.
    k[:, 1] = k[:, 0]
    if shape[1] > 8:
        k[:, 3], k[:, 4], k[:, 5] = torch.nan, torch.inf, 0.0
        k[:, 6] = -0.0
    with PoisonedMemory(), use_backend("triton") as record:
        found = select_windows(q, k, kept)
    assert record.served == {"selective_attention": "triton"}
    with use_backend("sdpa"):
        expected = select_windows(q, k, kept)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    same = (found == expected).all(dim=-1).double().mean()
    assert float(same) >= (1.0 if device == "cpu" else 0.99)


@pytest.mark.interpreted
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", SMALL, ids=str)
def test_forward_and_backward_interpreted(shape: tuple[int, ...], dtype: str) -> None:
    check("cpu", dtype, shape)


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", SLOW, ids=str)
def test_larger_windows_interpreted(shape: tuple[int, ...], dtype: str) -> None:
    check("cpu", dtype, shape)


@pytest.mark.interpreted
def test_sixteen_selected_windows_interpreted() -> None:
    check("cpu", "float16", (1, 16, 1, 4, 20, 16))


@pytest.mark.interpreted
def test_without_gradients_interpreted() -> None:
    check("cpu", "float16", (1, 3, 1, 36, 16, 2), training=False)


@pytest.mark.interpreted
def test_a_window_selected_twice_counts_twice_interpreted() -> None:
    leaves = random_windows((1, 3, 1, 16, 16))
    wide = [x.detach().double().requires_grad_() for x in leaves]
    index = torch.tensor([[[1, 1], [2, 2], [2, 0]]])
    found, expected = (
        selective_attention(*x, index, backend=backend) for x, backend in ((leaves, "triton"), (wide, "reference"))
    )
    assert relative_error(found, expected) < 1e-5
    wanted = torch.autograd.grad(expected.square().sum(), wide)
    for got, want in zip(torch.autograd.grad(found.square().sum(), leaves), wanted, strict=True):
        assert relative_error(got, want) < 1e-4


@pytest.mark.interpreted
def test_any_strides_interpreted() -> None:
    joined = torch.randn(2, 5, 9, 3, 2, 4, generator=torch.Generator().manual_seed(2))
    q, k, v = joined.permute(3, 0, 1, 4, 2, 5)
    v = v.transpose(3, 4).contiguous().transpose(3, 4)
    index = draw_index(2, 5, 2)
    expected = selective_attention(q.double(), k.double(), v.double(), index, backend="reference")
    assert relative_error(selective_attention(q, k, v, index, backend="triton"), expected) < 1e-5


@pytest.mark.interpreted
def test_two_runs_give_equal_bits_interpreted() -> None:
    check_equal_bits("cpu", "float32", (1, 4, 1, 20, 13, 2))


@pytest.mark.interpreted
@pytest.mark.parametrize(
    ("shape", "kept"),
    [
        ((3, 17, 2, 9, 5), 6),
        ((1, 70, 2, 4, 16), 4),
        ((2, 3, 1, 4, 2), 9),
        ((1, 40, 1, 1, 13), 16),
        ((1, 40, 1, 1, 3), 33),
        ((1, 70, 1, 1, 20), 64),
    ],
    ids=str,
)
def test_select_windows_interpreted(shape: tuple[int, ...], kept: int) -> None:
    check_routing("cpu", shape, kept)


@pytest.mark.interpreted
def test_a_backward_pass_that_does_not_build_is_served_by_sdpa() -> None:
    from kernels import dispatch
    from kernels.selective_attention import triton_kernels

    leaves = random_windows((1, 3, 1, 9, 8))
    wide = [leaf.detach().double().requires_grad_() for leaf in leaves]
    index = draw_index(1, 3, 2)
    out = selective_attention(*leaves, index, backend="triton")
    original = triton_kernels.launch
    triton_kernels.launch = no_compiler
    try:
        with pytest.warns(RuntimeWarning, match="triton backend of selective_attention is passed over"):
            gradients = torch.autograd.grad(out, leaves, torch.ones_like(out))
        assert not supports("selective_attention", "triton", "cpu", torch.float32).ok
    finally:
        triton_kernels.launch = original
        dispatch._dropped().clear()
    expected = selective_attention(*wide, index, backend="reference")
    wanted = torch.autograd.grad(expected, wide, torch.ones_like(expected))
    for got, want in zip(gradients, wanted, strict=True):
        assert relative_error(got, want) < GRADIENT_LIMIT[torch.float32]


def no_compiler(*_: object) -> None:
    """Stands in for a launch on a machine whose compiler is gone."""
    raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_flash_gathers_what_the_index_names(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flash_attn", types.SimpleNamespace(flash_attn_func=plain_attention))
    from kernels.selective_attention import flash

    q, k, v = random_windows((2, 5, 3, 9, 13), dtype=dtype)
    index = draw_index(2, 5, 3)
    found = flash.selective_attention(q, k, v, index, 0.3)
    expected = selective_attention(q.double(), k.double(), v.double(), index, scale=0.3, backend="reference")
    assert found.dtype == dtype
    assert relative_error(found, expected) < OUTPUT_LIMIT[dtype]


def plain_attention(q: Tensor, k: Tensor, v: Tensor, *, softmax_scale: float, deterministic: bool) -> Tensor:
    """Stands in for flash_attn_func, with its layout: (batch, tokens, heads, D)."""
    assert deterministic
    logits = torch.einsum("bihd,bjhd->bhij", q.float(), k.float()) * softmax_scale
    return torch.einsum("bhij,bjhd->bihd", logits.softmax(dim=-1), v.float()).to(q.dtype)


def test_no_measurement_says_that_flash_is_faster_yet() -> None:
    from kernels._triton.targets import TARGETS
    from kernels.selective_attention.configs import flash_is_faster

    assert not any(flash_is_faster(target, tokens, 16) for target in TARGETS for tokens in (64, 256))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("shape", [*SMALL, *SLOW, *LARGE], ids=str)
def test_forward_and_backward_on_a_gpu(shape: tuple[int, ...], dtype: str) -> None:
    check("cuda", dtype, shape)
    check("cuda", dtype, shape, training=False)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_two_runs_give_equal_bits_on_a_gpu(dtype: str) -> None:
    check_equal_bits("cuda", dtype, (1, 144, 4, 64, 16, 4))


@pytest.mark.gpu
@pytest.mark.parametrize(("shape", "kept"), [((2, 1000, 4, 4, 16), 4), ((1, 333, 6, 1, 40), 16)], ids=str)
def test_select_windows_on_a_gpu(shape: tuple[int, ...], kept: int) -> None:
    check_routing("cuda", shape, kept)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_flash_on_a_gpu(dtype: str) -> None:
    pytest.importorskip("flash_attn")
    q, k, v = (x.detach().cuda() for x in random_windows((1, 36, 4, 64, 16), dtype=getattr(torch, dtype)))
    index = draw_index(1, 36, 4).cuda()
    found = selective_attention(q, k, v, index, backend="flash")
    expected = selective_attention(q.double(), k.double(), v.double(), index, backend="reference")
    assert relative_error(found, expected) < OUTPUT_LIMIT[q.dtype]
