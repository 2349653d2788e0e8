"""What is compared with what: each published configuration, ours and the published algorithm on the same weights.

May import torch, engine.models and engine.benchmark.published.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from engine.benchmark.published import esc, pft, sscan
from engine.benchmark.table import NO_GOALS, Goals
from engine.models.esc import ESC
from engine.models.pft import PFT
from engine.models.sscan import SSCAN

OURS = "ours"


@dataclass(frozen=True)
class Comparison:
    """One network at four times, and the baselines of the CPU and of a GPU by their names.

    `limits`: the largest maximum and mean difference at which outputs in float32 count as equal (PFT's top-k turns
    rounding into another choice of keys, so its maximum is wider). `multiply_adds`: for a number of pixels, where counted.
    `only_float32`: the published operators know no other dtype, so the baseline runs in that whatever ours runs in.
    `goals`: of the CPU, at 256 x 256 with two threads.
    """

    name: str
    configuration: str
    ours: Callable[[], nn.Module]
    on_cpu: Mapping[str, Callable[[], nn.Module]]
    on_gpu: Mapping[str, Callable[[], nn.Module]]
    limits: tuple[float, float]
    multiply_adds: Callable[[int], int] | None = None
    only_float32: bool = False
    goals: Goals = NO_GOALS

    def baselines(self, device_type: str) -> Mapping[str, Callable[[], nn.Module]]:
        """Return the baselines of a kind of device."""
        return self.on_gpu if device_type == "cuda" else self.on_cpu


def _esc(name: str, blocks: int, goals: Goals) -> Comparison:
    return Comparison(
        name=name,
        configuration=f"C 64, {blocks} blocks of 5, windows of 32",
        ours=lambda: ESC(n_blocks=blocks),
        on_cpu={"whole maps": lambda: esc.PublishedESC(n_blocks=blocks)},
        on_gpu={
            "compiled FlexAttention": lambda: esc.PublishedESC(n_blocks=blocks, attend=esc.compiled_flex_attention()),
            "SDPA": lambda: esc.PublishedESC(n_blocks=blocks, attend=esc.attend_fused),
        },
        limits=(1e-5, 5e-7),
        multiply_adds=lambda pixels: esc.multiply_adds(pixels, n_blocks=blocks),
        goals=goals,
    )


COMPARISONS = (
    _esc("esc-light", 3, Goals(faster=4, memory=1 / 3, share=0.4)),
    _esc("esc", 5, Goals(faster=4, memory=1 / 3)),
    Comparison(
        name="pft-light",
        configuration="C 52, 24 layers, windows of 32, top-k 1024 to 32",
        ours=PFT,
        on_cpu={"gathers": pft.PublishedPFT},
        on_gpu={"gathers": pft.PublishedPFT},
        limits=(5e-4, 1e-6),
        only_float32=True,
        goals=Goals(faster=4, memory=1 / 3),
    ),
    Comparison(
        name="sscan",
        configuration="C 64, 16 layers, windows of 8, top-k 4",
        ours=SSCAN,
        on_cpu={"gather": sscan.PublishedSSCAN},
        on_gpu={"gather + SDPA": lambda: sscan.PublishedSSCAN(attend=sscan.attend_fused)},
        limits=(1e-5, 5e-7),
    ),
)


def find(name: str) -> Comparison:
    """Return the comparison of a name; raises `ValueError` with the names there are."""
    for comparison in COMPARISONS:
        if comparison.name == name:
            return comparison
    raise ValueError(f"There is no benchmark of {name!r}; there are {', '.join(c.name for c in COMPARISONS)}.")


def built(comparison: Comparison, side: str, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Build ours or the baseline of that name with the seeded weights, which all sides share."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = comparison.ours()
    if side != OURS:
        state = network.state_dict()
        network = comparison.baselines(device.type)[side]()
        network.load_state_dict(state)
    return network.eval().to(device=device, dtype=dtype)


def picture(height: int, width: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Draw the input, (1, 3, height, width) in 0..1: smooth shapes under fine noise, the same at each call."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(1, 3, 9, 9, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    noise = torch.rand(1, 3, height, width, generator=generator)
    return (0.85 * smooth + 0.15 * noise).clamp(0, 1).to(device=device, dtype=dtype)
