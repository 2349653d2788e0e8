"""EXIF, XMP, IPTC: what a file says beside its pixels stays, in every format that can hold it, and stays true."""

from __future__ import annotations

import io
import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from engine.imaging import exif, iptc, tiff_tags, xmp
from engine.imaging.metadata import MAX_METADATA_BYTES, kept_metadata, software_tag
from engine.messages import ImageInfo
from tests.engine.imaging import mutations

FORMATS = ("jpeg", "png", "tiff", "webp", "avif")
SUFFIXES = {"jpeg": "jpg", "tiff": "tif"}


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _photo(
    path: Path, pixels: np.ndarray, exif_block: bytes | None = None, packet: bytes = b"", blocks: bytes = b""
) -> str:
    """A JPEG with the blocks given, as a camera would write it."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=95, dpi=(300, 150))
    data = out.getvalue()
    segments = _segment(0xE1, b"Exif\0\0" + exif_block) if exif_block else b""
    segments += _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet) if packet else b""
    segments += _segment(0xED, b"Photoshop 3.0\0" + blocks) if blocks else b""
    path.write_bytes(data[:20] + segments + data[20:])
    return str(path)


@pytest.fixture
def photo(tmp_path, picture):
    """A photograph, stored lying on its side, with everything that a file can say."""
    return _photo(
        tmp_path / "photo.jpg", picture(32, 48), mutations.exif_block().block, mutations.XMP, mutations.photo_blocks()
    )


@pytest.fixture
def enlarge(read, write):
    """Reads a file and writes it twice as large in a format; gives what was written, as it reads back."""

    def run(path: str, format_name: str, name: str = "large") -> tuple[ImageInfo, tuple[str, ...]]:
        info, pixels = read(path)
        peak = np.float32(np.iinfo(pixels.dtype).max)
        canvas = (pixels / peak).repeat(2, axis=0).repeat(2, axis=1)
        target = f"{name}.{SUFFIXES.get(format_name, format_name)}"
        depth = 8 if format_name in ("jpeg", "webp") else info.bit_depth
        written = write(canvas, target, info, depth, format=format_name)
        again, _ = read(written.path)
        return again, written.warnings

    return run


def _tags(block: bytes) -> tuple[dict[int, object], dict[int, object], dict[int, object]]:
    """An EXIF block's main, Exif and GPS tags as Pillow reads them."""
    parsed = Image.Exif()
    parsed.load(b"Exif\0\0" + block)
    return dict(parsed), dict(parsed.get_ifd(0x8769)), dict(parsed.get_ifd(0x8825))


@pytest.mark.parametrize("format_name", FORMATS)
def test_exif_stays_and_stays_true(format_name, photo, enlarge):
    info, warnings = enlarge(photo, format_name)
    main, details, gps = _tags(info.exif)
    assert (info.height, info.width) == (96, 64)
    assert main[0x0112] == 1
    assert main[0x010F] == "Camera Works"
    assert main[0x0131] == software_tag() == info.software
    # 300 × 150 dpi lay on the side.
    assert (float(main[0x011A]), float(main[0x011B])) == (150.0, 300.0)
    assert info.pixels_per_mm == pytest.approx((150 / 25.4, 300 / 25.4), rel=1e-3)
    assert details[0x9003] == "2025:01:02 03:04:05"
    assert details[0x927C] == mutations.exif_block().maker_note
    assert (details[0xA002], details[0xA003]) == (64, 96)
    assert gps == {1: "N"}
    assert mutations.exif_block().thumbnail not in Path(info.path).read_bytes()
    assert not any("EXIF" in sentence for sentence in warnings)


@pytest.mark.parametrize("format_name", FORMATS)
def test_xmp_stays_but_for_what_became_untrue(format_name, photo, enlarge):
    info, _ = enlarge(photo, format_name)
    assert info.xmp == mutations.XMP.replace(b'tiff:Orientation="6"', b'tiff:Orientation="1"')


@pytest.mark.parametrize("format_name", FORMATS)
def test_iptc_stays_where_there_is_a_place_for_it(format_name, photo, enlarge):
    info, warnings = enlarge(photo, format_name)
    if format_name in ("webp", "avif"):
        assert info.iptc is None
        assert any("no place for IPTC" in sentence for sentence in warnings)
    else:
        assert iptc.records(info.iptc) == mutations.IPTC
        assert b"tiny" not in info.iptc
        assert warnings == ()


