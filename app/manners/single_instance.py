"""One window for each person and display: a second start hands its files to the first window and leaves.

Imports QtCore; QtNetwork only once there is somebody to talk to, so that the first start does not wait for it. A message is a
line that says how long the rest is, then absolute paths with a zero byte between them; the answer is one line. Whatever else
arrives is dropped: through this door come paths, and only those that the operating system lets the same person send.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget

from engine import paths

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer, QLocalSocket

_GREETING = b"triptych 1 "
_TAKEN, _REFUSED = b"taken\n", b"refused\n"
# More than the longest command line that systems allow.
MAX_MESSAGE_BYTES = 4 * 2**20
_HEAD_BYTES = 32
# A window that is busy for so long is not waited for: the files get a window of their own.
_ANSWER_MS = 5000
_CONNECT_MS = 1000
# Nobody else's socket: what a stranger begins and does not end is dropped.
_IDLE_MS = 5000
_MAX_GUESTS = 8
# What the kernel allows for the path of a socket, less what Qt adds while it makes one.
_SOCKET_PATH_BYTES = 90


def meeting_place(environment: Mapping[str, str] = os.environ) -> str:
    """Returns the name of this person's socket on this display: its path on Unix, a pipe's name on Windows.

    Another cache folder, another display and another person mean another window. "" where no folder is theirs alone:
    then every start has a window.
    """
    display = environment.get("WAYLAND_DISPLAY") or environment.get("DISPLAY") or environment.get("QT_QPA_PLATFORM", "")
    person = str(os.getuid()) if hasattr(os, "getuid") else environment.get("USERNAME", "")
    # What decides where settings and cache lie, rather than the folders themselves: to work those out takes longer.
    own = (environment.get(name, "") for name in ("TRIPTYCH_CACHE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HOME"))
    facts = "\0".join((person, display, *own))
    # A checksum tells one person's few places apart; the folder, not the name, keeps strangers out.
    name = f"triptych-{zlib.crc32(os.fsencode(facts)):08x}"
    if not hasattr(os, "getuid"):
        return name
    places = (folder / name for folder in _own_folders(environment))
    return next((str(path) for path in places if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES), "")


def _own_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Yields the folders that only this person can enter: the desktop's, one of our own among the temporary ones, the cache."""
    given = environment.get("XDG_RUNTIME_DIR")
    if given and _is_own(Path(given)):
        yield Path(given)
    # Somebody else may have made a folder of that name first: then it is none of ours.
    in_turn: tuple[Callable[[], Path], ...] = (
        lambda: Path(tempfile.gettempdir()) / f"triptych-{os.getuid()}",
        lambda: paths.cache_folder() / "door",
    )
    for folder_of in in_turn:
        folder = folder_of()
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_own(folder):
            yield folder


def _is_own(folder: Path) -> bool:
    try:
        found = folder.stat(follow_symlinks=False)
    except OSError:
        return False
    return found.st_uid == os.getuid() and found.st_mode & 0o077 == 0


def hand_over(files: Iterable[Path], place: str) -> bool:
    """Gives the files to the window that is open already, which comes to the front; False where there is none.

    Without files the window only comes to the front. A window that does not answer within five seconds counts as none.
    """
    if not place or (os.name == "posix" and not os.path.lexists(place)):
        return False
    message = _message(files)
    if message is None:
        return False
    from PySide6.QtNetwork import QLocalSocket

    socket = QLocalSocket()
    socket.connectToServer(place)
    if not socket.waitForConnected(_CONNECT_MS):
        return False
    socket.write(message)
    answer = b""
    while b"\n" not in answer and len(answer) < _HEAD_BYTES and socket.waitForReadyRead(_ANSWER_MS):
        answer += socket.readAll().data()
    socket.abort()
    return answer == _TAKEN


def _message(files: Iterable[Path]) -> bytes | None:
    body = b"\0".join(os.fsencode(path.absolute()) for path in files)
    return None if len(body) > MAX_MESSAGE_BYTES else _GREETING + str(len(body)).encode() + b"\n" + body


