"""What tiles have to reach so that nobody sees them, and from which tile on a model was measured to reach it.

Imports the standard library, `resources` and `engine.tiling.figures`. `resources/weights/tiling.json` holds the measured figures
by the SHA-256 of the weights, so that figures of other weights are never taken for theirs; `triptych bench tiling PHOTOGRAPH...
--record` writes it, and the table in each card.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import resources
from engine.tiling.figures import TilingFigures

OVERLAP_PX = 32
# PSNR of tiled against untiled output in dB, by tile edge: the least that is good enough at that edge and above.
PSNR_GOALS_DB = ((480, 50.0), (128, 45.0))
SHARE_GOAL = 0.9999
SEAM_TOLERANCE = 0.01
# At and above this edge the share within 8/255 has a goal too.
ROOMY_PX = 480
# Nothing is asked of smaller tiles, so nobody should get them without being told.
LEAST_PX = 128
_HEADING = "## Tiles"
# So many photographs are named in a card; of more, the first and the last.
_LISTED = 6


@dataclass(frozen=True)
class SetFigures:
    """The figures of one model at one tile size over some photographs: the means, and the PSNR of the worst of them."""

    mean: TilingFigures
    worst_psnr_db: float
    photographs: int


def over_photographs(figures: Sequence[TilingFigures]) -> SetFigures:
    """Returns the means over photographs of equal weight; of the PSNR, that of the values in dB, as it is given for sets."""
    count = len(figures)
    return SetFigures(
        TilingFigures(
            sum(each.psnr_db for each in figures) / count,
            sum(each.share_within for each in figures) / count,
            sum(each.seam_ratio for each in figures) / count,
            sum(each.overlap_share for each in figures) / count,
        ),
        min(each.psnr_db for each in figures),
        count,
    )


def goals_missed(figures: TilingFigures, tile_px: int) -> list[str]:
    """Returns the names of the figures that miss their goal at this tile size; empty where tiling cannot be seen."""
    goal_db = next((goal for edge, goal in PSNR_GOALS_DB if tile_px >= edge), 0.0)
    missed = []
    if figures.psnr_db < goal_db:
        missed.append("psnr")
    if tile_px >= ROOMY_PX and figures.share_within < SHARE_GOAL:
        missed.append("within")
    if abs(figures.seam_ratio - 1) > SEAM_TOLERANCE:
        missed.append("seam")
    return missed


def least_good_px(sha256: str, table: Path | None = None) -> int:
    """Returns the tile edge from which on the weights reach the goals at every size that was measured.

    `LEAST_PX` for weights that were not measured, and for those that miss at the largest: then no tile is better than another.
    """
    tiles = _read(table or table_path()).get(sha256, {}).get("tiles", {})
    least_px = None
    for tile_px in sorted(map(int, tiles), reverse=True):
        row = tiles[str(tile_px)]
        if goals_missed(TilingFigures(row["psnr"], row["within"], row["seam"], 0.0), tile_px):
            break
        least_px = tile_px
    return LEAST_PX if least_px is None else max(least_px, LEAST_PX)


def table_path() -> Path:
    """Returns where the measured figures of the bundled weights lie."""
    return resources.path("weights") / "tiling.json"


def record(
    weights: Path,
    sha256: str,
    scale: int,
    photographs: Sequence[str],
    by_tile: Mapping[int, SetFigures],
    table: Path | None = None,
) -> None:
    """Keeps the figures of a weights file in the table, in place of those of earlier weights of its name, and in its card.

    `photographs`: the names of those that were measured.
    """
    path = table or table_path()
    entries = {key: entry for key, entry in _read(path).items() if entry["file"] != weights.name}
    entries[sha256] = {
        "file": weights.name,
        "photographs": list(photographs),
        "tiles": {
            str(tile_px): {
                "psnr": round(each.mean.psnr_db, 2),
                "worst_psnr": round(each.worst_psnr_db, 2),
                "within": round(each.mean.share_within, 6),
                "seam": round(each.mean.seam_ratio, 4),
            }
            for tile_px, each in sorted(by_tile.items())
        },
    }
    ordered = dict(sorted(entries.items(), key=lambda item: item[1]["file"]))
    _replace(path, json.dumps(ordered, indent=2) + "\n")
    card = weights.with_suffix(".md")
    if card.exists():
        _replace(card, with_section(card.read_text(encoding="utf-8"), _section(scale, photographs, by_tile)))


def with_section(card: str, section: str) -> str:
    """Returns a card with its section about tiles replaced, or put before the credits where it had none."""
    before, found, rest = card.partition(f"{_HEADING}\n")
    if found:
        _, next_heading, after = rest.partition("\n## ")
        return f"{before}{section}{next_heading}{after}"
    before, found, after = card.partition("## Credits\n")
    return f"{before}{section}\n{found}{after}" if found else f"{card}\n{section}"


def _section(scale: int, photographs: Sequence[str], by_tile: Mapping[int, SetFigures]) -> str:
    names = [Path(name).stem for name in photographs]
    listed = ", ".join(names) if len(names) <= _LISTED else f"{names[0]} to {names[-1]}"
    lines = [
        _HEADING,
        "",
        f"Tiled against untiled output at ×{scale}, overlap {OVERLAP_PX}: means over {len(names)} photographs ({listed};",
        "`triptych bench tiling PHOTOGRAPH... --record`).",
        "",
        "| tile | PSNR | worst photograph | values within 8/255 | gradient across borders | misses |",
        "|---|---|---|---|---|---|",
    ]
    for tile_px, each in sorted(by_tile.items()):
        mean = each.mean
        lines.append(
            f"| {tile_px} | {mean.psnr_db:.2f} dB | {each.worst_psnr_db:.2f} dB | {mean.share_within:.4%} | "
            f"{mean.seam_ratio:.4f} | {', '.join(goals_missed(mean, tile_px)) or '-'} |"
        )
    return "\n".join(lines) + "\n"


def _read(table: Path) -> dict[str, Any]:
    try:
        entries: dict[str, Any] = json.loads(table.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return entries


def _replace(path: Path, text: str) -> None:
    """Writes a file as a whole."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
