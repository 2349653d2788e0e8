"""Damaged checkpoints in a process of their own: it outlives them, refuses each in a sentence, and allocates nothing absurd."""

from __future__ import annotations

import multiprocessing
import struct
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.models.checkpoint import load_checkpoint, save_checkpoint

SEED = 20261120
_PATIENCE_S = 60
# What the process may use beside what it uses when it starts.
_ROOM_BYTES = 2 * 2**30


def _serve(connection: Connection) -> None:
    """Loads each file that it is told of; answers (kind of the error or "", its message, whether all values are finite)."""
    from engine.errors import TriptychError

    torch.set_num_threads(1)
    if sys.platform.startswith("linux"):
        import resource

        used_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used_bytes + _ROOM_BYTES, resource.RLIM_INFINITY))
    while (path := connection.recv()) is not None:
        try:
            loaded = load_checkpoint(path)
        except TriptychError as error:
            connection.send((type(error).__name__, error.message, error.hint, True))
        except BaseException as error:
            connection.send((f"{type(error).__name__}: {error}", "", "", True))
        else:
            finite = all(bool(torch.isfinite(tensor).all()) for tensor in loaded.model.state_dict().values())
            connection.send(("", "", "", finite))


def _mutated(data: bytes, rng: np.random.Generator) -> bytes:
    broken = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        # Most hits where the structure is: the header of a safetensors file, both ends of a zip container.
        place = rng.random()
        reach = min(len(broken), 4096)
        at = int(rng.integers(0, max(1, reach if place < 0.6 else len(broken))))
        if 0.4 < place < 0.6:
            at = max(0, len(broken) - 1 - at)
        kind = int(rng.integers(7))
        if kind == 0:
            broken[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 1:
            number = int(rng.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0x10000]))
            broken[at : at + 4] = struct.pack("<I", number)
        elif kind == 2:
            broken[at : at + 8] = struct.pack("<Q", int(rng.choice([0, 2**31, 2**40, 2**63 - 1], 1)[0]))
        elif kind == 3:
            del broken[at : at + int(rng.integers(1, 32))]
        elif kind == 4:
            broken[at:at] = broken[at : at + int(rng.integers(1, 64))]
        elif kind == 5:
            del broken[at:]
        else:
            # A digit of the JSON header or of a pickled number.
            broken[at : at + 1] = str(int(rng.integers(10))).encode()
    return bytes(broken)


def _attack(folder: Path, make_network: object, descriptors: dict[str, object], count: int) -> tuple[int, int]:
    """Loads `count` damaged files; returns how many were accepted and how many refused."""
    sound = []
    for architecture, arguments in descriptors.items():
        network = make_network(architecture)  # type: ignore[operator]
        configuration = {"architecture": architecture, "arguments": arguments, "scale": 4}
        save_checkpoint(folder / "sound.safetensors", network, configuration)
        whole = load_checkpoint(folder / "sound.safetensors").descriptor.configuration()
        torch.save({"params_ema": network.state_dict(), "config": whole}, folder / "sound.pth")
        for name in ("sound.safetensors", "sound.pth"):
            load_checkpoint(folder / name)
            sound.append((Path(name).suffix, (folder / name).read_bytes()))
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    accepted = refused = 0
    for number in range(count):
        suffix, data = sound[number % len(sound)]
        path = folder / f"damaged-{number}{suffix}"
        path.write_bytes(_mutated(data, np.random.default_rng([SEED, number])))
        ours.send(str(path))
        assert ours.poll(_PATIENCE_S), f"no answer to {path.name}"
        try:
            kind, message, hint, finite = ours.recv()
        except EOFError:
            process.join(_PATIENCE_S)
            pytest.fail(f"the process died of {path.name} ({process.exitcode})")
        if kind:
            refused += 1
            assert kind == "CheckpointError", (path.name, kind)
            assert path.name in message
            assert message.endswith(".")
            assert hint
            assert "\n" not in message
        else:
            accepted += 1
            assert finite, path.name
        path.unlink()
    ours.send(None)
    process.join(_PATIENCE_S)
    assert process.exitcode == 0
    return accepted, refused


def test_a_slice_of_the_damaged_checkpoints(tmp_path, make_network, small_arguments):
    accepted, refused = _attack(tmp_path, make_network, small_arguments, 60)
    assert refused > 20
    assert accepted + refused == 60


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_hundred_damaged_checkpoints(tmp_path, make_network, small_arguments):
    accepted, refused = _attack(tmp_path, make_network, small_arguments, 500)
    assert refused > 200
    assert accepted + refused == 500
