"""Where a result goes and in what form: its name, its folder, its format, and whether there is room for it.

Imports the standard library and the plain modules of `engine`.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import OutputError, UsageError, format_bytes
from engine.imaging import formats

if TYPE_CHECKING:
    from engine.messages import EncodeOptions, ImageInfo

DEFAULT_TEMPLATE = "{name}_{model}_x{scale}"
# Names that Windows keeps for devices, whatever their extension.
_WINDOWS_DEVICES = re.compile(r"(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$")
_WINDOWS_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
# What file systems allow for a name, less what a number on a clash ("_9999") takes.
_NAME_BYTES = 255 - 5


class UnfitError(OutputError):
    """A result that its format cannot hold: no free disk and no other folder would help."""


@dataclass(frozen=True)
class Target:
    """How results are named and written. `folder` None: beside the input. `file` wins over folder and template."""

    folder: Path | None = None
    file: Path | None = None
    template: str = DEFAULT_TEMPLATE
    format: str = "keep"
    quality: int | None = None
    existing: str = "rename"


def safe_name(text: str) -> str:
    """Returns `text` as a file name that every system accepts, Windows included."""
    text = _WINDOWS_FORBIDDEN.sub("_", text).rstrip(". ")
    if not text or _WINDOWS_DEVICES.match(text):
        text = f"_{text}"
    return text


def check_template(template: str) -> None:
    """Raises UsageError where a name template holds a separator or a field that does not exist."""
    if "/" in template or "\\" in template:
        raise UsageError(
            f"The name template {template!r} holds a folder separator.", "Choose the folder with --output."
        )
    try:
        formatted = template.format(name="n", model="m", scale=2, width=1, height=1)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise UsageError(
            f"The name template {template!r} cannot be read ({error}).",
            "It may use {name}, {model}, {scale}, {width} and {height}.",
        ) from error
    if not formatted.strip(". "):
        raise UsageError("The name template is empty.", f"The default is {DEFAULT_TEMPLATE}.")


def output_path(
    source: Path, folder: Path, template: str, *, model: str, scale: int, width: int, height: int, extension: str
) -> Path:
    """Returns where a result goes: `folder` / the filled template + `extension` (".png").

    A name that would be too long for a file system is made from less of the input's.
    """
    stem = source.stem
    while True:
        filled = template.format(name=stem, model=model, scale=scale, width=width, height=height)
        name = safe_name(filled) + extension
        if len(os.fsencode(name)) <= _NAME_BYTES or not stem:
            return folder / name
        stem = stem[:-1]


def output_folder(source: Path, subfolder: Path, target: Target) -> Path:
    """Returns the folder of a result: beside its input, or where that lay (`subfolder`) mirrored in the target's folder.

    Raises OutputError where a link in there leads out of the target's folder.
    """
    if target.folder is None:
        return source.parent
    folder = target.folder.joinpath(*map(safe_name, subfolder.parts))
    if folder != target.folder and not is_inside(folder, target.folder):
        raise OutputError(
            f"The folder {folder} leads out of the output folder {target.folder} (it is a link).",
            "Remove the link, or choose another folder with --output.",
        )
    return folder


def default_encode_options(info: ImageInfo, format_name: str = "keep", quality: int | None = None) -> EncodeOptions:
    """Returns how a result is written so that nothing of the input is lost: same format where it can be written, same depth.

    A format named by the caller gets the depth it can hold only if that is the input's; else OutputError says what can hold it.
    """
    if format_name == "keep":
        format_name = formats.kept_format(info.format, info.bit_depth)
    # Not above: the window names its output before it is painted, and the messages take 20 ms to define.
    from engine.messages import EncodeOptions

    return EncodeOptions(format=format_name, bit_depth=info.bit_depth, quality=quality)


def check_format(options: EncodeOptions, height: int, width: int) -> None:
    """Raises UnfitError where the format cannot hold the result's depth or size."""
    try:
        formats.check_output(options.format, options.bit_depth, height, width)
    except OutputError as error:
        raise UnfitError(error.message, error.hint) from error


def extension_for(format_name: str, source: Path) -> str:
    """Returns the input's own extension (".jpeg", ".tiff") where it stands for the format written, else the usual one."""
    own = source.suffix.lower()
    return own if formats.format_of_extension(own) == format_name else formats.extension_of(format_name)


def check_disk(path: Path, raw_bytes: int, format_name: str) -> None:
    """Raises OutputError before any work where the folder of `path` cannot be written or its disk cannot hold the file.

    `raw_bytes` is the size of the uncompressed pixels. A folder that does not exist yet is not made: the nearest that does is
    asked.
    """
    folder = next(each for each in (path.parent, *path.parent.resolve().parents) if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        raise OutputError(
            f"The folder {path.parent} cannot be written ({error.strerror or error}).",
            "Choose another with --output.",
        ) from error
    # What a lossless format takes at worst; lossy ones take a quarter of it at worst.
    needed_bytes = raw_bytes if format_name in ("png", "tiff") else raw_bytes // 4
    if needed_bytes > free_bytes:
        raise OutputError(
            f"The result may take {format_bytes(needed_bytes)}, and the disk of {path.parent} has"
            f" {format_bytes(free_bytes)} free.",
            "Free some space, choose another folder with --output, or a lossy --format.",
        )


@contextlib.contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """Makes the folder of `path` for the block that writes it; where the block fails, what was made is removed again."""
    made = [each for each in (path.parent, *path.parent.parents) if not each.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {path.parent} cannot be made ({error.strerror or error}).", "Choose another with --output."
        ) from error
    try:
        yield
    except BaseException:
        for folder in made:
            # Not empty: somebody else uses it by now.
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def is_inside(path: Path, folder: Path) -> bool:
    """Whether `path` lies in `folder` or is it, links resolved."""
    try:
        return os.path.commonpath([os.path.realpath(path), os.path.realpath(folder)]) == os.path.realpath(folder)
    except ValueError:
        # On two drives of Windows.
        return False
