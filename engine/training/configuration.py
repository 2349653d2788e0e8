"""What a training run is told: a TOML file per model beside the weights, as frozen dataclasses.

May import the standard library and engine.errors only.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import UsageError

__all__ = ["DEGRADATIONS", "Configuration", "Recipe", "load_configuration", "recipe_of"]

_KEYS = {"architecture", "arguments", "recipe", "purpose", "description"}
DEGRADATIONS = ("bicubic", "photo")


@dataclass(frozen=True)
class Recipe:
    """How to train: batches, optimiser, schedule, averaging, the mixture of images."""

    # Shapes of a batch as (images, side of the low-resolution crop in px, how often): drawn anew for each step.
    batches: tuple[tuple[int, int, float], ...] = ((8, 32, 0.8), (4, 48, 0.1), (2, 80, 0.1))
    learning_rate: float = 1e-3
    # (prefix of parameter names, factor): parts that learn at a fraction of the rate.
    slower: tuple[tuple[str, float], ...] = ()
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-4
    gradient_norm: float = 1.0
    warmup_steps: int = 100
    # Share of the run, at its end, in which the learning rate falls along a cosine; it is constant before.
    decay_share: float = 0.6
    final_rate: float = 0.01
    # "bicubic" is the papers'; "photo" is blur, resampling, noise and JPEG.
    degradation: str = "bicubic"
    # 0 is L1; above, Charbonnier's sqrt(d^2 + e^2).
    charbonnier: float = 0.0
    # Weight of the L1 of the Fourier transform beside the loss on pixels, from this share of the run on; 0 is none.
    frequency: float = 0.0
    frequency_from: float = 0.5
    # Weight of the difference between a crop's result and that of a tile cut from it, for networks that look globally.
    consistency: float = 0.0
    ema_decay: float = 0.998
    # Share of photographs at the start and in the last third; the rest is procedural.
    photographs: tuple[float, float] = (0.5, 0.8)
    procedural_pool: int = 48
    procedural_side_px: int = 320
    # One procedural image is replaced every so many steps.
    procedural_refresh_steps: int = 4
    seed: int = 1


@dataclass(frozen=True)
class Configuration:
    """One model as it is trained: its name, architecture, constructor arguments (without the scale) and recipe.

    `purpose`: what special weights are for, in a word or two; `description`: one sentence of what these weights are good at.
    """

    name: str
    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    purpose: str = ""
    description: str = ""


def load_configuration(path: Path) -> Configuration:
    """Read a model's TOML file; raises UsageError where it is missing, malformed or holds an unknown key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = ", ".join(sorted(other.stem for other in path.parent.glob("*.toml"))) or "none"
        raise UsageError(f"There is no training configuration {path}.", f"Configurations there: {names}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from error
    recipe = document.get("recipe", {})
    known = {entry.name for entry in fields(Recipe)}
    unknown = sorted((set(recipe) - known) | (set(document) - _KEYS))
    if unknown:
        hint = f"Known in [recipe]: {', '.join(sorted(known))}."
        raise UsageError(f"{path} holds an unknown key: {unknown[0]}.", hint)
    if "architecture" not in document:
        raise UsageError(f"{path} does not name an architecture.")
    if recipe.get("degradation", "bicubic") not in DEGRADATIONS:
        raise UsageError(
            f"{path} asks for an unknown degradation: {recipe['degradation']}.", f"Known: {', '.join(DEGRADATIONS)}."
        )
    return Configuration(
        path.stem,
        document["architecture"],
        document.get("arguments", {}),
        Recipe(**{key: _frozen(value) for key, value in recipe.items()}),
        document.get("purpose", ""),
        document.get("description", ""),
    )


def recipe_of(text: str) -> dict[str, Any]:
    """Read keys of a recipe from TOML text; raises UsageError where it is none."""
    try:
        return {key: _frozen(value) for key, value in tomllib.loads(text).items()}
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{text!r} is not valid TOML: {error}.") from error


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
