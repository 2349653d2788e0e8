"""The window: what is laid out where, drag and drop, closing. What a person does in it has rooms of its own beside this file.

Imports Qt, `app` and the plain data of `engine`. Its rooms share a `Desk`; what takes time goes to the bridge, whose answers
change the session first and then what is shown of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from app.bridge import Bridge, ModelReady, ModelsListed, readable_formats
from app.settings import Settings
from app.theme import Theme
from app.widgets.drop_area import DropArea
from app.widgets.model_panel import PANEL_WIDTH_PX
from app.windows.desk import Desk
from app.windows.exporting import Exporting
from app.windows.helping import Helping
from app.windows.inspecting import Inspecting
from app.windows.keeping import Keeping
from app.windows.opening import Opening
from app.windows.planning import Planning
from app.windows.previewing import Previewing
from app.windows.queueing import Queueing
from app.windows.recent import Recent
from app.windows.remembering import Remembering
from app.windows.running import Running
from app.windows.saving import Saving
from app.windows.showing import Showing
from app.windows.telling import Telling
from app.windows.toolbar import ToolBar
from app.windows.watching import Watching
from app.wording import device_text

_FIRST_SIZE_PX = (1240, 780)


class MainWindow(QMainWindow):
    """Triptych's window.

    Signals: `painted()` once, when it is first on the screen: only then the engine is started. `closing()`: it is certain now.
    """

    painted = Signal()
    closing = Signal()

    def __init__(self, bridge: Bridge, settings: Settings, theme: Theme) -> None:
        super().__init__()
        self._bridge = bridge
        self._settings = settings
        self._theme = theme
        self._was_painted = False
        self._asks_before_loss = True
        self.setWindowTitle("Triptych")
        self.setAcceptDrops(True)
        desk = self.desk = Desk(self, bridge, settings, theme)
        self.session, self.actions_ = desk.session, desk.actions
        self.view, self.panel, self.strip = desk.view, desk.panel, desk.strip
        self.pictures, self.notices = desk.pictures, desk.notices
        self.showing = Showing(desk)
        self.saving = Saving(desk)
        self.running = Running(desk, self.showing, self.saving)
        self.opening = Opening(desk, self.showing, self.running)
        self.queueing = Queueing(desk, self.opening, self.running, self.saving)
        self.keeping = Keeping(desk, self.running)
        self.previewing = Previewing(desk, self.showing)
        self.exporting = Exporting(desk)
        self.planning = Planning(desk)
        self.telling = Telling(desk, self.running)
        self.watching = Watching(desk, theme)
        self.inspecting = Inspecting(desk, self.showing, theme)
        self.helping = Helping(desk, self.watching, theme)
        self.remembering = Remembering(desk, self.showing)
        self.panel.all_ticked.setChecked(settings.runs_ticked)
        self._build(theme)
        self._connect()
        self.resize(*_FIRST_SIZE_PX)
        if settings.geometry is not None:
            self.restoreGeometry(settings.geometry)
        desk.tell()

    def _build(self, theme: Theme) -> None:
        self.drop_area = DropArea(theme, self._listed(readable_formats()))
        self.pages = QStackedWidget()
        self.pages.addWidget(self.drop_area)
        self.pages.addWidget(self.view)
        middle = QVBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.notices)
        middle.addWidget(self.helping.card)
        middle.addWidget(self.pages, 1)
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.pictures)
        upper.addLayout(middle, 1)
        left = QVBoxLayout()
        left.setSpacing(0)
        left.addLayout(upper, 1)
        left.addWidget(self.watching.panel)
        # The controls have the whole height: on a low screen they would not fit above the memory panel.
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addLayout(left, 1)
        # The attention inspector takes the place of the controls while it is on.
        self.right = QStackedWidget()
        self.right.setFixedWidth(PANEL_WIDTH_PX)
        self.right.addWidget(self.panel)
        row.addWidget(self.right)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row, 1)
        column.addWidget(self.strip)
        self.setCentralWidget(centre)
        self.toolbar = ToolBar(self.actions_, self.view, theme)
        self.zoom_text = self.toolbar.zoom_text
        self.recent = Recent(self.desk, self.opening, self.toolbar.recent)
        self.addToolBar(self.toolbar)

    def _connect(self) -> None:
        actions, bridge = self.actions_, self._bridge
        actions.full_screen.toggled.connect(self._set_full_screen)
        actions.quit.triggered.connect(self.close)
        self.drop_area.open_button.clicked.connect(actions.open.trigger)
        self.drop_area.open_button.setToolTip(actions.open.toolTip())
        self.desk.changed.connect(self._follow)
        self.view.zoom_changed.connect(self._show_zoom)
        self.panel.changed.connect(self._follow_choice)
        self.view.attention_toggled.connect(self._show_inspector)
        self.painted.connect(self.watching.start)
        self.planning.planned.connect(self.watching.show_plan)
        self.helping.settings_changed.connect(self._prepare_choice)
        self.helping.settings_changed.connect(self.saving.tell_where)
        self.running.worker_lost.connect(self._prepare_choice)
        bridge.models_listed.connect(self._on_models)
        bridge.model_ready.connect(self._on_model_ready)

    def _listed(self, names: Sequence[str]) -> str:
        """Returns names as a list in a sentence: `PNG, JPEG and TIFF`."""
        if len(names) < 2:
            return "".join(names)
        return self.tr("{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])

    def open_files(self, paths: Iterable[Path]) -> None:
        """Takes in images, folders and checkpoints; the first new image is shown."""
        self.opening.open_files(paths, is_edit=False)

    # Models

    @Slot(object)
    def _on_models(self, event: ModelsListed) -> None:
        self.panel.show_models(event.entries, self._settings.model)
        self._prepare_choice()
        # After the model: the worker has loaded torch by then.
        self._bridge.examine()

    @Slot(object)
    def _on_model_ready(self, event: ModelReady) -> None:
        ready = event.ready
        self.telling.ready_sentence = self.tr("Ready on {device}, {precision}.").format(
            device=device_text(ready.device), precision=ready.precision
        )
        self.telling.refresh()
        if ready.device != "cpu" and self.session.active_job is None and self.panel.begin_with_best():
            self._prepare_choice()

    @Slot()
    def _prepare_choice(self) -> None:
        """Gets the worker going ahead of the first job, which then begins at once."""
        entry = self.panel.choice
        if entry is not None:
            self._bridge.prepare(entry.path, entry.scale, self.desk.upscale_settings)

    @Slot()
    def _follow_choice(self) -> None:
        if self.panel.choice is not None:
            self._settings.model = self.panel.choice.name
        self._settings.runs_ticked = self.panel.all_ticked.isChecked()
        self.desk.tell(self.desk.passing_sentence)

    # What is shown

    @Slot()
    def _follow(self) -> None:
        picture = self.session.shown
        self.pictures.setVisible(bool(self.session.pictures))
        self.pages.setCurrentWidget(self.view if self.session.pictures else self.drop_area)
        self.setWindowTitle("Triptych" if picture is None else f"{picture.path.name} – Triptych")
        self._show_zoom()

    @Slot()
    def _show_zoom(self) -> None:
        is_shown = self.session.shown is not None and self.session.shown.raster is not None
        self.toolbar.show_zoom(self.view.camera.zoom if is_shown else None)
        self.view.setAccessibleDescription(self.tr("Zoom {percent}").format(percent=self.zoom_text.text()))

    @Slot(bool)
    def _set_full_screen(self, full: bool) -> None:
        # The other states stay: a window that was maximised is so again afterwards.
        whole = Qt.WindowState.WindowFullScreen
        self.setWindowState(self.windowState() | whole if full else self.windowState() & ~whole)

    @Slot(bool)
    def _show_inspector(self, on: bool) -> None:
        if on and self.right.indexOf(self.inspecting.panel) < 0:
            self.right.addWidget(self.inspecting.panel)
        self.right.setCurrentWidget(self.inspecting.panel if on else self.panel)

    # Closing

    def close_without_asking(self) -> None:
        """Closes the window although work is lost: the system wants the process to end."""
        self._asks_before_loss = False
        # A question that is open is answered by its being closed; it may be the one that this window asks on closing.
        while (dialog := QApplication.activeModalWidget()) is not None:
            dialog.close()
        QTimer.singleShot(0, self.close)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Asks before work is lost; then lets go of the rasters, ends the engine, and remembers how things were."""
        jobs = [job for picture in self.session.pictures for job in picture.results]
        may_close = not self._asks_before_loss or self.queueing.may_close(jobs, self.tr("Close Triptych"))
        # Asked again: the system may have decided while the question was open.
        if not may_close and self._asks_before_loss:
            event.ignore()
            return
        self.closing.emit()
        self._settings.geometry = self.saveGeometry()
        self.keeping.write()
        self._settings.flush()
        self.hide()
        # The maps go first: nothing may read a raster whose file the engine removes.
        self.watching.stop()
        self.view.close_rasters()
        self._bridge.close()
        event.accept()

    # Qt's events

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Gives the memory more of a higher window."""
        super().resizeEvent(event)
        self.watching.panel.set_window_height(self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Takes Esc where nothing inside the window had something to leave: preview, full screen, the latest notice."""
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.previewing.is_on:
            self.previewing.leave()
        elif self.isFullScreen():
            self.actions_.full_screen.setChecked(False)
        elif self.notices.notices:
            self.notices.notices[0].dismissed.emit()
        elif self.helping.card.isVisible():
            self.helping.card.close_button.click()

    def event(self, event: QEvent) -> bool:
        """Tells of the first paint, once it is on the screen."""
        handled = super().event(event)
        if event.type() == QEvent.Type.Paint and not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self.painted.emit)
        return handled

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes files and images, and shows that it does."""
        data = event.mimeData()
        if data.hasUrls() or data.hasImage():
            event.acceptProposedAction()
            shown = self.session.shown
            is_one_file = len(data.urls()) == 1 and data.urls()[0].isLocalFile()
            self.drop_area.set_hovered(True, shown.path.name if is_one_file and shown and shown.raster else "")
            self.pages.setCurrentWidget(self.drop_area)

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Goes back to what was shown."""
        self._end_drag()

    def dropEvent(self, event: QDropEvent) -> None:
        """Opens what was dropped, or takes it as the reference where it was dropped on that slot."""
        is_reference = self.drop_area.is_on_slot(self.drop_area.mapFrom(self, event.position().toPoint()))
        self._end_drag()
        event.acceptProposedAction()
        data = event.mimeData()
        if is_reference:
            self.opening.open_reference(Path(data.urls()[0].toLocalFile()))
        else:
            self.opening.take(data)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Shows which of the two the pointer is on."""
        self.drop_area.point_at(self.drop_area.mapFrom(self, event.position().toPoint()))
        event.acceptProposedAction()

    def _end_drag(self) -> None:
        self.drop_area.set_hovered(False)
        self._follow()
