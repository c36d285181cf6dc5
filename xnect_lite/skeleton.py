"""The one table of joints. Everything that names a joint, a bone or a limb reads it from here.

``XNECT24`` is the 21 joints of MuCo-3DHP in their published order, then nose, right ear and left ear;
the face points give the head its yaw. Right and left are the person's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JOINTS: tuple[str, ...] = (
    "head_top", "neck",
    "r_shoulder", "r_elbow", "r_wrist",
    "l_shoulder", "l_elbow", "l_wrist",
    "r_hip", "r_knee", "r_ankle",
    "l_hip", "l_knee", "l_ankle",
    "pelvis", "spine", "head",
    "r_hand", "l_hand", "r_toe", "l_toe",
    "nose", "r_ear", "l_ear",
)  # fmt: skip
NUM_JOINTS = len(JOINTS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(JOINTS)}
ROOT = INDEX["pelvis"]

_PARENT_NAMES: dict[str, str] = {
    "head_top": "head", "neck": "spine", "head": "neck", "spine": "pelvis", "pelvis": "pelvis",
    "nose": "head", "r_ear": "head", "l_ear": "head",
} | {
    f"{side}_{child}": (parent if parent in ("neck", "pelvis") else f"{side}_{parent}")
    for side in "rl"
    for child, parent in (
        ("shoulder", "neck"), ("elbow", "shoulder"), ("wrist", "elbow"), ("hand", "wrist"),
        ("hip", "pelvis"), ("knee", "hip"), ("ankle", "knee"), ("toe", "ankle"),
    )
}  # fmt: skip
PARENTS = np.array([INDEX[_PARENT_NAMES[name]] for name in JOINTS])
"""(24,) parent of each joint; the root is its own parent."""


def _topological_order() -> tuple[int, ...]:
    order = [ROOT]
    while len(order) < NUM_JOINTS:
        order += [j for j in range(NUM_JOINTS) if j not in order and PARENTS[j] in order]
    return tuple(order)


ORDER = _topological_order()
"""Joint indices, parents before children; the root comes first."""

BONES: tuple[tuple[int, int], ...] = tuple((int(PARENTS[j]), j) for j in range(NUM_JOINTS) if j != ROOT)
"""The 23 (parent, child) bones, in child order."""

MEETS = np.eye(NUM_JOINTS, dtype=bool)
"""(24, 24) [j, k]: bone k, from k's parent to k, has an end at joint j. The root has no bone."""
MEETS[PARENTS, np.arange(NUM_JOINTS)] = True
MEETS[:, ROOT] = False

LIMBS: tuple[tuple[int, int], ...] = (
    *BONES,
    (INDEX["r_shoulder"], INDEX["r_hip"]),
    (INDEX["l_shoulder"], INDEX["l_hip"]),
)
"""The 25 part-affinity limbs: every bone, then the two shoulder-hip lines. Limb k owns PAF channels 2k (x), 2k+1 (y)."""
NUM_LIMBS = len(LIMBS)


def _mirror(name: str) -> str:
    return {"r_": "l_", "l_": "r_"}.get(name[:2], name[:2]) + name[2:]


FLIP = np.array([INDEX[_mirror(name)] for name in JOINTS])
"""(24,) joint that each joint becomes in a mirrored picture."""

LIMB_FLIP = np.array([LIMBS.index((int(FLIP[a]), int(FLIP[b]))) for a, b in LIMBS])
"""(25,) limb that each limb becomes in a mirrored picture."""

