"""What the comparison shows, as plain data, and how pictures of different size share one coordinate system.

Imports the standard library and the plain data of `engine`. `input` coordinates count pixels of the input; `picture` coordinates
count output pixels of the source with the largest scale, to which all others are magnified.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.canvas import RasterRef
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from fractions import Fraction

MOST_PANES = 9

SourceKind = Literal["input", "model", "reference"]


@dataclass(frozen=True)
class PaneSource:
    """One picture of the comparison.

    `key` is stable ("input", "reference", "job:12"). `finished`: the pixels of the raster that are final, or None for
    all of them. `figures`: short facts for the label ("0.6 s", "0.4 GiB"). `placed`: the part of the input that the
    raster shows, in input pixels, or None for all of it (a preview is placed).
    """

    key: str
    title: str
    kind: SourceKind
    raster: RasterRef
    icc: bytes | None = None
    finished: tuple[Box, ...] | None = None
    figures: tuple[str, ...] = ()
    placed: Box | None = None


@dataclass(frozen=True)
class Arrangement:
    """The common ground of several sources: the input's size, and how many picture pixels one input pixel has."""

    input_height: int
    input_width: int
    scale: Fraction

    @property
    def height(self) -> int:
        """Height in picture pixels."""
        return max(1, round(self.input_height * self.scale))

    @property
    def width(self) -> int:
        """Width in picture pixels."""
        return max(1, round(self.input_width * self.scale))

    def magnification(self, source: PaneSource) -> Fraction:
        """Returns how many picture pixels one pixel of the source's raster has."""
        return self.scale / self._scale_of(source)

    def origin(self, source: PaneSource) -> tuple[int, int]:
        """Returns (top, left) of the source's raster in picture pixels."""
        if source.placed is None:
            return 0, 0
        return round(source.placed.top * self.scale), round(source.placed.left * self.scale)

    def to_picture(self, box: Box) -> tuple[float, float, float, float]:
        """Returns (left, top, width, height) in picture pixels of a box in input pixels."""
        scale = float(self.scale)
        return box.left * scale, box.top * scale, box.width * scale, box.height * scale

    def to_input(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Returns the smallest box of whole input pixels around a rectangle in picture pixels, kept inside the input."""
        scale = float(self.scale)
        # A hair of tolerance: an edge that lies on a pixel's, but for rounding, does not take in the next pixel.
        first_column = min(max(0, math.floor(left / scale + 1e-6)), self.input_width - 1)
        first_row = min(max(0, math.floor(top / scale + 1e-6)), self.input_height - 1)
        last_column = max(min(self.input_width, math.ceil(right / scale - 1e-6)), first_column + 1)
        last_row = max(min(self.input_height, math.ceil(bottom / scale - 1e-6)), first_row + 1)
        return Box(first_row, first_column, last_row - first_row, last_column - first_column)

    def _scale_of(self, source: PaneSource) -> Fraction:
        # Here, not above: with it comes decimal, and no picture needs a scale before the window is painted.
        from fractions import Fraction

        width = self.input_width if source.placed is None else source.placed.width
        return Fraction(source.raster.width, width)


def arrange(sources: Sequence[PaneSource]) -> Arrangement:
    """Returns the common ground of the sources: without an input among them the smallest whole one stands for it."""
    from fractions import Fraction

    whole = [source for source in sources if source.placed is None] or list(sources)
    base = next((source for source in whole if source.kind == "input"), None)
    if base is None:
        base = min(whole, key=lambda source: source.raster.width)
    plain = Arrangement(base.raster.height, base.raster.width, Fraction(1))
    largest = max(Fraction(1) / plain.magnification(source) for source in sources)
    return Arrangement(base.raster.height, base.raster.width, max(Fraction(1), largest))
