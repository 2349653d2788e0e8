"""A window with a few actions, as the palette and the dialogs meet it."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.actions import allow


def make_action(owner: QWidget, text: str, key: str = "", explained: str = "", why_not: str = "") -> QAction:
    """Returns an action as the window makes them."""
    action = QAction(text, owner)
    action.setShortcut(QKeySequence(key))
    action.setProperty("explained", explained)
    owner.addAction(action)
    allow(action, why_not)
    return action


@pytest.fixture
def host(qtbot: QtBot) -> QWidget:
    """A window on the screen."""
    host = QWidget()
    qtbot.addWidget(host)
    host.resize(1000, 700)
    with qtbot.waitExposed(host):
        host.show()
    return host
