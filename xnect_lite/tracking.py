"""Who is who from frame to frame: lasting identities through crossings and short absences.

Every track predicts its 2D pose at constant velocity; detections are assigned to tracks all at once (Hungarian) by how
well they fit that prediction and the track's 3D pose. Time is the frames' own, so rates may vary and frames may drop.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

from xnect_lite.config import TrackingConfig
from xnect_lite.skeleton import NUM_JOINTS, OKS_SIGMA
from xnect_lite.types import People

_WEIGHT_3D = 0.3  # share of the 3D pose in the cost, the rest is 2D
_FAR_3D_MM = 300.0  # mean joint distance at which two 3D poses are as different as can be
_SPREAD = 1.5  # OKS fall-offs are widened this much, since a predicted pose is off by more than a labeller
_SPREAD_PER_S = 3.0  # and this much more for every second that a joint was not seen
_LEAST_FALL_OFF = 0.12  # of sqrt(area): a face point is known to a hair, but a turn of the head moves it by inches
_VELOCITY_S = 0.15  # time constant of the velocity estimate
_UNSEEN_WEIGHT = 0.2  # of a joint with a position but no score, in the mean over joints


@dataclasses.dataclass(frozen=True, slots=True)
class _Tracks:
    """Everybody followed, one row each.

    id          (T,) 0 = not confirmed yet.
    pose_px     (T, 24, 2) last known position of each joint, moved along while it is not seen; NaN = never seen.
    seen_s      (T, 24) when each joint was last seen.
    velocity    (T, 2) of the whole body, pixels per second.
    pose_mm     (T, 24, 3) last 3D pose; NaN = none yet.
    born_s, last_s  (T,) first and last time seen.
    sightings   (T,) how often seen.
    """

    id: np.ndarray
    pose_px: np.ndarray
    seen_s: np.ndarray
    velocity: np.ndarray
    pose_mm: np.ndarray
    born_s: np.ndarray
    last_s: np.ndarray
    sightings: np.ndarray

    @classmethod
    def none(cls) -> _Tracks:
        n, j = 0, NUM_JOINTS
        return cls(
            np.zeros(n, np.int64), np.zeros((n, j, 2)), np.zeros((n, j)), np.zeros((n, 2)), np.zeros((n, j, 3)),
            np.zeros(n), np.zeros(n), np.zeros(n, np.int64),
        )  # fmt: skip

    @classmethod
    def born(cls, people: People, t_s: float) -> _Tracks:
        n = len(people)
        pose_px = people.joints_px.astype(np.float64)
        seen_s = np.where(np.isfinite(pose_px).all(-1), t_s, -np.inf)
        times = np.full(n, t_s)
        return cls(
            np.zeros(n, np.int64), pose_px, seen_s, np.zeros((n, 2)), people.joints_mm.astype(np.float64),
            times, times.copy(), np.ones(n, np.int64),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: np.ndarray) -> _Tracks:
        return _Tracks(*(getattr(self, name)[rows] for name in self.__slots__))

    def followed_by(self, other: _Tracks) -> _Tracks:
        return _Tracks(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__slots__))


class Tracker:
    """Gives identities to the people of consecutive frames."""

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self._config = config or TrackingConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everybody: the next identity is 1 again."""
        self._tracks = _Tracks.none()
        self._next_id = 1

    def update(self, people: People, t_s: float) -> People:
        """The people of the frame at ``t_s`` seconds with their ids, in the order given.

        Left out are those without any 2D joint, and those not yet confirmed: first seen less than `confirm_s` ago and
        never with `confirm_score` or more. An id is given when its person is confirmed, and is never given again.
        """
        config = self._config
        people = people.take(np.isfinite(people.joints_px).all(-1).any(-1))
        tracks = self._forget(t_s)
        rows, columns = self._assign(tracks, people, t_s)

        tracks = _observe(tracks, rows, people.take(columns), t_s)
        new = np.setdiff1d(np.arange(len(people)), columns)
        track_of = np.zeros(len(people), np.int64)
        track_of[columns], track_of[new] = rows, len(tracks) + np.arange(len(new))
        tracks = tracks.followed_by(_Tracks.born(people.take(new), t_s))

        sure = people.person_score >= config.confirm_score
        old_enough = t_s - tracks.born_s[track_of] >= config.confirm_s
        confirm = (tracks.id[track_of] == 0) & (sure | old_enough)
        tracks.id[track_of[confirm]] = self._next_id + np.arange(confirm.sum())
        self._next_id += int(confirm.sum())

        self._tracks = tracks
        people = dataclasses.replace(people, ids=tracks.id[track_of])
        return people.take(people.ids > 0)

    def _forget(self, t_s: float) -> _Tracks:
        """Tracks that may still be met again: the unconfirmed are not waited for as long."""
        tracks = self._tracks
        patience_s = np.where(tracks.id > 0, self._config.max_lost_s, min(self._config.confirm_s, self._config.max_lost_s))
        # A slow stream must not lose everybody between two frames: whoever was in the last frame stays for one more.
        in_last_frame = tracks.last_s == tracks.last_s.max(initial=-np.inf)
        recent = np.abs(t_s - tracks.last_s) <= np.where(in_last_frame, self._config.max_lost_s, patience_s)
        return tracks.take(recent)

    def _assign(self, tracks: _Tracks, people: People, t_s: float) -> tuple[np.ndarray, np.ndarray]:
        """Rows of tracks and rows of people that are the same person."""
        gate = self._config.gate
        cost_2d = _cost_2d(tracks, people, t_s)
        cost_3d = _cost_3d(tracks, people)
        cost = np.where(np.isnan(cost_3d), cost_2d, (1 - _WEIGHT_3D) * cost_2d + _WEIGHT_3D * np.nan_to_num(cost_3d))
        # Two people who stand alike have the same 3D pose wherever they are: place must fit by itself.
        # To leave a pair unassigned costs as much as the gate, so a poor match is never forced to make another.
        cost = np.where(cost_2d < gate, np.minimum(cost, gate), gate)
        rows, columns = linear_sum_assignment(cost)
        good = cost[rows, columns] < gate
        return rows[good], columns[good]


