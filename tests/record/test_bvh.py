"""BVH files, judged by an independent reader (pybvh) against the joints they were made from."""

from __future__ import annotations

import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pybvh
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people import about, posed_body_mm, random_mover, to_camera_mm, walking_person
from scipy.spatial.transform import Rotation, Slerp

from xnect_lite.errors import XnectError
from xnect_lite.record.bvh import BvhClip, BvhOptions, build_clips, clip_joints_world_cm
from xnect_lite.record.bvh_file import bvh_text, write_bvh
from xnect_lite.record.bvh_skeleton import bone_lengths_mm
from xnect_lite.record.euler import continuous_euler_deg, matrices_from_euler
from xnect_lite.record.scene import world_from_cam_cm
from xnect_lite.record.track import Track
from xnect_lite.skeleton import BVH_NAMES, CANONICAL_BONE_M, INDEX, JOINTS, ROOT
from xnect_lite.stages.fitting.tree import TREE, TREE_INDEX

FACE = [INDEX["nose"], INDEX["r_ear"], INDEX["l_ear"]]
END_SITES = {"head_top": "EndSiteHead", "l_hand": "EndSiteLeftHand", "r_hand": "EndSiteRightHand"}
NODE_OF = {j: BVH_NAMES.get(n, END_SITES.get(n)) for j, n in enumerate(JOINTS) if j not in FACE}
AS_SEEN = BvhOptions(floor=False)


def build_clip(track: Track, options: BvhOptions | None = None) -> BvhClip:
    return build_clips([track], options)[0]


def seconds(count: int, fps: float = 30.0) -> np.ndarray:
    return np.arange(count) / fps


def read(path: Path) -> pybvh.Bvh:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it guesses which way is up from the pose, which a tumbling body defeats
        return pybvh.read_bvh_file(path, world_up="+y")


def read_joints_cm(bvh: pybvh.Bvh) -> np.ndarray:
    """(N, 24, 3) by pybvh's own forward kinematics; NaN for the face."""
    positions = bvh.node_positions()
    joints = np.full((len(positions), len(JOINTS), 3), np.nan)
    for j, node in NODE_OF.items():
        joints[:, j] = positions[:, bvh.node_index[node]]
    return joints


def true_joints_cm(joints_mm: np.ndarray, root_cam_mm: np.ndarray) -> np.ndarray:
    joints = world_from_cam_cm(joints_mm + root_cam_mm[:, None])
    joints[:, FACE] = np.nan
    return joints


def worst_mm(one_cm: np.ndarray, other_cm: np.ndarray) -> float:
    return float(np.nanmax(np.linalg.norm(one_cm - other_cm, axis=-1)) * 10)


def turns(clip, name: str) -> np.ndarray:
    return matrices_from_euler(clip.angles_deg[:, TREE_INDEX[name]])


MOVERS = [
    ("walking on the spot, facing the camera", lambda t: walking_person(t)),
    ("walking away to the left", lambda t: walking_person(t, facing_deg=-130, speed_m_s=1.2)),
    ("walking while turning round", lambda t: walking_person(t, facing_deg=120 * t)),
    ("a tall person", lambda t: walking_person(t, scale=1.2)),
    *((f"random motion {seed}", lambda t, seed=seed: random_mover(t, seed)) for seed in range(4)),
    ("wild motion, also upside down", lambda t: random_mover(t, 7, swing_deg=110)),
]


@pytest.mark.parametrize(("case", "mover"), MOVERS, ids=[m[0] for m in MOVERS])
def test_file_places_every_joint_where_it_was(case, mover, tmp_path):
    t_s = seconds(60)
    joints_mm, root_cam_mm = mover(t_s)
    clip = build_clip(Track(t_s, joints_mm, root_cam_mm), AS_SEEN)
    bvh = read(write_bvh(tmp_path / "a.bvh", clip))
    assert bvh.frame_count == 60
    assert bvh.frame_time == pytest.approx(1 / 30, abs=1e-9)
    truth_cm = true_joints_cm(joints_mm, root_cam_mm)
    assert worst_mm(read_joints_cm(bvh), truth_cm) < 0.05, case
    assert worst_mm(clip_joints_world_cm(clip), read_joints_cm(bvh)) < 1e-3, "our own FK agrees with the reader's"


