"""Tests of the model panel: which models there are to choose, ticks, the button that starts, names for those who listen."""

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.bridge import Bridge
from app.jobs import JobState
from app.widgets.model_panel import ModelCard, ModelPanel
from app.windows.main_window import MainWindow
from engine.messages import DoneUpscale
from tests.app.conftest import show_with_models
from tests.app.fake_engine import catalog


def entries():
    plain = catalog()
    photo = replace(
        plain[0],
        name="esc-photo",
        purpose="photo, compressed",
        description="Takes artefacts away.",
        psnr={"Set5 (JPEG 60)": 29.5},
    )
    return [photo, *plain]


def test_special_weights_are_chosen_by_what_they_are_for(qtbot):
    card = ModelCard(entries()[:1])
    qtbot.addWidget(card)
    assert card.radio.text() == "photo, compressed"
    assert card.radio.accessibleDescription() == "Takes artefacts away."
    assert card.name == "esc-photo"
    told = card._figures.text().replace("\N{NO-BREAK SPACE}", " ")
    assert told == "272 k · PSNR-Y 29.50 dB on Set5 (JPEG 60)"


def test_special_weights_are_not_what_a_window_begins_with(qtbot, window):
    panel: ModelPanel = window.panel
    # Listed first, to tempt.
    panel.show_models(entries(), "esc")
    assert panel.choice.name == "esc-fast"
    panel.choose("esc-photo")
    assert panel.choice.name == "esc-photo"


# Sizes


def sizes():
    """Both sizes of every family, as they come with Triptych: listed by name."""
    by_family = {entry.family: entry for entry in catalog()}
    names = ("esc-fast", "esc-light", "pft-fast", "pft-light", "sscan", "sscan-fast")
    return [
        replace(by_family[name.partition("-")[0]], name=name, scale=2, path=Path(f"{name}_x2.safetensors"))
        for name in names
    ]


def ticked(panel):
    return [name for name, is_ticked in panel.ticks.items() if is_ticked]


@pytest.fixture
def sized(qtbot, controls, settings, theme):
    """Makes a first window on a device, with both sizes of every family."""
    bridges = []

    def make(device):
        controls.device = device
        bridges.append(Bridge(controls.make_engine, sizes))
        window = MainWindow(bridges[-1], settings, theme)
        qtbot.addWidget(window)
        show_with_models(qtbot, window, bridges[-1])
        return window

    yield make
    for bridge in bridges:
        bridge.close()


def wait_until_ready(qtbot, window, device):
    qtbot.waitUntil(lambda: f"Ready on {device}" in window.telling.ready_sentence)


def test_without_a_gpu_a_first_window_begins_with_the_small_sizes(qtbot, sized):
    panel = (window := sized("cpu")).panel
    wait_until_ready(qtbot, window, "CPU")
    assert panel.choice.name == "esc-fast"
    assert ticked(panel) == ["esc-fast", "pft-fast", "sscan-fast"]


def test_on_a_gpu_a_first_window_begins_with_the_best_sizes(qtbot, sized, controls, settings):
    panel = sized("cuda:0").panel
    qtbot.waitUntil(lambda: panel.choice.name == "esc-light")
    assert ticked(panel) == ["esc-light", "pft-light", "sscan"]
    assert settings.model == "esc-light"
    # The worker gets ready with what is chosen now.
    qtbot.waitUntil(lambda: controls.calls.count("prepare") == 2)
    qtbot.wait(50)
    assert controls.calls.count("prepare") == 2
    assert not panel.begin_with_best()


def test_what_the_person_chose_stays_also_on_a_gpu(qtbot, sized, controls):
    controls.holds_prepare = True
    panel = (window := sized("cuda:0")).panel
    panel.choose("pft-fast")
    controls.release()
    qtbot.waitUntil(lambda: window.telling.ready_sentence != "")
    assert panel.choice.name == "pft-fast"
    assert ticked(panel) == ["esc-fast", "pft-fast", "sscan-fast"]


def test_a_tick_is_a_choice_too(qtbot, window):
    panel = ModelPanel(window.actions_)
    qtbot.addWidget(panel)
    panel.show_models(sizes(), "esc")
    next(card.tick for card in panel._cards if card.name == "sscan-fast").setChecked(False)
    assert not panel.begin_with_best()
    assert panel.choice.name == "esc-fast"
    assert ticked(panel) == ["esc-fast", "pft-fast"]


def test_with_many_models_only_the_chosen_card_tells_what_it_is_good_for(qtbot, window):
    panel: ModelPanel = window.panel
    panel.show_models(entries(), "esc")
    assert [card.name for card in panel._cards][-1] == "esc-photo"
    panel.choose("esc-photo")
    assert [card.name for card in panel._cards if card._description.isVisibleTo(card)] == ["esc-photo"]
    assert "Takes artefacts away." in panel._cards[-1].toolTip()
    # The others are one line, with one figure where it compares.
    panel.choose("esc-fast")
    told = [(card.name, card._figure.text()) for card in panel._cards if card._figure.isVisibleTo(card)]
    assert told == [("pft-light", "32.00 dB"), ("sscan-fast", "36.00 dB"), ("esc-photo", "")]
    panel.show_models(catalog(), "esc")
    assert all(card._description.isVisibleTo(card) for card in panel._cards)


