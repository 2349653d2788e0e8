"""Starts the window and ends it in order. Imports Qt only after `app.libraries` has found what Qt needs.

Order of the start: library check, another window that is open already, QApplication, language, theme, window, first paint,
engine. Order of the exit: the view lets go of its rasters, the bridge ends threads and processes, the event loop ends.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.libraries import why_qt_cannot_start

if TYPE_CHECKING:
    from PySide6.QtCore import QSocketNotifier

    from app.settings import Settings
    from app.windows.main_window import MainWindow

SWITCH_INTERVAL_S = 0.0005


def main(arguments: Sequence[str]) -> int:
    """Opens the window with these files and returns the exit status when it is closed; 1 where Qt cannot start."""
    problem = why_qt_cannot_start(os.environ)
    if problem:
        sys.stderr.write(problem + "\n")
        return 1
    return _run([Path(argument) for argument in arguments])


def _run(files: list[Path]) -> int:
    # Here, not above: without the libraries just looked for, Qt would end the process at its import or its start.
    from PySide6.QtWidgets import QApplication

    from app.manners.single_instance import FirstWindow, bring_to_front, hand_over, meeting_place

    place = meeting_place()
    if hand_over(files, place):
        # A window that is open already takes the files.
        return 0
    from app.bridge import Bridge
    from app.crash import CrashReporter
    from app.garbage import GarbageCollector
    from app.manners.translations import install_translations
    from app.settings import Settings
    from app.theme import STYLE_ARGUMENTS, Theme, application_icon
    from app.windows.main_window import MainWindow

    # Each call that Qt makes back into Python may wait so long for a thread that cuts tiles: with Python's 5 ms a first paint of
    # a result came 100 ms late.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    QApplication.setApplicationName("Triptych")
    QApplication.setDesktopFileName("triptych")
    application = QApplication([*sys.argv[:1], *STYLE_ARGUMENTS])
    collector = GarbageCollector(application)
    collector.start()
    application.setWindowIcon(application_icon())
    settings = Settings()
    settings.hand_to_engine()
    install_translations(application, settings.language)
    theme = Theme(application, settings.scheme)
    bridge = Bridge()
    window = MainWindow(bridge, settings, theme)
    reporter = CrashReporter(window.notices.show_error, window)
    reporter.install()
    window.painted.connect(bridge.start)
    bridge.list_models()
    bridge.find_interrupted()
    window.open_files(restore(settings, files))
    door = FirstWindow(place, window)

    def take(given: list[Path]) -> None:
        bring_to_front(window)
        window.open_files(given)

    door.files_received.connect(take)
    window.painted.connect(door.listen)
    window.closing.connect(door.close)
    notifier = _close_on_signals(window)
    window.show()
    status = application.exec()
    notifier.setEnabled(False)
    reporter.uninstall()
    bridge.close()
    collector.stop()
    return status


def restore(settings: Settings, files: Sequence[Path]) -> list[Path]:
    """Returns what the window opens at its start: the files of the command line, then what was open last."""
    given = [file.absolute() for file in files]
    return [*given, *(path for path in settings.queue if path not in given)]


def _close_on_signals(window: MainWindow) -> QSocketNotifier:
    """Ends the window on Ctrl+C and on a polite kill, without questions, which nobody could answer then.

    Python's handlers run only when Python runs, and Qt's loop sleeps outside of it: a signal writes a byte to a socket, and
    the socket wakes the loop.
    """
    from PySide6.QtCore import QSocketNotifier

    woken, waking = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    notifier = QSocketNotifier(woken.fileno(), QSocketNotifier.Type.Read, window)

    def close() -> None:
        woken.recv(64)
        window.close_without_asking()

    notifier.activated.connect(close)
    # Both ends live as long as the notifier.
    notifier.setProperty("sockets", (woken, waking))
    return notifier
