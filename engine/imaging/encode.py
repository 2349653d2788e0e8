"""Writes a canvas as an image file: quantised exactly, profile, metadata and resolution kept, whole or not at all.

Imports pyvips, numpy, and of the engine the plain messages, errors, rasters and resampling. libvips pulls the canvas through in
strips, so memory stays small whatever the size (but for WebP and AVIF, whose encoders take the image as a whole).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from engine.canvas import RasterRef, create_raster, open_raster
from engine.errors import OutputError
from engine.imaging import containers
from engine.imaging.codec import configure, messages, reason
from engine.imaging.containers import Blocks
from engine.imaging.formats import check_output, format_named
from engine.imaging.limits import room_for
from engine.imaging.metadata import blocks_for, software_tag, write_into_tiff
from engine.imaging.progress import Progress, unheard
from engine.imaging.publish import aside_prefix, publish, written_aside
from engine.messages import EncodeOptions, ImageInfo
from engine.resampling import imresize

DEFAULT_QUALITY = 95
# WebP and AVIF are lossless at this quality.
LOSSLESS_QUALITY = 100
# From this quality on JPEG and AVIF keep colour at full resolution (4:4:4).
_FULL_CHROMA_QUALITY = 90
# A classic TIFF ends at 4 GiB; compressed data can be a little larger than the pixels.
_BIGTIFF_BYTES = int(3.5 * 2**30)
_UNKNOWN_PIXELS_PER_MM = 72 / 25.4
_RESIZE_STRIP_BYTES = 32 * 2**20
# Optimal Huffman tables make JPEG a few per cent smaller, and need the whole image's coefficients in memory.
_OPTIMAL_JPEG_PIXELS = 2**24
# libvips' scale of 0 (fast) to 9; beyond this one AVIF takes many times as long for a few per cent.
_AVIF_EFFORT = 2
_STREAM_BUFFER_BYTES = 2**20
# The codecs that say nothing while they work encode at least this many pixels a second.
_SLOWEST_PIXELS_PER_S = 50_000
_RESIZE_SHARE = 0.4
# libvips' flags of the same names.
_KEEP_ICC_EXIF_XMP = 8 | 1 | 2


@dataclass(frozen=True)
class Written:
    """A file as published: the name it got, its size in pixels, and what the user should know."""

    path: str
    height: int
    width: int
    warnings: tuple[str, ...] = ()


def encode(
    canvas: RasterRef, source: ImageInfo, path: str, options: EncodeOptions, progress: Progress | None = None
) -> Written:
    """Writes a float32 canvas (0..1, straight alpha) as an image file and returns the name it was published under.

    Values are clipped, multiplied by the largest integer of the depth and rounded half to even; 9 to 15 bits become 16 where
    the format has no such depth. `options.resize_*` shrinks by Lanczos first. JPEG, WebP and AVIF have quality 95 by default
    (without colour subsampling from 90 on in JPEG and AVIF; WebP and AVIF are lossless at 100). The source's profile, metadata
    and resolution stay, as far as the format holds them; orientation is 1, sizes are the result's, `Software` is set. The same
    canvas and options give the same bytes. Raises OutputError for what the format cannot hold and for what folder or disk do
    not take; nothing is left behind then.
    """
    configure()
    progress = progress or unheard()
    height = options.resize_height or canvas.height
    width = options.resize_width or canvas.width
    check_output(options.format, options.bit_depth, height, width)
    target = Path(path)
    notes: list[str] = []
    shrinks = (height, width) != (canvas.height, canvas.width)
    with (
        # The canvas and, when it is resized, two working rasters that are smaller.
        room_for(3 * canvas.size_bytes),
        progress.patience(60 + height * width / _SLOWEST_PIXELS_PER_S),
        _resized(canvas, height, width, progress.part(0, _RESIZE_SHARE)) as pixels_hwc,
        written_aside(target) as aside,
    ):
        image = _quantised(pixels_hwc, options, notes)
        report = progress.part(_RESIZE_SHARE if shrinks else 0, 1)
        write_file(image, source, aside, target, options, notes, report)
        published = publish(aside, target, overwrite=options.overwrite, adopt_equal=options.adopt_equal)
    return Written(str(published), height, width, tuple(notes))


@contextlib.contextmanager
def _resized(
    canvas: RasterRef, height: int, width: int, report: Callable[[float], None]
) -> Iterator[NDArray[np.float32]]:
    """Gives the canvas as (H, W, C) float32, shrunk by Lanczos where another size is asked for.

    The two passes go through working rasters beside the canvas, so that memory does not grow with the image.
    """
    pixels_hwc = open_raster(canvas)
    if (height, width) == (canvas.height, canvas.width):
        yield pixels_hwc
        return
    folder = Path(canvas.path).parent / f"{aside_prefix()}{secrets.token_hex(8)}.resize"
    folder.mkdir()
    try:
        narrow = replace(canvas, path=str(folder / "narrow"), width=width)
        final = replace(narrow, path=str(folder / "final"), height=height)
        narrow_hwc, final_hwc = create_raster(narrow), create_raster(final)
        rows = max(1, _RESIZE_STRIP_BYTES // (canvas.width * canvas.channels * 4))
        for top in range(0, canvas.height, rows):
            strip = pixels_hwc[top : top + rows]
            narrow_hwc[top : top + rows] = imresize(strip, size=(strip.shape[0], width), method="lanczos")
            report(0.5 * min(1.0, (top + rows) / canvas.height))
        columns = max(1, _RESIZE_STRIP_BYTES // (canvas.height * canvas.channels * 4))
        for left in range(0, width, columns):
            strip = narrow_hwc[:, left : left + columns]
            final_hwc[:, left : left + columns] = imresize(strip, size=(height, strip.shape[1]), method="lanczos")
            report(0.5 + 0.5 * min(1.0, (left + columns) / width))
        yield final_hwc
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _quantised(pixels_hwc: NDArray[np.float32], options: EncodeOptions, notes: list[str]) -> Any:
    """Returns the canvas as a lazy pyvips image of 8 or 16 bits; alpha becomes white paper where the format has none.

    10 and 12 bits of AVIF are the upper ones of the 16, as libvips' saver expects them.
    """
    height, width, channels = pixels_hwc.shape
    form = format_named(options.format)
    image = pyvips.Image.new_from_memory(pixels_hwc, width, height, channels, "float").clamp(min=0.0, max=1.0)
    if channels in (2, 4) and not form.alpha:
        image = image.copy(interpretation="b-w" if channels == 2 else "srgb").flatten(background=[1.0], max_alpha=1.0)
        notes.append(f"{form.title} has no transparency: it became white.")
    bits = stored_bits(options)
    image = image.linear(float(2**bits - 1), 0.0).rint().cast("uchar" if bits == 8 else "ushort")
    if 8 < bits < 16:
        image = image << (16 - bits)
    if image.bands <= 2:
        return image.copy(interpretation="b-w" if bits == 8 else "grey16")
    return image.copy(interpretation="srgb" if bits == 8 else "rgb16")


def stored_bits(options: EncodeOptions) -> int:
    """Returns how many bits a channel has in the file: the depth asked for, or 16 where the format has no such depth."""
    return options.bit_depth if options.bit_depth in format_named(options.format).bit_depths else 16


def write_file(
    image: Any,
    source: ImageInfo,
    aside: Path,
    target: Path,
    options: EncodeOptions,
    notes: list[str],
    report: Callable[[float], None],
) -> None:
    """Writes a pyvips image to `aside`, in the form asked for `target`, with all that the source says beside its pixels.

    Raises OutputError, with the reason, where the disk does not take it.
    """
    blocks = blocks_for(source, options.format, image.height, image.width, notes)
    image = _with_profile(image, source, options, notes)
    x_res, y_res = source.pixels_per_mm or (_UNKNOWN_PIXELS_PER_MM, _UNKNOWN_PIXELS_PER_MM)
    image = image.copy(xres=x_res, yres=y_res)
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    image.set_progress(True)
    image.signal_connect("eval", lambda _, state: report(state.percent / 100))
    with messages() as said:
        try:
            _save(image, aside, options, blocks, notes)
        except pyvips.Error as error:
            raise OutputError(
                f"{target.name} cannot be written in {target.parent} ({reason(error, said)}).",
                "Free some disk space, or choose another folder with --output.",
            ) from error


def _with_profile(image: Any, source: ImageInfo, options: EncodeOptions, notes: list[str]) -> Any:
    """Returns the image with the source's profile attached, or as sRGB where the format has no place for grey."""
    image = image.copy()
    icc = source.icc
    if icc is not None and icc[16:20] != (b"GRAY" if image.bands <= 2 else b"RGB "):
        notes.append("The colour profile was dropped: it is made for other channels than the result has.")
        icc = None
    if icc is None:
        return image
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    form = format_named(options.format)
    if image.bands <= 2 and not form.grey:
        notes.append(f"{form.title} has no grey: the picture became sRGB through its grey profile.")
        image = image.icc_transform("srgb", embedded=True, depth=8 if image.format == "uchar" else 16).copy()
        image.remove("icc-profile-data")
    return image


