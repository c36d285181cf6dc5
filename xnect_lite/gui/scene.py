"""What stands in the 3D view, as plain arrays in world metres; OpenGL and the plain painter draw the same scene.

World axes: X right, Y up, Z toward the viewer (see `orbit`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from xnect_lite.gui.orbit import world_from_cam_mm
from xnect_lite.record.painting import person_color
from xnect_lite.skeleton import BONES, INDEX, ROOT
from xnect_lite.types import People, PoseResult

GRID_STEP_M = 0.5
_GRID_HALF_CELLS = 10
_BONE_WAIST = 0.15  # where along a bone it is thickest
_BONE_THICKNESS = 0.11  # half width there, of the bone's length
_MAX_HALF_WIDTH_M = 0.035
_JOINT_RADIUS_M = 0.022
_FRUSTUM_M = 0.4
_LIGHT = np.array([0.35, 0.85, 0.4]) / np.linalg.norm([0.35, 0.85, 0.4])
_AMBIENT = 0.5
_FEET = [INDEX[name] for name in ("r_toe", "l_toe", "r_ankle", "l_ankle")]
_DEFAULT_FLOOR_M = -1.0

_OCTAHEDRON = np.array([(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], np.float64)
_OCTAHEDRON_FACES = np.array([(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)])
# A bone: vertex 0 its start, 1-4 a square at the waist, 5 its end.
_BONE_FACES = np.array([(0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 1, 4), (5, 1, 2), (5, 2, 3), (5, 3, 4), (5, 4, 1)])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One moment.

    bones_m   (B, 2, 3) both ends of every bone.       bone_rgb  (B, 3) uint8.
    joints_m  (J, 3).                                  joint_rgb (J, 3) uint8.
    labels    (where, text, (r, g, b)) per person, above the head.
    owners    (J,) the identity of every joint.   chosen: the label that is outlined; "" = none.
    floor_m   height of the floor.
    """

    bones_m: np.ndarray
    bone_rgb: np.ndarray
    joints_m: np.ndarray
    joint_rgb: np.ndarray
    labels: tuple[tuple[np.ndarray, str, tuple[int, int, int]], ...] = ()
    floor_m: float = _DEFAULT_FLOOR_M
    owners: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    chosen: str = ""

    @property
    def extent_m(self) -> np.ndarray:
        """(N, 3) what should be in view: joints and labels."""
        return np.concatenate([self.joints_m, *(where[None] for where, _, _ in self.labels)])

    @classmethod
    def empty(cls, floor_m: float = _DEFAULT_FLOOR_M) -> Scene:
        """Nobody there."""
        none = np.zeros((0, 3))
        rgb = np.zeros((0, 3), np.uint8)
        return cls(np.zeros((0, 2, 3)), rgb, none, rgb, (), floor_m)


def build_scene(
    people: People,
    floor_m: float = _DEFAULT_FLOOR_M,
    *,
    color_of: Callable[[int], tuple[int, int, int]] = person_color,
    label_of: Callable[[int], str] | None = None,
    chosen: int = 0,
) -> Scene:
    """Everyone whose place in space is known; joints that are NaN and their bones are left out.

    color_of, label_of, chosen: as in `painting.draw_overlay`.
    """
    owners: list[int] = []
    joints_m = world_from_cam_mm(people.joints_cam_mm)
    known = np.isfinite(joints_m).all(-1)
    bones, bone_rgb, joints, joint_rgb, labels = [], [], [], [], []
    for person in range(len(people)):
        identity = int(people.ids[person])
        color = color_of(identity)
        for a, b in BONES:
            if known[person, a] and known[person, b]:
                bones.append(joints_m[person, [a, b]])
                bone_rgb.append(color)
        here = joints_m[person, known[person]]
        joints.extend(here)
        joint_rgb.extend([color] * len(here))
        owners.extend([identity] * len(here))
        if len(here):
            middle = joints_m[person, ROOT] if known[person, ROOT] else here.mean(0)
            above = np.array([middle[0], here[:, 1].max() + 0.12, middle[2]])
            text = label_of(identity) if label_of else str(identity) if identity > 0 else "?"
            labels.append((above, text, color))
    return Scene(
        bones_m=np.array(bones).reshape(-1, 2, 3),
        bone_rgb=np.array(bone_rgb, np.uint8).reshape(-1, 3),
        joints_m=np.array(joints).reshape(-1, 3),
        joint_rgb=np.array(joint_rgb, np.uint8).reshape(-1, 3),
        labels=tuple(labels),
        floor_m=floor_m,
        owners=np.array(owners, np.int64),
        chosen=(label_of or str)(chosen) if chosen else "",
    )


