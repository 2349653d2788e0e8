"""Paints the pictures into their panes: sources, halves of a wipe, differences. Marks over them are `app.compare.marks`.

Imports Qt, `app` and the plain data of `engine`.
"""

from __future__ import annotations

from PySide6.QtCore import QRect
from PySide6.QtGui import QBrush, QColor, QPainter, QPixmap, QRegion

from app.compare.camera import NEAREST_ABOVE_ZOOM, VALUES_FROM_ZOOM
from app.compare.layers import OpenSource, TileKey, TileLayer
from app.compare.painting import Drawing
from app.compare.panes import Cell, Panes, Part
from app.compare.values import values_layer
from app.theme import Theme

_CHECK_EDGE_PX = 8
# What is still the input lies under a veil, so that the finished tiles stand out.
_VEIL_OPACITY = 0.55
# Tiles fetched ahead, beyond those in view.
_MOST_AHEAD = 400


class Pictures:
    """Paints what lies in the panes, with one `Drawing` for each paint."""

    def __init__(self, panes: Panes, theme: Theme) -> None:
        self._panes = panes
        self._theme = theme

    def paint(self, painter: QPainter, drawing: Drawing) -> bool:
        """Paints all panes; returns whether all of it was sharp. The painter's unit is the device pixel."""
        panes = self._panes
        is_sharp = True
        for part in panes.parts:
            if not part.view.isEmpty():
                is_sharp &= self._paint_source(painter, drawing, part)
        if panes.shows_difference:
            is_sharp &= self._paint_difference(painter, drawing, panes.cells[0])
        return is_sharp

    def ahead(self) -> list[tuple[TileLayer, TileKey]]:
        """Returns tiles that the next moves will need: those just outside the view, and the same view of the other pictures.

        Of a picture that is being made only what is final: anything else would be made again with the next tile.
        """
        panes, comparison = self._panes, self._panes.comparison
        wishes: list[tuple[TileLayer, TileKey]] = []
        cells = panes.cells
        if not cells:
            return wishes
        shown = [(part.key, part.cell) for part in panes.parts]
        shown_keys = {key for key, _ in shown}
        for key in comparison.keys:
            # The whole picture in one tile: whatever comes into view, something is there to draw.
            natural = comparison.opened(key).natural
            if comparison.finished(key) is None:
                wishes.append((natural, TileKey(natural.number, natural.top_level, 0, 0)))
        for key, cell in shown + [(key, cells[0]) for key in comparison.keys if key not in shown_keys]:
            layer, _ = panes.layer_of(comparison.opened(key))
            own = panes.placement_in(cell).inner(*layer.origin, float(layer.magnification))
            margin = round(cell.frame.width() / 3) if key in shown_keys else 0
            around = cell.frame.adjusted(-margin, -margin, margin, margin)
            keys = layer.keys_in(layer.level_for(own.zoom), own.visible(around, layer.height, layer.width))
            wishes += [(layer, found) for found in keys if comparison.is_final(key, layer, found)]
        return wishes[:_MOST_AHEAD]

    def _paint_source(self, painter: QPainter, drawing: Drawing, part: Part) -> bool:
        """Draws a source; where it is not there yet, the input under a veil."""
        panes, comparison = self._panes, self._panes.comparison
        region = panes.final_region(part.key, part.cell, part.view)
        is_sharp = True
        base_key = comparison.input_key
        if region is not None and base_key and base_key != part.key:
            is_sharp = self._paint_layer(painter, drawing, comparison.opened(base_key), part, None)
            veil = QColor(self._theme.colours.stage)
            veil.setAlphaF(_VEIL_OPACITY)
            painter.save()
            painter.setClipRegion(QRegion(panes.picture_frame(part.cell) & part.view) - region)
            painter.fillRect(part.view, veil)
            painter.restore()
        return self._paint_layer(painter, drawing, comparison.opened(part.key), part, region) and is_sharp

    def _paint_layer(
        self, painter: QPainter, drawing: Drawing, opened: OpenSource, part: Part, region: QRegion | None
    ) -> bool:
        # Tiles with values show the pixels too: where all of them are there, nothing lies beneath.
        hides_all = self._panes.camera.zoom >= VALUES_FROM_ZOOM and not opened.natural.has_alpha
        if hides_all and self._paint_values(painter, drawing, opened, part, region):
            return True
        layer, smooth = self._panes.layer_of(opened)
        placement = self._panes.placement_in(part.cell)
        if layer.has_alpha:
            own = placement.inner(*layer.origin, float(layer.magnification))
            frame = own.place(layer.core(TileKey(layer.number, layer.top_level, 0, 0))) & part.view
            painter.save()
            painter.setClipRegion(QRegion(frame) if region is None else region & frame)
            painter.fillRect(frame, self._checks())
            painter.restore()
        is_sharp = drawing.draw(painter, layer, part.view, placement, smooth, region)
        if self._panes.camera.zoom >= VALUES_FROM_ZOOM:
            wished = len(drawing.wishes)
            self._paint_values(painter, drawing, opened, part, region)
            return is_sharp and len(drawing.wishes) == wished
        return is_sharp

    def _paint_difference(self, painter: QPainter, drawing: Drawing, cell: Cell) -> bool:
        panes, comparison = self._panes, self._panes.comparison
        regions = [
            panes.final_region(key, cell, cell.frame) for key in (comparison.reference_key, comparison.current_key)
        ]
        region: QRegion | None = None
        for part in regions:
            if part is not None:
                region = part if region is None else region & part
        layers = comparison.difference_layers
        if not layers:
            return True
        placement, smooth = panes.placement_in(cell), panes.camera.zoom <= NEAREST_ABOVE_ZOOM
        if len(layers) > 1:
            held = len(drawing.wishes)
            drawing.draw(painter, layers[1], cell.frame, placement, smooth, region)
            # The older one only stands in: what it lacks is not made any more.
            del drawing.wishes[held:]
        return drawing.draw(painter, layers[0], cell.frame, placement, smooth, region)

    def _paint_values(
        self, painter: QPainter, drawing: Drawing, opened: OpenSource, part: Part, region: QRegion | None
    ) -> bool:
        own = self._panes.source_placement(opened, part.cell)
        painter.save()
        painter.setClipRegion(QRegion(part.view) if region is None else region)
        is_sharp = drawing.draw_exact(painter, values_layer(opened, own.zoom), part.view, own)
        painter.restore()
        return is_sharp

    def _checks(self) -> QBrush:
        """Returns the chequered ground that shows through transparency."""
        edge = round(_CHECK_EDGE_PX * self._panes.ratio)
        pixmap = QPixmap(2 * edge, 2 * edge)
        pixmap.fill(QColor(self._theme.colours.check_light))
        painter = QPainter(pixmap)
        dark = QColor(self._theme.colours.check_dark)
        painter.fillRect(QRect(0, 0, edge, edge), dark)
        painter.fillRect(QRect(edge, edge, edge, edge), dark)
        painter.end()
        return QBrush(pixmap)
