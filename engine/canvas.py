"""Rasters: images as memory-mapped files that every process sees, so that pixels never cross a pipe.

Imports numpy and the standard library. A raster is a bare file of C-contiguous rows (height, width, channels) whose shape and
dtype travel beside it in a `RasterRef`. Channels: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA, alpha straight (not premultiplied).
The input raster keeps the file's own integers (uint8 or uint16); the canvas, which receives the result, is float32 in 0..1. The
file of a job's canvas goes on behind it, with what the seams need (`engine.tiling.layout`).
"""

from __future__ import annotations

import contextlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.deferred import np
from engine.errors import OutputError
from engine.positional import reserve

if TYPE_CHECKING:
    from numpy.typing import NDArray

RasterDtype = Literal["uint8", "uint16", "float32"]

_PIECE_BYTES = 2**20


@dataclass(frozen=True)
class RasterRef:
    """Where a raster lies and how to read it: a file of height × width × channels values of `dtype`."""

    path: str
    height: int
    width: int
    channels: int
    dtype: RasterDtype

    @property
    def size_bytes(self) -> int:
        """Size of the file in bytes."""
        return self.height * self.width * self.channels * np.dtype(self.dtype).itemsize

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel is alpha."""
        return self.channels in (2, 4)

    @property
    def colour_channels(self) -> int:
        """1 for grey, 3 for RGB."""
        return 1 if self.channels <= 2 else 3


def create_raster(reference: RasterRef) -> NDArray[Any]:
    """Creates the raster's file with its disk space reserved and returns it as a writable (H, W, C) map of zeros.

    Raises OutputError where the disk cannot hold it or the folder cannot be written; no file stays behind then.
    """
    path = Path(reference.path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb") as file:
            reserve(file.fileno(), reference.size_bytes)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise no_room(path, reference.size_bytes, error) from error
    return open_raster(reference, writable=True)


def no_room(path: Path, size_bytes: int, error: OSError) -> OutputError:
    """Returns the error that says that a working image cannot lie where it should."""
    return OutputError(
        f"There is no room for the working image of {size_bytes / 2**20:.0f} MiB in {path.parent}"
        f" ({error.strerror or error}).",
        "Free some disk space, or point TRIPTYCH_CACHE at a folder on a larger disk.",
    )


def raster_crc(reference: RasterRef) -> int:
    """Returns the CRC-32 of the raster's values, read in pieces, or -1 where the file is missing or too short.

    After a power cut a file may have its length and pages of zeros: only its bytes say whether it is the raster that was written.
    """
    path, crc = Path(reference.path), 0
    try:
        with open(path, "rb", buffering=0) as file:
            left_bytes = reference.size_bytes
            while left_bytes:
                piece = file.read(min(left_bytes, _PIECE_BYTES))
                if not piece:
                    return -1
                crc = zlib.crc32(piece, crc)
                left_bytes -= len(piece)
    except FileNotFoundError:
        return -1
    return crc


def open_raster(reference: RasterRef, *, writable: bool = False) -> NDArray[Any]:
    """Returns the raster as a memory map of shape (height, width, channels), read-only unless `writable`.

    Raises ValueError where the file is smaller than the reference says (a map beyond its end would crash the process).
    """
    if Path(reference.path).stat().st_size < reference.size_bytes:
        raise ValueError(f"raster {reference.path} is shorter than {reference.size_bytes} bytes")
    shape = (reference.height, reference.width, reference.channels)
    return np.memmap(reference.path, dtype=reference.dtype, mode="r+" if writable else "r", shape=shape)
