"""Puts metadata blocks into files whose pixels libvips writes.

Imports the standard library and `engine.imaging.iptc`. libvips itself would parse EXIF and write it anew, and lose maker notes.
JPEG, PNG and WebP are written as streams; the blocks are put in while the stream passes (`Splice`), so that no file is written
twice. AVIF is mended where it stands (`replace_avif_exif`). TIFF is `engine.imaging.tiff_tags`' business.
"""

from __future__ import annotations

import binascii
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from engine.imaging import iptc

# A JPEG segment counts its own length of two bytes in 16 bits.
JPEG_SEGMENT_BYTES = 65533
JPEG_EXIF = b"Exif\0\0"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_HEAD_BYTES = 33
_VP8X_ICC, _VP8X_ALPHA, _VP8X_EXIF, _VP8X_XMP = 0x20, 0x10, 0x08, 0x04
_LINE_BYTES = 36


@dataclass(frozen=True)
class Blocks:
    """What goes into a file beside pixels and profile: an EXIF block, an XMP packet, IPTC (records or Photoshop's blocks)."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None


class Splice:
    """Passes a stream on to `write` with its beginning changed and something added at its end.

    `change` receives the first `head_bytes` bytes (fewer where the stream is shorter) and returns what is written instead.
    """

    def __init__(
        self, write: Callable[[bytes], object], head_bytes: int, change: Callable[[bytes], bytes], tail: bytes = b""
    ) -> None:
        self._write = write
        self._head_bytes = head_bytes
        self._change = change
        self._tail = tail
        self._head: bytearray | None = bytearray()

    def feed(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        if self._head is None:
            self._write(data)
            return
        self._head += data
        if len(self._head) >= self._head_bytes:
            self._pass_head()

    def finish(self) -> None:
        """Ends the stream."""
        self._pass_head()
        if self._tail:
            self._write(self._tail)

    def _pass_head(self) -> None:
        if self._head is None:
            return
        head, self._head = bytes(self._head), None
        self._write(self._change(head[: self._head_bytes]))
        if len(head) > self._head_bytes:
            self._write(head[self._head_bytes :])


def splice(format_name: str, blocks: Blocks, software: str, write: Callable[[bytes], object]) -> Splice:
    """Returns what puts the blocks into a stream of the format ("jpeg", "png" or "webp") on its way to `write`."""
    if format_name == "jpeg":
        return Splice(write, 20, lambda head: _jpeg_head(head, blocks))
    if format_name == "png":
        return Splice(write, _PNG_HEAD_BYTES, lambda head: head + _png_chunks(blocks, software))
    tail = b"".join(_riff_chunk(kind, data) for kind, data in ((b"EXIF", blocks.exif), (b"XMP ", blocks.xmp)) if data)
    return Splice(write, 30, lambda head: _webp_head(head, blocks, len(tail)), tail)


def jpeg_holds(kind: str, data: bytes) -> bool:
    """Whether one JPEG segment has room for a block ("exif" or "xmp"; IPTC is split over several)."""
    return len(data) + len(JPEG_EXIF if kind == "exif" else JPEG_XMP) <= JPEG_SEGMENT_BYTES


def _jpeg_head(head: bytes, blocks: Blocks) -> bytes:
    """Inserts the segments behind JFIF's, which has to be the first one."""
    at = 20 if head[2:4] == b"\xff\xe0" and head[4:6] == b"\0\x10" else 2
    segments = b""
    if blocks.exif:
        segments += _segment(0xE1, JPEG_EXIF + blocks.exif)
    if blocks.xmp:
        segments += _segment(0xE1, JPEG_XMP + blocks.xmp)
    if blocks.iptc:
        data = iptc.blocks(blocks.iptc)
        room = JPEG_SEGMENT_BYTES - len(iptc.PHOTOSHOP_PREFIX)
        for start in range(0, len(data), room):
            segments += _segment(0xED, iptc.PHOTOSHOP_PREFIX + data[start : start + room])
    return head[:at] + segments + head[at:]


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _png_chunks(blocks: Blocks, software: str) -> bytes:
    chunks = _png_chunk(b"tEXt", b"Software\0" + software.encode("latin-1", "replace"))
    if blocks.exif:
        chunks += _png_chunk(b"eXIf", blocks.exif)
    if blocks.xmp:
        chunks += _png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + blocks.xmp)
    if blocks.iptc:
        # PNG has no chunk for IPTC; this form of ImageMagick's is what other programs read.
        data = iptc.blocks(blocks.iptc)
        digits = binascii.hexlify(data)
        lines = b"\n".join(digits[at : at + 2 * _LINE_BYTES] for at in range(0, len(digits), 2 * _LINE_BYTES))
        profile = b"\niptc\n%8d\n" % len(data) + lines + b"\n"
        chunks += _png_chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(profile, 9))
    return chunks


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _webp_head(head: bytes, blocks: Blocks, tail_bytes: int) -> bytes:
    """Counts the tail in, and says in the VP8X chunk what it holds; a file that has none gets one."""
    (size,) = struct.unpack_from("<I", head, 4)
    flags = (_VP8X_EXIF if blocks.exif else 0) | (_VP8X_XMP if blocks.xmp else 0)
    body = head[12:]
    if body[:4] == b"VP8X":
        body = body[:8] + bytes([body[8] | flags]) + body[9:]
    elif flags:
        width, height, has_alpha = _webp_size(body)
        flags |= _VP8X_ALPHA if has_alpha else 0
        extent = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = _riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + extent) + body
        size += 18
    return b"RIFF" + struct.pack("<I", size + tail_bytes) + b"WEBP" + body


