"""What the processes say to each other: frozen dataclasses of plain values; pixels lie in rasters, never in a message.

Imports the standard library and the equally plain `engine.attention`, `engine.canvas`, `engine.errors` and
`engine.tiling.geometry`. The parent sends a *request* and receives *events* for it until one that ends it: `Done...`, or
`Failed`. Every event carries the request's `epoch`, so that what an abandoned request still says is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.attention import MOST_EDGE_PX, Attention
from engine.canvas import RasterRef
from engine.errors import Failure
from engine.tiling.geometry import Box, TilePlan

PROTOCOL_VERSION = 3


# The I/O process (engine.imaging)


@dataclass(frozen=True)
class ImageInfo:
    """What a decoded image file was: enough to write its result in the same form.

    `format`: keep's answer, one of "png", "tiff", "webp", "jpeg", "avif", or the name of a format that is only read ("bmp",
    "gif", "heif", "jxl", ...). `channels` as in `engine.canvas` (after palette and CMYK have become RGB). `bit_depth`: 8 or 16,
    or 10 and 12 (AVIF, HEIF). `icc`: the profile to embed, or None. `exif`, `xmp`, `iptc`: the file's metadata blocks as read, or
    None. `pixels_per_mm`: (x, y) resolution, or None. `software`: its `Software` tag. `warnings`: sentences.
    """

    path: str
    format: str
    height: int
    width: int
    channels: int
    bit_depth: int
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    pixels_per_mm: tuple[float, float] | None = None
    software: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inspect:
    """Read an image's header only. Answered by `DoneInspect`."""

    epoch: int
    path: str


@dataclass(frozen=True)
class Decode:
    """Decode an image into a raster at `raster_path`. Answered by `DoneDecode`."""

    epoch: int
    path: str
    raster_path: str


@dataclass(frozen=True)
class EncodeOptions:
    """How a result is written. `format` is "png", "tiff", "webp", "jpeg" or "avif"; `quality` 1..100 or None for the default.

    `resize_height`, `resize_width`: Lanczos down to this size first, or None. `overwrite`: replace an existing file; else the
    next free number is taken on a clash. `adopt_equal`: a file of this name with exactly the bytes that were to be written is
    taken as the result (a run that is resumed may have published it just before it was interrupted).
    """

    format: str
    bit_depth: int
    quality: int | None = None
    resize_height: int | None = None
    resize_width: int | None = None
    overwrite: bool = False
    adopt_equal: bool = False


@dataclass(frozen=True)
class Encode:
    """Write a canvas (float32 in 0..1) as an image file at `path`, whole or not at all. Answered by `DoneEncode`."""

    epoch: int
    canvas: RasterRef
    source: ImageInfo
    path: str
    options: EncodeOptions


@dataclass(frozen=True)
class SheetPane:
    """One picture of a comparison sheet: a raster, its title, and the lines of figures under the title.

    A raster smaller than the sheet's panes is enlarged to them: by bicubic where `resampling` is "bicubic", else by "nearest".
    """

    raster: RasterRef
    title: str
    lines: tuple[str, ...] = ()
    resampling: str = "bicubic"


@dataclass(frozen=True)
class WriteSheet:
    """Write a labelled comparison sheet. Answered by `DoneEncode`."""

    epoch: int
    panes: tuple[SheetPane, ...]
    pane_height: int
    pane_width: int
    path: str
    heading: str = ""
    overwrite: bool = True


@dataclass(frozen=True)
class IoProgress:
    """The I/O process is getting on: `fraction` of the request in 0..1. Without one for a minute it counts as stuck."""

    epoch: int
    fraction: float


@dataclass(frozen=True)
class DoneInspect:
    """An image's header as read."""

    epoch: int
    info: ImageInfo


@dataclass(frozen=True)
class DoneDecode:
    """An image as decoded: what it was, and where its pixels lie (uint8 or uint16)."""

    epoch: int
    info: ImageInfo
    raster: RasterRef


@dataclass(frozen=True)
class DoneEncode:
    """A file that was written: its path as published (a number may have been added) and its size in pixels."""

    epoch: int
    path: str
    height: int
    width: int
    warnings: tuple[str, ...] = ()


# The worker (engine.worker)


@dataclass(frozen=True)
class ModelRequest:
    """Which weights, at which scale (None: the checkpoint's own)."""

    weights: str
    scale: int | None = None


