"""One model on one device in one precision.

Imports torch, numpy, `engine.models`, `engine.memory` and `kernels`.
"""

from __future__ import annotations

import copy
import importlib.metadata
import itertools
import sys
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from engine import messages
from engine.errors import UsageError
from engine.memory.budget import process_fraction
from engine.memory.cost import CostKey
from engine.memory.forecast import Forecast
from engine.memory.probe import measure_cost, private_bytes
from engine.models.checkpoint import LoadedCheckpoint, load_checkpoint
from engine.tiling.run import Network, upscale_tile
from engine.worker.cancel import CancelToken, checked_between
from engine.worker.devices import device_identity, resolve_device
from engine.worker.gauge import Loaded
from engine.worker.precision import DTYPES, choose_precision
from kernels import dispatch


def session_key(model: messages.ModelRequest, settings: messages.UpscaleSettings) -> tuple[Any, ...]:
    """Returns what a session is loaded for, the precision last; a weights file that changed makes it differ."""
    path = Path(model.weights)
    stamp = path.stat().st_mtime_ns if path.exists() else None
    return model.weights, stamp, model.scale, settings.device, settings.precision


def model_info(loaded: LoadedCheckpoint) -> messages.ModelInfo:
    """Returns what a loaded checkpoint is, in the plain form that crosses the pipe."""
    descriptor = loaded.descriptor
    return messages.ModelInfo(
        architecture=descriptor.architecture,
        variant=descriptor.variant,
        scale=descriptor.scale,
        window_px=descriptor.window_size_px,
        parameter_count=descriptor.parameter_count,
        sha256=loaded.sha256,
        arguments=dict(descriptor.arguments),
        operators=descriptor.operators,
        warnings=loaded.warnings,
    )


