"""The joint table: a tree, its mirror image, and its relation to every foreign order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from xnect_lite import skeleton
from xnect_lite.skeleton import (
    BLAZEPOSE33,
    BONES,
    BVH,
    BVH_NAMES,
    CANONICAL_BONE_M,
    CANONICAL_LEG_ARM_M,
    COCO17,
    FLIP,
    INDEX,
    JOINT_MAPS,
    JOINTS,
    LIMB_FLIP,
    LIMBS,
    LSP14,
    MPI_INF_28,
    MPII16,
    MUCO21,
    MUPOTS17,
    NUM_JOINTS,
    NUM_LIMBS,
    OKS_SIGMA,
    OPENPOSE18,
    ORDER,
    PARENTS,
    ROOT,
    JointMap,
    derive_joints,
)

MUCO21_NAMES = (
    "head_top", "neck", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist",
    "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "pelvis", "spine", "head",
    "r_hand", "l_hand", "r_toe", "l_toe",
)  # fmt: skip
MUCO21_PARENTS = (16, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, 14, 14, 1, 4, 7, 10, 13)


def test_the_first_21_joints_and_their_parents_are_mucos():
    assert JOINTS[:21] == MUCO21_NAMES
    assert tuple(PARENTS[:21]) == MUCO21_PARENTS
    assert JOINTS[21:] == ("nose", "r_ear", "l_ear")
    assert {JOINTS[PARENTS[j]] for j in range(21, 24)} == {"head"}


def test_every_joint_hangs_on_the_pelvis():
    assert len(set(JOINTS)) == NUM_JOINTS == 24
    for joint in range(NUM_JOINTS):
        steps = 0
        while joint != ROOT:
            joint, steps = PARENTS[joint], steps + 1
            assert steps < NUM_JOINTS, "a loop"
    assert PARENTS[ROOT] == ROOT == INDEX["pelvis"]


def test_order_visits_parents_before_children():
    assert sorted(ORDER) == list(range(NUM_JOINTS)) and ORDER[0] == ROOT
    assert all(ORDER.index(PARENTS[j]) < ORDER.index(j) for j in range(NUM_JOINTS) if j != ROOT)


def test_limbs_are_the_bones_in_child_order_then_the_two_flanks():
    assert NUM_LIMBS == 25 and LIMBS[:23] == BONES
    assert [child for _, child in BONES] == [j for j in range(NUM_JOINTS) if j != ROOT]
    assert all(PARENTS[child] == parent for parent, child in BONES)
    assert [(JOINTS[a], JOINTS[b]) for a, b in LIMBS[23:]] == [("r_shoulder", "r_hip"), ("l_shoulder", "l_hip")]


def test_mirroring_twice_changes_nothing_and_maps_bones_to_bones():
    everyone = np.arange(NUM_JOINTS)
    assert (FLIP[FLIP] == everyone).all() and (LIMB_FLIP[LIMB_FLIP] == np.arange(NUM_LIMBS)).all()
    assert (PARENTS[FLIP] == FLIP[PARENTS]).all()
    assert (CANONICAL_BONE_M[FLIP] == CANONICAL_BONE_M).all() and (OKS_SIGMA[FLIP] == OKS_SIGMA).all()
    for k, (a, b) in enumerate(LIMBS):
        assert LIMBS[LIMB_FLIP[k]] == (FLIP[a], FLIP[b])


def test_only_sided_joints_change_in_the_mirror():
    for j, name in enumerate(JOINTS):
        mirrored = {"r": "l", "l": "r"}[name[0]] + name[1:] if name[:2] in ("r_", "l_") else name
        assert JOINTS[FLIP[j]] == mirrored


def test_canonical_bones():
    at = {name: CANONICAL_BONE_M[INDEX[name]] for name in JOINTS}
    assert at["pelvis"] == 0 and all(length > 0 for name, length in at.items() if name != "pelvis")
    assert at["l_knee"] + at["l_ankle"] + at["l_elbow"] + at["l_wrist"] == pytest.approx(CANONICAL_LEG_ARM_M)


@pytest.mark.parametrize(
    ("ours", "like"),
    [
        ("nose", 0.026),
        ("l_ear", 0.035),
        ("r_shoulder", 0.079),
        ("l_elbow", 0.072),
        ("r_wrist", 0.062),
        ("l_hip", 0.107),
        ("r_knee", 0.087),
        ("l_ankle", 0.089),
        ("neck", 0.079),
        ("pelvis", 0.107),
        ("spine", 0.107),
        ("r_hand", 0.062),
        ("l_toe", 0.089),
        ("head", 0.035),
    ],
)
def test_oks_sigmas_are_cocos_or_the_nearest_relatives(ours, like):
    assert OKS_SIGMA[INDEX[ours]] == like


# -- foreign orders ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Published:
    """A joint list as its authors print it, and the joints of it that XNECT24 has, by position."""

    joint_map: JointMap
    names: str
    ours: dict[int, str]


PUBLISHED = {
    "LSP / LSPET": Published(
        LSP14,
        "Right ankle,Right knee,Right hip,Left hip,Left knee,Left ankle,Right wrist,Right elbow,Right shoulder,"
        "Left shoulder,Left elbow,Left wrist,Neck,Head top",
        {0: "r_ankle", 2: "r_hip", 3: "l_hip", 6: "r_wrist", 8: "r_shoulder", 11: "l_wrist", 12: "neck", 13: "head_top"},
    ),
    "COCO": Published(
        COCO17,
        "nose,left_eye,right_eye,left_ear,right_ear,left_shoulder,right_shoulder,left_elbow,right_elbow,left_wrist,"
        "right_wrist,left_hip,right_hip,left_knee,right_knee,left_ankle,right_ankle",
        {0: "nose", 3: "l_ear", 4: "r_ear", 5: "l_shoulder", 10: "r_wrist", 11: "l_hip", 16: "r_ankle"},
    ),
    "MuPoTS-3D": Published(
        MUPOTS17,
        "head_top,neck,right_shoulder,right_elbow,right_wrist,left_shoulder,left_elbow,left_wrist,right_hip,right_knee,"
        "right_ankle,left_hip,left_knee,left_ankle,pelvis,spine,head",
        {0: "head_top", 1: "neck", 4: "r_wrist", 7: "l_wrist", 14: "pelvis", 15: "spine", 16: "head"},
    ),
    "BlazePose": Published(
        BLAZEPOSE33,
        "nose,left_eye_inner,left_eye,left_eye_outer,right_eye_inner,right_eye,right_eye_outer,left_ear,right_ear,mouth_left,"
        "mouth_right,left_shoulder,right_shoulder,left_elbow,right_elbow,left_wrist,right_wrist,left_pinky,right_pinky,"
        "left_index,right_index,left_thumb,right_thumb,left_hip,right_hip,left_knee,right_knee,left_ankle,right_ankle,"
        "left_heel,right_heel,left_foot_index,right_foot_index",
        {0: "nose", 7: "l_ear", 12: "r_shoulder", 15: "l_wrist", 24: "r_hip", 28: "r_ankle", 31: "l_toe", 32: "r_toe"},
    ),
    "MuCo-3DHP": Published(
        MUCO21,
        "head_top,neck,right_shoulder,right_elbow,right_wrist,left_shoulder,left_elbow,left_wrist,right_hip,right_knee,"
        "right_ankle,left_hip,left_knee,left_ankle,pelvis,spine,head,right_hand,left_hand,right_toe,left_toe",
        {0: "head_top", 4: "r_wrist", 14: "pelvis", 17: "r_hand", 18: "l_hand", 19: "r_toe", 20: "l_toe"},
    ),
    "MPII": Published(
        MPII16,
        "right_ankle,right_knee,right_hip,left_hip,left_knee,left_ankle,pelvis,thorax,upper_neck,head_top,right_wrist,"
        "right_elbow,right_shoulder,left_shoulder,left_elbow,left_wrist",
        {0: "r_ankle", 5: "l_ankle", 6: "pelvis", 7: "neck", 9: "head_top", 10: "r_wrist", 12: "r_shoulder", 15: "l_wrist"},
    ),
    "MPI-INF-3DHP": Published(
        MPI_INF_28,
        "spine3,spine4,spine2,spine,pelvis,neck,head,head_top,left_clavicle,left_shoulder,left_elbow,left_wrist,left_hand,"
        "right_clavicle,right_shoulder,right_elbow,right_wrist,right_hand,left_hip,left_knee,left_ankle,left_foot,left_toe,"
        "right_hip,right_knee,right_ankle,right_foot,right_toe",
        {3: "spine", 4: "pelvis", 5: "neck", 7: "head_top", 9: "l_shoulder", 17: "r_hand", 22: "l_toe", 25: "r_ankle"},
    ),
    "OpenPose": Published(
        OPENPOSE18,
        "nose,neck,right_shoulder,right_elbow,right_wrist,left_shoulder,left_elbow,left_wrist,right_hip,right_knee,right_ankle,"
        "left_hip,left_knee,left_ankle,right_eye,left_eye,right_ear,left_ear",
        {0: "nose", 1: "neck", 4: "r_wrist", 7: "l_wrist", 10: "r_ankle", 13: "l_ankle", 16: "r_ear", 17: "l_ear"},
    ),
}


def _short(published: str) -> str:
    """'Right ankle' or 'right_ankle' -> 'r_ankle'; BlazePose's foot index is our toe."""
    name = published.lower().replace(" ", "_").replace("foot_index", "toe")
    return name.replace("right", "r").replace("left", "l")


