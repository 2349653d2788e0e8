"""Saves readings, a picture or a report where the person says. Imports Qt and `app`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QCoreApplication, QPoint, QStandardPaths
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QFileDialog, QWidget

from app.memory.collector import Collector
from app.memory.readings import History

Kind = Literal["csv", "png", "json"]
# Saved pictures are so much larger than on the screen, so that their words stay sharp.
_FACTOR = 2


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
        proposal = Path(folder) / f"triptych-memory-{time.strftime('%Y%m%d-%H%M%S')}.{kind}"
        name, _ = QFileDialog.getSaveFileName(parent, title, str(proposal), names)
        if not name:
            return None
        return Path(name) if Path(name).suffix else Path(f"{name}.{kind}")


def save_text(path: Path, kind: Kind, collector: Collector, key: str, history: History) -> None:
    """Writes the readings of a history ("csv"), or the report on the place `key` ("json"). Raises OSError."""
    # Here, because the modules that read versions are of no use before the window is painted.
    from app.memory.export import csv_text, snapshot_text

    text = csv_text(history) if kind == "csv" else snapshot_text(collector, key)
    path.write_text(text, encoding="utf-8")


def save_picture(path: Path, widget: QWidget, background: str) -> None:
    """Writes what the widget shows as PNG. Raises OSError."""
    pixmap = QPixmap(widget.size() * _FACTOR)
    pixmap.setDevicePixelRatio(_FACTOR)
    pixmap.fill(background)
    painter = QPainter(pixmap)
    widget.render(painter, QPoint())
    painter.end()
    if not pixmap.save(str(path), "PNG"):
        raise OSError(0, _tr("the folder does not allow it"))
