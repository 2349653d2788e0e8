"""Tests of the pairs made on the device (here the CPU, through the same code): they are those of `PairSource`."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.resampling import imresize
from engine.training.configuration import Recipe
from engine.training.device_pairs import DevicePairSource, PrefetchedPairSource, shrink
from engine.training.pairs import PairSource
from engine.training.pool import ProceduralPool
from engine.training.run import Run
from tests.engine.training.test_training_run import TINY, photographs, tiny

RECIPE = Recipe(
    batches=((5, 16, 0.7), (2, 24, 0.3)), procedural_pool=3, procedural_side_px=97, procedural_refresh_steps=2
)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinking_is_that_of_the_papers(scale):
    # White noise is the hardest: every tap counts.
    for image in (noise(24 * scale, 35 * scale), photographs()[0][: 40 * scale, : 40 * scale]):
        ours = shrink(torch.from_numpy(image), scale).numpy().astype(int)
        theirs = imresize(image, 1.0 / scale).astype(int)
        assert np.abs(ours - theirs).max() <= 1
        assert np.mean(ours != theirs) < 0.01


@pytest.mark.parametrize("scale", [2, 3])
def test_batches_are_those_of_the_host(scale):
    images = [*photographs(), noise(101, 130)]
    host, device = PairSource(images, scale, RECIPE), DevicePairSource(images, scale, RECIPE, "cpu")
    for step in (*range(9), 40, 3):
        expected, batch = host.batch(step, 0.0), device.batch(step, 0.0)
        np.testing.assert_array_equal(batch[1].numpy(), expected[1])
        assert np.abs(batch[0].numpy().astype(int) - expected[0]).max() <= 1
        assert batch[0].dtype == batch[1].dtype == torch.uint8


def test_a_run_that_begins_in_the_middle_sees_the_same_batches():
    first, later = (DevicePairSource(photographs(), 2, RECIPE, "cpu") for _ in range(2))
    straight = [first.batch(step, 0.0) for step in range(12)]
    for step in (11, 5):
        for a, b in zip(straight[step], later.batch(step, 0.0), strict=True):
            assert torch.equal(a, b)


def test_images_are_drawn_ahead_and_each_once(monkeypatch):
    real, made = ProceduralPool.image, []
    monkeypatch.setattr(ProceduralPool, "image", lambda self, serial: made.append(serial) or real(self, serial))
    drawn = [noise(97, 97, seed) for seed in range(5)]
    source = DevicePairSource(photographs(), 2, replace(RECIPE, photographs=(0.0, 0.0)), "cpu", drawn)
    for step in range(40):
        source.batch(step, 0.0)
    source._artist.shutdown()
    assert len(made) == len(set(made))
    # Those of the next refills were asked for before anyone needed them, and none is kept for ever.
    assert max(made) > source._pool.serial(39, 39 // 2 % 3)
    assert len(source._coming) <= 8


@pytest.mark.parametrize("architecture", list(TINY))
def test_a_run_trains_from_the_device(architecture):
    configuration = tiny(architecture)
    source = DevicePairSource(photographs(), 2, configuration.recipe, "cpu")
    host = PairSource(photographs(), 2, configuration.recipe)
    losses = [float(Run(configuration, 2).step(each)) for each in (source, host)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_training_needs_neither_opencv_nor_safetensors_nor_a_window(tmp_path):
    """A GPU that is lent comes with torch, triton and numpy; Pillow reads the photographs and the drawings made before."""
    for name in ("images", "drawn"):
        (tmp_path / name).mkdir()
        for number, image in enumerate(photographs()):
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    (tmp_path / "tiny.toml").write_text(
        'architecture = "SSCAN"\n[arguments]\ndim = 8\nn_blocks = 1\ndepth = 1\nnum_heads = 2\n'
        "[recipe]\nbatches = [[1, 16, 1.0]]\nprocedural_pool = 2\nprocedural_side_px = 64\nphotographs = [0.5, 0.5]\n"
    )
    code = (
        "import sys\n"
        "for name in ('cv2', 'pyvips', 'PySide6', 'safetensors', 'imagecodecs', 'psutil', 'platformdirs', 'pyqtgraph'):\n"
        "    sys.modules[name] = None\n"
        "from engine.training.__main__ import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    words = ["tiny", "--scale", "2", "--weights", tmp_path, "--images", tmp_path / "images", "--out", tmp_path / "out"]
    words += ["--procedural", tmp_path / "drawn", "--steps", "6", "--precision", "bf16", "--publish"]
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", code, *map(str, words)]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "tiny_x2.safetensors").exists()


def test_prefetched_batches_are_those_of_the_source_in_any_order():
    recipe = replace(RECIPE, degradation="photo", photographs=(1.0, 1.0))
    plain, ahead = (PairSource(photographs(), 2, recipe) for _ in range(2))
    prefetched = PrefetchedPairSource(ahead, threads=2)
    for step in (0, 1, 2, 9, 10):
        for a, b in zip(plain.batch(step, 0.0), prefetched.batch(step, 0.0), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len(prefetched._coming) <= 4


@pytest.mark.gpu
def test_batches_on_a_gpu_are_those_of_the_host():
    host, device = PairSource(photographs(), 2, RECIPE), DevicePairSource(photographs(), 2, RECIPE, "cuda")
    for step in range(6):
        expected, batch = host.batch(step, 0.0), device.batch(step, 0.0)
        np.testing.assert_array_equal(batch[1].cpu().numpy(), expected[1])
        assert np.abs(batch[0].cpu().numpy().astype(int) - expected[0]).max() <= 1


@pytest.mark.gpu
@pytest.mark.parametrize("architecture", list(TINY))
def test_a_gpu_learns_in_bf16(architecture):
    configuration = tiny(architecture, photographs=(1.0, 1.0), learning_rate=3e-3)
    run = Run(configuration, 2, "cuda", half=True)
    source = DevicePairSource(photographs(), 2, configuration.recipe, "cuda")
    losses = [float(run.step(source)) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
