"""Opens an image file from outside and reads its header: what it is, how large, and what its result will need.

Imports pyvips, the standard library, and of the engine the plain messages and errors. No pixel is decoded here: everything that
can be refused is refused before.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from engine.errors import ImageTooLargeError, InputError
from engine.imaging import codec, containers, exif, png_chunks, profiles, tiff_tags
from engine.imaging.codec import configure, messages, reason
from engine.imaging.containers import Blocks
from engine.imaging.foreign import DamagedError, has_library, open_foreign, profile_of
from engine.imaging.formats import MAGIC_BYTES, MAX_PIXELS, Format, format_named, recognise
from engine.imaging.metadata import kept_metadata, read_metadata, software_of
from engine.messages import ImageInfo

MAX_ICC_BYTES = 16 * 2**20

# Interpretations whose numbers are shown as they are; all others are converted to sRGB.
_PLAIN = ("srgb", "rgb", "rgb16", "scrgb", "b-w", "grey16", "multiband", "histogram", "matrix")
# Deflate packs at most 1032 bytes into one, of at most eight pixels each; JPEG spends bits on each block of 64 (fewer than one
# only where it is coded arithmetically).
_MOST_PIXELS_PER_BYTE = {"png": 8 * 1032, "jpeg": 2**14}
_SMALL_PIXELS = 2**24
_LONGEST_REASON = 300
_UNKNOWN_RESOLUTIONS = (1.0, 72 / 25.4)
_FLOAT_NOTE = "Floating-point pixels became 16 bits a channel."


@dataclass(frozen=True)
class OpenedImage:
    """An image whose header has been accepted, and a way to its pixels.

    `image`: a pyvips image of `info.channels` bands whose pixels are not decoded yet, in the file's own orientation: uchar,
    ushort, or float where `is_float` (numbers from 0 to 1); None where `read` returns the pixels as one array of such numbers.
    `orientation`: the EXIF value 1..8 still to be applied; `info` already counts it.
    """

    info: ImageInfo
    orientation: int
    is_float: bool
    image: Any = None
    read: Callable[[], Any] | None = None


def inspect(path: str) -> ImageInfo:
    """Returns what an image file is, from its header.

    Raises InputError (ImageTooLargeError above 2^31 pixels) with the file's name and the reason.
    """
    return open_image(path).info


def open_image(path: str) -> OpenedImage:
    """Opens an image file for reading from top to bottom; its header has been checked and its pixels have not been touched.

    Raises InputError (ImageTooLargeError above 2^31 pixels) with the file's name and the reason.
    """
    configure()
    form = _recognised(path)
    if form.name == "tiff":
        _refuse_raw(path)
    loader = codec.loader_of(form)
    if loader is None:
        return _open_with_another(path, form)
    image = _open_with_libvips(path, form, loader)
    check_pixel_count(path, image.height, image.width)
    _check_claim(path, form, image)
    bit_depth = _bit_depth(image)
    image, notes, is_float = _as_plain_pixels(path, image)
    if 8 < bit_depth < 16:
        image = _filling_sixteen(image, bit_depth)
    icc = _icc(_profile(path, form, image), image.bands, notes)
    metadata = read_metadata(path, form, image, notes)
    _note_pages(path, form, image, notes)
    orientation = _orientation(image.get("orientation") if image.get_typeof("orientation") else 1)
    info = ImageInfo(
        path=path,
        format=form.name,
        height=image.width if orientation >= 5 else image.height,
        width=image.height if orientation >= 5 else image.width,
        channels=image.bands,
        bit_depth=bit_depth,
        icc=icc,
        exif=metadata.exif,
        xmp=metadata.xmp,
        iptc=metadata.iptc,
        pixels_per_mm=_resolution(image, metadata, orientation),
        software=software_of(path, form, metadata),
        warnings=tuple(notes),
    )
    return OpenedImage(info, orientation, is_float, image=image)


def _open_with_another(path: str, form: Format) -> OpenedImage:
    """Opens a format that libvips does not read here."""
    try:
        found = open_foreign(path, form.name)
    except DamagedError as error:
        raise damaged(path, form.title, str(error)) from error
    check_pixel_count(path, found.height, found.width)
    notes = list(found.notes)
    if found.is_float:
        notes.append(_FLOAT_NOTE)
    if found.frames > 1:
        notes.append(f"Only the first of {'several' if form.name == 'jxl' else found.frames} frames was read.")
    metadata = kept_metadata({"exif": found.exif, "xmp": found.xmp}, notes)
    orientation = _orientation(found.orientation)
    info = ImageInfo(
        path=path,
        format=form.name,
        height=found.width if orientation >= 5 else found.height,
        width=found.height if orientation >= 5 else found.width,
        channels=found.channels,
        bit_depth=found.bit_depth,
        icc=_icc(found.icc, found.channels, notes),
        exif=metadata.exif,
        xmp=metadata.xmp,
        pixels_per_mm=_known(*found.pixels_per_mm) or exif_resolution(metadata.exif),
        software=exif.text(metadata.exif, tiff_tags.SOFTWARE) if metadata.exif else "",
        warnings=tuple(notes),
    )
    return OpenedImage(info, orientation, found.is_float, read=found.read)


def check_pixel_count(path: str, height: int, width: int) -> None:
    """Raises ImageTooLargeError for a header that claims more than 2^31 pixels."""
    if height * width > MAX_PIXELS:
        raise ImageTooLargeError(
            f"{Path(path).name} claims to be {width:,} x {height:,} pixels; more than {MAX_PIXELS:,} are not read.",
            "If it really is that large, cut it into parts first.",
        )


def _refuse_raw(path: str) -> None:
    """Refuses a camera's raw file: it looks like a TIFF, but its first page is only a small preview."""
    try:
        with open(path, "rb") as file:
            layout = tiff_tags.read_layout(file)
            first = tiff_tags.read_first_directory(file, layout)
            kind = first.find(tiff_tags.SUBFILE_TYPE)
            value = tiff_tags.read_value(file, kind) if kind else b""
            file.seek(8)
            is_raw = file.read(2) == b"CR" or first.find(tiff_tags.DNG_VERSION) is not None
    except ValueError:
        # The decoder will say what is wrong with it.
        return
    is_preview = bool(int.from_bytes(value, "little" if layout.order == "<" else "big") & 1)
    if is_raw or is_preview:
        raise InputError(
            f"{Path(path).name} is a camera's raw file, or begins with a small preview, which is not read.",
            "Develop it to a TIFF of 16 bits first.",
        )


