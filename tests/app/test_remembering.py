"""What a second start finds again: another process's Settings on the same file, another window."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import pytest
from PySide6.QtCore import QSettings
from pytestqt.qtbot import QtBot

from app.bridge import Bridge
from app.compare.difference import DifferenceSettings
from app.pace import Pace
from app.settings import Settings
from app.theme import Theme
from app.windows.main_window import MainWindow
from engine.messages import DoneUpscale, UpscaleSettings
from tests.app.conftest import show_with_models
from tests.app.fake_engine import Controls, catalog

MakeImage = Callable[..., Path]
Start = Callable[..., MainWindow]

USUAL = DifferenceSettings()


def settings_on(file: Path) -> Settings:
    return Settings(QSettings(str(file), QSettings.Format.IniFormat), {})


@pytest.fixture
def start(qtbot: QtBot, controls: Controls, theme: Theme, tmp_path: Path) -> Iterator[Start]:
    """Starts Triptych on what the start before left in its settings file, with models listed; the one before is closed."""
    windows: list[MainWindow] = []

    def begin(written: str | None = None) -> MainWindow:
        # Each on a file of its own: what Qt has in memory of the one before is no memory of a new process.
        file = tmp_path / f"{len(windows)}.ini"
        if windows:
            end(windows[-1])
            shutil.copy(tmp_path / f"{len(windows) - 1}.ini", file)
        if written is not None:
            file.write_text(written, encoding="utf-8")
        bridge = Bridge(controls.make_engine, catalog)
        window = MainWindow(bridge, settings_on(file), theme)
        windows.append(window)
        qtbot.addWidget(window, before_close_func=end)
        show_with_models(qtbot, window, bridge)
        return window

    def end(window: MainWindow) -> None:
        window._asks_before_loss = False
        window.close()

    yield begin
    for window in windows:
        end(window)


def open_image(qtbot: QtBot, window: MainWindow, *paths: Path) -> None:
    window.open_files(paths)
    qtbot.waitUntil(lambda: window.session.shown is not None and window.session.shown.raster is not None)
    qtbot.waitUntil(lambda: all(picture.info is not None for picture in window.session.pictures))


def run(qtbot: QtBot, window: MainWindow) -> None:
    window.actions_.start.trigger()
    qtbot.waitUntil(lambda: window.session.active_job is None and window.session.next_job is None)
    qtbot.waitUntil(lambda: not any(job.is_being_saved for each in window.session.pictures for job in each.results))


def tiling_of(window: MainWindow) -> tuple[int | str | None, int, str]:
    chosen = window.desk.upscale_settings
    return chosen.tile_px, chosen.overlap_px, chosen.precision


def test_the_model_its_ticks_and_the_boxes_come_back_and_the_scale_does_not(qtbot: QtBot, start: Start) -> None:
    window = start()
    assert window.panel.saves.isChecked()
    assert not window.panel.all_ticked.isChecked()
    window.panel.choose("sscan-fast")
    window.panel.choose("esc-fast")
    window.panel.scales.choose(4)
    window.panel.choose("pft-light")
    window.panel._cards[0].tick.setChecked(False)
    window.panel.saves.setChecked(False)
    window.panel.all_ticked.setChecked(True)
    assert window.watching.panel.is_expanded
    window.watching.panel.toggle_action.trigger()
    again = start()
    assert again.panel.choice.name == "pft-light"
    assert again.panel.ticks == {"esc-fast": False, "pft-light": True, "sscan-fast": True}
    assert not again.panel.saves.isChecked()
    assert again.panel.all_ticked.isChecked()
    assert not again.watching.panel.is_expanded
    again.panel.choose("esc-fast")
    assert again.panel.scales.scale == 4, "pft-light has no other"
    again.watching.panel.toggle_action.trigger()
    third = start()
    assert (third.panel.choice.name, third.panel.choice.scale) == ("esc-fast", 2)
    assert third.watching.panel.is_expanded


@pytest.mark.parametrize("edge", [256, None, "auto"])
def test_tiling_and_precision_come_back(start: Start, edge: int | str | None) -> None:
    window = start()
    assert tiling_of(window) == ("auto", 32, "auto")
    tiling = window.panel.tiling
    tiling.tile.choose(640)
    tiling.tile.choose(edge)
    tiling.overlap.setValue(48)
    tiling.precision.setCurrentIndex(tiling.precision.findData("bf16"))
    tiling.grid.setChecked(True)
    again = start()
    assert tiling_of(again) == (edge, 48, "bf16")
    assert again.view.commands.tile_grid.isChecked()
    assert again.panel.tiling.grid.isChecked()


def test_how_the_comparison_looks_comes_back(qtbot: QtBot, start: Start, make_image: MakeImage) -> None:
    window = start()
    window.panel.saves.setChecked(False)
    assert (window.view.comparison.method, window.view.difference) == ("bicubic", USUAL)
    open_image(qtbot, window, make_image())
    run(qtbot, window)
    view, bar = window.view, window.view.bar
    # As the program lays them out: nothing to remember.
    assert view.mode == "side"
    bar.method.setCurrentIndex(bar.method.findData("lanczos"))
    bar.method.activated.emit(bar.method.currentIndex())
    view.commands.wipe.trigger()
    view.commands.turn_divider.trigger()
    view.commands.diff.trigger()
    bar.kind.setCurrentIndex(bar.kind.findData("signed"))
    bar.kind.activated.emit(bar.kind.currentIndex())
    view.commands.more_gain.trigger()
    view.commands.false_colour.trigger()
    changed = DifferenceSettings("signed", 8.0, False)
    assert view.difference == changed
    again = start()
    assert (again.view.comparison.method, again.view.difference) == ("lanczos", changed)
    assert again.view.bar.method.currentData() == "lanczos"
    assert again.view.bar.kind.currentData() == "signed"
    open_image(qtbot, again, make_image())
    run(qtbot, again)
    # The difference was a look at two pictures; the layout before it is what one begins with, however many panes there are.
    assert again.view.mode == "wipe"
    assert again.view.comparison.wipe_is_level
    again.panel.choose("sscan-fast")
    run(qtbot, again)
    assert again.view.mode == "wipe"
    again.view.commands.one.trigger()
    third = start()
    open_image(qtbot, third, make_image())
    run(qtbot, third)
    assert third.view.mode == "one"


def test_a_layout_that_the_program_chose_is_not_remembered(qtbot: QtBot, start: Start, make_image: MakeImage) -> None:
    window = start()
    open_image(qtbot, window, make_image())
    for name in ("esc-fast", "sscan-fast"):
        window.panel.choose(name)
        run(qtbot, window)
    assert window.view.mode == "grid"
    again = start()
    open_image(qtbot, again, make_image())
    run(qtbot, again)
    assert again.view.mode == "side"


NONSENSE = """
[model]
ticked=sscan-fast, , gone-away, 7
unticked=@Invalid()
all_ticked=banana
name=@Variant(\\0\\0\\0\\x7f)
[tiling]
tile=100
overlap=1e9
[engine]
precision=fp7
pace="[[1, 2], {}, [\\"esc-fast\\", 2, \\"auto\\", \\"auto\\", -4], [\\"esc-fast\\", true, \\"auto\\", \\"auto\\", 4]"
[output]
saves=perhaps, not
[window]
memory=
[compare]
input=area, linear
difference=@ByteArray(\\xff)
gain=nan
false_colour=7
level_divider=down
layout=diff
tile_grid=2
"""


def test_nonsense_in_the_settings_file_counts_as_the_default(qtbot: QtBot, start: Start, make_image: MakeImage) -> None:
    window = start(NONSENSE)
    assert tiling_of(window) == ("auto", 32, "auto")
    assert (window.view.comparison.method, window.view.difference) == ("bicubic", USUAL)
    assert not window.view.comparison.wipe_is_level
    assert not window.view.commands.tile_grid.isChecked()
    assert window.panel.ticks == {"esc-fast": True, "pft-light": True, "sscan-fast": True}
    assert window.panel.saves.isChecked()
    assert not window.panel.all_ticked.isChecked()
    assert window.watching.panel.is_expanded
    assert window.panel.choice.name == "esc-fast"
    open_image(qtbot, window, make_image())
    assert window.panel.start_button.accessibleName() == "Upscale · esc-fast ×2"
    run(qtbot, window)
    assert window.view.mode == "side"


def test_a_first_batch_after_a_restart_has_an_estimate(qtbot: QtBot, start: Start, make_image: MakeImage) -> None:
    window = start()
    open_image(qtbot, window, make_image())
    run(qtbot, window)
    again = start()
    open_image(qtbot, again, make_image("one.png"), make_image("two.png"))
    button = again.panel.start_button
    qtbot.waitUntil(lambda: button.accessibleName() == "Upscale 2 images · esc-fast ×2 · about 6 s")
    again.panel.scales.choose(4)
    assert button.accessibleName() == "Upscale 2 images · esc-fast ×4"
    again.panel.scales.choose(2)
    tiling = again.panel.tiling
    # What "auto" came to is known by its name, too; the other precision is another pace.
    tiling.precision.setCurrentIndex(tiling.precision.findData("bf16"))
    assert button.accessibleName() == "Upscale 2 images · esc-fast ×2"
    again.desk.settings.device = "cpu"
    tiling.precision.setCurrentIndex(tiling.precision.findData("fp32"))
    assert button.accessibleName().endswith("about 6 s")


def test_by_default_a_result_lies_beside_its_image_under_the_command_line_s_name(
    qtbot: QtBot, start: Start, make_image: MakeImage, tmp_path: Path
) -> None:
    window = start()
    (tmp_path / "album").mkdir()
    image = make_image("album/photo.png")
    open_image(qtbot, window, image)
    run(qtbot, window)
    assert sorted(path.name for path in image.parent.iterdir()) == ["photo.png", "photo_esc-fast_x2.png"]
    assert cv2.imread(str(image.with_name("photo_esc-fast_x2.png"))).shape == (96, 160, 3)


# The pace


def done(seconds: float, tiles: int = 4, resumed_tiles: int = 0) -> DoneUpscale:
    return DoneUpscale(0, tiles, 480, 32, "cuda:0", "fp16", {}, seconds, 0, resumed_tiles=resumed_tiles)


def test_a_pace_goes_through_text_and_the_latest_counts() -> None:
    pace = Pace()
    pace.learn(1_000_000, "esc", 2, UpscaleSettings(), done(9.0))
    pace.learn(1_000_000, "esc", 2, UpscaleSettings(), done(3.0))
    again = Pace(pace.text)
    assert again.seconds(2_000_000, "esc", 2, UpscaleSettings()) == pytest.approx(6.0)
    assert again.seconds(2_000_000, "esc", 2, UpscaleSettings(device="cuda:0", precision="fp16")) == pytest.approx(6.0)
    assert again.seconds(2_000_000, "esc", 2, UpscaleSettings(device="cpu")) is None


def test_tiles_that_were_there_already_do_not_make_a_pace_faster() -> None:
    pace = Pace()
    pace.learn(1_000_000, "esc", 2, UpscaleSettings(), done(3.0, tiles=4, resumed_tiles=3))
    assert pace.seconds(1_000_000, "esc", 2, UpscaleSettings()) == pytest.approx(12.0)
    pace.learn(1_000_000, "pft", 2, UpscaleSettings(), done(3.0, tiles=4, resumed_tiles=4))
    assert pace.seconds(1_000_000, "pft", 2, UpscaleSettings()) is None


def test_old_paces_make_room_for_new_ones() -> None:
    pace = Pace()
    for number in range(400):
        pace.learn(1_000_000, f"model {number}", 2, UpscaleSettings(), done(1.0))
    assert len(pace.text) < 20_000
    assert pace.seconds(1, "model 0", 2, UpscaleSettings()) is None
    assert pace.seconds(1, "model 399", 2, UpscaleSettings()) is not None
