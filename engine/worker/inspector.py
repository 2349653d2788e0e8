"""The worker's half of the attention inspector: one forward pass on one tile, with hooks that keep where the network looks.

Imports torch, numpy, `engine.models`, `engine.tiling` and `kernels`. What is told are the values that the pass itself used: the
windows that the routing returned, the focus state that a layer left, the kernels that the convolution was given. One thing
is computed again: a layer of PFT that still reads all of its window keeps no map, so the pixel's row of it is made from what the
layer does keep, the way the next layer makes it.

Shape legend: W windows of the tile, N = M*M tokens of a window, K kept tokens, P channels of a large kernel, L its edge.
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from engine import messages
from engine.attention import (
    Attention,
    KernelsFound,
    KernelStep,
    Numbers,
    TokensFound,
    TokenStep,
    WindowsFound,
    WindowStep,
    tile_around,
)
from engine.canvas import open_raster
from engine.errors import HostMemoryError, NotFiniteError, OutOfMemoryError, UsageError
from engine.models import esc, pft, sscan
from engine.tiling.geometry import Box
from engine.tiling.run import upscale_tile
from engine.worker.faults import give_back, is_out_of_memory
from engine.worker.session import Session
from kernels import FocusState, dispatch
from kernels.focused_attention.state import carried_map


def inspect_attention(request: messages.InspectAttention, session: Session) -> messages.DoneAttention:
    """Runs the network once on the tile around the pixel and returns where it looks.

    On a GPU whose memory the tile does not fit, a smaller one is taken. Alpha is left out. Raises OutOfMemoryError where not even
    one window fits, NotFiniteError where the network computes no finite values in fp32 either.
    """
    started = time.perf_counter()
    most_px = request.most_px
    while True:
        try:
            attention = _look(request, session, most_px)
            return messages.DoneAttention(
                request.epoch, session.prepared(request.epoch), attention, time.perf_counter() - started
            )
        except Exception as error:
            if not is_out_of_memory(error, session.device):
                raise
            if not session.device.startswith("cuda"):
                # What libraries make of it is unknown (`faults.leaves_ruins`).
                raise HostMemoryError(
                    "There was not enough memory to look into the model.", "Close other programs and try again."
                ) from None
            give_back(error, session.device)
        if most_px <= session.info.window_px:
            raise OutOfMemoryError(
                f"{session.device} has not enough memory to look into the model.", "Close other programs and try again."
            )
        most_px //= 2


def _look(request: messages.InspectAttention, session: Session, most_px: int) -> Attention:
    source, window_px = request.source, session.info.window_px
    tile = tile_around(request.x, request.y, source.height, source.width, window_px, most_px)
    pixel_hwc = np.array(open_raster(source)[tile.slices][..., : source.colour_channels])
    spot = Spot(request.x, request.y, tile, window_px)
    for is_exact in (False, True):
        recorder = recorder_of(session.module(is_exact), spot)
        with recorder.attached(), dispatch.use_backend(request.settings.backend):
            sr_hwc = upscale_tile(pixel_hwc, session.network(exact=is_exact), session.info.scale)
        if np.isfinite(sr_hwc).all():
            return Attention(session.info.architecture, request.x, request.y, tile, window_px, recorder.found())
    raise NotFiniteError(
        "The model computes values here that are not finite, in fp32 too.", "Its weights are probably damaged."
    )


@dataclass(frozen=True)
class Spot:
    """The pixel (`x`, `y`) that is asked about and the tile that the network sees, both in pixels of the input."""

    x: int
    y: int
    tile: Box
    window_px: int

    @property
    def padded(self) -> tuple[int, int]:
        """Height and width of the tile, filled up to whole windows as the networks do."""
        return -(-self.tile.height // self.window_px) * self.window_px, -(
            -self.tile.width // self.window_px
        ) * self.window_px

    @property
    def columns(self) -> int:
        """How many windows lie beside each other."""
        return self.padded[1] // self.window_px

    def cut(self, top: int, left: int, height: int, width: int) -> Box:
        """Returns a box of the tile in pixels of the input, without the padding; it may be empty."""
        bottom, right = min(top + height, self.tile.height), min(left + width, self.tile.width)
        return Box(self.tile.top + top, self.tile.left + left, max(0, bottom - top), max(0, right - left))


class Recorder(ABC):
    """Hooks on the modules of a network that keep what one forward pass does for the spot."""

    def __init__(self, network: nn.Module, spot: Spot) -> None:
        self._network = network
        self._spot = spot

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        """Listens while the block is open."""
        handles = list(self._attach())
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @abstractmethod
    def _attach(self) -> Iterator[RemovableHandle]:
        """Registers the hooks."""

    @abstractmethod
    def found(self) -> WindowsFound | TokensFound | KernelsFound:
        """Returns what was kept."""


def recorder_of(network: nn.Module, spot: Spot) -> Recorder:
    """Returns the recorder for a network; raises UsageError for one that has no attention to look into."""
    match network:
        case sscan.SSCAN():
            return _WindowRecorder(network, spot)
        case pft.PFT():
            return _TokenRecorder(network, spot)
        case esc.ESC() | esc.ESCFP() | esc.ESCReal():
            return _KernelRecorder(network, spot)
    raise UsageError(f"{type(network).__name__} has no attention that could be shown.", "SSCAN, ESC and PFT have.")


class _WindowRecorder(Recorder):
    """SSCAN: the rows of the routing that belong to the pixel's window."""

    def _attach(self) -> Iterator[RemovableHandle]:
        spot, edge = self._spot, self._spot.window_px
        self._query = (spot.y - spot.tile.top) // edge * spot.columns + (spot.x - spot.tile.left) // edge
        self._rows: list[tuple[int, int, int, Tensor]] = []
        for block, layer, module in _numbered(self._network.blocks, lambda block: block.layers):
            yield module.attn.select.register_forward_hook(partial(self._keep, block, layer))

    def _keep(self, block: int, layer: int, _module: nn.Module, inputs: tuple[Tensor, Tensor], index: Tensor) -> None:
        # Queries are (B, W, heads, N, D).
        self._rows.append((block, layer, inputs[0].shape[1], index[0, self._query].clone()))

    def found(self) -> WindowsFound:
        steps = []
        for block, layer, windows, row in self._rows:
            selected = tuple(self._box(index) for index in row.tolist())
            steps.append(WindowStep(block, layer, self._box(self._query), selected, windows))
        return WindowsFound(tuple(steps))

    def _box(self, index: int) -> Box:
        edge = self._spot.window_px
        row, column = divmod(index, self._spot.columns)
        return self._spot.cut(row * edge, column * edge, edge, edge)


