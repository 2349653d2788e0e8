"""The Triton kernels of focused_attention over chains of layers: by the interpreter, and on a GPU if there is one.

All rows are compared on the kernels' own keys, which the float64 reference is told; which keys a kernel kept is compared
on the rows where the values kept and dropped lie further apart than rounding.
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kernels import FocusState, focused_attention, supports
from kernels.focused_attention import reference
from kernels.testing import (
    GRADIENT_LIMIT,
    OUTPUT_LIMIT,
    PoisonedMemory,
    random_bias_table,
    random_windows,
    relative_error,
)

# (windows, heads, window size, head dimension, tables, kept keys of each layer). N 64, 100 and 256, ragged blocks at 100 and 25;
# K 16 and 64; three dense layers before a selection, none, and a layer that keeps all survivors.
SMALL = [
    (1, 1, 8, 13, 1, (64, 64, 64, 16)),
    (1, 1, 10, 16, 1, (100, 64, 16)),
    (1, 1, 5, 20, 1, (16, 16, 3)),
    (1, 1, 16, 13, 1, (64, 16)),
    (2, 2, 4, 40, 2, (16, 9)),
]
SLOW = [
    (1, 1, 16, 20, 1, (256, 64, 64, 16)),
    (1, 2, 10, 40, 2, (100, 100, 64, 33, 16)),
    (2, 1, 8, 13, 1, (64, 64, 64, 64, 64)),
    (1, 1, 8, 64, 1, (64, 40, 16)),
]
# Every head dimension at 64, 100 (ragged on both axes) and 256 tokens that is not among the others: dense, selecting, sparse.
GRID = [
    (1, 1, size, head_dim, 1, (size * size, 64, 16))
    for head_dim in (13, 16, 20, 40)
    for size in (8, 10, 16)
    if (size, head_dim) not in {case[2:4] for case in SMALL + SLOW}
]
LARGE = [
    (4, 4, 32, 13, 1, (1024, 256, 128, 64, 32)),
    (2, 6, 32, 40, 6, (1024, 1024, 256, 128, 64, 32, 16)),
    (2, 2, 32, 16, 1, (1023, 1000, 512, 512, 1)),
    (6, 3, 16, 20, 1, (256, 256, 64, 64, 16)),
    (3, 2, 24, 64, 2, (576, 300, 17)),
    (5, 1, 10, 13, 1, (100, 100, 100, 64, 16)),
]


def check(device: str, dtype_name: str, case: tuple, *, with_regions: bool = False) -> None:
    """Runs a chain of layers forward and backward against the reference in float64 on the same rounded inputs."""
    windows, heads, size, head_dim, tables, chain = case
    dtype, tokens, scale = getattr(torch, dtype_name), size * size, head_dim**-0.5
    regions = None
    if with_regions:
        drawn = torch.randint(0, 2, (max(1, windows // 2), tokens), generator=torch.Generator().manual_seed(4))
        regions = drawn.to(torch.int8).to(device)
    state, wide_state, leaves, wide_leaves = FocusState(), FocusState(), [], []
    outputs, expected, grads = [], [], []
    for number, topk in enumerate(chain):
        drawn = [
            *random_windows((windows, heads, tokens, head_dim), 4, seed=number, dtype=dtype),
            random_bias_table(tables, size, seed=number, dtype=dtype),
        ]
        q, k, v, grad, table = (x.detach().to(device).requires_grad_() for x in drawn)
        wide = [x.detach().double().requires_grad_() for x in (q, k, v, table)]
        before = wide_state
        with PoisonedMemory():
            out, state = focused_attention(
                q, k, v, table, size, topk=topk, previous=state, regions=regions, backend="triton"
            )
        told = state.indices
        wide_out, wide_state = reference.focused_attention(*wide, size, topk, before, regions, scale, told)
        assert out.dtype == dtype
        error = relative_error(out, wide_out)
        assert error < OUTPUT_LIMIT[dtype], f"output of layer {number}: {error:.1e}"
        if told is not None:
            check_choice(state, reference.focused_attention(*wide, size, topk, before, regions, scale)[1], wide_state)
        leaves += [q, k, v, table]
        wide_leaves += wide
        outputs.append(out)
        expected.append(wide_out)
        grads.append(grad.detach())
    with PoisonedMemory():
        values = state.materialise()[0]
    wide_values = wide_state.materialise()[0]
    assert relative_error(values, wide_values) < OUTPUT_LIMIT[dtype]
    outputs.append(values)
    expected.append(wide_values)
    # The values carry a gradient of their own, of the size of the values.
    grads.append(wide_values.detach().float())
    with PoisonedMemory():
        given = torch.autograd.grad(outputs, leaves, grads)
    wanted = torch.autograd.grad(expected, wide_leaves, [x.double() for x in grads])
    for number, (got, want) in enumerate(zip(given, wanted, strict=True)):
        assert got.dtype == dtype
        error = relative_error(got, want)
        assert error < GRADIENT_LIMIT[dtype], f"leaf {'qkvt'[number % 4]} of layer {number // 4}: {error:.1e}"


def check_choice(state: FocusState, free: FocusState, told: FocusState) -> None:
    """Demands the same keys where the reference's last kept value and its first dropped one are further apart than rounding.

    ``free`` is what the reference keeps on its own, ``told`` its values at the kernel's keys.
    """
    assert state.values is not None
    assert state.indices is not None
    assert (state.values.dtype, state.indices.dtype) == (torch.float32, torch.int16)
    ordered = state.indices.sort(dim=-1).values
    assert bool((ordered.diff(dim=-1) > 0).all()), "a key was kept twice"
    assert int(ordered[..., 0].min()) >= 0
    # Where the kernel chose otherwise, what it kept instead must be as large within rounding.
    best, kept = (x.values.sort(dim=-1).values.detach() for x in (free, told))
    apart = (best - kept).abs() > 1e-5 * best + 1e-30
    assert not bool(apart.any()), f"{int(apart.any(dim=-1).sum())} rows keep a smaller value than the reference"
    # Keys of another region all weigh the same, next to nothing: where a row keeps some for lack of others, any are as good.
    decided = best[..., 0] > 1e-9 * best[..., -1]
    same = (ordered == free.indices.sort(dim=-1).values).all(dim=-1)
    assert not bool(decided.any()) or float(same[decided].double().mean()) >= 0.9


def check_equal_bits(device: str, dtype_name: str, case: tuple) -> None:
    """Runs a chain forward and backward twice and compares bits."""
    windows, heads, size, head_dim, tables, chain = case
    runs = []
    for _ in range(2):
        state, leaves, total = None, [], torch.zeros((), device=device)
        for number, topk in enumerate(chain):
            drawn = random_windows(
                (windows, heads, size * size, head_dim), seed=number, dtype=getattr(torch, dtype_name)
            )
            layer = [*drawn, random_bias_table(tables, size, seed=number)]
            leaves += [x.detach().to(device).requires_grad_() for x in layer]
            out, state = focused_attention(*leaves[-4:], size, topk=topk, previous=state, backend="triton")
            total = total + out.float().square().sum()
        runs.append([total, *torch.autograd.grad(total, leaves)])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def check_row_that_is_not_finite(device: str, poison: float) -> None:
    """Spoils one query of the second window and demands that all other rows, outputs, values and keys, stay as they were."""
    runs = []
    for spoiled in (False, True):
        state, found = None, []
        for number, topk in enumerate((16, 7, 3)):
            q, k, v = (x.detach().to(device) for x in random_windows((2, 1, 16, 8), seed=number))
            if spoiled and number == 1:
                q[1, 0, 2] = poison
            table = random_bias_table(1, 4, seed=number).detach().to(device)
            out, state = focused_attention(q, k, v, table, 4, topk=topk, previous=state, backend="triton")
            found += [out] if state.indices is None else [out, state.values, state.indices]
        runs.append(found)
    for clean, spoiled in zip(*runs, strict=True):
        changed = (clean != spoiled).any(dim=-1).nonzero().tolist()
        assert changed in ([], [[1, 0, 2]])
    indices = runs[1][-1]
    assert 0 <= int(indices.min()) <= int(indices.max()) < 16


def run_chain(device: str, backends: tuple[str, ...], chain: tuple[int, ...], size: int) -> list[Tensor]:
    """Runs a chain with a backend for each layer; returns its outputs and all gradients."""
    state, leaves, outputs = None, [], []
    for number, (topk, backend) in enumerate(zip(chain, backends, strict=True)):
        layer = [*random_windows((1, 2, size * size, 13), seed=number), random_bias_table(2, size, seed=number)]
        leaves += [x.detach().to(device).requires_grad_() for x in layer]
        out, state = focused_attention(*leaves[-4:], size, topk=topk, previous=state, backend=backend)
        outputs.append(out)
    return [*outputs, *torch.autograd.grad(sum(out.square().sum() for out in outputs), leaves)]


@pytest.mark.interpreted
@pytest.mark.parametrize("case", SMALL, ids=str)
def test_chain_interpreted(case: tuple) -> None:
    check("cpu", "float32", case)


@pytest.mark.interpreted
def test_chain_in_half_precision_interpreted() -> None:
    check("cpu", "float16", SMALL[0])


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.parametrize("case", SMALL[1:], ids=str)
def test_every_chain_in_half_precision_interpreted(case: tuple) -> None:
    check("cpu", "float16", case)


@pytest.mark.interpreted
def test_regions_interpreted() -> None:
    check("cpu", "float32", (2, 1, 4, 13, 1, (16, 16, 7)), with_regions=True)


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("case", [*SLOW, *GRID], ids=str)
def test_longer_chain_interpreted(case: tuple, dtype: str) -> None:
    check("cpu", dtype, case)


@pytest.mark.interpreted
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("case", [SMALL[0], SLOW[1]], ids=str)
def test_longer_chain_with_regions_interpreted(case: tuple) -> None:
    check("cpu", "float32", case, with_regions=True)


@pytest.mark.interpreted
def test_ties_go_to_the_lower_key_interpreted() -> None:
    zeros = torch.zeros(1, 1, 16, 8)
    values = torch.randn(1, 1, 16, 8, generator=torch.Generator().manual_seed(1))
    _, state = focused_attention(zeros, zeros, values, torch.zeros(1, 49), 4, topk=5, backend="triton")
    assert state.indices is not None
    assert torch.equal(state.indices, torch.arange(5, dtype=torch.int16).expand(1, 1, 16, 5))
    out, state = focused_attention(
        zeros, zeros, values, torch.zeros(1, 49), 4, topk=2, previous=state, backend="triton"
    )
    assert torch.equal(state.indices, torch.arange(2, dtype=torch.int16).expand(1, 1, 16, 2))
    torch.testing.assert_close(out, (values[:, :, :2].sum(dim=2, keepdim=True) / 5).expand_as(out))


@pytest.mark.interpreted
@pytest.mark.parametrize("topk", [16, 4], ids=["dense", "selecting"])
def test_the_floor_keeps_vanished_rows_finite_interpreted(topk: int) -> None:
    # Two layers that look at different keys so sharply that every product underflows: each value is the floor over its sum.
    eye = torch.eye(16)[None, None] * 400
    table = torch.zeros(1, 49)
    v = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    q = torch.eye(16)[None, None].clone().requires_grad_()
    _, state = focused_attention(q, eye, v, table, 4, topk=16, scale=1.0, backend="triton")
    out, state = focused_attention(
        q, eye.roll(1, dims=-1), v, table, 4, topk=topk, previous=state, scale=1.0, backend="triton"
    )
    expected = v.mean(dim=2, keepdim=True) * 16 / 17 if topk == 16 else v[:, :, :4].sum(dim=2, keepdim=True) / 17
    torch.testing.assert_close(out, expected.expand_as(out))
    torch.testing.assert_close(state.materialise()[0], torch.full((1, 1, 16, topk), 1 / 17))
    (grad,) = torch.autograd.grad(out.sum(), q)
    assert bool(grad.isfinite().all())


@pytest.mark.interpreted
@pytest.mark.parametrize("poison", [float("nan"), -float("nan"), float("inf")], ids=["nan", "-nan", "inf"])
def test_a_row_that_is_not_finite_keeps_to_itself_interpreted(poison: float) -> None:
    """Once every key of a row of NaN was kept, and those beyond K were written over the rows before it."""
    check_row_that_is_not_finite("cpu", poison)


@pytest.mark.interpreted
@pytest.mark.parametrize("chain", [(16, 16, 5), (5, 5, 3)], ids=["dense", "sparse"])
def test_a_state_continues_on_another_backend_interpreted(chain: tuple[int, ...]) -> None:
    expected = run_chain("cpu", ("reference",) * 3, chain, 4)
    for order in (("triton", "sdpa", "triton"), ("sdpa", "triton", "reference")):
        for found, wanted in zip(run_chain("cpu", order, chain, 4), expected, strict=True):
            assert relative_error(found, wanted) < GRADIENT_LIMIT[torch.float32]


@pytest.mark.interpreted
def test_two_runs_give_equal_bits_interpreted() -> None:
    check_equal_bits("cpu", "float32", (2, 1, 4, 13, 1, (16, 6, 3)))


@pytest.mark.interpreted
@pytest.mark.parametrize("chain", [(16,), (6,), (9, 4)], ids=["dense", "selecting", "sparse"])
def test_a_backward_pass_that_does_not_build_is_served_elsewhere(chain: tuple[int, ...]) -> None:
    from kernels import dispatch
    from kernels.focused_attention import triton_gradients

    expected = run_chain("cpu", ("reference",) * len(chain), chain, 4)
    original = triton_gradients.launch
    triton_gradients.launch = no_compiler
    try:
        with pytest.warns(RuntimeWarning, match="triton backend of focused_attention is passed over"):
            found = run_chain("cpu", ("triton",) * len(chain), chain, 4)
        assert not supports("focused_attention", "triton", "cpu", torch.float32).ok
    finally:
        triton_gradients.launch = original
        dispatch._dropped().clear()
    for got, want in zip(found, expected, strict=True):
        assert relative_error(got, want) < GRADIENT_LIMIT[torch.float32]


def no_compiler(*_: object) -> None:
    """Stands in for a launch on a machine whose compiler is gone."""
    raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable")


@pytest.mark.interpreted
def test_the_state_stays_small_while_dense_interpreted() -> None:
    state = None
    for number in range(3):
        q, k, v = random_windows((1, 1, 64, 13), seed=number)
        table = random_bias_table(1, 8, seed=number)
        _, state = focused_attention(q, k, v, table, 8, topk=64, previous=state, backend="triton")
    assert state is not None
    tensors = [x for layer in state.dense for x in (layer.q, layer.k, layer.log_sum_exp, layer.norm)]
    # Rows of 13 numbers are kept as 16; two more a row are the caches.
    assert sum(x.untyped_storage().nbytes() for x in tensors) <= 3 * 64 * (2 * 16 + 2) * 4


@pytest.mark.interpreted
def test_larger_windows_are_refused_with_the_reason() -> None:
    assert supports("focused_attention", "triton", "cpu", torch.float32, 13, tokens=1024).ok
    assert (
        "up to 1024 tokens, not 2304"
        in supports("focused_attention", "triton", "cpu", torch.float32, 13, tokens=2304).reason
    )


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("with_regions", [False, True])
@pytest.mark.parametrize("case", [*SMALL, *SLOW, *LARGE], ids=str)
def test_chain_on_a_gpu(case: tuple, with_regions: bool, dtype: str) -> None:
    check("cuda", dtype, case, with_regions=with_regions)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_two_runs_give_equal_bits_on_a_gpu(dtype: str) -> None:
    check_equal_bits("cuda", dtype, (6, 4, 32, 13, 1, (1024, 256, 64)))


@pytest.mark.gpu
@pytest.mark.parametrize("chain", [(16, 16, 5), (5, 5, 3)], ids=["dense", "sparse"])
def test_a_state_continues_on_another_backend_on_a_gpu(chain: tuple[int, ...]) -> None:
    expected = run_chain("cuda", ("reference",) * 3, chain, 4)
    for order in (("triton", "sdpa", "triton"), ("sdpa", "triton", "reference")):
        for found, wanted in zip(run_chain("cuda", order, chain, 4), expected, strict=True):
            assert relative_error(found, wanted) < GRADIENT_LIMIT[torch.float32]


@pytest.mark.gpu
@pytest.mark.parametrize("poison", [float("nan"), -float("nan"), float("inf")], ids=["nan", "-nan", "inf"])
def test_a_row_that_is_not_finite_keeps_to_itself_on_a_gpu(poison: float) -> None:
    check_row_that_is_not_finite("cuda", poison)