def _webp_size(chunk: bytes) -> tuple[int, int, bool]:
    """Returns (width, height, has alpha) by the first bytes of a "VP8 " or "VP8L" chunk (RFC 9649, sections 2.5 and 2.6)."""
    if chunk[:4] == b"VP8L":
        (bits,) = struct.unpack_from("<I", chunk, 9)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    width, height = struct.unpack_from("<HH", chunk, 14)
    return width & 0x3FFF, height & 0x3FFF, False


def replace_avif_exif(path: str, exif: bytes) -> None:
    """Makes an EXIF block the one of an AVIF file that has another already: it is appended, and the item points to it.

    The old block stays in the file as a few unused bytes. Raises ValueError where the file has no EXIF item.
    """
    with open(path, "r+b") as file:
        meta_at, meta = read_box(file, b"meta")
        item = exif_item(meta)
        fields = item_location(meta, item) if item is not None else None
        if fields is None:
            raise ValueError("the file has no EXIF item that can be replaced")
        end = file.seek(0, io.SEEK_END)
        payload = struct.pack(">I", 0) + exif
        file.write(struct.pack(">I4s", 8 + len(payload), b"mdat") + payload)
        file.seek(meta_at + fields.offset_at)
        file.write(struct.pack(fields.offset_form, end + 8 - fields.base))
        file.seek(meta_at + fields.length_at)
        file.write(struct.pack(fields.length_form, len(payload)))


def read_box(file: io.BufferedIOBase | io.BufferedRandom, kind: bytes, limit_bytes: int = 2**24) -> tuple[int, bytes]:
    """Returns (position of its contents, contents) of the first box of a kind at the top of an ISO base media file.

    Raises ValueError where there is none, or one that is broken or longer than the limit.
    """
    at = 0
    for _ in range(64):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            break
        size, found = struct.unpack_from(">I4s", head)
        start = 8
        if size == 1 and len(head) == 16:
            (size,) = struct.unpack_from(">Q", head, 8)
            start = 16
        if found == kind:
            if not start <= size <= limit_bytes:
                break
            file.seek(at + start)
            contents = file.read(size - start)
            if len(contents) != size - start:
                break
            return at + start, contents
        if size < start:
            break
        at += size
    raise ValueError(f"there is no sound {kind.decode()} box")


