"""Identities: kept through crossings and short absences, never given twice."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from xnect_lite.config import TrackingConfig
from xnect_lite.skeleton import CANONICAL_BONE_M, INDEX, JOINTS, ORDER, PARENTS
from xnect_lite.stages.tracking.tracker import Tracker
from xnect_lite.types import People

_UP = {"spine", "neck", "head", "head_top", "nose"}


def standing_mm(facing: float = 1.0) -> np.ndarray:
    """(24, 3) a person who stands upright, facing right (1) or left (-1); root-relative, camera axes."""
    joints = np.zeros((24, 3))
    for j in ORDER[1:]:
        name = JOINTS[j]
        if name in _UP:
            step = np.array((0.0, -1.0, 0.0))
        elif name.endswith(("shoulder", "hip", "ear")):
            step = np.array((0.3, 0.0, -1.0 if name[0] == "r" else 1.0))
        elif name.endswith("toe"):
            step = np.array((1.0, 0.0, 0.0))
        else:
            step = np.array((0.0, 1.0, 0.0))
        joints[j] = joints[PARENTS[j]] + 1000 * CANONICAL_BONE_M[j] * step / np.linalg.norm(step)
    return joints * (facing, 1, 1)


def crowd(*people: tuple, noise_px: float = 0.0, rng: np.random.Generator | None = None, score: float = 0.9) -> People:
    """Detections of people given as (x_px, facing, size): pelvis at x_px, ``size`` pixels per metre."""
    n = len(people)
    mm = np.stack([standing_mm(facing) for _, facing, *_ in people]) if n else np.zeros((0, 24, 3))
    sizes = np.array([p[2] if len(p) > 2 else 150.0 for p in people]).reshape(-1, 1, 1)
    px = mm[..., :2] / 1000 * sizes + np.array([(p[0], 300.0) for p in people]).reshape(-1, 1, 2)
    if rng is not None:
        px = px + rng.normal(scale=noise_px, size=px.shape)
        mm = mm + rng.normal(scale=10 * noise_px, size=mm.shape)
    return dataclasses.replace(
        People.empty(n),
        joints_px=px.astype(np.float32),
        joint_score=np.full((n, 24), 0.8, np.float32),
        person_score=np.full(n, score, np.float32),
        joints_mm=mm.astype(np.float32),
    )


def test_ids_count_from_one_in_the_order_given():
    assert Tracker(TrackingConfig()).update(crowd((100, 1), (400, 1), (700, 1)), 0.0).ids.tolist() == [1, 2, 3]


@pytest.mark.parametrize("fps", [30, 10, 5])
@pytest.mark.parametrize("speed", [100, 250])
@pytest.mark.parametrize("hidden_s", [0.0, 0.5])
def test_two_people_who_cross_keep_their_ids(fps, speed, hidden_s):
    """Both walk through each other's place; the one behind may be hidden meanwhile. Rows come in any order."""
    rng = np.random.default_rng(fps)
    tracker, seen = Tracker(), []
    for t in np.arange(0, 800 / speed, 1 / fps):
        a, b = 200 + speed * t, 1000 - speed * t
        walkers = [(a, 1.0), (b, -1.0)]
        if abs(t - 400 / speed) < hidden_s / 2:
            walkers.pop()
        order = rng.permutation(len(walkers))
        ids = np.zeros(2, int)
        ids[order] = tracker.update(crowd(*walkers, noise_px=2, rng=rng).take(order), t).ids
        seen.append(ids)
    first, second = np.array(seen).T
    assert len(set(first)) == 1
    assert set(second) - {0} == {3 - first[0]}


def test_the_lost_do_not_take_over_those_in_view():
    """The longer somebody is lost the farther off we look for them, yet who was seen a moment ago fits better."""
    tracker, rng = Tracker(), np.random.default_rng(8)
    for t in np.arange(0, 1, 1 / 30):
        tracker.update(crowd((300, 1), (330, 1)), t)
    for t in np.arange(1, 2.4, 1 / 30):  # 2 is hidden, 1 sways next to the place
        people = crowd((300 + 10 * np.sin(4 * (t - 1)), 1), noise_px=5, rng=rng)
        assert tracker.update(people, t).ids.tolist() == [1]


def test_people_who_turn_round_when_they_meet_keep_their_ids():
    tracker = Tracker()
    for t in np.arange(0, 4, 1 / 30):
        gap = 60 + 150 * abs(t - 2)
        got = tracker.update(crowd((500 - gap, 1.0 if t < 2 else -1.0), (500 + gap, -1.0 if t < 2 else 1.0)), t)
        assert got.ids.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("absent_s", "expected"),
    [
        (0.3, 1),  # an occlusion
        (1.2, 1),  # nearly too long
        (2.0, 2),  # too long: somebody new, as far as we know
    ],
)
def test_absence(absent_s, expected):
    tracker = Tracker()
    for t in np.arange(0, 1, 1 / 30):
        tracker.update(crowd((300 + 60 * t, 1)), t)
    tracker.update(crowd(), 1.1)
    t = 1.0 + absent_s
    assert tracker.update(crowd((300 + 60 * t, 1)), t).ids.tolist() == [expected]


