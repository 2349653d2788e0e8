"""Measuring a result against the ground truth.

Imports numpy and the plain modules of `engine`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.canvas import RasterRef, open_raster
from engine.errors import InputError
from engine.messages import ImageInfo

Scores = tuple[float | None, float | None]


def to_rgb8(raster: RasterRef) -> NDArray[np.uint8]:
    """Returns a raster as (H, W, 3) uint8 for measuring and showing: rounded half to even, grey repeated, alpha left out."""
    image_hwc = open_raster(raster)[..., : raster.colour_channels]
    if raster.dtype == "float32":
        image_hwc = np.rint(np.clip(image_hwc, 0, 1) * np.float32(255))
    elif raster.dtype == "uint16":
        image_hwc = np.rint(image_hwc / np.float32(257))
    image_hwc = image_hwc.astype(np.uint8)
    return np.repeat(image_hwc, 3, axis=2) if image_hwc.shape[2] == 1 else np.ascontiguousarray(image_hwc)


def score(canvas: RasterRef, reference: RasterRef, scale: int) -> Scores:
    """Returns (PSNR-Y in dB, SSIM) of a canvas against the ground truth, `scale` pixels cut from each side.

    None where identical images make the PSNR infinite, or an image is too small to be measured. Raises InputError where the
    sizes differ.
    """
    from engine.metrics import psnr_y, ssim_y

    if (canvas.height, canvas.width) != (reference.height, reference.width):
        raise InputError(
            f"The reference is {reference.width} × {reference.height} pixels and the result {canvas.width} × {canvas.height}.",
            "A reference must be exactly input × scale.",
        )
    sr_hwc, hr_hwc = to_rgb8(canvas), to_rgb8(reference)
    if min(sr_hwc.shape[:2]) < 2 * scale + 11:
        return None, None
    psnr = float(psnr_y(sr_hwc, hr_hwc, scale))
    return (round(psnr, 4) if math.isfinite(psnr) else None), round(float(ssim_y(sr_hwc, hr_hwc, scale)), 6)


def check_reference(reference: ImageInfo, info: ImageInfo, scale: int) -> None:
    """Raises InputError, before any work, where the ground truth has not the size of the result."""
    expected = (info.width * scale, info.height * scale)
    if (reference.width, reference.height) != expected:
        raise InputError(
            f"The reference is {reference.width} × {reference.height} pixels and the result will be"
            f" {expected[0]} × {expected[1]}.",
            "A reference must be exactly input × scale.",
        )
