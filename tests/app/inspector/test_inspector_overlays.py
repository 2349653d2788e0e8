"""What is laid over the picture lies where the model looks, in the colours of the legend."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.inspector.arrays import as_array, kernels_of, weights_in
from app.inspector.overlays import SHARPNESS, heat_colours, line_for, overlay_of, scale_colours
from engine.attention import KernelsFound, TokensFound
from engine.messages import DoneAttention
from engine.tiling.geometry import Box
from tests.app.inspector.conftest import TILE, Answer

pytestmark = pytest.mark.usefixtures("qapp")


def drawn(done: DoneAttention, step: int, head: int | None = None, line_px: int = 1) -> np.ndarray:
    """Returns the middle of every pixel of the tile as (height, width, RGBA), not premultiplied."""
    image, box = overlay_of(done.attention, step, head, line_px)
    assert box == done.attention.tile
    assert (image.width(), image.height()) == (box.width * SHARPNESS, box.height * SHARPNESS)
    plain = image.convertToFormat(QImage.Format.Format_RGBA8888)
    pixels = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.width(), 4)
    return pixels[SHARPNESS // 2 :: SHARPNESS, SHARPNESS // 2 :: SHARPNESS].astype(int)


def at(pixels: np.ndarray, row: int, column: int) -> np.ndarray:
    """The pixel at a place of the input."""
    return pixels[row - TILE.top, column - TILE.left]


def is_dimmed(pixel: np.ndarray) -> bool:
    return bool(pixel[3] > 90 and pixel[:3].max() < 30)


def test_sscans_windows_are_lit_and_the_rest_is_dimmed(answer: Answer) -> None:
    pixels = drawn(answer("windows"), 1)
    assert is_dimmed(at(pixels, 20, 40))
    for row, column in ((60, 92), (36, 60)):
        red, green, blue, alpha = at(pixels, row, column)
        assert alpha < 60
        assert min(red, green, blue) > 200
    red, green, blue, alpha = at(pixels, 38, 54)
    assert alpha < 60
    assert red > 200 > 2 * green
    # The window that another step reads is not read in this one.
    assert is_dimmed(at(pixels, 20, 36))
    assert not is_dimmed(at(drawn(answer("windows"), 0), 20, 36))


def test_frames_lie_around_the_windows_but_within_the_tile(answer: Answer) -> None:
    image, _ = overlay_of(answer("windows").attention, 1, line_px=1)
    # Around the window at 56, 88, which ends where the tile does: above it, and inside of it on the right.
    top, left = (56 - TILE.top) * SHARPNESS, (88 - TILE.left) * SHARPNESS
    assert image.pixelColor(left + 8, top - 1).getRgb()[:3] == (255, 255, 255)
    assert image.pixelColor(left + 8, top - 1).alpha() == 255
    assert image.pixelColor(image.width() - 1, top + 8).alpha() == 255
    assert image.pixelColor(left + 8, top).alpha() < 60
    # Around the query: red.
    red, green, _, alpha = image.pixelColor((48 - TILE.left) * SHARPNESS - 1, (36 - TILE.top) * SHARPNESS).getRgb()
    assert red > 200 > 2 * green
    assert alpha == 255


def test_pfts_survivors_are_heat_and_the_dropped_ones_are_dimmed(answer: Answer) -> None:
    done = answer("tokens", x=51, y=35)
    everything, four = drawn(done, 0), drawn(done, 1)
    for row in range(32, 36):
        for column in range(48, 52):
            assert not is_dimmed(at(everything, row, column))
            assert is_dimmed(at(four, row, column)) == (row != 32)
    # The strongest is the lightest.
    lightness = [at(four, 32, column)[:3].sum() for column in range(48, 52)]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(lightness)) == 4
    expected = heat_colours(np.array([4, 3, 2, 1], np.float32))
    assert np.abs(four[32 - TILE.top, 16:20, :3] - expected).max() <= 2


def test_each_head_is_shown_by_itself(answer: Answer) -> None:
    done = answer("tokens", x=48, y=35)
    first, second, both = (drawn(done, 2, head) for head in (0, 1, None))
    places = {0: (32, 48), 5: (33, 49), 15: (35, 51)}
    shown = [[not is_dimmed(at(pixels, *place)) for place in places.values()] for pixels in (first, second, both)]
    assert shown == [[True, True, False], [False, True, True], [True, True, True]]


def test_the_mean_over_heads_counts_a_head_that_dropped_the_token_as_nothing(answer: Answer) -> None:
    done = answer("tokens")
    assert isinstance(done.attention.found, TokensFound)
    weights = weights_in(done.attention.found.steps[2], TILE, None)
    assert weights[32 - TILE.top, 48 - TILE.left] == pytest.approx(0.1 / 2)
    assert weights[33 - TILE.top, 49 - TILE.left] == pytest.approx((0.05 + 0.1) / 2)
    assert np.count_nonzero(~np.isnan(weights)) == 3


def test_padding_beyond_the_tile_is_left_out(answer: Answer) -> None:
    done = answer("tokens")
    assert isinstance(done.attention.found, TokensFound)
    small = Box(32, 48, 3, 2)
    weights = weights_in(done.attention.found.steps[0], small, 0)
    assert weights.shape == (3, 2)
    assert not np.isnan(weights).any()


def test_escs_kernel_is_heat_around_the_pixel_up_to_where_the_tile_ends(answer: Answer) -> None:
    pixels = drawn(answer("kernels", x=50, y=33), 0)
    lit = {(row, column) for row in range(16, 64) for column in range(32, 96) if not is_dimmed(at(pixels, row, column))}
    assert lit == {(row, column) for row in range(31, 36) for column in range(48, 53)}
    corner = drawn(answer("kernels", x=TILE.left, y=TILE.bottom - 1), 0)
    assert sum(not is_dimmed(pixel) for pixel in corner.reshape(-1, 4)) == 9


def test_the_sum_of_kernels_is_the_sum(answer: Answer) -> None:
    found = answer("kernels").attention.found
    assert isinstance(found, KernelsFound)
    for channel in (0, 1, None):
        shared, own, total = kernels_of(found, 1, channel)
        np.testing.assert_allclose(total, shared + np.nan_to_num(own))
        assert np.count_nonzero(~np.isnan(own)) == 9
        assert not np.isnan(own[1:4, 1:4]).any()
    np.testing.assert_allclose(kernels_of(found, 1, None)[0], as_array(found.shared).mean(axis=0))


def test_lines_get_thinner_the_more_the_picture_is_enlarged(qapp: QApplication) -> None:
    lines = [line_for(zoom) for zoom in (0.1, 1, 2, 3, 4, 8, 64)]
    assert lines == sorted(lines, reverse=True)
    assert lines[0] == SHARPNESS
    assert lines[-1] == 1
    # At least a pixel of the screen, where a line may be as thick as a pixel of the input.
    assert all(line_for(zoom) * zoom / SHARPNESS >= 1 for zoom in (1, 1.5, 2, 3, 4, 8))


def test_colours_grow_with_the_root_of_the_weight_and_nothing_is_as_dark_as_what_is_dropped() -> None:
    colours = heat_colours(np.array([0, 0.25, 1, np.nan], np.float32))
    assert np.array_equal(colours, scale_colours(np.array([0, 0.5, 1, 0], np.float32)))
    assert colours[0].max() > 90
    assert np.array_equal(heat_colours(np.zeros(3, np.float32)), scale_colours(np.zeros(3, np.float32)))