@pytest.mark.parametrize("published", PUBLISHED.values(), ids=PUBLISHED.keys())
def test_foreign_orders_are_the_published_ones(published):
    names = published.names.split(",")
    joint_map = published.joint_map
    assert [_short(n) for n in names] == list(joint_map.names)
    assert len(joint_map.names) == len(joint_map.xnect)
    for at, ours in published.ours.items():
        assert joint_map.xnect[at] == INDEX[ours]
    named = [j for j in joint_map.xnect if j >= 0]
    assert len(named) == len(set(named)), "two foreign joints land on one of ours"
    alias = {"thorax": "neck"}
    assert all(JOINTS[j] == alias.get(joint_map.names[i], joint_map.names[i]) for i, j in enumerate(joint_map.xnect) if j >= 0)
    assert all(joint_map.names[i] not in INDEX for i, j in enumerate(joint_map.xnect) if j < 0)


@pytest.mark.parametrize("joint_map", JOINT_MAPS.values(), ids=JOINT_MAPS.keys())
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_there_and_back_keeps_every_joint_both_lists_have(joint_map, data):
    shape = (
        *data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3)),
        len(joint_map.names),
        data.draw(st.integers(1, 3)),
    )
    values = data.draw(hnp.arrays(np.float32, shape, elements=st.floats(-1e4, 1e4, width=32)))
    ours = joint_map.to_xnect(values)
    assert ours.shape == (*shape[:-2], NUM_JOINTS, shape[-1])
    back = joint_map.from_xnect(ours)
    shared = np.array(joint_map.xnect) >= 0
    np.testing.assert_array_equal(back[..., shared, :], values[..., shared, :])
    assert np.isnan(back[..., ~shared, :]).all()
    absent = np.setdiff1d(np.arange(NUM_JOINTS), joint_map.xnect)
    assert np.isnan(ours[..., absent, :]).all()
    assert (joint_map.to_xnect(values, fill=0.0)[..., absent, :] == 0).all()


