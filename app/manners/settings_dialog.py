"""The settings: language, appearance, where results go, where models run, how long interrupted jobs stay.

Imports Qt, `app` and `engine.outputs`. Nothing is changed before the person says so; what needs a new start is marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.manners.translations import LANGUAGES
from app.settings import KEEP_DAYS, MOST_KEEP_DAYS, Settings
from app.theme import indent_number
from engine.errors import UsageError
from engine.imaging import formats
from engine.outputs import DEFAULT_TEMPLATE, Target, check_template, output_path

STANDARD_QUALITY = 95
_LOSSY = ("keep", "jpeg", "webp", "avif")
_WIDTH_PX = 520
_FIELD_HEIGHT_PX = 30
# Two lines: a reason must not push the rest down.
_EXAMPLE_LINES = 2


@dataclass(frozen=True)
class DeviceChoice:
    """A device to choose: `name` in the words of `--device`, `title` for people ("NVIDIA H200")."""

    name: str
    title: str


class SettingsDialog(QDialog):
    """Shows the settings and keeps them on Save.

    Signals: `saved()` after everything is kept; ask `Settings` for it. `restart_needed` says whether the language is another one,
    which the next start shows.
    """

    saved = Signal()

    def __init__(self, settings: Settings, devices: Sequence[DeviceChoice] = (), parent: QWidget | None = None) -> None:
        """`devices`: what was found ("auto" and "cpu" are offered in any case)."""
        super().__init__(parent)
        self._settings = settings
        self.restart_needed = False
        self.setWindowTitle(self.tr("Settings"))
        self._make_general()
        self._make_output()
        self._make_computing(devices)
        form = QFormLayout()
        form.setHorizontalSpacing(18)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        self._heading(form, self.tr("General"))
        form.addRow(self.tr("&Language"), self.language)
        form.addRow("", self.language_note)
        form.addRow(self.tr("&Appearance"), self.appearance)
        self._heading(form, self.tr("Results"))
        form.addRow(self.tr("&Folder"), self.place)
        form.addRow("", self.folder_row)
        form.addRow(self.tr("F&ormat"), self.format)
        form.addRow(self.tr("&Quality"), self.quality)
        form.addRow(self.tr("&Name"), self.template)
        form.addRow("", self.example)
        self._heading(form, self.tr("Computing"))
        form.addRow(self.tr("&Device"), self.device)
        form.addRow(self.tr("Interrupted &jobs"), self.keep_days)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save
            | QDialogButtonBox.StandardButton.Cancel
            | QDialogButtonBox.StandardButton.RestoreDefaults
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        for button in self.buttons.buttons():
            # Some desktops put pictures on them, which the buttons of the window do not have.
            button.setIcon(QIcon())
        restore = self.buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
        restore.setToolTip(self.tr("Put back what a new Triptych has. Nothing is kept before you save."))
        restore.clicked.connect(self._restore)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 16)
        column.setSpacing(18)
        column.addLayout(form)
        column.addStretch(1)
        column.addWidget(self.buttons)
        self.setMinimumWidth(_WIDTH_PX)
        for number in (self.quality, self.keep_days):
            indent_number(number)
        for field in (self.language, self.appearance, self.place, self.folder, self.choose, self.format, self.quality,
                      self.template, self.device, self.keep_days):  # fmt: skip
            field.setMinimumHeight(_FIELD_HEIGHT_PX)
        self._fill(settings.language, settings.appearance, settings.target, settings.device, settings.keep_days)

    def _heading(self, form: QFormLayout, words: str) -> None:
        label = QLabel(words)
        label.setProperty("role", "heading")
        if form.rowCount():
            label.setContentsMargins(0, 12, 0, 0)
        form.addRow(label)

    def _make_general(self) -> None:
        self.language = QComboBox()
        self.language.addItem(self.tr("As the desktop"), "")
        for code, name in LANGUAGES.items():
            self.language.addItem(name, code)
        self.language.currentIndexChanged.connect(self._follow)
        self.language_note = QLabel(self.tr("The next start shows it."))
        self.language_note.setProperty("role", "muted")
        self.appearance = QComboBox()
        for name, words in (
            ("desktop", self.tr("As the desktop")),
            ("light", self.tr("Light")),
            ("dark", self.tr("Dark")),
        ):
            self.appearance.addItem(words, name)

    def _make_output(self) -> None:
        self.place = QComboBox()
        self.place.addItem(self.tr("Beside each image"), False)
        self.place.addItem(self.tr("In one folder"), True)
        self.place.currentIndexChanged.connect(self._follow)
        self.folder = QLineEdit()
        self.folder.setAccessibleName(self.tr("Folder of the results"))
        self.folder.textChanged.connect(self._follow)
        self.choose = QPushButton(self.tr("Choose…"))
        self.choose.setToolTip(self.tr("Choose the folder of the results."))
        self.choose.clicked.connect(self._choose_folder)
        self.folder_row = QWidget()
        row = QHBoxLayout(self.folder_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.folder, 1)
        row.addWidget(self.choose)
        self.format = QComboBox()
        self.format.addItem(self.tr("As the image, where it can be written"), "keep")
        for name in formats.writable_formats():
            self.format.addItem(formats.format_named(name).title, name)
        self.format.currentIndexChanged.connect(self._follow)
        # 0 stands for the standard: a person who never touched it follows it if it changes.
        self.quality = QSpinBox(minimum=0, maximum=100)
        self.quality.setSpecialValueText(self.tr("Standard ({quality})").format(quality=STANDARD_QUALITY))
        self.template = QLineEdit()
        self.template.setToolTip(
            self.tr("What the file is called. {fields} stand for what they say.").format(
                fields="{name} {model} {scale} {width} {height}"
            )
        )
        self.template.textChanged.connect(self._follow)
        self.example = QLabel()
        self.example.setWordWrap(True)
        self.example.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.example.setMinimumHeight(_EXAMPLE_LINES * self.example.fontMetrics().lineSpacing() + 4)

    def _make_computing(self, devices: Sequence[DeviceChoice]) -> None:
        self.device = QComboBox()
        self.device.setToolTip(self.tr("Where models run. The next job begins there."))
        self.device.addItem(self.tr("The best there is"), "auto")
        for choice in devices:
            self.device.addItem(f"{choice.title} ({choice.name})", choice.name)
        if self.device.findData("cpu") < 0:
            self.device.addItem(self.tr("CPU"), "cpu")
        self.keep_days = QSpinBox(minimum=0, maximum=MOST_KEEP_DAYS)
        self.keep_days.setSpecialValueText(self.tr("Remove at the next start"))
        self.keep_days.setPrefix(self.tr("Keep for ", "before a number of days"))
        self.keep_days.setSuffix(self.tr(" days", "after a number of days"))
        self.keep_days.setToolTip(
            self.tr("How long the tiles of jobs that were not finished stay on the disk, to go on from.")
        )
        if self._settings.keep_days_are_given:
            self.keep_days.setEnabled(False)
            self.keep_days.setToolTip(self.tr("The environment variable TRIPTYCH_KEEP_DAYS decides this."))

    def _fill(self, language: str, appearance: str, target: Target, device: str, keep_days: int) -> None:
        _choose(self.language, language)
        _choose(self.appearance, appearance)
        self.folder.setText("" if target.folder is None else str(target.folder))
        _choose(self.place, target.folder is not None)
        _choose(self.format, target.format)
        self.quality.setValue(target.quality or 0)
        self.template.setText(target.template)
        if self.device.findData(device) < 0:
            # It was there once: who chose it sees that it is missing, and the choice stays until they make another.
            self.device.addItem(self.tr("{device} (not there now)").format(device=device), device)
        _choose(self.device, device)
        self.keep_days.setValue(keep_days)
        self._follow()

    @property
    def why_not_save(self) -> str:
        """A sentence that says what is not right yet, or ""."""
        try:
            check_template(self.template.text())
        except UsageError:
            return self.tr("This cannot be a file name: it may hold {fields} and text, but no / or \\.").format(
                fields="{name}, {model}, {scale}, {width}, {height}"
            )
        if self.place.currentData() and not Path(self.folder.text()).is_absolute():
            return self.tr("Choose the folder of the results.")
        return ""

    @property
    def target(self) -> Target:
        """What the fields say of the results."""
        return Target(
            folder=Path(self.folder.text()) if self.place.currentData() else None,
            template=self.template.text(),
            format=self.format.currentData(),
            quality=self.quality.value() or None,
        )

    @Slot()
    def _follow(self) -> None:
        """Shows what belongs to the choices, an example, and why it cannot be kept."""
        in_one = bool(self.place.currentData())
        self.folder_row.setEnabled(in_one)
        self.folder_row.setToolTip("" if in_one else self.tr("Each result lies beside its image: no folder is needed."))
        self.language_note.setVisible(self.language.currentData() != self._settings.language)
        is_lossy = self.format.currentData() in _LOSSY
        self.quality.setEnabled(is_lossy)
        self.quality.setToolTip(
            self.tr("For JPEG, WebP and AVIF: 1 is small, 100 is true.")
            if is_lossy
            else self.tr("This format loses nothing: it has no quality to choose.")
        )
        why_not = self.why_not_save
        self.example.setProperty("role", "error" if why_not else "muted")
        self.example.style().polish(self.example)
        self.example.setText(why_not or self._example())
        save = self.buttons.button(QDialogButtonBox.StandardButton.Save) if hasattr(self, "buttons") else None
        if save is not None:
            save.setEnabled(not why_not)
            save.setToolTip(why_not)

    def _example(self) -> str:
        form = self.format.currentData()
        extension = formats.extension_of("png" if form == "keep" else form)
        source = Path("photo.png")
        result = output_path(
            source, Path(), self.template.text(), model="esc", scale=2, width=1280, height=960, extension=extension
        )
        return self.tr("{source} becomes {result}").format(source=source.name, result=result.name)

    @Slot()
    def _choose_folder(self) -> None:
        begin = self.folder.text() or str(self._settings.folder)
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Folder of the results"), begin)
        if chosen:
            self.folder.setText(chosen)

    @Slot()
    def _restore(self) -> None:
        self._fill("", "desktop", Target(template=DEFAULT_TEMPLATE), "auto", KEEP_DAYS)

    @Slot()
    def accept(self) -> None:
        """Keeps everything, tells of it, and closes."""
        if self.why_not_save:
            return
        settings = self._settings
        self.restart_needed = settings.language != self.language.currentData()
        settings.language = self.language.currentData()
        settings.appearance = self.appearance.currentData()
        settings.target = self.target
        settings.device = self.device.currentData()
        if not settings.keep_days_are_given:
            settings.keep_days = self.keep_days.value()
        settings.flush()
        self.saved.emit()
        super().accept()


def _choose(box: QComboBox, data: object) -> None:
    box.setCurrentIndex(max(0, box.findData(data)))
