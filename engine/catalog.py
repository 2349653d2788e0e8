"""Which models there are: the bundled ones and those a person added, read from safetensors headers and cards.

Imports the standard library, `resources` and plain modules of `engine`; never torch, so that `triptych models` answers at once.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import resources
from engine import paths
from engine.errors import UsageError

FAMILIES = {"ESC": "esc", "ESCFP": "esc", "ESCReal": "esc", "PFT": "pft", "SSCAN": "sscan"}
_GOOD_FOR = {
    "esc": "Quick and even: convolutional attention with one shared large kernel.",
    "sscan": "Repeated patterns: each window looks at the windows of the image that resemble it.",
    "pft": "Fine structure: attention that narrows from layer to layer to the tokens that matter. The slowest.",
}
_MAX_HEADER_BYTES = 100 * 2**20


@dataclass(frozen=True)
class CatalogEntry:
    """One set of weights: a model at one scale.

    `family` is "esc", "sscan" or "pft"; `source` "bundled" or "added"; `psnr` Y-PSNR in dB by evaluation set, from the card, the
    inputs' degradation in brackets behind the set where it is not the papers'. `purpose`: the pictures that special weights are
    for ("photo, compressed"), empty for those that serve any; special weights are never what a family's name means.
    """

    name: str
    scale: int
    path: Path
    architecture: str
    family: str
    parameter_count: int
    source: str
    description: str
    psnr: dict[str, float] = field(default_factory=dict)
    purpose: str = ""

    @property
    def title(self) -> str:
        """What a person chooses by: the purpose of special weights, else the name."""
        return self.purpose or self.name


def list_models() -> list[CatalogEntry]:
    """Returns all entries, bundled first, by name and scale; a file that cannot be read is left out."""
    folders = (("bundled", resources.path("weights")), ("added", paths.data_folder() / "weights"))
    entries = [
        entry
        for source, folder in folders
        for file in sorted(folder.glob("*.safetensors"))
        if (entry := _read_entry(file, source)) is not None
    ]
    return sorted(entries, key=lambda entry: (entry.source != "bundled", entry.family, entry.name, entry.scale))


def _read_header(file: Path) -> dict[str, Any] | None:
    try:
        with open(file, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _MAX_HEADER_BYTES:
                return None
            header = json.loads(stream.read(length))
    except (OSError, ValueError, struct.error):
        return None
    return header if isinstance(header, dict) else None


def _read_entry(file: Path, source: str) -> CatalogEntry | None:
    header = _read_header(file) or {}
    try:
        metadata = header.pop("__metadata__")
        configuration = json.loads(metadata["triptych"])
        architecture, scale = configuration["architecture"], int(configuration["scale"])
        family = FAMILIES[architecture]
        count = sum(math.prod(tensor["shape"]) for tensor in header.values() if tensor["dtype"].startswith(("F", "BF")))
        purpose = str(metadata.get("purpose", ""))
        psnr = {name: float(value) for name, value in json.loads(metadata.get("psnr", "{}")).items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    name = file.stem.removesuffix(f"_x{scale}")
    description = metadata.get("description") or _GOOD_FOR[family]
    return CatalogEntry(name, scale, file, architecture, family, count, source, description, psnr, purpose)


def _candidates(name: str) -> Iterator[str]:
    """Names to look for, best first: `esc` means the best bundled weights of that family."""
    if name in ("esc", "sscan", "pft"):
        suffixes = {"esc": ("-light", "-fast"), "pft": ("-light", "-fast"), "sscan": ("", "-fast")}[name]
        yield from (name + suffix for suffix in suffixes)
    else:
        yield name


def find_model(name: str, scale: int | None) -> CatalogEntry:
    """Returns the weights that `--model NAME --scale N` means (scale None: ×4, else the largest there is).

    Raises UsageError that lists the offer where there are none.
    """
    entries = list_models()
    known = sorted({entry.name for entry in entries} | {"esc", "sscan", "pft"})
    found = [entry for candidate in _candidates(name) for entry in entries if entry.name == candidate]
    if not found:
        raise UsageError(f"There is no model {name!r}.", f"The models are: {', '.join(known)}.")
    scales = sorted({entry.scale for entry in found})
    wanted = scale if scale is not None else (4 if 4 in scales else scales[-1])
    for entry in found:
        if entry.scale == wanted:
            return entry
    offer = ", ".join(f"×{each}" for each in scales)
    raise UsageError(f"{name} has no weights for ×{wanted}.", f"It offers {offer}.")


def scales_of(name: str) -> tuple[int, ...]:
    """Returns the scales that a model offers, rising; empty for a name that is not known."""
    entries = list_models()
    names = set(_candidates(name))
    return tuple(sorted({entry.scale for entry in entries if entry.name in names}))
