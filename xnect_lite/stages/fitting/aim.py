"""The pose a fit starts from when nothing is known of the frame before: every joint aimed at what was measured."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import BVH_NAMES, INDEX, PARENTS
from xnect_lite.stages.fitting.limits import HIGH, LOW, MIDDLE
from xnect_lite.stages.fitting.rotation import shortest_turn, to_matrix, transposed, unit
from xnect_lite.stages.fitting.tree import REST_DIRECTIONS, TREE, TREE_INDEX, TREE_PARENT

_X, _Y = np.eye(3)[:2]
_BENT = 0.3  # sine of the bend from which the plane of an arm is believed even where it is unusual


def aim(joints_mm: np.ndarray) -> np.ndarray:
    """(P, J, 3, 3) local rotations that aim the bones of the tree at joints (P, 24, 3), root-relative, upright axes.

    NaN joints are allowed: what cannot be aimed stays in the middle of its range. Hinges turn about their axis only and
    within their range, so the bones end near the measured ones, not on them.
    """
    count = len(joints_mm)
    bone = unit(joints_mm - joints_mm[:, PARENTS])
    local, world = np.tile(MIDDLE, (count, 1, 1, 1)), np.empty((count, len(TREE), 3, 3))

    def line(start: str, end: str) -> np.ndarray:
        return unit(joints_mm[:, INDEX[end]] - joints_mm[:, INDEX[start]])

    shoulders, up = line("r_shoulder", "l_shoulder"), line("pelvis", "neck")
    hips = np.where(np.isfinite(line("r_hip", "l_hip")), line("r_hip", "l_hip"), shoulders)
    framed = {
        TREE_INDEX[BVH_NAMES["pelvis"]]: (_X, hips, _Y, up),
        TREE_INDEX[BVH_NAMES["spine"]]: (_Y, bone[:, INDEX["neck"]], _X, shoulders),
        TREE_INDEX[BVH_NAMES["head"]]: (_Y, bone[:, INDEX["head_top"]], _X, line("r_ear", "l_ear")),
    }
    hinged, limbs = _limbs()
    for i in range(len(TREE)):
        parent = world[:, TREE_PARENT[i]] if TREE_PARENT[i] >= 0 else np.broadcast_to(np.eye(3), (count, 3, 3))
        if i in framed:
            local[:, i] = _framed(parent, *framed[i], fallback=local[:, i])
        elif i in limbs:
            upper, lower, normal = limbs[i]
            local[:, i] = _limb(parent, bone[:, upper], bone[:, lower], REST_DIRECTIONS[upper], normal, local[:, i])
        elif i in hinged:
            lower, normal = hinged[i]
            local[:, i] = _hinge(parent, bone[:, lower], REST_DIRECTIONS[lower], normal, i)
        elif i in _SWUNG:
            local[:, i] = _swung(parent, bone[:, _SWUNG[i]], REST_DIRECTIONS[_SWUNG[i]], local[:, i])
        world[:, i] = parent @ local[:, i]
    return local


_SWUNG = {TREE_INDEX[n]: INDEX[j] for n, j in (("LowerBack", "spine"), ("Neck", "head"), ("LeftShoulder", "l_shoulder"),
          ("RightShoulder", "r_shoulder"), ("LeftHand", "l_hand"), ("RightHand", "r_hand"), ("LeftFoot", "l_toe"),
          ("RightFoot", "r_toe"))}  # fmt: skip
"""Joints that show a single direction -> the end of the bone they turn."""


def _limbs() -> tuple[dict[int, tuple[int, np.ndarray]], dict[int, tuple[int, int, np.ndarray]]]:
    """Hinges (bone, axis), and what they hang on (upper bone, lower bone, axis); axes in the rest pose."""
    hinged, limbs = {}, {}
    for side, elbow in (("l", -_Y), ("r", _Y)):
        for start, middle, end, axis in (("shoulder", "elbow", "wrist", elbow), ("hip", "knee", "ankle", _X)):
            upper, lower = INDEX[f"{side}_{middle}"], INDEX[f"{side}_{end}"]
            limbs[TREE_INDEX[BVH_NAMES[f"{side}_{start}"]]] = (upper, lower, axis)
            hinged[TREE_INDEX[BVH_NAMES[f"{side}_{middle}"]]] = (lower, axis)
    return hinged, limbs


def _to_local(parent: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return np.einsum("pba,pb->pa", parent, vector)


def _frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(P, 3, 3) axes with the first column along ``first`` and the second in the plane of both; NaN where that is none."""
    third = unit(np.cross(first, second))
    return np.stack([first, np.cross(third, first), third], -1)


def _choose(wanted: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """Matrices (P, 3, 3), and ``fallback`` for those that are not finite."""
    return np.where(np.isfinite(wanted).all((1, 2))[:, None, None], wanted, fallback)


def _framed(
    parent: np.ndarray,
    rest: np.ndarray,
    primary: np.ndarray,
    rest_secondary: np.ndarray,
    secondary: np.ndarray,
    fallback: np.ndarray,
) -> np.ndarray:
    """Aim ``rest`` at ``primary`` (P, 3), and ``rest_secondary`` as far as that allows at ``secondary`` (P, 3)."""
    target = _frame(primary, secondary) @ _frame(rest[None], rest_secondary[None])[0].T
    return _choose(transposed(parent) @ target, fallback)


def _swung(parent: np.ndarray, direction: np.ndarray, rest: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    wanted = _to_local(parent, direction)
    known = np.isfinite(wanted).all(1)
    turn = shortest_turn(rest[None], np.where(known[:, None], wanted, rest)).as_matrix()
    return np.where(known[:, None, None], turn, fallback)


def _limb(
    parent: np.ndarray, upper: np.ndarray, lower: np.ndarray, rest: np.ndarray, normal: np.ndarray, fallback: np.ndarray
) -> np.ndarray:
    """Aim an upper arm or thigh so that its hinge lies across both bones; the twist of a straight one is the smallest."""
    swing = _swung(parent, upper, rest, fallback)
    carried = np.einsum("pab,pbc,c->pa", parent, swing, normal)
    across = np.cross(upper, lower)
    sine = np.linalg.norm(across, axis=1)
    measured = unit(across)
    # A knee that seems to bend forwards is a straight one seen badly; so is an elbow that is nearly straight.
    is_leg = abs(normal[0]) > 0.5
    wrong = ((measured * carried).sum(1) < 0) & (is_leg | (sine < _BENT))
    measured = np.where(wrong[:, None], -measured, measured)
    target = _frame(upper, measured) @ _frame(rest[None], normal[None])[0].T
    return _choose(transposed(parent) @ target, swing)


def _hinge(parent: np.ndarray, direction: np.ndarray, rest: np.ndarray, axis: np.ndarray, joint: int) -> np.ndarray:
    """Turn ``joint`` about its ``axis`` alone, within its range, as far towards ``direction`` (P, 3) as that goes."""
    local = np.nan_to_num(_to_local(parent, direction)) + 0.0
    angle = np.arctan2(local @ np.cross(axis, rest), local @ rest)  # about the axis, from the rest direction
    number = int(np.abs(axis).argmax())
    middle = np.arctan2(MIDDLE[joint][(number + 2) % 3, (number + 1) % 3], MIDDLE[joint][(number + 1) % 3, (number + 1) % 3])
    signed = np.clip(angle * axis[number], middle + LOW[joint, number], middle + HIGH[joint, number])
    return to_matrix(signed[:, None] * np.abs(axis))
