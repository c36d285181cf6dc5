"""Drawn people who walk to and fro before a wall: a source that needs no camera, no file and no graphics card."""

from __future__ import annotations

import cv2
import numpy as np

from xnect_lite.capture.source import Source
from xnect_lite.errors import XnectError
from xnect_lite.skeleton import INDEX, ORDER, PARENTS, ROOT
from xnect_lite.stages.lifting.lift import NEUTRAL_BONES_M
from xnect_lite.types import Frame

SIZE = (960, 540)
FPS = 30.0
SECONDS = 10.0
MOST_PEOPLE = 6

_HIPS_M = 0.95  # above the floor
_CAMERA_M = 1.1
_STRIDE_HZ = 0.9
_HALF_WALK_M = 1.5  # to either side of the middle
_WALK_HZ = 0.1  # to and fro
_NEAREST_M, _BEHIND_M = 4.6, 0.6

_SKIN = ((222, 178, 150), (160, 110, 80), (240, 200, 175))
_SHIRTS = ((180, 40, 40), (40, 90, 180), (60, 140, 70), (230, 200, 60), (130, 70, 150), (235, 235, 235))
_TROUSERS = ((40, 45, 70), (90, 80, 70), (30, 30, 30), (120, 120, 130))
_HAIR, _SHOES = (50, 35, 25), (25, 25, 25)

# Limbs from far to near on the body: (joint, joint, thickness in metres, what it wears).
_LIMBS = tuple(
    (f"{side}_{a}", f"{side}_{b}", width, wears)
    for a, b, width, wears in (
        ("ankle", "toe", 0.09, "shoes"), ("knee", "ankle", 0.11, "trousers"), ("hip", "knee", 0.16, "trousers"),
        ("shoulder", "elbow", 0.10, "shirt"), ("elbow", "wrist", 0.075, "skin"), ("wrist", "hand", 0.08, "skin"),
    )
    for side in "rl"
)  # fmt: skip


class SyntheticSource(Source):
    """``people`` (1 to 6) drawn figures who cross before and behind one another for ten seconds.

    The same picture at the same time, always. `joints_cam_m` says where everybody is.
    """

    live = False
    warning = None

    def __init__(self, people: int = 2, start_s: float | None = None, end_s: float | None = None) -> None:
        if not 1 <= people <= MOST_PEOPLE:
            raise XnectError(f"synthetic:{people}", f"not within 1 to {MOST_PEOPLE} people", "Write for instance synthetic:2")
        if (start_s or 0.0) >= SECONDS:
            raise XnectError("synthetic", f"ends at {SECONDS:g} s, before the start asked for", "Choose an earlier start")
        self.name = "synthetic"
        self.size, self.fps = SIZE, FPS
        self._people = people
        self._first = int(np.ceil((start_s or 0.0) * FPS - 1e-6))
        last = round(SECONDS * FPS) if end_s is None else min(round(SECONDS * FPS), int(np.ceil(end_s * FPS - 1e-6)))
        self.frame_count: int | None = max(0, last - self._first)
        self._background = _background()
        self._index = 0
        self._closed = False

    def read(self) -> Frame | None:
        """See `Source.read`."""
        assert self.frame_count is not None
        if self._closed or self._index >= self.frame_count:
            return None
        index, self._index = self._index, self._index + 1
        t_s = (self._first + index) / FPS
        return Frame(self._draw(t_s), t_s, index)

    def close(self) -> None:
        """See `Source.close`."""
        self._closed = True

    def joints_cam_m(self, t_s: float) -> np.ndarray:
        """(P, 24, 3) everybody's joints in camera space (x right, y down, z away), metres; focal length = picture width."""
        return np.stack([_walker(t_s, number) for number in range(self._people)])

    def _draw(self, t_s: float) -> np.ndarray:
        canvas = self._background.copy()
        joints = self.joints_cam_m(t_s)
        for person in np.argsort(-joints[:, ROOT, 2]):
            _draw_person(canvas, joints[person], int(person))
        return canvas


