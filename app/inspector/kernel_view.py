"""The kernels of one convolution as pictures: the shared one, plus the tile's own, is their sum. Imports Qt, numpy and `app`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.compare.colour_maps import signs
from app.compare.lettering import Lettering
from app.theme import Theme
from engine.deferred import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGN_PX = 18
_MOST_EDGE_PX = 130
_LINE_PX = 18
_LEGEND_PX = 10


class KernelView(QWidget):
    """Three pictures in a row on one scale of colours, each with its largest number, and the scale below them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kernels: tuple[NDArray[np.float32], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setAccessibleName(self.tr("Kernels"))
        theme.changed.connect(self.update)

    @property
    def names(self) -> tuple[str, str, str]:
        """What the three pictures are."""
        return self.tr("Shared"), self.tr("This tile"), self.tr("Sum")

    @property
    def limit(self) -> float:
        """The number at the ends of the scale of colours: the largest of all three."""
        return max((_largest(kernel) for kernel in self._kernels), default=0.0)

    def show_kernels(self, kernels: tuple[NDArray[np.float32], ...]) -> None:
        """Shows the shared kernel, the tile's own (NaN where it does not reach) and their sum, all (L, L)."""
        self._kernels = kernels
        told = [
            self.tr("{name}: up to {value}").format(name=name, value=f"{_largest(kernel):.2g}")
            for name, kernel in zip(self.names, kernels, strict=True)
        ]
        self.setAccessibleDescription("\n".join(told))
        self.setToolTip("\n".join([*told, self.tr("Blue is negative, orange positive, black nothing.")]))
        self.update()

    def hasHeightForWidth(self) -> bool:
        """The pictures are square."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Captions, pictures, numbers, and the scale with its numbers."""
        return self._edge(width) + 4 * _LINE_PX + _LEGEND_PX

    def sizeHint(self) -> QSize:
        """As wide as the panel is by default."""
        return QSize(272, self.heightForWidth(272))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draws everything."""
        if not self._kernels:
            return
        painter, letters, colours = QPainter(self), Lettering(1.0), self._theme.colours
        text, muted = QColor(colours.text), QColor(colours.muted)
        middle = Qt.AlignmentFlag.AlignHCenter
        edge, limit = self._edge(self.width()), self.limit
        left = 0
        for index, (name, kernel) in enumerate(zip(self.names, self._kernels, strict=True)):
            if index:
                sign = QRect(left, _LINE_PX, _SIGN_PX, edge)
                letters.write(painter, sign, "+="[index - 1], letters.bold, muted, middle)
                left += _SIGN_PX
            letters.write(painter, QRect(left, 0, edge, _LINE_PX), name, letters.small_bold, text, middle)
            frame = QRect(left, _LINE_PX, edge, edge)
            painter.fillRect(frame, QColor(colours.stage))
            painter.drawImage(frame, kernel_image(kernel, limit))
            row = QRect(left, _LINE_PX + edge, edge, _LINE_PX)
            letters.write(painter, row, f"± {_largest(kernel):.2g}", letters.small, muted, middle)
            left += edge
        self._paint_scale(painter, letters, QRect(0, 2 * _LINE_PX + edge + 4, left, _LEGEND_PX))

    def _paint_scale(self, painter: QPainter, letters: Lettering, bar: QRect) -> None:
        muted = QColor(self._theme.colours.muted)
        painter.drawImage(bar, kernel_image(np.linspace(-1, 1, 256, dtype=np.float32)[None], 1.0))
        row = QRect(bar.left(), bar.bottom() + 1, bar.width(), _LINE_PX)
        ends = (f"−{self.limit:.2g}", "0", f"+{self.limit:.2g}")
        for value, align in zip(
            ends,
            (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight),
            strict=True,
        ):
            letters.write(painter, row, value, letters.small, muted, align)

    def _edge(self, width: int) -> int:
        return min(_MOST_EDGE_PX, max(13, (width - 2 * _SIGN_PX) // 3))


def kernel_image(kernel: NDArray[np.float32], limit: float) -> QImage:
    """Returns a kernel (rows, columns) as an image of so many pixels, transparent where NaN; ±`limit` are the full colours."""
    shares = kernel / limit if limit > 0 else np.zeros_like(kernel)
    missing = np.isnan(shares)
    colours = np.zeros((*kernel.shape, 4), np.uint8)
    colours[..., :3] = signs(np.where(missing, 0.0, shares))
    colours[..., 3] = np.where(missing, 0, 255)
    height, width = kernel.shape
    return QImage(colours.data, width, height, 4 * width, QImage.Format.Format_RGBA8888).copy()


def _largest(kernel: NDArray[np.float32]) -> float:
    return float(np.nanmax(np.abs(kernel)))
