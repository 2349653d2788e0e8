"""Names of outputs, sizes, templates: what needs no process."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import OutputError, UsageError
from engine.jobs import target_size
from engine.messages import ImageInfo
from engine.outputs import (
    check_template,
    default_encode_options,
    extension_for,
    is_inside,
    output_path,
    safe_name,
)


def info(**changes: object) -> ImageInfo:
    base = {"path": "a.png", "format": "png", "height": 10, "width": 20, "channels": 3, "bit_depth": 8}
    return ImageInfo(**(base | changes))  # type: ignore[arg-type]


def test_output_is_named_after_input_model_and_scale(tmp_path: Path) -> None:
    path = output_path(
        Path("in/photo.png"),
        tmp_path,
        "{name}_{model}_x{scale}",
        model="esc",
        scale=4,
        width=8,
        height=6,
        extension=".png",
    )
    assert path == tmp_path / "photo_esc_x4.png"


def test_template_knows_width_and_height(tmp_path: Path) -> None:
    path = output_path(
        Path("a.tif"), tmp_path, "{name} {width}x{height}", model="pft", scale=2, width=80, height=60, extension=".tif"
    )
    assert path.name == "a 80x60.tif"


@pytest.mark.parametrize("template", ["a/b", "..\\b", "{nam}", "{name", "{0}", "", " . ", "{name.parent}"])
def test_templates_that_cannot_be_are_refused(template: str) -> None:
    with pytest.raises(UsageError):
        check_template(template)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("con", "_con"),
        ("LPT1.tar", "_LPT1.tar"),
        ('a<b>:"c|?*', "a_b___c___"),
        ("trailing. ", "trailing"),
        ("...", "_"),
        ("line\nbreak", "line_break"),
        ("café ×2", "café ×2"),
        ("console", "console"),
    ],
)
def test_names_are_safe_on_every_system(name: str, expected: str) -> None:
    assert safe_name(name) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((400, None), (400, 200)),
        ((None, 100), (200, 100)),
        ((400, 100), (200, 100)),
        ((99, None), (99, 50)),
        ((1, None), (1, 1)),
    ],
)
def test_size_fits_and_keeps_proportions(size: tuple[int | None, int | None], expected: tuple[int, int]) -> None:
    assert target_size(200, 100, size) == expected


@pytest.mark.parametrize(
    ("format_name", "bit_depth", "expected"),
    [
        ("png", 16, "png"),
        ("jpeg", 8, "jpeg"),
        ("bmp", 8, "png"),
        ("gif", 8, "png"),
        ("heif", 16, "tiff"),
        ("webp", 8, "webp"),
    ],
)
def test_keep_writes_what_came_in_or_the_nearest_that_loses_nothing(
    format_name: str, bit_depth: int, expected: str
) -> None:
    options = default_encode_options(info(format=format_name, bit_depth=bit_depth))
    assert (options.format, options.bit_depth) == (expected, bit_depth)


def test_16_bit_into_jpeg_is_refused_with_what_can_hold_it() -> None:
    from engine.imaging.formats import check_output

    options = default_encode_options(info(bit_depth=16), "jpeg")
    with pytest.raises(OutputError) as caught:
        check_output(options.format, options.bit_depth, 10, 10)
    assert "TIFF" in caught.value.hint


def test_a_folder_contains_itself_and_what_is_below_it(tmp_path: Path) -> None:
    assert is_inside(tmp_path, tmp_path)
    assert is_inside(tmp_path / "a" / "b", tmp_path)
    assert not is_inside(tmp_path.parent / (tmp_path.name + "x"), tmp_path)


@pytest.mark.parametrize(
    ("name", "format_name", "expected"),
    [("a.jpeg", "jpeg", ".jpeg"), ("A.PNG", "png", ".png"), ("a.tiff", "png", ".png"), ("a", "tiff", ".tif")],
)
def test_the_inputs_own_extension_is_kept_where_it_fits_the_format(name: str, format_name: str, expected: str) -> None:
    assert extension_for(format_name, Path(name)) == expected
