"""A take by its frames: who is in frame n, and the result the views show. No Qt."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

from xnect_lite.types import Floor, Frame, People, PoseResult

if TYPE_CHECKING:
    from xnect_lite.record.take_folder import Take

_FIELDS = ("person_score", "joints_px", "joint_score", "joints_mm", "root_cam_mm", "rotations", "bone_lengths_mm", "foot_stands")
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
        """Everyone in this frame but those hidden."""
        rows = self._rows[self._starts[frame] : self._starts[frame + 1]]
        if hidden:
            rows = rows[~np.isin(self.take.id[rows], list(hidden))]
        known = {name: getattr(self.take, name)[rows] for name in _FIELDS}
        return dataclasses.replace(People.empty(len(rows)), ids=self.take.id[rows], **known)

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
