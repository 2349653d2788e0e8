"""Errors and warnings in words, above the picture: what happened, what to do, and the details for those who ask.

Imports Qt, `app.theme` and `app.report`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.report import details_of, surroundings
from app.sentences import in_window
from app.theme import Theme, draw_icon
from engine.errors import Failure

_ICON_PX = 20
_DETAILS_HEIGHT_PX = 120
MAX_NOTICES = 3
_MOST_OF_WINDOW = 0.35
_LEAST_HEIGHT_PX = 96


class Notice(QFrame):
    """One error or warning, or an offer with buttons. `dismissed` when the person has read it."""

    dismissed = Signal()

    def __init__(
        self, theme: Theme, kind: str, message: str, hint: str = "", details: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kind = kind
        self.report = "\n\n".join(part for part in (message, hint, details) if part)
        self.setObjectName("notice")
        self.setProperty("kind", kind)
        self.setAccessibleName(self.tr("Error") if kind == "error" else self.tr("Warning"))
        self.setAccessibleDescription(" ".join(part for part in (message, hint) if part))
        self._icon = QLabel()
        self._icon.setFixedWidth(_ICON_PX)
        self._text = _wrapped(message, "title")
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self._text)
        if hint:
            words.addWidget(_wrapped(hint, "muted"))
        self._about = details
        self._details = QPlainTextEdit(readOnly=True)
        self._details.setFixedHeight(_DETAILS_HEIGHT_PX)
        self._details.setAccessibleName(self.tr("Details"))
        self._details.hide()
        words.addWidget(self._details)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 11, 10, 11)
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addLayout(self._buttons(kind == "error"))
        theme.changed.connect(self._tint)
        self._tint()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc dismisses it."""
        if event.key() == Qt.Key.Key_Escape:
            self.dismissed.emit()
        else:
            super().keyPressEvent(event)

    def add_choice(self, words: str, tooltip: str, do_it: Callable[[], None]) -> None:
        """Adds a button before the one that dismisses; a click does it and dismisses the notice."""
        button = QPushButton(words)
        button.setToolTip(tooltip)
        button.clicked.connect(self.dismissed)
        button.clicked.connect(do_it)
        self._row.insertWidget(self._row.count() - 1, button, 0, Qt.AlignmentFlag.AlignTop)

    def _buttons(self, has_details: bool) -> QHBoxLayout:
        row = self._row = QHBoxLayout()
        row.setSpacing(6)
        if has_details:
            fold = QPushButton(self.tr("Details"))
            fold.setCheckable(True)
            fold.setToolTip(self.tr("Show what the program itself says about it."))
            fold.toggled.connect(self._unfold)
            copy = QPushButton(self.tr("Copy report"))
            copy.setToolTip(self.tr("Put the message and its details on the clipboard."))
            copy.clicked.connect(self._copy)
            row.addWidget(fold, 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(copy, 0, Qt.AlignmentFlag.AlignTop)
        self._close = QToolButton()
        self._close.setProperty("quiet", "true")
        self._close.setAccessibleName(self.tr("Dismiss"))
        self._close.setToolTip(self.tr("Dismiss (Esc)"))
        self._close.clicked.connect(self.dismissed)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        return row

    @Slot(bool)
    def _unfold(self, is_open: bool) -> None:
        if is_open and not self._details.toPlainText():
            self._details.setPlainText("\n\n".join(part for part in (self._about, surroundings()) if part))
        self._details.setVisible(is_open)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.report}\n\n{surroundings()}")

    @Slot()
    def _tint(self) -> None:
        colours = self._theme.colours
        ratio = self.devicePixelRatioF()
        tint = colours.error if self._kind == "error" else colours.warning
        pixmap = draw_icon(self._kind, tint, round(_ICON_PX * ratio))
        pixmap.setDevicePixelRatio(ratio)
        self._icon.setPixmap(pixmap)
        self._close.setIcon(self._theme.icon("close"))
        self._close.setIconSize(QSize(16, 16))


