"""Recording and messages, driven without a window."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from gui_fakes import FakeRecorder, make_people

from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.runners.events import Update
from xnect_lite.runners.session import RecordingState, Session, take_opener
from xnect_lite.types import Frame, People, PoseResult

SIZE = (64, 36)


def _update(index, people=None):
    frame = Frame(np.zeros((SIZE[1], SIZE[0], 3), np.uint8), 0.1 * index, index)
    people = make_people([(0, 0, 3000)], SIZE) if people is None else people
    return Update(PoseResult(frame, people, 64.0, {"network": 5.0}), 10.0, 10.002, index + 1, 0)


class Recorders:
    """Makes recorders and remembers them."""

    def __init__(self, error=None, **options):
        self.made, self._error, self._options = [], error, options

    def __call__(self, source, fps):
        if self._error:
            raise self._error
        self.made.append(FakeRecorder(source, fps, **self._options))
        return self.made[-1]


def _indices(recorder):
    return [result.frame.index for result in recorder.results]


def test_a_take_is_what_comes_between_two_clicks():
    recorders = Recorders()
    session = Session(recorders)
    session.source_opened("dance.mp4", 25.0)
    session.processed(_update(0))
    session.toggle_recording()
    assert session.recording is RecordingState.ARMED and not recorders.made
    for i in (1, 2, 3):
        session.processed(_update(i))
    assert session.recording is RecordingState.RECORDING
    assert (session.recorded_frames, session.recorded_s) == (3, pytest.approx(0.2))
    session.toggle_recording()
    session.processed(_update(4))
    session.close()
    (recorder,) = recorders.made
    assert (recorder.source, recorder.fps, recorder.is_closed) == ("dance.mp4", 25.0, True)
    assert _indices(recorder) == [1, 2, 3]
    (notice,) = session.notices()
    assert "Take saved: 3 frames" in notice.text and notice.folder == recorder.folder and not notice.is_error
    assert session.notices() == []


def test_two_takes_are_two_recorders():
    recorders = Recorders()
    session = Session(recorders)
    for i in range(4):
        session.toggle_recording()
        session.processed(_update(i))
    session.close()
    assert [_indices(r) for r in recorders.made] == [[0], [2]]


def test_the_take_ends_with_its_source_but_an_armed_one_waits_for_the_next():
    recorders = Recorders()
    session = Session(recorders)
    session.start_recording()
    session.source_closed()
    assert session.recording is RecordingState.ARMED
    session.source_opened("b.mp4", None)
    session.processed(_update(0))
    session.source_closed()
    assert session.recording is RecordingState.OFF
    session.close()
    assert recorders.made[0].is_closed


def test_taking_back_a_click_makes_no_take():
    recorders = Recorders()
    session = Session(recorders)
    session.toggle_recording()
    session.toggle_recording()
    session.processed(_update(0))
    session.close()
    assert not recorders.made and not session.notices()


def test_a_folder_that_refuses_is_an_error_and_the_app_goes_on():
    session = Session(Recorders(error=XnectError("takes", "cannot be written", "Choose another")))
    session.start_recording()
    session.processed(_update(0))
    assert session.recording is RecordingState.OFF
    (notice,) = session.notices()
    assert notice.is_error and "cannot be written" in notice.text
    session.processed(_update(1))


def test_a_full_disk_stops_the_take_and_keeps_what_was_written():
    recorders = Recorders(fail_at=2)
    session = Session(recorders)
    session.start_recording()
    for i in range(4):
        session.processed(_update(i))
    session.close()
    assert _indices(recorders.made[0]) == [0, 1] and recorders.made[0].is_closed
    error, saved = session.notices()
    assert error.is_error and "disk is full" in error.text and "2 frames" in saved.text


@pytest.mark.parametrize("error", [XnectError("take", "the disk is full", "Free some space"), ValueError("a bug")])
def test_saving_that_fails_is_told(error, monkeypatch):
    def fail(self):
        raise error

    monkeypatch.setattr(FakeRecorder, "close", fail)
    session = Session(Recorders())
    session.start_recording()
    session.processed(_update(0))
    session.close()
    (notice,) = session.notices()
    assert notice.is_error and "could not be finished" in notice.text


def test_how_long_nobody_has_been_seen():
    now = [0.0]
    session = Session(Recorders(), clock=lambda: now[0])
    assert session.nobody_s == 0  # nothing runs
    session.source_opened("a", None)
    now[0] = 5.0
    session.processed(_update(0, People.empty(0)))
    assert session.nobody_s == 5
    session.processed(_update(1))
    assert session.nobody_s == 0
    session.source_closed()
    now[0] = 50.0
    assert session.nobody_s == 0


def test_figures_reach_the_report():
    session = Session(Recorders())
    session.source_opened("a", None)
    for i in range(20):
        session.processed(_update(i))
        session.painted(4.0, 30.0)
    report = session.latency()
    assert report.stages["network"].p50_ms == 5 and report.wait.p50_ms == pytest.approx(2)
    assert report.end_to_end.p50_ms == 30 and report.received == 20


def test_a_real_take(tmp_path):
    session = Session(take_opener(tmp_path / "takes", PipelineConfig()))
    session.source_opened("my clip.mp4", 10.0)
    session.start_recording()
    for i in range(12):
        session.processed(_update(i))
    session.close()
    (notice,) = session.notices()
    assert not notice.is_error, notice.text
    assert notice.folder.parent == tmp_path / "takes" and "my_clip" in notice.folder.name
    assert {"take.json", "poses.npz", "person01.bvh"} <= {p.name for p in notice.folder.iterdir()}


def test_takes_that_were_cut_off_are_found_and_finished(tmp_path):
    from xnect_lite.record.take import TakeRecorder
    from xnect_lite.record.take_folder import unfinished_takes

    recorders = [TakeRecorder(tmp_path / name) for name in ("cut", "empty", "running", "finished")]
    for recorder in recorders:
        if recorder.folder.name != "empty":
            for index in range(30):
                recorder.add(_update(index).result)
    for recorder in recorders[:2]:
        recorder._journal._file.close()  # as the system does for a killed program
    recorders[3].close()
    assert unfinished_takes(tmp_path) == [tmp_path / "cut"]
    session = Session(Recorders())
    session.finish_takes(unfinished_takes(tmp_path))
    session.close()
    (notice,) = session.notices()
    assert "Take saved: 30 frames" in notice.text and not notice.is_error
    assert unfinished_takes(tmp_path) == [] and (tmp_path / "cut/poses.npz").exists()
    recorders[2].close()


class Clock:
    def __init__(self):
        self.s = 50.0

    def __call__(self):
        return self.s


def test_what_must_be_in_sight_of_a_recording(tmp_path):
    clock = Clock()
    session = Session(Recorders(), clock, tmp_path)
    assert session.status().state is RecordingState.OFF
    session.source_opened("0", 30.0)
    session.processed(_update(0))
    session.start_recording(countdown_s=3.0)
    assert session.status().waiting_for == "the countdown" and session.status().countdown_s == 3.0
    clock.s += 2.0
    session.processed(_update(1))
    assert session.status().countdown_s == pytest.approx(1.0) and session.status().frames == 0
    clock.s += 1.5
    assert session.status().waiting_for == "the next frame"
    assert session.status(is_running=False).waiting_for == "a camera or a clip to play"
    for index, dropped in ((2, 4), (3, 4), (4, 7)):
        update = _update(index)
        session.processed(dataclasses.replace(update, dropped=dropped))
    status = session.status()
    assert status.state is RecordingState.RECORDING and not status.waiting_for
    assert (status.frames, status.dropped, status.dropped_share) == (3, 3, 0.5)  # the four before were not of the take
    assert status.elapsed_s == pytest.approx(0.2) and status.free_bytes > 0
    session.close()


def test_people_who_are_ignored_are_not_recorded():
    recorders = Recorders()
    session = Session(recorders)
    session.source_opened("0", 30.0)
    session.ignore({2})
    session.start_recording()
    session.processed(_update(0, make_people([(0, 0, 3000), (500, 0, 3000)], SIZE)))
    session.close()
    assert recorders.made[0].results[0].people.ids.tolist() == [1]


def test_the_film_keeps_every_frame_that_comes_from_the_first_recorded_on():
    recorders = Recorders()
    session = Session(recorders)
    session.source_opened("0", 30.0)
    session.start_recording()
    for index in range(3):
        session.frame_came(_update(index).result.frame)  # before there is a take
    session.processed(_update(1))
    for index in (3, 4, 5):
        session.frame_came(_update(index).result.frame)
    session.processed(_update(5))
    session.close()
    assert recorders.made[0].film == [1, 3, 4, 5] and _indices(recorders.made[0]) == [1, 5]
