"""Formats that libvips as it comes in its wheel does not read: BMP (Pillow), HEIF (pillow-heif), JPEG XL (imagecodecs).

Imports numpy, and the libraries where a file needs them. Each header is read without decoding a pixel. pillow-heif is optional,
as its wheels hold code under the GPL; a libvips with these formats in it (a system's own, say) serves too.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ImageTooLargeError, InputError
from engine.imaging import jxl_header, profiles
from engine.imaging.formats import MAX_PIXELS

# Metadata that Brotli has packed is unpacked up to this size.
_MAX_UNPACKED_BYTES = 64 * 2**20


@dataclass(frozen=True)
class ForeignImage:
    """An image whose header has been read by another library than libvips.

    Sizes are those of the pixels that `read` returns: (H, W, C) uint8, uint16 (filling 16 bits), or float32 where `is_float`.
    `orientation`: EXIF's 1..8, still to be applied. `frames`: how many there are.
    """

    height: int
    width: int
    channels: int
    bit_depth: int
    read: Callable[[], NDArray[Any]]
    orientation: int = 1
    is_float: bool = False
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    pixels_per_mm: tuple[float, float] = (1.0, 1.0)
    frames: int = 1
    notes: tuple[str, ...] = ()


class DamagedError(Exception):
    """The file's contents do not hold what its first bytes promise; the text says why."""


def open_foreign(path: str, format_name: str) -> ForeignImage:
    """Reads the header of a BMP, HEIF or JPEG XL file.

    Raises DamagedError, InputError where the library for it is missing, ImageTooLargeError where the library itself refuses.
    `read` raises DamagedError too.
    """
    return {"bmp": _open_bmp, "heif": _open_heif, "jxl": _open_jxl}[format_name](path)


def has_library(format_name: str) -> bool:
    """Whether the library that reads a format is installed."""
    try:
        importlib.import_module(_LIBRARIES[format_name][0])
    except ImportError:
        return False
    return True


_LIBRARIES = {"bmp": ("PIL", "pillow"), "heif": ("pillow_heif", "pillow-heif"), "jxl": ("imagecodecs", "imagecodecs")}
_TITLES = {"heif": "HEIF", "jxl": "JPEG XL"}


def _library(path: str, format_name: str) -> Any:
    module, package = _LIBRARIES[format_name]
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{Path(path).name} is {_TITLES[format_name]}, for which this installation has no decoder.",
            f"Install it (pip install {package}), or convert the image to PNG or TIFF first.",
        ) from error


def _open_bmp(path: str) -> ForeignImage:
    from PIL import Image, UnidentifiedImageError

    refusals = (OSError, SyntaxError, ValueError, UnidentifiedImageError)

    def opened() -> Any:
        with warnings.catch_warnings():
            # Our own limit is the one that counts, and it is checked before the pixels are loaded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(path, formats=["BMP", "DIB"])

    def read() -> NDArray[Any]:
        try:
            with opened() as image:
                return np.atleast_3d(np.asarray(image.convert(mode)))
        except refusals as error:
            raise DamagedError(str(error)) from error

    try:
        with opened() as image:
            mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(image.mode, "RGB")
            x_dpi, y_dpi = image.info.get("dpi") or (25.4, 25.4)
            size = image.size
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(
            f"{Path(path).name} claims more than {MAX_PIXELS:,} pixels, which are not read.", "Cut it into parts first."
        ) from error
    except refusals as error:
        raise DamagedError(str(error)) from error
    channels = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    return ForeignImage(size[1], size[0], channels, 8, read, pixels_per_mm=(x_dpi / 25.4, y_dpi / 25.4))


def _open_heif(path: str) -> ForeignImage:
    pillow_heif = _library(path, "heif")
    # pillow-heif raises what the library below it says, in whatever class.
    refusals = (OSError, ValueError, RuntimeError, SyntaxError, EOFError, IndexError, KeyError, TypeError)
    try:
        file = pillow_heif.open_heif(path, convert_hdr_to_8bit=False, hdr_to_16bit=True)
        image = file[file.primary_index]
        width, height = image.size
        mode, info = image.mode, image.info
        depth = max(8, int(info.get("bit_depth") or 8))
        frames = len(file)
    except refusals as error:
        raise DamagedError(str(error)) from error
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}.get(mode.split(";")[0])
    if channels is None:
        raise DamagedError(f"its pixels are of kind {mode}")

    def read() -> NDArray[Any]:
        try:
            pixels_hwc = np.array(image, copy=True).reshape(height, -1, channels)[:, :width]
        except refusals as error:
            raise DamagedError(str(error)) from error
        if pixels_hwc.dtype == np.uint16:
            pixels_hwc = filling_sixteen(pixels_hwc, depth)
        return unpremultiplied(pixels_hwc) if mode.startswith("RGBa") else pixels_hwc

    code_points = info.get("nclx_profile") or {}
    icc = info.get("icc_profile")
    if not icc and code_points:
        primaries, transfer = (int(code_points.get(key, 2)) for key in ("color_primaries", "transfer_characteristics"))
        icc = profile_of(primaries, transfer, is_grey=channels <= 2)
    return ForeignImage(
        height, width, channels, depth, read, icc=icc or None, exif=info.get("exif"), xmp=info.get("xmp"), frames=frames
    )


