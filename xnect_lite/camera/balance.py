"""Over what somebody stands: whoever does not fall has the centre of mass above the feet, however the trunk is bent."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import ANKLES, INDEX, NUM_JOINTS, TOES

_SEGMENTS = (  # from, to, share of the body's mass, where between them its centre is (Winter 2009, table 4.1)
    ("pelvis", "neck", 0.497, 0.5),
    ("neck", "head_top", 0.081, 0.5),
    *((f"{s}_{a}", f"{s}_{b}", mass, centre) for s in "rl" for a, b, mass, centre in (
        ("shoulder", "elbow", 0.028, 0.436), ("elbow", "wrist", 0.022, 0.682), ("hip", "knee", 0.1, 0.433),
        ("knee", "ankle", 0.0465, 0.433), ("ankle", "toe", 0.0145, 0.5),
    )),
)  # fmt: skip


def _mass_of_joints() -> np.ndarray:
    """(24,) the share of the body's mass that each joint stands for; sums to 1."""
    mass = np.zeros(NUM_JOINTS)
    for start, end, share, centre in _SEGMENTS:
        mass[INDEX[start]] += share * (1 - centre)
        mass[INDEX[end]] += share * centre
    return mass / mass.sum()


MASS_OF_JOINTS = _mass_of_joints()


def up_by_balance(joints_mm: np.ndarray, foot_stands: np.ndarray) -> np.ndarray:
    """(P, 3) from the middle of the feet that stand to the centre of mass, in the unit and axes of ``joints_mm`` (P, 24, 3).

    foot_stands (P, 2), left and right. Upright on average over a while; a walker falls and catches himself at every step. NaN
    where no foot stands, or a joint is missing.
    """
    feet = 0.5 * (joints_mm[:, ANKLES] + joints_mm[:, TOES])
    count = foot_stands.sum(1, keepdims=True)
    with np.errstate(invalid="ignore"):
        support = np.where(foot_stands[..., None], feet, 0.0).sum(1) / np.where(count > 0, count, np.nan)
    return MASS_OF_JOINTS @ joints_mm - support
