"""EXIF blocks: rewritten for a result of another size, with as little changed as can be.

Imports the standard library and `engine.imaging.tiff_tags`. A block is a TIFF without pixels whose values may point anywhere in
it, maker notes above all, in ways that only their maker knows. So nothing in it is moved: numbers are changed where they stand,
and what is longer than its place is appended. Tags by CIPA DC-008 (Exif 3.0), section 4.6.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

from engine.imaging.tiff_tags import (
    ASCII,
    BYTE,
    EXIF_DIRECTORY,
    LONG,
    RATIONAL,
    SHORT,
    SOFTWARE,
    Directory,
    Entry,
    Field,
    Layout,
    Tree,
    ascii_field,
    build,
    read_directory,
    read_first_directory,
    read_layout,
    read_tree,
    read_value,
)

_PREFIX = b"Exif\0\0"
IMAGE_WIDTH, IMAGE_LENGTH, ORIENTATION = 256, 257, 274
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
# Position and length of a thumbnail in JPEG, and of one without compression.
_THUMBNAIL_PLACES = ((513, 514), (273, 279))
_PIXEL_X, _PIXEL_Y = 0xA002, 0xA003
_EXIF_VERSION = 0x9000
_PER_INCH, _PER_CM = 2, 3
# From this orientation on the stored rows are shown as columns.
_FIRST_TURNED = 5

# Tags of a TIFF's first directory that say how its pixels are stored, where other directories lie, or what libvips writes itself.
_STRUCTURE = frozenset(
    {
        254,
        255,
        256,
        257,
        258,
        259,
        262,
        263,
        264,
        265,
        266,
        273,
        274,
        277,
        278,
        279,
        280,
        281,
        284,
        288,
        289,
        290,
        291,
        292,
        293,
    }
    | {
        297,
        301,
        317,
        320,
        321,
        322,
        323,
        324,
        325,
        326,
        327,
        328,
        330,
        332,
        333,
        334,
        336,
        338,
        339,
        340,
        341,
        342,
        343,
        344,
        345,
    }
    | {
        346,
        347,
        351,
        400,
        401,
        402,
        403,
        404,
        405,
        433,
        434,
        435,
        512,
        513,
        514,
        515,
        517,
        518,
        519,
        520,
        521,
        529,
        530,
        531,
        532,
    }
    | {559, 700, 32995, 32996, 32997, 32998, 33723, 34377, 34675, 34676, 37439, 37724}
)
_RESOLUTION = frozenset({X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT})
# GeoTIFF: where the pixels lie on the earth, which is another place for pixels of another size.
_GEO = frozenset({33550, 33922, 34264, 34735, 34736, 34737})


def without_prefix(blob: bytes) -> bytes:
    """Returns the block without the six bytes that JPEG and libvips put before it."""
    return blob.removeprefix(_PREFIX)


def rewritten(blob: bytes, height: int, width: int, software: str) -> bytes:
    """Returns an EXIF block that tells the truth about a result: its size, upright, without thumbnail, `software` named.

    Orientation becomes 1 (where it had turned rows into columns, the two resolutions change places), widths and heights that
    are there become the result's, `Software` is set. All other bytes stay where and what they are. Raises ValueError for a
    damaged block.
    """
    data = bytearray(without_prefix(blob))
    layout, main = _opened(data)
    _drop_thumbnail(data, layout, main)
    exif = _exif_directory(data, layout, main)
    if (_number(data, layout, main.find(ORIENTATION)) or 1) >= _FIRST_TURNED:
        _swap_values(data, main.find(X_RESOLUTION), main.find(Y_RESOLUTION))
    _set_number(data, layout, main.find(ORIENTATION), 1)
    for directory, tag, number in (
        (main, IMAGE_WIDTH, width),
        (main, IMAGE_LENGTH, height),
        (exif, _PIXEL_X, width),
        (exif, _PIXEL_Y, height),
    ):
        _set_number(data, layout, directory.find(tag) if directory else None, number)
    _set_text(data, layout, main, ascii_field(SOFTWARE, software))
    return bytes(data)


def minimal(height: int, width: int, software: str, pixels_per_mm: tuple[float, float] | None) -> bytes:
    """Returns a new EXIF block with size, resolution (where it is known) and `Software`."""
    main = [ascii_field(SOFTWARE, software), Field(ORIENTATION, SHORT, 1, struct.pack("<H", 1))]
    if pixels_per_mm:
        for tag, value in zip((X_RESOLUTION, Y_RESOLUTION), pixels_per_mm, strict=True):
            main.append(
                Field(tag, RATIONAL, 1, struct.pack("<II", min(2**32 - 1, round(value * 25.4 * 10_000)), 10_000))
            )
        main.append(Field(RESOLUTION_UNIT, SHORT, 1, struct.pack("<H", _PER_INCH)))
    exif = (
        Field(_EXIF_VERSION, 7, 4, b"0232"),
        Field(_PIXEL_X, LONG, 1, struct.pack("<I", width)),
        Field(_PIXEL_Y, LONG, 1, struct.pack("<I", height)),
    )
    return build(Tree("<", tuple(main), exif))


def text(blob: bytes, tag: int) -> str:
    """Returns an ASCII tag of the main directory, "" where there is none or the block is damaged."""
    file = io.BytesIO(without_prefix(blob))
    try:
        entry = read_first_directory(file, read_layout(file)).find(tag)
        value = read_value(file, entry) if entry else b""
    except ValueError:
        return ""
    return value.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def resolution(blob: bytes) -> tuple[float, float] | None:
    """Returns (x, y) pixels per mm of the upright image, or None where the block has none or is damaged."""
    file = io.BytesIO(without_prefix(blob))
    values = []
    try:
        layout = read_layout(file)
        main = read_first_directory(file, layout)
        for tag in (X_RESOLUTION, Y_RESOLUTION):
            entry = main.find(tag)
            if entry is None or entry.kind != RATIONAL or entry.count != 1:
                return None
            over, under = struct.unpack(layout.order + "II", read_value(file, entry))
            values.append(over / under if under else 0.0)
        data = bytearray(file.getvalue())
        unit = _number(data, layout, main.find(RESOLUTION_UNIT))
        if (_number(data, layout, main.find(ORIENTATION)) or 1) >= _FIRST_TURNED:
            values.reverse()
    except ValueError:
        return None
    mm_per_unit = 10.0 if unit == _PER_CM else 25.4
    return values[0] / mm_per_unit, values[1] / mm_per_unit


def of_tiff(path: str, notes: list[str]) -> bytes | None:
    """Returns what a TIFF file's directories say beside its pixels, as an EXIF block, or None where that is nothing.

    Says in `notes` where a geo-reference was left out. Raises ValueError where the first directory is broken.
    """
    with Path(path).open("rb") as file:
        layout = read_layout(file)
        if any(entry.tag in _GEO for entry in read_first_directory(file, layout).entries):
            notes.append("The geo-reference was not kept: it is made for pixels of another size.")
        tree = read_tree(file, layout, (_STRUCTURE | _GEO) - {ORIENTATION})
    if not ({field.tag for field in tree.main} - _RESOLUTION - {ORIENTATION} or tree.exif or tree.gps or tree.interop):
        return None
    return build(tree)


def for_tiff(blob: bytes) -> Tree:
    """Returns an EXIF block's tags as a TIFF file takes them: without those that the file has of its own.

    Raises ValueError for a damaged block.
    """
    file = io.BytesIO(without_prefix(blob))
    return read_tree(file, read_layout(file), _STRUCTURE | _RESOLUTION)


def _opened(data: bytearray) -> tuple[Layout, Directory]:
    file = io.BytesIO(data)
    layout = read_layout(file)
    if layout.big:
        raise ValueError("an EXIF block is never a BigTIFF")
    return layout, read_first_directory(file, layout)


def _exif_directory(data: bytearray, layout: Layout, main: Directory) -> Directory | None:
    entry = main.find(EXIF_DIRECTORY)
    if entry is None or entry.length != 4:
        return None
    (offset,) = struct.unpack_from(layout.order + "I", data, entry.value_at)
    try:
        return read_directory(io.BytesIO(data), layout, offset)
    except ValueError:
        return None


def _drop_thumbnail(data: bytearray, layout: Layout, main: Directory) -> None:
    """Cuts the second directory off, with its picture: the bytes go where they are the last ones, else they become zeros."""
    if main.next_offset == 0:
        return
    struct.pack_into(layout.order + "I", data, main.next_at, 0)
    try:
        second = read_directory(io.BytesIO(data), layout, main.next_offset)
    except ValueError:
        return
    spans = [(second.position, second.next_at + 4)]
    for tags in _THUMBNAIL_PLACES:
        at, length = (_number(data, layout, second.find(tag)) for tag in tags)
        if at and length and at + length <= len(data):
            spans.append((at, at + length))
    spans += [(each.value_at, each.value_at + each.length) for each in second.entries if each.length > 4]
    # A lie about where the thumbnail is must not reach what is kept.
    others = _kept_spans(data, layout, main)
    for start, stop in sorted(spans, reverse=True):
        if stop > len(data) or any(start < other_stop and other_start < stop for other_start, other_stop in others):
            continue
        if len(data) - stop <= 1:
            del data[start:]
        else:
            data[start:stop] = bytes(stop - start)


def _kept_spans(data: bytearray, layout: Layout, main: Directory) -> list[tuple[int, int]]:
    """Returns the header's, the directories' and their values' places in the block."""
    spans = [(0, 8)]
    seen: set[int] = set()
    waiting = [main]
    while waiting:
        directory = waiting.pop()
        if directory.position in seen:
            continue
        seen.add(directory.position)
        spans.append((directory.position, directory.next_at + 4))
        for entry in directory.entries:
            spans.append((entry.value_at, entry.value_at + entry.length))
            if entry.tag in (EXIF_DIRECTORY, 34853, 40965) and entry.length == 4:
                try:
                    (offset,) = struct.unpack_from(layout.order + "I", data, entry.value_at)
                    waiting.append(read_directory(io.BytesIO(data), layout, offset))
                except ValueError:
                    continue
    return spans


