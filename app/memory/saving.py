"""The question where readings, a picture or a report are saved. Imports Qt."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

Kind = Literal["csv", "png", "json"]


def _tr(text: str) -> str:
    return QCoreApplication.translate("memory", text)


class SaveReadings:
    """The question for a file. The dialog itself asks before a file is replaced."""

    @classmethod
    def ask(cls, parent: QWidget, kind: Kind) -> Path | None:
        """Returns the chosen file, or None."""
        title, names = {
            "csv": (_tr("Save the readings"), _tr("CSV (*.csv)")),
            "png": (_tr("Save the picture"), _tr("PNG (*.png)")),
            "json": (_tr("Save the report"), _tr("JSON (*.json)")),
        }[kind]
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        proposal = Path(folder) / f"triptych-memory-{datetime.now():%Y%m%d-%H%M%S}.{kind}"
        name, _ = QFileDialog.getSaveFileName(parent, title, str(proposal), names)
        if not name:
            return None
        return Path(name) if Path(name).suffix else Path(f"{name}.{kind}")
