"""IPTC: the records of IIM, alone or as one of Photoshop's resource blocks among others.

Imports the standard library only. JPEG and TIFF carry Photoshop's blocks ("8BIM", an id, a name, data; Adobe Photoshop File
Formats Specification, "Image Resource Blocks"); TIFF also carries the records alone. Inside this package a block of IPTC is
either: both begin unmistakably.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

PHOTOSHOP_PREFIX = b"Photoshop 3.0\0"
_SIGNATURES = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
_IIM_MARK = 0x1C
_IPTC_BLOCK = 0x0404
_THUMBNAILS = (0x0409, 0x040C)


def is_records(blob: bytes) -> bool:
    """Whether the bytes are IIM records by themselves."""
    return blob[:1] == bytes([_IIM_MARK])


def is_blocks(blob: bytes) -> bool:
    """Whether the bytes are Photoshop's resource blocks."""
    return blob[:4] in _SIGNATURES


def records(blob: bytes) -> bytes:
    """Returns the IIM records, b"" where there are none."""
    if is_records(blob):
        return blob
    return b"".join(data for kind, _, data in _blocks(blob) if kind == _IPTC_BLOCK)


def blocks(blob: bytes) -> bytes:
    """Returns Photoshop's resource blocks for a result: without thumbnails.

    Records alone become a block; a block that is cut off ends the list.
    """
    if is_records(blob):
        return b"8BIM" + struct.pack(">HHI", _IPTC_BLOCK, 0, len(blob)) + blob + b"\0" * (len(blob) % 2)
    return b"".join(raw for kind, raw, _ in _blocks(blob) if kind not in _THUMBNAILS)


def _blocks(blob: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yields (id, the whole block, its data) of each block."""
    at = 0
    while blob[at : at + 4] in _SIGNATURES and at + 12 <= len(blob):
        (kind,) = struct.unpack_from(">H", blob, at + 4)
        name_bytes = 1 + blob[at + 6]
        data_at = at + 6 + name_bytes + name_bytes % 2 + 4
        if data_at > len(blob):
            return
        (length,) = struct.unpack_from(">I", blob, data_at - 4)
        if data_at + length > len(blob):
            return
        end = data_at + length + length % 2
        yield kind, blob[at:end].ljust(end - at, b"\0"), blob[data_at : data_at + length]
        at = end
