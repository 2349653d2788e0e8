"""Colours of the window, dark and light, and the icons tinted with them.

Imports Qt and `resources`. The desktop decides between dark and light; a change while the window is open is followed.
Surfaces are neutral grey, so that they do not shift how the colours of a picture are seen. Text keeps a contrast of at
least 4.5:1 on its surface, borders of controls 3:1.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QSpinBox


class Colours(NamedTuple):
    """One scheme. `stage` lies behind pictures, `surface` behind panels, `raised` behind controls."""

    window: str
    surface: str
    raised: str
    hovered: str
    stage: str
    border: str
    control_border: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_hovered: str
    accent_pressed: str
    on_accent: str
    accent_text: str
    selected: str
    error: str
    warning: str
    good: str
    check_light: str
    check_dark: str


DARK = Colours(
    window="#1b1c1e",
    surface="#232427",
    raised="#2e3034",
    hovered="#383a3f",
    stage="#141516",
    border="#34363b",
    control_border="#6b6f78",
    text="#e9eaec",
    muted="#a6a9b1",
    disabled="#6d7078",
    accent="#2f6fd6",
    accent_hovered="#2a66c8",
    accent_pressed="#265fbb",
    on_accent="#ffffff",
    accent_text="#86b4ff",
    selected="#263650",
    error="#ff8a80",
    warning="#f2c063",
    good="#7fd19b",
    check_light="#3a3b3e",
    check_dark="#2c2d30",
)

LIGHT = Colours(
    window="#f3f4f5",
    surface="#fbfbfc",
    raised="#ffffff",
    hovered="#ebecef",
    stage="#e2e3e5",
    border="#d8dadd",
    control_border="#868a92",
    text="#1b1c1f",
    muted="#5b5f68",
    disabled="#9599a1",
    accent="#2563c9",
    accent_hovered="#1f59b8",
    accent_pressed="#1a4c9e",
    on_accent="#ffffff",
    accent_text="#1d58b8",
    selected="#e3edfc",
    error="#b3261e",
    warning="#8a5a00",
    good="#1d7a43",
    check_light="#ffffff",
    check_dark="#d9dadd",
)


def icon_source(name: str) -> bytes:
    """Returns the drawing of an icon, an SVG whose strokes are `currentColor`."""
    return (files("resources") / "icons" / f"{name}.svg").read_bytes()


def _mark_path(name: str) -> str:
    """Returns the file of a mark inside a control: a style sheet takes files only, so one colour serves both schemes."""
    return (Path(str(files("resources"))) / "marks" / f"{name}.svg").as_posix()


# Edges of icons in logical pixels: in menus, in buttons, in the toolbar.
_ICON_SIZES = (16, 20, 24)
_FIELD_PADDING_PX = 8


def indent_number(field: QSpinBox) -> None:
    """Begins the number of a field where other fields begin their words: of a padding Qt gives its line nothing."""
    field.lineEdit().setTextMargins(_FIELD_PADDING_PX, 0, 0, 0)


def tinted_icon(name: str, colour: str, disabled: str) -> QIcon:
    """Returns the icon in the colours for enabled and disabled, sharp on every screen that is there now."""
    # Each size is drawn before the first paint: only those that a screen shows.
    ratios = {1.0, *(screen.devicePixelRatio() for screen in QGuiApplication.screens())}
    sizes_px = sorted({round(size * ratio) for size in _ICON_SIZES for ratio in ratios})
    icon = QIcon()
    renderer = _renderer(name, colour)
    for size_px in sizes_px:
        pixmap = _drawn(renderer, size_px)
        icon.addPixmap(pixmap, QIcon.Mode.Normal)
        # Tinted over rather than drawn again: reading the drawing is most of the work.
        painter = QPainter(pixmap)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
        painter.fillRect(pixmap.rect(), QColor(disabled))
        painter.end()
        icon.addPixmap(pixmap, QIcon.Mode.Disabled)
    return icon


def draw_icon(name: str, colour: str, size_px: int) -> QPixmap:
    """Returns the icon at `size_px` pixels a side in one colour."""
    return _drawn(_renderer(name, colour), size_px)


def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(icon_source(name).replace(b"currentColor", colour.encode())))


def _drawn(renderer: QSvgRenderer, size_px: int) -> QPixmap:
    pixmap = QPixmap(QSize(size_px, size_px))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size_px, size_px))
    painter.end()
    return pixmap


def application_icon() -> QIcon:
    """Returns Triptych's own icon, in its own colours."""
    icon = QIcon()
    for size_px in (16, 32, 48, 64, 128, 256):
        icon.addPixmap(draw_application_icon(size_px))
    return icon


