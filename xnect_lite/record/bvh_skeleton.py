"""The joint tree of our BVH files and the rest pose that its offsets spell: a T-pose that faces +Z, Y up, centimetres.

Every joint of `skeleton.BVH_NAMES` sits at its XNECT24 joint. Three helpers have no joint of their own: ``LowerBack`` at
the hips and ``LeftShoulder`` / ``RightShoulder`` at the neck. They let the lower back sway and the collarbones lift, so that
the file reproduces every bone direction exactly instead of forcing pelvis and chest to be rigid triangles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.skeleton import BVH_NAMES, CANONICAL_BONE_M, FLIP, INDEX, JOINTS, NUM_JOINTS, PARENTS, ROOT

_FOOT_SLOPE_RAD = np.deg2rad(25.0)  # a standing foot: the ankle is above the toes, so a level foot reads as no rotation
_TOE_END_SHARE = 0.35  # toe tip beyond the foot index, as a share of ankle -> foot index


@dataclass(frozen=True, slots=True)
class BvhJoint:
    """One joint of the file.

    name:    as written.
    parent:  index in `BVH_JOINTS`, -1 for the root.
    sits_at: XNECT24 index of the joint at the same place.
    bone:    XNECT24 index of the child end of the bone that gives the offset from the parent; -1 = no offset.
    end:     XNECT24 index of the joint at its End Site; -1 = a toe tip if it is a leaf, else no End Site.
    """

    name: str
    parent: int
    sits_at: int
    bone: int
    end: int = -1


def _tree() -> tuple[BvhJoint, ...]:
    joints: list[BvhJoint] = []
    index: dict[str, int] = {}

    def add(name: str, parent: str, sits_at: str, bone: str = "", end: str = "") -> None:
        index[name] = len(joints)
        joints.append(
            BvhJoint(name, index.get(parent, -1), INDEX[sits_at], INDEX[bone] if bone else -1, INDEX[end] if end else -1)
        )

    def chain(parent: str, *xnect: str, end: str = "") -> None:
        for name in xnect:
            add(BVH_NAMES[name], parent, name, name, end if name == xnect[-1] else "")
            parent = BVH_NAMES[name]

    hips, spine = BVH_NAMES["pelvis"], BVH_NAMES["spine"]
    add(hips, "", "pelvis")
    add("LowerBack", hips, "pelvis")
    chain("LowerBack", "spine")
    chain(spine, "neck", "head", end="head_top")
    for side, letter in (("Left", "l"), ("Right", "r")):
        add(f"{side}Shoulder", spine, "neck", "neck")
        chain(f"{side}Shoulder", f"{letter}_shoulder", f"{letter}_elbow", f"{letter}_wrist", end=f"{letter}_hand")
    for letter in "lr":
        chain(hips, f"{letter}_hip", f"{letter}_knee", f"{letter}_ankle", f"{letter}_toe")
    return tuple(joints)


BVH_JOINTS: tuple[BvhJoint, ...] = _tree()
"""The joints in the order of the file: parents first, depth first."""
BVH_INDEX: dict[str, int] = {joint.name: i for i, joint in enumerate(BVH_JOINTS)}


def _rest_directions() -> np.ndarray:
    rest = np.zeros((NUM_JOINTS, 3))
    for name in ("spine", "neck", "head", "head_top"):
        rest[INDEX[name]] = (0.0, 1.0, 0.0)
    for side, x in (("l", 1.0), ("r", -1.0)):
        for name in ("shoulder", "elbow", "wrist", "hand", "hip"):
            rest[INDEX[f"{side}_{name}"]] = (x, 0.0, 0.0)
        for name in ("knee", "ankle"):
            rest[INDEX[f"{side}_{name}"]] = (0.0, -1.0, 0.0)
        rest[INDEX[f"{side}_toe"]] = (0.0, -np.sin(_FOOT_SLOPE_RAD), np.cos(_FOOT_SLOPE_RAD))
    return rest


REST_DIRECTIONS = _rest_directions()
"""(24, 3) unit direction of the bone parent(j) -> j in the T-pose (x to the person's left, y up, z forward); zero for the
root and for the face points, which the file does not hold."""


@dataclass(frozen=True, slots=True)
class BvhSkeleton:
    """One person's constant offsets in centimetres, rest axes.

    offsets_cm:     (J, 3) from the parent joint, in the order of `BVH_JOINTS`; the root's is 0.
    end_offsets_cm: (J, 3) of the End Site from its joint; NaN where a joint has none.
    """

    offsets_cm: np.ndarray
    end_offsets_cm: np.ndarray


def bone_lengths_mm(joints_mm: np.ndarray) -> np.ndarray:
    """Median length of each bone over a take, left and right made equal.

    ``joints_mm`` (F, 24, 3), any axes, NaN = missing -> (24,), 0 for the root. Bones that were never seen get the canonical
    length in the scale of those that were.
    """
    joints_mm = np.asarray(joints_mm, float)
    length = np.linalg.norm(joints_mm - joints_mm[:, PARENTS], axis=-1)  # (F, 24)
    both_sides = np.concatenate([length, length[:, FLIP]])
    canonical_mm = 1000 * CANONICAL_BONE_M
    median = np.full(NUM_JOINTS, np.nan)
    for j in range(NUM_JOINTS):
        seen = both_sides[np.isfinite(both_sides[:, j]), j]
        if j != ROOT and len(seen):
            median[j] = np.median(seen)
    usable = np.isfinite(median) & (median > 0.1 * canonical_mm)  # a collapsed bone would have no direction in the file
    scale = np.median(median[usable] / canonical_mm[usable]) if usable.any() else 1.0
    return np.where(usable, median, scale * canonical_mm)


def make_skeleton(lengths_mm: np.ndarray) -> BvhSkeleton:
    """The T-pose of a body with these bone lengths (24,) in millimetres."""
    bones_cm = REST_DIRECTIONS * np.asarray(lengths_mm)[:, None] / 10
    offsets, ends = np.zeros((len(BVH_JOINTS), 3)), np.full((len(BVH_JOINTS), 3), np.nan)
    parents = {joint.parent for joint in BVH_JOINTS}
    for i, joint in enumerate(BVH_JOINTS):
        if joint.bone >= 0:
            offsets[i] = bones_cm[joint.bone]
        if joint.end >= 0:
            ends[i] = bones_cm[joint.end]
        elif i not in parents:
            ends[i] = (0.0, 0.0, _TOE_END_SHARE * lengths_mm[joint.sits_at] / 10)
    return BvhSkeleton(offsets, ends)


def forward_kinematics(skeleton: BvhSkeleton, root_world_cm: np.ndarray, local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Place every joint.

    ``root_world_cm`` (N, 3); ``local`` (N, J, 3, 3) rotation of each joint in its parent's axes.
    Returns joints (N, J, 3) and End Sites (N, J, 3; NaN where there is none), world centimetres.
    """
    count = len(root_world_cm)
    turn = np.empty((count, len(BVH_JOINTS), 3, 3))
    place = np.empty((count, len(BVH_JOINTS), 3))
    for i, joint in enumerate(BVH_JOINTS):
        if joint.parent < 0:
            turn[:, i], place[:, i] = local[:, i], root_world_cm
        else:
            turn[:, i] = turn[:, joint.parent] @ local[:, i]
            place[:, i] = place[:, joint.parent] + turn[:, joint.parent] @ skeleton.offsets_cm[i]
    ends = place + np.einsum("njab,jb->nja", turn, skeleton.end_offsets_cm)
    return place, ends


def to_xnect24(place_cm: np.ndarray, ends_cm: np.ndarray) -> np.ndarray:
    """Joints and End Sites (N, J, 3) -> (N, 24, 3) in XNECT24 order; nose and ears, which the file lacks, are NaN."""
    out = np.full((len(place_cm), NUM_JOINTS, 3), np.nan)
    for i, joint in enumerate(BVH_JOINTS):
        if BVH_NAMES.get(JOINTS[joint.sits_at]) == joint.name:
            out[:, joint.sits_at] = place_cm[:, i]
        if joint.end >= 0:
            out[:, joint.end] = ends_cm[:, i]
    return out
