"""The command palette: opens over the window, finds, runs, says why not, closes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu, QWidget
from pytestqt.qtbot import QtBot

from app.actions import allow
from app.manners.palette import CommandPalette
from app.manners.palette_row import ENTRY_ROLE, Entry
from app.theme import Theme
from tests.app.manners.conftest import make_action


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def actions(host: QWidget, ran: list[str]) -> list[QAction]:
    made = [
        make_action(host, "&Open…", "Ctrl+O", "Choose images."),
        make_action(host, "Save", "Ctrl+S", "Write the result.", "There is no result yet: upscale the image first."),
        make_action(host, "Full screen", "F11"),
        make_action(host, "Tile grid", "G", "Show how the image is cut."),
    ]
    made[3].setCheckable(True)
    for action in made:
        action.triggered.connect(lambda _=False, action=action: ran.append(action.text()))
    return made


@pytest.fixture
def palette(qtbot: QtBot, host: QWidget, actions: list[QAction], theme: Theme) -> CommandPalette:
    palette = CommandPalette(lambda: actions, theme, host)
    palette.open()
    qtbot.waitUntil(palette.isVisible)
    return palette


def shown(palette: CommandPalette) -> list[str]:
    return [palette.model.index(row, 0).data() for row in range(palette.model.rowCount())]


def press(palette: CommandPalette, key: Qt.Key) -> None:
    QTest.keyClick(palette.field, key)


def test_opens_inside_the_window_with_everything_and_the_keyboard(palette: CommandPalette, host: QWidget) -> None:
    assert shown(palette) == ["Open…", "Save", "Full screen", "Tile grid"]
    assert host.frameGeometry().contains(palette.frameGeometry())
    assert palette.field.hasFocus()
    assert palette.windowFlags() & Qt.WindowType.FramelessWindowHint
    entry = palette.model.index(0, 0).data(ENTRY_ROLE)
    assert (entry.key, entry.second_line) == ("Ctrl+O", "Choose images.")


def test_typing_and_return_run_what_fits(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    QTest.keyClicks(palette.field, "fsc")
    assert shown(palette) == ["Full screen"]
    press(palette, Qt.Key.Key_Return)
    assert not palette.isVisible()
    qtbot.waitUntil(lambda: ran == ["Full screen"])


def test_arrows_go_round(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    press(palette, Qt.Key.Key_Up)
    assert palette.list.currentIndex().data() == "Tile grid"
    press(palette, Qt.Key.Key_Down)
    assert palette.list.currentIndex().data() == "Open…"
    press(palette, Qt.Key.Key_PageDown)
    assert palette.list.currentIndex().data() == "Tile grid"
    press(palette, Qt.Key.Key_Enter)
    qtbot.waitUntil(lambda: ran == ["Tile grid"])


def test_what_cannot_be_done_says_why_and_stays(palette: CommandPalette, ran: list[str]) -> None:
    QTest.keyClicks(palette.field, "save")
    entry = palette.list.currentIndex().data(ENTRY_ROLE)
    assert entry.reason == entry.second_line == "There is no result yet: upscale the image first."
    words = palette.list.currentIndex().data(Qt.ItemDataRole.AccessibleTextRole)
    assert words == "Save, Ctrl+S, There is no result yet: upscale the image first."
    press(palette, Qt.Key.Key_Return)
    assert palette.isVisible()
    assert ran == []


def test_escape_closes_and_runs_nothing(palette: CommandPalette, ran: list[str]) -> None:
    press(palette, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert ran == []


def test_what_it_does_is_searched_too_but_comes_later(palette: CommandPalette) -> None:
    QTest.keyClicks(palette.field, "image")
    assert shown(palette) == ["Open…", "Tile grid"]
    # Letters scattered over a sentence mean nothing.
    palette.field.setText("chg")
    assert shown(palette) == []
    palette.field.setText("quux")
    assert shown(palette) == []
    assert palette.nothing.isVisible()
    press(palette, Qt.Key.Key_Return)
    press(palette, Qt.Key.Key_Down)
    assert palette.isVisible()


def test_what_was_run_last_is_on_top_and_the_field_is_empty(
    qtbot: QtBot, palette: CommandPalette, ran: list[str]
) -> None:
    QTest.keyClicks(palette.field, "grid")
    press(palette, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(ran))
    palette.open()
    assert palette.field.text() == ""
    assert shown(palette)[0] == "Tile grid"


def test_the_present_state_is_shown_each_time(palette: CommandPalette, actions: list[QAction]) -> None:
    palette.close()
    allow(actions[1])
    palette.open()
    assert [Entry.of(action).reason for action in actions] == ["", "", "", ""]
    assert palette.model.index(1, 0).data(ENTRY_ROLE).is_enabled


def test_menus_separators_and_doubles_are_left_out(qtbot: QtBot, host: QWidget, theme: Theme) -> None:
    separator = QAction(host)
    separator.setSeparator(True)
    menu = QMenu("More", host)
    hidden = make_action(host, "Hidden")
    hidden.setVisible(False)
    off, on = make_action(host, "Fit", "F", why_not="Nothing is open."), make_action(host, "Fit", "F")
    palette = CommandPalette(lambda: [separator, menu.menuAction(), hidden, off, on], theme, host)
    palette.open()
    assert shown(palette) == ["Fit"]
    assert palette.model.index(0, 0).data(ENTRY_ROLE).action is on


def test_a_click_runs(qtbot: QtBot, palette: CommandPalette, ran: list[str]) -> None:
    place = palette.list.visualRect(palette.model.index(2, 0)).center()
    QTest.mouseClick(palette.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: ran == ["Full screen"])
