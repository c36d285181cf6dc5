"""Asks what to write of the take, says which files that makes, writes them aside, and tells how to read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from xnect_lite.errors import XnectError, without_secrets
from xnect_lite.gui import theme
from xnect_lite.gui.aside import Aside
from xnect_lite.gui.export.choice import GAPS, RATES, TOOLS, ExportChoice, recipe
from xnect_lite.gui.folders import open_folder
from xnect_lite.record.export import FORMATS, PRESETS, Exported, export_files, planned_files, prepare

if TYPE_CHECKING:
    from xnect_lite.gui.main_window import MainWindow

_PREVIEW_MS = 250  # after the last change
_COLUMNS = 3  # of formats
_PEOPLE = (("ticked", "Those ticked in the list"), ("main", "Main people"), ("all", "Everybody"))


def show_export(window: MainWindow) -> ExportDialog | None:
    """Over the window, of the take that is open."""
    if not window.player.is_open:
        return None
    dialog = ExportDialog(window)
    dialog.open()
    return dialog


class ExportDialog(QDialog):
    """One page that asks, one that tells.

    done_ ()  files were written, or could not be
    """

    done_ = pyqtSignal()
    _format_begun = pyqtSignal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Export")
        assert window.player.editor is not None and window.player.playback is not None
        self._window, self._folder = window, window.player.editor.folder
        playback = window.player.playback
        ends = playback.t_s_of(playback.mark_in), playback.t_s_of(playback.mark_out)
        self._marks_s = ends if playback.has_marks else None
        self._ticked = [lane.id for lane in window.player.lanes if lane.id not in window.people.left_out]
        self._aside = Aside("export", self)
        self.finished.connect(self._aside.close)
        self._asked = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PREVIEW_MS)
        self._timer.timeout.connect(self._ask_preview)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._asking())
        self._stack.addWidget(self._telling())
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 16)
        column.addWidget(self._stack)
        self._format_begun.connect(lambda name: self._status.setText(f"Writing {name.upper()}…"))
        self.set_choice(ExportChoice.from_text(window.settings.now.export))
        theme.fit(self, 600, 560)

    # --- the page that asks

    def _asking(self) -> QWidget:
        page, form = QWidget(), QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(9)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.tool = self._combo("Tool", list(TOOLS.items()))
        self.tool.activated.connect(self._suit_tool)
        form.addRow("For", self.tool)
        self.formats: dict[str, QCheckBox] = {}
        grid = QGridLayout()
        grid.setVerticalSpacing(4)
        for n, (name, form_) in enumerate(FORMATS.items()):
            box = QCheckBox(name.upper() if name != "video" else "3D video")
            box.setToolTip(form_.what)
            box.toggled.connect(self._changed)
            self.formats[name] = box
            grid.addWidget(box, n // _COLUMNS, n % _COLUMNS)
        form.addRow("Formats", grid)
        self.people = self._combo("People", list(_PEOPLE))
        form.addRow("People", self.people)
        self.fps = self._combo("Frame rate", [(rate, f"{rate:g} frames a second" if rate else "As recorded") for rate in RATES])
        form.addRow("Frame rate", self.fps)
        self.marks = QCheckBox(self._marks_words())
        self.marks.setEnabled(self._marks_s is not None)
        self.marks.toggled.connect(self._changed)
        form.addRow("Range", self.marks)
        self.gaps = self._combo("Long absences", list(GAPS.items()))
        form.addRow("Long absences", self.gaps)
        self.t_pose = QCheckBox("Begin with a frame in the T-pose")
        self.t_pose.toggled.connect(self._changed)
        form.addRow("", self.t_pose)
        self.folder = QLineEdit(str(self._folder / "export"))
        self.folder.setAccessibleName("Folder")
        self.folder.textChanged.connect(self._changed)
        choose = QPushButton("Choose…")
        choose.setAutoDefault(False)  # Enter exports
        choose.clicked.connect(self._choose_folder)
        row = QHBoxLayout()
        row.addWidget(self.folder, 1)
        row.addWidget(choose)
        form.addRow("Into", row)
        self.preview = QPlainTextEdit()
        self.preview.setReadOnly(True)
        self.preview.setAccessibleName("Files that will be written")
        self.preview.setTabChangesFocus(True)
        self.preview.setMinimumHeight(84)
        form.addRow("Files", self.preview)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._bar.hide()
        self._status = QLabel()
        self._status.setWordWrap(True)
        self.export = QPushButton("Export")
        theme.mark(self.export, primary=True)
        self.export.setDefault(True)
        self.export.clicked.connect(self.run)
        cancel = QPushButton("Cancel")
        cancel.setAutoDefault(False)
        cancel.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self._status, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.export)
        fields, scroll = QWidget(), QScrollArea()
        fields.setLayout(form)
        form.setContentsMargins(0, 0, 8, 0)
        scroll.setWidget(fields)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QScrollArea.Shape.NoFrame)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addWidget(scroll, 1)
        column.addWidget(self._bar)
        column.addLayout(buttons)
        return page

    def _combo(self, name: str, choices: list[tuple[Any, str]]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        for value, words in choices:
            box.addItem(words, value)
        box.activated.connect(self._changed)
        return box

    def _marks_words(self) -> str:
        if self._marks_s is None:
            return "The whole take; set marks with I and O for less"
        return f"Between the marks: {self._marks_s[0]:.2f} to {self._marks_s[1]:.2f} s"

    @property
    def choice(self) -> ExportChoice:
        """What the page is set to."""
        return ExportChoice(
            tuple(name for name, box in self.formats.items() if box.isChecked()),
            self.tool.currentData(),
            self.people.currentData(),
            self.fps.currentData(),
            self.marks.isChecked() or self._marks_s is None,
            self.t_pose.isChecked(),
            self.gaps.currentData(),
        )

    def set_choice(self, choice: ExportChoice) -> None:
        """Set the page."""
        for name, box in self.formats.items():
            box.setChecked(name in choice.formats)
        for combo, value in (
            (self.tool, choice.tool), (self.people, choice.people), (self.fps, choice.fps), (self.gaps, choice.gaps),
        ):  # fmt: skip
            combo.setCurrentIndex(max(0, combo.findData(value)))
        self.marks.setChecked(choice.between_marks and self._marks_s is not None)
        self.t_pose.setChecked(choice.t_pose)
        self._changed()

    def _suit_tool(self) -> None:
        """What the tool chosen asks for."""
        self.t_pose.setChecked(bool(PRESETS.get(self.tool.currentData(), {}).get("t_pose_first")))

    def _choose_folder(self) -> None:
        if folder := QFileDialog.getExistingDirectory(self, "Export into", self.folder.text()):
            self.folder.setText(folder)

    def _changed(self) -> None:
        self.export.setEnabled(bool(self.choice.formats and self.folder.text().strip()))
        self._timer.start()

    def _ask_preview(self) -> None:
        choice, folder = self.choice, self._folder
        options = choice.options(self._ticked, self._marks_s)
        self._asked += 1
        asked = self._asked
        if not choice.formats:
            self._show_preview(asked, [])
            return
        self._aside.run(
            lambda: planned_files(prepare(folder, options), options.formats), lambda found: self._show_preview(asked, found)
        )

    def _show_preview(self, asked: int, found: Any) -> None:
        if asked != self._asked:  # of an older choice
            return
        if isinstance(found, Exception):
            self.preview.setPlainText(_words(found))
            return
        self.preview.setPlainText("\n".join(found) if found else "Nothing: choose a format")

    # --- writing

    def run(self) -> None:
        """Write the files."""
        choice, folder, out = self.choice, self._folder, Path(self.folder.text().strip()).expanduser()
        options = choice.options(self._ticked, self._marks_s)
        self._window.settings.change(export=choice.as_text())
        self.export.setEnabled(False)
        self._bar.show()
        self._status.setText("Preparing…")
        self._aside.run(lambda: export_files(folder, out, options, self._format_begun.emit), self._finish)

    def _finish(self, done: Any) -> None:
        self._bar.hide()
        self.export.setEnabled(True)
        if isinstance(done, Exception):
            self._status.setText(_words(done))
        else:
            self._status.clear()
            self._tell(done)
        self.done_.emit()

    def _telling(self) -> QWidget:
        page = QWidget()
        self._title, self._files, self.recipe = QLabel(), QPlainTextEdit(), QLabel()
        theme.mark(self._title, title=True)
        self._title.setWordWrap(True)
        self._files.setReadOnly(True)
        self._files.setAccessibleName("Files written")
        self.recipe.setWordWrap(True)
        self.recipe.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._show = QPushButton("Show in folder")
        self._show.setAutoDefault(False)  # Enter is done
        self._close = close = QPushButton("Done")
        theme.mark(close, primary=True)
        close.clicked.connect(self.accept)
        self._show.clicked.connect(self._show_folder)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self._show)
        buttons.addWidget(close)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        for part in (self._title, self._files, self.recipe):
            column.addWidget(part, 1 if part is self._files else 0)
        column.addLayout(buttons)
        return page

    def _tell(self, done: Exported) -> None:
        self._written = done.folder
        self._title.setText(f"{len(done.files)} files are in {done.folder}")
        self._files.setPlainText("\n".join([*(path.name for path in done.files), "", *done.notes]).strip())
        self.recipe.setText(recipe(self.choice))
        self._stack.setCurrentIndex(1)
        self._close.setDefault(True)
        self._close.setFocus()

    def _show_folder(self) -> None:
        if not open_folder(self._written):
            self._title.setText(f"No file manager answers. The folder, copied to the clipboard, is {self._written}")


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, XnectError) else without_secrets(f"Unexpected error: {error!r}")
