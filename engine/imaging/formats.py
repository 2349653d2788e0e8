"""The image formats: how each is recognised, which are read and written, and what each can hold.

Imports the standard library and `engine.errors` only, so that the parent half can check an output before any work.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import OutputError

MAX_PIXELS = 2**31
MAGIC_BYTES = 64


@dataclass(frozen=True)
class Format:
    """One image format.

    `loader`: the libvips operation that reads it, or "foreign" where another library does (`engine.imaging.foreign`). `saver`:
    the libvips operation that writes it, or None. `side_limit_px`: the longest side it can hold; `pixel_limit`: the most pixels
    that its encoder takes, which needs the image as a whole. `bit_depths` it can be written with. `alpha` and `grey`: whether
    it holds them.
    """

    name: str
    title: str
    extensions: tuple[str, ...]
    loader: str
    saver: str | None = None
    side_limit_px: int = 0
    pixel_limit: int | None = None
    bit_depths: tuple[int, ...] = ()
    alpha: bool = False
    grey: bool = True


# libvips itself stops at this many pixels a side, whatever the format could hold.
_LIBVIPS_SIDE_PX = 100_000_000
# The AV1 encoder takes about 40 bytes a pixel, which the bound on the I/O process's memory must hold.
_AVIF_PIXELS = 10_000 * 10_000

_PNG = Format(
    "png", "PNG", (".png",), "pngload", "pngsave", side_limit_px=_LIBVIPS_SIDE_PX, bit_depths=(8, 16), alpha=True
)
_JPEG = Format(
    "jpeg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), "jpegload", "jpegsave", side_limit_px=65_535, bit_depths=(8,)
)
_TIFF = Format(
    "tiff",
    "TIFF",
    (".tif", ".tiff"),
    "tiffload",
    "tiffsave",
    side_limit_px=_LIBVIPS_SIDE_PX,
    bit_depths=(8, 16),
    alpha=True,
)
_WEBP = Format(
    "webp", "WebP", (".webp",), "webpload", "webpsave", side_limit_px=16_383, bit_depths=(8,), alpha=True, grey=False
)
_AVIF = Format(
    "avif",
    "AVIF",
    (".avif",),
    "heifload",
    "heifsave",
    side_limit_px=16_384,
    pixel_limit=_AVIF_PIXELS,
    bit_depths=(8, 10, 12),
    alpha=True,
    grey=False,
)
_GIF = Format("gif", "GIF", (".gif",), "gifload")
_BMP = Format("bmp", "BMP", (".bmp", ".dib"), "foreign")
_HEIF = Format("heif", "HEIF", (".heic", ".heif", ".hif"), "foreign")
_JXL = Format("jxl", "JPEG XL", (".jxl",), "foreign")

_FORMATS = {form.name: form for form in (_PNG, _JPEG, _TIFF, _WEBP, _AVIF, _GIF, _BMP, _HEIF, _JXL)}

_BMP_HEADER_BYTES = (12, 16, 40, 52, 56, 64, 108, 124)
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


def format_named(name: str) -> Format:
    """Returns the format called `name`. Raises KeyError for a name that is not in the table."""
    return _FORMATS[name]


def readable_extensions() -> tuple[str, ...]:
    """Returns the file extensions (lower case, with the dot) of the formats that are read.

    HEIF and JPEG XL are among them although some installations lack their decoders: such a file fails in a sentence that says
    what to install, which is better than to be passed over.
    """
    return tuple(extension for form in _FORMATS.values() for extension in form.extensions)


def writable_formats() -> tuple[str, ...]:
    """Returns the names of the formats that this version writes."""
    return tuple(form.name for form in _FORMATS.values() if form.saver)


def extension_of(name: str) -> str:
    """Returns the usual file extension of a format, with the dot."""
    return _FORMATS[name].extensions[0]


def format_of_extension(extension: str) -> str | None:
    """Returns the format that an extension (".JPG") stands for, or None where it stands for none of the table."""
    lowered = extension.lower()
    return next((form.name for form in _FORMATS.values() if lowered in form.extensions), None)


def kept_format(name: str, bit_depth: int) -> str:
    """Returns the format that `keep` writes for an input of this format and depth.

    The input's own where it can be written with that depth, else PNG to 8 bit and TIFF above.
    """
    form = _FORMATS.get(name)
    if form is not None and form.saver and _holds_depth(form, bit_depth):
        return name
    return "png" if bit_depth <= 8 else "tiff"


def recognise(head: bytes) -> str | None:
    """Returns the format's name by the first `MAGIC_BYTES` of a file, or None for bytes that begin no known image."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    # Classic TIFF (42) and BigTIFF (43), in either byte order.
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if _is_bmp(head):
        return "bmp"
    if head.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")):
        return "jxl"
    if head[4:8] == b"ftyp":
        if head[8:12] in (b"avif", b"avis") or b"avif" in head[12:MAGIC_BYTES]:
            return "avif"
        if head[8:12] in _HEIF_BRANDS:
            return "heif"
    return None


def _is_bmp(head: bytes) -> bool:
    """Two letters are too few to tell a picture from a text: the size of the second header is looked at too."""
    return head[:2] == b"BM" and len(head) >= 18 and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES


def _holds_depth(form: Format, bit_depth: int) -> bool:
    """Whether a format holds a depth as it is, or loses nothing of 9 to 15 bits by writing 16."""
    return bit_depth in form.bit_depths or (8 < bit_depth < 16 and 16 in form.bit_depths)


def _holds_size(form: Format, height: int, width: int) -> bool:
    return max(height, width) <= form.side_limit_px and height * width <= (form.pixel_limit or height * width)


def _holders(bit_depth: int, height: int, width: int) -> str:
    """Names the formats that can hold such an image: "PNG or TIFF"."""
    titles = [
        form.title
        for form in _FORMATS.values()
        if form.saver and _holds_depth(form, bit_depth) and _holds_size(form, height, width)
    ]
    if len(titles) < 2:
        return "".join(titles)
    return f"{', '.join(titles[:-1])} or {titles[-1]}"


def check_output(format_name: str, bit_depth: int, height: int, width: int) -> None:
    """Refuses an output that its format cannot hold, before any work is done for it.

    Raises OutputError for a size or a depth the format has no room for, naming what can hold it, and for a format that is
    never written.
    """
    form = _FORMATS.get(format_name)
    if form is None or form.saver is None:
        title = form.title if form else format_name
        raise OutputError(
            f"{title} files are not written by Triptych.", f"Choose one of {', '.join(writable_formats())}."
        )
    holders = _holders(bit_depth, height, width)
    hint = f"{holders} can hold it." if holders else "No format can hold it: choose a smaller scale or --size."
    if max(height, width) > form.side_limit_px:
        raise OutputError(
            f"{form.title} holds at most {form.side_limit_px:,} pixels a side, and the result is {width:,} x {height:,}.",
            hint,
        )
    if form.pixel_limit is not None and height * width > form.pixel_limit:
        raise OutputError(
            f"{form.title} is written up to {form.pixel_limit:,} pixels, and the result is {width:,} x {height:,}.",
            hint,
        )
    if not _holds_depth(form, bit_depth):
        depths = [str(depth) for depth in form.bit_depths]
        words = depths[0] if len(depths) == 1 else f"{', '.join(depths[:-1])} or {depths[-1]}"
        raise OutputError(f"{form.title} holds {words} bits a channel, not {bit_depth}.", hint)
