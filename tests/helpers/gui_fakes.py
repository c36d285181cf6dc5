"""A pipeline and a source that need no network and no camera."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from xnect_lite.camera.intrinsics import camera_for
from xnect_lite.camera.pinhole import image_centre_px, project
from xnect_lite.config import PipelineConfig
from xnect_lite.errors import XnectError
from xnect_lite.pipeline import Detection
from xnect_lite.skeleton import CANONICAL_BONE_M, INDEX, NUM_JOINTS, ORDER, PARENTS, ROOT
from xnect_lite.types import Frame, People, PoseResult, RunsOn

_DIRECTIONS = {"spine": (0, -1, 0), "neck": (0, -1, 0), "head": (0, -1, 0), "head_top": (0, -1, 0), "nose": (0, 0, -1)} | {
    f"{side}_{joint}": (sign * x, y, z)
    for side, sign in (("r", -1), ("l", 1))
    for joint, (x, y, z) in {
        "ear": (1, 0, 0), "shoulder": (1, 0, 0), "elbow": (0.5, 0.85, 0), "wrist": (0.3, 0.9, -0.3), "hand": (0, 1, -0.2),
        "hip": (1, 0, 0), "knee": (0, 1, -0.05), "ankle": (0, 1, 0.05), "toe": (0, 0.3, -0.95),
    }.items()
}  # fmt: skip


def standing_mm(swing: float = 0.0) -> np.ndarray:
    """(24, 3) root-relative mm, camera axes: somebody who stands and faces the camera; ``swing`` in -1..1 moves limbs."""
    joints = np.zeros((NUM_JOINTS, 3))
    for j in ORDER[1:]:
        name = next(n for n, i in INDEX.items() if i == j)
        direction = np.array(_DIRECTIONS[name], float)
        if name in ("r_knee", "l_knee", "r_elbow", "l_elbow"):
            direction[2] += 0.5 * swing * (1 if name in ("r_knee", "l_elbow") else -1)
        joints[j] = joints[PARENTS[j]] + 1000 * CANONICAL_BONE_M[j] * direction / np.linalg.norm(direction)
    assert np.all(joints[ROOT] == 0)
    return joints


def make_people(roots_cam_mm: list[tuple[float, float, float]], size: tuple[int, int], swing: float = 0.0) -> People:
    """Somebody standing at each of these places, with everything known; ids from 1."""
    people = People.empty(len(roots_cam_mm))
    people.joints_mm[:] = standing_mm(swing)
    people.root_cam_mm[:] = np.array(roots_cam_mm).reshape(-1, 3)
    people.joints_px[:] = project(people.joints_cam_mm, max(size), image_centre_px(*size))
    people.joint_score[:] = 0.9
    people.person_score[:] = 0.9
    people.ids[:] = np.arange(1, len(people) + 1)
    return people


class FakePipeline:
    """Finds two people in every frame, after ``work_s`` seconds."""

    runs_on = RunsOn("fakenet", "fake device", "fake engine", "fp32")

    def __init__(self, config: PipelineConfig | None = None, work_s: float = 0.0, error: Exception | None = None) -> None:
        self.work_s, self.error, self.config = work_s, error, config or PipelineConfig()
        self.resets = 0

    def reset(self) -> None:
        self.resets += 1

    def process(self, frame: Frame) -> PoseResult:
        return self.follow(self.detect(frame))

    def detect(self, frame: Frame) -> Detection:
        if self.error:
            raise self.error
        time.sleep(self.work_s)
        return self.lift(frame, self._people(frame))

    def lift(self, frame: Frame, people: People) -> Detection:
        return Detection(frame, people, camera_for(frame.size, self.config.camera), {})

    def cut(self) -> None:
        pass

    def _people(self, frame: Frame) -> People:
        swing = float(np.sin(3 * frame.t_s))
        return make_people([(-600, 100, 3600), (500 + 300 * swing, 150, 4300)], frame.size, swing)

    def follow(self, detection: Detection, clothes: np.ndarray | None = None) -> PoseResult:
        frame = detection.frame
        swing = float(np.sin(3 * frame.t_s))
        timings_ms = {
            "preprocess": 1.5,
            "network": 20.0 + swing,
            "grouping": 2.0,
            "lifting": 0.5,
            "tracking": 0.2,
            "filtering": 0.3,
        }
        return PoseResult(frame, self._people(frame), float(max(frame.size)), timings_ms)


class FakeSource:
    """``count`` grey frames (0 = endless), one every ``period_s``. ``error`` is raised after them."""

    def __init__(
        self,
        count: int = 0,
        period_s: float = 0.01,
        *,
        live: bool = False,
        size: tuple[int, int] = (160, 90),
        error: XnectError | None = None,
    ) -> None:
        self.name, self.live, self.size, self.warning = "clip.mp4", live, size, None
        self.fps, self.frame_count = 1 / period_s, count or None
        self._period_s, self._count, self._error = period_s, count, error
        self._next = 0
        self.closed = threading.Event()

    def read(self) -> Frame | None:
        if self.closed.is_set():
            return None
        if self._count and self._next >= self._count:
            if self._error:
                raise self._error
            return None
        if self.live:
            self.closed.wait(self._period_s)
        index, self._next = self._next, self._next + 1
        image = np.full((self.size[1], self.size[0], 3), 90, np.uint8)
        image[:, :, 0] = index % 256  # tells frames apart
        return Frame(image, index * self._period_s, index)

    def close(self) -> None:
        self.closed.set()


class FakeRecorder:
    """Remembers what it was given. ``fail_at``: the frame at which the disk is full."""

    def __init__(self, source: str = "", fps: float | None = None, fail_at: int | None = None) -> None:
        self.source, self.fps, self._fail_at = source, fps, fail_at
        self.folder = Path("take")
        self.results: list[PoseResult] = []
        self.film: list[int] = []
        self.is_closed = False

    def add(self, result: PoseResult) -> None:
        assert not self.is_closed
        if len(self.results) == self._fail_at:
            raise XnectError("take", "the disk is full", "Free some space")
        self.results.append(result)

    def add_video(self, frame: Frame) -> None:
        self.film.append(frame.index)

    def close(self) -> SimpleNamespace:
        self.is_closed = True
        person = SimpleNamespace(file="person01.bvh")
        return SimpleNamespace(folder=self.folder, people=(person,), frames=len(self.results), duration_s=0.5, remarks=())
