"""Small sound files of every kind, with metadata, and ways to damage them: always the same for the same seed."""

from __future__ import annotations

import importlib.util
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image

from engine.canvas import RasterRef, create_raster
from engine.imaging.encode import encode
from engine.messages import EncodeOptions, ImageInfo

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)
IPTC = b"\x1c\x02\x78\x00\x07caption\x1c\x02\x19\x00\x04word"


@dataclass(frozen=True)
class ExifParts:
    """An EXIF block made by hand, and pieces of it to look for. `end`: the block's length without thumbnail and its directory."""

    block: bytes
    maker_note: bytes
    thumbnail: bytes
    end: int


def exif_block(order: str = ">", orientation: int = 6, thumbnail: bytes = b"\xff\xd8thumbnail\xff\xd9") -> ExifParts:
    """An EXIF block with all that cameras write: sizes, GPS, a maker note, a second directory with a thumbnail behind it."""

    def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")

    def short(value: int) -> bytes:
        return struct.pack(order + "H", value)

    def long(value: int) -> bytes:
        return struct.pack(order + "I", value)

    make, date, maker = b"Camera Works\0\0", b"2025:01:02 03:04:05\0", b"MAKER" + bytes(range(256)) + b"\0"
    values_at = 8 + 2 + 9 * 12 + 4
    exif_at = values_at + len(make) + 16
    date_at = exif_at + 2 + 4 * 12 + 4
    maker_at = date_at + len(date)
    gps_at = maker_at + len(maker)
    second_at = gps_at + 2 + 12 + 4
    thumbnail_at = second_at + 2 + 2 * 12 + 4
    main = [
        entry(0x0100, 3, 1, short(48)),
        entry(0x0101, 3, 1, short(32)),
        entry(0x010F, 2, 13, long(values_at)),
        entry(0x0112, 3, 1, short(orientation)),
        entry(0x011A, 5, 1, long(values_at + len(make))),
        entry(0x011B, 5, 1, long(values_at + len(make) + 8)),
        entry(0x0128, 3, 1, short(2)),
        entry(0x8769, 4, 1, long(exif_at)),
        entry(0x8825, 4, 1, long(gps_at)),
    ]
    exif = [
        entry(0x9003, 2, 20, long(date_at)),
        entry(0x927C, 7, len(maker), long(maker_at)),
        entry(0xA002, 3, 1, short(48)),
        entry(0xA003, 3, 1, short(32)),
    ]
    resolution = struct.pack(order + "4I", 300, 1, 150, 1)
    block = (b"MM\0*" if order == ">" else b"II*\0") + long(8)
    block += short(len(main)) + b"".join(main) + long(second_at) + make + resolution
    block += short(len(exif)) + b"".join(exif) + long(0) + date + maker
    block += short(1) + entry(1, 2, 2, b"N\0") + long(0)
    end = len(block)
    block += short(2) + entry(0x0201, 4, 1, long(thumbnail_at)) + entry(0x0202, 4, 1, long(len(thumbnail))) + long(0)
    assert len(block) == thumbnail_at
    return ExifParts(block + thumbnail, maker, thumbnail, end)


def photo_blocks() -> bytes:
    """Photoshop's blocks: the IPTC records and a thumbnail."""
    records = b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(IPTC)) + IPTC + b"\0" * (len(IPTC) % 2)
    return records + b"8BIM" + struct.pack(">HHI", 0x040C, 0, 4) + b"tiny"


def sound_files(folder: Path, kinds: tuple[str, ...]) -> dict[str, list[bytes]]:
    """Sound files of each kind ("png", "jpeg", ...), as Triptych and libvips write them: several layouts, all with metadata."""
    found: dict[str, list[bytes]] = {kind: [] for kind in kinds}
    profile = bytes(pyvips.Image.profile_load("p3"))
    for kind in kinds:
        for channels, bits in ((3, 8), (1, 8), (4, 8), (3, 16)):
            if bits == 16 and kind in ("jpeg", "webp"):
                continue
            depth = 10 if bits == 16 and kind == "avif" else bits
            raster = RasterRef(str(folder / "seed.raster"), 32, 48, channels, "float32")
            rows, columns = np.mgrid[0:32, 0:48]
            picture = np.stack(
                [np.sin(rows / (3 + c)) * np.cos(columns / 5) * 0.4 + 0.5 for c in range(channels)], axis=2
            )
            create_raster(raster)[:] = picture
            icc = profile if channels == 3 else None
            info = ImageInfo("seed", kind, 32, 48, channels, depth, icc, exif_block().block, XMP, photo_blocks())
            path = folder / f"seed-{channels}-{bits}.{kind}"
            encode(raster, info, str(path), EncodeOptions(kind, depth, overwrite=True))
            found[kind].append(path.read_bytes())
        found[kind] += list(_other_layouts(kind))
    return found


