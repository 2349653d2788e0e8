"""The benchmark checks before it times, and says what is wrong instead of how fast it is."""

import json
import re
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend

import kernels
from kernels.bench import baselines, cases, device_cases, device_table, rates, table
from kernels.testing import random_bias_table, random_windows, relative_error


@pytest.fixture
def tiny_case() -> cases.Case:
    """Give the smallest of the real cases, cut down."""
    (found, *_) = [case for case in cases.cpu_cases() if case.operator == "convolutional_attention"]
    return replace(found, count=1, gate_count=1, prepare=lambda _: [x[..., :9, :9] for x in found.prepare(1)])


def test_every_operator_has_a_case_that_trains() -> None:
    trained = {case.operator for case in cases.cpu_cases() if case.training}
    assert trained == {"window_attention", "focused_attention", "selective_attention", "convolutional_attention"}


def test_a_right_backend_is_timed(
    tiny_case: cases.Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "cpu_cases", lambda: [tiny_case])
    assert table.main(["--cpu", "--json", "--rounds", "1"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row["fault"] == ""
    assert row["ratio"] == pytest.approx(row["reference_ms"] / row["sdpa_ms"])
    assert table.main(["--cpu", "--rounds", "1"]) == 0
    assert "×" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("selects", [False, True])
def test_a_wrong_backend_is_named_and_not_timed(
    tiny_case: cases.Case, selects: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(backend: str, leaves: list[Tensor]) -> Tensor:
        return tiny_case.call(backend, leaves) * (1.001 if backend == "sdpa" else 1.0)

    monkeypatch.setattr(table, "cpu_cases", lambda: [replace(tiny_case, call=wrong, selects=selects)])
    assert table.main(["--cpu", "--rounds", "1"]) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.search(r"WRONG: output: relative error 1\.\de-03, limit 1e-05$", last)


def test_a_gradient_that_is_not_finite_is_wrong(tiny_case: cases.Case) -> None:
    def broken(backend: str, leaves: list[Tensor]) -> Tensor:
        # The root of nothing has no finite gradient.
        extra = (leaves[0].sum() * 0).sqrt() if backend == "sdpa" else torch.zeros(())
        return tiny_case.call(backend, leaves) + extra

    assert table.gate(replace(tiny_case, call=broken)).startswith("gradient 1: relative error inf")


# The GPU's table, as far as a machine without one can go.

CPU = torch.device("cpu")


def device_case(operator: str, label: str = "") -> device_cases.DeviceCase:
    """Gives one of the real cases."""
    return next(c for c in device_cases.device_cases() if c.operator == operator and label in c.label)


def test_the_table_has_every_row_that_was_promised() -> None:
    found = {(c.operator, r.name, r.speed_goal, r.memory_share) for c in device_cases.device_cases() for r in c.rivals}
    assert found >= {
        ("window_attention", "FlexAttention", 1.3, None),
        ("window_attention", "SDPA, broadcast bias", 2.0, 0.25),
        ("focused_attention", "published", 5.0, 0.25),
        ("selective_attention", "gather + SDPA", 1.5, None),
        ("convolutional_attention", "two cuDNN convolutions", 1.5, None),
    }
    assert device_case("window_attention").floor_goal == 2.5
    assert {c.floor_goal for c in device_cases.device_cases() if c.operator == "selective_attention"} == {2.5}
    assert device_case("convolutional_attention", "1280×720").floor_goal == 4.0
    assert len(device_cases.PFT_LIGHT) == 24


@pytest.mark.parametrize(
    "operator",
    [
        "window_attention",
        "selective_attention",
        pytest.param("convolutional_attention", marks=pytest.mark.slow),
        pytest.param("focused_attention", marks=pytest.mark.slow),
    ],
)
def test_the_gate_passes_what_is_right_and_names_what_is_wrong(operator: str) -> None:
    case = device_case(operator)
    assert device_table.gate(case, "sdpa", CPU, torch.float32) == ""

    def wrong(backend: str, leaves: list[Tensor]) -> Tensor:
        return case.call(backend, leaves) * (1.001 if backend == "sdpa" else 1.0)

    fault = device_table.gate(replace(case, call=wrong), "sdpa", CPU, torch.float32)
    named = re.fullmatch(r"output: relative error (\d\.\de-03), limit 1e-05", fault)
    # Where keys are selected, single rows are compared, each by its largest error.
    assert named is not None, fault
    assert 1e-3 <= float(named[1]) < 5e-3


def test_the_baselines_compute_what_the_operators_compute() -> None:
    q, k, v = (x.detach() for x in random_windows((3, 2, 64, 16)))
    table = random_bias_table(2, 8).detach()
    expected = kernels.window_attention(q, k, v, table, 8, backend="reference")
    assert relative_error(baselines.window_by_sdpa(q, k, v, table, 8, SDPBackend.MATH), expected) < 1e-5
    assert relative_error(baselines.window_by_flex(q, k, v, table, 8, compiled=False), expected) < 1e-5
    index = torch.tensor([[[0, 2], [1, 0], [2, 1]]], dtype=torch.int32)
    q, k, v = q[None], k[None], v[None]
    expected = kernels.selective_attention(q, k, v, index, backend="reference")
    assert relative_error(baselines.selective_by_gather(q, k, v, index, SDPBackend.MATH), expected) < 1e-5
    x, static, dynamic = torch.randn(2, 4, 9, 9), torch.randn(4, 4, 5, 5), torch.randn(2, 4, 3, 3)
    expected = kernels.convolutional_attention(x, static, dynamic, backend="reference")
    assert relative_error(baselines.convolution_twice(x, static, dynamic), expected) < 1e-5


def test_the_published_chain_computes_what_focused_attention_computes() -> None:
    focus, state = baselines.PublishedFocus(), None
    for number, topk in enumerate((16, 16, 8, 8, 3)):
        q, k, v = (x.detach() for x in random_windows((2, 2, 16, 5), seed=number))
        table = random_bias_table(2, 4, seed=number).detach()
        found = focus.layer(q, k, v, table, 4, topk, 0, None)
        out, state = kernels.focused_attention(q, k, v, table, 4, topk=topk, previous=state, backend="reference")
        assert relative_error(found, out) < 1e-5


def test_the_floor_is_the_slowest_part() -> None:
    known = rates.Rates(
        copied_bytes=1e12, inner_flops=1e15, columns_flops=5e13, exponentials=4e12, vector_operations=3e13
    )
    work = rates.attention_work(queries=1e6, keys_each=1e3, head_dim=16, bytes_moved=1e8, operations_each=4)
    assert known.floor_ms(work) == (pytest.approx(1e9 / 4e12 * 1e3), "exponentials")
    convolution = rates.Work(bytes_moved=1e8, matrix_flops=1e11, narrow="columns")
    assert known.floor_ms(convolution) == (pytest.approx(2.0), "products")


def test_a_case_that_fails_its_check_gets_no_times(monkeypatch: pytest.MonkeyPatch) -> None:
    real = device_case("window_attention")
    monkeypatch.setattr(device_table, "median_ms", lambda *_, **__: 2.0)
    monkeypatch.setattr(device_table, "_peak_bytes", lambda _: 100)
    monkeypatch.setattr(
        device_table,
        "measure_rates",
        lambda *_: rates.Rates(1e12, 1e14, 5e13, 4e12, 3e13),
    )

    def call(backend: str, leaves: list[Tensor]) -> Tensor:
        return real.call("sdpa" if backend == "triton" else backend, leaves)

    def wrong(backend: str, leaves: list[Tensor]) -> Tensor:
        return call(backend, leaves) + (backend == "triton")

    def broken(leaves: list[Tensor]) -> Tensor:
        raise RuntimeError("it has no kernel for this\nand more")

    rivals = (
        device_cases.Rival("itself", {"plain": lambda leaves: call("sdpa", leaves)}, 1.5, 0.25),
        device_cases.Rival("another", {"plain": lambda leaves: leaves[0] * 2, "other": broken}, 1.5),
        device_cases.Rival("nobody", {}, missing="it is not installed"),
    )
    case = replace(real, call=call, dtype=torch.float32, count=2, rivals=rivals)
    (row, other, absent, floor) = device_table.device_rows([case], CPU, 1)
    assert (row.ours_ms, row.theirs_ms, row.reached, row.goal) == (2.0, 2.0, False, "≥ 1.5×, memory ≤ 0.25")
    assert "computes something else" in other.note
    assert "it has no kernel for this" in other.note
    assert (other.ours_ms, absent.note) == (None, "it is not installed")
    assert floor.reached is False
    assert all(str(line).count("|") == 10 for line in (row, other, absent, floor))
    (fault,) = device_table.device_rows([replace(case, call=wrong)], CPU, 1)
    assert fault.fault.startswith("output: relative error")
    assert fault.ours_ms is None
    assert "WRONG" in str(fault)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_without_a_gpu_it_says_so(
    tiny_case: cases.Case, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "cpu_cases", lambda: [tiny_case])
    assert table.main(["--rounds", "1"]) == 0
    assert capsys.readouterr().out.startswith("GPU table: no figures, because ")
    assert table.main(["--rounds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gpu"].startswith("none: no figures, because ")


@pytest.mark.interpreted
def test_the_loops_that_measure_rates_do_the_work() -> None:
    from kernels._triton.launch import Shape, launch
    from kernels.bench.rates_device import exponential_rate_kernel, matrix_rate_kernel, vector_rate_kernel

    a, b, out = torch.randn(16, 16), torch.randn(16, 32), torch.empty(2, 16, 32)
    arguments = {"a_ptr": a, "b_ptr": b, "out_ptr": out, "rounds": 3}
    blocks = {"BLOCK_M": 16, "BLOCK_N": 32, "INNER": 16}
    launch(matrix_rate_kernel, (2,), arguments, blocks, Shape(4, 1))
    assert torch.allclose(out, (6 * a @ b + 1).expand(2, -1, -1), atol=1e-4)
    x, settled = torch.ones(64), torch.empty(1, 64)
    launch(exponential_rate_kernel, (1,), {"x_ptr": x, "out_ptr": settled, "rounds": 4}, {"BLOCK": 64}, Shape(4, 1))
    assert torch.allclose(settled, torch.tensor(0.641186), atol=1e-4)
    arguments = {"x_ptr": x, "out_ptr": settled, "rounds": 4, "factor": 0.5, "addend": 0.25}
    launch(vector_rate_kernel, (1,), arguments, {"BLOCK": 64}, Shape(4, 1))
    assert torch.allclose(settled, torch.tensor(0.5), atol=1e-4)


@pytest.mark.gpu
def test_the_whole_table_on_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert table.main(["--rounds", "1"]) == 0
    assert "WRONG" not in capsys.readouterr().out
