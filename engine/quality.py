"""The measuring behind `triptych bench quality`: Y-PSNR and SSIM over bicubic on folders of originals.

Conventions, the same for every figure the project prints: the original is cut to a multiple of the scale from the top
left; its low-resolution image is MATLAB's antialiased bicubic, rounded to uint8; the baseline is the same function
upward; `scale` pixels are cut from each side before measuring on luma. A grey original (a file of one channel) reaches
the model as RGB and is measured on its grey values, 0..255: the papers' bicubic figure of Set14 (30.24 and 26.00 dB)
comes out only this way; as studio-range luma its one grey image would count 1.3 dB more. Gains are the same either way.
A degradation, where one is given, comes after the shrinking, for the model and for the baseline alike.
May import numpy, OpenCV (inside functions) and engine.{degradation, metrics, resampling, errors}; never torch.
"""

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.degradation import BICUBIC, Degradation
from engine.errors import InputError
from engine.metrics import psnr, ssim, to_y
from engine.resampling import imresize

__all__ = [
    "FolderQuality",
    "QualityRow",
    "Upscale",
    "crop_to_multiple",
    "load_original",
    "measure",
    "measure_image",
    "report",
    "with_window_padding",
]

Uint8Image = npt.NDArray[np.uint8]
Upscale = Callable[[Uint8Image], Uint8Image]
# A file to uint8 (H, W, 3) RGB, and whether the file is grey.
Load = Callable[[Path], tuple[Uint8Image, bool]]

