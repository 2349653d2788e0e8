"""What a few typed letters find, and what is found first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.manners.matching import match

NAMES = ["Save", "Save as…", "Close image", "Actual size", "Zoom in", "Full screen", "Side by side"]


def found(typed: str) -> list[str]:
    hits = [(match(typed, name), name) for name in NAMES]
    scored = [(hit.score, name) for hit, name in hits if hit is not None]
    return [name for _, name in sorted(scored, key=lambda pair: -pair[0])]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("save", "Save"),
        ("SAVE", "Save"),
        ("sa", "Save"),
        ("save as", "Save as…"),
        ("as save", "Save as…"),
        ("fs", "Full screen"),
        ("sbs", "Side by side"),
        ("image", "Close image"),
        ("ze", "Actual size"),
        ("zmi", "Zoom in"),
        ("ácTual", "Actual size"),
    ],
)
def test_the_name_that_was_meant_comes_first(typed: str, first: str) -> None:
    assert found(typed)[0] == first


@pytest.mark.parametrize("typed", ["xyz", "save image", "zq", "screens full screen"])
def test_a_word_that_is_nowhere_finds_nothing(typed: str) -> None:
    assert found(typed) == []


def test_nothing_typed_finds_everything() -> None:
    assert len(found("")) == len(found("   ")) == len(NAMES)


def test_the_letters_meant_are_told() -> None:
    hit = match("sc fu", "Full screen")
    assert hit is not None
    assert hit.positions == {0, 1, 5, 6}


@given(typed=st.text(max_size=8), phrase=st.text(max_size=20))
def test_positions_lie_in_the_phrase_whatever_is_typed(typed: str, phrase: str) -> None:
    hit = match(typed, phrase)
    assert hit is None or all(0 <= position < len(phrase) for position in hit.positions)


@given(phrase=st.text(min_size=1, max_size=20))
def test_a_phrase_finds_itself(phrase: str) -> None:
    assert match(phrase, phrase) is not None
