"""How much memory the devices and the host have and use, whoever uses it: what a picture of it needs beside the worker's figures.

Imports the standard library, psutil, and pynvml where it is installed; never torch, so it runs in the window's process. NVIDIA's
management library counts what every program holds on a device, which torch in one process cannot know.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil

# Four looks a second: enough to see each tile, and nothing on a processor.
INTERVAL_S = 0.25


@dataclass(frozen=True)
class DeviceUse:
    """A GPU as NVML sees it: `index` and `name`, and bytes in total, used by all programs, and held back by the driver."""

    index: int
    name: str
    total_bytes: int
    used_bytes: int
    reserved_bytes: int = 0


@dataclass(frozen=True)
class MemoryUse:
    """One look. `time_s`: by the monotonic clock. `host_used_bytes`: all memory that cannot be had without swapping."""

    time_s: float
    host_total_bytes: int
    host_used_bytes: int
    devices: tuple[DeviceUse, ...] = ()


class Monitor:
    """Looks at the memory of host and devices. `close` gives the library back; also a context manager.

    `nvml`: a module with the functions of pynvml (tests bring their own); None: pynvml, where it is installed and finds a driver.
    `why_no_devices` says in a sentence why there are none, empty where there are.
    """

    def __init__(self, nvml: Any = None) -> None:
        self.why_no_devices = ""
        self._nvml = nvml if nvml is not None else _pynvml()
        self._handles: list[tuple[int, str, Any]] = []
        if self._nvml is None:
            self.why_no_devices = "The package nvidia-ml-py is not installed."
            return
        try:
            self._nvml.nvmlInit()
            for index in range(self._nvml.nvmlDeviceGetCount()):
                handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
                self._handles.append((index, _text(self._nvml.nvmlDeviceGetName(handle)), handle))
        except self._nvml.NVMLError as error:
            self._nvml, self.why_no_devices = None, f"No NVIDIA driver was found ({error})."
            return
        if not self._handles:
            self.why_no_devices = "The NVIDIA driver lists no GPU."

    def look(self) -> MemoryUse:
        """Returns the memory in use now. A device that stops answering is left out."""
        host = psutil.virtual_memory()
        devices = [self._device(*each) for each in self._handles]
        return MemoryUse(
            time.monotonic(),
            host.total,
            host.total - host.available,
            tuple(device for device in devices if device is not None),
        )

    def close(self) -> None:
        """Gives the library back; may be called twice."""
        if self._nvml is not None:
            self._nvml.nvmlShutdown()
        self._nvml, self._handles = None, []

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _device(self, index: int, name: str, handle: Any) -> DeviceUse | None:
        try:
            return self._read(index, name, handle)
        except self._nvml.NVMLError:
            return None

    def _read(self, index: int, name: str, handle: Any) -> DeviceUse:
        nvml = self._nvml
        try:
            # The second version tells what the driver holds back apart from what programs use.
            memory = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
            return DeviceUse(index, name, int(memory.total), int(memory.used), int(memory.reserved))
        except (nvml.NVMLError, AttributeError, TypeError):
            # Drivers before 510 and old bindings know the first only.
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            return DeviceUse(index, name, int(memory.total), int(memory.used))


class MonitorThread:
    """Calls `on_look` with what a monitor sees, every `interval_s`, from a thread of its own, until `stop`."""

    def __init__(
        self, on_look: Callable[[MemoryUse], None], monitor: Monitor | None = None, interval_s: float = INTERVAL_S
    ) -> None:
        self._on_look = on_look
        self._monitor = monitor
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="triptych monitor", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread has ended; after that `on_look` is not called any more."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        # Made here: finding a driver takes tenths of a second that a window's first paint should not wait for.
        with self._monitor or Monitor() as monitor:
            while not self._stop.is_set():
                self._on_look(monitor.look())
                self._stop.wait(self._interval_s)


def _pynvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode(errors="replace")
