"""Colours of the panel's layers and lines, dark and light. Imports `app.theme`.

The layers of one worker go from violet to blue; what is held but not used is the pale form of what is used. Lines that warn have
the colours of warnings.
"""

from __future__ import annotations

from typing import NamedTuple

from app.theme import Theme


class Inks(NamedTuple):
    """Layers (`other` to `cached`), lines (`total` to `peak`), and what lies around them."""

    other: str
    context: str
    weights: str
    activations: str
    cached: str
    total: str
    limit: str
    predicted: str
    peak: str
    stage: str
    grid: str
    text: str
    cursor: str


def inks_of(theme: Theme) -> Inks:
    """Returns the colours for the scheme in force."""
    c = theme.colours
    if theme.is_dark:
        layers = ("#4b4e56", "#9277cf", "#2fa58e", "#4c8df5", "#2a4a7a")
    else:
        layers = ("#bfc2c8", "#8466c4", "#23927d", "#2f6fd6", "#aecaf5")
    return Inks(*layers, c.muted, c.error, c.warning, c.text, c.stage, c.border, c.muted, c.text)
