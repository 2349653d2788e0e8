"""Which devices there are, which one a request means, and why one is missing.

Imports torch, `engine.memory.budget` and `kernels`.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import torch

from engine.errors import DeviceError
from engine.memory.budget import free_host_bytes
from kernels import dispatch


def why_no_cuda() -> str:
    """Returns a sentence that says why torch finds no CUDA device and what to do; empty where it finds one."""
    if torch.cuda.is_available():
        return ""
    if torch.version.cuda is None and torch.version.hip is None:
        return "This torch is a CPU build. For an NVIDIA GPU, install a CUDA build: see https://pytorch.org/get-started/locally."
    if torch.cuda.device_count() == 0:
        return "No NVIDIA driver or no GPU was found: `nvidia-smi` should list one; install or update the driver."
    return "torch was built for CUDA, but the driver does not answer: update the NVIDIA driver and restart."


def resolve_device(name: str) -> str:
    """Returns the torch device that `--device NAME` means. Raises DeviceError with the reason where it is not there.

    "auto" takes the first CUDA device, else the CPU: MPS runs the same code but is untested, so it is taken when it is asked for.
    """
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return "cpu"
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise DeviceError("There is no MPS device here (it needs a Mac with Apple silicon).", "Use --device cpu.")
        return "mps"
    kind, _, index = name.partition(":")
    if kind == "cuda" and (index == "" or index.isdigit()):
        if not torch.cuda.is_available():
            raise DeviceError(
                f"There is no CUDA device. {why_no_cuda()}", "Use --device cpu, or run `triptych doctor`."
            )
        if int(index or 0) >= torch.cuda.device_count():
            count = torch.cuda.device_count()
            raise DeviceError(f"There is no device {name}: {count} found.", f"Use cuda:0 to cuda:{count - 1}.")
        return f"cuda:{int(index or 0)}"
    raise DeviceError(f"Unknown device {name!r}.", "Use auto, cpu, mps, cuda or cuda:N.")


def device_identity(device: str) -> str:
    """Returns what a measured answer is valid for: the device's name with driver and torch versions."""
    if device.startswith("cuda"):
        capability = ".".join(str(part) for part in torch.cuda.get_device_capability(device))
        name = torch.cuda.get_device_name(device)
        return f"{name} sm{capability} cuda{torch.version.cuda or torch.version.hip} driver{_driver()} torch{torch.__version__}"
    return f"{device} {platform.machine()} torch{torch.__version__}"


def _driver() -> str:
    try:
        import pynvml

        pynvml.nvmlInit()
        version = pynvml.nvmlSystemGetDriverVersion()
        return version if isinstance(version, str) else version.decode()
    except Exception:
        # NVML is missing on ROCm and in some containers; the torch version still tells two set-ups apart.
        return "unknown"


def _cuda_devices() -> list[dict[str, Any]]:
    devices = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        free, total = torch.cuda.mem_get_info(index)
        major, minor = torch.cuda.get_device_capability(index)
        devices.append(
            {
                "device": f"cuda:{index}",
                "name": torch.cuda.get_device_name(index),
                "capability": f"{major}.{minor}",
                "memory_total_bytes": total,
                "memory_free_bytes": free,
            }
        )
    return devices


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def examine() -> dict[str, Any]:
    """Returns devices, memory, versions and attention backends (with the reason where one is passed over)."""
    import psutil

    memory = psutil.virtual_memory()
    devices: list[dict[str, Any]] = _cuda_devices()
    if torch.backends.mps.is_available():
        devices.append({"device": "mps", "name": "Apple GPU (untested: the CPU's code in fp32)"})
    devices.append(
        {
            "device": "cpu",
            "name": _cpu_name(),
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "memory_total_bytes": memory.total,
            # Of the container, where this is one: less than the machine's.
            "memory_free_bytes": free_host_bytes(),
        }
    )
    chosen = resolve_device("auto")
    return {
        # A plain str: torch's own kind of string would have whoever unpickles the answer load torch.
        "torch": str(torch.__version__),
        "cuda": torch.version.cuda,
        "driver": _driver() if torch.cuda.is_available() else None,
        "device": chosen,
        "why_no_gpu": why_no_cuda(),
        "devices": devices,
        "backends": _backends(chosen),
    }


def _backends(device: str) -> dict[str, dict[str, dict[str, Any]]]:
    dtype = torch.float16 if device.startswith("cuda") else torch.float32
    return {
        operator: {name: {"ok": ok, "reason": reason} for name, (ok, reason) in row.items()}
        for operator, row in dispatch.support_table(device, dtype).items()
    }
