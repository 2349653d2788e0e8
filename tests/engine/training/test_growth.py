"""Tests of growing: the larger network begins with what the smaller one computes, and every part of it can learn."""

from pathlib import Path

import pytest
import torch

from engine.errors import CheckpointError
from engine.models.checkpoint import load_checkpoint, save_checkpoint
from engine.models.registry import build
from engine.training.configuration import Configuration, Recipe, load_configuration
from engine.training.growth import grow
from engine.training.run import Run

WEIGHTS = Path(__file__).parents[3] / "resources" / "weights"
ESC = {"dim": 8, "pdim": 4, "kernel_size": 13, "n_blocks": 1, "conv_blocks": 1, "window_size": 8, "num_heads": 2}
SSCAN = {"dim": 8, "n_blocks": 1, "depth": 1, "num_heads": 2, "window_size": 8, "topk": 2, "kernel_size": 3}
PFT = {
    "embed_dim": 8,
    "depths": [1, 1],
    "num_heads": 2,
    "window_size": 8,
    "num_topk": [64, 16],
    "convffn_kernel_size": 3,
}
LARGER = {
    "ESC": {**ESC, "dim": 16, "pdim": 6, "n_blocks": 2, "conv_blocks": 2, "num_heads": 4},
    "SSCAN": {**SSCAN, "dim": 16, "n_blocks": 2, "depth": 3, "num_heads": 4, "kernel_size": 5},
    "PFT": {**PFT, "embed_dim": 12, "depths": [2, 1, 2], "num_topk": [64, 64, 32, 16, 16], "num_heads": 4},
}
# A norm adds its epsilon to a smaller variance: that alone is not made up for.
NEAR = {"atol": 3e-4, "rtol": 1e-3}
SMALL = {"ESC": ESC, "SSCAN": SSCAN, "PFT": PFT}


def small_of(architecture: str) -> torch.nn.Module:
    """A network of random weights, also where fresh ones are zeros or ones."""
    torch.manual_seed(3)
    model = build(architecture, SMALL[architecture], 2).eval()
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            parameter += (0.1 if "norm" in name or "ln_" in name else 0.2) * torch.randn_like(parameter)
    return model


def grown_of(architecture: str, small: torch.nn.Module, **changes: object) -> torch.nn.Module:
    arguments = {**LARGER[architecture], **changes}
    torch.manual_seed(4)
    model = build(architecture, arguments, 2)
    model.load_state_dict(grow(model, arguments, small.state_dict(), SMALL[architecture]))
    return model.eval()


