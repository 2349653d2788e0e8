"""What the engine says is shown in the window's words and language, down to the parts it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.sentences import in_window
from app.theme import Theme
from app.widgets.notice import NoticeStack
from engine.errors import CheckpointError, Failure, InputError, TriptychError
from engine.imaging.header import inspect
from engine.models.checkpoint import load_checkpoint


def test_a_sentence_that_nobody_knows_stays_as_it_is(german: None) -> None:
    assert in_window("Something else: it is new.") == "Something else: it is new."
    assert in_window("") == ""


def test_in_english_a_hint_names_what_the_window_has() -> None:
    assert in_window("a.png is empty.") == "a.png is empty."
    assert in_window("Use --device cpu.") == "Choose the CPU in the settings."


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a b.png is empty.", "a b.png ist leer."),
        # The one that says more is meant.
        (
            "The folder /o cannot be made (Permission denied).",
            "Der Ordner /o kann nicht angelegt werden (keine Berechtigung).",
        ),
        (
            "The folder for working images, /c, cannot be written (Read-only file system).",
            "Der Ordner für Arbeitsbilder, /c, ist nicht beschreibbar (das Dateisystem ist schreibgeschützt).",
        ),
        # A name is a name, whatever it reads like.
        (
            "read cannot be written (Disk quota exceeded).",
            "read kann nicht geschrieben werden (das Kontingent ist ausgeschöpft).",
        ),
        (
            "The worker died twice in tile 3 of 9. The worker process ended unexpectedly (killed by SIGKILL).",
            "Der Rechenprozess endete zweimal in Kachel 3 von 9. Der Rechenprozess endete unerwartet (durch SIGKILL).",
        ),
        (
            "The whole image at once would take 3 GiB: more than is free, so tiles of 256 pixels are used.",
            "Das ganze Bild auf einmal brauchte 3 GiB: mehr, als frei ist, darum werden Kacheln von 256 Bildpunkten genommen.",
        ),
        (
            "It was interrupted under other conditions (the ensemble was on and is off): it was upscaled from the start.",
            "Es wurde unter anderen Bedingungen unterbrochen (Ensemble: vorher an, jetzt aus): Es wurde von vorn vergrößert.",
        ),
        ("PNG, TIFF or WebP can hold it.", "PNG, TIFF oder WebP fasst es."),
        ("PNG can hold it.", "PNG fasst es."),
        (
            "Done differently (smaller tiles, fp32): tile 2 of 9.",
            "Anders gerechnet (kleinere Kacheln, fp32): Kachel 2 von 9.",
        ),
        (
            "It may use {name}, {model}, {scale}, {width} and {height}.",
            "Sie darf {name}, {model}, {scale}, {width} und {height} enthalten.",
        ),
    ],
)
def test_its_parts_are_translated_and_its_values_kept(german: None, said: str, shown: str) -> None:
    assert in_window(said) == shown


def _refusal(error: type[TriptychError], call: object, path: Path) -> str:
    assert callable(call)
    with pytest.raises(error) as raised:
        call(str(path))
    return in_window(raised.value.message)


def test_what_a_real_file_is_refused_with(german: None, tmp_path: Path) -> None:
    image = tmp_path / "Foto.png"
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(30))
    assert _refusal(InputError, inspect, tmp_path / "fehlt.png") == "fehlt.png gibt es nicht."
    refused = _refusal(InputError, inspect, image)
    assert refused.startswith("Foto.png ist beschädigt oder abgeschnitten und lässt sich nicht als PNG lesen (")
    weights = tmp_path / "netz.safetensors"
    weights.write_bytes(b"abc")
    assert _refusal(CheckpointError, load_checkpoint, weights) == "netz.safetensors ist zu kurz für einen Checkpoint."
    import torch
    from safetensors.torch import save_file

    save_file({"layer.weight": torch.zeros(2)}, str(weights))
    assert (
        _refusal(CheckpointError, load_checkpoint, weights)
        == "netz.safetensors: keine bekannte Architektur hat diese Schlüssel (layer.weight ...)."
    )


def test_a_notice_speaks_german_and_its_report_keeps_the_original(german: None, qtbot: QtBot, theme: Theme) -> None:
    stack = NoticeStack(theme)
    qtbot.addWidget(stack)
    failure = Failure("InputError", "a.png is empty.", "Copy or download the file again.")
    stack.show_failure(failure, failure.hint)
    stack.show_warning_of("b.jpg", "CMYK became sRGB through its own profile.")
    warning, error = stack.notices
    assert error.report.startswith("a.png ist leer.")
    assert "Kopieren oder laden Sie die Datei noch einmal." in error.report
    assert "a.png is empty." in error.report
    assert "b.jpg: Aus CMYK wurde sRGB, nach seinem eigenen Profil." in warning.report
