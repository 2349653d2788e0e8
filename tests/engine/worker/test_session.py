"""The eight symmetries of the ensemble, and the devices that a request may mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.errors import DeviceError
from engine.worker.devices import examine, resolve_device, why_no_cuda
from engine.worker.session import symmetries


def test_the_symmetries_are_eight_and_each_is_undone() -> None:
    image = np.arange(5 * 7 * 3).reshape(5, 7, 3)
    views = list(symmetries(image))
    assert len({view.tobytes() + bytes(view.shape[:2]) for view, _ in views}) == 8
    for view, undo in views:
        assert np.array_equal(undo(view), image)
        # An enlarged view is undone too.
        assert np.array_equal(undo(np.kron(view, np.ones((2, 2, 1)))), np.kron(image, np.ones((2, 2, 1))))


@pytest.mark.parametrize("name", ["tpu", "cuda:x", "cpu:0", "", "cpu,cpu"])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(DeviceError):
        resolve_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_the_reason_is_given() -> None:
    assert resolve_device("auto") == "cpu"
    with pytest.raises(DeviceError) as caught:
        resolve_device("cuda:0")
    assert why_no_cuda() in caught.value.message
    assert examine()["why_no_gpu"] == why_no_cuda()