class _TokenRecorder(Recorder):
    """PFT: the pixel's row of the focus state that each layer leaves."""

    def _attach(self) -> Iterator[RemovableHandle]:
        self._steps: list[TokenStep] = []
        for block, layer, module in _numbered(self._network.layers, lambda block: block.residual_group.layers):
            yield module.register_forward_hook(partial(self._keep, block, layer))

    def _keep(
        self, block: int, layer: int, module: pft.Layer, inputs: tuple[Tensor, pft.FocusTrail], _out: Tensor
    ) -> None:
        state = inputs[1].states[module.shifted]
        assert state is not None
        self._steps.append(self._step(block, layer, module.shifted, state))

    def found(self) -> TokensFound:
        return TokensFound(tuple(self._steps), self._spot.window_px**2)

    def _step(self, block: int, layer: int, is_shifted: bool, state: FocusState) -> TokenStep:
        spot, edge = self._spot, self._spot.window_px
        height, width = spot.padded
        shift = edge // 2 if is_shifted else 0
        # A shifted layer rolls the map up and left: what lies at y is at y - shift there.
        y, x = (spot.y - spot.tile.top - shift) % height, (spot.x - spot.tile.left - shift) % width
        window = y // edge * spot.columns + x // edge
        token = y % edge * edge + x % edge
        values, keys = _row_of(state, window, token)
        top, left = y // edge * edge + shift, x // edge * edge + shift
        rows = (top + keys // edge) % height + spot.tile.top
        columns = (left + keys % edge) % width + spot.tile.left
        boxes = [
            spot.cut(part_top, part_left, part_height, part_width)
            for part_top, part_height in _wrapped(top, edge, height)
            for part_left, part_width in _wrapped(left, edge, width)
        ]
        return TokenStep(
            block,
            layer,
            is_shifted,
            keys.shape[-1],
            tuple(box for box in boxes if box.height and box.width),
            _integers(torch.stack([rows, columns], dim=-1)),
            _floats(values),
        )


def _numbered(blocks: Any, layers_of: Callable[[Any], Any]) -> Iterator[tuple[int, int, Any]]:
    """Yields the number of a block, the number of a layer in it, and the layer."""
    for number, block in enumerate(blocks):
        for layer_number, layer in enumerate(layers_of(block)):
            yield number, layer_number, layer


def _row_of(state: FocusState, window: int, token: int) -> tuple[Tensor, Tensor]:
    """Returns the carried values of one token of one window and the keys that they belong to, both (heads, K)."""
    if state.values is not None and state.indices is not None:
        return state.values[window, :, token], state.indices[window, :, token].long()
    values = carried_map(state.dense, slice(window, window + 1), slice(token, token + 1))[0, :, 0]
    return values, torch.arange(values.shape[-1], device=values.device).expand(values.shape)


def _wrapped(start: int, length: int, size: int) -> list[tuple[int, int]]:
    """Returns a stretch of an axis that goes on at its beginning, as one or two (start, length)."""
    start %= size
    if start + length <= size:
        return [(start, length)]
    return [(start, size - start), (0, start + length - size)]


class _KernelRecorder(Recorder):
    """ESC: the kernels that each convolutional attention is given."""

    def _attach(self) -> Iterator[RemovableHandle]:
        self._shared: tuple[Tensor, ...] = ()
        self._kernels: list[tuple[int, int, Tensor]] = []
        for block, layer, module in _numbered(self._network.blocks, lambda block: block.pconvs):
            large = module.plk
            yield large.register_forward_pre_hook(self._keep_shared)
            maker = large.proj if isinstance(large, esc.FactoredLargeKernel) else large.dwc_proj
            yield maker.register_forward_hook(partial(self._keep, block, layer))

    def _keep_shared(self, _module: nn.Module, inputs: tuple[Tensor, tuple[Tensor, ...]]) -> None:
        self._shared = inputs[1]

    def _keep(self, block: int, layer: int, _module: nn.Module, _inputs: tuple[Tensor], out: Tensor) -> None:
        # (1, 9P, 1, 1), a channel's nine numbers beside each other.
        self._kernels.append((block, layer, out.reshape(-1, 3, 3).clone()))

    def found(self) -> KernelsFound:
        mixes = len(self._shared) == 1
        static = self._shared[-1].float()
        shared = static.diagonal().permute(2, 0, 1) if mixes else static[:, 0]
        steps = []
        for block, layer, dynamic in self._kernels:
            strength = (
                _strength(static, dynamic.float()) if mixes else _strength_of_mixed(self._shared[0], shared, dynamic)
            )
            steps.append(KernelStep(block, layer, _floats(dynamic), _floats(strength)))
        return KernelsFound(tuple(steps), _floats(shared), mixes)


def whole_kernel(static: Tensor, dynamic: Tensor) -> Tensor:
    """Returns the (P, P, L, L) kernel of one convolution that does what a shared one and a dynamic (P, 3, 3) do together."""
    whole, channels = static.clone(), torch.arange(static.shape[0], device=static.device)
    start = static.shape[-1] // 2 - 1
    whole[channels, channels, start : start + 3, start : start + 3] += dynamic
    return whole


def _strength(static: Tensor, dynamic: Tensor) -> Tensor:
    return whole_kernel(static, dynamic).square().sum(dim=(0, 1)).sqrt()


def _strength_of_mixed(mix: Tensor, spatial: Tensor, dynamic: Tensor) -> Tensor:
    """Returns the strength of ESC-FP's kernel: channel c of it is its spatial kernel times row c of the mix (P, P, 1, 1)."""
    whole, start = spatial.clone(), spatial.shape[-1] // 2 - 1
    whole[:, start : start + 3, start : start + 3] += dynamic.float()
    weights = mix.float().square().sum(dim=(1, 2, 3))
    return (whole.square() * weights[:, None, None]).sum(dim=0).sqrt()


def _floats(values: Tensor) -> Numbers:
    array = np.ascontiguousarray(values.detach().float().cpu().numpy(), dtype="<f4")
    return Numbers(tuple(array.shape), "float32", array.tobytes())


def _integers(values: Tensor) -> Numbers:
    array = np.ascontiguousarray(values.detach().cpu().numpy(), dtype="<i4")
    return Numbers(tuple(array.shape), "int32", array.tobytes())
