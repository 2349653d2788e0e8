"""The numbers beside the timeline, which are its legend too: layers from the top one down, and lines. Imports Qt and `app`."""

from __future__ import annotations

from math import isfinite, nan
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from app.memory.colours import Inks
from app.memory.readings import Reading
from app.memory.wording import bytes_text, gib_text

_LAYERS = ("cached", "activations", "weights", "context", "other", "free")
_LINES = ("total", "limit", "predicted", "peak", "reserved", "allocated")
_STYLES = {"limit": Qt.PenStyle.DotLine, "predicted": Qt.PenStyle.DashLine}


class Shown(NamedTuple):
    """What the numbers are to say: a reading, and the peak of the tile at that moment (`tile`: its number, None: no tile)."""

    reading: Reading | None
    peak: float = nan
    tile: int | None = None


class Swatch(QWidget):
    """A little piece of a layer or of a line, as the timeline draws it; empty for a number that is not drawn."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._colour = ""
        self.setFixedSize(QSize(14, 12))

    def set_inks(self, inks: Inks) -> None:
        """Paints in these colours from now on."""
        self._colour = getattr(inks, self._name, "")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws the piece."""
        if not self._colour:
            return
        painter = QPainter(self)
        if self._name in _LAYERS:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._colour))
            painter.drawRoundedRect(QRectF(2, 1, 10, 10), 2, 2)
        else:
            width = 1 if self._name == "total" else 2
            painter.setPen(QPen(QColor(self._colour), width, _STYLES.get(self._name, Qt.PenStyle.SolidLine)))
            painter.drawLine(0, 6, 14, 6)
        painter.end()


class Figures(QWidget):
    """Two columns of rows: swatch, name, amount in GiB; the tooltip of a row says the amount to the byte, and what it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names: dict[str, QLabel] = {}
        self._values: dict[str, QLabel] = {}
        self._swatches: dict[str, Swatch] = {}
        self.is_gpu = True
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(12, 2, 12, 4)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(0)
        for column, names in ((0, _LAYERS), (4, _LINES)):
            for row, name in enumerate(names):
                self._add(name, row, column)
        self._grid.setColumnMinimumWidth(3, 16)
        self._grid.setRowStretch(len(_LAYERS), 1)
        self.set_gpu(True)

    def _add(self, name: str, row: int, column: int) -> None:
        self._swatches[name], self._names[name], self._values[name] = Swatch(name), QLabel(), QLabel()
        self._names[name].setProperty("role", "muted")
        value = self._values[name]
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setMinimumWidth(self.fontMetrics().horizontalAdvance("< 0.001 GiB"))
        for offset, widget in enumerate((self._swatches[name], self._names[name], value)):
            self._grid.addWidget(widget, row, column + offset)

    def value(self, name: str) -> QLabel:
        """Returns the label with the amount of this name."""
        return self._values[name]

    def set_inks(self, inks: Inks) -> None:
        """Paints in these colours from now on."""
        for swatch in self._swatches.values():
            swatch.set_inks(inks)

    def set_gpu(self, is_gpu: bool) -> None:
        """Names the rows as they are on a GPU, or on the host."""
        self.is_gpu = is_gpu
        for name, label in self._names.items():
            label.setText(self._title(name))
        self.show_reading(Shown(None))

    def show_reading(self, shown: Shown) -> None:
        """Shows these numbers."""
        reading = shown.reading
        amounts = dict.fromkeys(self._values, nan)
        if reading is not None:
            amounts = {name: getattr(reading, name) for name in self._values if name not in ("free", "peak")}
            amounts["free"] = max(reading.total - reading.other - reading.ours, 0)
            amounts["peak"] = shown.peak
        title = (
            self.tr("Peak of a tile")
            if shown.tile is None
            else self.tr("Peak, tile {number}").format(number=shown.tile)
        )
        _say(self._names["peak"], title)
        for name, amount in amounts.items():
            text = gib_text(amount)
            if self._values[name].text() == text and self._values[name].property("amount") == amount:
                continue
            self._values[name].setText(text)
            self._values[name].setProperty("amount", amount)
            exact = bytes_text(amount) if isfinite(amount) else self._why_unknown(name)
            tip = f"{self._names[name].text()}: {exact}\n{self._meaning(name)}"
            for widget in (self._swatches[name], self._names[name], self._values[name]):
                widget.setToolTip(tip)
            self._values[name].setAccessibleName(f"{self._names[name].text()}: {exact}")

    def _title(self, name: str) -> str:
        return {
            "cached": self.tr("Cached"),
            "activations": self.tr("Activations"),
            "weights": self.tr("Weights"),
            "context": self.tr("Context") if self.is_gpu else self.tr("Libraries"),
            "other": self.tr("Other programs"),
            "free": self.tr("Free"),
            "total": self.tr("Total"),
            "limit": self.tr("Limit"),
            "predicted": self.tr("Predicted"),
            "peak": self.tr("Peak of a tile"),
            "reserved": self.tr("Reserved"),
            "allocated": self.tr("Allocated"),
        }[name]

    def _meaning(self, name: str) -> str:
        if name == "context":
            if self.is_gpu:
                return self.tr("What the driver needs to run programs of ours: CUDA's context and the kernels.")
            return self.tr("The worker without a model: the interpreter and its libraries.")
        return {
            "cached": self.tr("Held by the allocator and free for the next tile."),
            "activations": self.tr("What the network computes with while it runs a tile."),
            "weights": self.tr("The parameters of the model."),
            "other": self.tr("All that other programs hold, and the system, and this window."),
            "free": self.tr("What could be had without taking it from anybody."),
            "total": self.tr("All memory that there is."),
            "limit": self.tr(
                "What a job may use, counted as Reserved is: what was free when it was planned, less a reserve."
            ),
            "predicted": self.tr("The highest that the plan of the job expects, counted as Reserved is."),
            "peak": self.tr("The highest that a tile reached, counted as Reserved is."),
            "reserved": self.tr("Weights, activations and cached together."),
            "allocated": self.tr("Weights and activations together."),
        }[name]

    def _why_unknown(self, name: str) -> str:
        if name in ("limit", "predicted"):
            return self.tr("no job is planned")
        return self.tr("no tile yet") if name == "peak" else self.tr("unknown")


def _say(label: QLabel, text: str) -> None:
    """Sets a text only where it differs, which spares a layout."""
    if label.text() != text:
        label.setText(text)
