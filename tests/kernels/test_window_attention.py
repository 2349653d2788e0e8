"""window_attention against a definition written out in float64, on every backend that a CPU has."""

import pytest
import torch
from torch import Tensor

import kernels.blocks
from kernels import fused_linear, window_attention
from kernels.testing import (
    GRADIENT_LIMIT,
    OUTPUT_LIMIT,
    PoisonedMemory,
    random_bias_table,
    random_windows,
    relative_error,
)

BACKENDS = ("reference", "sdpa")


def naive(q: Tensor, k: Tensor, v: Tensor, table: Tensor, size: int, scale: float, regions: Tensor | None) -> Tensor:
    """Softmax attention, one window and head at a time, the bias read entry by entry from its formula."""
    q, k, v, table = (x.double() for x in (q, k, v, table))
    tokens = torch.arange(size * size)
    row, column = tokens // size, tokens % size
    entry = torch.stack([(row - row[i] + size - 1) * (2 * size - 1) + column - column[i] + size - 1 for i in tokens])
    out = []
    for w in range(q.shape[0]):
        for h in range(q.shape[1]):
            logits = torch.einsum("id,jd->ij", q[w, h], k[w, h]) * scale + table[h % table.shape[0]][entry]
            if regions is not None:
                label = regions[w % len(regions)].long()
                logits = torch.where(label[:, None] == label[None, :], logits, logits - 100.0)
            weights = torch.exp(logits - logits.max(dim=1, keepdim=True).values)
            out.append(weights @ v[w, h] / weights.sum(dim=1, keepdim=True))
    return torch.stack(out).view(q.shape)


@pytest.fixture(params=["reference", "sdpa", "sdpa-in-tiny-blocks"])
def backend_in_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name each backend once, and sdpa again with blocks of a few rows, the last of them ragged."""
    backend, _, tiny = str(request.param).partition("-")
    if tiny:
        monkeypatch.setattr(kernels.blocks, "_CACHED_BYTES", 3000)
    return backend


# (windows, heads, window size, head dimension, tables): one window, several, odd sizes, each head size in use.
SHAPES = [(1, 1, 2, 16, 1), (5, 2, 7, 13, 2), (3, 4, 8, 16, 4), (2, 3, 5, 20, 1), (2, 2, 6, 40, 2), (1, 1, 1, 3, 1)]


@pytest.mark.parametrize("with_regions", [False, True], ids=["plain", "regions"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_output_and_gradients(
    backend_in_blocks: str, shape: tuple[int, int, int, int, int], with_regions: bool
) -> None:
    windows, heads, size, head_dim, tables = shape
    q, k, v = random_windows((windows, heads, size * size, head_dim))
    table = random_bias_table(tables, size)
    regions = None
    if with_regions:
        regions = torch.randint(0, 3, (windows, size * size), generator=torch.Generator().manual_seed(5))
        regions = regions.to(torch.int8)
    expected = naive(q, k, v, table, size, head_dim**-0.5, regions)
    with PoisonedMemory():
        found = window_attention(q, k, v, table, size, regions=regions, backend=backend_in_blocks)
    assert relative_error(found, expected) < OUTPUT_LIMIT[torch.float32]
    weight = torch.randn(found.shape, generator=torch.Generator().manual_seed(9))
    wanted = torch.autograd.grad((expected * weight.double()).sum(), (q, k, v, table))
    with PoisonedMemory():
        given = torch.autograd.grad((found * weight).sum(), (q, k, v, table))
    for name, got, want in zip(("q", "k", "v", "table"), given, wanted, strict=True):
        if want.abs().max() > 1e-9:
            assert relative_error(got, want) < GRADIENT_LIMIT[torch.float32], name
        else:
            assert got.abs().max() < 1e-5, name


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", [(2, 2, 16), (1, 4, 32), (1, 1, 48)], ids=["M16", "M32", "M48"])
def test_published_shapes_without_gradient(backend: str, case: tuple[int, int, int]) -> None:
    windows, heads, size = case
    q, k, v = (x.detach() for x in random_windows((windows, heads, size * size, 16)))
    table = random_bias_table(heads, size).detach()
    with PoisonedMemory():
        found = window_attention(q, k, v, table, size, backend=backend)
    assert relative_error(found, naive(q, k, v, table, size, 0.25, None)) < OUTPUT_LIMIT[torch.float32]


def refuse(*_: object, **__: object) -> Tensor:
    """Stands in for torch's attention where ours has to serve."""
    raise AssertionError("torch's attention was called")