@dataclass(frozen=True)
class UpscaleSettings:
    """How a model is run.

    `tile_px`: edge in input pixels, halo included; "auto": the memory plan chooses; None: off, the whole image at once. `device`
    may be a comma list: its devices share the tiles of one job. `threads`: of a worker on the CPU, None for torch's own choice.
    """

    tile_px: int | Literal["auto"] | None = "auto"
    overlap_px: int = 32
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"
    ensemble: bool = False
    threads: int | None = None


@dataclass(frozen=True)
class ModelInfo:
    """What a checkpoint turned out to be. `operators`: the attention operators it calls."""

    architecture: str
    variant: str
    scale: int
    window_px: int
    parameter_count: int
    sha256: str
    arguments: dict[str, Any] = field(default_factory=dict)
    operators: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prepare:
    """Load a model onto a device. Answered by `DonePrepare`."""

    epoch: int
    model: ModelRequest
    settings: UpscaleSettings


@dataclass(frozen=True)
class Plan:
    """Ask what a run on an image of this size would take. Answered by `DonePlan`; loads the model where it is not yet loaded.

    `sharers`: how many workers will share the device's memory.
    """

    epoch: int
    model: ModelRequest
    settings: UpscaleSettings
    height: int
    width: int
    channels: int
    sharers: int = 1


@dataclass(frozen=True)
class OpenCanvas:
    """Begin to work on a canvas: load the model, open both rasters and the journal. Answered by `DoneOpen`.

    `settings` are decided by now: one device and a precision; the tiles are those of `plan`. `stamp`: the job's, for the
    journal. `job_folder`: the folder of a job that can be resumed; there, writer number `writer` holds a lock while it works, so
    that nobody resumes a job whose worker still writes. Until `CloseCanvas`, `RunTile` and `BlendSeam` of the same epoch may
    follow.
    """

    epoch: int
    model: ModelRequest
    settings: UpscaleSettings
    plan: TilePlan
    source: RasterRef
    canvas: RasterRef
    journal_path: str
    stamp: int = 0
    job_folder: str | None = None
    writer: int = 0


@dataclass(frozen=True)
class RunTile:
    """Run the network on one tile, write its core and its margins. Answered by `DoneTile`, or by `Failed`.

    `limit_px`: cut the tile into pieces of at most that edge, because it ran out of memory as a whole before. `backend`: serve
    the attention operators by this one ("reference" after the device failed), None: as the settings say.
    """

    epoch: int
    index: int
    limit_px: int | None = None
    backend: str | None = None


@dataclass(frozen=True)
class BlendSeam:
    """Blend one region of the plan from the margins of its tiles. Answered by `DoneSeam`."""

    epoch: int
    region: int


@dataclass(frozen=True)
class CloseCanvas:
    """Leave the canvas: write what is outstanding. Answered by `DoneClose`. The model stays loaded."""

    epoch: int


@dataclass(frozen=True)
class InspectAttention:
    """Run the network on one tile around the input pixel (`x`, `y`) and tell where it looks. Answered by `DoneAttention`.

    The tile begins on a window of the network and is at most `most_px` a side; tile and ensemble of `settings` do not count.
    """

    epoch: int
    model: ModelRequest
    settings: UpscaleSettings
    source: RasterRef
    x: int
    y: int
    most_px: int = MOST_EDGE_PX


@dataclass(frozen=True)
class Cancel:
    """Stop the work of this epoch; the request in progress ends with `Failed` of kind `Cancelled`."""

    epoch: int


@dataclass(frozen=True)
class Install:
    """Check a checkpoint and write it as safetensors to `destination`. Answered by `DonePrepare`."""

    epoch: int
    model: ModelRequest
    destination: str


@dataclass(frozen=True)
class Examine:
    """Find out what devices and attention backends there are. Answered by `DoneExamine`."""

    epoch: int


@dataclass(frozen=True)
class Stop:
    """Leave the process."""

    epoch: int = -1


@dataclass(frozen=True)
class Ready:
    """A process has started and reads requests."""

    epoch: int
    protocol_version: int
    process_id: int


@dataclass(frozen=True)
class DonePrepare:
    """A model is loaded: what it is, what it runs on, and with which versions (of torch, triton, the driver: name → version)."""

    epoch: int
    info: ModelInfo
    device: str
    precision: str
    threads: int = 0
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DonePlan:
    """What a run would take: the tile chosen (None: off), memory in bytes, and the share of the work that goes into overlaps."""

    epoch: int
    prepared: DonePrepare
    tile_px: int | None
    overlap_px: int
    tiles: int
    predicted_bytes: int | None
    budget_bytes: int | None
    free_bytes: int | None
    overlap_share: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DoneOpen:
    """A worker is ready for the tiles of a canvas."""

    epoch: int
    prepared: DonePrepare


