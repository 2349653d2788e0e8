"""The header of a JPEG XL file: size, depth, channels, orientation, colours, and the metadata boxes beside the codestream.

Imports the standard library and `engine.imaging.profiles`. The decoder at hand gives pixels only; what they are is read here, and
the size before anything is decoded. ISO/IEC 18181-1, annexes A and E; the container is ISO/IEC 18181-2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from engine.imaging.profiles import D65, DCI_WHITE, PRIMARIES, ColourSpace

_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_CODESTREAM = b"\xff\x0a"
PACKED = b"brob"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_RGB, _GREY = 0, 1
_ALPHA, _SPOT, _BLACK, _CFA = 0, 2, 4, 5
_SRGB_TRANSFER, _UNKNOWN = 13, 2
_CUSTOM = 2
# The spelling of U32's four ways: a constant, or (bits, offset).
_Way = int | tuple[int, int]
_SIZE: tuple[_Way, ...] = ((9, 1), (13, 1), (18, 1), (30, 1))
_ENUM: tuple[_Way, ...] = (0, 1, (4, 2), (6, 18))
_COORDINATE: tuple[_Way, ...] = ((19, 0), (19, 524_288), (20, 1_048_576), (21, 2_097_152))


@dataclass(frozen=True)
class JxlHeader:
    """What a file is. `height`, `width` as stored, `orientation` (EXIF's 1..8) still to be applied.

    `space`: the colours by numbers, None for sRGB. `has_profile`: the colours are said by an ICC profile inside the codestream.
    `is_xyb`: the pixels were coded in XYB, so that a decoder converts them into the colours that are said.
    """

    height: int
    width: int
    orientation: int = 1
    bits: int = 8
    is_float: bool = False
    is_grey: bool = False
    has_alpha: bool = False
    is_premultiplied: bool = False
    has_black: bool = False
    is_animation: bool = False
    is_xyb: bool = True
    has_profile: bool = False
    space: ColourSpace | None = None


class _Bits:
    """Reads bits from the lowest of each byte on. Raises ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data, "little")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("the header is cut off")
        value = self._number & ((1 << count) - 1)
        self._number >>= count
        self._left -= count
        return value

    def flag(self) -> bool:
        return self.take(1) == 1

    def choice(self, ways: tuple[_Way, ...]) -> int:
        way = ways[self.take(2)]
        return way if isinstance(way, int) else self.take(way[0]) + way[1]