class Session:
    """A model loaded onto its device, ready to upscale.

    `base_bytes`: the process's private memory before the model was loaded, from which peaks are counted.
    """

    def __init__(
        self,
        model: messages.ModelRequest,
        settings: messages.UpscaleSettings,
        key: tuple[Any, ...],
        base_bytes: int,
        token: CancelToken,
    ) -> None:
        self.key = key
        self.device = resolve_device(settings.device)
        self.base_bytes = base_bytes
        self._token = token
        loaded = load_checkpoint(Path(model.weights), scale=model.scale)
        self.info = model_info(loaded)
        network = loaded.model.eval().requires_grad_(False)
        self.precision = choose_precision(settings.precision, network, self.device, loaded.sha256, self.info.scale)
        self._network = network.to(device=self.device, dtype=DTYPES[self.precision])
        self._forecasts: dict[tuple[CostKey, int], Forecast] = {}

    def serves(self, key: tuple[Any, ...]) -> bool:
        """Whether a request with this key needs no other session; it may name the precision that this one chose."""
        return key[:-1] == self.key[:-1] and key[-1] in (self.key[-1], self.precision)

    def prepared(self, epoch: int) -> messages.DonePrepare:
        """Returns what is loaded, as the parent is told it."""
        return messages.DonePrepare(
            epoch, self.info, self.device, self.precision, torch.get_num_threads(), library_versions(self.device)
        )

    def held(self, base_heap_bytes: int | None) -> Loaded:
        """Returns what the model took, for the gauge; `base_heap_bytes`: what malloc had handed out before it was loaded."""
        weights = itertools.chain(self._network.parameters(), self._network.buffers())
        on_cuda = self.device.startswith("cuda")
        uuid = getattr(torch.cuda.get_device_properties(self.device), "uuid", "") if on_cuda else ""
        return Loaded(
            self.device,
            sum(each.nbytes for each in weights),
            self.base_bytes,
            base_heap_bytes,
            f"GPU-{uuid}" if uuid else "",
        )

    def check_backend(self, backend: str) -> None:
        """Raises UsageError, with the reason, where a backend asked for by name cannot serve an operator of the model."""
        for operator in self.info.operators if backend != dispatch.AUTO else ():
            support = dispatch.supports(operator, backend, self.device, DTYPES[self.precision])
            if not support.ok:
                raise UsageError(
                    f"The {backend} backend cannot serve {operator} of {self.info.variant} here: {support.reason}",
                    "Use --backend auto.",
                )

    def module(self, exact: bool = False) -> nn.Module:
        """Returns the network that `network` runs, for hooks; `exact`: the one in fp32."""
        return self._exact if exact else self._network

    def network(self, ensemble: bool = False, exact: bool = False) -> Network:
        """Returns the network as a function of arrays, averaged over the eight symmetries where `ensemble`; `exact`: in fp32."""
        forward = partial(self._forward, self.module(exact))
        return _ensemble(forward) if ensemble else forward

    @cached_property
    def _exact(self) -> nn.Module:
        return copy.deepcopy(self._network).float() if self.precision != "fp32" else self._network

    def _forward(self, network: nn.Module, lr_hwc: NDArray[np.float32]) -> NDArray[np.float32]:
        """Runs the network once: (H, W, 3) in 0..1 to (H × scale, W × scale, 3), float32, not clamped."""
        self._token.check()
        stages: list[nn.Module] = cast(Any, network).stages()
        with torch.inference_mode(), checked_between(stages, self._token, self.device):
            lr_bchw = torch.from_numpy(lr_hwc).permute(2, 0, 1).unsqueeze(0).to(self.device)
            sr_bchw = network(lr_bchw)
            return np.ascontiguousarray(sr_bchw.float().squeeze(0).permute(1, 2, 0).cpu().numpy())

    def forecast(self, settings: messages.UpscaleSettings, channels: int, sharers: int = 1) -> Forecast:
        """Returns what a run with these settings on an image of so many channels takes in memory; measured when first asked.

        `sharers`: how many workers share the device's memory.
        """
        key = CostKey(
            sha256=self.info.sha256,
            scale=self.info.scale,
            precision=self.precision,
            backend=settings.backend,
            device=device_identity(self.device),
            threads=torch.get_num_threads(),
            ensemble=settings.ensemble,
            channels=channels,
            version=_version("triptych"),
        )
        if (key, sharers) not in self._forecasts:
            on_cuda = self.device.startswith("cuda")
            self._forecasts[key, sharers] = Forecast(
                key,
                measure=partial(
                    measure_cost,
                    self._tile_runner(settings, channels),
                    self.device,
                    self.base_bytes,
                    self.info.window_px,
                ),
                device=self.device,
                held_bytes=self._held_bytes,
                mem_get_info=torch.cuda.mem_get_info if on_cuda else None,
                sharers=sharers,
            )
        return self._forecasts[key, sharers]

    def _held_bytes(self) -> int:
        if self.device.startswith("cuda"):
            return int(torch.cuda.memory_reserved(self.device))
        return private_bytes() - self.base_bytes

    def _tile_runner(self, settings: messages.UpscaleSettings, channels: int) -> Callable[[int, int], None]:
        """Returns a function that runs one tile of noise of the given size, as a job would."""
        network = self.network(settings.ensemble)

        def run_tile(height: int, width: int) -> None:
            noise_hwc = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
            with dispatch.use_backend(settings.backend):
                np.isfinite(upscale_tile(noise_hwc, network, self.info.scale)).all()

        return run_tile

    def hold_to_budget(self, budget_bytes: int) -> None:
        """On Windows, limits torch to the budget: drivers there move to system memory, slowly, where others refuse."""
        if sys.platform == "win32" and self.device.startswith("cuda"):
            total_bytes = torch.cuda.mem_get_info(self.device)[1]
            torch.cuda.set_per_process_memory_fraction(process_fraction(budget_bytes, total_bytes), self.device)


def library_versions(device: str) -> dict[str, str]:
    """Returns the versions that the bits of a result depend on; "" where something is not installed."""
    versions = {name: _version(name) for name in ("triptych", "triton", "flash-attn")}
    # A plain str: torch's own kind of string would have whoever unpickles the answer load torch.
    return {"torch": str(torch.__version__), "device": device_identity(device), **versions}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def symmetries(image_hwc: NDArray[Any]) -> Iterator[tuple[NDArray[Any], Callable[[NDArray[Any]], NDArray[Any]]]]:
    """Yields the image under the eight symmetries of the square, each with the function that undoes it."""
    for turns in range(4):
        turned_hwc = np.rot90(image_hwc, turns)
        yield turned_hwc, partial(_turn_back, turns=turns, mirrored=False)
        yield turned_hwc[:, ::-1], partial(_turn_back, turns=turns, mirrored=True)


def _turn_back(image_hwc: NDArray[Any], *, turns: int, mirrored: bool) -> NDArray[Any]:
    return np.rot90(image_hwc[:, ::-1] if mirrored else image_hwc, -turns)


def _ensemble(network: Network) -> Network:
    """Returns the network averaged over the eight symmetries (Timofte et al. 2016, "Seven ways to improve..."; ×8 the work)."""

    def averaged(lr_hwc: NDArray[np.float32]) -> NDArray[np.float32]:
        total: NDArray[np.float32] | None = None
        for view_hwc, undo in symmetries(lr_hwc):
            sr_hwc = undo(network(np.ascontiguousarray(view_hwc)))
            total = sr_hwc.copy() if total is None else total + sr_hwc
        assert total is not None
        return np.ascontiguousarray(total / np.float32(8))

    return averaged
