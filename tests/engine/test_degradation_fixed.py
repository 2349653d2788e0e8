"""Tests of the fixed degradations of the measuring: repeatable, named, the codec's colours right."""

import numpy as np
import pytest

from engine.degradation import BICUBIC, Degradation, jpeg
from engine.metrics import psnr
from engine.resampling import imresize


def photograph(height=96, width=120):
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return imresize(coarse, size=(height, width))


def test_jpeg_is_that_of_the_quality_and_of_the_codec():
    original = photograph()
    figures = [psnr(jpeg(original, quality), original) for quality in (30, 60, 95)]
    assert figures == sorted(figures)
    assert psnr(jpeg(original, 80, full_colour=True), original) > psnr(jpeg(original, 80), original)
    # Red stays red: the codec's order of channels is not ours.
    red = np.zeros((32, 32, 3), np.uint8)
    red[:, :, 0] = 200
    assert jpeg(red, 90)[16, 16].tolist() == pytest.approx([200, 0, 0], abs=4)


def test_nothing_is_done_by_default():
    image = photograph()
    assert BICUBIC(image, "any.png") is image
    assert BICUBIC.label == "bicubic"


def test_noise_is_that_of_the_name_and_as_strong_as_asked():
    flat = np.full((100, 100, 3), 128, np.uint8)
    noisy = Degradation(noise=5.0)(flat, "a.png")
    np.testing.assert_array_equal(noisy, Degradation(noise=5.0)(flat, "a.png"))
    assert not np.array_equal(noisy, Degradation(noise=5.0)(flat, "b.png"))
    assert noisy.std() == pytest.approx(5.0, abs=0.1)
    assert noisy.mean() == pytest.approx(128.0, abs=0.1)


def test_noise_comes_before_jpeg():
    image = photograph()
    both = Degradation(noise=5.0, jpeg_quality=60)
    noisy = Degradation(noise=5.0)(image, "a.png")
    np.testing.assert_array_equal(both(image, "a.png"), jpeg(noisy, 60))
    assert both.label == "noise 5, JPEG 60"