def _other_layouts(kind: str) -> Iterator[bytes]:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    image = pyvips.Image.new_from_memory(pixels, 48, 32, 3, "uchar").copy(interpretation="srgb")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP)
    options: dict[str, list[tuple[str, dict[str, object]]]] = {
        "png": [(".png", {"interlace": True}), (".png", {"palette": True})],
        "jpeg": [(".jpg", {"interlace": True}), (".jpg", {"Q": 40})],
        "tiff": [
            (".tif", {}),
            (".tif", {"tile": True, "tile_width": 16, "tile_height": 16, "compression": "lzw"}),
            (".tif", {"bigtiff": True, "compression": "deflate"}),
            (".tif", {"compression": "jpeg"}),
        ],
        "webp": [(".webp", {"lossless": True})],
        "avif": [],
    }
    for suffix, extra in options[kind]:
        yield bytes(image.write_to_buffer(suffix, **extra))


def mutated(data: bytes, kind: str, rng: np.random.Generator) -> bytes:
    """One to four damages of random kinds; the checksums of a PNG are mended half of the time, so that its lies are believed."""
    broken = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        _DAMAGES[int(rng.integers(len(_DAMAGES)))](broken, rng)
    if kind == "png" and rng.random() < 0.5:
        return _with_checksums(bytes(broken))
    return bytes(broken)


def _position(data: bytearray, rng: np.random.Generator) -> int:
    # Half of the hits in the first part, where the headers are.
    reach = len(data) if rng.random() < 0.5 else min(len(data), 400)
    return int(rng.integers(0, max(1, reach)))


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    at = _position(data, rng)
    data[at : at + 1] = bytes([(data[at] if at < len(data) else 0) ^ (1 << int(rng.integers(8)))])


def _replace(data: bytearray, rng: np.random.Generator) -> None:
    at = _position(data, rng)
    data[at : at + int(rng.integers(1, 9))] = rng.bytes(int(rng.integers(1, 9)))


def _lie(data: bytearray, rng: np.random.Generator) -> None:
    at = _position(data, rng)
    number = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
    form = str(rng.choice(["<H", ">H", "<I", ">I"]))
    limit = 0xFFFF if form[1] == "H" else 0xFFFFFFFF
    packed = struct.pack(form, min(number, limit))
    data[at : at + len(packed)] = packed


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    del data[_position(data, rng) :]


def _remove(data: bytearray, rng: np.random.Generator) -> None:
    at = _position(data, rng)
    del data[at : at + int(rng.integers(1, 64))]


def _repeat(data: bytearray, rng: np.random.Generator) -> None:
    at, other = _position(data, rng), _position(data, rng)
    data[other:other] = data[at : at + int(rng.integers(1, 128))]


def _blank(data: bytearray, rng: np.random.Generator) -> None:
    at = _position(data, rng)
    stop = min(len(data), at + int(rng.integers(1, 64)))
    data[at:stop] = bytes([int(rng.choice([0, 255]))]) * (stop - at)


_DAMAGES: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    _flip, _flip, _replace, _lie, _lie, _cut, _remove, _repeat, _blank,
)  # fmt: skip


def _with_checksums(data: bytes) -> bytes:
    out = io.BytesIO()
    out.write(data[:8])
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        body = data[at + 4 : at + 8 + length]
        out.write(data[at : at + 4] + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    out.write(data[at:])
    return out.getvalue()


def foreign_files() -> dict[str, list[bytes]]:
    """Sound files of the kinds that libvips does not read, of those whose library is here."""
    pixels = np.random.default_rng(2).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    found: dict[str, list[bytes]] = {}
    for kind, options in (("bmp", {}), ("gif", {})):
        out = io.BytesIO()
        picture.save(out, kind, **options)
        found[kind] = [out.getvalue()]
    if importlib.util.find_spec("imagecodecs"):
        import imagecodecs

        box = b"\0\0\0\0" + exif_block().block
        found["jxl"] = [
            imagecodecs.jpegxl_encode(pixels, lossless=True),
            imagecodecs.jpegxl_encode(pixels.astype(np.uint16) * 257, distance=1.0, usecontainer=True)
            + struct.pack(">I4s", 8 + len(box), b"Exif")
            + box,
        ]
    if importlib.util.find_spec("pillow_heif"):
        import pillow_heif

        out = io.BytesIO()
        pillow_heif.from_pillow(picture).save(out, quality=90, exif=b"Exif\0\0" + exif_block().block, xmp=XMP)
        found["heif"] = [out.getvalue()]
    return found
