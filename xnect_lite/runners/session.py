"""One sitting at the app, without its window: recording, figures, and messages for the user. No Qt.

The worker thread reports frames, the window reports clicks; either may come at any time.
"""

from __future__ import annotations

import dataclasses
import enum
import shutil
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Protocol

import numpy as np

from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError, without_secrets
from xnect_lite.record.bvh import BvhOptions
from xnect_lite.record.take import TakeRecorder, export_take, new_take_folder
from xnect_lite.runners.events import Update
from xnect_lite.runners.run_notes import notes_of
from xnect_lite.runners.statistics import LatencyReport, LatencyStatistics
from xnect_lite.types import Frame, PoseResult

if TYPE_CHECKING:
    from xnect_lite.record.finish import TakeSummary


_DISK_S, _NOTES_S = 2.0, 1.0  # between two looks at the disk, and at what else is worth knowing


def free_bytes(folder: Path) -> int | None:
    """Left on the disk of ``folder``, or of the nearest folder above it that is there; None = not known."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


class Recorder(Protocol):
    """The part of `record.take.TakeRecorder` that is used."""

    folder: Path

    def add(self, result: PoseResult) -> None: ...
    def add_video(self, frame: Frame) -> None: ...
    def close(self) -> TakeSummary: ...


class Sender(Protocol):
    """The part of `record.vmc.VmcSender` that is used; what the network refuses it keeps to itself."""

    def send(self, result: PoseResult) -> None: ...
    def close(self) -> None: ...


OpenRecorder = Callable[[str, float | None], Recorder]
"""(name of the source, its frames per second if known) -> a recorder on a new folder. May raise XnectError."""


def take_opener(takes: Path, config: PipelineConfig, *, video: bool = False) -> OpenRecorder:
    """Recorders that make a new take below ``takes``; what they need is imported when the first one is opened.

    video: keep the film beside the poses.
    """

    def open_take(source_name: str, fps: float | None) -> Recorder:
        folder = new_take_folder(takes, Path(source_name).stem)
        return TakeRecorder(folder, source=source_name, fps=fps, config=config, bvh=BvhOptions(fps=fps or 30.0), video=video)

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
class RecordingStatus:
    """What should be in sight while a take is recorded, or is about to be.

    waiting_for:  in words, what the first frame waits for; "" while recording.
    countdown_s:  until it starts, 0 = it does not count.
    elapsed_s, frames: of the take.   dropped: frames that came meanwhile and are not in it.
    free_bytes:   left on the disk of the takes, None = not known.
    """

    state: RecordingState = RecordingState.OFF
    waiting_for: str = ""
    countdown_s: float = 0.0
    elapsed_s: float = 0.0
    frames: int = 0
    dropped: int = 0
    free_bytes: int | None = None

    @property
    def dropped_share(self) -> float:
        """Of the frames that came, 0..1."""
        return self.dropped / (self.frames + self.dropped) if self.dropped else 0.0


class Session:
    """Recording state machine and statistics.

        OFF --toggle--> ARMED --first result--> RECORDING --toggle, or the source closes--> OFF, and the take is saved aside

    open_recorder: makes the recorder of a new take.
    takes:         the folder whose disk is watched while recording; None = none.
    """

    def __init__(
        self, open_recorder: OpenRecorder, clock: Callable[[], float] = time.perf_counter, takes: Path | None = None
    ) -> None:
        self._open_recorder, self._takes = open_recorder, takes
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
        self._dropped = self._dropped_before = 0  # of the source by now, and when the take began
        self._starts_s = 0.0  # clock before which an armed recording counts down
        self._sender: Sender | None = None
        self._ignored: frozenset[int] = frozenset()
        self._noted_s = -1e9  # clock of the last look at what else is worth knowing
        self._free: tuple[float, int | None] = (-1e9, None)  # clock of the last look at the disk, bytes left on it
        self._last_seen_s: float | None = None  # clock when somebody was last seen

    # --- the worker's side

    def source_opened(self, name: str, fps: float | None) -> None:
        """A source starts; frames follow."""
        with self._take_lock:
            self._source = (name, fps)
        with self._lock:
            self._statistics.reset()
            self._last_seen_s = self._clock()

    def send_to(self, sender: Sender | None) -> None:
        """Every live result also goes to another program from now on; None = to none."""
        with self._take_lock:
            before, self._sender = self._sender, sender
        if before is not None:
            before.close()

    def frame_came(self, frame: Frame) -> None:
        """Every frame of the source, whether or not there is time to look at it: the film beside the poses keeps it."""
        recorder = self._recorder
        if recorder is not None:
            recorder.add_video(frame)

    def file_opened(self) -> None:
        """A file is processed from its first frame on; it makes its own take."""
        self.source_opened("", None)

    def reconfigured(self) -> None:
        """The source goes on with another network."""
        with self._lock:
            self._statistics.reconfigured()

    def measured(self, update: Update) -> None:
        """A result, for the figures alone."""
        with self._lock:
            wait_ms = (update.taken_s - update.arrived_s) * 1e3
            figures = (update.result.timings_ms, wait_ms, update.received, update.dropped, update.capture_ms)
            self._statistics.processed(*figures)
            if self._clock() - self._noted_s > _NOTES_S:
                self._noted_s, self._statistics.notes = self._clock(), notes_of(update.result)
            if len(update.result.people):
                self._last_seen_s = self._clock()

    def processed(self, update: Update) -> None:
        """A result, in order of time. It is recorded if recording is on, and sent on if anybody is to have it."""
        self.measured(update)
        with self._take_lock:
            if self._sender is not None:
                self._sender.send(update.result)
            self._dropped = update.dropped
            if self._state is not RecordingState.OFF and self._clock() >= self._starts_s:
                self._record(update.result)

    def source_closed(self) -> None:
        """The source has ended, or was stopped: so has the take. A recording that waits for a first frame goes on waiting."""
        with self._lock:
            self._last_seen_s = None
        with self._take_lock:
            if self._state is RecordingState.RECORDING:
                self.stop_recording()

    # --- the window's side

    def painted(self, draw_ms: float, end_to_end_ms: float, handover_ms: float = 0.0) -> None:
        """A result is on the screen."""
        with self._lock:
            self._statistics.painted(draw_ms, end_to_end_ms, handover_ms)

    def record_into(self, open_recorder: OpenRecorder, takes: Path) -> None:
        """Takes that start from now on are made by ``open_recorder``, on the disk of ``takes``."""
        with self._take_lock:
            self._open_recorder, self._takes = open_recorder, takes
            self._free = (-1e9, None)

    def ignore(self, identities: Collection[int]) -> None:
        """These people are left out of what is recorded from now on."""
        with self._take_lock:
            self._ignored = frozenset(identities)

    def status(self, is_running: bool = True) -> RecordingStatus:
        """What should be in sight. ``is_running``: whether frames come, or will soon."""
        countdown_s = max(0.0, self._starts_s - self._clock()) if self._state is RecordingState.ARMED else 0.0
        waiting_for = ""
        if self._state is RecordingState.ARMED:
            waiting_for = "the countdown" if countdown_s else "the next frame" if is_running else "a camera or a clip to play"
        if self._state is RecordingState.OFF:
            return RecordingStatus()
        dropped = self._dropped - self._dropped_before if self._state is RecordingState.RECORDING else 0
        return RecordingStatus(
            self._state, waiting_for, countdown_s, self.recorded_s, self._recorded, max(0, dropped), self._free_bytes()
        )

    def _free_bytes(self) -> int | None:
        now_s = self._clock()
        if self._takes is not None and now_s - self._free[0] > _DISK_S:
            self._free = (now_s, free_bytes(self._takes))
        return self._free[1]

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

    def toggle_recording(self, countdown_s: float = 0.0) -> None:
        """Start if it is off, else stop."""
        if self._state is RecordingState.OFF:
            self.start_recording(countdown_s)
        else:
            self.stop_recording()

    def start_recording(self, countdown_s: float = 0.0) -> None:
        """Record from the next result on, or from the first one after a countdown."""
        with self._take_lock:
            if self._state is RecordingState.OFF:
                self._state = RecordingState.ARMED
                self._starts_s = self._clock() + countdown_s if countdown_s else 0.0
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

    def write_files(self, folder: Path) -> None:
        """Write the BVH files of a take anew, after edits, on a thread of its own; a notice tells only what fails."""
        thread = threading.Thread(target=self._write, args=(folder,), name="write files")
        self._saving = [t for t in self._saving if t.is_alive()] + [thread]
        thread.start()

    def close(self, timeout_s: float | None = None) -> None:
        """Finish and wait for whatever is being written."""
        self.stop_recording()
        self.send_to(None)
        for thread in self._saving:
            thread.join(timeout_s)

    # --- with the take lock held

    def _record(self, result: PoseResult) -> None:
        try:
            if self._recorder is None:
                self._recorder = self._open_recorder(*self._source)
                self._state, self._first_s = RecordingState.RECORDING, result.frame.t_s
                self._dropped_before = self._dropped
                self._recorder.add_video(result.frame)
            if self._ignored:
                heeded = ~np.isin(result.people.ids, list(self._ignored))
                result = dataclasses.replace(result, people=result.people.take(heeded))
            self._recorder.add(result)
        except XnectError as error:
            self._notices.put(Notice(f"Recording stopped. {error}", is_error=True))
            self.stop_recording()
            return
        self._recorded, self._last_s = self._recorded + 1, result.frame.t_s

    # --- on a thread of its own

    def _save(self, recorder: Recorder) -> None:
        self._tell(recorder.close, recorder.folder)

    def _write(self, folder: Path) -> None:
        try:
            export_take(folder)
        except Exception as error:
            text = str(error) if isinstance(error, XnectError) else without_secrets(repr(error))
            self._notices.put(Notice(f"The take's files are older than its edits. {text}", is_error=True, folder=folder))

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
        remarks = "".join(f". {words}" for words in summary.remarks)
        self._notices.put(Notice(f"Take saved: {length}, {people}, in {summary.folder}{remarks}", folder=summary.folder))
