"""What the Triton kernels share: targets, offsets, recorded launches, and which failures mean that a kernel cannot be built."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

import kernels
from kernels._triton import targets, versions
from kernels._triton.launch import Shape, launch, record
from kernels._triton.offsets import extent, needs_wide


@pytest.mark.parametrize(
    ("capability", "name"),
    [
        ((8, 0), "sm_80"),
        ((8, 6), "sm_86"),
        ((8, 7), "sm_86"),
        ((8, 9), "sm_89"),
        ((9, 0), "sm_90"),
        ((10, 3), "sm_100"),
        ((12, 1), "sm_120"),
        ((13, 0), "sm_120"),
    ],
)
def test_every_capability_has_configurations(capability: tuple[int, int], name: str) -> None:
    assert targets.nearest_capability(*capability).name == name


def test_every_amd_family_has_configurations() -> None:
    assert targets.nearest_gfx("gfx942:sramecc+:xnack-") is targets.GFX942
    assert targets.nearest_gfx("gfx90a") is targets.GFX942
    assert targets.nearest_gfx("gfx1100") is targets.GFX1100
    assert targets.nearest_gfx("gfx1201") is targets.GFX1100


def test_pretending_ends() -> None:
    with targets.pretend(targets.SM_120):
        assert targets.target_of(torch.device("cuda")) is targets.SM_120
    assert targets.target_of(torch.device("cpu")) is targets.SM_80


def test_extents_past_32_bits_are_seen() -> None:
    assert extent(torch.empty(3, 4)) == 12
    assert extent(torch.empty(3, 4)[:, ::2]) == 11
    assert extent(torch.empty(0, 4)) == 0
    huge = torch.empty(1 << 16, 1 << 15, dtype=torch.float16, device="meta")
    assert not needs_wide(huge)
    assert needs_wide(torch.empty((1 << 31) + 1, dtype=torch.int8, device="meta"))
    assert needs_wide(huge[:2, :1], torch.empty(2, 2, device="meta").as_strided((2, 2), (1 << 31, 1)))


def fake_kernel() -> types.SimpleNamespace:
    """Stands in for a kernel whose launch is only written down."""
    return types.SimpleNamespace(__name__="some_kernel", arg_names=["x_ptr", "y_ptr", "n", "one", "scale", "BLOCK"])


def test_a_recorded_launch_is_specialised_as_triton_would() -> None:
    kernel = fake_kernel()
    x = torch.empty(64, dtype=torch.bfloat16, device="meta")
    with record(targets.SM_90) as recording:
        recording.name("first", forward=True)
        for scale in (0.5, 1.0):
            arguments = {"x_ptr": x[1:], "y_ptr": None, "n": 32, "one": 1, "scale": scale}
            launch(kernel, (1,), arguments, {"BLOCK": 16}, Shape(4, 2))
            recording.name("second", forward=False)
        launch(kernel, (1,), arguments | {"x_ptr": x, "n": 1 << 33}, {"BLOCK": 16}, Shape(4, 2))
    first, second = recording.compilations
    assert dict(first.signature) == {
        "x_ptr": "*bf16",
        "y_ptr": "constexpr",
        "n": "i32",
        "one": "constexpr",
        "scale": "fp32",
        "BLOCK": "constexpr",
    }
    assert dict(first.constexprs) == {"y_ptr": None, "one": 1, "BLOCK": 16}
    assert (first.aligned, second.aligned) == (("n",), ("x_ptr", "n"))
    assert (first.label, first.forward) == ("first some_kernel", True)
    assert (second.label, dict(second.signature)["n"]) == ("second some_kernel", "i64")


def test_a_device_out_of_memory_looks_the_same_from_every_backend() -> None:
    class Full:
        def __getitem__(self, grid: tuple[int, ...]) -> object:
            raise RuntimeError("Triton Error [CUDA]: out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="Triton Error"):
        launch(Full(), (1,), {"x_ptr": torch.empty(1)}, {}, Shape(4, 1))


@pytest.mark.parametrize(
    ("error", "is_fault"),
    [
        (RuntimeError("PassManager::run failed"), True),
        (RuntimeError("Triton Error [CUDA]: device kernel image is invalid"), True),
        (FileNotFoundError("ptxas"), True),
        (RuntimeError("Triton Error [CUDA]: out of memory"), False),
        (RuntimeError("CUDA error: unspecified launch failure"), False),
        (torch.OutOfMemoryError("CUDA out of memory"), False),
        (ValueError("shapes"), False),
    ],
    ids=str,
)
def test_which_failures_mean_that_a_kernel_cannot_be_built(error: Exception, is_fault: bool) -> None:
    assert bool(versions.build_fault(error)) is is_fault


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_errors_of_triton_itself_mean_it_unless_the_interpreter_raises_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from triton.runtime.errors import OutOfResources

    error = OutOfResources(300_000, 101_376, "shared memory")
    assert "shared memory" in versions.build_fault(error)
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert versions.build_fault(error) == ""


def test_nothing_shared_imports_triton() -> None:
    program = """
import sys
import kernels.bench.device_table, kernels.bench.rates, kernels.bench.baselines
import kernels._triton.compile_ahead, kernels._triton.launch, kernels._triton.offsets
import kernels.window_attention.configs, kernels.convolutional_attention.configs
assert "triton" not in sys.modules
"""
    root = Path(kernels.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
