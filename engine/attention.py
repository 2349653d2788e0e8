"""Where a network looks from one pixel: what the attention inspector is told, in plain values that every process understands.

Imports the standard library and the equally plain `engine.tiling.geometry`. All boxes and positions are in pixels of the input
image. A network's tokens are its input pixels, so a position is a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.tiling.geometry import Box

# The tile that is looked at is at most this large.
MOST_EDGE_PX = 256


@dataclass(frozen=True)
class Numbers:
    """An array as bytes: little-endian, C order. Reading it runs no code.

    Raises ValueError where the bytes do not fill the shape.
    """

    shape: tuple[int, ...]
    dtype: Literal["int32", "float32"]
    data: bytes

    def __post_init__(self) -> None:
        size_bytes = 4
        for length in self.shape:
            size_bytes *= length
        if len(self.data) != size_bytes:
            raise ValueError(f"{len(self.data)} bytes do not make {self.dtype} of shape {self.shape}")


@dataclass(frozen=True)
class WindowStep:
    """One attention of SSCAN: the window of the pixel, and the windows whose tokens it reads, the best first.

    `windows`: how many the tile has. The last ones may reach beyond the image, where padding fills them; that part is cut off.
    """

    block: int
    layer: int
    query: Box
    selected: tuple[Box, ...]
    windows: int


@dataclass(frozen=True)
class TokenStep:
    """One attention of PFT: the tokens that survive it for the pixel, and how much each of them counts.

    `positions`: int32 (heads, count, 2), rows and columns; beyond the image where they are padding. `weights`: float32 (heads,
    count), the values that the layer multiplies with its `v`; those of the survivors are not renormalised. `windows`: where the
    pixel's window lies, in up to four parts, because a shifted window goes on at the other side of the tile.
    """

    block: int
    layer: int
    is_shifted: bool
    count: int
    windows: tuple[Box, ...]
    positions: Numbers
    weights: Numbers


@dataclass(frozen=True)
class KernelStep:
    """One convolution of ESC: the tile's own kernel, float32 (P, 3, 3), which is added in the middle of the shared one.

    `strength`: float32 (L, L), the root of the sum of squares of the whole kernel, over all its pairs of channels, at each of its
    places: how much the convolution makes of what lies there.
    """

    block: int
    layer: int
    dynamic: Numbers
    strength: Numbers


@dataclass(frozen=True)
class WindowsFound:
    """What SSCAN does: `steps` in the order of the network."""

    steps: tuple[WindowStep, ...]


@dataclass(frozen=True)
class TokensFound:
    """What PFT does: `steps` in the order of the network. `window_tokens`: how many tokens a window has."""

    steps: tuple[TokenStep, ...]
    window_tokens: int


@dataclass(frozen=True)
class KernelsFound:
    """What ESC does: `steps` in the order of the network. `shared`: float32 (P, L, L), the kernel that all of them share.

    `mixes`: the shared kernel also mixes the P channels, and `shared` holds what each one makes of itself; else the channels
    were mixed before (ESC-FP), and `shared` is the whole kernel.
    """

    steps: tuple[KernelStep, ...]
    shared: Numbers
    mixes: bool


@dataclass(frozen=True)
class Attention:
    """What a network does for the pixel (`x`, `y`), computed on `tile`: the numbers of one forward pass.

    `window_px`: edge of the network's windows.
    """

    architecture: str
    x: int
    y: int
    tile: Box
    window_px: int
    found: WindowsFound | TokensFound | KernelsFound


def tile_around(x: int, y: int, height: int, width: int, window_px: int, most_px: int = MOST_EDGE_PX) -> Box:
    """Returns the tile that is looked at: the pixel about in its middle, its corner on a window, at most `most_px` a side.

    Raises ValueError where the pixel lies outside of the image.
    """
    if not (0 <= x < width and 0 <= y < height):
        raise ValueError(f"pixel {x}, {y} lies outside of an image of {width} × {height}")
    top, tile_height = _stretch(y, height, window_px, most_px)
    left, tile_width = _stretch(x, width, window_px, most_px)
    return Box(top, left, tile_height, tile_width)


def _stretch(at: int, length: int, window_px: int, most_px: int) -> tuple[int, int]:
    edge = max(1, most_px // window_px) * window_px
    if length <= edge:
        return 0, length
    # The last start at which the tile still reaches the image's end; what it lacks there is less than a window.
    last = -(-(length - edge) // window_px) * window_px
    start = min(max(0, (at - edge // 2) // window_px * window_px), last)
    return start, min(edge, length - start)
