"""Rasters as pictures: the right pixels at every level, read piece by piece, owned by nobody else."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QColorSpace, QImage

from app.pixels import Pyramid, TileKey, reduce_block, to_bytes, to_qimage
from engine.canvas import RasterRef, create_raster
from engine.tiling.geometry import Box


def as_array(image: QImage) -> np.ndarray:
    """Returns an image as (H, W, 3) uint8."""
    converted = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(converted.constBits(), np.uint8).reshape(converted.height(), converted.bytesPerLine())
    return rows[:, : converted.width() * 3].reshape(converted.height(), converted.width(), 3).copy()


def raster(folder: Path, pixels: np.ndarray) -> RasterRef:
    height, width, channels = pixels.shape
    reference = RasterRef(str(folder / "raster.raw"), height, width, channels, str(pixels.dtype))
    create_raster(reference)[:] = pixels
    return reference


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (height, width, channels), dtype=np.uint8)


def test_values_of_each_dtype_become_bytes() -> None:
    floats = np.array([[[-0.2], [0.0], [0.5], [1.0], [1.3], [np.nan]]], dtype=np.float32)
    assert to_bytes(floats).ravel().tolist() == [0, 0, 128, 255, 255, 0]
    words = np.array([[[0], [257], [32896], [65535]]], dtype=np.uint16)
    assert to_bytes(words).ravel().tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_channel_layout_is_shown(channels: int) -> None:
    block = noise(5, 7, channels)
    if channels in (2, 4):
        block[:, :, -1] = 255
    expected = np.repeat(block[:, :, :1], 3, axis=2) if channels <= 2 else block[:, :, :3]
    assert np.array_equal(as_array(to_qimage(block)), expected)


def test_a_profile_is_shown_as_srgb() -> None:
    block = np.full((2, 2, 3), (200, 40, 40), dtype=np.uint8)
    wide = QColorSpace(QColorSpace.NamedColorSpace.DisplayP3)
    shown = as_array(to_qimage(block, wide))[0, 0]
    assert shown[0] > 205
    assert shown[1] < 40


def test_an_image_outlives_its_raster(tmp_path: Path) -> None:
    pixels = noise(40, 40)
    pyramid = Pyramid(raster(tmp_path, pixels))
    image = pyramid.make(TileKey(0, 0, 0)).image
    pyramid.close()
    (tmp_path / "raster.raw").unlink()
    del pyramid
    gc.collect()
    assert np.array_equal(as_array(image), pixels)


def test_tiles_of_the_full_level_hold_the_raster_itself(tmp_path: Path) -> None:
    pixels = noise(300, 270)
    pyramid = Pyramid(raster(tmp_path, pixels))
    for key in pyramid.keys_in(0, Box(0, 0, 300, 270)):
        tile = pyramid.make(key)
        assert np.array_equal(as_array(tile.image), pixels[tile.box.slices])
    assert len(pyramid.keys_in(0, Box(0, 0, 300, 270))) == 9


@pytest.mark.parametrize(("height", "width"), [(300, 270), (257, 1), (1, 1000), (129, 640)])
def test_a_smaller_level_is_the_mean_of_its_pixels(tmp_path: Path, height: int, width: int) -> None:
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = ((rows * 3 + columns * 2) // 8 % 200)[:, :, None].repeat(3, axis=2).astype(np.float32) / 255
    pyramid = Pyramid(raster(tmp_path, pixels))
    level_height, level_width = pyramid.level_size(1)
    tile = pyramid.make(TileKey(1, 0, 0))
    shown = as_array(tile.image)
    block = pixels[: 2 * tile.box.height, : 2 * tile.box.width]
    padded = np.pad(block, ((0, block.shape[0] % 2), (0, block.shape[1] % 2), (0, 0)), mode="edge")
    expected = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    assert (level_height, level_width) == (-(-height // 2), -(-width // 2))
    assert np.abs(shown.astype(int) - np.rint(expected * 255)).max() <= 1


@pytest.mark.parametrize("factor", [2, 4, 8, 32])
def test_a_flat_block_stays_flat_at_every_level(factor: int) -> None:
    block = np.full((3 * factor - 1, 2 * factor - 1, 3), 41000, dtype=np.uint16)
    assert (reduce_block(block, factor, 3, 2) == 41000).all()


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    reference = RasterRef(str(tmp_path / "canvas.raw"), 300, 300, 3, "float32")
    canvas = create_raster(reference)
    pyramid = Pyramid(reference)
    keys = [TileKey(0, 0, 0), TileKey(0, 1, 1), TileKey(1, 0, 0), TileKey(pyramid.top_level, 0, 0)]
    for key in keys:
        pyramid.make(key)
    canvas[:64, :64] = 1.0
    pyramid.forget(Box(0, 0, 64, 64))
    assert [pyramid.made(key) is None for key in keys] == [True, False, True, True]
    assert as_array(pyramid.make(keys[0]).image)[10, 10].tolist() == [255, 255, 255]


def test_the_cache_keeps_to_its_size(tmp_path: Path) -> None:
    pyramid = Pyramid(raster(tmp_path, noise(1024, 1024)), cache_bytes=400_000)
    keys = pyramid.keys_in(0, Box(0, 0, 1024, 1024))
    for key in keys:
        pyramid.make(key)
    kept = [tile for key in keys if (tile := pyramid.made(key)) is not None]
    assert sum(tile.image.sizeInBytes() for tile in kept) <= 400_000
    assert pyramid.made(keys[-1]) is not None