class _Column(QWidget):
    """The notices below each other. `laid_out` when one of them needs another height."""

    laid_out = Signal()

    def event(self, event: QEvent) -> bool:
        """Tells of changes."""
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self.laid_out.emit()
        return handled


class NoticeStack(QScrollArea):
    """The notices that have not been dismissed, newest on top; at most `MAX_NOTICES`, the oldest goes.

    They take what they need of the window's height up to a part of it, and are scrolled beyond: details must not push the rest
    of the window off the screen.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._inner = _Column()
        self._inner.laid_out.connect(self._fit)
        self._column = QVBoxLayout(self._inner)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.setWidget(self._inner)
        self.notices: list[Notice] = []
        # Warnings of images that are on show, with the images' names.
        self._warned: dict[str, tuple[Notice | None, list[str]]] = {}
        self.hide()

    def show_error(self, message: str, hint: str = "", details: str = "") -> None:
        """Shows what went wrong."""
        self._add(Notice(self._theme, "error", message, hint, details))

    def show_warning(self, message: str, hint: str = "") -> None:
        """Shows what the person should know."""
        self._add(Notice(self._theme, "warning", message, hint))

    def show_warning_of(self, name: str, warning: str) -> None:
        """Shows a warning that the engine has of an image; the same one of several images is one notice."""
        warning = in_window(warning)
        notice, names = self._warned.get(warning, (None, []))
        if notice in self.notices:
            assert notice is not None
            self._remove(notice)
        else:
            names = []
        names = [*names, name]
        several = self.tr("{name} and {count} more: {warning}")
        text = several if len(names) > 1 else "{name}: {warning}"
        notice = Notice(self._theme, "warning", text.format(name=names[0], count=len(names) - 1, warning=warning), "")
        self._warned[warning] = notice, names
        self._add(notice)

    def show_failure(self, failure: Failure, hint: str) -> None:
        """Shows why the engine could not do something, with this hint in place of its own."""
        message = in_window(failure.message)
        # A report goes to people who may not read the window's language.
        original = (failure.message,) if message != failure.message else ()
        details = "\n".join(part for part in (*original, details_of(failure)) if part)
        self.show_error(message, in_window(hint), details)

    def offer(self, message: str, hint: str, choices: Sequence[tuple[str, str, Callable[[], None]]]) -> None:
        """Asks something that can wait: each of `choices` is a button's words, its tooltip, and what it does."""
        notice = Notice(self._theme, "warning", message, hint)
        for words, tooltip, do_it in choices:
            notice.add_choice(words, tooltip, do_it)
        self._add(notice)

    def clear(self) -> None:
        """Dismisses all."""
        for notice in list(self.notices):
            self._remove(notice)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Takes the height that the words need at this width."""
        super().resizeEvent(event)
        self._fit()

    @Slot()
    def _fit(self) -> None:
        wanted_px = self._column.totalHeightForWidth(self.width())
        if wanted_px < 0:
            wanted_px = self._column.totalSizeHint().height()
        most_px = max(_LEAST_HEIGHT_PX, round(self.window().height() * _MOST_OF_WINDOW))
        if self.notices and self.height() != min(wanted_px, most_px):
            self.setFixedHeight(min(wanted_px, most_px))

    def _add(self, notice: Notice) -> None:
        for same in [each for each in self.notices if each.report == notice.report]:
            self._remove(same)
        while len(self.notices) >= MAX_NOTICES:
            self._remove(self.notices[-1])
        self.notices.insert(0, notice)
        self._column.insertWidget(0, notice)
        notice.dismissed.connect(self._dismiss)
        self.show()
        self._fit()

    @Slot()
    def _dismiss(self) -> None:
        notice = self.sender()
        if isinstance(notice, Notice):
            self._remove(notice)

    def _remove(self, notice: Notice) -> None:
        self.notices.remove(notice)
        self._warned = {text: each for text, each in self._warned.items() if each[0] is not notice}
        self._column.removeWidget(notice)
        notice.hide()
        notice.deleteLater()
        self.setVisible(bool(self.notices))
        self._fit()


def _wrapped(text: str, role: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("role", role)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