_SUFFIXES = frozenset({".png", ".webp", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg"})


@dataclass(frozen=True)
class QualityRow:
    """One image (or the mean of a folder): Y-PSNR in dB and SSIM of the upscaled image and of bicubic."""

    name: str
    psnr_y: float
    ssim: float
    bicubic_psnr_y: float
    bicubic_ssim: float

    @property
    def gain(self) -> float:
        """Y-PSNR over bicubic in dB."""
        return self.psnr_y - self.bicubic_psnr_y


@dataclass(frozen=True)
class FolderQuality:
    """The rows of one folder in name order, and their mean (the mean of decibels, as the papers print)."""

    folder: str
    scale: int
    rows: tuple[QualityRow, ...]
    mean: QualityRow
    degradation: Degradation = BICUBIC

    @property
    def name(self) -> str:
        """The folder's name, with the degradation where there is one beyond the papers': "Set5 (JPEG 60)"."""
        plain = self.degradation == BICUBIC
        return self.folder if plain else f"{self.folder} ({self.degradation.label})"


def measure(
    folders: Path | str | Iterable[Path | str],
    upscale: Upscale,
    scale: int,
    *,
    on_row: Callable[[str, QualityRow], None] | None = None,
    load: Load | None = None,
    degradation: Degradation = BICUBIC,
) -> list[FolderQuality]:
    """Measure `upscale` on every image of one or several folders.

    `upscale` takes a uint8 (h, w, 3) RGB array and returns uint8 (h * scale, w * scale, 3). `on_row` hears each row as
    it is done, with its folder's name. `load` reads an original (default `load_original`). Raises InputError where a folder
    holds no image or one cannot be read.
    """
    paths = [folders] if isinstance(folders, Path | str) else list(folders)
    results = []
    for folder in map(Path, paths):
        rows = []
        for path in _images(folder):
            original, grey = (load or load_original)(path)
            rows.append(measure_image(original, upscale, scale, grey=grey, name=path.name, degradation=degradation))
            if on_row is not None:
                on_row(folder.name, rows[-1])
        results.append(FolderQuality(folder.name, scale, tuple(rows), _mean(rows), degradation))
    return results


def measure_image(
    original_hwc: Uint8Image,
    upscale: Upscale,
    scale: int,
    *,
    grey: bool = False,
    name: str = "",
    degradation: Degradation = BICUBIC,
) -> QualityRow:
    """Measure one uint8 RGB original: shrink it, upscale it back, compare on luma (on grey values where `grey`)."""
    hr = crop_to_multiple(original_hwc, scale)
    lr = degradation(np.asarray(imresize(hr, 1.0 / scale), dtype=np.uint8), name)
    sr = upscale(lr)
    if sr.shape != hr.shape or sr.dtype != np.uint8:
        raise ValueError(f"upscale gave {sr.dtype} {sr.shape} where uint8 {hr.shape} was expected")
    truth, result = _plane(hr, scale, grey), _plane(sr, scale, grey)
    baseline = _plane(np.asarray(imresize(lr, float(scale)), dtype=np.uint8), scale, grey)
    return QualityRow(name, psnr(result, truth), ssim(result, truth), psnr(baseline, truth), ssim(baseline, truth))


def crop_to_multiple(image_hwc: Uint8Image, scale: int) -> Uint8Image:
    """Cut an image to a multiple of `scale` from the top left; no copy."""
    height, width = image_hwc.shape[:2]
    if min(height, width) < scale:
        raise ValueError(f"{width} x {height} pixels are too few for scale {scale}")
    return image_hwc[: height - height % scale, : width - width % scale]


def with_window_padding(upscale: Upscale, window_px: int, scale: int) -> Upscale:
    """Return `upscale` of the image reflect-padded at right and bottom to a multiple of the window, its result cut again.

    ESC's published figures were measured so; near those two borders it is another function than the bare network.
    """

    def padded(lr_hwc: Uint8Image) -> Uint8Image:
        height, width = lr_hwc.shape[:2]
        image_hwc = np.pad(lr_hwc, ((0, -height % window_px), (0, -width % window_px), (0, 0)), mode="reflect")
        return np.ascontiguousarray(upscale(image_hwc)[: height * scale, : width * scale])

    return padded


def load_original(path: Path) -> tuple[Uint8Image, bool]:
    """Read an image file as uint8 (H, W, 3) RGB, and say whether the file is grey (one channel).

    Grey becomes RGB, alpha is dropped, 16 bits become 8, orientation is ignored. Raises InputError.
    """
    import cv2

    # imdecode, because imread cannot open every path on Windows.
    data = np.fromfile(path, dtype=np.uint8)
    stored = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if stored is None:
        raise InputError(f"{path} could not be read as an image.", "Give a folder of PNG, WebP, TIFF or JPEG files.")
    if stored.dtype != np.uint8:
        stored = np.clip(np.rint(stored.astype(np.float64) / 257.0), 0, 255).astype(np.uint8)
    if stored.ndim == 2:
        return np.repeat(stored[:, :, None], 3, axis=2), True
    return np.ascontiguousarray(stored[:, :, 2::-1]), False


def report(results: Iterable[FolderQuality], *, per_image: bool = True) -> str:
    """Format results as an aligned text table; a folder's mean comes last."""
    lines = []
    for result in results:
        lines.append(f"{result.name} x{result.scale}")
        lines.append(f"  {'image':<24} {'PSNR-Y':>7} {'SSIM':>7} {'bicubic':>8} {'SSIM':>7} {'gain':>6}")
        for row in [*(result.rows if per_image else ()), result.mean]:
            lines.append(
                f"  {row.name:<24} {row.psnr_y:7.2f} {row.ssim:7.4f} "
                f"{row.bicubic_psnr_y:8.2f} {row.bicubic_ssim:7.4f} {row.gain:+6.2f}"
            )
    return "\n".join(lines)


def _plane(image_hwc: Uint8Image, border: int, grey: bool) -> npt.NDArray[np.float64]:
    """Return the plane to compare, float64, `border` pixels cut from each side."""
    height, width = image_hwc.shape[:2]
    luma = to_y(image_hwc[border : height - border, border : width - border])
    # Studio luma of a grey pixel g is 16 + g * 219 / 255.
    return (luma - 16.0) * (255.0 / 219.0) if grey else luma


def _images(folder: Path) -> Iterator[Path]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise InputError(f"{folder} holds no images to measure on.", "Give a folder of PNG, WebP, TIFF or JPEG files.")
    return iter(paths)


def _mean(rows: list[QualityRow]) -> QualityRow:
    return QualityRow(
        "mean",
        statistics.fmean(row.psnr_y for row in rows),
        statistics.fmean(row.ssim for row in rows),
        statistics.fmean(row.bicubic_psnr_y for row in rows),
        statistics.fmean(row.bicubic_ssim for row in rows),
    )
