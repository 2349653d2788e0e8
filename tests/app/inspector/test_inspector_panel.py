"""The panel of the attention inspector: it teaches, asks, waits, shows, and says what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QLabel, QSlider, QWidget
from pytestqt.qtbot import QtBot

from app.compare.sources import PaneSource, SourceKind
from app.compare.view import ComparisonView
from app.inspector.panel import AttentionInspector, InspectedModel
from app.theme import Theme
from engine.canvas import RasterRef, create_raster
from engine.tiling.geometry import Box
from tests.app.inspector.conftest import TILE, Answer

MODELS = [InspectedModel("job:1", "SSCAN ×2"), InspectedModel("job:2", "PFT ×2"), InspectedModel("job:3", "ESC ×2")]
KINDS = {"job:1": "windows", "job:2": "tokens", "job:3": "kernels"}


class Heard:
    """What the panel asked for, and what lies over which picture."""

    def __init__(self, inspector: AttentionInspector) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.overlays: dict[str, tuple[QImage, Box]] = {}
        self.drawn: list[str] = []
        inspector.asked.connect(lambda *asked: self.asked.append(asked))
        inspector.overlay_changed.connect(self._lay)

    def _lay(self, key: str, image: QImage | None, box: Box) -> None:
        if image is None:
            del self.overlays[key]
        else:
            self.overlays[key] = (image, box)
            self.drawn.append(key)


@pytest.fixture
def inspector(qtbot: QtBot, theme: Theme) -> AttentionInspector:
    inspector = AttentionInspector(theme)
    qtbot.addWidget(inspector)
    inspector.resize(320, 760)
    with qtbot.waitExposed(inspector):
        inspector.show()
    return inspector


@pytest.fixture
def heard(inspector: AttentionInspector) -> Heard:
    return Heard(inspector)


def words(widget: QWidget) -> str:
    """Everything that can be read."""
    shown: list[Any] = [*widget.findChildren(QLabel), *widget.findChildren(QAbstractButton)]
    return "\n".join(each.text() for each in shown if each.isVisible())


def show_all(inspector: AttentionInspector, answer: Answer, x: int = 50, y: int = 33, picked: str = "job:1") -> None:
    inspector.show_models(MODELS)
    inspector.pick(picked, x, y)
    for key, kind in KINDS.items():
        inspector.take(key, answer(kind, x, y))


def test_the_empty_panel_teaches(inspector: AttentionInspector) -> None:
    assert "Upscale the image first" in words(inspector)
    inspector.show_models(MODELS)
    assert "Press A and click a pixel" in words(inspector)
    for name in ("SSCAN", "PFT", "ESC"):
        assert name in words(inspector)
    inspector.set_active(True)
    assert "Click a pixel" in words(inspector)


def test_a_click_asks_every_model_the_one_that_was_clicked_first(inspector: AttentionInspector, heard: Heard) -> None:
    inspector.show_models(MODELS)
    inspector.pick("job:2", 7, 9)
    assert heard.asked == [("job:2", 7, 9), ("job:1", 7, 9), ("job:3", 7, 9)]
    assert inspector.current_key == "job:2"
    assert "Pixel 7, 9" in words(inspector)
    assert "Looking into PFT ×2" in words(inspector)
    assert heard.overlays == {}


def test_the_input_can_be_clicked_too_and_shows_the_current_model(
    inspector: AttentionInspector, heard: Heard, answer: Answer
) -> None:
    show_all(inspector, answer, picked="input")
    assert heard.overlays.keys() == {"job:1", "job:2", "job:3", "input"}
    assert heard.overlays["input"][0] == heard.overlays["job:1"][0]
    inspector.choose("job:3")
    assert heard.overlays["input"][0] == heard.overlays["job:3"][0]
    assert all(box == TILE for _, box in heard.overlays.values())


def test_a_button_chooses_the_model(inspector: AttentionInspector, answer: Answer, qtbot: QtBot) -> None:
    show_all(inspector, answer)
    buttons = {each.text(): each for each in inspector.findChildren(QAbstractButton) if each.isVisible()}
    with qtbot.waitSignal(inspector.model_chosen) as chosen:
        qtbot.mouseClick(buttons["PFT ×2"], Qt.MouseButton.LeftButton)
    assert chosen.args == ["job:2"]
    assert inspector.current_key == "job:2"
    assert "16 of 16" in words(inspector)
    # Told by the program, it is no choice of the person.
    with qtbot.assertNotEmitted(inspector.model_chosen):
        inspector.choose("job:3")


def test_sscan_says_what_red_and_white_are(inspector: AttentionInspector, answer: Answer) -> None:
    show_all(inspector, answer)
    shown = words(inspector)
    assert "Block 1 of 2 · attention 1 of 2" in shown
    assert "The window of this pixel, 8 × 8 px" in shown
    assert "The 2 windows it reads, the most alike of 48" in shown
    assert "One of them is its own. The farthest is 23 px away." in shown
    assert "Seen on a tile of 64 × 48 px" in shown
    assert "Computed in 0.2 s on CPU, fp32." in shown or "Computed in 0.3 s on CPU, fp32." in shown
    inspector.steps.slider.setValue(1)
    assert "Its own is not among them." in words(inspector)


def test_the_arrow_keys_go_through_the_network(
    inspector: AttentionInspector, heard: Heard, answer: Answer, qtbot: QtBot
) -> None:
    show_all(inspector, answer)
    before = heard.overlays["job:1"][0]
    others = heard.overlays["job:2"][0]
    heard.drawn.clear()
    slider = inspector.steps.slider
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert "attention 2 of 2" in words(inspector)
    assert heard.overlays["job:1"][0] != before
    # Only that picture is drawn again.
    assert heard.drawn == ["job:1"]
    assert heard.overlays["job:2"][0] == others
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert "Block 2 of 2 · attention 2 of 2" in words(inspector)
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert "Block 1 of 2 · attention 1 of 2" in words(inspector)
    assert slider.accessibleDescription() == inspector.steps.text


def test_pft_counts_the_tokens_down(inspector: AttentionInspector, heard: Heard, answer: Answer, qtbot: QtBot) -> None:
    show_all(inspector, answer)
    inspector.choose("job:2")
    counts = []
    for step in range(3):
        inspector.steps.slider.setValue(step)
        counts.append(inspector.tokens.text.splitlines()[0])
    assert counts == ["16 of 16", "4 of 16", "2 of 16"]
    assert "Together the heads keep 3 different ones." in words(inspector)
    assert inspector.tokens.chart.accessibleDescription() == "16, 4, 2"
    # A click on a bar goes there.
    qtbot.mouseClick(inspector.tokens.chart, Qt.MouseButton.LeftButton, pos=inspector.tokens.chart.rect().center())
    assert "layer 2 of 3" in words(inspector)
    assert "shifted" in words(inspector)
    inspector.steps.slider.setValue(2)
    before = heard.overlays["job:2"][0]
    inspector.tokens.heads.setCurrentIndex(1)
    assert heard.overlays["job:2"][0] != before
    assert "Together" not in words(inspector)


def test_esc_shows_its_kernels_and_their_sum(inspector: AttentionInspector, answer: Answer) -> None:
    show_all(inspector, answer)
    inspector.choose("job:3")
    assert "convolution 1 of 3" in words(inspector)
    assert inspector.kernels.channels.count() == 3
    told = [inspector.kernels.view.accessibleDescription()]
    inspector.kernels.channels.setCurrentIndex(2)
    told.append(inspector.kernels.view.accessibleDescription())
    inspector.steps.slider.setValue(1)
    told.append(inspector.kernels.view.accessibleDescription())
    assert len(set(told)) == 3
    for description in told:
        assert [line.partition(":")[0] for line in description.splitlines()] == ["Shared", "This tile", "Sum"]
    # The shared kernel is that of every step; the tile's own is not.
    assert told[1].splitlines()[0] == told[2].splitlines()[0]
    assert told[1].splitlines()[1] != told[2].splitlines()[1]


def test_the_kernels_are_painted_in_the_colours_of_their_scale(
    inspector: AttentionInspector, answer: Answer, qtbot: QtBot
) -> None:
    show_all(inspector, answer)
    inspector.choose("job:3")
    qtbot.waitUntil(lambda: inspector.kernels.view.isVisible())
    image = inspector.kernels.view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    colours = pixels[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)
    assert ((colours[..., 2] - colours[..., 0]) > 100).any(), "negative values are blue"
    assert ((colours[..., 0] - colours[..., 2]) > 100).any(), "positive ones are orange"


def test_the_step_is_kept_when_another_pixel_is_clicked(
    inspector: AttentionInspector, heard: Heard, answer: Answer
) -> None:
    show_all(inspector, answer)
    inspector.steps.slider.setValue(3)
    inspector.pick("job:1", 60, 40)
    assert heard.overlays == {}, "what was seen from another pixel is taken away at once"
    inspector.take("job:1", answer("windows", 60, 40))
    assert "Block 2 of 2 · attention 2 of 2" in words(inspector)


def test_answers_that_come_too_late_are_left_out(inspector: AttentionInspector, heard: Heard, answer: Answer) -> None:
    inspector.show_models(MODELS)
    inspector.pick("job:1", 50, 33)
    inspector.pick("job:1", 51, 33)
    inspector.take("job:1", answer("windows", 50, 33))
    inspector.fail("job:1", 50, 33, "Too late.", "")
    inspector.take("job:9", answer("windows", 51, 33))
    assert heard.overlays == {}
    assert "Looking into SSCAN ×2" in words(inspector)
    inspector.set_active(False)
    inspector.take("job:1", answer("windows", 51, 33))
    assert heard.overlays == {}


def test_an_error_is_told_in_words_and_can_be_tried_again(
    inspector: AttentionInspector, heard: Heard, answer: Answer, qtbot: QtBot
) -> None:
    inspector.show_models(MODELS)
    inspector.pick("job:1", 50, 33)
    inspector.fail("job:1", 50, 33, "There was not enough memory.", "Close other programs.")
    assert "There was not enough memory." in words(inspector)
    assert "Close other programs." in words(inspector)
    heard.asked.clear()
    inspector.again.setFocus()
    qtbot.keyClick(inspector.again, Qt.Key.Key_Space)
    assert heard.asked == [("job:1", 50, 33)]
    assert "Looking into SSCAN ×2" in words(inspector)
    inspector.take("job:1", answer("windows"))
    assert heard.overlays.keys() == {"job:1"}


def test_leaving_takes_everything_away(inspector: AttentionInspector, heard: Heard, answer: Answer) -> None:
    show_all(inspector, answer, picked="input")
    assert len(heard.overlays) == 4
    inspector.set_active(False)
    assert heard.overlays == {}
    assert "Press A and click a pixel" in words(inspector)


def test_models_may_come_and_go(inspector: AttentionInspector, heard: Heard, answer: Answer) -> None:
    show_all(inspector, answer)
    heard.asked.clear()
    inspector.show_models([*MODELS[1:], InspectedModel("job:4", "ESC ×4")])
    assert heard.asked == [("job:4", 50, 33)]
    assert heard.overlays.keys() == {"job:2", "job:3"}
    assert inspector.current_key == "job:2"
    inspector.show_models([])
    assert heard.overlays == {}
    assert "Upscale the image first" in words(inspector)


def test_lines_follow_the_zoom(inspector: AttentionInspector, heard: Heard, answer: Answer) -> None:
    show_all(inspector, answer)
    inspector.set_zoom(1.0)
    before = heard.overlays["job:1"][0]
    inspector.set_zoom(16.0)
    assert heard.overlays["job:1"][0] != before
    heard.drawn.clear()
    inspector.set_zoom(17.0)
    assert heard.drawn == []


def test_everything_has_a_name_and_the_keyboard_reaches_it(inspector: AttentionInspector, answer: Answer) -> None:
    show_all(inspector, answer)
    for key in KINDS:
        inspector.choose(key)
        for widget in inspector.findChildren(QWidget):
            if not widget.isVisible() or widget.focusPolicy() == Qt.FocusPolicy.NoFocus:
                continue
            named = widget.accessibleName() or (isinstance(widget, QAbstractButton) and widget.text())
            if isinstance(widget, QAbstractButton | QSlider):
                assert named, widget
                assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus
                assert widget.toolTip(), widget


def source(folder: Path, key: str, height: int, width: int, kind: SourceKind = "model") -> PaneSource:
    raster = RasterRef(str(folder / key.replace(":", "-")), height, width, 3, "uint8")
    create_raster(raster)[:] = np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return PaneSource(key, key, kind, raster)


def test_with_the_comparison_a_click_becomes_heat_over_the_picture(
    inspector: AttentionInspector, theme: Theme, tmp_path: Path, answer: Answer, qtbot: QtBot
) -> None:
    view = ComparisonView(theme)
    qtbot.addWidget(view)
    view.resize(640, 442)
    with qtbot.waitExposed(view):
        view.show()
    view.show_sources(
        [source(tmp_path, "input", 80, 100, "input"), source(tmp_path, "job:2", 160, 200)], keep_camera=False
    )
    view.attention_toggled.connect(inspector.set_active)
    view.pixel_picked.connect(inspector.pick)
    inspector.overlay_changed.connect(view.set_overlay)
    inspector.show_models([MODELS[1]])
    view.set_current("job:2")
    asked: list[tuple[str, int, int]] = []
    inspector.asked.connect(lambda *each: asked.append(each))
    view.setFocus()
    qtbot.keyClick(view, Qt.Key.Key_A)
    qtbot.mouseClick(view.stage, Qt.MouseButton.LeftButton, pos=view.stage.rect().center())
    ((key, x, y),) = asked
    assert key == "job:2"
    assert (abs(x - 50) <= 1, abs(y - 40) <= 1) == (True, True)
    inspector.take(key, answer("tokens", x, y))
    assert view.comparison.overlays.keys() == {"job:2"}
    assert view.comparison.overlays["job:2"].box == TILE
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.comparison.overlays == {}
    view.close_rasters()
