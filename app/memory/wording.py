"""Memory in words: amounts, devices, and why there is no GPU and what to do. Imports QtCore and the plain data of `engine`."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

if TYPE_CHECKING:
    from engine.monitor import NoGpu

GIB = 2**30
_UNKNOWN = "—"


def _tr(text: str) -> str:
    return QCoreApplication.translate("memory", text)


def gib_text(size_bytes: float) -> str:
    """Returns an amount as the panel writes it: `< 0.001 GiB`, `0.041 GiB`, `1.75 GiB`, `23.4 GiB`, `139 GiB`."""
    if isnan(size_bytes):
        return _UNKNOWN
    gib = size_bytes / GIB
    if 0 < gib < 0.0005:
        return _tr("< 0.001 GiB")
    decimals = 3 if 0 < gib < 0.0995 else 2 if gib < 9.995 else 1 if gib < 99.95 else 0
    return _tr("{amount} GiB").format(amount=f"{gib:.{decimals}f}")


def whole_gib_text(size_bytes: float) -> str:
    """Returns an amount without its fraction: `8 GiB`."""
    return _tr("{amount} GiB").format(amount=round(size_bytes / GIB))


def bytes_text(size_bytes: float) -> str:
    """Returns an amount to the byte, in groups of three: `1 234 567 bytes`."""
    if isnan(size_bytes):
        return _tr("unknown")
    # A narrow space that does not break.
    return _tr("{amount} bytes").format(amount=f"{round(size_bytes):,}".replace(",", "\u202f"))


def ago_text(seconds: float) -> str:
    """Returns how long ago something was: `12.3 s ago`."""
    return _tr("{seconds} s ago").format(seconds=f"{max(seconds, 0):.1f}")


def time_tick(seconds: float) -> str:
    """Returns a time before now for the axis: `now`, `−30 s`, `−5 min`."""
    whole = round(seconds)
    if whole == 0:
        return _tr("now")
    if whole % 60 == 0:
        return _tr("−{minutes} min").format(minutes=whole // 60)
    return _tr("−{seconds} s").format(seconds=whole)


def no_gpu_words(why: NoGpu) -> tuple[str, str]:
    """Returns why the models run on the processor, as a sentence, and what to do about it."""
    cuda_build = _tr("Install a torch with CUDA: pytorch.org/get-started/locally has the command.")
    match why.kind:
        case "mac":
            return (
                _tr("On a Mac the models run on the CPU."),
                _tr("Apple's GPU can be tried on the command line with --device mps; it has not been tested."),
            )
        case "no bindings":
            why_not = _tr("No GPU can be seen: the package nvidia-ml-py is missing.")
            advice = _tr("Install it with: pip install nvidia-ml-py")
        case "no driver":
            why_not = _tr("There is no GPU to use: no NVIDIA driver was found.")
            advice = _tr("If this computer has an NVIDIA card, install its driver and restart.")
        case "no device":
            why_not = _tr("There is no GPU to use: the NVIDIA driver lists none.")
            advice = _tr("Check that the card sits and is powered, and that `nvidia-smi` lists it.")
        case "cpu build":
            why_not = _tr("{card} is not used: this torch is a build for the CPU only.").format(card=why.detail)
            return why_not, cuda_build
        case "too old":
            card, _, capability = why.detail.partition(", ")
            why_not = _tr("{card} is too old for this torch (compute capability {capability}).").format(
                card=card, capability=capability
            )
            return why_not, _tr("Install a torch built for CUDA 12.6, or go on without the card.")
    if why.is_cpu_build:
        advice = f"{advice} {_tr('This torch is a build for the CPU only, too.')} {cuda_build}"
    return why_not, advice
