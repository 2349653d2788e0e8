"""The I/O process: reads requests from its pipe and answers them one at a time.

Imports the standard library and the engine's plain messages at module level, so that the parent can name `serve` without
loading a codec; the codecs are imported in the child.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path

from engine.errors import Failure, InputError, OutputError, TriptychError, to_failure
from engine.imaging.limits import limit_address_space
from engine.imaging.progress import Progress, unheard
from engine.imaging.publish import leftovers
from engine.messages import (
    PROTOCOL_VERSION,
    Decode,
    DoneDecode,
    DoneEncode,
    DoneInspect,
    Encode,
    Event,
    Failed,
    Inspect,
    IoProgress,
    IoRequest,
    Ready,
    Stop,
    WriteSheet,
)

_NICENESS = 5


def serve(connection: Connection) -> None:
    """Answers requests until `Stop` or the end of the pipe: the entry point of the child process.

    Sends `Ready` first, then for each request any number of `IoProgress` and a `Done...` or `Failed`, with its epoch.
    """
    _settle_in()
    folders: list[Path] = []
    threading.Thread(target=_leave_with_the_parent, args=(folders,), name="parent", daemon=True).start()
    # Progress comes from the thread that works and, during long calls of a codec, from one that waits.
    lock = threading.Lock()

    def send(event: Event) -> None:
        with lock:
            connection.send(event)

    with connection, contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        send(Ready(epoch=-1, protocol_version=PROTOCOL_VERSION, process_id=os.getpid()))
        while True:
            request: IoRequest = connection.recv()
            if isinstance(request, Stop):
                return
            folders[:] = _folders_of(request)
            send(answer(request, send))


def _folders_of(request: IoRequest) -> list[Path]:
    """Returns where a request may leave something unfinished."""
    match request:
        case Decode():
            return [Path(request.raster_path).parent]
        case Encode():
            return [Path(request.path).parent, Path(request.canvas.path).parent]
        case WriteSheet():
            return [Path(request.path).parent]
        case _:
            return []


def _leave_with_the_parent(folders: list[Path]) -> None:
    """Ends this process when its parent is gone, in the middle of a request too, and removes what that leaves in `folders`.

    Nobody would hear the answer, and whoever goes on with the job would find a second result beside its own.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    wait([parent.sentinel])
    for folder in list(folders):
        for path in leftovers(folder, os.getpid()):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    os._exit(1)


def answer(request: IoRequest, send: Callable[[Event], None] | None = None) -> Event:
    """Does what a request asks, telling `send` of its progress, and returns the event that ends it.

    An exception becomes `Failed`.
    """
    progress = Progress(lambda fraction: send(IoProgress(request.epoch, fraction))) if send else unheard()
    try:
        return _do(request, progress)
    except Exception as error:
        return Failed(request.epoch, _in_words(request, error))


def _do(request: IoRequest, progress: Progress) -> Event:
    # Imported here: the parent imports this module to name `serve`, and must not load the codecs.
    from engine.imaging.decode import decode
    from engine.imaging.encode import encode
    from engine.imaging.header import inspect

    match request:
        case Inspect(epoch, path):
            return DoneInspect(epoch, inspect(path))
        case Decode(epoch, path, raster_path):
            info, raster = decode(path, raster_path, progress)
            return DoneDecode(epoch, info, raster)
        case Encode(epoch, canvas, source, path, options):
            written = encode(canvas, source, path, options, progress)
            return DoneEncode(epoch, written.path, written.height, written.width, written.warnings)
        case WriteSheet():
            from engine.imaging.sheet import write_sheet

            written = write_sheet(request, progress)
            return DoneEncode(request.epoch, written.path, written.height, written.width, written.warnings)
        case _:
            raise TypeError(f"the I/O process does not know the request {type(request).__name__}")


def _in_words(request: IoRequest, error: Exception) -> Failure:
    """Describes any exception; running out of memory or disk is told as what the request was about."""
    details = traceback.format_exc()
    if isinstance(error, TriptychError):
        return to_failure(error, details)
    name = Path(getattr(request, "path", "")).name
    kind = InputError if isinstance(request, Inspect | Decode) else OutputError
    verb = "read" if kind is InputError else "written"
    if isinstance(error, MemoryError):
        hint = "Close other programs, or set TRIPTYCH_IO_MEMORY_GIB to allow more."
        return to_failure(
            kind(f"{name} cannot be {verb}: it needs more memory than the image process may use.", hint), details
        )
    if isinstance(error, OSError):
        why = error.strerror or str(error)
        return to_failure(kind(f"{name} cannot be {verb} ({why}).", "Check the disk and the folder."), details)
    if type(error).__module__.partition(".")[0] == "pyvips":
        why = " ".join(str(error).split())
        return to_failure(kind(f"{name} cannot be {verb}: the image library refused it ({why}).", ""), details)
    return to_failure(error, details)


def _settle_in() -> None:
    """Makes the process a polite child: no Ctrl+C, lower priority, no chatter of native libraries on the terminal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        with contextlib.suppress(OSError):
            os.nice(_NICENESS)
    if not os.environ.get("TRIPTYCH_DEBUG"):
        sys.stderr.flush()
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 2)
        os.close(silence)
    limit_address_space()