def _number(data: bytearray, layout: Layout, entry: Entry | None) -> int | None:
    forms = {BYTE: "B", SHORT: "H", LONG: "I"}
    if entry is None or entry.count != 1 or entry.kind not in forms:
        return None
    return int(struct.unpack_from(layout.order + forms[entry.kind], data, entry.value_at)[0])


def _set_number(data: bytearray, layout: Layout, entry: Entry | None, number: int) -> None:
    """Writes a number into an entry that is there; one too large for two bytes makes it a number of four."""
    if entry is None or entry.count != 1 or entry.kind not in (SHORT, LONG):
        return
    kind = LONG if number > 65535 else entry.kind
    value = struct.pack(layout.order + ("I" if kind == LONG else "H"), number)
    struct.pack_into(layout.order + "H", data, entry.position + 2, kind)
    data[entry.position + 8 : entry.position + 12] = value.ljust(4, b"\0")


def _swap_values(data: bytearray, first: Entry | None, second: Entry | None) -> None:
    if first is None or second is None or first.kind != second.kind or first.length != second.length:
        return
    spans = [(entry.value_at, entry.value_at + entry.length) for entry in (first, second)]
    if max(stop for _, stop in spans) > len(data):
        return
    one, other = (bytes(data[start:stop]) for start, stop in spans)
    data[slice(*spans[0])], data[slice(*spans[1])] = other, one


