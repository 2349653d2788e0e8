"""The settings: what is chosen is kept, what is wrong is told, nothing changes before Save."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from app.manners.settings_dialog import DeviceChoice, SettingsDialog
from app.settings import Settings
from app.theme import DARK, LIGHT, Theme
from engine import paths
from engine.outputs import DEFAULT_TEMPLATE, Target

DEVICES = [DeviceChoice("cuda:0", "NVIDIA H200"), DeviceChoice("cpu", "Some processor")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat), {})


@pytest.fixture
def dialog(qtbot: QtBot, settings: Settings, theme: Theme) -> SettingsDialog:
    dialog = SettingsDialog(settings, DEVICES)
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


def choose(box: object, data: object) -> None:
    index = box.findData(data)  # type: ignore[attr-defined]
    assert index >= 0
    box.setCurrentIndex(index)  # type: ignore[attr-defined]


def again(tmp_path: Path) -> Settings:
    """What the next start reads. From a copy: of a file that it knows, Qt remembers the values, whatever was written."""
    copy = shutil.copy(tmp_path / "settings.ini", tmp_path / "again.ini")
    return Settings(QSettings(str(copy), QSettings.Format.IniFormat), {})


def save(dialog: SettingsDialog) -> None:
    dialog.buttons.button(QDialogButtonBox.StandardButton.Save).click()


def test_begins_with_what_the_command_line_does(dialog: SettingsDialog) -> None:
    assert dialog.target == Target(template=DEFAULT_TEMPLATE)
    assert dialog.device.currentData() == "auto"
    assert dialog.keep_days.value() == 14
    assert dialog.example.text() == "photo.png becomes photo_esc_x2.png"


def test_everything_survives_a_restart(qtbot: QtBot, dialog: SettingsDialog, tmp_path: Path) -> None:
    choose(dialog.language, "de")
    choose(dialog.appearance, "dark")
    choose(dialog.place, True)
    dialog.folder.setText(str(tmp_path))
    choose(dialog.format, "jpeg")
    dialog.quality.setValue(80)
    dialog.template.setText("{name}, {width}×{height}")
    choose(dialog.device, "cuda:0")
    dialog.keep_days.setValue(3)
    with qtbot.waitSignal(dialog.saved):
        save(dialog)
    assert dialog.restart_needed
    kept = again(tmp_path)
    assert (kept.language, kept.appearance, kept.device, kept.keep_days) == ("de", "dark", "cuda:0", 3)
    assert kept.scheme == Qt.ColorScheme.Dark
    assert kept.target == Target(tmp_path, None, "{name}, {width}×{height}", "jpeg", 80)
    assert kept.device_told == ""


def test_cancel_changes_nothing(dialog: SettingsDialog, settings: Settings, tmp_path: Path) -> None:
    choose(dialog.appearance, "light")
    dialog.template.setText("other")
    dialog.reject()
    settings.flush()
    assert not (tmp_path / "settings.ini").exists()
    assert settings.appearance == "desktop"
    assert settings.target.template == DEFAULT_TEMPLATE


@pytest.mark.parametrize("template", ["{artist}", "a/b", "a\\b", "", "..", "{name"])
def test_a_name_that_cannot_be_is_told_and_not_kept(dialog: SettingsDialog, settings: Settings, template: str) -> None:
    dialog.template.setText(template)
    button = dialog.buttons.button(QDialogButtonBox.StandardButton.Save)
    assert not button.isEnabled()
    assert dialog.example.text().startswith("This cannot be a file name: it may hold {name}, {model}")
    assert button.toolTip() == dialog.example.text()
    dialog.accept()
    assert settings.target.template == DEFAULT_TEMPLATE


def test_a_folder_must_be_named(dialog: SettingsDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not dialog.folder.isEnabled()
    assert "beside its image" in dialog.folder_row.toolTip()
    choose(dialog.place, True)
    assert dialog.folder.isEnabled()
    assert dialog.why_not_save == "Choose the folder of the results."
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    dialog.choose.click()
    assert dialog.why_not_save == ""
    assert dialog.target.folder == tmp_path


def test_a_format_without_loss_has_no_quality(dialog: SettingsDialog) -> None:
    choose(dialog.format, "png")
    assert not dialog.quality.isEnabled()
    assert "loses nothing" in dialog.quality.toolTip()
    choose(dialog.format, "webp")
    assert dialog.quality.isEnabled()
    assert dialog.example.text().endswith(".webp")


def test_defaults_come_back_and_are_kept_only_on_save(
    dialog: SettingsDialog, settings: Settings, tmp_path: Path
) -> None:
    settings.device = "cpu"
    dialog.template.setText("other")
    choose(dialog.device, "cuda:0")
    dialog.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults).click()
    assert dialog.target == Target()
    assert dialog.device.currentData() == "auto"
    assert settings.device == "cpu"


def test_a_device_that_is_gone_stays_chosen_and_is_marked(qtbot: QtBot, settings: Settings, theme: Theme) -> None:
    settings.device = "cuda:3"
    dialog = SettingsDialog(settings, DEVICES)
    qtbot.addWidget(dialog)
    assert dialog.device.currentData() == "cuda:3"
    assert dialog.device.currentText() == "cuda:3 (not there now)"


def test_the_engine_keeps_interrupted_jobs_as_long_as_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRIPTYCH_KEEP_DAYS", raising=False)
    settings = Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat))
    settings.keep_days = 5
    settings.hand_to_engine()
    assert paths.keep_days() == 5
    settings.keep_days = 6
    settings.hand_to_engine()
    assert paths.keep_days() == 6


def test_a_variable_of_the_environment_has_the_last_word(qtbot: QtBot, tmp_path: Path, theme: Theme) -> None:
    environment = {"TRIPTYCH_KEEP_DAYS": "2"}
    settings = Settings(QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat), environment)
    settings.keep_days = 9
    settings.hand_to_engine()
    assert environment == {"TRIPTYCH_KEEP_DAYS": "2"}
    dialog = SettingsDialog(settings, DEVICES)
    qtbot.addWidget(dialog)
    assert not dialog.keep_days.isEnabled()
    assert "TRIPTYCH_KEEP_DAYS" in dialog.keep_days.toolTip()


def test_a_file_edited_by_hand_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "settings.ini"
    file.write_text(
        "[window]\nappearance=pink\n[engine]\nkeep_days=many\n[output]\nname={artist}\nformat=exe\nquality=1000\n"
    )
    settings = Settings(QSettings(str(file), QSettings.Format.IniFormat), {})
    assert (settings.appearance, settings.keep_days) == ("desktop", 14)
    assert settings.target == Target()


def test_the_appearance_is_followed_at_once(theme: Theme) -> None:
    theme.set_scheme(Qt.ColorScheme.Dark)
    assert theme.colours is DARK
    theme.set_scheme(Qt.ColorScheme.Light)
    assert theme.colours is LIGHT
    theme.set_scheme(Qt.ColorScheme.Unknown)


def test_every_field_has_a_name_for_assistive_tools(dialog: SettingsDialog) -> None:
    layout = dialog.layout().itemAt(0).layout()
    for field in (dialog.language, dialog.appearance, dialog.place, dialog.format, dialog.quality, dialog.template,
                  dialog.device, dialog.keep_days):  # fmt: skip
        label = layout.labelForField(field)  # type: ignore[union-attr]
        assert "&" in label.text()
    assert dialog.folder.accessibleName()
    assert isinstance(dialog.template, QLineEdit)
