"""What the window remembers between two runs: where it stood, what was used last, and what the person prefers.

Imports QtCore and `engine.outputs`. The scale is not remembered: the window begins at ×2. A file that was edited by hand may hold
anything: what is no sensible value counts as the default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar, cast, get_args

from PySide6.QtCore import QByteArray, QSettings, Qt

from engine.errors import UsageError
from engine.imaging import formats
from engine.outputs import DEFAULT_TEMPLATE, Target, check_template

Appearance = Literal["desktop", "light", "dark"]

KEEP_DAYS = 14
MOST_KEEP_DAYS = 365
_MOST_RECENT = 12
_KEEP_VARIABLE = "TRIPTYCH_KEEP_DAYS"
_Number = TypeVar("_Number", int, float)


class Settings:
    """A typed face for the settings file (`triptych.ini` in the person's configuration folder)."""

    def __init__(self, store: QSettings | None = None, environment: MutableMapping[str, str] = os.environ) -> None:
        self._store = store or QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "triptych", "triptych")
        self._environment = environment
        # Asked once, before this process itself sets it.
        self.keep_days_are_given = bool(environment.get(_KEEP_VARIABLE))

    # Where things stood

    @property
    def geometry(self) -> QByteArray | None:
        """Where the window stood, as Qt saved it."""
        return self.layout("geometry")

    @geometry.setter
    def geometry(self, value: QByteArray) -> None:
        self.keep_layout("geometry", value)

    def layout(self, part: str) -> QByteArray | None:
        """Returns how a part of the window ("geometry", "splitter") stood, as Qt saved it, or None."""
        value = self._store.value(f"window/{part}")
        return value if isinstance(value, QByteArray) else None

    def keep_layout(self, part: str, value: QByteArray) -> None:
        """Remembers how a part of the window stands."""
        self._store.setValue(f"window/{part}", value)

    @property
    def folder(self) -> Path:
        """The folder that the next file dialog shows."""
        folder = Path(self._text("files/folder"))
        return folder if str(folder) != "." and folder.is_dir() else Path.home()

    @folder.setter
    def folder(self, value: Path) -> None:
        self._store.setValue("files/folder", str(value))

    @property
    def model(self) -> str:
        """The model last chosen, or the command line's default."""
        return self._text("model/name", "esc")

    @model.setter
    def model(self, value: str) -> None:
        self._store.setValue("model/name", value)

    # Values that a room of the window keeps under a key of its own

    def keep(self, key: str, value: str | float | bool) -> None:
        """Remembers a value of such a room."""
        self._store.setValue(key, value)

    def choice(self, key: str, offered: Sequence[str], default: str) -> str:
        """Returns the name kept under a key, or the default where it is none of those that are offered."""
        value = self._text(key, default)
        return value if value in offered else default

    def switch(self, key: str, default: bool) -> bool:
        """Returns whether something was switched on."""
        return {"true": True, "1": True, "false": False, "0": False}.get(self._text(key).lower(), default)

    def number(self, key: str, least: int, most: int, default: int) -> int:
        """Returns the whole number kept under a key, or the default where it is not between the two others."""
        return self._between(int, key, least, most, default)

    def amount(self, key: str, least: float, most: float, default: float) -> float:
        """Returns the number kept under a key, or the default where it is not between the two others."""
        return self._between(float, key, least, most, default)

    # What the person prefers

    @property
    def language(self) -> str:
        """The language of the window ("de", "en"), or "" for the desktop's."""
        return self._text("window/language")

    @language.setter
    def language(self, value: str) -> None:
        self._store.setValue("window/language", value)

    @property
    def appearance(self) -> Appearance:
        """Light, dark, or what the desktop has."""
        value = self._text("window/appearance", "desktop")
        return cast(Appearance, value) if value in get_args(Appearance) else "desktop"

    @appearance.setter
    def appearance(self, value: Appearance) -> None:
        self._store.setValue("window/appearance", value)

    @property
    def scheme(self) -> Qt.ColorScheme:
        """The appearance in Qt's words; Unknown is the desktop's."""
        return {
            "desktop": Qt.ColorScheme.Unknown,
            "light": Qt.ColorScheme.Light,
            "dark": Qt.ColorScheme.Dark,
        }[self.appearance]

    @property
    def device(self) -> str:
        """Where models run, in the words of `--device`."""
        return self._text("engine/device", "auto") or "auto"

    @device.setter
    def device(self, value: str) -> None:
        self._store.setValue("engine/device", value)

    @property
    def keep_days(self) -> int:
        """Days after which the working images of an interrupted job are removed, 0 to `MOST_KEEP_DAYS`.

        `keep_days_are_given`: TRIPTYCH_KEEP_DAYS was set when the program began, and decides instead.
        """
        return self.number("engine/keep_days", 0, MOST_KEEP_DAYS, KEEP_DAYS)

    @keep_days.setter
    def keep_days(self, value: int) -> None:
        self._store.setValue("engine/keep_days", value)

    @property
    def target(self) -> Target:
        """How results are named and written where the person does not choose for one of them."""
        folder = self._text("output/folder")
        form = self._text("output/format", "keep")
        quality = self.number("output/quality", 0, 100, 0)
        return Target(
            folder=Path(folder) if folder else None,
            template=_sound_template(self._text("output/name", DEFAULT_TEMPLATE)),
            format=form if form in ("keep", *formats.writable_formats()) else "keep",
            quality=quality or None,
        )

    @target.setter
    def target(self, value: Target) -> None:
        self._store.setValue("output/folder", "" if value.folder is None else str(value.folder))
        self._store.setValue("output/name", value.template)
        self._store.setValue("output/format", value.format)
        self._store.setValue("output/quality", value.quality or 0)

    @property
    def device_told(self) -> str:
        """The device that the card of the first start has told of, or "" before."""
        return self._text("window/device_told")

    @device_told.setter
    def device_told(self, value: str) -> None:
        self._store.setValue("window/device_told", value)

    @property
    def saves_results(self) -> bool:
        """Whether each result is saved as it is finished."""
        return self.switch("output/saves", True)

    @saves_results.setter
    def saves_results(self, value: bool) -> None:
        self._store.setValue("output/saves", value)

    @property
    def runs_ticked(self) -> bool:
        """Whether Start runs all ticked models, not only the marked one."""
        return self.switch("model/all_ticked", False)

    @runs_ticked.setter
    def runs_ticked(self, value: bool) -> None:
        self._store.setValue("model/all_ticked", value)

    @property
    def ticks(self) -> dict[str, bool]:
        """Which models were ticked and which were not, by name; empty before the first listing."""
        ticks: dict[str, bool] = {}
        for is_ticked, key in ((True, "model/ticked"), (False, "model/unticked")):
            ticks |= dict.fromkeys(self._names(key), is_ticked)
        return ticks

    @ticks.setter
    def ticks(self, value: Mapping[str, bool]) -> None:
        for is_ticked, key in ((True, "model/ticked"), (False, "model/unticked")):
            self._store.setValue(key, [name for name, each in value.items() if each is is_ticked])

    @property
    def pace(self) -> str:
        """How fast models were here, as `app.pace` writes it."""
        return self._text("engine/pace")

    @pace.setter
    def pace(self, value: str) -> None:
        self._store.setValue("engine/pace", value)

    @property
    def recent(self) -> list[Path]:
        """The images opened last, the latest first; those that are gone are left out."""
        return [path for path in map(Path, self._names("files/recent")) if path.is_file()]

    def remember(self, paths: Sequence[Path]) -> None:
        """Puts images at the head of those opened last."""
        kept = dict.fromkeys([*paths, *self.recent])
        self._store.setValue("files/recent", [str(path) for path in kept][:_MOST_RECENT])

    @property
    def shows_memory(self) -> bool:
        """Whether the memory panel is open."""
        return self.switch("window/memory", True)

    @shows_memory.setter
    def shows_memory(self, value: bool) -> None:
        self._store.setValue("window/memory", value)

    @property
    def queue(self) -> list[Path]:
        """The images that were open last, in their order; those that are gone are left out."""
        return [path for path in map(Path, self._names("queue/files")) if path.is_file()]

    @queue.setter
    def queue(self, value: Sequence[Path]) -> None:
        self._store.setValue("queue/files", [str(path) for path in value])

    @property
    def line(self) -> str:
        """The jobs that were in line, as `app.resumption` writes them."""
        return self._text("queue/line")

    @line.setter
    def line(self, value: str) -> None:
        self._store.setValue("queue/line", value)

    def hand_to_engine(self) -> None:
        """Tells the engine, before it starts, how long interrupted jobs stay; a variable of the environment has the last word."""
        if not self.keep_days_are_given:
            self._environment[_KEEP_VARIABLE] = str(self.keep_days)

    def flush(self) -> None:
        """Writes to the disk."""
        self._store.sync()

    def _between(
        self, read: Callable[[str], _Number], key: str, least: _Number, most: _Number, default: _Number
    ) -> _Number:
        try:
            value = read(self._text(key, str(default)))
        except ValueError:
            return default
        return value if least <= value <= most else default

    def _text(self, key: str, default: str = "") -> str:
        value = self._store.value(key, default)
        # A text with commas in it comes back as a list where it was written by hand.
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    def _names(self, key: str) -> list[str]:
        names = self._store.value(key, [])
        # Qt keeps a list of one as a text.
        listed = [names] if isinstance(names, str) else names if isinstance(names, list) else []
        return [name for name in map(str, listed) if name]


def _sound_template(template: str) -> str:
    try:
        check_template(template)
    except UsageError:
        return DEFAULT_TEMPLATE
    return template
