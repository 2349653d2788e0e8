"""Errors and warnings above the picture, as the window shows them."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from app.windows.main_window import MainWindow


def test_an_error_that_was_foreseen_has_details_and_a_report_too(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    window.open_files([broken])
    qtbot.waitUntil(lambda: len(window.notices.notices) == 1)
    notice = window.notices.notices[0]
    buttons = {button.text(): button for button in notice.findChildren(QPushButton)}
    buttons["Details"].click()
    assert "InputError" in notice._details.toPlainText()
    assert f"triptych {version('triptych')}" in notice._details.toPlainText()
    # Nothing that tells of the person.
    assert str(tmp_path) not in notice._details.toPlainText()


def test_an_offer_or_a_warning_has_nothing_to_report(window: MainWindow) -> None:
    window.notices.show_warning("The colours differ.", "Nothing needs to be done.")
    assert not window.notices.notices[0].findChildren(QPushButton)
