"""Which backend serves, why another does not, and what use_backend sets and records."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch

import kernels
from kernels import Backend, BackendError, dispatch, select, support_table, supports, use_backend, window_attention
from kernels._triton import targets, versions
from kernels.selective_attention import configs


def small_call(backend: str = "auto") -> torch.Tensor:
    x = torch.ones(1, 1, 4, 3)
    return window_attention(x, x, x, torch.zeros(1, 9), 2, backend=backend)


def test_auto_takes_sdpa_on_a_cpu() -> None:
    for operator in kernels.OPERATORS:
        assert select(operator, "auto", "cpu", torch.float32, 16) is Backend.SDPA
        assert select(operator, "auto", "mps", torch.float16, 16) is Backend.SDPA


def test_auto_falls_back_to_the_reference_on_other_devices() -> None:
    support = supports("window_attention", "sdpa", "meta", torch.float32)
    assert support.reason == "sdpa serves cpu, cuda, mps, xpu; the device is meta."
    assert select("window_attention", "auto", "meta", torch.float32) is Backend.REFERENCE


@pytest.mark.parametrize(
    ("operator", "backend", "reason"),
    [
        ("focused_attention", "triton", "run on CUDA and ROCm; the device is cpu"),
        ("selective_attention", "flash", "flash-attn runs on CUDA and ROCm; the device is cpu"),
        ("window_attention", "flash", "its scores carry a bias"),
        ("convolutional_attention", "flash", "it is no softmax attention"),
    ],
)
def test_a_forced_backend_that_cannot_run_says_why(operator: str, backend: str, reason: str) -> None:
    support = supports(operator, backend, "cpu", torch.float16, 16)
    assert not support.ok
    assert reason in support.reason
    assert support.reason.endswith(".")
    with pytest.raises(BackendError, match=reason):
        select(operator, backend, "cpu", torch.float16, 16)


def test_forcing_through_the_operator_never_falls_back() -> None:
    with pytest.raises(BackendError, match=r"The triton backend cannot serve window_attention here: .*device is cpu"):
        small_call("triton")
    with use_backend("flash") as record, pytest.raises(BackendError, match="carry a bias"):
        small_call()
    assert record.served == {}


def test_what_no_backend_can_do_is_refused_with_a_reason() -> None:
    with pytest.raises(BackendError, match="takes float16, bfloat16, float32 or float64, not int32"):
        select("window_attention", "auto", "cpu", torch.int32)
    with pytest.raises(BackendError, match="mps device has no float64"):
        select("window_attention", "auto", "mps", torch.float64)
    with pytest.raises(BackendError, match="a head dimension of 0 is not possible"):
        select("window_attention", "auto", "cpu", torch.float32, 0)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no backend 'cudnn'; the names are auto, triton, flash, sdpa, reference"):
        small_call("cudnn")
    with pytest.raises(ValueError, match="no backend 'fast'"), use_backend("fast"):
        pass
    with pytest.raises(ValueError, match="no operator 'attention'; the names are window_attention"):
        supports("attention", "sdpa", "cpu", torch.float32)


class FakeDevice:
    """What torch says of a CUDA device, without one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, major: int, minor: int, gfx: str = "") -> None:
        versions.installation_fault.cache_clear()
        versions._index_fault.cache_clear()
        properties = types.SimpleNamespace(major=major, minor=minor, gcnArchName=gfx)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
        monkeypatch.setattr(torch.version, "hip", "6.4" if gfx else None)