def _open_jxl(path: str) -> ForeignImage:
    imagecodecs = _library(path, "jxl")
    data = Path(path).read_bytes()
    try:
        stream, boxes = jxl_header.read_boxes(data)
        header = jxl_header.read_header(stream)
        icc = profiles.build_profile(header.space) if header.space else None
    except ValueError as error:
        raise DamagedError(str(error)) from error
    if header.has_black:
        raise InputError(f"{Path(path).name} is JPEG XL in CMYK, which is not read.", "Convert it to TIFF first.")
    notes: list[str] = []
    if header.has_profile:
        notes.append(
            "Its colours became sRGB."
            if header.is_xyb
            else "Its colour profile cannot be read and was left out: the colours may look different."
        )
    channels = (1 if header.is_grey else 3) + (1 if header.has_alpha else 0)

    def read() -> NDArray[Any]:
        try:
            pixels = imagecodecs.jpegxl_decode(data, index=0, keeporientation=True)
            pixels_hwc = _filling(np.asarray(pixels), header).reshape(header.height, header.width, channels)
        except (imagecodecs.JpegxlError, ValueError, RuntimeError) as error:
            raise DamagedError(str(error)) from error
        return unpremultiplied(pixels_hwc) if header.is_premultiplied else pixels_hwc

    return ForeignImage(
        header.height,
        header.width,
        channels,
        16 if header.is_float else max(8, min(16, header.bits)),
        read,
        orientation=header.orientation,
        is_float=header.is_float,
        icc=icc,
        exif=_exif_box(imagecodecs, boxes),
        xmp=_box(imagecodecs, boxes, b"xml "),
        frames=2 if header.is_animation else 1,
        notes=tuple(notes),
    )


def _filling(pixels: NDArray[Any], header: jxl_header.JxlHeader) -> NDArray[Any]:
    """Returns JPEG XL's integers, which the decoder gives in the depth of the file, so that they fill their type."""
    if header.is_float or header.bits in (8, 16):
        return pixels
    peak = np.iinfo(pixels.dtype).max
    return np.asarray(np.rint(np.minimum(pixels / (2**header.bits - 1), 1) * peak), pixels.dtype)


def profile_of(primaries: int, transfer: int, *, is_grey: bool = False) -> bytes | None:
    """Returns the profile that two code points of H.273 mean, or None for sRGB and for what is not specified."""
    space = profiles.colour_space(primaries, transfer, grey=is_grey)
    return profiles.build_profile(space) if space else None


def filling_sixteen(pixels: NDArray[np.uint16], depth: int) -> NDArray[np.uint16]:
    """Returns pixels whose upper `depth` bits count, so that the largest value is 65535."""
    if depth >= 16:
        return pixels
    values = (pixels >> (16 - depth)).astype(np.uint32)
    largest = 2**depth - 1
    return np.asarray((values * 65535 + largest // 2) // largest, np.uint16)


def unpremultiplied(pixels_hwc: NDArray[Any]) -> NDArray[Any]:
    """Returns straight alpha from colours that were multiplied by it."""
    alpha = pixels_hwc[:, :, -1:].astype(np.float32)
    is_float = pixels_hwc.dtype.kind == "f"
    peak = np.float32(1 if is_float else np.iinfo(pixels_hwc.dtype).max)
    ratio = np.divide(peak, alpha, out=np.zeros_like(alpha), where=alpha > 0)
    colour = np.minimum(pixels_hwc[:, :, :-1] * ratio, peak)
    straight = np.concatenate([colour if is_float else np.rint(colour), pixels_hwc[:, :, -1:]], axis=2)
    return np.asarray(straight, pixels_hwc.dtype)


def _exif_box(imagecodecs: Any, boxes: dict[bytes, bytes]) -> bytes | None:
    """Returns the EXIF block: the box begins with how many bytes lie before it."""
    contents = _box(imagecodecs, boxes, b"Exif")
    if contents is None or len(contents) < 4:
        return None
    return contents[4 + int.from_bytes(contents[:4], "big") :] or None


def _box(imagecodecs: Any, boxes: dict[bytes, bytes], kind: bytes) -> bytes | None:
    """Returns the contents of a metadata box, unpacked where Brotli has packed them."""
    if kind in boxes:
        return boxes[kind]
    packed = boxes.get(jxl_header.PACKED + kind)
    if packed is None:
        return None
    try:
        return bytes(imagecodecs.brotli_decode(packed[4:], out=_MAX_UNPACKED_BYTES))
    except (imagecodecs.BrotliError, ValueError, RuntimeError):
        return None
