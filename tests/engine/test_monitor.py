"""What the monitor sees of host and devices: with a driver, with an old one, with none, and when a device stops answering."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import psutil
import pytest

from engine.monitor import DeviceUse, MemoryUse, Monitor, MonitorThread


class NVMLError(Exception):
    """As pynvml raises it."""


class FakeNvml:
    """The functions of pynvml that the monitor uses, over a table of devices."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 2  # noqa: N815 - NVML's own name

    def __init__(self, *, driver: bool = True, second_version: bool = True, devices: int = 2) -> None:
        self.driver, self.second_version, self.devices = driver, second_version, devices
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

    def nvmlDeviceGetMemoryInfo(self, handle: int, version: int | None = None) -> SimpleNamespace:
        if handle in self.lost:
            raise NVMLError("GPU is lost")
        if version is None:
            return SimpleNamespace(total=1000, used=300)
        if not self.second_version:
            raise NVMLError("Function Not Found")
        return SimpleNamespace(total=1000, used=250, reserved=50)


def test_devices_are_seen_with_what_all_programs_use() -> None:
    with Monitor(FakeNvml()) as monitor:
        seen = monitor.look()
        assert monitor.why_no_devices == ""
    assert seen.devices == (DeviceUse(0, "GPU 0", 1000, 250, 50), DeviceUse(1, "GPU 1", 1000, 250, 50))


def test_an_old_driver_knows_the_first_version_only() -> None:
    with Monitor(FakeNvml(second_version=False, devices=1)) as monitor:
        assert monitor.look().devices == (DeviceUse(0, "GPU 0", 1000, 300),)


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


def test_a_device_that_stops_answering_is_left_out() -> None:
    nvml = FakeNvml()
    with Monitor(nvml) as monitor:
        nvml.lost.add(0)
        assert [device.index for device in monitor.look().devices] == [1]


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
            enough.set()

    thread = MonitorThread(on_look, Monitor(FakeNvml()), interval_s=0.001)
    thread.start()
    assert enough.wait(10)
    thread.stop()
    count = len(seen)
    assert [use.time_s for use in seen] == sorted(use.time_s for use in seen)
    assert not [each for each in threading.enumerate() if each.name == "triptych monitor"]
    assert len(seen) == count
