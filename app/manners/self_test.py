"""The card of the first start: which device Triptych will use, and why not a better one. Imports Qt and `app`.

It is fed with what the worker's examination found (`Engine.examine`, the same as `triptych doctor --json`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.sentences import in_window
from app.theme import Theme, draw_icon

_ICON_PX = 20
_GIB = 2**30


class DeviceFacts(NamedTuple):
    """What will compute. `why_no_gpu`: a sentence with what to do, or ""; `own_kernels`: operators that our kernels serve."""

    device: str
    name: str
    memory_bytes: int | None
    free_bytes: int | None
    threads: int | None
    why_no_gpu: str
    own_kernels: int
    operators: int
    kernel_reason: str

    @classmethod
    def of(cls, report: Mapping[str, Any], device: str = "auto") -> DeviceFacts:
        """Returns what a report says of the device that is asked for ("auto": the one it would take itself).

        Raises ValueError where the report does not know the device.
        """
        chosen = str(report["device"]) if device == "auto" else device
        found = next((each for each in report["devices"] if each["device"].partition(":")[0] == chosen), None)
        found = next((each for each in report["devices"] if each["device"] == chosen), found)
        if found is None:
            raise ValueError(chosen)
        rows = report.get("backends", {}).values()
        reasons = [row["triton"]["reason"] for row in rows if "triton" in row and not row["triton"]["ok"]]
        return cls(
            device=str(found["device"]),
            name=str(found["name"]),
            memory_bytes=found.get("memory_total_bytes"),
            free_bytes=found.get("memory_free_bytes"),
            threads=found.get("threads"),
            why_no_gpu=str(report.get("why_no_gpu") or ""),
            own_kernels=sum(1 for row in rows if row.get("triton", {}).get("ok")),
            operators=len(rows),
            kernel_reason=reasons[0] if reasons else "",
        )

    @property
    def is_cpu(self) -> bool:
        """Whether the processor computes."""
        return self.device == "cpu"

    @property
    def identity(self) -> str:
        """What the person has been told once they have read the card: another device is told of again."""
        return f"{self.device} {self.name}"


class SelfTestCard(QFrame):
    """A card at the first start, and again when the device is another one. It is hidden until it has something to say.

    Signal: `dismissed(identity)` when it has been read; the identity goes into `Settings.device_told`.
    """

    dismissed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._identity = ""
        self._report = ""
        self._icon_name, self._tone = "done", "good"
        self.setObjectName("selfTest")
        self._icon = QLabel()
        self._icon.setFixedWidth(_ICON_PX)
        self.title = _words("title")
        self.figures = _words("muted")
        self.advice = _words("")
        column = QVBoxLayout()
        column.setSpacing(3)
        for label in (self.title, self.figures, self.advice):
            column.addWidget(label)
        self.copy_button = QPushButton(self.tr("Copy report"))
        self.copy_button.setToolTip(
            self.tr("Put everything that was found on the clipboard, for a question or a bug report.")
        )
        self.copy_button.clicked.connect(self._copy)
        self.close_button = QToolButton()
        self.close_button.setProperty("quiet", "true")
        self.close_button.setAccessibleName(self.tr("Dismiss"))
        self.close_button.setToolTip(self.tr("Dismiss (Esc)"))
        self.close_button.clicked.connect(self._dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 11, 10, 11)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        row.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        theme.changed.connect(self._tint)
        self.hide()

    def show_report(self, report: Mapping[str, Any], device: str = "auto", told: str = "") -> bool:
        """Shows what a report means for the device asked for; returns False, and stays hidden, where that has been `told`."""
        try:
            facts = DeviceFacts.of(report, device)
        except ValueError:
            facts = None
        self._report = json.dumps(report, indent=2, ensure_ascii=False)
        if facts is None:
            self._show(
                "warning",
                self.tr("The device {device} is not there any more.").format(device=device),
                "",
                self.tr("Choose another one in the settings (Ctrl+,)."),
                f"missing {device}",
            )
        else:
            if facts.identity == told:
                return False
            self._show_facts(facts)
        return True

    def show_failure(self, message: str, hint: str) -> None:
        """Shows that the worker could not be asked, in the engine's words."""
        self._report = "\n\n".join(part for part in (message, hint) if part)
        self._show("error", self.tr("Triptych cannot compute here."), message, hint, "")

    def _show_facts(self, facts: DeviceFacts) -> None:
        if facts.is_cpu:
            title = self.tr("Triptych computes on the CPU.")
        else:
            title = self.tr("Triptych computes on the {name}.").format(name=facts.name)
        parts = [facts.name] if facts.is_cpu else []
        if facts.threads is not None:
            parts.append(self.tr("{threads} threads").format(threads=facts.threads))
        if facts.memory_bytes is not None and facts.free_bytes is not None:
            parts.append(
                self.tr("{free} of {total} GiB of memory free").format(
                    free=f"{facts.free_bytes / _GIB:.1f}", total=f"{facts.memory_bytes / _GIB:.1f}"
                )
            )
        if not facts.is_cpu and facts.operators and facts.own_kernels == facts.operators:
            parts.append(self.tr("Triptych's own kernels"))
        advice = ""
        if facts.is_cpu and facts.why_no_gpu:
            advice = self.tr("It works, but slower than a GPU would. {reason}").format(
                reason=in_window(facts.why_no_gpu)
            )
        elif facts.is_cpu:
            advice = self.tr("There is a GPU, but the settings (Ctrl+,) choose the CPU.")
        elif facts.own_kernels < facts.operators and facts.kernel_reason:
            advice = self.tr("PyTorch's attention is used, which is slower: {reason}").format(
                reason=in_window(facts.kernel_reason)
            )
        self._show("done" if not advice else "warning", title, " · ".join(parts), advice, facts.identity)

    def _show(self, icon: str, title: str, figures: str, advice: str, identity: str) -> None:
        self._icon_name = icon
        self._identity = identity
        for label, words in ((self.title, title), (self.figures, figures), (self.advice, advice)):
            label.setText(words)
            label.setVisible(bool(words))
        self.setAccessibleName(title)
        self.setAccessibleDescription(" ".join(words for words in (figures, advice) if words))
        self._tint()
        self.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc dismisses it."""
        if event.key() == Qt.Key.Key_Escape:
            self._dismiss()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _dismiss(self) -> None:
        self.hide()
        self.dismissed.emit(self._identity)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._report)

    @Slot()
    def _tint(self) -> None:
        colours = self._theme.colours
        tint = {"done": colours.good, "warning": colours.warning, "error": colours.error}[self._icon_name]
        ratio = self.devicePixelRatioF()
        pixmap = draw_icon(self._icon_name, tint, round(_ICON_PX * ratio))
        pixmap.setDevicePixelRatio(ratio)
        self._icon.setPixmap(pixmap)
        self.close_button.setIcon(self._theme.icon("close"))
        self.close_button.setIconSize(QSize(16, 16))
        self.setStyleSheet(
            f"QFrame#selfTest {{ background: {colours.surface}; border: 0; border-bottom: 1px solid {colours.border};"
            f" border-left: 4px solid {tint}; }}"
        )


def _words(role: str) -> QLabel:
    label = QLabel()
    if role:
        label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
