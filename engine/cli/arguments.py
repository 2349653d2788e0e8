"""The command line's options (product.md, "The command line": other programs call it). Standard library only."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

SUBCOMMANDS = ("upscale", "compare", "models", "bench", "doctor")
FORMATS = ("keep", "png", "tiff", "webp", "jpeg", "avif")


def _tile(text: str) -> int | str:
    if text in ("auto", "off"):
        return text
    return _positive(text)


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return value


def _not_negative(text: str) -> int:
    return 0 if text == "0" else _positive(text)


def _quality(text: str) -> int:
    value = _positive(text)
    if value > 100:
        raise argparse.ArgumentTypeError("quality goes from 1 to 100")
    return value


def _sigma(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 255.0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a strength of noise: 0 to 255")
    return value


def _size(text: str) -> tuple[int | None, int | None]:
    width, separator, height = text.lower().partition("x")
    if not separator or not (width or height):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size: write 3840x, x2160 or 3840x2160")
    return (_positive(width) if width else None, _positive(height) if height else None)


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is run")
    group.add_argument(
        "--tile",
        metavar="N|auto|off",
        type=_tile,
        default="auto",
        help="edge of a tile in input pixels, halo included, rounded up to the model's window; off: the whole image"
        " at once (default: auto, from the memory that is free)",
    )
    group.add_argument(
        "--overlap",
        metavar="N",
        type=_not_negative,
        default=32,
        help="input pixels that neighbouring tiles share, rounded up to the model's window (default: 32)",
    )
    group.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, mps, cuda, cuda:N, or a comma list of devices that share each job's tiles: cuda:0,cuda:1"
        " (default: auto)",
    )
    group.add_argument("--precision", choices=("auto", "fp32", "fp16", "bf16"), default="auto")
    group.add_argument("--backend", choices=("auto", "triton", "flash", "sdpa", "reference"), default="auto")
    group.add_argument(
        "--ensemble",
        action="store_true",
        help="average over the eight flips and rotations: 8 × the work, a little better",
    )


def _add_model_options(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--model",
        metavar="NAME",
        action="append",
        help=f"sscan, esc, pft (the best bundled weights of each), or a name that `triptych models` prints; may be repeated"
        f" (default: {default})",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="a checkpoint (.pth, .safetensors) instead; its architecture and scale are read from it",
    )


def _add_upscale(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("upscale", help="upscale images", description="Upscale images, folders or globs.")
    parser.add_argument("inputs", metavar="INPUT", nargs="*", help="an image, a folder or a glob")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="finish what interrupted runs left, with the options they began with (with INPUTs: of these only)",
    )
    parser.add_argument(
        "-o", "--output", metavar="PATH", help="a file (one input, one model) or a folder (default: beside the input)"
    )
    _add_model_options(parser, "esc")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--scale", type=int, metavar="N", help="2, 3 or 4 (default: the checkpoint's, else 4)")
    size.add_argument(
        "--size",
        type=_size,
        metavar="WxH",
        help="3840x, x2160 or both (as large as fits, proportions kept): the smallest scale that reaches it, then Lanczos down",
    )
    parser.add_argument("--reference", metavar="HR", help="the ground truth of the one input: reports PSNR-Y and SSIM")
    _add_engine_options(parser)
    group = parser.add_argument_group("what is written")
    group.add_argument("--recursive", action="store_true", help="folders within folders, mirrored in the output folder")
    group.add_argument("--format", choices=FORMATS, default="keep")
    group.add_argument("--quality", type=_quality, metavar="N", help="1 to 100, for JPEG, WebP and AVIF (default: 95)")
    group.add_argument(
        "--existing",
        choices=("rename", "skip", "overwrite"),
        default="rename",
        help="when the file is there (default: rename)",
    )
    group.add_argument(
        "--overwrite", dest="existing", action="store_const", const="overwrite", help="--existing overwrite"
    )
    group.add_argument(
        "--name",
        metavar="TEMPLATE",
        default="{name}_{model}_x{scale}",
        help="name of the output file; also {width} {height} (default: %(default)s)",
    )
    group.add_argument("--json", action="store_true", help="one JSON object a line on stdout for each job")


def _add_compare(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "compare", help="write a labelled sheet of several models", description="Write a labelled comparison sheet."
    )
    parser.add_argument("input", metavar="INPUT")
    parser.add_argument("-o", "--output", metavar="SHEET.png", required=True)
    _add_model_options(parser, "sscan, esc and pft")
    parser.add_argument("--scale", type=int, metavar="N", help="2, 3 or 4 (default: 4)")
    parser.add_argument("--reference", metavar="HR", help="the ground truth: adds its pane, PSNR-Y and SSIM")
    _add_engine_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line on stdout for each model")


def _add_models(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("models", help="list, add or remove models", description="List, add or remove models.")
    parser.add_argument("--json", action="store_true")
    actions = parser.add_subparsers(dest="action", metavar="add|remove")
    add = actions.add_parser("add", help="check a checkpoint and add it to the list")
    add.add_argument("file", metavar="FILE")
    remove = actions.add_parser("remove", help="remove a model that was added")
    remove.add_argument("name", metavar="NAME")


def _add_bench(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("bench", help="measure quality and speed", description="Measure quality and speed.")
    kinds = parser.add_subparsers(
        dest="kind", metavar="quality|kernels|models|tiling|memory|precision|app", required=True
    )
    quality = kinds.add_parser("quality", help="PSNR-Y and SSIM on folders of high-resolution images")
    quality.add_argument("folders", metavar="FOLDER", nargs="+")
    _add_model_options(quality, "all bundled")
    quality.add_argument("--scale", type=int, metavar="N", help="default: every scale that the model offers")
    quality.add_argument("--ensemble", action="store_true", help="the mean over the eight symmetries of the square")
    quality.add_argument(
        "--pad-windows",
        action="store_true",
        help="ESC: reflect-pad each image to a multiple of the window and cut the result, as its paper's figures were measured",
    )
    quality.add_argument(
        "--jpeg", type=_quality, action="append", metavar="Q", help="inputs as JPEG of this quality; may be repeated"
    )
    quality.add_argument(
        "--noise", type=_sigma, default=0.0, metavar="SIGMA", help="inputs with Gaussian noise of this sigma (of 255)"
    )
    tiling = kinds.add_parser("tiling", help="tiled against untiled output of each model")
    tiling.add_argument(
        "images", metavar="IMAGE", nargs="*", help="photographs; default: a part of the bundled picture"
    )
    _add_model_options(tiling, "all bundled")
    tiling.add_argument("--scale", type=int, metavar="N", help="default: every scale that the model offers")
    tiling.add_argument(
        "--tile", type=_positive, action="append", metavar="N", help="may be repeated; default: 128 and 480"
    )
    tiling.add_argument(
        "--record",
        action="store_true",
        help="keep the figures beside the bundled weights, for their cards and for `auto`",
    )
    memory = kinds.add_parser("memory", help="predicted against measured peak memory of each model")
    _add_model_options(memory, "all bundled")
    memory.add_argument("--scale", type=int, metavar="N", help="default: every scale that the model offers")
    memory.add_argument(
        "--tile", type=_positive, action="append", metavar="N", help="may be repeated; default: 192, 320 and 480"
    )
    precision = kinds.add_parser("precision", help="fp16 and bf16 against fp32 for each model")
    precision.add_argument("images", metavar="IMAGE", nargs="*", help="default: the bundled sample")
    _add_model_options(precision, "all bundled")
    precision.add_argument("--scale", type=int, metavar="N", help="default: every scale that the model offers")
    models = kinds.add_parser("models", help="the networks end to end beside the published algorithms")
    models.add_argument(
        "--model", metavar="NAME", action="append", help="esc-light, esc, pft-light or sscan; default: all"
    )
    models.add_argument(
        "--size",
        type=_positive,
        default=256,
        metavar="N",
        help="edge of the input on a CPU, a multiple of 8 (default: 256)",
    )
    models.add_argument("--rounds", type=_positive, default=3, metavar="N", help="rounds of each (default: 3)")
    models.add_argument("--threads", type=_positive, metavar="N", help="torch's threads (default: its own choice)")
    others = [
        kinds.add_parser(name, help=text)
        for name, text in (
            ("kernels", "the attention operators: correctness first, then speed"),
            ("app", "the window: first paint, late ticks, first tile"),
        )
    ]
    for each in (quality, tiling, memory, precision, models, *others):
        each.add_argument("--json", action="store_true")


class _PrintVersion(argparse.Action):
    """Prints the version and leaves; the metadata is read only then, for it takes longer than the rest of the parser."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="print the version and leave")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"Triptych {version('triptych')}")
        except PackageNotFoundError:
            print("Triptych, from a checkout that is not installed")
        parser.exit()


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of every subcommand; its own errors exit with status 2."""
    parser = argparse.ArgumentParser(
        prog="triptych",
        description="Upscale images with three super-resolution transformers. Without a subcommand, `triptych [FILE...]` opens"
        " the window.",
    )
    parser.add_argument("--version", action=_PrintVersion)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_upscale(commands)
    _add_compare(commands)
    _add_models(commands)
    _add_bench(commands)
    doctor = commands.add_parser("doctor", help="what was found: devices, drivers, memory, backends")
    doctor.add_argument("--json", action="store_true")
    return parser


def given_options(options: argparse.Namespace, *, beside: tuple[str, ...]) -> list[str]:
    """Returns the options of a command that have another value than their default ("--model"), those named `beside` left out."""
    defaults = vars(build_parser().parse_args([options.command]))
    return [
        f"--{name.replace('_', '-')}"
        for name, value in vars(options).items()
        if name not in beside and value != defaults.get(name)
    ]
