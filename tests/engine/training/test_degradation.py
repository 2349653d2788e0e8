"""Tests of the practical variant's degradation: repeatable, nothing shifts, in range, and met again by the held back."""

from dataclasses import replace

import numpy as np
import pytest

from engine.degradation import jpeg
from engine.errors import UsageError
from engine.metrics import psnr
from engine.resampling import imresize
from engine.training import degradation
from engine.training.configuration import Recipe, load_configuration
from engine.training.degradation import degrade_photo
from engine.training.pairs import PairSource, degrade, validation_pairs

RECIPE = Recipe(batches=((3, 16, 1.0),), procedural_pool=2, procedural_side_px=96, degradation="photo")


def photograph(seed=0, height=192, width=240):
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return imresize(coarse, size=(height, width))


def degraded(original, scale, count):
    return [degrade_photo(original, scale, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_same_draw_gives_the_same_pixels_and_another_others(scale):
    original = photograph()
    images, again = degraded(original, scale, 12), degraded(original, scale, 12)
    for first, second in zip(images, again, strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.shape == (192 // scale, 240 // scale, 3)
        assert first.dtype == np.uint8
    assert len({image.tobytes() for image in images}) >= 10


@pytest.mark.parametrize("scale", [2, 4])
def test_nothing_shifts(scale):
    # A disk off the centre: wherever it is moved, its centre of mass moves with it.
    y, x = np.mgrid[:192, :192]
    disk = np.where(np.hypot(y - 80.5, x - 110.5) < 40, 220, 30).astype(np.uint8)
    for small in degraded(np.repeat(disk[:, :, None], 3, axis=2), scale, 40):
        weight = np.where(small.mean(axis=2) > 125, 1.0, 0.0)
        rows, columns = np.mgrid[: small.shape[0], : small.shape[1]] + 0.5
        centre = [float((axis * weight).sum() / weight.sum()) * scale for axis in (rows, columns)]
        assert centre == pytest.approx([81.0, 111.0], abs=0.15 * scale)


def test_ranges_are_those_of_ordinary_photographs():
    original = photograph()
    clean = imresize(original, 0.5)
    figures = np.array([psnr(small, clean) for small in degraded(original, 2, 120)])
    # Some only shrunk, the typical a visible loss, none beyond recognition.
    assert np.isinf(figures).sum() >= 3
    assert 25 < np.median(figures) < 40
    assert figures.min() > 17


def test_flat_grey_keeps_its_mean_under_all_noise():
    flat = np.full((128, 128, 3), 120, np.uint8)
    images = degraded(flat, 2, 60)
    assert np.mean([image.mean() for image in images]) == pytest.approx(120, abs=0.5)
    spread = np.array([image.std() for image in images])
    assert (spread > 1).sum() > 15
    # Weaker in the dark for shot noise, never more than the strongest.
    assert spread.max() < 14


def test_every_quality_from_30_to_95_occurs(monkeypatch):
    asked = []

    def remember(image, quality, **options):
        asked.append(quality)
        return jpeg(image, quality, **options)

    monkeypatch.setattr(degradation, "jpeg", remember)
    degraded(photograph(0, 64, 64), 2, 700)
    assert min(asked) == 30
    assert max(asked) == 95


def test_crops_of_the_practical_variant_are_aligned_repeatable_and_degraded():
    photographs = [photograph(0), photograph(1)]
    recipe = replace(RECIPE, photographs=(1.0, 1.0))
    source, other = (PairSource(photographs, 2, recipe) for _ in range(2))
    clean = PairSource(photographs, 2, replace(recipe, degradation="bicubic"))
    losses = []
    for step in range(20):
        lr, hr = source.batch(step, 0.0)
        np.testing.assert_array_equal(lr, other.batch(step, 0.0)[0])
        assert lr.shape == (3, 16, 16, 3)
        assert hr.shape == (3, 32, 32, 3)
        for small, large in zip(lr, hr, strict=True):
            losses.append(psnr(small, imresize(large, 0.5)))
    # A crop from elsewhere would lie near 10 dB.
    assert np.median(losses) > 22
    assert min(losses) > 14
    assert not np.array_equal(clean.batch(0, 0.0)[0], source.batch(0, 0.0)[0])


def test_a_crop_at_the_very_edge_has_its_size():
    tight = photograph(0, 32, 32)
    source = PairSource([tight], 2, replace(RECIPE, photographs=(1.0, 1.0)))
    for step in range(4):
        assert source.batch(step, 0.0)[0].shape == (3, 16, 16, 3)


def test_the_held_back_are_degraded_as_in_training_and_always_alike():
    photographs = [photograph(seed, 320, 400) for seed in range(6)]
    clean, degraded_pairs, again = (validation_pairs(photographs, 2, kind) for kind in ("bicubic", "photo", "photo"))
    assert len(clean) == len(photographs)
    for index, pair in enumerate(clean):
        np.testing.assert_array_equal(pair.lr_hwc, degrade(photographs[index], 2).lr_hwc[20:140, 40:160])
        assert pair.lr_hwc.shape == (120, 120, 3)
    for pair, other in zip(degraded_pairs, again, strict=True):
        np.testing.assert_array_equal(pair.lr_hwc, other.lr_hwc)
    # Each comes several times, one way or another: what is measured should not hang on one draw.
    draws = len(degraded_pairs) // len(photographs)
    assert (draws, len(degraded_pairs) % len(photographs)) == (6, 0)
    for index, pair in enumerate(clean):
        of_this = degraded_pairs[index * draws : (index + 1) * draws]
        assert all(np.array_equal(each.hr_hwc, pair.hr_hwc) for each in of_this)
        assert len({each.lr_hwc.tobytes() for each in of_this}) >= draws - 2
    untouched = [each for each in degraded_pairs if any(np.array_equal(each.lr_hwc, pair.lr_hwc) for pair in clean)]
    assert len(untouched) < len(degraded_pairs) // 4


def test_a_configuration_names_a_known_degradation(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('architecture = "ESC"\n[recipe]\ndegradation = "photo"\n')
    assert load_configuration(path).recipe.degradation == "photo"
    path.write_text('architecture = "ESC"\n[recipe]\ndegradation = "smudge"\n')
    with pytest.raises(UsageError, match="smudge"):
        load_configuration(path)
