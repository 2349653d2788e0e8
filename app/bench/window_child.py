"""The window as it is started by hand, watched: `python -m app.bench.window_child bare|paint|upscale IMAGE`.

`bare` is an empty PySide6 window, to compare with. `paint` ends with the first paint. `upscale` lets the window run its default
model on the image and counts late ticks meanwhile. Imports Qt and `app`; the window is that of `app.main`, with a subclass in its
place that watches.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from app.bench.children import tell

_POLL_MS = 20


def main(arguments: list[str]) -> int:
    """Runs one of the three and prints what was found."""
    what, image = arguments
    return {"bare": _bare, "paint": _paint, "upscale": _upscale}[what](image)


def _bare(_image: str) -> int:
    from PySide6.QtCore import QEvent, QTimer
    from PySide6.QtWidgets import QApplication, QWidget

    class Bare(QWidget):
        """Tells of its first paint as Triptych's window does."""

        was_painted = False

        def event(self, event: QEvent) -> bool:
            handled = super().event(event)
            if event.type() == QEvent.Type.Paint and not self.was_painted:
                self.was_painted = True
                QTimer.singleShot(0, self.end)
            return handled

        def end(self) -> None:
            tell({"painted_s": time.monotonic(), "platform": QApplication.platformName()})
            QApplication.quit()

    application = QApplication(sys.argv[:1])
    window = Bare()
    window.resize(1240, 780)
    window.show()
    return application.exec()


def _paint(image: str) -> int:
    from app.windows.main_window import MainWindow

    class Painted(MainWindow):
        """Tells of its first paint and goes."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.painted.connect(self.end)

        def end(self) -> None:
            painted_s = time.monotonic()
            tell({"painted_s": painted_s, "has_torch": "torch" in sys.modules})
            self.close_without_asking()

    return _start(Painted, image)


def _upscale(image: str) -> int:
    from PySide6.QtCore import QTimer
    from PySide6.QtGui import QAction, QKeySequence

    from app.bench.ticks import Ticks
    from app.windows.main_window import MainWindow

    class Working(MainWindow):
        """Starts as soon as it can, and counts ticks from the first canvas to the end of the job."""

        def __init__(self, bridge: Any, *arguments: Any) -> None:
            super().__init__(bridge, *arguments)
            self.ticks = Ticks(self)
            self.found: dict[str, Any] = {"error": "The window did not start the job."}
            self.starter = QTimer(self, interval=_POLL_MS)
            self.starter.timeout.connect(self.start_when_possible)
            self.painted.connect(self.starter.start)
            bridge.canvas_made.connect(self.ticks.start)
            bridge.job_done.connect(self.end)
            bridge.failed.connect(self.end)

        def start_when_possible(self) -> None:
            start = next(each for each in self.findChildren(QAction) if each.shortcut() == QKeySequence("Ctrl+Return"))
            if start.isEnabled():
                self.starter.stop()
                start.trigger()

        def end(self, event: Any) -> None:
            failure = getattr(event, "failure", None)
            counted = self.ticks.stop()
            tell({"error": failure.message} if failure is not None else counted | {"has_torch": "torch" in sys.modules})
            self.close_without_asking()

    return _start(Working, image)


def _start(window_class: type, image: str) -> int:
    """Runs the window's own `main` with the watching class in the place of the window's."""
    from app import main as start
    from app.windows import main_window

    setattr(main_window, "MainWindow", window_class)  # noqa: B010 - a name of another module, replaced on purpose
    return start.main([image])


if __name__ == "__main__":
    from multiprocessing import freeze_support

    freeze_support()
    sys.exit(main(sys.argv[1:]))
