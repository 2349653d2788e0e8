"""Asks for files to open and for a file to save into. Imports Qt.

As the other dialogs it is imported where it is asked for: QFileDialog takes as long to load as three modules of the window.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog, QWidget


def _tr(text: str) -> str:
    return QCoreApplication.translate("files", text)


class OpenImages:
    """The question which images to open."""

    @classmethod
    def ask(cls, parent: QWidget, folder: Path, extensions: tuple[str, ...]) -> list[Path]:
        """Returns the chosen files; empty where the person thought better of it."""
        patterns = " ".join(f"*{extension}" for extension in extensions)
        filters = ";;".join((_tr("Images ({patterns})").format(patterns=patterns), _tr("All files (*)")))
        names, _ = QFileDialog.getOpenFileNames(parent, _tr("Open images"), str(folder), filters)
        return [Path(name) for name in names]

    @classmethod
    def ask_folder(cls, parent: QWidget, folder: Path) -> Path | None:
        """Returns the chosen folder, or None."""
        name = QFileDialog.getExistingDirectory(parent, _tr("Open a folder of images"), str(folder))
        return Path(name) if name else None


class SaveImage:
    """The question where a result goes. The dialog itself asks before a file is replaced."""

    @classmethod
    def ask(cls, parent: QWidget, proposal: Path) -> Path | None:
        """Returns the chosen file, or None."""
        filters = ";;".join(
            (_tr("PNG (*.png)"), _tr("TIFF (*.tif *.tiff)"), _tr("WebP (*.webp)"), _tr("JPEG (*.jpg *.jpeg)"))
        )
        suffix = proposal.suffix.lower()
        chosen = next((each for each in filters.split(";;") if f"*{suffix}" in each), "")
        name, _ = QFileDialog.getSaveFileName(parent, _tr("Save the result"), str(proposal), filters, chosen)
        return Path(name) if name else None

    @classmethod
    def ask_sheet(cls, parent: QWidget, proposal: Path) -> Path | None:
        """Returns the file for a comparison sheet, which is a PNG, or None."""
        name, _ = QFileDialog.getSaveFileName(
            parent, _tr("Save the comparison sheet"), str(proposal), _tr("PNG (*.png)")
        )
        return Path(name).with_suffix(".png") if name else None
