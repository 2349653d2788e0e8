"""The start of the program itself: what `app.main` wires together before the window is there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# The program as it starts, on an engine without processes; it ends when what was open and what was interrupted is there.
START = """
import sys
from pathlib import Path
import app.bridge
from app.bridge import Bridge
from PySide6.QtCore import QTimer
from tests.app.fake_engine import Controls, catalog
from app.windows.main_window import MainWindow

controls = Controls(Path(sys.argv[1]))
app.bridge.Bridge = lambda: Bridge(controls.make_engine, catalog)
init = MainWindow.__init__

def watched(window, *given):
    init(window, *given)
    awaited = {"models", "interrupted", "pictures"}

    def come(what):
        awaited.discard(what)
        if not awaited:
            print(*[picture.path.name for picture in window.session.pictures])
            window.close()

    bridge = window.desk.bridge
    bridge.models_listed.connect(lambda _: come("models"))
    bridge.interrupted_found.connect(lambda _: come("interrupted"))
    bridge.picture_opened.connect(lambda _: come("pictures"))

    def give_up():
        print("did not come:", *sorted(awaited))
        window.close_without_asking()

    QTimer.singleShot(20000, window, give_up)

MainWindow.__init__ = watched
from app.main import main
sys.exit(main(sys.argv[2:]))
"""


def test_the_start_opens_what_was_given_and_open_and_looks_for_what_was_interrupted(
    tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    given, before = make_image("given.png"), make_image("before.png")
    (tmp_path / "engine").mkdir()
    homes = ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "HOME")
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", **dict.fromkeys(homes, str(tmp_path))}
    (tmp_path / "triptych").mkdir()
    (tmp_path / "triptych" / "triptych.ini").write_text(f"[queue]\nfiles={before}\n")
    words = [sys.executable, "-c", START, str(tmp_path / "engine"), str(given)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["given.png", "before.png"]
