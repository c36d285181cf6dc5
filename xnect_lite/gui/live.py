"""A camera, or a clip that is played as if it were one: starting, pausing, recording, and what is said about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QObject, pyqtSignal

from xnect_lite.gui.banner import Banner
from xnect_lite.gui.looks import Looks
from xnect_lite.gui.people_list import PersonRow
from xnect_lite.gui.view2d import Badge
from xnect_lite.gui.views import Views
from xnect_lite.gui.worker import InferenceWorker, WorkerState
from xnect_lite.record.take_folder import unfinished_takes
from xnect_lite.runners.events import Fault, Update
from xnect_lite.runners.session import RecordingState, RecordingStatus, Session
from xnect_lite.stages.fitting.tree import stature_of
from xnect_lite.types import PoseResult

_NOBODY_HINT_S = 4.0
_NOBODY = "Nobody found: step back until the whole body is in view, or add light"
_MANY_DROPPED, _FEW_FRAMES = 0.05, 30  # share of frames, and frames before which it says nothing
_KEEPS_RECORDING = "A take is being recorded: R, or the button, ends it."
_FORGET_S = 5.0  # people of the list who have not been seen for so long


class Live(QObject):
    """Brings what the worker finds to the views, and what the user wants to worker and session.

    result_shown ()  a result has reached the views
    changed ()       something that buttons and labels tell of
    """

    result_shown = pyqtSignal()
    changed = pyqtSignal()

    def __init__(self, session: Session, worker: InferenceWorker, views: Views, banner: Banner, looks: Looks) -> None:
        super().__init__()
        self._session, self._worker, self._views, self._banner, self._looks = session, worker, views, banner, looks
        self.source = ""
        self.state_text = ""
        self._update: Update | None = None
        self._taken_up_s = 0.0
        self._last_seen: dict[int, float] = {}
        self._told_dropping = False
        worker.state_changed.connect(self._show_state)
        worker.loaded.connect(self.changed)
        worker.result_ready.connect(self.show_newest)
        worker.faulted.connect(self._show_fault)
        worker.refused.connect(self._show_refusal)
        worker.warned.connect(banner.show_info)
        worker.ended.connect(self._show_end)
        views.view2d.painted.connect(self._count_painted)

    # --- what the user does

    def play(self, source: str) -> None:
        """This camera, clip or stream from its start, instead of what plays now."""
        self.source = source
        self._banner.clear_errors()
        self._looks.forget()
        self._last_seen.clear()
        self._told_dropping = False
        self._worker.play(source)
        self.changed.emit()

    def toggle(self) -> None:
        """Space: a clip pauses and goes on, a camera stops and starts. A take that is being recorded is never ended by it."""
        if not self._worker.is_active:
            self.play(self.source)
        elif self._worker.state is WorkerState.RUNNING and not self._worker.is_live:
            self._worker.pause(not self._worker.is_paused)
        elif self._session.recording is RecordingState.RECORDING:
            self._banner.show_info(_KEEPS_RECORDING)
        else:
            self._worker.stop()
        self.changed.emit()

    def toggle_recording(self, countdown_s: float = 0.0) -> None:
        """Start a take with the next result, or finish the one that runs."""
        self._told_dropping = False
        self._session.toggle_recording(countdown_s)
        self.changed.emit()

    def offer_unfinished(self, takes: Path) -> None:
        """Ask about takes that a killed program left: their files are not written yet."""
        if folders := unfinished_takes(takes):
            what = "A take was" if len(folders) == 1 else f"{len(folders)} takes were"
            finish: Callable[[], None] = partial(self._session.finish_takes, folders)
            self._banner.show_info(f"{what} cut off while being recorded.", takes, offer=("Finish", finish))

    # --- what is to be shown

    @property
    def run_words(self) -> str:
        """Of the button that Space presses."""
        if not self._worker.is_active:
            return "Start"
        if self._worker.state is WorkerState.RUNNING and not self._worker.is_live:
            return "Play" if self._worker.is_paused else "Pause"
        return "Stop"

    def show_newest(self) -> None:
        """The newest result, in both views."""
        update = self._worker.take_newest()
        if update is None:
            return
        self._update, self._taken_up_s = update, time.perf_counter()
        result = update.result
        ids = result.people.ids.tolist()
        self._looks.colors.see(ids)
        self._last_seen |= dict.fromkeys((i for i in ids if i > 0), self._taken_up_s)
        self._views.show_welcome(False)
        self._views.show_result(result)
        self.result_shown.emit()

    def people_rows(self) -> list[PersonRow]:
        """Who is in view, or was a moment ago."""
        now_s = time.perf_counter()
        self._last_seen = {i: seen_s for i, seen_s in self._last_seen.items() if now_s - seen_s < _FORGET_S}
        known = {row.id: row for row in rows_of(self._update.result)} if self._update else {}
        return [known.get(i, PersonRow(i, is_in_view=False)) for i in sorted(self._last_seen)]

    def show_recording(self) -> None:
        """The badge over the picture, and a word when frames are being lost."""
        status = self._session.status(self._worker.is_active)
        self._views.view2d.show_badge(badge_of(status), countdown=countdown_of(status))
        many = status.dropped_share > _MANY_DROPPED and status.frames + status.dropped > _FEW_FRAMES
        if many and not self._told_dropping:
            self._told_dropping = True
            advice = "Fewer people, a smaller picture or a faster device keep up"
            if not self._worker.is_live:
                advice = "Process the file instead: then every frame is kept"
            self._banner.show_info(f"The recording is losing {100 * status.dropped_share:.0f} % of the frames. {advice}.")

    def show_notices(self) -> bool:
        """What the session has to tell. True if a take was saved."""
        is_saved = False
        for notice in self._session.notices():
            if notice.is_error:
                self._banner.show_error(notice.text, folder=notice.folder)
            else:
                self._banner.show_info(notice.text, notice.folder)
            is_saved |= notice.folder is not None
        return is_saved

    def status_words(self) -> str:
        """For the status bar."""
        parts = [self.state_text] if self.state_text else []
        result = self._views.view2d.result
        if self._worker.state is WorkerState.RUNNING and result is not None:
            if self._session.nobody_s > _NOBODY_HINT_S and not self._worker.is_paused:
                parts.append(_NOBODY)
            else:
                count = len(result.people)
                parts.append("1 person" if count == 1 else f"{count} people")
            parts.append(f"{int(result.frame.t_s) // 60}:{int(result.frame.t_s) % 60:02d}")
            if self._worker.is_paused:
                parts.append("paused")
        if self._session.is_saving:
            parts.append("saving the take…")
        return " · ".join(parts)

    # --- what the worker reports

    def _show_state(self, state: WorkerState, text: str) -> None:
        view = self._views.view2d
        view.burnt = False
        if state is WorkerState.LOADING:
            self.state_text = text
            self._views.show_welcome(False)
            self._views.clear()
            view.show_message(text)
        elif state in (WorkerState.RUNNING, WorkerState.PROCESSING):
            self.state_text = text
            self._views.show_welcome(False)
            self._views.name(text, "Space")
            view.show_message("Waiting for the first result…")
        else:
            self.state_text = "Stopped"
            view.show_message("")
            self._views.show_welcome(view.result is None)
        self.changed.emit()

    def _show_fault(self, fault: Fault) -> None:
        self.state_text = "Stopped"
        self._banner.show_error(f"{fault.text.rstrip('.')}. Space tries again.", fault.details)
        self.changed.emit()

    def _show_refusal(self, fault: Fault) -> None:
        self._banner.show_error(f"{fault.text.rstrip('.')}. The settings before go on being used.", fault.details)
        self.changed.emit()

    def _show_end(self, text: str) -> None:
        self.state_text = f"{text} Space plays it again"
        self.changed.emit()

    def _count_painted(self, draw_ms: float) -> None:
        update = self._update
        if update is None or not update.done_s:
            return
        self._update_painted(update, draw_ms)

    def _update_painted(self, update: Update, draw_ms: float) -> None:
        captured_ms = update.capture_ms if update.capture_ms == update.capture_ms else 0.0
        end_to_end_ms = captured_ms + (time.perf_counter() - update.arrived_s) * 1e3
        handover_ms = (self._taken_up_s - update.done_s) * 1e3
        self._session.painted(draw_ms, end_to_end_ms, handover_ms)


def rows_of(result: PoseResult) -> list[PersonRow]:
    """People of a frame as the list shows them."""
    people = result.people
    heights = stature_of(people.bone_lengths_mm.astype(float)) / 1000
    pairs = zip(people.ids.tolist(), heights, people.person_score.tolist(), strict=True)
    return [PersonRow(identity, float(height), float(score)) for identity, height, score in pairs if identity > 0]


def badge_of(status: RecordingStatus) -> Badge | None:
    """What must be in sight of a recording."""
    if status.state is RecordingState.OFF:
        return None
    if status.state is RecordingState.ARMED:
        return Badge(f"Recording starts with {status.waiting_for}")
    parts = [f"{int(status.elapsed_s) // 60}:{int(status.elapsed_s) % 60:02d}", f"{status.frames} frames"]
    if status.free_bytes is not None:
        parts.append(f"{size_words(status.free_bytes)} left")
    note = f"{status.dropped} dropped" if status.dropped else ""
    return Badge("  ·  ".join(parts), is_on=True, note=note)


def countdown_of(status: RecordingStatus) -> int:
    """The number to be shown, 0 = none."""
    return int(-(-status.countdown_s // 1))


def size_words(count: int) -> str:
    """52_300_000_000 -> "52 GB"."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.0f} {unit}" if count >= 10 * size else f"{count / size:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"
