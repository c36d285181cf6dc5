"""Who is who from frame to frame: lasting identities through crossings and short absences.

Every track predicts its 2D pose at constant velocity; detections are assigned to tracks all at once (Hungarian) by how
well they fit that prediction, the track's 3D pose and its clothes. Time is the frames' own, so rates may vary and frames may
drop. Who was gone for longer is known again by clothes alone, and only if nobody else is dressed alike.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.optimize import linear_sum_assignment

from xnect_lite.config import TrackingConfig
from xnect_lite.skeleton import OKS_SIGMA, joint_box
from xnect_lite.stages.tracking.clothing import PARTS, clothing_distance, is_telling
from xnect_lite.stages.tracking.tracks import Tracks, observe, predict
from xnect_lite.types import People

_WEIGHT_2D, _WEIGHT_3D, _WEIGHT_CLOTHES = 0.7, 0.3, 0.3  # in the cost; of those that are known
_FAR_3D_MM = 300.0  # mean joint distance at which two 3D poses are as different as can be
_SPREAD = 1.5  # OKS fall-offs are widened this much, since a predicted pose is off by more than a labeller
_SPREAD_PER_S = 3.0  # and this much more for every second that a joint was not seen
_LEAST_FALL_OFF = 0.12  # of sqrt(area): a face point is known to a hair, but a turn of the head moves it by inches
_CLEARLY = 2.0  # so many times farther must the second likeliest person's clothes be, for somebody to be known again
_DOUBLE = 0.4  # cost in 2D below which somebody is taken for one who is found already
_MOST_LOST, _MOST_REMEMBERED = 100, 200  # tracks out of view that are looked for, and clothes that are remembered
_UNSEEN_WEIGHT = 0.2  # of a joint with a position but no score, in the mean over joints


class Tracker:
    """Gives identities to the people of consecutive frames."""

    def __init__(self, config: TrackingConfig | None = None) -> None:
        self._config = config or TrackingConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everybody: the next identity is 1 again."""
        self._tracks = Tracks.none()
        self._gone = Tracks.none()  # closed tracks that may be known again
        self._next_id = 1

    def cut(self) -> None:
        """Nobody goes on by place: the tracks are closed, and whoever is known again is so by clothes."""
        named = self._tracks.take(self._tracks.id > 0)
        self._gone, self._tracks = self._gone.followed_by(named), Tracks.none()

    def update(self, people: People, t_s: float, clothes: np.ndarray | None = None) -> People:
        """The people of the frame at ``t_s`` seconds with their ids, in the order given.

        Left out are those without any 2D joint, those who are somebody's second half, as it seems, where somebody who has an
        id is found already, and those not yet confirmed: first seen less than `confirm_s` ago and
        never with `confirm_score` or more. An id is given when its person is confirmed, and is never given again.

        Args:
            people: lifted.
            t_s: seconds, time of the frame.
            clothes: (P, 2, 3) what `clothing.clothing` says of them; without it, place and pose have to do.
        """
        if clothes is None:
            clothes = np.full((len(people), PARTS, 3), np.nan)
        placed = np.isfinite(people.joints_px).all(-1).any(-1)
        people, clothes = people.take(placed), clothes[placed]
        tracks = self._forget(t_s)
        rows, columns, doubles = self._assign(tracks, people, clothes, t_s)

        tracks = observe(tracks, rows, people.take(columns), clothes[columns], t_s)
        new = np.setdiff1d(np.arange(len(people)), [*columns, *doubles])
        track_of = np.full(len(people), -1)
        track_of[columns], track_of[new] = rows, len(tracks) + np.arange(len(new))
        tracks = tracks.followed_by(Tracks.born(people.take(new), clothes[new], t_s))
        followed = track_of >= 0
        people, track_of = people.take(followed), track_of[followed]
        self._name(tracks, track_of, people, t_s)

        self._tracks = tracks
        people = dataclasses.replace(people, ids=tracks.id[track_of])
        return people.take(people.ids > 0)

    def _name(self, tracks: Tracks, track_of: np.ndarray, people: People, t_s: float) -> None:
        """Give ids, old ones or new, to those who are confirmed by now."""
        sure = people.person_score >= self._config.confirm_score
        old_enough = t_s - tracks.born_s[track_of] >= self._config.confirm_s
        confirm = track_of[(tracks.id[track_of] == 0) & (sure | old_enough)]
        known = _known_again(tracks, confirm, self._gone, self._config.known_again)
        for track, gone in known.items():
            tracks.id[track] = self._gone.id[gone]
        self._gone = self._gone.take(np.setdiff1d(np.arange(len(self._gone)), list(known.values())))
        strangers = confirm[tracks.id[confirm] == 0]
        tracks.id[strangers] = self._next_id + np.arange(len(strangers))
        self._next_id += len(strangers)

    def _forget(self, t_s: float) -> Tracks:
        """Tracks that may still be met again: the unconfirmed are not waited for as long."""
        tracks, config = self._tracks, self._config
        patience_s = np.where(tracks.id > 0, config.max_lost_s, min(config.confirm_s, config.max_lost_s))
        # A slow stream must not lose everybody between two frames: whoever was in the last frame stays for one more.
        in_last_frame = tracks.last_s == tracks.last_s.max(initial=-np.inf)
        recent = np.abs(t_s - tracks.last_s) <= np.where(in_last_frame, config.max_lost_s, patience_s)
        recent &= in_last_frame | _newest(tracks, recent & ~in_last_frame, _MOST_LOST)
        gone = self._gone.followed_by(tracks.take(~recent & (tracks.id > 0)))
        remembered = np.abs(t_s - gone.last_s) <= config.remember_s
        self._gone = gone.take(_newest(gone, remembered, _MOST_REMEMBERED))
        return tracks.take(recent)

    def _assign(
        self, tracks: Tracks, people: People, clothes: np.ndarray, t_s: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows of tracks and rows of people that are the same person, and rows of people who are one of these once more."""
        gate = self._config.gate
        cost_2d = _cost_2d(tracks, people, t_s)
        costs = np.stack([cost_2d, _cost_3d(tracks, people), clothing_distance(tracks.clothes, clothes)])
        weights = np.array([_WEIGHT_2D, _WEIGHT_3D, _WEIGHT_CLOTHES])[:, None, None] * np.isfinite(costs)
        cost = (weights * np.nan_to_num(costs)).sum(0) / weights.sum(0)
        # Two people who stand alike have the same 3D pose wherever they are: place must fit by itself.
        # To leave a pair unassigned costs as much as the gate, so a poor match is never forced to make another.
        cost = np.where(cost_2d < gate, np.minimum(cost, gate), gate)
        rows, columns = linear_sum_assignment(cost)
        good = cost[rows, columns] < gate
        rows, columns = rows[good], columns[good]
        # A half of somebody is no stranger: nobody new begins where somebody who has a name is found already.
        rest = np.setdiff1d(np.arange(len(people)), columns)
        named = rows[tracks.id[rows] > 0]
        return rows, columns, rest[cost_2d[np.ix_(named, rest)].min(0, initial=1.0) < _DOUBLE]


def _newest(tracks: Tracks, chosen: np.ndarray, most: int) -> np.ndarray:
    """(T,) bool, of those ``chosen`` the ones seen last, at most so many."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(-tracks.last_s[rows], kind="stable")][:most]
    return np.isin(np.arange(len(tracks)), rows)


def _known_again(tracks: Tracks, newcomers: np.ndarray, gone: Tracks, limit: float) -> dict[int, int]:
    """Newcomer's row in ``tracks`` -> row in ``gone``, for those dressed like one of the gone and clearly like nobody else."""
    if not len(newcomers) or not len(gone):
        return {}
    away = clothing_distance(tracks.clothes[newcomers], gone.clothes)  # (N, G)
    complete = np.isfinite(gone.clothes).all((1, 2)) & np.isfinite(tracks.clothes[newcomers]).all((1, 2))[:, None]
    away = np.where(complete & is_telling(gone.clothes), away, np.inf)
    # Somebody else who is here and dressed like the one who is gone makes it anybody's guess.
    others = clothing_distance(gone.clothes, tracks.clothes)  # (G, T)
    found: dict[int, int] = {}
    for i, track in enumerate(newcomers):
        best = int(np.argmin(away[i]))
        rivals = np.concatenate([np.delete(away[i], best), np.delete(others[best], track), np.delete(away[:, best], i)])
        if away[i, best] < limit and np.nanmin(rivals, initial=np.inf) > _CLEARLY * away[i, best]:
            found[int(track)] = best
    return found


def _cost_2d(tracks: Tracks, people: People, t_s: float) -> np.ndarray:
    """(T, P) 1 - object keypoint similarity of each detection to each prediction; 1 if no joint is known of both."""
    predicted = predict(tracks, t_s)
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


def _cost_3d(tracks: Tracks, people: People) -> np.ndarray:
    """(T, P) mean distance of root-relative joints, 0 = same pose to 1 = far; NaN where no joint is known of both."""
    distance = np.linalg.norm(tracks.pose_mm[:, None] - people.joints_mm[None], axis=-1)  # (T, P, 24)
    known = np.isfinite(distance)
    count = known.sum(-1)
    mean = np.where(known, distance, 0.0).sum(-1) / np.maximum(count, 1)
    return np.where(count > 0, np.minimum(mean / _FAR_3D_MM, 1.0), np.nan)


def _size_px(pose_px: np.ndarray) -> np.ndarray:
    """(T,) square root of the area of each pose's box, as OKS has it; a thin box counts as three times wider."""
    low, high = joint_box(pose_px)
    extent = high - low
    longer, shorter = extent.max(-1, initial=1.0), extent.min(-1, initial=np.inf)
    return np.sqrt(longer * np.maximum(shorter, longer / 3))
