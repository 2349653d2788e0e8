"""Whether Triton kernels can run on a device, and in one sentence why not; never imports Triton.

May import torch and the standard library.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys

import torch

OLDEST_TRITON = (3, 6)
OLDEST_CAPABILITY = (8, 0)
WIDEST_HEAD = 64
WIDEST_FLASH_HEAD = 256

# Triton reads the variable when it is first imported; the words are those that it takes for true.
_INTERPRET = "TRITON_INTERPRET"
_TRUE = ("1", "true", "yes", "on", "y")
_GFX = re.compile(r"gfx(9[04]|95|11|12)")

# What Triton says, in plain RuntimeErrors, when it cannot build a kernel or its launcher.
_BUILD_WORDS = (
    "C compiler",
    "C++ compiler",
    "PassManager::run failed",
    "ptxas",
    "no kernel image",
    "device kernel image",
)


def interpreting() -> bool:
    """Say whether Triton's interpreter is switched on: kernels then run on CPU tensors, slowly, for tests."""
    return os.environ.get(_INTERPRET, "").lower() in _TRUE


def device_fault(device: torch.device, dtype: torch.dtype) -> str:
    """Return the sentence that says why kernels cannot run on this device in this dtype; empty where they can."""
    if dtype == torch.float64:
        return "the triton kernels accumulate in float32 and do not take float64."
    if device.type == "cpu":
        return _interpreter_fault(dtype)
    if device.type != "cuda":
        return f"the triton kernels run on CUDA and ROCm; the device is {device.type}."
    return installation_fault() or hardware_fault(device)


@functools.cache
def installation_fault() -> str:
    """Return what the installation lacks: Triton, a recent one, or the C compiler that Triton builds launchers with."""
    name = "triton-windows" if sys.platform == "win32" else "triton"
    if importlib.util.find_spec("triton") is None:
        return f"Triton is not installed; `pip install {name}` adds it."
    found = triton_version()
    if found and tuple(int(part) for part in re.findall(r"\d+", found)[:2]) < OLDEST_TRITON:
        return f"Triton {found} is too old; {'.'.join(map(str, OLDEST_TRITON))} or newer is needed."
    # Triton for Windows brings its own compiler.
    if sys.platform != "win32" and not (os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")):
        return "Triton needs a C compiler and finds none; install gcc or clang, or name one in the variable CC."
    return ""


def triton_version() -> str:
    """Return the version of the installed Triton, empty where its distribution has an unknown name."""
    for name in ("triton", "triton-windows", "pytorch-triton", "pytorch-triton-rocm"):
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""


def build_fault(error: Exception) -> str:
    """Return in a few words why a kernel could not be built, empty where the error is about something else.

    Running out of device memory and faults of the device are something else: another backend would not help.
    """
    words = " ".join(str(error).split())[:300] or type(error).__name__
    if type(error).__module__.partition(".")[0] == "triton":
        # What the interpreter raises is a fault of the kernel, and no backend shall hide it.
        return "" if interpreting() else words
    if isinstance(error, (ImportError, OSError, subprocess.SubprocessError)):
        return words
    if type(error) is RuntimeError and any(sign in words for sign in _BUILD_WORDS):
        return words
    return ""


def _interpreter_fault(dtype: torch.dtype) -> str:
    if not interpreting():
        return "the triton kernels run on CUDA and ROCm; the device is cpu."
    if dtype == torch.bfloat16:
        return "Triton's interpreter does not compute in bfloat16; use float16 or float32, or a GPU."
    if importlib.util.find_spec("triton") is None:
        return "Triton is not installed."
    return ""


def hardware_fault(device: torch.device) -> str:
    """Return why a CUDA or ROCm device cannot take kernels: absent, or too old; empty where it can."""
    if not torch.cuda.is_available():
        return "torch sees no CUDA or ROCm device here."
    index = torch.cuda.current_device() if device.index is None else device.index
    if index >= torch.cuda.device_count():
        return f"there is no device cuda:{index}; torch sees {torch.cuda.device_count()}."
    return _index_fault(index)


@functools.cache
def _index_fault(index: int) -> str:
    properties = torch.cuda.get_device_properties(index)
    if torch.version.hip:
        arch = properties.gcnArchName
        return "" if _GFX.match(arch) else f"the triton kernels are built for gfx9 (CDNA), gfx11 and gfx12, not {arch}."
    found = (properties.major, properties.minor)
    if found < OLDEST_CAPABILITY:
        return f"the triton kernels need compute capability 8.0 or newer; this device has {found[0]}.{found[1]}."
    return ""