def _set_text(data: bytearray, layout: Layout, main: Directory, field: Field) -> None:
    """Sets an ASCII tag: in its place where it fits, else appended; a tag that is not there yet needs a new main directory."""
    entry = main.find(field.tag)
    if entry is not None and entry.kind == ASCII and layout.value_bytes < field.count <= entry.length:
        if entry.value_at + entry.length > len(data):
            raise ValueError("the value of a tag is cut off")
        data[entry.value_at : entry.value_at + entry.length] = field.data.ljust(entry.length, b"\0")
        struct.pack_into(layout.order + "I", data, entry.position + 4, field.count)
        return
    value_at = _append(data, field.data)
    head = struct.pack(layout.order + "HHII", field.tag, ASCII, field.count, value_at)
    if entry is not None:
        data[entry.position : entry.position + 12] = head
        return
    entries = [bytes(data[each.position : each.position + 12]) for each in main.entries]
    if len(entries) != len(main.entries) or any(len(raw) != 12 for raw in entries):
        raise ValueError("the main directory is cut off")
    entries.append(head)
    entries.sort(key=lambda raw: int(struct.unpack(layout.order + "H", raw[:2])[0]))
    table = struct.pack(layout.order + "H", len(entries)) + b"".join(entries) + struct.pack(layout.order + "I", 0)
    struct.pack_into(layout.order + "I", data, 4, _append(data, table))


def _append(data: bytearray, piece: bytes) -> int:
    """Appends bytes at an even position and returns it."""
    data += b"\0" * (len(data) % 2)
    at = len(data)
    data += piece
    return at
