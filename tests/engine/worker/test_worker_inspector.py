"""The attention inspector tells what the network did: its own windows, tokens and kernels, of its own forward pass."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import kernels
from engine import catalog, messages
from engine.attention import Attention, KernelsFound, Numbers, TokensFound, WindowsFound, tile_around
from engine.canvas import RasterRef, create_raster
from engine.client import Engine
from engine.errors import HostMemoryError, NotFiniteError, OutOfMemoryError
from engine.models import esc, pft, sscan
from engine.models.layers import symmetrise
from engine.tiling.geometry import Box
from engine.worker import inspector
from engine.worker.cancel import CancelToken
from engine.worker.inspector import inspect_attention, whole_kernel
from engine.worker.session import Session, session_key

SAMPLE = Path(__file__).parents[3] / "resources" / "samples" / "sample.png"
GOLDEN = Path(__file__).parents[2] / "data" / "golden"
SETTINGS = messages.UpscaleSettings(device="cpu")
Look = Callable[..., tuple[Attention, nn.Module]]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RasterRef:
    """A part of the sample whose sides are no multiples of a window."""
    pixel_hwc = cv2.imread(str(SAMPLE))[60:128, 90:191, ::-1]
    reference = RasterRef(str(tmp_path_factory.mktemp("rasters") / "source"), *pixel_hwc.shape, "uint8")
    create_raster(reference)[:] = pixel_hwc
    return reference


@pytest.fixture(scope="module")
def session_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Session]:
    """Loads a bundled model, or the weights of a golden case, once."""
    sessions: dict[str, Session] = {}

    def load(name: str) -> Session:
        if name not in sessions:
            model = golden(name, tmp_path_factory.mktemp(name)) if (GOLDEN / name).exists() else bundled(name)
            sessions[name] = Session(model, SETTINGS, session_key(model, SETTINGS), 0, CancelToken())
        return sessions[name]

    return load


def bundled(name: str) -> messages.ModelRequest:
    return messages.ModelRequest(str(catalog.find_model(name, 2).path), 2)


def golden(name: str, folder: Path) -> messages.ModelRequest:
    """Returns the weights of a golden case, with their configuration beside them."""
    shutil.copy(GOLDEN / name / "weights.pth", folder)
    meta = json.loads((GOLDEN / name / "meta.json").read_text(encoding="utf-8"))
    configuration = {"architecture": meta["architecture"], "arguments": meta["constructor"], "scale": meta["scale"]}
    (folder / "weights.json").write_text(json.dumps(configuration), encoding="utf-8")
    return messages.ModelRequest(str(folder / "weights.pth"))


@pytest.fixture
def look(source: RasterRef, session_of: Callable[[str], Session]) -> Look:
    """Looks into a model from a pixel, and returns the network too."""

    def look(name: str, x: int, y: int, most_px: int = 256, **settings: Any) -> tuple[Attention, nn.Module]:
        session = session_of(name)
        request = messages.InspectAttention(
            7, messages.ModelRequest(""), messages.UpscaleSettings(**settings), source, x, y, most_px
        )
        done = inspect_attention(request, session)
        assert (done.epoch, done.prepared.device) == (7, "cpu")
        # Nothing of it stays behind.
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in session.module().modules())
        return done.attention, session.module()

    return look


def array(numbers: Numbers) -> np.ndarray:
    return np.frombuffer(numbers.data, dtype={"int32": "<i4", "float32": "<f4"}[numbers.dtype]).reshape(numbers.shape)


def copied(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """ESC writes into what it gave away."""
    return tuple(each.clone() if isinstance(each, Tensor) else each for each in inputs)


def run_and_record(network: nn.Module, kind: type[nn.Module], source: RasterRef, tile: Box) -> list[tuple[Any, Any]]:
    """Runs the network on a tile by itself and returns what each module of a kind was given and answered."""
    met: list[tuple[Any, Any]] = []
    handles = [
        module.register_forward_hook(lambda _module, inputs, out: met.append((copied(inputs), out)))
        for module in network.modules()
        if isinstance(module, kind)
    ]
    pixel_hwc = np.memmap(source.path, np.uint8, "r", shape=(source.height, source.width, source.channels))
    image = torch.from_numpy(np.array(pixel_hwc[tile.slices], np.float32) / 255).permute(2, 0, 1)[None]
    with torch.inference_mode():
        network(image)
    for handle in handles:
        handle.remove()
    return met


# The tile


@pytest.mark.parametrize("window_px", [8, 16, 32, 48])
def test_a_tile_holds_the_pixel_begins_on_a_window_and_is_bounded(window_px: int) -> None:
    for height, width in [(1, 1), (255, 256), (257, 300), (1000, 700)]:
        for y in {0, height // 3, height - 1}:
            for x in {0, width // 2, width - 1}:
                tile = tile_around(x, y, height, width, window_px)
                assert tile.top <= y < tile.bottom <= height
                assert tile.left <= x < tile.right <= width
                assert tile.top % window_px == tile.left % window_px == 0
                assert max(tile.height, tile.width) <= 256
                # As much context as there is, but for less than a window where the image ends.
                assert tile.height > min(height, 256) - 2 * window_px
                assert tile.width > min(width, 256) - 2 * window_px


def test_a_pixel_in_the_middle_is_in_the_middle_of_its_tile() -> None:
    tile = tile_around(500, 400, 1000, 1000, 8)
    assert abs(tile.left + tile.width / 2 - 500) <= 8
    assert abs(tile.top + tile.height / 2 - 400) <= 8


def test_a_pixel_beyond_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        tile_around(100, 0, 50, 100, 8)


def test_numbers_that_do_not_fill_their_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        Numbers((2, 3), "float32", bytes(20))


# SSCAN


@pytest.mark.parametrize(("x", "y", "most_px"), [(50, 30, 256), (100, 67, 256), (0, 0, 48), (77, 41, 40)])
def test_sscan_reads_the_windows_that_the_routing_selects(
    look: Look, source: RasterRef, x: int, y: int, most_px: int
) -> None:
    attention, network = look("sscan-fast", x, y, most_px)
    found, tile = attention.found, attention.tile
    assert isinstance(found, WindowsFound)
    assert isinstance(network, sscan.SSCAN)
    routed = run_and_record(network, sscan.WindowSelection, source, tile)
    assert len(found.steps) == len(routed) == 9
    assert [(step.block, step.layer) for step in found.steps] == [(b, n) for b in range(3) for n in range(3)]
    columns = -(-tile.width // 8)
    query = (y - tile.top) // 8 * columns + (x - tile.left) // 8
    for step, ((q, k), _) in zip(found.steps, routed, strict=True):
        assert step.query.top <= y < step.query.bottom
        assert step.query.left <= x < step.query.right
        assert step.windows == q.shape[1] == columns * -(-tile.height // 8)
        chosen = kernels.select_windows(q, k, 4)[0, query].tolist()
        corners = [(tile.top + index // columns * 8, tile.left + index % columns * 8) for index in chosen]
        assert [(box.top, box.left) for box in step.selected] == corners
        for box in (step.query, *step.selected):
            assert box.bottom == min(box.top + 8, source.height)
            assert box.right == min(box.left + 8, source.width)


# PFT


def tokens_of(look: Look, name: str, x: int, y: int, most_px: int = 256) -> tuple[Attention, TokensFound, nn.Module]:
    attention, network = look(name, x, y, most_px)
    assert isinstance(attention.found, TokensFound)
    return attention, attention.found, network


COUNTS = {"pft-fast": [256, 256, 64, 64, 32, 32], "pft_light_tiny_x2": [64, 64, 32, 32, 32, 32, 16, 16]}


@pytest.mark.parametrize("name", list(COUNTS))
@pytest.mark.parametrize(("x", "y"), [(50, 30), (0, 0), (100, 67), (95, 66)])
def test_pft_keeps_fewer_and_fewer_tokens_each_among_those_before(look: Look, name: str, x: int, y: int) -> None:
    attention, found, network = tokens_of(look, name, x, y)
    assert isinstance(network, pft.PFT)
    assert [step.count for step in found.steps] == COUNTS[name]
    assert [step.is_shifted for step in found.steps] == [False, True] * (len(found.steps) // 2)
    assert found.window_tokens == attention.window_px**2 == COUNTS[name][0]
    for is_shifted in (False, True):
        steps = [step for step in found.steps if step.is_shifted == is_shifted]
        for before, after in itertools.pairwise(steps):
            assert before.windows == after.windows
            for head in range(before.weights.shape[0]):
                earlier, later = (
                    {tuple(each) for each in array(step.positions)[head].tolist()} for step in (before, after)
                )
                assert len(later) == after.count
                assert later <= earlier
    for step in found.steps:
        # The window holds the pixel, and every survivor that is not padding lies in it.
        assert any(box.top <= y < box.bottom and box.left <= x < box.right for box in step.windows)
        for row, column in array(step.positions).reshape(-1, 2).tolist():
            if row < source_height(attention) and column < source_width(attention):
                assert any(box.top <= row < box.bottom and box.left <= column < box.right for box in step.windows)
        assert (array(step.weights) >= 0).all()


def source_height(attention: Attention) -> int:
    return attention.tile.bottom


def source_width(attention: Attention) -> int:
    return attention.tile.right


@pytest.mark.parametrize(("x", "y"), [(50, 30), (3, 2), (99, 66)])
def test_pfts_weights_are_those_that_the_layer_multiplies_with_v(
    look: Look, source: RasterRef, x: int, y: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weighted sum of `v` at the positions told is what the operator returned for the pixel."""
    attention, found, network = tokens_of(look, "pft-fast", x, y)
    calls: list[tuple[Tensor, Tensor]] = []
    operator = kernels.focused_attention

    def spy(q: Tensor, k: Tensor, v: Tensor, *rest: Any, **options: Any) -> Any:
        out, state = operator(q, k, v, *rest, **options)
        calls.append((v.clone(), out.clone()))
        return out, state

    monkeypatch.setattr(kernels, "focused_attention", spy)
    run_and_record(network, pft.Layer, source, attention.tile)
    assert len(calls) == len(found.steps)
    height, width = (-(-side // 16) * 16 for side in (attention.tile.height, attention.tile.width))
    for step, (v, out) in zip(found.steps, calls, strict=True):
        shift = 8 if step.is_shifted else 0

        def place(row: Any, column: Any, shift: int = shift) -> tuple[Any, Any]:
            """Window and token of a pixel of the tile in the layer's rolled map."""
            row, column = (row - shift) % height, (column - shift) % width
            return row // 16 * (width // 16) + column // 16, row % 16 * 16 + column % 16

        window, token = place(y - attention.tile.top, x - attention.tile.left)
        positions, weights = array(step.positions), array(step.weights)
        for head in range(2):
            windows, keys = place(
                positions[head, :, 0] - attention.tile.top, positions[head, :, 1] - attention.tile.left
            )
            assert (windows == window).all()
            total = weights[head] @ v[window, head].numpy()[keys]
            np.testing.assert_allclose(total, out[window, head, token].numpy(), rtol=0, atol=2e-5)


def test_a_shifted_window_of_pft_goes_on_at_the_other_side_of_the_tile(look: Look) -> None:
    attention, found, _ = tokens_of(look, "pft-fast", 2, 3, 64)
    assert attention.tile == Box(0, 0, 64, 64)
    shifted = next(step for step in found.steps if step.is_shifted)
    assert set(shifted.windows) == {Box(0, 0, 8, 8), Box(0, 56, 8, 8), Box(56, 0, 8, 8), Box(56, 56, 8, 8)}
    # While it is masked, what lies there counts for nothing.
    rows = array(shifted.positions)[0]
    far = (rows > 8).any(axis=1)
    assert far.sum() == 192
    assert array(shifted.weights)[0][far].max() < 1e-20


# ESC


@pytest.mark.parametrize("name", ["esc-fast", "esc_tiny_x4_useln"])
def test_escs_sum_of_kernels_is_what_the_convolution_uses(look: Look, source: RasterRef, name: str) -> None:
    attention, network = look(name, 50, 30)
    found = attention.found
    assert isinstance(found, KernelsFound)
    assert found.mixes
    assert isinstance(network, esc.ESC)
    static = symmetrise(network.plk_filter)
    channels = static.shape[0]
    shared = array(found.shared)
    np.testing.assert_array_equal(shared, [static[c, c].numpy() for c in range(channels)])
    met = run_and_record(network, esc.SharedLargeKernel, source, attention.tile)
    assert len(found.steps) == len(met)
    assert len({step.dynamic.data for step in found.steps}) > 1
    for step, ((x_bphw, _), out) in zip(found.steps, met, strict=True):
        whole = whole_kernel(static, torch.from_numpy(array(step.dynamic).copy()))
        torch.testing.assert_close(functional.conv2d(x_bphw, whole, padding=6), out, rtol=1e-4, atol=1e-5)
        total = shared.copy()
        total[:, 5:8, 5:8] += array(step.dynamic)
        np.testing.assert_allclose(total, [whole[c, c].numpy() for c in range(channels)], atol=1e-7)
        np.testing.assert_allclose(array(step.strength), np.sqrt((whole.numpy() ** 2).sum(axis=(0, 1))), rtol=1e-5)


def test_esc_fps_sum_of_kernels_is_what_the_convolution_uses(look: Look, source: RasterRef) -> None:
    attention, network = look("escfp_tiny_x2", 50, 30)
    found = attention.found
    assert isinstance(found, KernelsFound)
    assert not found.mixes
    assert isinstance(network, esc.ESCFP)
    shared = torch.from_numpy(array(found.shared).copy())
    torch.testing.assert_close(shared, network.lk_spatial[:, 0])
    met = run_and_record(network, esc.FactoredLargeKernel, source, attention.tile)
    assert len(found.steps) == len(met)
    for step, ((x_bphw, _), out) in zip(found.steps, met, strict=True):
        total = shared.clone()
        total[:, 5:8, 5:8] += torch.from_numpy(array(step.dynamic).copy())
        mixed = functional.conv2d(x_bphw, network.lk_channel)
        made = functional.conv2d(mixed, total[:, None], padding=6, groups=shared.shape[0])
        torch.testing.assert_close(made, out, rtol=1e-4, atol=1e-5)
        # The kernel of channel c from channel d is mix[c, d] * spatial[c].
        pairs = network.lk_channel[:, :, 0, 0, None, None] * total[:, None]
        np.testing.assert_allclose(array(step.strength), pairs.square().sum(dim=(0, 1)).sqrt().numpy(), rtol=1e-4)


# All of them


@pytest.mark.parametrize("name", ["sscan-fast", "pft-fast", "esc-fast", "escreal_tiny_x4", "pft_light_tiny_x2"])
@pytest.mark.parametrize(("x", "y", "most_px"), [(0, 0, 32), (100, 67, 256)])
def test_every_architecture_can_be_looked_into_in_every_corner(
    look: Look, name: str, x: int, y: int, most_px: int
) -> None:
    attention, _ = look(name, x, y, most_px)
    assert attention.architecture.lower().startswith(name[:3].lower())
    assert len(attention.found.steps) > 0
    assert (attention.x, attention.y) == (x, y)


def test_the_backend_asked_for_serves_and_changes_next_to_nothing(look: Look) -> None:
    _, usual, _ = tokens_of(look, "pft-fast", 50, 30)
    attention, _ = look("pft-fast", 50, 30, backend="reference")
    assert isinstance(attention.found, TokensFound)
    for ours, theirs in zip(usual.steps[:3], attention.found.steps, strict=False):
        np.testing.assert_allclose(
            np.sort(array(ours.weights), axis=-1), np.sort(array(theirs.weights), axis=-1), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_grey_and_alpha_are_looked_into_as_the_network_sees_them(
    session_of: Callable[[str], Session], tmp_path: Path, channels: int
) -> None:
    reference = RasterRef(str(tmp_path / "source"), 24, 32, channels, "uint16")
    create_raster(reference)[:] = np.random.default_rng(1).integers(0, 65536, (24, 32, channels), dtype=np.uint16)
    request = messages.InspectAttention(1, messages.ModelRequest(""), SETTINGS, reference, 5, 6)
    found = inspect_attention(request, session_of("sscan-fast")).attention.found
    # One pass: that of the colours.
    assert len(found.steps) == 9


def test_damaged_weights_are_told_in_words(source: RasterRef) -> None:
    model = bundled("sscan-fast")
    session = Session(model, SETTINGS, session_key(model, SETTINGS), 0, CancelToken())
    with torch.no_grad():
        next(session.module().parameters()).fill_(torch.nan)
    with pytest.raises(NotFiniteError, match="not finite"):
        inspect_attention(messages.InspectAttention(1, model, SETTINGS, source, 5, 6), session)


def test_where_memory_is_short_a_gpu_looks_at_less_and_a_cpu_says_so(
    source: RasterRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    fits_px = 64

    def look(_request: Any, _session: Any, most_px: int) -> str:
        tried.append(most_px)
        if most_px > fits_px:
            raise torch.OutOfMemoryError("no room")
        return "found"

    monkeypatch.setattr(inspector, "_look", look)
    request = messages.InspectAttention(1, messages.ModelRequest(""), SETTINGS, source, 5, 6)

    def session_on(device: str) -> Any:
        return SimpleNamespace(device=device, info=SimpleNamespace(window_px=16), prepared=lambda _epoch: None)

    assert inspect_attention(request, session_on("cuda:0")).attention == "found"
    assert tried == [256, 128, 64]
    fits_px = 0
    with pytest.raises(OutOfMemoryError, match="cuda:0 has not enough memory"):
        inspect_attention(request, session_on("cuda:0"))
    with pytest.raises(HostMemoryError, match="not enough memory"):
        inspect_attention(request, session_on("cpu"))


def test_the_engine_answers_from_the_worker(engine: Engine, source: RasterRef) -> None:
    model = bundled("sscan-fast")
    done = engine.inspect_attention(source, model, SETTINGS, 40, 20)
    assert isinstance(done.attention.found, WindowsFound)
    assert done.attention.tile == Box(0, 0, source.height, source.width)
    assert (done.attention.x, done.attention.y) == (40, 20)
    assert done.prepared.info.architecture == "SSCAN"
    with pytest.raises(ValueError, match="outside"):
        engine.inspect_attention(source, model, SETTINGS, source.width, 0)
