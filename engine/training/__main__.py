"""The command `python -m engine.training`: trains one model at one scale, exports it, measures it, writes its card.

On a CPU: `python -m engine.training esc-fast --scale 2 --images FOLDER --minutes 35`. On a GPU that is lent for minutes at
a time: `... esc-light --scale 2 --images FOLDER --device cuda --total-minutes 45 --minutes 9 --resume`, as often as it
takes. On a fresh machine, from nothing but the weights in the repository: `--go-on`. May import torch, and the other
modules of this package.
"""

import argparse
import importlib.util
import logging
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from engine.errors import TriptychError, UsageError
from engine.metrics import psnr_y
from engine.models.checkpoint import load_checkpoint
from engine.quality import report
from engine.resampling import imresize
from engine.training.configuration import Configuration, load_configuration
from engine.training.device_pairs import DevicePairSource, PrefetchedPairSource
from engine.training.pairs import PairSource, Uint8Image, load_photographs, split_held_back, validation_pairs
from engine.training.publish import history_of, load_tensors, publish
from engine.training.run import Run, Source, train

# Run as a module the name is __main__, which is no child of the package's logger.
_LOG = logging.getLogger("engine.training.command")
_WEIGHTS = Path(__file__).resolve().parents[2] / "resources" / "weights"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("model", help="a configuration beside the weights, such as esc-fast")
    parser.add_argument("--scale", type=int, required=True, choices=(2, 3, 4))
    parser.add_argument("--images", type=Path, help="folder of photographs to train on")
    parser.add_argument("--minutes", type=float, help="train for about so long, this time")
    parser.add_argument("--total-minutes", type=float, help="how long the whole run takes (default: --minutes)")
    parser.add_argument("--steps", type=int, help="how many steps the whole run has (a deterministic run)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--precision", choices=("fp32", "bf16"), help="default: bf16 on a GPU, over fp32 weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    parser.add_argument("--start", type=Path, help="begin with these weights where they fit (default at x3, x4: x2)")
    parser.add_argument("--grow", type=Path, help="begin with these weights of a smaller network of this architecture")
    parser.add_argument("--go-on", action="store_true", help="begin with this model's own weights in --weights")
    parser.add_argument("--procedural", type=Path, help="folder of procedural images (default: drawn meanwhile)")
    parser.add_argument("--tensorboard", type=Path, help="write loss, rate and PSNR there, for TensorBoard")
    parser.add_argument("--out", type=Path, help="folder of the run's checkpoint and log (default: runs/MODEL_xS)")
    parser.add_argument("--weights", type=Path, default=_WEIGHTS, help="where configurations lie and weights go")
    parser.add_argument(
        "--interpolate",
        nargs=2,
        metavar=("FILE", "SHARE"),
        help="with --publish: write the mean of this run's weights and so much (0 to 1) of those in FILE",
    )
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
    if arguments.interpolate and not arguments.publish:
        raise UsageError("--interpolate changes what is published.", "Add --publish.")
    configuration = load_configuration(arguments.weights / f"{arguments.model}.toml")
    out: Path = arguments.out or Path("runs") / f"{arguments.model}_x{arguments.scale}"
    out.mkdir(parents=True, exist_ok=True)
    device = _device(arguments.device)
    with _logged(out / "log.txt"), _deterministic(arguments.threads, device):
        run = _prepared_run(configuration, arguments, device, out / "checkpoint.pt")
        if arguments.minutes or arguments.steps:
            _train(run, arguments, out / "checkpoint.pt")
        if arguments.interpolate:
            _interpolate(run, *arguments.interpolate)
        if arguments.publish:
            print(report(publish(run, arguments.weights, arguments.eval), per_image=False))


def _interpolate(run: Run, file: str, share: str) -> None:
    try:
        part = float(share)
    except ValueError:
        part = -1.0
    if not 0 <= part <= 1:
        raise UsageError(f"--interpolate takes a share from 0 to 1, not {share!r}.", "Half of each is 0.5.")
    path = Path(file)
    steps = [each for each in history_of(path) if " steps in " in each]
    run.interpolate(load_tensors(path), part, steps[-1] if steps else path.name)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"{name!r} is not a device.", "Use cpu, cuda or cuda:N.") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError("There is no CUDA device here.", "Leave --device out to train on the CPU.")
    return device


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
def _deterministic(threads: int, device: torch.device) -> Iterator[None]:
    """Fix what a run's bits depend on, for its duration; on a GPU speed counts instead."""
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    if device.type == "cpu":
        torch.set_num_threads(threads)
    # Batches have few shapes: what is found for one serves for the whole run.
    torch.backends.cudnn.benchmark = device.type == "cuda"
    torch.use_deterministic_algorithms(device.type == "cpu")
    # Tiny values late in training would be computed as slow denormals.
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(strict)
        torch.set_flush_denormal(False)
        torch.backends.cudnn.benchmark = False


