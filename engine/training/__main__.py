"""The command `python -m engine.training`: trains one model at one scale, exports it, measures it, writes its card.

May import torch, and the other modules of this package.
"""

import argparse
import logging
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.errors import TriptychError, UsageError
from engine.metrics import psnr_y
from engine.quality import report
from engine.resampling import imresize
from engine.training.configuration import Configuration, load_configuration
from engine.training.pairs import PairSource, load_photographs, split_held_back, validation_pairs
from engine.training.publish import load_tensors, publish
from engine.training.run import Run, train

# Run as a module the name is __main__, which is no child of the package's logger.
_LOG = logging.getLogger("engine.training.command")
_WEIGHTS = Path(__file__).resolve().parents[2] / "resources" / "weights"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("model", help="a configuration beside the weights, such as esc-fast")
    parser.add_argument("--scale", type=int, required=True, choices=(2, 3, 4))
    parser.add_argument("--images", type=Path, help="folder of photographs to train on")
    parser.add_argument("--minutes", type=float, help="train for about so long")
    parser.add_argument("--steps", type=int, help="train for so many steps (a deterministic run)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--start", type=Path, help="begin with these weights where they fit (default at x3, x4: x2)")
    parser.add_argument("--out", type=Path, help="folder of the run's checkpoint and log (default: runs/MODEL_xS)")
    parser.add_argument("--weights", type=Path, default=_WEIGHTS, help="where configurations lie and weights go")
    parser.add_argument("--publish", action="store_true", help="at the end write weights and card there")
    parser.add_argument("--eval", type=Path, nargs="+", default=[], help="folders of originals to measure on")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        _train_and_publish(arguments)
    except TriptychError as error:
        print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


def _train_and_publish(arguments: argparse.Namespace) -> None:
    configuration = load_configuration(arguments.weights / f"{arguments.model}.toml")
    out: Path = arguments.out or Path("runs") / f"{arguments.model}_x{arguments.scale}"
    out.mkdir(parents=True, exist_ok=True)
    with _logged(out / "log.txt"), _deterministic(arguments.threads):
        run = _prepared_run(configuration, arguments, out / "checkpoint.pt")
        if arguments.minutes or arguments.steps:
            _train(run, arguments, out / "checkpoint.pt")
        if arguments.publish:
            print(report(publish(run, arguments.weights, arguments.eval, threads=arguments.threads), per_image=False))


@contextmanager
def _logged(path: Path) -> Iterator[None]:
    logger = logging.getLogger("engine.training")
    handlers: list[logging.Handler] = [logging.FileHandler(path), logging.StreamHandler()]
    level = logger.level
    logger.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


@contextmanager
def _deterministic(threads: int) -> Iterator[None]:
    """Fix what a run's bits depend on, for its duration."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Tiny values late in training would be computed as slow denormals.
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)
        torch.set_flush_denormal(False)


def _prepared_run(configuration: Configuration, arguments: argparse.Namespace, checkpoint: Path) -> Run:
    run = Run(configuration, arguments.scale)
    if arguments.resume and checkpoint.exists():
        run.load(checkpoint)
        return run
    start = arguments.start
    if start is None and arguments.scale != 2:
        start = arguments.weights / f"{configuration.name}_x2.safetensors"
    if start is not None and (arguments.start or start.exists()):
        run.start_from(load_tensors(start), start.name)
    return run


def _train(run: Run, arguments: argparse.Namespace, checkpoint: Path) -> None:
    if arguments.images is None:
        raise UsageError("There is nothing to train on.", "Name a folder of photographs with --images.")
    photographs = load_photographs(arguments.images)
    training, held_back = split_held_back(list(photographs))
    _LOG.info("%d photographs to train on, %d held back", len(training), len(held_back))
    source = PairSource([photographs[name] for name in training], run.scale, run.configuration.recipe)
    pairs = validation_pairs([photographs[name] for name in held_back], run.scale, run.configuration.recipe.degradation)
    baseline = [psnr_y(imresize(pair.lr_hwc, float(run.scale)), pair.hr_hwc, run.scale) for pair in pairs]
    if baseline:
        _LOG.info("bicubic on the held back: PSNR-Y %.3f dB", statistics.fmean(baseline))
    if arguments.steps:
        run.progress.steps = arguments.steps
    train(run, source, pairs, minutes=arguments.minutes, checkpoint=checkpoint)


if __name__ == "__main__":
    raise SystemExit(main())
