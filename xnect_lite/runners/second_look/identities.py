"""One person under two numbers: joined where time, place and clothes say so, past and future known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from xnect_lite.stages.filtering import torso_length_px
from xnect_lite.stages.tracking.clothing import clothing_distance

_LONGEST_S = 3.0  # of an absence that place alone bridges
_REACH = 1.0  # torso lengths that somebody may be off the straight way, at once
_REACH_PER_S = 1.5  # and more for every second of absence
_ALIKE = 0.25  # difference of clothes up to which two may be the same person
_SPEED_S = 0.4  # over which speed is measured at the ends
_SIZE = 1.4  # times larger or smaller than this within an absence is somebody else


@dataclasses.dataclass(frozen=True)
class Stay:
    """Somebody under one number: t_s (F,) increasing, joints_px (F, 24, 2), clothes (2, 3), NaN = not known, and the shot."""

    t_s: np.ndarray
    joints_px: np.ndarray
    clothes: np.ndarray
    shot: int = 0


def joined(stays: Mapping[int, Stay]) -> dict[int, int]:
    """Number -> the earlier number of the same person, for those that are to be renamed.

    Best pairs first; nobody is continued twice, and nobody across a cut, where places mean nothing.
    """
    pairs = []
    for first, before in stays.items():
        for second, after in stays.items():
            cost = _cost(before, after) if first != second else np.inf
            if np.isfinite(cost):
                pairs.append((cost, first, second))
    continued, begun, names = set[int](), set[int](), dict[int, int]()
    for _, first, second in sorted(pairs):
        if first not in continued and second not in begun:
            continued.add(first)
            begun.add(second)
            names[second] = first
    return {second: _root(names, second) for second in names}


def _root(names: Mapping[int, int], identity: int) -> int:
    while identity in names:
        identity = names[identity]
    return identity


def _cost(before: Stay, after: Stay) -> float:
    """How far, in torso lengths, ``after`` begins from where ``before`` was going, and how many seconds later; infinity if it
    cannot be the same person."""
    gap_s = float(after.t_s[0] - before.t_s[-1])
    if not 0 < gap_s <= _LONGEST_S or before.shot != after.shot:
        return np.inf
    unlike = float(clothing_distance(before.clothes[None], after.clothes[None])[0, 0])
    if unlike > _ALIKE:  # False where clothes are not known: place has to do
        return np.inf
    sizes = [float(np.median(torso_length_px(px))) for px in (before.joints_px[-10:], after.joints_px[:10])]
    if max(sizes) > _SIZE * min(sizes):
        return np.inf
    (start, leaving), (end, coming) = _end(before, -1), _end(after, 0)
    middle = start + leaving * gap_s / 2, end - coming * gap_s / 2  # both go half the way
    away = min(np.linalg.norm(middle[0] - middle[1]), np.linalg.norm(start - end)) / (sum(sizes) / 2)
    limit = _REACH + _REACH_PER_S * gap_s
    return float(away) + gap_s if away < (limit if np.isfinite(unlike) else limit / 2) else np.inf


def _end(stay: Stay, at: int) -> tuple[np.ndarray, np.ndarray]:
    """(2,) the middle of somebody at the first (0) or the last frame (-1), and (2,) how it moves there, pixels a second."""
    near = np.abs(stay.t_s - stay.t_s[at]) <= _SPEED_S
    middles, t_s = np.nanmedian(stay.joints_px[near], axis=1), stay.t_s[near]
    elapsed = float(t_s[-1] - t_s[0])
    return middles[at], (middles[-1] - middles[0]) / elapsed if elapsed > 0 else np.zeros(2)
