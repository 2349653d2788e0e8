"""What comes in comes out: every mode, format and depth, profiles, orientation, resolution, the `Software` tag."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image

from engine.canvas import RasterRef, create_raster
from engine.imaging.decode import as_stored
from engine.imaging.formats import kept_format
from engine.imaging.metadata import software_tag


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(("suffix", "bit_depth"), [("png", 8), ("png", 16), ("tif", 8), ("tif", 16)])
def test_lossless_formats_return_every_mode_exactly(channels, suffix, bit_depth, picture, save, read, write):
    pixels = picture(channels=channels, bit_depth=bit_depth)
    info, read_hwc = read(save(f"in.{suffix}", pixels))
    assert (info.channels, info.bit_depth, info.height, info.width) == (channels, bit_depth, 24, 31)
    assert info.warnings == ()
    np.testing.assert_array_equal(read_hwc, pixels)
    peak = np.float32(255 if bit_depth == 8 else 65535)
    written = write(read_hwc.astype(np.float32) / peak, f"out.{suffix}", info, bit_depth)
    again, again_hwc = read(written.path)
    np.testing.assert_array_equal(again_hwc, pixels)
    assert (again.format, again.channels, again.bit_depth) == (info.format, channels, bit_depth)
    assert kept_format(again.format, again.bit_depth) == info.format


@pytest.mark.parametrize("channels", [3, 4])
def test_lossless_webp_returns_the_pixels(channels, picture, read, write):
    pixels = picture(channels=channels)
    info, read_hwc = read(write(pixels / np.float32(255), "out.webp", quality=100).path)
    np.testing.assert_array_equal(read_hwc, pixels)
    assert info.format == "webp"


@pytest.mark.parametrize(("name", "channels"), [("out.jpg", 1), ("out.jpg", 3), ("out.webp", 3), ("out.webp", 4)])
def test_lossy_formats_stay_close_by_default(name, channels, picture, read, write):
    # Grey in colour channels: WebP halves the resolution of colour, and noise in it would measure nothing else.
    pixels = np.repeat(picture(64, 64, 1), channels, axis=2)
    info, read_hwc = read(write(pixels / np.float32(255), name).path)
    assert info.channels == channels
    assert np.abs(read_hwc.astype(int) - pixels).mean() < 4


def test_jpeg_keeps_colour_at_full_resolution_by_default(picture, write):
    path = write(picture() / np.float32(255), "out.jpg").path
    assert pyvips.Image.jpegload(path).get("jpeg-chroma-subsample") == "4:4:4"
    path = write(picture() / np.float32(255), "small.jpg", quality=60).path
    assert pyvips.Image.jpegload(path).get("jpeg-chroma-subsample") == "4:2:0"


@pytest.mark.parametrize(("bit_depth", "peak"), [(8, 255), (16, 65535)])
def test_quantisation_clips_and_rounds_half_to_even(bit_depth, peak, read, write):
    every = np.arange(peak + 1, dtype=np.float32)
    if bit_depth == 8:
        halves = (every[:-1] + np.float32(0.5)) / np.float32(255)
        odd = np.array([-1, -1e-9, 1.0000001, 2, 1e30, np.inf, -np.inf], np.float32)
        values = np.concatenate([every / np.float32(255), halves, odd])
    else:
        values = every / np.float32(65535)
    expected = np.rint(np.clip(values, 0, 1) * np.float32(peak))
    assert set(expected[: peak + 1]) == set(every)
    _, pixels = read(write(values[None, :, None], "out.png", bit_depth=bit_depth).path)
    np.testing.assert_array_equal(pixels[0, :, 0], expected.astype(pixels.dtype))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1)])
def test_the_smallest_images_go_through(name, size, picture, read, write):
    pixels = picture(*size)
    written = write(pixels / np.float32(255), name, quality=100)
    info, read_hwc = read(written.path)
    assert (info.height, info.width) == size == (written.height, written.width)
    assert np.abs(read_hwc.astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_a_profile_is_kept_to_the_bit(name, picture, save, read, write, wide_gamut_icc):
    info, pixels = read(save(f"in-{name}", picture(), icc=wide_gamut_icc))
    assert info.icc == wide_gamut_icc
    again, _ = read(write(pixels / np.float32(255), name, info).path)
    assert again.icc == wide_gamut_icc
    assert again.warnings == ()


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg"])
def test_a_grey_profile_is_kept_to_the_bit(name, picture, save, read, write, grey_icc):
    info, pixels = read(save(f"in-{name}", picture(channels=1), icc=grey_icc))
    assert (info.icc, info.channels) == (grey_icc, 1)
    again, _ = read(write(pixels / np.float32(255), name, info).path)
    assert (again.icc, again.channels) == (grey_icc, 1)


def test_grey_with_a_profile_becomes_srgb_in_webp(picture, save, read, write, grey_icc):
    info, pixels = read(save("in.png", picture(channels=1), icc=grey_icc))
    written = write(pixels / np.float32(255), "out.webp", info, quality=100)
    again, webp_hwc = read(written.path)
    assert again.icc is None
    assert any("grey" in sentence for sentence in written.warnings)
    # Gamma 2.2 and sRGB are close, and nothing else may happen to it.
    assert np.abs(webp_hwc.astype(int) - pixels).max() <= 12


def test_a_profile_for_other_channels_is_dropped_and_said(tmp_path, picture, read, grey_icc):
    Image.fromarray(picture()).save(tmp_path / "in.tif", icc_profile=grey_icc)
    info, _ = read(str(tmp_path / "in.tif"))
    assert info.icc is None
    assert any("profile was dropped" in sentence for sentence in info.warnings)


def test_a_huge_profile_is_dropped_and_said(picture, save, read, wide_gamut_icc):
    info, _ = read(save("in.tif", picture(), icc=wide_gamut_icc + b"\0" * (17 * 2**20)))
    assert info.icc is None
    assert any("at most 16 MiB" in sentence for sentence in info.warnings)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["in.png", "in.jpg", "in.tif"])
def test_orientation_is_applied_once_and_reset(orientation, name, tmp_path, picture, read, write):
    pixels = np.repeat(np.repeat(picture(4, 6), 8, axis=0), 8, axis=1)
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / name
    options = {"tiffinfo": {274: orientation}} if name == "in.tif" else {"exif": exif.tobytes()}
    if name == "in.jpg":
        options |= {"quality": 100, "subsampling": 0}
    Image.fromarray(pixels).save(path, **options)
    turned = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: np.rot90(a, 2),
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }[orientation](pixels)
    info, shown_hwc = read(str(path))
    assert (info.height, info.width) == turned.shape[:2]
    tolerance = 6 if name == "in.jpg" else 0
    assert np.abs(shown_hwc.astype(int) - turned).max() <= tolerance
    written = write(shown_hwc / np.float32(255), f"out-{name}", info)
    again, again_hwc = read(written.path)
    assert (again.height, again.width) == turned.shape[:2]
    assert np.abs(again_hwc.astype(int) - turned).max() <= 2 * tolerance


def test_as_stored_is_a_view(picture):
    displayed = picture(3, 5)
    for orientation in range(1, 9):
        assert np.shares_memory(as_stored(displayed, orientation), displayed)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_resolution_stays(name, picture, save, read, write):
    info, pixels = read(save("in.tif", picture(), pixels_per_mm=(300 / 25.4, 600 / 25.4)))
    assert info.pixels_per_mm == pytest.approx((11.811, 23.622), abs=1e-3)
    again, _ = read(write(pixels / np.float32(255), name, info).path)
    assert again.pixels_per_mm == pytest.approx(info.pixels_per_mm, rel=1e-3)


def test_resolution_turns_with_the_image(picture, save, read):
    info, _ = read(save("in.tif", picture(), pixels_per_mm=(10.0, 20.0), orientation=6))
    assert info.pixels_per_mm == pytest.approx((20.0, 10.0), abs=1e-3)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_no_resolution_stays_no_resolution(name, picture, read, write):
    info, _ = read(write(picture() / np.float32(255), name).path)
    assert info.pixels_per_mm is None


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_the_software_tag_reads_back(name, picture, read, write):
    info, _ = read(write(picture() / np.float32(255), name).path)
    assert info.software == software_tag()
    assert info.software.startswith("Triptych")


def test_the_software_tag_of_a_tiff_is_a_real_one(picture, write):
    path = write(picture() / np.float32(255), "a.tif").path
    with Image.open(path) as opened:
        assert opened.tag_v2[305] == software_tag()
        np.testing.assert_array_equal(np.asarray(opened), picture())


@pytest.mark.parametrize("name", ["in.png", "in.jpg", "in.webp", "in.tif"])
def test_software_of_other_programs_is_read(name, tmp_path, read, picture):
    exif = Image.Exif()
    exif[305] = "Darkroom 3 (beta)"
    Image.fromarray(picture()).save(tmp_path / name, exif=exif.tobytes())
    info, _ = read(str(tmp_path / name))
    assert info.software == "Darkroom 3 (beta)"


def test_jpeg_gets_transparency_flattened_on_white(read, write):
    canvas = np.zeros((8, 8, 4), np.float32)
    canvas[:, :4, 3] = 1.0
    written = write(canvas, "flat.jpg")
    info, pixels = read(written.path)
    assert info.channels == 3
    assert pixels[:, :3].max() < 30
    assert pixels[:, 5:].min() > 225
    assert any("white" in sentence for sentence in written.warnings)


def test_a_result_is_shrunk_by_lanczos(picture, read, write):
    from engine.resampling import imresize

    canvas = picture(61, 83) / np.float32(255)
    written = write(canvas, "small.png", resize_height=30, resize_width=47)
    _, pixels = read(written.path)
    assert (written.height, written.width) == (30, 47) == pixels.shape[:2]
    expected = np.rint(np.clip(imresize(canvas, size=(30, 47), method="lanczos"), 0, 1) * 255)
    assert np.abs(pixels - expected).max() <= 1


def test_the_working_rasters_of_a_resize_are_gone(tmp_path, picture, write):
    write(picture() / np.float32(255), "small.png", resize_height=9, resize_width=9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.png"]


def test_a_large_image_goes_through_in_strips(tmp_path, picture, read, save):
    pixels = np.tile(picture(60, 500, 4, 16), (12, 6, 1))
    path = save("wide.tif", pixels, compression="deflate", orientation=6)
    info, shown_hwc = read(path)
    assert pixels.nbytes > 2 * 8 * 2**20
    assert (info.height, info.width) == (3000, 720)
    np.testing.assert_array_equal(shown_hwc, np.rot90(pixels, -1))


def test_tags_can_be_set_in_every_kind_of_tiff(tmp_path, picture, save):
    from engine.imaging import tiff_tags

    for name, options in {"classic.tif": {}, "big.tif": {"bigtiff": True}, "tiled.tif": {"tile": True}}.items():
        path = save(name, picture(), **options)
        before = pyvips.Image.tiffload(path).write_to_memory()
        tiff_tags.write_text(path, tiff_tags.SOFTWARE, "x")
        tiff_tags.write_text(path, tiff_tags.SOFTWARE, "A longer name")
        assert tiff_tags.read_text(path, tiff_tags.SOFTWARE) == "A longer name"
        assert pyvips.Image.tiffload(path).write_to_memory() == before
    Image.fromarray(picture()).save(tmp_path / "motorola.tif", big_tiff=False)
    assert tiff_tags.read_text(str(tmp_path / "motorola.tif"), tiff_tags.SOFTWARE) == ""


def test_a_canvas_shorter_than_it_says_is_refused(tmp_path, read):
    from engine.imaging.encode import encode
    from engine.messages import EncodeOptions, ImageInfo

    reference = RasterRef(str(tmp_path / "canvas"), 4, 4, 3, "float32")
    create_raster(reference)
    Path(reference.path).write_bytes(b"\0" * 12)
    with pytest.raises(ValueError, match="shorter"):
        encode(reference, ImageInfo("x", "png", 4, 4, 3, 8), str(tmp_path / "out.png"), EncodeOptions("png", 8))
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", {"interlace": True}),
        ("a.tif", {"tile": True, "tile_width": 16, "tile_height": 16}),
        ("a.tif", {"compression": "lzw", "predictor": "horizontal"}),
        ("a.tif", {"compression": "deflate", "bigtiff": True}),
        ("a.webp", {"lossless": True}),
    ],
)
def test_layouts_inside_a_file_make_no_difference(name, options, picture, save, read):
    pixels = picture(50, 70)
    _, read_hwc = read(save(name, pixels, **options))
    np.testing.assert_array_equal(read_hwc, pixels)


def test_a_progressive_jpeg_reads_as_a_plain_one(picture, save, read):
    _, plain_hwc = read(save("plain.jpg", picture(50, 70)))
    _, progressive_hwc = read(save("progressive.jpg", picture(50, 70), interlace=True))
    np.testing.assert_array_equal(progressive_hwc, plain_hwc)


def _with_chunks(path: str, chunks: list[tuple[bytes, bytes]]) -> None:
    """Puts chunks behind the first one of a PNG file."""
    raw = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    plain = Path(path).read_bytes()
    Path(path).write_bytes(plain[:33] + raw + plain[33:])


def _seen_as_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """What a colour-managed viewer shows."""
    height, width, channels = pixels.shape
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(pixels), width, height, channels, "uchar")
    image = image.copy(interpretation="b-w" if channels == 1 else "srgb")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    shown = image.icc_transform("srgb", embedded=True, intent="relative").numpy()
    return shown.reshape(height, width, -1).astype(int)


_P3 = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.mark.parametrize(
    ("chunks", "matters"),
    [
        ([(b"gAMA", struct.pack(">I", 45455))], False),
        ([(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))], False),
        ([(b"gAMA", struct.pack(">I", 0))], False),
        ([(b"cHRM", b"\0" * 32)], False),
        ([(b"cICP", b"\x01\x0d\0\x01")], False),
        ([(b"gAMA", struct.pack(">I", 100_000))], True),
        ([(b"cHRM", _P3)], True),
        ([(b"gAMA", struct.pack(">I", 45455)), (b"cHRM", _P3)], True),
        ([(b"cICP", b"\x0c\x0d\0\x01")], True),
        ([(b"cICP", b"\x09\x10\0\x01"), (b"gAMA", struct.pack(">I", 100_000))], True),
    ],
)
def test_colours_that_png_names_by_numbers_become_a_profile(chunks, matters, picture, save, read, write):
    path = save("in.png", picture())
    _with_chunks(path, chunks)
    info, pixels = read(path)
    assert (info.icc is not None) is matters
    assert info.warnings == ()
    again, _ = read(write(pixels / np.float32(255), "out.png", info).path)
    assert again.icc == info.icc
    if matters:
        assert np.abs(_seen_as_srgb(pixels, info.icc) - pixels).max() > 10


def test_linear_light_looks_as_it_should(save, read):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    path = save("linear.png", ramp)
    _with_chunks(path, [(b"gAMA", struct.pack(">I", 100_000))])
    info, pixels = read(path)
    shown = _seen_as_srgb(pixels, info.icc)[:, :, 0].ravel()
    light = np.arange(256) / 255
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(shown - expected).max() <= 2


def test_an_animated_png_is_read_with_a_warning(picture, save, read):
    path = save("moving.png", picture())
    _with_chunks(path, [(b"acTL", struct.pack(">II", 7, 0))])
    info, _ = read(path)
    assert info.warnings == ("Only the first of 7 frames was read.",)


def test_a_tiff_beyond_four_gigabytes_is_a_bigtiff(picture, read, write, monkeypatch):
    monkeypatch.setattr("engine.imaging.encode._BIGTIFF_BYTES", 100)
    info, pixels = read(write(picture(bit_depth=16) / np.float32(65535), "big.tif", bit_depth=16).path)
    assert Path(info.path).read_bytes()[:4] == b"II+\0"
    np.testing.assert_array_equal(pixels, picture(bit_depth=16))
    assert info.software == software_tag()


def test_large_jpegs_are_written_without_holding_them(picture, write, read, monkeypatch):
    monkeypatch.setattr("engine.imaging.encode._OPTIMAL_JPEG_PIXELS", 100)
    info, _ = read(write(picture() / np.float32(255), "large.jpg").path)
    assert (info.height, info.width) == (24, 31)


@pytest.mark.parametrize("name", ["in.jpg", "in.tif", "in.webp"])
def test_a_damaged_profile_is_dropped_and_said_before_the_work(name, picture, read, write, wide_gamut_icc, tmp_path):
    damaged = wide_gamut_icc[:128] + b"\xff" * (len(wide_gamut_icc) - 128)
    Image.fromarray(picture()).save(tmp_path / name, icc_profile=damaged)
    info, _ = read(str(tmp_path / name))
    assert info.icc is None
    assert info.warnings == (
        "The colour profile was dropped: it is damaged or made for other channels than this image has.",
    )


@pytest.mark.parametrize("target", ["out.png", "out.jpg", "out.tif", "out.webp", "out.avif"])
def test_padding_behind_a_profile_does_no_harm(target, picture, read, write, wide_gamut_icc, tmp_path):
    Image.fromarray(picture()).save(tmp_path / "in.jpg", icc_profile=wide_gamut_icc + b"\0" * 7)
    info, pixels = read(str(tmp_path / "in.jpg"))
    assert (info.icc, info.warnings) == (wide_gamut_icc, ())
    again, _ = read(write(pixels / np.float32(255), target, info).path)
    assert again.icc == wide_gamut_icc
