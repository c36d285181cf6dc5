"""``--screenshot``: a picture of the working window, then good-bye."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from PyQt6.QtCore import QObject, QPoint, QTimer
from PyQt6.QtGui import QPainter, QPixmap
from PyQt6.QtWidgets import QApplication

from xnect_lite.gui.main_window import MainWindow
from xnect_lite.runners.events import Fault

TIMEOUT_S = 180.0
"""Longest wait for a first result: loading a network from a slow disk, or compiling it, takes its time."""

DONE, FAILED, CANNOT = 0, 1, 2
"""Exit codes: saved; no picture came of it; something the user can mend."""


def picture_of(window: MainWindow) -> QPixmap:
    """The window as it looks now, with what OpenGL drew."""
    pixmap, view = window.grab(), window.views.view3d
    if (space := view.snapshot()) is not None:
        painter = QPainter(pixmap)
        painter.drawImage(view.mapTo(window, QPoint()), space)
        painter.end()
    return pixmap


class ScreenshotTask(QObject):
    """Saves ``window`` as PNG ``after_s`` seconds after its first result and ends the application with an exit code."""

    def __init__(self, window: MainWindow, file: Path, after_s: float, timeout_s: float = TIMEOUT_S) -> None:
        super().__init__(window)
        self._window, self._file, self._after_s, self._timeout_s = window, file, after_s, timeout_s
        self._countdown = _single_shot(self, self._save)
        self._patience = _single_shot(self, self._give_up)
        self._patience.start(int(timeout_s * 1e3))
        window.result_shown.connect(self._begin)
        window.worker.faulted.connect(self._report)

    def _begin(self) -> None:
        self._window.result_shown.disconnect(self._begin)
        self._patience.stop()
        self._countdown.start(int(self._after_s * 1e3))

    def _save(self) -> None:
        if picture_of(self._window).save(str(self._file), "PNG"):
            self._leave(DONE)
        else:
            self._leave(CANNOT, f"{self._file}: cannot be written. Choose a folder you may write to")

    def _give_up(self) -> None:
        self._leave(FAILED, f"--screenshot: no result in {self._timeout_s:g} s")

    def _report(self, fault: Fault) -> None:
        self._leave(CANNOT if fault.is_expected else FAILED, fault.text)

    def _leave(self, code: int, message: str = "") -> None:
        self._countdown.stop()
        self._patience.stop()
        if message:
            print(message, file=sys.stderr)
        self._window.close()
        QApplication.exit(code)


def _single_shot(parent: QObject, slot: Callable[[], None]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    return timer
