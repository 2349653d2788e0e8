"""The queue: the images that are open, in the order in which they are done. Imports Qt, `app` and the plain data of `engine`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QDropEvent, QIcon, QImage, QKeyEvent, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import (
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.jobs import JobState, Picture
from app.wording import picture_state

_WIDTH_PX = 216
_THUMBNAIL_PX = 44
_BAR_PX = 3
# The least room under the last row in which more images are invited.
_HINT_PX = 72
_MARGIN_PX = 8
# How many rows out of sight are brought up to date between two events.
_ROWS_AT_ONCE = 100
_NUMBER = Qt.ItemDataRole.UserRole
# How much of the running job is done, 0 to 1, or None.
_SHARE = Qt.ItemDataRole.UserRole + 1

_Index = QModelIndex | QPersistentModelIndex


class PictureList(QListWidget):
    """One row an image: its thumbnail, its name and how far it is.

    `picked(number)`: the person turns to another. `moved(number, row)`: put elsewhere by dragging. `menu_asked(number, QMenu)`: a
    menu is about to open for a row; whoever can do something with it adds to it.
    """

    picked = Signal(int)
    moved = Signal(int, int)
    menu_asked = Signal(int, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pictures")
        self.setAccessibleName(self.tr("Images"))
        self.setFixedWidth(_WIDTH_PX)
        self.setIconSize(QSize(_THUMBNAIL_PX, _THUMBNAIL_PX))
        self.setSpacing(1)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setUniformItemSizes(True)
        self.setDragDropMode(QListWidget.DragDropMode.InternalMove)
        self.setItemDelegate(_Row(self))
        # The rows by their pictures' numbers: each event asks for one, and a folder may hold thousands.
        self._items: dict[int, QListWidgetItem] = {}
        self._blank_icon: tuple[int, QIcon] | None = None
        # Rows that are out of sight are brought up to date between events.
        self._stale: dict[int, Picture] = {}
        self._later = QTimer(self, interval=0)
        self._later.timeout.connect(self._show_stale)
        self._hint = QLabel(self.tr("Drop more images here"), self)
        self._hint.setProperty("role", "muted")
        self._hint.setWordWrap(True)
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._open_menu)
        self.currentItemChanged.connect(self._tell)

    def put(self, picture: Picture, row: int | None = None) -> None:
        """Adds the image, at the end or as this row."""
        item = QListWidgetItem()
        item.setData(_NUMBER, picture.number)
        item.setSizeHint(QSize(0, _THUMBNAIL_PX + 14))
        item.setToolTip(str(picture.path))
        item.setIcon(self._blank())
        self._items[picture.number] = item
        self.insertItem(self.count() if row is None else row, item)
        self.show_state(picture)

    def _blank(self) -> QIcon:
        """Returns the place of a thumbnail that is not there yet, so that words do not jump when it comes."""
        edge_px = round(_THUMBNAIL_PX * self.devicePixelRatioF())
        if self._blank_icon is None or self._blank_icon[0] != edge_px:
            pixmap = QPixmap(edge_px, edge_px)
            pixmap.fill(Qt.GlobalColor.transparent)
            self._blank_icon = edge_px, QIcon(pixmap)
        return self._blank_icon[1]

    def show_state(self, picture: Picture) -> None:
        """Brings the image's words and its bar up to date."""
        item = self._items.get(picture.number)
        if item is None:
            return
        self._stale.pop(picture.number, None)
        text = f"{picture.path.name}\n{picture_state(picture)}"
        if item.text() != text:
            item.setText(text)
        running = next((job for job in picture.results if job.state is JobState.RUNNING and job.tiles), None)
        item.setData(_SHARE, None if running is None else running.tiles_done / running.tiles)

    def show_states(self, pictures: Sequence[Picture]) -> None:
        """Brings all rows up to date, given the images in their order: those in sight now, the others between the next events."""
        rows = self._rows_in_sight()
        for picture in pictures[rows.start : rows.stop]:
            self.show_state(picture)
        for picture in (*pictures[: rows.start], *pictures[rows.stop :]):
            self._stale[picture.number] = picture
        if self._stale:
            self._later.start()

    def _rows_in_sight(self) -> range:
        if not self.count():
            return range(0)
        first = self.visualItemRect(self.item(0))
        row_px = first.height() + 2 * self.spacing()
        top = max(0, -first.top() // row_px)
        return range(top, top + self.height() // row_px + 2)

    @Slot()
    def _show_stale(self) -> None:
        for number in list(itertools.islice(self._stale, _ROWS_AT_ONCE)):
            picture = self._stale.pop(number)
            self.show_state(picture)
        if not self._stale:
            self._later.stop()

    def set_thumbnail(self, number: int, image: QImage) -> None:
        """Shows the image's thumbnail."""
        item = self._items.get(number)
        if item is not None:
            thumbnail = square_thumbnail(image, round(_THUMBNAIL_PX * self.devicePixelRatioF()))
            icon = QIcon(thumbnail)
            # Else Qt tints the thumbnail of the row that is selected, and a picture's colours are its own.
            icon.addPixmap(thumbnail, QIcon.Mode.Selected)
            item.setIcon(icon)

    def drop(self, number: int) -> None:
        """Takes the image out."""
        item = self._items.pop(number, None)
        self._stale.pop(number, None)
        if item is not None:
            self.takeItem(self.row(item))

    def pick(self, number: int) -> None:
        """Marks the image as the one shown."""
        item = self._items.get(number)
        if item is not None:
            self.setCurrentItem(item)

    def move_to(self, number: int, row: int) -> None:
        """Puts the image into another row."""
        item = self._items.get(number)
        if item is not None:
            is_current = item is self.currentItem()
            was_blocked = self.blockSignals(True)
            self.insertItem(row, self.takeItem(self.row(item)))
            if is_current:
                self.setCurrentItem(item)
            self.blockSignals(was_blocked)

    @property
    def numbers(self) -> list[int]:
        """The pictures' numbers from top to bottom."""
        return [self.item(row).data(_NUMBER) for row in range(self.count())]

    def dropEvent(self, event: QDropEvent) -> None:
        """Moves a row, and tells where to."""
        item = self.currentItem()
        super().dropEvent(event)
        if item is not None:
            number = item.data(_NUMBER)
            self.moved.emit(number, self.numbers.index(number))

    def updateGeometries(self) -> None:
        """Places the rows, and under them the words that there is room for more."""
        super().updateGeometries()
        last = self.visualItemRect(self.item(self.count() - 1)) if self.count() else QRect()
        # A label, not painted on the viewport: PySide tries every kind of widget for a viewport that it is asked for.
        self._hint.setGeometry(0, last.bottom() + _MARGIN_PX, self.width(), _HINT_PX)
        self._hint.setVisible(bool(self.count()) and self._hint.geometry().bottom() < self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Takes Alt with the arrows to move the row that is chosen."""
        item = self.currentItem()
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if item is not None and steps and event.modifiers() == Qt.KeyboardModifier.AltModifier:
            row = min(max(0, self.row(item) + steps), self.count() - 1)
            number = item.data(_NUMBER)
            self.move_to(number, row)
            self.moved.emit(number, row)
        else:
            super().keyPressEvent(event)

    def make_menu(self, number: int) -> QMenu:
        """Returns the menu of a row, filled by those who hear `menu_asked`."""
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.menu_asked.emit(number, menu)
        return menu

    @Slot(QPoint)
    def _open_menu(self, at: QPoint) -> None:
        item = self.itemAt(at) or self.currentItem()
        if item is not None:
            menu = self.make_menu(item.data(_NUMBER))
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.viewport().mapToGlobal(at))

    @Slot()
    def _tell(self) -> None:
        item = self.currentItem()
        if item is not None:
            self.picked.emit(item.data(_NUMBER))


class _Row(QStyledItemDelegate):
    """Draws a bar under the words of an image that is being upscaled."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        super().paint(painter, option, index)
        share = index.data(_SHARE)
        if share is None:
            return
        rect: QRect = option.rect
        palette: QPalette = option.palette
        left = rect.left() + _THUMBNAIL_PX + 14
        groove = QRect(left, rect.bottom() - _BAR_PX - 3, rect.right() - left - 8, _BAR_PX)
        ground = QColor(palette.color(QPalette.ColorRole.Text))
        ground.setAlphaF(0.18)
        painter.fillRect(groove, ground)
        groove.setWidth(round(groove.width() * share))
        painter.fillRect(groove, palette.color(QPalette.ColorRole.Highlight))


def square_thumbnail(image: QImage, edge_px: int) -> QPixmap:
    """Returns the middle of the image as a square."""
    filled = image.scaled(
        edge_px, edge_px, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    left, top = (filled.width() - edge_px) // 2, (filled.height() - edge_px) // 2
    return QPixmap.fromImage(filled.copy(left, top, edge_px, edge_px))
