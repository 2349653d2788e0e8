"""AVIF both ways, HEIF and JPEG XL in: depths, alpha, colours by numbers, metadata, and what happens without a decoder."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageCms

from engine.errors import InputError, OutputError
from engine.imaging import foreign, jxl_header, profiles
from engine.imaging.formats import kept_format
from engine.imaging.header import inspect
from engine.messages import ImageInfo
from tests.engine.imaging import mutations


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bit_depth", [8, 10, 12])
def test_lossless_avif_returns_the_pixels_of_every_depth(channels, bit_depth, read, write):
    peak = 2**bit_depth - 1
    values = np.random.default_rng(0).integers(0, peak + 1, (24, 31, channels))
    values[..., 3:] = np.maximum(values[..., 3:], 1)
    info, pixels = read(write((values / peak).astype(np.float32), "a.avif", bit_depth=bit_depth, quality=100).path)
    assert (info.format, info.channels, info.bit_depth) == ("avif", channels, bit_depth)
    largest = 255 if bit_depth == 8 else 65535
    np.testing.assert_array_equal(np.rint(pixels / largest * peak), values)
    assert kept_format(info.format, info.bit_depth) == "avif"


def test_avif_stays_close_by_default_and_is_small(picture, read, write):
    pixels = np.repeat(picture(64, 64, 1), 3, axis=2)
    info, avif_hwc = read(write(pixels / np.float32(255), "a.avif").path)
    assert np.abs(avif_hwc.astype(int) - pixels).mean() < 3
    with Image.open(info.path) as opened:
        assert opened.mode == "RGB"


@pytest.mark.parametrize("channels", [1, 2])
def test_grey_avif_is_grey_in_colour(channels, picture, read, write):
    pixels = picture(channels=channels)
    info, avif_hwc = read(write(pixels / np.float32(255), "a.avif", quality=100).path)
    assert info.channels == channels + 2
    np.testing.assert_array_equal(avif_hwc[:, :, :1].repeat(3, axis=2), avif_hwc[:, :, :3])
    np.testing.assert_array_equal(avif_hwc[:, :, 0], pixels[:, :, 0])


def test_ten_bits_go_into_sixteen_where_a_format_has_no_ten(picture, read, write):
    values = np.arange(1024, dtype=np.float32).reshape(1, 1024, 1) / 1023
    source = ImageInfo("x", "avif", 1, 1024, 1, 10)
    for name in ("a.png", "a.tif"):
        info, pixels = read(write(values, name, source, bit_depth=10).path)
        assert info.bit_depth == 16
        np.testing.assert_array_equal(pixels[0, :, 0], np.rint(np.arange(1024) / 1023 * 65535))


def test_sixteen_bits_into_avif_are_refused(picture, write, tmp_path):
    with pytest.raises(OutputError, match="AVIF holds 8, 10 or 12 bits a channel, not 16") as caught:
        write(picture() / np.float32(255), "a.avif", bit_depth=16)
    assert "PNG or TIFF can hold it" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_profile_goes_through_avif(picture, read, write, wide_gamut_icc):
    source = ImageInfo("x", "png", 24, 31, 3, 8, icc=wide_gamut_icc)
    info, _ = read(write(picture() / np.float32(255), "a.avif", source).path)
    assert info.icc == wide_gamut_icc


def test_a_grey_profile_becomes_srgb_in_avif(picture, read, write, grey_icc):
    source = ImageInfo("x", "png", 24, 31, 1, 8, icc=grey_icc)
    written = write(picture(channels=1) / np.float32(255), "a.avif", source, quality=100)
    info, pixels = read(written.path)
    assert info.icc is None
    assert any("AVIF has no grey" in sentence for sentence in written.warnings)
    assert np.abs(pixels[:, :, :1].astype(int) - picture(channels=1)).max() <= 12


def _with_numbers(path: str, primaries: int, transfer: int) -> None:
    """Changes the colours that an AVIF file names."""
    data = Path(path).read_bytes()
    at = data.index(b"colrnclx") + 8
    Path(path).write_bytes(data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :])


def test_colours_that_avif_names_by_numbers_become_a_profile(tmp_path, picture, read, wide_gamut_icc):
    path = tmp_path / "p3.avif"
    Image.fromarray(picture()).save(path, quality=100, subsampling="4:4:4")
    assert inspect(str(path)).icc is None
    _with_numbers(str(path), 12, 13)
    info, pixels = read(str(path))
    assert info.icc is not None

    def shown(icc: bytes) -> np.ndarray:
        image = pyvips.Image.new_from_memory(pixels.tobytes(), 31, 24, 3, "uchar").copy(interpretation="srgb")
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
        return image.icc_transform("srgb", embedded=True, intent="relative").numpy().astype(int)

    # libvips' own Display P3 profile is rounded to a table.
    assert np.abs(shown(info.icc) - shown(wide_gamut_icc)).max() <= 6
    assert np.abs(shown(info.icc) - pixels).max() > 10


@pytest.mark.parametrize(
    "numbers", [(1, 8), (9, 1), (9, 14), (9, 16), (9, 18), (11, 17), (6, 6), (5, 5), (4, 4), (12, 13)]
)
def test_every_profile_made_from_numbers_is_sound(numbers):
    space = profiles.colour_space(*numbers)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profiles.build_profile(space)))
    red, green, blue = (getattr(profile.profile, f"{name}_primary")[1][:2] for name in ("red", "green", "blue"))
    assert red[0] > 0.6
    assert green[1] > 0.5
    assert blue[0] < 0.2
    transform = ImageCms.buildTransform(
        profile, ImageCms.createProfile("sRGB"), "RGB", "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
    )
    white = np.asarray(ImageCms.applyTransform(Image.new("RGB", (1, 1), "white"), transform))
    assert white.min() >= 254
    black = np.asarray(ImageCms.applyTransform(Image.new("RGB", (1, 1), "black"), transform))
    assert black.max() <= 1


def test_srgb_and_unspecified_numbers_need_no_profile():
    assert profiles.colour_space(1, 13) is None
    assert profiles.colour_space(2, 2) is None
    assert profiles.colour_space(200, 13) is None


@pytest.fixture
def jxl(tmp_path):
    """Writes a JPEG XL file: `jxl(pixels, ...)`; returns the path."""
    imagecodecs = pytest.importorskip("imagecodecs")

    def save(pixels: np.ndarray, **options: object) -> str:
        path = tmp_path / "a.jxl"
        plane = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
        path.write_bytes(imagecodecs.jpegxl_encode(np.ascontiguousarray(plane), **{"lossless": True, **options}))
        return str(path)

    return save


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_lossless_jpeg_xl_returns_the_pixels(channels, bit_depth, picture, jxl, read):
    pixels = picture(channels=channels, bit_depth=bit_depth)
    info, jxl_hwc = read(jxl(pixels))
    assert (info.format, info.channels, info.bit_depth) == ("jxl", channels, bit_depth)
    np.testing.assert_array_equal(jxl_hwc, pixels)
    assert kept_format("jxl", bit_depth) == ("png" if bit_depth == 8 else "tiff")


def test_jpeg_xl_of_ten_bits_fills_sixteen(jxl, read):
    values = np.random.default_rng(0).integers(0, 1024, (24, 31, 3), dtype=np.uint16)
    info, pixels = read(jxl(values, bitspersample=10))
    assert info.bit_depth == 10
    np.testing.assert_array_equal(np.rint(pixels / 65535 * 1023), values)


def test_jpeg_xl_of_floating_point_is_read(jxl, read):
    values = np.random.default_rng(0).random((24, 31, 3), dtype=np.float32)
    info, pixels = read(jxl(values))
    assert info.bit_depth == 16
    assert any("Floating-point" in sentence for sentence in info.warnings)
    np.testing.assert_array_equal(pixels, np.rint(values * np.float32(65535)))


def test_lossy_jpeg_xl_in_a_container_with_metadata(tmp_path, picture, jxl, read):
    pixels = picture(40, 50)
    path = Path(jxl(pixels, lossless=False, distance=0.5, usecontainer=True))
    block = mutations.exif_block().block
    extra = b"".join(
        struct.pack(">I4s", 8 + len(data), kind) + data
        for kind, data in ((b"Exif", b"\0\0\0\0" + block), (b"xml ", mutations.XMP))
    )
    path.write_bytes(path.read_bytes() + extra)
    info, jxl_hwc = read(str(path))
    assert np.abs(jxl_hwc.astype(int) - pixels).mean() < 12
    assert (info.exif, info.xmp) == (block, mutations.XMP)


@pytest.mark.parametrize(
    ("size", "bits"),
    [
        # div8, 5 bits of height / 8 - 1, ratio 1:1.
        ((256, 256), [(1, 1), (31, 5), (1, 3), (1, 1)]),
        # 9 bits of height - 1, ratio 16:9.
        ((9, 16), [(0, 1), (0, 2), (8, 9), (5, 3), (1, 1)]),
        # 30 bits, both sides.
        ((2**30, 2**30), [(0, 1), (3, 2), (2**30 - 1, 30), (0, 3), (3, 2), (2**30 - 1, 30), (1, 1)]),
    ],
)
def test_sizes_of_jpeg_xl_are_read_before_anything_is_decoded(size, bits, tmp_path):
    number = shift = 0
    for value, width in bits:
        number |= value << shift
        shift += width
    codestream = b"\xff\x0a" + number.to_bytes((shift + 7) // 8, "little")
    header = jxl_header.read_header(codestream)
    assert (header.height, header.width) == size
    if size[0] > 10_000:
        (tmp_path / "bomb.jxl").write_bytes(codestream)
        with pytest.raises(InputError, match="1,073,741,824 x 1,073,741,824"):
            inspect(str(tmp_path / "bomb.jxl"))


@pytest.mark.parametrize("share", [0.03, 0.5, 0.9])
def test_a_cut_jpeg_xl_fails_as_a_whole(share, picture, jxl, tmp_path):
    path = Path(jxl(picture(60, 70)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    from engine.imaging.decode import decode

    with pytest.raises(InputError, match=r"a\.jxl is damaged or truncated"):
        decode(str(path), str(tmp_path / "raster"))
    assert not (tmp_path / "raster").exists()


@pytest.fixture
def heic(tmp_path):
    """Writes a HEIC file from a Pillow image: `heic(image, ...)`; returns the path."""
    pillow_heif = pytest.importorskip("pillow_heif")

    def save(image: Image.Image, **options: object) -> str:
        path = tmp_path / "a.heic"
        pillow_heif.register_heif_opener()
        image.save(path, **{"quality": -1, "chroma": 444, **options})
        return str(path)

    return save


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_heic_is_read(channels, picture, heic, read):
    pixels = picture(48, 64, channels)
    info, heic_hwc = read(heic(Image.fromarray(pixels.squeeze())))
    assert (info.format, info.channels, info.bit_depth) == ("heif", channels, 8)
    # Its lossless mode still goes through YCbCr.
    assert np.abs(heic_hwc.astype(int) - pixels).max() <= 3
    assert kept_format("heif", 8) == "png"


def test_heic_of_ten_bits_is_read(heic, tmp_path, read):
    import pillow_heif

    values = np.tile(np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None], (48, 1, 3))
    file = pillow_heif.from_bytes("RGB;16", (64, 48), values.tobytes())
    file.save(tmp_path / "deep.heic", quality=-1, chroma=444)
    info, pixels = read(str(tmp_path / "deep.heic"))
    assert (info.bit_depth, kept_format("heif", info.bit_depth)) == (10, "tiff")
    assert pixels.max() == 65535
    assert np.abs(pixels.astype(int) - values).max() < 400


def test_heic_metadata_and_orientation(picture, heic, read, write, wide_gamut_icc):
    """The container turns the picture; the orientation in EXIF only repeats that and must not turn it again."""
    image = Image.fromarray(picture(32, 48))
    block = mutations.exif_block().block
    path = heic(image, icc_profile=wide_gamut_icc, exif=b"Exif\0\0" + block, xmp=mutations.XMP)
    info, pixels = read(path)
    assert (info.height, info.width) == (48, 32) == pixels.shape[:2]
    assert info.icc == wide_gamut_icc
    again, _ = read(write(pixels / np.float32(255), "a.png", info).path)
    assert again.exif is not None
    assert mutations.exif_block().maker_note in again.exif
    assert again.xmp is not None
    assert again.pixels_per_mm == pytest.approx((150 / 25.4, 300 / 25.4), rel=1e-3)


def test_a_cut_heic_fails_as_a_whole(picture, heic, tmp_path):
    path = Path(heic(Image.fromarray(picture(48, 64))))
    path.write_bytes(path.read_bytes()[:-400])
    from engine.imaging.decode import decode

    with pytest.raises(InputError, match=r"a\.heic is damaged or truncated"):
        decode(str(path), str(tmp_path / "raster"))
    assert not (tmp_path / "raster").exists()


@pytest.mark.parametrize(
    ("name", "module", "package"), [("a.jxl", "imagecodecs", "imagecodecs"), ("a.heic", "pillow_heif", "pillow-heif")]
)
def test_a_missing_decoder_is_named(name, module, package, tmp_path, monkeypatch, request, picture):
    path = request.getfixturevalue(Path(name).suffix[1:])(
        picture(48, 64) if name == "a.jxl" else Image.fromarray(picture(48, 64))
    )
    monkeypatch.setitem(sys.modules, module, None)
    from engine.imaging.decode import decode

    if pyvips.type_find("VipsOperation", "jxlload") and name == "a.jxl":
        pytest.skip("this libvips reads JPEG XL itself")
    assert not foreign.has_library({"a.jxl": "jxl", "a.heic": "heif"}[name])
    with pytest.raises(InputError, match=name) as caught:
        decode(path, str(tmp_path / "raster"))
    assert f"pip install {package}" in caught.value.hint
