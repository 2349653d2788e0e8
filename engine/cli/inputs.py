"""From INPUT arguments to the list of images. No torch."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.client import Engine
from engine.errors import InputError, TriptychError
from engine.imaging import formats


@dataclass(frozen=True)
class Found:
    """An image to upscale.

    `subfolder`: where it lay below the folder that was named; `named`: it was named itself, not found in a folder or by a glob.
    """

    path: Path
    subfolder: Path
    named: bool


@dataclass(frozen=True)
class Missed:
    """An argument that means no image, and why."""

    word: str
    error: TriptychError


def expand(words: list[str], *, recursive: bool, output_folder: Path | None) -> Iterator[Found | Missed]:
    """Yields the images that the arguments mean, in order; an argument that means none is `Missed`.

    An existing path wins over a glob. Links to folders are not followed, and the output folder is not an input.
    """
    for word in words:
        path = Path(word)
        if path.is_dir():
            found = list(_in_folder(path, recursive, output_folder))
            if not found:
                yield Missed(word, InputError(f"There are no images in the folder {path}.", _folder_hint(recursive)))
            yield from found
        elif path.exists() or not glob.has_magic(word):
            yield Found(path, Path(), named=True)
        else:
            matches = sorted(Path(match) for match in glob.glob(word, recursive=True))
            files = [match for match in matches if match.is_file() and _is_image_name(match)]
            if not files:
                yield Missed(word, InputError(f"Nothing matches {word}.", "Quote the pattern or check the folder."))
            yield from (Found(file, Path(), named=False) for file in files)


def _folder_hint(recursive: bool) -> str:
    return "" if recursive else "With --recursive, folders within it are searched too."


def _is_image_name(path: Path) -> bool:
    return path.suffix.lower() in formats.readable_extensions() and not path.name.startswith(".")


def _in_folder(folder: Path, recursive: bool, output_folder: Path | None) -> Iterator[Found]:
    for current, folders, files in os.walk(folder, followlinks=False):
        folders[:] = sorted(
            name
            for name in folders
            if recursive
            and not name.startswith(".")
            and not (Path(current) / name).is_symlink()
            and not _is_same(Path(current) / name, output_folder)
        )
        for name in sorted(files):
            path = Path(current) / name
            if path.is_file() and _is_image_name(path):
                yield Found(path, path.parent.relative_to(folder), named=False)


def _is_same(folder: Path, output_folder: Path | None) -> bool:
    """Whether a folder is the output folder, whatever it is called. (One that is named as input and output is both.)"""
    with contextlib.suppress(OSError):
        return output_folder is not None and folder.samefile(output_folder)
    return False


def is_ours(engine: Engine, path: Path) -> bool:
    """Whether an image was written by Triptych (its `Software` tag); one that cannot be read is not."""
    try:
        return engine.inspect(path).software.startswith("Triptych")
    except TriptychError:
        # It fails as a job of its own, with its sentence.
        return False
