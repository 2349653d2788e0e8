"""Tests of the list of models: what is read from headers, what a family's name means, special weights."""

import json
import struct

import pytest

from engine import catalog
from engine.cli import main
from engine.errors import UsageError


def add(folder, name, scale, *, architecture="ESC", **metadata):
    """Write a weights file of which only the header counts: one tensor of 6 numbers."""
    header = {
        "__metadata__": {"triptych": json.dumps({"architecture": architecture, "scale": scale}), **metadata},
        "w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    }
    text = json.dumps(header).encode()
    path = folder / f"{name}_x{scale}.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(24))
    return path


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """An empty folder in place of the bundled weights."""
    monkeypatch.setattr(catalog.resources, "path", lambda *_: tmp_path)
    return tmp_path


PHOTO = {"purpose": "photo, compressed", "description": "Takes artefacts away.", "psnr": '{"Set5 (JPEG 60)": 29.5}'}


def test_an_entry_is_read_from_the_header(bundled):
    path = add(bundled, "esc-photo", 2, **PHOTO)
    (entry,) = catalog.list_models()
    assert (entry.name, entry.scale, entry.path) == ("esc-photo", 2, path)
    assert (entry.family, entry.parameter_count, entry.source) == ("esc", 6, "bundled")
    assert (entry.purpose, entry.title, entry.description) == (
        "photo, compressed",
        "photo, compressed",
        "Takes artefacts away.",
    )
    assert entry.psnr == {"Set5 (JPEG 60)": 29.5}


def test_weights_for_any_picture_go_by_their_name(bundled):
    add(bundled, "esc-fast", 4)
    (entry,) = catalog.list_models()
    assert (entry.purpose, entry.title) == ("", "esc-fast")
    assert "Quick" in entry.description


def test_a_familys_name_means_its_best_weights_and_never_special_ones(bundled):
    add(bundled, "esc-photo", 2, **PHOTO)
    with pytest.raises(UsageError, match="no model 'esc'"):
        catalog.find_model("esc", None)
    assert catalog.scales_of("esc") == ()
    add(bundled, "esc-photo", 4, **PHOTO)
    add(bundled, "esc-fast", 2)
    assert catalog.find_model("esc", 2).name == "esc-fast"
    # x4 exists for photographs only: still not what `esc` means.
    with pytest.raises(UsageError, match="no weights for ×4"):
        catalog.find_model("esc", 4)
    add(bundled, "esc-light", 2)
    assert catalog.find_model("esc", 2).name == "esc-light"
    assert catalog.find_model("esc-photo", 4).name == "esc-photo"


def test_models_says_what_special_weights_are_for(bundled, capsys):
    add(bundled, "esc-photo", 2, **PHOTO)
    add(bundled, "esc-fast", 2)
    assert main(["models"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["esc-photo"].endswith("Set5 (JPEG 60) 29.50 dB (photo, compressed)")
    assert "photo," not in lines["esc-fast"]
    assert main(["models", "--json"]) == 0
    rows = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert rows["esc-photo"]["purpose"] == "photo, compressed"
    assert rows["esc-fast"]["purpose"] == ""


def test_a_file_that_is_no_model_is_left_out(bundled):
    (bundled / "broken_x2.safetensors").write_bytes(b"nothing")
    add(bundled, "stranger", 2, architecture="UNKNOWN")
    assert catalog.list_models() == []
