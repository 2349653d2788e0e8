"""Tests of the training data: procedural images, degradation, aligned crops, what is held back."""

import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from engine.errors import InputError
from engine.resampling import imresize
from engine.training.configuration import Recipe
from engine.training.pairs import PairSource, degrade, load_photographs, split_held_back
from engine.training.pool import ProceduralPool
from engine.training.procedural import procedural_image


def photograph(seed=0, height=96, width=120):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return imresize(coarse, size=(height, width))


RECIPE = Recipe(batches=((3, 16, 1.0),), procedural_pool=3, procedural_side_px=64, procedural_refresh_steps=2)


def test_procedural_images_are_a_function_of_their_serial():
    photographs = [photograph(0), photograph(1)]
    images = [procedural_image(serial, photographs, side_px=64) for serial in range(12)]
    again = [procedural_image(serial, photographs, side_px=64) for serial in range(12)]
    for first, second in zip(images, again, strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.shape == (64, 64, 3)
        assert first.dtype == np.uint8
    assert len({image.tobytes() for image in images}) == 12
    assert np.mean([image.std() for image in images]) > 10
    assert not np.array_equal(images[0], procedural_image(0, photographs, side_px=64, seed=1))


def test_procedural_colours_come_from_the_photographs():
    # A photograph of reds alone: everything drawn from its histogram lacks green and blue (ink may be white or black).
    red = np.zeros((64, 64, 3), np.uint8)
    red[:, :, 0] = np.arange(64)[:, None] + 100
    images = np.stack([procedural_image(serial, [red], side_px=64) for serial in range(8)]).astype(int)
    assert np.median(images[..., 0]) > 50
    assert np.percentile(images[..., 1], 80) < 5


def test_degradation_is_the_papers():
    original = photograph(height=97, width=122)
    pair = degrade(original, 4)
    np.testing.assert_array_equal(pair.hr_hwc, original[:96, :120])
    np.testing.assert_array_equal(pair.lr_hwc, imresize(original[:96, :120], 0.25))


def test_batches_are_functions_of_the_step():
    photographs = [photograph(0), photograph(1)]
    source, other = (PairSource(photographs, 2, RECIPE) for _ in range(2))
    straight = [source.batch(step, 0.0) for step in range(12)]
    # Another source that begins in the middle, as a resumed run does.
    for step in (11, 5, 6):
        for first, second in zip(straight[step], other.batch(step, 0.0), strict=True):
            np.testing.assert_array_equal(first, second)
    assert not np.array_equal(straight[0][0], straight[1][0])
    assert not np.array_equal(straight[0][0], PairSource(photographs, 2, replace(RECIPE, seed=9)).batch(0, 0.0)[0])


def test_crops_are_aligned():
    # A smooth image, where shrinking the crop alone nearly equals the crop of the shrunk whole.
    y, x = np.mgrid[:96, :120]
    smooth = np.stack([x * 2, y * 2, x + y], axis=2).astype(np.uint8)
    source = PairSource([smooth], 4, replace(RECIPE, photographs=(1.0, 1.0)))
    for step in range(6):
        lr, hr = source.batch(step, 0.0)
        assert lr.shape == (3, 16, 16, 3)
        assert hr.shape == (3, 64, 64, 3)
        for small, large in zip(lr, hr, strict=True):
            shrunk = imresize(large, 0.25).astype(int)
            assert np.abs(shrunk - small)[2:-2, 2:-2].max() <= 1


def test_the_mixture_follows_the_recipe(monkeypatch):
    made = []
    monkeypatch.setattr(ProceduralPool, "image", lambda self, serial: made.append(serial) or photograph(serial))
    source = PairSource([photograph(0)], 2, replace(RECIPE, photographs=(1.0, 0.0)))
    source.batch(0, 0.0)
    source.batch(1, 0.65)
    assert made == []
    source.batch(2, 0.7)
    assert made


def test_the_pool_changes_one_image_at_a_time():
    source = PairSource([photograph(0)], 2, RECIPE)
    at = {step: [source._procedural_pair(step, slot).hr_hwc.tobytes() for slot in range(3)] for step in range(10)}
    for step in range(1, 10):
        changed = sum(a != b for a, b in zip(at[step - 1], at[step], strict=True))
        assert changed == (1 if step % RECIPE.procedural_refresh_steps == 0 else 0)
    assert len(source._procedural) == 3


def test_details_are_held_back_with_their_photograph():
    names = [f"image_{n:03d}" for n in range(60)] + ["image_012_d", "image_013_d"]
    training, held_back = split_held_back(names)
    assert held_back == ["image_012", "image_036"]
    assert "image_012_d" not in training
    assert "image_013_d" in training
    assert not set(training) & set(held_back)


def test_a_single_photograph_is_trained_on():
    assert split_held_back(["only"]) == (["only"], [])


def test_photographs_are_read_in_name_order(tmp_path):
    for name in ("b", "a"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), photograph(ord(name))[:, :, ::-1])
    (tmp_path / "list.json").write_text("[]")
    loaded = load_photographs(tmp_path)
    assert list(loaded) == ["a", "b"]
    np.testing.assert_array_equal(loaded["a"], photograph(ord("a")))


def test_a_pool_of_images_made_before_is_used_in_their_place():
    drawn = [np.full((80, 64, 3), value, np.uint8) for value in (10, 20)]
    recipe = replace(RECIPE, photographs=(0.0, 0.0))
    small = np.zeros((32, 32, 3), np.uint8)
    source = PairSource([photograph(0)], 2, recipe, [*drawn, small])
    values = {int(value) for step in range(12) for value in np.unique(source.batch(step, 0.0)[1])}
    assert values == {10, 20}


def test_photographs_are_read_without_opencv(tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.png"), photograph(3)[:, :, ::-1])
    monkeypatch.setitem(sys.modules, "cv2", None)
    np.testing.assert_array_equal(load_photographs(tmp_path)["a"], photograph(3))
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"b\.png"):
        load_photographs(tmp_path)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InputError, match="OpenCV or Pillow"):
        load_photographs(tmp_path)


def test_missing_and_small_photographs_are_said(tmp_path):
    with pytest.raises(InputError, match="no photographs"):
        load_photographs(tmp_path)
    with pytest.raises(InputError, match="large enough"):
        PairSource([photograph(0, 24, 24)], 2, RECIPE)


def test_a_photograph_too_small_for_the_crop_is_passed_over():
    small = np.full((24, 200, 3), 255, np.uint8)
    source = PairSource([small, photograph(0)], 2, replace(RECIPE, photographs=(1.0, 1.0)))
    assert all(lr.min() < 255 for step in range(20) for lr in source.batch(step, 0.0)[0])