def draw_application_icon(size_px: int) -> QPixmap:
    """Returns Triptych's own icon at `size_px` pixels a side; at 16 a drawing of its own, whose edges lie on pixels."""
    return draw_icon("triptych" if size_px > 16 else "triptych-small", "#000000", size_px)


def palette_of(colours: Colours) -> QPalette:
    """Returns Qt's palette of the scheme."""
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: colours.window,
        QPalette.ColorRole.WindowText: colours.text,
        QPalette.ColorRole.Base: colours.raised,
        QPalette.ColorRole.AlternateBase: colours.surface,
        QPalette.ColorRole.Text: colours.text,
        QPalette.ColorRole.Button: colours.raised,
        QPalette.ColorRole.ButtonText: colours.text,
        QPalette.ColorRole.BrightText: colours.error,
        QPalette.ColorRole.ToolTipBase: colours.raised,
        QPalette.ColorRole.ToolTipText: colours.text,
        QPalette.ColorRole.PlaceholderText: colours.muted,
        QPalette.ColorRole.Highlight: colours.accent,
        QPalette.ColorRole.HighlightedText: colours.on_accent,
        QPalette.ColorRole.Link: colours.accent_text,
        QPalette.ColorRole.Mid: colours.border,
        QPalette.ColorRole.Light: colours.hovered,
        QPalette.ColorRole.Dark: colours.border,
        QPalette.ColorRole.Accent: colours.accent,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(colours.disabled))
    return palette


