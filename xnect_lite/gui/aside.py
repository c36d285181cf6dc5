"""Work aside whose answers come back to the GUI thread."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, pyqtSignal

from xnect_lite.runners.background import Background


class Aside(QObject):
    """`runners.background.Background` for windows."""

    _done = pyqtSignal(object, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(name)
        self._is_closed = False
        self._done.connect(self._take_up)

    def run(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Do ``work`` aside; ``then`` gets its answer, or the exception it ended with, on the GUI thread."""
        self._background.run(work, lambda answer: self._bring(then, answer))

    def close(self) -> None:
        """No more answers are wanted."""
        self._is_closed = True
        self._background.close()

    def _take_up(self, then: Callable[[Any], None], answer: Any) -> None:
        if not self._is_closed:
            then(answer)

    def _bring(self, then: Callable[[Any], None], answer: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone
            self._done.emit(then, answer)