@pytest.fixture
def fake_device(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., FakeDevice]]:
    """Lets a test pretend that a CUDA or ROCm device with a working Triton is there."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "flash_attn" else object())
    monkeypatch.setattr(versions, "triton_version", lambda: "3.6.0")
    monkeypatch.setenv("CC", "cc")
    yield partial(FakeDevice, monkeypatch)
    monkeypatch.undo()
    versions.installation_fault.cache_clear()
    versions._index_fault.cache_clear()


@pytest.mark.parametrize(
    ("major", "minor", "gfx", "reason"),
    [
        (8, 0, "", ""),
        (12, 0, "", ""),
        (7, 5, "", "need compute capability 8.0 or newer; this device has 7.5"),
        (9, 4, "gfx942:sramecc+", ""),
        (11, 0, "gfx1100", ""),
        (10, 3, "gfx1030", "not gfx1030"),
    ],
)
def test_the_architecture_decides(
    fake_device: Callable[..., FakeDevice], major: int, minor: int, gfx: str, reason: str
) -> None:
    fake_device(major, minor, gfx)
    support = supports("window_attention", "triton", "cuda", torch.float16, 16)
    assert support.ok == (not reason)
    assert reason in support.reason
    expected = Backend.SDPA if reason else Backend.TRITON
    assert select("window_attention", "auto", "cuda", torch.float16, 16) is expected


@pytest.fixture
def flash_on_a_gpu(fake_device: Callable[..., FakeDevice], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pretends a device of capability 9.0 with Triton and flash-attn installed; forgets its target afterwards."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    targets._device_target.cache_clear()
    fake_device(9, 0)
    yield
    targets._device_target.cache_clear()


def chosen_on_a_gpu(tokens: int | None, head_dim: int | None = 16, dtype: torch.dtype = torch.float16) -> Backend:
    return select("selective_attention", "auto", "cuda", dtype, head_dim, tokens=tokens)


@pytest.mark.usefixtures("flash_on_a_gpu")
def test_auto_takes_flash_only_where_it_was_measured_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert supports("selective_attention", "flash", "cuda", torch.float16, 16).ok
    # Nothing was measured: installed is not chosen.
    assert chosen_on_a_gpu(64) is Backend.TRITON
    monkeypatch.setattr(configs, "_FLASH_FASTER", frozenset({("sm_90", 64, 16)}))
    assert chosen_on_a_gpu(64) is Backend.FLASH
    assert chosen_on_a_gpu(256) is Backend.TRITON
    assert chosen_on_a_gpu(64, 32) is Backend.TRITON
    # A size left open is none that was measured, and flash-attn knows no float32.
    assert chosen_on_a_gpu(None) is Backend.TRITON
    assert chosen_on_a_gpu(64, None) is Backend.TRITON
    assert chosen_on_a_gpu(64, dtype=torch.float32) is Backend.TRITON
    assert select("window_attention", "auto", "cuda", torch.float16, 16, tokens=64) is Backend.TRITON


@pytest.mark.usefixtures("flash_on_a_gpu")
def test_a_table_of_another_capability_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configs, "_FLASH_FASTER", frozenset({("sm_80", 64, 16)}))
    assert chosen_on_a_gpu(64) is Backend.TRITON


@pytest.mark.usefixtures("flash_on_a_gpu")
def test_the_table_says_when_flash_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    served, reason = support_table("cuda", torch.float16)["selective_attention"]["flash"]
    assert served
    assert reason.endswith("measured faster than triton on this kind of device: by name only.")
    measured = frozenset({("sm_90", 256, 16), ("sm_90", 64, 16), ("sm_80", 64, 40)})
    monkeypatch.setattr(configs, "_FLASH_FASTER", measured)
    reason = support_table("cuda", torch.float16)["selective_attention"]["flash"][1]
    assert reason.endswith(": for windows of 64 tokens with heads of 16, 256 tokens with heads of 16.")


@pytest.mark.usefixtures("flash_on_a_gpu")
def test_without_triton_auto_does_not_fall_to_flash_unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "triton_version", lambda: "3.0.0")
    assert chosen_on_a_gpu(64) is Backend.SDPA
    assert select("selective_attention", "flash", "cuda", torch.float16, 16) is Backend.FLASH


def test_sizes_past_the_kernels_go_to_sdpa_with_the_reason(fake_device: Callable[..., FakeDevice]) -> None:
    fake_device(9, 0)
    assert select("focused_attention", "auto", "cuda", torch.float16, 16, tokens=1024) is Backend.TRITON
    assert select("focused_attention", "auto", "cuda", torch.float16, 16, tokens=2304) is Backend.SDPA
    support = supports("focused_attention", "triton", "cuda", torch.float16, 16, tokens=2304)
    assert "windows of up to 1024 tokens, not 2304" in support.reason
    assert select("window_attention", "auto", "cuda", torch.float16, 72) is Backend.SDPA
    assert "heads of up to 64 numbers, not 72" in supports("window_attention", "triton", "cuda", torch.half, 72).reason
    assert select("convolutional_attention", "auto", "cuda", torch.float16, 96) is Backend.SDPA
    assert select("window_attention", "auto", "cuda", torch.float64, 16) is Backend.SDPA


def test_what_an_installation_lacks_is_said(
    fake_device: Callable[..., FakeDevice], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_device(9, 0)
    monkeypatch.setattr(versions, "triton_version", lambda: "3.5.1")
    versions.installation_fault.cache_clear()
    assert versions.installation_fault() == "Triton 3.5.1 is too old; 3.6 or newer is needed."
    monkeypatch.setattr(versions, "triton_version", lambda: "3.10.0")
    monkeypatch.delenv("CC")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    versions.installation_fault.cache_clear()
    if sys.platform != "win32":
        assert "needs a C compiler and finds none" in versions.installation_fault()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    versions.installation_fault.cache_clear()
    assert "Triton is not installed; `pip install triton" in versions.installation_fault()
    flash = supports("selective_attention", "flash", "cuda", torch.float16, 16)
    assert "flash-attn is not installed" in flash.reason


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Takes back, afterwards, what a test had dropped."""
    dispatch._dropped().clear()
    yield
    dispatch._dropped().clear()


