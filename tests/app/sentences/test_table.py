"""Every sentence that the engine's source can say to the window is in the table, word for word."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine
from app.sentences.table import PHRASES, REWORDED, SENTENCES
from app.sentences.translation import Pattern
from engine import errors

# Rooms whose sentences only the command line, a developer's command or a log says.
ELSEWHERE = {
    "engine/cli", "engine/training", "engine/benchmark", "engine/quality.py", "engine/tiling/goals.py", "engine/monitor.py",
    "kernels/_triton/__main__.py", "kernels/_triton/launch.py",
}  # fmt: skip
# What the window never asks for, so nobody is told of it there.
NEVER_MET = {
    # of models/checkpoint.py: it writes checkpoints, in training
    "{} is {}; only floating-point weights can be saved",
    # of job_header.py and workspace.py: shown by `triptych upscale --resume` and `triptych clean`
    "The header of the job is damaged.", "The job was begun by another version of Triptych.",
    "The header of the job does not make a plan ({}).", "The header of the job cannot be read ({}).",
    # of versions.py: dtypes that no session has, and the interpreter of the tests
    "the triton kernels accumulate in float32 and do not take float64.", "Triton is not installed.",
    "the triton kernels run on CUDA and ROCm; the device is cpu.",
    "Triton's interpreter does not compute in bfloat16; use float16 or float32, or a GPU.",
    # of tiling/run.py: the worker says which tile, in a sentence of its own
    "tile {} of {} came out with values that are not finite",
}  # fmt: skip
# What the scan cannot find: lists of two or more, which are joined before they stand in the sentence, and metadata of weights.
NOT_IN_SOURCE = {
    "{format} holds {depth} or {more} bits a channel, not {asked}.", "{formats} or {last} can hold it.", "photo, compressed",
    "Photographs as they are found: takes JPEG artefacts and noise away, and sharpens what is left.",
}  # fmt: skip
# What stands for an expression that has few values; the words around it depend on them.
FEW = {"kind": ("page", "frame")}
ERRORS = {name for name in errors.__dict__ if isinstance(errors.__dict__[name], type)}
NO_SENTENCE = {
    "ValueError", "TypeError", "RuntimeError", "KeyError", "NotImplementedError", "FloatingPointError", "BackendError",
    "debug", "info", "warning", "error", "exception",
}  # fmt: skip
TOKEN = "«{}»"


def _name_of(call: ast.Call) -> str:
    function = call.func
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def _strings(node: ast.AST, is_in_error: bool = False) -> Iterator[tuple[ast.JoinedStr | ast.Constant, bool]]:
    """Yields every text of a module, and whether an error is made of it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.Assert) or (isinstance(child, ast.Call) and _name_of(child) in NO_SENTENCE):
            continue
        if isinstance(child, ast.JoinedStr) or (isinstance(child, ast.Constant) and isinstance(child.value, str)):
            yield child, is_in_error
        else:
            yield from _strings(child, is_in_error or (isinstance(child, ast.Call) and _name_of(child) in ERRORS))


def _ways(part: ast.expr, number: int) -> list[str]:
    """Returns what a part of a text can read."""
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    assert isinstance(part, ast.FormattedValue)
    value = part.value
    if isinstance(value, ast.IfExp):
        return [
            str(each.value) if isinstance(each, ast.Constant) else TOKEN.format(number)
            for each in (value.body, value.orelse)
        ]
    return list(FEW.get(ast.unparse(value), [TOKEN.format(number)]))


def _readings(text: ast.JoinedStr | ast.Constant) -> list[str]:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return ["".join(each) for each in itertools.product(*(_ways(part, number) for number, part in enumerate(parts)))]


def _reads_as_sentence(text: str) -> bool:
    return (
        re.search("[.](?: «\\d+»)?$", text) is not None
        and len(re.findall(r"\b[A-Za-z]{2,}\b[ .,:;]", text)) >= 3
        and "\\" not in text
    )


def _modules() -> Iterator[tuple[Path, str]]:
    root = Path(engine.__path__[0]).parent
    # Of the kernels only what says why a device cannot take them.
    for room in ("engine", "kernels/_triton"):
        for file in sorted((root / room).rglob("*.py")):
            name = file.relative_to(root).as_posix()
            if not any(name == each or name.startswith(f"{each}/") for each in ELSEWHERE):
                yield file, name


def said_by_the_engine() -> dict[str, str]:
    """Returns what the engine says, with `«n»` for what differs each time, and where."""
    found: dict[str, str] = {}
    for file, name in _modules():
        for text, is_in_error in _strings(ast.parse(file.read_text(encoding="utf-8"))):
            for reading in _readings(text):
                bare = re.sub("«\\d+»", "{}", reading)
                if (
                    bare not in NEVER_MET
                    and (is_in_error or _reads_as_sentence(reading))
                    and re.search("[a-z]{2}", bare)
                ):
                    found.setdefault(reading, f"{name}:{text.lineno}")
    return found


def _forms(reading: str, place: str) -> Iterator[str]:
    """Yields how a text may arrive: the clauses of checkpoints are completed to sentences (`checkpoint._sentence`)."""
    yield reading
    if place.startswith("engine/models"):
        yield f"{reading}."
        yield f"{reading[0].upper()}{reading[1:]}."


def _is_known(sentence: str) -> bool:
    for text in (*SENTENCES, *REWORDED, *PHRASES):
        values = Pattern.of(text, text).match(sentence)
        if values is not None and all(
            value in PHRASES or re.fullmatch("«\\d+»( ...)?", value) for value in values.values()
        ):
            return True
    return False


def test_nothing_that_the_engine_says_is_missing() -> None:
    said = said_by_the_engine()
    missing = [
        f"{place}: {reading}"
        for reading, place in said.items()
        if not any(_is_known(form) for form in _forms(reading, place))
    ]
    assert not missing, "\n".join(["write these into app/sentences/table.py:", *missing])
    assert len(said) > 200


def test_nothing_is_there_that_the_engine_never_says() -> None:
    forms = {form for reading, place in said_by_the_engine().items() for form in _forms(reading, place)}
    idle = [
        text
        for text in {*SENTENCES, *REWORDED} - NOT_IN_SOURCE
        if all(Pattern.of(text, text).match(form) is None for form in forms)
    ]
    assert idle == []


@pytest.mark.parametrize("words", sorted(REWORDED.values()))
def test_the_window_names_no_option_of_the_command_line(words: str) -> None:
    assert "--" not in words


def test_no_sentence_is_listed_twice() -> None:
    texts = [*SENTENCES, *REWORDED, *PHRASES]
    assert len(texts) == len(set(texts))
    assert not any("--" in text for text in SENTENCES)