def test_models_stand_by_family_each_from_its_small_size_up(qtbot, window):
    window.panel.show_models([entries()[0], *sizes()], "esc")
    names = [card.name for card in window.panel._cards]
    assert names == ["esc-fast", "esc-light", "pft-fast", "pft-light", "sscan-fast", "sscan", "esc-photo"]


def test_a_card_says_in_short_what_its_tooltip_says_in_full(qtbot):
    entry = replace(catalog()[0], parameter_count=1_234_000, psnr={"Set5": 38.0, "Kodak24": 33.5})
    card = ModelCard([entry])
    qtbot.addWidget(card)
    assert card._figures.text().replace("\N{NO-BREAK SPACE}", " ") == "1.2 M · PSNR-Y 38.00 dB on Set5"
    assert card.toolTip().replace("\N{NO-BREAK SPACE}", " ").split("\n") == [
        "1.2 M parameters",
        "PSNR-Y 38.00 dB on Set5",
        "PSNR-Y 33.50 dB on Kodak24",
        "Comes with Triptych: esc-fast_x2.safetensors",
    ]


# Ticks


@pytest.fixture
def opened(qtbot, window, make_image):
    """The window with one image shown."""
    window.open_files([make_image()])
    qtbot.waitUntil(lambda: window.session.shown is not None and window.session.shown.raster is not None)
    return window


def run(qtbot, window, name):
    """Has the model's result made for the image shown."""
    window.panel.choose(name)
    window.actions_.start.trigger()
    qtbot.waitUntil(lambda: window.session.active_job is None)
    job = window.session.shown.results[-1]
    assert (job.model, job.state) == (name, JobState.DONE)
    return job


def tick_of(window, name):
    return next(card.tick for card in window.panel._cards if card.name == name)


def titles(window):
    return [source.title for source in window.view.comparison.sources]


def test_an_unticked_model_has_no_pane_and_keeps_its_result(qtbot, opened):
    run(qtbot, opened, "esc-fast")
    job = run(qtbot, opened, "sscan-fast")
    assert titles(opened) == ["Input", "esc-fast ×2", "sscan-fast ×2"]
    tick_of(opened, "sscan-fast").setChecked(False)
    assert titles(opened) == ["Input", "esc-fast ×2"]
    assert job in opened.session.shown.results
    assert Path(job.canvas.path).exists()
    tick_of(opened, "sscan-fast").setChecked(True)
    assert titles(opened) == ["Input", "esc-fast ×2", "sscan-fast ×2"]


def test_what_is_saved_is_what_is_shown(qtbot, opened, bridge, tmp_path):
    run(qtbot, opened, "esc-fast")
    run(qtbot, opened, "sscan-fast")
    tick_of(opened, "sscan-fast").setChecked(False)
    assert opened.desk.result_shown[0].model == "esc-fast"
    with qtbot.waitSignal(bridge.job_saved):
        opened.actions_.save.trigger()
    assert [path.name for path in tmp_path.glob("photo_*")] == ["photo_esc-fast_x2.png"]
    tick_of(opened, "esc-fast").setChecked(False)
    assert titles(opened) == ["Input"]
    assert not opened.actions_.save.isEnabled()
    assert "The result is not shown: tick esc-fast first." in opened.actions_.save.toolTip()


def test_what_is_run_is_ticked_and_so_seen(qtbot, opened, controls):
    for card in opened.panel._cards:
        card.tick.setChecked(False)
    run(qtbot, opened, "sscan-fast")
    assert titles(opened) == ["Input", "sscan-fast ×2"]
    assert [entry.name for entry in opened.panel.ticked] == ["sscan-fast"]
    controls.holds_tiles = True
    opened.panel.scales.choose(2)
    opened.actions_.start.trigger()
    qtbot.waitUntil(lambda: opened.session.active_job is not None and opened.session.active_job.canvas is not None)
    # In the making, too: its pane goes, the job does not.
    tick_of(opened, "sscan-fast").setChecked(False)
    assert titles(opened) == ["Input"]
    assert opened.session.active_job.state is JobState.RUNNING
    controls.release(6)
    qtbot.waitUntil(lambda: opened.session.active_job is None)
    assert titles(opened) == ["Input"]


def test_results_of_a_model_that_is_gone_are_shown(qtbot, opened):
    run(qtbot, opened, "sscan-fast")
    tick_of(opened, "sscan-fast").setChecked(False)
    assert titles(opened) == ["Input"]
    opened.panel.show_models([entry for entry in catalog() if entry.name != "sscan-fast"], "esc")
    assert titles(opened) == ["Input", "sscan-fast ×2"]