def _predict(tracks: _Tracks, t_s: float) -> np.ndarray:
    """(T, 24, 2) where the joints should be now, pixels."""
    elapsed_s = np.maximum(t_s - tracks.last_s, 0.0)
    return tracks.pose_px + (tracks.velocity * elapsed_s[:, None])[:, None]


def _cost_2d(tracks: _Tracks, people: People, t_s: float) -> np.ndarray:
    """(T, P) 1 - object keypoint similarity of each detection to each prediction; 1 if no joint is known of both."""
    predicted = _predict(tracks, t_s)
    unseen_s = np.maximum(t_s - tracks.seen_s, 0.0)
    spread = _SPREAD + _SPREAD_PER_S * np.where(np.isfinite(unseen_s), unseen_s, 0.0)
    fall_off = np.maximum(2 * OKS_SIGMA, _LEAST_FALL_OFF) * spread * _size_px(tracks.pose_px)[:, None]
    square = ((predicted[:, None] - people.joints_px[None]) ** 2).sum(-1)  # (T, P, 24)
    # Without the factor, whoever was lost for long would fit everything nearby better than the track that was just seen.
    sureness = np.sqrt(_SPREAD / spread)
    similarity = sureness[:, None] * np.exp(-square / (2 * fall_off[:, None] ** 2))
    weight = np.where(np.isnan(square), 0.0, _UNSEEN_WEIGHT + people.joint_score[None])
    total = weight.sum(-1)
    mean = (weight * np.nan_to_num(similarity)).sum(-1) / np.maximum(total, 1e-9)
    return 1.0 - np.where(total > 0, mean, 0.0)


def _cost_3d(tracks: _Tracks, people: People) -> np.ndarray:
    """(T, P) mean distance of root-relative joints, 0 = same pose to 1 = far; NaN where no joint is known of both."""
    distance = np.linalg.norm(tracks.pose_mm[:, None] - people.joints_mm[None], axis=-1)  # (T, P, 24)
    known = np.isfinite(distance)
    count = known.sum(-1)
    mean = np.where(known, distance, 0.0).sum(-1) / np.maximum(count, 1)
    return np.where(count > 0, np.minimum(mean / _FAR_3D_MM, 1.0), np.nan)


def _size_px(pose_px: np.ndarray) -> np.ndarray:
    """(T,) square root of the area of each pose's box, as OKS has it; a thin box counts as three times wider."""
    known = np.isfinite(pose_px)
    extent = np.where(known, pose_px, -np.inf).max(1, initial=-np.inf) - np.where(known, pose_px, np.inf).min(1, initial=np.inf)
    longer, shorter = extent.max(-1, initial=1.0), extent.min(-1, initial=np.inf)
    return np.sqrt(longer * np.maximum(shorter, longer / 3))


def _observe(tracks: _Tracks, rows: np.ndarray, people: People, t_s: float) -> _Tracks:
    """The tracks after ``people`` were seen as the tracks ``rows``; the others are left as they are."""
    seen = tracks.take(rows)
    predicted = _predict(seen, t_s)
    elapsed_s = t_s - seen.last_s
    observed = np.isfinite(people.joints_px).all(-1)

    # The median over joints: a limb that swings, or a few joints that are another person's, do not move the body.
    both = observed & np.isfinite(predicted).all(-1)
    error = _nan_median(np.where(both[..., None], people.joints_px - predicted, np.nan))
    gain = np.maximum(1.0 / np.maximum(seen.sightings, 1), 1.0 - np.exp(-np.maximum(elapsed_s, 0) / _VELOCITY_S))
    with np.errstate(divide="ignore", invalid="ignore"):
        change = gain[:, None] * error / elapsed_s[:, None]
    change = np.where((elapsed_s[:, None] > 0) & np.isfinite(change), change, 0.0)

    # Joints not seen keep their place on the body.
    pose_px = np.where(observed[..., None], people.joints_px, predicted + np.nan_to_num(error)[:, None])
    updates = {
        "pose_px": pose_px,
        "seen_s": np.where(observed, t_s, seen.seen_s),
        "velocity": seen.velocity + change,
        "pose_mm": np.where(np.isfinite(people.joints_mm), people.joints_mm, seen.pose_mm),
        "last_s": np.full(len(rows), t_s),
        "sightings": seen.sightings + 1,
    }
    columns = {name: getattr(tracks, name).copy() for name in tracks.__slots__}
    for name, values in updates.items():
        columns[name][rows] = values
    return _Tracks(**columns)


def _nan_median(values: np.ndarray) -> np.ndarray:
    """(T, 2) median over axis 1 of what is not NaN; NaN where nothing is."""
    count = np.isfinite(values).sum(1, keepdims=True)
    ordered = np.sort(values, axis=1)  # NaN goes last
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)
    high = np.take_along_axis(ordered, count // 2, axis=1) if values.shape[1] else low
    return (0.5 * (low + np.where(np.isnan(high), low, high)))[:, 0]
