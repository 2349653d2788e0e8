"""Metadata from one file into the next: what a file says beside its pixels, and what of it a result can say.

Imports the standard library, pyvips images by their interface only, and of the engine the plain messages and this package's EXIF,
XMP and IPTC. Profile and resolution are `engine.imaging.header`'s and `encode`'s business.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

from engine.imaging import containers, exif, iptc, png_chunks, tiff_tags, xmp
from engine.imaging.containers import Blocks
from engine.imaging.formats import Format, format_named
from engine.messages import ImageInfo

MAX_METADATA_BYTES = 64 * 2**20
# The keys under which other programs put IPTC into PNG.
_PNG_IPTC = ("Raw profile type iptc", "Raw profile type 8bim")


def software_tag() -> str:
    """Returns what Triptych writes as `Software`: its name and version."""
    try:
        return f"Triptych {importlib.metadata.version('triptych')}"
    except importlib.metadata.PackageNotFoundError:
        # A bare checkout that was never installed.
        return "Triptych"


def read_metadata(path: str, form: Format, image: Any, notes: list[str]) -> Blocks:
    """Returns the metadata of an opened image; says in `notes` what is dropped: over 64 MiB, or damaged."""
    found: dict[str, bytes | None] = {
        "exif": _blob(image, "exif-data"),
        "xmp": _blob(image, "xmp-data"),
        "iptc": _blob(image, "iptc-data"),
    }
    if form.name == "tiff":
        found["exif"] = _exif_of_tiff(path, notes)
        found["iptc"] = _tiff_blob(path, tiff_tags.PHOTOSHOP) or _tiff_blob(path, tiff_tags.IPTC)
    if form.name == "png":
        found["iptc"] = _png_iptc(path)
        lost = png_chunks.lost_texts(path)
        if lost:
            notes.append(
                f"Texts in the PNG file were not kept: {', '.join(lost[:5])}{' ...' if len(lost) > 5 else ''}."
            )
    return kept_metadata(found, notes)


def kept_metadata(found: dict[str, bytes | None], notes: list[str]) -> Blocks:
    """Returns the blocks ("exif", "xmp", "iptc") in this package's form; says in `notes` what is dropped."""
    plain = dict(found)
    if plain.get("exif") is not None:
        plain["exif"] = exif.without_prefix(plain["exif"] or b"")
    if plain.get("iptc") is not None:
        plain["iptc"] = _plain_iptc(plain["iptc"] or b"")
    kept: dict[str, bytes] = {}
    total_bytes = 0
    for name, blob in plain.items():
        if not blob:
            continue
        if total_bytes + len(blob) > MAX_METADATA_BYTES:
            notes.append(f"{name.upper()} of {len(blob) / 2**20:.0f} MiB was dropped: at most 64 MiB are kept.")
            continue
        kept[name] = blob
        total_bytes += len(blob)
    if xmp.has_gain_map(kept.get("xmp", b"")):
        notes.append("The gain map for HDR screens was not kept: the result is the picture that other screens show.")
    return Blocks(**kept)


def blocks_for(source: ImageInfo, format_name: str, height: int, width: int, notes: list[str]) -> Blocks:
    """Returns what a result of this size gets written beside its pixels; says in `notes` what its format cannot hold."""
    form = format_named(format_name)
    block = _exif_for(source, height, width, notes)
    if block is None and format_name not in ("png", "tiff"):
        # `Software` has no other place there, nor has WebP's and AVIF's resolution.
        block = exif.minimal(height, width, software_tag(), source.pixels_per_mm)
    packet = xmp.corrected(source.xmp, height, width) if source.xmp else None
    records = source.iptc
    if records and format_name in ("webp", "avif"):
        notes.append(f"{form.title} has no place for IPTC: it was left out.")
        records = None
    if format_name == "jpeg":
        if block and not containers.jpeg_holds("exif", block):
            notes.append(f"JPEG holds at most 64 KiB of EXIF: the {len(block) // 1024} KiB there were left out.")
            block = exif.minimal(height, width, software_tag(), source.pixels_per_mm)
        if packet and not containers.jpeg_holds("xmp", packet):
            notes.append(f"JPEG holds at most 64 KiB of XMP: the {len(packet) // 1024} KiB there were left out.")
            packet = None
    return Blocks(block, packet, records)


