"""Ctrl+C reaches a terminal's whole process group: a process that is starting must not answer it with a traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from engine.client.patience import Patience
from engine.client.process import Child

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def tell_mask(connection: Connection) -> None:
    """What the processes run: says whether Ctrl+C has been held back for them from their start on, and leaves."""
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []), flush=True)
    connection.close()


def start_two() -> None:
    """Starts two processes one after the other; the first one brings multiprocessing's own helper with it."""
    for _ in range(2):
        child = Child("masked", tell_mask, Patience())
        child.start()
        child.end(30)
    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))


def test_ctrl_c_is_held_back_while_the_first_process_starts_too() -> None:
    words = [sys.executable, "-c", f"from {__name__} import start_two; start_two()"]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=100)
    # The two processes, and after them the parent, which hears it again.
    assert done.stdout.split() == ["True", "True", "False"]
