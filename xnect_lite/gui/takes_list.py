"""The takes of a folder: picture, name, date, people, length."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PyQt6.QtCore import QAbstractListModel, QModelIndex, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPixmap
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListView,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from xnect_lite.gui import theme
from xnect_lite.gui.aside import Aside
from xnect_lite.gui.colors import CANVAS
from xnect_lite.runners.shelf import TakeCard, scan_takes, thumbnail

_PICTURE = QSize(80, 45)
_ROW_PX = 61
_EMPTY = "No takes yet.\nRecord one, or open a video."


class _Model(QAbstractListModel):
    """One `TakeCard` a row."""

    def __init__(self) -> None:
        super().__init__()
        self.cards: list[TakeCard] = []
        self.pictures: dict[Path, QPixmap | None] = {}
        self.open_folder: Path | None = None

    def show(self, cards: list[TakeCard]) -> None:
        self.beginResetModel()
        self.cards = cards
        self.endResetModel()

    def changed(self) -> None:
        if self.cards:
            self.dataChanged.emit(self.index(0), self.index(len(self.cards) - 1))

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        return 0 if parent.isValid() else len(self.cards)

    def data(self, index: QModelIndex, role: int = 0) -> object:
        card = self.cards[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return card.title
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{card.title}, {card_words(card)}"
        if role == Qt.ItemDataRole.ToolTipRole:
            return card.problem or str(card.folder)
        return None


class _Painter(QStyledItemDelegate):
    """A picture on the left, two lines on the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return QSize(160, _ROW_PX)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        model, colors = index.model(), theme.current()
        assert isinstance(model, _Model) and painter is not None
        card = model.cards[index.row()]
        box = QRectF(option.rect)
        is_chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        is_open = card.folder == model.open_folder
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if is_chosen or is_open or option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, QColor(colors.raised))
        if is_open:
            painter.fillRect(QRectF(box.left(), box.top(), 3, box.height()), QColor(colors.accent))
        picture = QRectF(box.left() + 10, box.top() + 8, _PICTURE.width(), _PICTURE.height())
        self._paint_picture(painter, picture, model.pictures.get(card.folder))
        left = picture.right() + 10
        words = QRectF(left, box.top() + 9, box.right() - left - 8, 22)
        font = QFont(option.font)
        font.setBold(is_open)
        painter.setFont(font)
        painter.setPen(QColor(colors.text))
        title = painter.fontMetrics().elidedText(card.title, Qt.TextElideMode.ElideRight, int(words.width()))
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, title)
        font = QFont(option.font)
        font.setPointSizeF(font.pointSizeF() * 0.88)
        painter.setFont(font)
        painter.setPen(QColor(colors.warning if card.problem or not card.is_finished else colors.dim))
        line = painter.fontMetrics().elidedText(card_words(card), Qt.TextElideMode.ElideRight, int(words.width()))
        painter.drawText(words.translated(0, 20), Qt.AlignmentFlag.AlignVCenter, line)
        painter.restore()

    def _paint_picture(self, painter: QPainter, box: QRectF, pixmap: QPixmap | None) -> None:
        path = QPainterPath()
        path.addRoundedRect(box, 4, 4)
        painter.fillPath(path, QColor(*CANVAS))
        if pixmap is None:
            return
        painter.save()
        painter.setClipPath(path)
        size = pixmap.size().scaled(_PICTURE, Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        place = QRectF(0, 0, size.width(), size.height())
        place.moveCenter(box.center())
        painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))
        painter.restore()


class TakesList(QWidget):
    """The list; a double click or Enter opens a take.

    opened (folder)   a take is to be shown
    failed (text)     the folder cannot be read
    """

    opened = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, takes: Path, cache: Path | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._takes, self._cache = takes, cache
        self._background = Aside("takes", self)
        self._model = _Model()
        self._list = QListView()
        self._list.setAccessibleName("Takes")
        self._list.setModel(self._model)
        self._list.setItemDelegate(_Painter(self._list))
        self._list.setMouseTracking(True)
        self._list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._list.setUniformItemSizes(True)
        self._list.activated.connect(lambda index: self.opened.emit(self._model.cards[index.row()].folder))
        self._list.clicked.connect(lambda index: self.opened.emit(self._model.cards[index.row()].folder))
        self._words = QLabel(_EMPTY)
        theme.mark(self._words, dim=True)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._words.setWordWrap(True)
        self._layout = QStackedLayout(self)
        self._layout.addWidget(self._words)
        self._layout.addWidget(self._list)

    @property
    def cards(self) -> list[TakeCard]:
        """The takes listed."""
        return self._model.cards

    def show_folder(self, takes: Path) -> None:
        """Another folder of takes."""
        self._takes = takes
        self.refresh()

    def refresh(self) -> None:
        """Look again what there is; the answer comes later."""
        takes = self._takes

        self._background.run(lambda: scan_takes(takes), self._show)

    def mark_open(self, folder: Path | None) -> None:
        """The take that is shown in the window."""
        self._model.open_folder = folder
        self._model.changed()

    def close_threads(self) -> None:
        """No more pictures are made."""
        self._background.close()

    def _show(self, found: object) -> None:
        if isinstance(found, Exception):
            self._words.setText(str(found))
            self._layout.setCurrentWidget(self._words)
            self.failed.emit(str(found))
            return
        assert isinstance(found, list)
        self._model.show(found)
        self._words.setText(_EMPTY)
        self._layout.setCurrentWidget(self._list if found else self._words)
        for card in found:
            if card.folder not in self._model.pictures and not card.problem:
                self._model.pictures[card.folder] = None
                self._background.run(partial(_picture_of, card.folder, self._cache), self._show_picture)

    def _show_picture(self, found: Any) -> None:
        if isinstance(found, Exception):
            return
        folder, image = found
        if image is not None:
            self._model.pictures[folder] = _pixmap(image)
            self._model.changed()


def card_words(card: TakeCard, now: datetime | None = None) -> str:
    """The second line: when, who, how long; or what is wrong."""
    if card.problem:
        return "cannot be read"
    if not card.is_finished:
        return "not finished"
    people = "nobody" if not card.people else "1 person" if card.people == 1 else f"{card.people} people"
    minutes, seconds = divmod(round(card.duration_s), 60)
    return " · ".join(filter(None, (day_words(card.started, now), people, f"{minutes}:{seconds:02d}")))


def day_words(moment: datetime | None, now: datetime | None = None) -> str:
    """Today 14:03, yesterday, 21 Nov, 21 Nov 2025."""
    if moment is None:
        return ""
    now = now or datetime.now()
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    if moment.date() == (now - timedelta(days=1)).date():
        return "yesterday"
    return f"{moment.day} {moment:%b}" + ("" if moment.year == now.year else f" {moment.year}")


def _picture_of(folder: Path, cache: Path | None) -> tuple[Path, np.ndarray | None]:
    return folder, thumbnail(folder, cache)


def _pixmap(image: np.ndarray) -> QPixmap:
    height, width = image.shape[:2]
    shared = QImage(image.data, width, height, 3 * width, QImage.Format.Format_RGB888)  # type: ignore[call-overload]
    return QPixmap.fromImage(shared.copy())
