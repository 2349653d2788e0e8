"""What happens to photographs before anyone upscales them: blur, resampling, noise and JPEG, drawn at random.

The practical variant is trained on these in place of the papers' clean bicubic. In the order of a camera and of the web:
the optics blur, a program resizes, the sensor's noise is in what it gets, another program resizes to the final size, and
JPEG comes last (sometimes once before). The ranges are those of ordinary photographs, so that a network trained for the
least error removes what compression and noise added and invents nothing (Zhang et al. 2021 and Wang et al. 2021 draw from
far wider ranges, for networks that invent). Nothing shifts: every resize keeps the centre of the image where it is.
May import numpy, OpenCV and engine.{degradation, resampling}.

Legend: H W rows and columns of the original; h w of its low-resolution image, H = h * scale.
"""

import math

import cv2
import numpy as np
import numpy.typing as npt

from engine.degradation import jpeg
from engine.resampling import Method, imresize

__all__ = ["CONTEXT_PX", "degrade_photo"]

Rng = np.random.Generator
Uint8Image = npt.NDArray[np.uint8]
FloatImage = npt.NDArray[np.float32]

# How far, in low-resolution pixels, a pixel's surroundings reach through blur, two resizes and a JPEG block of 16 px:
# a crop is degraded with so much around it.
CONTEXT_PX = 16

_JPEG_QUALITIES = (30, 95)
_CLEAN_SHARE = 0.1
_METHODS: tuple[Method | None, ...] = ("bicubic", "bilinear", "lanczos", None)
_METHOD_ODDS = (0.4, 0.2, 0.1, 0.3)


def degrade_photo(hr_hwc: Uint8Image, scale: int, rng: Rng) -> Uint8Image:
    """Return the low-resolution image, uint8 (h, w, 3), of an original of H = h * scale, as a camera and the web leave it.

    Equal originals and states of `rng` give equal pixels. One in ten is only shrunk, so that clean images stay clean.
    """
    if rng.random() < _CLEAN_SHARE:
        return np.asarray(imresize(hr_hwc, 1.0 / scale), dtype=np.uint8)
    height, width = hr_hwc.shape[0] // scale, hr_hwc.shape[1] // scale
    image = _blurred(hr_hwc.astype(np.float32), scale, rng)
    if rng.random() < 0.5:
        # Log-uniform between the final size, or a little less, and the original's.
        factor = math.exp(rng.uniform(math.log(0.8), math.log(scale)))
        image = _resized(image, (round(height * factor), round(width * factor)), rng)
    image = _noisy(image, rng)
    if rng.random() < 0.15:
        image = _compressed(_to_uint8(image), rng).astype(np.float32)
    small = _to_uint8(_resized(image, (height, width), rng))
    return _compressed(small, rng) if rng.random() < 0.9 else small


def _blurred(image_hwc: FloatImage, scale: int, rng: Rng) -> FloatImage:
    """Blur by a Gaussian, round or elongated, of at most 0.6 low-resolution pixels; three in ten stay sharp."""
    if rng.random() < 0.3:
        return image_hwc
    # In pixels of the original: what the shrinking itself blurs comes on top.
    sigmas = [rng.uniform(0.2, 0.6 * scale) for _ in range(2)]
    if rng.random() < 0.6:
        sigmas[1] = sigmas[0]
    kernel = _gaussian(sigmas[0], sigmas[1], rng.uniform(0.0, math.pi))
    blurred: FloatImage = cv2.filter2D(image_hwc, -1, kernel, borderType=cv2.BORDER_REFLECT)
    return blurred


def _gaussian(sigma_u: float, sigma_v: float, angle: float) -> FloatImage:
    radius = math.ceil(3.0 * max(sigma_u, sigma_v))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    u, v = math.cos(angle) * x + math.sin(angle) * y, math.cos(angle) * y - math.sin(angle) * x
    kernel = np.exp(-0.5 * ((u / sigma_u) ** 2 + (v / sigma_v) ** 2))
    normalised: FloatImage = (kernel / kernel.sum()).astype(np.float32)
    return normalised


def _resized(image_hwc: FloatImage, size: tuple[int, int], rng: Rng) -> FloatImage:
    """Resize by one of the kernels that programs use: antialiased bicubic, bilinear or Lanczos, or the area's mean."""
    method = _METHODS[int(rng.choice(len(_METHODS), p=_METHOD_ODDS))]
    if image_hwc.shape[:2] == size:
        return image_hwc
    if method is not None:
        return np.asarray(imresize(image_hwc, size=size, method=method), dtype=np.float32)
    shrunk: FloatImage = cv2.resize(image_hwc, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return shrunk


def _noisy(image_hwc: FloatImage, rng: Rng) -> FloatImage:
    """Add Gaussian or shot noise, in colour or grey, to six in ten; sigma up to 12 of 255 where the image is mid-grey."""
    if rng.random() < 0.4:
        return image_hwc
    # Squared: weak noise is the usual case.
    sigma = 1.0 + 11.0 * rng.random() ** 2
    grey = rng.random() < 0.4
    signal = np.clip(image_hwc.mean(axis=2, keepdims=True) if grey else image_hwc, 0.0, 255.0)
    if rng.random() < 0.5:
        noise = rng.standard_normal(signal.shape, np.float32) * np.float32(sigma)
    else:
        # A photon's worth, such that counting them gives `sigma` at mid-grey: var = photon * signal.
        photon = np.float32(sigma * sigma / 128.0)
        noise = rng.poisson(signal / photon).astype(np.float32) * photon - signal
    noisy: FloatImage = image_hwc + noise
    return noisy


def _compressed(image_hwc: Uint8Image, rng: Rng) -> Uint8Image:
    low, high = _JPEG_QUALITIES
    return jpeg(image_hwc, int(rng.integers(low, high + 1)), full_colour=rng.random() < 0.3)


def _to_uint8(image_hwc: FloatImage) -> Uint8Image:
    rounded: Uint8Image = np.clip(np.rint(image_hwc), 0, 255).astype(np.uint8)
    return rounded
