"""What stands in an absence: no frozen statue, no jump in one frame, and by choice a held pose, another file, or nobody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import walking_person

from xnect_lite.errors import XnectError
from xnect_lite.record.bvh import BvhOptions, build_clips, clip_joints_world_cm
from xnect_lite.record.presence import Presence
from xnect_lite.record.track import Track

FPS = 30.0


def walker(frames: np.ndarray, speed_m_s: float = 1.0) -> Track:
    """Somebody who walks along, seen in these frames only."""
    t_s = frames / FPS
    return Track(t_s, *walking_person(t_s, speed_m_s=speed_m_s, facing_deg=90.0))


def away(first: int, last: int, frames: int = 150) -> np.ndarray:
    """All frames but ``first`` .. ``last``."""
    return np.delete(np.arange(frames), np.arange(first, last + 1))


def steps_cm(clip) -> np.ndarray:
    """(N - 1,) how far the joint that moves most comes from each frame to the next."""
    return np.nanmax(np.linalg.norm(np.diff(clip_joints_world_cm(clip), axis=0), axis=-1), axis=1)


def test_a_long_absence_is_neither_a_statue_nor_a_jump():
    """Away for two seconds while walking on by two metres: nothing stands still, nothing jumps, what was seen is exact."""
    seen = away(60, 119)
    (clip,) = build_clips([walker(seen)], BvhOptions(floor=False))
    (whole,) = build_clips([walker(np.arange(150))], BvhOptions(floor=False))
    steps = steps_cm(clip)
    assert (clip.presence[60:120] == Presence.HELD).all() and (
        np.delete(clip.presence, np.s_[60:120]) == Presence.MEASURED
    ).all()
    assert steps.min() > 0.05, "no two frames are alike"
    assert steps.max() < 1.5 * steps_cm(whole).max()
    error_cm = np.nanmax(np.linalg.norm(clip_joints_world_cm(clip) - clip_joints_world_cm(whole), axis=-1), axis=1)
    assert np.delete(error_cm, np.s_[60:120]).max() < 0.01


def test_the_motion_runs_out_and_is_taken_up_without_a_jerk():
    """At both ends of the absence the hips' speed changes little from frame to frame."""
    (clip,) = build_clips([walker(away(60, 119), speed_m_s=1.5)], BvhOptions(floor=False))
    velocity = np.diff(clip.root_world_cm, axis=0) * FPS
    change = np.linalg.norm(np.diff(velocity, axis=0), axis=1)
    assert change[55:125].max() < 60, "cm/s from one frame to the next, of somebody who walked at 150"


RULES = [
    ("hold", [Presence.HELD], "the last pose stands"),
    ("hide", [Presence.ABSENT], "below the floor"),
]


@pytest.mark.parametrize(("rule", "kinds", "case"), RULES, ids=[r[0] for r in RULES])
def test_other_rules(rule, kinds, case):
    (clip,) = build_clips([walker(away(60, 119))], BvhOptions(gaps=rule))
    gap = slice(60, 120)
    assert set(clip.presence[gap]) == set(kinds)
    assert np.ptp(clip.angles_deg[59:120], axis=0).max() == 0, case
    lowered_cm = clip.root_world_cm[59] - clip.root_world_cm[gap]
    assert lowered_cm == pytest.approx(np.tile([0, 1000 if rule == "hide" else 0, 0], (60, 1)))
    assert clip_joints_world_cm(clip)[gap][..., 1][:, :21].max() < 0 or rule == "hold"


def test_files_may_be_cut_instead():
    first, second = build_clips([walker(away(60, 119))], BvhOptions(gaps="cut"))
    assert [(c.first_frame, len(c)) for c in (first, second)] == [(0, 60), (120, 30)]
    assert not first.held.any() and not second.held.any()
    whole_cm = clip_joints_world_cm(build_clips([walker(np.arange(150))], BvhOptions(floor=False))[0])
    (first, second) = build_clips([walker(away(60, 119))], BvhOptions(gaps="cut", floor=False))
    assert np.nanmax(np.abs(clip_joints_world_cm(second) - whole_cm[120:])) < 0.01


def test_short_absences_are_bridged_unless_nobody_gets_that_far():
    near = walker(away(60, 69))
    (bridged,) = build_clips([near])
    assert (bridged.presence[60:70] == Presence.BRIDGED).all()
    far = Track(near.t_s, near.joints_mm, near.root_cam_mm + np.where(near.t_s > 2.0, 9000.0, 0.0)[:, None] * (1, 0, 0))
    (held,) = build_clips([far])
    assert (held.presence[60:70] == Presence.HELD).all()
    assert steps_cm(held).max() < 200, "nine metres are gone over in all ten frames"


def test_one_floor_for_all_and_each_their_own_by_choice():
    """Of two people one was placed 8 cm too low: Y = 0 lies between them, or under each."""
    t_s = np.arange(60) / FPS
    tracks = [
        Track(t_s, mm, root + np.array([x, y, 0.0])) for x, y in ((0, 0), (1500, 80)) for mm, root in [walking_person(t_s)]
    ]

    def soles(**options):
        clips = build_clips(tracks, BvhOptions(**options))
        return [float(np.nanpercentile(np.nanmin(clip_joints_world_cm(c)[..., 1], axis=1), 5)) for c in clips]

    assert soles() == pytest.approx([4, -4], abs=0.1)
    assert soles(own_floor=True) == pytest.approx([0, 0], abs=0.1)
    assert soles(floor=False)[0] - soles(floor=False)[1] == pytest.approx(8, abs=0.1)


BAD = [
    ({"fps": 0}, "frame rate"), ({"fps": float("nan")}, "frame rate"), ({"fps": 1e9}, "frame rate"),
    ({"gaps": "x"}, "gap rule"), ({"euler": "ZZZ"}, "Euler order"),
    ({"max_gap_s": -1}, "longest gap"), ({"spine": "maya"}, "spine"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "words"), BAD, ids=[str(b[0]) for b in BAD])
def test_options_that_cannot_be(options, words):
    with pytest.raises(XnectError, match=words):
        build_clips([walker(np.arange(9))], BvhOptions(**options))


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(0, 60), min_size=2), st.sampled_from(["ease", "hold", "hide"]), st.sampled_from([24.0, 30.0, 60.0]))
def test_whoever_is_seen_whenever_files_are_finite_and_sights_exact(seen, rule, fps):
    frames = np.array(sorted(seen))
    (clip,) = build_clips([walker(frames)], BvhOptions(fps=fps, gaps=rule, floor=False), start_s=0.0, end_s=2.0)
    assert np.isfinite(clip.angles_deg).all() and np.isfinite(clip.root_world_cm).all()
    if fps == FPS:
        measured = np.flatnonzero(clip.presence == Presence.MEASURED)
        assert set(frames) <= set(measured)
        truth = clip_joints_world_cm(build_clips([walker(np.arange(61))], BvhOptions(floor=False))[0])
        assert np.nanmax(np.abs(clip_joints_world_cm(clip)[frames] - truth[frames])) < 0.02
