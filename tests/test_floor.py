"""The floor from the feet of people who walk about, and everybody's size from the floor, the depth map or what was given."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from people import walking_person
from scipy.spatial.transform import Rotation

from xnect_lite.config import CameraConfig
from xnect_lite.depth_map import read_depth_mm
from xnect_lite.floor import FloorEstimator, angles_from_up, up_from_angles
from xnect_lite.intrinsics import Camera
from xnect_lite.sizes import Sizes
from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.types import Floor, Letterbox, Maps, People

PITCH_DEG, ROLL_DEG, HEIGHT_MM = 18.0, -4.0, 2300.0


def stage(spots, pitch_deg: float = PITCH_DEG, roll_deg: float = ROLL_DEG, scale: float = 1.0) -> list[People]:
    """People who walk on the spot at each of ``spots`` (x, z) of a level floor, seen by a tilted camera, all through."""
    up = up_from_angles(pitch_deg, roll_deg)
    turn = Rotation.align_vectors(up[None], [[0.0, -1.0, 0.0]])[0]
    t_s, frames = np.arange(60) / 30, []
    bodies = [walking_person(t_s, start_cam_mm=s, camera_height_mm=HEIGHT_MM, facing_deg=70 * i) for i, s in enumerate(spots)]
    for f in range(len(t_s)):
        people = People.empty(len(spots))
        people.ids[:] = np.arange(1, len(spots) + 1)
        for row, (joints_mm, root) in enumerate(bodies):
            people.joints_mm[row] = scale * turn.apply(joints_mm[f])
            people.root_cam_mm[row] = scale * turn.apply(root[f])
            toes = joints_mm[f][[INDEX["l_toe"], INDEX["r_toe"]], 1]
            people.foot_stands[row] = toes > toes.max() - 1.0  # y down: the lower one
        frames.append(people)
    return frames


SPOTS = [(-1500.0, 4000.0), (1200.0, 5000.0), (0.0, 7000.0), (600.0, 3500.0)]


def floor_after(frames: list[People], config: CameraConfig | None = None) -> Floor:
    estimator = FloorEstimator(config)
    for f, people in enumerate(frames):
        floor = estimator.update(people, f / 30)
    return floor


@pytest.mark.parametrize(("pitch_deg", "roll_deg"), [(0, 0), (20, 0), (-15, 0), (0, 10), (30, -12)])
def test_angles_and_up_are_inverse(pitch_deg, roll_deg):
    assert angles_from_up(up_from_angles(pitch_deg, roll_deg)) == pytest.approx((pitch_deg, roll_deg))


def test_up_by_hand():
    np.testing.assert_allclose(up_from_angles(0, 0), (0, -1, 0), atol=1e-12)
    np.testing.assert_allclose(up_from_angles(90, 0), (0, 0, -1), atol=1e-12)  # looking down, the camera's back is up
    np.testing.assert_allclose(up_from_angles(0, 90), (-1, 0, 0), atol=1e-12)  # its right side down: up is to its left


def test_tilt_and_height_come_from_feet():
    floor = floor_after(stage(SPOTS))
    assert angles_from_up(floor.up_cam) == pytest.approx((PITCH_DEG, ROLL_DEG), abs=2.5)
    assert floor.height_mm == pytest.approx(HEIGHT_MM, rel=0.1)
    assert np.linalg.norm(floor.up_cam) == pytest.approx(1)


def test_somebody_on_a_ladder_does_not_tilt_the_floor():
    frames = stage([*SPOTS, (1800.0, 4500.0)])
    for people in frames:
        people.root_cam_mm[4] += 1200 * up_from_angles(PITCH_DEG, ROLL_DEG)
    assert angles_from_up(floor_after(frames).up_cam) == pytest.approx((PITCH_DEG, ROLL_DEG), abs=3)


def test_one_person_on_one_spot_says_up_by_the_trunk():
    """A single foothold fixes no plane."""
    floor = floor_after(stage(SPOTS[:1], pitch_deg=12, roll_deg=0))
    assert angles_from_up(floor.up_cam) == pytest.approx((12, 0), abs=6)


def test_nobody_standing_leaves_the_camera_level():
    frames = stage(SPOTS)
    for people in frames:
        people.foot_stands[:] = False
    floor = floor_after([*frames, People.empty()])
    np.testing.assert_array_equal(floor.up_cam, (0, -1, 0))
    assert np.isnan(floor.height_mm)


def test_a_given_floor_is_kept_and_only_its_height_measured():
    config = CameraConfig(floor="given", pitch_deg=PITCH_DEG, roll_deg=ROLL_DEG)
    floor = floor_after(stage(SPOTS), config)
    np.testing.assert_allclose(floor.up_cam, up_from_angles(PITCH_DEG, ROLL_DEG))
    assert floor.height_mm == pytest.approx(HEIGHT_MM, rel=0.02)
    assert floor_after(stage(SPOTS), dataclasses.replace(config, height_m=3.0)).height_mm == 3000
    np.testing.assert_array_equal(floor_after(stage(SPOTS), CameraConfig(floor="level")).up_cam, (0, -1, 0))


def test_reset_forgets_the_floor():
    estimator = FloorEstimator()
    for people in stage(SPOTS):
        estimator.update(people, 0.0)
    estimator.reset()
    np.testing.assert_array_equal(estimator.floor.up_cam, (0, -1, 0))


# -- sizes -----------------------------------------------------------------------------------------------------------


def test_what_is_given_goes_before_what_is_measured():
    assert Sizes().stature_m(1) == 1.70
    assert Sizes(CameraConfig(stature_m=1.6)).stature_m(1) == 1.6
    sizes = Sizes(CameraConfig(stature_m=1.6, stature_of=((2, 1.2),)))
    assert [sizes.stature_m(i) for i in (1, 2)] == [1.6, 1.2]
    sizes.set(2, 1.3)
    assert sizes.stature_m(2) == 1.3
    sizes.reset()
    assert sizes.stature_m(2) == 1.2


def test_the_cameras_height_fixes_everybodys_size():
    """People taken for 1.70 m who stand on a floor 2.3 m below a camera that really hangs at 2.76 m are 2.04 m tall."""
    config = CameraConfig(floor="given", pitch_deg=PITCH_DEG, roll_deg=ROLL_DEG, height_m=1.2 * HEIGHT_MM / 1000)
    sizes, floor = Sizes(config), FloorEstimator(config)
    for f, people in enumerate(stage(SPOTS)):
        ratio = np.array([sizes.stature_m(i) / 1.70 for i in people.ids.tolist()])
        grown = dataclasses.replace(  # as the fitter does: taller people are farther away
            people, joints_mm=people.joints_mm * ratio[:, None, None], root_cam_mm=people.root_cam_mm * ratio[:, None]
        )
        sizes.update(grown, floor.update(grown, f / 30))
    for identity in range(1, 5):
        assert sizes.stature_m(identity) == pytest.approx(2.04, abs=0.03)


def test_a_given_stature_is_not_measured_again():
    config = CameraConfig(stature_m=1.7, height_m=9.0)
    sizes = Sizes(config)
    for people in stage(SPOTS):
        sizes.update(people, FloorEstimator(config).floor)
    assert sizes.stature_m(1) == 1.7


def test_the_depth_map_fixes_a_childs_size():
    sizes = Sizes(CameraConfig(depth_map=True))
    for people in stage(SPOTS):
        ratio = np.array([sizes.stature_m(i) / 1.70 for i in people.ids.tolist()])
        people.root_cam_mm[:] *= ratio[:, None]
        people.map_depth_mm[:] = 0.6 * people.root_cam_mm[:, 2] / ratio
        people.map_depth_mm[3] = np.nan
        sizes.update(people, FloorEstimator().floor)
    assert sizes.stature_m(1) == pytest.approx(1.02)
    assert sizes.stature_m(4) == 1.70, "not read: the canonical body's"


def test_depth_is_read_at_the_pelvis_in_millimetres():
    depth = torch.zeros(40, 64)
    depth[20, 30] = float(np.log(5.0))  # mm per network pixel of focal length
    none = torch.zeros(1, 40, 64)
    maps = Maps(none, none[0], none, none, depth, 8, Letterbox.fit(1024, 640, 512, 320))
    people = People.empty(3)
    pixel = np.array([(30 + 0.5) * 16 - 0.5, (20 + 0.5) * 16 - 0.5])  # network pixels are half as many
    people.joints_px[0, ROOT] = pixel
    for name in ("l_hip", "r_hip", "l_shoulder", "r_shoulder"):
        people.joints_px[1, INDEX[name]] = pixel + np.array([8 if name[0] == "l" else -8, 0])
    camera = Camera(1024, 640, 1000.0, 1000.0, 511.5, 319.5)
    np.testing.assert_allclose(read_depth_mm(maps, people, camera), [5.0 * 500, 5.0 * 500, np.nan], rtol=1e-5)
    assert read_depth_mm(maps, People.empty(), camera).shape == (0,)
