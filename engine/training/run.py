"""One training run: its state, its steps, its checkpoints.

On one CPU, thread count and torch version a run is deterministic, and a run resumed from a checkpoint gives the bits
of an uninterrupted one: batches are functions of (seed, step), and the checkpoint holds weights, moments, average,
step, torch's generator and the decision when the rate decays. On a GPU the batches are the same functions, and sums come
in an order of its own. May import torch, numpy, engine.models and the other modules of this package.

Legend: B batch, H W of the result, h w of the input.
"""

import logging
import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.metrics import psnr_y
from engine.models.checkpoint import LoadedCheckpoint
from engine.models.registry import build
from engine.training.configuration import Configuration, Recipe
from engine.training.growth import grow
from engine.training.pairs import Pair
from engine.training.schedule import ema_decay, learning_rate

__all__ = ["Progress", "Run", "Source", "start_from", "upscale_pair"]

_LOG = logging.getLogger(__name__)
_Stored = TypeVar("_Stored", "Progress", Recipe)

Uint8Image = npt.NDArray[np.uint8]


class Source(Protocol):
    """Where batches come from: arrays (`PairSource`) or tensors on the device (`DevicePairSource`)."""

    def batch(self, step: int, progress: float) -> tuple[Uint8Image | Tensor, Uint8Image | Tensor]:
        """Return low- and high-resolution crops, uint8 (B, h, w, 3) and (B, H, W, 3), for a step."""
        ...


@dataclass
class Progress:
    """Where a run stands. `decay_from` and `steps` are None until the end of the run is known.

    `minutes`: the whole run's, over all its pieces; `history`: the runs before it, a sentence each; `curve`: (step,
    Y-PSNR in dB of the moving average on the held-back photographs); `blend`: what was done to the average after the run.
    """

    step: int = 0
    seconds: float = 0.0
    decay_from: int | None = None
    steps: int | None = None
    started_from: str = ""
    minutes: float | None = None
    hardware: str = ""
    history: list[str] = field(default_factory=list)
    curve: list[tuple[int, float]] = field(default_factory=list)
    blend: str = ""

    def share(self) -> float:
        """Return the share of the run that is over, by steps where their number is known, else by time."""
        if self.steps is not None:
            return min(1.0, self.step / max(1, self.steps))
        return min(1.0, self.seconds / (60.0 * self.minutes)) if self.minutes else 0.0


