"""Entry of the worker process: reads requests from its pipe and answers them, one at a time, until the pipe closes.

Two threads beside the one that computes: the listener reads the pipe, so that a cancel is heard in the middle of a tile, and
the heartbeat tells that the process lives. Imports torch (through `engine.worker.session`) only when the first request needs
it, so that a refused pipe costs nothing.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from engine import messages
from engine.errors import ContextLostError, OutOfMemoryError, TriptychError, WorkerError, to_failure
from engine.memory.allocator import prepare_allocator
from engine.memory.probe import private_bytes, release_freed
from engine.worker.gauge import Gauge, heap_in_use_bytes
from engine.worker.heartbeat import Pulse

if TYPE_CHECKING:
    from engine.worker.cancel import CancelToken
    from engine.worker.session import Session
    from engine.worker.work import CanvasWork

# Exit statuses: of a worker whose device failed, and of one that was sent what is no message. The parent starts a new one.
CONTEXT_LOST_STATUS = 75
PROTOCOL_STATUS = 76
_T = TypeVar("_T")


def serve(connection: Connection) -> None:
    """Answers requests until `Stop` or the end of the pipe; an error becomes `Failed`, and the next request is served."""
    # Ctrl+C goes to the whole terminal group: the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Read when torch is loaded: how long a thread of libgomp spins for the others before it sleeps. By default so long that,
    # beside other busy programs, each operation waits for a time slice (ARCHITECTURE.md, "Threads").
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    prepare_allocator()
    with contextlib.suppress(EOFError, OSError):
        _Worker(connection).run()


class _Worker:
    """The three threads of the process and the queue between them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._send_lock = threading.Lock()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        # Cancels that were heard before torch is loaded wait here for the token.
        self._heard: list[int] = []
        self._token: CancelToken | None = None
        self._token_lock = threading.Lock()

    def send(self, event: Any) -> None:
        """Sends an event; safe from any thread."""
        with self._send_lock:
            self._connection.send(event)

    def cancel_token(self) -> CancelToken:
        """Returns the token of the inference thread; made with the first request that needs torch."""
        from engine.worker.cancel import CancelToken

        with self._token_lock:
            if self._token is None:
                self._token = CancelToken()
                for epoch in self._heard:
                    self._token.cancel(epoch)
            return self._token

    def run(self) -> None:
        """Answers requests until told to stop."""
        self.send(messages.Ready(0, messages.PROTOCOL_VERSION, os.getpid()))
        threading.Thread(target=self._listen, name="listener", daemon=True).start()
        gauge = Gauge()
        handle = _Handler(self.send, self.cancel_token, Pulse(self.send, gauge.read), gauge)
        while not isinstance(request := self._requests.get(), messages.Stop):
            try:
                handle(request)
            except ContextLostError as error:
                self.send(messages.Failed(request.epoch, to_failure(error, traceback.format_exc())))
                os._exit(CONTEXT_LOST_STATUS)
            except Exception as error:
                self.send(messages.Failed(request.epoch, to_failure(error, traceback.format_exc())))
        handle.close()

    def _listen(self) -> None:
        try:
            while True:
                request = self._connection.recv()
                if isinstance(request, messages.Cancel):
                    with self._token_lock:
                        if self._token is None:
                            self._heard.append(request.epoch)
                        else:
                            self._token.cancel(request.epoch)
                else:
                    self._requests.put(request)
        except (EOFError, OSError):
            # The parent is gone. Nothing that is computed now could be told to anybody, and whoever resumes the job waits for the
            # lock that this process holds; what is recorded is on its way to the disk.
            os._exit(0)
        except Exception:
            # Whatever unpickling raises. A worker that heard nothing any more would never be cancelled and never end.
            os._exit(PROTOCOL_STATUS)


