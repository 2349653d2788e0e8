"""Tests of the campaign: the order, pieces that add up, x4 from x2, and nothing done twice."""

import pytest
import torch
from PIL import Image

from engine.training import campaign
from engine.training.configuration import load_configuration
from tests.engine.training.test_training_run import WEIGHTS, photographs

TOML = (
    'architecture = "SSCAN"\n[arguments]\ndim = 8\nn_blocks = 1\ndepth = 1\nnum_heads = 2\n'
    "[recipe]\nbatches = [[1, 16, 1.0]]\nprocedural_pool = 2\nprocedural_side_px = 64\nphotographs = [1.0, 1.0]\n"
)


@pytest.fixture
def lent(tmp_path, monkeypatch):
    """A machine on which two tiny runs are due; returns what lends it for some minutes and says what came."""
    (tmp_path / "images").mkdir()
    for number, image in enumerate(photographs()):
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "tiny.toml").write_text(TOML)
    monkeypatch.setattr(campaign, "ORDER", (("tiny", 2), ("tiny", 4)))
    words = ["--images", tmp_path / "images", "--runs", tmp_path / "runs", "--weights", tmp_path, "--device", "cpu"]

    def lend(minutes, total):
        return campaign.main([*map(str, words), "--minutes", str(minutes), "--total-minutes", str(total)])

    return lend


def test_runs_follow_their_order_in_pieces_and_end_published(lent, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(campaign, "_SHORTEST_MINUTES", 0.0)
    # A run of six seconds, lent for two at a time: several pieces of one schedule.
    lends = 0
    while not (tmp_path / "tiny_x2.safetensors").exists():
        assert lent(2 / 60, 6 / 60) == 0
        lends += 1
        assert lends < 20
    assert lends >= 2
    progress = torch.load(tmp_path / "runs" / "tiny_x2" / "checkpoint.pt", weights_only=True)["progress"]
    assert progress["minutes"] == pytest.approx(0.1)
    assert progress["step"] == progress["steps"]
    assert lent(60, 1 / 60) == 0
    assert "every run is over" in capsys.readouterr().out
    assert "from tiny_x2.safetensors" in (tmp_path / "tiny_x4.md").read_text()
    written = (
        (tmp_path / "tiny_x2.safetensors").stat().st_mtime_ns,
        (tmp_path / "tiny_x4.safetensors").stat().st_mtime_ns,
    )
    assert lent(60, 1 / 60) == 0
    after = (tmp_path / "tiny_x2.safetensors").stat().st_mtime_ns, (tmp_path / "tiny_x4.safetensors").stat().st_mtime_ns
    assert written == after


def test_a_lease_that_is_over_begins_nothing(lent, tmp_path, capsys):
    assert lent(0.1, 15) == 0
    assert "next time: tiny x2" in capsys.readouterr().out
    assert not (tmp_path / "runs").exists()


def test_a_failure_ends_the_campaign(lent, tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text("architecture =")
    assert lent(1, 1) == 2
    assert "not valid TOML" in capsys.readouterr().err


def test_a_fresh_run_begins_with_what_there_is(tmp_path):
    assert campaign._start(tmp_path, "esc-photo", 2) == []
    (tmp_path / "esc-fast_x2.safetensors").touch()
    assert campaign._start(tmp_path, "esc-photo", 2) == ["--start", tmp_path / "esc-fast_x2.safetensors"]
    # A larger network begins with what the small one computes.
    assert campaign._start(tmp_path, "esc-light", 2) == ["--grow", tmp_path / "esc-fast_x2.safetensors"]
    assert campaign._start(tmp_path, "esc-light", 4) == []
    assert campaign._start(tmp_path, "sscan", 2) == []
    (tmp_path / "sscan-fast_x2.safetensors").touch()
    assert campaign._start(tmp_path, "sscan", 2) == ["--grow", tmp_path / "sscan-fast_x2.safetensors"]
    (tmp_path / "esc-photo_x2.safetensors").touch()
    assert campaign._start(tmp_path, "esc-photo", 2) == ["--go-on"]
    # x4 from x2 is what the training itself does.
    assert campaign._start(tmp_path, "esc-photo", 4) == []


def test_every_run_of_the_order_has_a_configuration():
    for name, scale in campaign.ORDER:
        assert load_configuration(WEIGHTS / f"{name}.toml").name == name
        assert scale in (2, 3, 4)
    assert len(set(campaign.ORDER)) == len(campaign.ORDER)
