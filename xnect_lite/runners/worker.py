"""Inference on a thread of its own: loads the network, reads a source or a file, hands over the newest result. No Qt.

source thread → size-1 slot → worker thread → size-1 slot → whoever shows it
LatestFrame     (dropped        Pipeline       (newest
                 are counted)                   wins)

A file that is processed goes through the same pipeline on the same thread, every frame of it (`file_run`).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from xnect_lite.capture import open_source
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import shown_address
from xnect_lite.runners.cores import is_pipelined
from xnect_lite.runners.events import (
    Ended,
    Event,
    Fault,
    Faulted,
    FileDone,
    FileOutcome,
    Listen,
    Loaded,
    Progressed,
    Refused,
    ResultReady,
    StateChanged,
    Update,
    Warned,
    WorkerState,
)
from xnect_lite.runners.file_run import FileJob, config_of, earlier_take, process_file
from xnect_lite.runners.live import LatestFrame
from xnect_lite.runners.session import Session
from xnect_lite.types import Frame, PoseResult, RunsOn

if TYPE_CHECKING:
    from xnect_lite.capture import Source
    from xnect_lite.pipeline import Detection

_POLL_S = 0.1  # how long a click on Stop may go unheard while no frame comes


class PipelineLike(Protocol):
    """The part of `pipeline.Pipeline` that is used."""

    @property
    def runs_on(self) -> RunsOn: ...
    def detect(self, frame: Frame) -> Detection: ...
    def follow(self, detection: Detection) -> PoseResult: ...
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


@dataclass(frozen=True, eq=False)
class _Request:
    """What the worker shall be about: a source to play, or a file to process. Each request is one of its own."""

    spec: str
    job: FileJob | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame that is being looked at: its detection to come, and what `Update` says of it."""

    detection: Future[Detection]
    arrived_s: float
    taken_s: float
    received: int
    dropped: int
    capture_ms: float


