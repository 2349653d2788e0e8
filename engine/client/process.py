"""One child process and its pipe: started when it is first needed, noticed when it dies, drained or killed when it is cancelled.

Imports the standard library and the plain modules of `engine`.

Who may do what: one thread at a time *owns* a child, reads its pipe and buries it: the one that makes the calls, or after a
cancel the drain thread, for which the next owner waits. Any other thread may only `kill`; the owner notices.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from engine import messages
from engine.client.patience import Condition, Patience, Silence
from engine.errors import (
    Cancelled,
    ContextLostError,
    ProcessDiedError,
    StuckError,
    WorkerError,
    from_failure,
)
from engine.memory.allocator import starting_environment

RESTARTED = "was restarted"
_CHATTER = (messages.Heartbeat, messages.IoProgress, messages.Ready)
_SETTLE_POLL_S = 0.02
# Processes read the environment when they start, and the environment belongs to all threads.
_STARTING = threading.Lock()
_E = TypeVar("_E")
Serve = Callable[[Connection], None]


class Waker:
    """Wakes a thread that waits for processes, because of a cancel; `handle` goes among what it waits for."""

    def __init__(self) -> None:
        self.handle, self._sender = multiprocessing.Pipe(duplex=False)
        self._lock = threading.Lock()
        self._is_set = False
        self._is_final = False

    @property
    def is_set(self) -> bool:
        """Whether a cancel was asked for."""
        return self._is_set

    def set(self, *, for_good: bool = False) -> None:
        """Wakes whoever waits; safe from any thread, also after `close`. `for_good`: `clear` does not forget it."""
        with self._lock:
            self._is_final = self._is_final or for_good
            if not self._is_set:
                self._is_set = True
                if not self._sender.closed:
                    self._sender.send_bytes(b"!")

    def clear(self) -> None:
        """Forgets the cancel."""
        with self._lock:
            if self._is_set and not self._is_final:
                self._is_set = False
                self.handle.recv_bytes()

    def check(self) -> None:
        """Raises Cancelled where a cancel was asked for."""
        if self._is_set:
            raise Cancelled("Cancelled.")

    def close(self) -> None:
        """Gives the pipe back; from then on every call is cancelled."""
        with self._lock:
            self._is_set = self._is_final = True
            self.handle.close()
            self._sender.close()


class Child:
    """One spawned process and its pipe. `is_worker`: a cancelled request is given time to end by itself, and silence is told.

    The I/O process, which keeps nothing, is killed at once when it is cancelled. `silence` says for how long nothing was heard;
    `exit_code` and `ended_by` how the last process ended: its status, and why where this class or `kill` ended it. `on_memory` is
    told what the process holds, by the thread that owns the child.
    """

    def __init__(
        self,
        name: str,
        serve: Serve,
        patience: Patience,
        *,
        is_worker: bool = False,
        on_memory: Callable[[messages.WorkerMemory], None] | None = None,
    ) -> None:
        self.name = name
        self.silence = Silence(patience)
        self.is_ready = False
        self.exit_code: int | None = None
        self.ended_by = ""
        self._serve = serve
        self._patience = patience
        self._is_worker = is_worker
        self._on_memory = on_memory
        # Held while the two below change hands, so that `kill` never meets a process that is gone.
        self._lock = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None
        self._is_retired = False
        self._epochs = itertools.count(1)
        # Set when the drain thread has let go. Not asked with `join`: an interrupted one takes the thread for dead.
        self._drained: threading.Event | None = None

    @property
    def process_id(self) -> int | None:
        """The process's number from its start until its end was noticed."""
        with self._lock:
            return self._process.pid if self._process is not None else None

    @property
    def handles(self) -> list[Any]:
        """What to wait for: the pipe and the end of the process; nothing where there is no process."""
        return [] if self._connection is None else [self._connection, self._process.sentinel]

    def next_epoch(self) -> int:
        """Returns a number for the next request, higher than all before."""
        return next(self._epochs)

    # For the owner

    def request(
        self,
        make: Callable[[int], Any],
        expect: type[_E],
        waker: Waker,
        on_stalled: Callable[[Silence], None] | None = None,
    ) -> _E:
        """Sends make(epoch) and waits for the event of type `expect`; says to `on_stalled` once when nothing is heard.

        Raises what the process answers, Cancelled as soon as the waker is set, ProcessDiedError where the process ends, and
        StuckError where it says nothing for too long.
        """
        self.open(waker)
        epoch = self.next_epoch()
        self.post(make(epoch))
        # A worker that reads it says at once what it is doing.
        self.silence.begin("idle", None if self._is_worker else self._patience.io_silence_s)
        is_answered = False
        try:
            while not is_answered:
                event = self._next_event(waker, on_stalled)
                if event.epoch != epoch or not is_answer(event):
                    continue
                is_answered = True
                if isinstance(event, expect):
                    return event
            if not isinstance(event, messages.Failed):
                raise self.refuse()
            failure = from_failure(event.failure)
            if isinstance(failure, ContextLostError):
                self.discard("lost its device")
            raise failure
        finally:
            if not is_answered:
                self._leave(epoch)

    def start(self) -> None:
        """Sees to it that a process runs; `is_ready` when it reads requests. Raises WorkerError where the system refuses."""
        if self._process is None or wait([self._process.sentinel], 0):
            self._bury()
            self._spawn()

    def open(self, waker: Waker) -> None:
        """Returns when the process runs and reads requests; one that dies while it starts gets a second try."""
        for is_last in (False, True):
            try:
                self.settle(waker)
                self.start()
                while not self.is_ready:
                    self._next_event(waker, None)
                return
            except StuckError as error:
                raise WorkerError(
                    f"The {self.name} process did not start within {self._patience.start_s:.0f} s.", "Try again."
                ) from error
            except ProcessDiedError as error:
                if is_last:
                    raise WorkerError(
                        f"The {self.name} process cannot be started. {error.message}",
                        "Close other programs; if that does not help, install Triptych again.",
                    ) from error

    def post(self, request: Any) -> None:
        """Sends a request; where the process has just died, whoever reads the answer finds out."""
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.send(request)

    def take(self) -> Any:
        """Returns the next event, which `wait` on `handles` said is there.

        Raises ProcessDiedError where the process ended, WorkerError where it says what no worker of this version says; it is
        gone then.
        """
        connection = self._connection
        try:
            event = connection.recv() if connection is not None and connection.poll() else None
        except (EOFError, OSError):
            event = None
        except Exception as error:
            # Whatever unpickling raises: the process sent what is no message.
            raise self.refuse() from error
        if event is None:
            raise self._obituary()
        if not isinstance(event, messages.Event):
            raise self.refuse()
        if isinstance(event, messages.Ready):
            if event.protocol_version != messages.PROTOCOL_VERSION:
                raise self.refuse()
            self.is_ready = True
        self.silence.hear(event)
        if isinstance(event, messages.Heartbeat) and event.memory is not None and self._on_memory is not None:
            self._on_memory(event.memory)
        return event

    def refuse(self) -> WorkerError:
        """Ends a process that does not keep to the protocol; returns the error that says so."""
        self.discard("was ended because it did not keep to the protocol")
        return WorkerError(
            f"The {self.name} process answered in a way this version does not understand.",
            "Try again; if it happens again, install Triptych again: parts of two versions seem to be mixed.",
        )

    def discard(self, reason: str) -> None:
        """Ends a process that is of no more use (it is leaving, or cannot be trusted): the next request must not meet it."""
        self.ended_by = reason
        self._bury()

    def abandon(self, epoch: int) -> None:
        """Lets a cancelled worker end in the background: it leaves its canvas within `soft_cancel_s`, or is replaced."""
        self.dismiss(epoch)
        drained = self._drained = threading.Event()
        threading.Thread(target=self._drain, args=(epoch, drained), name=f"{self.name} drain", daemon=True).start()

    def dismiss(self, epoch: int) -> None:
        """Tells a worker that nobody waits for what it is doing, and gives it the time it takes: the process stays."""
        self.post(messages.Cancel(epoch))
        self.post(messages.CloseCanvas(epoch))

    def settle(self, waker: Waker) -> None:
        """Waits until an abandoned request is over, a little longer than `soft_cancel_s` at most."""
        while self._drained is not None and not self._drained.wait(_SETTLE_POLL_S):
            waker.check()
        self._drained = None

    # For the end

    def kill(self, reason: str) -> None:
        """Ends the process at once, if there is one; safe from any thread. Its owner notices, and says `reason`."""
        with self._lock:
            if self._process is not None:
                self.ended_by = self.ended_by or reason
                self._process.kill()

    def ask_to_leave(self) -> None:
        """Asks an idle process to leave, or ends one that is being drained; `end` waits for it. No other starts after that."""
        self._is_retired = True
        if self._drained is not None:
            self.kill("was closed")
        else:
            self.post(messages.Stop())

    def end(self, within_s: float) -> None:
        """Waits so long for a process that was asked to leave, then ends it."""
        if self._drained is not None:
            self._drained.wait()
            self._drained = None
        self._bury(within_s)

    def _next_event(self, waker: Waker, on_stalled: Callable[[Silence], None] | None) -> Any:
        while True:
            ready = wait([*self.handles, waker.handle], self._patience.look_s)
            waker.check()
            if ready:
                return self.take()
            match self.silence.look():
                case Condition.STALLED if on_stalled is not None:
                    on_stalled(self.silence)
                case Condition.STUCK:
                    silent_s = self.silence.seconds
                    self._bury()
                    raise StuckError(
                        f"The {self.name} process made no progress for {silent_s:.0f} s and was ended.",
                        "Try again; if it happens with this file only, the file is probably damaged.",
                    )

    def _leave(self, epoch: int) -> None:
        """Deals with a request whose answer nobody waits for any more."""
        if self._process is None:
            return
        if self._is_worker:
            self.abandon(epoch)
        else:
            self._bury()

    def _spawn(self) -> None:
        context = multiprocessing.get_context("spawn")
        try:
            parent_end, child_end = context.Pipe()
        except OSError as error:
            raise self._no_process(error) from error
        process = context.Process(target=_run, args=(self._serve, child_end), name=f"triptych {self.name}", daemon=True)
        try:
            with _STARTING, _without_interrupts(), self._environment():
                process.start()
        except OSError as error:
            parent_end.close()
            raise self._no_process(error) from error
        finally:
            child_end.close()
        self.silence.begin("starting", self._patience.start_s)
        with self._lock:
            self._process, self._connection = process, parent_end
            self.is_ready, self.ended_by, self.exit_code = False, "", None

    def _environment(self) -> contextlib.AbstractContextManager[None]:
        return starting_environment() if self._is_worker else contextlib.nullcontext()

    def _no_process(self, error: OSError) -> WorkerError:
        return WorkerError(
            f"The {self.name} process cannot be started ({error.strerror or error}).", "Close other programs."
        )

    def _obituary(self) -> ProcessDiedError:
        """Ends what is left of the process and returns how it ended."""
        self._bury(self._patience.leave_s)
        code = self.exit_code
        if self.ended_by:
            how = self.ended_by
        elif code is not None and code < 0:
            how = f"ended unexpectedly (killed by {_signal_name(-code)})"
        else:
            how = f"ended unexpectedly (exit status {code})"
        return ProcessDiedError(
            f"The {self.name} process {how}.",
            "If memory was short, try smaller tiles; `triptych doctor` shows what was found.",
        )

    def _drain(self, epoch: int, drained: threading.Event) -> None:
        try:
            with contextlib.suppress(WorkerError):
                self._drain_until_idle(epoch)
        finally:
            drained.set()

    def _drain_until_idle(self, epoch: int) -> None:
        deadline_s = time.monotonic() + self._patience.soft_cancel_s
        while self._process is not None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or not wait(self.handles, left_s):
                # It did not come back. A new one is started at once, so that it reads requests when the next one comes.
                self._bury()
                if not self._is_retired:
                    self._spawn()
                return
            event = self.take()
            if isinstance(event, messages.DoneClose) and event.epoch == epoch:
                return

    def _bury(self, within_s: float = 0) -> None:
        """Gives the process so long to end by itself, ends it, and gives back what it held. By the owner only."""
        with self._lock:
            process, connection = self._process, self._connection
        if process is None:
            return
        if not wait([process.sentinel], within_s):
            process.kill()
        # Long only where the system cannot end it, as in a driver that hangs; then it is left to the system.
        process.join(self._patience.end_s)
        with self._lock:
            self._process = self._connection = None
            self.is_ready = False
            self.exit_code = process.exitcode
        # ValueError: not ended yet, or just now waited for by another thread that starts a process. Its end gives the rest back.
        with contextlib.suppress(ValueError):
            process.close()
        if connection is not None:
            connection.close()


def end_together(children: list[Child], within_s: float) -> None:
    """Asks all of the processes to leave, and ends those that have not after `within_s`."""
    for child in children:
        child.ask_to_leave()
    deadline_s = time.monotonic() + within_s
    for child in children:
        child.end(max(deadline_s - time.monotonic(), 0))


def is_answer(event: Any) -> bool:
    """Whether an event ends a request, and is not said on the way."""
    return not isinstance(event, _CHATTER)


def _run(serve: Serve, connection: Connection) -> None:
    serve(connection)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Holds Ctrl+C back for the block, in the child too: a new process has no handler yet and would print a traceback."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    # It comes with the first process that multiprocessing starts, and lets Ctrl+C through again on its way.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
