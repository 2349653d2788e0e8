"""Colour profiles for files that name their colours by code points instead of carrying a profile: AVIF, HEIF, JPEG XL.

Imports the standard library, numpy, and Pillow for the check of a profile. The code points are those of ITU-T H.273 (tables 2 and
3); the profiles are ICC.1:2022 display profiles of matrix and curves, relative to D50 by the Bradford adaptation.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Chromaticity = tuple[float, float]

D65: Chromaticity = (0.3127, 0.3290)
DCI_WHITE: Chromaticity = (0.314, 0.351)
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_UNSPECIFIED = 2
_SRGB_PRIMARIES, _SRGB_TRANSFER = 1, 13
# Rec. 709's curve under its four numbers, pure gammas, linear, sRGB, PQ, HLG.
_LINEAR, _PQ, _HLG = 8, 16, 18
_REC_709 = (1, 6, 14, 15)
_GAMMAS = {4: 2.2, 5: 2.8, 17: 2.6}
_TABLE_LENGTH = 4096

PRIMARIES: dict[int, tuple[Chromaticity, Chromaticity, Chromaticity]] = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}


@dataclass(frozen=True)
class ColourSpace:
    """Colours by numbers: white and (for RGB) three primaries as xy, and a curve.

    `transfer`: an H.273 code point, or `gamma`: value = signal ^ gamma. `primaries` None: grey.
    """

    white: Chromaticity
    primaries: tuple[Chromaticity, Chromaticity, Chromaticity] | None
    transfer: int = _SRGB_TRANSFER
    gamma: float | None = None


def colour_space(primaries: int, transfer: int, *, grey: bool = False) -> ColourSpace | None:
    """Returns what two code points mean; None for sRGB, which needs no profile, and where nothing is specified."""
    if transfer == _UNSPECIFIED:
        transfer = _SRGB_TRANSFER
    if primaries == _UNSPECIFIED:
        primaries = _SRGB_PRIMARIES
    if (primaries, transfer) == (_SRGB_PRIMARIES, _SRGB_TRANSFER) or primaries not in PRIMARIES:
        return None
    if transfer not in (*_REC_709, *_GAMMAS, _LINEAR, _SRGB_TRANSFER, _PQ, _HLG):
        return None
    white = DCI_WHITE if primaries == 11 else D65
    return ColourSpace(white, None if grey else PRIMARIES[primaries], transfer)


def build_profile(space: ColourSpace) -> bytes:
    """Returns an ICC profile that says what the colour space is. Raises ValueError for numbers that describe none."""
    white = _xyz(space.white)
    adaptation = _adaptation(white)
    curve = _curve(space)
    tags = {
        b"desc": _text("RGB" if space.primaries else "Grey"),
        b"cprt": _text("No copyright"),
        b"wtpt": _xyz_tag(_D50_XYZ),
        b"chad": b"sf32\0\0\0\0" + b"".join(_fixed(value) for value in adaptation.ravel()),
    }
    if space.primaries is None:
        tags[b"kTRC"] = curve
    else:
        columns = np.stack([_xyz(primary) for primary in space.primaries], axis=1)
        if abs(np.linalg.det(columns)) < 1e-6:
            raise ValueError("the primaries span no colours")
        matrix = adaptation @ (columns * np.linalg.solve(columns, white))
        for name, column in zip((b"r", b"g", b"b"), matrix.T, strict=True):
            tags[name + b"XYZ"] = _xyz_tag(column)
            tags[name + b"TRC"] = curve
    return _profile(b"RGB " if space.primaries else b"GRAY", tags)


def can_be_opened(profile: bytes) -> bool:
    """Whether the colour management system takes the profile; libvips would leave out another without a word."""
    from PIL import ImageCms

    try:
        ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except (OSError, ValueError, ImageCms.PyCMSError):
        return False
    return True


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    places: dict[bytes, int] = {}
    for name, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", places[data], len(data))
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x04300000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 24 + struct.pack(">I", 1)
    head += b"".join(_fixed(value) for value in _D50_XYZ)
    return head.ljust(128, b"\0") + table + body


def _xyz(point: Chromaticity) -> NDArray[np.float64]:
    x, y = point
    if not (0 < y <= 1 and -1 < x < 2):
        raise ValueError(f"{point} is no chromaticity")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ white)
    return np.asarray(np.linalg.inv(_BRADFORD) @ np.diag(ratio) @ _BRADFORD)


def _curve(space: ColourSpace) -> bytes:
    """Returns the curve from signal to light as a parametric curve, or as a table where there is no such form."""
    if space.gamma is not None:
        return _parametric(0, space.gamma)
    if space.transfer in _GAMMAS:
        return _parametric(0, _GAMMAS[space.transfer])
    if space.transfer == _LINEAR:
        return _parametric(0, 1.0)
    if space.transfer in _REC_709:
        return _parametric(3, 1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
    if space.transfer in (_PQ, _HLG):
        signal = np.linspace(0, 1, _TABLE_LENGTH)
        light = _pq_light(signal) if space.transfer == _PQ else _hlg_light(signal)
        values = np.rint(light * 65535).astype(">u2").tobytes()
        return b"curv\0\0\0\0" + struct.pack(">I", _TABLE_LENGTH) + values
    return _parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _pq_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns light, 1 being 10 000 cd/m², of a PQ signal (SMPTE ST 2084)."""
    root = signal ** (32 / 2523)
    ratio = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
    return np.asarray(ratio ** (16384 / 2610))


def _hlg_light(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns scene light in 0..1 of an HLG signal (ARIB STD-B67)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def _parametric(form: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", form, 0) + b"".join(_fixed(number) for number in numbers)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(float(value) * 65536))


def _xyz_tag(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in values)


def _text(text: str) -> bytes:
    raw = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(raw), 28) + raw