class Worker:
    """One thread that does one thing at a time; `play` and `process` replace what it does.

    session:  is told of every result of a source that plays.
    config:   of the pipeline.
    listen:   hears of everything, on the worker's thread.
    """

    def __init__(
        self,
        session: Session,
        config: PipelineConfig,
        listen: Listen,
        make_pipeline: MakePipeline = load_pipeline,
        open_source: OpenSource = open_any_source,
    ) -> None:
        self.state = WorkerState.STOPPED
        self._session, self._config, self._listen = session, config, listen
        self._make_pipeline, self._open_source = make_pipeline, open_source
        self._pipeline: PipelineLike | None = None
        self._made_of: PipelineConfig | None = None
        self._refused: PipelineConfig | None = None  # could not be made while a source played; not tried again
        self._changed = threading.Condition()
        self._wanted: _Request | None = None
        self._served: _Request | None = None  # the last one taken up
        self._withdrawn: list[_Request] = []  # files that nobody had time for before something else was wanted
        self._is_closing = self._is_paused = False
        self._is_live = False
        self._newest: Update | None = None
        # A daemon, as nothing can interrupt a driver or an import that hangs when the user quits.
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    # --- called on any thread

    def play(self, spec: str) -> None:
        """Start this source from its beginning, instead of anything else."""
        self._want(_Request(spec))

    def process(self, job: FileJob) -> None:
        """Process this file, every frame of it, instead of anything else."""
        self._want(_Request(job.source, job))

    def stop(self) -> None:
        """Close the source, or cancel the file and keep what is done; the pipeline stays."""
        self._want(None)

    def pause(self, is_paused: bool) -> None:
        """Hold a file that plays where it is, or let it go on."""
        with self._changed:
            self._is_paused = is_paused

    def configure(self, config: PipelineConfig) -> None:
        """Use these settings from the next frame on; a source goes on playing. What cannot be had is told as `Refused`."""
        with self._changed:
            self._config, self._refused = config, None

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
        """True while something is wanted: from `play` or `process` until it ends, fails or is stopped."""
        return self._wanted is not None

    @property
    def is_paused(self) -> bool:
        """Whether a file that plays is held where it is."""
        return self._is_paused

    @property
    def is_live(self) -> bool:
        """Whether what runs now is a camera or a stream, which waits for nobody."""
        return self._is_live and self.state is WorkerState.RUNNING

    @property
    def config(self) -> PipelineConfig:
        """The settings asked for."""
        return self._config

    @property
    def pipeline_name(self) -> str:
        """Device, back end, precision and backbone; "" until loaded."""
        if not self._pipeline:
            return ""
        runs_on = self._pipeline.runs_on
        return " · ".join((runs_on.device, runs_on.backend, runs_on.precision, runs_on.backbone))

    # --- on the worker's thread

    def _want(self, request: _Request | None) -> None:
        with self._changed:
            before = self._wanted
            if before is not None and before.job is not None and before is not self._served:
                self._withdrawn.append(before)
            self._wanted, self._is_paused = request, False
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_closing or self._wanted is not None or self._withdrawn)
                if self._is_closing:
                    return
                withdrawn, self._withdrawn = self._withdrawn, []
                request = self._served = self._wanted
            for file in withdrawn:
                self._tell(FileDone(FileOutcome(file.spec, None, is_cancelled=True)))
            if request is None:
                continue
            try:
                self._serve(request)
            except Exception as error:
                self._finish(request)
                self._enter(WorkerState.FAULTED, "")
                self._tell(Faulted(Fault.of(error)))

    def _serve(self, request: _Request) -> None:
        config = self._config if request.job is None else config_of(self._config, request.job.quality)
        if request.job is not None and not request.job.again and (folder := earlier_take(request.job, config)):
            self._finish(request)
            self._tell(FileDone(FileOutcome(request.spec, folder, is_earlier=True)))
            return
        pipeline = self._loaded(config)
        if not self._is_current(request):
            self._enter(WorkerState.STOPPED, "")
            if request.job is not None:
                self._tell(FileDone(FileOutcome(request.spec, None, is_cancelled=True)))
        elif request.job is not None:
            self._process(request, request.job, pipeline, config)
        else:
            self._enter(WorkerState.LOADING, f"Opening {shown_address(request.spec)}…")
            self._play(request, pipeline)

    def _loaded(self, config: PipelineConfig) -> PipelineLike:
        if self._pipeline is None or self._made_of != config:
            self._enter(WorkerState.LOADING, "Loading network…")
            self._pipeline = self._make_pipeline(config)
            self._made_of = config
            self._tell(Loaded())
        return self._pipeline

    def _process(self, request: _Request, job: FileJob, pipeline: PipelineLike, config: PipelineConfig) -> None:
        self._session.file_opened()
        self._enter(WorkerState.PROCESSING, Path(shown_address(request.spec)).name)
        count = 0

        def look(result: PoseResult, begin_s: float) -> None:
            nonlocal count
            count += 1
            update = Update(result, begin_s, begin_s, count, 0, done_s=time.perf_counter())
            self._session.measured(update)
            self._publish(update)

        outcome = process_file(
            job, pipeline, config,  # type: ignore[arg-type]
            look=look,
            tell=lambda progress: self._tell(Progressed(progress)),
            goes_on=lambda: self._is_current(request),
        )  # fmt: skip
        self._finish(request)
        self._enter(WorkerState.STOPPED, "")
        self._tell(FileDone(outcome))

    def _play(self, request: _Request, pipeline: PipelineLike) -> None:
        source = self._open_source(request.spec)
        self._is_live = source.live
        with contextlib.closing(source), LatestFrame(source, realtime=True, on_frame=self._session.frame_came) as frames:
            pipeline.reset()
            self._session.source_opened(source.name, source.fps)
            self._enter(WorkerState.RUNNING, source.name)
            try:
                has_ended = self._play_all(request, pipeline, frames)
            finally:
                self._session.source_closed()
        self._finish(request)
        self._enter(WorkerState.STOPPED, "")
        if has_ended:
            what = "The stream has ended" if source.live else "End of clip"
            self._tell(Ended(f"{what}. {source.warning}" if source.warning else f"{what}."))

    def _play_all(self, request: _Request, pipeline: PipelineLike, frames: LatestFrame) -> bool:
        """Until the source has ended, True, or something else is wanted, False.

        With `network.pipelined`, the next frame is looked at on a thread of its own while this one is followed.
        """
        told: str | None = None
        waiting: _Taken | None = None
        with ThreadPoolExecutor(1, "network") as pool:
            while self._is_current(request):
                config = self._config  # may change at any time: read once
                if config not in (self._made_of, self._refused):
                    if waiting:
                        self._show(waiting, pipeline)  # by the pipeline that looked at it
                        waiting = None
                    pipeline = self._as_configured(config, pipeline)
                frames.pause(self._is_paused)
                if frames.source.live and frames.source.warning not in (None, told):
                    told = frames.source.warning
                    self._tell(Warned(told or ""))
                if waiting:
                    waiting.detection.exception()  # only then is it clear which frame is the newest
                try:
                    frame = frames.get(0.0 if waiting else _POLL_S)
                except TimeoutError:
                    if waiting:  # nothing to look at meanwhile
                        self._show(waiting, pipeline)
                        waiting = None
                    continue
                except Exception:
                    if waiting:  # came before the source failed
                        self._show(waiting, pipeline)
                    raise
                if frame is None:
                    if waiting:
                        self._show(waiting, pipeline)
                    return True
                taken_s = time.perf_counter()
                arrived_s = taken_s - frames.age_s(frame)
                counts = frames.received, frames.dropped, frames.capture_ms
                taken = _Taken(pool.submit(pipeline.detect, frame), arrived_s, taken_s, *counts)
                if waiting:
                    self._show(waiting, pipeline)
                if is_pipelined(config.network.pipelined):
                    waiting = taken
                else:
                    waiting = None
                    self._show(taken, pipeline)
            if waiting:  # what was taken is in the take
                self._show(waiting, pipeline)
        return False

    def _show(self, taken: _Taken, pipeline: PipelineLike) -> None:
        """Follow a frame that has been looked at, and hand over what is known of it."""
        result = pipeline.follow(taken.detection.result())
        update = Update(
            result, taken.arrived_s, taken.taken_s, taken.received, taken.dropped, taken.capture_ms, time.perf_counter()
        )
        self._session.processed(update)
        self._publish(update)

    def _as_configured(self, config: PipelineConfig, pipeline: PipelineLike) -> PipelineLike:
        """The pipeline of these settings; the one that runs where that cannot be had."""
        try:
            pipeline = self._make_pipeline(config)
        except Exception as error:
            self._refused = config
            self._tell(Refused(Fault.of(error)))
            return pipeline
        self._pipeline, self._made_of = pipeline, config
        self._session.reconfigured()
        self._tell(Loaded())
        return pipeline

    def _publish(self, update: Update) -> None:
        with self._changed:
            is_first = self._newest is None
            self._newest = update
        if is_first:
            self._tell(ResultReady())

    def _finish(self, request: _Request) -> None:
        with self._changed:
            if self._wanted is request:
                self._wanted = None

    def _is_current(self, request: _Request) -> bool:
        with self._changed:
            return self._wanted is request

    def _enter(self, state: WorkerState, text: str) -> None:
        self.state = state
        self._tell(StateChanged(state, text))

    def _tell(self, event: Event) -> None:
        self._listen(event)
