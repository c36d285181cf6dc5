"""A strip across the window for what the user should know: no dialog, nothing stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QGuiApplication
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

_STYLE = """
QFrame#banner {{ background: {background}; border: none; }}
QFrame#banner QLabel {{ color: {text}; background: transparent; }}
QFrame#banner QToolButton {{ color: {text}; background: transparent; border: none; padding: 2px 6px; }}
"""
_ERROR = _STYLE.format(background="#8c1d18", text="#ffffff")
_INFO = _STYLE.format(background="#1f4e79", text="#ffffff")


class Banner(QFrame):
    """One message at a time, hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._details = ""
        self._folder: Path | None = None
        self._label = QLabel()
        self._label.setWordWrap(True)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._show_folder = QPushButton("Show folder")
        self._show_folder.setToolTip("Open the folder in the file manager")
        self._show_folder.clicked.connect(self._open_folder)
        self._copy = QPushButton("Copy details")
        self._copy.setToolTip("Copy the whole message to the clipboard")
        self._copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._details))
        self._offer = QPushButton()
        self._offered: Callable[[], None] | None = None
        self._offer.clicked.connect(self._accept)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Hide this message")
        close.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 8, 6)
        row.addWidget(self._label, 1)
        for button in (self._offer, self._show_folder, self._copy, close):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Space is for Start and Stop
            row.addWidget(button)
        self.hide()

    @property
    def text(self) -> str:
        """What it says; "" while hidden."""
        return "" if self.isHidden() else self._label.text()

    def show_error(self, text: str, details: str = "", folder: Path | None = None) -> None:
        """Something failed. ``details``: for a report, such as a traceback."""
        self._show(text, _ERROR, details or text, folder)

    def show_info(self, text: str, folder: Path | None = None) -> None:
        """Something happened."""
        self._show(text, _INFO, "", folder)

    def show_offer(self, text: str, button: str, accept: Callable[[], None], folder: Path | None = None) -> None:
        """Something can be done about it: ``button`` calls ``accept`` and hides the message."""
        self._show(text, _INFO, "", folder)
        self._offered = accept
        self._offer.setText(button)
        self._offer.show()

    def clear(self) -> None:
        """Hide it."""
        self.hide()

    def _show(self, text: str, style: str, details: str, folder: Path | None) -> None:
        self._details, self._folder = details, folder
        self.setStyleSheet(style)
        self._label.setText(text)
        self._offer.hide()
        self._copy.setVisible(bool(details))
        self._show_folder.setVisible(folder is not None)
        self.show()

    def _accept(self) -> None:
        self.clear()
        if self._offered is not None:
            self._offered()

    def _open_folder(self) -> None:
        if self._folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))
