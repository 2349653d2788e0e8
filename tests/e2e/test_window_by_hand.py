"""The window on a screen of its own, driven as a person does it: with the keys, and looking at what is painted and written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from app.bridge import read_catalog
from app.libraries import why_qt_cannot_start

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="needs Xvfb, a screen that nobody sees"),
    pytest.mark.skipif(shutil.which("xdotool") is None, reason="needs xdotool, which presses keys"),
    pytest.mark.skipif(not read_catalog(), reason="no bundled weights in this checkout"),
]

WIDTH_PX, HEIGHT_PX = 1280, 800


def wait_for(what: str, is_so: Callable[[], object], seconds: float = 60.0) -> None:
    """Returns when it is so; fails after so many seconds and says what did not come."""
    pause, end_s = threading.Event(), time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end_s, f"{what}: not within {seconds:.0f} s"
        pause.wait(0.05)


@dataclass(frozen=True)
class Screen:
    """An X server without a monitor; its pixels lie in a file, in the format of `xwd`."""

    display: str
    pixels: Path

    def press(self, *keys: str) -> None:
        """Presses keys, one after the other, as xdotool names them."""
        self._do("key", "--clearmodifiers", *keys)

    def type(self, text: str) -> None:
        """Types a text."""
        self._do("type", text)

    def point(self, x: int, y: int) -> None:
        """Moves the pointer to a place of the screen."""
        self._do("mousemove", "--sync", str(x), str(y))

    def click(self, button: int = 1) -> None:
        """Clicks where the pointer is; 4 and 5 are the wheel's two ways."""
        self._do("click", str(button))

    def press_button(self) -> None:
        """Presses the left button and holds it."""
        self._do("mousedown", "1")

    def release_button(self) -> None:
        """Lets the left button go."""
        self._do("mouseup", "1")

    def drag(self, start: tuple[int, int], end: tuple[int, int], key: str = "") -> None:
        """Drags with the left button, and with a key held."""
        middle = ((start[0] + end[0]) // 2, (start[1] + end[1]) // 2)
        self.point(*start)
        if key:
            self._do("keydown", key)
        self.press_button()
        for place in (middle, end):
            self.point(*place)
        self.release_button()
        if key:
            self._do("keyup", key)

    def windows(self, name: str) -> list[str]:
        """Returns the numbers of the windows that can be seen and are called so (a regular expression)."""
        found = self._run("search", "--onlyvisible", "--name", name)
        return found.stdout.split()

    @property
    def is_managed(self) -> bool:
        """Whether a window manager is there."""
        return self._run("get_desktop").returncode == 0

    def place_of(self, window: str) -> list[int]:
        """Returns left, top, width and height of a window."""
        told = dict(line.split("=") for line in self._run("getwindowgeometry", "--shell", window).stdout.split())
        return [int(told[name]) for name in ("X", "Y", "WIDTH", "HEIGHT")]

    def focus(self, window: str) -> None:
        """Lets the keys go to this window: there is no window manager that would."""
        self._do("windowfocus", "--sync", window)

    def picture(self) -> NDArray[np.uint8]:
        """Returns what the comparison shows: the screen without tool bar, controls and lines at the bottom (H, W, 4)."""
        raw = np.fromfile(self.pixels, dtype=np.uint8)
        # XWD's header: big-endian numbers of 32 bits.
        header = raw[:100].view(">u4")
        start, line_bytes = int(header[0] + 12 * header[19]), int(header[12])
        screen = raw[start : start + line_bytes * HEIGHT_PX].reshape(HEIGHT_PX, -1, 4)
        assert (header[4], header[5], header[11]) == (WIDTH_PX, HEIGHT_PX, 32)
        return screen[SHOWN].copy()

    def settled(self) -> NDArray[np.uint8]:
        """Returns what the comparison shows once it has been still for half a second."""
        seen, since_s = self.picture(), time.monotonic()

        def is_still() -> bool:
            nonlocal seen, since_s
            now = self.picture()
            if not np.array_equal(now, seen):
                seen, since_s = now, time.monotonic()
            return time.monotonic() - since_s > 0.5

        wait_for("a picture that is still", is_still)
        return seen

    def changes(self, *keys: str) -> NDArray[np.uint8]:
        """Presses keys, waits until another picture is shown and still, and returns it."""
        return self.changed_by(" ".join(keys), lambda: self.press(*keys))

    def changed_by(self, what: str, do_it: Callable[[], None]) -> NDArray[np.uint8]:
        """Does something, waits until another picture is shown and still, and returns it."""
        before = self.settled()
        do_it()
        wait_for(f"another picture after {what}", lambda: not np.array_equal(self.picture(), before), 20)
        return self.settled()

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"DISPLAY": self.display}
        return subprocess.run(
            ["xdotool", *words], env=environment, capture_output=True, text=True, timeout=30, check=False
        )

    def _do(self, *words: str) -> None:
        done = self._run(*words)
        assert done.returncode == 0, done.stderr


