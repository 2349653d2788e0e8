"""Journals: cut at every byte, damaged at every byte, left by another run, met by a full disk."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal import NOTE_BYTES, RECORD_BYTES, JournalWriter, Record, read_journal
from engine.tiling.geometry import Box

UINT32 = st.integers(0, 2**32 - 1)
RECORDS = st.builds(
    Record,
    st.sampled_from(["tile", "seam"]),
    UINT32,
    st.builds(Box, UINT32, UINT32, UINT32, UINT32),
    UINT32,
    UINT32,
    note=st.sampled_from(["", "smaller tiles", "fp32", "smaller tiles, reference", "é" * (NOTE_BYTES // 2)]),
)


def some_records(count: int) -> list[Record]:
    return [Record("seam" if i % 3 else "tile", i, Box(i, 2, 3, 4), i * 77, i * 99, i, "fp32") for i in range(count)]


def write(path: Path, records: list[Record], stamp: int = 0) -> list[Record]:
    with JournalWriter(path, stamp) as journal:
        return [journal.append(record) for record in records]


@given(st.lists(RECORDS, max_size=8), UINT32)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, records: list[Record], stamp: int) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.0"
    written = write(path, records, stamp)
    assert read_journal(path, stamp) == written
    assert [record.sequence for record in written] == list(range(len(records)))


def test_a_journal_cut_at_any_byte_holds_its_whole_records(tmp_path: Path) -> None:
    records = write(tmp_path / "whole", some_records(3))
    data = (tmp_path / "whole").read_bytes()
    assert len(data) == 3 * RECORD_BYTES
    path = tmp_path / "cut"
    for length in range(len(data) + 1):
        path.write_bytes(data[:length])
        assert read_journal(path) == records[: length // RECORD_BYTES]


def test_a_damaged_byte_costs_its_record_and_no_other(tmp_path: Path) -> None:
    records = write(tmp_path / "whole", some_records(3))
    data = (tmp_path / "whole").read_bytes()
    path = tmp_path / "damaged"
    for position in range(len(data)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :])
        lost = position // RECORD_BYTES
        assert read_journal(path) == records[:lost] + records[lost + 1 :]


def test_pages_of_zeros_are_no_records(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(4 * RECORD_BYTES))
    assert read_journal(tmp_path / "zeros") == []
    assert read_journal(tmp_path / "absent") == []


def test_the_journal_of_another_run_is_empty(tmp_path: Path) -> None:
    write(tmp_path / "j", some_records(3), stamp=1)
    assert read_journal(tmp_path / "j", stamp=2) == []
    assert len(read_journal(tmp_path / "j", stamp=1)) == 3


def test_a_torn_journal_is_continued_after_its_last_whole_record(tmp_path: Path) -> None:
    path = tmp_path / "j"
    records = write(path, some_records(3))
    path.write_bytes(path.read_bytes()[:-7])
    (third,) = write(path, [records[2]])
    assert read_journal(path) == [*records[:2], third]


def test_a_record_is_there_before_the_journal_is_closed_and_close_may_come_twice(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path / "j")
    record = journal.append(some_records(1)[0])
    assert read_journal(tmp_path / "j") == [record]
    journal.close()
    journal.close()


def test_a_note_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "j") as journal, pytest.raises(ValueError, match="48 bytes"):
        journal.append(Record("tile", 0, Box(0, 0, 1, 1), 0, note="x" * (NOTE_BYTES + 1)))


def test_a_record_that_a_full_disk_cut_is_overwritten_by_the_next(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / "j"
    first, second, third = some_records(3)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with JournalWriter(path) as journal:
        journal.append(first)
        resource.setrlimit(resource.RLIMIT_FSIZE, (RECORD_BYTES + 40, hard))
        try:
            with pytest.raises(OSError, match="File too large") as caught:
                journal.append(second)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.errno == errno.EFBIG
        assert path.stat().st_size == RECORD_BYTES + 40
        journal.append(third)
    assert [record.index for record in read_journal(path)] == [0, 2]
