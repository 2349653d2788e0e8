"""What the monitor sees of host and devices: with a driver, with an old one, with none, and when a device stops answering."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from engine.memory.probe import private_bytes
from engine.monitor import DeviceUse, MemoryUse, Monitor, MonitorThread, NoGpu, ProcessUse, TorchBuild, torch_build

CUDA_13 = TorchBuild("13.0", True)
CPU_ONLY = TorchBuild("", False)


class NVMLError(Exception):
    """As pynvml raises it."""


class FakeNvml:
    """The functions of pynvml that the monitor uses, over a table of devices."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 2  # noqa: N815 - NVML's own name

    def __init__(
        self,
        *,
        driver: bool = True,
        second_version: bool = True,
        devices: int = 2,
        capability: tuple[int, int] = (9, 0),
    ) -> None:
        self.driver, self.second_version, self.devices = driver, second_version, devices
        self.capability = capability
        self.tells_processes = True
        self.lost: set[int] = set()
        self.shutdowns = 0

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NVMLError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:
        self.shutdowns += 1

    def nvmlDeviceGetCount(self) -> int:
        return self.devices

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> bytes:
        return f"GPU {handle}".encode()

    def nvmlDeviceGetUUID(self, handle: int) -> bytes:
        return f"GPU-{handle:04}".encode()

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> list[int]:
        return list(self.capability)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        if not self.tells_processes:
            raise NVMLError("Insufficient Permissions")
        return [SimpleNamespace(pid=7, usedGpuMemory=120), SimpleNamespace(pid=8, usedGpuMemory=None)]

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: int | None = None) -> SimpleNamespace:
        if handle in self.lost:
            raise NVMLError("GPU is lost")
        if version is None:
            return SimpleNamespace(total=1000, used=300)
        if not self.second_version:
            raise NVMLError("Function Not Found")
        return SimpleNamespace(total=1000, used=250, reserved=50)


def test_devices_are_seen_with_what_all_programs_use() -> None:
    with Monitor(FakeNvml(), CUDA_13) as monitor:
        seen = monitor.look()
        assert monitor.why_no_devices == ""
    processes = (ProcessUse(7, 120),)
    assert seen.devices == (
        DeviceUse(0, "GPU 0", 1000, 250, 50, "GPU-0000", processes),
        DeviceUse(1, "GPU 1", 1000, 250, 50, "GPU-0001", processes),
    )
    assert seen.no_gpu is None


def test_an_old_driver_knows_the_first_version_only() -> None:
    nvml = FakeNvml(second_version=False, devices=1)
    nvml.tells_processes = False
    with Monitor(nvml, CUDA_13) as monitor:
        assert monitor.look().devices == (DeviceUse(0, "GPU 0", 1000, 300, 0, "GPU-0000"),)


@pytest.mark.parametrize(
    ("nvml", "reason"),
    [(FakeNvml(driver=False), "No NVIDIA driver was found"), (FakeNvml(devices=0), "The NVIDIA driver lists no GPU")],
)
def test_without_devices_the_host_is_seen_and_the_reason_said(nvml: FakeNvml, reason: str) -> None:
    with Monitor(nvml) as monitor:
        seen = monitor.look()
        assert monitor.why_no_devices.startswith(reason)
    assert seen.devices == ()
    assert seen.host_total_bytes == psutil.virtual_memory().total
    assert 0 < seen.host_used_bytes < seen.host_total_bytes


@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac has a reason of its own")
@pytest.mark.parametrize(
    ("nvml", "build", "why"),
    [
        (FakeNvml(driver=False), CUDA_13, NoGpu("no driver", "Driver Not Loaded")),
        (FakeNvml(driver=False), CPU_ONLY, NoGpu("no driver", "Driver Not Loaded", True)),
        (FakeNvml(devices=0), CUDA_13, NoGpu("no device")),
        (FakeNvml(), CPU_ONLY, NoGpu("cpu build", "GPU 0", True)),
        (FakeNvml(capability=(6, 1)), CUDA_13, NoGpu("too old", "GPU 0, 6.1 < 7.5")),
        (FakeNvml(capability=(6, 1)), TorchBuild("12.6", True), None),
        (FakeNvml(capability=(7, 5)), CUDA_13, None),
        (FakeNvml(capability=(6, 1)), TorchBuild("", True), None),
    ],
)
def test_why_no_gpu_is_used(nvml: FakeNvml, build: TorchBuild, why: NoGpu | None) -> None:
    with Monitor(nvml, build) as monitor:
        assert monitor.look().no_gpu == why


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", TorchBuild("", False)),
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", TorchBuild("13.0", True)),
        ("__version__ = '2.12.0'\ncuda = '12.6'\n", TorchBuild("12.6", True)),
        ("cuda = None\nhip = '6.4'\n", TorchBuild("", True)),
        ("cuda = (\n", None),
    ],
)
def test_the_build_of_torch_is_read_from_its_version_file(text: str, build: TorchBuild | None, tmp_path: Path) -> None:
    file = tmp_path / "version.py"
    file.write_text(text)
    assert torch_build(file) == build
    assert torch_build(tmp_path / "missing.py") is None


def test_the_installed_torch_is_read_without_loading_it() -> None:
    check = "import sys; from engine.monitor import torch_build; b = torch_build(); assert 'torch' not in sys.modules; print(b)"
    told = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
    import torch

    assert told.stdout.strip() == str(
        TorchBuild(torch.version.cuda or "", bool(torch.version.cuda or torch.version.hip))
    )


def test_a_device_that_stops_answering_is_left_out() -> None:
    nvml = FakeNvml()
    with Monitor(nvml) as monitor:
        nvml.lost.add(0)
        assert [device.index for device in monitor.look().devices] == [1]


def test_a_watched_process_is_seen_until_it_ends() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with Monitor(FakeNvml(driver=False)) as monitor:
        monitor.watch(os.getpid())
        monitor.watch(child.pid)
        seen = {each.process_id: each.used_bytes for each in monitor.look().processes}
        assert seen.keys() == {os.getpid(), child.pid}
        assert seen[os.getpid()] == pytest.approx(private_bytes(), rel=0.05)
        child.communicate(b"\n")
        assert [each.process_id for each in monitor.look().processes] == [os.getpid()]
        monitor.watch(child.pid)
        assert [each.process_id for each in monitor.look().processes] == [os.getpid()]


def test_the_library_is_given_back_once() -> None:
    nvml = FakeNvml()
    with Monitor(nvml) as monitor:
        monitor.close()
    assert nvml.shutdowns == 1


def test_the_thread_looks_again_and_again_and_ends() -> None:
    seen: list[MemoryUse] = []
    enough = threading.Event()

    def on_look(use: MemoryUse) -> None:
        seen.append(use)
        if len(seen) == 3:
            thread.watch(os.getpid())
        if use.processes:
            enough.set()

    thread = MonitorThread(on_look, Monitor(FakeNvml()), interval_s=0.001)
    thread.start()
    assert enough.wait(10)
    thread.stop()
    count = len(seen)
    assert [use.time_s for use in seen] == sorted(use.time_s for use in seen)
    assert not [each for each in threading.enumerate() if each.name == "triptych monitor"]
    assert len(seen) == count
