"""What the command line says on a terminal and without one."""

from __future__ import annotations

import io
import sys

import pytest

from engine.cli.terminal import ask, failure_table


def test_a_table_of_failures_has_a_line_for_each() -> None:
    rows = [("a.png", "It is broken."), ("line\nbreak\x1b[2J.png", "It is\ntoo."), ("x" * 100 + "end.png", "Gone.")]
    first, second, third = failure_table(rows).splitlines()
    assert first == "  a.png" + " " * 43 + "  It is broken."
    assert second.startswith("  line?break?[2J.png ")
    assert third.startswith("  …xxx")
    assert len({line.index(reason) for line, reason in ((first, "It"), (second, "It"), (third, "Gone"))}) == 1


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False), ("", False), ("yep\n", False)]
)
def test_only_a_yes_is_a_yes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, answer: bool
) -> None:
    stdin = io.StringIO(typed)
    monkeypatch.setattr(stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert ask("Go on?") is answer
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Go on? [y/N] ")


def test_without_a_terminal_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert ask("Go on?") is False
    monkeypatch.setattr(sys, "stdin", None)
    assert ask("Go on?") is False
    assert capsys.readouterr().err == ""
