"""Strips across the window for what the user should know: no dialog, nothing stops, and none takes another's place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from xnect_lite.gui.folders import open_folder

_STYLE = """
QFrame#message {{ background: {background}; border: none; }}
QFrame#message QLabel {{ color: #ffffff; background: transparent; }}
QFrame#message QToolButton {{ color: #ffffff; background: transparent; border: none; padding: 2px 6px; }}
QFrame#message QPushButton {{ color: #ffffff; background: transparent; padding: 3px 10px; }}
QFrame#message QPushButton {{ border: 1px solid rgba(255,255,255,110); }}
QFrame#message QPushButton:hover {{ background: rgba(255,255,255,30); }}
"""
_ERROR, _INFO = "#8f2a2c", "#20486e"
_MOST = 3  # in sight; of more, the oldest that is no error goes

Offer = tuple[str, Callable[[], None]]
"""(words of a button, what it does)."""


class _Message(QFrame):
    """One strip."""

    def __init__(
        self, text: str, *, is_error: bool, details: str, folder: Path | None, offer: Offer | None, close: Callable[[], None]
    ) -> None:
        super().__init__()
        self.setObjectName("message")
        self.text, self.is_error = text, is_error
        self.setStyleSheet(_STYLE.format(background=_ERROR if is_error else _INFO))
        label = QLabel(text)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 6, 8, 6)
        row.addWidget(label, 1)
        self.buttons: dict[str, QPushButton] = {}
        if offer is not None:
            words, accept = offer

            def take_up() -> None:
                close()
                accept()

            self._add(row, words, "", take_up)
        if folder is not None:
            self._add(row, "Show folder", "Open the folder in the file manager", lambda: self._show(folder))
        if details:
            copy = lambda: QGuiApplication.clipboard().setText(details)  # noqa: E731 - a slot
            self._add(row, "Copy details", "Copy the whole message to the clipboard", copy)
        cross = QToolButton()
        cross.setText("✕")
        cross.setToolTip("Hide this message")
        cross.setAccessibleName("Hide this message")
        cross.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        cross.clicked.connect(close)
        row.addWidget(cross)
        self._label = label

    def _add(self, row: QHBoxLayout, words: str, tip: str, do: Callable[[], object]) -> None:
        button = QPushButton(words)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves Space to Start and Stop
        button.clicked.connect(lambda: do())
        self.buttons[words] = button
        row.addWidget(button)

    def _show(self, folder: Path) -> None:
        if not open_folder(folder):
            self._label.setText(f"No file manager answers. The folder, copied to the clipboard, is {folder}")


class Banner(QWidget):
    """The messages, newest first; hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._messages: list[_Message] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(1)
        self.hide()

    @property
    def text(self) -> str:
        """What is said, a line each, newest first."""
        return "\n".join(message.text for message in self._messages)

    def show_error(self, text: str, details: str = "", folder: Path | None = None, offer: Offer | None = None) -> None:
        """Something failed. ``details``: for a report, such as a traceback."""
        self._add(text, is_error=True, details=details or text, folder=folder, offer=offer)

    def show_info(self, text: str, folder: Path | None = None, offer: Offer | None = None) -> None:
        """Something happened. ``offer``: what can be done about it."""
        self._add(text, is_error=False, details="", folder=folder, offer=offer)

    def accept(self) -> None:
        """Press the first button of the newest message that has one."""
        buttons = next((list(message.buttons.values()) for message in self._messages if message.buttons), [])
        if buttons:
            buttons[0].click()

    def press(self, words: str) -> None:
        """Press the newest button of these words."""
        next(m.buttons[words] for m in self._messages if words in m.buttons).click()

    def clear(self) -> None:
        """Hide them all."""
        for message in list(self._messages):
            self._remove(message)

    def clear_errors(self) -> None:
        """Hide what went wrong before: it is tried again. What was saved stays in sight."""
        for message in [m for m in self._messages if m.is_error]:
            self._remove(message)

    def _add(self, text: str, *, is_error: bool, details: str, folder: Path | None, offer: Offer | None) -> None:
        for same in [m for m in self._messages if m.text == text]:
            self._remove(same)
        message = _Message(
            text, is_error=is_error, details=details, folder=folder, offer=offer, close=lambda: self._remove(message)
        )
        self._messages.insert(0, message)
        self._column.insertWidget(0, message)
        while len(self._messages) > _MOST:
            dull = [m for m in self._messages[1:] if not m.is_error] or self._messages[1:]
            self._remove(dull[-1])
        self.show()

    def _remove(self, message: _Message) -> None:
        if message in self._messages:
            self._messages.remove(message)
            self._column.removeWidget(message)
            message.hide()
            message.deleteLater()
        self.setVisible(bool(self._messages))
