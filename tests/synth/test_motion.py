from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from tiny_bodies import tiny_bodies

from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX
from xnect_lite.synth import pose
from xnect_lite.synth.body import BONE, forward, posed_joints
from xnect_lite.synth.motion import Contact, MotionFile, open_motions, retarget
from xnect_lite.synth.rotation import about, halfway, shortest_arc, twist_angle

NAMES = ["root", "chest", "neck"] + [
    f"{side}_{joint}"
    for side, joints in (
        ("right", ("hip", "knee", "ankle")), ("right", ("shoulder", "elbow", "wrist")),
        ("left", ("hip", "knee", "ankle")), ("left", ("shoulder", "elbow", "wrist")),
    )
    for joint in joints
]  # fmt: skip
PARENTS = [-1, 0, 1, 0, 3, 4, 1, 6, 7, 0, 9, 10, 1, 12, 13]
OFFSETS = [
    (0, 0, 0), (0, 0.25, 0), (0, 0.2, 0),
    (-0.1, 0, 0), (0, -0.5, 0), (0, -0.5, 0), (-0.2, 0.2, 0), (0, -0.3, 0), (0, -0.3, 0),
    (0.1, 0, 0), (0, -0.5, 0), (0, -0.5, 0), (0.2, 0.2, 0), (0, -0.3, 0), (0, -0.3, 0),
]  # fmt: skip


def write_motion(path, turns: dict[str, np.ndarray], frames: int = 3, height: float = 1.03):
    """A clip in which the named joints are turned as given, in every frame."""
    quaternion = np.zeros((frames, len(NAMES), 4), np.float16)
    quaternion[..., 0] = 1
    for name, matrix in turns.items():
        quaternion[:, NAMES.index(name)] = Rotation.from_matrix(matrix).as_quat()[[3, 0, 1, 2]]
    np.savez(
        path, joint_names=np.array(NAMES), parents=np.array(PARENTS), offsets_m=np.array(OFFSETS, np.float32),
        local_quat_wxyz=quaternion, root_pos_m=np.tile(np.array([0, height, 0], np.float32), (frames, 1)), fps=np.array(30.0),
        clip_start=np.array([0]), clip_names=np.array(["test"]), clip_subject=np.array([0]),
    )  # fmt: skip
    return MotionFile(path)


def posed(path, turns, **keywords):
    bodies = tiny_bodies()
    body = bodies.mix(0, 0, 0.0)
    poses = retarget(write_motion(path, turns, **keywords).clip(0), body, Contact(bodies, stride=1))
    return posed_joints(body, *forward(body, poses.local[0], poses.root_m[0])), poses, body, bodies


def direction(joints, a, b):
    d = joints[INDEX[b]] - joints[INDEX[a]]
    return d / np.linalg.norm(d)


def test_limbs_become_parallel_to_the_source(tmp_path):
    raise_arm = about(pose.FORWARD, np.radians(90))  # the left arm from hanging to the left
    bend_knee = about(pose.LEFT, np.radians(60))
    joints, *_ = posed(tmp_path / "m.npz", {"left_shoulder": raise_arm, "right_knee": bend_knee})
    assert np.allclose(direction(joints, "l_shoulder", "l_elbow"), [1, 0, 0], atol=0.01)
    assert np.allclose(direction(joints, "l_elbow", "l_wrist"), [1, 0, 0], atol=0.01)
    assert np.allclose(direction(joints, "r_shoulder", "r_elbow"), [0, -1, 0], atol=0.01)
    assert np.allclose(direction(joints, "r_hip", "r_knee"), [0, -1, 0], atol=0.01)
    assert np.allclose(direction(joints, "r_knee", "r_ankle"), [0, -0.5, -np.sqrt(0.75)], atol=0.01)  # behind: knees bend back


def test_left_stays_left_and_the_face_looks_ahead(tmp_path):
    joints, *_ = posed(tmp_path / "m.npz", {"root": about(pose.UP, np.pi / 2)})
    assert direction(joints, "r_hip", "l_hip") @ [0, 0, -1] > 0.99  # facing +x, the left is towards -z
    assert direction(joints, "head", "nose") @ [1, 0, 0] > 0.9


def test_feet_stand_on_the_floor_and_jumps_leave_it(tmp_path):
    for height, low in ((1.03, 0.0), (1.6, 0.5)):
        _, poses, body, bodies = posed(tmp_path / "m.npz", {}, height=height)
        lowest = Contact(bodies, stride=1).lowest_m(body, poses.local[0], poses.root_m[0])
        assert lowest == pytest.approx(low, abs=0.1)


