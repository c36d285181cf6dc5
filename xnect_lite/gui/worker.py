"""Inference off the GUI thread: loads the network, reads the source, hands over the newest result.

source thread → size-1 slot → worker thread → size-1 slot → GUI thread
LatestFrame     (dropped        Pipeline       (newest       view
                 are counted)                   wins)
"""

from __future__ import annotations

import contextlib
import enum
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PyQt6.QtCore import QObject, pyqtBoundSignal, pyqtSignal

from xnect_lite.capture import open_source
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError, shown_address, without_secrets
from xnect_lite.gui.session import Session, Update
from xnect_lite.runners.live import LatestFrame
from xnect_lite.types import Frame, PoseResult

if TYPE_CHECKING:
    from xnect_lite.capture import Source
    from xnect_lite.runners.live import LatestFrame

_POLL_S = 0.1  # how long a click on Stop may go unheard while no frame comes


class PipelineLike(Protocol):
    """The part of `pipeline.Pipeline` that is used."""

    @property
    def device_name(self) -> str: ...
    @property
    def precision(self) -> str: ...
    @property
    def backend(self) -> str: ...
    @property
    def backbone(self) -> str: ...
    def process(self, frame: Frame) -> PoseResult: ...
    def reset(self) -> None: ...


MakePipeline = Callable[[PipelineConfig], PipelineLike]
OpenSource = Callable[[str], "Source"]


def load_pipeline(config: PipelineConfig) -> PipelineLike:
    """The real pipeline. Importing torch takes seconds, hence here and not above."""
    from xnect_lite.runners.application import open_pipeline

    return open_pipeline(config)


def open_any_source(spec: str) -> Source:
    """The real sources."""
    return open_source(spec)


class WorkerState(enum.Enum):
    """What the worker is about."""

    STOPPED = "stopped"
    LOADING = "loading"
    RUNNING = "running"
    FAULTED = "faulted"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why the worker stopped. ``is_expected``: something the user can mend, so no traceback in ``details``."""

    text: str
    details: str
    is_expected: bool

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """What to tell of an error, with the traceback for those that should not happen."""
        if isinstance(error, XnectError):
            return cls(str(error), str(error), True)
        details = without_secrets("".join(traceback.format_exception(error)))
        return cls(without_secrets(f"Unexpected error: {error!r}"), details, False)


class _Request:
    """One wish to play a source; compared by identity, so that asking again for the same source starts it anew."""

    def __init__(self, spec: str) -> None:
        self.spec = spec


class InferenceWorker(QObject):
    """Plays one source after another through one pipeline, on a thread of its own.

    state_changed  (WorkerState, text for the user)
    loaded         the pipeline is there: see `pipeline_name`
    result_ready   there is something to `take_newest`
    faulted        (Fault)
    warned         (text) a live source is lost for the moment, or came back
    ended          (text) the source came to its end by itself
    """

    state_changed = pyqtSignal(object, str)
    loaded = pyqtSignal()
    result_ready = pyqtSignal()
    faulted = pyqtSignal(object)
    warned = pyqtSignal(str)
    ended = pyqtSignal(str)

    def __init__(
        self,
        session: Session,
        config: PipelineConfig,
        make_pipeline: MakePipeline = load_pipeline,
        open_source: OpenSource = open_any_source,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.state = WorkerState.STOPPED
        self._session, self._config = session, config
        self._make_pipeline, self._open_source = make_pipeline, open_source
        self._pipeline: PipelineLike | None = None
        self._changed = threading.Condition()
        self._wanted: _Request | None = None
        self._is_closing = False
        self._newest: Update | None = None
        # A daemon, as nothing can interrupt a driver or an import that hangs when the user quits.
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    # --- called on the GUI thread

    def play(self, spec: str) -> None:
        """Start this source from its beginning, instead of any other."""
        with self._changed:
            self._wanted = _Request(spec)
            self._changed.notify_all()

    def stop(self) -> None:
        """Close the source; the pipeline stays."""
        with self._changed:
            self._wanted = None
            self._changed.notify_all()

    def shutdown(self, timeout_s: float = 5.0) -> bool:
        """End the thread; False if it did not end in time."""
        with self._changed:
            self._wanted, self._is_closing = None, True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def take_newest(self) -> Update | None:
        """The newest result not taken yet; older ones are gone."""
        with self._changed:
            newest, self._newest = self._newest, None
            return newest

    @property
    def is_active(self) -> bool:
        """True while a source is wanted: from `play` until it ends, fails or is stopped."""
        return self._wanted is not None

    @property
    def pipeline_name(self) -> str:
        """Device, back end, precision and backbone; "" until loaded."""
        pipeline = self._pipeline
        if not pipeline:
            return ""
        return " · ".join((pipeline.device_name, pipeline.backend, pipeline.precision, pipeline.backbone))

    # --- on the worker's thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing or self._wanted is not None)
                if self._is_closing:
                    return
                request = self._wanted
            assert request is not None
            try:
                self._serve(request)
            except Exception as error:
                self._finish(request)
                self._enter(WorkerState.FAULTED, "")
                self._emit(self.faulted, Fault.of(error))

    def _serve(self, request: _Request) -> None:
        if self._pipeline is None:
            self._enter(WorkerState.LOADING, "Loading network…")
            self._pipeline = self._make_pipeline(self._config)
            self._emit(self.loaded)
        if self._is_current(request):
            self._enter(WorkerState.LOADING, f"Opening {shown_address(request.spec)}…")
            self._play(request, self._pipeline)
        else:
            self._enter(WorkerState.STOPPED, "")

    def _play(self, request: _Request, pipeline: PipelineLike) -> None:
        source = self._open_source(request.spec)
        with contextlib.closing(source), LatestFrame(source, realtime=True) as frames:
            pipeline.reset()
            self._session.source_opened(source.name, source.fps)
            self._enter(WorkerState.RUNNING, source.name)
            try:
                has_ended = self._process_all(request, pipeline, frames)
            finally:
                self._session.source_closed()
        self._finish(request)
        self._enter(WorkerState.STOPPED, "")
        if has_ended:
            what = "The stream has ended" if source.live else "End of clip"
            self._emit(self.ended, f"{what}. {source.warning}" if source.warning else f"{what}.")

    def _process_all(self, request: _Request, pipeline: PipelineLike, frames: LatestFrame) -> bool:
        """Until the source has ended, True, or something else is wanted, False."""
        told: str | None = None
        while self._is_current(request):
            if frames.source.live and frames.source.warning not in (None, told):
                told = frames.source.warning
                self._emit(self.warned, told)
            try:
                frame = frames.get(_POLL_S)
            except TimeoutError:
                continue
            if frame is None:
                return True
            taken_s = time.perf_counter()
            arrived_s = taken_s - frames.age_s(frame)
            result = pipeline.process(frame)
            self._publish(Update(result, arrived_s, taken_s, frames.received, frames.dropped))
        return False

    def _publish(self, update: Update) -> None:
        self._session.processed(update)
        with self._changed:
            is_first = self._newest is None  # one signal per result taken: a slow window is not flooded
            self._newest = update
        if is_first:
            self._emit(self.result_ready)

    def _finish(self, request: _Request) -> None:
        with self._changed:
            if self._wanted is request:
                self._wanted = None

    def _is_current(self, request: _Request) -> bool:
        with self._changed:
            return self._wanted is request

    def _enter(self, state: WorkerState, text: str) -> None:
        self.state = state
        self._emit(self.state_changed, state, text)

    def _emit(self, signal: pyqtBoundSignal, *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone already
            signal.emit(*arguments)
