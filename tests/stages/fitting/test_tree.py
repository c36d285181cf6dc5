"""The kinematic tree: forward kinematics against an independent body, and what moves what."""

from __future__ import annotations

import numpy as np
import pytest
from people import about, posed_body_mm, random_mover
from scipy.spatial.transform import Rotation

from xnect_lite.skeleton import CANONICAL_BONE_M, CANONICAL_STATURE_M, INDEX, NUM_JOINTS, ROOT
from xnect_lite.stages.fitting.aim import aim
from xnect_lite.stages.fitting.limits import AXIS_OF, HIGH, JOINT_OF, LOW, MIDDLE
from xnect_lite.stages.fitting.rotation import rotvec_jacobian, shortest_turn, to_matrix, to_rotvec
from xnect_lite.stages.fitting.tree import CARRIER, MOVES, NUM_TREE, TREE, TREE_INDEX, place_joints, stature_of
from xnect_lite.types import NUM_TREE_JOINTS

LENGTHS_MM = 1000 * CANONICAL_BONE_M
NOT_NOSE = np.array([j for j in range(NUM_JOINTS) if j != INDEX["nose"]])  # the other body's nose points up a little


def test_the_tree_has_as_many_joints_as_people_have_rotations():
    assert NUM_TREE == NUM_TREE_JOINTS


def test_rest_pose_is_that_of_the_other_body():
    rest = place_joints(np.tile(np.eye(3), (NUM_TREE, 1, 1)), LENGTHS_MM)
    np.testing.assert_allclose(rest[NOT_NOSE], posed_body_mm({}, 1)[0, NOT_NOSE], atol=1e-9)


def test_stature_is_from_head_top_to_sole_in_the_t_pose():
    assert stature_of(CANONICAL_BONE_M) == pytest.approx(CANONICAL_STATURE_M, abs=5e-4)
    rest = place_joints(np.tile(np.eye(3), (NUM_TREE, 1, 1)), LENGTHS_MM)
    assert stature_of(LENGTHS_MM) == pytest.approx(rest[:, 1].max() - rest[:, 1].min())
    longer = LENGTHS_MM.copy()
    longer[INDEX["neck"]] += 10  # up
    longer[[INDEX["l_knee"], INDEX["r_knee"]]] += 20  # down, once
    longer[[INDEX["l_elbow"], INDEX["l_hip"], INDEX["nose"]]] += 50  # across
    assert stature_of(longer) - stature_of(LENGTHS_MM) == pytest.approx(30)
    np.testing.assert_allclose(stature_of(np.stack([LENGTHS_MM, 2 * longer])), [stature_of(LENGTHS_MM), 2 * stature_of(longer)])


@pytest.mark.parametrize(
    ("joint", "segment", "axis", "degrees"),
    [("LeftArm", "l_arm", "z", -70), ("RightLeg", "r_shin", "x", 60), ("Hips", "pelvis", "y", 130), ("Head", "head", "y", 40),
     ("LowerBack", "lower_back", "x", 20), ("LeftShoulder", "l_collar", "z", 15), ("Spine", "chest", "y", 25)],
)  # fmt: skip
def test_a_turn_of_one_joint_is_that_of_the_other_bodys_segment(joint, segment, axis, degrees):
    local = np.tile(np.eye(3), (NUM_TREE, 1, 1))
    local[TREE_INDEX[joint]] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    other = posed_body_mm({segment: about(axis, degrees, 1)}, 1)[0]
    np.testing.assert_allclose(place_joints(local, LENGTHS_MM)[NOT_NOSE], other[NOT_NOSE], atol=1e-9)


def test_what_moves_is_what_hangs_below():
    rng = np.random.default_rng(0)
    rest = np.tile(np.eye(3), (NUM_TREE, 1, 1))
    for i, joint in enumerate(TREE):
        turned = rest.copy()
        turned[i] = Rotation.from_rotvec(rng.normal(size=3)).as_matrix()
        moved = np.linalg.norm(place_joints(turned, LENGTHS_MM) - place_joints(rest, LENGTHS_MM), axis=1) > 1e-6
        assert (moved <= MOVES[i]).all() and moved.sum() >= MOVES[i].sum() - 3, joint.name  # what lies on the axis stays
    assert (CARRIER >= 0).sum() == NUM_JOINTS - 1 and CARRIER[ROOT] == -1


