"""One-euro smoothing on real time stamps: still people are steady, quick ones are not delayed.

Casiez, Roussel, Vogel: "1€ Filter", CHI 2012. The cut-off frequency grows with the speed of the signal.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from xnect_lite.config import FilterConfig
from xnect_lite.skeleton import INDEX, joint_box
from xnect_lite.types import People

_STRONGEST = 0.05  # of the cut-offs, at smoothing 1
_FORGET_S = 2.0  # a person unseen for longer starts afresh
_TORSO_DIAGONALS = ((INDEX["r_shoulder"], INDEX["l_hip"]), (INDEX["l_shoulder"], INDEX["r_hip"]))
_TORSO_OF_EXTENT = 0.35  # torso diagonal of a standing person, relative to the diagonal of the box around the joints


class OneEuro:
    """One-euro filter of an array; every element is a signal of its own, with its own time of the last sample.

    min_cutoff_hz  cut-off of a signal at rest; lower is steadier.
    beta           hertz of cut-off gained per unit of speed (unit of the signal per second).
    d_cutoff_hz    cut-off of the speed estimate.
    vectors        True = the last axis holds the coordinates of a vector: the speed is the length of its velocity, so the
                   answer does not depend on the direction of the axes.

    NaN passes through and leaves the state as it is: after a gap the filter goes on with the true time elapsed.
    """

    def __init__(self, min_cutoff_hz: float, beta: float, d_cutoff_hz: float = 1.0, *, vectors: bool = False) -> None:
        self._min_cutoff_hz, self._beta, self._d_cutoff_hz = min_cutoff_hz, beta, d_cutoff_hz
        self._vectors = vectors
        self.reset()

    def reset(self) -> None:
        """Forget every sample."""
        self._value: np.ndarray | None = None

    def select(self, rows: np.ndarray) -> None:
        """Rearrange the state along the first axis: new row i goes on from old row ``rows[i]``, or afresh where that is -1."""
        if self._value is None:
            return
        fresh = rows < 0
        for name in ("_value", "_speed", "_time_s", "_interval_s"):
            old = getattr(self, name)
            new = old[rows] if len(old) else np.empty((len(rows), *old.shape[1:]))
            new[fresh] = np.nan
            setattr(self, name, new)

    def __call__(self, values: ArrayLike, t_s: float, speed_scale: ArrayLike = 1.0) -> np.ndarray:
        """Filtered ``values``, same shape and (floating) type; the shape may not change between calls.

        ``speed_scale`` (broadcast against ``values``) turns their speed into the unit of ``beta``. If time does not
        increase, the interval before is assumed.
        """
        values = np.asarray(values)
        kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
        sample = values.astype(np.float64)
        if self._value is None:
            self._value, self._speed, self._time_s, self._interval_s = (np.full(sample.shape, np.nan) for _ in range(4))
        given = ~np.isnan(sample)
        known = ~np.isnan(self._value)

        elapsed_s = t_s - self._time_s
        interval_s = np.where(elapsed_s > 0, elapsed_s, self._interval_s)
        step = np.where(np.isnan(interval_s), 0.0, (sample - self._value) / interval_s)  # no interval: no speed to see
        speed = np.where(known, _low_pass(step, self._speed, self._d_cutoff_hz, interval_s), 0.0)
        magnitude = np.linalg.norm(np.nan_to_num(speed), axis=-1, keepdims=True) if self._vectors else np.abs(speed)
        cutoff_hz = self._min_cutoff_hz + self._beta * magnitude * np.asarray(speed_scale, np.float64)
        smooth = np.where(known, _low_pass(sample, self._value, cutoff_hz, interval_s), sample)

        self._value = np.where(given, smooth, self._value)
        self._speed = np.where(given, speed, self._speed)
        self._interval_s = np.where(given, interval_s, self._interval_s)
        self._time_s = np.where(given, t_s, self._time_s)
        return np.where(given, smooth, np.nan).astype(kind)


def cutoff_factor(smoothing: float) -> float:
    """What ``smoothing``, the users' one value from 0 to 1, does to cut-offs: infinity at 0, 1 at 0.5, a twentieth at 1."""
    return np.inf if smoothing <= 0 else max((1.0 - smoothing) / smoothing, _STRONGEST)


def second_pass(
    values: np.ndarray, t_s: np.ndarray, min_cutoff_hz: float, beta: float, speed_scale: ArrayLike = 1.0
) -> np.ndarray:
    """Filter what a one-euro filter gave once more, backwards in time, so that the lags of both passes cancel.

    ``values`` (F, ..., C) of vectors with C coordinates, at increasing times ``t_s`` (F,); NaN stays NaN. For recordings
    only: the answer at a moment depends on what comes after it.
    """
    backwards = OneEuro(min_cutoff_hz, beta, vectors=True)
    out = np.empty_like(values)
    for f in range(len(values) - 1, -1, -1):
        out[f] = backwards(values[f], -float(t_s[f]), speed_scale)
    return out


