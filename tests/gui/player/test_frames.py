"""A take by its frames: who is there, measured or bridged or held, and how the lanes tell it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from take_fakes import FPS, SIZE, make_take

from xnect_lite.gui.player.frames import TakeFrames
from xnect_lite.gui.player.lanes import build_lanes, main_people
from xnect_lite.record.presence import Presence
from xnect_lite.record.take_folder import load_take

ALL = set(range(40))
SEEN = {1: ALL, 2: ALL - set(range(10, 14)), 3: set(range(5)) | set(range(35, 40)), 4: {39}}
"""1 always, 2 with a gap that is bridged, 3 with one too long for it, 4 in one frame."""


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    return TakeFrames(load_take(make_take(tmp_path_factory.mktemp("take") / "t", SEEN)))


@pytest.mark.parametrize(
    ("frame", "ids", "unseen"),
    [
        (0, [1, 2, 3], []),
        (12, [1, 2, 3], [2, 3]),  # 2 is bridged, 3 is held
        (39, [1, 2, 3, 4], []),
    ],
)
def test_who_is_shown_in_a_frame_and_who_was_not_measured(frames, frame, ids, unseen):
    people = frames.people(frame)
    assert sorted(people.ids.tolist()) == ids
    assert sorted(people.ids[(people.joint_score == 0).all(axis=1)].tolist()) == unseen


def test_whoever_is_bridged_stands_between_the_two_sights(frames):
    """People move 10 mm to the right each frame, so frame 12 is 120 mm from the start, whether seen or not."""
    people = frames.people(12)
    start, now = (frames.people(n).root_cam_mm[frames.people(n).ids == 2][0, 0] for n in (0, 12))
    assert now - start == pytest.approx(120, abs=1) and len(people) == 3


def test_whoever_is_held_stands_where_last_seen(frames):
    last, held = (frames.people(n).root_cam_mm[frames.people(n).ids == 3][0] for n in (4, 20))
    np.testing.assert_allclose(last, held)


def test_hidden_people_are_left_out(frames):
    assert frames.people(0, hidden={1, 3}).ids.tolist() == [2]


def test_another_copy_of_the_film_of_another_size_fits(frames):
    """The recording was 160 x 90; in a picture twice as large everything is twice as far."""
    large = frames.result(0, np.zeros((2 * SIZE[1], 2 * SIZE[0], 3), np.uint8))
    small = frames.result(0, np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    np.testing.assert_allclose(large.people.joints_px + 0.5, 2 * (small.people.joints_px + 0.5), rtol=1e-5)
    assert large.focal_px == 2 * small.focal_px
    assert frames.result(0).frame.size == SIZE, "without a film: a blank picture of its size"


def test_lanes_tell_measured_bridged_and_held(frames):
    lanes = {lane.id: lane for lane in build_lanes(frames)}
    kinds = {i: [(s.first, s.last, s.presence) for s in lane.spans] for i, lane in lanes.items()}
    measured, bridged, held = Presence.MEASURED, Presence.BRIDGED, Presence.HELD
    assert kinds[1] == [(0, 39, measured)]
    assert kinds[2] == [(0, 9, measured), (10, 13, bridged), (14, 39, measured)]
    assert kinds[3] == [(0, 4, measured), (5, 34, held), (35, 39, measured)]
    assert lanes[2].presence_at(12) is bridged and lanes[4].presence_at(0) is Presence.ABSENT
    assert lanes[2].words == "36 measured, 4 bridged frames"
    assert main_people(list(lanes.values())) == {1, 2}


def test_meetings_are_of_those_who_are_ever_there_together(frames):
    assert frames.meetings()[4] == {1, 2, 3} and frames.meetings()[1] == {2, 3, 4}


def test_a_step_in_ten_minutes_of_five_people_takes_less_than_50_ms():
    """15,000 frames; the rows of real takes, filled with one pose."""
    from xnect_lite.record.journal import records_of
    from xnect_lite.record.take_folder import take_of_records

    assert FPS == 25
    from gui_fakes import make_people

    from xnect_lite.types import Frame, PoseResult

    people = make_people([(x, 0, 4000) for x in range(0, 5000, 1000)], SIZE)
    one = records_of(PoseResult(Frame(np.zeros((2, 2, 3), np.uint8), 0.0, 0), people, 160.0))
    records = np.tile(one, 15000)
    records["frame_index"] = np.repeat(np.arange(15000), 5)
    records["t_s"] = records["frame_index"] / FPS
    frames = TakeFrames(take_of_records(records))
    begin = time.process_time()
    for n in range(0, 15000, 500):
        frames.result(n)
    assert (time.process_time() - begin) / 30 < 0.05
