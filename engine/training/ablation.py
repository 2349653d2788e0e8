"""The command `python -m engine.training.ablation`: one recipe with one thing changed, at equal steps.

By default the mixture of images: photographs only, procedural only, mixed as the recipe says. `--vary 'KEY = VALUE'`
(TOML, several keys apart by a line break) names others, to be held against the recipe as it is. Every run begins with the
same fresh weights, sees as many batches of the same sizes and ends its schedule; nothing is shipped from here. May import
torch, engine.{quality, errors} and the other modules of this package.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import torch

from engine.errors import TriptychError, UsageError
from engine.quality import Uint8Image, measure
from engine.training.configuration import Configuration, Recipe, load_configuration, recipe_of
from engine.training.pairs import Pair, PairSource, load_photographs, split_held_back, validation_pairs
from engine.training.run import Run, train, upscale_pair

__all__ = ["main"]

_MIXTURES = {"photographs only": "photographs = [1.0, 1.0]", "procedural only": "photographs = [0.0, 0.0]"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m engine.training.ablation", description=__doc__)
    parser.add_argument("model", help="a configuration beside the weights, such as esc-fast")
    parser.add_argument("--scale", type=int, required=True, choices=(2, 3, 4))
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs to train on")
    parser.add_argument("--steps", type=int, default=300, help="of each run (default: 300)")
    parser.add_argument("--vary", action="append", metavar="TOML", help="keys of the recipe to change; may be repeated")
    parser.add_argument("--weights", type=Path, default=Path("resources/weights"), help="where configurations lie")
    parser.add_argument("--eval", type=Path, nargs="+", default=[], help="folders of originals to measure on")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    try:
        _compare(arguments)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


def _compare(arguments: argparse.Namespace) -> None:
    configuration = load_configuration(arguments.weights / f"{arguments.model}.toml")
    changes = {", ".join(change.split("\n")): change for change in arguments.vary} if arguments.vary else _MIXTURES
    variants = {name: _varied(configuration, change) for name, change in changes.items()}
    variants["the recipe"] = configuration
    torch.set_num_threads(arguments.threads)
    photographs = load_photographs(arguments.images)
    training, held_back = split_held_back(list(photographs))
    pairs = validation_pairs(
        [photographs[name] for name in held_back], arguments.scale, configuration.recipe.degradation
    )
    sets = [folder.name for folder in arguments.eval]
    print(f"{arguments.model} x{arguments.scale}, {arguments.steps} steps each, Y-PSNR in dB of the moving average")
    print(" | ".join([f"{'':<28}", "held back", *sets]))
    for name, variant in variants.items():
        source = PairSource([photographs[each] for each in training], arguments.scale, variant.recipe)
        figures = _figures(variant, source, pairs, arguments)
        print(" | ".join([f"{name:<28}", *(f"{figure:.2f}" for figure in figures)]), flush=True)


def _varied(configuration: Configuration, change: str) -> Configuration:
    known = {entry.name for entry in fields(Recipe)}
    changes = recipe_of(change)
    unknown = sorted(set(changes) - known)
    if unknown:
        raise UsageError(f"The recipe has no key {unknown[0]}.", f"Its keys are: {', '.join(sorted(known))}.")
    return replace(configuration, recipe=replace(configuration.recipe, **changes))


def _figures(
    configuration: Configuration, source: PairSource, pairs: list[Pair], arguments: argparse.Namespace
) -> list[float]:
    """Train one variant; return the PSNR on the held-back photographs and on each evaluation set."""
    run = Run(configuration, arguments.scale)
    run.progress.steps = arguments.steps
    with tempfile.TemporaryDirectory() as folder:
        train(run, source, [], checkpoint=Path(folder) / "checkpoint.pt")
    model = run.averaged_model()

    def upscale(lr_hwc: Uint8Image) -> Uint8Image:
        return upscale_pair(model, Pair(lr_hwc, lr_hwc))

    measured = measure(arguments.eval, upscale, arguments.scale) if arguments.eval else []
    return [run.validate(pairs), *(result.mean.psnr_y for result in measured)]


if __name__ == "__main__":
    raise SystemExit(main())
