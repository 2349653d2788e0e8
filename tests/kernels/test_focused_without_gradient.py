"""The CPU path of focused_attention that keeps nothing for a gradient, against the one that does."""

import pytest
import torch

import kernels.blocks
from kernels import focused_attention, fused_linear
from kernels.parallel import for_each
from kernels.testing import OUTPUT_LIMIT, random_bias_table, random_windows, relative_error

# (windows, heads, window size, head dimension, tables, kept keys of each layer)
CHAINS = [
    (4, 2, 4, 13, 1, (16, 16, 8, 8, 4, 4)),
    (2, 3, 5, 20, 3, (25, 11, 11, 7)),
    (2, 2, 16, 13, 2, (256, 256, 64, 64, 16)),
]


@pytest.fixture(params=[1, 2], ids=["one-thread", "two-threads"])
def torch_threads(request: pytest.FixtureRequest):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("block_bytes", [3000, 2 << 20])
@pytest.mark.parametrize("case", CHAINS, ids=str)
def test_chain_equals_the_one_with_gradients(case, block_bytes, fused, torch_threads, monkeypatch):
    monkeypatch.setattr(kernels.blocks, "_THREAD_BYTES", block_bytes)
    monkeypatch.setattr(torch.backends.mkldnn, "enabled", fused)
    windows, heads, size, head_dim, tables, chain = case
    regions = torch.zeros(windows // 2, size * size, dtype=torch.int8)
    # the first window of an image is of one region, the others are mixed
    regions[1:] = torch.randint(0, 3, regions[1:].shape, generator=torch.Generator().manual_seed(4)).to(torch.int8)
    if windows == 2:
        regions[0, :5] = 1
    states = {True: None, False: None}
    for number, topk in enumerate(chain):
        q, k, v = random_windows((windows, heads, size * size, head_dim), seed=number)
        table = random_bias_table(tables, size, seed=number)
        outputs = {}
        for with_gradient in (True, False):
            with torch.set_grad_enabled(with_gradient):
                outputs[with_gradient], states[with_gradient] = focused_attention(
                    q, k, v, table, size, topk=topk, previous=states[with_gradient], regions=regions, backend="sdpa"
                )
        assert not outputs[False].requires_grad
        assert relative_error(outputs[False], outputs[True]) < OUTPUT_LIMIT[torch.float32]
        if states[False].indices is None:
            assert states[True].indices is None
            torch.testing.assert_close(states[False].dense[-1].log_sum_exp, states[True].dense[-1].log_sum_exp)
            torch.testing.assert_close(states[False].dense[-1].norm, states[True].dense[-1].norm)
        else:
            found, wanted = (_in_order(states[with_gradient]) for with_gradient in (False, True))
            assert torch.equal(found[1], wanted[1])
            assert relative_error(found[0], wanted[0]) < OUTPUT_LIMIT[torch.float32]


def _in_order(state):
    order = state.indices.sort(dim=-1)
    return state.values.detach().gather(-1, order.indices), order.values


def test_a_state_is_left_as_it_was():
    q, k, v = (x.detach() for x in random_windows((2, 1, 16, 8)))
    table = random_bias_table(1, 4).detach()
    with torch.inference_mode():
        _, state = focused_attention(q, k, v, table, 4, topk=6)
        before = state.values.clone(), state.indices.clone()
        for topk in (6, 3):
            focused_attention(q, k, v, table, 4, topk=topk, previous=state)
    assert torch.equal(state.values, before[0])
    assert torch.equal(state.indices, before[1])


def test_threads_change_no_bit(monkeypatch):
    monkeypatch.setattr(kernels.blocks, "_THREAD_BYTES", 1 << 16)
    ends, before = [], torch.get_num_threads()
    q, k, v = (x.detach() for x in random_windows((3, 2, 256, 13)))
    table = random_bias_table(1, 16).detach()
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        state = None
        for topk in (256, 64, 16):
            out, state = focused_attention(q, k, v, table, 16, topk=topk, previous=state, backend="sdpa")
        ends.append((out, state.values, state.indices))
    torch.set_num_threads(before)
    for end in ends[1:]:
        assert all(torch.equal(a, b) for a, b in zip(end, ends[0], strict=True))


def test_for_each_takes_every_item_once_and_raises_what_was_raised(torch_threads):
    seen = []

    def note(item):
        assert torch.is_inference_mode_enabled()
        assert torch.get_num_threads() == 1 or torch_threads == 1
        seen.append(item)

    with torch.inference_mode():
        for_each(range(50), note)
    assert sorted(seen) == list(range(50))
    assert torch.get_num_threads() == torch_threads

    def fail(item):
        if item == 7:
            raise ValueError("the seventh")

    with pytest.raises(ValueError, match="the seventh"):
        for_each(range(20), fail)
    assert torch.get_num_threads() == torch_threads


@pytest.mark.parametrize("grad", [True, False], ids=["with-gradient", "without"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_fused_linear_layers_are_the_plain_ones(dtype, grad):
    generator = torch.Generator().manual_seed(2)
    x, weight, bias, other = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
        for shape in ((2, 5, 7, 19), (23, 19), (23,), (2, 5, 7, 23))
    )
    strided = x.transpose(1, 2)
    limit = 1e-6 if dtype == torch.float32 else 1e-2 if dtype == torch.bfloat16 else 1e-12
    weight.requires_grad_(grad)
    with torch.set_grad_enabled(grad):
        for given in (x, strided):
            plain = given.double() @ weight.double().T + bias.double()
            if given is strided:
                other = other.transpose(1, 2)
            pairs = [
                (fused_linear.linear(given, weight, bias), plain),
                (fused_linear.linear(given, weight), plain - bias.double()),
                (fused_linear.linear_gelu(given, weight, bias), torch.nn.functional.gelu(plain)),
                (fused_linear.linear_add(given, weight, bias, other), plain + other.double()),
                (
                    fused_linear.linear_add(given[0, 0], weight, None, other[0, 0]),
                    (plain - bias.double() + other.double())[0, 0],
                ),
            ]
            for found, wanted in pairs:
                assert found.shape == wanted.shape
                assert found.dtype == dtype
                assert found.requires_grad is grad
                assert relative_error(found, wanted) < limit
