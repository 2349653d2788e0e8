"""Finds out what an interrupted job has finished: the records whose CRCs hold against the canvas file.

Imports plain modules of `engine`. Nothing is believed that the bytes do not prove: no record's word, no order in which
pages and records reached the disk.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from engine.canvas import RasterRef
from engine.journal import Record, RecordKind, read_journal
from engine.positional import PositionalFile
from engine.tiling.geometry import Box, TilePlan
from engine.tiling.layout import CanvasLayout

_PIECE_BYTES = 2**20


@dataclass(frozen=True)
class Recovery:
    """What need not be done again: indices of tiles and of seam regions; `notes`: tiles that were done differently, and how."""

    tiles: frozenset[int] = frozenset()
    seams: frozenset[int] = frozenset()
    notes: dict[int, str] = field(default_factory=dict)


def recover(
    plan: TilePlan,
    canvas: RasterRef,
    scale: int,
    journals: Iterable[Path],
    stamp: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> Recovery:
    """Reads the journals of a job and checks every record against the canvas file (about a second a gigabyte, once cached).

    A seam counts where its pixels hold. A tile counts where its pixels hold and either its margins do or none of them is needed
    any more, because all its seams count. A canvas that is missing or too short proves what its bytes prove. `on_progress`
    is told the fraction of the records that have been checked. Raises OSError where the files cannot be opened.
    """
    layout = CanvasLayout(plan, canvas, scale)
    records = _by_task(layout, (record for path in journals for record in read_journal(path, stamp)))
    try:
        file = PositionalFile(Path(canvas.path), read_only=True)
    except FileNotFoundError:
        return Recovery()
    try:
        return _check(layout, file, records, on_progress)
    finally:
        file.close()


def _by_task(layout: CanvasLayout, records: Iterable[Record]) -> dict[tuple[RecordKind, int], list[Record]]:
    """Groups the records by their task; those that name another box than the plan are left out."""
    tasks: dict[tuple[RecordKind, int], list[Record]] = {}
    for record in records:
        if _box_of(layout, record.kind, record.index) == record.box:
            tasks.setdefault((record.kind, record.index), []).append(record)
    return tasks


def _box_of(layout: CanvasLayout, kind: RecordKind, index: int) -> Box | None:
    if kind == "tile":
        return layout.core(index) if index < len(layout.plan.tiles) else None
    if index >= len(layout.plan.regions) or len(layout.plan.regions[index].tiles) == 1:
        return None
    return layout.plan.regions[index].box.scaled(layout.scale)


def _check(
    layout: CanvasLayout,
    file: PositionalFile,
    records: dict[tuple[RecordKind, int], list[Record]],
    on_progress: Callable[[float], None] | None,
) -> Recovery:
    tiles: set[int] = set()
    seams: set[int] = set()
    notes: dict[int, str] = {}
    # "seam" before "tile": a tile may need to know that all of its seams are there.
    for done, ((kind, index), tries) in enumerate(sorted(records.items(), key=lambda item: item[0]), start=1):
        pixels_crc = _pixels_crc(layout, file, tries[0].box)
        holding = [record for record in tries if record.pixels_crc == pixels_crc]
        if kind == "seam" and holding:
            seams.add(index)
        if kind == "tile" and holding:
            margins_crc = _crc(file, *layout.margins(index))
            whole = [record for record in holding if record.margins_crc == margins_crc]
            if whole or seams.issuperset(layout.plan.seams_of[index]):
                tiles.add(index)
                note = (whole or holding)[-1].note
                if note:
                    notes[index] = note
        if on_progress is not None:
            on_progress(done / len(records))
    return Recovery(frozenset(tiles), frozenset(seams), notes)


def _pixels_crc(layout: CanvasLayout, file: PositionalFile, sr_box: Box) -> int | None:
    crc = 0
    for offset, rows in layout.rows(sr_box):
        longer = _crc(file, offset, (rows.stop - rows.start) * layout.row_bytes(sr_box), crc)
        if longer is None:
            return None
        crc = longer
    return crc


def _crc(file: PositionalFile, offset_bytes: int, size_bytes: int, crc: int = 0) -> int | None:
    """Returns the CRC of a stretch of the file, or None where the file ends before or the disk cannot read it."""
    buffer = memoryview(bytearray(min(size_bytes, _PIECE_BYTES)))
    end = offset_bytes + size_bytes
    try:
        while offset_bytes < end:
            piece = buffer[: end - offset_bytes]
            file.read_into(offset_bytes, piece)
            crc = zlib.crc32(piece, crc)
            offset_bytes += len(piece)
    except (EOFError, OSError):
        return None
    return crc
