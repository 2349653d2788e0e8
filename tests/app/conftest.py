"""Fixtures of the window's tests: an offscreen Qt, settings in a temporary folder, a window on a fake engine."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QLocale, QSettings, QTranslator
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.bridge import Bridge
from app.garbage import GarbageCollector
from app.manners.translations import install_translations
from app.settings import Settings
from app.theme import STYLE_ARGUMENTS, Theme
from app.windows.main_window import MainWindow
from tests.app.fake_engine import Controls, catalog


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """What pytest-qt makes the application with."""
    return ["triptych", *STYLE_ARGUMENTS]


@pytest.fixture(scope="session", autouse=True)
def collector() -> Iterator[GarbageCollector]:
    """As in the program, no thread but this one ends what lies in a cycle."""
    gc.disable()
    yield GarbageCollector()
    gc.enable()


@pytest.fixture(autouse=True)
def collected(collector: GarbageCollector) -> Iterator[None]:
    """Between tests, as between events."""
    yield
    collector.collect()


@pytest.fixture
def controls(tmp_path: Path) -> Controls:
    folder = tmp_path / "rasters"
    folder.mkdir()
    return Controls(folder)


@pytest.fixture
def make_image(tmp_path: Path) -> Callable[..., Path]:
    """Writes an image of smooth colours and returns its path."""

    def make(name: str = "photo.png", height: int = 48, width: int = 80) -> Path:
        rows, columns = np.mgrid[0:height, 0:width]
        image = np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) % 256], axis=2)
        path = tmp_path / name
        assert cv2.imwrite(str(path), image.astype(np.uint8))
        return path

    return make


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    theme = Theme(qapp)
    yield theme
    qapp.setStyleSheet("")
    theme.deleteLater()


@pytest.fixture
def bridge(qapp: QApplication, controls: Controls) -> Iterator[Bridge]:
    bridge = Bridge(controls.make_engine, catalog)
    yield bridge
    bridge.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("triptych")], names


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    # Most tests look at results before they are saved.
    settings.saves_results = False
    return settings


@pytest.fixture
def window(qtbot: QtBot, bridge: Bridge, settings: Settings, theme: Theme) -> MainWindow:
    """A window on the screen, with its models listed."""
    window = MainWindow(bridge, settings, theme)
    qtbot.addWidget(window, before_close_func=lambda closing: setattr(closing, "_asks_before_loss", False))
    show_with_models(qtbot, window, bridge)
    return window


def show_with_models(qtbot: QtBot, window: MainWindow, bridge: Bridge) -> None:
    """Puts a window on the screen and waits until its models are listed."""
    window.painted.connect(bridge.start)
    bridge.list_models()
    with qtbot.waitSignal(window.painted):
        window.show()
    qtbot.waitUntil(lambda: window.panel.choice is not None)


@pytest.fixture
def german(qapp: QApplication) -> Iterator[None]:
    """The window in German, and English again afterwards."""
    before = QLocale()
    assert install_translations(qapp, "de") == "de"
    yield
    for translator in qapp.findChildren(QTranslator):
        qapp.removeTranslator(translator)
        translator.deleteLater()
    QLocale.setDefault(before)