def image(side_px: int = 24) -> torch.Tensor:
    return torch.rand(1, 3, side_px, side_px, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("architecture", ["ESC", "SSCAN"])
def test_a_grown_network_computes_what_the_small_one_does(architecture):
    small = small_of(architecture)
    grown = grown_of(architecture, small)
    with torch.no_grad():
        torch.testing.assert_close(grown(image()), small(image()), **NEAR)


def test_a_grown_pft_computes_about_what_the_small_one_does():
    small = small_of("PFT")
    grown = grown_of("PFT", small)
    fresh = build("PFT", LARGER["PFT"], 2).eval()
    with torch.no_grad():
        wanted, found, otherwise = (model(image()) for model in (small, grown, fresh))
    assert (found - wanted).abs().mean() < 0.05 * (otherwise - wanted).abs().mean()


@pytest.mark.parametrize("architecture", ["ESC", "PFT"])
def test_a_larger_window_sees_little_beyond_the_old_one_at_first(architecture):
    small = small_of(architecture)
    topk = {"num_topk": [256, 256, 128, 64, 64]} if architecture == "PFT" else {}
    grown = grown_of(architecture, small, window_size=16, **topk)
    fresh = build(architecture, LARGER[architecture], 2).eval()
    with torch.no_grad():
        wanted, found, otherwise = (model(image(32)) for model in (small, grown, fresh))
    assert (found - wanted).abs().mean() < 0.2 * (otherwise - wanted).abs().mean()


@pytest.mark.parametrize("architecture", ["ESC", "SSCAN", "PFT"])
def test_after_two_steps_every_part_of_it_learns(architecture):
    model = grown_of(architecture, small_of(architecture)).train()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    # What lies behind zeros has a gradient once these are none, layer behind layer.
    for _ in range(4):
        optimiser.zero_grad()
        (model(image(32)) - 0.5).square().mean().backward()
        optimiser.step()
    still = [name for name, parameter in model.named_parameters() if parameter.grad is None or not parameter.grad.any()]
    assert still == []


def test_a_run_that_grows_says_so(tmp_path):
    small = small_of("SSCAN")
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, small, {"architecture": "SSCAN", "arguments": SMALL["SSCAN"], "scale": 2})
    run = Run(Configuration("large", "SSCAN", LARGER["SSCAN"], Recipe()), 2)
    run.grow_from(load_checkpoint(path), path.name, ["100 steps in 2 minutes"])
    assert run.progress.started_from == "small.safetensors, grown"
    assert run.progress.history == ["100 steps in 2 minutes"]
    with torch.no_grad():
        torch.testing.assert_close(run.averaged_model()(image()), small(image()), **NEAR)
    other = Run(Configuration("large", "ESC", LARGER["ESC"], Recipe()), 2)
    with pytest.raises(CheckpointError, match="of another architecture: SSCAN"):
        other.grow_from(load_checkpoint(path), path.name)
    larger = Run(Configuration("large", "SSCAN", LARGER["SSCAN"], Recipe()), 4)
    with pytest.raises(CheckpointError, match="upscales x2"):
        larger.grow_from(load_checkpoint(path), path.name)


def test_what_is_not_smaller_is_refused():
    large = grown_of("SSCAN", small_of("SSCAN"))
    model = build("SSCAN", SMALL["SSCAN"], 2)
    with pytest.raises(CheckpointError, match="dim would shrink: 16 to 8"):
        grow(model, SMALL["SSCAN"], large.state_dict(), LARGER["SSCAN"])
    # Narrower where no argument says so.
    arguments = {**SMALL["SSCAN"], "mlp_ratio": 1}
    with pytest.raises(CheckpointError, match=r"fc1\.weight would shrink"):
        grow(build("SSCAN", arguments, 2), arguments, model.state_dict(), SMALL["SSCAN"])
    deeper = {**SMALL["PFT"], "depths": [1, 1, 1], "num_topk": [64, 32, 16]}
    pft = build("PFT", SMALL["PFT"], 2)
    with pytest.raises(CheckpointError, match="more or deeper blocks"):
        grow(pft, SMALL["PFT"], build("PFT", deeper, 2).state_dict(), deeper)
    fp = build("ESCFP", {}, 2)
    with pytest.raises(CheckpointError, match="cannot be grown"):
        grow(fp, {}, fp.state_dict(), {})


@pytest.mark.parametrize(
    ("small", "light"), [("esc-fast", "esc-light"), ("sscan-fast", "sscan"), ("pft-fast", "pft-light")]
)
def test_the_small_sizes_grow_into_the_published_ones(small, light):
    loaded = load_checkpoint(WEIGHTS / f"{small}_x2.safetensors")
    run = Run(load_configuration(WEIGHTS / f"{light}.toml"), 2)
    run.grow_from(loaded, small)
    # Something with edges: what a network adds to plain interpolation is what is compared.
    squares = (torch.arange(32)[:, None] // 4 + torch.arange(32)[None] // 6) % 2
    x_bchw = (0.2 + 0.6 * squares).expand(1, 3, 32, 32).contiguous()
    with torch.inference_mode():
        wanted, found = loaded.model.eval()(x_bchw), run.averaged_model()(x_bchw)
    plain = torch.nn.functional.interpolate(x_bchw, scale_factor=2, mode="bilinear")
    assert (found - wanted).square().mean() < 0.1 * (plain - wanted).square().mean()
