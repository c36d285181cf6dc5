"""The offsets of our BVH files: the tree of `fitting.tree` in a T-pose that faces +Z, Y up, centimetres.

The helper joints of that tree let a file reproduce every bone direction exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.skeleton import BVH_NAMES, CANONICAL_BONE_M, FLIP, JOINTS, NUM_JOINTS, PARENTS, ROOT
from xnect_lite.stages.fitting.tree import REST_DIRECTIONS, TREE

_TOE_END_SHARE = 0.35  # toe tip beyond the foot index, as a share of ankle -> foot index


@dataclass(frozen=True, slots=True)
class BvhSkeleton:
    """One person's constant offsets in centimetres, rest axes.

    offsets_cm:     (J, 3) from the parent joint, in the order of `TREE`; the root's is 0.
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
    offsets, ends = np.zeros((len(TREE), 3)), np.full((len(TREE), 3), np.nan)
    parents = {joint.parent for joint in TREE}
    for i, joint in enumerate(TREE):
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
    turn = np.empty((count, len(TREE), 3, 3))
    place = np.empty((count, len(TREE), 3))
    for i, joint in enumerate(TREE):
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
    for i, joint in enumerate(TREE):
        if BVH_NAMES.get(JOINTS[joint.sits_at]) == joint.name:
            out[:, joint.sits_at] = place_cm[:, i]
        if joint.end >= 0:
            out[:, joint.end] = ends_cm[:, i]
    return out
