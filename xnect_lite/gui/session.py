"""One sitting at the app, without its window: recording, figures, and messages for the user. No Qt.

The worker thread reports frames, the window reports clicks; either may come at any time.
"""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError, without_secrets
from xnect_lite.gui.statistics import LatencyReport, LatencyStatistics
from xnect_lite.record.bvh import BvhOptions
from xnect_lite.record.take import TakeRecorder, export_take, new_take_folder
from xnect_lite.types import PoseResult

if TYPE_CHECKING:
    from xnect_lite.record.take import TakeSummary


class Recorder(Protocol):
    """The part of `record.take.TakeRecorder` that is used."""

    folder: Path

    def add(self, result: PoseResult) -> None: ...
    def close(self) -> TakeSummary: ...


OpenRecorder = Callable[[str, float | None], Recorder]
"""(name of the source, its frames per second if known) -> a recorder on a new folder. May raise XnectError."""


def take_opener(takes: Path, config: PipelineConfig) -> OpenRecorder:
    """Recorders that make a new take below ``takes``; what they need is imported when the first one is opened."""

    def open_take(source_name: str, fps: float | None) -> Recorder:

        folder = new_take_folder(takes, Path(source_name).stem)
        return TakeRecorder(folder, source=source_name, fps=fps, config=config, bvh=BvhOptions(fps=fps or 30.0))

    return open_take


