"""libvips as this process uses it: only the loaders of our table, bounded threads, no cache, its messages kept off the terminal.

Imports pyvips, the standard library, `engine.imaging.formats` and `engine.imaging.foreign`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
from collections.abc import Iterator

import pyvips

from engine.imaging.foreign import has_library
from engine.imaging.formats import Format

# libvips' class names of the loaders that `engine.imaging.formats` names; all other loaders are blocked.
_ALLOWED_LOADERS = (
    "VipsForeignLoadPng",
    "VipsForeignLoadJpeg",
    "VipsForeignLoadTiff",
    "VipsForeignLoadWebp",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadHeif",
    "VipsForeignLoadJxl",
)
# What a libvips that was built for it reads itself; the one of the wheel does not.
_MAYBE_LOADERS = {"heif": "heifload", "jxl": "jxlload"}
_MAX_THREADS = 4


class _Messages(logging.Handler):
    """Keeps what libvips says while an image is read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Appends the record's lines; a damaged file can say one thing a thousand times, so it is kept once."""
        for line in record.getMessage().removeprefix("VIPS: ").splitlines():
            if line and line not in self.lines and len(self.lines) < 100:
                self.lines.append(line)


@functools.cache
def configure() -> None:
    """Blocks every loader but ours, bounds libvips' threads and turns its cache off; runs once per process."""
    logger = logging.getLogger("pyvips")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in _ALLOWED_LOADERS:
        pyvips.operation_block_set(loader, False)
    # No two requests share an operation, and a cached one would keep its file open.
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(min(_MAX_THREADS, os.cpu_count() or 1))


def loader_of(form: Format) -> str | None:
    """Returns the libvips operation that reads a format, or None where another library does."""
    if form.loader != "foreign":
        return form.loader
    maybe = _MAYBE_LOADERS.get(form.name)
    if maybe is None or not pyvips.type_find("VipsOperation", maybe):
        return None
    # libvips has its HEIF loader for AVIF's sake, and whether it decodes HEVC too shows only in the attempt.
    return None if form.name == "heif" and has_library("heif") else maybe


@contextlib.contextmanager
def messages() -> Iterator[list[str]]:
    """Gives the list of what libvips says (warnings and worse) until the end of the block."""
    handler = _Messages()
    logger = logging.getLogger("pyvips")
    logger.addHandler(handler)
    # What a former image left in libvips' buffer is not this one's reason.
    pyvips.vips_lib.vips_error_clear()
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


def reason(error: Exception, said: list[str]) -> str:
    """Returns why libvips failed, in one short clause: the codec's own words, without libvips' wrapping."""
    # pyvips cannot always decode what libvips says (file names): then only the messages tell.
    lines = [line.strip() for line in str(error).splitlines()[1:]] if isinstance(error, pyvips.Error) else []
    lines += [line for line in said if not line.startswith(("error in tile", "read gave"))]
    clauses = dict.fromkeys(line.split(": ", 1)[-1] if line.startswith("Vips") else line for line in lines if line)
    return "; ".join(list(clauses)[:2]) or "the decoder gives no reason"
