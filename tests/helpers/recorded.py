"""A take of people who walk, seen in the frames one says, recorded as the pipeline would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from people import walking_person

from xnect_lite.record.take import TakeRecorder
from xnect_lite.types import Frame, People, PoseResult

SIZE, FOCAL_PX = (640, 480), 640.0


def walking_result(number: int, ids: tuple[int, ...], fps: float = 30.0, picture: np.ndarray | None = None) -> PoseResult:
    """Frame ``number`` with these people; id i walks around x = 0.7 i metres."""
    t_s = number / fps
    people = People.empty(len(ids))
    for row, identity in enumerate(ids):
        joints_mm, root_cam_mm = walking_person(np.array([t_s]), start_cam_mm=(700.0 * identity, 4000.0), speed_m_s=0.5)
        people.joints_mm[row], people.root_cam_mm[row], people.ids[row] = joints_mm[0], root_cam_mm[0], identity
        cam_mm = joints_mm[0] + root_cam_mm[0]
        people.joints_px[row] = FOCAL_PX * cam_mm[:, :2] / cam_mm[:, 2:] + (SIZE[0] / 2, SIZE[1] / 2)
        people.joint_score[row] = 0.75
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8) if picture is None else picture
    return PoseResult(Frame(image, t_s, number), people, focal_px=FOCAL_PX)


def record_walkers(folder: Path, seen: Mapping[int, range | list[int]], frames: int, fps: float = 30.0, **options) -> Path:
    """A take of so many frames in which each id is seen in its own."""
    with TakeRecorder(folder, source="a film", fps=fps, **options) as recorder:
        for number in range(frames):
            recorder.add(walking_result(number, tuple(i for i, found in seen.items() if number in found), fps))
    return folder
