"""What is timed on a GPU, against what, and what is to be reached: the table of the operators' design.

May import torch and ``kernels``. Shapes: B images, W windows, H heads, M side of a window, N = M*M tokens, D head
dimension, K selected windows, C channels.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend

from kernels import (
    FocusState,
    convolutional_attention,
    focused_attention,
    selective_attention,
    window_attention,
)
from kernels.bench import baselines
from kernels.bench.rates import Work, attention_work
from kernels.testing import random_bias_table, random_windows

_MIB = 1 << 20
# PFT-light: layers of each block and the keys that each keeps; then every layer with its place in its block.
_PFT_LIGHT_BLOCKS = ((2, 1024), (4, 256), (6, 128), (6, 64), (6, 32))
PFT_LIGHT = tuple((place, topk) for depth, topk in _PFT_LIGHT_BLOCKS for place in range(depth))


@dataclass(frozen=True)
class Rival:
    """Something to be faster than: its ways to run, of which the fastest counts, and by how much to beat it.

    ``memory_share``: of its peak above inputs and outputs, at most. ``missing`` says why it cannot run here; without
    goals it is printed and gates nothing.
    """

    name: str
    ways: Mapping[str, Callable[[list[Tensor]], Tensor]]
    speed_goal: float | None = None
    memory_share: float | None = None
    missing: str = ""


@dataclass(frozen=True)
class DeviceCase:
    """One operator on one shape: ``prepare`` makes the leaves on the CPU, ``call`` runs a backend on them.

    ``gradients``: the check before the timing compares these too. ``selects``: as in ``cases.Case``. ``work`` counts
    what has to be done; ``memory_goal_bytes`` bounds the peak above inputs and outputs.
    """

    operator: str
    label: str
    dtype: torch.dtype
    prepare: Callable[[int], list[Tensor]]
    call: Callable[[str, list[Tensor]], Tensor]
    count: int
    gate_count: int
    rivals: tuple[Rival, ...]
    gradients: bool = True
    selects: bool = False
    work: Work | None = None
    floor_goal: float | None = None
    memory_goal_bytes: float | None = None
    layers: Callable[[list[Tensor]], list[Layer]] | None = None


@dataclass(frozen=True)
class Layer:
    """One layer of a chain: its call, and the same without its selection where it selects."""

    label: str
    call: Callable[[], object]
    without_selection: Callable[[], object] | None = None


def device_cases() -> list[DeviceCase]:
    """Return all cases, in the order of the table."""
    return [
        _window(),
        _focused(),
        _selective(8, 1),
        _selective(16, 1),
        _convolutional(360, 640, floor_goal=None),
        _convolutional(720, 1280, floor_goal=4.0),
    ]


def _window() -> DeviceCase:
    side, heads, head_dim, windows = 32, 4, 16, 20 * 12
    tokens, half = side * side, torch.float16

    def prepare(count: int) -> list[Tensor]:
        table = random_bias_table(heads, side, dtype=half)
        return [*random_windows((count, heads, tokens, head_dim), dtype=half), table]

    def call(backend: str, leaves: list[Tensor]) -> Tensor:
        q, k, v, table = leaves
        return window_attention(q, k, v, table, side, backend=backend)

    backends = (SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION, SDPBackend.MATH)
    ways = {b.name.lower(): partial(_window_by_sdpa, side=side, backend=b) for b in backends}
    sdpa = Rival("SDPA, broadcast bias", ways, speed_goal=2.0, memory_share=0.25)
    flex = Rival("FlexAttention", {"compiled": partial(_window_by_flex, side=side)}, speed_goal=1.3)
    # q, k, v and the output once; a multiply-add, a maximum, a difference and a sum for each pair.
    work = attention_work(windows * heads * tokens, tokens, head_dim, 4 * windows * heads * tokens * head_dim * 2, 4)
    label = "640×360: W 240 H 4 M 32 D 16"
    return DeviceCase(
        "window_attention", label, half, prepare, call, windows, 2, (flex, sdpa), work=work, floor_goal=2.5
    )


def _window_by_flex(leaves: list[Tensor], side: int) -> Tensor:
    q, k, v, table = leaves
    return baselines.window_by_flex(q, k, v, table, side)


def _window_by_sdpa(leaves: list[Tensor], side: int, backend: SDPBackend) -> Tensor:
    q, k, v, table = leaves
    return baselines.window_by_sdpa(q, k, v, table, side, backend)


def _selective(side: int, images: int) -> DeviceCase:
    heads, head_dim, kept, half = 4, 16, 4, torch.float16
    windows, tokens = 1280 * 720 // side**2, side * side

    def prepare(count: int) -> list[Tensor]:
        generator = torch.Generator().manual_seed(count)
        index = torch.randint(0, count, (images, count, kept), generator=generator, dtype=torch.int32)
        return [*random_windows((images, count, heads, tokens, head_dim), dtype=half), index]

    def call(backend: str, leaves: list[Tensor]) -> Tensor:
        return selective_attention(*leaves, backend=backend)

    gather = partial(_selective_by_gather, backend=SDPBackend.FLASH_ATTENTION)
    absent = "" if importlib.util.find_spec("flash_attn") else "flash-attn is not installed"
    rivals = (
        Rival("gather + SDPA", {"flash": gather}, speed_goal=1.5),
        Rival("flash backend", {"flash-attn": partial(call, "flash")}, missing=absent),
    )
    queries = images * windows * heads * tokens
    # A multiply-add, a maximum and a sum for each pair: no bias.
    work = attention_work(queries, kept * tokens, head_dim, 4 * queries * head_dim * 2, 3)
    return DeviceCase(
        "selective_attention",
        f"1280×720: W {windows} H {heads} M {side} D {head_dim} K {kept}",
        half,
        prepare,
        call,
        windows,
        9,
        rivals,
        work=work,
        floor_goal=2.5,
        memory_goal_bytes=_MIB + 4 * queries,
    )


def _selective_by_gather(leaves: list[Tensor], backend: SDPBackend) -> Tensor:
    q, k, v, index = leaves
    return baselines.selective_by_gather(q, k, v, index, backend)


def _convolutional(height: int, width: int, floor_goal: float | None) -> DeviceCase:
    channels, half = 16, torch.float16

    def prepare(count: int) -> list[Tensor]:
        (x,) = random_windows((1, channels, count, width), 1, seed=1, dtype=half)
        (static,) = random_windows((channels, channels, 13, 13), 1, seed=2, dtype=half)
        (dynamic,) = random_windows((1, channels, 3, 3), 1, seed=3, dtype=half)
        x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        return [x, static, dynamic]

    def call(backend: str, leaves: list[Tensor]) -> Tensor:
        return convolutional_attention(*leaves, backend=backend)

    ways = {"channels last": lambda leaves: baselines.convolution_twice(*leaves)}
    rival = Rival("two cuDNN convolutions", ways, speed_goal=1.5)
    pixels = height * width
    work = Work(2 * pixels * channels * 2, 2.0 * pixels * channels**2 * 169, "columns")
    label = f"{width}×{height}: C {channels}, 13×13"
    return DeviceCase(
        "convolutional_attention", label, half, prepare, call, height, 17, (rival,), work=work, floor_goal=floor_goal
    )


def _focused() -> DeviceCase:
    side, heads, head_dim, windows = 32, 4, 13, 20 * 12
    tokens = side * side

    def prepare(count: int) -> list[Tensor]:
        # Three sets of q, k, v serve all layers in turn: 24 sets would fill a small card.
        sets = [
            [*random_windows((count, heads, tokens, head_dim), seed=i), random_bias_table(1, side, seed=i)]
            for i in range(3)
        ]
        return [leaf for leaves in sets for leaf in leaves]

    def call(backend: str, leaves: list[Tensor]) -> Tensor:
        states: dict[int, FocusState] = {}
        outputs = []
        # A check of few windows looks at the first two blocks: further on, ties decide which keys are left.
        chain = PFT_LIGHT if leaves[0].shape[0] == windows else PFT_LIGHT[:6]
        for number, (place, topk) in enumerate(chain):
            q, k, v, table = _layer_leaves(leaves, number)
            out, states[place % 2] = focused_attention(
                q, k, v, table, side, topk=topk, previous=states.get(place % 2), backend=backend
            )
            outputs.append(out)
        return outputs[-1] if chain is PFT_LIGHT else torch.stack(outputs)

    def published(leaves: list[Tensor], products: str) -> Tensor:
        focus = baselines.PublishedFocus(products)
        outputs = []
        chain = PFT_LIGHT if leaves[0].shape[0] == windows else PFT_LIGHT[:6]
        for number, (place, topk) in enumerate(chain):
            q, k, v, table = _layer_leaves(leaves, number)
            outputs.append(focus.layer(q, k, v, table, side, topk, place % 2, None))
        return outputs[-1] if chain is PFT_LIGHT else torch.stack(outputs)

    absent = "" if baselines.has_published_cuda() else "the published CUDA operators are not installed"
    rivals = (
        Rival("published", {"gathers": partial(published, products="gather")}, speed_goal=5.0, memory_share=0.25),
        Rival("published", {"its CUDA operators": partial(published, products="cuda")}, missing=absent),
    )
    return DeviceCase(
        "focused_attention",
        "640×360: PFT-light's 24 layers, W 240 H 4 M 32 D 13",
        torch.float32,
        prepare,
        call,
        windows,
        1,
        rivals,
        gradients=False,
        selects=True,
        layers=partial(_focused_layers, side=side),
    )


def _layer_leaves(leaves: list[Tensor], number: int) -> list[Tensor]:
    return leaves[4 * (number % 3) : 4 * (number % 3) + 4]


def _focused_layers(leaves: list[Tensor], side: int) -> list[Layer]:
    """List every layer that differs from the one before: its call on the state that the layers before it leave."""
    states: dict[int, FocusState] = {}
    layers = []
    for number, (place, topk) in enumerate(PFT_LIGHT):
        q, k, v, table = _layer_leaves(leaves, number)
        before = states.get(place % 2)
        kept = side * side if before is None or before.indices is None else before.indices.shape[-1]
        run = partial(focused_attention, q, k, v, table, side, previous=before, backend="triton")
        call = partial(run, topk=topk)
        states[place % 2] = call()[1]
        if place < 2 or kept != topk:
            without = partial(run, topk=kept) if topk < kept else None
            layers.append(Layer(f"layer {number + 1}, keeps {topk} of {kept}", call, without))
    return layers
