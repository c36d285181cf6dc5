"""What to do with a video: every frame of it, or a look at it as if it were a camera."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from xnect_lite.config import Quality
from xnect_lite.gui import theme
from xnect_lite.gui.settings.values import Settings

_QUALITIES = (
    ("fast", "Fast: only smoothed backwards"),
    ("normal", "Normal: sides and identities chosen over the whole clip"),
    ("best", "Best: looks at the mirrored picture as well, takes twice as long"),
)


class OpenDialog(QDialog):
    """Asks how to go about files. The answers are in ``is_preview``, ``quality`` and ``overlay``."""

    def __init__(self, files: Sequence[str], settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open video")
        title = QLabel(Path(files[0]).name if len(files) == 1 else f"{len(files)} videos")
        theme.mark(title, title=True)
        title.setTextFormat(title.textFormat().PlainText)
        self._process = QRadioButton("Process every frame")
        self._preview = QRadioButton("Preview live")
        self._preview.setEnabled(len(files) == 1)
        group = QButtonGroup(self)
        for button in (self._process, self._preview):
            group.addButton(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(title)
        column.addSpacing(4)
        column.addWidget(self._process)
        column.addWidget(_hint("Makes a take to play, mend and export. No frame is left out, however long it takes."))
        self._quality = QComboBox()
        for word, text in _QUALITIES:
            self._quality.addItem(text, word)
        self._quality.setCurrentIndex(max(0, self._quality.findData(settings.quality)))
        self._quality.setAccessibleName("Quality")
        self._overlay = QCheckBox("Also write a video with the skeletons in it")
        self._overlay.setChecked(settings.overlay)
        form = QFormLayout()
        form.setContentsMargins(26, 0, 0, 0)
        form.addRow("Quality", self._quality)
        form.addRow(self._overlay)
        column.addLayout(form)
        column.addSpacing(8)
        column.addWidget(self._preview)
        column.addWidget(_hint("Plays at its own pace, as a camera would be seen; frames that come too fast are left out."))
        column.addSpacing(8)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self._start = QPushButton("Process")
        buttons.addButton(self._start, QDialogButtonBox.ButtonRole.AcceptRole)
        theme.mark(self._start, primary=True)
        self._start.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self._process.toggled.connect(self._show_choice)
        wants_preview = settings.file_action == "preview" and len(files) == 1
        (self._preview if wants_preview else self._process).setChecked(True)

    @property
    def is_preview(self) -> bool:
        """A look at it, instead of a take."""
        return self._preview.isChecked()

    @property
    def quality(self) -> Quality:
        """How thoroughly files are gone through."""
        chosen: Quality = self._quality.currentData()
        return chosen

    @property
    def overlay(self) -> bool:
        """Whether a video with skeletons in it is wanted, too."""
        return self._overlay.isChecked()

    def _show_choice(self, is_process: bool) -> None:
        for widget in (self._quality, self._overlay):
            widget.setEnabled(is_process)
        self._start.setText("Process" if is_process else "Preview")


def _hint(words: str) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    label.setContentsMargins(26, 0, 0, 4)
    theme.mark(label, dim=True)
    return label
