"""The attention inspector with the real worker: three models, one click, an answer from each, laid over its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

import app.bridge
from app.bridge import Bridge
from app.jobs import JobState
from app.settings import Settings
from app.theme import Theme
from app.windows.main_window import MainWindow
from engine.attention import KernelsFound, TokensFound, WindowsFound

pytestmark = pytest.mark.skipif(not app.bridge.read_catalog(), reason="no bundled weights in this checkout")

HEIGHT, WIDTH = 48, 80
FOUND = {"esc-fast": KernelsFound, "sscan-fast": WindowsFound, "pft-fast": TokensFound}


@pytest.fixture
def real_window(
    qtbot: QtBot,
    settings: Settings,
    theme: Theme,
    make_image: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MainWindow]:
    """A window with a worker of its own and an image in it, whose pixels are there."""
    monkeypatch.setenv("TRIPTYCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TRIPTYCH_DATA", str(tmp_path / "data"))
    window = MainWindow(Bridge(), settings, theme)
    qtbot.addWidget(window, before_close_func=lambda closing: setattr(closing, "_asks_before_loss", False))
    window.painted.connect(window._bridge.start)
    window._bridge.list_models()
    window.open_files([make_image("photo.png", HEIGHT, WIDTH)])
    with qtbot.waitSignal(window.painted):
        window.show()
    qtbot.waitUntil(window.actions_.start.isEnabled, timeout=60_000)
    yield window
    window.close_without_asking()
    qtbot.waitUntil(lambda: window._bridge._is_closed)


def upscale(qtbot: QtBot, window: MainWindow, model: str) -> str:
    """Upscales the image twice with a model and returns the key of the result's pane."""
    card = next(each for each in window.panel._cards if each.entry_for(2).name == model)
    card.radio.setChecked(True)
    window.actions_.start.trigger()
    picture = window.session.shown
    assert picture is not None
    job = picture.results[-1]
    qtbot.waitUntil(lambda: job.state is JobState.DONE, timeout=60_000)
    assert (job.model, job.scale) == (model, 2)
    return f"job:{job.number}"


def click_on(window: MainWindow, key: str) -> None:
    """Clicks the middle of a picture's pane."""
    frame = next(part.cell.frame for part in window.view.panes.parts if part.key == key)
    ratio = window.view.panes.ratio
    middle = QPoint(round(frame.center().x() / ratio), round(frame.center().y() / ratio))
    QTest.mouseClick(window.view.stage, Qt.MouseButton.LeftButton, pos=middle)


@pytest.mark.timeout(180)
def test_a_click_is_answered_by_every_model_and_drawn_over_its_picture(qtbot: QtBot, real_window: MainWindow) -> None:
    window, view, panel = real_window, real_window.view, real_window.inspecting.panel
    keys = {model: upscale(qtbot, window, model) for model in FOUND}
    assert view.mode == "grid"
    assert window.right.currentWidget() is window.panel
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_A)
    assert window.right.currentWidget() is panel
    assert view.comparison.overlays == {}

    with qtbot.waitSignal(view.pixel_picked) as picked:
        click_on(window, keys["sscan-fast"])
    key, x, y = picked.args
    assert key == keys["sscan-fast"]
    # The middle, to the pixel of the screen that was hit.
    assert abs(x - WIDTH / 2) <= 1
    assert abs(y - HEIGHT / 2) <= 1
    qtbot.waitUntil(lambda: set(view.comparison.overlays) == set(keys.values()), timeout=60_000)
    # The model that was clicked is the one that is told of.
    assert panel.current_key == keys["sscan-fast"]
    assert panel._pages.currentWidget() is panel._scroller
    assert panel.windows.isVisible()
    assert not panel.tokens.isVisible()
    assert not panel.kernels.isVisible()
    assert panel._place.text() == f"Pixel {x}, {y}"
    assert panel._tile.text() == "Seen on a tile of 80 × 48 px"
    for model, key in keys.items():
        look = panel._pixel.looks[key]
        assert look.error is None
        assert (look.done.attention.x, look.done.attention.y) == (x, y)
        assert isinstance(look.done.attention.found, FOUND[model])
        overlay = view.comparison.overlays[key]
        box = overlay.box
        assert 0 <= box.left < box.left + box.width <= WIDTH
        assert 0 <= box.top < box.top + box.height <= HEIGHT
        image = overlay.image
        seen = [image.pixelColor(x, y).alpha() for y in range(image.height()) for x in range(image.width())]
        assert any(seen), f"nothing is drawn over {model}"

    # Another model, another step: other details, another overlay, and nothing is computed again.
    for model, details in (("pft-fast", panel.tokens), ("esc-fast", panel.kernels)):
        view.set_current(keys[model])
        assert panel.current_key == keys[model]
        assert details.isVisible()
    view.set_current(keys["pft-fast"])
    steps = panel._pixel.looks[keys["pft-fast"]].done.attention.found.steps
    # Fewer and fewer tokens survive.
    assert steps[0].count > steps[-1].count
    first = view.comparison.overlays[keys["pft-fast"]].image
    panel.steps.slider.setValue(len(steps) - 1)
    assert view.comparison.overlays[keys["pft-fast"]].image != first

    # A second A ends it: the controls are back, and nothing lies over the pictures.
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_A)
    assert window.right.currentWidget() is window.panel
    assert view.comparison.overlays == {}
    assert window.notices.notices == []
