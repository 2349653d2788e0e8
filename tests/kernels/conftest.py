"""Runs tests marked ``interpreted`` in a child process with Triton's interpreter switched on.

Triton reads TRITON_INTERPRET when it is imported, and the tests that compile kernels need it unset: the two cannot share a
process. Arguments of such tests are plain values (numbers, strings, tuples of them); they use no fixtures.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = pytest.StashKey["InterpreterProcess"]()


class InterpreterProcess:
    """The child process, started with the first test that needs it."""

    def __init__(self, root: Path) -> None:
        inherited = [path for path in (os.environ.get("PYTHONPATH"),) if path]
        environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(root), *inherited])}
        script = Path(__file__).with_name("interpreter_child.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=root
        )

    def call(self, path: Path, function: str, arguments: dict[str, object]) -> tuple[str, str]:
        """Runs one test function there; returns its outcome and the text that explains it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump((str(path), function, arguments), self._process.stdin)
        self._process.stdin.flush()
        try:
            outcome, text = pickle.load(self._process.stdout)
        except EOFError:
            return "failed", f"the interpreter's process ended with status {self._process.wait()}"
        return outcome, text

    def alive(self) -> bool:
        """Says whether it can take another test."""
        return self._process.poll() is None

    def end(self) -> None:
        """Closes its input, which ends it; a test cut off by its time limit is killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "interpreted: runs in a child process under Triton's interpreter")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("interpreted") and not item.get_closest_marker("timeout"):
            # The interpreter is a hundred thousand times slower than a device; on a busy machine it needs patience.
            item.add_marker(pytest.mark.timeout(600))
        if item.get_closest_marker("gpu"):
            # A test builds up to a dozen kernels, several of them in half a minute each.
            item.add_marker(pytest.mark.timeout(600))


def pytest_unconfigure(config: pytest.Config) -> None:
    child = config.stash.get(CHILD, None)
    if child is not None:
        child.end()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if pyfuncitem.get_closest_marker("interpreted") is None:
        return None
    if importlib.util.find_spec("triton") is None:
        pytest.skip("Triton is not installed")
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    child = pyfuncitem.config.stash.get(CHILD, None)
    if child is None or not child.alive():
        child = InterpreterProcess(pyfuncitem.config.rootpath)
        pyfuncitem.config.stash[CHILD] = child
    try:
        outcome, text = child.call(pyfuncitem.path, pyfuncitem.originalname, arguments)
    except BaseException:
        # Cut off in the middle (time limit, Ctrl-C): its answer would be taken for the next test's.
        child._process.kill()
        raise
    if outcome == "skipped":
        pytest.skip(text)
    if outcome == "failed":
        pytest.fail(text, pytrace=False)
    return True
