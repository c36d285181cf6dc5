"""A video of the 3D view: everybody's skeleton on the floor, seen from in front and above."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from xnect_lite.record.bvh import BvhClip, clip_joints_world_cm
from xnect_lite.record.formats.files import new_path, subject
from xnect_lite.record.painting import person_color
from xnect_lite.record.presence import Presence
from xnect_lite.record.shot import Shot
from xnect_lite.record.video import VideoWriter
from xnect_lite.skeleton import BONES, INDEX, ROOT

SIZE = (1280, 720)
_GROUND, _GRID, _TEXT = (24, 26, 30), (70, 74, 82), (220, 220, 220)
_PITCH_DEG, _FOV_DEG = 12.0, 40.0
_STEP_CM = 50.0  # of the grid
_BONE_CM = 4.0  # thickness
_BLOCK = 500  # frames placed at a time
_FADE = 0.4  # of the colour of a pose that nobody measured


class _Camera:
    """Looks at the middle of what there is from far enough to see it all."""

    def __init__(self, low_cm: np.ndarray, high_cm: np.ndarray) -> None:
        pitch = np.radians(_PITCH_DEG)
        middle = (low_cm + high_cm) / 2
        self._focal_px = SIZE[0] / 2 / np.tan(np.radians(_FOV_DEG) / 2)
        half_cm = max((high_cm - low_cm)[0] / 2, (high_cm - low_cm)[1] / 2 * SIZE[0] / SIZE[1], 100.0)
        away_cm = 1.15 * half_cm * 2 * self._focal_px / SIZE[0] + (high_cm - low_cm)[2] / 2
        self._place_cm = middle + away_cm * np.array([0.0, np.sin(pitch), np.cos(pitch)])
        self._turn = np.array([[1, 0, 0], [0, -np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), -np.cos(pitch)]])

    def see(self, points_cm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 2) pixels and (...,) depth in cm of points (..., 3); behind the camera the pixels are NaN."""
        seen = (points_cm - self._place_cm) @ self._turn.T
        depth = np.where(seen[..., 2] > 1.0, seen[..., 2], np.nan)
        return self._focal_px * seen[..., :2] / depth[..., None] + (SIZE[0] / 2, SIZE[1] / 2), depth

    def width_px(self, size_cm: float, depth_cm: float) -> int:
        """Of something this large so far away."""
        return max(1, round(self._focal_px * size_cm / depth_cm))


def write_view3d(shot: Shot, folder: Path) -> list[Path]:
    """view3d.mp4: measured and bridged poses in the person's colour, held ones pale, nobody where nobody is."""
    path = folder / "view3d.mp4"
    clips = [(person, clip) for person in shot.people for clip in shot.clips(person)]
    there = [clip.root_world_cm[clip.presence != Presence.ABSENT] for _, clip in clips]
    corners = np.concatenate([*there, np.zeros((1, 3))]) if not any(map(len, there)) else np.concatenate(there)
    camera = _Camera(corners.min(axis=0) - (100, 100, 100), corners.max(axis=0) + 100)
    stage = _stage(camera, corners)
    with new_path(path) as partial:
        video = VideoWriter(partial, shot.options.fps)
        try:
            for first in range(0, len(shot.times_s), _BLOCK):
                frames = range(first, min(first + _BLOCK, len(shot.times_s)))
                placed = [(person, *_part(clip, frames)) for person, clip in clips]
                for number in frames:
                    picture = stage.copy()
                    for person, presence, joints_cm in placed:
                        if kind := presence[number - first]:
                            _draw(picture, camera, joints_cm[number - first], person.id, subject(person), int(kind))
                    text = f"{shot.times_s[number]:.2f} s"
                    cv2.putText(picture, text, (16, SIZE[1] - 16), cv2.FONT_HERSHEY_SIMPLEX, 0.6, _TEXT, 1, cv2.LINE_AA)
                    video.add(picture, number / shot.options.fps)
        finally:
            video.close()
    return [path]


def _part(clip: BvhClip, frames: range) -> tuple[np.ndarray, np.ndarray]:
    """Presence (F,) and joints (F, 24, 3) in these frames of the timeline; nobody outside of the clip."""
    presence, joints_cm = np.zeros(len(frames), np.uint8), np.full((len(frames), 24, 3), np.nan)
    inside = np.arange(frames.start, frames.stop) - clip.first_frame + clip.rest_frames
    kept = np.flatnonzero((inside >= clip.rest_frames) & (inside < len(clip)))
    if len(kept):
        rows = slice(int(inside[kept[0]]), int(inside[kept[-1]]) + 1)
        part = BvhClip(
            clip.skeleton, clip.fps, clip.root_world_cm[rows], clip.angles_deg[rows], clip.presence[rows], clip.euler
        )
        presence[kept], joints_cm[kept] = part.presence, clip_joints_world_cm(part)
    return presence, joints_cm


def _stage(camera: _Camera, corners_cm: np.ndarray) -> np.ndarray:
    """The floor with its grid."""
    picture = np.full((SIZE[1], SIZE[0], 3), _GROUND, np.uint8)
    low = np.floor(corners_cm.min(axis=0) / _STEP_CM - 4) * _STEP_CM
    high = np.ceil(corners_cm.max(axis=0) / _STEP_CM + 4) * _STEP_CM
    step_cm = _STEP_CM * max(1.0, np.ceil((high - low).max() / _STEP_CM / 60))
    lines = [((x, 0, low[2]), (x, 0, high[2])) for x in np.arange(low[0], high[0] + 1, step_cm)]
    lines += [((low[0], 0, z), (high[0], 0, z)) for z in np.arange(low[2], high[2] + 1, step_cm)]
    for start, end in lines:
        way_px, _ = camera.see(np.linspace(start, end, 40))
        for a, b in pairwise(way_px):
            _line(picture, a, b, _GRID, 1)
    return picture


def _draw(picture: np.ndarray, camera: _Camera, joints_cm: np.ndarray, identity: int, name: str, kind: int) -> None:
    joints_px, depth_cm = camera.see(joints_cm)
    full = np.array(person_color(identity), float)
    color = full if kind != Presence.HELD else _FADE * full + (1 - _FADE) * np.array(_GROUND)
    for a, b in sorted(BONES, key=lambda bone: -np.nan_to_num(depth_cm[bone[1]])):
        width = camera.width_px(_BONE_CM, depth_cm[ROOT]) if np.isfinite(depth_cm[ROOT]) else 1
        _line(picture, joints_px[a], joints_px[b], (int(color[0]), int(color[1]), int(color[2])), width)
    head_px = joints_px[INDEX["head_top"]]
    if np.isfinite(head_px).all() and (np.abs(head_px) < 1e4).all() and name.isascii():  # OpenCV has no other letters
        at = (int(head_px[0]) - 10, int(head_px[1]) - 12)
        cv2.putText(picture, name, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, tuple(int(c) for c in full), 1, cv2.LINE_AA)


def _line(picture: np.ndarray, a: np.ndarray, b: np.ndarray, color: tuple[int, int, int], width: int) -> None:
    if np.isfinite(a).all() and np.isfinite(b).all() and max(np.abs(a).max(), np.abs(b).max()) < 1e4:
        start, end = ((int(x * 16), int(y * 16)) for x, y in (a, b))
        cv2.line(picture, start, end, color, width, cv2.LINE_AA, 4)