class RecordingState(enum.Enum):
    """OFF, ARMED = starts with the next result, RECORDING."""

    OFF = "off"
    ARMED = "armed"
    RECORDING = "recording"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the user. ``folder``: what it is about, to be opened."""

    text: str
    is_error: bool = False
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """One frame's result and where its run stands.

    arrived_s:          clock (time.perf_counter) when the frame came.
    taken_s:            clock when the pipeline took it.
    received, dropped:  frames since the source was opened.
    """

    result: PoseResult
    arrived_s: float
    taken_s: float
    received: int
    dropped: int


class Session:
    """Recording state machine and statistics.

        OFF --toggle--> ARMED --first result--> RECORDING --toggle, or the source closes--> OFF, and the take is saved aside

    open_recorder: makes the recorder of a new take.
    """

    def __init__(self, open_recorder: OpenRecorder, clock: Callable[[], float] = time.perf_counter) -> None:
        self._open_recorder = open_recorder
        self._clock = clock
        self._lock = threading.Lock()  # figures
        self._take_lock = threading.RLock()  # recording; held while a frame is written
        self._statistics = LatencyStatistics(clock)
        self._notices: SimpleQueue[Notice] = SimpleQueue()
        self._saving: list[threading.Thread] = []
        self._state = RecordingState.OFF
        self._recorder: Recorder | None = None
        self._source: tuple[str, float | None] = ("", None)
        self._first_s = self._last_s = 0.0
        self._recorded = 0
        self._last_seen_s: float | None = None  # clock when somebody was last seen

    # --- the worker's side

    def source_opened(self, name: str, fps: float | None) -> None:
        """A source starts; frames follow."""
        with self._take_lock:
            self._source = (name, fps)
        with self._lock:
            self._statistics.reset()
            self._last_seen_s = self._clock()

    def processed(self, update: Update) -> None:
        """A result, in order of time. It is recorded if recording is on."""
        with self._lock:
            wait_ms = (update.taken_s - update.arrived_s) * 1e3
            self._statistics.processed(update.result.timings_ms, wait_ms, update.received, update.dropped)
            if len(update.result.people):
                self._last_seen_s = self._clock()
        with self._take_lock:
            if self._state is not RecordingState.OFF:
                self._record(update.result)

    def source_closed(self) -> None:
        """The source has ended, or was stopped: so has the take. A recording that waits for a first frame goes on waiting."""
        with self._lock:
            self._last_seen_s = None
        with self._take_lock:
            if self._state is RecordingState.RECORDING:
                self.stop_recording()

    # --- the window's side

    def painted(self, draw_ms: float, end_to_end_ms: float) -> None:
        """A result is on the screen."""
        with self._lock:
            self._statistics.painted(draw_ms, end_to_end_ms)

    @property
    def recording(self) -> RecordingState:
        """Whether a take is being recorded."""
        return self._state

    @property
    def recorded_s(self) -> float:
        """Length of the take so far, by the source's clock."""
        return self._last_s - self._first_s

    @property
    def recorded_frames(self) -> int:
        """Frames in the take so far."""
        return self._recorded

    @property
    def is_saving(self) -> bool:
        """True while a finished take is being written."""
        return any(thread.is_alive() for thread in self._saving)

    @property
    def nobody_s(self) -> float:
        """Seconds in which nobody has been seen while a source runs."""
        last = self._last_seen_s
        return 0.0 if last is None else self._clock() - last

    def latency(self) -> LatencyReport:
        """The figures of the overlay."""
        with self._lock:
            return self._statistics.report()

    def notices(self) -> list[Notice]:
        """What there is to tell since the last call."""
        found: list[Notice] = []
        while True:
            try:
                found.append(self._notices.get_nowait())
            except Empty:
                return found

    def toggle_recording(self) -> None:
        """Start if it is off, else stop."""
        if self._state is RecordingState.OFF:
            self.start_recording()
        else:
            self.stop_recording()

    def start_recording(self) -> None:
        """Record from the next result on."""
        with self._take_lock:
            if self._state is RecordingState.OFF:
                self._state = RecordingState.ARMED
                self._recorded, self._first_s, self._last_s = 0, 0.0, 0.0

    def stop_recording(self) -> None:
        """Finish the take. Its files are written on a thread of their own; a notice says where."""
        with self._take_lock:
            recorder, self._recorder = self._recorder, None
            self._state = RecordingState.OFF
            if recorder is not None:
                thread = threading.Thread(target=self._save, args=(recorder,), name="save take")
                self._saving = [t for t in self._saving if t.is_alive()] + [thread]
                thread.start()

    def finish_takes(self, folders: Sequence[Path]) -> None:
        """Write the BVH files of takes that were cut off, on a thread of its own; a notice each says what came of it."""
        thread = threading.Thread(target=self._finish, args=(tuple(folders),), name="finish takes")
        self._saving = [t for t in self._saving if t.is_alive()] + [thread]
        thread.start()

    def close(self, timeout_s: float | None = None) -> None:
        """Finish and wait for whatever is being written."""
        self.stop_recording()
        for thread in self._saving:
            thread.join(timeout_s)

    # --- with the take lock held

    def _record(self, result: PoseResult) -> None:
        try:
            if self._recorder is None:
                self._recorder = self._open_recorder(*self._source)
                self._state, self._first_s = RecordingState.RECORDING, result.frame.t_s
            self._recorder.add(result)
        except XnectError as error:
            self._notices.put(Notice(f"Recording stopped. {error}", is_error=True))
            self.stop_recording()
            return
        self._recorded, self._last_s = self._recorded + 1, result.frame.t_s

    # --- on a thread of its own

    def _save(self, recorder: Recorder) -> None:
        self._tell(recorder.close, recorder.folder)

    def _finish(self, folders: tuple[Path, ...]) -> None:
        for folder in folders:
            self._tell(partial(export_take, folder), folder)

    def _tell(self, write: Callable[[], TakeSummary], folder: Path) -> None:
        try:
            summary = write()
        except Exception as error:  # nobody waits for this thread: the user must hear of whatever happens here
            text = str(error) if isinstance(error, XnectError) else without_secrets(repr(error))
            self._notices.put(Notice(f"The take could not be finished. {text}", is_error=True, folder=folder))
            return
        files = sum(1 for person in summary.people if person.file)
        people = {0: "nobody long enough for a BVH file", 1: "1 BVH file"}.get(files, f"{files} BVH files")
        length = f"{summary.frames} frames, {summary.duration_s:.1f} s"
        self._notices.put(Notice(f"Take saved: {length}, {people}, in {summary.folder}", folder=summary.folder))
