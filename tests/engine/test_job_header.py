"""The header of a job: read back as written, refused when damaged or foreign, and a judge of inputs that changed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.canvas import RasterRef, create_raster, raster_crc
from engine.job_header import Conditions, HeaderError, InputFile, JobHeader
from engine.tiling.geometry import plan_tiles

CONDITIONS = Conditions(
    "fp32",
    "cpu",
    2,
    False,
    {"window_attention": "sdpa"},
    "a processor",
    {"torch": "2.13.0", "triton": "3.9.0", "triptych": "0.2.0"},
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RasterRef:
    reference = RasterRef(str(tmp_path_factory.mktemp("job") / "input.raw"), 50, 60, 3, "uint16")
    create_raster(reference)[:] = np.random.default_rng(1).integers(0, 65536, (50, 60, 3))
    return reference


@pytest.fixture(scope="module")
def header(source: RasterRef) -> JobHeader:
    path = Path(source.path).with_name("photo.png")
    path.write_bytes(b"a photograph")
    return JobHeader.begin(
        plan_tiles(50, 60, tile_px=32, overlap_px=8, window_px=8),
        source,
        window_px=8,
        scale=3,
        weights="/models/esc.safetensors",
        weights_sha256="ab" * 32,
        model="esc-fast",
        conditions=CONDITIONS,
        input_file=InputFile.of(path),
        client={"output": "/out/ö.png", "options": {"quality": None, "tile": 480}, "list": [1, 2.5, "x", True]},
    )


@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.none() | st.integers(48, 600),
    st.integers(0, 64),
    st.sampled_from([1, 8, 16]),
)
def test_every_plan_is_taken_up_as_it_was(
    header: JobHeader, height: int, width: int, tile_px: int | None, overlap_px: int, window_px: int
) -> None:
    plan = plan_tiles(height, width, tile_px=tile_px, overlap_px=overlap_px, window_px=window_px)
    written = replace(header, rows=plan.rows, columns=plan.columns, tile_px=plan.tile_px, overlap_px=plan.overlap_px)
    read = JobHeader.from_bytes(written.to_bytes())
    assert read == written
    assert read.plan() == plan
    assert read.stamp == written.stamp


def test_it_names_its_rasters(header: JobHeader, source: RasterRef) -> None:
    assert header.source(Path(source.path)) == source
    assert header.canvas(Path("/c")) == RasterRef(str(Path("/c")), 150, 180, 3, "float32")


def test_a_job_that_begins_again_has_another_stamp(header: JobHeader, source: RasterRef) -> None:
    stamps = set()
    for _ in range(3):
        again = JobHeader.begin(
            header.plan(), source, window_px=8, scale=3, weights=header.weights, weights_sha256=header.weights_sha256,
            model=header.model, conditions=CONDITIONS, input_file=header.input, client=header.client,
        )  # fmt: skip
        assert replace(again, run_id=header.run_id) == header
        stamps.add(again.stamp)
    assert len(stamps) == 3


def test_any_damaged_byte_and_any_cut_is_found(header: JobHeader) -> None:
    data = header.to_bytes()
    for position in range(len(data)):
        with pytest.raises(HeaderError):
            JobHeader.from_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        with pytest.raises(HeaderError, match="damaged"):
            JobHeader.from_bytes(data[:position])


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\0" * 800, b'{"format_version": 1}', b"\xff"])
def test_what_is_no_header_is_refused(data: bytes) -> None:
    with pytest.raises(HeaderError, match="damaged") as caught:
        JobHeader.from_bytes(data)
    assert not caught.value.is_foreign


def test_another_format_version_is_refused_as_such(header: JobHeader) -> None:
    document = json.loads(header.to_bytes()) | {"format_version": 2}
    with pytest.raises(HeaderError, match="another version of Triptych") as caught:
        JobHeader.from_bytes(json.dumps(document).encode())
    assert caught.value.is_foreign


def test_a_plan_that_does_not_fit_together_is_refused(header: JobHeader) -> None:
    rows = header.rows
    for wrong in (
        replace(rows, spans=rows.spans[1:]),
        replace(rows, spans=rows.spans[:-1]),
        replace(rows, spans=(replace(rows.spans[0], tiles=(9,)), *rows.spans[1:])),
        replace(rows, spans=(replace(rows.spans[0], tiles=(1,)), *rows.spans[1:])),
        replace(rows, tiles=()),
    ):
        with pytest.raises(HeaderError, match="does not make a plan"):
            JobHeader.from_bytes(replace(header, rows=wrong).to_bytes())


def test_an_input_that_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * 3_000_000)
    taken = InputFile.of(path)
    assert taken.path == str(path)
    monkeypatch.setattr("engine.job_header._sha256", lambda path: pytest.fail("the file was read"))
    assert taken.matches(path)
    path.write_bytes(b"x" * 2_999_999)
    assert not taken.matches(path)
    path.unlink()
    assert not taken.matches(path)


def test_an_input_with_another_time_is_judged_by_its_content(header: JobHeader, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * 1_500_000)
    header = replace(header, input=InputFile.of(path))
    os.utime(path, ns=(1, 1))
    assert header.matches_input(path)
    path.write_bytes(b"x" * 1_499_999 + b"y")
    os.utime(path, ns=(1, 1))
    assert not header.matches_input(path)


def test_conditions_say_what_differs() -> None:
    assert CONDITIONS.differences(replace(CONDITIONS)) == ()
    now = replace(
        CONDITIONS, threads=4, backend={"window_attention": "triton"}, versions={"torch": "2.14.0", "new": "1"}
    )
    assert CONDITIONS.differences(now) == (
        "the number of threads was 2 and is 4",
        "the backend of window_attention was sdpa and is triton",
        "torch was 2.13.0 and is 2.14.0",
        "triptych was 0.2.0 and is absent",
        "triton was 3.9.0 and is absent",
        "new was absent and is 1",
    )
    assert CONDITIONS.differences(replace(CONDITIONS, device_type="cuda", device_name="")) == (
        "the device was cpu a processor and is cuda",
    )


def test_a_decoded_input_that_lost_a_page_is_noticed(header: JobHeader, source: RasterRef, tmp_path: Path) -> None:
    copy = tmp_path / "input.raw"
    data = Path(source.path).read_bytes()
    copy.write_bytes(data)
    assert header.source_holds(copy)
    copy.write_bytes(data[:4096] + bytes(4096) + data[8192:])
    assert not header.source_holds(copy)
    copy.write_bytes(data[:-1])
    assert not header.source_holds(copy)
    copy.unlink()
    assert not header.source_holds(copy)
    assert raster_crc(header.source(copy)) == -1


def test_free_values_of_the_client_must_be_plain(header: JobHeader) -> None:
    with pytest.raises(TypeError):
        replace(header, client={"path": Path("x")}).to_bytes()
