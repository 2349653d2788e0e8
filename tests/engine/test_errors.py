"""Errors keep their sentence and their hint across processes."""

from __future__ import annotations

import pickle

import pytest

from engine import errors


@pytest.mark.parametrize(
    "kind", [errors.UsageError, errors.CheckpointError, errors.ImageTooLargeError, errors.Cancelled]
)
def test_an_error_survives_the_pipe(kind: type[errors.TriptychError]) -> None:
    back = errors.from_failure(pickle.loads(pickle.dumps(errors.to_failure(kind("what", "do")))))
    assert type(back) is kind
    assert (back.message, back.hint) == ("what", "do")
    again = pickle.loads(pickle.dumps(kind("what", "do")))
    assert (type(again), again.hint) == (kind, "do")


def test_anything_else_becomes_a_worker_error_with_its_traceback_as_a_note() -> None:
    back = errors.from_failure(errors.to_failure(KeyError("x"), "Traceback ..."))
    assert type(back) is errors.WorkerError
    assert "KeyError" in back.message
    assert back.__notes__ == ["Traceback ..."]


def test_an_unknown_kind_becomes_a_worker_error() -> None:
    assert type(errors.from_failure(errors.Failure("Surprise", "what"))) is errors.WorkerError


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 KiB"),
        (2**20 - 2**10, "1023 KiB"),
        (2**20, "1 MiB"),
        (102 * 2**20, "102 MiB"),
        (103 * 2**20, "0.1 GiB"),
        (5 * 2**30, "5.0 GiB"),
    ],
)
def test_a_size_is_named_in_the_unit_that_says_something(count: int, words: str) -> None:
    assert errors.format_bytes(count) == words
