"""The journal of a job: one record for each finished tile and each blended seam, appended by one writer.

Imports the standard library and `engine.tiling.geometry`. A journal is a file of records of `RECORD_BYTES` bytes. Each carries
the CRC of the pixels it speaks for and one of itself, so that after a kill or a power cut nothing needs to be believed: what
does not hold does not count. A journal has one writer in its life; another run, or another worker, begins another file.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal

from engine.positional import PositionalFile
from engine.tiling.geometry import Box

RecordKind = Literal["tile", "seam"]

_MAGIC = b"TJ01"
_KINDS: tuple[RecordKind, ...] = ("tile", "seam")
# magic, kind, index, box (top, left, height, width), CRC of the pixels, CRC of the margins, sequence, note; then its own CRC.
_BODY = struct.Struct("<4sI I 4I I I Q 48s")
_CHECK = struct.Struct("<I")
NOTE_BYTES = 48
RECORD_BYTES = _BODY.size + _CHECK.size


@dataclass(frozen=True)
class Record:
    """A tile or a seam is in the canvas: which (index of the tile or of the region), and what its bytes must sum to.

    `box` is where its pixels lie in the canvas (output pixels; of no size for a tile without a core). `margins_crc` is that of a
    tile's saved margins, 0 for a seam. `sequence` counts the records of one writer. `note` says what was done differently
    from the plan: "" or words such as "smaller tiles", "fp32", "reference" (at most 48 bytes).
    """

    kind: RecordKind
    index: int
    box: Box
    pixels_crc: int
    margins_crc: int = 0
    sequence: int = 0
    note: str = ""


def _pack(record: Record, stamp: int) -> bytes:
    note = record.note.encode()
    if len(note) > NOTE_BYTES:
        raise ValueError(f"a note has at most {NOTE_BYTES} bytes: {record.note!r}")
    box = record.box
    body = _BODY.pack(
        _MAGIC,
        _KINDS.index(record.kind),
        record.index,
        box.top,
        box.left,
        box.height,
        box.width,
        record.pixels_crc,
        record.margins_crc,
        record.sequence,
        note,
    )
    return body + _CHECK.pack(zlib.crc32(body, stamp))


def _unpack(data: bytes, stamp: int) -> Record | None:
    """Returns the record, or None where its own CRC does not hold."""
    body, (check,) = data[: _BODY.size], _CHECK.unpack(data[_BODY.size :])
    if zlib.crc32(body, stamp) != check:
        return None
    magic, kind, index, top, left, height, width, pixels_crc, margins_crc, sequence, note = _BODY.unpack(body)
    if magic != _MAGIC or kind >= len(_KINDS):
        return None
    text = note.rstrip(b"\0").decode(errors="replace")
    return Record(_KINDS[kind], index, Box(top, left, height, width), pixels_crc, margins_crc, sequence, text)


class JournalWriter:
    """Appends records to one journal; what `append` returned from survives a kill, what `sync` returned from a power cut.

    `stamp` is mixed into the CRC of every record (`JobHeader.stamp`): a journal that was left by another run reads as empty. A
    file that exists already is continued after its last whole record. Raises OSError where the disk does.
    """

    def __init__(self, path: Path, stamp: int = 0) -> None:
        self._stamp = stamp
        self._file = PositionalFile(path, create=True)
        self._slots = self._file.size_bytes // RECORD_BYTES

    def append(self, record: Record) -> Record:
        """Writes the record, in the next place of this writer's sequence, and returns it as written."""
        record = replace(record, sequence=self._slots)
        # By position: a record that a full disk cut in two is overwritten by the next, which would else lie askew behind it.
        self._file.write_at(self._slots * RECORD_BYTES, _pack(record, self._stamp))
        self._slots += 1
        return record

    def sync(self) -> None:
        """Returns when the records are on the disk."""
        self._file.sync()

    def close(self) -> None:
        """Syncs and closes; may be called twice."""
        if self._file.is_open:
            try:
                self._file.sync()
            finally:
                self._file.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: Path, stamp: int = 0) -> list[Record]:
    """Returns the records whose own CRC holds, in the order they were written; a torn tail and damaged records are left out.

    A journal that does not exist is empty.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    whole_bytes = len(data) - len(data) % RECORD_BYTES
    slots = (_unpack(data[start : start + RECORD_BYTES], stamp) for start in range(0, whole_bytes, RECORD_BYTES))
    return [record for record in slots if record is not None]