def test_every_foreign_order_is_in_the_table_and_checked_against_its_publication():
    published = {id(p.joint_map) for p in PUBLISHED.values()} | {id(BVH)}
    assert {id(m) for m in JOINT_MAPS.values()} == published


def test_the_17_joints_of_mupots_are_the_published_subset_of_the_28():
    """The data set's own list of the subset, 1-based."""
    subset = [8, 6, 15, 16, 17, 10, 11, 12, 24, 25, 26, 19, 20, 21, 5, 4, 7]
    assert [MPI_INF_28.names[i - 1] for i in subset] == list(MUPOTS17.names)


def test_mirrored_foreign_joints_are_mirrored_joints_of_ours():
    for joint_map in JOINT_MAPS.values():
        ours = {j for j in joint_map.xnect if j >= 0}
        assert {int(FLIP[j]) for j in ours} == ours, "one side of a pair is missing"


def test_bvh_joints_sit_at_the_joints_they_are_named_for():
    assert dict(zip(BVH.names, (JOINTS[j] for j in BVH.xnect), strict=True)) == {v: k for k, v in BVH_NAMES.items()}


def test_bvh_names_are_unique_and_sides_agree():
    assert len(set(BVH_NAMES.values())) == len(BVH_NAMES) and set(BVH_NAMES) <= set(JOINTS)
    for ours, theirs in BVH_NAMES.items():
        side = {"r_": "Right", "l_": "Left"}.get(ours[:2], "")
        assert theirs.startswith(side) and (side or not theirs.startswith(("Right", "Left")))
        if side:
            other = {"Right": "Left", "Left": "Right"}[side] + theirs.removeprefix(side)
            assert BVH_NAMES[JOINTS[FLIP[INDEX[ours]]]] == other


