"""Enlargements read piece by piece, differences, values and scores: the right numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.compare.colour_maps import heat, signs
from app.compare.difference import (
    DifferenceLayer,
    DifferenceSettings,
    colours_of,
    sample_points,
    ssim_map,
)
from app.compare.labels import legend_bar
from app.compare.layers import OpenSource, TileKey, centres
from app.compare.sampling import sample_at
from app.compare.scores import Question, Score, Scorer, crops_of
from app.compare.sources import arrange
from app.compare.values import draw_numbers, values_layer
from engine.metrics import ssim
from engine.resampling import Method, imresize
from engine.scoring import score
from engine.tiling.geometry import Box
from tests.app.compare.conftest import Put, as_array

Noise = Callable[..., np.ndarray]


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("magnification", [2, 3, 4, Fraction(3, 2), Fraction(4, 3)])
def test_any_part_of_an_enlargement_is_that_of_the_whole(
    noise: Noise, method: Method, magnification: Fraction | int
) -> None:
    pixels = noise(36, 48)
    rows, columns = centres(7, 20, 0, float(magnification)), centres(30, 25, 0, float(magnification))
    floats = pixels.astype(np.float32) / 255
    whole = np.clip(imresize(floats, float(magnification), method=method), 0, 1)
    assert np.abs(sample_at(floats, rows, columns, method) - whole[7:27, 30:55]).max() < 1e-5
    # Integers are rounded after each pass there, here only on the screen.
    whole = imresize(pixels, float(magnification), method=method).astype(int)
    assert np.abs(sample_at(pixels, rows, columns, method) * 255 - whole[7:27, 30:55]).max() < 1.5


def test_whole_positions_are_the_pixels_whatever_the_method(noise: Noise) -> None:
    pixels = noise(20, 20)
    positions = np.arange(5.0, 15.0)
    assert np.abs(sample_at(pixels, positions, positions, "lanczos") - pixels[5:15, 5:15] / 255).max() < 1e-6


def opened_pair(put: Put, base: np.ndarray, shown: np.ndarray) -> tuple[OpenSource, OpenSource]:
    sources = [put("input", base, "input"), put("model", shown)]
    arrangement = arrange(sources)
    one, other = (OpenSource(each, arrangement, "bicubic") for each in sources)
    return one, other


def made(layer: DifferenceLayer, level: int = 0) -> np.ndarray:
    return as_array(layer.make(TileKey(layer.number, level, 0, 0)).image)


def test_the_absolute_difference_is_enlarged_by_the_gain(put: Put, noise: Noise) -> None:
    base, shown = noise(40, 50), noise(40, 50, seed=8)
    layer = DifferenceLayer(*opened_pair(put, base, shown), DifferenceSettings("absolute", 2.0, false_colour=False))
    expected = np.clip(2 * np.abs(shown.astype(int) - base), 0, 255)
    assert np.abs(made(layer).astype(int) - expected).max() <= 1


def test_the_signed_difference_tells_brighter_from_darker(put: Put) -> None:
    grey = np.full((30, 30, 3), 100, dtype=np.uint8)
    shown = grey.copy()
    shown[:, :10], shown[:, 20:] = 90, 110
    layer = DifferenceLayer(*opened_pair(put, grey, shown), DifferenceSettings("signed", 4.0))
    darker, same, brighter = made(layer)[15, [5, 15, 25]]
    assert darker[2] > darker[0] + 30
    assert brighter[0] > brighter[2] + 30
    assert same.max() < 30


def test_in_a_smaller_view_noise_does_not_cancel_out(put: Put, noise: Noise) -> None:
    base = np.full((256, 256, 3), 128, dtype=np.uint8)
    shown = base.copy()
    shown[::2] += 20
    shown[1::2] -= 20
    layer = DifferenceLayer(*opened_pair(put, base, shown), DifferenceSettings("absolute", 1.0, false_colour=False))
    assert np.abs(made(layer, 2).astype(int) - 20).max() <= 1


def test_the_difference_to_an_input_is_that_to_its_enlargement(put: Put, noise: Noise) -> None:
    low = noise(30, 30)
    high = imresize(low, 4)
    layer = DifferenceLayer(*opened_pair(put, low, high), DifferenceSettings("absolute", 1.0, false_colour=False))
    assert made(layer).max() <= 2


def test_the_structure_map_has_the_mean_that_the_metric_gives(noise: Noise) -> None:
    one, other = noise(60, 70, 1)[:, :, 0], noise(60, 70, 1, seed=8)[:, :, 0]
    found = ssim_map(one / np.float32(255), other / np.float32(255))
    assert found.shape == (50, 60)
    assert found.mean() == pytest.approx(ssim(one, other), abs=1e-5)


def test_equal_pictures_have_no_structure_to_show(put: Put, noise: Noise) -> None:
    pixels = noise(80, 80)
    layer = DifferenceLayer(*opened_pair(put, pixels, pixels), DifferenceSettings("ssim", 1.0))
    assert made(layer).max() <= 12
    assert made(layer, 1).max() <= 12


@pytest.mark.parametrize("kind", ["absolute", "signed", "ssim"])
def test_normalising_fills_the_scale(put: Put, kind: str) -> None:
    base = np.full((100, 100, 3), 100, dtype=np.uint8)
    shown = base.copy()
    shown[20:60] += 10
    settings = DifferenceSettings(kind, 1.0)  # type: ignore[arg-type]
    layer = DifferenceLayer(*opened_pair(put, base, shown), settings)
    gain = layer.typical_gain(Box(0, 0, 100, 100))
    assert gain == pytest.approx(25.5, rel=0.01) if kind != "ssim" else gain > 1
    brightest = made(DifferenceLayer(layer.base, layer.shown, settings._replace(gain=gain))).max(axis=2)
    assert brightest.max() > 240


def test_gains_go_up_and_down_in_steps() -> None:
    settings = DifferenceSettings(gain=12.5)
    assert (settings.next_gain(1), settings.next_gain(-1)) == (16.0, 8.0)
    assert settings._replace(gain=128.0).next_gain(1) == 128.0
    assert settings._replace(gain=1.0).next_gain(-1) == 1.0


def test_samples_lie_in_the_middles_of_pixels_of_the_picture() -> None:
    rows, columns = sample_points(Box(0, 0, 2, 2), 3, 4, (12, 16))
    assert np.array_equal(rows % 1, np.full(8, 0.5))
    assert rows.max() == 11.5
    assert columns.tolist() == [1.5, 3.5, 5.5, 7.5, 9.5, 11.5, 13.5, 15.5]


def test_colours_grow_lighter_with_the_number() -> None:
    luma = np.array([0.299, 0.587, 0.114])
    steps = heat(np.linspace(0, 1, 64)) @ luma
    assert (np.diff(steps) > 0).all()
    below, above = signs(np.linspace(0, -1, 32)) @ luma, signs(np.linspace(0, 1, 32)) @ luma
    assert (np.diff(below) > 0).all()
    assert (np.diff(above) > 0).all()


@pytest.mark.parametrize("kind", ["absolute", "signed", "ssim"])
@pytest.mark.parametrize("false_colour", [True, False])
def test_the_legend_shows_the_colours_of_the_picture(qapp: QApplication, kind: str, false_colour: bool) -> None:
    settings = DifferenceSettings(kind, 8.0, false_colour)  # type: ignore[arg-type]
    bar = as_array(legend_bar(settings))[0]
    full = np.full((1, 1, 3), 1 / 8, dtype=np.float32)
    expected = colours_of(full if kind == "absolute" else full[:, :, 0], settings)[0, 0]
    assert bar[-1].tolist() == expected.tolist()


def test_numbers_are_drawn_each_in_its_box(qapp: QApplication) -> None:
    glyphs = draw_numbers(16, 16)
    assert glyphs.shape == (256, 16, 16)
    assert all(glyph.max() > 60 for glyph in glyphs)
    assert len({glyph.tobytes() for glyph in glyphs}) == 256


@pytest.mark.parametrize("zoom", [16.0, 48.0, 17.3])
def test_values_stand_in_their_pixels(put: Put, noise: Noise, qapp: QApplication, zoom: float) -> None:
    pixels = noise(20, 20)
    pixels[3, 4] = pixels[3, 5] = (10, 10, 10)
    pixels[3, 6] = (250, 250, 250)
    _, opened = opened_pair(put, pixels, pixels)
    layer = values_layer(opened, zoom)
    tile = as_array(layer.make(TileKey(layer.number, 0, 0, 0)).image)
    assert tile.shape == (round(16 * zoom), round(16 * zoom), 3)

    def square(row: int, column: int) -> np.ndarray:
        top, left = round(row * zoom), round(column * zoom)
        return tile[top : top + int(zoom), left : left + int(zoom)]

    assert np.array_equal(square(3, 4), square(3, 5))
    assert tuple(square(3, 4)[0, 0]) == (10, 10, 10)
    assert square(3, 4).max() > 150
    assert tuple(square(3, 6)[0, 0]) == (250, 250, 250)
    assert square(3, 6).min() < 100


@given(top=st.integers(0, 50), height=st.integers(1, 2500), width=st.integers(1, 2500))
def test_crops_count_every_pixel_and_every_window_once(top: int, height: int, width: int) -> None:
    area = Box(top, 3, height, width)
    crops = list(crops_of(area))
    assert sum(core.height * core.width for core, _ in crops) == height * width
    windows = sum(max(0, around.height - 10) * max(0, around.width - 10) for _, around in crops)
    assert windows == max(0, height - 10) * max(0, width - 10)
    assert max(around.height * around.width for _, around in crops) < 800 * 800


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_scores_are_those_of_the_command_line(qtbot: QtBot, put: Put, noise: Noise, dtype: str) -> None:
    truth = noise(90, 900)
    noisy = np.clip(truth + np.random.default_rng(1).normal(0, 9, truth.shape), 0, 255)
    result = {"uint8": noisy.astype(np.uint8), "uint16": (noisy * 257).astype(np.uint16), "float32": noisy / 255}[dtype]
    base, shown = opened_pair(put, truth, result.astype(dtype))
    scorer, answers = Scorer(), []
    scorer.answered.connect(lambda name, found: answers.append((name, found)))
    scorer.ask([Question(("model", "image"), shown, base, Box(2, 2, 86, 896))])
    qtbot.waitUntil(lambda: bool(answers))
    scorer.close()
    expected = score(shown.source.raster, base.source.raster, 2)
    assert answers[0][0] == ("model", "image")
    assert (answers[0][1].psnr_db, answers[0][1].ssim) == (
        pytest.approx(expected[0], abs=1e-3),
        pytest.approx(expected[1], abs=1e-5),
    )


def test_the_latest_question_wins(qtbot: QtBot, put: Put, noise: Noise) -> None:
    pixels = noise(60, 60)
    base, shown = opened_pair(put, pixels, pixels)
    scorer, answers = Scorer(), []
    scorer.answered.connect(lambda name, found: answers.append((name, found)))
    for index in range(20):
        scorer.ask([Question((str(index), "area"), shown, base, Box(0, 0, 60, 60))])
    qtbot.waitUntil(lambda: scorer.is_idle)
    scorer.close()
    assert answers == [(("19", "area"), Score(math.inf, 1.0))]


def test_a_question_asked_again_is_answered_once(qtbot: QtBot, put: Put, noise: Noise) -> None:
    base, shown = opened_pair(put, noise(300, 300), noise(300, 300))
    scorer, answers = Scorer(), []
    scorer.answered.connect(lambda name, found: answers.append(name))
    for _ in range(10):
        scorer.ask([Question(("model", "image"), shown, base, Box(0, 0, 300, 300))])
    qtbot.waitUntil(lambda: scorer.is_idle)
    scorer.close()
    assert answers == [("model", "image")]


def test_a_part_too_small_for_a_window_has_a_psnr_only(qtbot: QtBot, put: Put, noise: Noise) -> None:
    base, shown = opened_pair(put, noise(40, 40), noise(40, 40, seed=8))
    scorer, answers = Scorer(), []
    scorer.answered.connect(lambda name, found: answers.append(found))
    scorer.ask([Question(("model", "area"), shown, base, Box(3, 3, 5, 5))])
    qtbot.waitUntil(lambda: bool(answers))
    scorer.close()
    assert answers[0].ssim is None
    assert 0 < answers[0].psnr_db < 20
