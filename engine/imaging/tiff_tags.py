"""TIFF directories: the tags that libvips neither reads nor writes, in TIFF files and in EXIF blocks, which are small TIFFs.

Imports the standard library only. Reads classic and BigTIFF in either byte order; of a file the first directory, and the Exif,
GPS and interoperability directories below it. Nothing is trusted: offsets and lengths are checked against the file before
anything is read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO

SUBFILE_TYPE = 254
SOFTWARE = 305
DNG_VERSION = 50706
XMP = 700
IPTC = 33723
PHOTOSHOP = 34377
EXIF_DIRECTORY = 34665
GPS_DIRECTORY = 34853
INTEROP_DIRECTORY = 40965

ASCII, SHORT, LONG, RATIONAL, BYTE, UNDEFINED = 2, 3, 4, 5, 1, 7
_LONG8, _IFD8 = 16, 18
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# Width in bytes of what changes with the byte order: a rational is two numbers of four bytes.
_NUMBER_BYTES = _TYPE_BYTES | {5: 4, 10: 4}

MAX_ENTRIES = 4096
MAX_TREE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Layout:
    """How a file's directories are laid out: byte order "<" or ">", and whether the widths are those of BigTIFF."""

    order: str
    big: bool

    @property
    def count_format(self) -> str:
        """struct's format of a directory's number of entries."""
        return self.order + ("Q" if self.big else "H")

    @property
    def offset_format(self) -> str:
        """struct's format of an offset, and of a value's count."""
        return self.order + ("Q" if self.big else "I")

    @property
    def entry_bytes(self) -> int:
        """Size of an entry."""
        return 20 if self.big else 12

    @property
    def value_bytes(self) -> int:
        """The longest value that stands in the entry itself."""
        return 8 if self.big else 4

    @property
    def first_offset_at(self) -> int:
        """Where the header says where the first directory is."""
        return 8 if self.big else 4


@dataclass(frozen=True)
class Field:
    """One tag with its value: TIFF's number of the type, how many of it, and the bytes, in the byte order of where it is."""

    tag: int
    kind: int
    count: int
    data: bytes


@dataclass(frozen=True)
class Entry:
    """Where a tag lies: the position of its entry and of its value, from the start of the file."""

    tag: int
    kind: int
    count: int
    position: int
    value_at: int
    length: int


@dataclass(frozen=True)
class Directory:
    """One directory: its entries in order, the position of its offset of the next directory, and that offset (0: none)."""

    position: int
    entries: tuple[Entry, ...]
    next_at: int
    next_offset: int

    def find(self, tag: int) -> Entry | None:
        """Returns the first entry of a tag, or None."""
        return next((entry for entry in self.entries if entry.tag == tag), None)


@dataclass(frozen=True)
class Tree:
    """The tags of the four directories that hold metadata, values in byte order `order`."""

    order: str
    main: tuple[Field, ...] = ()
    exif: tuple[Field, ...] = ()
    gps: tuple[Field, ...] = ()
    interop: tuple[Field, ...] = ()


def ascii_field(tag: int, text: str) -> Field:
    """Returns a text as a field."""
    data = text.encode("utf-8") + b"\0"
    return Field(tag, ASCII, len(data), data)


def read_layout(file: BinaryIO) -> Layout:
    """Returns the layout of a TIFF file or block. Raises ValueError for another beginning."""
    file.seek(0)
    head = _read_exactly(file, 4)
    layouts = {b"II*\0": Layout("<", False), b"MM\0*": Layout(">", False)}
    layouts |= {b"II+\0": Layout("<", True), b"MM\0+": Layout(">", True)}
    if head not in layouts:
        raise ValueError("it does not begin as a TIFF")
    return layouts[head]


def read_first_directory(file: BinaryIO, layout: Layout) -> Directory:
    """Returns the directory that the header points to. Raises ValueError for a broken one."""
    file.seek(layout.first_offset_at)
    return read_directory(file, layout, _number(_read_exactly(file, layout.value_bytes), layout.offset_format))


def read_directory(file: BinaryIO, layout: Layout, offset: int) -> Directory:
    """Returns the directory at an offset. Raises ValueError for one that is cut off or absurdly long."""
    size_bytes = file.seek(0, os.SEEK_END)
    if not layout.first_offset_at < offset < size_bytes:
        raise ValueError("a TIFF directory lies outside the file")
    file.seek(offset)
    count_bytes = struct.calcsize(layout.count_format)
    count = _number(_read_exactly(file, count_bytes), layout.count_format)
    if count > MAX_ENTRIES:
        raise ValueError("a TIFF directory is absurdly long")
    start = offset + count_bytes
    raw = _read_exactly(file, count * layout.entry_bytes + layout.value_bytes)
    entries = []
    for index in range(count):
        at = index * layout.entry_bytes
        entries.append(_entry(layout, raw[at : at + layout.entry_bytes], start + at))
    next_at = start + count * layout.entry_bytes
    return Directory(offset, tuple(entries), next_at, _number(raw[-layout.value_bytes :], layout.offset_format))


