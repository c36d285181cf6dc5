"""Cuts, sides and identities over whole clips, on scenes made by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from people import walking_person

from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.camera.pinhole import project
from xnect_lite.config import CameraConfig, PipelineConfig
from xnect_lite.pipeline import Detection, Pipeline
from xnect_lite.runners.second_look.cuts import find_cuts, summary
from xnect_lite.runners.second_look.identities import Stay, joined
from xnect_lite.runners.second_look.look import exchange
from xnect_lite.runners.second_look.sides import GROUPS, exchanged_sides
from xnect_lite.runners.second_look.sightings import Sightings
from xnect_lite.skeleton import FLIP, INDEX, NUM_JOINTS
from xnect_lite.types import Frame, People

FPS = 30.0
LEGS = GROUPS[0]


def walker_px(frames: int = 60, x_px: float = 400.0, facing_deg: float = 90.0) -> np.ndarray:
    """(F, 24, 2) somebody in profile who walks past."""
    joints_mm, root = walking_person(np.arange(frames) / FPS, facing_deg=facing_deg, speed_m_s=1.2, start_cam_mm=(-700, 5000))
    return project(joints_mm + root[:, None], 1000.0, np.array([x_px, 300.0])).astype(np.float64)


def picture(shade: int) -> np.ndarray:
    return np.full((18, 32, 3), shade, np.uint8)


def test_a_cut_is_a_new_picture_with_other_people():
    one, other = walker_px(10), walker_px(10, x_px=1400.0)
    shades = [picture(40 + f) for f in range(10)] + [picture(160 + f) for f in range(10)]
    assert find_cuts(shades, [*one[:, None], *other[:, None]]) == [10]


@pytest.mark.parametrize(
    ("case", "second_shade", "second_x_px"),
    [("a lamp is switched on: everybody stays", 160, 400.0), ("somebody leaps: the picture stays", 41, 1400.0)],
)
def test_what_is_no_cut(case, second_shade, second_x_px):
    people = [*walker_px(10)[:, None], *walker_px(20, x_px=second_x_px)[10:, None]]
    assert find_cuts([picture(40)] * 10 + [picture(second_shade)] * 10, people) == [], case


def test_a_camera_that_pans_all_the_time_does_not_cut():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (18, 32, 3), dtype=np.uint8) for _ in range(20)]
    nobody = [np.zeros((0, NUM_JOINTS, 2))] * 20
    assert find_cuts(pictures, nobody) == []
    assert find_cuts([], []) == [] and find_cuts(pictures[:1], nobody[:1]) == []


def test_a_summary_is_small():
    assert summary(np.zeros((720, 1280, 3), np.uint8)).shape == (18, 32, 3)


@pytest.mark.parametrize("wrong", [range(20, 21), range(20, 32), range(0)], ids=["one frame", "twelve frames", "none"])
def test_legs_that_were_exchanged_for_a_while_are_put_back(wrong):
    seen, score = walker_px(), np.full((60, NUM_JOINTS), 0.8)
    both = LEGS.ravel()
    for f in wrong:
        seen[f, both] = seen[f, LEGS[::-1].ravel()]
    sides = exchanged_sides(seen, score, np.arange(60) / FPS)
    assert np.flatnonzero(sides[:, LEGS[0, 0]]).tolist() == list(wrong)
    assert not sides[:, INDEX["l_wrist"]].any() and not sides[:, INDEX["l_hip"]].any()


def test_sides_of_one_frame_or_of_joints_that_were_not_found_are_left():
    seen = walker_px(5)
    assert not exchanged_sides(seen[:1], np.ones((1, NUM_JOINTS)), np.zeros(1)).any()
    assert not exchanged_sides(np.full_like(seen, np.nan), np.zeros((5, NUM_JOINTS)), np.arange(5) / FPS).any()


def test_an_exchange_takes_joint_score_and_what_the_maps_say_from_the_other_side():
    rng = np.random.default_rng(1)
    people = People.empty(2)
    people = dataclasses.replace(
        people,
        joints_px=rng.normal(size=people.joints_px.shape),
        joint_score=rng.random(people.joint_score.shape),
        bones_ray_m=rng.normal(size=people.bones_ray_m.shape),
        locations_ray_m=rng.normal(size=people.locations_ray_m.shape),
    )
    sides = np.zeros((2, NUM_JOINTS), bool)
    sides[0, LEGS.ravel()] = True
    changed = exchange(people, sides)
    ankle, other = INDEX["l_ankle"], INDEX["r_ankle"]
    assert FLIP[ankle] == other
    np.testing.assert_array_equal(changed.joints_px[0, ankle], people.joints_px[0, other])
    np.testing.assert_array_equal(changed.bones_ray_m[0, ankle], people.bones_ray_m[0, other])
    np.testing.assert_array_equal(changed.locations_ray_m[0, ankle, :, ankle], people.locations_ray_m[0, other, :, other])
    back = exchange(changed, sides)
    for name in ("joints_px", "joint_score", "bones_ray_m", "locations_ray_m"):
        np.testing.assert_array_equal(getattr(back, name), getattr(people, name), err_msg=name)


RED, BLUE = np.array([[60.0, 190, 160], [60, 190, 160]]), np.array([[40.0, 140, 70], [40, 140, 70]])


def stay(first: int, last: int, clothes: np.ndarray = RED, shot: int = 0, x_px: float = 400.0) -> Stay:
    return Stay(np.arange(first, last) / FPS, walker_px(90, x_px)[first:last], clothes, shot)


@pytest.mark.parametrize(
    ("case", "second", "same"),
    [
        ("goes on after half a second", stay(45, 90), True),
        ("dressed otherwise", stay(45, 90, BLUE), False),
        ("clothes not known, on the way", stay(45, 90, np.full((2, 3), np.nan)), True),
        ("far away", stay(45, 90, x_px=1200.0), False),
        ("after a cut", stay(45, 90, shot=1), False),
        ("there at the same time", stay(20, 90), False),
    ],
)
def test_two_numbers_of_one_person(case, second, same):
    assert joined({3: stay(0, 30), 7: second}) == ({7: 3} if same else {}), case


def test_three_numbers_of_one_person_get_the_first():
    assert joined({1: stay(0, 30), 2: stay(36, 60), 5: stay(66, 90)}) == {2: 1, 5: 1}


def test_nobody_is_continued_by_two():
    twin = stay(45, 90)
    names = joined({1: stay(0, 30), 2: stay(40, 90), 3: twin})
    assert list(names.values()) == [1]


def test_sightings_come_back_as_they_were():
    people = People.empty(2)
    people = dataclasses.replace(people, joints_px=np.full_like(people.joints_px, 5.0), joint_score=people.joint_score + 0.5)
    people.joint_score[1, 3] = 0.0  # inferred by lifting: not seen
    frames = [Frame(np.full((40, 60, 3), 10 * f, np.uint8), f / FPS, f) for f in range(3)]
    sightings = Sightings()
    for f, frame in enumerate(frames):
        camera = camera_for(frame.size, CameraConfig())
        sightings.add(Detection(frame, people.take(np.arange(f)), camera, {}))
    for _ in range(2):
        back = list(sightings)
        assert [len(p) for _, p, _ in back] == [0, 1, 2] and [frame.index for frame, _, _ in back] == [0, 1, 2]
        assert np.isnan(back[2][1].joints_px[1, 3]).all() and back[2][1].joints_px[0, 3].tolist() == [5.0, 5.0]
        assert back[2][0].size == (60, 40) and back[2][2].shape == (2, 2, 3)
    sightings.close()


class NoNetwork:
    backend = device_name = precision = "none"


def test_after_a_cut_nobody_goes_on_by_place():
    px = walker_px(8).astype(np.float32)
    pipeline = Pipeline(PipelineConfig(camera=CameraConfig(focal_px=1000.0)), NoNetwork())
    ids = []
    for f in range(8):
        if f == 4:
            pipeline.cut()
        people = dataclasses.replace(
            People.empty(1),
            joints_px=px[[f]],
            joint_score=np.full((1, NUM_JOINTS), 0.9, np.float32),
            person_score=np.ones(1, np.float32),
        )
        frame = Frame(np.zeros((600, 800, 3), np.uint8), f / FPS, f)
        result = pipeline.follow(pipeline.lift(frame, people))
        ids.append(result.people.ids.tolist())
    assert ids == [[1]] * 4 + [[2]] * 4
