"""How much memory the devices and the host have and use, whoever uses it: what a picture of it needs beside the worker's figures.

Imports the standard library, `engine.memory.budget`, psutil, and pynvml where it is installed; never torch, so it runs in the
window's process. NVIDIA's management library counts what every program holds on a device, which torch in one process cannot know.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal

import psutil

from engine.memory.budget import free_host_bytes

# Four looks a second: enough to see each tile, and nothing on a processor.
INTERVAL_S = 0.25


_STATM = Path("/proc/self/statm")
# What CUDA itself still supports, by its major version: compute capability 7.5 is Turing, 5.0 Maxwell.
_LEAST_CAPABILITY = {12: (5, 0), 13: (7, 5)}

NoGpuKind = Literal["mac", "no bindings", "no driver", "no device", "cpu build", "too old"]


@dataclass(frozen=True)
class ProcessUse:
    """What one process holds: on a GPU what the driver counts for it, on the host its private memory."""

    process_id: int
    used_bytes: int


@dataclass(frozen=True)
class DeviceUse:
    """A GPU as NVML sees it: `index` and `name`, and bytes in total, used by all programs, and held back by the driver.

    `processes`: what it counts for which, as far as it may tell (in a container and on Windows it often may not).
    """

    index: int
    name: str
    total_bytes: int
    used_bytes: int
    reserved_bytes: int = 0
    uuid: str = ""
    processes: tuple[ProcessUse, ...] = ()


@dataclass(frozen=True)
class NoGpu:
    """Why the models run on the processor. `detail`: the driver's words, or the card. `is_cpu_build`: torch could not use one."""

    kind: NoGpuKind
    detail: str = ""
    is_cpu_build: bool = False


@dataclass(frozen=True)
class MemoryUse:
    """One look. `time_s`: by the monotonic clock. `host_used_bytes`: all memory that cannot be had without swapping.

    In a container that is also what it may not use. `processes`: the private memory of those that are watched and live. `no_gpu`:
    why the models do not run on a GPU, None where one is there for them.
    """

    time_s: float
    host_total_bytes: int
    host_used_bytes: int
    devices: tuple[DeviceUse, ...] = ()
    processes: tuple[ProcessUse, ...] = ()
    no_gpu: NoGpu | None = None


@dataclass(frozen=True)
class TorchBuild:
    """The installed torch: for which version of CUDA, "" for none; `has_gpu`: for any GPU (ROCm's too)."""

    cuda: str
    has_gpu: bool


