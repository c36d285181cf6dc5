"""The window: picture on the left, space on the right. It wires parts together; what they do is in their own files."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QPoint, Qt, QTimer, QUrl, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QDesktopServices, QDragEnterEvent, QDropEvent, QPainter, QPixmap
from PyQt6.QtWidgets import QFileDialog, QLabel, QMainWindow, QMenu, QSplitter, QVBoxLayout, QWidget

from xnect_lite.gui.banner import Banner
from xnect_lite.gui.controls import build_controls, fill_camera_menu
from xnect_lite.gui.dialogs import show_about, show_shortcuts
from xnect_lite.gui.icons import icon
from xnect_lite.gui.latency import LatencyPanel
from xnect_lite.gui.view2d import View2D
from xnect_lite.gui.view3d import View3D
from xnect_lite.gui.worker import InferenceWorker, WorkerState
from xnect_lite.runners.session import RecordingState, Session

_TICK_MS = 200
_NOBODY_HINT_S = 4.0
_INVITATION = "Drop a video here, press Ctrl+O to open one,\nor choose a camera above."
_NOBODY = "Nobody found: step back until the whole body is in view, or add light"
_RECORDING_STYLE = "QToolButton { background: #d72d2d; color: white; font-weight: bold; border-radius: 4px; padding: 3px 8px; }"
_VIDEOS = "Videos (*.mp4 *.mov *.avi *.mkv *.webm *.m4v *.mpg *.mpeg *.wmv);;All files (*)"


class MainWindow(QMainWindow):
    """Shows what the worker finds in ``source``.

    takes: folder that takes are put in, for "Show takes folder".

    result_shown  a result has reached the views
    """

    result_shown = pyqtSignal()

    def __init__(
        self, source: str, session: Session, worker: InferenceWorker, takes: Path, *, use_opengl: bool | None = None
    ) -> None:
        super().__init__()
        self.session, self.worker = session, worker
        self._source, self._takes = source, takes
        self._arrived_s = 0.0  # of the frame on the screen
        self._state_text = ""
        self.setWindowTitle("xnect_lite")
        self.setAcceptDrops(True)
        self._build_views(use_opengl)
        self._camera_menu = QMenu(self)
        self._camera_menu.aboutToShow.connect(lambda: fill_camera_menu(self._camera_menu, self.open_source))
        self.actions_by_name, self._toolbar = build_controls(self, self._handlers(), self._camera_menu)
        self._record_button = self._toolbar.widgetForAction(self.actions_by_name["record"])
        self._build_status()
        worker.state_changed.connect(self._show_state)
        worker.loaded.connect(self._tick)
        worker.result_ready.connect(self._show_newest)
        worker.faulted.connect(self._show_fault)
        worker.warned.connect(lambda text: self.banner.show_info(text))
        worker.ended.connect(self._show_end)
        self.view2d.painted.connect(self._count_painted)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._timer.start(_TICK_MS)
        self.view2d.show_message(_INVITATION)
        self._tick()

    # --- what the user does

    def open_source(self, spec: str) -> None:
        """Play this file, camera or stream from its start, instead of what plays now."""
        self._source = spec
        self.start()

    def start(self) -> None:
        """Play the source from its start."""
        self.banner.clear()
        self.worker.play(self._source)

    def toggle_running(self) -> None:
        """Stop if something plays or loads, else start."""
        if self.worker.is_active:
            self.worker.stop()
        else:
            self.start()
        self._tick()

    def toggle_recording(self) -> None:
        """Start a take with the next result, or finish the one that runs."""
        self.session.toggle_recording()
        self._tick()

    def choose_video(self) -> None:
        """Ask for a file and play it."""
        path, _ = QFileDialog.getOpenFileName(self, "Open video", "", _VIDEOS)
        if path:
            self.open_source(path)

    def offer_unfinished(self) -> None:
        """Ask about takes that a killed program left: their BVH files are not written yet."""
        from xnect_lite.record.take_folder import unfinished_takes

        if folders := unfinished_takes(self._takes):
            what = "A take was" if len(folders) == 1 else f"{len(folders)} takes were"
            accept = partial(self.session.finish_takes, folders)
            self.banner.show_offer(f"{what} cut off while being recorded.", "Finish", accept, self._takes)

    def show_takes(self) -> None:
        """The takes folder in the file manager."""
        self._takes.mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._takes)))

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Qt's. One file or folder is welcome."""
        urls = event.mimeData().urls() if event else []
        if len(urls) == 1 and urls[0].isLocalFile():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Qt's."""
        if event:
            self.open_source(event.mimeData().urls()[0].toLocalFile())
            event.acceptProposedAction()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Qt's. A running take is finished first."""
        self._timer.stop()
        self.hide()
        self.worker.shutdown()
        self.session.close()
        super().closeEvent(event)

    def picture(self) -> QPixmap:
        """The window as it looks now."""
        pixmap = self.grab()
        if (space := self.view3d.snapshot()) is not None:
            painter = QPainter(pixmap)
            painter.drawImage(self.view3d.mapTo(self, QPoint()), space)
            painter.end()
        return pixmap

    # --- what the worker reports

    def _show_state(self, state: WorkerState, text: str) -> None:
        if state is WorkerState.LOADING:
            self._state_text = text
            self.view2d.clear()
            self.view3d.clear()
            self.view2d.show_message(text)
        elif state is WorkerState.RUNNING:
            self._state_text = text
            self.setWindowTitle(f"{text} – xnect_lite")
            self.view2d.show_message("Waiting for the first result…")
        else:
            self._state_text = "Stopped"
            self.view2d.show_message("" if self.view2d.result else _INVITATION)
        self._tick()

    def _show_newest(self) -> None:
        update = self.worker.take_newest()
        if update is None:
            return
        self._arrived_s = update.arrived_s
        self.view2d.show_result(update.result)
        self.view3d.show_result(update.result)
        self.result_shown.emit()

    def _count_painted(self, draw_ms: float) -> None:
        self.session.painted(draw_ms, (time.perf_counter() - self._arrived_s) * 1e3)

    def _show_fault(self, fault: Fault) -> None:
        self.banner.show_error(f"{fault.text.rstrip('.')}. Space tries again.", fault.details)

    def _show_end(self, text: str) -> None:
        self._state_text = text
        self.banner.show_info(f"{text} Press Space to play it again.")

    # --- what is shown

    def _tick(self) -> None:
        """Whatever changes without an event of its own."""
        for notice in self.session.notices():
            if notice.is_error:
                self.banner.show_error(notice.text, folder=notice.folder)
            else:
                self.banner.show_info(notice.text, notice.folder)
        self._show_recording()
        self._show_run_action()
        report = self.session.latency()
        if self.latency.isVisible():
            self.latency.show_report(report, self.worker.pipeline_name)
        is_running = self.worker.state is WorkerState.RUNNING
        self._state_label.setText(self._status_text())
        figures = [f"{report.fps_out:.1f} fps", f"{report.dropped} dropped"]
        if report.end_to_end:
            figures.insert(1, f"{report.end_to_end.p50_ms:.0f} ms")
        self._figures_label.setText(" · ".join(figures) if is_running and report.processed else "")
        self._pipeline_label.setText(self.worker.pipeline_name)

    def _status_text(self) -> str:
        parts = [self._state_text] if self._state_text else []
        if self.worker.state is WorkerState.RUNNING and self.view2d.result is not None:
            if self.session.nobody_s > _NOBODY_HINT_S:
                parts.append(_NOBODY)
            else:
                count = len(self.view2d.result.people)
                parts.append("1 person" if count == 1 else f"{count} people")
            parts.append(_clock(self.view2d.result.frame.t_s))
        if self.session.is_saving:
            parts.append("saving the take…")
        return " · ".join(parts)

    def _show_recording(self) -> None:
        state = self.session.recording
        action = self.actions_by_name["record"]
        action.setChecked(state is not RecordingState.OFF)
        text = {
            RecordingState.OFF: "Record",
            RecordingState.ARMED: "Waiting…",
            RecordingState.RECORDING: _clock(self.session.recorded_s),
        }[state]
        if action.text() == text and not action.icon().isNull():
            return
        action.setText(text)
        is_on = state is not RecordingState.OFF
        action.setIcon(icon("recording" if is_on else "record", self.palette()))
        if self._record_button is not None:
            self._record_button.setStyleSheet(_RECORDING_STYLE if is_on else "")

    def _show_run_action(self) -> None:
        action, text = self.actions_by_name["run"], "Stop" if self.worker.is_active else "Start"
        if action.text() != text or action.icon().isNull():
            action.setText(text)
            action.setIcon(icon("stop" if self.worker.is_active else "play", self.palette()))

    def _show_layers(self) -> None:
        on = {name: action.isChecked() for name, action in self.actions_by_name.items()}
        self.view2d.set_layers(skeletons=on["overlay"], ids=on["ids"])
        self.view3d.set_ids(on["ids"])
        self.latency.setVisible(on["latency"])
        self._tick()

    def _toggle_fullscreen(self) -> None:
        is_full = self.actions_by_name["fullscreen"].isChecked()
        for widget in (self.menuBar(), self._toolbar, self.statusBar()):
            widget.setVisible(not is_full)
        if is_full:
            self.showFullScreen()
        else:
            self.showNormal()

    # --- construction

    def _handlers(self) -> dict[str, Callable[[], object]]:
        view3d = "OpenGL" if not self.view3d.opengl_problem else f"drawn without OpenGL: {self.view3d.opengl_problem}"
        return {
            "open": self.choose_video,
            "takes": self.show_takes,
            "quit": self.close,
            "run": self.toggle_running,
            "record": self.toggle_recording,
            "overlay": self._show_layers,
            "ids": self._show_layers,
            "latency": self._show_layers,
            **{name: partial(self.view3d.show_preset, name) for name in ("front", "side", "top", "home")},
            "fullscreen": self._toggle_fullscreen,
            "shortcuts": lambda: show_shortcuts(self),
            "about": lambda: show_about(self, self.worker.pipeline_name, view3d),
        }

    def _build_views(self, use_opengl: bool | None) -> None:
        self.banner = Banner()
        self.view2d, self.view3d = View2D(), View3D(use_opengl=use_opengl)
        self.latency = LatencyPanel()
        right = _column(self.view3d, self.latency)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setObjectName("views")
        splitter.setChildrenCollapsible(False)
        for view, share in ((self.view2d, 11), (right, 9)):
            splitter.addWidget(view)
            splitter.setStretchFactor(splitter.count() - 1, share)
        splitter.setSizes([1100, 900])
        self.setCentralWidget(_column(self.banner, splitter))

    def _build_status(self) -> None:
        self._state_label, self._figures_label, self._pipeline_label = QLabel(), QLabel(), QLabel()
        self._figures_label.setToolTip("Results per second · from a frame's arrival to the screen · frames dropped")
        self._pipeline_label.setToolTip("Device, precision and backbone of the network")
        self.statusBar().addWidget(self._state_label, 1)
        for label in (self._figures_label, self._pipeline_label):
            self.statusBar().addPermanentWidget(label)


def _column(*widgets: QWidget) -> QWidget:
    """Widgets below each other, without gaps; splitters and views get what the others leave."""
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget, 1 if isinstance(widget, (QSplitter, View3D)) else 0)
    return column


def _clock(seconds: float) -> str:
    """65.2 -> "1:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