# Where the comparison's panes lie in a window at the top left of the screen, right of the list.
SHOWN = np.s_[120:560, 220:880]
MIDDLE = (550, 340)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Screen]:
    folder = tmp_path / "screen"
    folder.mkdir()
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [
            *("Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH_PX}x{HEIGHT_PX}x24", "-fbdir", str(folder)),
            *("-nolisten", "tcp", "-noreset"),
        ],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as told:
        # Written once it takes connections.
        number = told.readline().strip()
    try:
        assert number, "Xvfb did not start"
        yield Screen(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(10)


Begin = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begin(screen: Screen, tmp_path: Path) -> Iterator[Begin]:
    """Starts a module with words, with settings, cache and a runtime folder of its own; ends what is left of it."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    settings = tmp_path / "config" / "triptych" / "triptych.ini"
    settings.parent.mkdir(parents=True)
    # The memory panel moves all the time, and what is to be seen here is what keys change.
    settings.write_text("[window]\nlanguage=en\nappearance=dark\nmemory=false\n[model]\nname=esc-fast\n")
    environment = os.environ | {
        "DISPLAY": screen.display,
        "QT_QPA_PLATFORM": "xcb",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_RUNTIME_DIR": str(runtime),
        "TRIPTYCH_CACHE": str(tmp_path / "cache"),
        "TRIPTYCH_DATA": str(tmp_path / "data"),
    }
    environment.pop("WAYLAND_DISPLAY", None)
    problem = why_qt_cannot_start(environment)
    if problem:
        pytest.skip(problem)
    begun: list[subprocess.Popen[str]] = []

    def start(module: str, *words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, words)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=(tmp_path / f"stderr-{len(begun)}").open("w"),
            start_new_session=True,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        for left in of_session(process.pid):
            os.kill(left, signal.SIGKILL)
        process.wait(10)


def of_session(number: int) -> list[int]:
    """Returns the processes of a session: the one that began it, its children, and theirs."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # After the name, which may hold anything: state, parent, group, session.
                facts = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                # It ended meanwhile.
                continue
            if int(facts[3]) == number and facts[0] != "Z":
                found.append(int(folder.name))
    return found


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """An image (H 60, W 90) of noise with an edge, whose enlargements differ visibly."""
    return write_photo(tmp_path / "photo.png")


def write_photo(path: Path) -> Path:
    image = np.random.default_rng(5).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    image[20:40, 30:60] = (30, 200, 90)
    assert cv2.imwrite(str(path), image)
    return path


def open_window(screen: Screen, begin: Begin, module: str, photo: Path) -> subprocess.Popen[str]:
    """Starts the window with an image, waits until the image is painted, and gives the window the keys."""
    process = begin(module, photo)
    title = f"^{photo.name} – Triptych$"
    wait_for("the window", lambda: screen.windows(title) or process.poll() is not None)
    assert process.poll() is None, "the window left at once"
    screen.focus(screen.windows(title)[0])
    wait_for("the picture", lambda: len(np.unique(screen.picture().reshape(-1, 4), axis=0)) > 1000)
    return process


def upscale(screen: Screen, photo: Path) -> NDArray[np.uint8]:
    """Presses the key that upscales, waits for the file beside the image, and returns what is shown then."""
    result = photo.with_name(f"{photo.stem}_esc-fast_x2.png")
    before = screen.settled()
    screen.press("ctrl+Return")
    wait_for("the result's file", result.exists)
    # It got its name when it was whole.
    assert cv2.imread(str(result)).shape == (120, 180, 3)
    wait_for("the result on the screen", lambda: not np.array_equal(screen.picture(), before))
    # The card that tells the device may still be coming in above the picture, and with it the picture moves.
    wait_for("all that comes by itself", lambda: np.array_equal(screen.settled(), screen.settled()))
    return screen.settled()


def leave(screen: Screen, window: subprocess.Popen[str]) -> None:
    """Presses the key that quits; the window leaves in order, and no process stays."""
    screen.press("ctrl+q")
    assert window.wait(30) == 0
    wait_for("the end of every process", lambda: not of_session(window.pid), 10)


def test_upscales_saves_and_leaves_by_the_keys(screen: Screen, begin: Begin, photo: Path, tmp_path: Path) -> None:
    window = open_window(screen, begin, "engine.cli", photo)
    upscale(screen, photo)
    leave(screen, window)
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["photo.png", "photo_esc-fast_x2.png"]
    assert list((tmp_path / "cache" / "jobs").iterdir()) == []
    assert list((tmp_path / "run").iterdir()) == []
    assert (tmp_path / "stderr-0").read_text() == ""


def test_files_of_another_program_are_dropped(screen: Screen, begin: Begin, photo: Path, tmp_path: Path) -> None:
    window = begin("app")
    wait_for("the empty window", lambda: screen.windows("^Triptych$"))
    second = write_photo(tmp_path / "second.png")
    begin("tests.e2e.drag_source", 1000, 700, photo, second)
    wait_for("the other program", lambda: screen.windows("^Files$"))
    empty = screen.settled()
    screen.point(1060, 730)
    screen.press_button()
    for place in ((1040, 700), (900, 500), MIDDLE):
        screen.point(*place)
    # The drop area answers what is held over it.
    wait_for("the answer", lambda: not np.array_equal(screen.picture(), empty))
    screen.settled()
    screen.release_button()
    wait_for("the first of the images", lambda: screen.windows("^photo.png – Triptych$"))
    screen.focus(screen.windows("^photo.png – Triptych$")[0])
    wait_for("the picture", lambda: len(np.unique(screen.picture().reshape(-1, 4), axis=0)) > 1000)
    # Taken back as one: the files stay where they are.
    screen.press("ctrl+z")
    wait_for("the empty window again", lambda: screen.windows("^Triptych$"))
    assert photo.exists()
    assert second.exists()
    leave(screen, window)


def test_keys_change_what_is_shown_and_change_it_back(screen: Screen, begin: Begin, photo: Path) -> None:
    window = open_window(screen, begin, "app", photo)
    side = upscale(screen, photo)
    # Difference, tile grid.
    for key in ("d", "g"):
        assert not np.array_equal(screen.changes(key), side)
        assert np.array_equal(screen.changes(key), side)
    # Side by side, grid, one, wipe, and round again.
    screen.changes("m")
    one = screen.changes("m")
    given, made = screen.changes("1"), screen.changes("2")
    assert np.array_equal(made, one)
    assert not np.array_equal(given, made)
    screen.changes("m")
    assert np.array_equal(screen.changes("m"), side)
    # Zoom and fit.
    screen.changes("plus")
    assert np.array_equal(screen.changes("f"), side)
    # The palette: found by a few letters, run by Return.
    # With the screen's own.
    alone = screen.windows("")
    screen.press("ctrl+shift+p")
    wait_for("the palette", lambda: len(screen.windows("")) > len(alone))
    screen.type("zoom in")
    screen.press("Return")
    wait_for("the end of the palette", lambda: screen.windows("") == alone)
    wait_for("a larger picture", lambda: not np.array_equal(screen.settled(), side))
    assert np.array_equal(screen.changes("f"), side)
    # Without a window manager nothing becomes larger; the window takes the key and goes on.
    screen.press("F11", "F11")
    assert np.array_equal(screen.settled(), side)
    leave(screen, window)


def test_the_mouse_zooms_pans_marks_and_parts(screen: Screen, begin: Begin, photo: Path) -> None:
    window = open_window(screen, begin, "app", photo)
    upscale(screen, photo)
    screen.press("ctrl+1")
    # Off the picture first: what lies under the pointer may be told.
    screen.point(*MIDDLE)
    fit = screen.settled()
    larger = screen.changed_by("the wheel", lambda: screen.click(4))
    # Panned there and back.
    there = (MIDDLE[0] + 60, MIDDLE[1] + 40)
    assert not np.array_equal(screen.changed_by("a drag", lambda: screen.drag(MIDDLE, there)), larger)
    assert np.array_equal(screen.changed_by("a drag back", lambda: screen.drag(there, MIDDLE)), larger)
    # A region, and off with it.
    corner = (MIDDLE[0] - 80, MIDDLE[1] - 80)
    screen.changed_by("a marked region", lambda: screen.drag(corner, MIDDLE, "shift"))
    assert np.array_equal(screen.changes("Escape"), larger)
    assert not np.array_equal(screen.changed_by("the wheel back", lambda: screen.click(5)), larger)
    assert np.array_equal(screen.changes("f"), fit)
    # The divider follows the mouse.
    screen.changes("ctrl+2")
    screen.changed_by("a moved divider", lambda: screen.drag(MIDDLE, (MIDDLE[0] + 100, MIDDLE[1])))
    leave(screen, window)


@pytest.mark.skipif(
    shutil.which("openbox") is None, reason="needs openbox: only a window manager makes a window larger"
)
def test_f11_fills_the_screen_and_esc_gives_it_back(screen: Screen, begin: Begin, photo: Path) -> None:
    environment = os.environ | {"DISPLAY": screen.display}
    manager = subprocess.Popen(["openbox"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("the window manager", lambda: screen.is_managed)
        window = open_window(screen, begin, "app", photo)
        name = screen.windows(f"^{photo.name} – Triptych$")[0]
        before = screen.place_of(name)
        for keys in (("F11", "F11"), ("F11", "Escape")):
            for key, place in zip(keys, ([0, 0, WIDTH_PX, HEIGHT_PX], before), strict=True):
                screen.press(key)
                wait_for(f"the place after {key}", lambda place=place: screen.place_of(name) == place, 20)
        leave(screen, window)
    finally:
        manager.terminate()
        manager.wait(10)


def test_a_preview_a_cancel_and_its_undo(screen: Screen, begin: Begin, tmp_path: Path) -> None:
    # Large enough to be cancelled in the middle.
    photo = tmp_path / "large.png"
    assert cv2.imwrite(str(photo), np.random.default_rng(6).integers(0, 256, (700, 900, 3), dtype=np.uint8))
    result = tmp_path / "large_esc-fast_x2.png"
    window = open_window(screen, begin, "app", photo)
    # The card that tells the device comes in above the noise, and with it the picture moves.
    wait_for("the card", lambda: np.ptp(screen.picture()[4:24, 400:].astype(int), axis=(0, 1)).max() == 0)
    whole = screen.settled()
    screen.press("ctrl+r")
    wait_for("the preview", lambda: not np.array_equal(screen.picture(), whole))
    wait_for("a preview that is still", lambda: np.array_equal(screen.settled(), screen.settled()), 120)
    assert not np.array_equal(screen.settled(), whole)
    screen.press("Escape")
    wait_for("the end of the preview", lambda: np.array_equal(screen.settled(), whole))
    jobs = tmp_path / "cache" / "jobs"
    screen.press("ctrl+Return")
    wait_for("the first tile", lambda: any(jobs.glob("*/journal*")) and not np.array_equal(screen.picture(), whole))
    screen.press("ctrl+period")
    held = screen.settled()
    assert not result.exists()
    screen.press("ctrl+z")
    wait_for("the result's file", result.exists, 240)
    assert cv2.imread(str(result)).shape == (1400, 1800, 3)
    assert not np.array_equal(screen.settled(), held)
    leave(screen, window)


def test_a_second_start_hands_its_image_to_the_first_window(
    screen: Screen, begin: Begin, photo: Path, tmp_path: Path
) -> None:
    window = open_window(screen, begin, "app", photo)
    other = write_photo(tmp_path / "other.png")
    second = begin("app", other)
    assert second.wait(30) == 0
    wait_for("the other image", lambda: screen.windows("^other.png – Triptych$"))
    assert not screen.windows("^photo.png – Triptych$")
    # Both are there: closing one shows the other.
    screen.press("ctrl+w")
    wait_for("the first image", lambda: screen.windows("^photo.png – Triptych$"))
    screen.press("ctrl+w")
    wait_for("the empty window", lambda: screen.windows("^Triptych$"))
    leave(screen, window)
