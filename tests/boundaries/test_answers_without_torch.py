"""What the worker answers can be read without torch: nothing in an answer is a type of torch's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

ASK = """
import sys, tempfile
from pathlib import Path
from engine.canvas import RasterRef, create_raster
from engine.catalog import list_models
from engine.client import Engine
from engine.messages import ModelRequest, UpscaleSettings

if __name__ == "__main__":
    entry = next(each for each in list_models() if (each.name, each.scale) == ("esc-fast", 2))
    request, settings = ModelRequest(str(entry.path), 2), UpscaleSettings(tile_px=None)
    with tempfile.TemporaryDirectory() as folder, Engine() as engine:
        source = RasterRef(str(Path(folder) / "in.raw"), 16, 16, 3, "uint8")
        create_raster(source)
        engine.prepare(request, settings)
        engine.plan(request, settings, 16, 16)
        engine.upscale(source, request, settings, Path(folder) / "canvas.raw", print, print)
        engine.examine()
    assert "torch" not in sys.modules, "an answer made the parent load torch"
"""


def test_no_answer_of_the_worker_makes_the_parent_load_torch(tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(ASK)
    result = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=110,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert result.returncode == 0, result.stderr
