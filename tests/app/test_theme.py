"""Colours that can be read, icons that can be drawn, words for durations."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.resources import files

import pytest
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette, QPixmap
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.theme import DARK, LIGHT, STYLE_ARGUMENTS, Colours, Theme, application_icon, draw_icon, style_sheet_of
from app.wording import about_text, countdown_text, device_text, duration_text

SURFACES = ("window", "surface", "raised", "hovered", "selected", "stage")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.1."""
    parts = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
             for value in QColor(colour).getRgbF()[:3]]  # fmt: skip
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


STYLE = """
import sys
from PySide6.QtWidgets import QApplication
print(QApplication(sys.argv).style().name())
"""


def test_the_style_is_the_same_on_every_desktop() -> None:
    environment = os.environ | {"QT_STYLE_OVERRIDE": "windows"}
    command = [sys.executable, "-c", STYLE]
    theirs, ours = (
        subprocess.run(
            [*command, *words], env=environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
        for words in ((), STYLE_ARGUMENTS)
    )
    assert (theirs, ours) == ("windows", "fusion")


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_text_can_be_read_on_every_surface(colours: Colours) -> None:
    for surface in SURFACES:
        ground = getattr(colours, surface)
        assert contrast(colours.text, ground) >= 7, surface
        assert contrast(colours.muted, ground) >= 4.5, surface
    for ground in (colours.accent, colours.accent_hovered, colours.accent_pressed):
        assert contrast(colours.on_accent, ground) >= 4.5
    for text in (colours.accent_text, colours.error, colours.warning, colours.good):
        assert contrast(text, colours.surface) >= 4.5
    assert contrast(colours.control_border, colours.surface) >= 3


@pytest.mark.parametrize("colours", [DARK, LIGHT])
def test_the_marks_of_the_controls_are_there_and_can_be_drawn(colours: Colours, qapp: QApplication) -> None:
    marks = re.findall(r"url\((.+?)\)", style_sheet_of(colours))
    assert len(marks) >= 3
    for mark in marks:
        assert not QPixmap(mark).isNull(), mark


def test_every_icon_is_drawn_in_the_colour_asked_for(qapp: QApplication) -> None:
    names = [file.name.removesuffix(".svg") for file in (files("resources") / "icons").iterdir()]
    assert "triptych" in names
    for name in names:
        image = draw_icon(name, "#ff0000", 32).toImage()
        seen = [image.pixelColor(x, y) for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() > 200]
        assert seen, name
        if not name.startswith("triptych"):
            assert all(colour.red() > 240 and colour.green() < 16 for colour in seen), name
    assert not application_icon().isNull()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.42, "0.4 s"), (9.96, "10 s"), (59.4, "59 s"), (125, "2 min 5 s"), (1500, "25 min"), (4830, "1 h 20 min")],
)
def test_durations_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert duration_text(seconds) == words


def test_a_countdown_has_no_tenths() -> None:
    assert countdown_text(3.4) == "3 s"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (59.2, "59 s"), (59.8, "1 min"), (137, "2 min"), (4830, "1 h 20 min")]
)
def test_a_guess_has_no_seconds_beside_its_minutes(seconds: float, words: str) -> None:
    assert about_text(seconds) == words


def test_devices_are_written_as_people_write_them() -> None:
    assert [device_text(device) for device in ("cpu", "cuda:1")] == ["CPU", "CUDA 1"]


class Desktop(QObject):
    """Stands in for Qt's style hints: offscreen, Qt knows no dark and no light."""

    colorSchemeChanged = Signal(Qt.ColorScheme)  # noqa: N815 - as Qt names it

    def __init__(self) -> None:
        super().__init__()
        self.scheme = Qt.ColorScheme.Light

    def colorScheme(self) -> Qt.ColorScheme:
        return self.scheme

    def turn(self, scheme: Qt.ColorScheme) -> None:
        self.scheme = scheme
        self.colorSchemeChanged.emit(scheme)


def test_dark_and_light_follow_the_desktop(
    qtbot: QtBot, qapp: QApplication, theme: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop = Desktop()
    monkeypatch.setattr("app.theme.QGuiApplication", type("Gui", (), {"styleHints": staticmethod(lambda: desktop)}))
    follower, fixed = Theme(qapp), Theme(qapp, Qt.ColorScheme.Light)
    try:
        assert not follower.is_dark
        for scheme in (Qt.ColorScheme.Dark, Qt.ColorScheme.Light, Qt.ColorScheme.Dark):
            with qtbot.waitSignals([follower.changed, fixed.changed]):
                desktop.turn(scheme)
            assert follower.is_dark == (scheme == Qt.ColorScheme.Dark)
            assert not fixed.is_dark
        # The choice in the settings has the last word, and can be taken back.
        fixed.set_scheme(Qt.ColorScheme.Unknown)
        assert fixed.is_dark
        assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
        follower.set_scheme(Qt.ColorScheme.Light)
        assert not follower.is_dark
    finally:
        follower.deleteLater()
        fixed.deleteLater()
