"""Decodes an image file into a raster, strip by strip, so that memory stays small whatever the image's size.

Imports pyvips, numpy, and of the engine the plain messages, errors and rasters. Legend: H W rows and columns, C channels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from engine.canvas import RasterDtype, RasterRef, create_raster
from engine.errors import InputError
from engine.imaging.alpha import bleed_colour
from engine.imaging.codec import messages, reason
from engine.imaging.foreign import DamagedError
from engine.imaging.formats import format_named
from engine.imaging.header import OpenedImage, damaged, open_image
from engine.imaging.limits import room_for
from engine.imaging.progress import Progress, unheard
from engine.messages import ImageInfo

_STRIP_BYTES = 8 * 2**20
# The codecs that say nothing while they work decode at least this many pixels a second.
_SLOWEST_PIXELS_PER_S = 1_000_000
# The rest of the time goes into colour under transparency.
_DECODE_SHARE = 0.6
_DTYPES = {"uchar": "uint8", "ushort": "uint16", "float": "float32", "double": "float64"}
# Floating-point pixels may overshoot 0..1 by this much (rounding of whoever wrote them).
_FLOAT_SLACK = 1e-3


def decode(path: str, raster_path: str, progress: Progress | None = None) -> tuple[ImageInfo, RasterRef]:
    """Decodes an image into a raster of uint8 or uint16 at `raster_path`; returns what it was and where its pixels lie.

    Orientation is applied. Colour under full transparency is bled in from visible neighbours. A file that breaks off or is
    damaged inside fails as a whole and leaves no raster.
    Raises InputError with the file's name and the reason, OutputError where there is no room for the raster.
    """
    try:
        with messages() as said:
            info, raster = _read(path, raster_path, said, progress or unheard())
            # libvips tells of damaged JPEG data when the image is closed: by now nothing holds it any more.
            complaint = _jpeg_damage(said) if info.format == "jpeg" else None
        if complaint:
            raise damaged(path, format_named(info.format).title, complaint)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(raster_path).unlink(missing_ok=True)
        raise
    return info, raster


def _read(path: str, raster_path: str, said: list[str], progress: Progress) -> tuple[ImageInfo, RasterRef]:
    opened = open_image(path)
    info = opened.info
    dtype: RasterDtype = "uint8" if info.bit_depth == 8 else "uint16"
    raster = RasterRef(raster_path, info.height, info.width, info.channels, dtype)
    patience_s = 60 + info.height * info.width / _SLOWEST_PIXELS_PER_S
    with room_for(raster.size_bytes), progress.patience(patience_s):
        pixels_hwc = create_raster(raster)
        stored_hwc = as_stored(pixels_hwc, opened.orientation)
        report = progress.part(0, _DECODE_SHARE if raster.has_alpha else 1)
        try:
            for top, strip_hwc in _strips(opened):
                integers_hwc = _from_float(path, strip_hwc) if opened.is_float else strip_hwc
                stored_hwc[top : top + strip_hwc.shape[0]] = integers_hwc
                report((top + strip_hwc.shape[0]) / stored_hwc.shape[0])
        except DamagedError as error:
            raise damaged(path, format_named(info.format).title, str(error)) from error
        except (pyvips.Error, UnicodeDecodeError) as error:
            raise damaged(path, format_named(info.format).title, reason(error, said)) from error
        if raster.has_alpha:
            bleed_colour(pixels_hwc, Path(raster_path).parent, progress.part(_DECODE_SHARE, 1))
        # The map must be gone before the room for it is.
        del pixels_hwc, stored_hwc
    return info, raster


def as_stored(displayed_hwc: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Returns a view of a displayed image in which rows and columns run as the file stores them, for an EXIF orientation 1..8.

    Writing a file's rows into the view therefore applies the orientation, without a second pass.
    """
    view = displayed_hwc
    # In EXIF's table 2, 3, 6 and 7 mirror the columns of the displayed image, and 3, 4, 7 and 8 its rows.
    if orientation in (2, 3, 6, 7):
        view = view[:, ::-1]
    if orientation in (3, 4, 7, 8):
        view = view[::-1]
    return view.transpose(1, 0, 2) if orientation >= 5 else view


def _strips(opened: OpenedImage) -> Iterator[tuple[int, NDArray[Any]]]:
    """Decodes from top to bottom; gives (first row, strip (h, W, C))."""
    if opened.read is not None:
        pixels_hwc = opened.read()
        rows = max(1, _STRIP_BYTES // pixels_hwc[0].nbytes)
        for top in range(0, pixels_hwc.shape[0], rows):
            yield top, pixels_hwc[top : top + rows]
        return
    image = opened.image
    dtype = np.dtype(_DTYPES[image.format])
    rows = max(1, _STRIP_BYTES // (image.width * image.bands * dtype.itemsize))
    region = pyvips.Region.new(image)
    for top in range(0, image.height, rows):
        count = min(rows, image.height - top)
        data = region.fetch(0, top, image.width, count)
        yield top, np.frombuffer(data, dtype).reshape(count, image.width, image.bands)


def _from_float(path: str, strip_hwc: NDArray[Any]) -> NDArray[np.uint16]:
    low, high = float(strip_hwc.min()), float(strip_hwc.max())
    # Written so that NaN fails too.
    if not (low >= -_FLOAT_SLACK and high <= 1 + _FLOAT_SLACK):
        raise InputError(
            f"{Path(path).name} holds floating-point values from {low:g} to {high:g}; only 0 to 1 are read.",
            "Scale it to 0..1, or convert it to 16 bits a channel first.",
        )
    scaled: NDArray[Any] = np.rint(np.clip(strip_hwc, 0, 1) * 65535)
    return scaled.astype(np.uint16)


def _jpeg_damage(said: list[str]) -> str | None:
    """Returns the complaint of the JPEG decoder that means lost pixels, or None.

    The decoder goes on after bad data and fills the rest with grey; stray bytes between segments, which cameras write, cost
    nothing.
    """
    for line in said:
        text = line.removeprefix("VipsJpeg: ")
        if ("premature end" in text or "bad Huffman" in text or "bad arithmetic" in text) and "extraneous" not in text:
            return text.removeprefix("Corrupt JPEG data: ")
    return None
