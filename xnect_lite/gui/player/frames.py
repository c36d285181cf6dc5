"""A take by its frames: who is in frame n, and the result the views show. No Qt."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from xnect_lite.record.presence import Presence, presence_of
from xnect_lite.skeleton import INDEX
from xnect_lite.types import Floor, Frame, People, PoseResult

if TYPE_CHECKING:
    from xnect_lite.record.take_folder import Take

_FIELDS = (
    "person_score", "joints_px", "joint_score", "joints_mm", "root_cam_mm", "rotations", "bone_lengths_mm", "foot_stands",
)  # fmt: skip
_BETWEEN = ("joints_px", "joints_mm", "root_cam_mm")
_FEET = [INDEX[name] for name in ("r_toe", "l_toe", "r_ankle", "l_ankle")]
_BLANK_RGB = 44
_UNKNOWN_SIZE = (1280, 720)


class TakeFrames:
    """The rows of a take found by frame, in order of time.

    take: as loaded or edited; at least one frame.
    """

    def __init__(self, take: Take) -> None:
        self.take = take
        order = np.argsort(take.every_frame_t_s, kind="stable")
        self.t_s = take.every_frame_t_s[order].astype(float)
        """(N,) seconds of every frame."""
        self.index = take.every_frame_index[order]
        """(N,) number of every frame in the source."""
        frame = np.clip(np.searchsorted(self.t_s, take.t_s.astype(float), side="right") - 1, 0, len(self.t_s) - 1)
        self._rows = np.argsort(frame, kind="stable")
        self.frame_of_row = frame
        """(R,) the frame of every row of the take."""
        self._starts = np.searchsorted(frame[self._rows], np.arange(len(self.t_s) + 1))
        self.presence = {identity: seen[order] for identity, seen in presence_of(take).items()}
        """identity -> (N,) uint8 of `Presence`."""
        self._sights = {identity: np.flatnonzero(take.id == identity) for identity in take.ids}

    def __len__(self) -> int:
        return len(self.t_s)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture, as recorded."""
        width, height = self.take.info.get("size") or _UNKNOWN_SIZE
        return int(width), int(height)

    @property
    def focal_px(self) -> float:
        """Of the camera, as recorded; else the longer side of the picture."""
        return float(self.take.info.get("focal_px") or max(self.size))

    def people(self, frame: int, hidden: Collection[int] = ()) -> People:
        """Everyone in this frame but those hidden.

        Whoever is bridged stands where a straight way between two sights leads, whoever is held where they were last seen;
        no joint of theirs has a score.
        """
        rows = self._rows[self._starts[frame] : self._starts[frame + 1]]
        ids = self.take.id[rows]
        known = {name: getattr(self.take, name)[rows] for name in _FIELDS}
        filled = [
            self._filled(i, frame) for i, seen in self.presence.items() if seen[frame] >= Presence.BRIDGED and i not in ids
        ]
        if filled:
            ids = np.concatenate([ids, [identity for identity, _ in filled]])
            known = {name: np.concatenate([known[name], [values[name] for _, values in filled]]) for name in _FIELDS}
        people = dataclasses.replace(People.empty(len(ids)), ids=ids, **known)
        return people.take(~np.isin(ids, list(hidden))) if hidden else people

    def _filled(self, identity: int, frame: int) -> tuple[int, dict[str, np.ndarray]]:
        """What is shown of somebody who was not measured in this frame."""
        rows = self._sights[identity]
        times = self.t_s[self.frame_of_row[rows]]
        after = int(np.clip(np.searchsorted(times, self.t_s[frame]), 1, len(rows) - 1)) if len(rows) > 1 else 0
        a, b = rows[max(after - 1, 0)], rows[after]
        values = {name: getattr(self.take, name)[a].copy() for name in _FIELDS}
        if self.presence[identity][frame] == Presence.BRIDGED and times[after] > times[after - 1]:
            share = (self.t_s[frame] - times[after - 1]) / (times[after] - times[after - 1])
            for name in _BETWEEN:
                values[name] = (1 - share) * getattr(self.take, name)[a] + share * getattr(self.take, name)[b]
        values["joint_score"] = np.zeros_like(values["joint_score"])
        return identity, values

    def meetings(self) -> dict[int, set[int]]:
        """identity -> everybody who is ever there at the same time."""
        there = {identity: seen > Presence.ABSENT for identity, seen in self.presence.items()}
        return {a: {b for b in there if b != a and (there[a] & there[b]).any()} for a in there}

    @property
    def floor_m(self) -> float:
        """Height of the floor in the 3D view's axes: where feet are lowest most of the time."""
        feet = (self.take.joints_mm[:, _FEET] + self.take.root_cam_mm[:, None])[..., 1]
        lowest = np.where(np.isfinite(feet), feet, -np.inf).max(axis=1, initial=-np.inf)
        lowest = lowest[np.isfinite(lowest)]
        return -float(np.percentile(lowest, 80)) / 1000 if len(lowest) else -1.0

    def result(self, frame: int, image: np.ndarray | None = None, hidden: Collection[int] = ()) -> PoseResult:
        """What the views show of this frame; on grey where there is no ``image`` (H, W, 3)."""
        if image is None:
            image = self._blank()
        people = self.people(frame, hidden)
        width, height = image.shape[1], image.shape[0]
        if (width, height) != self.size:  # another copy of the film: larger, smaller
            ratio = np.array([width, height], np.float32) / self.size
            people = dataclasses.replace(people, joints_px=(people.joints_px + 0.5) * ratio - 0.5)
        focal_px = self.focal_px * width / self.size[0]
        return PoseResult(Frame(image, float(self.t_s[frame]), int(self.index[frame])), people, focal_px, floor=self._floor())

    def _blank(self) -> np.ndarray:
        width, height = self.size
        scale = min(1.0, 1280 / max(width, height))
        return np.full((max(1, round(height * scale)), max(1, round(width * scale)), 3), _BLANK_RGB, np.uint8)

    def _floor(self) -> Floor | None:
        known = self.take.info.get("floor")
        if not known:
            return None
        height = known.get("height_mm")
        return Floor(np.array(known["up_cam"], float), float("nan") if height is None else float(height))
