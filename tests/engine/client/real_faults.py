"""The real worker with faults put in from outside, in the child process: what a `serve_worker` of these runs is production code.

Everything here is importable and can be pickled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from engine.messages import Heartbeat


@dataclass(frozen=True)
class KilledAtTick:
    """Ends itself by SIGKILL at a moment that `arm` named; every step of its work that leaves the process is a moment.

    Moments are: each message sent (but no heartbeat: how many there are is chance), each piece of a file written (before, in the
    middle and after it), each block of a network, each checkpoint loaded. `folder`: where the order to die lies; a process that
    dies takes it along.
    """

    folder: str

    def __call__(self, connection: Connection) -> None:
        from engine.positional import PositionalFile
        from engine.worker import cancel, main, session

        lock = threading.Lock()

        def tick() -> None:
            with lock:
                self._count_down()

        def around(owner: Any, name: str) -> None:
            call = getattr(owner, name)

            def between_ticks(*arguments: Any, **options: Any) -> Any:
                if isinstance(arguments[-1], Heartbeat):
                    return call(*arguments, **options)
                tick()
                result = call(*arguments, **options)
                tick()
                return result

            setattr(owner, name, between_ticks)

        write = PositionalFile.write_at

        def write_in_two(file: PositionalFile, offset_bytes: int, data: bytes | memoryview) -> None:
            middle = len(data) // 2
            write(file, offset_bytes, data[:middle])
            tick()
            write(file, offset_bytes + middle, data[middle:])

        PositionalFile.write_at = write_in_two  # type: ignore[method-assign]
        around(PositionalFile, "write_at")
        around(main._Worker, "send")
        around(cancel.CancelToken, "check")
        around(session, "load_checkpoint")
        main.serve(connection)

    def _count_down(self) -> None:
        # In place: the file is the parent's to make and to take away.
        try:
            with open(self._orders, "r+b") as orders:
                left = int(orders.read())
                if left:
                    orders.seek(0)
                    orders.write(b"%012d" % (left - 1))
                    return
        except FileNotFoundError:
            return
        self._orders.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGKILL)

    @property
    def _orders(self) -> Path:
        return Path(self.folder) / "orders"

    def arm(self, tick: int) -> None:
        """Orders the worker to die after so many moments from now."""
        self._orders.write_bytes(b"%012d" % tick)

    def disarm(self) -> int | None:
        """Takes the order back; returns how many moments were left, None where it was carried out."""
        left = int(self._orders.read_bytes()) if self._orders.exists() else None
        self._orders.unlink(missing_ok=True)
        return left


class _Once:
    """True the n-th time it is asked in all processes of a folder, and never again after that."""

    def __init__(self, folder: str, name: str, after: int = 0) -> None:
        self._folder = Path(folder)
        self._name = name
        self._left = after

    def __call__(self) -> bool:
        if self._left:
            self._left -= 1
            return False
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._folder / self._name, os.O_CREAT | os.O_EXCL))
            return True
        return False


def _error(kind: str) -> Exception:
    import torch

    if kind == "torch":
        return torch.OutOfMemoryError("simulated")
    return MemoryError("simulated")


@dataclass(frozen=True)
class ShortOfMemory:
    """Runs out of memory once at `at`: "load", "tile" (whole tile number `after`), "pieces" (these always), "write" or "blend".

    `kind`: "torch" and "numpy" raise what those raise; "allocator" leaves only `left_bytes`, for good.
    """

    folder: str
    at: str
    kind: str = "torch"
    after: int = 0
    left_bytes: int = 2**20

    def __call__(self, connection: Connection) -> None:
        from engine.tiling.writer import CanvasWriter
        from engine.worker import main, session, work

        is_now = _Once(self.folder, "ran out", self.after)
        if self.at == "load":
            self._fail(session, "load_checkpoint", is_now)
        elif self.at == "write":
            self._fail(CanvasWriter, "write_tile", is_now)
        elif self.at == "blend":
            self._fail(CanvasWriter, "blend_seam", is_now)
        else:
            self._fail(work, "upscale_tile", is_now)
        if self.at == "pieces":
            self._fail(work, "run_tiles", lambda: True)
        main.serve(connection)

    def _fail(self, owner: Any, name: str, is_now: Callable[[], bool]) -> None:
        call = getattr(owner, name)
        taken: list[Any] = []

        def may_fail(*arguments: Any, **options: Any) -> Any:
            if is_now():
                if self.kind != "allocator":
                    raise _error(self.kind)
                taken.append(_take_memory_away(self.left_bytes))
            return call(*arguments, **options)

        setattr(owner, name, may_fail)


def _take_memory_away(left_bytes: int) -> list[Any]:
    """Takes all memory that this process may have, for as long as the result lives, but for so much, in pieces."""
    import resource

    import torch

    piece_bytes = 2**16
    used_bytes = 1024 * int(Path("/proc/self/status").read_text().partition("VmSize:")[2].split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (used_bytes, resource.RLIM_INFINITY))
    taken = []
    # What the allocator holds free from earlier work too.
    with contextlib.suppress(RuntimeError):
        while True:
            taken.append(torch.empty(piece_bytes, dtype=torch.uint8))
    del taken[-(left_bytes // piece_bytes) :]
    return taken


@dataclass(frozen=True)
class NotFinite:
    """Tile number `index` comes out with one NaN, in each of the ways whose notes are `notes` ("" is as planned)."""

    index: int
    notes: tuple[str, ...]

    def __call__(self, connection: Connection) -> None:
        from engine.worker import main, session, work

        now: dict[str, Any] = {}
        run_tile, run = work.CanvasWork.run_tile, work.CanvasWork._run
        network = session.Session.network

        def noted_tile(canvas: Any, request: Any) -> Any:
            now["index"] = request.index
            return run_tile(canvas, request)

        def noted_way(canvas: Any, box: Any, way: Any, limit_px: int | None) -> Any:
            now["note"] = way.note
            return run(canvas, box, way, limit_px)

        def poisoned(of: Any, *arguments: Any, **options: Any) -> Any:
            call = network(of, *arguments, **options)

            def forward(lr_hwc: Any) -> Any:
                sr_hwc = call(lr_hwc)
                if now.get("index") == self.index and now.get("note") in self.notes:
                    sr_hwc[1, 2, 0] = np.nan
                return sr_hwc

            return forward

        work.CanvasWork.run_tile = noted_tile  # type: ignore[method-assign]
        work.CanvasWork._run = noted_way  # type: ignore[method-assign]
        session.Session.network = poisoned  # type: ignore[method-assign]
        main.serve(connection)


@dataclass(frozen=True)
class CaughtInTile:
    """Tells through the file `marker` that it is in the middle of tile number `index`, once, and waits for the cancel.

    `is_deaf`: it does not hear it, as in a block that takes long.
    """

    marker: str
    index: int
    is_deaf: bool

    def __call__(self, connection: Connection) -> None:
        from engine.worker import cancel, main, work

        run_tile, check = work.CanvasWork.run_tile, cancel.CancelToken.check
        now: dict[str, Any] = {"checks": 0}

        def noted_tile(canvas: Any, request: Any) -> Any:
            now.update(index=request.index, checks=0)
            return run_tile(canvas, request)

        def caught(token: Any) -> None:
            now["checks"] += 1
            # The third look: some blocks of the network have run, some have not.
            if now.get("index") == self.index and now["checks"] == 3 and not Path(self.marker).exists():
                Path(self.marker).touch()
                pause = threading.Event()
                while self.is_deaf or token._cancelled < token._epoch:
                    pause.wait(0.001)
            check(token)

        work.CanvasWork.run_tile = noted_tile  # type: ignore[method-assign]
        cancel.CancelToken.check = caught  # type: ignore[method-assign]
        main.serve(connection)


@contextlib.contextmanager
def own_cache(folder: Path, before: Path) -> Iterator[Path]:
    """Points the processes to come at a cache of their own, which knows what `before` knows of costs."""
    import shutil

    folder.mkdir(parents=True, exist_ok=True)
    if (before / "memory.json").exists():
        shutil.copy(before / "memory.json", folder)
    outer = os.environ.get("TRIPTYCH_CACHE")
    os.environ["TRIPTYCH_CACHE"] = str(folder)
    try:
        yield folder
    finally:
        if outer is None:
            del os.environ["TRIPTYCH_CACHE"]
        else:
            os.environ["TRIPTYCH_CACHE"] = outer