def _check_claim(path: str, form: Format, image: Any) -> None:
    """Refuses a header that claims more pixels than so short a file can hold, before they are decoded to nothing."""
    most = _MOST_PIXELS_PER_BYTE.get(form.name)
    size_bytes = Path(path).stat().st_size
    if most is not None and image.height * image.width > max(_SMALL_PIXELS, size_bytes * most):
        raise damaged(
            path,
            form.title,
            f"it claims {image.width:,} x {image.height:,} pixels, which {size_bytes:,} bytes cannot hold",
        )


def _recognised(path: str) -> Format:
    """Finds the format by the file's first bytes; the extension does not count."""
    name = Path(path).name
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            raise InputError(
                f"{name} is a folder, not an image.", "Name the images in it, or the folder as an input of its own."
            )
        # A pipe or a device would block or never end.
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{name} is not a regular file.", "Save the image as a file first.")
        with open(path, "rb") as file:
            head = file.read(MAGIC_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"{name} does not exist.", "Check the path.") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name} cannot be opened ({why}).", "Check the file's permissions.") from error
    if not head:
        raise InputError(f"{name} is empty.", "Copy or download the file again.")
    found = recognise(head)
    if found is None:
        raise InputError(
            f"{name} is not an image that Triptych knows.",
            "PNG, JPEG, TIFF, WebP, AVIF, HEIF, JPEG XL, GIF and BMP are read, whatever the file's extension.",
        )
    form = format_named(found)
    if found == "png" and len(head) >= 24:
        check_pixel_count(path, int.from_bytes(head[20:24], "big"), int.from_bytes(head[16:20], "big"))
    return form


def _open_with_libvips(path: str, form: Format, loader: str) -> Any:
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    if form.name == "tiff":
        # libtiff's allocation limit would refuse honest files of one large strip; the process has a limit of its own.
        options["unlimited"] = True
    with messages() as said:
        try:
            # Not every file name is Unicode on POSIX; pyvips passes bytes through.
            return getattr(pyvips.Image, loader)(os.fsencode(path) if os.name == "posix" else path, **options)
        except (pyvips.Error, UnicodeDecodeError) as error:
            raise damaged(path, form.title, reason(error, said)) from error


def damaged(path: str, title: str, why: str) -> InputError:
    """Returns the error for a file whose contents do not hold what its first bytes promise."""
    name = Path(path).name
    # What libraries say may fill lines.
    why = " ".join(why.split())[:_LONGEST_REASON].rstrip(".")
    if title == "HEIF" and not has_library("heif"):
        return InputError(
            f"{name} is HEIF, which the libraries at hand cannot read ({why}).",
            "Install pillow-heif (pip install pillow-heif), or convert the image to PNG or TIFF first.",
        )
    return InputError(f"{name} is damaged or truncated and cannot be read as {title} ({why}).", "Copy it again.")


