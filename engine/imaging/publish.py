"""A file appears under its name only when it is whole: written aside in the same folder, then published at once.

Imports the standard library and `engine.errors` only, so that the client can remove what a killed process left (`leftovers`).
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import os
import platform
import secrets
from collections.abc import Iterator
from pathlib import Path

from engine.errors import OutputError

_MAX_NUMBER = 9999


def output_error(path: Path, error: OSError) -> OutputError:
    """Returns the sentence for a result that the folder or the disk did not take."""
    why = error.strerror or str(error)
    folder = path.parent
    if not folder.is_dir():
        return OutputError(
            f"{path.name} cannot be written: there is no folder {folder}.", "Create it, or choose another."
        )
    return OutputError(
        f"{path.name} cannot be written in {folder} ({why}).",
        "Choose another folder with --output, or free some space and check the folder's permissions.",
    )


def aside_prefix(process_id: int | None = None) -> str:
    """Returns how the names of the unfinished files and folders of a process (None: this one) begin.

    They carry the machine as well: a folder on a network may hold another's, whose process has the same number.
    """
    machine = hashlib.sha256(platform.node().encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f".triptych-{machine}-{process_id or os.getpid()}-"


def leftovers(folder: Path, process_id: int) -> list[Path]:
    """Returns the unfinished files and folders that a process of this machine left in `folder`, by their names.

    To be asked when that process has ended; whoever asks removes them. A folder that is gone has none.
    """
    prefix = aside_prefix(process_id)
    try:
        return sorted(path for path in folder.iterdir() if path.name.startswith(prefix))
    except OSError:
        return []


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Gives a new hidden file in the folder of `path` to write to; whatever is left of it at the end is removed.

    Raises OutputError where the folder does not take it. OSErrors of the block become OutputErrors too.
    """
    aside = path.parent / f"{aside_prefix()}{secrets.token_hex(8)}.part"
    try:
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield aside
    except OSError as error:
        raise output_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def publish(aside: Path, path: Path, *, overwrite: bool, adopt_equal: bool = False) -> Path:
    """Moves a finished file to its name, durably and in one step; returns the name it got.

    `overwrite` replaces what is there. Else nothing is ever replaced, not even a file that appears at this moment: the next
    free number is taken ("name_1.png"). `adopt_equal`: a file that holds the same bytes under one of these names is the result
    already, and `aside` is dropped. Raises OSError where the folder does not take it.
    """
    _sync(aside)
    if overwrite:
        aside.replace(path)
        published = path
    else:
        published = _publish_exclusively(aside, path, adopt_equal)
    _sync_folder(path.parent)
    return published


def _publish_exclusively(aside: Path, path: Path, adopt_equal: bool) -> Path:
    for number in range(_MAX_NUMBER + 1):
        candidate = path if number == 0 else path.with_name(f"{path.stem}_{number}{path.suffix}")
        try:
            _claim(aside, candidate)
        except FileExistsError:
            if adopt_equal and _are_equal(aside, candidate):
                aside.unlink()
                return candidate
        else:
            return candidate
    raise FileExistsError(f"{path.name} and its {_MAX_NUMBER} numbered names are all taken")


def _are_equal(aside: Path, candidate: Path) -> bool:
    """Whether the name is a regular file, not a link to one, of the same bytes; one that cannot be read is not."""
    try:
        return candidate.is_file() and not candidate.is_symlink() and filecmp.cmp(aside, candidate, shallow=False)
    except OSError:
        return False


def _claim(aside: Path, candidate: Path) -> None:
    """Gives the file its name; raises FileExistsError where that is taken."""
    try:
        os.link(aside, candidate)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links (FAT, some network shares): claim the name first, then move over our own claim.
        os.close(os.open(candidate, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            aside.replace(candidate)
        except OSError:
            candidate.unlink(missing_ok=True)
            raise
    else:
        aside.unlink()


def _sync(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Makes the new name durable; file systems that cannot sync a folder (Windows has no such call) keep it as they do."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