def read_message(received: bytes) -> list[Path] | None:
    """Returns the paths of a message, or None while more is to come. Raises ValueError for what is no message."""
    head, newline, body = received.partition(b"\n")
    if not newline:
        if len(received) > _HEAD_BYTES or not (received.startswith(_GREETING) or _GREETING.startswith(received)):
            raise ValueError("no greeting")
        return None
    length = head.removeprefix(_GREETING)
    if length == head or not length.isdigit() or len(head) > _HEAD_BYTES or int(length) > MAX_MESSAGE_BYTES:
        raise ValueError("no length")
    if len(body) < int(length):
        return None
    if len(body) > int(length):
        raise ValueError("more than was said")
    found = [Path(os.fsdecode(part)) for part in body.split(b"\0")] if body else []
    if not all(path.is_absolute() for path in found):
        raise ValueError("not a path")
    return found


class FirstWindow(QObject):
    """The door of the window that is open: `files_received(list[Path])` when another start hands over, at times no file."""

    files_received = Signal(list)

    def __init__(self, place: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._place = place
        self._server: QLocalServer | None = None
        self._guests: dict[QLocalSocket, bytearray] = {}

    @property
    def is_open(self) -> bool:
        """Whether other starts find this one."""
        return self._server is not None and self._server.isListening()

    @Slot()
    def listen(self) -> bool:
        """Opens the door; returns False where another window holds it, or the system does not allow one."""
        if self._server is not None or not self._place:
            return self.is_open
        from PySide6.QtNetwork import QLocalServer

        # Asked first: on Unix Qt would put its socket over that of the other window.
        if self._is_held():
            return False
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.setMaxPendingConnections(_MAX_GUESTS)
        server.newConnection.connect(self._welcome)
        if not server.listen(self._place):
            server.deleteLater()
            return False
        self._server = server
        return True

    def close(self) -> None:
        """Closes the door and removes its socket; may be repeated."""
        for guest in list(self._guests):
            self._see_off(guest)
        if self._server is not None:
            self._server.close()
            self._server.deleteLater()
            self._server = None

    def _is_held(self) -> bool:
        """Whether another window answers there; the socket of one that was killed is removed."""
        from PySide6.QtNetwork import QLocalServer, QLocalSocket

        probe = QLocalSocket()
        probe.connectToServer(self._place)
        if probe.waitForConnected(_CONNECT_MS):
            probe.abort()
            return True
        QLocalServer.removeServer(self._place)
        return False

    @Slot()
    def _welcome(self) -> None:
        while self._server is not None and (guest := self._server.nextPendingConnection()) is not None:
            if len(self._guests) >= _MAX_GUESTS:
                guest.abort()
                guest.deleteLater()
                continue
            self._guests[guest] = bytearray()
            guest.readyRead.connect(self._listen_to_sender)
            guest.disconnected.connect(self._forget_sender)
            # Bound to the guest: with it the timer goes.
            QTimer.singleShot(_IDLE_MS, guest, guest.abort)
            self._listen_to(guest)

    @Slot()
    def _listen_to_sender(self) -> None:
        guest = self.sender()
        if guest in self._guests:
            self._listen_to(guest)

    @Slot()
    def _forget_sender(self) -> None:
        guest = self.sender()
        if guest in self._guests:
            self._see_off(guest)

    def _listen_to(self, guest: QLocalSocket) -> None:
        received = self._guests[guest]
        received += guest.read(MAX_MESSAGE_BYTES + _HEAD_BYTES + 1 - len(received)).data()
        try:
            files = read_message(bytes(received))
        except ValueError:
            guest.write(_REFUSED)
            guest.flush()
            self._see_off(guest)
            return
        if files is None:
            return
        guest.write(_TAKEN)
        guest.flush()
        self._see_off(guest)
        self.files_received.emit(files)

    def _see_off(self, guest: QLocalSocket) -> None:
        self._guests.pop(guest, None)
        guest.disconnectFromServer()
        guest.deleteLater()


def bring_to_front(window: QWidget) -> None:
    """Shows the window above the others; where the desktop forbids that, it is marked in the task bar."""
    if window.isMinimized():
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
    window.show()
    window.raise_()
    window.activateWindow()
    QApplication.alert(window)