def to_tensor(images_bhwc: Uint8Image | Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Return float32 (B, 3, H, W) in 0..1, channels last in memory."""
    images = torch.from_numpy(images_bhwc) if isinstance(images_bhwc, np.ndarray) else images_bhwc
    x_bchw = images.to(device).permute(0, 3, 1, 2)
    return x_bchw.to(torch.float32).div_(255.0).contiguous(memory_format=torch.channels_last)


def _channels_last(model: nn.Module) -> nn.Module:
    # torch's stubs do not know this form of Module.to.
    converted: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return converted


def start_from(model: nn.Module, tensors: Mapping[str, Tensor]) -> int:
    """Copy into the model every tensor whose name and shape fit; return how many.

    A head before a pixel shuffle that is of another scale is resized, so that it begins near where the other ended.
    """
    own = model.state_dict()
    fitting = {}
    for name, value in tensors.items():
        resized = _resized_head(value, own[name].shape) if name in own else None
        if resized is not None:
            fitting[name] = resized
    model.load_state_dict(fitting, strict=False)
    return len(fitting)


def _resized_head(value: Tensor, shape: torch.Size) -> Tensor | None:
    """Return a tensor as it is, or with its 3 r^2 rows resized bilinearly on the (r, r) grid; None where it cannot fit."""
    if value.shape == shape:
        return value
    if value.shape[1:] != shape[1:] or value.ndim not in (1, 4):
        return None
    old, new = (math.isqrt(rows // 3) for rows in (value.shape[0], shape[0]))
    if (3 * old * old, 3 * new * new) != (value.shape[0], shape[0]):
        return None
    grid = value.reshape(3, old, old, -1).permute(0, 3, 1, 2)
    resized = nn.functional.interpolate(grid, size=(new, new), mode="bilinear", align_corners=False)
    return resized.permute(0, 2, 3, 1).reshape(shape)


def upscale_pair(model: nn.Module, pair: Pair) -> Uint8Image:
    """Return the model's result for a pair's low-resolution image, rounded to uint8 (H, W, 3)."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        y_bchw = model(to_tensor(pair.lr_hwc[None], device))
    y_hwc = y_bchw[0].permute(1, 2, 0).clamp(0, 1).mul(255.0).round().to(torch.uint8)
    return np.ascontiguousarray(y_hwc.cpu().numpy())


def _hardware(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} of {os.cpu_count()} cores of a shared CPU ({platform.machine()})"


class Run:
    """A model in training with its optimiser, moving average and progress.

    `half`: each step computes with bf16 copies of the weights, as the engine runs a network in bf16; weights, moments,
    average, loss and validation stay fp32.
    """

    def __init__(
        self, configuration: Configuration, scale: int, device: torch.device | str = "cpu", *, half: bool = False
    ) -> None:
        self.configuration = configuration
        self.scale = scale
        self.device = torch.device(device)
        self.half = half
        self.progress = Progress()
        # What the card tells: after a load the recipe of the run that wrote the checkpoint, until training goes on.
        self.trained_with = configuration.recipe
        recipe = configuration.recipe
        torch.manual_seed(recipe.seed)
        model = build(configuration.architecture, configuration.arguments, scale).to(self.device)
        self.model = _channels_last(model).train()
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(
            self._groups(), recipe.learning_rate, recipe.betas, weight_decay=recipe.weight_decay, fused=True
        )

    def _groups(self) -> list[dict[str, Any]]:
        """Return the parameters by the factor of the learning rate that the recipe gives them."""
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            factors = [factor for prefix, factor in self.configuration.recipe.slower if name.startswith(prefix)]
            groups.setdefault(factors[0] if factors else 1.0, []).append(parameter)
        return [{"params": parameters, "factor": factor} for factor, parameters in groups.items()]

    def start_from(self, tensors: Mapping[str, Tensor], origin: str, history: Sequence[str] = ()) -> None:
        """Begin with another checkpoint's weights wherever name and shape fit, the moving average too.

        `history` says how those weights were trained.
        """
        count = start_from(self.model, tensors)
        if count == 0:
            raise CheckpointError(f"Nothing in {origin} fits this model.", "Start from the same configuration.")
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.progress.started_from = origin
        self.progress.history = list(history)
        _LOG.info("started from %s: %d of %d tensors", origin, count, len(self.average))

    def grow_from(self, small: LoadedCheckpoint, origin: str, history: Sequence[str] = ()) -> None:
        """Begin with what a smaller network of the same architecture and scale computes (`engine.training.growth`).

        Raises CheckpointError where it is of another architecture or not smaller.
        """
        if small.descriptor.architecture != self.configuration.architecture:
            raise CheckpointError(
                f"{origin} is of another architecture: {small.descriptor.architecture}.",
                f"{self.configuration.name} is {self.configuration.architecture}.",
            )
        if small.descriptor.scale != self.scale:
            raise CheckpointError(
                f"{origin} upscales x{small.descriptor.scale}.", f"Grow from weights for x{self.scale}."
            )
        tensors, arguments = small.model.state_dict(), small.descriptor.arguments
        grown = grow(self.model, self.configuration.arguments, tensors, arguments)
        self.model.load_state_dict(grown)
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.progress.started_from = f"{origin}, grown"
        self.progress.history = list(history)
        _LOG.info("grown from %s", origin)

    def step(self, source: Source) -> Tensor:
        """Make one optimiser step and return its loss (mean absolute error of values in 0..1), still on the device."""
        recipe, progress = self.configuration.recipe, self.progress
        rate = learning_rate(recipe, progress.step, progress.decay_from, progress.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        lr_bhwc, hr_bhwc = source.batch(progress.step, progress.share())
        x_bchw = to_tensor(lr_bhwc, self.device)
        y_bchw = self._forward(x_bchw)
        difference = y_bchw - to_tensor(hr_bhwc, self.device)
        if recipe.charbonnier > 0:
            loss = (difference.square() + recipe.charbonnier**2).sqrt().mean()
        else:
            loss = difference.abs().mean()
        objective = loss
        if recipe.frequency > 0 and progress.share() >= recipe.frequency_from:
            objective = objective + recipe.frequency * _spectral_distance(difference)
        if recipe.consistency > 0:
            objective = objective + recipe.consistency * self._inconsistency(x_bchw, y_bchw)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(objective)
        nn.utils.clip_grad_norm_(self.model.parameters(), recipe.gradient_norm)
        self.optimiser.step()
        self._update_average(ema_decay(recipe, progress.step, warm=bool(progress.started_from)))
        progress.step += 1
        return loss.detach()

    def _forward(self, x_bchw: Tensor) -> Tensor:
        if not self.half:
            y_bchw: Tensor = self.model(x_bchw)
            return y_bchw
        # Not autocast: it leaves the parameters of our operators in fp32, and they want one dtype. The networks run
        # their body in the parameters' dtype, and the copies' gradients arrive at the fp32 weights.
        weights = {name: parameter.to(torch.bfloat16) for name, parameter in self.model.named_parameters()}
        result: Tensor = torch.func.functional_call(self.model, weights, (x_bchw,))
        return result

    def _inconsistency(self, x_bchw: Tensor, y_bchw: Tensor) -> Tensor:
        """Return how far the result of a tile, half a side long, lies from the same place of the whole crop's result.

        The tile begins on a multiple of the window, as the engine's tiles do; one window at its edges does not count.
        """
        window = int(self.configuration.arguments["window_size"])
        rng = np.random.default_rng((self.configuration.recipe.seed, self.progress.step, 1))
        side = max(3 * window, x_bchw.shape[-1] // 2 // window * window)
        places = (x_bchw.shape[-1] - side) // window + 1
        top, left = (int(rng.integers(places)) * window for _ in range(2))
        tile_bchw = self._forward(x_bchw[:, :, top : top + side, left : left + side])
        inner = slice(window * self.scale, (side - window) * self.scale)
        rows = slice(top * self.scale, (top + side) * self.scale)
        columns = slice(left * self.scale, (left + side) * self.scale)
        difference: Tensor = (tile_bchw - y_bchw[:, :, rows, columns])[:, :, inner, inner].abs().mean()
        return difference

    def _update_average(self, decay: float) -> None:
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1.0 - decay)
                else:
                    self.average[name].copy_(value)

    def averaged_model(self) -> nn.Module:
        """Return a copy of the network in eval mode that holds the moving average."""
        # Building draws fresh weights: the run's generator must not notice.
        with torch.random.fork_rng(devices=[]):
            model = build(self.configuration.architecture, self.configuration.arguments, self.scale)
        model.load_state_dict(self.average)
        return _channels_last(model.to(self.device)).eval()

    def interpolate(self, tensors: Mapping[str, Tensor], share: float, origin: str) -> None:
        """Put so much (0 to 1) of other weights of the same network into the moving average; `origin` says for the card which.

        Network interpolation (Wang et al., "ESRGAN", 2018, section 3.4): of weights that came from the same ones by two recipes,
        what lies between can have most of what each is good at. Raises CheckpointError where a tensor is missing or has another
        shape.
        """
        for name, value in self.average.items():
            other = tensors.get(name)
            if other is None or other.shape != value.shape:
                raise CheckpointError(
                    f"These weights are of another network: {name} differs.", "Name weights of this model."
                )
            if value.is_floating_point():
                value.lerp_(other.to(value), share)
        self.progress.blend = f"the mean of these ({1 - share:.0%}) and of others ({share:.0%}): {origin}"

    def validate(self, pairs: list[Pair]) -> float:
        """Return the mean Y-PSNR in dB of the moving average on pairs that are not trained on."""
        if not pairs:
            return math.nan
        model = self.averaged_model()
        return float(np.mean([psnr_y(upscale_pair(model, pair), pair.hr_hwc, self.scale) for pair in pairs]))

    def save(self, path: Path) -> None:
        """Write the run's whole state; the file is replaced at once, so that a kill leaves the old or the new one."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "generator": torch.get_rng_state(),
            "progress": asdict(self.progress),
            "configuration": asdict(self.configuration),
            "scale": self.scale,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Take up a saved state; raises CheckpointError where it belongs to another model or scale."""
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        stored, own = state["configuration"], asdict(self.configuration)
        differing = [key for key in ("architecture", "arguments") if stored[key] != own[key]]
        if differing or state["scale"] != self.scale:
            raise CheckpointError(
                f"{path} is a run of another model or scale.", "Give another folder, or leave --resume out."
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        torch.set_rng_state(state["generator"])
        self.progress = _from_stored(Progress, state["progress"])
        self.progress.hardware = self.progress.hardware or _hardware(self.device)
        self.trained_with = _from_stored(Recipe, stored["recipe"])


def _from_stored(kind: type[_Stored], stored: Mapping[str, Any]) -> _Stored:
    """Make a dataclass from what a checkpoint holds of it; what it does not know, or we no longer do, is left at that."""
    known = {entry.name for entry in fields(kind)}
    return kind(**{key: value for key, value in stored.items() if key in known})


def _spectral_distance(difference_bchw: Tensor) -> Tensor:
    """Return the L1 of the orthonormal Fourier transform of a difference: what is missing at each frequency counts alike."""
    spectrum = torch.fft.rfft2(difference_bchw.float().contiguous(), norm="ortho")
    return torch.view_as_real(spectrum).abs().mean()


def train(
    run: Run,
    source: Source,
    held_back: list[Pair],
    *,
    minutes: float | None = None,
    piece_minutes: float | None = None,
    checkpoint: Path,
    checkpoint_every_s: float = 180.0,
    validating_share: float = 0.1,
    clock: Callable[[], float] = time.monotonic,
    listener: Callable[[int, Mapping[str, float]], None] | None = None,
) -> bool:
    """Train until `run.progress.steps`, or until `piece_minutes` are over; return whether the run is.

    A checkpoint is left at the end and every few minutes. Where only the whole run's `minutes` are known (those of a run
    that is resumed hold), the number of steps is decided once, when the constant part of the schedule is over, from the
    time a step took so far; from then on the schedule is one of steps, so that a checkpoint resumes bit for bit.
    `listener` hears (step, figures) at each line of the log. Validating takes at most about `validating_share` of the time:
    where it is slow, some checkpoints go without; the last one never does.
    """
    recipe, progress = run.configuration.recipe, run.progress
    progress.hardware, run.trained_with = _hardware(run.device), recipe
    if progress.minutes is None:
        progress.minutes = minutes
    if progress.steps is not None and progress.decay_from is None:
        progress.decay_from = round(progress.steps * (1.0 - recipe.decay_share))
    earlier_s, began_s = progress.seconds, clock()
    piece_s = math.inf if piece_minutes is None else 60.0 * piece_minutes
    saved_s, losses, is_leaving = began_s, [], False
    validated_s, validating_s = began_s, 0.0
    while not (is_leaving or _is_over(progress)):
        losses.append(run.step(source))
        now_s = clock()
        progress.seconds = earlier_s + now_s - began_s
        if progress.steps is None and progress.minutes is not None:
            _decide_end(progress, progress.minutes, recipe.decay_share)
        is_leaving = now_s - began_s >= piece_s
        if now_s - saved_s >= checkpoint_every_s or is_leaving or _is_over(progress):
            due = now_s - validated_s >= validating_s * (1.0 / validating_share - 1.0) or _is_over(progress)
            _record(run, losses, held_back if due else [], listener)
            run.save(checkpoint)
            saved_s, losses = now_s, []
            if due and held_back:
                validated_s = clock()
                validating_s = validated_s - now_s
    return _is_over(progress)


def _is_over(progress: Progress) -> bool:
    return progress.steps is not None and progress.step >= progress.steps


def _decide_end(progress: Progress, minutes: float, decay_share: float) -> None:
    constant_s = 60.0 * minutes * (1.0 - decay_share)
    # A few steps at least, to know what one costs.
    if progress.seconds < constant_s or progress.step < 5:
        return
    left_s = max(0.0, 60.0 * minutes - progress.seconds)
    progress.decay_from = progress.step
    progress.steps = progress.step + max(1, int(left_s * progress.step / progress.seconds))
    _LOG.info("the rate decays from step %d to step %d", progress.decay_from, progress.steps)


def _record(
    run: Run,
    losses: list[Tensor],
    held_back: list[Pair],
    listener: Callable[[int, Mapping[str, float]], None] | None,
) -> None:
    """Validate where there is something to validate on, and write one line of the log."""
    progress = run.progress
    loss, validated, figures = float(torch.stack(losses).mean()), "", {}
    if held_back:
        validated_db = run.validate(held_back)
        progress.curve.append((progress.step, round(validated_db, 3)))
        validated, figures = f", held-back PSNR-Y {validated_db:.3f} dB", {"held-back PSNR-Y": validated_db}
    rate = learning_rate(run.configuration.recipe, progress.step, progress.decay_from, progress.steps)
    _LOG.info(
        "step %d of %s, %.1f min, loss %.5f, rate %.2e%s",
        progress.step,
        progress.steps if progress.steps is not None else "?",
        progress.seconds / 60.0,
        loss,
        rate,
        validated,
    )
    if listener is not None:
        listener(progress.step, {"loss": loss, "rate": rate, **figures})
