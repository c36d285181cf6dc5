"""The inference thread as Qt sees it: its events become signals, which arrive on the GUI thread."""

from __future__ import annotations

import contextlib

from PyQt6.QtCore import QObject, pyqtSignal

from xnect_lite.config import PipelineConfig
from xnect_lite.runners.events import (
    Ended,
    Event,
    Faulted,
    FileDone,
    Loaded,
    Progressed,
    Refused,
    ResultReady,
    StateChanged,
    Warned,
    WorkerState,
)
from xnect_lite.runners.session import Session
from xnect_lite.runners.worker import MakePipeline, OpenSource, Worker, load_pipeline, open_any_source

__all__ = ["InferenceWorker", "MakePipeline", "WorkerState", "load_pipeline"]


class InferenceWorker(QObject):
    """`runners.worker.Worker` with signals; what it does and is asked for is said there.

    state_changed (WorkerState, text)   loaded ()   result_ready ()   faulted (Fault)   refused (Fault)   warned (text)
    ended (text)   progressed (Progress)   file_done (FileOutcome)
    """

    state_changed = pyqtSignal(WorkerState, str)
    loaded = pyqtSignal()
    result_ready = pyqtSignal()
    faulted = pyqtSignal(object)
    refused = pyqtSignal(object)
    warned = pyqtSignal(str)
    ended = pyqtSignal(str)
    progressed = pyqtSignal(object)
    file_done = pyqtSignal(object)

    def __init__(
        self,
        session: Session,
        config: PipelineConfig,
        make_pipeline: MakePipeline = load_pipeline,
        open_source: OpenSource = open_any_source,
    ) -> None:
        super().__init__()
        self.thread_ = Worker(session, config, self._hear, make_pipeline, open_source)
        worker = self.thread_
        self.play, self.process, self.stop, self.pause = worker.play, worker.process, worker.stop, worker.pause
        self.configure, self.shutdown, self.take_newest = worker.configure, worker.shutdown, worker.take_newest

    @property
    def state(self) -> WorkerState:
        """What it is about."""
        return self.thread_.state

    @property
    def is_active(self) -> bool:
        """See `Worker.is_active`."""
        return self.thread_.is_active

    @property
    def is_paused(self) -> bool:
        """See `Worker.is_paused`."""
        return self.thread_.is_paused

    @property
    def is_live(self) -> bool:
        """See `Worker.is_live`."""
        return self.thread_.is_live

    @property
    def config(self) -> PipelineConfig:
        """See `Worker.config`."""
        return self.thread_.config

    @property
    def pipeline_name(self) -> str:
        """See `Worker.pipeline_name`."""
        return self.thread_.pipeline_name

    def _hear(self, event: Event) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone already
            match event:
                case StateChanged():
                    self.state_changed.emit(event.state, event.text)
                case Loaded():
                    self.loaded.emit()
                case ResultReady():
                    self.result_ready.emit()
                case Faulted():
                    self.faulted.emit(event.fault)
                case Refused():
                    self.refused.emit(event.fault)
                case Warned():
                    self.warned.emit(event.text)
                case Ended():
                    self.ended.emit(event.text)
                case Progressed():
                    self.progressed.emit(event.progress)
                case FileDone():
                    self.file_done.emit(event.outcome)
