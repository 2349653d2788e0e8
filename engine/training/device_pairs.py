"""Training pairs made on the device: photographs lie there as bytes, and crops, turns and flips are one gather.

The batches are those of `PairSource`, to one level of 255 in the low-resolution image: the same draws, and MATLAB's
antialiased bicubic with the same weights. Nothing of a step waits for a disk or a codec, or for the device itself.
May import torch, numpy, engine.resampling and the other modules of this package.

Legend: P pixels of all images in one row; B crops; h w of a low-resolution, H W of a high-resolution crop.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from engine.resampling import resampling_matrix
from engine.training.configuration import Recipe
from engine.training.draws import BatchDraw, Drawer
from engine.training.pairs import PairSource, Uint8Image
from engine.training.pool import ProceduralPool

__all__ = ["DevicePairSource", "PrefetchedPairSource", "shrink"]

# Procedural images are asked for so many refills ahead.
_REFILLS_AHEAD = 4


def shrink(image_hwc: Tensor, scale: int) -> Tensor:
    """Return MATLAB's antialiased bicubic of uint8 (H, W, 3), sides multiples of the scale, as uint8 (h, w, 3).

    Rows first, each pass rounded half up, as `engine.resampling.imresize`.
    """
    height, width = image_hwc.shape[:2]
    rows, columns = (
        torch.from_numpy(resampling_matrix(side, side // scale, 1.0 / scale)).to(image_hwc.device)
        for side in (height, width)
    )
    squeezed = _rounded(rows @ image_hwc.float().reshape(height, -1)).reshape(-1, width, 3)
    shrunk = _rounded(torch.einsum("ow,hwc->hoc", columns, squeezed))
    return shrunk.to(torch.uint8)


def _rounded(values: Tensor) -> Tensor:
    return values.add_(0.5).floor_().clamp_(0, 255)


class DevicePairSource:
    """Batches of aligned crops as tensors on a device, each a pure function of (seed, step)."""

    def __init__(
        self,
        photographs: Sequence[Uint8Image],
        scale: int,
        recipe: Recipe,
        device: torch.device | str,
        drawn: Sequence[Uint8Image] = (),
    ) -> None:
        self._scale, self._recipe, self._device = scale, recipe, torch.device(device)
        trimmed = [_trimmed(photograph, scale) for photograph in photographs]
        shapes = [(image.shape[0] // scale, image.shape[1] // scale) for image in trimmed]
        self._drawer = Drawer(shapes, scale, recipe)
        self._pool = ProceduralPool(list(photographs), recipe, drawn)
        self._slots: dict[int, int] = {}
        self._coming: dict[int, Future[Uint8Image]] = {}
        # One thread: it draws beside the training loop, which must not wait for the interpreter.
        self._artist = ThreadPoolExecutor(1, thread_name_prefix="procedural")
        drawn_px = recipe.procedural_side_px // scale
        # The pool's slots lie behind the photographs.
        shapes += [(drawn_px, drawn_px)] * recipe.procedural_pool
        self._first_slot = len(trimmed)
        self._widths = torch.tensor([width for _, width in shapes], device=self._device)
        starts = np.concatenate([[0], np.cumsum([height * width for height, width in shapes])])
        self._starts = torch.tensor(starts[:-1], device=self._device)
        self._lr = torch.zeros((int(starts[-1]), 3), dtype=torch.uint8, device=self._device)
        self._hr = torch.zeros((int(starts[-1]) * scale**2, 3), dtype=torch.uint8, device=self._device)
        for number, image in enumerate(trimmed):
            self._store(image, int(starts[number]))
        self._slot_starts = starts[self._first_slot : -1]
        self._grids: dict[int, Tensor] = {}

    def _store(self, image_hwc: Uint8Image, start: int) -> None:
        hr = torch.from_numpy(np.ascontiguousarray(image_hwc)).to(self._device)
        lr = shrink(hr, self._scale)
        self._lr[start : start + lr.shape[0] * lr.shape[1]] = lr.reshape(-1, 3)
        start *= self._scale**2
        self._hr[start : start + hr.shape[0] * hr.shape[1]] = hr.reshape(-1, 3)

    def batch(self, step: int, progress: float) -> tuple[Tensor, Tensor]:
        """Return low- and high-resolution crops, uint8 (B, h, w, 3) and (B, H, W, 3), for a step.

        `progress` in 0..1 chooses the share of photographs (start, last third).
        """
        draw = self._drawer.draw(step, progress)
        self._refill(step, draw)
        table = [
            (
                crop.index + self._first_slot * crop.is_drawn,
                *crop.places[0],
                *crop.places[1],
                crop.turns + 4 * crop.mirrored,
            )
            for crop in draw.crops
        ]
        host = torch.tensor(table)
        if self._device.type == "cuda":
            # From pinned memory the copy does not make the host wait.
            host = host.pin_memory()
        image, top, left, other_top, other_left, turn = host.to(self._device, non_blocking=True).unbind(1)
        places = [
            self._gather(self._lr, 1, image, y, x, turn, draw.side_px)
            for y, x in ((top, left), (other_top, other_left))
        ]
        # The better of two places: skies and walls teach little.
        first, second = (lr.float().flatten(1).std(1, correction=0) for lr in places)
        is_second = second > first
        lr = torch.where(is_second[:, None, None, None], places[1], places[0])
        top, left = torch.where(is_second, other_top, top), torch.where(is_second, other_left, left)
        return lr, self._gather(self._hr, self._scale, image, top, left, turn, draw.side_px)

    def _gather(
        self, pixels: Tensor, scale: int, image: Tensor, top: Tensor, left: Tensor, turn: Tensor, side_px: int
    ) -> Tensor:
        """Return crops (B, side, side, 3) of images in `pixels`, which holds them `scale` times larger than places say."""
        side = side_px * scale
        width = self._widths[image] * scale
        corner = self._starts[image] * scale**2 + top * scale * width + left * scale
        y, x = self._grid(side)[turn].unbind(1)
        crops: Tensor = pixels[corner[:, None, None] + y * width[:, None, None] + x]
        return crops

    def _grid(self, side: int) -> Tensor:
        """Return where each pixel of a turned square comes from: (8, 2, side, side), rows and columns."""
        if side not in self._grids:
            grid = np.mgrid[:side, :side]
            turned = [np.rot90(grid, turns, axes=(1, 2)) for turns in range(4)]
            both = np.stack([*turned, *(each[:, :, ::-1] for each in turned)])
            self._grids[side] = torch.from_numpy(both.copy()).to(self._device)
        return self._grids[side]

    def _refill(self, step: int, draw: BatchDraw) -> None:
        """Put the images that this step is cut from into their slots, and ask for those of the next refills."""
        for slot in sorted({crop.index for crop in draw.crops if crop.is_drawn}):
            serial = self._pool.serial(step, slot)
            if self._slots.get(slot) == serial:
                continue
            coming = self._coming.pop(serial, None)
            image = coming.result() if coming is not None else self._pool.image(serial)
            self._store(_trimmed(image, self._scale), int(self._slot_starts[slot]))
            self._slots[slot] = serial
        every, size = self._recipe.procedural_refresh_steps, self._recipe.procedural_pool
        if not self._slots:
            return
        for ahead in range(1, _REFILLS_AHEAD + 1):
            at = (step // every + ahead) * every
            serial = self._pool.serial(at, (at // every) % size)
            if serial not in self._coming:
                self._coming[serial] = self._artist.submit(self._pool.image, serial)
        # Slots that no batch has met since keep no picture waiting.
        for serial in [each for each in self._coming if each < step // every + size - size // 2]:
            self._coming.pop(serial).cancel()


class PrefetchedPairSource:
    """The batches of a `PairSource`, made ahead by threads: for degradations that only the CPU computes."""

    def __init__(self, source: PairSource, threads: int) -> None:
        self._source = source
        self._threads = threads
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="pairs")
        self._coming: dict[int, Future[tuple[Uint8Image, Uint8Image]]] = {}

    def batch(self, step: int, progress: float) -> tuple[Uint8Image, Uint8Image]:
        """Return a step's crops as `PairSource.batch` does; those of the next steps are begun with this `progress`."""
        for each in range(step, step + 2 * self._threads):
            if each not in self._coming:
                self._coming[each] = self._workers.submit(self._source.batch, each, progress)
        for old in [each for each in self._coming if each < step]:
            self._coming.pop(old).cancel()
        return self._coming.pop(step).result()


def _trimmed(image_hwc: Uint8Image, scale: int) -> Uint8Image:
    height, width = image_hwc.shape[:2]
    return image_hwc[: height - height % scale, : width - width % scale]
