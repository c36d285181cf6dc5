"""What is known of everybody who is followed, one row each, and how it moves along with time and with what is seen."""

from __future__ import annotations

import dataclasses

import numpy as np

from xnect_lite.skeleton import NUM_JOINTS
from xnect_lite.stages.tracking.clothing import PARTS
from xnect_lite.types import People

_VELOCITY_S = 0.15  # time constant of the velocity estimate
_CLOTHES_S = 1.0  # time constant of a track's clothing colours


@dataclasses.dataclass(frozen=True, slots=True)
class Tracks:
    """Everybody followed, one row each.

    id          (T,) 0 = not confirmed yet.
    pose_px     (T, 24, 2) last known position of each joint, moved along while it is not seen; NaN = never seen.
    seen_s      (T, 24) when each joint was last seen.
    velocity    (T, 2) of the whole body, pixels per second.
    pose_mm     (T, 24, 3) last 3D pose; NaN = none yet.
    born_s, last_s  (T,) first and last time seen.
    sightings   (T,) how often seen.
    clothes     (T, 2, 3) colours of `clothing.clothing`, NaN = not seen clearly yet.
    """

    id: np.ndarray
    pose_px: np.ndarray
    seen_s: np.ndarray
    velocity: np.ndarray
    pose_mm: np.ndarray
    born_s: np.ndarray
    last_s: np.ndarray
    sightings: np.ndarray
    clothes: np.ndarray

    @classmethod
    def none(cls) -> Tracks:
        n, j = 0, NUM_JOINTS
        return cls(
            np.zeros(n, np.int64), np.zeros((n, j, 2)), np.zeros((n, j)), np.zeros((n, 2)), np.zeros((n, j, 3)),
            np.zeros(n), np.zeros(n), np.zeros(n, np.int64), np.zeros((n, PARTS, 3)),
        )  # fmt: skip

    @classmethod
    def born(cls, people: People, clothes: np.ndarray, t_s: float) -> Tracks:
        n = len(people)
        pose_px = people.joints_px.astype(np.float64)
        seen_s = np.where(np.isfinite(pose_px).all(-1), t_s, -np.inf)
        times = np.full(n, t_s)
        return cls(
            np.zeros(n, np.int64), pose_px, seen_s, np.zeros((n, 2)), people.joints_mm.astype(np.float64),
            times, times.copy(), np.ones(n, np.int64), clothes.copy(),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: np.ndarray) -> Tracks:
        return Tracks(*(getattr(self, name)[rows] for name in self.__slots__))

    def followed_by(self, other: Tracks) -> Tracks:
        return Tracks(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in self.__slots__))


def predict(tracks: Tracks, t_s: float) -> np.ndarray:
    """(T, 24, 2) where the joints should be now, pixels."""
    elapsed_s = np.maximum(t_s - tracks.last_s, 0.0)
    return tracks.pose_px + (tracks.velocity * elapsed_s[:, None])[:, None]


def observe(tracks: Tracks, rows: np.ndarray, people: People, clothes: np.ndarray, t_s: float) -> Tracks:
    """The tracks after ``people`` were seen as the tracks ``rows``; the others are left as they are."""
    seen = tracks.take(rows)
    predicted = predict(seen, t_s)
    elapsed_s = t_s - seen.last_s
    observed = np.isfinite(people.joints_px).all(-1)

    # The median over joints: a limb that swings, or a few joints that are another person's, do not move the body.
    both = observed & np.isfinite(predicted).all(-1)
    error = _nan_median(np.where(both[..., None], people.joints_px - predicted, np.nan))
    gain = np.maximum(1.0 / np.maximum(seen.sightings, 1), 1.0 - np.exp(-np.maximum(elapsed_s, 0) / _VELOCITY_S))
    with np.errstate(divide="ignore", invalid="ignore"):
        change = gain[:, None] * error / elapsed_s[:, None]
    change = np.where((elapsed_s[:, None] > 0) & np.isfinite(change), change, 0.0)

    share = (1.0 - np.exp(-np.maximum(elapsed_s, 0.0) / _CLOTHES_S))[:, None, None]
    worn = np.where(np.isfinite(seen.clothes), seen.clothes + share * (clothes - seen.clothes), clothes)

    # Joints not seen keep their place on the body.
    pose_px = np.where(observed[..., None], people.joints_px, predicted + np.nan_to_num(error)[:, None])
    updates = {
        "pose_px": pose_px,
        "seen_s": np.where(observed, t_s, seen.seen_s),
        "velocity": seen.velocity + change,
        "pose_mm": np.where(np.isfinite(people.joints_mm), people.joints_mm, seen.pose_mm),
        "last_s": np.full(len(rows), t_s),
        "sightings": seen.sightings + 1,
        "clothes": np.where(np.isfinite(worn), worn, seen.clothes),
    }
    columns = {name: getattr(tracks, name).copy() for name in tracks.__slots__}
    for name, values in updates.items():
        columns[name][rows] = values
    return Tracks(**columns)


def _nan_median(values: np.ndarray) -> np.ndarray:
    """(T, 2) median over axis 1 of what is not NaN; NaN where nothing is."""
    count = np.isfinite(values).sum(1, keepdims=True)
    ordered = np.sort(values, axis=1)  # NaN goes last
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=1)
    high = np.take_along_axis(ordered, count // 2, axis=1) if values.shape[1] else low
    return (0.5 * (low + np.where(np.isnan(high), low, high)))[:, 0]
