"""The tile store: made beside the window, kept within bounds, never stale, gone when it is closed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from app.compare.layers import Tile, TileKey, TileLayer
from app.compare.tiles import TileStore
from engine.tiling.geometry import Box


class Painted(TileLayer):
    """A layer of one colour, whose tiles are made when the test lets them."""

    def __init__(self, height: int = 1024, width: int = 1024) -> None:
        super().__init__(height, width, Fraction(1), (0, 0))
        self.colour = QColor("red")
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.made: list[TileKey] = []
        self.threads: set[int] = set()

    def make(self, key: TileKey) -> Tile:
        colour = QColor(self.colour)
        self.begun.set()
        assert self.gate.wait(20)
        self.made.append(key)
        self.threads.add(threading.get_ident())
        box = self.box_of(key)
        image = QImage(box.width, box.height, QImage.Format.Format_RGB32)
        image.fill(colour)
        return Tile(image, box)

    def key(self, row: int = 0, column: int = 0, level: int = 0) -> TileKey:
        return TileKey(self.number, level, row, column)


class Broken(Painted):
    """A layer that cannot be read."""

    def make(self, key: TileKey) -> Tile:
        self.made.append(key)
        raise OSError("the disk is gone")


@pytest.fixture
def store(qtbot: QtBot) -> Iterator[TileStore]:
    store = TileStore()
    yield store
    store.close()


def test_a_tile_is_made_beside_the_window(qtbot: QtBot, store: TileStore) -> None:
    layer = Painted()
    with qtbot.waitSignal(store.arrived):
        store.want([(layer, layer.key())])
    tile = store.get(layer.key())
    assert tile is not None
    assert tile.box == Box(0, 0, 257, 257)
    assert threading.get_ident() not in layer.threads
    assert store.is_idle


def test_what_is_not_wanted_any_more_is_not_made(qtbot: QtBot, store: TileStore) -> None:
    layer, blocker = Painted(), Painted()
    blocker.gate.clear()
    store.want([(blocker, blocker.key(0, index)) for index in range(4)])
    assert blocker.begun.wait(10)
    store.want([(layer, layer.key(1, 1))])
    blocker.gate.set()
    qtbot.waitUntil(lambda: store.get(layer.key(1, 1)) is not None)
    assert len(blocker.made) < 4


def test_tiles_of_one_view_are_told_of_together(qtbot: QtBot, store: TileStore) -> None:
    layer = Painted()
    keys = [layer.key(row, column) for row in range(4) for column in range(4)]
    told: list[int] = []
    store.arrived.connect(lambda: told.append(sum(store.get(key) is not None for key in keys)))
    store.want([(layer, key) for key in keys])
    qtbot.waitUntil(lambda: bool(told) and told[-1] == len(keys))
    assert len(told) < len(keys)


def test_nobody_is_told_of_tiles_made_ahead(qtbot: QtBot, store: TileStore) -> None:
    layer = Painted()
    told: list[bool] = []
    store.arrived.connect(lambda: told.append(store.get(layer.key(1, 1)) is not None))
    store.want([(layer, layer.key())], ahead=[(layer, layer.key(1, 1))])
    qtbot.waitUntil(lambda: store.get(layer.key(1, 1)) is not None)
    assert len(told) == 1
    assert store.is_idle
    # What was made ahead is there when the view comes to it.
    store.want([(layer, layer.key(1, 1))])
    assert store.is_idle
    assert layer.made.count(layer.key(1, 1)) == 1


def test_a_tile_that_was_written_while_it_was_read_is_made_again(qtbot: QtBot, store: TileStore) -> None:
    layer = Painted()
    layer.gate.clear()
    store.want([(layer, layer.key())])
    assert layer.begun.wait(10)
    layer.colour = QColor("blue")
    store.forget(layer, Box(10, 10, 20, 20))
    with qtbot.waitSignal(store.arrived):
        layer.gate.set()
    assert store.get(layer.key()) is None
    with qtbot.waitSignal(store.arrived):
        store.want([(layer, layer.key())])
    tile = store.get(layer.key())
    assert tile is not None
    assert tile.image.pixelColor(5, 5) == QColor("blue")


def test_writing_elsewhere_drops_only_what_shows_it(qtbot: QtBot, store: TileStore) -> None:
    layer = Painted()
    keys = [layer.key(0, 0), layer.key(3, 3), layer.key(0, 0, level=2)]
    store.want([(layer, key) for key in keys])
    qtbot.waitUntil(lambda: all(store.get(key) is not None for key in keys))
    store.forget(layer, Box(900, 900, 20, 20))
    assert [store.get(key) is not None for key in keys] == [True, False, False]


def test_a_tile_that_cannot_be_read_is_asked_for_once(
    qtbot: QtBot, store: TileStore, caplog: pytest.LogCaptureFixture
) -> None:
    layer = Broken()
    with qtbot.waitSignal(store.arrived):
        store.want([(layer, layer.key())])
    store.want([(layer, layer.key())])
    assert store.is_idle
    assert layer.made == [layer.key()]
    assert not store.can_come(layer.key())
    assert "could not be made" in caplog.text


def test_the_oldest_tiles_make_room(qtbot: QtBot) -> None:
    store, layer = TileStore(cache_bytes=900_000), Painted()
    keys = [layer.key(row, column) for row in range(4) for column in range(4)]
    for key in keys:
        with qtbot.waitSignal(store.arrived):
            store.want([(layer, key)])
    kept = [tile for key in keys if (tile := store.get(key)) is not None]
    assert sum(tile.image.sizeInBytes() for tile in kept) <= 900_000
    assert store.get(keys[-1]) is not None
    assert store.get(keys[0]) is None
    store.close()


def test_close_waits_for_what_is_in_work_and_can_be_followed_by_more(qtbot: QtBot, store: TileStore) -> None:
    layer = Painted()
    with qtbot.waitSignal(store.arrived):
        store.want([(layer, layer.key())])
    store.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("triptych-tiles")]
    assert store.get(layer.key()) is None
    with qtbot.waitSignal(store.arrived):
        store.want([(layer, layer.key())])
    assert store.get(layer.key()) is not None


@pytest.mark.parametrize(("zoom", "level"), [(64.0, 0), (1.0, 0), (0.75, 0), (0.5, 1), (0.3, 1), (0.25, 2), (0.001, 3)])
def test_level_has_at_least_the_pixels_of_the_screen(zoom: float, level: int) -> None:
    assert Painted(2048, 1500).level_for(zoom) == level


def test_tiles_cover_a_layer_of_any_size_without_a_gap() -> None:
    layer = Painted(700, 513)
    for level in range(layer.top_level + 1):
        keys = layer.keys_in(level, Box(0, 0, layer.height, layer.width))
        assert sum(layer.core(key).height * layer.core(key).width for key in keys) == 700 * 513
        assert all(layer.core(key).height > 0 and layer.core(key).width > 0 for key in keys)
