"""The labelled comparison sheet: pictures of one scene in a grid, each under its title and figures.

Imports numpy, Pillow, pyvips, and of the engine the plain messages, errors, rasters and resampling. Legend: H W rows and
columns, C channels.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from engine.canvas import open_raster
from engine.errors import OutputError
from engine.imaging.codec import configure
from engine.imaging.encode import Written, write_file
from engine.imaging.formats import check_output, format_of_extension
from engine.imaging.limits import room_for
from engine.imaging.metadata import software_tag
from engine.imaging.progress import Progress, unheard
from engine.imaging.publish import publish, written_aside
from engine.messages import EncodeOptions, ImageInfo, SheetPane, WriteSheet
from engine.resampling import imresize

# A pane is shown at most this large; the sheet says so then.
MAX_PANE_SIDE_PX = 2048
_ASPECT = 16 / 10

_BACKGROUND = (24, 25, 28)
_FRAME = (52, 54, 60)
_HEADING = (250, 250, 251)
_TITLE = (240, 241, 243)
_FIGURES = (168, 173, 182)
_FOOTER = (116, 121, 130)
_CHECKS = (88, 66)
_CHECK_PX = 8
# Shrinking a pane takes at least this many pixels of it a second.
_SLOWEST_PIXELS_PER_S = 1_000_000
_PLAIN_SIGNS = {"×": "x", "−": "-", "–": "-", "—": "-", "→": "->", "≥": ">=", "≤": "<=", "ß": "ss", "…": "..."}

Pixels8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Layout:
    """Where everything lies on a sheet, in pixels. `text_px` is the size of the figures; all spacing follows from it."""

    columns: int
    rows: int
    shown_height: int
    shown_width: int
    cell_width: int
    label_height: int
    heading_height: int
    text_px: int

    @property
    def margin(self) -> int:
        """Space around the grid."""
        return round(2.4 * self.text_px)

    @property
    def gap(self) -> int:
        """Space between the columns."""
        return round(1.6 * self.text_px)

    @property
    def row_gap(self) -> int:
        """Space between the rows: more than between a label and its picture, so that each label keeps to its own."""
        return round(2.0 * self.text_px)

    @property
    def width(self) -> int:
        """Width of the sheet."""
        return 2 * self.margin + self.columns * self.cell_width + (self.columns - 1) * self.gap

    @property
    def height(self) -> int:
        """Height of the sheet."""
        cells = self.rows * (self.label_height + self.shown_height) + (self.rows - 1) * self.row_gap
        return 2 * self.margin + self.heading_height + cells + round(1.8 * self.text_px)

    def corner(self, index: int) -> tuple[int, int]:
        """Returns (left, top) of a cell, label included."""
        row, column = divmod(index, self.columns)
        left = self.margin + column * (self.cell_width + self.gap)
        return left, self.margin + self.heading_height + row * (self.label_height + self.shown_height + self.row_gap)


def write_sheet(request: WriteSheet, progress: Progress | None = None) -> Written:
    """Draws a sheet and writes it under `request.path`, in the format of its extension (PNG without one).

    Raises OutputError for a format that cannot hold it and for what folder or disk do not take.
    """
    configure()
    if not request.panes:
        raise OutputError("A comparison sheet needs at least one picture.", "Choose a model or an input to compare.")
    target = Path(request.path)
    form = format_of_extension(target.suffix) or "png"
    layout = plan_layout(request)
    check_output(form, 8, layout.height, layout.width)
    progress = progress or unheard()
    pixels = sum(pane.raster.height * pane.raster.width for pane in request.panes)
    with (
        room_for(sum(pane.raster.size_bytes for pane in request.panes)),
        progress.patience(60 + pixels / _SLOWEST_PIXELS_PER_S),
    ):
        sheet_hwc = np.asarray(_draw(request, layout, progress.part(0, 0.9)))
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(sheet_hwc), layout.width, layout.height, 3, "uchar")
    options = EncodeOptions(form, 8, overwrite=request.overwrite)
    source = ImageInfo(request.path, form, layout.height, layout.width, 3, 8)
    image = image.copy(interpretation="srgb")
    with written_aside(target) as aside:
        write_file(image, source, aside, target, options, [], progress.part(0.9, 1))
        published = publish(aside, target, overwrite=request.overwrite)
    return Written(str(published), layout.height, layout.width)


def plan_layout(request: WriteSheet) -> Layout:
    """Returns the layout whose sheet is nearest to 16:10 with the fewest empty cells."""
    shrink = min(1.0, MAX_PANE_SIDE_PX / max(request.pane_height, request.pane_width))
    shown_height = max(1, round(request.pane_height * shrink))
    shown_width = max(1, round(request.pane_width * shrink))
    text_px = min(40, max(15, round(shown_width / 27)))
    lines = max(len(pane.lines) for pane in request.panes)
    widest = max(_text_width(text, _font(size)) for pane in request.panes for text, size in _labels(pane, text_px))
    cell_width = max(shown_width, min(math.ceil(widest) + 1, 26 * text_px))
    label_height = round(1.3 * _title_px(text_px) + lines * 1.35 * text_px + 0.55 * text_px)
    heading_height = round(3.1 * text_px) if request.heading else 0

    def candidate(columns: int) -> Layout:
        rows = math.ceil(len(request.panes) / columns)
        return Layout(columns, rows, shown_height, shown_width, cell_width, label_height, heading_height, text_px)

    def cost(layout: Layout) -> float:
        empty = layout.columns * layout.rows - len(request.panes)
        return abs(math.log(layout.width / layout.height / _ASPECT)) + 0.25 * empty

    return min((candidate(columns) for columns in range(1, len(request.panes) + 1)), key=cost)


def _draw(request: WriteSheet, layout: Layout, report: Callable[[float], None]) -> Image.Image:
    sheet = Image.new("RGB", (layout.width, layout.height), _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    if request.heading:
        font = _font(round(1.75 * layout.text_px))
        text = _fitted(request.heading, font, layout.width - 2 * layout.margin)
        draw.text((layout.margin, layout.margin - layout.text_px // 3), text, _HEADING, font)
    for index, pane in enumerate(request.panes):
        left, top = layout.corner(index)
        _draw_label(draw, pane, layout, (left, top))
        picture = Image.fromarray(shown_pixels(pane, layout.shown_height, layout.shown_width))
        picture_top = top + layout.label_height
        frame = (left - 1, picture_top - 1, left + layout.shown_width, picture_top + layout.shown_height)
        draw.rectangle(frame, outline=_FRAME)
        sheet.paste(picture, (left, picture_top))
        report((index + 1) / len(request.panes))
    font = _font(round(0.8 * layout.text_px))
    footer = _fitted(_footer(request, layout), font, layout.width - 2 * layout.margin)
    draw.text((layout.margin, layout.height - layout.margin), footer, _FOOTER, font, anchor="ls")
    return sheet


def _draw_label(draw: ImageDraw.ImageDraw, pane: SheetPane, layout: Layout, corner: tuple[int, int]) -> None:
    left, baseline = corner[0], float(corner[1])
    for order, (text, size) in enumerate(_labels(pane, layout.text_px)):
        baseline += size if order == 0 else 1.35 * size
        fitted = _fitted(text, _font(size), layout.cell_width)
        draw.text((left, round(baseline)), fitted, _FIGURES if order else _TITLE, _font(size), anchor="ls")


def _labels(pane: SheetPane, text_px: int) -> list[tuple[str, int]]:
    """Returns a pane's texts with their sizes: the title, then the figures."""
    return [(pane.title, _title_px(text_px))] + [(line, text_px) for line in pane.lines]


