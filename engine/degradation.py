"""Fixed degradations for measuring: what is done to a low-resolution image after MATLAB's bicubic made it.

The same image, noise and quality give the same pixels everywhere, so that two models, or two days, are measured on the
same inputs. May import numpy, and OpenCV inside functions: what is encoded and decoded here, we made ourselves.
"""

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BICUBIC", "Degradation", "jpeg"]

Uint8Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Degradation:
    """Gaussian noise of a standard deviation (of 255), then JPEG of a quality; by default neither."""

    noise: float = 0.0
    jpeg_quality: int | None = None

    @property
    def label(self) -> str:
        """How tables and cards call it: "bicubic" where nothing is done beyond the shrinking."""
        parts = [f"noise {self.noise:g}"] if self.noise else []
        parts += [f"JPEG {self.jpeg_quality}"] if self.jpeg_quality is not None else []
        return ", ".join(parts) or "bicubic"

    def __call__(self, lr_hwc: Uint8Image, name: str) -> Uint8Image:
        """Return the degraded image, uint8; the noise is drawn from the image's name."""
        if self.noise:
            rng = np.random.default_rng(zlib.crc32(name.encode()))
            noisy = lr_hwc + self.noise * rng.standard_normal(lr_hwc.shape)
            lr_hwc = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        return lr_hwc if self.jpeg_quality is None else jpeg(lr_hwc, self.jpeg_quality)


# The papers' inputs: nothing beyond the shrinking.
BICUBIC = Degradation()


def jpeg(image_hwc: Uint8Image, quality: int, *, full_colour: bool = False) -> Uint8Image:
    """Return what a JPEG of this quality keeps of an RGB image; colour at half the resolution unless `full_colour`."""
    import cv2

    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_colour else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    written, data = cv2.imencode(".jpg", np.ascontiguousarray(image_hwc[:, :, ::-1]), options)
    stored = cv2.imdecode(data, cv2.IMREAD_COLOR) if written else None
    if stored is None:
        raise ValueError(f"an image of shape {image_hwc.shape} could not be kept as JPEG")
    return np.ascontiguousarray(stored[:, :, ::-1]).astype(np.uint8, copy=False)