def read_boxes(data: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Returns (codestream, the other boxes' contents by kind, the first of each); bare codestreams have no boxes.

    A packed box is found under `PACKED` + its kind, and its contents begin with that kind.

    Raises ValueError for a container without a codestream.
    """
    if data.startswith(_CODESTREAM):
        return data, {}
    if not data.startswith(_CONTAINER):
        raise ValueError("it does not begin as JPEG XL")
    boxes: dict[bytes, bytes] = {}
    stream, at = b"", len(_CONTAINER)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        start = 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, at + 8)
            start = 16
        stop = len(data) if size == 0 else at + size
        if size and size < start:
            break
        contents = data[at + start : stop]
        if kind == b"jxlc":
            stream = contents
        elif kind == b"jxlp":
            stream += contents[4:]
        else:
            # What Brotli has packed begins with the kind that it was.
            boxes.setdefault(kind + contents[:4] if kind == PACKED else kind, contents)
        at = stop
    if not stream:
        raise ValueError("the container holds no image")
    return stream, boxes


def read_header(codestream: bytes) -> JxlHeader:
    """Returns the header of a codestream. Raises ValueError for one that is cut off or makes no sense."""
    if not codestream.startswith(_CODESTREAM):
        raise ValueError("the codestream does not begin as one")
    bits = _Bits(codestream[2:4096])
    height, width = _size(bits)
    if bits.flag():
        # All defaults: 8 bits, XYB, sRGB.
        return JxlHeader(height, width)
    orientation, is_animation = _extra_fields(bits) if bits.flag() else (1, False)
    depth, is_float = _depth(bits)
    # Whether 16-bit buffers suffice is the decoder's business.
    bits.take(1)
    channels = [_extra_channel(bits) for _ in range(bits.choice((0, 1, (4, 2), (12, 1))))]
    is_xyb = bits.flag()
    space, is_grey, has_profile = _colours(bits)
    alphas = [associated for kind, associated in channels if kind == _ALPHA]
    return JxlHeader(
        height,
        width,
        orientation,
        depth,
        is_float,
        is_grey,
        has_alpha=bool(alphas),
        is_premultiplied=bool(alphas and alphas[0]),
        has_black=any(kind == _BLACK for kind, _ in channels),
        is_animation=is_animation,
        is_xyb=is_xyb,
        has_profile=has_profile,
        space=space,
    )


def _size(bits: _Bits) -> tuple[int, int]:
    small = bits.flag()
    height = 8 * (bits.take(5) + 1) if small else bits.choice(_SIZE)
    ratio = bits.take(3)
    if ratio:
        over, under = _RATIOS[ratio - 1]
        return height, height * over // under
    return height, 8 * (bits.take(5) + 1) if small else bits.choice(_SIZE)


def _extra_fields(bits: _Bits) -> tuple[int, bool]:
    """Reads (orientation, is animation) and passes over an intrinsic size and a preview's."""
    orientation = bits.take(3) + 1
    if bits.flag():
        _size(bits)
    if bits.flag():
        _preview(bits)
    is_animation = bits.flag()
    if is_animation:
        bits.choice((100, 1000, (10, 1), (30, 1)))
        bits.choice((1, 1001, (8, 1), (10, 1)))
        bits.choice((0, (3, 0), (16, 0), (32, 0)))
        bits.take(1)
    return orientation, is_animation


def _preview(bits: _Bits) -> None:
    eighths = bits.flag()
    ways: tuple[_Way, ...] = (16, 32, (5, 1), (9, 33)) if eighths else ((6, 1), (8, 65), (10, 321), (12, 1345))
    bits.choice(ways)
    if bits.take(3) == 0:
        bits.choice(ways)


def _depth(bits: _Bits) -> tuple[int, bool]:
    is_float = bits.flag()
    if not is_float:
        return bits.choice((8, 10, 12, (6, 1))), False
    depth = bits.choice((32, 16, 24, (6, 1)))
    bits.take(4)
    return depth, True


def _extra_channel(bits: _Bits) -> tuple[int, bool]:
    """Reads one channel beside the colours: (its type, whether it is alpha that the colours are multiplied by)."""
    if bits.flag():
        return _ALPHA, False
    kind = bits.choice(_ENUM)
    _depth(bits)
    bits.choice((0, 3, 4, (3, 1)))
    for _ in range(bits.choice((0, (4, 0), (5, 16), (10, 48)))):
        bits.take(8)
    associated = bits.flag() if kind == _ALPHA else False
    if kind == _SPOT:
        bits.take(4 * 16)
    if kind == _CFA:
        bits.choice((1, (2, 0), (4, 3), (8, 19)))
    return kind, associated


def _colours(bits: _Bits) -> tuple[ColourSpace | None, bool, bool]:
    """Reads (colours by numbers, is grey, has a profile instead)."""
    if bits.flag():
        return None, False, False
    has_profile = bits.flag()
    kind = bits.choice(_ENUM)
    is_grey = kind == _GREY
    if has_profile:
        return None, is_grey, True
    if kind not in (_RGB, _GREY):
        raise ValueError("its colours are of a kind that is not read")
    white_kind = bits.choice(_ENUM)
    white = {1: D65, 10: (1 / 3, 1 / 3), 11: DCI_WHITE}.get(white_kind)
    if white_kind == _CUSTOM:
        white = _coordinates(bits)
    primaries_kind = 1 if is_grey else bits.choice(_ENUM)
    custom = (_coordinates(bits), _coordinates(bits), _coordinates(bits)) if primaries_kind == _CUSTOM else None
    gamma = bits.take(24) / 1e7 if bits.flag() else None
    transfer = _SRGB_TRANSFER if gamma is not None else bits.choice(_ENUM)
    if white is None or gamma == 0:
        raise ValueError("its colours make no sense")
    if transfer == _UNKNOWN:
        transfer = _SRGB_TRANSFER
    if (white, primaries_kind, gamma, transfer) == (D65, 1, None, _SRGB_TRANSFER):
        return None, is_grey, False
    # Rec. 2100's and P3's primaries have other numbers in H.273.
    primaries = custom or PRIMARIES[{9: 9, 11: 12}.get(primaries_kind, 1)]
    return ColourSpace(white, None if is_grey else primaries, transfer, gamma and 1 / gamma), is_grey, False


def _coordinates(bits: _Bits) -> tuple[float, float]:
    """Reads an (x, y) in millionths, the sign in the lowest bit."""
    x, y = (bits.choice(_COORDINATE) for _ in range(2))
    return _signed(x) / 1e6, _signed(y) / 1e6


def _signed(value: int) -> int:
    return -(value + 1) // 2 if value & 1 else value // 2
