"""The network before a change beside the network after it, in milliseconds measured in the running app."""

from __future__ import annotations

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QGridLayout, QLabel, QWidget

from xnect_lite.gui import theme
from xnect_lite.gui.worker import InferenceWorker, WorkerState
from xnect_lite.runners.session import Session

_REFRESH_MS = 400


class Comparison(QWidget):
    """Two rows: before, now."""

    def __init__(self, session: Session, worker: InferenceWorker) -> None:
        super().__init__()
        self._session, self._worker = session, worker
        self._before: tuple[str, float] | None = None
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 12, 0, 0)
        grid.setColumnStretch(1, 1)
        self._rows: list[tuple[QLabel, QLabel]] = []
        for row, title in enumerate(("Before", "Now")):
            head = QLabel(title)
            theme.mark(head, dim=True)
            name, figure = QLabel(), QLabel()
            name.setWordWrap(True)
            figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            theme.mark(figure, title=True)
            for column, label in enumerate((head, name, figure)):
                grid.addWidget(label, row, column)
            self._rows.append((name, figure))
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(_REFRESH_MS)
        self.refresh()

    @property
    def text(self) -> str:
        """Both rows."""
        return "\n".join(f"{name.text()} {figure.text()}" for name, figure in self._rows)

    def remember(self) -> None:
        """What runs now is what comes after the next change is compared to."""
        total = self._session.latency().total
        if total is not None and self._worker.pipeline_name:
            self._before = (self._worker.pipeline_name, total.p50_ms)

    def refresh(self) -> None:
        """The newest figures."""
        (name, figure), (now_name, now_figure) = self._rows
        name.setText(self._before[0] if self._before else "–")
        figure.setText(f"{self._before[1]:.1f} ms" if self._before else "")
        total = self._session.latency().total
        is_running = self._worker.state in (WorkerState.RUNNING, WorkerState.PROCESSING)
        now_name.setText(self._worker.pipeline_name or "no network loaded yet")
        if total is not None:
            now_figure.setText(f"{total.p50_ms:.1f} ms")
        else:
            now_figure.setText("measuring…" if is_running else "–")
