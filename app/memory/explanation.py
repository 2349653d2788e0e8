"""Says in a box of its own why no GPU is used and what to do about it. Imports Qt and `app`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from app.memory.wording import no_gpu_words

if TYPE_CHECKING:
    from engine.monitor import NoGpu


def explain(parent: QWidget, why: NoGpu) -> None:
    """Opens the box; its text can be selected, and nothing waits for it."""
    sentence, advice = no_gpu_words(why)
    title = QCoreApplication.translate("memory", "Why no GPU is used")
    box = QMessageBox(QMessageBox.Icon.Information, title, sentence, parent=parent)
    box.setInformativeText(advice)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
