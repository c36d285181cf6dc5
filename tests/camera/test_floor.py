"""The floor from the feet of people who walk about, and everybody's size from the floor, the depth map or what was given."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from people import walking_person
from scipy.spatial.transform import Rotation

from xnect_lite.camera.balance import MASS_OF_JOINTS, up_by_balance
from xnect_lite.camera.depth_map import read_depth_mm
from xnect_lite.camera.floor import FloorEstimator, angles_from_up, up_from_angles
from xnect_lite.camera.intrinsics import Camera
from xnect_lite.camera.statures import Sizes
from xnect_lite.config import CameraConfig
from xnect_lite.skeleton import INDEX, JOINTS, ROOT
from xnect_lite.types import Floor, Letterbox, Maps, People

PITCH_DEG, ROLL_DEG, HEIGHT_MM = 18.0, -12.0, 2300.0


def balanced_walker(t_s: np.ndarray, spot: tuple[float, float], facing_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """`walking_person` with the legs twelve degrees farther back, so that he does not fall over backwards."""
    joints_mm, root_cam_mm = walking_person(t_s, start_cam_mm=spot, facing_deg=facing_deg)
    heading = np.radians(facing_deg)
    forth = np.array([np.sin(heading), 0.0, -np.cos(heading)])
    back = Rotation.from_rotvec(np.radians(12) * np.cross([0.0, 1.0, 0.0], -forth))
    legs = [INDEX[f"{side}_{joint}"] for side in "lr" for joint in ("knee", "ankle", "toe")]
    joints_mm[:, legs] = back.apply(joints_mm[:, legs].reshape(-1, 3)).reshape(len(t_s), -1, 3)
    root_cam_mm[:, 1] = HEIGHT_MM - joints_mm[:, legs, 1].max(1)
    return joints_mm, root_cam_mm


def stage(spots, pitch_deg: float = PITCH_DEG, roll_deg: float = ROLL_DEG, scale: float = 1.0) -> list[People]:
    """People who walk on the spot at each of ``spots`` (x, z) of a level floor, seen by a tilted camera, all through."""
    up = up_from_angles(pitch_deg, roll_deg)
    turn = Rotation.align_vectors(up[None], [[0.0, -1.0, 0.0]])[0]
    t_s, frames = np.arange(60) / 30, []
    bodies = [balanced_walker(t_s, spot, facing_deg=70 * i) for i, spot in enumerate(spots)]
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
    assert angles_from_up(floor.up_cam) == pytest.approx((PITCH_DEG, ROLL_DEG), abs=3)
    assert floor.height_mm == pytest.approx(HEIGHT_MM, rel=0.1)
    assert np.linalg.norm(floor.up_cam) == pytest.approx(1)


def test_somebody_on_a_ladder_does_not_tilt_the_floor():
    frames = stage([*SPOTS, (1800.0, 4500.0)])
    for people in frames:
        people.root_cam_mm[4] += 1200 * up_from_angles(PITCH_DEG, ROLL_DEG)
    assert angles_from_up(floor_after(frames).up_cam) == pytest.approx((PITCH_DEG, ROLL_DEG), abs=4.5)


def test_one_person_on_one_spot_says_up_by_the_trunk():
    """A single foothold fixes no plane."""
    floor = floor_after(stage(SPOTS[:1], pitch_deg=12, roll_deg=0))
    assert angles_from_up(floor.up_cam) == pytest.approx((12, 0), abs=6)


@pytest.mark.parametrize("roll_deg", [-15, 0, 5, 15, 25])
def test_a_camera_that_is_clearly_not_level_is_not_taken_for_one(roll_deg):
    """Two people are enough: where both stand says little of the roll, how they stand says it."""
    floor = floor_after(stage(SPOTS[:2], pitch_deg=10, roll_deg=roll_deg))
    assert angles_from_up(floor.up_cam)[1] == pytest.approx(roll_deg, abs=4)


def balanced(bend_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """(1, 24, 3) somebody on the left foot at (0, 1000, 0) whose trunk, arms and head are ``bend_mm`` to one side and whose
    other leg is so far to the other that it weighs as much; and which feet stand."""
    joints = np.zeros((1, 24, 3))
    upper = [j for j, name in enumerate(JOINTS) if not name.endswith(("hip", "knee", "ankle", "toe", "pelvis"))]
    joints[0, upper] = bend_mm, -400, 0
    right = [INDEX[f"r_{name}"] for name in ("knee", "ankle", "toe")]
    joints[0, right, 0] = -bend_mm * MASS_OF_JOINTS[upper].sum() / MASS_OF_JOINTS[right].sum()
    joints[0, [INDEX["l_ankle"], INDEX["l_toe"]], 1] = 1000
    return joints, np.array([[True, False]])


@pytest.mark.parametrize("bend_mm", [0, 100, -200])
def test_whoever_balances_is_upright_however_the_trunk_is_bent(bend_mm):
    joints, stands = balanced(bend_mm)
    up = up_by_balance(joints, stands)[0]
    assert up[0] == pytest.approx(0, abs=1e-9) and up[1] < -900
    assert up_by_balance(joints + np.array([300.0, 20.0, 5000.0]), stands)[0] == pytest.approx(up), "wherever it is"


def test_nobody_balances_without_a_foot_that_stands_or_with_joints_missing():
    joints, stands = balanced(100)
    assert np.isnan(up_by_balance(joints, ~stands & False)).all()
    joints[0, INDEX["head_top"]] = np.nan
    assert np.isnan(up_by_balance(joints, stands)).all()
    assert up_by_balance(np.zeros((0, 24, 3)), np.zeros((0, 2), bool)).shape == (0, 3)
    assert MASS_OF_JOINTS.sum() == pytest.approx(1)


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
