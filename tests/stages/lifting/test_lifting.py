"""A known person, seen by a known camera, comes back to the millimetre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from lifting import lifted_in
from people import walking_person
from scipy.spatial.transform import Rotation

from xnect_lite.config import CameraConfig
from xnect_lite.skeleton import CANONICAL_BONE_M, CANONICAL_STATURE_M, INDEX, JOINTS, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.stages.lifting.lift import (
    NEUTRAL_BONES_M,
    chain,
    complete_bones,
    placing_weight,
    plausible_lengths,
    read_out,
)
from xnect_lite.types import People

FRAME = (1280, 720)


@dataclass(frozen=True)
class Seen:
    """What a perfect network and grouping would say of people, and the truth."""

    people: People
    joints_mm: np.ndarray
    root_cam_mm: np.ndarray
    joints_px: np.ndarray


def see(joints_mm: np.ndarray, root_cam_mm: np.ndarray, focal: float = 1280.0, stature_m: float = 1.70) -> Seen:
    """Project (P, 24, 3) people and express their bones in the axes of the viewing ray through the pelvis."""
    points = joints_mm + root_cam_mm[:, None]
    joints_px = focal * points[..., :2] / points[..., 2:] + (np.array(FRAME) - 1) / 2
    ray = root_cam_mm / np.linalg.norm(root_cam_mm, axis=1, keepdims=True)
    across = np.cross([0, 0, 1], ray)
    sine = np.linalg.norm(across, axis=1, keepdims=True)
    to_ray = Rotation.from_rotvec(across / np.maximum(sine, 1e-12) * np.arcsin(np.clip(sine, 0, 1)))
    bones = joints_mm - joints_mm[:, PARENTS]
    bones = np.stack([r.inv().apply(b) for r, b in zip(to_ray, bones, strict=True)])
    people = People.empty(len(joints_mm))
    people.joints_px[:], people.joint_score[:], people.person_score[:] = joints_px, 0.8, 0.8
    people.bones_ray_m[:] = bones / 1000 * CANONICAL_STATURE_M / stature_m
    people.bones_ray_m[:, ROOT] = np.nan
    return Seen(people, joints_mm, root_cam_mm, joints_px)


def walkers(*where: tuple[float, float], scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """People at (x right, z away) mm, each at another moment of a walk and facing another way."""
    rows = [
        walking_person(np.array([0.17 * i]), facing_deg=50.0 * i, start_cam_mm=place, scale=scale)
        for i, place in enumerate(where)
    ]
    return np.concatenate([r[0] for r in rows]), np.concatenate([r[1] for r in rows])


SPOTS = ((0.0, 4000.0), (1500.0, 4500.0), (-900.0, 2600.0), (300.0, 9000.0))


def test_everyone_comes_back_to_the_millimetre():
    seen = see(*walkers(*SPOTS))
    lifted = lifted_in(seen.people, FRAME, CameraConfig())
    np.testing.assert_allclose(lifted.joints_mm, seen.joints_mm, atol=0.5)
    np.testing.assert_allclose(lifted.root_cam_mm, seen.root_cam_mm, atol=2.0)
    np.testing.assert_allclose(lifted.joints_cam_mm, seen.joints_mm + seen.root_cam_mm[:, None], atol=2.0)
    np.testing.assert_array_equal(lifted.joints_px, seen.people.joints_px)
    assert (lifted.joints_mm[:, ROOT] == 0).all()


@pytest.mark.parametrize(("focal", "stature_m"), [(900.0, 1.70), (2500.0, 1.70), (1280.0, 1.20), (1280.0, 1.95)])
def test_focal_length_and_stature_set_the_scale(focal, stature_m):
    seen = see(*walkers(*SPOTS, scale=stature_m / CANONICAL_STATURE_M), focal=focal, stature_m=stature_m)
    lifted = lifted_in(seen.people, FRAME, CameraConfig(focal_px=focal, stature_m=stature_m))
    np.testing.assert_allclose(lifted.joints_mm, seen.joints_mm, atol=0.5)
    np.testing.assert_allclose(lifted.root_cam_mm, seen.root_cam_mm, atol=4.0)


def test_a_wrong_stature_moves_people_along_their_rays():
    """Twice the size at twice the distance looks the same."""
    seen = see(*walkers(*SPOTS))
    lifted = lifted_in(seen.people, FRAME, CameraConfig(stature_m=2 * CANONICAL_STATURE_M))
    np.testing.assert_allclose(lifted.root_cam_mm, 2 * seen.root_cam_mm, atol=4.0)


@pytest.mark.parametrize(
    "lost",
    [("l_wrist", "l_hand"), ("r_knee", "r_ankle", "r_toe"), ("head", "head_top", "nose", "r_ear", "l_ear"), ("l_hip",)],
    ids=" ".join,
)
def test_undetected_joints_get_the_pixel_their_bone_points_at(lost):
    seen = see(*walkers(*SPOTS))
    at = [INDEX[n] for n in lost]
    seen.people.joints_px[:, at], seen.people.joint_score[:, at] = np.nan, 0
    lifted = lifted_in(seen.people, FRAME, CameraConfig())
    np.testing.assert_allclose(lifted.joints_mm, seen.joints_mm, atol=0.5)
    np.testing.assert_allclose(lifted.joints_px, seen.joints_px, atol=0.5)
    assert (lifted.joint_score[:, at] == 0).all(), "an inferred joint is no detected one"


def test_a_missing_pelvis_is_found_in_two_rounds():
    seen = see(*walkers(*SPOTS))
    seen.people.joints_px[:, ROOT], seen.people.joint_score[:, ROOT] = np.nan, 0
    lifted = lifted_in(seen.people, FRAME, CameraConfig())
    np.testing.assert_allclose(lifted.joints_mm, seen.joints_mm, atol=10.0)
    np.testing.assert_allclose(
        lifted.root_cam_mm / seen.root_cam_mm[:, 2:], seen.root_cam_mm / seen.root_cam_mm[:, 2:], atol=0.01
    )
    np.testing.assert_allclose(lifted.joints_px[:, ROOT], seen.joints_px[:, ROOT], atol=5.0)


def test_what_joints_say_of_the_place_by_hand():
    """48 mm off in space is 30 mm to one side, as much as a sure pixel: half the say. A score of .25 is twice as far off."""
    score = np.array([[1.0, 1.0, 0.25, 0.25, 0.0]])
    spread = np.array([[0.0, 30 / 0.627, 0.0, 30 / 0.627, 10.0]])
    np.testing.assert_allclose(placing_weight(score, spread), [[1.0, 0.5, 0.25, 0.2, 0.0]])
    np.testing.assert_array_equal(placing_weight(score, np.full((1, 5), np.nan)), score)


def test_joints_known_badly_do_not_place_anybody():
    """Hands, feet and wrists 300 mm farther from the body than they are, and known to be off by that."""
    seen = see(*walkers(*SPOTS))
    ends = [INDEX[f"{side}_{name}"] for side in "rl" for name in ("wrist", "hand", "ankle", "toe")]

    def lift(people: People) -> tuple[np.ndarray, np.ndarray]:
        joints_m, spread_m = read_out(people)
        spread_m[:] = 0.01
        spread_m[:, ends] = 0.3
        joints_m[:, ends] *= 1 + 0.3 / np.linalg.norm(joints_m[:, ends], axis=-1, keepdims=True)
        return joints_m, spread_m

    off = np.linalg.norm(lifted_in(seen.people, FRAME, CameraConfig(), lift).root_cam_mm - seen.root_cam_mm, axis=-1)
    assert (off < 0.01 * seen.root_cam_mm[:, 2]).all()


def test_nobody_stays_nobody():
    lifted = lifted_in(People.empty(), FRAME, CameraConfig())
    assert len(lifted) == 0 and lifted.joints_mm.shape == (0, NUM_JOINTS, 3) and lifted.root_cam_mm.shape == (0, 3)


def test_people_who_cannot_be_placed_are_still_complete_in_3d():
    """One joint says nothing about distance: the root stays unknown, the pose does not."""
    seen = see(*walkers((0.0, 4000.0)))
    others = np.arange(NUM_JOINTS) != ROOT
    seen.people.joints_px[:, others], seen.people.joint_score[:, others] = np.nan, 0
    lifted = lifted_in(seen.people, FRAME, CameraConfig())
    assert np.isnan(lifted.root_cam_mm).all() and np.isfinite(lifted.joints_mm).all()


# -- missing bones ---------------------------------------------------------------------------------------------------


def test_the_neutral_body_stands_upright_facing_the_camera():
    np.testing.assert_allclose(np.linalg.norm(NEUTRAL_BONES_M, axis=1), CANONICAL_BONE_M, atol=1e-12)
    joints = {name: row for name, row in zip(JOINTS, chain(NEUTRAL_BONES_M), strict=True)}
    assert joints["head_top"][1] < joints["neck"][1] < joints["pelvis"][1] < joints["r_knee"][1] < joints["r_ankle"][1]
    assert joints["nose"][2] < joints["head"][2] and joints["l_toe"][2] < joints["l_ankle"][2]  # towards the camera
    assert joints["r_shoulder"][0] < 0 < joints["l_shoulder"][0]  # facing us: their right is on our left


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 90, 0), (0, 170, 0), (40, -60, 15), (0, 0, 180)], ids=lambda t: f"{t} degrees")
@pytest.mark.parametrize(
    "lost",
    [
        ("l_elbow", "l_wrist", "l_hand"),
        ("r_hip", "spine"),
        tuple(n for n in JOINTS if n not in ("spine", "r_hip", "l_shoulder")),
    ],
    ids=["an arm", "torso bones", "all but three torso bones"],
)
def test_missing_bones_are_the_neutral_bodys_turned_as_the_torso(turn, lost):
    turned = Rotation.from_euler("xyz", turn, degrees=True).apply(NEUTRAL_BONES_M)
    seen = turned[None].copy()
    seen[:, [INDEX[n] for n in lost]] = np.nan
    seen[:, ROOT] = np.nan
    np.testing.assert_allclose(complete_bones(seen)[0], turned, atol=1e-6)


@pytest.mark.parametrize("known", [(), ("spine",), ("l_wrist",)], ids=["nothing", "one torso bone", "a forearm"])
def test_too_little_torso_leaves_the_neutral_body_unturned(known):
    bones = np.full((1, NUM_JOINTS, 3), np.nan)
    for name in known:
        bones[0, INDEX[name]] = (0.1, 0.2, 0.3)
    out = complete_bones(bones)[0]
    for j, name in enumerate(JOINTS):
        np.testing.assert_allclose(out[j], (0.1, 0.2, 0.3) if name in known else NEUTRAL_BONES_M[j])


def test_bones_that_were_seen_are_left_alone_and_the_input_unchanged():
    bones = np.random.default_rng(0).normal(size=(2, NUM_JOINTS, 3))
    bones[0, INDEX["nose"]] = np.nan
    before = bones.copy()
    out = complete_bones(bones)
    np.testing.assert_array_equal(bones, before)
    rest = np.arange(NUM_JOINTS) != ROOT
    np.testing.assert_array_equal(out[1, rest], bones[1, rest])
    assert np.isfinite(out).all() and (out[:, ROOT] == 0).all()


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.0, 1.0), (0.8, 0.8), (1.25, 1.25), (0.5, 0.75), (0.01, 0.75), (3.0, 1.3)],
    ids=["as it is", "short", "long", "too short", "a network in doubt", "too long"],
)
def test_bones_keep_their_direction_and_come_to_a_bodys_length(share, expected):
    bones = Rotation.from_euler("xyz", (20, 50, -70), degrees=True).apply(NEUTRAL_BONES_M)[None]
    np.testing.assert_allclose(plausible_lengths(share * bones), expected * bones, atol=1e-12)


def test_a_bone_without_direction_stays_nothing():
    assert (plausible_lengths(np.zeros((1, NUM_JOINTS, 3))) == 0).all()


def test_chaining_bones_by_hand():
    bones = np.zeros((NUM_JOINTS, 3))
    for name, vector in {"spine": (0, -1, 0), "neck": (0, -2, 0), "l_shoulder": (3, 0, 0), "l_elbow": (0, 4, 0)}.items():
        bones[INDEX[name]] = vector
    joints = chain(bones)
    assert joints[INDEX["l_elbow"]].tolist() == [3, 1, 0] and joints[INDEX["l_wrist"]].tolist() == [3, 1, 0]
    assert joints[INDEX["head_top"]].tolist() == [0, -3, 0] and joints[ROOT].tolist() == [0, 0, 0]
