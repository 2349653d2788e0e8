"""The published algorithms compute what our networks compute, and the multiply-adds that the share is made of are theirs."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.benchmark.cases import COMPARISONS, OURS, built, find, picture
from engine.benchmark.published.esc import multiply_adds

CPU = torch.device("cpu")
# Every baseline that runs without a compiler: those of the CPU, and of a GPU those by torch's fused attention.
BASELINES = [
    (comparison.name, name, kind)
    for comparison in COMPARISONS
    for kind in ("cpu", "cuda")
    for name in comparison.baselines(kind)
    if "compiled" not in name and not (kind == "cuda" and name in comparison.on_cpu)
]


@pytest.mark.parametrize(("name", "baseline", "kind"), BASELINES, ids=str)
def test_a_baseline_computes_what_ours_computes(name: str, baseline: str, kind: str) -> None:
    comparison = find(name)
    ours = built(comparison, OURS, CPU, torch.float32)
    # No part may be missing unnoticed: as initialised, some are zero and biases next to nothing.
    generator = torch.Generator().manual_seed(3)
    with torch.inference_mode():
        for parameter in ours.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
        published = comparison.baselines(kind)[baseline]()
        published.load_state_dict(ours.state_dict())
        # Neither side is whole windows of 32.
        image = picture(40, 48, CPU, torch.float32)
        found, expected = ours(image), published.eval()(image)
    assert found.shape == expected.shape == (1, 3, 160, 192)
    gap = (found - expected).abs() / expected.abs().max()
    # The sparse layers of PFT may keep another key where two tie within rounding.
    assert float(gap.max()) < (1e-2 if name == "pft-light" else 2e-5)
    assert float(gap.mean()) < (1e-5 if name == "pft-light" else 1e-6)


def test_all_sides_share_the_seeded_weights() -> None:
    comparison = find("esc-light")
    ours = built(comparison, OURS, CPU, torch.float32).state_dict()
    published = built(comparison, "whole maps", CPU, torch.float32).state_dict()
    assert ours.keys() == published.keys()
    assert all(torch.equal(ours[key], published[key]) for key in ours)


def test_the_picture_is_the_same_at_each_call() -> None:
    first = picture(24, 16, CPU, torch.float32)
    torch.rand(3)
    assert torch.equal(first, picture(24, 16, CPU, torch.float32))
    assert first.shape == (1, 3, 24, 16)
    assert 0 <= float(first.min()) < float(first.max()) <= 1


@pytest.mark.parametrize(("name", "blocks"), [("esc-light", 3), ("esc", 5)])
def test_multiply_adds_are_those_that_torch_counts(name: str, blocks: int) -> None:
    network = built(find(name), "whole maps", CPU, torch.float32)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(picture(32, 64, CPU, torch.float32))
    # The network on the pooled pixel that makes the dynamic kernels is not counted, nor is anything that is no product.
    counted, ours = counter.get_total_flops() / 2, multiply_adds(32 * 64, n_blocks=blocks)
    assert counted == pytest.approx(ours, rel=1e-3)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no benchmark of 'swin'; there are esc-light, esc, pft-light, sscan"):
        find("swin")