def _save(image: Any, aside: Path, options: EncodeOptions, blocks: Blocks, notes: list[str]) -> None:
    """Has libvips write the pixels and the profile; all other metadata is put in here.

    A finished picture is never lost for its metadata: what cannot be put in is left out and said in `notes`.
    """
    form = format_named(options.format)
    # libvips reads odd file names as bytes only.
    name = os.fsencode(aside) if os.name == "posix" else str(aside)
    if options.format == "tiff":
        getattr(image, str(form.saver))(name, keep="icc", **_save_options(image, options))
        with _said_in(notes):
            write_into_tiff(str(aside), blocks)
        return
    if options.format == "avif":
        if blocks.xmp:
            image.set_type(pyvips.GValue.blob_type, "xmp-data", blocks.xmp)
        getattr(image, str(form.saver))(name, keep=_KEEP_ICC_EXIF_XMP, **_save_options(image, options))
        if blocks.exif:
            with _said_in(notes):
                containers.replace_avif_exif(str(aside), blocks.exif)
        return
    with open(aside, "wb", buffering=_STREAM_BUFFER_BYTES) as file:
        failures: list[OSError] = []
        splice = containers.splice(options.format, blocks, software_tag(), file.write)

        def feed(data: bytes) -> int:
            # An exception cannot pass through libvips.
            try:
                splice.feed(bytes(data))
            except OSError as error:
                failures.append(error)
                return -1
            return len(data)

        target = pyvips.TargetCustom()
        target.on_write(feed)
        try:
            getattr(image, f"{form.saver}_target")(target, keep="icc", **_save_options(image, options))
            splice.finish()
        except pyvips.Error:
            if failures:
                raise failures[0] from None
            raise


