"""Cutting a feed-forward into strips of rows changes no pixel: what is computed twice at their edges is computed equally."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import catalog
from engine.models import layers
from engine.models.checkpoint import load_checkpoint


@pytest.mark.parametrize("name", ["esc-fast", "pft-fast", "sscan-fast"])
def test_strips_of_any_height_give_the_same_image(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_checkpoint(Path(catalog.find_model(name, 2).path), scale=2).model.eval()
    x_bchw = torch.rand((1, 3, 50, 66), generator=torch.Generator().manual_seed(7))
    with torch.inference_mode():
        whole = network(x_bchw)
        for strip_bytes in (1, 40_000, 200_000):
            monkeypatch.setattr(layers, "_STRIP_BYTES", strip_bytes)
            torch.testing.assert_close(network(x_bchw), whole, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", ["esc-fast", "pft-fast", "sscan-fast"])
def test_without_gradients_the_image_is_that_with_them(name: str) -> None:
    network = load_checkpoint(Path(catalog.find_model(name, 2).path), scale=2).model.eval()
    x_bchw = torch.rand((1, 3, 50, 66), generator=torch.Generator().manual_seed(8))
    with_gradients = network(x_bchw).detach()
    with torch.inference_mode():
        difference = (network(x_bchw) - with_gradients).abs()
    assert difference.mean() < 1e-6
    # PFT selects keys: where two scores tie within rounding, either may be kept, and single pixels differ by more.
    assert difference.max() < 1e-4
