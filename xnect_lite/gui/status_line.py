"""The line at the bottom: what goes on, how fast, and on what."""

from __future__ import annotations

from PyQt6.QtWidgets import QLabel, QStatusBar

from xnect_lite.gui.worker import InferenceWorker, WorkerState
from xnect_lite.runners.statistics import LatencyReport


class StatusLine:
    """Three labels in a window's status bar."""

    def __init__(self, bar: QStatusBar | None) -> None:
        assert bar is not None
        self.state, self.figures, self.pipeline = QLabel(), QLabel(), QLabel()
        self.figures.setToolTip("Results per second · from a frame's arrival to the screen · frames dropped")
        self.pipeline.setToolTip("Device, back end, precision and backbone of the network")
        bar.setSizeGripEnabled(False)
        bar.addWidget(self.state, 1)
        for label in (self.figures, self.pipeline):
            bar.addPermanentWidget(label)

    def show(self, words: str, report: LatencyReport, worker: InferenceWorker) -> None:
        """What there is to say now."""
        self.state.setText(words)
        figures = [f"{report.fps_out:.1f} fps"]
        if report.end_to_end:
            figures.append(f"{report.end_to_end.p50_ms:.0f} ms")
        if worker.state is WorkerState.RUNNING:
            figures.append(f"{report.dropped} dropped")
        is_busy = worker.state in (WorkerState.RUNNING, WorkerState.PROCESSING)
        self.figures.setText(" · ".join(figures) if is_busy and report.processed else "")
        self.pipeline.setText(worker.pipeline_name)
