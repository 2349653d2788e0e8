"""The curves of the timeline: what is painted where, however many readings there are."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from app.memory.curves import Curve
from tests.app.compare.conftest import as_array

RED = (255, 0, 0)


@pytest.fixture
def plot(qtbot: QtBot) -> pg.PlotWidget:
    """A plot of -10..0 by 0..100 without axes, 200 x 100 pixels."""
    plot = pg.PlotWidget(enableMenu=False)
    qtbot.addWidget(plot)
    plot.setFrameShape(pg.QtWidgets.QFrame.Shape.NoFrame)
    for side in ("left", "bottom"):
        plot.hideAxis(side)
    plot.getPlotItem().setContentsMargins(0, 0, 0, 0)
    plot.getPlotItem().layout.setSpacing(0)
    plot.hideButtons()
    plot.setBackground("k")
    plot.resize(200, 100)
    plot.show()
    plot.setXRange(-10, 0, padding=0)
    plot.setYRange(0, 100, padding=0)
    return plot


def add(plot: pg.PlotWidget, curve: Curve) -> Curve:
    curve.set_frame(QRectF(-10, 0, 10, 100))
    curve.set_pen(pg.mkPen(QColor(*RED)))
    plot.addItem(curve, ignoreBounds=True)
    return curve


def red_of(plot: pg.PlotWidget) -> np.ndarray:
    """Returns where the plot is red, row 0 at the top."""
    image = as_array(plot.viewport().grab().toImage())
    return np.all(image == RED, axis=2)


def test_an_area_reaches_from_zero_to_its_values(plot: pg.PlotWidget) -> None:
    curve = add(plot, Curve(fills=True))
    curve.set_data(np.array([-10.0, -5.0, -4.99, 0.0]), np.array([20.0, 20.0, 60.0, 60.0]))
    red = red_of(plot)
    height, width = red.shape
    covered = red.sum(axis=0) / height
    assert np.abs(covered[2 : width // 2 - 2] - 0.2).max() < 0.03
    assert np.abs(covered[width // 2 + 2 : -2] - 0.6).max() < 0.03
    # From the bottom up.
    assert red[-2, 5:-5].all()
    assert not red[2].any()


def test_nothing_is_filled_where_nothing_is_known(plot: pg.PlotWidget) -> None:
    curve = add(plot, Curve(fills=True))
    curve.set_data(np.linspace(-10, 0, 11), np.array([50.0] * 4 + [np.nan] * 3 + [50.0] * 4))
    red = red_of(plot)
    width = red.shape[1]
    assert red[-2, 5 : width // 4].all()
    assert not red[:, width * 9 // 20 : width * 11 // 20].any()


@pytest.mark.parametrize("count", [11, 100_000])
def test_a_line_shows_its_highest_points_however_many_there_are(plot: pg.PlotWidget, count: int) -> None:
    curve = add(plot, Curve())
    values = np.full(count, 30.0)
    values[count // 2] = 90.0
    curve.set_data(np.linspace(-10, 0, count), values)
    red = red_of(plot)
    height, width = red.shape
    rows, columns = np.nonzero(red)
    assert abs(rows.min() - height * 0.1) < 3
    assert abs(columns[rows.argmin()] - width / 2) < 3
    assert abs(rows.max() - height * 0.7) < 3
    # Few enough for Qt to draw at once.
    assert sum(len(x) for x, _ in curve._runs(width)) <= 2 * width + 1


def test_a_line_is_parted_where_nothing_is_known_and_pairs_are_joined_two_by_two(plot: pg.PlotWidget) -> None:
    parted, pairs = add(plot, Curve()), add(plot, Curve(in_pairs=True))
    parted.set_data(np.linspace(-10, 0, 11), np.array([40.0] * 4 + [np.nan] * 3 + [40.0] * 4))
    pairs.set_data(np.array([-10.0, -7.0, -3.0, 0.0]), np.array([80.0, 80.0, 60.0, 60.0]))
    red = red_of(plot)
    width = red.shape[1]
    assert red[:, width // 10 : width // 5].sum() >= 2 * (width // 5 - width // 10)
    assert not red[:, width * 9 // 20 : width * 11 // 20].any()


def test_new_data_and_a_new_range_are_shown(plot: pg.PlotWidget) -> None:
    curve = add(plot, Curve(fills=True))
    assert not red_of(plot).any()
    curve.set_data(np.array([-10.0, 0.0]), np.array([100.0, 100.0]))
    assert red_of(plot)[2:-2, 2:-2].all()
    plot.setYRange(0, 200, padding=0)
    curve.set_frame(QRectF(-10, 0, 10, 200))
    half = red_of(plot)
    assert not half[: half.shape[0] // 2 - 2].any()
    curve.set_pen(pg.mkPen(QColor(Qt.GlobalColor.green)))
    assert not red_of(plot).any()
