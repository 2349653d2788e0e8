"""Pans and zooms the comparison of a 20 000 × 20 000 result: `python -m app.bench.panning_child FOLDER`.

The rasters are sparse files, which read as black: as much is read, converted and drawn as for any picture. Imports Qt and `app`.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.bench.children import tell
from app.bench.ticks import TICK_MS, Ticks
from app.compare.sources import PaneSource
from app.compare.view import ComparisonView
from app.theme import STYLE_ARGUMENTS, Theme
from engine.canvas import RasterRef

EDGE_PX = 20_000
_SCALE = 2
_SECONDS = 12.0
_OPENING_MS = 1000
_SIZE_PX = (1240, 780)
# Every two seconds another zoom, and between them a walk over the picture.
_ZOOMS = (1.0, 0.25, 2.0, 0.05, 1.0, 8.0)
_STEP_PX = 24


def main(arguments: list[str]) -> int:
    """Pans for twelve seconds in two layouts and prints how late ticks came."""
    folder = Path(arguments[0])
    application = QApplication([*sys.argv[:1], *STYLE_ARGUMENTS])
    theme = Theme(application)
    view = ComparisonView(theme)
    view.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
    view.resize(*_SIZE_PX)
    view.show()
    result = _sparse(folder / "result.raw", EDGE_PX, "float32")
    small = _sparse(folder / "input.raw", EDGE_PX // _SCALE, "uint8")
    view.show_sources(
        [PaneSource("input", "input", "input", small), PaneSource("job:1", "ESC ×2", "model", result)],
        keep_camera=False,
    )
    view.set_mode("side")
    ticks = Ticks()
    walk = _Walk(view)
    # The opening is measured elsewhere. `exit`, not `quit`, which would close the view first.
    QTimer.singleShot(_OPENING_MS, application, lambda: application.exit(0))
    application.exec()
    walk.start()
    ticks.start()
    QTimer.singleShot(round(_SECONDS * 1000), application, lambda: application.exit(0))
    application.exec()
    if not view.isVisible() or not walk.paints:
        raise RuntimeError("the view was not painted")
    walk.timer.stop()
    found = ticks.stop()
    view.close_rasters()
    view.close()
    tell(found | {"steps": walk.steps, "paints": walk.paints, "platform": QApplication.platformName()})
    return 0


class _Walk(QObject):
    """Moves the camera at every tick, in a circle, and zooms at times; counts how often that was painted."""

    def __init__(self, view: ComparisonView) -> None:
        super().__init__()
        self._view = view
        self._began_s = 0.0
        self._zoom = 0.0
        self.steps = 0
        self.paints = 0
        view.stage.installEventFilter(self)
        self.timer = QTimer(interval=TICK_MS, timerType=Qt.TimerType.PreciseTimer)
        self.timer.timeout.connect(self._step)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Counts paints."""
        self.paints += event.type() == QEvent.Type.Paint
        return super().eventFilter(watched, event)

    def start(self) -> None:
        """Sets out."""
        self.paints = 0
        self._began_s = time.monotonic()
        self.timer.start()

    def _step(self) -> None:
        now_s = time.monotonic() - self._began_s
        zoom = _ZOOMS[int(now_s / _SECONDS * len(_ZOOMS)) % len(_ZOOMS)]
        camera = self._view.camera
        if zoom != self._zoom:
            self._zoom = zoom
            camera.zoom_to(zoom)
        camera.pan(_STEP_PX * math.cos(now_s), _STEP_PX * math.sin(now_s))
        self.steps += 1


def _sparse(path: Path, edge_px: int, dtype: str) -> RasterRef:
    """Returns a square RGB raster whose file takes no room on the disk."""
    raster = RasterRef(str(path), edge_px, edge_px, 3, dtype)  # type: ignore[arg-type]
    with open(path, "wb") as file:
        file.truncate(raster.size_bytes)
    return raster


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
