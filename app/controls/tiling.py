"""How an image is cut into tiles, in which precision it is computed, and what that will need, before it runs.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.controls.tile_slider import TileSlider
from app.memory.wording import bytes_text
from app.sentences import in_window
from app.theme import indent_number

if TYPE_CHECKING:
    from engine.messages import DonePlan, UpscaleSettings

_TILES_PX = (128, 192, 256, 384, 480, 640, 960)
OVERLAP_PX = 32
MOST_OVERLAP_PX = 128
PRECISIONS = ("auto", "fp32", "fp16", "bf16")
_GIB = 2**30


def gibibytes(size_bytes: int) -> str:
    """Returns a size as people read it: `0.35 GiB`, `6.2 GiB`."""
    gib = size_bytes / _GIB
    return f"{gib:.2f} GiB" if gib < 1 else f"{gib:.1f} GiB"


class TilingControls(QWidget):
    """Tile size, overlap and precision; under them what a run will need of the memory that is free. `changed`: by the person."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tile = TileSlider(_TILES_PX)
        self.overlap = QSpinBox()
        self.overlap.setRange(0, MOST_OVERLAP_PX)
        self.overlap.setSingleStep(8)
        self.overlap.setValue(OVERLAP_PX)
        self.overlap.setSuffix(self.tr(" px"))
        indent_number(self.overlap)
        self.overlap.setToolTip(
            self.tr("How far neighbouring tiles reach into each other. Less may show seams, more costs time.")
        )
        self.precision = QComboBox()
        for name in PRECISIONS:
            self.precision.addItem(self.tr("Auto") if name == "auto" else name, name)
        self.precision.setToolTip(self.tr("Auto: fp16 or bf16 on a GPU that is fast in it, fp32 on a CPU."))
        self.grid = QCheckBox(self.tr("Grid"))
        beside = QHBoxLayout()
        beside.setSpacing(12)
        beside.addWidget(self.overlap, 1)
        beside.addWidget(self.grid)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(6)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for words, field, row in (
            (self.tr("Overlap"), self.overlap, beside),
            (self.tr("Precision"), self.precision, self.precision),
        ):
            label = QLabel(words)
            label.setBuddy(field)
            field.setAccessibleName(words)
            form.addRow(label, row)
        self.bar = QProgressBar(textVisible=False)
        self.bar.setRange(0, 1000)
        self.bar.setFixedHeight(6)
        self.bar.setAccessibleName(self.tr("Memory needed of the memory that is free"))
        self.needs = _words()
        self.warning = _words()
        self.warning.setProperty("role", "warning")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        column.addWidget(self.tile)
        column.addLayout(form)
        column.addWidget(self.bar)
        column.addWidget(self.needs)
        column.addWidget(self.warning)
        self.tile.changed.connect(self._tell)
        self.overlap.valueChanged.connect(self._tell)
        self.precision.currentIndexChanged.connect(self._tell)
        self.show_plan(None)

    def bind_grid(self, action: QAction) -> None:
        """Gives the action that shows the tiles over the image a box beside the overlap; both are switched as one."""
        self._grid_action = action
        self.grid.toggled.connect(action.setChecked)
        action.changed.connect(self._follow_grid)
        self._follow_grid()

    @Slot()
    def _follow_grid(self) -> None:
        self.grid.setChecked(self._grid_action.isChecked())
        self.grid.setEnabled(self._grid_action.isEnabled())
        self.grid.setToolTip(self._grid_action.toolTip())

    def settings(self, device: str) -> UpscaleSettings:
        """Returns what is chosen, for this device."""
        from engine.messages import UpscaleSettings

        return UpscaleSettings(
            tile_px=self.tile.edge,
            overlap_px=self.overlap.value(),
            device=device,
            precision=self.precision.currentData(),
        )

    def show_plan(self, plan: DonePlan | None) -> None:
        """Shows what a run will need, or nothing where that is not known."""
        if plan is None or plan.predicted_bytes is None:
            self.needs.setText("")
            self.needs.setToolTip("")
            self.bar.hide()
            self.warning.hide()
            self.tile.show_found("")
            return
        self.tile.show_found(self.tr("off") if plan.tile_px is None else str(plan.tile_px))
        tiles = self.tr("1 tile") if plan.tiles == 1 else self.tr("{count} tiles").format(count=plan.tiles)
        free = plan.free_bytes
        if free is None:
            self.needs.setText(
                self.tr("{tiles} · needs {needed}").format(tiles=tiles, needed=gibibytes(plan.predicted_bytes))
            )
            self.needs.setToolTip("")
            self.bar.hide()
        else:
            self.needs.setText(
                self.tr("{tiles} · needs {needed} of {free} free").format(
                    tiles=tiles, needed=gibibytes(plan.predicted_bytes), free=gibibytes(free)
                )
            )
            self.needs.setToolTip(
                self.tr("Predicted peak: {needed}. Free now: {free}.").format(
                    needed=bytes_text(plan.predicted_bytes), free=bytes_text(free)
                )
            )
            self.bar.setValue(min(1000, round(1000 * plan.predicted_bytes / max(1, free))))
            self.bar.show()
        self.warning.setText("\n".join(map(in_window, plan.warnings)))
        self.warning.setVisible(bool(plan.warnings))

    @Slot()
    def _tell(self) -> None:
        self.changed.emit()


def _words() -> QLabel:
    label = QLabel()
    label.setProperty("role", "muted")
    label.setWordWrap(True)
    return label