def failing(error: Exception, calls: list[Backend]) -> Callable[[Backend], str]:
    """An operator whose Triton backend raises."""

    def run(chosen: Backend) -> str:
        calls.append(chosen)
        if chosen is Backend.TRITON:
            raise error
        return chosen.value

    return run


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("Failed to find C compiler. Please specify via CC environment variable"),
        ImportError("libtriton.so: undefined symbol"),
        subprocess.CalledProcessError(1, ["gcc"]),
        PermissionError("~/.triton/cache"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_backend_that_does_not_build_is_dropped_once_and_the_next_serves(
    error: Exception, fake_device: Callable[..., FakeDevice], forgetful: None
) -> None:
    fake_device(9, 0)
    like = types.SimpleNamespace(device=torch.device("cuda"), dtype=torch.float16)
    calls: list[Backend] = []
    run = failing(error, calls)
    with use_backend("auto") as record, pytest.warns(RuntimeWarning, match=r"triton backend of window.*could not be"):
        assert dispatch.serve("window_attention", "auto", run, like, 16) == "sdpa"
    assert record.served == {"window_attention": "sdpa"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert dispatch.serve("window_attention", "auto", run, like, 16) == "sdpa"
    assert calls == [Backend.TRITON, Backend.SDPA, Backend.SDPA]
    assert "could not be built and was dropped" in support_table("cuda", torch.half)["window_attention"]["triton"][1]
    with pytest.raises(BackendError, match="could not be built and was dropped"):
        dispatch.serve("window_attention", "triton", run, like, 16)
    # Another operator's kernels are other kernels.
    assert select("convolutional_attention", "auto", "cuda", torch.float16, 16) is Backend.TRITON


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("CUDA error: an illegal memory access")]
)
def test_other_failures_are_the_callers(
    error: Exception, fake_device: Callable[..., FakeDevice], forgetful: None
) -> None:
    fake_device(9, 0)
    like = types.SimpleNamespace(device=torch.device("cuda"), dtype=torch.float16)
    with pytest.raises(type(error)):
        dispatch.serve("window_attention", "auto", failing(error, []), like, 16)
    assert select("window_attention", "auto", "cuda", torch.float16, 16) is Backend.TRITON


