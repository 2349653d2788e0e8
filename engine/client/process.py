"""One child process and its pipe: started when it is first needed, noticed when it dies, drained or killed when it is cancelled.

Imports the standard library and the plain modules of `engine`.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from engine import messages
from engine.errors import Cancelled, ProcessDiedError, StuckError, WorkerError, from_failure

START_TIMEOUT_S = 120.0
# A worker that was cancelled has so long to come back from its tile; then it is killed and replaced.
SOFT_CANCEL_S = 1.5
_CHATTER = (messages.Heartbeat, messages.IoProgress, messages.Ready)
_E = TypeVar("_E")
Serve = Callable[[Connection], None]


class Waker:
    """Wakes a thread that waits for processes, because of a cancel; `handle` goes among what it waits for."""

    def __init__(self) -> None:
        self.handle, self._sender = multiprocessing.Pipe(duplex=False)
        self._lock = threading.Lock()
        self._is_set = False

    @property
    def is_set(self) -> bool:
        """Whether a cancel was asked for."""
        return self._is_set

    def set(self) -> None:
        """Wakes whoever waits; safe from any thread."""
        with self._lock:
            if not self._is_set:
                self._is_set = True
                self._sender.send_bytes(b"!")

    def clear(self) -> None:
        """Forgets the cancel."""
        with self._lock:
            if self._is_set:
                self._is_set = False
                self.handle.recv_bytes()

    def check(self) -> None:
        """Raises Cancelled where a cancel was asked for."""
        if self._is_set:
            raise Cancelled("Cancelled.")

    def close(self) -> None:
        """Gives the pipe back."""
        with self._lock:
            self.handle.close()
            self._sender.close()


class Child:
    """One spawned process and its pipe.

    Requests are made from one thread at a time; `kill` is safe from any. `silence_s`: without an event for so long a request
    counts as stuck, and the process is ended. `is_soft`: a cancelled request is given time to end by itself (a worker), else
    the process is killed at once (the I/O process, which keeps nothing).
    """

    def __init__(self, name: str, serve: Serve, *, silence_s: float | None = None, is_soft: bool = False) -> None:
        self.name = name
        self._serve = serve
        self._silence_s = silence_s
        self._is_soft = is_soft
        self._lock = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None
        self._is_ready = False
        self._is_busy = False
        self._epochs = itertools.count(1)
        self._drain: threading.Thread | None = None

    @property
    def process_id(self) -> int | None:
        """The process's number while it runs."""
        process = self._process
        return process.pid if process is not None else None

    @property
    def handles(self) -> list[Any]:
        """What to wait for: the pipe and the end of the process."""
        assert self._connection is not None
        return [self._connection, self._process.sentinel]

    def next_epoch(self) -> int:
        """Returns a number for the next request, higher than all before."""
        return next(self._epochs)

    def request(
        self,
        make: Callable[[int], Any],
        expect: type[_E],
        waker: Waker,
        on_event: Callable[[Any], None] | None = None,
    ) -> _E:
        """Sends make(epoch) and waits for the event of type `expect`; others for this epoch go to `on_event`.

        Raises what the process answers, Cancelled as soon as the waker is set, ProcessDiedError where the process ends, and
        StuckError where it says nothing for `silence_s`.
        """
        self.open(waker)
        epoch = self.next_epoch()
        self.post(make(epoch))
        self._is_busy = True
        try:
            while True:
                event = self._next_event(waker, epoch)
                if event.epoch != epoch:
                    continue
                if isinstance(event, messages.Failed):
                    raise from_failure(event.failure)
                if isinstance(event, expect):
                    return event
                if on_event is not None:
                    on_event(event)
        finally:
            self._is_busy = False

    def open(self, waker: Waker | None = None) -> None:
        """Returns when the process runs and reads requests; starts it where it does not run."""
        self.join_drain()
        process = self._process
        if process is None or not process.is_alive():
            self._drop()
            self._start()
        if self._is_ready:
            return
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready:
            left_s = deadline_s - time.monotonic()
            handles = [*self.handles, waker.handle] if waker is not None else self.handles
            ready = wait(handles, max(left_s, 0))
            if not ready:
                self._drop()
                raise WorkerError(
                    f"The {self.name} process did not start within {START_TIMEOUT_S:.0f} s.", "Try again."
                )
            if waker is not None and waker.is_set:
                raise Cancelled("Cancelled.")
            self._welcome(self.take())

    def post(self, request: Any) -> None:
        """Sends a request; where the process has just died, whoever reads the answer finds out."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.send(request)

    def take(self) -> Any:
        """Returns the next event, which `wait` on `handles` said is there. Raises ProcessDiedError where the process ended."""
        connection = self._connection
        with contextlib.suppress(EOFError, OSError):
            if connection is not None and connection.poll():
                return connection.recv()
        raise self._obituary()

    def has_event(self) -> bool:
        """Whether `take` would return or raise at once."""
        return bool(wait(self.handles, 0))

    def abandon(self, epoch: int) -> None:
        """Lets a cancelled worker end in the background: it leaves its canvas within `SOFT_CANCEL_S`, or is replaced."""
        self.post(messages.Cancel(epoch))
        self.post(messages.CloseCanvas(epoch))
        thread = threading.Thread(target=self._drain_until_idle, args=(epoch,), name=f"{self.name} drain", daemon=True)
        self._drain = thread
        thread.start()

    def join_drain(self) -> None:
        """Waits until an abandoned request is over; at most a little longer than `SOFT_CANCEL_S`."""
        if self._drain is not None:
            self._drain.join()
            self._drain = None

    def kill(self) -> None:
        """Ends the process at once, if it runs; safe from any thread. The thread that reads the pipe notices."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()

    def stop(self) -> None:
        """Asks an idle process to leave, and ends it where it does not within a second; one at work is ended at once."""
        if self._is_busy or self._drain is not None:
            self.kill()
            self.join_drain()
        elif self._process is not None:
            self.post(messages.Stop())
            self._process.join(1.0)
        self._drop()

    def _next_event(self, waker: Waker, epoch: int) -> Any:
        ready = wait([*self.handles, waker.handle], self._silence_s)
        if waker.is_set:
            if self._is_soft:
                self.abandon(epoch)
            else:
                self._drop()
            raise Cancelled("Cancelled.")
        if not ready:
            self._drop()
            raise StuckError(
                f"The {self.name} process made no progress for {self._silence_s:.0f} s and was ended.",
                "Try again; if it happens with this file only, the file is probably damaged.",
            )
        return self.take()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        parent_end, child_end = context.Pipe()
        process = context.Process(target=_run, args=(self._serve, child_end), name=f"triptych {self.name}", daemon=True)
        process.start()
        child_end.close()
        with self._lock:
            self._process, self._connection, self._is_ready = process, parent_end, False

    def _welcome(self, event: Any) -> None:
        if not isinstance(event, messages.Ready) or event.protocol_version != messages.PROTOCOL_VERSION:
            self._drop()
            raise WorkerError(
                f"The {self.name} process answered in a way this version does not understand.",
                "Install Triptych again: parts of two versions seem to be mixed.",
            )
        self._is_ready = True

    def _obituary(self) -> ProcessDiedError:
        """Ends what is left of the process and returns how it ended."""
        process = self._process
        code = None
        if process is not None:
            process.join(5)
            code = process.exitcode
        self._drop()
        reason = f"killed by signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        return ProcessDiedError(
            f"The {self.name} process ended unexpectedly ({reason}).",
            "If memory was short, try smaller tiles; `triptych doctor` shows what was found.",
        )

    def _drain_until_idle(self, epoch: int) -> None:
        deadline_s = time.monotonic() + SOFT_CANCEL_S
        while True:
            with self._lock:
                connection, process = self._connection, self._process
            if connection is None:
                return
            if not wait([connection, process.sentinel], max(deadline_s - time.monotonic(), 0)):
                # It did not come back: a new one is started at once, so that it is warm when the next request comes.
                self._drop()
                self._start()
                return
            try:
                event = connection.recv() if connection.poll() else None
            except (EOFError, OSError):
                event = None
            if event is None:
                self._drop()
                return
            if isinstance(event, messages.Ready):
                self._welcome(event)
            if event.epoch == epoch and isinstance(event, messages.DoneClose):
                return

    def _drop(self) -> None:
        """Ends the process and closes the pipe, in the thread that reads it."""
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
            self._is_ready = False
        if process is not None:
            process.kill()
            process.join()
            process.close()
        if connection is not None:
            connection.close()


def _run(serve: Serve, connection: Connection) -> None:
    serve(connection)


def is_answer(event: Any) -> bool:
    """Whether an event ends a request, and is not said on the way."""
    return not isinstance(event, _CHATTER)
