"""Uneven samples with holes -> a steady frame rate: linear for points, slerp for rotations, and what stands in long holes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

_SNAP_S = 1e-6  # a sample this close to a frame's time is on it, so that rounding never picks the wrong neighbour
_RUN_OUT_S = 0.12  # a motion that is lost runs on for so long, as far as it would have come in this time
_SPEED_S = 0.15  # over which the motion at the edge of a hole is measured


class Bracket(NamedTuple):
    """Where each wanted time lies among the samples.

    lower, upper: (N,) samples before and after it.
    share:        (N,) weight of ``upper``, 0..1.
    held:         (N,) True where nothing was measured near: in holes that are not bridged, before the first, after the last.
    out_s, in_s:  (N,) how far the motion before the hole has run on, how far the motion after it is still to come, in seconds
                  of it; 0 outside of holes that are eased.
    """

    lower: np.ndarray
    upper: np.ndarray
    share: np.ndarray
    held: np.ndarray
    out_s: np.ndarray
    in_s: np.ndarray


def frame_times(start_s: float, end_s: float, fps: float) -> np.ndarray:
    """(N,) seconds of the frames at ``start_s``, ``start_s + 1/fps``, ... up to ``end_s``; at least one."""
    count = int(np.floor((end_s - start_s) * fps + 1e-3)) + 1
    return start_s + np.arange(max(count, 1)) / fps


def bracket(
    sample_s: np.ndarray, wanted_s: np.ndarray, max_gap_s: float, bridged: np.ndarray | None = None, *, ease: bool = False
) -> Bracket:
    """Find the neighbours of ``wanted_s`` (N,) in the increasing, non-empty ``sample_s`` (K,).

    bridged: (K - 1,) which holes are crossed in even steps; by default those of at most ``max_gap_s``.
    ease:    in the others the motion runs out, goes over to what comes next, and takes up its motion; False holds the earlier
             sample. Before the first and after the last, that one stands.
    """
    last = len(sample_s) - 1
    lower = np.clip(np.searchsorted(sample_s, wanted_s + _SNAP_S, side="right") - 1, 0, last)
    upper = np.minimum(lower + 1, last)
    gap = sample_s[upper] - sample_s[lower]
    since = wanted_s - sample_s[lower]
    between = (gap > 0) & (since >= -2 * _SNAP_S)
    inside = between & (gap <= max_gap_s + _SNAP_S if bridged is None else np.append(bridged, False)[lower])
    share = np.clip(since / np.where(gap > 0, gap, 1.0), 0.0, 1.0)
    eased = between & ~inside if ease else np.zeros(len(wanted_s), bool)
    run_out = np.where(eased, _run_out(since), 0.0), np.where(eased, _run_out(gap - since), 0.0)
    share = np.where(inside, share, np.where(eased, _smootherstep(share), 0.0))
    return Bracket(lower, upper, share, ~inside & (np.abs(since) > 2 * _SNAP_S), *run_out)


def resample_points(points: np.ndarray, at: Bracket, sample_s: np.ndarray | None = None) -> np.ndarray:
    """(K, C) samples -> (N, C), linear. ``sample_s`` (K,): their times, needed where holes are eased."""
    share = at.share[:, None]
    start, end = points[at.lower], points[at.upper]
    if sample_s is not None and at.out_s.any():
        before, after = _neighbours(sample_s)
        start = start + at.out_s[:, None] * _slope(points, sample_s, before, np.arange(len(points)))[at.lower]
        end = end - at.in_s[:, None] * _slope(points, sample_s, np.arange(len(points)), after)[at.upper]
    return (1 - share) * start + share * end


def resample_rotations(rotations: Rotation, at: Bracket, sample_s: np.ndarray | None = None) -> Rotation:
    """K rotations -> N, along the shortest arc. ``sample_s`` (K,): their times, needed where holes are eased."""
    start, end = rotations[at.lower], rotations[at.upper]
    eased = np.flatnonzero((at.out_s > 0) | (at.in_s > 0))
    if sample_s is not None and len(eased):
        before, after = _neighbours(sample_s)
        lower, upper = at.lower[eased], at.upper[eased]
        start_q, end_q = start.as_quat(), end.as_quat()
        start_q[eased] = (start[eased] * _turned(rotations, sample_s, before[lower], lower, at.out_s[eased])).as_quat()
        end_q[eased] = (end[eased] * _turned(rotations, sample_s, upper, after[upper], -at.in_s[eased])).as_quat()
        start, end = Rotation.from_quat(start_q), Rotation.from_quat(end_q)
    turn = (start.inv() * end).as_rotvec()
    return start * Rotation.from_rotvec(at.share[:, None] * turn)


def _smootherstep(x: np.ndarray) -> np.ndarray:
    return x**3 * (10 + x * (6 * x - 15))


def _run_out(since_s: np.ndarray) -> np.ndarray:
    return _RUN_OUT_S * -np.expm1(-np.maximum(since_s, 0.0) / _RUN_OUT_S)


def _neighbours(sample_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(K,), (K,) the samples from and to which the motion at each sample is measured: itself where there is none near."""
    count = len(sample_s)
    before = np.searchsorted(sample_s, sample_s - _SPEED_S - _SNAP_S)
    after = np.searchsorted(sample_s, sample_s + _SPEED_S + _SNAP_S, side="right") - 1
    return np.minimum(before, np.arange(count)), np.maximum(after, np.arange(count))


def _slope(points: np.ndarray, sample_s: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """(K, C) change of the points per second from each ``first`` to its ``last``."""
    seconds = sample_s[last] - sample_s[first]
    return (points[last] - points[first]) / np.where(seconds > 0, seconds, 1.0)[:, None]


def _turned(rotations: Rotation, sample_s: np.ndarray, first: np.ndarray, last: np.ndarray, by_s: np.ndarray) -> Rotation:
    """The turns that a motion from each ``first`` to its ``last`` makes in ``by_s`` seconds."""
    seconds = sample_s[last] - sample_s[first]
    turn = (rotations[first].inv() * rotations[last]).as_rotvec()
    return Rotation.from_rotvec(turn * (by_s / np.where(seconds > 0, seconds, 1.0))[:, None])
