"""What every test shares: a cache and a data folder of its own, and images and an engine made once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before torch is loaded, here and in the child processes: tests compute small things, and several threads that wait for each
# other take a hundred times as long on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Before Qt is loaded: no test opens a window on somebody's screen, and none depends on one being there.
os.environ["QT_QPA_PLATFORM"] = "offscreen"

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

# The same examples in every run, and no deadline: how fast the machine is is not what is tested.
hypothesis.settings.register_profile("triptych", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("triptych")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps the person's cache and added models out of the tests."""
    before = {name: os.environ.get(name) for name in ("TRIPTYCH_CACHE", "TRIPTYCH_DATA")}
    os.environ["TRIPTYCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    os.environ["TRIPTYCH_DATA"] = str(tmp_path_factory.mktemp("data"))
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def picture_hwc() -> NDArray[np.uint8]:
    """A (40, 56, 3) picture with edges, a gradient and texture."""
    rows, columns = np.mgrid[0:40, 0:56].astype(np.float64)
    red = 128 + 100 * np.sin(columns / 5) * np.cos(rows / 7)
    green = 255 * columns / 55
    blue = np.where((rows - 20) ** 2 + (columns - 28) ** 2 < 150, 220, 40)
    return np.stack([red, green, blue], axis=2).round().clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def picture_png(picture_hwc: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The picture as an 8-bit RGB PNG."""
    import cv2

    path = tmp_path_factory.mktemp("pictures") / "picture.png"
    assert cv2.imwrite(str(path), picture_hwc[..., ::-1])
    return path


@pytest.fixture(scope="session")
def engine(own_folders: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """One engine with its real processes, shared by the tests of the session."""
    from engine.client import Engine

    with Engine() as shared:
        yield shared