def test_text_is_what_importers_expect(tmp_path):
    t_s = seconds(12)
    text = bvh_text(build_clip(Track(t_s, *walking_person(t_s))))
    lines = text.splitlines()
    motion = lines.index("MOTION")
    assert lines[0] == "HIERARCHY" and lines[1] == "ROOT Hips"
    assert lines[motion + 1] == "Frames: 12", "the header count equals the data lines"
    assert len(lines) == motion + 3 + 12
    assert lines[motion + 2] == "Frame Time: 0.0333333333", "at least 7 digits, or players drift"
    assert {len(line.split()) for line in lines[motion + 3 :]} == {6 + 3 * (len(TREE) - 1)}
    names = [line.split()[1] for line in lines if line.split()[0] in ("ROOT", "JOINT")]
    assert len(set(names)) == len(names) and set(BVH_NAMES.values()) <= set(names)
    for above, line in pairwise(lines):
        assert above.strip() != "{" or line.split()[0] == "OFFSET", "OFFSET follows the brace (Blender)"
        assert "CHANNELS" not in line or above.split()[0] == "OFFSET", "CHANNELS follows OFFSET (Blender)"
    assert "nan" not in text.lower() and "-0.00000 " not in text
    offsets = [line.split()[1:] for i, line in enumerate(lines) if i > 1 and "OFFSET" in line and "End Site" in lines[i - 2]]
    assert len(offsets) == 5 and all(np.linalg.norm(np.array(o, float)) > 1 for o in offsets), "End Sites have length"


def test_rest_pose_is_a_t_pose_facing_z(tmp_path):
    t_s = seconds(10)
    clip = build_clip(Track(t_s, *random_mover(t_s, 3)), BvhOptions(t_pose_first=True))
    bvh = read(write_bvh(tmp_path / "a.bvh", clip))
    assert len(clip) == 11 and np.all(clip.angles_deg[0] == 0)
    rest = read_joints_cm(bvh)[0]
    rest -= rest[ROOT]
    at = {name: rest[INDEX[name]] for name in JOINTS}
    for side, sign in (("l", 1), ("r", -1)):
        for name in ("shoulder", "elbow", "wrist", "hand"):
            assert at[f"{side}_{name}"][0] * sign > 10 and at[f"{side}_{name}"][1:] == pytest.approx([49, 0], abs=1e-3)
        assert at[f"{side}_knee"] == pytest.approx([9.5 * sign, -42.5, 0], abs=1e-3)
        assert at[f"{side}_toe"][2] > 10, "feet point to +Z"
        assert at[f"{side}_hand"] == pytest.approx(at[f"{'rl'[side == 'r']}_hand"] * (-1, 1, 1)), "left and right are alike"
    assert at["head_top"] == pytest.approx([0, 79.4, 0], abs=1e-3)
    assert read_joints_cm(bvh)[0][:, 1][[INDEX["l_toe"], INDEX["r_toe"]]] == pytest.approx(0, abs=1e-3), "it stands"


FACINGS = [
    ("faces the camera: forward +Z, left hand at +X", 0.0, (0, 0, 1), (1, 0, 0)),
    ("faces the camera's right", 90.0, (1, 0, 0), (0, 0, -1)),
    ("turns the back", 180.0, (0, 0, -1), (-1, 0, 0)),
]


@pytest.mark.parametrize(("case", "facing_deg", "forward", "left"), FACINGS, ids=[f[0] for f in FACINGS])
def test_facing(case, facing_deg, forward, left, tmp_path):
    local = {f"{s}_arm": about("x", 0, 5) for s in "lr"} | {"pelvis": about("y", facing_deg, 5)}
    joints_mm = to_camera_mm(posed_body_mm(local, 5))
    clip = build_clip(Track(seconds(5), joints_mm, np.tile([0, 0, 3000.0], (5, 1))))
    joints = read_joints_cm(read(write_bvh(tmp_path / "a.bvh", clip)))[0]
    foot = joints[INDEX["l_toe"]] - joints[INDEX["l_ankle"]]
    assert foot * (1, 0, 1) / np.hypot(foot[0], foot[2]) == pytest.approx(forward, abs=1e-4)
    hands = joints[INDEX["l_hand"]] - joints[INDEX["r_hand"]]
    assert hands / np.linalg.norm(hands) == pytest.approx(left, abs=1e-4)
    assert turns(clip, "Hips")[0][:, 2] == pytest.approx(forward, abs=1e-6)
    others = np.delete(clip.angles_deg[0], TREE_INDEX["Hips"], axis=0)
    assert np.abs(others).max() < 1e-4, "in the T-pose only the hips turn"