def test_ids_are_never_given_twice_until_reset():
    tracker, given = Tracker(), []
    for k in range(5):
        given += tracker.update(crowd((100 + 150 * k, 1)), 10.0 * k).ids.tolist()
    assert given == [1, 2, 3, 4, 5]
    tracker.reset()
    assert tracker.update(crowd((100, 1)), 0.0).ids.tolist() == [1]


def test_somebody_far_away_who_stands_alike_is_somebody_else():
    tracker = Tracker()
    tracker.update(crowd((200, 1)), 0.0)
    assert tracker.update(crowd((900, 1)), 0.03).ids.tolist() == [2]


def test_child_in_front_of_an_adult_is_somebody_else():
    tracker = Tracker()
    for t in np.arange(0, 0.5, 1 / 30):
        got = tracker.update(crowd((300, 1, 200), (320, 1, 90)), t)
        assert got.ids.tolist() == [1, 2]


def test_a_good_match_is_not_given_up_to_make_a_second_poor_one():
    tracker = Tracker()
    for t in (0.0, 0.033, 0.066):
        tracker.update(crowd((300, 1), (420, 1)), t)
    got = tracker.update(crowd((300, 1), (180, 1)), 0.1)  # 420 left, 180 is new; 300 -> 180 and 420 -> 300 would be two
    assert got.ids.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("score", "reported"),
    [
        (0.9, [True, True, True, True, True]),  # clear at once
        (0.3, [False, False, True, True, True]),  # confirmed after 0.1 s
    ],
)
def test_weak_people_are_reported_once_they_last(score, reported):
    tracker = Tracker(TrackingConfig(confirm_s=0.1, confirm_score=0.5))
    got = [len(tracker.update(crowd((300, 1), score=score), t)) == 1 for t in (0.0, 0.05, 0.101, 0.15, 0.2)]
    assert got == reported


def test_flickering_ghosts_use_up_no_id():
    tracker = Tracker()
    for k in range(10):
        assert len(tracker.update(crowd((400 * (k % 3), 1), score=0.2), 0.5 * k)) == 0
    assert tracker.update(crowd((300, 1)), 6.0).ids.tolist() == [1]


def test_partly_seen_people_keep_their_ids():
    tracker, legs = Tracker(), [INDEX[f"{s}_{n}"] for s in "rl" for n in ("hip", "knee", "ankle", "toe")]
    for k, t in enumerate(np.arange(0, 2, 1 / 30)):
        people = crowd((200 + 120 * t, 1), (600 + 120 * t, -1))
        hidden = legs if k % 2 else [j for j in range(24) if j not in legs]
        people.joints_px[0, hidden if k > 10 else []] = np.nan  # legs only, then all but the legs
        people.joints_mm[0] = np.nan
        assert tracker.update(people, t).ids.tolist() == [1, 2]


def test_people_without_any_joint_are_left_out():
    people = crowd((100, 1), (400, 1))
    people.joints_px[0] = np.nan
    got = Tracker().update(people, 0.0)
    assert got.ids.tolist() == [1]
    np.testing.assert_array_equal(got.joints_px[0], people.joints_px[1])


@pytest.mark.parametrize("step_s", [0.0, -0.2])
def test_time_that_does_not_increase_does_no_harm(step_s):
    tracker = Tracker()
    tracker.update(crowd((300, 1)), 1.0)
    tracker.update(crowd((310, 1)), 1.1)
    got = tracker.update(crowd((320, 1)), 1.1 + step_s)
    assert got.ids.tolist() == [1]
    assert tracker.update(crowd((330, 1)), 1.2).ids.tolist() == [1]


@pytest.mark.parametrize(("aside_px", "reported"), [(8, [1, 2]), (400, [1, 2, 3])], ids=["a half once more", "somebody else"])
def test_a_half_of_somebody_found_beside_the_whole_is_no_stranger(aside_px, reported):
    """For one frame a person is found as a whole and, a little aside, as a left half; the frames after are as before."""
    tracker = Tracker(TrackingConfig())
    tracker.update(crowd((100, 1), (400, 1)), 0.0)
    whole = crowd((100, 1), (400, 1), (400 + aside_px, 1))
    whole.joints_px[2, [j for j, name in enumerate(JOINTS) if not name.startswith("l_")]] = np.nan
    assert sorted(tracker.update(whole, 0.05).ids.tolist()) == reported
    assert tracker.update(crowd((100, 1), (400, 1)), 0.1).ids.tolist() == [1, 2]
    assert max(tracker.update(crowd((100, 1), (400, 1), (1200, -1)), 0.15).ids.tolist()) == len(reported) + 1


def test_two_trackers_share_nothing():
    one, other = Tracker(), Tracker()
    one.update(crowd((100, 1), (500, 1)), 0.0)
    assert other.update(crowd((300, 1)), 0.0).ids.tolist() == [1]
