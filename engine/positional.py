"""Files written and read by position, whole or with an error, and kept on the disk on request.

Imports numpy and the standard library. The canvas and its journal are written by position and not through a writable map, because
a full disk then is an OSError; under a map it would kill the process (SIGBUS).
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


# What file systems answer that cannot promise blocks (ZFS, some network disks): a full disk is then met while writing.
_CANNOT_RESERVE = {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}


def reserve(descriptor: int, size_bytes: int) -> None:
    """Makes the file at least `size_bytes` long with its disk blocks claimed; what is in it stays.

    Where the system or the file system cannot promise blocks, only the length is set. Raises OSError where there is no room.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, max(size_bytes, 1))
            return
        except OSError as error:
            if error.errno not in _CANNOT_RESERVE:
                raise
    if os.fstat(descriptor).st_size < size_bytes:
        os.truncate(descriptor, size_bytes)


def as_bytes(values: NDArray[Any]) -> memoryview:
    """Returns the bytes of a C-contiguous array, without a copy; raises ValueError for another."""
    if not values.flags.c_contiguous:
        raise ValueError("the array is not C-contiguous")
    return values.data.cast("B") if values.size else memoryview(b"")


class PositionalFile:
    """One open file for one thread: `write_at` and `read_into` move all bytes asked for, or raise.

    Views of bytes have items of one byte (`as_bytes`). Raises OSError where the disk does.
    """

    def __init__(self, path: Path, *, create: bool = False, read_only: bool = False) -> None:
        flags = (os.O_RDONLY if read_only else os.O_RDWR) | (os.O_CREAT if create else 0) | getattr(os, "O_BINARY", 0)
        self._path = path
        self._descriptor = os.open(path, flags, 0o666)

    @property
    def size_bytes(self) -> int:
        """Length of the file now."""
        return os.fstat(self._descriptor).st_size

    def reserve(self, size_bytes: int) -> None:
        """Makes the file at least that long, its blocks claimed; see `reserve`."""
        reserve(self._descriptor, size_bytes)

    def write_at(self, offset_bytes: int, data: bytes | memoryview) -> None:
        """Writes all of `data` at the offset."""
        view = memoryview(data)
        while len(view):
            written = _write(self._descriptor, view, offset_bytes)
            view = view[written:]
            offset_bytes += written

    def read_into(self, offset_bytes: int, target: memoryview) -> None:
        """Fills `target` from the offset; raises EOFError where the file ends before."""
        view = target
        while len(view):
            read = _read(self._descriptor, view, offset_bytes)
            if not read:
                raise EOFError(f"{self._path} ends before byte {offset_bytes + len(view)}")
            view = view[read:]
            offset_bytes += read

    def sync(self) -> None:
        """Returns when everything written is on the disk."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(self._descriptor)
        else:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Closes the file, without a sync; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def is_open(self) -> bool:
        """Whether `close` has not been called yet."""
        return self._descriptor >= 0


def _write(descriptor: int, view: memoryview, offset_bytes: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, view, offset_bytes)
    os.lseek(descriptor, offset_bytes, os.SEEK_SET)
    return os.write(descriptor, view)


def _read(descriptor: int, view: memoryview, offset_bytes: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], offset_bytes)
    os.lseek(descriptor, offset_bytes, os.SEEK_SET)
    data = os.read(descriptor, len(view))
    view[: len(data)] = data
    return len(data)
