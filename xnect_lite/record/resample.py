"""Uneven samples with holes -> a steady frame rate: linear for points, slerp for rotations, held poses in long holes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

_SNAP_S = 1e-6  # a sample this close to a frame's time is on it, so that rounding never picks the wrong neighbour


class Bracket(NamedTuple):
    """Where each wanted time lies among the samples.

    lower, upper: (N,) samples before and after it.
    share:        (N,) weight of ``upper``, 0..1.
    held:         (N,) True where the nearest earlier sample (or the first, before the start) is merely repeated.
    """

    lower: np.ndarray
    upper: np.ndarray
    share: np.ndarray
    held: np.ndarray


def frame_times(start_s: float, end_s: float, fps: float) -> np.ndarray:
    """(N,) seconds of the frames at ``start_s``, ``start_s + 1/fps``, ... up to ``end_s``; at least one."""
    count = int(np.floor((end_s - start_s) * fps + 1e-3)) + 1
    return start_s + np.arange(max(count, 1)) / fps


def bracket(sample_s: np.ndarray, wanted_s: np.ndarray, max_gap_s: float) -> Bracket:
    """Find the neighbours of ``wanted_s`` (N,) in the increasing, non-empty ``sample_s`` (K,).

    Between samples more than ``max_gap_s`` apart the earlier one is held; before the first and after the last, that one.
    """
    last = len(sample_s) - 1
    lower = np.clip(np.searchsorted(sample_s, wanted_s + _SNAP_S, side="right") - 1, 0, last)
    upper = np.minimum(lower + 1, last)
    gap = sample_s[upper] - sample_s[lower]
    since = wanted_s - sample_s[lower]
    inside = (gap > 0) & (gap <= max_gap_s + _SNAP_S) & (since >= -2 * _SNAP_S)
    share = np.where(inside, np.clip(since / np.where(inside, gap, 1.0), 0.0, 1.0), 0.0)
    return Bracket(lower, upper, share, ~inside & (np.abs(since) > 2 * _SNAP_S))


def resample_points(points: np.ndarray, at: Bracket) -> np.ndarray:
    """(K, C) samples -> (N, C), linear."""
    share = at.share[:, None]
    return (1 - share) * points[at.lower] + share * points[at.upper]


def resample_rotations(rotations: Rotation, at: Bracket) -> Rotation:
    """K rotations -> N, along the shortest arc."""
    start = rotations[at.lower]
    turn = (start.inv() * rotations[at.upper]).as_rotvec()
    return start * Rotation.from_rotvec(at.share[:, None] * turn)