def _entry(layout: Layout, raw: bytes, position: int) -> Entry:
    tag, kind = struct.unpack(layout.order + "HH", raw[:4])
    count = _number(raw[4 : 4 + layout.value_bytes], layout.offset_format)
    length = count * _TYPE_BYTES.get(kind, 0)
    value_at = position + layout.entry_bytes - layout.value_bytes
    if length > layout.value_bytes:
        value_at = _number(raw[-layout.value_bytes :], layout.offset_format)
    return Entry(tag, kind, count, position, value_at, length)


def read_value(file: BinaryIO, entry: Entry, limit_bytes: int = MAX_TREE_BYTES) -> bytes:
    """Returns an entry's value. Raises ValueError for one that is cut off or longer than the limit."""
    if entry.length > limit_bytes or entry.value_at + entry.length > file.seek(0, os.SEEK_END):
        raise ValueError(f"the value of TIFF tag {entry.tag} is cut off or absurdly long")
    file.seek(entry.value_at)
    return _read_exactly(file, entry.length)


def read_tree(file: BinaryIO, layout: Layout, skip: Iterable[int] = ()) -> Tree:
    """Returns the metadata tags of a TIFF file or block; those in `skip` are left out of the main directory.

    A tag whose value cannot be read is left out, and so is a directory. Raises ValueError where the first one is broken.
    """
    main = read_first_directory(file, layout)
    budget = [MAX_TREE_BYTES]
    below = {tag: _directory_below(file, layout, main, tag) for tag in (EXIF_DIRECTORY, GPS_DIRECTORY)}
    exif = below[EXIF_DIRECTORY]
    interop = _directory_below(file, layout, exif, INTEROP_DIRECTORY) if exif else None
    pointers = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY}
    return Tree(
        layout.order,
        _fields(file, main, pointers | set(skip), budget),
        _fields(file, exif, pointers, budget),
        _fields(file, below[GPS_DIRECTORY], pointers, budget),
        _fields(file, interop, pointers, budget),
    )


def _directory_below(file: BinaryIO, layout: Layout, directory: Directory, tag: int) -> Directory | None:
    entry = directory.find(tag)
    if entry is None or entry.length not in (4, 8):
        return None
    try:
        offset = _number(read_value(file, entry), layout.order + ("I" if entry.length == 4 else "Q"))
        return read_directory(file, layout, offset)
    except ValueError:
        return None


def _fields(file: BinaryIO, directory: Directory | None, skip: set[int], budget: list[int]) -> tuple[Field, ...]:
    fields = []
    for entry in directory.entries if directory else ():
        # Type 13 and 18 point to directories that cannot be carried along; an unknown type has no known length.
        if entry.tag in skip or entry.kind in (13, _IFD8) or entry.kind not in _TYPE_BYTES:
            continue
        try:
            data = read_value(file, entry, budget[0])
        except ValueError:
            continue
        budget[0] -= len(data)
        fields.append(Field(entry.tag, entry.kind, entry.count, data))
    return tuple(fields)


def in_order(field: Field, source: str, target: str) -> Field:
    """Returns the field with its numbers in byte order `target`; bytes of undefined meaning stay as they are."""
    width = _NUMBER_BYTES[field.kind]
    if source == target or width == 1:
        return field
    numbers = [field.data[at : at + width][::-1] for at in range(0, len(field.data), width)]
    return replace(field, data=b"".join(numbers))


def build(tree: Tree) -> bytes:
    """Returns the tree as a TIFF block of its own, as EXIF wants it. Fields that only BigTIFF knows are left out."""
    layout = Layout(tree.order, False)
    head = (b"II*\0" if tree.order == "<" else b"MM\0*") + struct.pack(layout.offset_format, 8)
    body, _ = _serialised_tree(layout, tree, 8, main_first=True)
    return head + body


def append_tree(path: str, tree: Tree) -> None:
    """Adds a tree's tags to the first directory of a TIFF file; those that it has already are replaced.

    Values and new directories are appended, then the header points to them; the old directory stays in the file as a few unused
    bytes. Raises ValueError where a classic TIFF has no room left below 4 GiB.
    """
    with open(path, "r+b") as file:
        layout = read_layout(file)
        directory = read_first_directory(file, layout)
        converted = _converted(tree, layout.order)
        new = {field.tag for field in converted.main}
        kept = []
        for entry in directory.entries:
            if entry.tag not in new:
                file.seek(entry.position)
                kept.append((entry.tag, _read_exactly(file, layout.entry_bytes)))
        end = file.seek(0, os.SEEK_END)
        start = end + end % 2
        try:
            payload, directory_at = _serialised_tree(
                layout, converted, start, kept=kept, next_offset=directory.next_offset
            )
        except struct.error as error:
            raise ValueError("no room for more tags below 4 GiB") from error
        file.seek(end)
        file.write(b"\0" * (start - end) + payload)
        # Last, so that the file is whole until the moment the header points to the new directory.
        file.seek(layout.first_offset_at)
        file.write(struct.pack(layout.offset_format, directory_at))


