"""XMP packets: copied as bytes, but for the few numbers that a result of another size would make untrue.

Imports the standard library only. A packet is XML that is never parsed here: where it says the orientation or the size in pixels
(as an attribute or as an element of the tiff or exif namespace) the digits are replaced, and nothing else is touched.
"""

from __future__ import annotations

import codecs
import re

_MAX_PREFIXES = 4
_NAMESPACES = {"tiff": "http://ns.adobe.com/tiff/1.0/", "exif": "http://ns.adobe.com/exif/1.0/"}
# One white space at the start: with a run of them, a packet of nothing else would take quadratic time.
_EXTENDED = re.compile(r"""\s[\w.-]+:HasExtendedXMP\s*=\s*(["'])[0-9A-Fa-f]*\1""")
# What tells that a second picture lay beside the main one, from which viewers compute an HDR picture.
_GAIN_MAP = re.compile(rb"ns\.adobe\.com/hdr-gain-map/|ns\.apple\.com/HDRGainMap/")


def corrected(packet: bytes, height: int, width: int) -> bytes:
    """Returns the packet with orientation 1 and the result's size wherever it names them.

    A reference to an extended packet, which JPEG stores apart and which is not carried along, is taken out. A packet in an
    encoding that cannot be read comes back as it is.
    """
    encoding, text = _decoded(packet)
    if text is None:
        return packet
    new = _EXTENDED.sub("", text)
    for group, name, value in (
        ("tiff", "Orientation", 1),
        ("tiff", "ImageWidth", width),
        ("tiff", "ImageLength", height),
        ("exif", "PixelXDimension", width),
        ("exif", "PixelYDimension", height),
    ):
        for prefix in _prefixes(text, group):
            new = _replaced(new, f"{prefix}:{name}", str(value))
    return packet if new == text else new.encode(encoding)


def has_gain_map(packet: bytes) -> bool:
    """Whether the packet speaks of an HDR gain map beside the picture."""
    return _GAIN_MAP.search(packet) is not None


def _decoded(packet: bytes) -> tuple[str, str | None]:
    beginnings = {
        codecs.BOM_UTF16_LE: "utf-16-le",
        codecs.BOM_UTF16_BE: "utf-16-be",
        b"<\0": "utf-16-le",
        b"\0<": "utf-16-be",
    }
    encoding = beginnings.get(packet[:2], "utf-8")
    try:
        return encoding, packet.decode(encoding)
    except UnicodeDecodeError:
        return encoding, None


def _prefixes(text: str, group: str) -> list[str]:
    """Returns the prefixes that the packet gives a namespace, as a rule its usual one."""
    found = re.findall(rf"""xmlns:([\w.-]+)\s*=\s*["']{re.escape(_NAMESPACES[group])}["']""", text)
    return list(dict.fromkeys(found))[:_MAX_PREFIXES]


def _replaced(text: str, name: str, value: str) -> str:
    escaped = re.escape(name)
    text = re.sub(rf"""(\s{escaped}\s*=\s*["'])\s*\d+\s*(["'])""", rf"\g<1>{value}\g<2>", text)
    return re.sub(rf"(<{escaped}(?:\s[^<>]*)?>)\s*\d+\s*(</{escaped}\s*>)", rf"\g<1>{value}\g<2>", text)
