"""From Start to the first tile on the screen, beside the same job without a window.

`python -m app.bench.first_tile_child FOLDER`. The worker is warm: it has run the same job before. Both ways alternate.
Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QObject, QTimer, Slot
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

import resources
from app.bench.children import tell
from app.bridge import Bridge, CanvasMade, JobProgressed, TaskFailed, start_engine
from app.compare.sources import PaneSource
from app.compare.view import ComparisonView
from app.main import SWITCH_INTERVAL_S
from app.theme import STYLE_ARGUMENTS, Theme
from engine.canvas import RasterRef, create_raster
from engine.catalog import list_models
from engine.messages import ModelRequest, Progress, UpscaleSettings

TILE_PX = 128
_ROUNDS = 5
_MODEL, _SCALE = "esc-fast", 2
_EDGE_PX = 320
_LIMIT_MS = 120_000


class _Job(QObject):
    """One job as the window runs it: through the bridge, onto the comparison. Tells when its first tile was on the screen."""

    def __init__(self, bridge: Bridge, view: ComparisonView, source: RasterRef) -> None:
        super().__init__()
        self._bridge, self._view, self._source = bridge, view, source
        self._number = 0
        self._began_s = 0.0
        self._has_tile = False
        self._shown_s: list[float] = []
        self.failure = ""
        bridge.canvas_made.connect(self._on_canvas)
        bridge.progressed.connect(self._on_progress)
        bridge.job_done.connect(self._on_done)
        bridge.failed.connect(self._on_failed)
        view.stage.settled.connect(self._on_settled)
        self._loop = QEventLoop()
        QTimer.singleShot(_LIMIT_MS, self._loop, self._loop.quit)

    def run(self, weights: Path, settings: UpscaleSettings) -> float:
        """Runs the job to its end and returns the seconds from Start to the first tile on the screen."""
        self._number += 1
        self._has_tile = False
        self._shown_s.clear()
        self._view.show_sources([PaneSource("input", "input", "input", self._source)], keep_camera=True)
        QApplication.processEvents()
        self._began_s = time.monotonic()
        self._bridge.upscale(self._number, self._source, weights, _SCALE, settings)
        self._loop.exec()
        if self.failure or not self._shown_s:
            raise RuntimeError(self.failure or "no tile came to the screen")
        return self._shown_s[0]

    @Slot(object)
    def _on_canvas(self, event: CanvasMade) -> None:
        sources = [
            PaneSource("input", "input", "input", self._source),
            PaneSource("job", "ESC ×2", "model", event.canvas, finished=()),
        ]
        self._view.show_sources(sources, keep_camera=True)
        self._view.set_current("job")

    @Slot(object)
    def _on_progress(self, event: JobProgressed) -> None:
        if event.progress.sr_boxes:
            self._has_tile = True
            self._view.add_finished("job", event.progress.sr_boxes)

    @Slot()
    def _on_settled(self) -> None:
        if self._has_tile:
            self._shown_s.append(time.monotonic() - self._began_s)

    @Slot(object)
    def _on_done(self, _event: object) -> None:
        # A last paint, should the whole job have taken less than one.
        QTimer.singleShot(200, self._loop, self._loop.quit)

    @Slot(object)
    def _on_failed(self, event: TaskFailed) -> None:
        self.failure = event.failure.message
        self._loop.quit()


def main(arguments: list[str]) -> int:
    """Measures both ways five times each, then the window's with the tile "auto", and prints the medians."""
    folder = Path(arguments[0])
    # As in the window's own process.
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = QApplication([*sys.argv[:1], *STYLE_ARGUMENTS])
    source = _picture(folder / "picture.raw")
    weights = next(entry.path for entry in list_models() if (entry.name, entry.scale) == (_MODEL, _SCALE))
    fixed, auto = UpscaleSettings(tile_px=TILE_PX), UpscaleSettings()
    engine = start_engine()
    bridge = Bridge()
    view = ComparisonView(Theme(application))
    view.resize(1240, 780)
    view.show()
    bridge.start()
    job = _Job(bridge, view, source)
    first_tile = _timer(lambda hear: engine.upscale(source, request, fixed, folder / "alone.raw", hear, _ignore))
    request = ModelRequest(str(weights), _SCALE)
    try:
        # The first round of each warms the workers.
        alone, shown = [first_tile()], [job.run(weights, fixed)]
        for _ in range(_ROUNDS):
            alone.append(first_tile())
            shown.append(job.run(weights, fixed))
        job.run(weights, auto)
        automatic = [job.run(weights, auto) for _ in range(3)]
    finally:
        view.close_rasters()
        view.close()
        bridge.close()
        engine.close()
    window_s = statistics.median(shown[1:])
    alone_s = statistics.median(seconds for seconds, _ in alone[1:])
    tell(
        {
            "window_s": round(window_s, 3),
            "worker_s": round(alone_s, 3),
            "tile_s": round(statistics.median(tile for _, tile in alone[1:]), 3),
            "ratio": round(window_s / alone_s, 2),
            "auto_s": round(statistics.median(automatic), 3),
        }
    )
    return 0


def _timer(upscale: Callable[[Callable[[Progress], None]], object]) -> Callable[[], tuple[float, float]]:
    """Returns a function that runs a job without a window: seconds to its first tile, and the worker's own for that tile."""

    def run() -> tuple[float, float]:
        first: list[tuple[float, float]] = []
        began_s = time.monotonic()

        def on_progress(progress: Progress) -> None:
            if progress.sr_boxes and not first:
                first.append((time.monotonic() - began_s, progress.tile_seconds or 0.0))

        upscale(on_progress)
        return first[0]

    return run


def _ignore(_canvas: RasterRef) -> None:
    """A canvas that nobody looks at."""


def _picture(path: Path) -> RasterRef:
    """Returns the upper left of the bundled picture as a raster."""
    image = QImage(str(resources.path("samples") / "sample_hr.png")).convertToFormat(QImage.Format.Format_RGB888)
    part = image.copy(0, 0, _EDGE_PX, _EDGE_PX)
    rows = np.frombuffer(part.constBits(), np.uint8).reshape(part.height(), part.bytesPerLine())
    raster = RasterRef(str(path), part.height(), part.width(), 3, "uint8")
    create_raster(raster)[:] = rows[:, : part.width() * 3].reshape(part.height(), part.width(), 3)
    return raster


if __name__ == "__main__":
    from multiprocessing import freeze_support

    freeze_support()
    sys.exit(main(sys.argv[1:]))