def write_into_tiff(path: str, blocks: Blocks) -> None:
    """Adds the blocks and `Software` to a TIFF file. Raises ValueError where a classic TIFF has no room left for them."""
    tree = exif.for_tiff(blocks.exif) if blocks.exif else tiff_tags.Tree("<")
    # Bytes for which there is no byte order.
    own = [tiff_tags.in_order(tiff_tags.ascii_field(tiff_tags.SOFTWARE, software_tag()), "<", tree.order)]
    if blocks.xmp:
        own.append(tiff_tags.Field(tiff_tags.XMP, tiff_tags.BYTE, len(blocks.xmp), blocks.xmp))
    if blocks.iptc:
        records = iptc.records(blocks.iptc)
        if records:
            own.append(tiff_tags.Field(tiff_tags.IPTC, tiff_tags.UNDEFINED, len(records), records))
        resources = iptc.blocks(blocks.iptc) if iptc.is_blocks(blocks.iptc) else b""
        if resources:
            own.append(tiff_tags.Field(tiff_tags.PHOTOSHOP, tiff_tags.BYTE, len(resources), resources))
    replaced = {field.tag for field in own}
    main = (*(field for field in tree.main if field.tag not in replaced), *own)
    tiff_tags.append_tree(path, tiff_tags.Tree(tree.order, main, tree.exif, tree.gps, tree.interop))


def software_of(path: str, form: Format, metadata: Blocks) -> str:
    """Returns the `Software` tag: a TIFF's own, a PNG's text chunk, or EXIF's."""
    if form.name == "tiff":
        return tiff_tags.read_text(path, tiff_tags.SOFTWARE)
    if form.name == "png":
        software = png_chunks.texts(path, ("Software",)).get("Software")
        if software is not None:
            return software.decode("latin-1").strip()
    return exif.text(metadata.exif, tiff_tags.SOFTWARE) if metadata.exif else ""


def _exif_for(source: ImageInfo, height: int, width: int, notes: list[str]) -> bytes | None:
    if source.exif is None:
        return None
    try:
        return exif.rewritten(source.exif, height, width, software_tag())
    except ValueError as error:
        notes.append(f"EXIF was dropped: it is damaged ({error}).")
        return None


def _blob(image: Any, field: str) -> bytes | None:
    return bytes(image.get(field)) if image.get_typeof(field) else None


def _exif_of_tiff(path: str, notes: list[str]) -> bytes | None:
    try:
        return exif.of_tiff(path, notes)
    except ValueError as error:
        notes.append(f"The tags were dropped: they are damaged ({error}).")
        return None


def _tiff_blob(path: str, tag: int) -> bytes | None:
    try:
        with open(path, "rb") as file:
            entry = tiff_tags.read_first_directory(file, tiff_tags.read_layout(file)).find(tag)
            return tiff_tags.read_value(file, entry) if entry else None
    except ValueError:
        return None


def _png_iptc(path: str) -> bytes | None:
    texts = png_chunks.texts(path, _PNG_IPTC)
    return next((png_chunks.raw_profile(texts[key]) for key in _PNG_IPTC if key in texts), None)


def _plain_iptc(blob: bytes) -> bytes | None:
    """Returns records or Photoshop's blocks without what a container puts before them; None for neither."""
    plain = blob.removeprefix(iptc.PHOTOSHOP_PREFIX)
    if not iptc.is_records(plain) and len(plain) % 4 == 0:
        # TIFF stores the records as numbers of four bytes, and some writers swap those.
        swapped = b"".join(plain[at : at + 4][::-1] for at in range(0, min(len(plain), MAX_METADATA_BYTES), 4))
        plain = swapped if iptc.is_records(swapped) else plain
    return plain if iptc.is_records(plain) or iptc.is_blocks(plain) else None