def triangles(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Bones and joints as solids: (F, 3, 3) corners, and (F, 3, 4) colours 0..1 with the light already in them."""
    solids = [_bone_solids(scene.bones_m), _joint_solids(scene.joints_m)]
    corners = np.concatenate(solids)
    rgb = np.concatenate([np.repeat(c, 8, axis=0) for c in (scene.bone_rgb, scene.joint_rgb)]) / 255.0
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    shade = _AMBIENT + (1 - _AMBIENT) * np.clip(normals @ _LIGHT, 0, 1)
    colors = np.concatenate([rgb * shade[:, None], np.ones((len(rgb), 1))], axis=1)
    return corners.astype(np.float32), np.repeat(colors[:, None], 3, axis=1).astype(np.float32)


def _bone_solids(bones_m: np.ndarray) -> np.ndarray:
    """(8 B, 3, 3) corners of a double pyramid per bone, faces outward."""
    start, end = bones_m[:, 0], bones_m[:, 1]
    along = end - start
    length = np.linalg.norm(along, axis=1, keepdims=True)
    direction = along / np.maximum(length, 1e-9)
    helper = np.where(np.abs(direction[:, 1:2]) < 0.9, (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    side = np.cross(direction, helper)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    half = np.minimum(length * _BONE_THICKNESS, _MAX_HALF_WIDTH_M)
    across, side = np.cross(direction, side) * half, side * half
    waist = start + _BONE_WAIST * along
    vertices = np.stack([start, waist + side, waist + across, waist - side, waist - across, end], axis=1)
    return vertices[:, _BONE_FACES].reshape(-1, 3, 3)


def _joint_solids(joints_m: np.ndarray) -> np.ndarray:
    """(8 J, 3, 3) corners of an octahedron per joint, faces outward."""
    vertices = joints_m[:, None] + _JOINT_RADIUS_M * _OCTAHEDRON
    return vertices[:, _OCTAHEDRON_FACES].reshape(-1, 3, 3)


def grid_lines(floor_m: float, centre_m: tuple[float, float, float]) -> np.ndarray:
    """(N, 2, 3) the ground: squares of 0.5 m around ``centre_m``, on lines that stay where they are as it moves."""
    x0, z0 = (round(c / GRID_STEP_M) * GRID_STEP_M for c in (centre_m[0], centre_m[2]))
    steps = np.arange(-_GRID_HALF_CELLS, _GRID_HALF_CELLS + 1) * GRID_STEP_M
    reach = _GRID_HALF_CELLS * GRID_STEP_M
    along_z = [[(x0 + s, floor_m, z0 - reach), (x0 + s, floor_m, z0 + reach)] for s in steps]
    along_x = [[(x0 - reach, floor_m, z0 + s), (x0 + reach, floor_m, z0 + s)] for s in steps]
    return np.array(along_z + along_x)


def frustum_lines(width: int, height: int, focal_px: float) -> np.ndarray:
    """(N, 2, 3) the film camera at the origin: its field of view, and a tick that marks its upper side."""
    x, y = 0.5 * width / focal_px * _FRUSTUM_M, 0.5 * height / focal_px * _FRUSTUM_M
    a, b, c, d = ((sx * x, sy * y, -_FRUSTUM_M) for sx, sy in ((-1, 1), (1, 1), (1, -1), (-1, -1)))
    peak, eye = (0.0, 1.35 * y, -_FRUSTUM_M), (0.0, 0.0, 0.0)
    pairs = [(eye, a), (eye, b), (eye, c), (eye, d), (a, b), (b, c), (c, d), (d, a), (a, peak), (peak, b)]
    return np.array(pairs)


@dataclass(slots=True)
class FloorEstimate:
    """Height of the floor: where feet have mostly been lowest, assuming that the camera is held level."""

    _lowest_m: deque[float] = field(default_factory=lambda: deque(maxlen=150))

    def update(self, result: PoseResult) -> float:
        """World height in metres after this frame."""
        feet_m = world_from_cam_mm(result.people.joints_cam_mm)[:, _FEET, 1]
        for height in np.where(np.isfinite(feet_m), feet_m, np.inf).min(axis=1, initial=np.inf):
            if np.isfinite(height):
                self._lowest_m.append(float(height))
        return float(np.percentile(self._lowest_m, 20)) if self._lowest_m else _DEFAULT_FLOOR_M

    def reset(self) -> None:
        """Forget: another source."""
        self._lowest_m.clear()
