"""Rotations -> Euler angles over time, in any order of three different axes: what the channels of a BVH file hold."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

ORDERS = ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX")
"""Axes as channels are listed: ZXY means matrix = Rz Rx Ry."""
_POLE_COSINE = 1e-6  # below this the outer axes turn about the same line and only their sum or difference is defined


def continuous_euler_deg(matrices: np.ndarray, order: str = "ZXY", *, bounded: bool = False) -> np.ndarray:
    """(N, J, 3, 3) rotation matrices over time -> (N, J, 3) degrees in ``order``.

    Each frame takes, of the equivalent triples, the one nearest the frame before, so that no channel jumps by a whole turn
    or flips at the pole; angles may therefore leave -180..180. The first frame has its middle angle within +-90 degrees.

    bounded: the middle angle stays within +-90 degrees in all frames. Where a motion passes the pole, the outer two then jump
             by half a turn, which is the same rotation.
    """
    i, j, k = ("XYZ".index(axis) for axis in order)
    hand = 1.0 if (j - i) % 3 == 1 else -1.0  # of the axes in this order
    m = np.asarray(matrices, float)
    if not len(m):
        return np.empty((*m.shape[:-2], 3))
    first = np.degrees(np.arctan2(-m[..., j, k], m[..., k, k]))
    cosine = np.hypot(m[..., i, j], m[..., i, i])
    middle = np.degrees(np.arctan2(m[..., i, k], cosine))
    last = np.degrees(np.arctan2(-m[..., i, j], m[..., i, i]))
    joint_turn = np.degrees(np.arctan2(m[..., k, j], m[..., j, j]))  # at a pole: first + sign of the middle * last
    at_pole = cosine < _POLE_COSINE
    plain = np.stack([first, middle, last], axis=-1)
    joints = np.flatnonzero(at_pole.any(axis=0))
    out = _nearest(plain, bounded)
    for joint in joints:  # seldom: there each frame waits for the one before
        out[:, joint] = _through_poles(plain[:, joint], at_pole[:, joint], joint_turn[:, joint], bounded)
    return hand * out


def _nearest(plain: np.ndarray, bounded: bool) -> np.ndarray:
    """(N, J, 3) triples with the middle within +-90 -> of each and its equivalent the one nearer to the frame before."""
    chosen = plain
    if not bounded:
        # The equivalent triples of two frames are as far apart as the plain ones: only changes from one to the other count.
        changes = _square_distance(_equivalent(plain[1:]), plain[:-1]) < _square_distance(plain[1:], plain[:-1])
        is_other = np.concatenate([np.zeros((1, plain.shape[1]), bool), np.cumsum(changes, axis=0) % 2 == 1])
        chosen = np.where(is_other[..., None], _equivalent(plain), plain)
    return np.unwrap(chosen, axis=0, period=360.0)


def _through_poles(plain: np.ndarray, at_pole: np.ndarray, joint_turn: np.ndarray, bounded: bool) -> np.ndarray:
    """As `_nearest`, of one joint (N, 3), whose first angle stays where it was while it is at a pole."""
    out = np.empty_like(plain)
    previous = np.zeros(3)
    for n, triple in enumerate(plain):
        if at_pole[n]:
            sign = 1.0 if triple[1] > 0 else -1.0
            triple = np.array([previous[0], triple[1], sign * (joint_turn[n] - previous[0])])
        candidates = [triple] if bounded or n == 0 else [triple, _equivalent(triple)]
        near = [c - 360 * np.round((c - previous) / 360) for c in candidates]
        if n == 0 or bounded:
            near = [np.array([near[0][0], triple[1], near[0][2]])]
        out[n] = previous = min(near, key=lambda c: float(((c - previous) ** 2).sum()))
    return out


def _equivalent(triples: np.ndarray) -> np.ndarray:
    """The other triple, up to whole turns, that means the same rotation."""
    return triples * (1.0, -1.0, 1.0) + 180.0


def _square_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    difference = one - other
    return ((difference - 360 * np.round(difference / 360)) ** 2).sum(-1)


def matrices_from_euler(angles_deg: np.ndarray, order: str = "ZXY") -> np.ndarray:
    """(..., 3) degrees in ``order`` -> (..., 3, 3) matrices."""
    flat = Rotation.from_euler(order, np.reshape(angles_deg, (-1, 3)), degrees=True).as_matrix()
    return flat.reshape(*np.shape(angles_deg)[:-1], 3, 3)