def test_elbows_and_knees_are_hinges():
    t_s = seconds(60)
    clip = build_clip(Track(t_s, *random_mover(t_s, 2)), AS_SEEN)
    for name, axis in (("LeftForeArm", 1), ("RightForeArm", 1), ("LeftLeg", 0), ("RightLeg", 0)):
        vector = Rotation.from_matrix(turns(clip, name)).as_rotvec(degrees=True)
        bent = np.abs(vector[:, axis]) > 35  # nearer to straight the plane is deliberately followed sluggishly
        assert bent.sum() > 20
        assert np.abs(np.delete(vector[bent], axis, axis=1)).max() < 6, f"{name} turns about one axis"
    assert np.median(turns(clip, "LeftLeg")[:, 2, 1]) > 0, "knees bend backwards"


def test_straight_limbs_keep_their_twist_through_noise():
    """Arms that hang straight and tremble by 3 mm must not spin, though their plane is all noise."""
    t_s, rng = seconds(150), np.random.default_rng(0)
    local = {f"{s}_arm": about("z", -sign * 80, 150) for s, sign in (("l", 1), ("r", -1))}
    joints_mm = to_camera_mm(posed_body_mm(local, 150)) + rng.normal(0, 3, (150, 24, 3))
    clip = build_clip(Track(t_s, joints_mm, np.zeros((150, 3))), AS_SEEN)
    for name in ("LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg"):
        matrices = turns(clip, name)
        step = Rotation.from_matrix(matrices[:-1]).inv() * Rotation.from_matrix(matrices[1:])
        assert np.degrees(step.magnitude()).max() < 12, name


def test_straight_legs_turn_with_the_body():
    """Somebody who stands on straight legs and turns round once must not wind the thighs up."""
    local = {"pelvis": about("y", np.linspace(0, 360, 90), 90)}
    clip = build_clip(Track(seconds(90), to_camera_mm(posed_body_mm(local, 90)), np.zeros((90, 3))))
    for name in ("LeftUpLeg", "RightUpLeg", "LeftArm", "Head"):
        assert np.degrees(Rotation.from_matrix(turns(clip, name)).magnitude()).max() < 1e-3


def test_head_follows_the_face():
    yaw_deg = 60 * np.sin(seconds(60))
    joints_mm = to_camera_mm(posed_body_mm({"head": about("y", yaw_deg, 60)}, 60))
    cases = {
        "ears and nose": [],
        "nose only": ["l_ear", "r_ear"],
        "ears only": ["nose"],
        "ears and nose, no head top": ["head_top"],
        "ears missing for a while, nose throughout": [],
    }
    for case, missing in cases.items():
        seen_mm = joints_mm.copy()
        seen_mm[:, [INDEX[m] for m in missing]] = np.nan
        if "for a while" in case:
            seen_mm[20:40, INDEX["l_ear"]] = np.nan
        clip = build_clip(Track(seconds(60), seen_mm, np.zeros((60, 3))))
        assert clip.angles_deg[:, TREE_INDEX["Head"], 2] == pytest.approx(yaw_deg, abs=6.5 if "head top" in case else 0.1), case


def test_uneven_time_stamps_become_a_steady_rate():
    """Frames from a live camera come when they come; the file must show where the person was at each of its own times."""
    rng = np.random.default_rng(1)
    t_s = np.sort(np.concatenate([[10.0, 12.0], rng.uniform(10, 12, 118)]))
    joints_mm, root_cam_mm = walking_person(t_s - 10, speed_m_s=1.0)
    clip = build_clip(Track(t_s, joints_mm, root_cam_mm), BvhOptions(fps=50, floor=False))
    assert len(clip) == 101
    truth_cm = true_joints_cm(*walking_person(np.arange(101) / 50, speed_m_s=1.0))
    error_mm = np.linalg.norm(clip_joints_world_cm(clip) - truth_cm, axis=-1) * 10
    assert np.nanmedian(error_mm) < 1 and np.nanmax(error_mm) < 25, "only interpolation across the larger holes remains"
    shuffled = rng.permutation(120)
    again = build_clip(Track(t_s[shuffled], joints_mm[shuffled], root_cam_mm[shuffled]), BvhOptions(fps=50, floor=False))
    assert np.allclose(again.angles_deg, clip.angles_deg), "the order of the samples does not matter"


