"""Pictures for the comparison, and a view on the screen that shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from app.compare.sources import PaneSource, SourceKind
from app.compare.view import ComparisonView
from app.theme import Theme
from engine.canvas import RasterRef, create_raster

Put = Callable[..., PaneSource]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Writes pixels (H, W, C) into a raster and returns it as a source."""
    count = iter(range(1000))

    def put(key: str, pixels: np.ndarray, kind: SourceKind = "model", **more: object) -> PaneSource:
        height, width, channels = pixels.shape
        path = tmp_path / f"raster-{next(count)}"
        reference = RasterRef(str(path), height, width, channels, str(pixels.dtype))  # type: ignore[arg-type]
        create_raster(reference)[:] = pixels
        return PaneSource(key, more.pop("title", key.title()), kind, reference, **more)  # type: ignore[arg-type]

    return put


@pytest.fixture
def noise() -> Callable[..., np.ndarray]:
    """Makes uint8 noise, the same for the same seed."""
    return lambda height, width, channels=3, seed=7: np.random.default_rng(seed).integers(
        0, 256, (height, width, channels), dtype=np.uint8
    )


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> Iterator[ComparisonView]:
    """A view on the screen; when it goes, its threads are gone."""
    view = ComparisonView(theme)
    qtbot.addWidget(view)
    view.resize(640, 442)
    with qtbot.waitExposed(view):
        view.show()
    view.setFocus()
    yield view
    view.close_rasters()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("triptych")], names


@pytest.fixture
def settle(qtbot: QtBot, view: ComparisonView) -> Callable[[], None]:
    """Waits until everything in view is sharp."""

    def settle() -> None:
        view.stage.refresh()
        qtbot.waitUntil(lambda: view.stage.is_sharp and view.store.is_idle, timeout=10_000)

    return settle


@pytest.fixture
def seen(view: ComparisonView, settle: Callable[[], None]) -> Callable[[], np.ndarray]:
    """Returns what the stage shows, (H, W, 3), labels left out."""

    def seen() -> np.ndarray:
        labels = view.stage.marks.labels
        paint = labels.paint
        labels.paint = lambda _painter: None  # type: ignore[method-assign]
        try:
            settle()
            return as_array(view.stage.grab().toImage())
        finally:
            labels.paint = paint  # type: ignore[method-assign]

    return seen


def as_array(image: QImage) -> np.ndarray:
    """Returns an image as (H, W, 3) uint8."""
    converted = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(converted.constBits(), np.uint8).reshape(converted.height(), converted.bytesPerLine())
    return rows[:, : converted.width() * 3].reshape(converted.height(), converted.width(), 3).copy()
