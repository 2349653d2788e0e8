"""The chunks of a PNG file that libvips does not pass on: colours by numbers, texts as bytes, the sign of an animation.

Imports the standard library and `engine.imaging.profiles`. Portable Network Graphics, third edition (W3C 2025), section 11.3.
"""

from __future__ import annotations

import binascii
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from engine.imaging.profiles import D65, PRIMARIES, ColourSpace, build_profile, colour_space

_MAGIC_BYTES = 8
_MAX_TEXT_BYTES = 64 * 2**20
_SMALL_BYTES = 64
_LONGEST_KEY_BYTES = 79
_KNOWN_TEXTS = ("Software", "Raw profile type", "XML:com.adobe.xmp", "date:", "Thumb::")
_SMALL = (b"cICP", b"sRGB", b"gAMA", b"cHRM", b"acTL")
# How far gAMA and cHRM may be from sRGB's to be meant for sRGB's: they are rounded, and mostly written without much thought.
_GAMMA_SLACK, _CHROMATICITY_SLACK = 0.005, 0.003
_SRGB_GAMMA = 1 / 2.2


def small_chunks(path: str) -> dict[bytes, bytes]:
    """Returns the contents of the few chunks of fixed size that this module reads, by their kind."""
    found: dict[bytes, bytes] = {}
    with open(path, "rb") as file:
        for kind, length in _chunks(file):
            if kind == b"IDAT":
                break
            if kind in _SMALL and length <= _SMALL_BYTES:
                found.setdefault(kind, file.read(length))
    return found


def texts(path: str, keys: tuple[str, ...]) -> dict[str, bytes]:
    """Returns the texts that a PNG file has under some keys (in tEXt and zTXt chunks), the first of each, as bytes.

    A text that is packed wrongly, or unpacks to more than 64 MiB, is left out, and a broken chunk ends the search.
    """
    found: dict[str, bytes] = {}
    with open(path, "rb") as file:
        for kind, length in _chunks(file):
            if length > _MAX_TEXT_BYTES:
                break
            if kind not in (b"tEXt", b"zTXt"):
                continue
            raw_key, _, text = file.read(length).partition(b"\0")
            key = raw_key.decode("latin-1")
            plain = text if kind == b"tEXt" else _unpacked(text[1:])
            if key in keys and plain is not None:
                found.setdefault(key, plain)
    return found


def lost_texts(path: str) -> list[str]:
    """Returns the keys of a PNG file's texts that a result does not carry: all but `Software`, profiles, XMP and plain dates."""
    found: dict[str, None] = {}
    with open(path, "rb") as file:
        for kind, _ in _chunks(file):
            if kind in (b"tEXt", b"zTXt", b"iTXt"):
                raw_key, separator, _ = file.read(_LONGEST_KEY_BYTES + 1).partition(b"\0")
                key = raw_key.decode("latin-1")
                if separator and key.isprintable() and not key.startswith(_KNOWN_TEXTS):
                    found[key] = None
    return list(found)


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yields (kind, length) of each chunk, the file standing at its contents."""
    at = _MAGIC_BYTES
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        yield kind, length
        at += 12 + length


def _unpacked(data: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, _MAX_TEXT_BYTES)
    except zlib.error:
        return None
    return plain if unpacker.eof else None


def raw_profile(text: bytes) -> bytes | None:
    """Returns the bytes that a "Raw profile type" text holds, or None where it is no such text."""
    lines = text.strip().split(b"\n", 2)
    if len(lines) != 3 or not lines[1].strip().isdigit() or len(lines[1]) > 12:
        return None
    try:
        data = binascii.unhexlify(b"".join(lines[2].split()))
    except ValueError:
        return None
    return data if len(data) == int(lines[1]) else None


def frames(chunks: dict[bytes, bytes]) -> int:
    """Returns how many frames an animated PNG says it has, 1 for a still picture."""
    contents = chunks.get(b"acTL", b"")
    return int.from_bytes(contents[:4], "big") if len(contents) == 8 else 1


def profile(chunks: dict[bytes, bytes], embedded: bytes | None, *, is_grey: bool) -> bytes | None:
    """Returns the profile of a PNG file: what the most specific of its chunks says (section 12.1), None for sRGB."""
    numbers = chunks.get(b"cICP", b"")
    # Only RGB at full range is a PNG's business; anything else is a mistake.
    if len(numbers) == 4 and numbers[2:] == b"\0\x01" and numbers[0] in PRIMARIES:
        space = colour_space(numbers[0], numbers[1], grey=is_grey)
        return build_profile(space) if space else None
    if embedded is not None or b"sRGB" in chunks:
        return embedded
    try:
        space = _by_gamma(chunks, is_grey)
        return build_profile(space) if space else None
    except ValueError:
        return None


def _by_gamma(chunks: dict[bytes, bytes], is_grey: bool) -> ColourSpace | None:
    raw_gamma, raw_points = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    signal = int.from_bytes(raw_gamma, "big") / 1e5 if len(raw_gamma) == 4 else _SRGB_GAMMA
    points = [value / 1e5 for value in struct.unpack(">8I", raw_points)] if len(raw_points) == 32 else []
    white_x, white_y, *rest = points or [*D65, *(value for point in PRIMARIES[1] for value in point)]
    red, green, blue = ((rest[at], rest[at + 1]) for at in (0, 2, 4))
    usual = [*D65, *(value for point in PRIMARIES[1] for value in point)]
    differences = [abs(a - b) for a, b in zip((white_x, white_y, *rest), usual, strict=True)]
    is_usual_curve = abs(signal - _SRGB_GAMMA) < _GAMMA_SLACK
    if is_usual_curve and max(differences) < _CHROMATICITY_SLACK:
        return None
    if not 0.1 < signal < 5:
        return None
    gamma = None if is_usual_curve else 1 / signal
    return ColourSpace((white_x, white_y), None if is_grey else (red, green, blue), gamma=gamma)
