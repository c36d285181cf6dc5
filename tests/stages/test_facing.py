"""Which way people face, over time: read from the wrong side now and then, turning round for real, walking, hidden."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from people import walking_person

from xnect_lite.camera.pinhole import project
from xnect_lite.skeleton import FLIP, INDEX
from xnect_lite.stages.facing import FacingKeeper, facing, turned_round
from xnect_lite.types import People

FPS = 30
ALL = np.array([0])


def drawn(facing_deg: np.ndarray | float, away_mm: np.ndarray | float, frames: int) -> list[People]:
    """One person, 0 degrees = facing the camera, at distances from it; as a perfect reading of each frame."""
    t_s = np.arange(frames) / FPS
    joints_mm, root = walking_person(t_s, facing_deg=np.broadcast_to(facing_deg, frames), start_cam_mm=(300.0, 4000.0))
    root[:, 0], root[:, 2] = 300.0, away_mm
    out = []
    for body, place in zip(joints_mm, root, strict=True):
        people = People.empty(1)
        people.ids[:], people.joints_mm[:], people.root_cam_mm[:] = 1, body, place
        people.joints_px[:], people.joint_score[:] = project(body + place, 1000.0, (500.0, 500.0)), 0.8
        out.append(people)
    return out


def kept(frames: list[People], times: np.ndarray | None = None) -> np.ndarray:
    """(F,) degrees about the vertical that the chest is turned to, 0 = facing the camera."""
    keeper = FacingKeeper()
    times = np.arange(len(frames)) / FPS if times is None else times
    way = np.array([facing(keeper.update(p, t).joints_mm[0]) for p, t in zip(frames, times, strict=True)])
    return np.degrees(np.arctan2(way[:, 0], -way[:, 2]))


def read_wrongly(frames: list[People], which: slice) -> list[People]:
    wrong = range(*which.indices(len(frames)))
    return [turned_round(p, ALL) if i in wrong else p for i, p in enumerate(frames)]


def off_deg(got: np.ndarray, truth: np.ndarray | float) -> np.ndarray:
    return np.abs((got - truth + 180) % 360 - 180)


def test_turning_round_is_a_mirror_in_depth_that_leaves_the_picture_alone():
    people = drawn(20.0, 4000.0, 1)[0]
    people.joints_px[0, INDEX["l_wrist"]] = np.nan
    round_ = turned_round(people, ALL)
    assert off_deg(np.array(kept([round_])), 160).max() < 12, "from 20 degrees towards to 20 away, about the line of sight"
    np.testing.assert_allclose(round_.joints_px[0], people.joints_px[0, FLIP])
    before, after = ((p.joints_mm[0, j] + p.root_cam_mm[0]) for p, j in ((people, INDEX["l_knee"]), (round_, INDEX["r_knee"])))
    np.testing.assert_allclose(project(after, 1000.0, (0, 0)), project(before, 1000.0, (0, 0)), atol=6)
    lengths = [np.linalg.norm(p.joints_mm[0, INDEX["l_knee"]] - p.joints_mm[0, INDEX["l_hip"]]) for p in (people, round_)]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-5)
    np.testing.assert_allclose(turned_round(round_, ALL).joints_mm, people.joints_mm, atol=1e-2)


@pytest.mark.parametrize("facing_deg", [0.0, 30.0, 180.0, 150.0])
def test_frames_read_from_the_wrong_side_are_put_right(facing_deg):
    frames = read_wrongly(drawn(facing_deg, 4000.0, 60), slice(20, 32))
    got = kept(frames)
    assert off_deg(got, facing_deg).max() < 15
    assert off_deg(got[1:], got[:-1]).max() < 15, "nobody turns round between two frames"


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_who_turns_round_is_followed(seconds):
    turn = np.clip(np.arange(90) / FPS / seconds, 0, 1) * 180
    assert off_deg(kept(drawn(turn, 4000.0, 90)), turn).max() < 15


def test_a_reading_that_stays_is_believed_in_the_end():
    """Read wrongly at first; half a second suffices if the face agrees, as a nose does with somebody who faces the camera."""
    for nose, seconds in ((0.8, 0.5), (0.0, 1.0)):
        frames = read_wrongly(drawn(0.0, 4000.0, 90), slice(0, 20))
        for people in frames:
            people.joint_score[:, INDEX["nose"]] = nose
        right = off_deg(kept(frames), 0.0) < 15
        assert not right[:20].any() and right[20 + int((seconds + 0.1) * FPS) :].all()
        assert not right[20 : 20 + int((seconds - 0.1) * FPS)].any()


@pytest.mark.parametrize(("speed_mm_s", "facing_deg"), [(1300.0, 180.0), (-1300.0, 0.0)], ids=["away", "towards"])
def test_people_walk_forwards(speed_mm_s, facing_deg):
    """All frames are read from the wrong side; after a second of walking it is plain which one is right."""
    away = 6000 + speed_mm_s * np.arange(90) / FPS
    got = kept(read_wrongly(drawn(facing_deg, away, 90), slice(0, 90)))
    assert off_deg(got[FPS:], facing_deg).max() < 15


def test_who_stands_and_sways_does_not_walk():
    away = 4000 + 100 * np.random.default_rng(0).normal(size=120) + 100 * np.sin(np.arange(120) / 10)
    assert off_deg(kept(drawn(180.0, away, 120)), 180.0).max() < 15


@pytest.mark.parametrize(("hidden_s", "kept_on"), [(3.0, True), (20.0, False)])
def test_what_is_known_outlasts_a_short_absence(hidden_s, kept_on):
    times = np.append(np.arange(30) / FPS, 1 + hidden_s + np.arange(10) / FPS)
    got = kept(read_wrongly(drawn(180.0, 4000.0, 40), slice(30, 40)), times)
    assert (off_deg(got[30:], 180.0 if kept_on else 0.0) < 15).all()


def test_everybody_has_a_memory_of_their_own():
    pair = [People(*(np.concatenate([getattr(a, n), getattr(b, n)]) for n in People.__slots__))
            for a, b in zip(drawn(0.0, 4000.0, 20), drawn(180.0, 4000.0, 20), strict=True)]  # fmt: skip
    keeper = FacingKeeper()
    for i, people in enumerate(pair):
        named = dataclasses.replace(people, ids=np.array([1, 2]))
        named = named if i % 2 else named.take(np.array([1, 0]))
        assert keeper.update(named, i / FPS) is named, "all is as it was read"
    wrong = turned_round(dataclasses.replace(pair[-1], ids=np.array([1, 2])), ALL)
    put_right = keeper.update(wrong, 20 / FPS)
    np.testing.assert_allclose(put_right.joints_mm, pair[-1].joints_mm, atol=1e-2)
    keeper.reset()
    assert keeper.update(wrong, 21 / FPS) is wrong


def test_who_is_not_known_well_enough_is_left_alone():
    keeper = FacingKeeper()
    for i, people in enumerate(read_wrongly(drawn(0.0, 4000.0, 9), slice(4, 9))):
        if i == 5:
            people.ids[:] = 0
        if i == 6:
            people.joints_mm[0, INDEX["l_shoulder"]] = np.nan
        same = keeper.update(people, i / FPS) is people
        assert same == (i not in (4, 7, 8)), i
    nowhere = drawn(0.0, 4000.0, 1)[0]
    nowhere.root_cam_mm[:] = np.nan
    assert keeper.update(nowhere, 1.0) is nowhere
    assert len(keeper.update(People.empty(), 2.0)) == 0
