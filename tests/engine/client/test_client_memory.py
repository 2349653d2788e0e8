"""What the workers hold is told while they work, by whichever of them, and nobody has to listen."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from engine.canvas import RasterRef
from engine.errors import Cancelled
from engine.messages import UpscaleSettings, WorkerMemory
from tests.engine.client.conftest import MODEL, MakeEngine
from tests.engine.client.fake_worker import Fault


def test_every_worker_is_heard(faulty: MakeEngine, source: RasterRef, tmp_path: Path) -> None:
    heard: list[WorkerMemory] = []
    enough = threading.Event()

    def on_memory(memory: WorkerMemory) -> None:
        heard.append(memory)
        if len({each.process_id for each in heard}) == 2 and len(heard) > 12:
            enough.set()

    # Workers that beat and do not answer, until the call is cancelled.
    engine = faulty(Fault("tile", "work on", times=9), on_memory=on_memory)
    canceller = threading.Thread(target=lambda: (enough.wait(30), engine.cancel()))
    canceller.start()
    with pytest.raises(Cancelled):
        engine.upscale(
            source, MODEL, UpscaleSettings(tile_px=32, overlap_px=8, device="cpu,cpu"), tmp_path / "canvas.raw"
        )
    canceller.join()
    assert enough.is_set()
    assert {(each.device, each.reserved_bytes, each.weights_bytes) for each in heard} <= {("cpu", 3, 1), ("", 3, 1)}
    for process_id in {each.process_id for each in heard}:
        times = [each.time_s for each in heard if each.process_id == process_id]
        assert times == sorted(times)
        # Ten beats a second; a picture of it needs four.
        assert median(after - before for before, after in pairwise(times)) < 0.25