@pytest.mark.skipif(
    not fused_linear.is_available(), reason="fused layers do not run here: another torch, or no AVX-512"
)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("case", [(5, 2, 7, 13, 2), (2, 3, 6, 16, 1), (1, 1, 5, 40, 1)], ids=str)
def test_large_windows_in_blocks_of_one_head(
    case: tuple[int, int, int, int, int], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows, heads, size, head_dim, tables = case
    # What a thread holds at a time: rows of one head, the last block ragged.
    monkeypatch.setattr(kernels.blocks, "_THREAD_BYTES", 11 * size * size * 4)
    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", refuse)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.inference_mode(), PoisonedMemory():
            joined = torch.stack([x.detach() for x in random_windows((windows, heads, size * size, head_dim))])
            # As the networks cut them: heads inside a token.
            q, k, v = joined.transpose(2, 3).contiguous().transpose(2, 3)
            table = random_bias_table(tables, size).detach()
            found = window_attention(q, k, v, table, size, scale=0.3, backend="sdpa")
        assert relative_error(found, naive(q, k, v, table, size, 0.3, None)) < OUTPUT_LIMIT[torch.float32]
        assert found.transpose(1, 2).is_contiguous()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_dtypes(backend: str, dtype: torch.dtype) -> None:
    q, k, v = random_windows((3, 2, 49, 13), dtype=dtype)
    table = random_bias_table(2, 7, dtype=dtype)
    found = window_attention(q, k, v, table, 7, backend=backend)
    expected = naive(q, k, v, table, 7, 13**-0.5, None)
    assert found.dtype == dtype
    assert relative_error(found, expected) < OUTPUT_LIMIT[dtype]
    wanted = torch.autograd.grad(expected.sum(), (q, k, v, table))
    for got, want in zip(torch.autograd.grad(found.sum(), (q, k, v, table)), wanted, strict=True):
        assert got.dtype == dtype
        assert relative_error(got, want) < GRADIENT_LIMIT[dtype]


@pytest.mark.parametrize("backend", BACKENDS)
def test_regions_repeat_over_images_and_separate_tokens(backend: str) -> None:
    q, k, v = (x.detach() for x in random_windows((6, 1, 16, 8)))
    table = random_bias_table(1, 4).detach()
    regions = torch.zeros(3, 16, dtype=torch.int8)
    regions[1, 8:] = 1
    out = window_attention(q, k, v, table, 4, regions=regions, backend=backend)
    changed = v.clone()
    changed[:, :, 8:] += 50.0
    moved = window_attention(q, k, changed, table, 4, regions=regions, backend=backend)
    # Windows 1 and 4 are the second window of their image: their first half does not see the second.
    for window in range(6):
        first_half_moved = not torch.equal(out[window, 0, :8], moved[window, 0, :8])
        assert first_half_moved == (window % 3 != 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_strided_inputs_and_scale(backend: str) -> None:
    joined = torch.randn(4, 9, 3, 2, 5, generator=torch.Generator().manual_seed(2))
    q, k, v = joined.permute(2, 0, 3, 1, 4)
    # As PFT's module passes its own table: a transposed view.
    table = torch.randn(25, 2, generator=torch.Generator().manual_seed(3)).flip(0).t()
    found = window_attention(q, k, v, table, 3, scale=0.7, backend=backend)
    assert relative_error(found, naive(q, k, v, table, 3, 0.7, None)) < OUTPUT_LIMIT[torch.float32]


def test_two_runs_give_equal_bits() -> None:
    grads = []
    for _ in range(2):
        q, k, v = random_windows((9, 2, 64, 16))
        table = random_bias_table(2, 8)
        out = window_attention(q, k, v, table, 8)
        grads.append([out, *torch.autograd.grad((out * out).sum(), (q, k, v, table))])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": torch.zeros(2, 2, 16, 4)}, r"one non-empty shape \(W, H, N, D\); got q \(2, 2, 16, 8\)"),
        ({"window_size": 3}, r"size 3 has 9 tokens; got q \(2, 2, 16, 8\)"),
        ({"bias_table": torch.zeros(3, 49)}, r"\(2 or 1, 49\).*bias_table \(3, 49\)"),
        ({"bias_table": torch.zeros(2, 48)}, r"\(2 or 1, 49\).*bias_table \(2, 48\)"),
        ({"v": torch.zeros(2, 2, 16, 8, dtype=torch.float16)}, r"share dtype.*v \(2, 2, 16, 8\) float16"),
        ({"regions": torch.zeros(1, 9, dtype=torch.int8)}, r"regions must be \(windows per image, 16\)"),
        ({"regions": torch.zeros(3, 16, dtype=torch.int8)}, r"whole images of 3 windows; got q \(2, 2, 16, 8\)"),
        ({"regions": torch.zeros(1, 16)}, r"regions must be int8"),
    ],
)
def test_messages_print_the_shapes(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {name: torch.zeros(2, 2, 16, 8) for name in ("q", "k", "v")}
    arguments |= {"bias_table": torch.zeros(2, 49), "window_size": 4}
    with pytest.raises(ValueError, match=message):
        window_attention(**(arguments | change))  # type: ignore[arg-type]