def style_sheet_of(colours: Colours) -> str:
    """Returns the style sheet of the scheme: spacing and shapes that Qt's own style does not offer."""
    c = colours
    return f"""
    QToolTip {{ color: {c.text}; background: {c.raised}; border: 1px solid {c.border}; padding: 5px 7px; }}
    QToolBar {{ background: {c.surface}; border: 0; border-bottom: 1px solid {c.border}; padding: 5px 8px; spacing: 2px; }}
    QToolBar::separator {{ background: {c.border}; width: 1px; margin: 5px 7px; }}
    QToolBar QToolButton {{ border: 1px solid transparent; border-radius: 6px; padding: 5px 9px; }}
    QToolBar QToolButton:hover {{ background: {c.hovered}; }}
    QToolBar QToolButton:pressed {{ background: {c.raised}; }}
    QToolBar QToolButton:focus {{ border-color: {c.accent_text}; }}
    QToolBar QToolButton::menu-indicator {{ image: none; }}

    QPushButton {{ background: {c.raised}; border: 1px solid {c.control_border}; border-radius: 6px;
        padding: 6px 14px; min-height: 18px; }}
    QPushButton:hover {{ background: {c.hovered}; }}
    QPushButton:pressed {{ background: {c.surface}; }}
    QPushButton:focus {{ border-color: {c.accent_text}; }}
    QPushButton:disabled {{ border-color: {c.border}; color: {c.disabled}; background: {c.surface}; }}
    QPushButton[primary="true"] {{ background: {c.accent}; border-color: {c.accent}; color: {c.on_accent};
        padding: 9px 14px; font-weight: 600; }}
    QPushButton[primary="true"]:hover {{ background: {c.accent_hovered}; }}
    QPushButton[primary="true"]:pressed {{ background: {c.accent_pressed}; }}
    QPushButton[primary="true"]:focus {{ border-color: {c.text}; }}
    QPushButton[primary="true"]:disabled {{ background: {c.raised}; border-color: {c.border}; color: {c.disabled}; }}
    QToolButton[quiet="true"] {{ border: 1px solid transparent; border-radius: 5px; padding: 3px 6px; }}
    QToolButton[quiet="true"]:hover {{ background: {c.hovered}; }}
    QToolButton[quiet="true"]:focus {{ border-color: {c.accent_text}; }}

    QWidget#panel {{ background: {c.surface}; border-left: 1px solid {c.border}; }}
    QListWidget#pictures {{ background: {c.surface}; border: 0; border-right: 1px solid {c.border}; outline: 0;
        padding: 8px; }}
    QListWidget#pictures::item {{ border-radius: 6px; padding: 7px; color: {c.text}; border: 1px solid transparent; }}
    QListWidget#pictures::item:hover {{ background: {c.hovered}; }}
    QListWidget#pictures::item:selected {{ background: {c.selected}; }}
    QListWidget#pictures::item:selected:focus {{ border-color: {c.accent_text}; }}
    QScrollArea, QScrollArea > QWidget > QWidget#models {{ background: transparent; border: 0; }}

    QLabel[role="muted"] {{ color: {c.muted}; }}
    QLabel[role="heading"] {{ color: {c.muted}; font-weight: 600; }}
    QLabel[role="title"] {{ font-weight: 600; }}
    QLabel[role="display"] {{ font-weight: 600; font-size: 17pt; }}
    QLabel[role="error"] {{ color: {c.error}; }}

    QFrame[card="true"] {{ background: transparent; border: 1px solid {c.border}; border-radius: 8px; }}
    QFrame[card="true"]:hover {{ background: {c.hovered}; }}
    QFrame[card="true"][chosen="true"] {{ background: {c.selected}; border-color: {c.accent_text}; }}

    QPushButton[segment="true"] {{ border-radius: 6px; padding: 6px 0; }}
    QPushButton[segment="true"]:checked {{ background: {c.selected}; border-color: {c.accent_text}; font-weight: 600; }}

    QRadioButton::indicator {{ width: 14px; height: 14px; border-radius: 8px; border: 1px solid {c.control_border};
        background: {c.raised}; }}
    QRadioButton::indicator:checked {{ border-color: {c.accent_text};
        background: qradialgradient(cx: 0.5, cy: 0.5, radius: 0.5, fx: 0.5, fy: 0.5, stop: 0 {c.accent_text},
        stop: 0.5 {c.accent_text}, stop: 0.62 {c.raised}, stop: 1 {c.raised}); }}
    QRadioButton::indicator:focus {{ border-color: {c.accent_text}; }}

    QCheckBox {{ spacing: 7px; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border-radius: 4px; border: 1px solid {c.control_border};
        background: {c.raised}; }}
    QCheckBox::indicator:checked {{ border-color: {c.accent}; background: {c.accent}; image: url({_mark_path("check")}); }}
    QCheckBox::indicator:focus {{ border-color: {c.accent_text}; }}

    QComboBox, QSpinBox, QLineEdit {{ background: {c.raised}; border: 1px solid {c.control_border}; border-radius: 6px;
        padding: 3px 8px; min-height: 18px; selection-background-color: {c.accent}; selection-color: {c.on_accent}; }}
    QComboBox:hover, QSpinBox:hover {{ background: {c.hovered}; }}
    QComboBox:focus, QSpinBox:focus, QLineEdit:focus {{ border-color: {c.accent_text}; }}
    QComboBox:disabled, QSpinBox:disabled, QLineEdit:disabled {{ border-color: {c.border}; color: {c.disabled};
        background: {c.surface}; }}
    QComboBox::drop-down {{ border: 0; width: 22px; }}
    QComboBox::down-arrow, QSpinBox::down-arrow {{ image: url({_mark_path("chevron-down")}); width: 10px; height: 10px; }}
    QSpinBox::up-arrow {{ image: url({_mark_path("chevron-up")}); width: 10px; height: 10px; }}
    QSpinBox QLineEdit {{ background: transparent; border: 0; padding: 0; min-height: 0; }}
    QSpinBox::up-button, QSpinBox::down-button {{ border: 0; background: transparent; width: 22px; }}
    QComboBox QAbstractItemView {{ background: {c.raised}; border: 1px solid {c.border}; padding: 4px; outline: 0;
        selection-background-color: {c.selected}; selection-color: {c.text}; }}
    QSlider::groove:horizontal {{ background: {c.control_border}; height: 4px; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {c.accent_text}; height: 4px; border-radius: 2px; }}
    QSlider::handle:horizontal {{ background: {c.accent_text}; width: 16px; height: 16px; margin: -6px 0; border-radius: 8px; }}
    QSlider::handle:horizontal:focus {{ background: {c.text}; }}
    QSlider::handle:horizontal:disabled {{ background: {c.disabled}; }}

    QWidget#strip {{ background: {c.surface}; border-top: 1px solid {c.border}; }}
    QProgressBar {{ background: {c.border}; border: 0; border-radius: 3px; max-height: 6px; min-height: 6px; }}
    QProgressBar::chunk {{ background: {c.accent_text}; border-radius: 3px; }}

    QWidget#paneHeader {{ background: {c.window}; }}
    QFrame#notice {{ background: {c.surface}; border: 0; border-bottom: 1px solid {c.border}; }}
    QFrame#notice[kind="error"] {{ border-left: 4px solid {c.error}; }}
    QFrame#notice[kind="warning"] {{ border-left: 4px solid {c.warning}; }}
    QPlainTextEdit {{ background: {c.stage}; border: 1px solid {c.border}; border-radius: 6px; padding: 4px; }}
    QScrollBar:vertical {{ background: transparent; border: 0; margin: 0; width: 12px; }}
    QScrollBar:horizontal {{ background: transparent; border: 0; margin: 0; height: 12px; }}
    QScrollBar::handle {{ background: {c.control_border}; border-radius: 3px; }}
    QScrollBar::handle:vertical {{ margin: 0 3px; min-height: 28px; }}
    QScrollBar::handle:horizontal {{ margin: 3px 0; min-width: 28px; }}
    QScrollBar::handle:hover {{ background: {c.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: none; }}
    QMenu {{ background: {c.raised}; border: 1px solid {c.border}; padding: 4px; }}
    QMenu::item {{ padding: 6px 28px 6px 12px; border-radius: 4px; }}
    QMenu::item:selected {{ background: {c.hovered}; }}
    QMenu::item:disabled {{ color: {c.disabled}; }}
    QMenu::separator {{ height: 1px; background: {c.border}; margin: 4px 8px; }}
    """


