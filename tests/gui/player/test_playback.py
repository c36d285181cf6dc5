"""Playing a take by a clock that the test turns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xnect_lite.gui.player.playback import Playback


class Clock:
    def __init__(self):
        self.s = 100.0

    def __call__(self):
        return self.s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def playback(clock):
    """Eleven frames, a tenth of a second apart, from second 5."""
    return Playback(5 + np.arange(11) / 10, clock)


def _after(playback, clock, seconds):
    clock.s += seconds
    playback.tick()
    return playback.frame


@pytest.mark.parametrize(
    ("speed", "after_s", "frame"),
    [
        (1.0, 0.0, 0),
        (1.0, 0.19, 1),  # the frame shown is the last that is not later
        (1.0, 0.201, 2),
        (0.5, 0.401, 2),
        (4.0, 0.1, 4),
    ],
)
def test_it_keeps_time_at_every_speed(playback, clock, speed, after_s, frame):
    playback.speed = speed
    playback.play()
    assert _after(playback, clock, after_s) == frame and playback.is_playing


def test_it_stops_at_the_out_mark_and_plays_again_from_the_in_mark(playback, clock):
    playback.set_in(2)
    playback.set_out(6)
    playback.seek(5)
    playback.play()
    assert _after(playback, clock, 9.0) == 6 and not playback.is_playing
    playback.toggle()
    assert playback.frame == 2 and playback.is_playing


def test_looping_it_goes_back_to_the_in_mark(playback, clock):
    playback.loop = True
    playback.set_in(3)
    playback.play()
    assert _after(playback, clock, 0.75) == 7
    assert _after(playback, clock, 0.5) == 3 and playback.is_playing
    assert _after(playback, clock, 0.21) == 5


def test_speed_changed_on_the_way_goes_on_from_where_it_is(playback, clock):
    playback.play()
    _after(playback, clock, 0.401)
    playback.speed = 0.25
    assert playback.frame == 4 and _after(playback, clock, 0.41) == 5


def test_stepping_pauses_and_stays_within_the_take(playback):
    playback.play()
    assert playback.step(1) and not playback.is_playing and playback.frame == 1
    assert not playback.step(-9) or playback.frame == 0
    playback.step(99)
    assert playback.frame == 10


def test_marks_that_would_cross_take_the_other_away(playback):
    playback.set_in(4)
    playback.set_out(2)
    assert (playback.mark_in, playback.mark_out) == (0, 2)
    playback.set_in(7)
    assert (playback.mark_in, playback.mark_out) == (7, 10) and playback.has_marks
    playback.clear_marks()
    assert not playback.has_marks


def test_frames_dropped_while_recording_stand_as_long_as_they_did(clock):
    playback = Playback(np.array([0.0, 0.1, 1.0, 1.1]), clock)
    playback.play()
    assert [_after(playback, clock, step) for step in (0.15, 0.5, 0.36)] == [1, 1, 2]


@pytest.mark.parametrize(("second", "frame"), [(-1, 0), (0.04, 0), (0.06, 1), (0.5, 1), (0.6, 2), (9, 3)])
def test_the_nearest_frame_where_many_were_dropped(second, frame):
    assert Playback(np.array([0.0, 0.1, 1.0, 1.1])).nearest(second) == frame


def test_a_take_of_one_frame_plays_and_stops(clock):
    playback = Playback(np.array([3.0]), clock)
    playback.play()
    assert _after(playback, clock, 1.0) == 0 and not playback.is_playing
    with pytest.raises(ValueError, match="without frames"):
        Playback(np.zeros(0))


@given(st.lists(st.tuples(st.sampled_from(["play", "seek", "in", "out", "step", "loop"]), st.integers(-30, 30)), max_size=20))
def test_whatever_is_pressed_the_frame_is_one_of_the_take(presses):
    clock = Clock()
    playback = Playback(np.arange(20) / 30, clock)
    for name, value in presses:
        match name:
            case "play":
                playback.toggle()
            case "seek":
                playback.seek(value)
            case "in":
                playback.set_in(value)
            case "out":
                playback.set_out(value)
            case "step":
                playback.step(value)
            case "loop":
                playback.loop = not playback.loop
        _after(playback, clock, abs(value) / 30)
        assert 0 <= playback.frame < 20 and 0 <= playback.mark_in <= playback.mark_out < 20
