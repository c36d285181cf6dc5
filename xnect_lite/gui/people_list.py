"""Who is there: colour, name, height, how sure, and whether they are recorded or exported."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, QPoint, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap
from PyQt6.QtWidgets import QAbstractItemView, QCheckBox, QHeaderView, QTableView, QVBoxLayout, QWidget

from xnect_lite.gui import theme
from xnect_lite.gui.looks import Looks

_COLUMNS = ("Name", "Height", "Sure")
_TIPS = ("Tick: recorded and exported. Double click, F2: name", "Height of the body fitted", "How surely they are found")


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person of the list. height_m, score: NaN = not known."""

    id: int
    height_m: float = math.nan
    score: float = math.nan
    is_in_view: bool = True


class _Model(QAbstractTableModel):
    """Rows for the table; names and ticks are told to the list."""

    def __init__(self, people: PeopleList, looks: Looks) -> None:
        super().__init__()
        self._list, self._looks = people, looks
        self.rows: list[PersonRow] = []

    def show(self, rows: list[PersonRow]) -> None:
        if [row.id for row in rows] == [row.id for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(_COLUMNS) - 1))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable
        return flags

    def data(self, index: QModelIndex, role: int = 0) -> object:
        person, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return (self._looks.title_of(person.id), metres(person.height_m), percent(person.score))[column]
        if role == Qt.ItemDataRole.EditRole and column == 0:
            return self._looks.names.get(person.id, "")
        if role == Qt.ItemDataRole.CheckStateRole and column == 0:
            return Qt.CheckState.Unchecked if person.id in self._list.left_out else Qt.CheckState.Checked
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return swatch(self._looks.color_of(person.id), is_faint=person.id in self._looks.hidden)
        if role == Qt.ItemDataRole.ForegroundRole and (not person.is_in_view or person.id in self._looks.hidden):
            return QColor(theme.current().dim)
        if role == Qt.ItemDataRole.TextAlignmentRole and column:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def setData(self, index: QModelIndex, value: object, role: int = 0) -> bool:
        person = self.rows[index.row()]
        if role == Qt.ItemDataRole.CheckStateRole:
            self._list.set_left_out(person.id, Qt.CheckState(value) is Qt.CheckState.Unchecked)
            return True
        if role == Qt.ItemDataRole.EditRole:
            self._list.renamed.emit(person.id, str(value).strip())
            return True
        return False


class PeopleList(QWidget):
    """The list, and "main people only" below it.

    chosen (identity)   renamed (identity, name)   left_out_changed ()   main_only (bool)   asked (identity, screen place)

    left_out: identities that are not recorded or exported.
    """

    chosen = pyqtSignal(int)
    renamed = pyqtSignal(int, str)
    left_out_changed = pyqtSignal()
    asked = pyqtSignal(int, QPoint)

    def __init__(self, looks: Looks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.left_out: set[int] = set()
        self._looks = looks
        self._model = _Model(self, looks)
        self._table = QTableView()
        self._table.setAccessibleName("People")
        self._table.setModel(self._model)
        self._table.setShowGrid(False)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        self._table.setIconSize(QSize(14, 14))
        self._table.setTabKeyNavigation(False)
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._table.customContextMenuRequested.connect(self._ask)
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 12)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        self._table.selectionModel().currentRowChanged.connect(self._choose)
        self.only_main = QCheckBox("Main people only")
        self.only_main.setToolTip("Only those who are there most")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(6)
        column.addWidget(self._table, 1)
        column.addWidget(self.only_main)
        self.only_main.setContentsMargins(10, 0, 0, 0)
        self.only_main.setStyleSheet("QCheckBox { margin-left: 10px; }")

    @property
    def rows(self) -> list[PersonRow]:
        """Who is in the list."""
        return self._model.rows

    def show_people(self, rows: list[PersonRow]) -> None:
        """Who is there now; while a name is being typed, the list stands still, or the typing would be undone."""
        if self._table.state() is QAbstractItemView.State.EditingState:
            return
        self._model.show(rows)
        self.show_chosen()

    def show_chosen(self) -> None:
        """Somebody else is chosen, elsewhere."""
        row = next((n for n, person in enumerate(self._model.rows) if person.id == self._looks.chosen), -1)
        selection = self._table.selectionModel()
        if row == self._table.currentIndex().row() and (row >= 0) == selection.hasSelection():
            return
        blocked = selection.blockSignals(True)
        if row >= 0:
            self._table.selectRow(row)
        else:
            self._table.clearSelection()
            self._table.setCurrentIndex(QModelIndex())
        selection.blockSignals(blocked)
        self._table.viewport().update()

    def forget(self) -> None:
        """Other people come: nobody is left out."""
        self.left_out.clear()
        self.only_main.blockSignals(True)
        self.only_main.setChecked(False)
        self.only_main.blockSignals(False)
        self.left_out_changed.emit()

    def edit_name(self, identity: int) -> None:
        """Let the user type a name."""
        row = next((n for n, person in enumerate(self._model.rows) if person.id == identity), None)
        if row is not None:
            self._table.edit(self._model.index(row, 0))

    def set_left_out(self, identity: int, is_out: bool) -> None:
        """Not recorded, not exported; or both again."""
        (self.left_out.add if is_out else self.left_out.discard)(identity)
        self.left_out_changed.emit()
        self._table.viewport().update()

    def _choose(self, current: QModelIndex, before: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._model.rows[current.row()].id)

    def _ask(self, place: QPoint) -> None:
        index = self._table.indexAt(place)
        if index.isValid():
            self.asked.emit(self._model.rows[index.row()].id, self._table.viewport().mapToGlobal(place))


def swatch(rgb: tuple[int, int, int], *, is_faint: bool = False) -> QIcon:
    """A rounded square of a colour."""
    pixmap = QPixmap(28, 28)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(*rgb, 70 if is_faint else 255))
    painter.drawRoundedRect(QRectF(3, 3, 22, 22), 6, 6)
    painter.end()
    found = QIcon(pixmap)
    found.addPixmap(pixmap, QIcon.Mode.Selected)  # or Qt tints it with the colour of chosen rows
    return found


def metres(value: float) -> str:
    """1.734 -> "1.73 m"; "–" where it is not known."""
    return f"{value:.2f} m" if math.isfinite(value) else "–"


def percent(value: float) -> str:
    """0.874 -> "87 %"; "–" where it is not known."""
    return f"{100 * value:.0f} %" if math.isfinite(value) else "–"
