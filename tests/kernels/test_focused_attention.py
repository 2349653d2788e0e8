"""focused_attention against a definition written out in float64, over chains of layers, on every backend of a CPU."""

import pytest
import torch
from torch import Tensor

import kernels.blocks
from kernels import FocusState, focused_attention
from kernels.focused_attention.selection import largest
from kernels.testing import (
    GRADIENT_LIMIT,
    OUTPUT_LIMIT,
    PoisonedMemory,
    random_bias_table,
    random_windows,
    relative_error,
)

BACKENDS = ("reference", "sdpa")


class NaiveChain:
    """The published layer rule on full float64 maps; which keys stay is told, and checked to be a right choice."""

    def __init__(self, size: int, regions: Tensor | None = None) -> None:
        self.size = size
        self.regions = regions
        self.values: Tensor | None = None
        self.indices: Tensor | None = None

    def layer(self, q: Tensor, k: Tensor, v: Tensor, table: Tensor, scale: float, told: Tensor | None) -> Tensor:
        """Apply one layer; ``told`` holds the keys that the backend kept, None where it kept all."""
        q, k, v, table = (x.double() for x in (q, k, v, table))
        keys = self.indices
        if keys is None:
            keys = torch.arange(q.shape[2]).expand(*q.shape[:3], -1)
        logits = torch.einsum("whnd,whntd->whnt", q, self._rows(k, keys)) * scale + self._bias(table, keys)
        if self.regions is not None and self.indices is None:
            label = self.regions.long().repeat(len(q) // len(self.regions), 1)
            logits = logits - 100.0 * (label[:, None, :, None] != label[:, None, None, :]).double()
        a = logits.softmax(dim=-1)
        if self.values is not None:
            a = a * self.values + 1e-20
            a = a / (a.sum(dim=-1, keepdim=True) + 1e-20)
        if told is not None:
            a, keys = self._keep(a, keys, told), told
            self.indices = told
        self.values = a
        return torch.einsum("whnt,whntd->whnd", a, self._rows(v, keys))

    def _rows(self, x: Tensor, keys: Tensor) -> Tensor:
        if self.indices is None:
            # All keys in order: a view does what the gather would.
            return x[:, :, None].expand(-1, -1, x.shape[2], -1, -1)
        rows = torch.stack([x[w, h][keys[w, h]] for w in range(len(x)) for h in range(x.shape[1])])
        # (W, H, N, T, D)
        return rows.view(*keys.shape, -1)

    def _bias(self, table: Tensor, keys: Tensor) -> Tensor:
        size = self.size
        query = torch.arange(size * size)[:, None]
        entry = (keys // size - query // size + size - 1) * (2 * size - 1) + keys % size - query % size + size - 1
        return torch.stack([table[h % len(table)][entry[:, h]] for h in range(keys.shape[1])], dim=1)

    @staticmethod
    def _keep(a: Tensor, keys: Tensor, told: Tensor) -> Tensor:
        full = a.new_zeros(*a.shape[:-1], a.shape[-2]).scatter(-1, keys, a)
        kept = full.gather(-1, told)
        taken = torch.zeros_like(full, dtype=torch.bool).scatter(-1, told, True)
        assert bool((taken.sum(dim=-1) == told.shape[-1]).all()), "a key was kept twice"
        candidate = torch.zeros_like(taken).scatter(-1, keys, True)
        assert bool((candidate | ~taken).all()), "a key came back that had been dropped"
        dropped = full.masked_fill(taken | ~candidate, 0.0).amax(dim=-1)
        # Keys of another region are all but zero, and below the smallest normal float32 their order is rounding.
        least = kept.detach().amin(dim=-1) + 1e-30
        assert bool((least >= dropped.detach() * (1 - 1e-5)).all()), "a stronger key was dropped"
        return kept


@pytest.fixture(params=["reference", "sdpa", "sdpa-in-tiny-blocks"])
def backend_in_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name each backend once, and sdpa again with blocks of a few rows, the last of them ragged."""
    backend, _, tiny = str(request.param).partition("-")
    if tiny:
        monkeypatch.setattr(kernels.blocks, "_CACHED_BYTES", 3000)
        monkeypatch.setattr(kernels.blocks, "_THREAD_BYTES", 3000)
    return backend


# (windows, heads, window size, head dimension, tables, kept keys of each layer)
CHAINS = [
    (4, 2, 4, 13, 1, (16, 16, 8, 8, 4)),
    (2, 3, 5, 20, 3, (25, 25, 25, 11, 7)),
    (2, 1, 6, 40, 1, (20, 20, 36, 9, 1)),
    (2, 2, 3, 16, 2, (9, 5, 5, 5, 2)),
    (2, 1, 8, 13, 1, (64, 64, 64, 64, 64)),
]


@pytest.mark.parametrize("with_regions", [False, True], ids=["plain", "regions"])
@pytest.mark.parametrize("case", CHAINS, ids=str)
def test_chain_of_five_layers(backend_in_blocks: str, case: tuple, with_regions: bool) -> None:
    windows, heads, size, head_dim, tables, chain = case
    tokens = size * size
    regions = None
    if with_regions:
        drawn = torch.randint(0, 3, (windows // 2, tokens), generator=torch.Generator().manual_seed(4))
        regions = drawn.to(torch.int8)
    naive, state = NaiveChain(size, regions), None
    leaves: list[Tensor] = []
    loss, naive_loss = torch.zeros(()), torch.zeros((), dtype=torch.float64)
    for number, topk in enumerate(chain):
        q, k, v = random_windows((windows, heads, tokens, head_dim), seed=number)
        table = random_bias_table(tables, size, seed=number)
        leaves += [q, k, v, table]
        with PoisonedMemory():
            out, state = focused_attention(
                q, k, v, table, size, topk=topk, previous=state, regions=regions, backend=backend_in_blocks
            )
        told = None if state.indices is None else state.indices.long()
        expected = naive.layer(q, k, v, table, head_dim**-0.5, told)
        _check_state_form(state, min(chain[: number + 1]), tokens, number)
        assert relative_error(out, expected) < OUTPUT_LIMIT[torch.float32]
        assert naive.values is not None
        assert relative_error(state.materialise()[0], naive.values) < OUTPUT_LIMIT[torch.float32]
        weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(number))
        loss, naive_loss = loss + (out * weight).sum(), naive_loss + (expected * weight.double()).sum()
    # The state carries a gradient of its own.
    loss, naive_loss = loss + state.materialise()[0].square().sum(), naive_loss + naive.values.square().sum()
    with PoisonedMemory():
        given = torch.autograd.grad(loss, leaves)
    wanted = torch.autograd.grad(naive_loss, leaves)
    for number, (got, want) in enumerate(zip(given, wanted, strict=True)):
        assert relative_error(got, want) < GRADIENT_LIMIT[torch.float32], f"leaf {number % 4} of layer {number // 4}"


def _check_state_form(state: FocusState, fewest: int, tokens: int, number: int) -> None:
    if fewest == tokens:
        assert state.values is None
        assert state.indices is None
        assert len(state.dense) == number + 1
    else:
        assert state.values is not None
        assert state.indices is not None
        assert state.dense == ()
        assert (state.values.dtype, state.indices.dtype) == (torch.float32, torch.int16)
        assert state.values.shape == state.indices.shape
        assert state.values.shape[-1] == fewest


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("heads", "head_dim", "chain"),
    [(1, 13, (1024, 256, 128, 64, 32)), (1, 40, (1024, 1024, 256, 16))],
    ids=["PFT-light", "PFT"],
)
def test_published_shapes_without_gradient(backend: str, heads: int, head_dim: int, chain: tuple[int, ...]) -> None:
    if backend == "reference" and head_dim == 40:
        chain = chain[1:]
    naive, state = NaiveChain(32), None
    for number, topk in enumerate(chain):
        q, k, v = (x.detach() for x in random_windows((1, heads, 1024, head_dim), seed=number))
        table = random_bias_table(1, 32, seed=number).detach()
        with PoisonedMemory():
            out, state = focused_attention(q, k, v, table, 32, topk=topk, previous=state, backend=backend)
        told = None if state.indices is None else state.indices.long()
        expected = naive.layer(q, k, v, table, head_dim**-0.5, told)
        assert relative_error(out, expected) < OUTPUT_LIMIT[torch.float32]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_dtypes(backend: str, dtype: torch.dtype) -> None:
    naive, state, leaves = NaiveChain(4), None, []
    total, naive_total = 0.0, 0.0
    for number, topk in enumerate((16, 16, 6, 3)):
        q, k, v = random_windows((3, 2, 16, 13), seed=number, dtype=dtype)
        table = random_bias_table(1, 4, seed=number, dtype=dtype)
        leaves += [q, k, v, table]
        out, state = focused_attention(q, k, v, table, 4, topk=topk, previous=state, backend=backend)
        told = None if state.indices is None else state.indices.long()
        expected = naive.layer(q, k, v, table, 13**-0.5, told)
        assert out.dtype == dtype
        assert relative_error(out, expected) < OUTPUT_LIMIT[dtype]
        total, naive_total = total + out.double().square().sum(), naive_total + expected.square().sum()
    assert state is not None
    assert state.values is not None
    assert state.values.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    wanted = torch.autograd.grad(naive_total, leaves)
    for got, want in zip(torch.autograd.grad(total, leaves), wanted, strict=True):
        assert got.dtype == dtype
        assert relative_error(got, want) < GRADIENT_LIMIT[dtype]


@pytest.mark.parametrize("first", BACKENDS)
@pytest.mark.parametrize("chain", [(16, 16, 5), (5, 5, 3)], ids=["dense", "sparse"])
def test_a_state_continues_on_the_other_backend(first: str, chain: tuple[int, ...]) -> None:
    ends = []
    for order in ((first,) * 3, (first, *(b for b in BACKENDS if b != first), first)):
        state = None
        for number, (topk, backend) in enumerate(zip(chain, order, strict=True)):
            q, k, v = random_windows((2, 2, 16, 8), seed=number)
            table = random_bias_table(2, 4, seed=number)
            out, state = focused_attention(q, k, v, table, 4, topk=topk, previous=state, backend=backend)
        ends.append(out)
    assert relative_error(ends[1], ends[0]) < OUTPUT_LIMIT[torch.float32]


@pytest.mark.parametrize("backend", BACKENDS)
def test_dense_layers_cache_their_sums(backend: str) -> None:
    state, product = None, None
    for number in range(3):
        q, k, v = random_windows((2, 1, 16, 8), seed=number)
        table = random_bias_table(1, 4, seed=number)
        _, state = focused_attention(q, k, v, table, 4, topk=16, previous=state, backend=backend)
        layer = state.dense[-1]
        logits = layer.logits(slice(0, 2), slice(0, 16))
        torch.testing.assert_close(layer.log_sum_exp, logits.logsumexp(dim=-1).detach())
        p = logits.softmax(dim=-1)
        summed = torch.ones(2, 1, 16) if product is None else (p * product).sum(dim=-1)
        torch.testing.assert_close(layer.norm, summed.detach())
        product = p if product is None else p * product / summed[..., None]
    assert state is not None
    assert product is not None
    values, keys = state.materialise()
    torch.testing.assert_close(values, product)
    assert torch.equal(keys[1, 0, 7], torch.arange(16, dtype=torch.int16))


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_kept_values_are_not_renormalised(backend: str) -> None:
    q, k, v = random_windows((1, 1, 16, 8))
    table = random_bias_table(1, 4)
    _, state = focused_attention(q, k, v, table, 4, topk=4, backend=backend)
    assert state.values is not None
    assert float(state.values.detach().sum(dim=-1).max()) < 0.99


@pytest.mark.parametrize("backend", BACKENDS)
def test_topk_of_the_current_length_permutes(backend: str) -> None:
    q, k, v = random_windows((1, 2, 16, 8))
    table = random_bias_table(1, 4)
    _, state = focused_attention(q, k, v, table, 4, topk=6, backend=backend)
    for topk in (6, 16, 99):
        out, again = focused_attention(q, k, v, table, 4, topk=topk, previous=state, backend=backend)
        assert again.indices is not None
        assert state.indices is not None
        assert torch.equal(again.indices.sort(dim=-1).values, state.indices.sort(dim=-1).values)
        assert bool(out.isfinite().all())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("topk", [16, 8])
def test_the_floor_keeps_vanished_rows_finite(backend: str, topk: int) -> None:
    # Two layers that look at different keys so sharply that every product underflows.
    eye = torch.eye(16)[None, None] * 400
    rolled = eye.roll(1, dims=-1)
    table = torch.zeros(1, 49)
    v = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    q = torch.eye(16)[None, None].clone().requires_grad_()
    _, state = focused_attention(q, eye, v, table, 4, topk=16, scale=1.0, backend=backend)
    out, state = focused_attention(q, rolled, v, table, 4, topk=topk, previous=state, scale=1.0, backend=backend)
    torch.testing.assert_close(state.materialise()[0], torch.full((1, 1, 16, topk), 1 / 17))
    (grad,) = torch.autograd.grad(out.sum(), q)
    assert bool(grad.isfinite().all())


def test_ties_go_to_the_lower_position() -> None:
    values = torch.tensor([[0.25, 0.5, 0.25, 0.25, 0.0, 0.25], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]])
    assert largest(values, 3).sort(dim=-1).values.tolist() == [[0, 1, 2], [0, 1, 2]]


def test_largest_agrees_with_a_full_sort() -> None:
    values = torch.rand(40, 1023, generator=torch.Generator().manual_seed(3)) ** 9
    for kept in (1, 16, 511, 1023):
        expected = values.sort(dim=-1, descending=True).values[:, :kept]
        assert torch.equal(values.gather(-1, largest(values, kept)).sort(dim=-1, descending=True).values, expected)


def test_two_runs_give_equal_bits() -> None:
    ends = []
    for _ in range(2):
        state, leaves, total = None, [], torch.zeros(())
        for number, topk in enumerate((64, 64, 16, 8)):
            q, k, v = random_windows((5, 2, 64, 13), seed=number)
            table = random_bias_table(1, 8, seed=number)
            leaves += [q, k, v, table]
            out, state = focused_attention(q, k, v, table, 8, topk=topk, previous=state)
            total = total + out.square().sum()
        ends.append([total, *torch.autograd.grad(total, leaves)])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_refusals_print_the_shapes() -> None:
    q, k, v = random_windows((2, 1, 16, 8))
    table = random_bias_table(1, 4)
    _, state = focused_attention(q, k, v, table, 4, topk=5)
    _, dense = focused_attention(q, k, v, table, 4, topk=16)
    with pytest.raises(ValueError, match=r"topk must be at least 1; got 0 with q \(2, 1, 16, 8\)"):
        focused_attention(q, k, v, table, 4, topk=0)
    with pytest.raises(ValueError, match=r"topk 6 is more than the 5 keys that survived; .*values \(2, 1, 16, 5\)"):
        focused_attention(q, k, v, table, 4, topk=6, previous=state)
    with pytest.raises(ValueError, match=r"state must be \(1, 1, 16, K\); .*values \(2, 1, 16, 5\)"):
        focused_attention(q[:1], k[:1], v[:1], table, 4, topk=5, previous=state)
    with pytest.raises(ValueError, match=r"layers must be \(1, 1, 16, D\); got q \(2, 1, 16, 8\)"):
        focused_attention(q[:1], k[:1], v[:1], table, 4, topk=5, previous=dense)
    with pytest.raises(ValueError, match="this one mixes them"):
        focused_attention(q, k, v, table, 4, topk=5, previous=FocusState(values=state.values))
    with pytest.raises(ValueError, match="holds no layer yet"):
        FocusState().materialise()


def test_training_keeps_no_map_of_all_pairs() -> None:
    windows, tokens = 20, 64
    saved: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    state, outputs = None, []
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        for number, topk in enumerate((64, 64, 16, 8)):
            q, k, v = random_windows((windows, 1, tokens, 8), seed=number)
            table = random_bias_table(1, 8, seed=number)
            out, state = focused_attention(q, k, v, table, 8, topk=topk, previous=state)
            outputs.append(out)
    assert saved
    assert max(saved) <= windows * tokens * 16
    assert bool(torch.stack(outputs).sum().isfinite())