@pytest.mark.parametrize(("first", "second"), list(itertools.product(("png", "tiff"), FORMATS)))
def test_metadata_survives_two_formats(first, second, photo, enlarge):
    between, _ = enlarge(photo, first, "between")
    info, _ = enlarge(between.path, second)
    main, details, gps = _tags(info.exif)
    assert (main[0x010F], details[0x927C], gps) == ("Camera Works", mutations.exif_block().maker_note, {1: "N"})
    assert (details[0xA002], details[0xA003]) == (128, 192) == (info.width, info.height)
    assert info.xmp is not None
    if second in ("jpeg", "png", "tiff"):
        assert iptc.records(info.iptc) == mutations.IPTC


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_nothing_in_an_exif_block_moves(order, orientation):
    """Maker notes point into the block in ways that only their maker knows."""
    parts = mutations.exif_block(order, orientation)
    new = exif.rewritten(parts.block, 96, 64, "Triptych")
    # The numbers, the offsets of the main and of the second directory, and nothing else.
    changed = [at for at in range(parts.end) if new[at] != parts.block[at]]
    assert len(changed) < 40
    assert new.index(parts.maker_note) == parts.block.index(parts.maker_note)
    assert parts.thumbnail not in new
    twice = exif.rewritten(new, 192, 128, "Triptych")
    assert len(twice) == len(new)
    assert _tags(twice)[1][0xA002] == 128


def test_sizes_beyond_two_bytes_fit():
    new = exif.rewritten(mutations.exif_block().block, 70_000, 80_000, "Triptych")
    main, details, _ = _tags(new)
    assert (main[0x0100], main[0x0101], details[0xA002], details[0xA003]) == (80_000, 70_000, 80_000, 70_000)


def test_a_thumbnail_in_the_middle_is_blanked():
    parts = mutations.exif_block()
    block = parts.block + b"what lies behind it"
    new = exif.rewritten(block, 96, 64, "Triptych")
    assert parts.thumbnail not in new
    assert b"what lies behind it" in new


def test_a_lie_about_the_thumbnail_destroys_nothing():
    parts = mutations.exif_block()
    at = parts.block.index(parts.maker_note)
    lie = parts.block.replace(
        struct.pack(">HHII", 0x0201, 4, 1, len(parts.block) - len(parts.thumbnail)),
        struct.pack(">HHII", 0x0201, 4, 1, at),
    )
    assert lie != parts.block
    assert parts.maker_note in exif.rewritten(lie, 96, 64, "Triptych")


@pytest.mark.parametrize("old", ["", "x", "An older and much longer name of a program"])
def test_software_is_set_whatever_was_there(old):
    tree = tiff_tags.Tree(
        "<", (tiff_tags.ascii_field(0x0131, old), tiff_tags.ascii_field(0x0132, "2025:01:02 03:04:05"))
    )
    new = exif.rewritten(tiff_tags.build(tree), 1, 1, "Triptych 1.2.3")
    assert _tags(new)[0] == {0x0131: "Triptych 1.2.3", 0x0132: "2025:01:02 03:04:05"}


@pytest.mark.parametrize("length", [0, 3, 8, 9, 30, 120, 400])
def test_a_cut_exif_block_is_dropped_or_mended_but_never_breaks_the_job(length, tmp_path, picture, read, write):
    path = _photo(tmp_path / "cut.jpg", picture(32, 48), mutations.exif_block().block[:length] or b"\0")
    info, pixels = read(path)
    written = write(pixels / np.float32(255), "out.jpg", info)
    again, _ = read(written.path)
    assert again.software == software_tag()
    if length < 120:
        assert any("EXIF was dropped" in sentence for sentence in written.warnings)


def test_a_file_without_exif_gets_what_its_format_needs(tmp_path, picture, save, enlarge):
    plain = save("plain.tif", picture(), pixels_per_mm=(10.0, 20.0))
    for format_name in FORMATS:
        info, warnings = enlarge(plain, format_name)
        assert warnings == ()
        assert info.software == software_tag()
        assert info.pixels_per_mm == pytest.approx((10.0, 20.0), rel=1e-3)
        assert (info.xmp, info.iptc) == (None, None)
    info, _ = enlarge(plain, "png")
    assert info.exif is None


def test_tags_of_a_tiff_that_only_tiff_knows_stay(tmp_path, picture, save, enlarge):
    path = save("in.tif", picture())
    private = tiff_tags.Field(50_000, tiff_tags.SHORT, 3, struct.pack("<3H", 7, 8, 9))
    artist, document = tiff_tags.ascii_field(315, "Ada"), tiff_tags.ascii_field(269, "Scan 12")
    tiff_tags.append_tree(path, tiff_tags.Tree("<", (private, artist, document)))
    info, _ = enlarge(path, "tiff")
    with Image.open(info.path) as opened:
        assert opened.tag_v2[50_000] == (7, 8, 9)
        assert (opened.tag_v2[315], opened.tag_v2[269]) == ("Ada", "Scan 12")
        assert opened.tag_v2[305] == software_tag()


