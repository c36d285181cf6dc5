"""Feet brought to where they should be, by the legs alone: a knee bends as far as the ankle is away, a thigh aims it there."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import BVH_NAMES, INDEX
from xnect_lite.stages.fitting.rotation import shortest_turn, to_matrix, transposed
from xnect_lite.stages.fitting.tree import REST_DIRECTIONS, TREE_INDEX, joints_from_world, world_rotations

LEG_JOINTS = np.array([[INDEX[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "toe")] for side in "lr"])
"""(2, 4) of the left and the right leg."""
_HIP, _KNEE, _ANKLE = (
    np.array([TREE_INDEX[BVH_NAMES[f"{side}_{name}"]] for side in "lr"]) for name in ("hip", "knee", "ankle")
)
_PELVIS = TREE_INDEX[BVH_NAMES["pelvis"]]
_NEVER_QUITE = 1e-3  # share of its length by which a leg stays short of what it can reach, or of folding up altogether
_DOWN = np.array([0.0, -1.0, 0.0])


def reach(local: np.ndarray, lengths_mm: np.ndarray, feet_mm: np.ndarray) -> np.ndarray:
    """Rotations (P, J, 3, 3) of bodies with bones (P, 24) whose feet are at ``feet_mm`` (P, 2, 2, 3), or as near as legs reach.

    Feet are the left and the right one's ankle and toe, relative to the root, in its axes. The toe is reached in direction:
    the foot keeps its length. Knees stay hinges, hips and feet turn as little as it takes; nothing else turns.
    """
    count = len(local)
    world = world_rotations(local)
    joints = joints_from_world(world, lengths_mm)[:, LEG_JOINTS]  # (P, 2, 4, 3)
    thigh, shin = lengths_mm[:, LEG_JOINTS[:, 1]], lengths_mm[:, LEG_JOINTS[:, 2]]
    to_ankle = feet_mm[:, :, 0] - joints[:, :, 0]
    span = np.linalg.norm(to_ankle, axis=-1)
    span = np.clip(span, np.abs(thigh - shin) + _NEVER_QUITE * (thigh + shin), (1 - _NEVER_QUITE) * (thigh + shin))
    bend = np.arccos(np.clip((span**2 - thigh**2 - shin**2) / (2 * thigh * shin), -1.0, 1.0))
    knee = to_matrix(bend[..., None] * np.array([1.0, 0.0, 0.0]))
    folded = thigh[..., None] * _DOWN + shin[..., None] * (knee @ _DOWN)  # hip to ankle, in the thigh's axes
    at = np.einsum("psab,psb->psa", world[:, _HIP], folded)
    hip_world = _turned(at, to_ankle) @ world[:, _HIP]
    shin_world = hip_world @ knee
    ankle = joints[:, :, 0] + np.einsum("psab,psb->psa", hip_world, folded)
    sole = np.einsum("psab,sb->psa", world[:, _ANKLE], REST_DIRECTIONS[LEG_JOINTS[:, 3]])
    foot_world = _turned(sole, feet_mm[:, :, 1] - ankle) @ world[:, _ANKLE]
    out = local.copy()
    out[:, _HIP] = np.broadcast_to(transposed(world[:, [_PELVIS]]), (count, 2, 3, 3)) @ hip_world
    out[:, _KNEE] = knee
    out[:, _ANKLE] = transposed(shin_world) @ foot_world
    return out


def _turned(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(..., 3, 3) the smallest turns from the directions of ``start`` (..., 3) to those of ``end``; none where one has none."""
    lengths = [np.linalg.norm(v, axis=-1, keepdims=True) for v in (start, end)]
    known = (lengths[0] > 1e-6) & (lengths[1] > 1e-6)
    start, end = (np.where(known, v / np.where(known, n, 1.0), _DOWN) for v, n in zip((start, end), lengths, strict=True))
    return shortest_turn(start.reshape(-1, 3), end.reshape(-1, 3)).as_matrix().reshape(*start.shape[:-1], 3, 3)
