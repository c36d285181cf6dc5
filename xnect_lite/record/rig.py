"""The joints of a file: those of `fitting.tree`, under the names and with the spine that a tool expects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.record.bvh_skeleton import BvhSkeleton
from xnect_lite.stages.fitting.tree import TREE, TREE_INDEX

_MIXAMO_SPINE = {"LowerBack": "Spine", "Spine": "Spine1"}
_UPPER_SHARE = 0.5  # of the way from Spine1 to the neck lies Spine2, which does not turn


@dataclass(frozen=True, slots=True)
class RigJoint:
    """One joint of a file.

    name:      unique.
    parent:    index among the rig's joints, -1 for the root.
    turns_as:  index in `TREE` of the joint whose rotation it has; -1 = it never turns.
    offset_cm: (3,) from the parent.
    end_cm:    (3,) of its End Site; None = it has none.
    """

    name: str
    parent: int
    turns_as: int
    offset_cm: np.ndarray
    end_cm: np.ndarray | None = None


def rig_of(skeleton: BvhSkeleton, spine: str = "plain") -> list[RigJoint]:
    """The joints of a file, parents first and depth first, for the spine ``plain`` or ``mixamo``."""
    if spine == "plain":
        return [_joint(skeleton, i, joint.name, joint.parent) for i, joint in enumerate(TREE)]
    chest = TREE_INDEX["Spine"]
    rig: list[RigJoint] = []
    at: dict[int, int] = {}  # place in TREE -> in the rig
    for i, joint in enumerate(TREE):
        at[i] = len(rig)
        hangs_on_chest = joint.parent == chest
        parent = at.get(joint.parent, -1) + hangs_on_chest
        made = _joint(skeleton, i, _MIXAMO_SPINE.get(joint.name, joint.name), parent)
        upper_cm = _UPPER_SHARE * skeleton.offsets_cm[TREE_INDEX["Neck"]]
        if hangs_on_chest:
            made = RigJoint(made.name, parent, i, made.offset_cm - upper_cm, made.end_cm)
        rig.append(made)
        if i == chest:
            rig.append(RigJoint("Spine2", at[i], -1, upper_cm))
    return rig


def _joint(skeleton: BvhSkeleton, i: int, name: str, parent: int) -> RigJoint:
    end_cm = skeleton.end_offsets_cm[i]
    return RigJoint(name, parent, i, skeleton.offsets_cm[i], end_cm if np.isfinite(end_cm).all() else None)
