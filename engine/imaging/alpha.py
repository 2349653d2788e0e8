"""Bleeds the visible colour into fully transparent pixels, so that upscaling has no dark fringes.

Imports numpy, OpenCV, and of the engine the rasters. The colour stored under alpha 0 is arbitrary (mostly black), but an upscaler
mixes it into its visible neighbours. Push-pull: each level of a pyramid is the mean of the visible colours of 2 × 2 pixels below
it, weighted by alpha; coming down again, pixels without any visible colour take the interpolated colour of the level above
(Gortler et al. 1996, "The Lumigraph", section 3.4). Legend: H W rows and columns, C colour channels; a level is (H, W, C + 1):
colour, then weight.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.canvas import RasterRef, create_raster
from engine.imaging.limits import room_for
from engine.imaging.progress import unheard
from engine.imaging.publish import aside_prefix

Floats = NDArray[np.float32]

# Rows of the full-size image that are held as float at a time (an even number).
_STRIP_ROWS = 256
# Levels of the pyramid up to this size stay in memory; larger ones lie in working files.
_MEMORY_BYTES = 32 * 2**20
# Building the pyramid, of the whole.
_BUILD_SHARE = 0.5


def bleed_colour(
    pixels_hwc: NDArray[Any], folder: Path | None = None, report: Callable[[float], None] | None = None
) -> None:
    """Replaces, in place, the colour of fully transparent pixels by that of visible neighbours; alpha stays as it is.

    `pixels_hwc`: (H, W, 2 or 4) integers with straight alpha last. Without any alpha of 0, or without any above, nothing
    changes. Large levels of the pyramid lie in files in `folder` meanwhile, so that memory does not grow with the image; without
    a folder they are held in memory, a third of the image as float32. Raises OutputError where the folder has no room for them.
    """
    report = report or unheard().report
    tops = _tops(pixels_hwc)
    has_hidden = any(bool((pixels_hwc[top : top + _STRIP_ROWS, :, -1] == 0).any()) for top in tops)
    if not has_hidden or not any(bool(pixels_hwc[top : top + _STRIP_ROWS, :, -1].any()) for top in tops):
        return
    with _working_files(folder) as allocate:
        level = allocate(pixels_hwc.shape)
        for top in tops:
            strip_hwc = pixels_hwc[top : top + _STRIP_ROWS]
            level[top // 2 : (top + strip_hwc.shape[0] + 1) // 2] = _reduced(_weighted(strip_hwc))
            report(_BUILD_SHARE * (top + strip_hwc.shape[0]) / pixels_hwc.shape[0])
        _fill(level, allocate)
        for top in tops:
            strip_hwc = pixels_hwc[top : top + _STRIP_ROWS]
            hidden = strip_hwc[:, :, -1] == 0
            if hidden.any():
                below_hwc = _enlarged(level, top, strip_hwc.shape[0], strip_hwc.shape[1])
                strip_hwc[:, :, :-1][hidden] = np.rint(below_hwc[hidden]).astype(pixels_hwc.dtype)
            report(_BUILD_SHARE + (1 - _BUILD_SHARE) * (top + strip_hwc.shape[0]) / pixels_hwc.shape[0])


@contextlib.contextmanager
def _working_files(folder: Path | None) -> Iterator[Callable[[tuple[int, ...]], Floats]]:
    """Gives a function that makes the level above one of a shape; what lies in files is removed at the end."""
    with contextlib.ExitStack() as stack:
        made: list[Path] = []

        def allocate(below: tuple[int, ...]) -> Floats:
            height, width, channels = (below[0] + 1) // 2, (below[1] + 1) // 2, below[2]
            if folder is None or 4 * height * width * channels <= _MEMORY_BYTES:
                return np.zeros((height, width, channels), np.float32)
            if not made:
                made.append(folder / f"{aside_prefix()}{secrets.token_hex(8)}.bleed")
                stack.callback(shutil.rmtree, made[0], ignore_errors=True)
            raster = RasterRef(str(made[0] / f"{height}"), height, width, channels, "float32")
            stack.enter_context(room_for(raster.size_bytes))
            return np.asarray(create_raster(raster))

        yield allocate


def _fill(level: Floats, allocate: Callable[[tuple[int, ...]], Floats]) -> None:
    """Fills, in place, the colour of every pixel of weight 0 of a level from the levels above it."""
    tops = _tops(level)
    if all(bool(level[top : top + _STRIP_ROWS, :, -1].all()) for top in tops):
        return
    above = allocate(level.shape)
    for top in tops:
        strip = level[top : top + _STRIP_ROWS]
        weighted = np.concatenate([strip[:, :, :-1] * strip[:, :, -1:], strip[:, :, -1:]], axis=2)
        above[top // 2 : (top + strip.shape[0] + 1) // 2] = _reduced(weighted)
    _fill(above, allocate)
    for top in tops:
        strip = level[top : top + _STRIP_ROWS]
        empty = strip[:, :, -1] == 0
        if empty.any():
            strip[:, :, :-1][empty] = _enlarged(above, top, strip.shape[0], strip.shape[1])[empty]


def _tops(values_hwc: NDArray[Any]) -> range:
    return range(0, values_hwc.shape[0], _STRIP_ROWS)


def _weighted(pixels_hwc: NDArray[Any]) -> Floats:
    """Returns colour × alpha (C channels) and alpha, from 0 to 1, of a strip."""
    weight = pixels_hwc[:, :, -1:].astype(np.float32) / np.float32(np.iinfo(pixels_hwc.dtype).max)
    return np.concatenate([pixels_hwc[:, :, :-1].astype(np.float32) * weight, weight], axis=2)


def _reduced(sums_hwc: Floats) -> Floats:
    """Adds up 2 × 2 pixels of (weighted colour, weight); returns their mean colour (0 where none is visible) and weight <= 1."""
    total = _pair_sums(sums_hwc)
    weight = total[:, :, -1:]
    colour = np.divide(total[:, :, :-1], weight, out=np.zeros_like(total[:, :, :-1]), where=weight > 0)
    return np.concatenate([colour, np.minimum(weight, 1)], axis=2)


def _pair_sums(values_hwc: Floats) -> Floats:
    height, width, _ = values_hwc.shape
    padded = np.pad(values_hwc, ((0, height % 2), (0, width % 2), (0, 0)))
    rows = padded[0::2] + padded[1::2]
    return np.asarray(rows[:, 0::2] + rows[:, 1::2], np.float32)


def _enlarged(above: Floats, top: int, rows: int, columns: int) -> Floats:
    """Returns the colours of rows `top` to `top + rows` (`top` even) of a level from the level above it.

    Bilinear, pixel centres aligned.
    """
    height, width, channels = above.shape
    first, last = max(0, top // 2 - 1), min(height, (top + rows + 1) // 2 + 1)
    part = np.ascontiguousarray(above[first:last, :, :-1])
    large = cv2.resize(part, (2 * width, 2 * part.shape[0]), interpolation=cv2.INTER_LINEAR).reshape(
        -1, 2 * width, channels - 1
    )
    start = top - 2 * first
    return np.asarray(large[start : start + rows, :columns], np.float32)
