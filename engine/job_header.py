"""The header of a job: the plan and the conditions it was begun with, written once, so that a resume plans nothing anew.

Imports plain modules of `engine` and the standard library. On disk it is JSON with a format version and a checksum; a header of
another format version or with a wrong checksum is refused, never guessed at.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.canvas import RasterDtype, RasterRef, raster_crc
from engine.tiling.geometry import AxisPlan, Span, TilePlan, plan_from_axes

FORMAT_VERSION = 1
_PIECE_BYTES = 2**20


class HeaderError(ValueError):
    """A header that cannot be used; `is_foreign` where it is whole but of another format version."""

    def __init__(self, message: str, *, is_foreign: bool = False) -> None:
        super().__init__(message)
        self.is_foreign = is_foreign


@dataclass(frozen=True)
class InputFile:
    """An input file as it was: its absolute path, size, time of last change and content."""

    path: str
    size_bytes: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> InputFile:
        """Reads the file, in pieces; raises OSError where it cannot be read."""
        # The time before the content: a change while reading shows as a later time and is looked at again.
        status = path.stat()
        return cls(str(path.absolute()), status.st_size, status.st_mtime_ns, _sha256(path))

    def matches(self, path: Path) -> bool:
        """Whether the file at `path` has this content. It is read only where its size is the same and its time is not.

        False where it cannot be read.
        """
        try:
            status = path.stat()
            if status.st_size != self.size_bytes:
                return False
            return status.st_mtime_ns == self.mtime_ns or _sha256(path) == self.sha256
        except OSError:
            return False


@dataclass(frozen=True)
class Conditions:
    """What else the bits of a result depend on.

    `backend`: operator → the backend that serves it. `device_type`: "cpu", "cuda" or "mps"; `device_name` as the driver calls it.
    `threads`: of the CPU, 0 where they do not matter. `versions`: library → version.
    """

    precision: str
    device_type: str
    threads: int
    ensemble: bool
    backend: dict[str, str] = field(default_factory=dict)
    device_name: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def differences(self, now: Conditions) -> tuple[str, ...]:
        """Returns what differs now, each a phrase like "torch was 2.12.0 and is 2.13.0"; empty where bits will be equal."""
        before, after = _flat(self), _flat(now)
        return tuple(
            f"{name} was {before.get(name, 'absent')} and is {after.get(name, 'absent')}"
            for name in [*before, *(name for name in after if name not in before)]
            if before.get(name) != after.get(name)
        )


@dataclass(frozen=True)
class JobHeader:
    """All that a resumed job needs, so that it goes on as it began.

    The plan: `rows`, `columns`, `tile_px`, `overlap_px`, `window_px` (input pixels). The rasters: `channels`, `input_dtype`,
    `source_crc` of the decoded input, `scale`. The model: `weights` (path), `weights_sha256`, `model` (its name as shown).
    `client` is free JSON for the command line and the window. `run_id` makes every job that begins anew another one.
    """

    rows: AxisPlan
    columns: AxisPlan
    tile_px: int | None
    overlap_px: int
    window_px: int
    channels: int
    input_dtype: RasterDtype
    source_crc: int
    scale: int
    weights: str
    weights_sha256: str
    model: str
    conditions: Conditions
    input: InputFile
    client: dict[str, Any] = field(default_factory=dict)
    run_id: str = ""

    @classmethod
    def begin(
        cls,
        plan: TilePlan,
        source: RasterRef,
        *,
        window_px: int,
        scale: int,
        weights: str,
        weights_sha256: str,
        model: str,
        conditions: Conditions,
        input_file: InputFile,
        client: dict[str, Any] | None = None,
    ) -> JobHeader:
        """Returns the header of a job that begins now; reads the whole source raster for its CRC."""
        return cls(
            plan.rows,
            plan.columns,
            plan.tile_px,
            plan.overlap_px,
            window_px,
            source.channels,
            source.dtype,
            raster_crc(source),
            scale,
            weights,
            weights_sha256,
            model,
            conditions,
            input_file,
            client or {},
            uuid.uuid4().hex,
        )

    def plan(self) -> TilePlan:
        """Returns the plan as it was written down."""
        return plan_from_axes(self.rows, self.columns, tile_px=self.tile_px, overlap_px=self.overlap_px)

    def source(self, path: Path) -> RasterRef:
        """Returns the decoded input that lies at `path`."""
        return RasterRef(str(path), self.rows.length, self.columns.length, self.channels, self.input_dtype)

    def canvas(self, path: Path) -> RasterRef:
        """Returns the canvas that lies at `path`."""
        height, width = self.rows.length * self.scale, self.columns.length * self.scale
        return RasterRef(str(path), height, width, self.channels, "float32")

    def source_holds(self, path: Path) -> bool:
        """Whether the decoded input at `path` is still what was decoded; else decode it again."""
        return raster_crc(self.source(path)) == self.source_crc

    def matches_input(self, path: Path) -> bool:
        """Whether the file at `path` is the input that the job began with: by size and time, else by content."""
        return self.input.matches(path)

    @property
    def stamp(self) -> int:
        """A number that marks this job's journals (32 bits)."""
        return int(_checksum(asdict(self))[:8], 16)

    def to_bytes(self) -> bytes:
        """Returns the header as it is written. Raises TypeError where `client` is not plain JSON."""
        job = asdict(self)
        return _canonical({"format_version": FORMAT_VERSION, "checksum": _checksum(job), "job": job})

    @classmethod
    def from_bytes(cls, data: bytes) -> JobHeader:
        """Returns the header that `to_bytes` wrote; raises HeaderError for anything else."""
        try:
            document = json.loads(data)
            version, job, checksum = document["format_version"], document["job"], document["checksum"]
        except (ValueError, KeyError, TypeError) as error:
            raise HeaderError("The header of the job is damaged.") from error
        if version != FORMAT_VERSION:
            raise HeaderError("The job was begun by another version of Triptych.", is_foreign=True)
        if _checksum(job) != checksum:
            raise HeaderError("The header of the job is damaged.")
        try:
            header = cls(
                **{
                    **job,
                    "rows": _axis(job["rows"]),
                    "columns": _axis(job["columns"]),
                    "conditions": Conditions(**job["conditions"]),
                    "input": InputFile(**job["input"]),
                }
            )
            header.plan()
        except (KeyError, TypeError, ValueError) as error:
            raise HeaderError(f"The header of the job does not make a plan ({error}).") from error
        return header


def _axis(plain: dict[str, Any]) -> AxisPlan:
    spans = (Span(span["start"], span["length"], tuple(span["tiles"])) for span in plain["spans"])
    return AxisPlan(tuple((start, length) for start, length in plain["tiles"]), tuple(spans))


def _canonical(value: Any) -> bytes:
    # In ASCII: a file name may hold bytes that are no text.
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _checksum(job: Any) -> str:
    return hashlib.sha256(_canonical(job)).hexdigest()


def _flat(conditions: Conditions) -> dict[str, str]:
    device = " ".join(filter(None, (conditions.device_type, conditions.device_name)))
    return {
        "the precision": conditions.precision,
        "the device": device,
        "the number of threads": str(conditions.threads),
        "the ensemble": "on" if conditions.ensemble else "off",
        **{f"the backend of {operator}": backend for operator, backend in sorted(conditions.backend.items())},
        **dict(sorted(conditions.versions.items())),
    }


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
