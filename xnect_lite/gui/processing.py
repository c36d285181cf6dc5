"""A file in work: what is asked before, what waits in line, and the strip that shows how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from xnect_lite.gui import theme
from xnect_lite.runners.events import Progress
from xnect_lite.runners.file_run import FileJob


class FileQueue:
    """Files that wait to be processed, one after the other. No Qt."""

    def __init__(self) -> None:
        self._waiting: deque[FileJob] = deque()
        self.current: FileJob | None = None
        self.done = 0

    @property
    def count(self) -> int:
        """Of the files of this round, those done included."""
        return self.done + len(self._waiting) + (self.current is not None)

    def add(self, jobs: Sequence[FileJob]) -> FileJob | None:
        """More files; the one to begin with, if nothing is in work."""
        self._waiting.extend(jobs)
        return self._next() if self.current is None else None

    def finished(self) -> FileJob | None:
        """The one in work is through; the next, if there is one."""
        self.current, self.done = None, self.done + 1
        if not self._waiting:
            self.done = 0
        return self._next()

    def clear(self) -> None:
        """Nothing is to be done any more."""
        self._waiting.clear()
        self.current, self.done = None, 0

    def _next(self) -> FileJob | None:
        self.current = self._waiting.popleft() if self._waiting else None
        return self.current


class ProcessingPanel(QFrame):
    """The strip under the views.

    cancelled ()
    """

    cancelled = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("strip")
        self._title, self._words = QLabel(), QLabel()
        theme.mark(self._title, title=True)
        theme.mark(self._words, dim=True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(6)
        self._bar.setAccessibleName("Progress")
        self._cancel = QPushButton("Cancel")
        self._cancel.setToolTip("Stop here; what is done so far is kept as a take (Esc)")
        self._cancel.clicked.connect(self.cancelled)
        words = QHBoxLayout()
        words.addWidget(self._title)
        words.addStretch(1)
        words.addWidget(self._words)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(words)
        column.addWidget(self._bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 16, 14)
        row.setSpacing(16)
        row.addLayout(column, 1)
        row.addWidget(self._cancel)
        self.hide()

    @property
    def text(self) -> str:
        """What is said."""
        return f"{self._title.text()} {self._words.text()}"

    def begin(self, job: FileJob, number: int, count: int) -> None:
        """Another file."""
        which = f" ({number} of {count})" if count > 1 else ""
        self._title.setText(f"Processing {Path(job.source).name}{which}")
        self._words.setText("Loading…")
        self._bar.setRange(0, 0)
        self._cancel.setEnabled(True)
        self.show()

    def show_progress(self, progress: Progress) -> None:
        """How far it is."""
        if progress.total:
            self._bar.setRange(0, progress.total)
            self._bar.setValue(progress.done)
        self._words.setText(progress_words(progress))

    def show_ending(self) -> None:
        """It was cancelled, and what is done is being saved."""
        self._words.setText("Saving what is done…")
        self._cancel.setEnabled(False)


def progress_words(progress: Progress) -> str:
    """For instance: 82 of 230 frames · 14.2 a second · 0:11 left."""
    if progress.is_finishing:
        return f"{progress.done} frames · smoothing and writing files…"
    done = f"{progress.done} of {progress.total} frames" if progress.total else f"{progress.done} frames"
    parts = [done]
    if progress.done and progress.fps:
        parts.append(f"{progress.fps:.1f} a second")
    if progress.eta_s is not None:
        parts.append(f"{length_words(progress.eta_s)} left")
    return " · ".join(parts)


def length_words(seconds: float) -> str:
    """71.4 -> "1:11"; 4000 -> "1 h 7 min"."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60}:{whole % 60:02d}"
