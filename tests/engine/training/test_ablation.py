"""Tests of the ablation: equal steps from equal weights, one thing changed."""

import cv2
import pytest

from engine.training import ablation
from engine.training.run import Run
from tests.engine.training.test_training_run import photographs

TOML = (
    'architecture = "SSCAN"\n[arguments]\ndim = 8\nn_blocks = 1\ndepth = 1\nnum_heads = 2\n'
    "[recipe]\nbatches = [[1, 16, 1.0]]\nprocedural_pool = 2\nprocedural_side_px = 64\n"
)


@pytest.fixture
def words(tmp_path):
    (tmp_path / "images").mkdir()
    # As many as it takes for one to be held back.
    for number, image in enumerate(photographs() * 7):
        cv2.imwrite(str(tmp_path / "images" / f"{number:02d}.png"), image)
    (tmp_path / "tiny.toml").write_text(TOML)
    folder = str(tmp_path / "images")
    return ["tiny", "--scale", "2", "--weights", str(tmp_path), "--images", folder, "--steps", "2", "--eval", folder]


def test_mixtures_are_compared_at_equal_steps_from_equal_weights(words, capsys, monkeypatch):
    runs = []
    real = Run.step

    def watched(run, source):
        if not run.progress.step:
            runs.append((run, {name: value.clone() for name, value in run.model.state_dict().items()}))
        return real(run, source)

    monkeypatch.setattr(Run, "step", watched)
    assert ablation.main(words) == 0
    recipes = [run.configuration.recipe for run, _ in runs]
    assert [recipe.photographs for recipe in recipes] == [(1.0, 1.0), (0.0, 0.0), (0.5, 0.8)]
    assert [run.progress.step for run, _ in runs] == [2, 2, 2]
    for _, weights in runs[1:]:
        assert all((value == runs[0][1][name]).all() for name, value in weights.items())
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[0].strip() for line in lines[2:]] == ["photographs only", "procedural only", "the recipe"]
    for line in lines[2:]:
        assert all(5 < float(figure) < 60 for figure in line.split("|")[1:])


def test_any_key_can_be_varied_and_an_unknown_one_is_said(words, capsys):
    assert ablation.main([*words, "--vary", "frequency = 0.1", "--vary", "charbonnier = 0.001"]) == 0
    assert "frequency = 0.1" in capsys.readouterr().out
    assert ablation.main([*words, "--vary", "frequence = 0.1"]) == 2
    assert "no key frequence" in capsys.readouterr().err
    assert ablation.main([*words, "--vary", "frequency ="]) == 2
