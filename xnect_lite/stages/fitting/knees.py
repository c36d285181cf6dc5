"""Legs that look straight are straight: a knee bent towards the camera makes the picture of a straight one, and is far rarer.

Lifting, in doubt, answers with the mean of what it thinks possible, and the mean of bent and straight is bent.
"""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import BVH_NAMES
from xnect_lite.stages.fitting.legs import LEG_JOINTS
from xnect_lite.stages.fitting.tree import TREE_INDEX

KNEES = np.array([TREE_INDEX[BVH_NAMES[f"{side}_knee"]] for side in "lr"])
"""(2,) joints of the tree."""
_STRAIGHT_RAD, _BENT_RAD = np.radians([10.0, 25.0])  # a leg bent by less in the picture looks straight, by more does not
_SHORT, _WHOLE = 0.65, 0.85  # of a bone's length seen across the picture: less, and it leans; more, and it does not


def looks_straight(rays: np.ndarray, found: np.ndarray, depth_mm: np.ndarray, lengths_mm: np.ndarray) -> np.ndarray:
    """(P, 2) how straight the left and the right leg look, 0..1.

    rays (P, 24, 2), of joints found (P, 24), of people ``depth_mm`` (P,) away with bones (P, 24). 0 where hip, knee or ankle
    was not found.
    """
    hip, knee, ankle = (rays[:, LEG_JOINTS[:, i]] * depth_mm[:, None, None] for i in range(3))
    thigh, shin = knee - hip, ankle - knee
    cross = thigh[..., 0] * shin[..., 1] - thigh[..., 1] * shin[..., 0]
    bend = np.abs(np.arctan2(cross, (thigh * shin).sum(-1)))
    shares = [np.linalg.norm(bone, axis=-1) / lengths_mm[:, LEG_JOINTS[:, i]] for bone, i in ((thigh, 1), (shin, 2))]
    share = np.minimum(*shares)
    straight = np.clip((_BENT_RAD - bend) / (_BENT_RAD - _STRAIGHT_RAD), 0.0, 1.0)
    whole = np.clip((share - _SHORT) / (_WHOLE - _SHORT), 0.0, 1.0)
    return np.where(found[:, LEG_JOINTS[:, :3]].all(-1), straight * whole, 0.0)
