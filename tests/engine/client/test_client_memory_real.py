"""What a real worker tells of itself on the processor, while it computes and after."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from engine import catalog
from engine.client import Engine
from engine.messages import ModelRequest, UpscaleSettings, WorkerMemory
from engine.monitor import Monitor
from tests.engine.client.conftest import make_source

MIB = 2**20


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the private memory of another process as Linux tells it"
)
def test_its_layers_add_up_to_what_the_system_sees(tmp_path: Path) -> None:
    entry = catalog.find_model("esc-fast", 2)
    heard: list[WorkerMemory] = []
    settings = UpscaleSettings(tile_px=128, device="cpu", threads=1)
    source = make_source(tmp_path, 256, 256)
    with Engine(cache_folder=tmp_path / "cache", on_memory=heard.append) as engine, Monitor() as monitor:
        engine.upscale(source, ModelRequest(str(entry.path), 2), settings, tmp_path / "canvas.raw")
        monitor.watch(heard[-1].process_id)
        seen = monitor.look().processes[0].used_bytes
    last = heard[-1]
    assert last.device == "cpu"
    assert last.context_bytes is not None
    # The worker is idle again, so it holds no more than in its last beat, and libraries and weights at least.
    assert last.context_bytes < seen < last.context_bytes + last.reserved_bytes + 16 * MIB
    assert 0 < last.weights_bytes < 4 * MIB
    for each in heard:
        assert each.allocated_bytes is not None
        assert each.weights_bytes <= each.allocated_bytes <= each.reserved_bytes
    gaps = [after.time_s - before.time_s for before, after in pairwise(heard)]
    assert median(gaps) < 0.25