def _converted(tree: Tree, order: str) -> Tree:
    parts = {
        name: tuple(in_order(field, tree.order, order) for field in getattr(tree, name))
        for name in ("main", "exif", "gps", "interop")
    }
    return Tree(order, **parts)


def _serialised_tree(
    layout: Layout,
    tree: Tree,
    start: int,
    *,
    main_first: bool = False,
    kept: list[tuple[int, bytes]] | None = None,
    next_offset: int = 0,
) -> tuple[bytes, int]:
    """Returns the bytes of a tree's directories, to stand at `start`, and the position of the main one.

    `kept`: raw entries (tag, bytes) that the main directory has beside the tree's. Sizes do not depend on positions, so with
    `main_first` the room of the main directory is measured before the others are laid out behind it.
    """
    pointers = [Field(tag, LONG, 1, b"\0" * 4) for tag, part in _parts(tree) if part]
    room = len(_serialised(layout, [*tree.main, *pointers], kept or [], 0, next_offset)) if main_first else 0
    chunks: list[bytes] = []
    position = start + room
    found: dict[int, int] = {}

    def put(fields: list[Field], tag: int) -> None:
        nonlocal position
        found[tag] = position
        chunks.append(_serialised(layout, fields, [], position, 0))
        position += len(chunks[-1])

    if tree.interop:
        put(list(tree.interop), INTEROP_DIRECTORY)
    if tree.exif or tree.interop:
        below = [_pointer(layout, INTEROP_DIRECTORY, found[INTEROP_DIRECTORY])] if tree.interop else []
        put([*tree.exif, *below], EXIF_DIRECTORY)
    if tree.gps:
        put(list(tree.gps), GPS_DIRECTORY)
    below = [_pointer(layout, tag, found[tag]) for tag in (EXIF_DIRECTORY, GPS_DIRECTORY) if tag in found]
    main_at = start if main_first else position
    main = _serialised(layout, [*tree.main, *below], kept or [], main_at, next_offset)
    return (main + b"".join(chunks) if main_first else b"".join(chunks) + main), main_at


def _parts(tree: Tree) -> list[tuple[int, bool]]:
    return [(EXIF_DIRECTORY, bool(tree.exif or tree.interop)), (GPS_DIRECTORY, bool(tree.gps))]


def _pointer(layout: Layout, tag: int, position: int) -> Field:
    kind, form = (_LONG8, "Q") if layout.big else (LONG, "I")
    return Field(tag, kind, 1, struct.pack(layout.order + form, position))


def _serialised(
    layout: Layout, fields: list[Field], kept: list[tuple[int, bytes]], position: int, next_offset: int
) -> bytes:
    """Returns one directory followed by its values, to stand at `position` (even)."""
    usable = {field.tag: field for field in fields if layout.big or field.kind < _LONG8}
    count = len(usable) + len(kept)
    values_at = position + struct.calcsize(layout.count_format) + count * layout.entry_bytes + layout.value_bytes
    entries, values = list(kept), b""
    for field in usable.values():
        head = struct.pack(layout.order + "HH", field.tag, field.kind)
        head += struct.pack(layout.offset_format, field.count)
        if len(field.data) <= layout.value_bytes:
            inline = field.data.ljust(layout.value_bytes, b"\0")
        else:
            inline = struct.pack(layout.offset_format, values_at + len(values))
            values += field.data + b"\0" * (len(field.data) % 2)
        entries.append((field.tag, head + inline))
    entries.sort(key=lambda pair: pair[0])
    table = struct.pack(layout.count_format, count) + b"".join(raw for _, raw in entries)
    whole = table + struct.pack(layout.offset_format, next_offset) + values
    return whole + b"\0" * (len(whole) % 2)


def read_text(path: str, tag: int) -> str:
    """Returns an ASCII tag of the first directory as text, "" where there is none or the directory is broken."""
    try:
        with open(path, "rb") as file:
            entry = read_first_directory(file, read_layout(file)).find(tag)
            value = read_value(file, entry, 64 * 1024) if entry else b""
    except ValueError:
        return ""
    return value.split(b"\0", 1)[0].decode("utf-8", "replace").strip()


def write_text(path: str, tag: int, text: str) -> None:
    """Sets an ASCII tag of the first directory of a TIFF file, as `append_tree` does."""
    append_tree(path, Tree("<", (ascii_field(tag, text),)))


def _read_exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise ValueError("the TIFF directory is cut off")
    return data


def _number(raw: bytes, form: str) -> int:
    (value,) = struct.unpack(form, raw)
    return int(value)
