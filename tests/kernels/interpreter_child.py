"""The process in which tests marked ``interpreted`` run: Triton's interpreter is switched on before Triton is imported.

Reads pickled (path, function, arguments) from its standard input and answers each with a pickled (outcome, text). Run as a script
by ``tests/kernels/conftest.py``.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import pytest


def load(path: str) -> ModuleType:
    """Imports a test file by its path, once."""
    name = f"interpreted_{Path(path).stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def run(path: str, function: str, arguments: dict[str, Any]) -> tuple[str, str]:
    """Calls one test function and says how it ended."""
    try:
        getattr(load(path), function)(**arguments)
    except pytest.skip.Exception as reason:
        return "skipped", str(reason)
    except (Exception, pytest.fail.Exception):
        return "failed", traceback.format_exc()
    return "passed", ""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers requests until the parent closes its end."""
    while True:
        try:
            path, function, arguments = pickle.load(requests)
        except EOFError:
            return
        pickle.dump(run(path, function, arguments), answers)
        answers.flush()


if __name__ == "__main__":
    assert os.environ["TRITON_INTERPRET"] == "1"
    with os.fdopen(os.dup(1), "wb") as own_answers:
        # What a test prints must not mix with the answers.
        os.dup2(2, 1)
        serve(sys.stdin.buffer, own_answers)