@contextlib.contextmanager
def _said_in(notes: list[str]) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        notes.append(f"The metadata was left out, as it could not be put in ({error}).")


def _save_options(image: Any, options: EncodeOptions) -> dict[str, Any]:
    quality = min(100, max(1, options.quality if options.quality is not None else DEFAULT_QUALITY))
    chroma = "off" if quality >= _FULL_CHROMA_QUALITY else "on"
    if options.format == "jpeg":
        optimal = image.width * image.height <= _OPTIMAL_JPEG_PIXELS
        return {"Q": quality, "subsample_mode": chroma, "optimize_coding": optimal}
    if options.format == "webp":
        if quality == LOSSLESS_QUALITY:
            return {"lossless": True, "exact": True}
        return {"Q": quality, "smart_subsample": True}
    if options.format == "avif":
        common = {"compression": "av1", "effort": _AVIF_EFFORT, "bitdepth": stored_bits(options)}
        if quality == LOSSLESS_QUALITY:
            return {**common, "lossless": True}
        return {**common, "Q": quality, "subsample_mode": chroma}
    if options.format == "tiff":
        pixel_bytes = image.width * image.height * image.bands * (1 if image.format == "uchar" else 2)
        return {
            "compression": "deflate",
            "predictor": "horizontal",
            "bigtiff": pixel_bytes > _BIGTIFF_BYTES,
            "resunit": "inch",
        }
    return {"compression": 6, "filter": "all"}
