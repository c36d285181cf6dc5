"""Files whose clock is wrong: for a frame, from a frame on, or in the rate that the header claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import CASES, needs_cases
from hypothesis import given, settings
from hypothesis import strategies as st
from played_pictures import write_video

from xnect_lite.capture import open_source
from xnect_lite.capture.timeline import LONGEST_PAUSE_S, TimeLine, usual_fps


def line(stamps: list[float | None], step_s: float = 0.1) -> tuple[list[float], str]:
    times = TimeLine("film", step_s)
    placed = [times.place(stamp, lambda n, k=k: stamps[k + 1 : k + 1 + n]) for k, stamp in enumerate(stamps)]
    return [round(t, 6) for t in placed], times.warning


STEADY = [round(0.1 * k, 6) for k in range(20)]


def changed(**at: float | None) -> list[float | None]:
    return [at.get(f"f{k}", t) for k, t in enumerate(STEADY)]


CASE = [
    ("a steady clock", STEADY, STEADY, ""),
    ("a frame stamped ten minutes late", changed(f5=600.0), STEADY, "frame 5 is stamped +599.6 s off"),
    ("a frame stamped half a minute late, which might be a pause", changed(f5=30.5), STEADY, "frame 5 is stamped +30.1 s off"),
    ("a frame stamped an hour early", changed(f7=-3600.0), STEADY, "frame 7 is stamped -3600.6 s off"),
    ("the last frame stamped an hour late", changed(f19=3600.0), STEADY, "time jumps by +3598.2 s at frame 19"),
    ("two frames off, one after the other", changed(f5=600.0, f6=700.0), None, "frame 5 is stamped +599.6 s off, and 1 more"),
    ("frames without a stamp", changed(f3=None, f4=None), STEADY, ""),
    ("a frame stamped as the one before", changed(f8=0.7), None, ""),
    ("an hour later from frame 10 on", STEADY[:10] + [t + 3600 for t in STEADY[10:]], STEADY, "jumps by +3600.1 s at frame 10"),
    ("two films glued together", STEADY[:10] + STEADY[:10], STEADY, ""),
    ("long films glued together", [100.0 * (k < 10) + t for k, t in enumerate(STEADY)], None, "jumps by -99.9 s at frame 10"),
    ("a pause of ten seconds", STEADY[:10] + [t + 10 for t in STEADY[10:]], STEADY[:10] + [t + 10 for t in STEADY[10:]], ""),
]  # fmt: skip


@pytest.mark.parametrize(("case", "stamps", "times", "warning"), CASE, ids=[c[0] for c in CASE])
def test_stamps_become_one_line(case, stamps, times, warning):
    placed, said = line(stamps)
    assert (np.diff(placed) > 0).all() and placed[-1] - placed[0] < 12.0
    if times is not None:
        assert placed == pytest.approx(times, abs=1e-6)
    assert warning in said and bool(warning) == bool(said)


stamps = st.one_of(st.none(), st.floats(-1e6, 1e6), st.floats(-2, 2), st.integers(0, 40).map(lambda k: k / 10))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(stamps, min_size=2, max_size=40))
def test_whatever_the_stamps_time_runs_forward_and_no_step_is_longer_than_a_pause(given_stamps):
    placed, _ = line(given_stamps)
    assert (np.diff(placed) > 0).all()
    assert np.diff(placed).max() <= LONGEST_PAUSE_S + 1e-6


@pytest.mark.parametrize(
    ("stamps_s", "said", "rate", "words"),
    [
        ([k / 30 for k in range(60)], [30.0], 30.0, ""),
        ([k / 30 for k in range(60)], [5.0, 30.0], 30.0, "the header says 5 frames/s, the usual step of its frames is 30"),
        ([k / 29.97 for k in range(60)], [30000 / 1001], 30000 / 1001, ""),
        ([k / 25 for k in range(60)], [], 25.0, ""),
        ([k / 50 for k in range(60)], [90000.0], 50.0, ""),  # a header that holds the clock's ticks
        ([], [24.0], 24.0, ""),
        ([], [90000.0], None, ""),
    ],
)
def test_the_rate_is_that_of_the_usual_step(stamps_s, said, rate, words):
    assert usual_fps(stamps_s, said) == (pytest.approx(rate) if rate else None, words)


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_film_that_jumps_by_a_day(tmp_path: Path, kind: str):
    times_s = [k / 10 + (26 * 3600 if k >= 12 else 0) for k in range(24)]
    with open_source(write_video(tmp_path / f"a.{kind}", times_s)) as source:
        assert source.fps == pytest.approx(10, rel=0.02)
        times = [frame.t_s for frame in source]
    assert len(times) == 24 and times[-1] == pytest.approx(2.3, abs=0.05)
    assert source.warning is not None and f"a.{kind}: time jumps by +93600.1 s at frame 12" in source.warning


@needs_cases
@pytest.mark.parametrize(
    ("name", "frames", "last_s", "words"),
    [
        ("glitch.mp4", 45, 1.467, "frame 20 is stamped +600.0 s off"), ("jump1h.mp4", 60, 1.966, "+3600.0 s at frame 20"),
        ("jump1h.mkv", 60, 1.966, "+3600.0 s at frame 20"), ("pause.mp4", 60, 11.967, "usual step of its frames is 30"),
    ],
)  # fmt: skip
def test_films_of_others(name, frames, last_s, words):
    with open_source(CASES / name) as source:
        assert source.fps == pytest.approx(30)
        times = [frame.t_s for frame in source]
    assert len(times) == frames and times[-1] == pytest.approx(last_s, abs=0.01)
    assert source.warning is not None and words in source.warning