def test_a_geo_reference_is_not_kept_and_said(picture, save, enlarge, read):
    path = save("map.tif", picture())
    scale = tiff_tags.Field(33550, 12, 3, struct.pack("<3d", 1.0, 1.0, 0.0))
    tiff_tags.append_tree(path, tiff_tags.Tree("<", (scale,)))
    info, _ = read(path)
    assert any("geo-reference" in sentence for sentence in info.warnings)
    large, _ = enlarge(path, "tiff")
    with Image.open(large.path) as opened:
        assert 33550 not in opened.tag_v2


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"tile": True}])
def test_exif_goes_into_every_kind_of_tiff(options, picture, save):
    path = save("in.tif", picture(), **options)
    before = pyvips.Image.tiffload(path).write_to_memory()
    for order in ("<", ">"):
        tiff_tags.append_tree(path, exif.for_tiff(mutations.exif_block(order).block))
        assert pyvips.Image.tiffload(path).write_to_memory() == before
        notes: list[str] = []
        main, details, gps = _tags(exif.of_tiff(path, notes))
        assert (main[0x010F], details[0x927C], gps) == ("Camera Works", mutations.exif_block().maker_note, {1: "N"})
        assert notes == []


def test_iptc_that_tiff_stores_alone_is_read(picture, save, read):
    for name, records in (("plain.tif", mutations.IPTC + b"\0" * (-len(mutations.IPTC) % 4)), ("swapped.tif", None)):
        data = records or b"".join(
            (mutations.IPTC + b"\0" * 3)[at : at + 4][::-1] for at in range(0, len(mutations.IPTC), 4)
        )
        path = save(name, picture())
        tiff_tags.append_tree(path, tiff_tags.Tree("<", (tiff_tags.Field(33723, 4, len(data) // 4, data),)))
        info, _ = read(path)
        assert iptc.records(info.iptc).rstrip(b"\0") == mutations.IPTC[: len(data)].rstrip(b"\0")


def test_iptc_in_png_is_what_other_programs_write(tmp_path, picture, read):
    data = mutations.photo_blocks()
    text = b"\niptc\n%8d\n" % len(data) + data.hex().encode() + b"\n"
    chunk = b"Raw profile type iptc\0\0" + zlib.compress(text)
    raw = struct.pack(">I", len(chunk)) + b"zTXt" + chunk + struct.pack(">I", zlib.crc32(b"zTXt" + chunk))
    Image.fromarray(picture()).save(tmp_path / "a.png")
    plain = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(plain[:33] + raw + plain[33:])
    info, _ = read(str(tmp_path / "a.png"))
    assert iptc.records(info.iptc) == mutations.IPTC


def test_texts_of_a_png_in_any_encoding_do_no_harm(tmp_path, picture, read):
    body = b"Software\0Caf\xe9 \xff"
    odd_key = b"K\xe9y \xff\0\xfe"
    chunks = b"".join(
        struct.pack(">I", len(data)) + b"tEXt" + data + struct.pack(">I", zlib.crc32(b"tEXt" + data))
        for data in (odd_key, body)
    )
    Image.fromarray(picture()).save(tmp_path / "a.png")
    plain = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(plain[:33] + chunks + plain[33:])
    info, _ = read(str(tmp_path / "a.png"))
    assert info.software == "Café ÿ"
    assert info.warnings == ("Texts in the PNG file were not kept: Kéy ÿ.",)


XMP_FORMS = [
    (b'<r xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="8"/>', b'tiff:Orientation="1"'),
    (b"<r xmlns:t='http://ns.adobe.com/tiff/1.0/' t:Orientation = '8' />", b"t:Orientation = '1'"),
    (b'<r xmlns:tiff="http://ns.adobe.com/tiff/1.0/"><tiff:ImageWidth> 48 </tiff:ImageWidth></r>', b">64<"),
    (b'<r xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:PixelXDimension="48" exif:PixelYDimension="32"/>', b'"64"'),
    (b'<r xmlns:exif="http://ns.adobe.com/exif/1.0/"><exif:PixelYDimension>32</exif:PixelYDimension></r>', b">96<"),
]


@pytest.mark.parametrize(("packet", "expected"), XMP_FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_xmp_numbers_are_corrected_in_every_spelling(packet, expected, encoding):
    encoded = packet.decode().encode(encoding)
    assert expected.decode().encode(encoding) in xmp.corrected(encoded, 96, 64)


def test_xmp_that_contradicts_nothing_is_kept_to_the_byte():
    for packet in (
        b'<r xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="1" tiff:Make="Works 6"/>',
        b"<r>tiff:Orientation=6</r>",
        b"\xff\xfe broken \x00",
        b"<r \xff\xff",
        bytes(range(256)),
    ):
        assert xmp.corrected(packet, 96, 64) == packet


def test_a_reference_to_extended_xmp_goes():
    packet = b'<r xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="0123ABCD" a="b"/>'
    assert xmp.corrected(packet, 1, 1) == b'<r xmlns:xmpNote="http://ns.adobe.com/xmp/note/" a="b"/>'


def test_a_gain_map_that_is_lost_is_said(tmp_path, picture, read):
    packet = b'<r xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/>'
    info, _ = read(_photo(tmp_path / "hdr.jpg", picture(), None, packet))
    assert any("gain map" in sentence for sentence in info.warnings)


def test_what_jpeg_has_no_room_for_is_said(picture, save, enlarge, read, write):
    big = ImageInfo(
        "x",
        "png",
        24,
        31,
        3,
        8,
        exif=mutations.exif_block(thumbnail=b"").block + b"x" * 70_000,
        xmp=b"<x>" + b" " * 70_000,
    )
    written = write(picture() / np.float32(255), "out.jpg", big)
    assert [sentence.split(":")[0] for sentence in written.warnings] == [
        "JPEG holds at most 64 KiB of EXIF",
        "JPEG holds at most 64 KiB of XMP",
    ]
    again, _ = read(written.path)
    assert again.software == software_tag()
    assert again.xmp is None
    for name in ("out.png", "out.tif", "out.webp", "out.avif"):
        written = write(picture() / np.float32(255), name, big)
        assert written.warnings == ()
        assert len(read(written.path)[0].xmp) == 70_003


def test_long_iptc_is_split_over_segments(picture, read, write):
    records = b"".join(b"\x1c\x02\x78" + struct.pack(">H", 30_000) + bytes([65 + n]) * 30_000 for n in range(5))
    info = ImageInfo("x", "png", 24, 31, 3, 8, iptc=records)
    for name in ("out.png", "out.tif"):
        assert iptc.records(read(write(picture() / np.float32(255), name, info).path)[0].iptc) == records
    data = Path(write(picture() / np.float32(255), "out.jpg", info).path).read_bytes()
    assert data.count(b"Photoshop 3.0\0") == 3


def test_metadata_over_the_limit_is_dropped_and_said():
    notes: list[str] = []
    kept = kept_metadata({"exif": b"II*\0" + b"\0" * MAX_METADATA_BYTES, "xmp": b"<x/>"}, notes)
    assert (kept.exif, kept.xmp) == (None, b"<x/>")
    assert notes == ["EXIF of 64 MiB was dropped: at most 64 MiB are kept."]


def test_results_are_the_same_to_the_byte(photo, read, write):
    info, pixels = read(photo)
    for name in ("a.jpg", "a.png", "a.tif", "a.webp", "a.avif"):
        first = Path(write(pixels / np.float32(255), name, info).path).read_bytes()
        assert Path(write(pixels / np.float32(255), name, info, overwrite=True).path).read_bytes() == first


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp", "a.avif"])
def test_other_programs_read_the_result(name, photo, read, write):
    info, pixels = read(photo)
    path = write(pixels / np.float32(255), name, info).path
    with Image.open(path) as opened:
        opened.load()
        assert opened.size == (info.width, info.height)
        assert opened.getexif()[0x0131] == software_tag()
        assert opened.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize(
    "filling",
    [
        b" ",
        b"\n\t",
        b"a:",
        b"<tiff:Orientation ",
        b'xmlns:a="http://ns.adobe.com/tiff/1.0/" ',
        b" tiff:Orientation=",
        b"<",
    ],
)
def test_hostile_xmp_takes_no_time_to_speak_of(filling):
    """Regular expressions that look back over white space would take hours here."""
    packet = b'<r xmlns:tiff="http://ns.adobe.com/tiff/1.0/">' + filling * (2**21 // len(filling))
    assert len(xmp.corrected(packet, 96, 64)) == len(packet)


@pytest.mark.parametrize(
    ("name", "function"), [("a.tif", "write_into_tiff"), ("a.avif", "containers.replace_avif_exif")]
)
def test_a_finished_picture_is_never_lost_for_its_metadata(name, function, photo, read, write, monkeypatch):
    def refuse(*_: object) -> None:
        raise ValueError("there is no room")

    monkeypatch.setattr(f"engine.imaging.encode.{function}", refuse)
    info, pixels = read(photo)
    written = write(pixels / np.float32(255), name, info)
    assert any("metadata was left out" in sentence and "no room" in sentence for sentence in written.warnings)
    assert read(written.path)[0].width == info.width
