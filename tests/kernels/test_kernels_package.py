"""What the package exports, and that it stands alone: no Triton, no engine, no app."""

import os
import subprocess
import sys
import types
from pathlib import Path

import kernels

EXPORTED = {
    "AUTO_ORDER",
    "OPERATORS",
    "Backend",
    "BackendError",
    "BackendRecord",
    "FocusState",
    "Support",
    "convolutional_attention",
    "focused_attention",
    "select",
    "select_windows",
    "selective_attention",
    "support_table",
    "supports",
    "use_backend",
    "window_attention",
}

RUN_ALL = """
import builtins, sys
real = builtins.__import__
def guarded(name, *args, **kwargs):
    if name.split(".")[0] in ("triton", "engine", "app", "PySide6", "flash_attn"):
        raise ImportError(f"blocked: {name}")
    return real(name, *args, **kwargs)
builtins.__import__ = guarded
import kernels, torch
for backend in ("reference", "sdpa"):
    q = torch.randn(2, 1, 16, 8, requires_grad=True)
    table = torch.zeros(1, 49, requires_grad=True)
    out = kernels.window_attention(q, q, q, table, 4, backend=backend).sum()
    state = None
    for topk in (16, 16, 8, 4):
        focused, state = kernels.focused_attention(q, q, q, table, 4, topk=topk, previous=state, backend=backend)
        out = out + focused.sum()
    windows = q[None]
    index = kernels.select_windows(windows, windows, 2)
    out = out + kernels.selective_attention(windows, windows, windows, index, backend=backend).sum()
    x = torch.randn(2, 3, 9, 9, requires_grad=True)
    convolved = kernels.convolutional_attention(
        x, torch.ones(3, 3, 13, 13), torch.ones(2, 3, 3, 3), backend=backend
    )
    (out + convolved.sum()).backward()
    assert q.grad is not None and table.grad is not None and x.grad is not None
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"triton", "engine", "app", "PySide6", "flash_attn"}, loaded
print("ran all")
"""


def test_the_exported_names_are_exactly_these() -> None:
    assert set(kernels.__all__) == EXPORTED
    assert list(kernels.__all__) == sorted(kernels.__all__, key=lambda n: (not n.isupper(), not n[0].isupper(), n))


def test_functions_are_not_hidden_by_their_folders() -> None:
    import kernels.window_attention.sdpa

    for name in kernels.OPERATORS:
        assert isinstance(getattr(kernels, name), types.FunctionType)


def test_everything_runs_in_a_cold_process_without_triton() -> None:
    root = Path(kernels.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", RUN_ALL], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ran all"


COLLECT = """
import builtins, sys
real = builtins.__import__
blocked = {"PySide6", "pytestqt", "pyqtgraph", "pyvips", "cv2", "PIL", "safetensors", "platformdirs", "psutil"}
def guarded(name, *args, **kwargs):
    if name.split(".")[0] in blocked:
        raise ImportError(f"blocked: {name}")
    return real(name, *args, **kwargs)
builtins.__import__ = guarded
import pytest
sys.exit(pytest.main(["-p", "pytest_timeout", "-p", "no:cacheprovider", "-m", "gpu", "--collect-only", "-q", "tests/kernels"]))
"""


def test_the_tests_of_a_gpu_are_found_on_a_machine_without_the_window() -> None:
    """A machine with a GPU may have pytest, pytest-timeout and hypothesis beside torch, Triton and numpy, and nothing else."""
    root = Path(kernels.__file__).parents[1]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", COLLECT], cwd=root, env=alone, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_triton_window.py::test_forward_and_backward_on_a_gpu" in done.stdout