def _prepared_run(
    configuration: Configuration, arguments: argparse.Namespace, device: torch.device, checkpoint: Path
) -> Run:
    half = arguments.precision == "bf16" if arguments.precision else device.type == "cuda"
    run = Run(configuration, arguments.scale, device, half=half)
    if arguments.resume and checkpoint.exists():
        run.load(checkpoint)
        if arguments.start is not None and not run.progress.history:
            run.progress.history = history_of(arguments.start)
        return run
    if arguments.grow is not None:
        small = load_checkpoint(arguments.grow, scale=arguments.scale)
        run.grow_from(small, arguments.grow.name, history_of(arguments.grow))
        return run
    start = _start(configuration, arguments)
    if start is not None:
        run.start_from(load_tensors(start), start.name, history_of(start))
    return run


def _start(configuration: Configuration, arguments: argparse.Namespace) -> Path | None:
    """Return the weights to begin with: those named, the model's own, at x3 and x4 those of x2 if they are there, or none."""
    if arguments.start is not None:
        named: Path = arguments.start
        return named
    scale = arguments.scale if arguments.go_on else 2
    own: Path = arguments.weights / f"{configuration.name}_x{scale}.safetensors"
    return own if arguments.go_on or (arguments.scale != 2 and own.exists()) else None


def _train(run: Run, arguments: argparse.Namespace, checkpoint: Path) -> None:
    if arguments.images is None:
        raise UsageError("There is nothing to train on.", "Name a folder of photographs with --images.")
    if run.configuration.recipe.degradation == "photo" and importlib.util.find_spec("cv2") is None:
        raise UsageError("Degrading photographs needs OpenCV.", "pip install opencv-python-headless.")
    photographs = load_photographs(arguments.images)
    training, held_back = split_held_back(list(photographs))
    _LOG.info("%d photographs to train on, %d held back", len(training), len(held_back))
    source = _source(run, [photographs[name] for name in training], arguments.procedural)
    pairs = validation_pairs([photographs[name] for name in held_back], run.scale, run.configuration.recipe.degradation)
    baseline = [psnr_y(imresize(pair.lr_hwc, float(run.scale)), pair.hr_hwc, run.scale) for pair in pairs]
    if baseline:
        _LOG.info("bicubic on the held back: PSNR-Y %.3f dB", statistics.fmean(baseline))
    if arguments.steps:
        run.progress.steps = arguments.steps
    total, piece = _times(run, arguments)
    with _listening(arguments.tensorboard) as listener:
        is_over = train(
            run, source, pairs, minutes=total, piece_minutes=piece, checkpoint=checkpoint, listener=listener
        )
    if not is_over:
        _LOG.info("this piece is over, the run is not: go on with --resume")


def _times(run: Run, arguments: argparse.Namespace) -> tuple[float | None, float | None]:
    """Return the minutes of the whole run and of this piece; None where nothing limits it."""
    total = arguments.total_minutes or run.progress.minutes
    if total is None and run.progress.steps is None:
        # The only figure there is: the whole run is one piece.
        return arguments.minutes, None
    return total, arguments.minutes


def _source(run: Run, photographs: Sequence[Uint8Image], procedural: Path | None) -> Source:
    recipe = run.configuration.recipe
    drawn = list(load_photographs(procedural).values()) if procedural else []
    if run.device.type != "cpu" and recipe.degradation == "bicubic":
        return DevicePairSource(photographs, run.scale, recipe, run.device, drawn)
    source = PairSource(photographs, run.scale, recipe, drawn)
    return source if run.device.type == "cpu" else PrefetchedPairSource(source, max(1, (os.cpu_count() or 2) - 1))


@contextmanager
def _listening(folder: Path | None) -> Iterator[Callable[[int, Mapping[str, float]], None] | None]:
    """Yield what writes a line of the log for TensorBoard, or None."""
    if folder is None:
        yield None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UsageError("TensorBoard is not installed.", "pip install 'triptych[train]', or leave it out.") from error
    with SummaryWriter(str(folder)) as writer:

        def write(step: int, figures: Mapping[str, float]) -> None:
            for name, value in figures.items():
                writer.add_scalar(name, value, step)

        yield write


if __name__ == "__main__":
    raise SystemExit(main())
