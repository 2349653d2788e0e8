"""Tiles in memory, and the threads that make the missing ones.

Imports QtCore, `app.compare.layers` and the plain data of `engine`. Only the GUI thread looks into the cache; the
threads make one tile at a time and put it into a letter box. What is wanted is said anew after every paint, so a view
that moved on is not waited for. A paint takes as long as a tile or two: while several are missing, they are told of
together, and of tiles made ahead nobody is told.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.compare.layers import Tile, TileKey, TileLayer
from engine.tiling.geometry import Box

_log = logging.getLogger(__name__)

_CACHE_BYTES = 512 * 2**20
_CHANGES_KEPT = 256
# Two frames of a screen: so long a tile waits for the others of its view.
_GATHER_MS = 33


class TileStore(QObject):
    """The tiles of all layers, kept while they fit into `cache_bytes`. `arrived`: there are new ones of those in view.

    Threads start with the first wish and end with `close`; afterwards the store may be used again.
    """

    arrived = Signal()
    _posted = Signal()

    def __init__(self, parent: QObject | None = None, cache_bytes: int = _CACHE_BYTES) -> None:
        super().__init__(parent)
        self._cache_bytes = cache_bytes
        self._used_bytes = 0
        self._tiles: OrderedDict[TileKey, Tile] = OrderedDict()
        # Tiles that could not be read are not asked for again.
        self._failed: set[TileKey] = set()
        # By layer: when (in letters sent) which part of it was written, so that a tile read before that is not kept.
        self._changes: dict[int, deque[tuple[int, Box]]] = {}
        self._clock = 0
        self._condition = threading.Condition()
        self._wanted: deque[tuple[TileLayer, TileKey]] = deque()
        self._in_work: set[TileKey] = set()
        # What the last paint lacked, and is not there yet.
        self._lacking: set[TileKey] = set()
        self._gathering = QTimer(self, singleShot=True, interval=_GATHER_MS)
        self._gathering.timeout.connect(self.arrived)
        self._letters: deque[tuple[TileLayer, TileKey, Tile | None, int]] = deque()
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self._posted.connect(self._receive, Qt.ConnectionType.QueuedConnection)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted, in work or on its way."""
        with self._condition:
            return not (self._wanted or self._in_work or self._letters)

    def get(self, key: TileKey) -> Tile | None:
        """Returns the tile if it is there."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def can_come(self, key: TileKey) -> bool:
        """Whether the tile is missing only for now."""
        return key not in self._failed

    def want(
        self, wishes: Sequence[tuple[TileLayer, TileKey]], ahead: Sequence[tuple[TileLayer, TileKey]] = ()
    ) -> None:
        """Replaces what is wanted, most urgent first; what is there or in work is left out.

        `wishes` are tiles in view, `ahead` such that may be soon.
        """
        self._lacking = {key for _, key in wishes}
        with self._condition:
            missing = (
                (layer, key)
                for layer, key in (*wishes, *ahead)
                if key not in self._tiles and key not in self._in_work and key not in self._failed
            )
            self._wanted = deque(dict.fromkeys(missing))
            if not self._wanted:
                return
            if not self._threads:
                self._start()
            self._condition.notify_all()

    def forget(self, layer: TileLayer, box: Box) -> None:
        """Drops the layer's tiles that show any of these pixels (of level 0), because they have been written."""
        self._clock += 1
        self._changes.setdefault(layer.number, deque(maxlen=_CHANGES_KEPT)).append((self._clock, box))
        for level in range(layer.top_level + 1):
            around = 1 << level
            wider = Box(box.top - around, box.left - around, box.height + 2 * around, box.width + 2 * around)
            for key in layer.keys_in(level, wider):
                self._drop(key)
                self._failed.discard(key)

    def drop(self, layers: Iterable[TileLayer]) -> None:
        """Drops everything of these layers, which are not drawn any more."""
        numbers = {layer.number for layer in layers}
        with self._condition:
            self._wanted = deque(wish for wish in self._wanted if wish[0].number not in numbers)
        for key in [key for key in self._tiles if key.layer in numbers]:
            self._drop(key)
        self._failed = {key for key in self._failed if key.layer not in numbers}
        for number in numbers:
            self._changes.pop(number, None)

    def close(self) -> None:
        """Ends the threads and drops every tile; nothing reads a raster when it returns."""
        with self._condition:
            self._is_closing = True
            self._wanted.clear()
            self._condition.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._letters.clear()
        self._lacking.clear()
        self._gathering.stop()
        self._tiles.clear()
        self._failed.clear()
        self._changes.clear()
        self._used_bytes = 0
        self._is_closing = False

    def _start(self) -> None:
        count = max(1, min(3, (os.cpu_count() or 2) // 2))
        self._threads = [
            threading.Thread(target=self._work, name=f"triptych-tiles-{index}", daemon=True) for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._wanted or self._is_closing)
                if self._is_closing:
                    return
                layer, key = self._wanted.popleft()
                self._in_work.add(key)
                clock = self._clock
            tile: Tile | None = None
            try:
                tile = layer.make(key)
            except Exception:
                # A tile that cannot be made leaves its place to the coarser one; the window goes on.
                _log.exception("a tile of the view could not be made")
            with self._condition:
                self._in_work.discard(key)
                self._letters.append((layer, key, tile, clock))
                # A letter that lies there unread will be found with this one.
                is_first = len(self._letters) == 1
            # While it waits, the thread must not keep a raster mapped whose file is removed.
            del layer, tile
            if is_first:
                self._posted.emit()

    @Slot()
    def _receive(self) -> None:
        were_lacking = len(self._lacking)
        while True:
            with self._condition:
                if not self._letters:
                    break
                layer, key, tile, clock = self._letters.popleft()
            if tile is None:
                self._failed.add(key)
            elif not self._was_written_since(layer, key, clock):
                self._keep(key, tile)
            self._lacking.discard(key)
        if not self._lacking:
            self._gathering.stop()
            if were_lacking:
                self.arrived.emit()
        elif len(self._lacking) < were_lacking and not self._gathering.isActive():
            self._gathering.start()

    def _was_written_since(self, layer: TileLayer, key: TileKey, clock: int) -> bool:
        changes = self._changes.get(layer.number)
        if not changes:
            return False
        if len(changes) == _CHANGES_KEPT and changes[0][0] > clock:
            return True
        core, around = layer.core(key), 1 << key.level
        return any(
            when > clock
            and box.top < core.bottom + around
            and box.left < core.right + around
            and box.bottom > core.top - around
            and box.right > core.left - around
            for when, box in changes
        )

    def _keep(self, key: TileKey, tile: Tile) -> None:
        self._drop(key)
        self._tiles[key] = tile
        self._used_bytes += tile.image.sizeInBytes()
        while self._used_bytes > self._cache_bytes and len(self._tiles) > 1:
            self._drop(next(iter(self._tiles)))

    def _drop(self, key: TileKey) -> None:
        tile = self._tiles.pop(key, None)
        if tile is not None:
            self._used_bytes -= tile.image.sizeInBytes()
