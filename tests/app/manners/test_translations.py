"""Every word of the window has its German: complete, with the same placeholders, compiled, and shown."""

from __future__ import annotations

import importlib.util
import string
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator
from PySide6.QtWidgets import QApplication, QDialogButtonBox
from pytestqt.qtbot import QtBot

import resources
from app.manners.self_test import SelfTestCard
from app.manners.settings_dialog import SettingsDialog
from app.manners.translations import LANGUAGES, language_for, translation_file
from app.settings import Settings
from app.theme import Theme
from tests.app.manners.test_self_test import WITHOUT_GPU

UPDATE = (
    "run `python resources/translations/update.py` and write what it names into resources/translations/triptych_de.ts"
)


@pytest.fixture(scope="module")
def update() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("update_translations", resources.path("translations") / "update.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A frozen dataclass looks its module up there while it is made.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_of_the_window_has_its_german(update: ModuleType) -> None:
    sources = update.find_sources()
    translated = update.read_translations(resources.path("translations") / "triptych_de.ts")
    missing = [f"{place}: {source.text}" for source, place in sources.items() if source not in translated]
    assert not missing, f"{UPDATE}: {missing}"
    assert set(translated) == set(sources), UPDATE
    assert len(sources) > 300


def test_placeholders_lines_and_edges_are_those_of_the_source(update: ModuleType) -> None:
    translated = update.read_translations(resources.path("translations") / "triptych_de.ts")
    for source, text in translated.items():
        assert fields(text) == fields(source.text), text
        assert text.count("\n") == source.text.count("\n"), text
        assert text.endswith("…") == source.text.endswith("…"), text
        assert text.count("&") == source.text.count("&"), text
        assert text[:1].isspace() == source.text[:1].isspace(), text
        assert text[-1:].isspace() == source.text[-1:].isspace(), text


def test_what_is_compiled_is_what_is_written(qapp: QApplication, update: ModuleType) -> None:
    for language in set(LANGUAGES) - {"en"}:
        file = translation_file(language)
        translator = QTranslator()
        assert translator.load(str(file)), file
        for source, text in update.read_translations(file.with_suffix(".ts")).items():
            assert translator.translate(source.context, source.text, source.note or None) == text, UPDATE


def test_the_scan_finds_texts_in_all_the_ways_they_are_said(update: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "a.py").write_text(
        "class Box(QWidget):\n"
        "    def __init__(self):\n"
        "        self.setText(self.tr('one') + self.tr('two ' 'halves').format(a=self.tr('inner', 'a note')))\n"
        "def _tr(text):\n    return QCoreApplication.translate('words', text)\n"
        "x = _tr('three')\n"
        "def f():\n    def tr(text: str) -> str:\n        return QCoreApplication.translate('Other', text)\n"
        "    return tr('four'), QCoreApplication.translate('Ask', 'five')\n"
    )
    found = {(source.context, source.text, source.note) for source in update.find_sources(folder)}
    assert found == {
        ("Box", "one", ""), ("Box", "two halves", ""), ("Box", "inner", "a note"), ("words", "three", ""),
        ("Other", "four", ""), ("Ask", "five", ""),
    }  # fmt: skip
    (folder / "b.py").write_text("class Box:\n    def f(self, x):\n        return self.tr(f'{x} is gone')\n")
    with pytest.raises(ValueError, match="plain string"):
        update.find_sources(folder)


def test_a_text_keeps_its_german_when_it_moves_and_is_told_when_it_lacks_it(
    update: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, other = update.Source("A", "Save"), update.Source("B", "Save"), update.Source("B", "Load")
    update.write_translations(tmp_path / "triptych_de.ts", "de", {old: "app/a.py:1"}, {old: "Speichern"})
    monkeypatch.setattr(update, "FOLDER", tmp_path)
    monkeypatch.setattr(update, "find_sources", lambda: {new: "app/b.py:1", other: "app/b.py:2"})
    assert update.main([]) == 1
    assert update.read_translations(tmp_path / "triptych_de.ts") == {new: "Speichern"}
    assert "app/b.py:2: 'Load' is not translated" in capsys.readouterr().out
    assert (tmp_path / "triptych_de.qm").exists()


@pytest.mark.parametrize(
    ("setting", "desktop", "shown"),
    [("", "de_CH", "de"), ("", "fr_FR", "en"), ("de", "en_GB", "de"), ("en", "de_DE", "en"), ("xx", "de_DE", "de")],
)
def test_the_setting_wins_then_the_desktop_then_english(setting: str, desktop: str, shown: str) -> None:
    assert language_for(setting, QLocale(desktop)) == shown


def test_the_window_speaks_german_and_qt_with_it(german: None, qtbot: QtBot, settings: Settings, theme: Theme) -> None:
    dialog = SettingsDialog(settings)
    qtbot.addWidget(dialog)
    assert dialog.windowTitle() == "Einstellungen"
    assert dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel).text() == "Abbrechen"
    assert dialog.keep_days.text() == "Für 14 Tage behalten"
    card = SelfTestCard(theme)
    qtbot.addWidget(card)
    card.show_report(WITHOUT_GPU)
    assert card.title.text() == "Triptych rechnet auf der CPU."
    assert card.figures.text() == "Some processor · 8 Threads · 9.0 von 16.0 GiB Speicher frei"


def test_english_again_afterwards() -> None:
    assert QCoreApplication.translate("SettingsDialog", "Settings") == "Settings"