LIMB_JOINTS_12 = np.array([INDEX[f"{s}_{n}"] for s in "rl" for n in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")])
"""The 12 joints that PCK@0.2 counts."""

TORSO = np.array([INDEX[n] for n in ("r_shoulder", "l_shoulder", "r_hip", "l_hip")])
"""Shoulders and hips: the person's centre is the mean of those that are labelled."""

ANKLES, TOES = (np.array([INDEX[f"{side}_{joint}"] for side in "lr"]) for joint in ("ankle", "toe"))
"""Left, right: as `types.People.foot_stands` has the feet."""


def joint_box(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner (..., C) of the box around the joints that are known; +inf and -inf where none is.

    Args:
        joints: (..., J, C), any unit; NaN = not known.
    """
    known = np.isfinite(joints)
    low = np.where(known, joints, np.inf).min(-2, initial=np.inf)
    return low, np.where(known, joints, -np.inf).max(-2, initial=-np.inf)


OKS_SIGMA = np.array([
    0.035, 0.079, 0.079, 0.072, 0.062, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089, 0.107,
    0.087, 0.089, 0.107, 0.107, 0.035, 0.062, 0.062, 0.089, 0.089, 0.026, 0.035, 0.035,
])  # fmt: skip
"""(24,) per-joint fall-off of object keypoint similarity: COCO's published values; joints that COCO lacks take
their nearest relative's (neck = shoulder, pelvis and spine = hip, hand = wrist, toe = ankle, head = ear)."""

CANONICAL_LEG_ARM_M = 1.40
"""Thigh + shin + upper arm + forearm, sides averaged, of the body in whose scale location maps are written."""
CANONICAL_STATURE_M = 1.70
"""Stature of that body: head top to sole in a T-pose (`fitting.tree.stature_of`), which is what stature means everywhere."""

CANONICAL_BONE_M = np.zeros(NUM_JOINTS)
"""(24,) length of the bone parent(j) -> j on the canonical body, metres; the root's is 0.
Proportions of a standing adult; thigh .425 + shin .405 + upper arm .30 + forearm .27 = 1.40. Upright, the hips are .906 above
the soles (toes .076 below the ankles), the shoulders 1.396 and the head top 1.70: Drillis and Contini's segments of that
stature, to within 6 mm."""
for _name, _length in {
    "spine": 0.22, "neck": 0.27, "head": 0.174, "head_top": 0.13, "nose": 0.12, "ear": 0.08,
    "shoulder": 0.17, "elbow": 0.30, "wrist": 0.27, "hand": 0.09, "hip": 0.095, "knee": 0.425, "ankle": 0.405, "toe": 0.18,
}.items():  # fmt: skip
    for _side in ("", "r_", "l_"):
        if _side + _name in INDEX:
            CANONICAL_BONE_M[INDEX[_side + _name]] = _length


@dataclass(frozen=True, slots=True)
class JointMap:
    """How a foreign joint list relates to XNECT24.

    Attributes:
        names: the foreign joints, in their published order.
        xnect: (len(names),) XNECT24 index of each, -1 where XNECT24 has no such joint.
    """

    names: tuple[str, ...]
    xnect: tuple[int, ...]

    def to_xnect(self, values: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Reorder ``values`` (..., K, C) into (..., 24, C); joints the source lacks get ``fill``."""
        out = np.full((*values.shape[:-2], NUM_JOINTS, values.shape[-1]), fill, dtype=np.result_type(values, np.float32))
        for foreign, ours in enumerate(self.xnect):
            if ours >= 0:
                out[..., ours, :] = values[..., foreign, :]
        return out

    def from_xnect(self, values: np.ndarray, fill: float = np.nan) -> np.ndarray:
        """Reorder XNECT24 ``values`` (..., 24, C) into (..., K, C); joints that XNECT24 lacks get ``fill``."""
        out = np.full((*values.shape[:-2], len(self.names), values.shape[-1]), fill, dtype=np.result_type(values, np.float32))
        for foreign, ours in enumerate(self.xnect):
            if ours >= 0:
                out[..., foreign, :] = values[..., ours, :]
        return out


def _map(*pairs: tuple[str, str | None]) -> JointMap:
    return JointMap(tuple(p[0] for p in pairs), tuple(-1 if p[1] is None else INDEX[p[1]] for p in pairs))


def _named(names: str, without: frozenset[str] = frozenset()) -> JointMap:
    return _map(*((n, None if n in without or n not in INDEX else n) for n in names.split()))


LSP14 = _named("r_ankle r_knee r_hip l_hip l_knee l_ankle r_wrist r_elbow r_shoulder l_shoulder l_elbow l_wrist neck head_top")
"""Leeds Sports Poses (Extended)."""

COCO17 = _named(
    "nose l_eye r_eye l_ear r_ear l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist "
    "l_hip r_hip l_knee r_knee l_ankle r_ankle"
)
"""COCO keypoints; also MoveNet's order."""

MUPOTS17 = _named(
    "head_top neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle "
    "l_hip l_knee l_ankle pelvis spine head"
)
"""MuPoTS-3D and the 17-joint subset of MPI-INF-3DHP."""

BLAZEPOSE33 = _named(
    "nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear r_ear mouth_l mouth_r "
    "l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist l_pinky r_pinky l_index r_index l_thumb r_thumb "
    "l_hip r_hip l_knee r_knee l_ankle r_ankle l_heel r_heel l_toe r_toe"
)
"""BlazePose's 33 landmarks. Its foot index is our toe. Hands, head, neck, spine and pelvis are derived: `derive_joints`."""

MUCO21 = _named(
    "head_top neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle "
    "l_hip l_knee l_ankle pelvis spine head r_hand l_hand r_toe l_toe"
)
"""MuCo-3DHP: the first 21 joints of XNECT24."""

MPII16 = _map(
    ("r_ankle", "r_ankle"), ("r_knee", "r_knee"), ("r_hip", "r_hip"), ("l_hip", "l_hip"), ("l_knee", "l_knee"),
    ("l_ankle", "l_ankle"), ("pelvis", "pelvis"), ("thorax", "neck"), ("upper_neck", None), ("head_top", "head_top"),
    ("r_wrist", "r_wrist"), ("r_elbow", "r_elbow"), ("r_shoulder", "r_shoulder"),
    ("l_shoulder", "l_shoulder"), ("l_elbow", "l_elbow"), ("l_wrist", "l_wrist"),
)  # fmt: skip
"""MPII Human Pose, ids 0..15. Its thorax is mid-shoulders, our neck; its upper neck is none of ours."""

MPI_INF_28 = _map(
    ("spine3", None), ("spine4", None), ("spine2", None), ("spine", "spine"), ("pelvis", "pelvis"),
    ("neck", "neck"), ("head", "head"), ("head_top", "head_top"),
    ("l_clavicle", None), ("l_shoulder", "l_shoulder"), ("l_elbow", "l_elbow"), ("l_wrist", "l_wrist"), ("l_hand", "l_hand"),
    ("r_clavicle", None), ("r_shoulder", "r_shoulder"), ("r_elbow", "r_elbow"), ("r_wrist", "r_wrist"), ("r_hand", "r_hand"),
    ("l_hip", "l_hip"), ("l_knee", "l_knee"), ("l_ankle", "l_ankle"), ("l_foot", None), ("l_toe", "l_toe"),
    ("r_hip", "r_hip"), ("r_knee", "r_knee"), ("r_ankle", "r_ankle"), ("r_foot", None), ("r_toe", "r_toe"),
)  # fmt: skip
"""MPI-INF-3DHP's training sequences."""

OPENPOSE18 = _named(
    "nose neck r_shoulder r_elbow r_wrist l_shoulder l_elbow l_wrist r_hip r_knee r_ankle "
    "l_hip l_knee l_ankle r_eye l_eye r_ear l_ear"
)
"""OpenPose's COCO model, without its background channel. Its neck is mid-shoulders."""

BVH_NAMES: dict[str, str] = {
    "pelvis": "Hips", "spine": "Spine", "neck": "Neck", "head": "Head",
} | {
    f"{s}_{ours}": side + theirs
    for s, side in (("r", "Right"), ("l", "Left"))
    for ours, theirs in (
        ("shoulder", "Arm"), ("elbow", "ForeArm"), ("wrist", "Hand"),
        ("hip", "UpLeg"), ("knee", "Leg"), ("ankle", "Foot"), ("toe", "ToeBase"),
    )
}  # fmt: skip
"""XNECT24 name -> BVH joint name, in the HumanIK / Mixamo style that retargeting tools map by themselves."""

BVH = _map(*((theirs, ours) for ours, theirs in BVH_NAMES.items()))
"""The joints of our BVH files that sit at an XNECT24 joint, in the order of `BVH_NAMES`."""

JOINT_MAPS: dict[str, JointMap] = {
    "muco21": MUCO21, "mpii16": MPII16, "coco17": COCO17, "lsp14": LSP14, "mpi_inf_28": MPI_INF_28, "mupots17": MUPOTS17,
    "blazepose33": BLAZEPOSE33, "openpose18": OPENPOSE18, "bvh": BVH,
}  # fmt: skip
"""Every foreign joint list, by name."""


def derive_joints(joints: np.ndarray, hands: np.ndarray | None = None) -> np.ndarray:
    """Fill joints that a source lacks from those it has: pelvis, neck, spine, head (and hands when given).

    pelvis = mid-hips; neck = mid-shoulders; spine = pelvis + .45 (neck - pelvis); head = mid-ears.
    Joints already present are left alone. Returns a new array.

    Args:
        joints: (..., 24, C), NaN = missing, any unit.
        hands: (..., 2, C), right then left.
    """
    out = np.array(joints, dtype=np.result_type(joints, np.float32))

    def fill(name: str, value: np.ndarray) -> None:
        j = INDEX[name]
        out[..., j, :] = np.where(np.isnan(out[..., j, :]), value, out[..., j, :])

    def mid(a: str, b: str) -> np.ndarray:
        return 0.5 * (out[..., INDEX[a], :] + out[..., INDEX[b], :])

    fill("pelvis", mid("r_hip", "l_hip"))
    fill("neck", mid("r_shoulder", "l_shoulder"))
    pelvis, neck = out[..., INDEX["pelvis"], :], out[..., INDEX["neck"], :]
    fill("spine", pelvis + 0.45 * (neck - pelvis))
    fill("head", mid("r_ear", "l_ear"))
    if hands is not None:
        fill("r_hand", hands[..., 0, :])
        fill("l_hand", hands[..., 1, :])
    return out