def test_short_gaps_are_bridged_and_long_ones_held_by_choice():
    t_s = seconds(120)
    joints_mm, root_cam_mm = walking_person(t_s, speed_m_s=1.0)
    truth_cm = true_joints_cm(joints_mm, root_cam_mm)
    seen_mm = joints_mm.copy()
    seen_mm[10:20] = np.nan  # 11 frames from sample to sample: 0.37 s
    seen_mm[60:90] = np.nan  # 1.03 s
    root_seen_mm = np.where(np.isnan(seen_mm[:, 0]), np.nan, root_cam_mm)
    clip = build_clip(Track(t_s, seen_mm, root_seen_mm), BvhOptions(floor=False, gaps="hold"))
    got_cm = clip_joints_world_cm(clip)
    error_mm = np.nanmax(np.linalg.norm(got_cm - truth_cm, axis=-1), axis=1) * 10
    seen = np.isfinite(seen_mm[:, 0, 0])
    assert error_mm[seen].max() < 0.05, "frames that were seen are exact"
    steps_mm = np.nanmax(np.linalg.norm(np.diff(got_cm[9:21], axis=0), axis=-1)) * 10
    assert steps_mm < 110, "a short gap is crossed in even steps"
    assert worst_mm(got_cm[60:90], got_cm[59:60]) == 0, "a long gap holds the last pose"
    assert clip.held.tolist() == [60 <= n < 90 for n in range(120)]


MISSING = [
    ("one wrist never seen", slice(None), ["l_wrist", "l_hand"]),
    ("a leg hidden for 8 frames", slice(20, 28), ["r_knee", "r_ankle", "r_toe"]),
    ("hips hidden for 8 frames", slice(20, 28), ["l_hip", "r_hip"]),
    ("pelvis itself never given", slice(None), ["pelvis"]),
    ("only the head for the whole take", slice(None), [n for n in JOINTS if n not in ("head", "head_top", "nose", "neck")]),
    ("head and neck never seen", slice(None), ["head", "head_top", "neck", "nose", "l_ear", "r_ear"]),
    ("one coordinate of one joint", slice(5, 6), ["spine"]),
]


@pytest.mark.parametrize(("case", "frames", "names"), MISSING, ids=[m[0] for m in MISSING])
def test_missing_joints_never_reach_the_file(case, frames, names):
    t_s = seconds(60)
    joints_mm, root_cam_mm = walking_person(t_s)
    seen_mm = joints_mm.copy()
    for name in names:
        seen_mm[frames, INDEX[name], slice(1, 2) if "coordinate" in case else slice(None)] = np.nan
    clip = build_clip(Track(t_s, seen_mm, root_cam_mm), AS_SEEN)
    assert "nan" not in bvh_text(clip)
    error_mm = np.linalg.norm(clip_joints_world_cm(clip) - true_joints_cm(joints_mm, root_cam_mm), axis=-1) * 10
    if frames != slice(None):
        untouched = np.ones(60, bool)
        untouched[frames] = False
        assert np.nanmax(error_mm[untouched]) < 0.05, "frames with all joints stay exact"
        assert np.nanmax(error_mm) < 180, "hidden joints are interpolated"
    elif names == ["pelvis"]:
        assert np.nanmax(error_mm) < 0.05, "the pelvis of a root-relative pose is its origin"
    elif "wrist" in case:
        kept = [j for j, n in enumerate(JOINTS) if n not in names]
        assert np.nanmax(error_mm[:, kept]) < 0.05, "the rest of the body stays exact"


def test_nobody_ever_posed_is_an_error():
    with pytest.raises(XnectError, match="no 3D pose"):
        build_clip(Track(seconds(4), np.full((4, 24, 3), np.nan), np.zeros((4, 3))))
    with pytest.raises(XnectError, match="frame rate"):
        build_clip(Track(seconds(4), *walking_person(seconds(4))), BvhOptions(fps=0))


def test_one_frame_is_enough():
    clip = build_clip(Track(np.array([3.0]), *walking_person(np.array([3.0]))))
    assert len(clip) == 1 and "Frames: 1\n" in bvh_text(clip)


def test_people_of_a_take_share_the_timeline():
    early, late = seconds(60), 1.0 + seconds(60)
    tracks = [Track(early, *walking_person(early)), Track(late, *walking_person(late, start_cam_mm=(1000, 5000)))]
    first, second = build_clips(tracks, BvhOptions(recentre=True))
    assert len(first) == len(second) == 90
    assert first.held.sum() == second.held.sum() == 30
    assert np.ptp(second.angles_deg[:31], axis=0).max() < 1e-9, "the late-comer holds the first pose"
    assert np.ptp(first.root_world_cm[59:], axis=0).max() < 1e-9, "who leaves holds the last"
    assert first.root_world_cm[0, [0, 2]] == pytest.approx([0, 0]), "the first person starts at the origin"
    assert second.root_world_cm[0, [0, 2]] == pytest.approx([100, -100], abs=1), "the others keep their distance"