def _low_pass(sample: np.ndarray, before: np.ndarray, cutoff_hz: np.ndarray | float, interval_s: np.ndarray) -> np.ndarray:
    """Exponential smoothing; where the interval is unknown, as before."""
    turn = 2 * np.pi * cutoff_hz * interval_s
    alpha = np.where(np.isnan(interval_s), 0.0, turn / (1.0 + turn))
    return alpha * sample + (1.0 - alpha) * before


class PoseFilter:
    """Smooths `joints_px`, `joints_mm` and `root_cam_mm` of everybody, each id by itself.

    Args:
        config: how strongly.
    """

    def __init__(self, config: FilterConfig | None = None) -> None:
        self._config = config or FilterConfig()
        self._factor = cutoff_factor(self._config.smoothing)
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        c, k = self._config, self._factor if np.isfinite(self._factor) else 0.0
        self._joints_px = OneEuro(k * c.min_cutoff_2d_hz, k * c.beta_2d, vectors=True)
        self._joints_mm = OneEuro(k * c.min_cutoff_3d_hz, k * c.beta_3d, vectors=True)
        self._root_cam_mm = OneEuro(k * c.min_cutoff_root_hz, k * c.beta_root, vectors=True)
        self._ids = np.zeros(0, np.int64)
        self._seen_s = np.zeros(0)

    def update(self, people: People, t_s: float) -> People:
        """The people of the frame at ``t_s`` seconds, smoothed; what is NaN stays NaN, who has no id (0) stays as is.

        An id unseen for more than 2 s starts afresh, as does everybody if time jumps back by more than that. A smaller
        step back counts as one interval more.

        Args:
            people: with their ids.
            t_s: seconds, time of the frame.
        """
        if not self._config.enabled or np.isinf(self._factor) or not len(people):
            return people
        slots = self._slots(people.ids[people.ids > 0], t_s)
        rows = people.ids > 0
        known = people.take(rows)
        smooth = {
            "joints_px": self._filter(self._joints_px, known.joints_px, slots, t_s, 1 / torso_length_px(known.joints_px)),
            "joints_mm": self._filter(self._joints_mm, known.joints_mm, slots, t_s, np.full(len(known), 1e-3)),
            "root_cam_mm": self._filter(self._root_cam_mm, known.root_cam_mm, slots, t_s, np.full(len(known), 1e-3)),
        }
        changed = {}
        for name, values in smooth.items():
            changed[name] = getattr(people, name).copy()
            changed[name][rows] = values
        return dataclasses.replace(people, **changed)

    def _slots(self, ids: np.ndarray, t_s: float) -> np.ndarray:
        """Row of the filters' state that each id has, after the long unseen were forgotten and the new were added."""
        kept = np.flatnonzero(np.abs(t_s - self._seen_s) <= _FORGET_S)
        new = np.setdiff1d(ids, self._ids[kept])
        if len(new) or len(kept) < len(self._ids):
            order = np.concatenate([kept, np.full(len(new), -1, kept.dtype)])
            for one_euro in (self._joints_px, self._joints_mm, self._root_cam_mm):
                one_euro.select(order)
            self._ids = np.concatenate([self._ids[kept], new])
            self._seen_s = np.concatenate([self._seen_s[kept], np.full(len(new), t_s)])
        by_id = np.argsort(self._ids)
        slots = by_id[np.searchsorted(self._ids, ids, sorter=by_id)]
        self._seen_s[slots] = t_s
        return slots

    def _filter(self, one_euro: OneEuro, values: np.ndarray, slots: np.ndarray, t_s: float, scale: np.ndarray) -> np.ndarray:
        """``values`` (P, ...) of the ids in ``slots``, filtered; everybody else is NaN to the filter, which waits for them."""
        everybody = np.full((len(self._ids), *values.shape[1:]), np.nan, values.dtype)
        everybody[slots] = values
        scales = np.ones((len(self._ids), *[1] * (values.ndim - 1)))
        scales[slots] = scale.reshape(-1, *[1] * (values.ndim - 1))
        return one_euro(everybody, t_s, scales)[slots]


def torso_length_px(joints_px: np.ndarray) -> np.ndarray:
    """(P,) shoulder to opposite hip, pixels, the longer of the two; never less than a seventh of the person's box.

    ``joints_px`` is (P, 24, 2). Someone without a torso in view has the length that goes with the box; at least 1.
    """
    low, high = joint_box(joints_px)
    extent = high - low
    box = np.linalg.norm(np.where(np.isfinite(extent), extent, 0.0), axis=-1)
    diagonals = np.stack([np.linalg.norm(joints_px[:, a] - joints_px[:, b], axis=-1) for a, b in _TORSO_DIAGONALS], -1)
    longest = np.where(np.isnan(diagonals), -np.inf, diagonals).max(-1)
    torso = np.where(np.isfinite(longest), np.maximum(longest, box / 7), _TORSO_OF_EXTENT * box)
    return np.maximum(torso, 1.0)
