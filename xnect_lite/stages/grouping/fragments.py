"""Parts of one person that no limb ties together: a trunk whose middle was not found, a head without its neck.

Two parts are joined only if they share no joint type and each says the same of the trunk: the centre map has one peak per
person halfway between shoulders and hips, and the head stands where the line from that centre through the shoulders leads.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from xnect_lite.skeleton import CANONICAL_BONE_M, INDEX, TORSO

_SHOULDERS, _HIPS = TORSO[:2], TORSO[2:]
_HEAD = np.array([INDEX[name] for name in ("head_top", "head", "nose", "r_ear", "l_ear")])
_BODY = np.array([j for j in INDEX.values() if j not in _HEAD])

_HALF_TRUNK_M = 0.5 * (CANONICAL_BONE_M[INDEX["spine"]] + CANONICAL_BONE_M[INDEX["neck"]])
_HEAD_BEYOND = (CANONICAL_BONE_M[INDEX["head"]] + 0.3 * CANONICAL_BONE_M[INDEX["head_top"]]) / _HALF_TRUNK_M
"""How far beyond the shoulders the middle of the head is, in distances from the person's centre to the shoulders."""
_HEAD_REACH = 1.0  # in the same unit: how far off that place a head may be, as necks bend
_CENTRE_REACH = 0.15  # of shoulders to hips: how far off a peak of the centre map may be
_HALF = 2  # so many shoulders and hips, or fewer, are only a part of a trunk
_LEAST_REACH_MAP = 1.5  # cells


def join_fragments(rows: np.ndarray, xy_map: np.ndarray, centres_map: np.ndarray) -> np.ndarray:
    """Join rows that are parts of one person.

    rows (P, 24) peak index per joint, -1 = none. xy_map (24, K, 2) the peaks, centres_map (C, 2) peaks of the centre map,
    both in map cells. Returns (Q, 24) with Q <= P; every peak stays with one row.
    """
    if len(rows) < 2:
        return rows
    rows = _join(rows, *_trunks(rows, _places(rows, xy_map), centres_map))
    return _join(rows, *_heads(rows, _places(rows, xy_map), centres_map))


def _places(rows: np.ndarray, xy_map: np.ndarray) -> np.ndarray:
    """(P, 24, 2) where the joints of each row are, NaN = not found."""
    xy = xy_map[np.arange(rows.shape[1]), np.maximum(rows, 0)]
    return np.where((rows >= 0)[..., None], xy, np.nan)


def _middle(joints_map: np.ndarray, of: np.ndarray) -> np.ndarray:
    """(..., 2) mean of those of these joints (..., 24, 2) that were found, NaN = none."""
    known = np.isfinite(joints_map[..., of, :])
    total = np.where(known, joints_map[..., of, :], 0.0).sum(-2)
    count = known.sum(-2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _free_centres(joints_map: np.ndarray, centres_map: np.ndarray) -> np.ndarray:
    """(C', 2) peaks of the centre map that are no whole trunk's."""
    trunks = joints_map[np.isfinite(joints_map[:, TORSO, 0]).sum(1) > _HALF]
    shoulders, hips = _middle(trunks, _SHOULDERS), _middle(trunks, _HIPS)
    reach = np.maximum(_LEAST_REACH_MAP, 2 * _CENTRE_REACH * np.linalg.norm(shoulders - hips, axis=1))
    off = np.linalg.norm(0.5 * (shoulders + hips)[:, None] - centres_map[None], axis=-1)
    return centres_map[~(off < reach[:, None]).any(0)]


def _trunks(rows: np.ndarray, joints_map: np.ndarray, centres_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose shoulders and hips make a trunk together: a peak of the centre map, no one else's, is in its middle."""
    has = np.isfinite(joints_map[:, TORSO, 0]).sum(1)
    parts = np.flatnonzero((has > 0) & (has <= _HALF))
    centres_map = _free_centres(joints_map, centres_map)
    if len(parts) < 2 or not len(centres_map):
        return parts[:0], parts[:0]
    one, other = (parts[i] for i in np.triu_indices(len(parts), 1))
    both = np.where(np.isfinite(joints_map[one]), joints_map[one], joints_map[other])
    shoulders, hips = _middle(both, _SHOULDERS), _middle(both, _HIPS)
    off = np.linalg.norm(0.5 * (shoulders + hips)[:, None] - centres_map, axis=-1).min(1)
    cost = off / np.maximum(_LEAST_REACH_MAP, _CENTRE_REACH * np.linalg.norm(shoulders - hips, axis=1))
    cost[((rows[one] >= 0) & (rows[other] >= 0)).any(1)] = np.nan
    chosen: list[int] = []
    for pair in np.argsort(cost):  # best first; NaN goes last
        if not cost[pair] < 1.0:
            break
        if not {one[pair], other[pair]} & {*one[chosen], *other[chosen]}:
            chosen.append(int(pair))
    return one[chosen], other[chosen]


def _heads(rows: np.ndarray, joints_map: np.ndarray, centres_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows with shoulders but no head, and rows that are nothing but a head, where the trunk leads to it."""
    found = rows >= 0
    shoulders, hips = _middle(joints_map, _SHOULDERS), _middle(joints_map, _HIPS)
    bodies = np.flatnonzero(np.isfinite(shoulders[:, 0]) & ~found[:, _HEAD].any(1))
    heads = np.flatnonzero(found[:, _HEAD].any(1) & ~found[:, _BODY].any(1))
    if not len(bodies) or not len(heads):
        return bodies[:0], heads[:0]
    shoulders = shoulders[bodies]
    centre = 0.5 * (shoulders + hips[bodies])
    free = _free_centres(joints_map, centres_map)
    if len(free):  # hips not found: the nearest centre that is nobody else's
        nearest = free[np.linalg.norm(shoulders[:, None] - free, axis=-1).argmin(1)]
        centre = np.where(np.isfinite(centre), centre, nearest)
    up = shoulders - centre
    reach = np.maximum(_LEAST_REACH_MAP, _HEAD_REACH * np.linalg.norm(up, axis=1))
    off = np.linalg.norm((shoulders + _HEAD_BEYOND * up)[:, None] - _middle(joints_map, _HEAD)[heads], axis=-1)
    return _assign(rows, bodies, heads, off / reach[:, None])


def _assign(rows: np.ndarray, one: np.ndarray, other: np.ndarray, cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows with the least total cost; those that cost 1 or more, or share a joint type, stay apart."""
    shared = ((rows[one] >= 0)[:, None] & (rows[other] >= 0)[None]).any(-1)
    cost = np.where(shared | ~(cost < 1.0), 1.0, cost)
    a, b = linear_sum_assignment(cost)
    good = cost[a, b] < 1.0
    return one[a[good]], other[b[good]]


def _join(rows: np.ndarray, into: np.ndarray, from_: np.ndarray) -> np.ndarray:
    """``rows`` with each of ``from_`` added to its partner in ``into``."""
    if not len(into):
        return rows
    rows = rows.copy()
    rows[into] = np.maximum(rows[into], rows[from_])
    return np.delete(rows, from_, axis=0)