def test_the_tick_says_what_it_is_for(window):
    for card in window.panel._cards:
        assert card.tick.toolTip() == ("Ticked models are in the preview (Ctrl+R), and their results in the panes.")
        assert card.tick.accessibleDescription() == card.tick.toolTip()


def test_ticks_stay_when_models_are_listed_again_and_a_new_one_is_ticked(qtbot, window, settings):
    panel = window.panel
    tick_of(window, "pft-light").setChecked(False)
    mine = replace(catalog()[0], name="esc-mine", source="added")
    panel.show_models([*catalog(), mine], "esc-mine")
    assert panel.ticks == {"esc-fast": True, "pft-light": False, "sscan-fast": True, "esc-mine": True}
    assert settings.ticks == panel.ticks
    tick_of(window, "esc-mine").setChecked(False)
    # What comes with a newer Triptych is not what the person just added: one of each family is ticked.
    bundled = replace(catalog()[0], name="esc-newer")
    panel.show_models([*catalog(), mine, bundled], "esc")
    assert panel.ticks == {
        "esc-fast": True, "pft-light": False, "sscan-fast": True, "esc-mine": False, "esc-newer": False,
    }  # fmt: skip
    # A list that could not be read takes no tick away.
    panel.show_models([], "esc")
    panel.show_models(catalog(), "esc")
    assert panel.ticks == {"esc-fast": True, "pft-light": False, "sscan-fast": True}


# The tile grid


def test_the_box_for_the_tile_grid_and_its_key_are_one_switch(qtbot, opened):
    grid, action = opened.panel.tiling.grid, opened.view.commands.tile_grid
    qtbot.waitUntil(grid.isEnabled)
    assert grid.text() == "Grid"
    assert grid.toolTip() == action.toolTip()
    assert "(G)" in grid.toolTip()
    grid.click()
    assert action.isChecked()
    assert opened.view.stage.marks.shows_tile_grid
    opened.view.setFocus()
    QTest.keyClick(opened.view, Qt.Key.Key_G)
    assert not grid.isChecked()
    assert not opened.view.stage.marks.shows_tile_grid
    opened.actions_.close_picture.trigger()
    assert not grid.isEnabled()
    assert "no plan of tiles" in grid.toolTip()


# The button that starts


def test_one_image_and_many_are_offered_in_the_same_words(qtbot, opened, make_image):
    button = opened.panel.start_button
    assert button.accessibleName() == "Upscale · esc-fast ×2"
    run(qtbot, opened, "esc-fast")
    assert button.accessibleName() == "Upscale · esc-fast ×2 · about 3 s"
    opened.open_files([make_image("two.png", 480, 800), make_image("three.png")])
    qtbot.waitUntil(lambda: all(picture.info is not None for picture in opened.session.pictures))
    # Six tiles took three seconds; the second image has a hundred times as many pixels.
    assert button.accessibleName() == "Upscale 2 images · esc-fast ×2 · about 5 min"


def test_with_all_ticked_the_scale_is_said_and_who_lacks_it(qtbot, opened):
    panel = opened.panel
    button = panel.start_button
    panel.all_ticked.setChecked(True)
    assert button.accessibleName() == "Upscale · 3 models · ×2"
    assert "Run every ticked model" in button.toolTip()
    assert "pft-light has no weights for ×2: it makes ×4." in button.toolTip()
    assert "esc-fast has no" not in button.toolTip()
    assert button.accessibleDescription() == "pft-light has no weights for ×2: it makes ×4."
    settings = opened.desk.upscale_settings
    done = DoneUpscale(0, 6, 32, 0, "cpu", "fp32", {}, 40.0, 0)
    for name, scale in (("esc-fast", 2), ("sscan-fast", 2)):
        opened.session.pace.learn(80 * 48, name, scale, settings, done)
    opened.desk.tell()
    # Of one of them nobody knows.
    assert button.accessibleName() == "Upscale · 3 models · ×2"
    opened.session.pace.learn(80 * 48, "pft-light", 4, settings, done)
    opened.desk.tell()
    assert button.accessibleName() == "Upscale · 3 models · ×2 · about 2 min"
    panel.all_ticked.setChecked(False)
    assert "no weights" not in button.toolTip()
    assert "Run the marked model" in button.toolTip()


# Names for those who listen


def test_what_has_no_words_on_it_has_a_name(opened):
    panel, bar = opened.panel, opened.view.bar
    tiling = panel.tiling
    named = {
        tiling.tile.slider: "Tile",
        tiling.overlap: "Overlap",
        tiling.precision: "Precision",
        tiling.bar: "Memory needed of the memory that is free",
        panel.scales: "Scale",
        panel.output_button: "Where and how results are saved",
        bar.method: "How smaller pictures are enlarged",
        bar.kind: "Kind of difference",
    }
    for card in panel._cards:
        named[card.tick] = f"Preview and show {card.name}"
    for widget, name in named.items():
        assert widget.accessibleName() == name