def test_the_forearm_shares_the_hands_twist(tmp_path):
    twist = about(pose.UP, np.radians(80))
    _, poses, body, _ = posed(tmp_path / "m.npz", {"left_wrist": twist})
    axis = body.bone_head_m[BONE["l_hand"]] - body.bone_head_m[BONE["l_forearm"]]
    left = twist_angle(poses.local[:, BONE["l_hand"]], axis / np.linalg.norm(axis))
    assert np.degrees(np.abs(left)).max() < 45


def test_files_of_no_known_kind_are_named(tmp_path):
    np.savez(tmp_path / "deepmimic.npz", joint_names=np.array(["a"]))
    with pytest.raises(XnectError, match=r"deepmimic\.npz: is no motion file"):
        open_motions(tmp_path)
    with pytest.raises(XnectError, match="holds no motion file"):
        open_motions(tmp_path / "nowhere")


def test_rotations():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3))
    turned = shortest_arc(a, b) @ a
    assert np.allclose(turned / np.linalg.norm(turned), b / np.linalg.norm(b))
    assert np.allclose(shortest_arc(a, -a) @ a, -a)
    assert twist_angle(about(pose.UP, 1.0), pose.UP) == pytest.approx(1.0)
    assert np.allclose(halfway(np.eye(3), about(a, 1.0)), about(a, 0.5))


def test_sampled_knees_and_elbows_stay_within_limits():
    body = tiny_bodies().mix(0, 0, 0.0)
    rng = np.random.default_rng(5)
    for _ in range(40):
        joints = posed_joints(body, *forward(body, pose.limits_pose(body, rng), np.array([0, 1.0, 0])))
        for side in "rl":
            for a, b, c in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")):
                bend = direction(joints, f"{side}_{a}", f"{side}_{b}") @ direction(joints, f"{side}_{b}", f"{side}_{c}")
                assert np.degrees(np.arccos(np.clip(bend, -1, 1))) < 142


def test_knees_bend_backwards():
    body = tiny_bodies().mix(0, 0, 0.0)
    for seed in range(30):
        local = pose.standing(body)
        pose.sample_leg(local, body, "l", np.random.default_rng(seed))
        rotation, position = forward(body, local, np.zeros(3))
        along = rotation[BONE["l_thigh"]] @ pose.standing(body)[BONE["l_thigh"]].T
        shin = along.T @ (position[BONE["l_foot"]] - position[BONE["l_shin"]])
        assert shin[2] < 0.06  # in the thigh's own axes the foot is behind, or straight below, the knee


def test_mixed_limbs_are_the_others():
    body = tiny_bodies().mix(0, 0, 0.0)
    a, b = pose.standing(body), pose.limits_pose(body, np.random.default_rng(0))
    mixed = pose.mix_limbs(a, b, ["r_arm"])
    assert np.array_equal(mixed[BONE["r_forearm"]], b[BONE["r_forearm"]])
    assert np.array_equal(mixed[BONE["l_forearm"]], a[BONE["l_forearm"]])


def test_walking_swings_arms_against_legs():
    body = tiny_bodies().mix(0, 0, 0.0)
    joints = posed_joints(body, *forward(body, pose.walk_pose(body, 0.0), np.zeros(3)))
    ahead = joints[:, 2]
    assert ahead[INDEX["r_ankle"]] > ahead[INDEX["l_ankle"]] and ahead[INDEX["r_wrist"]] < ahead[INDEX["l_wrist"]]


def write_clips(path, names: list[str]):
    """Clips of two frames, each at a height of its own."""
    write_motion(path, {}, frames=2 * len(names))
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["root_pos_m"][:, 1] = np.repeat(np.arange(len(names)), 2)
    starts = {"clip_start": 2 * np.arange(len(names)), "clip_subject": np.zeros(len(names), int)}
    np.savez(path, **{**arrays, **starts, "clip_names": np.array(names)})
    return path


def test_held_out_clips_and_the_others_are_the_whole_file(tmp_path):
    path = write_clips(tmp_path / "many.npz", [f"walk_{i}" for i in range(60)] + ["walk_3#2", "walk_3#3"])
    whole, train, held = (MotionFile(path, which) for which in (None, False, True))
    assert sorted(train.clip_names + held.clip_names) == sorted(whole.clip_names) and len(held.clip_names) > 0
    assert train.frames + held.frames == whole.frames
    together = [n for n in whole.clip_names if n.partition("#")[0] == "walk_3"]
    assert any(set(together) <= set(side.clip_names) for side in (train, held)), "pieces of one recording stay together"
    for clip, name in enumerate(held.clip_names):
        there = whole.clip(whole.clip_names.index(name))
        np.testing.assert_array_equal(held.clip(clip).position, there.position)
