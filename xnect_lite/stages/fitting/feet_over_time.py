"""The feet of a whole recording: what rests is held where it is on average while it does, and the body follows smoothly.

As `feet`, with past and future known alike: nothing is let go too late or held too early.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from xnect_lite.stages.fitting.feet import FEET, believed, mean_shift, resting
from xnect_lite.stages.fitting.legs import reach
from xnect_lite.stages.fitting.tree import place_joints

_HOLE_S = 0.25  # nothing is held across frames farther apart
_OVER_S, _BODY_OVER_S = 0.1, 0.25  # before and after, over which speeds of feet and body are measured
_RESTS_S, _MOVES_S = 2.0, 0.06  # a foot's place is a mean over so long while it rests, and while it does not
_ACROSS_S, _DEPTH_S = 0.15, 0.1  # how smoothly the body follows its feet across the picture, and away from the camera
_BODY = 0.2  # what the body's own place counts against that of a foot that rests
_ROUNDS = 2  # the second lets go of feet that the first holds too far off


def hold_feet_over_time(
    local: np.ndarray, lengths_mm: np.ndarray, root_mm: np.ndarray, rays: np.ndarray, t_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F, J, 3, 3) and roots (F, 3) of one person at increasing times ``t_s`` (F,), with feet that rest held.

    lengths_mm (F, 24); rays (F, 24, 2) right and down over depth, as joints are seen; root in upright axes.
    """
    out_local, out_root = local.copy(), root_mm.copy()
    for part in np.split(np.arange(len(t_s)), np.flatnonzero(np.diff(t_s) > _HOLE_S) + 1):
        if len(part) > 2:
            out_local[part], out_root[part] = _hold(*(values[part] for values in (local, lengths_mm, root_mm, rays, t_s)))
    return out_local, out_root


def _hold(
    local: np.ndarray, lengths_mm: np.ndarray, root_mm: np.ndarray, rays: np.ndarray, t_s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    interval_s = float(np.median(np.diff(t_s)))
    place = (place_joints(local, lengths_mm) + root_mm[:, None])[:, FEET]  # (F, 2, 2, 3)
    seen = resting(_speed(rays[:, FEET], -root_mm[:, 2], t_s), _along(rays[:, FEET], -root_mm[:, 2], t_s))
    rests = seen
    for _ in range(_ROUNDS):
        held = _mean_while_resting(place, rests, interval_s)
        root = _followed(root_mm, *mean_shift(held - place, rests), interval_s)
        off = np.linalg.norm(held - place - (root - root_mm)[:, None, None], axis=-1)
        rests = seen * believed(off)
    return reach(local, lengths_mm, held - root[:, None, None]), root


def _speed(rays: np.ndarray, depth_mm: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """(F, 2, 2) mm/s across the picture, by how far apart each foot (F, 2, 2, 2) is at most around each frame."""
    first, last = _around(t_s, _OVER_S)
    span = np.stack([np.ptp(rays[a : b + 1], axis=0) for a, b in zip(first, last, strict=True)])
    return np.linalg.norm(span, axis=-1) * (depth_mm / (t_s[last] - t_s[first]))[:, None, None]


def _along(rays: np.ndarray, depth_mm: np.ndarray, t_s: np.ndarray) -> np.ndarray:
    """(F, 2, 2) mm/s across the picture that feet would have which come nearer, or go away, with the body."""
    first, last = _around(t_s, _BODY_OVER_S)
    speed = np.abs(depth_mm[last] - depth_mm[first]) / (t_s[last] - t_s[first])
    return np.linalg.norm(rays, axis=-1) * speed[:, None, None]


def _around(t_s: np.ndarray, over_s: float) -> tuple[np.ndarray, np.ndarray]:
    """(F,) first and last frame within ``over_s`` of each, never the same."""
    frame = np.arange(len(t_s))
    first = np.minimum(np.searchsorted(t_s, t_s - over_s - 1e-6), np.maximum(frame - 1, 0))
    last = np.maximum(np.searchsorted(t_s, t_s + over_s + 1e-6) - 1, np.minimum(frame + 1, len(t_s) - 1))
    return first, last


def _mean_while_resting(place_mm: np.ndarray, rests: np.ndarray, interval_s: float) -> np.ndarray:
    """Feet (F, 2, 2, 3), each drawn to where it was and will be by as much as it rests (F, 2, 2)."""
    over_s = _MOVES_S ** (1 - rests) * _RESTS_S**rests
    ties = (np.minimum(over_s[1:], over_s[:-1]) / interval_s) ** 2
    out = np.empty_like(place_mm)
    for foot in np.ndindex(2, 2):
        at, tie = (slice(None), *foot), ties[(slice(None), *foot)]
        out[at] = _solve([1.0 + np.r_[tie, 0.0] + np.r_[0.0, tie], -tie], place_mm[at])
    return out


def _followed(root_mm: np.ndarray, shift_mm: np.ndarray, sure: np.ndarray, interval_s: float) -> np.ndarray:
    """(F, 3) roots that go along with a shift (F, 3) of the feet, as surely (F,) as any rests.

    How far away somebody is is what feet are held for most, and changes smoothly; across the picture, the shift does.
    """
    distance = np.linalg.norm(root_mm, axis=1)
    sight = root_mm / np.maximum(distance, 1e-9)[:, None]
    along = (shift_mm * sight).sum(1)
    across = _smooth(shift_mm - along[:, None] * sight, sure, 0.0, _ACROSS_S / interval_s)
    away = _smooth((distance + along)[:, None], sure, distance[:, None], _DEPTH_S / interval_s)[:, 0]
    return root_mm + across - (across * sight).sum(1)[:, None] * sight + (away - distance)[:, None] * sight


def _smooth(wanted: np.ndarray, weight: np.ndarray, usual: np.ndarray | float, frames: float) -> np.ndarray:
    """(F, C) near ``wanted`` by ``weight`` (F,), near ``usual`` by `_BODY`, and bent little over so many frames."""
    count, stiff = len(wanted), frames**4
    bent = np.zeros(count)  # in how many second differences a frame has a part, by its factor's square
    for offset, factor in enumerate((1.0, -2.0, 1.0)):
        bent[offset : count - 2 + offset] += factor**2
    beside = np.full(count - 1, -4.0)
    beside[[0, -1]] = -2.0
    total = weight[:, None] * wanted + _BODY * usual
    diagonals = [weight + _BODY + stiff * bent, stiff * beside, np.full(count - 2, stiff)]
    return _solve(diagonals, np.broadcast_to(total, wanted.shape))


def _solve(diagonals: list[np.ndarray], right: np.ndarray) -> np.ndarray:
    """x (F, C) of A x = right, A symmetric and positive with these diagonals: the main one and those above it."""
    banded = np.zeros((len(diagonals), len(right)))
    for above, values in enumerate(diagonals):
        banded[above, : len(values)] = values
    return solveh_banded(banded, right, lower=True)
