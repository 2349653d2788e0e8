"""Budgets: what is free here, in a container and on a device, and what of it may be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.memory.budget import budget_of, free_bytes, free_host_bytes, oom_kills, process_fraction

GIB, MIB = 2**30, 2**20


def make(root: Path, files: dict[str, str]) -> Path:
    """Writes proc and sys files under a root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def machine(available: int, cgroup: str = "0::/\n") -> dict[str, str]:
    """Returns the proc files of a machine with so much memory free and a lot of swap."""
    meminfo = f"MemTotal: 99999999 kB\nMemAvailable: {available // 1024} kB\nSwapFree: 88888888 kB\n"
    return {"proc/meminfo": meminfo, "proc/self/cgroup": cgroup}


def test_a_tenth_and_half_a_gibibyte_stay_with_the_system() -> None:
    budget = budget_of(10 * GIB)
    assert budget.free_bytes == 10 * GIB
    assert budget.limit_bytes == 9 * GIB - 512 * MIB


def test_what_the_session_holds_is_its_own_and_workers_share_the_rest() -> None:
    assert budget_of(10 * GIB, held_bytes=GIB).limit_bytes == 10 * GIB - 512 * MIB
    shared = budget_of(10 * GIB, held_bytes=GIB, sharers=2)
    assert shared.free_bytes == 6 * GIB
    assert shared.limit_bytes == (9 * GIB - 512 * MIB) // 2 + GIB


def test_no_budget_is_negative() -> None:
    assert budget_of(100 * MIB).limit_bytes == 0
    assert budget_of(0, held_bytes=-5).limit_bytes == 0


def test_the_machine_alone_counts_what_is_available_and_no_swap(tmp_path: Path) -> None:
    assert free_host_bytes(make(tmp_path, machine(6 * GIB))) == 6 * GIB


def test_a_container_of_version_2_counts_with_those_around_it(tmp_path: Path) -> None:
    stat = f"anon 5\ninactive_file {100 * MIB}\nactive_file {200 * MIB}\n"
    files = machine(60 * GIB, "0::/pod/box\n") | {
        "sys/fs/cgroup/pod/box/memory.max": "max\n",
        "sys/fs/cgroup/pod/box/memory.current": str(GIB),
        "sys/fs/cgroup/pod/memory.max": str(4 * GIB),
        "sys/fs/cgroup/pod/memory.current": str(3 * GIB),
        "sys/fs/cgroup/pod/memory.stat": stat,
    }
    assert free_host_bytes(make(tmp_path, files)) == GIB + 200 * MIB
    make(tmp_path, {"sys/fs/cgroup/pod/box/memory.high": str(GIB + 64 * MIB)})
    assert free_host_bytes(tmp_path) == 64 * MIB


def test_a_container_that_sees_only_its_own_mount_counts(tmp_path: Path) -> None:
    files = machine(60 * GIB, "0::/../../system/box\n") | {
        "sys/fs/cgroup/memory.max": str(2 * GIB),
        "sys/fs/cgroup/memory.current": str(GIB),
    }
    assert free_host_bytes(make(tmp_path, files)) == GIB


def test_a_container_of_version_1_counts(tmp_path: Path) -> None:
    files = machine(60 * GIB, "8:pids:/x\n4:memory,hugetlb:/box\n0::/\n") | {
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": str(3 * GIB),
        "sys/fs/cgroup/memory/box/memory.usage_in_bytes": str(2 * GIB),
        "sys/fs/cgroup/memory/box/memory.stat": f"inactive_file 1\ntotal_inactive_file {512 * MIB}\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/memory.usage_in_bytes": str(50 * GIB),
    }
    assert free_host_bytes(make(tmp_path, files)) == GIB + 512 * MIB


def test_a_container_over_its_limit_has_nothing(tmp_path: Path) -> None:
    files = machine(GIB) | {"sys/fs/cgroup/memory.max": "100", "sys/fs/cgroup/memory.current": "200"}
    assert free_host_bytes(make(tmp_path, files)) == 0


def test_where_there_is_no_proc_psutil_answers(tmp_path: Path) -> None:
    assert free_host_bytes(tmp_path) > 16 * MIB


def test_this_machine_has_some() -> None:
    assert 16 * MIB < free_bytes("cpu") < 2**50


def test_a_device_answers_for_itself() -> None:
    asked = []

    def mem_get_info(device: str) -> tuple[int, int]:
        asked.append(device)
        return 5 * GIB, 8 * GIB

    assert free_bytes("cuda:1", mem_get_info) == 5 * GIB
    assert asked == ["cuda:1"]
    with pytest.raises(ValueError, match="mem_get_info"):
        free_bytes("cuda:0")


def test_the_share_of_a_device_is_one() -> None:
    assert process_fraction(3 * GIB, 8 * GIB) == 0.375
    assert process_fraction(9 * GIB, 8 * GIB) == 1.0
    assert process_fraction(-1, 8 * GIB) == 0.0


def test_kills_for_want_of_memory_are_counted_where_they_are(tmp_path: Path) -> None:
    assert oom_kills(tmp_path) is None
    make(tmp_path, machine(GIB, "0::/box\n") | {"proc/vmstat": "nr_free 5\noom_kill 3\n"})
    assert oom_kills(tmp_path) == 3
    make(tmp_path, {"sys/fs/cgroup/box/memory.events": "low 0\noom 9\noom_kill 2\n"})
    assert oom_kills(tmp_path) == 5