# An application is made with these: Qt's own style, alike on every desktop, for which the style sheet is drawn. Once Qt
# is asked for its style, or given one, PySide defines all that QStyle knows: the window would be painted 16 ms later.
STYLE_ARGUMENTS = ("-style", "fusion")


class Theme(QObject):
    """The scheme in force, for an application made with `STYLE_ARGUMENTS`.

    `changed` tells that widgets which paint by themselves must ask again.
    """

    changed = Signal()

    def __init__(self, application: QApplication, scheme: Qt.ColorScheme = Qt.ColorScheme.Unknown) -> None:
        """`scheme`: dark or light whatever the desktop says; Unknown follows it."""
        super().__init__(application)
        self._application = application
        self._scheme = scheme
        self.colours = LIGHT
        self._follow()
        hints = QGuiApplication.styleHints()
        # Queued: Qt still tells its own widgets of the change when it emits this.
        hints.colorSchemeChanged.connect(self._follow, Qt.ConnectionType.QueuedConnection)

    def set_scheme(self, scheme: Qt.ColorScheme) -> None:
        """Shows dark or light from now on, whatever the desktop says; Unknown follows it."""
        self._scheme = scheme
        self._follow()

    @property
    def is_dark(self) -> bool:
        """Whether the dark scheme is in force."""
        return self.colours is DARK

    def icon(self, name: str) -> QIcon:
        """Returns an icon in the colours of text."""
        return tinted_icon(name, self.colours.text, self.colours.disabled)

    @Slot()
    def _follow(self) -> None:
        scheme = self._scheme
        if scheme == Qt.ColorScheme.Unknown:
            scheme = QGuiApplication.styleHints().colorScheme()
        self.colours = DARK if scheme == Qt.ColorScheme.Dark else LIGHT
        self._application.setPalette(palette_of(self.colours))
        self._application.setStyleSheet(style_sheet_of(self.colours))
        self.changed.emit()
