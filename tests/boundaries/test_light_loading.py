"""What a worker imports to load a model: torch, and not torch's compiler, which takes a second and 80 MB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_loading_a_checkpoint_does_not_import_the_compiler() -> None:
    code = (
        "import sys\nfrom engine import catalog\nfrom engine.models.checkpoint import load_checkpoint\n"
        "for name in ('esc-fast', 'sscan-fast', 'pft-fast'):\n"
        "    load_checkpoint(catalog.find_model(name, 2).path)\n"
        "print([name for name in ('sympy', 'torch._dynamo', 'torch._inductor') if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.stdout.strip() == "[]", result.stderr