def _footer(request: WriteSheet, layout: Layout) -> str:
    size = f"{request.pane_width} × {request.pane_height} pixels"
    if layout.shown_width == request.pane_width:
        return f"{software_tag()}  ·  each pane {size}, one to one"
    percent = 100 * layout.shown_width / request.pane_width
    return f"{software_tag()}  ·  each pane {size}, shown at {percent:.0f} %"


def _title_px(text_px: int) -> int:
    return round(1.25 * text_px)


def _font(size_px: int) -> Any:
    return ImageFont.load_default(size_px)


def _text_width(text: str, font: Any) -> float:
    return float(font.getlength(drawable(text)))


def drawable(text: str) -> str:
    """Returns the text in the characters that Pillow's own font has: plain ASCII and the raised dot.

    Other signs are replaced by their nearest plain form ("×4" by "x4", "é" by "e"), else by "?".
    """
    kept = []
    for sign in unicodedata.normalize("NFC", text):
        if sign == "·" or " " <= sign <= "~":
            kept.append(sign)
            continue
        plain = _PLAIN_SIGNS.get(sign) or unicodedata.normalize("NFKD", sign)
        kept.append("".join(part for part in plain if " " <= part <= "~") or "?")
    return "".join(kept)


def _fitted(text: str, font: Any, width_px: int) -> str:
    """Returns the text as it can be drawn, cut with an ellipsis where it is wider than its place."""
    text = drawable(text)
    if _text_width(text, font) <= width_px:
        return text
    while text and _text_width(f"{text}...", font) > width_px:
        text = text[:-1]
    return f"{text.rstrip()}..."


def shown_pixels(pane: SheetPane, height: int, width: int) -> Pixels8:
    """Returns a pane's picture as (height, width, 3) uint8: resized, alpha over a checkerboard, grey as three channels.

    A raster smaller than the place is enlarged by the pane's own method; a larger one is always shrunk by bicubic.
    """
    pixels_hwc: NDArray[Any] = open_raster(pane.raster)
    if pixels_hwc.shape[:2] != (height, width):
        enlarged = height >= pane.raster.height and width >= pane.raster.width
        method: Literal["nearest", "bicubic"] = "nearest" if enlarged and pane.resampling == "nearest" else "bicubic"
        pixels_hwc = imresize(pixels_hwc, size=(height, width), method=method)
    values_hwc = _eight_bit(pixels_hwc)
    colours = pane.raster.colour_channels
    colour_hwc = np.broadcast_to(values_hwc[:, :, :colours], (height, width, 3))
    if pane.raster.has_alpha:
        colour_hwc = _over_checks(colour_hwc, values_hwc[:, :, colours:])
    return np.ascontiguousarray(colour_hwc)


def _eight_bit(pixels_hwc: NDArray[Any]) -> Pixels8:
    if pixels_hwc.dtype == np.uint8:
        return np.asarray(pixels_hwc)
    if pixels_hwc.dtype == np.uint16:
        return np.asarray((pixels_hwc.astype(np.uint32) + 128) // 257, np.uint8)
    return np.asarray(np.rint(np.clip(pixels_hwc, 0, 1) * np.float32(255)), np.uint8)


def _over_checks(colour_hwc: NDArray[Any], alpha_hw1: Pixels8) -> Pixels8:
    """Lays a picture over the checkerboard that stands for transparency."""
    height, width, _ = colour_hwc.shape
    rows, columns = np.ogrid[0:height, 0:width]
    checks = np.where((rows // _CHECK_PX + columns // _CHECK_PX) % 2 == 0, *_CHECKS)[:, :, None]
    alpha = alpha_hw1.astype(np.float32) / 255
    return np.asarray(np.rint(colour_hwc * alpha + checks * (1 - alpha)), np.uint8)
