"""A second start hands its files over; strangers, leftovers and rubbish do no harm."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QProcess
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.manners.single_instance import (
    MAX_MESSAGE_BYTES,
    FirstWindow,
    bring_to_front,
    hand_over,
    meeting_place,
    read_message,
)

SECOND = """
import sys
from pathlib import Path
from app.manners.single_instance import hand_over
taken = hand_over([Path(word) for word in sys.argv[2:]], sys.argv[1])
sys.exit(0 if taken else 3)
"""


@pytest.fixture
def place(tmp_path: Path) -> str:
    # The system's own bound on the path of a socket is shorter than pytest's folders may be.
    folder = Path(os.path.relpath(tmp_path)) if len(str(tmp_path)) > 80 else tmp_path
    return str(folder / "door")


@pytest.fixture
def door(qtbot: QtBot, place: str) -> Iterator[FirstWindow]:
    door = FirstWindow(place)
    assert door.listen()
    yield door
    door.close()


@pytest.fixture
def second(qtbot: QtBot, place: str) -> Callable[..., int]:
    """Starts another process that hands files over and returns its exit status."""

    def second(*files: str, folder: Path | None = None) -> int:
        process = QProcess()
        environment = process.processEnvironment()
        environment.insert("PYTHONPATH", str(Path(__file__).parents[3]))
        for name, value in os.environ.items():
            if name != "PYTHONPATH":
                environment.insert(name, value)
        process.setProcessEnvironment(environment)
        if folder is not None:
            process.setWorkingDirectory(str(folder))
        with qtbot.waitSignal(process.finished, timeout=30_000):
            process.start(sys.executable, ["-c", SECOND, str(Path(place).absolute()), *files])
        return process.exitCode()

    return second


def test_a_second_start_hands_its_files_over_as_whole_paths(
    qtbot: QtBot, door: FirstWindow, second: Callable[..., int], tmp_path: Path
) -> None:
    with qtbot.waitSignal(door.files_received) as received:
        assert second("a.png", "/elsewhere/ü – b.png", folder=tmp_path) == 0
    assert received.args == [[tmp_path / "a.png", Path("/elsewhere/ü – b.png")]]


def test_without_files_only_the_window_is_asked_for(
    qtbot: QtBot, door: FirstWindow, second: Callable[..., int]
) -> None:
    with qtbot.waitSignal(door.files_received) as received:
        assert second() == 0
    assert received.args == [[]]


def test_a_name_that_is_no_text_arrives(qtbot: QtBot, door: FirstWindow, place: str) -> None:
    odd = os.fsdecode(b"/tmp/caf\xe9\nnew line.png")
    message = b"\0".join([os.fsencode(odd)])
    assert read_message(b"triptych 1 %d\n%s" % (len(message), message)) == [Path(odd)]


def test_the_first_start_finds_nobody_and_loads_no_network(place: str) -> None:
    check = (
        "import sys\nfrom pathlib import Path\nfrom app.manners.single_instance import hand_over\n"
        "assert hand_over([Path('a.png')], sys.argv[1]) is False\nassert 'PySide6.QtNetwork' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", check, place], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr


def test_a_socket_left_by_a_killed_window_is_replaced(qtbot: QtBot, place: str, second: Callable[..., int]) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(place)
    left.close()
    assert Path(place).exists()
    assert hand_over([], place) is False
    door = FirstWindow(place)
    assert door.listen()
    with qtbot.waitSignal(door.files_received):
        assert second("a.png") == 0
    door.close()
    assert not Path(place).exists()


def test_a_second_window_does_not_take_the_door(qtbot: QtBot, door: FirstWindow, place: str) -> None:
    other = FirstWindow(place)
    assert not other.listen()
    assert not other.is_open
    assert door.is_open
    other.close()
    assert Path(place).exists()


def test_a_window_that_does_not_answer_counts_as_none(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.manners.single_instance._ANSWER_MS", 50)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(place)
        silent.listen()
        assert hand_over([Path("a.png")], place) is False


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"triptych 1 5\na.png",
        b"triptych 1 x\n",
        b"triptych 1 -5\n",
        b"triptych 1 4\n/a\0/b/c",
        b"triptych 1 %d\n" % (MAX_MESSAGE_BYTES + 1),
        b"triptych 2 0\n",
        b"x" * 100_000,
        b"triptych 1 3\n\0\0\0",
    ],
)
def test_whatever_is_no_list_of_paths_is_refused(qtbot: QtBot, door: FirstWindow, place: str, sent: bytes) -> None:
    heard: list[object] = []
    door.files_received.connect(heard.append)
    guest = QLocalSocket()
    guest.connectToServer(place)
    assert guest.waitForConnected(1000)
    with qtbot.waitSignal(guest.disconnected):
        guest.write(sent)
    assert guest.readAll().data() in (b"refused\n", b"")
    assert heard == []


def test_who_says_nothing_is_seen_off(
    qtbot: QtBot, door: FirstWindow, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.manners.single_instance._IDLE_MS", 30)
    guest = QLocalSocket()
    with qtbot.waitSignal(guest.disconnected):
        guest.connectToServer(place)
        guest.write(b"triptych 1 10\n/a")


def test_a_message_may_come_in_pieces(qtbot: QtBot, door: FirstWindow, place: str) -> None:
    guest = QLocalSocket()
    guest.connectToServer(place)
    assert guest.waitForConnected(1000)
    with qtbot.waitSignal(door.files_received) as received:
        for piece in (b"trip", b"tych 1 5\n", b"/a\0", b"/b"):
            guest.write(piece)
            guest.flush()
            qtbot.waitUntil(lambda: guest.bytesToWrite() == 0)
    assert received.args == [[Path("/a"), Path("/b")]]


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows keeps pipes apart by the person's session")
def test_only_this_person_may_knock(door: FirstWindow, place: str) -> None:
    assert stat.S_IMODE(Path(place).stat().st_mode) & 0o077 == 0
    with tempfile.TemporaryDirectory() as folder:
        environment = {"XDG_RUNTIME_DIR": folder, "DISPLAY": ":0"}
        assert meeting_place(environment).startswith(folder)
        assert meeting_place(environment) != meeting_place(environment | {"DISPLAY": ":1"})
        Path(folder).chmod(0o777)
        assert not meeting_place(environment).startswith(folder)
    assert Path(meeting_place({"DISPLAY": ":0"})).parent.stat().st_mode & 0o077 == 0


def test_where_no_folder_is_theirs_alone_every_start_has_a_window(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.manners.single_instance._is_own", lambda folder: False)
    assert meeting_place({}) == ""
    assert hand_over([Path("a.png")], "") is False
    assert not FirstWindow("").listen()


def test_another_cache_means_another_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = meeting_place()
    monkeypatch.setenv("TRIPTYCH_CACHE", str(tmp_path))
    assert meeting_place() != before


def test_the_program_itself_hands_over_and_leaves_at_once(qtbot: QtBot, tmp_path: Path) -> None:
    door = FirstWindow(meeting_place())
    received: list[list[Path]] = []
    door.files_received.connect(received.append)
    assert door.listen()
    process = QProcess()
    process.setWorkingDirectory(str(tmp_path))
    environment = process.processEnvironment()
    for name, value in (os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}).items():
        environment.insert(name, value)
    process.setProcessEnvironment(environment)
    with qtbot.waitSignals([door.files_received, process.finished], timeout=30_000):
        process.start(sys.executable, ["-m", "app", "photo.png"])
    assert process.exitCode() == 0
    assert received == [[tmp_path / "photo.png"]]
    door.close()


def test_a_minimised_window_comes_back(qtbot: QtBot, host: QWidget) -> None:
    host.showMinimized()
    bring_to_front(host)
    assert not host.isMinimized()
    assert host.isVisible()