# -- derived joints --------------------------------------------------------------------------------------------------


def _joints(**known: tuple[float, float]) -> np.ndarray:
    joints = np.full((NUM_JOINTS, 2), np.nan, np.float32)
    for name, xy in known.items():
        joints[INDEX[name]] = xy
    return joints


TORSO = {"r_hip": (0, 10), "l_hip": (4, 12), "r_shoulder": (-2, 1), "l_shoulder": (4, 1), "r_ear": (0, -4), "l_ear": (2, -5)}


def test_derived_joints_by_hand():
    out = derive_joints(_joints(**TORSO), hands=np.array([[7, 8], [9, 10]], np.float32))
    for name, expected in {
        "pelvis": (2, 11), "neck": (1, 1), "spine": (2 - 0.45, 11 - 4.5), "head": (1, -4.5),
        "r_hand": (7, 8), "l_hand": (9, 10),
    }.items():  # fmt: skip
        np.testing.assert_allclose(out[INDEX[name]], expected, rtol=1e-6, err_msg=name)
    assert np.isnan(out[INDEX["head_top"]]).all() and np.isnan(out[INDEX["r_toe"]]).all()


def test_joints_that_are_there_are_left_alone_and_the_input_unchanged():
    given_ = _joints(**TORSO, pelvis=(100, 100), r_hand=(5, 5))
    before = given_.copy()
    out = derive_joints(given_, hands=np.zeros((2, 2)))
    np.testing.assert_array_equal(given_, before)
    np.testing.assert_array_equal(out[INDEX["pelvis"]], (100, 100))
    np.testing.assert_array_equal(out[INDEX["r_hand"]], (5, 5))
    np.testing.assert_allclose(out[INDEX["spine"]], (100 + 0.45 * (1 - 100), 100 + 0.45 * (1 - 100)), rtol=1e-6)


@pytest.mark.parametrize("missing", ["r_hip", "l_shoulder", "r_ear"])
def test_half_a_pair_derives_nothing(missing):
    out = derive_joints(_joints(**{k: v for k, v in TORSO.items() if k != missing}))
    derived = {"r_hip": ("pelvis", "spine"), "l_shoulder": ("neck", "spine"), "r_ear": ("head",)}[missing]
    assert all(np.isnan(out[INDEX[name]]).all() for name in derived)
    rest = {"pelvis", "neck", "spine", "head"} - set(derived)
    assert all(np.isfinite(out[INDEX[name]]).all() for name in rest)


def test_joint_groups_hold_the_joints_they_are_named_after():
    assert skeleton.LIMB_JOINTS_12.shape == (12,) and len(set(skeleton.LIMB_JOINTS_12.tolist())) == 12
    assert {JOINTS[j].split("_")[1] for j in skeleton.LIMB_JOINTS_12} == {"shoulder", "elbow", "wrist", "hip", "knee", "ankle"}
    assert {JOINTS[j] for j in skeleton.TORSO} == {"r_shoulder", "l_shoulder", "r_hip", "l_hip"}