@dataclass(frozen=True)
class DoneTile:
    """A tile is computed and recorded. `note`: how it was done differently ("" as planned, "smaller tiles", "fp32", "reference").

    `sr_boxes`: the part of the canvas that is final now. `peak_bytes`: the peak of this tile. `limit_px`: the edge of the pieces
    that fitted, where the whole tile did not.
    """

    epoch: int
    index: int
    seconds: float
    sr_boxes: tuple[Box, ...]
    peak_bytes: int = 0
    note: str = ""
    limit_px: int | None = None


@dataclass(frozen=True)
class DoneSeam:
    """A seam is blended and recorded."""

    epoch: int
    region: int
    sr_boxes: tuple[Box, ...]


@dataclass(frozen=True)
class DoneClose:
    """A worker has left a canvas: which backend served each operator, and its peak since it was opened."""

    epoch: int
    backend: dict[str, str]
    peak_memory_bytes: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerMemory:
    """What a worker holds, in bytes, at `time_s` of the monotonic clock, which is the same in all processes.

    `reserved_bytes`: what peaks and predictions count too: on CUDA what torch has reserved, on a CPU the private memory above a
    process without a model. `allocated_bytes`: of that, what weights and tensors use, None where the C library does not tell.
    `weights_bytes`: of that, the weights. `context_bytes`: what lies beneath it: on a CPU the process without a model, None on
    CUDA, where only the driver knows. `device_uuid`: of the GPU, "" on a CPU.
    """

    time_s: float
    process_id: int
    device: str
    reserved_bytes: int
    allocated_bytes: int | None
    weights_bytes: int
    context_bytes: int | None = None
    device_uuid: str = ""


@dataclass(frozen=True)
class Heartbeat:
    """The worker lives. `activity`: "idle", "loading", "compiling" or "computing". `memory`: once a model is loaded."""

    epoch: int
    activity: str
    memory: WorkerMemory | None = None


@dataclass(frozen=True)
class Progress:
    """Part of a canvas became final. `sr_boxes`: which, since the last event (output pixels); `tiles_done` of `tiles` are done.

    Made by `engine.client` for its callers. `tile_seconds` and `tile_peak_bytes`: of the tile just finished, None for a seam.
    """

    epoch: int
    tiles_done: int
    tiles: int
    seconds: float
    sr_boxes: tuple[Box, ...] = ()
    tile_seconds: float | None = None
    tile_peak_bytes: int | None = None


@dataclass(frozen=True)
class DoneUpscale:
    """A canvas is complete: the sum of what its workers did. Made by `engine.client` for its callers.

    `backend`: attention operator → the backend that served it. `resumed_tiles`: how many were there already. `different`: tile
    index → how it was done differently.
    """

    epoch: int
    tiles: int
    tile_px: int | None
    overlap_px: int
    device: str
    precision: str
    backend: dict[str, str]
    seconds: float
    peak_memory_bytes: int
    predicted_memory_bytes: int | None = None
    resumed_tiles: int = 0
    different: dict[int, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DoneAttention:
    """Where a network looks from one pixel; a few hundred kilobytes at most. `seconds`: of the forward pass."""

    epoch: int
    prepared: DonePrepare
    attention: Attention
    seconds: float


@dataclass(frozen=True)
class DoneExamine:
    """Devices and backends as found; plain nested dictionaries, as `triptych doctor --json` prints them."""

    epoch: int
    report: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """The request ended in an error."""

    epoch: int
    failure: Failure


IoRequest = Inspect | Decode | Encode | WriteSheet | Stop
WorkerRequest = (
    Prepare
    | Plan
    | OpenCanvas
    | RunTile
    | BlendSeam
    | CloseCanvas
    | Install
    | Examine
    | InspectAttention
    | Cancel
    | Stop
)
Event = (
    Ready
    | Heartbeat
    | IoProgress
    | DoneInspect
    | DoneDecode
    | DoneEncode
    | DonePrepare
    | DonePlan
    | DoneOpen
    | DoneTile
    | DoneSeam
    | DoneClose
    | DoneExamine
    | DoneAttention
    | Failed
)
