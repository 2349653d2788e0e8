"""Recognises a sentence of the engine by its pattern and says it in the window's words. Imports QtCore."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from string import Formatter

from PySide6.QtCore import QCoreApplication

# What stands for these is a name, whatever it reads like.
_NAMES = frozenset({"name", "file", "folder", "path", "stem", "source", "target", "template", "key", "member", "code"})
# How the engine joins several phrases to one.
_JOINTS = ("; ", ", ")


@dataclass(frozen=True)
class Pattern:
    """How a sentence begins, goes on and ends, and what stands between; `words`: what the window says instead."""

    literals: tuple[str, ...]
    fields: tuple[str, ...]
    words: str

    @classmethod
    def of(cls, text: str, words: str) -> Pattern:
        """Reads a pattern of the table."""
        literals, fields = [""], []
        for literal, field, _, _ in Formatter().parse(text):
            literals[-1] += literal
            if field is not None:
                fields.append(field)
                literals.append("")
        return cls(tuple(literals), tuple(fields), words)

    @property
    def weight(self) -> int:
        """How many characters are its own: of two that fit, the one that says more is meant."""
        return sum(map(len, self.literals))

    def match(self, sentence: str) -> dict[str, str] | None:
        """Returns what stands for each field, or None where the sentence does not follow the pattern."""
        # The regular expression is made for the few that may fit: most sentences are never met.
        if not (sentence.startswith(self.literals[0]) and sentence.endswith(self.literals[-1])):
            return None
        if not all(literal in sentence for literal in self.literals):
            return None
        found = re.fullmatch("(.+?)".join(map(re.escape, self.literals)), sentence, re.DOTALL)
        return None if found is None else dict(zip(self.fields, found.groups(), strict=True))


def _heaviest_first(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    return tuple(sorted(patterns, key=lambda pattern: -pattern.weight))


@cache
def _sentences() -> tuple[Pattern, ...]:
    # Not above, here and below: the window is painted before the engine says anything, and the table takes some milliseconds.
    from app.sentences.table import REWORDED, SENTENCES

    return _heaviest_first(Pattern.of(text, REWORDED.get(text, text)) for text in (*SENTENCES, *REWORDED))


@cache
def _phrases() -> tuple[Pattern, ...]:
    """Returns what may stand for a field: a phrase, or a whole sentence."""
    from app.sentences.table import PHRASES

    return _heaviest_first((*_sentences(), *(Pattern.of(text, text) for text in PHRASES)))


def in_window(sentence: str) -> str:
    """Returns a sentence of the engine as the window says it; one that is not known, or is the window's own, as it is."""
    return _said(sentence, _sentences()) or sentence


def _said(text: str, patterns: Iterable[Pattern]) -> str:
    for pattern in patterns:
        values = pattern.match(text)
        if values is not None:
            words = QCoreApplication.translate("engine", pattern.words)
            return words.format(**{field: _value(field, value) for field, value in values.items()})
    return ""


def _value(field: str, value: str) -> str:
    if field in _NAMES:
        return value
    said = _said(value, _phrases())
    if said:
        return said
    joint = next((joint for joint in _JOINTS if joint in value), None)
    return value if joint is None else joint.join(_said(part, _phrases()) or part for part in value.split(joint))