def child_boxes(contents: bytes, start: int) -> list[tuple[bytes, int, int]]:
    """Returns (kind, first byte, byte behind the last) of the boxes within a box; a broken one ends the list."""
    boxes = []
    while start + 8 <= len(contents):
        size, kind = struct.unpack_from(">I4s", contents, start)
        if size < 8 or start + size > len(contents):
            break
        boxes.append((kind, start + 8, start + size))
        start += size
    return boxes


def exif_item(meta: bytes) -> int | None:
    """Returns the number of the item that is an EXIF block, by the item information of a meta box's contents."""
    for kind, start, stop in child_boxes(meta, 4):
        if kind != b"iinf":
            continue
        wide = meta[start] != 0
        for entry, first, last in child_boxes(meta[:stop], start + (8 if wide else 6)):
            version = meta[first] if entry == b"infe" and last - first >= 12 else 0
            if version not in (2, 3):
                continue
            number_bytes = 2 if version == 2 else 4
            number = int.from_bytes(meta[first + 4 : first + 4 + number_bytes], "big")
            if meta[first + 6 + number_bytes : first + 10 + number_bytes] == b"Exif":
                return number
    return None


@dataclass(frozen=True)
class ItemLocation:
    """Where a meta box says where an item's bytes are: positions and struct's forms of the two numbers.

    The offset counts from `base` bytes behind the start of the file.
    """

    offset_at: int
    offset_form: str
    length_at: int
    length_form: str
    base: int


def item_location(meta: bytes, item: int) -> ItemLocation | None:
    """Returns where a meta box's contents locate an item of one extent, or None.

    ISO/IEC 14496-12, section 8.11.3. Items whose bytes are not counted from the start of the file have none.
    """
    forms = {4: ">I", 8: ">Q"}
    for kind, start, stop in child_boxes(meta, 4):
        if kind != b"iloc":
            continue
        version = meta[start]
        offset_bytes, length_bytes = meta[start + 4] >> 4, meta[start + 4] & 15
        base_bytes, index_bytes = meta[start + 5] >> 4, meta[start + 5] & 15 if version else 0
        count_bytes = 2 if version < 2 else 4
        count = int.from_bytes(meta[start + 6 : start + 6 + count_bytes], "big")
        at = start + 6 + count_bytes
        for _ in range(count):
            number = int.from_bytes(meta[at : at + count_bytes], "big")
            method = int.from_bytes(meta[at + count_bytes : at + count_bytes + 2], "big") & 15 if version else 0
            at += count_bytes + (2 if version else 0) + 2
            base = int.from_bytes(meta[at : at + base_bytes], "big")
            extents = int.from_bytes(meta[at + base_bytes : at + base_bytes + 2], "big")
            at += base_bytes + 2
            if at > stop:
                return None
            if number == item:
                if method != 0 or extents != 1 or offset_bytes not in forms or length_bytes not in forms:
                    return None
                offset_at = at + index_bytes
                return ItemLocation(offset_at, forms[offset_bytes], offset_at + offset_bytes, forms[length_bytes], base)
            at += extents * (index_bytes + offset_bytes + length_bytes)
    return None


def colour_numbers(path: str) -> tuple[int, int] | None:
    """Returns (primaries, transfer) of H.273 that an AVIF or HEIF file names, or None where it names none."""
    try:
        with open(path, "rb") as file:
            _, meta = read_box(file, b"meta")
    except ValueError:
        return None
    for kind, start, stop in child_boxes(meta, 4):
        if kind != b"iprp":
            continue
        for container, first, last in child_boxes(meta[:stop], start):
            for name, at, end in child_boxes(meta[:last], first) if container == b"ipco" else ():
                if name == b"colr" and meta[at : at + 4] == b"nclx" and end - at >= 8:
                    primaries, transfer = struct.unpack_from(">HH", meta, at + 4)
                    return int(primaries), int(transfer)
    return None