def test_feet_stand_on_the_floor():
    t_s, rng = seconds(150), np.random.default_rng(0)
    for height_mm in (300, 1700):
        joints_mm, root_cam_mm = walking_person(t_s, camera_height_mm=height_mm, speed_m_s=0.5)
        joints_mm[40, INDEX["l_toe"]] += (0, 900, 0)  # one bad frame does not lift everybody off the floor
        clip = build_clip(Track(t_s, joints_mm + rng.normal(0, 2, joints_mm.shape), root_cam_mm))
        toes_cm = clip_joints_world_cm(clip)[:, [INDEX["l_toe"], INDEX["r_toe"]], 1].min(axis=1)
        assert abs(np.median(toes_cm)) < 2, "the standing foot is at Y = 0"


def test_tilted_camera_is_levelled():
    """A camera that looks down by 20 degrees: given which way is up, the person stands upright again."""
    t_s = seconds(30)
    joints_mm, root_cam_mm = walking_person(t_s)
    tilt = Rotation.from_euler("x", 20, degrees=True)  # camera axes: the scene turns when the camera nods
    seen_mm = tilt.apply(joints_mm.reshape(-1, 3)).reshape(joints_mm.shape)
    track = Track(t_s, seen_mm, tilt.apply(root_cam_mm))
    up_cam = tuple(tilt.apply([0.0, -1.0, 0.0]))
    level = build_clip(track, BvhOptions(up_cam=up_cam, floor=False))
    assert worst_mm(clip_joints_world_cm(level), true_joints_cm(joints_mm, root_cam_mm)) < 0.05
    with pytest.raises(XnectError, match="up_cam"):
        build_clip(track, BvhOptions(up_cam=(0, 0, 0)))


def test_bone_lengths_are_medians_and_symmetric():
    joints_mm, _ = walking_person(seconds(40), scale=1.1)
    joints_mm[3, INDEX["l_wrist"]] += 500
    joints_mm[:, INDEX["l_toe"]] = np.nan  # one side suffices
    joints_mm[:, INDEX["head_top"]] = np.nan  # never seen: canonical, in this body's scale
    assert bone_lengths_mm(joints_mm) == pytest.approx(1100 * CANONICAL_BONE_M, rel=1e-6)


def test_unwritable_place_is_named(tmp_path):
    clip = build_clip(Track(seconds(3), *walking_person(seconds(3))))
    with pytest.raises(XnectError, match=r"a\.bvh: cannot be written"):
        write_bvh(tmp_path / "missing" / "a.bvh", clip)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_euler_angles_are_continuous_and_exact(seed, keys):
    """Any smooth motion: angles give the rotation back, and no channel jumps except where the rotation passes a pole."""
    at = np.arange(keys) * 20
    motion = Slerp(at, Rotation.random(keys, random_state=seed))(np.arange(at[-1] + 1))
    matrices = motion.as_matrix()[:, None]
    angles = continuous_euler_deg(matrices)
    assert np.isfinite(angles).all()
    assert np.abs(matrices_from_euler(angles) - matrices).max() < 1e-9
    step_deg = np.abs(np.diff(angles[:, 0], axis=0))
    turn_deg = np.degrees((motion[:-1].inv() * motion[1:]).magnitude())
    nearness = np.minimum(*(np.abs(np.cos(np.radians(a[:, 0, 1]))) for a in (angles[:-1], angles[1:])))
    assert step_deg[:, 1].max() <= turn_deg.max() + 1e-6 or nearness.min() < 0.2
    away = nearness > 0.2
    assert np.all(step_deg[away].max(axis=1, initial=0) <= 8 * turn_deg[away] + 1e-6)


def test_euler_angles_at_the_pole():
    """X at exactly +-90 degrees leaves only a sum of Z and Y: Z stays where it was."""
    angles = np.array([[30.0, 80, 10], [30, 90, 12], [30, 100, 14], [30, 110, 16], [35, 90, 20], [36, 60, 20]])
    for sign in (1, -1):
        wanted = (angles * (1, sign, 1))[:, None]
        matrices = matrices_from_euler(wanted)
        got = continuous_euler_deg(matrices)
        assert np.abs(matrices_from_euler(got) - matrices).max() < 1e-6
        assert got[:4] == pytest.approx(wanted[:4], abs=1e-4)
        assert np.abs(np.diff(got, axis=0)).max() < 40