def _as_plain_pixels(path: str, image: Any) -> tuple[Any, list[str], bool]:
    """Brings any pixels to grey, grey + alpha, RGB or RGBA of uchar, ushort or float, lazily; says what was changed."""
    name = Path(path).name
    notes: list[str] = []
    if image.interpretation == "cmyk":
        embedded = bool(image.get_typeof("icc-profile-data"))
        depth = 16 if image.format == "ushort" else 8
        image = image.icc_transform(
            "srgb", embedded=True, input_profile="cmyk", intent="relative", black_point_compensation=True, depth=depth
        )
        image = _without(image, "icc-profile-data")
        through = "through its own profile" if embedded else "through a general profile, as it has none of its own"
        notes.append(f"CMYK became sRGB {through}.")
    elif image.interpretation not in _PLAIN:
        notes.append(f"The colours ({image.interpretation}) became sRGB.")
        deep = image.get_typeof("bits-per-sample") and image.get("bits-per-sample") > 8
        image = _without(image.colourspace("rgb16" if deep else "srgb"), "icc-profile-data")
    if image.format not in ("uchar", "ushort", "float", "double"):
        raise InputError(
            f"{name} has pixels of type {image.format}; 8 and 16 bits a channel, or floating point from 0 to 1, are read.",
            "Convert it to 16 bits a channel first.",
        )
    is_float = image.format in ("float", "double")
    if is_float:
        notes.append(_FLOAT_NOTE)
    colours = 1 if image.bands <= 2 and image.interpretation not in ("srgb", "rgb16") else 3
    if image.bands > colours + 1:
        notes.append(f"Only the first {colours + 1} of {image.bands} channels are used.")
        image = image.extract_band(0, n=colours + 1)
    return image, notes, is_float


def _without(image: Any, field: str) -> Any:
    image = image.copy()
    image.remove(field)
    return image


def _bit_depth(image: Any) -> int:
    """Returns 8, 16, or the 9 to 15 bits that AVIF and HEIF store."""
    if image.format == "uchar":
        return 8
    loader = image.get("vips-loader") if image.get_typeof("vips-loader") else ""
    if loader != "heifload" or image.format != "ushort" or not image.get_typeof("bits-per-sample"):
        return 16
    return min(16, max(9, int(image.get("bits-per-sample"))))


def _filling_sixteen(image: Any, bit_depth: int) -> Any:
    """Returns pixels whose upper `bit_depth` bits count, so that the largest value is 65535, lazily."""
    values = image >> (16 - bit_depth)
    return (
        values.linear(65535 / (2**bit_depth - 1), 0.0).rint().cast("ushort").copy(interpretation=image.interpretation)
    )


def _orientation(value: int) -> int:
    return value if 1 <= value <= 8 else 1


def _profile(path: str, form: Format, image: Any) -> bytes | None:
    """Returns the file's profile, or for PNG, AVIF and HEIF the one that its numbers mean; None for sRGB."""
    embedded = bytes(image.get("icc-profile-data")) if image.get_typeof("icc-profile-data") else None
    if form.name == "png":
        return png_chunks.profile(png_chunks.small_chunks(path), embedded, is_grey=image.bands <= 2)
    if embedded is not None or form.name not in ("avif", "heif"):
        return embedded
    numbers = containers.colour_numbers(path)
    return profile_of(*numbers, is_grey=image.bands <= 2) if numbers else None


def _icc(profile: bytes | None, channels: int, notes: list[str]) -> bytes | None:
    """Returns the profile to embed in the result, or None; says why one is dropped."""
    if profile is None:
        return None
    if len(profile) > MAX_ICC_BYTES:
        notes.append(f"The colour profile of {len(profile) / 2**20:.0f} MiB was dropped: at most 16 MiB are kept.")
        return None
    space = b"GRAY" if channels <= 2 else b"RGB "
    length = int.from_bytes(profile[:4], "big")
    # Some writers pad it, and PNG's would refuse that: the profile itself says where it ends.
    profile = profile[:length]
    if len(profile) < max(128, length) or profile[16:20] != space or not profiles.can_be_opened(profile):
        notes.append("The colour profile was dropped: it is damaged or made for other channels than this image has.")
        return None
    return profile


def _note_pages(path: str, form: Format, image: Any, notes: list[str]) -> None:
    pages = image.get("n-pages") if image.get_typeof("n-pages") else 1
    if form.name == "png":
        pages = png_chunks.frames(png_chunks.small_chunks(path))
    if pages > 1:
        kind = "page" if image.get("vips-loader") == "tiffload" else "frame"
        notes.append(f"Only the first of {pages} {kind}s was read.")


def _resolution(image: Any, metadata: Blocks, orientation: int) -> tuple[float, float] | None:
    """Returns (x, y) pixels per mm of the image as it is shown, or None where it is not known."""
    if image.get_typeof("vips-loader") and image.get("vips-loader") in ("webpload", "heifload"):
        # These have no resolution but EXIF's, which libvips does not take over.
        return exif_resolution(metadata.exif)
    known = _known(image.xres, image.yres)
    return known[::-1] if known and orientation >= 5 else known


def exif_resolution(block: bytes | None) -> tuple[float, float] | None:
    """Returns (x, y) pixels per mm of the image as it is shown, as an EXIF block has them, or None where it has none."""
    found = exif.resolution(block) if block else None
    return _known(*found) if found else None


def _known(x_res: float, y_res: float) -> tuple[float, float] | None:
    """Returns (x, y) pixels per mm; None for 72 dpi, EXIF's value for "unknown", and for libvips' placeholder."""
    values = (x_res, y_res)
    if not all(0 < value < 1e6 for value in values):
        return None
    # PNG counts whole pixels per metre, so 72 dpi is not met exactly.
    if any(all(abs(value - unknown) < 2e-3 for value in values) for unknown in _UNKNOWN_RESOLUTIONS):
        return None
    return values