def _walker(t_s: float, number: int) -> np.ndarray:
    """(24, 3) joints in camera space, metres, of one person at one time."""
    walk = 2 * np.pi * (_WALK_HZ * t_s + 0.5 * number + 0.13 * (number // 2))
    step = 2 * np.pi * _STRIDE_HZ * t_s + number
    heading = np.cos(walk)  # > 0 walks to the right
    facing = 0.5 * np.pi * np.tanh(4 * heading)  # turns round at either end, towards the camera
    swing = np.sin(step)
    bend = {"spine": 0.05}
    for side, phase in (("r", swing), ("l", -swing)):
        knee = 0.15 + 0.45 * (1 - np.cos(step + (np.pi if side == "r" else 0.0)))
        bend |= {f"{side}_knee": -0.45 * phase - 0.1, f"{side}_ankle": knee - 0.45 * phase - 0.1, f"{side}_toe": 0.4 * knee}
        bend |= {f"{side}_elbow": 0.45 * phase, f"{side}_wrist": 0.45 * phase - 0.5, f"{side}_hand": 0.45 * phase - 0.5}
    bones = NEUTRAL_BONES_M.copy()
    for name, angle in bend.items():  # about the axis from right to left: forwards is negative below, for what hangs
        _, y, z = bones[INDEX[name]]
        bones[INDEX[name], 1:] = y * np.cos(angle) - z * np.sin(angle), y * np.sin(angle) + z * np.cos(angle)
    x, z = bones[:, 0].copy(), bones[:, 2].copy()
    bones[:, 0], bones[:, 2] = x * np.cos(facing) - z * np.sin(facing), x * np.sin(facing) + z * np.cos(facing)
    joints = np.zeros_like(bones)
    for j in ORDER[1:]:
        joints[j] = joints[PARENTS[j]] + bones[j]
    lift = 0.02 * np.cos(2 * step)
    place = np.array([_HALF_WALK_M * np.sin(walk), _CAMERA_M - _HIPS_M - lift, _NEAREST_M + _BEHIND_M * number])
    return joints + place


def _draw_person(canvas: np.ndarray, joints_m: np.ndarray, number: int) -> None:
    """Paint one figure: what is farther from the camera first."""
    width, height = SIZE
    scale = width / joints_m[:, 2]  # pixels per metre
    xy = joints_m[:, :2] * scale[:, None] + (width / 2 - 0.5, height / 2 - 0.5)
    wear = {
        "skin": _SKIN[number % len(_SKIN)], "shirt": _SHIRTS[number % len(_SHIRTS)],
        "trousers": _TROUSERS[number % len(_TROUSERS)], "shoes": _SHOES,
    }  # fmt: skip

    def line(a: str, b: str, thickness_m: float, colour: tuple[int, int, int]) -> None:
        i, j = INDEX[a], INDEX[b]
        shade = np.clip(1.0 - 0.35 * (joints_m[[i, j], 2].mean() - joints_m[ROOT, 2]), 0.7, 1.15)
        start, end = (tuple(int(v) for v in np.round(16 * xy[k])) for k in (i, j))
        paint = tuple(float(min(255.0, c * shade)) for c in colour)
        cv2.line(canvas, start, end, paint, max(1, round(thickness_m * scale[i])), cv2.LINE_AA, 4)

    def depth(limb: tuple[str, str, float, str]) -> float:
        return float(joints_m[[INDEX[limb[0]], INDEX[limb[1]]], 2].mean())

    trunk_z = float(joints_m[ROOT, 2])
    for a, b, thickness, wears in sorted((limb for limb in _LIMBS if depth(limb) >= trunk_z), key=depth, reverse=True):
        line(a, b, thickness, wear[wears])
    line("r_hip", "l_hip", 0.20, wear["trousers"])
    corners = xy[[INDEX[n] for n in ("r_shoulder", "l_shoulder", "l_hip", "r_hip")]]
    cv2.fillPoly(canvas, [np.round(16 * corners).astype(np.int32)], wear["shirt"], cv2.LINE_AA, 4)
    line("pelvis", "neck", 0.26, wear["shirt"])
    line("r_shoulder", "l_shoulder", 0.12, wear["shirt"])
    line("neck", "head", 0.10, wear["skin"])
    _draw_head(canvas, joints_m, xy, float(scale[INDEX["head"]]), wear["skin"])
    for a, b, thickness, wears in sorted((limb for limb in _LIMBS if depth(limb) < trunk_z), key=depth, reverse=True):
        line(a, b, thickness, wear[wears])


def _draw_head(canvas: np.ndarray, joints_m: np.ndarray, xy: np.ndarray, scale: float, skin: tuple[int, int, int]) -> None:
    """Hair all over, and the face where the nose points, unless it points away."""
    head, nose = INDEX["head"], INDEX["nose"]
    middle = xy[head] - (0, 0.01 * scale)
    axes = (0.085 * scale, 0.115 * scale)
    cv2.ellipse(canvas, (tuple(middle), (2 * axes[0], 2 * axes[1]), 0.0), _HAIR, -1, cv2.LINE_AA)
    look = joints_m[nose] - joints_m[head]
    look = look / np.linalg.norm(look)
    if look[2] < 0.5:
        at = middle + scale * np.array([0.045 * look[0], 0.02])
        narrow = 0.55 + 0.35 * abs(look[2])
        cv2.ellipse(canvas, (tuple(at), (2 * narrow * axes[0], 1.6 * axes[1]), 0.0), skin, -1, cv2.LINE_AA)


def _background() -> np.ndarray:
    """(H, W, 3) a wall and a floor."""
    width, height = SIZE
    rows = np.linspace(0, 1, height)[:, None, None]
    wall = (205, 200, 190) * (1.0 - 0.15 * rows)
    floor = (150, 130, 110) * (0.8 + 0.3 * rows)
    picture = np.where(rows > 0.66, floor, wall) * np.ones((1, width, 1))
    grain = np.random.default_rng(0).normal(0, 3, (height, width, 1))
    return np.clip(picture + grain, 0, 255).astype(np.uint8)