def torch_build(version_file: Path | None = None) -> TorchBuild | None:
    """Returns what the installed torch was built for, from its version file, without loading torch. None where there is none."""
    if version_file is None:
        found = importlib.util.find_spec("torch")
        if found is None or found.origin is None:
            return None
        version_file = Path(found.origin).parent / "version.py"
    try:
        tree = ast.parse(version_file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return None
    values: dict[str, str] = {}
    for statement in tree.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                values[target.id] = value.value
    cuda = values.get("cuda", "")
    return TorchBuild(cuda, bool(cuda or values.get("hip") or values.get("xpu")))


class Monitor:
    """Looks at the memory of host and devices. `close` gives the library back; also a context manager.

    `nvml`: a module with the functions of pynvml (tests bring their own); None: pynvml, where it is installed and finds a driver.
    `why_no_devices` says in a sentence why there are none, empty where there are; `no_gpu` why none is of use. `build`: of torch.
    """

    def __init__(self, nvml: Any = None, build: TorchBuild | None = None) -> None:
        self.why_no_devices = ""
        self.no_gpu: NoGpu | None = None
        self._nvml = nvml if nvml is not None else _pynvml()
        self._handles: list[tuple[int, str, str, Any]] = []
        self._watched: dict[int, psutil.Process] = {}
        self._build = build or torch_build()
        is_cpu_build = self._build is not None and not self._build.has_gpu
        if self._nvml is None:
            self.why_no_devices = "The package nvidia-ml-py is not installed."
            self.no_gpu = NoGpu("no bindings", "", is_cpu_build)
        else:
            self._find(is_cpu_build)
        if self.no_gpu is not None and sys.platform == "darwin":
            self.no_gpu = NoGpu("mac")

    def _find(self, is_cpu_build: bool) -> None:
        """Lists the devices, or says why there are none."""
        nvml = self._nvml
        try:
            nvml.nvmlInit()
            for index in range(nvml.nvmlDeviceGetCount()):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                name, uuid = _text(nvml.nvmlDeviceGetName(handle)), _text(nvml.nvmlDeviceGetUUID(handle))
                self._handles.append((index, name, uuid, handle))
        except nvml.NVMLError as error:
            self._nvml, self.why_no_devices = None, f"No NVIDIA driver was found ({error})."
            self.no_gpu = NoGpu("no driver", str(error), is_cpu_build)
            return
        if not self._handles:
            self.why_no_devices = "The NVIDIA driver lists no GPU."
            self.no_gpu = NoGpu("no device", "", is_cpu_build)
        elif is_cpu_build:
            self.no_gpu = NoGpu("cpu build", self._handles[0][1], True)
        else:
            self.no_gpu = self._too_old()

    def _too_old(self) -> NoGpu | None:
        """Returns which card this torch has no code for, where that holds for all of them."""
        cuda = self._build.cuda if self._build is not None else ""
        major = cuda.partition(".")[0]
        least = _LEAST_CAPABILITY.get(int(major)) if major.isdigit() else None
        if least is None:
            return None
        for _, _, _, handle in self._handles:
            try:
                capability = tuple(self._nvml.nvmlDeviceGetCudaComputeCapability(handle))
            except self._nvml.NVMLError:
                # A driver that does not tell: torch will.
                return None
            if capability >= least:
                return None
        name = self._handles[0][1]
        return NoGpu("too old", f"{name}, {capability[0]}.{capability[1]} < {least[0]}.{least[1]}")

    def watch(self, process_id: int) -> None:
        """Has every look from now on tell the private memory of this process too, for as long as it lives."""
        try:
            self._watched[process_id] = psutil.Process(process_id)
        except psutil.NoSuchProcess:
            self._watched.pop(process_id, None)

    def look(self) -> MemoryUse:
        """Returns the memory in use now. A device that stops answering is left out, and a process that has ended."""
        total_bytes = psutil.virtual_memory().total
        devices = [self._device(*each) for each in self._handles]
        return MemoryUse(
            time.monotonic(),
            total_bytes,
            max(total_bytes - free_host_bytes(), 0),
            tuple(device for device in devices if device is not None),
            tuple(self._processes()),
            self.no_gpu,
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

    def _processes(self) -> list[ProcessUse]:
        found = []
        for process_id, process in list(self._watched.items()):
            try:
                found.append(ProcessUse(process_id, _private_bytes(process)))
            except (psutil.Error, OSError):
                # It has ended.
                del self._watched[process_id]
        return found

    def _device(self, index: int, name: str, uuid: str, handle: Any) -> DeviceUse | None:
        try:
            return self._read(index, name, uuid, handle)
        except self._nvml.NVMLError:
            return None

    def _read(self, index: int, name: str, uuid: str, handle: Any) -> DeviceUse:
        nvml = self._nvml
        processes = self._processes_on(handle)
        try:
            # The second version tells what the driver holds back apart from what programs use.
            memory = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
            figures = int(memory.total), int(memory.used), int(memory.reserved)
        except (nvml.NVMLError, AttributeError, TypeError):
            # Drivers before 510 and old bindings know the first only.
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            figures = int(memory.total), int(memory.used), 0
        return DeviceUse(index, name, *figures, uuid, processes)

    def _processes_on(self, handle: Any) -> tuple[ProcessUse, ...]:
        try:
            running = self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        except self._nvml.NVMLError:
            return ()
        return tuple(
            ProcessUse(each.pid, int(each.usedGpuMemory)) for each in running if each.usedGpuMemory is not None
        )


class MonitorThread:
    """Calls `on_look` with what a monitor sees, every `interval_s`, from a thread of its own, until `stop`.

    `watch` names a process whose private memory is to be seen too, from the next look on; safe from any thread.
    """

    def __init__(
        self, on_look: Callable[[MemoryUse], None], monitor: Monitor | None = None, interval_s: float = INTERVAL_S
    ) -> None:
        self._on_look = on_look
        self._monitor = monitor
        self._interval_s = interval_s
        self._to_watch: SimpleQueue[int] = SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="triptych monitor", daemon=True)

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def watch(self, process_id: int) -> None:
        """Has the looks tell the private memory of this process too."""
        self._to_watch.put(process_id)

    def stop(self) -> None:
        """Returns when the thread has ended; after that `on_look` is not called any more."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        # Made here: finding a driver takes tenths of a second that a window's first paint should not wait for.
        with self._monitor or Monitor() as monitor:
            while not self._stop.is_set():
                while not self._to_watch.empty():
                    monitor.watch(self._to_watch.get())
                self._on_look(monitor.look())
                self._stop.wait(self._interval_s)


def _pynvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _private_bytes(process: psutil.Process) -> int:
    """As `engine.memory.probe.private_bytes`, of another process."""
    if _STATM.exists():
        # Resident pages less those of files and shared ones, which is what the kernel calls anonymous.
        memory = process.memory_info()
        return int(memory.rss - memory.shared)
    return int(process.memory_full_info().uss)


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode(errors="replace")
