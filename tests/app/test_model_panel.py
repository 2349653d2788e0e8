"""Tests of the model panel: special weights are a choice of their own, by what they are for, and never the first one."""

from dataclasses import replace

from app.widgets.model_panel import ModelCard, ModelPanel
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
    assert told == "272 k parameters · PSNR-Y 29.50 dB on Set5 (JPEG 60)"


def test_special_weights_are_not_what_a_window_begins_with(qtbot, window):
    panel: ModelPanel = window.panel
    # Listed first, to tempt.
    panel.show_models(entries(), "esc")
    assert panel.choice.name == "esc-fast"
    panel.choose("esc-photo")
    assert panel.choice.name == "esc-photo"


def test_with_many_models_only_the_chosen_card_tells_what_it_is_good_for(qtbot, window):
    panel: ModelPanel = window.panel
    panel.show_models(entries(), "esc")
    assert [card.name for card in panel._cards][-1] == "esc-photo"
    panel.choose("esc-photo")
    assert [card.name for card in panel._cards if card._description.isVisibleTo(card)] == ["esc-photo"]
    assert "Takes artefacts away." in panel._cards[-1].toolTip()
    panel.show_models(catalog(), "esc")
    assert all(card._description.isVisibleTo(card) for card in panel._cards)
