"""Brings the translations up to the source: `python resources/translations/update.py`.

Imports the standard library; `pyside6-lrelease` compiles. Every text in `self.tr(…)`, `QCoreApplication.translate(…)` and
`QT_TRANSLATE_NOOP(…)` of `app`, also through a helper that calls them, goes into `triptych_XX.ts` (the format of Qt Linguist),
where translations are written in, by hand or with it; texts that are gone go. Run again, it compiles what is written to
`triptych_XX.qm`. `--check` only tells.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
APP = FOLDER.parents[1] / "app"
LANGUAGES = ("de",)


@dataclass(frozen=True, order=True)
class Source:
    """A text of the window: who says it (the context), what, and the note that tells two meanings of it apart."""

    context: str
    text: str
    note: str = ""


def find_sources(folder: Path = APP) -> dict[Source, str]:
    """Returns every text of the window with the first place where it is said (`app/main.py:12`)."""
    found: dict[Source, str] = {}
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for source, line in _Reader(tree).read():
            found.setdefault(source, f"{file.relative_to(folder.parent).as_posix()}:{line}")
    return dict(sorted(found.items()))


class _Reader:
    """Finds the texts of one module."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        # Helpers `def _tr(text): return QCoreApplication.translate("context", text)`, at any depth, by their name.
        self._helpers = {
            node.name: context
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and (context := _context_of_helper(node)) is not None
        }

    def read(self) -> Iterator[tuple[Source, int]]:
        """Yields each text with its line. Raises ValueError where one is no plain string: nobody could translate it."""
        yield from self._visit(self._tree, "")

    def _visit(self, node: ast.AST, owner: str) -> Iterator[tuple[Source, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                source = self._source(child, owner)
                if source is not None:
                    yield source, child.lineno
            yield from self._visit(child, child.name if isinstance(child, ast.ClassDef) else owner)

    def _source(self, call: ast.Call, owner: str) -> Source | None:
        function, arguments = call.func, call.args
        if isinstance(function, ast.Attribute) and function.attr == "tr":
            return _make(owner, arguments, call)
        if isinstance(function, ast.Name) and function.id in self._helpers:
            return _make(self._helpers[function.id], arguments, call)
        if _is_translate(function) and not isinstance(arguments[1], ast.Name | ast.Attribute):
            return _make(_text(arguments[0]), arguments[1:], call)
        return None


def _make(context: str, arguments: list[ast.expr], call: ast.Call) -> Source:
    if not context:
        raise ValueError(f"line {call.lineno}: a text without a context")
    return Source(context, _text(arguments[0]), _text(arguments[1]) if len(arguments) > 1 else "")


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    raise ValueError(f"line {node.lineno}: a text to translate must be a plain string")


def _is_translate(function: ast.expr) -> bool:
    """Whether a call translates (`QCoreApplication.translate`) or marks a text to translate later (`QT_TRANSLATE_NOOP`)."""
    return (isinstance(function, ast.Name) and function.id == "QT_TRANSLATE_NOOP") or (
        isinstance(function, ast.Attribute)
        and function.attr == "translate"
        and isinstance(function.value, ast.Name)
        and (function.value.id == "QCoreApplication")
    )


def _context_of_helper(function: ast.FunctionDef) -> str | None:
    for node in ast.walk(function):
        if (
            isinstance(node, ast.Call)
            and _is_translate(node.func)
            and isinstance(node.args[1], ast.Name)
            and [argument.arg for argument in function.args.args][:1] == [node.args[1].id]
        ):
            return _text(node.args[0])
    return None


def read_translations(file: Path) -> dict[Source, str]:
    """Returns what is translated in a `.ts` file; texts that nobody has translated yet are left out."""
    translated: dict[Source, str] = {}
    for context in ET.parse(file).getroot().iterfind("context"):
        for message in context.iterfind("message"):
            target = message.find("translation")
            text = "" if target is None or target.get("type") is not None else (target.text or "")
            if text:
                source = Source(
                    context.findtext("name", ""), message.findtext("source", ""), message.findtext("comment", "")
                )
                translated[source] = text
    return translated


def write_translations(file: Path, language: str, sources: dict[Source, str], translated: dict[Source, str]) -> None:
    """Writes a `.ts` file with every text, translated or marked as unfinished."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    contexts: dict[str, ET.Element] = {}
    for source, place in sources.items():
        if source.context not in contexts:
            contexts[source.context] = ET.SubElement(root, "context")
            ET.SubElement(contexts[source.context], "name").text = source.context
        message = ET.SubElement(contexts[source.context], "message")
        # The file without the line: else each change of code would change the translations.
        ET.SubElement(message, "location", filename=f"../../{place.partition(':')[0]}")
        ET.SubElement(message, "source").text = source.text
        if source.note:
            ET.SubElement(message, "comment").text = source.note
        target = ET.SubElement(message, "translation")
        if source in translated:
            target.text = translated[source]
        else:
            target.set("type", "unfinished")
    ET.indent(root, " " * 4)
    file.write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n' + ET.tostring(root, encoding="unicode") + "\n",
        encoding="utf-8",
    )


def compile_translations(file: Path, compiled: Path) -> None:
    """Compiles a `.ts` file to the `.qm` file that the window loads; the tool comes with PySide6."""
    beside = Path(sys.executable).with_name("pyside6-lrelease")
    tool = str(beside) if beside.exists() else shutil.which("pyside6-lrelease") or "pyside6-lrelease"
    subprocess.run([tool, "-silent", str(file), "-qm", str(compiled)], check=True)


def main(arguments: list[str]) -> int:
    """Updates and compiles every language; returns 1 where a text is not translated yet."""
    sources = find_sources()
    has_gaps = False
    for language in LANGUAGES:
        file = FOLDER / f"triptych_{language}.ts"
        translated = read_translations(file) if file.exists() else {}
        # A text that moved to another place keeps its words.
        by_text = {(source.text, source.note): text for source, text in translated.items()}
        known = {
            source: text
            for source in sources
            if (text := translated.get(source) or by_text.get((source.text, source.note))) is not None
        }
        missing = [source for source in sources if source not in known]
        has_gaps |= bool(missing)
        for source in missing:
            sys.stdout.write(f"{language}: {sources[source]}: {source.text!r} is not translated\n")
        if "--check" not in arguments:
            write_translations(file, language, sources, known)
            compile_translations(file, file.with_suffix(".qm"))
        sys.stdout.write(f"{language}: {len(known)} of {len(sources)} texts are translated\n")
    return 1 if has_gaps else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
