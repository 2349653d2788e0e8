"""The measured table and the cards: figures belong to the bytes they were measured on, and the planner is told what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.tiling.figures import TilingFigures
from engine.tiling.goals import LEAST_PX, goals_missed, least_good_px, over_photographs, record, with_section

GOOD = TilingFigures(psnr_db=60.0, share_within=1.0, seam_ratio=1.0, overlap_share=0.1)
SEEN = TilingFigures(psnr_db=44.0, share_within=0.99, seam_ratio=1.03, overlap_share=0.1)
CARD = "# net x2\n\n## Measured\n\n| Set5 | 36.5 |\n\n## Credits\n\n- somebody\n"


def recorded(folder: Path, figures: dict[int, TilingFigures], sha256: str = "aa", name: str = "net_x2") -> Path:
    table = folder / "tiling.json"
    by_tile = {tile_px: over_photographs([each]) for tile_px, each in figures.items()}
    record(folder / f"{name}.safetensors", sha256, 2, ["roof.png"], by_tile, table)
    return table


def test_goals_depend_on_the_tile_size() -> None:
    figures = TilingFigures(psnr_db=47, share_within=0.99, seam_ratio=1.004, overlap_share=0.5)
    assert goals_missed(figures, 128) == []
    assert goals_missed(figures, 480) == ["psnr", "within"]
    assert goals_missed(TilingFigures(60, 1, 1.02, 0.1), 128) == ["seam"]


def test_a_set_is_judged_by_its_means_and_its_worst_photograph_is_told() -> None:
    other = TilingFigures(psnr_db=48.0, share_within=0.9998, seam_ratio=0.99, overlap_share=0.1)
    both = over_photographs([GOOD, other])
    assert both.mean.psnr_db == pytest.approx(54.0)
    assert both.mean.share_within == pytest.approx(0.9999)
    assert both.mean.seam_ratio == pytest.approx(0.995)
    assert (both.worst_psnr_db, both.photographs) == (48.0, 2)


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({128: GOOD, 480: GOOD}, 128),
        ({128: SEEN, 480: GOOD}, 480),
        ({128: SEEN, 256: GOOD, 480: GOOD}, 256),
        # What is good below a size that is not was luck.
        ({128: GOOD, 256: SEEN, 480: GOOD}, 480),
        ({128: SEEN, 480: SEEN, 640: GOOD}, 640),
        # No size is better than another, as far as was measured.
        ({128: GOOD, 480: SEEN}, LEAST_PX),
        # Nothing is asked of tiles this small.
        ({64: GOOD, 128: GOOD}, LEAST_PX),
    ],
)
def test_the_least_good_tile_is_that_from_which_on_all_are(
    tmp_path: Path, figures: dict[int, TilingFigures], expected: int
) -> None:
    assert least_good_px("aa", recorded(tmp_path, figures)) == expected


def test_weights_that_were_not_measured_have_the_common_least(tmp_path: Path) -> None:
    table = recorded(tmp_path, {128: SEEN, 480: GOOD})
    assert least_good_px("bb", table) == LEAST_PX
    assert least_good_px("aa", tmp_path / "no table.json") == LEAST_PX


def test_new_weights_take_the_place_of_the_old_of_their_name(tmp_path: Path) -> None:
    recorded(tmp_path, {480: GOOD}, "other", "another_x2")
    recorded(tmp_path, {128: SEEN, 480: GOOD}, "old")
    table = recorded(tmp_path, {128: GOOD, 480: GOOD}, "new")
    assert {key: entry["file"] for key, entry in json.loads(table.read_text()).items()} == {
        "other": "another_x2.safetensors",
        "new": "net_x2.safetensors",
    }
    assert least_good_px("old", table) == LEAST_PX
    assert [path.name for path in tmp_path.iterdir()] == ["tiling.json"]


def test_a_card_has_one_section_about_tiles_before_its_credits(tmp_path: Path) -> None:
    card = tmp_path / "net_x2.md"
    card.write_text(CARD, encoding="utf-8")
    recorded(tmp_path, {128: SEEN, 480: GOOD})
    first = card.read_text(encoding="utf-8")
    assert "| 128 | 44.00 dB | 44.00 dB | 99.0000% | 1.0300 | psnr, seam |" in first
    assert "| 480 | 60.00 dB | 60.00 dB | 100.0000% | 1.0000 | - |" in first
    assert first.index("## Measured") < first.index("## Tiles") < first.index("## Credits")
    recorded(tmp_path, {480: GOOD})
    second = card.read_text(encoding="utf-8")
    assert second.count("## Tiles") == 1
    assert "| 128 |" not in second
    # Nothing else has changed.
    head, _, rest = second.partition("## Tiles\n")
    assert head + rest[rest.index("## Credits") :] == CARD


def test_a_card_names_its_photographs(tmp_path: Path) -> None:
    weights, figures = tmp_path / "net_x2.safetensors", {480: over_photographs([GOOD])}
    for names, words in (
        (["a.png", "b.jpg"], "means over 2 photographs (a, b;"),
        ([f"kodim{number:02}.png" for number in range(1, 25)], "means over 24 photographs (kodim01 to kodim24;"),
    ):
        weights.with_suffix(".md").write_text(CARD, encoding="utf-8")
        record(weights, "aa", 2, names, figures, tmp_path / "tiling.json")
        assert words in weights.with_suffix(".md").read_text(encoding="utf-8")


def test_a_card_without_credits_gets_the_section_at_its_end() -> None:
    assert with_section("# net\n", "## Tiles\n\nfigures\n") == "# net\n\n## Tiles\n\nfigures\n"
