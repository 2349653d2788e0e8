"""What is read, and what is refused in words: odd files, damaged files, hostile files."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from engine.errors import ImageTooLargeError, InputError, OutputError, TriptychError
from engine.imaging.decode import decode
from engine.imaging.formats import check_output, format_of_extension, kept_format, readable_extensions, recognise
from engine.imaging.header import inspect


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png_claiming(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = _png_chunk(b"IHDR", head) + _png_chunk(b"IDAT", zlib.compress(b"\0" * 100)) + _png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("suffix", ["png", "gif", "tif", "bmp"])
def test_palette_is_expanded(suffix, tmp_path, picture, read):
    indexed = Image.fromarray(picture()).quantize(16)
    path = tmp_path / f"indexed.{suffix}"
    indexed.save(path)
    info, pixels = read(str(path))
    assert (info.channels, info.bit_depth) == (3, 8)
    np.testing.assert_array_equal(pixels, np.asarray(indexed.convert("RGB")))


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_palette_transparency_becomes_alpha(suffix, tmp_path, picture, read):
    indexed = Image.fromarray(picture()).quantize(16)
    path = tmp_path / f"indexed.{suffix}"
    indexed.save(path, transparency=3)
    info, pixels = read(str(path))
    assert info.channels == 4
    np.testing.assert_array_equal(pixels[:, :, 3] == 0, np.asarray(indexed) == 3)
    np.testing.assert_array_equal(pixels[:, :, 3] == 255, np.asarray(indexed) != 3)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif"])
def test_one_bit_becomes_eight(suffix, tmp_path, read):
    bits = np.random.default_rng(1).random((9, 17)) > 0.5
    Image.fromarray(bits).save(tmp_path / f"bits.{suffix}")
    info, pixels = read(str(tmp_path / f"bits.{suffix}"))
    assert info.bit_depth == 8
    assert info.channels == (3 if suffix == "gif" else 1)
    np.testing.assert_array_equal(pixels[:, :, 0], bits * 255)


@pytest.mark.parametrize("channels", [1, 3])
def test_bmp_is_read(channels, tmp_path, picture, read):
    pixels = picture(channels=channels)
    Image.fromarray(pixels.squeeze()).save(tmp_path / "a.bmp")
    info, bmp_hwc = read(str(tmp_path / "a.bmp"))
    assert (info.format, info.bit_depth) == ("bmp", 8)
    assert kept_format(info.format, info.bit_depth) == "png"
    np.testing.assert_array_equal(bmp_hwc, pixels)


def test_bmp_with_alpha_is_read(tmp_path, picture, read):
    pixels = picture(channels=4)
    masks = struct.pack("<IIII", 0x000000FF, 0x0000FF00, 0x00FF0000, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 31, -24, 1, 32, 3, pixels.nbytes, 11811, 11811, 0, 0) + masks
    head = head.ljust(108, b"\0")
    file_head = struct.pack("<2sIHHI", b"BM", 14 + 108 + pixels.nbytes, 0, 0, 14 + 108)
    (tmp_path / "alpha.bmp").write_bytes(file_head + head + pixels.tobytes())
    info, bmp_hwc = read(str(tmp_path / "alpha.bmp"))
    np.testing.assert_array_equal(bmp_hwc, pixels)
    assert info.pixels_per_mm == pytest.approx((11.811, 11.811), abs=1e-3)


@pytest.mark.parametrize("name", ["press.tif", "press.jpg"])
@pytest.mark.parametrize("profile", [True, False])
def test_cmyk_becomes_srgb_through_a_profile(name, profile, tmp_path, read, cmyk_icc):
    ink = np.zeros((16, 64, 4), np.uint8)
    # No ink, all cyan, all magenta, all black.
    ink[:, 16:32, 0] = ink[:, 32:48, 1] = ink[:, 48:, 3] = 255
    options = {"quality": 95} if name.endswith("jpg") else {}
    if profile:
        options["icc_profile"] = cmyk_icc
    Image.fromarray(ink, "CMYK").save(tmp_path / name, **options)
    info, pixels = read(str(tmp_path / name))
    assert (info.channels, info.bit_depth, info.icc) == (3, 8, None)
    assert any("CMYK became sRGB" in sentence for sentence in info.warnings)
    assert ("its own profile" in info.warnings[0]) is profile
    white, cyan, magenta, black = (pixels[8, column].astype(int) for column in (8, 24, 40, 56))
    assert white.min() >= 250
    assert cyan[0] < 60 < 130 < cyan[2]
    assert magenta[1] < 60 < 180 < magenta[0]
    assert black.max() < 70


def test_cmyk_of_sixteen_bits_stays_deep(save, read):
    ink = np.random.default_rng(0).integers(0, 65536, (8, 8, 4), dtype=np.uint16)
    info, pixels = read(save("press.tif", ink, interpretation="cmyk"))
    assert (info.channels, info.bit_depth) == (3, 16)
    # Eight-bit colours would all be multiples of 257.
    assert (pixels % 257 != 0).mean() > 0.5


def test_lab_becomes_srgb(tmp_path, read):
    lab = np.zeros((4, 4, 3), np.float32)
    lab[:, 2:, 0] = 100
    image = pyvips.Image.new_from_memory(lab, 4, 4, 3, "float").copy(interpretation="lab")
    image.tiffsave(str(tmp_path / "lab.tif"))
    info, pixels = read(str(tmp_path / "lab.tif"))
    assert any("became sRGB" in sentence for sentence in info.warnings)
    assert pixels[0, 0].max() == 0
    assert pixels[0, 3].min() >= 0.99 * np.iinfo(pixels.dtype).max


def test_premultiplied_alpha_becomes_straight(tmp_path, read):
    pixels = np.full((8, 8, 4), (200, 100, 50, 128), np.uint8)
    image = pyvips.Image.new_from_memory(pixels, 8, 8, 4, "uchar").copy(interpretation="srgb")
    image.tiffsave(str(tmp_path / "associated.tif"), premultiply=True)
    _, straight_hwc = read(str(tmp_path / "associated.tif"))
    assert np.abs(straight_hwc.astype(int) - pixels).max() <= 3


def test_floating_point_from_zero_to_one_is_read(save, read):
    values = np.random.default_rng(0).random((9, 9, 3), dtype=np.float32)
    info, pixels = read(save("float.tif", values, interpretation="scrgb"))
    assert info.bit_depth == 16
    assert any("Floating-point" in sentence for sentence in info.warnings)
    np.testing.assert_array_equal(pixels, np.rint(values * np.float32(65535)).astype(np.uint16))


@pytest.mark.parametrize("bad", [1.5, -0.5, np.nan, np.inf])
def test_other_floating_point_is_refused(bad, save, tmp_path):
    values = np.full((9, 9, 3), 0.5, np.float32)
    values[4, 4, 1] = bad
    with pytest.raises(InputError, match=r"float\.tif holds floating-point values"):
        decode(save("float.tif", values, interpretation="scrgb"), str(tmp_path / "raster"))
    assert not (tmp_path / "raster").exists()


def test_other_pixel_types_are_refused(tmp_path):
    image = pyvips.Image.new_from_memory(np.zeros((4, 4), np.int32), 4, 4, 1, "int")
    image.tiffsave(str(tmp_path / "deep.tif"))
    with pytest.raises(InputError, match=r"deep\.tif has pixels of type"):
        inspect(str(tmp_path / "deep.tif"))


@pytest.mark.parametrize(("name", "word"), [("pages.tif", "page"), ("moving.gif", "frame"), ("moving.webp", "frame")])
def test_only_the_first_page_is_read_and_said(name, word, tmp_path, picture, read):
    pages = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    pages[0].save(
        tmp_path / name, save_all=True, append_images=pages[1:], **({"lossless": True} if "webp" in name else {})
    )
    info, pixels = read(str(tmp_path / name))
    assert f"Only the first of 3 {word}s was read." in info.warnings
    assert pixels.shape[:2] == (24, 31)
    if "gif" not in name:
        np.testing.assert_array_equal(pixels[:, :, :3], np.asarray(pages[0]))


def test_surplus_channels_are_dropped_and_said(save, read, picture):
    info, pixels = read(save("many.tif", picture(channels=6), interpretation="srgb"))
    assert info.channels == 4
    assert any("first 4 of 6 channels" in sentence for sentence in info.warnings)
    np.testing.assert_array_equal(pixels, picture(channels=6)[:, :, :4])


@pytest.mark.skipif(os.name != "posix", reason="file names are Unicode elsewhere")
@pytest.mark.parametrize(
    "name", [b"\xff\xfe.png", b"a[page=3].png", b"what?*%s.png", b"-n.png", "größe 寸.png".encode()]
)
def test_odd_names_are_read(name, tmp_path, picture, read):
    path = tmp_path / os.fsdecode(name)
    Image.fromarray(picture()).save(tmp_path / "plain.png")
    (tmp_path / "plain.png").rename(path)
    _, pixels = read(str(path))
    np.testing.assert_array_equal(pixels, picture())


def test_the_extension_does_not_count(tmp_path, picture, read):
    Image.fromarray(picture()).save(tmp_path / "really-a-png.jpg", format="PNG")
    info, _ = read(str(tmp_path / "really-a-png.jpg"))
    assert info.format == "png"


def _refused(path: Path, reason: str, kind: type[TriptychError] = InputError) -> None:
    raster = path.with_name("refused.raster")
    with pytest.raises(kind) as caught:
        decode(str(path), str(raster))
    assert path.name in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint
    assert not raster.exists()


def test_files_that_are_no_images_are_refused_by_name(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes.png").write_text("not a picture, only a name")
    (tmp_path / "memo.bmp").write_text("BM is how this memo begins, and it is quite long")
    (tmp_path / "folder.png").mkdir()
    _refused(tmp_path / "empty.png", "is empty")
    _refused(tmp_path / "notes.png", "is not an image")
    _refused(tmp_path / "memo.bmp", "is not an image")
    _refused(tmp_path / "folder.png", "is a folder")
    _refused(tmp_path / "missing.png", "does not exist")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    _refused(tmp_path / "pipe.png", "not a regular file")


@pytest.mark.parametrize("tags", [{254: 1}, {50706: 0x00000401}])
def test_a_cameras_raw_file_is_not_taken_for_its_preview(tags, tmp_path, picture):
    """A raw file begins as a TIFF of a hundred pixels: upscaling that would surprise."""
    from PIL import TiffImagePlugin

    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        directory.tagtype[tag] = 4
        directory[tag] = value
    Image.fromarray(picture()).save(tmp_path / "raw.dng", format="TIFF", tiffinfo=directory)
    _refused(tmp_path / "raw.dng", "camera's raw file")


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_short_file_that_claims_a_huge_picture_is_refused_from_its_header(suffix, tmp_path):
    path = tmp_path / f"claim.{suffix}"
    if suffix == "png":
        path.write_bytes(_png_claiming(30_000, 30_000))
    else:
        Image.new("RGB", (16, 16)).save(path)
        data = bytearray(path.read_bytes())
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", 30_000, 30_000)
        path.write_bytes(data)
    _refused(path, "cannot hold")


def test_libvips_is_bounded(tmp_path, picture):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    inspect(str(tmp_path / "a.png"))
    assert pyvips.cache_get_max() == 0
    assert 1 <= pyvips.concurrency_get() <= 4


def test_vector_and_scripted_formats_never_reach_a_loader(tmp_path):
    (tmp_path / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4\n")
    _refused(tmp_path / "a.svg", "is not an image")
    _refused(tmp_path / "a.pdf", "is not an image")
    loaders = (
        "svgload",
        "csvload",
        "matrixload",
        "vipsload",
        "rawload",
        "matload",
        "uhdrload",
        "analyzeload",
        "pdfload",
    )
    for loader in loaders:
        if pyvips.type_find("VipsOperation", loader):
            arguments = (9, 9, 1) if loader == "rawload" else ()
            with pytest.raises(pyvips.Error, match="blocked"):
                getattr(pyvips.Image, loader)(str(tmp_path / "a.svg"), *arguments)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "gif", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_file_fails_as_a_whole(suffix, share, tmp_path, picture):
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(picture(200, 300)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    _refused(path, "damaged or truncated")


def test_data_missing_inside_a_closed_jpeg_fails_too(tmp_path, picture):
    path = tmp_path / "hollow.jpg"
    Image.fromarray(picture(200, 300)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    _refused(path, "premature end of data")


def test_data_missing_inside_a_closed_png_fails_too(tmp_path, picture):
    path = tmp_path / "hollow.png"
    rows = b"".join(b"\0" + row.tobytes() for row in picture(40, 50))
    head = struct.pack(">IIBBBBB", 50, 60, 8, 2, 0, 0, 0)
    body = _png_chunk(b"IHDR", head) + _png_chunk(b"IDAT", zlib.compress(rows)) + _png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    _refused(path, "damaged or truncated")


def test_a_sound_file_reads_after_a_damaged_one(tmp_path, picture, read):
    test_data_missing_inside_a_closed_jpeg_fails_too(tmp_path, picture)
    Image.fromarray(picture()).save(tmp_path / "sound.jpg")
    info, _ = read(str(tmp_path / "sound.jpg"))
    assert info.warnings == ()


@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (2**31 - 1, 2)])
def test_a_bomb_is_refused_from_its_header(size, tmp_path):
    (tmp_path / "bomb.png").write_bytes(_png_claiming(*size))
    _refused(tmp_path / "bomb.png", f"{size[0]:,} x {size[1]:,}", ImageTooLargeError)


def test_bombs_of_other_formats_are_refused_too(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "bomb.bmp")
    data = bytearray((tmp_path / "bomb.bmp").read_bytes())
    data[18:26] = struct.pack("<ii", 2**20, 2**20)
    (tmp_path / "bomb.bmp").write_bytes(data)
    _refused(tmp_path / "bomb.bmp", "pixels", ImageTooLargeError)
    Image.new("RGB", (4, 4)).save(tmp_path / "bomb.tif", tiffinfo={})
    tiff = (tmp_path / "bomb.tif").read_bytes()
    claim = tiff.replace(struct.pack("<HHIHH", 256, 3, 1, 4, 0), struct.pack("<HHII", 256, 4, 1, 90_000))
    claim = claim.replace(struct.pack("<HHIHH", 257, 3, 1, 4, 0), struct.pack("<HHII", 257, 4, 1, 90_000))
    if claim == tiff:
        claim = tiff.replace(struct.pack("<HHII", 256, 4, 1, 4), struct.pack("<HHII", 256, 4, 1, 90_000))
        claim = claim.replace(struct.pack("<HHII", 257, 4, 1, 4), struct.pack("<HHII", 257, 4, 1, 90_000))
    assert claim != tiff
    (tmp_path / "bomb.tif").write_bytes(claim)
    _refused(tmp_path / "bomb.tif", "90,000 x 90,000", ImageTooLargeError)


def test_an_image_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    def no_space(descriptor: int, offset: int, length: int) -> None:
        raise OSError(28, "No space left on device")

    Image.new("RGB", (40, 30)).save(tmp_path / "large.png")
    monkeypatch.setattr(os, "posix_fallocate", no_space, raising=False)
    with pytest.raises(OutputError, match="No space left"):
        decode(str(tmp_path / "large.png"), str(tmp_path / "raster"))
    assert not (tmp_path / "raster").exists()


def test_what_a_format_cannot_hold_is_refused_before_any_work():
    check_output("png", 16, 70_000, 70_000)
    check_output("jpeg", 8, 65_535, 65_535)
    check_output("webp", 8, 16_383, 1)
    check_output("avif", 12, 10_000, 10_000)
    check_output("png", 12, 10, 10)
    for format_name, bit_depth, height, width, words in [
        ("jpeg", 8, 65_536, 10, "65,535"),
        ("webp", 8, 10, 16_384, "16,383"),
        ("jpeg", 16, 10, 10, "8 bits"),
        ("webp", 16, 10, 10, "8 bits"),
        ("jpeg", 10, 10, 10, "8 bits"),
        ("avif", 16, 10, 10, "8, 10 or 12 bits"),
        ("avif", 8, 10, 16_385, "16,384"),
        ("avif", 8, 16_384, 16_384, "100,000,000 pixels"),
    ]:
        with pytest.raises(OutputError) as caught:
            check_output(format_name, bit_depth, height, width)
        assert words in caught.value.message
        assert "PNG" in caught.value.hint
        assert "TIFF" in caught.value.hint
    with pytest.raises(OutputError, match="not written"):
        check_output("gif", 8, 10, 10)
    for format_name in ("heif", "jxl", "bmp"):
        with pytest.raises(OutputError, match="not written"):
            check_output(format_name, 8, 10, 10)


def test_keep_falls_back_where_a_format_cannot_be_written():
    assert [kept_format(name, 8) for name in ("png", "jpeg", "tiff", "webp", "bmp", "gif", "heif")] == (
        ["png", "jpeg", "tiff", "webp", "png", "png", "png"]
    )
    assert [kept_format(name, 16) for name in ("png", "tiff", "jxl", "jpeg")] == ["png", "tiff", "tiff", "tiff"]
    assert [kept_format(name, 10) for name in ("avif", "heif", "jxl")] == ["avif", "tiff", "tiff"]


def test_extensions_of_both_ways():
    assert format_of_extension(".JPEG") == "jpeg"
    assert format_of_extension(".txt") is None
    assert {".png", ".jpg", ".tif", ".tiff", ".webp", ".gif", ".bmp"} <= set(readable_extensions())
    assert recognise(b"") is None
