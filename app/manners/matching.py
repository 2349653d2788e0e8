"""How well a few typed letters fit a phrase. Imports the standard library only.

Every word that was typed must be found: as the beginning of a word of the phrase, else as its initials ("sa" in "Save as"), else
somewhere inside a word, else as letters in that order. Case and accents do not count.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# The four ways to be found, the best first: a hit in the next way never outweighs one in the way before.
_BEGINNING, _INITIALS, _INSIDE, _SCATTERED = 1000, 700, 400, 100


@dataclass(frozen=True)
class Match:
    """How well it fits (more is better), and which characters of the phrase were meant."""

    score: int
    positions: frozenset[int]


def match(typed: str, phrase: str, *, scattered: bool = True) -> Match | None:
    """Returns how `typed` fits `phrase`, or None where one of its words is not found; an empty `typed` fits everything.

    `scattered`: letters in that order are enough, wherever they are; in a long phrase nearly everything would be found so.
    """
    folded = _folded(phrase)
    score, positions = 0, set[int]()
    for word in _folded(typed).split():
        found = _find(word, folded, scattered)
        if found is None:
            return None
        points, places = found
        score += points - min(places)
        positions.update(places)
    # Of two phrases that fit alike, the shorter one was meant.
    return Match(score - len(folded) if positions else 0, frozenset(positions))


def _folded(text: str) -> str:
    """Returns the text in lower case without accents, one character for each of `text`."""
    return "".join(_folded_character(character) for character in text)


def _folded_character(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character.casefold())
    # ß becomes "ss" and × stays: where a character has no single plain one, it stands for itself.
    base = "".join(each for each in plain if not unicodedata.combining(each))
    return base if len(base) == 1 else character.lower()[:1]


def _find(word: str, phrase: str, may_scatter: bool) -> tuple[int, Sequence[int]] | None:
    starts = list(_word_starts(phrase))
    for start in starts:
        if phrase.startswith(word, start):
            return _BEGINNING, range(start, start + len(word))
    initials = _in_order(word, phrase, starts)
    if initials is not None:
        return _INITIALS, initials
    inside = phrase.find(word)
    if inside >= 0:
        return _INSIDE, range(inside, inside + len(word))
    # Letters scattered over a phrase mean something from three on; below that nearly everything would fit.
    scattered = _in_order(word, phrase, range(len(phrase))) if may_scatter and len(word) > 2 else None
    return None if scattered is None else (_SCATTERED - (scattered[-1] - scattered[0]), scattered)


def _word_starts(phrase: str) -> Iterator[int]:
    for index, character in enumerate(phrase):
        if not character.isspace() and (index == 0 or not (phrase[index - 1].isalnum() and character.isalnum())):
            yield index


def _in_order(word: str, phrase: str, places: Sequence[int]) -> list[int] | None:
    """Returns where the letters of `word` stand at these places of the phrase, in order."""
    found: list[int] = []
    rest = iter(places)
    for letter in word:
        place = next((each for each in rest if phrase[each] == letter), None)
        if place is None:
            return None
        found.append(place)
    return found
