"""Tests of training runs: bit-exact resumption, the schedule, starting from other weights, publishing."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from engine.errors import CheckpointError, UsageError
from engine.models.checkpoint import file_sha256, load_checkpoint
from engine.models.registry import build, variant_name
from engine.resampling import imresize
from engine.training.__main__ import main
from engine.training.configuration import Configuration, Recipe, load_configuration
from engine.training.pairs import PairSource, degrade
from engine.training.publish import history_of, load_tensors, publish
from engine.training.run import Run, _spectral_distance, train
from engine.training.schedule import ema_decay, learning_rate

WEIGHTS = Path(__file__).parents[3] / "resources" / "weights"
RECIPE = Recipe(
    batches=((2, 16, 0.7), (1, 24, 0.3)),
    warmup_steps=2,
    procedural_pool=2,
    procedural_side_px=64,
    procedural_refresh_steps=2,
)
TINY = {
    "ESC": {"dim": 8, "pdim": 4, "kernel_size": 13, "n_blocks": 1, "conv_blocks": 1, "window_size": 8, "num_heads": 2},
    "SSCAN": {"dim": 8, "n_blocks": 1, "depth": 1, "num_heads": 2, "window_size": 8, "topk": 2},
    "PFT": {
        "embed_dim": 8,
        "depths": [1, 1],
        "num_heads": 2,
        "window_size": 8,
        "num_topk": [64, 16],
        "convffn_kernel_size": 5,
    },
}
TINY_TOML = (
    'architecture = "SSCAN"\n[arguments]\ndim = 8\nn_blocks = 1\ndepth = 1\nnum_heads = 2\n'
    "[recipe]\nbatches = [[1, 16, 1.0]]\nprocedural_pool = 2\nprocedural_side_px = 64\n"
)


def photographs():
    rng = np.random.default_rng(0)
    return [imresize(rng.integers(0, 256, (16, 20, 3), dtype=np.uint8), size=(128, 160)) for _ in range(2)]


def tiny(architecture="ESC", **recipe):
    return Configuration("tiny", architecture, TINY[architecture], replace(RECIPE, **recipe))


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(run, source, steps, path):
    run.progress.steps = steps
    train(run, source, [], minutes=None, checkpoint=path)
    return run


@pytest.mark.parametrize("architecture", ["ESC", "SSCAN", "PFT"])
def test_a_resumed_run_equals_an_uninterrupted_one(architecture, tmp_path):
    configuration = tiny(architecture)
    whole = trained(Run(configuration, 2), PairSource(photographs(), 2, RECIPE), 8, tmp_path / "whole.pt")

    half = Run(configuration, 2)
    half.progress.steps, half.progress.decay_from = 8, round(8 * (1 - RECIPE.decay_share))
    source = PairSource(photographs(), 2, RECIPE)
    for _ in range(4):
        half.step(source)
    half.save(tmp_path / "half.pt")
    torch.manual_seed(99)
    resumed = Run(configuration, 2)
    resumed.load(tmp_path / "half.pt")
    assert resumed.progress.step == 4
    trained(resumed, PairSource(photographs(), 2, RECIPE), 8, tmp_path / "resumed.pt")

    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
        assert torch.equal(whole.average[name], resumed.average[name]), name
    moments = [run.optimiser.state_dict()["state"] for run in (whole, resumed)]
    for index, values in moments[0].items():
        assert torch.equal(values["exp_avg"], moments[1][index]["exp_avg"])
        assert torch.equal(values["exp_avg_sq"], moments[1][index]["exp_avg_sq"])
    states = [torch.load(tmp_path / f"{name}.pt", weights_only=True)["generator"] for name in ("whole", "resumed")]
    assert torch.equal(*states)


def test_training_lowers_the_loss():
    run = Run(tiny("SSCAN", photographs=(1.0, 1.0), learning_rate=3e-3), 2)
    source = PairSource(photographs(), 2, run.configuration.recipe)
    losses = [run.step(source) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
    pair = degrade(photographs()[0], 2)
    assert run.validate([pair]) > 15
    assert np.isnan(run.validate([]))


def test_minutes_decide_the_end_once(tmp_path):
    run = Run(tiny(decay_share=0.5), 2)
    now = iter(range(10_000))
    # The clock is read once a step and advances a second a read: half a minute holds 30 steps.
    train(
        run,
        PairSource(photographs(), 2, run.configuration.recipe),
        [],
        minutes=0.5,
        checkpoint=tmp_path / "run.pt",
        clock=lambda: next(now),
    )
    progress = run.progress
    assert progress.steps is not None
    assert progress.step == progress.steps
    assert abs(progress.steps - 30) <= 3
    assert abs(progress.decay_from - 15) <= 2
    assert (tmp_path / "run.pt").exists()


def test_pieces_follow_one_schedule_and_give_the_whole_run(tmp_path):
    configuration = tiny("SSCAN")
    whole = trained(Run(configuration, 2), PairSource(photographs(), 2, RECIPE), 8, tmp_path / "whole.pt")
    pieces = 0
    while True:
        run = Run(configuration, 2)
        if pieces:
            run.load(tmp_path / "pieces.pt")
        run.progress.steps = 8
        # A second for each step: a piece of three.
        seconds = iter(range(100))
        is_over = train(
            run,
            PairSource(photographs(), 2, RECIPE),
            [],
            piece_minutes=0.05,
            checkpoint=tmp_path / "pieces.pt",
            clock=lambda seconds=seconds: next(seconds),
        )
        pieces += 1
        if is_over:
            break
    assert pieces == 3
    assert run.progress.decay_from == whole.progress.decay_from
    for name, value in whole.average.items():
        assert torch.equal(value, run.average[name]), name


def test_minutes_of_the_whole_run_hold_over_its_pieces(tmp_path):
    run = Run(tiny(decay_share=0.5), 2)
    source = PairSource(photographs(), 2, run.configuration.recipe)
    ends = []
    for piece in range(10):
        if piece:
            run.load(tmp_path / "run.pt")
        seconds = iter(range(100))
        # Half a minute in pieces of twelve seconds; those after the first know of it from the checkpoint.
        is_over = train(
            run,
            source,
            [],
            minutes=None if piece else 0.5,
            piece_minutes=0.2,
            checkpoint=tmp_path / "run.pt",
            clock=lambda seconds=seconds: next(seconds),
        )
        ends.append(run.progress.step)
        if is_over:
            break
    assert ends[:2] == [12, 24]
    assert abs(run.progress.steps - 30) <= 3
    assert ends[-1] == run.progress.steps
    # A run that is over takes no step more.
    assert train(run, source, [], checkpoint=tmp_path / "run.pt")
    assert run.progress.step == ends[-1]


def test_the_rate_warms_up_holds_and_falls():
    recipe = replace(RECIPE, learning_rate=1.0, warmup_steps=4, final_rate=0.1)
    assert [learning_rate(recipe, step, None, None) for step in (0, 1, 3, 500)] == [0.25, 0.5, 1.0, 1.0]
    assert learning_rate(recipe, 50, 50, 150) == pytest.approx(1.0)
    assert learning_rate(recipe, 100, 50, 150) == pytest.approx(0.55)
    assert learning_rate(recipe, 150, 50, 150) == pytest.approx(0.1)
    assert ema_decay(recipe, 0) == pytest.approx(0.1)
    assert ema_decay(recipe, 10**6) == recipe.ema_decay
    assert ema_decay(recipe, 0, warm=True) == recipe.ema_decay


def test_the_frequency_term_joins_when_its_share_of_the_run_has_come():
    source = PairSource(photographs(), 2, RECIPE)

    def after(steps, **recipe):
        run = Run(tiny("SSCAN", **recipe), 2)
        run.progress.steps = 8
        for _ in range(steps):
            run.step(source)
        return run.model.state_dict()

    def equal(a, b):
        return all(torch.equal(value, b[name]) for name, value in a.items())

    late = {"frequency": 0.5, "frequency_from": 0.5}
    assert equal(after(4), after(4, **late))
    assert not equal(after(5), after(5, **late))


def test_the_frequency_term_counts_every_frequency_alike():
    # A difference of one grey level everywhere, and one of the same energy as a fine chequerboard.
    flat = torch.full((1, 1, 8, 8), 0.1)
    signs = (torch.arange(8)[:, None] + torch.arange(8)[None, :]) % 2 * 2.0 - 1.0
    assert _spectral_distance(flat) == pytest.approx(float(_spectral_distance(flat * signs)), rel=1e-4)
    assert _spectral_distance(torch.zeros(1, 1, 8, 8)) == 0


@pytest.mark.parametrize("architecture", ["ESC", "SSCAN", "PFT"])
def test_a_step_in_bf16_keeps_weights_moments_and_average_in_fp32(architecture):
    exact, half = (Run(tiny(architecture), 2, half=each) for each in (False, True))
    source = PairSource(photographs(), 2, RECIPE)
    for _ in range(3):
        losses = [float(run.step(source)) for run in (exact, half)]
        assert losses[0] == pytest.approx(losses[1], rel=0.05)
    moments = half.optimiser.state_dict()["state"]
    for tensors in (half.model.state_dict().values(), half.average.values(), (m["exp_avg"] for m in moments.values())):
        assert {value.dtype for value in tensors if value.is_floating_point()} == {torch.float32}
    # It did compute in bf16.
    assert any(not torch.equal(a, b) for a, b in zip(exact.average.values(), half.average.values(), strict=True))
    assert all(torch.isfinite(value).all() for value in half.average.values())


def test_a_warm_start_has_new_moments_a_short_warm_up_and_keeps_its_average(tmp_path):
    first = trained(Run(tiny(), 2), PairSource(photographs(), 2, RECIPE), 4, tmp_path / "first.pt")
    publish(first, tmp_path, [])
    warm = Run(tiny(ema_decay=0.9), 2)
    warm.start_from(load_tensors(tmp_path / "tiny_x2.safetensors"), "tiny_x2.safetensors")
    assert warm.optimiser.state_dict()["state"] == {}
    assert warm.progress.step == 0
    for name, value in first.average.items():
        torch.testing.assert_close(warm.model.state_dict()[name], value, rtol=0, atol=0)
    before = {name: value.clone() for name, value in warm.average.items()}
    warm.step(PairSource(photographs(), 2, RECIPE))
    assert warm.optimiser.param_groups[0]["lr"] == pytest.approx(RECIPE.learning_rate / 2)
    # Nine tenths of what it was, from the first step on.
    for name, value in warm.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(warm.average[name], before[name] + (value - before[name]) * 0.1)


def test_slow_parts_take_smaller_steps():
    run = Run(tiny("PFT", slower=(("upsample", 0.1),), weight_decay=0.0), 2)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.step(PairSource(photographs(), 2, run.configuration.recipe))
    # Adam's first step is the rate itself wherever there is a gradient.
    moved = {name: (value - before[name]).abs().max().item() for name, value in run.model.named_parameters()}
    rate = learning_rate(run.configuration.recipe, 0, None, None)
    assert moved["conv_first.weight"] == pytest.approx(rate, rel=1e-2)
    assert moved["upsample.0.weight"] == pytest.approx(rate / 10, rel=1e-2)


def test_consistency_compares_the_tile_with_its_own_place():
    run = Run(tiny("SSCAN", consistency=1.0), 2)

    class Enlarge(torch.nn.Module):
        """A purely local stand-in: a tile's result is exactly its part of the whole's."""

        def forward(self, x_bchw):
            return torch.nn.functional.interpolate(x_bchw, scale_factor=2)

    class Shade(Enlarge):
        """A global one: the mean of what it sees is added."""

        def forward(self, x_bchw):
            return super().forward(x_bchw) + x_bchw.mean()

    x_bchw = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for step in range(5):
        run.progress.step = step
        run.model = Enlarge()
        assert run._inconsistency(x_bchw, run.model(x_bchw)) == 0
        run.model = Shade()
        assert run._inconsistency(x_bchw, run.model(x_bchw)) > 1e-4


def test_consistency_takes_part_in_a_step():
    plain, consistent = (Run(tiny("SSCAN", consistency=weight), 2) for weight in (0.0, 5.0))
    for run in (plain, consistent):
        source = PairSource(
            photographs(), 2, replace(run.configuration.recipe, batches=((1, 48, 1.0),), procedural_side_px=96)
        )
        for _ in range(2):
            run.step(source)
    differing = [
        not torch.equal(a, b) for a, b in zip(plain.average.values(), consistent.average.values(), strict=True)
    ]
    assert any(differing)


def test_the_average_lags_behind_the_weights():
    run = Run(tiny(ema_decay=0.9), 2)
    first = {name: value.clone() for name, value in run.average.items()}
    source = PairSource(photographs(), 2, run.configuration.recipe)
    run.step(source)
    for name, value in run.model.state_dict().items():
        expected = first[name] + (value - first[name]) * 0.9
        torch.testing.assert_close(run.average[name], expected)


@pytest.mark.parametrize(("architecture", "head"), [("ESC", "to_img"), ("SSCAN", "to_img"), ("PFT", "upsample.0")])
def test_another_scale_starts_from_the_body_and_the_resized_head(architecture, head, tmp_path):
    small = Run(tiny(architecture), 2)
    publish(small, tmp_path, [])
    large = Run(tiny(architecture), 4)
    large.start_from(load_tensors(tmp_path / "tiny_x2.safetensors"), "tiny_x2.safetensors")
    state, source = large.model.state_dict(), small.model.state_dict()
    for name, value in state.items():
        torch.testing.assert_close(large.average[name], value)
        if not name.startswith(head):
            torch.testing.assert_close(value, source[name])
    # Bilinear from 2 x 2 to 4 x 4: corners keep their value, and the mean of the grid stays.
    old, new = source[f"{head}.weight"].reshape(3, 2, 2, -1), state[f"{head}.weight"].reshape(3, 4, 4, -1)
    torch.testing.assert_close(new[:, ::3, ::3], old)
    torch.testing.assert_close(new.mean(dim=(1, 2)), old.mean(dim=(1, 2)))
    assert large.progress.started_from == "tiny_x2.safetensors"


def test_what_fits_nowhere_is_refused():
    with pytest.raises(CheckpointError, match="Nothing in"):
        Run(tiny(), 4).start_from({"stranger": torch.zeros(3), "to_img.bias": torch.zeros(11)}, "stranger.pth")


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    Run(tiny("SSCAN"), 2).save(tmp_path / "run.pt")
    for run in (Run(tiny("SSCAN"), 4), Run(tiny("ESC"), 2)):
        with pytest.raises(CheckpointError, match="another model or scale"):
            run.load(tmp_path / "run.pt")


def test_published_weights_are_the_average_with_card_and_metadata(tmp_path):
    import cv2

    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "one.png"), photographs()[0])
    (tmp_path / "CREDITS.md").write_text("# Credits\n\n- A photographer, CC BY 4.0\n")
    run = Run(tiny("PFT"), 2)
    run.step(PairSource(photographs(), 2, RECIPE))
    (result,) = publish(run, tmp_path, [tmp_path / "set"])
    path = tmp_path / "tiny_x2.safetensors"
    loaded = load_checkpoint(path)
    for name, value in run.average.items():
        torch.testing.assert_close(loaded.model.state_dict()[name], value, rtol=0, atol=0)
    assert json.loads(loaded.metadata["psnr"]) == {"set": round(result.mean.psnr_y, 3)}
    card = (tmp_path / "tiny_x2.md").read_text()
    assert file_sha256(path) in card
    assert f"| set | {result.mean.psnr_y:.2f} |" in card
    assert "- A photographer, CC BY 4.0" in card
    assert "1 steps" in card
    assert "(tiny_x2_sample.png)" in card


def test_weights_for_photographs_are_measured_on_compressed_inputs_and_say_so(tmp_path):
    import cv2

    (tmp_path / "set").mkdir()
    cv2.imwrite(str(tmp_path / "set" / "one.png"), photographs()[0])
    plain = tiny(degradation="photo")
    configuration = replace(plain, purpose="photo, compressed", description="Takes artefacts away.")
    results = publish(Run(configuration, 2), tmp_path, [tmp_path / "set"])
    names = [result.name for result in results]
    assert names == ["set (JPEG 40)", "set (JPEG 60)", "set (JPEG 80)", "set"]
    metadata = load_checkpoint(tmp_path / "tiny_x2.safetensors").metadata
    assert json.loads(metadata["psnr"]) == {names[1]: round(results[1].mean.psnr_y, 3)}
    assert metadata["purpose"] == "photo, compressed"
    assert metadata["description"] == "Takes artefacts away."
    card = (tmp_path / "tiny_x2.md").read_text()
    assert "--jpeg 40 --jpeg 60 --jpeg 80" in card
    assert "JPEG 30 to 95" in card
    assert "For: photo, compressed. Takes artefacts away." in card


def test_a_card_tells_the_runs_before_this_one(tmp_path):
    first = Run(tiny(), 2)
    trained(first, PairSource(photographs(), 2, RECIPE), 2, tmp_path / "first.pt")
    publish(first, tmp_path, [])
    start = tmp_path / "tiny_x2.safetensors"
    second = Run(tiny(), 4)
    second.start_from(load_tensors(start), start.name, history_of(start))
    source = PairSource(photographs(), 4, replace(RECIPE, procedural_side_px=96))
    trained(second, source, 3, tmp_path / "second.pt")
    resumed = Run(tiny(), 4)
    resumed.load(tmp_path / "second.pt")
    publish(resumed, tmp_path, [])
    told = history_of(tmp_path / "tiny_x4.safetensors")
    assert len(told) == 2
    assert told[0].startswith("2 steps")
    assert "from fresh weights" in told[0]
    assert told[1].startswith("3 steps")
    assert "from tiny_x2.safetensors" in told[1]
    assert json.loads(load_checkpoint(tmp_path / "tiny_x4.safetensors").metadata["training"]) == told
    assert history_of(tmp_path / "nobody.safetensors") == []


def test_what_is_published_can_lie_between_two_runs(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    images = tmp_path / "images"
    images.mkdir()
    for number, image in enumerate(photographs()):
        Image.fromarray(image).save(images / f"{number}.png")
    words = ["tiny", "--scale", "2", "--weights", str(tmp_path), "--images", str(images), "--publish"]
    for name, steps in (("one", 2), ("two", 3)):
        assert main([*words, "--out", str(tmp_path / name), "--steps", str(steps)]) == 0
        for end in ("safetensors", "md"):
            (tmp_path / f"tiny_x2.{end}").rename(tmp_path / f"{name}.{end}")
    one_file = tmp_path / "one.safetensors"
    again = ["--out", str(tmp_path / "two"), "--resume", "--interpolate", str(one_file), "0.25"]
    assert main([*words, *again]) == 0
    one, two, mean = (load_tensors(tmp_path / f"{name}.safetensors") for name in ("one", "two", "tiny_x2"))
    assert any(not torch.equal(one[name], two[name]) for name in one)
    for name, values in mean.items():
        torch.testing.assert_close(values, (0.75 * two[name] + 0.25 * one[name]).to(values.dtype))
    told = history_of(tmp_path / "tiny_x2.safetensors")
    assert told[-1].startswith("the mean of these (75%) and of others (25%): 2 steps in ")
    assert told[-2].startswith("3 steps in ")


def test_an_interpolation_names_weights_of_this_model_and_a_share(tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    words = [
        "tiny",
        "--scale",
        "2",
        "--weights",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
        "--publish",
        "--interpolate",
    ]
    assert main([*words, str(WEIGHTS / "esc-fast_x2.safetensors"), "0.5"]) == 2
    assert "of another network" in capsys.readouterr().err
    assert main([*words, str(WEIGHTS / "esc-fast_x2.safetensors"), "half"]) == 2
    assert "a share from 0 to 1, not 'half'" in capsys.readouterr().err
    words.remove("--publish")
    assert main([*words, str(WEIGHTS / "esc-fast_x2.safetensors"), "0.5"]) == 2
    assert "Add --publish." in capsys.readouterr().err
    assert not (tmp_path / "tiny_x2.safetensors").exists()


def test_a_card_tells_the_recipe_of_the_run_not_of_today(tmp_path):
    trained(Run(tiny(learning_rate=7e-4), 2), PairSource(photographs(), 2, RECIPE), 2, tmp_path / "run.pt")
    today = Run(tiny(learning_rate=1e-4), 2)
    today.load(tmp_path / "run.pt")
    publish(today, tmp_path, [])
    assert "rate 0.0007" in (tmp_path / "tiny_x2.md").read_text()
    # Training that goes on follows what the configuration says today.
    trained(today, PairSource(photographs(), 2, RECIPE), 3, tmp_path / "run.pt")
    publish(today, tmp_path, [])
    assert "rate 0.0001" in (tmp_path / "tiny_x2.md").read_text()


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({}, "; L1 loss"),
        ({"charbonnier": 0.001}, "; Charbonnier loss"),
        ({"frequency": 0.1, "frequency_from": 0.0}, "; L1 and 0.1 x L1 of the Fourier transform loss"),
        ({"frequency": 0.1}, "; L1 and 0.1 x L1 of the Fourier transform (in the last 50% of the run) loss"),
    ],
)
def test_a_card_tells_the_loss(recipe, told, tmp_path):
    publish(Run(tiny(**recipe), 2), tmp_path, [])
    assert told in (tmp_path / "tiny_x2.md").read_text()


def test_a_card_of_the_older_form_is_understood(tmp_path):
    (tmp_path / "old_x2.md").write_text(
        "| | |\n|---|---|\n| trained | 5 steps in 1 minutes; moving average 0.998 |\n| started from | an x4 checkpoint |\n"
    )
    told = history_of(tmp_path / "old_x2.safetensors")
    assert told == ["5 steps in 1 minutes; moving average 0.998 (from an x4 checkpoint)"]


def test_slow_validation_takes_a_tenth_of_the_time_and_is_there_at_the_end(tmp_path, monkeypatch):
    run, now_s = Run(tiny("SSCAN"), 2), [0.0]
    run.progress.steps = 25

    def validate(_):
        now_s[0] += 10.0
        return 30.0

    def clock():
        now_s[0] += 1.0
        return now_s[0]

    monkeypatch.setattr(run, "validate", validate)
    pair = degrade(photographs()[0], 2)
    source, heard = PairSource(photographs(), 2, RECIPE), []
    train(
        run, source, [pair], checkpoint=tmp_path / "run.pt", checkpoint_every_s=0.0, validating_share=0.5,
        clock=clock, listener=lambda step, figures: heard.append((step, "held-back PSNR-Y" in figures)),
    )  # fmt: skip
    # A step takes a second, a validation eleven: after each comes as long of training.
    assert [step for step, validated in heard if validated] == [1, 12, 23, 25]
    assert [step for step, _ in heard] == list(range(1, 26))
    assert run.progress.curve == [(1, 30.0), (12, 30.0), (23, 30.0), (25, 30.0)]


def test_the_curve_of_the_held_back_is_kept_and_printed(tmp_path):
    run = Run(tiny("SSCAN"), 2)
    run.progress.steps = 12
    source, pair = PairSource(photographs(), 2, RECIPE), degrade(photographs()[0], 2)
    train(run, source, [pair], checkpoint=tmp_path / "run.pt", checkpoint_every_s=0.0, validating_share=1.0)
    assert [step for step, _ in run.progress.curve] == list(range(1, 13))
    resumed = Run(tiny("SSCAN"), 2)
    resumed.load(tmp_path / "run.pt")
    publish(resumed, tmp_path, [])
    card = (tmp_path / "tiny_x2.md").read_text()
    (row,) = [line for line in card.splitlines() if line.startswith("| step |")]
    steps = [int(cell) for cell in row.strip("|").split("|")[1:]]
    assert len(steps) == 8
    assert (steps[0], steps[-1]) == (1, 12)


def test_the_command_trains_resumes_and_publishes(tmp_path):
    import cv2

    images, weights, out = tmp_path / "images", tmp_path / "weights", tmp_path / "out"
    images.mkdir()
    weights.mkdir()
    for n, photograph in enumerate(photographs()):
        cv2.imwrite(str(images / f"{n}.png"), photograph)
    (weights / "tiny.toml").write_text(TINY_TOML)
    command = ["tiny", "--scale", "2", "--images", str(images), "--weights", str(weights), "--out", str(out)]
    assert main([*command, "--steps", "2"]) == 0
    assert main([*command, "--steps", "3", "--resume", "--publish", "--eval", str(images)]) == 0
    assert "3 steps" in (weights / "tiny_x2.md").read_text()
    assert (weights / "tiny_x2.safetensors").exists()
    assert "step 3 of 3" in (out / "log.txt").read_text()
    # On a machine that has nothing but the repository: from the weights there, in pieces.
    fresh = [
        "tiny",
        "--scale",
        "2",
        "--images",
        str(images),
        "--weights",
        str(weights),
        "--out",
        str(tmp_path / "fresh"),
    ]
    assert (
        main([*fresh, "--go-on", "--precision", "bf16", "--steps", "2", "--procedural", str(images), "--publish"]) == 0
    )
    card = (weights / "tiny_x2.md").read_text()
    assert "3 steps" in card
    assert "2 steps" in card
    assert "from tiny_x2.safetensors" in card
    assert "bf16 over fp32 weights" in card


def test_configurations_are_read_and_checked(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text('architecture = "ESC"\n[arguments]\ndim = 8\n[recipe]\nbatches = [[2, 16, 1.0]]\nseed = 7\n')
    configuration = load_configuration(path)
    assert configuration.name == "model"
    assert configuration.arguments == {"dim": 8}
    assert configuration.recipe == replace(Recipe(), batches=((2, 16, 1.0),), seed=7)
    path.write_text('architecture = "ESC"\n[recipe]\nlerning_rate = 1.0\n')
    with pytest.raises(UsageError, match="lerning_rate"):
        load_configuration(path)
    path.write_text("architecture = \n")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_configuration(path)
    with pytest.raises(UsageError, match="no training configuration"):
        load_configuration(tmp_path / "other.toml")


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert main(["nothing", "--scale", "2", "--weights", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no training configuration" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_device_is_said(tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text('architecture = "ESC"\n')
    words = ["tiny", "--scale", "2", "--weights", str(tmp_path), "--out", str(tmp_path / "out"), "--device"]
    assert main([*words, "cuda"]) == 2
    assert "no CUDA device" in capsys.readouterr().err
    assert main([*words, "abacus"]) == 2
    assert "not a device" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "count"), [("esc-light", 603_600), ("sscan", 808_780), ("pft-light", 775_532)])
def test_the_configurations_for_a_gpu_are_the_published_ones(name, count):
    path = WEIGHTS / f"{name}.toml"
    configuration = load_configuration(path)
    assert variant_name(configuration.architecture, configuration.arguments) == name
    # On the meta device: only the shapes matter.
    with torch.device("meta"):
        model = build(configuration.architecture, configuration.arguments, 2)
    assert sum(parameter.numel() for parameter in model.parameters()) == count
    # A crop must hold a window, and the procedural images a crop at the largest scale.
    for _, side_px, _ in configuration.recipe.batches:
        assert side_px % configuration.arguments["window_size"] == 0
        assert 4 * side_px <= configuration.recipe.procedural_side_px


def test_the_practical_variant_is_the_small_esc():
    photo, fast = (load_configuration(WEIGHTS / f"esc-{name}.toml") for name in ("photo", "fast"))
    assert photo.arguments == fast.arguments
    assert (photo.recipe.degradation, fast.recipe.degradation) == ("photo", "bicubic")
    assert photo.purpose == "photo, compressed"


def test_the_log_goes_to_tensorboard_where_it_is_asked_for(tmp_path, monkeypatch, capsys):
    (tmp_path / "images").mkdir()
    for number, image in enumerate(photographs()):
        Image.fromarray(image).save(tmp_path / "images" / f"{number}.png")
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    words = ["tiny", "--scale", "2", "--weights", str(tmp_path), "--images", str(tmp_path / "images"), "--steps", "2"]
    words += ["--out", str(tmp_path / "out"), "--tensorboard", str(tmp_path / "board")]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main(words) == 2
    assert "TensorBoard is not installed" in capsys.readouterr().err
    written = []

    class Writer:
        def __init__(self, folder):
            assert folder == str(tmp_path / "board")

        def __enter__(self):
            return self

        def __exit__(self, *_):
            written.append("closed")

        def add_scalar(self, name, value, step):
            written.append((name, step))

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=Writer))
    assert main(words) == 0
    assert written == [("loss", 2), ("rate", 2), "closed"]


def test_degrading_photographs_without_opencv_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "tiny.toml").write_text('architecture = "ESC"\n[recipe]\ndegradation = "photo"\n')
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    words = ["tiny", "--scale", "2", "--weights", str(tmp_path), "--out", str(tmp_path / "out"), "--steps", "1"]
    assert main([*words, "--images", str(tmp_path)]) == 2
    assert "needs OpenCV" in capsys.readouterr().err