def test_use_backend_sets_auto_and_records_what_served() -> None:
    with use_backend("reference") as record:
        small_call()
    assert record.served == {"window_attention": "reference"}
    with use_backend("auto") as record:
        small_call()
        small_call("reference")
        small_call("sdpa")
    assert record.served == {"window_attention": "sdpa+reference"}
    assert record.requested == "auto"


def test_use_backend_nests_and_ends() -> None:
    with use_backend("reference") as outer:
        with use_backend("sdpa") as inner:
            small_call()
        assert (outer.served, inner.served) == ({}, {"window_attention": "sdpa"})
        small_call()
    assert outer.served == {"window_attention": "reference"}
    assert select("window_attention", "auto", "cpu", torch.float32) is Backend.SDPA


def test_use_backend_belongs_to_its_thread() -> None:
    chosen = []
    with use_backend("reference") as record:
        thread = threading.Thread(target=lambda: chosen.append(select("window_attention", "auto", "cpu", torch.half)))
        thread.start()
        thread.join()
    assert chosen == [Backend.SDPA]
    assert record.served == {}


def test_the_table_for_the_doctor_names_all() -> None:
    table = support_table("cpu")
    assert tuple(table) == kernels.OPERATORS
    for row in table.values():
        assert list(row) == ["triton", "flash", "sdpa", "reference"]
        assert row["sdpa"] == row["reference"] == (True, "")
        assert all(ok or reason.endswith(".") for ok, reason in row.values())


def test_the_backend_really_served(monkeypatch: pytest.MonkeyPatch) -> None:
    from kernels.window_attention import reference

    def mark(*_: object) -> torch.Tensor:
        return torch.full((1,), 7.0)

    monkeypatch.setattr(reference, "window_attention", mark)
    with use_backend("reference"):
        assert small_call().tolist() == [7.0]
    assert small_call().shape == (1, 1, 4, 3)


@pytest.mark.parametrize("backend", ["reference", "sdpa"])
def test_autocast_does_not_reach_the_operators(backend: str) -> None:
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(2, 2, 16, 8, generator=generator)
    table = torch.randn(2, 49, generator=generator)
    x, kernel = torch.randn(1, 4, 9, 9, generator=generator), torch.randn(4, 4, 5, 5, generator=generator)

    def run() -> list[torch.Tensor]:
        windows, index = q[None], kernels.select_windows(q[None], q[None], 2)
        return [
            kernels.window_attention(q, q, q, table, 4, backend=backend),
            kernels.focused_attention(q, q, q, table, 4, topk=5, backend=backend)[0],
            kernels.selective_attention(windows, windows, windows, index, backend=backend),
            kernels.convolutional_attention(x, kernel, torch.ones(1, 4, 3, 3), backend=backend),
            index,
        ]

    plain = run()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = run()
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))


def test_a_loss_taken_back_inside_autocast_gives_the_same_gradients() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 2, 16, 8, generator=generator).requires_grad_() for _ in range(3))
    table = torch.randn(2, 49, generator=generator).requires_grad_()
    x, kernel = torch.randn(1, 4, 9, 9, generator=generator), torch.randn(4, 4, 5, 5, generator=generator)
    leaves = [q, k, v, table, x.requires_grad_(), kernel.requires_grad_()]

    def gradients() -> list[torch.Tensor]:
        index = torch.tensor([[[1, 0], [0, 1]]])
        outputs = [
            kernels.window_attention(q, k, v, table, 4, backend="sdpa"),
            kernels.selective_attention(q[None], k[None], v[None], index, backend="sdpa")[0],
            kernels.convolutional_attention(x, kernel, torch.ones(1, 4, 3, 3), backend="sdpa"),
        ]
        state = None
        for topk in (16, 9, 5):
            out, state = kernels.focused_attention(q, k, v, table, 4, topk=topk, previous=state, backend="sdpa")
            outputs.append(out)
        return list(torch.autograd.grad(sum(out.square().sum() for out in outputs), leaves))

    plain = gradients()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = gradients()
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))
