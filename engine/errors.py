"""The exceptions a user can meet, each a sentence that says what happened and what to do.

Imports the standard library only, so that every process can raise and read them.

    TriptychError               message + hint
    ├── UsageError              wrong command, option, model or scale: refused before any job (exit status 2)
    │   └── CheckpointError     a weights file that is refused
    ├── InputError              this image cannot be read; the other jobs go on
    │   └── ImageTooLargeError  refused from its header, before anything is decoded
    ├── OutputError             the result cannot be written (format, folder, disk)
    ├── DeviceError             the device asked for is not there
    ├── WorkerError             a worker or I/O process failed or died
    │   ├── OutOfMemoryError    not even the smallest pieces of a tile fit the memory
    │   ├── ContextLostError    the device failed and its context is lost: only a new process can go on
    │   │   └── HostMemoryError   the system refused memory in the middle of a computation: the same, with smaller pieces
    │   ├── NotFiniteError      a tile came out with values that are not finite, in fp32 too
    │   ├── ProcessDiedError    the process ended in the middle of a request
    │   └── StuckError          the process shows no sign of life
    ├── JobBusyError            another process works on this job
    └── Cancelled               the user stopped the job
"""

from __future__ import annotations

from dataclasses import dataclass


class TriptychError(Exception):
    """A failure in words: `message` says what happened, `hint` what to do about it (may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type[TriptychError], tuple[str, str]]:
        return type(self), (self.message, self.hint)


class UsageError(TriptychError):
    """A wrong command, option, model or scale: nothing has been started."""


class CheckpointError(UsageError):
    """A weights file that is refused; the message names what was recognised and what differs."""


class InputError(TriptychError):
    """An image that cannot be read."""


class ImageTooLargeError(InputError):
    """An image refused from its header, before a pixel is decoded."""


class OutputError(TriptychError):
    """A result that cannot be written: its format, its folder or its disk cannot take it."""


class DeviceError(TriptychError):
    """A device that is not there or cannot be used."""


class WorkerError(TriptychError):
    """A worker or I/O process that failed or died."""


class OutOfMemoryError(WorkerError):
    """Not even the smallest pieces of a tile fit into the memory of the device."""


class ContextLostError(WorkerError):
    """The device failed in a way that leaves its context unusable: the process that holds it has to end."""


class HostMemoryError(ContextLostError):
    """The system refused memory to a library in the middle of a computation, which not all of them survive."""


class NotFiniteError(WorkerError):
    """A tile came out with values that are not finite, computed again in fp32 too."""


class ProcessDiedError(WorkerError):
    """The process ended in the middle of a request: killed, or brought down by a fault."""


class StuckError(WorkerError):
    """The process showed no sign of life for so long that it was ended."""


class JobBusyError(TriptychError):
    """A job that another process runs or removes."""


class Cancelled(TriptychError):  # noqa: N818 - a decision of the user, not an error
    """The user stopped the job."""


@dataclass(frozen=True)
class Failure:
    """An exception as it crosses a process boundary: plain text, so that reading it runs no code."""

    kind: str
    message: str
    hint: str = ""
    details: str = ""


def format_bytes(count: int) -> str:
    """Returns a size as sentences name it: in GiB, in MiB below a tenth of one, in KiB below one of those."""
    if count >= 0.1 * 2**30:
        return f"{count / 2**30:.1f} GiB"
    return f"{count / 2**20:.0f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"


def _kinds(root: type[TriptychError]) -> dict[str, type[TriptychError]]:
    kinds = {root.__name__: root}
    for child in root.__subclasses__():
        kinds.update(_kinds(child))
    return kinds


def to_failure(error: BaseException, details: str = "") -> Failure:
    """Returns the exception as plain text; anything that is not a `TriptychError` becomes a `WorkerError`."""
    if isinstance(error, TriptychError):
        return Failure(type(error).__name__, error.message, error.hint, details)
    sentence = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Failure(WorkerError.__name__, f"An unexpected error stopped the work ({sentence}).", "", details)


def from_failure(failure: Failure) -> TriptychError:
    """Returns the exception that `to_failure` described; an unknown kind becomes a `WorkerError`."""
    error = _kinds(TriptychError).get(failure.kind, WorkerError)(failure.message, failure.hint)
    if failure.details:
        error.add_note(failure.details)
    return error
