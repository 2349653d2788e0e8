"""Tests of what is sent to a lent GPU: the same photographs, held back alike, and drawings of the right size."""

import cv2
import numpy as np

from engine.metrics import psnr
from engine.training import prepare
from engine.training.pairs import PairSource, load_photographs, split_held_back
from tests.engine.training.test_training_run import RECIPE, photographs


def test_the_folder_holds_the_photographs_and_drawings_to_train_on(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    for number, image in enumerate(photographs() * 7):
        cv2.imwrite(str(tmp_path / "images" / f"{number:02d}.png"), image[:, :, ::-1])
    out = tmp_path / "out"
    assert prepare.main([str(out), "--images", str(tmp_path / "images"), "--procedural", "2"]) == 0
    assert " MB" in capsys.readouterr().out
    before, after = load_photographs(tmp_path / "images"), load_photographs(out / "photographs")
    assert split_held_back(list(before)) == split_held_back(list(after))
    # Colours in their order, and close.
    assert all(psnr(after[name], image) > 38 for name, image in before.items())
    drawn = list(load_photographs(out / "procedural").values())
    assert [image.shape for image in drawn] == [(320, 320, 3)] * 2
    assert not np.array_equal(*drawn)
    lr, _ = PairSource(list(after.values()), 2, RECIPE, drawn).batch(0, 0.0)
    assert lr.std() > 0


def test_an_empty_folder_is_said(tmp_path, capsys):
    assert prepare.main([str(tmp_path / "out"), "--images", str(tmp_path)]) == 1
    assert "no photographs" in capsys.readouterr().err