def test_hinges_and_locked_joints():
    turns = {joint.name: AXIS_OF[i == JOINT_OF].tolist() for i, joint in enumerate(TREE)}
    assert turns["LeftForeArm"] == turns["RightForeArm"] == [1], "elbows bend about the body's upright axis, in a T-pose"
    assert turns["LeftLeg"] == turns["RightLeg"] == [0]
    assert turns["LeftToeBase"] == []
    assert turns["LeftArm"] == [0, 1, 2]
    assert (LOW <= HIGH).all()


def test_left_and_right_have_the_same_ranges():
    mirror = np.array([1.0, -1.0, -1.0])
    for left, i in TREE_INDEX.items():
        if left.startswith("Left"):
            j = TREE_INDEX["Right" + left[4:]]
            np.testing.assert_allclose(to_rotvec(MIDDLE[i]), mirror * to_rotvec(MIDDLE[j]), atol=1e-12)
            np.testing.assert_allclose(np.sort([LOW[i], HIGH[i]], 0), np.sort([mirror * LOW[j], mirror * HIGH[j]], 0))


def test_aimed_bones_point_where_they_were_measured():
    """Within the ranges of the hinges, the aimed pose is the measured one."""
    joints_mm = random_mover(np.arange(40) / 10, seed=3, swing_deg=30)[0] * (1, -1, -1)
    aimed = place_joints(aim(joints_mm), LENGTHS_MM)
    error = np.linalg.norm(aimed - joints_mm, axis=-1)[:, NOT_NOSE]
    assert np.median(error) < 1
    assert error.mean() < 40


@pytest.mark.parametrize("bend_deg", [-40, -10, 0, 10, 40])
def test_a_knee_seen_bent_forwards_does_not_turn_the_thigh_round(bend_deg):
    joints_mm = posed_body_mm({"l_shin": about("x", bend_deg, 1)}, 1)
    local = aim(joints_mm)[0]
    assert local[TREE_INDEX["LeftUpLeg"]][0, 0] > 0.9, "the knee's axis stays sideways"
    shin = local[TREE_INDEX["LeftLeg"]]
    assert np.degrees(np.arctan2(shin[2, 1], shin[1, 1])) == pytest.approx(max(bend_deg, -2), abs=0.5)


def test_aiming_survives_missing_joints():
    joints_mm = random_mover(np.arange(24) / 10, seed=4)[0] * (1, -1, -1)
    for j in range(NUM_JOINTS):
        joints_mm[j, j] = np.nan
    local = aim(np.concatenate([joints_mm, np.full((1, NUM_JOINTS, 3), np.nan), np.zeros((1, NUM_JOINTS, 3))]))
    np.testing.assert_allclose(local @ np.swapaxes(local, -1, -2), np.broadcast_to(np.eye(3), local.shape), atol=1e-9)


def test_rotation_vectors_change_as_the_jacobian_says():
    rotvec = np.random.default_rng(5).normal(size=(20, 3))
    rotvec[0] = 0
    step, analytic = 1e-6, rotvec_jacobian(rotvec)
    for axis in range(3):
        nudge = to_matrix(step * np.eye(3)[axis])
        ahead, behind = to_rotvec(to_matrix(rotvec) @ nudge), to_rotvec(to_matrix(rotvec) @ nudge.T)
        np.testing.assert_allclose(analytic[..., axis], (ahead - behind) / (2 * step), atol=1e-6)


def test_shortest_turn_even_between_opposites():
    rng = np.random.default_rng(6)
    start = rng.normal(size=(30, 3))
    start /= np.linalg.norm(start, axis=1, keepdims=True)
    end = np.roll(start, 1, axis=0)
    end[0] = -start[0]
    turn = shortest_turn(start, end)
    np.testing.assert_allclose(turn.apply(start), end, atol=1e-9)
    np.testing.assert_allclose(turn.magnitude(), np.arccos(np.clip((start * end).sum(1), -1, 1)), atol=1e-6)
