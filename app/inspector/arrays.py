"""The numbers of an answer as arrays. Imports numpy and the plain data of `engine`.

Legend: P channels of a kernel, L its edge, H heads, K tokens kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.attention import KernelsFound, Numbers, TokenStep
from engine.deferred import np
from engine.tiling.geometry import Box

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {"int32": "<i4", "float32": "<f4"}


def as_array(numbers: Numbers) -> NDArray[Any]:
    """Returns the numbers as a read-only array of their shape."""
    return np.frombuffer(numbers.data, dtype=_TYPES[numbers.dtype]).reshape(numbers.shape)


def kernels_of(found: KernelsFound, step: int, channel: int | None) -> tuple[NDArray[np.float32], ...]:
    """Returns the shared kernel, the tile's own and their sum, each (L, L), of one channel or as the mean over the channels.

    The tile's own is NaN where it does not reach.
    """
    shared, own = as_array(found.shared), as_array(found.steps[step].dynamic)
    if channel is None:
        shared, own = shared.mean(axis=0), own.mean(axis=0)
    else:
        shared, own = shared[channel], own[channel]
    edge, reach = shared.shape[0], own.shape[0]
    middle = slice((edge - reach) // 2, (edge + reach) // 2)
    total, placed = shared.copy(), np.full(shared.shape, np.nan, np.float32)
    total[middle, middle] += own
    placed[middle, middle] = own
    return shared, placed, total


def weights_in(step: TokenStep, tile: Box, head: int | None) -> NDArray[np.float32]:
    """Returns the survivors' weights at their places in the tile, (height, width), NaN everywhere else.

    Of one head, or the mean over the heads of the tokens that survive in at least one. Padding beyond the tile is left out.
    """
    positions, weights = as_array(step.positions), as_array(step.weights)
    heads = range(positions.shape[0]) if head is None else (head,)
    total = np.zeros((tile.height, tile.width), np.float32)
    survives = np.zeros((tile.height, tile.width), bool)
    for each in heads:
        rows, columns = positions[each, :, 0] - tile.top, positions[each, :, 1] - tile.left
        inside = (rows >= 0) & (rows < tile.height) & (columns >= 0) & (columns < tile.width)
        rows, columns = rows[inside], columns[inside]
        total[rows, columns] += weights[each][inside]
        survives[rows, columns] = True
    return np.where(survives, total / len(heads), np.nan).astype(np.float32)