class _Handler:
    """Keeps the loaded model and the open canvas between requests."""

    def __init__(
        self, send: Callable[[Any], None], token: Callable[[], CancelToken], pulse: Pulse, gauge: Gauge
    ) -> None:
        self._send = send
        self._make_token = token
        self._pulse = pulse
        self._gauge = gauge
        self._session: Session | None = None
        self._work: CanvasWork | None = None
        self._base_bytes: int | None = None
        self._default_threads = 0

    def __call__(self, request: Any) -> None:
        with self._pulse.doing("loading"):
            token = self._make_token()
        token.begin(request.epoch)
        if not isinstance(request, messages.CloseCanvas):
            token.check()
        self._send(self._answer(request))

    def _answer(self, request: Any) -> Any:
        match request:
            case messages.Prepare():
                session = self._load(request.model, request.settings)
                session.check_backend(request.settings.backend)
                return session.prepared(request.epoch)
            case messages.Plan():
                return self._plan(request)
            case messages.OpenCanvas():
                return self._open(request)
            case messages.RunTile():
                work = self._open_work()
                with self._pulse.doing(work.activity(request.index)):
                    return self._guarded(lambda: work.run_tile(request), work.device)
            case messages.BlendSeam():
                with self._pulse.doing("computing"):
                    return self._open_work().blend(request)
            case messages.CloseCanvas():
                with self._pulse.doing("computing"):
                    return self.close() or messages.DoneClose(request.epoch, {}, 0)
            case messages.Install():
                from engine.worker.install import install

                with self._pulse.doing("loading"):
                    return install(request)
            case messages.InspectAttention():
                return self._inspect(request)
            case messages.Examine():
                from engine.worker.devices import examine

                with self._pulse.doing("loading"):
                    return messages.DoneExamine(request.epoch, examine())
            case _:
                raise TypeError(f"unknown request {type(request).__name__}")

    def close(self) -> messages.DoneClose | None:
        """Leaves the canvas, where one is open; returns what was done on it."""
        work, self._work = self._work, None
        return work.close() if work is not None else None

    def _open_work(self) -> CanvasWork:
        if self._work is None:
            raise WorkerError("There is no open canvas.")
        return self._work

    def _open(self, request: messages.OpenCanvas) -> messages.DoneOpen:
        from engine.worker.work import CanvasWork

        self.close()
        session = self._load(request.model, request.settings)
        with self._pulse.doing("loading"):
            release_freed()
            # Nobody waits for it any more, and its folder may be gone.
            self._make_token().check()
            self._work = CanvasWork(request, session)
        return messages.DoneOpen(request.epoch, session.prepared(request.epoch))

    def _inspect(self, request: messages.InspectAttention) -> messages.DoneAttention:
        session = self._load(request.model, request.settings)
        session.check_backend(request.settings.backend)
        # A tile of this size may be the first one: on a GPU the kernels are compiled for it.
        with self._pulse.doing("compiling" if session.device.startswith("cuda") else "computing"):
            from engine.worker.inspector import inspect_attention

            return self._guarded(lambda: inspect_attention(request, session), session.device)

    def _plan(self, request: messages.Plan) -> messages.DonePlan:
        from engine.tiling.geometry import plan_tiles
        from engine.tiling.goals import least_good_px

        settings = request.settings
        session = self._load(request.model, settings)
        session.check_backend(settings.backend)
        # Where nothing is known yet it is measured; on a GPU the kernels are compiled for that.
        with self._pulse.doing("compiling" if session.device.startswith("cuda") else "computing"):
            forecast = session.forecast(settings, request.channels, request.sharers)
            plan = self._guarded(
                lambda: forecast.plan(
                    request.height,
                    request.width,
                    window_px=session.info.window_px,
                    overlap_px=settings.overlap_px,
                    asked=settings.tile_px,
                    least_good_px=least_good_px(session.info.sha256),
                ),
                session.device,
            )
            session.hold_to_budget(plan.budget_bytes)
        tiles = plan_tiles(
            request.height,
            request.width,
            tile_px=plan.tile_px,
            overlap_px=plan.overlap_px,
            window_px=session.info.window_px,
        )
        return messages.DonePlan(
            request.epoch,
            session.prepared(request.epoch),
            plan.tile_px,
            plan.overlap_px,
            len(tiles.tiles),
            plan.predicted_bytes,
            plan.budget_bytes,
            plan.free_bytes,
            plan.overlap_share,
            plan.warnings,
        )

    def _load(self, model: messages.ModelRequest, settings: messages.UpscaleSettings) -> Session:
        with self._pulse.doing("loading"):
            import torch

            from engine.worker.faults import give_back, is_out_of_memory
            from engine.worker.session import Session, session_key

        self._default_threads = self._default_threads or torch.get_num_threads()
        threads = settings.threads or self._default_threads
        if threads != torch.get_num_threads():
            torch.set_num_threads(threads)
        key = session_key(model, settings)
        if self._session is not None and self._session.serves(key):
            return self._session
        # The old model goes first: two would not fit where one just does.
        self._session = self._gauge.loaded = None
        release_freed()
        if self._base_bytes is None:
            # What the modules hold stays: to look through it takes a tenth of a second, twice in each job.
            gc.freeze()
        # What the process holds without a model: the least that was ever seen before one was loaded.
        self._base_bytes = min(self._base_bytes or private_bytes(), private_bytes())
        heap_bytes = heap_in_use_bytes()
        token = self._make_token()
        with self._pulse.doing("loading"):
            for is_last in (False, True):
                token.check()
                try:
                    self._session = self._guarded(
                        lambda: Session(model, settings, key, self._base_bytes or 0, token), settings.device
                    )
                    break
                except Exception as error:
                    if not is_out_of_memory(error, settings.device):
                        raise
                    if is_last:
                        raise OutOfMemoryError(
                            "There is not enough memory to load the model.",
                            "Close other programs, or use a smaller model or --device cpu.",
                        ) from None
                    give_back(error, settings.device)
        assert self._session is not None
        self._gauge.loaded = self._session.held(heap_bytes)
        return self._session

    def _guarded(self, call: Callable[[], _T], device: str) -> _T:
        """Calls, and tells an error that cost the process its usefulness apart from one that it survives."""
        from engine.worker.faults import is_context_lost, leaves_ruins

        try:
            return call()
        except TriptychError:
            raise
        except Exception as error:
            if is_context_lost(error, device):
                raise ContextLostError(
                    f"{device} failed ({type(error).__name__}).",
                    "If it happens again, update the driver; --device cpu works without it.",
                ) from error
            if leaves_ruins(error):
                raise ContextLostError(f"A library failed on {device} ({error}).") from error
            raise
