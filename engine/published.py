"""The papers' own figures, to stand beside what is measured here: plain facts, no code of theirs.

PSNR in dB and SSIM on the Y channel, `scale` pixels cut, as the repositories of ESC (dslisleedh/ESC) and PFT
(LabShuHangGU/PFT-SR) print them for training on DIV2K; the figures of ESC were taken with the image reflect-padded to a
multiple of the window. Two SSIM values that are misprints there are left out. Our SSCAN has no published figures: its
configuration is our own. Imports the standard library only.
"""

from dataclasses import dataclass

__all__ = ["Published", "published_figure"]

_SETS = ("Set5", "Set14", "B100", "Urban100", "Manga109")
_Row = tuple[tuple[float, float | None], ...]
_FIGURES: dict[tuple[str, int], _Row] = {
    ("esc", 2): ((38.35, 0.9619), (34.11, 0.9223), (32.41, 0.9027), (33.46, 0.9395), (39.54, 0.9790)),
    ("esc", 3): ((34.84, 0.9308), (30.74, 0.8493), (29.34, 0.8118), (29.28, 0.8739), (34.66, 0.9512)),
    ("esc", 4): ((32.68, 0.9011), (28.93, 0.7902), (27.80, 0.7447), (27.07, 0.8144), (31.54, 0.9207)),
    ("esc-light", 2): ((38.24, 0.9615), (33.98, 0.9211), (32.35, 0.9020), (33.05, 0.9363), (39.33, 0.9786)),
    ("esc-light", 3): ((34.61, 0.9295), (30.52, 0.8475), (29.26, 0.8102), (28.93, 0.8679), (34.33, 0.9495)),
    ("esc-light", 4): ((32.52, 0.8995), (28.87, 0.7878), (27.72, 0.7423), (26.76, 0.8058), (31.26, 0.9173)),
    ("esc-fp", 2): ((38.27, 0.9617), (34.09, 0.9219), (32.37, 0.9022), (33.22, 0.9375), (39.40, 0.9784)),
    ("esc-fp", 3): ((34.72, 0.9300), (30.67, 0.8483), (29.30, 0.8107), (29.12, 0.8706), (34.56, None)),
    ("esc-fp", 4): ((32.56, None), (28.87, 0.7889), (27.75, 0.7435), (26.90, 0.8098), (31.40, 0.9192)),
    ("pft", 2): ((38.68, 0.9635), (35.00, 0.9280), (32.67, 0.9058), (34.90, 0.9490), (40.49, 0.9815)),
    ("pft", 3): ((35.15, 0.9333), (31.16, 0.8561), (29.58, 0.8178), (30.56, 0.8931), (35.67, 0.9560)),
    ("pft", 4): ((33.15, 0.9065), (29.29, 0.7978), (28.02, 0.7527), (28.20, 0.8412), (32.63, 0.9306)),
    ("pft-light", 2): ((38.36, 0.9620), (34.20, 0.9233), (32.43, 0.9030), (33.67, 0.9411), (39.55, 0.9792)),
    ("pft-light", 3): ((34.82, 0.9305), (30.75, 0.8493), (29.33, 0.8116), (29.46, 0.8763), (34.61, 0.9509)),
    ("pft-light", 4): ((32.63, 0.9002), (28.97, 0.7899), (27.78, 0.7442), (27.20, 0.8171), (31.51, 0.9204)),
}
# What a configuration of our own is held against: the smallest published one of its architecture.
_NEAREST = {"ESC": "esc-light", "PFT": "pft-light"}


@dataclass(frozen=True)
class Published:
    """A figure of a paper: whose, and what it is."""

    variant: str
    psnr: float
    ssim: float | None


def published_figure(architecture: str, variant: str, scale: int, dataset: str) -> Published | None:
    """Return the paper's figure for a variant ("esc-light") on a set, for one of our own that of the nearest published.

    None where no paper states one. `dataset` is the name of its folder, in whatever case.
    """
    name = (
        variant if (variant, scale) in _FIGURES else _NEAREST.get(architecture) if variant.endswith("-custom") else None
    )
    row = _FIGURES.get((name, scale)) if name is not None else None
    index = next((i for i, each in enumerate(_SETS) if each.casefold() == dataset.casefold()), None)
    if row is None or name is None or index is None:
        return None
    psnr, ssim = row[index]
    return Published(name, psnr, ssim)
