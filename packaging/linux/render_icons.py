"""Draws Triptych's icon in the sizes that desktops ask for: `python packaging/linux/render_icons.py [FOLDER]`.

Imports Qt and `app.theme`. Writes `16.png` to `512.png` (by default beside this file, into `icons/`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

SIZES_PX = (16, 22, 24, 32, 48, 64, 96, 128, 256, 512)


def main(folder: Path) -> None:
    """Writes one PNG for each size."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QGuiApplication

    from app.theme import draw_application_icon

    application = QGuiApplication.instance() or QGuiApplication(sys.argv[:1])
    folder.mkdir(parents=True, exist_ok=True)
    for size_px in SIZES_PX:
        if not draw_application_icon(size_px).save(str(folder / f"{size_px}.png")):
            raise OSError(f"{folder / f'{size_px}.png'} could not be written")
    del application


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "icons")
