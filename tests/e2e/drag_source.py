"""Another program, from which files are dragged: `python -m tests.e2e.drag_source LEFT TOP FILE...`."""

from __future__ import annotations

import sys

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel


class Source(QLabel):
    """A small window; a drag that begins on it carries the files."""

    def __init__(self, files: list[str]) -> None:
        super().__init__("Drag me")
        self.setWindowTitle("Files")
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedSize(120, 60)
        self._files = files

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begins the drag, which lasts until the button is let go."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(file) for file in self._files])
        drag = QDrag(self)
        drag.setMimeData(data)
        drag.exec(Qt.DropAction.CopyAction)


def main(words: list[str]) -> int:
    """Shows the window until it is ended."""
    app = QApplication(words[:1])
    source = Source(words[3:])
    source.move(int(words[1]), int(words[2]))
    source.show()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
