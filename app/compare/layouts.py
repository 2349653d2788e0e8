"""Where the panes lie: pure arithmetic on device pixels. Imports QtCore's rectangle.

All cells of a layout have the same size, so that one camera serves them all to the pixel.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRect

Mode = Literal["one", "wipe", "side", "grid", "diff"]

MODES: tuple[Mode, ...] = ("one", "wipe", "side", "grid", "diff")

# Stacking two panes must show the picture at least this much larger than setting them side by side, which people expect.
_STACKED_GAIN = 1.5


def cells_of(view: QRect, columns: int, rows: int, count: int, gap_px: int) -> list[QRect]:
    """Returns `count` equal cells of a grid, row by row; what cannot be shared evenly stays free at the right and bottom."""
    width = max(1, (view.width() - (columns - 1) * gap_px) // columns)
    height = max(1, (view.height() - (rows - 1) * gap_px) // rows)
    return [
        QRect(
            view.left() + (index % columns) * (width + gap_px),
            view.top() + (index // columns) * (height + gap_px),
            width,
            height,
        )
        for index in range(count)
    ]


def side_cells(view: QRect, picture_width: int, picture_height: int, gap_px: int) -> list[QRect]:
    """Returns two cells: side by side, or one above the other where that shows a wide picture much larger."""
    beside = cells_of(view, 2, 1, 2, gap_px)
    stacked = cells_of(view, 1, 2, 2, gap_px)
    gain = _fit(stacked[0], picture_width, picture_height) / _fit(beside[0], picture_width, picture_height)
    return stacked if gain >= _STACKED_GAIN else beside


def grid_cells(view: QRect, picture_width: int, picture_height: int, count: int, gap_px: int) -> list[QRect]:
    """Returns `count` cells in the grid that shows a fitted picture largest; among equals the one with fewer empty cells."""
    best: tuple[float, int, list[QRect]] | None = None
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        cells = cells_of(view, columns, rows, count, gap_px)
        rank = (_fit(cells[0], picture_width, picture_height), -(columns * rows - count))
        if best is None or rank > best[:2]:
            best = (*rank, cells)
    assert best is not None
    return best[2]


def _fit(cell: QRect, width: int, height: int) -> float:
    return min(cell.width() / width, cell.height() / height)
