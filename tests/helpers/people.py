"""Synthetic people with exact, constant bone lengths: a walker and a random mover, in camera axes as the pipeline speaks.

They are built by forward kinematics of their own, independent of the code under test.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.skeleton import CANONICAL_BONE_M, INDEX, NUM_JOINTS, ORDER, PARENTS, ROOT

# Body axes: x to the person's left, y up, z forward.
_FOOT_SLOPE_DEG = 25.0
_NOSE = np.array([0.0, 0.1, 1.0]) / np.hypot(0.1, 1.0)

# The segment that carries each bone parent(j) -> j, and the segment that one hangs on.
_SEGMENT_OF = {
    "spine": "lower_back", "neck": "chest", "head": "neck",
    "head_top": "head", "nose": "head", "r_ear": "head", "l_ear": "head",
} | {
    f"{side}_{joint}": segment if segment == "pelvis" else f"{side}_{segment}"
    for side in "rl"
    for joint, segment in (
        ("shoulder", "collar"), ("elbow", "arm"), ("wrist", "forearm"), ("hand", "hand"),
        ("hip", "pelvis"), ("knee", "thigh"), ("ankle", "shin"), ("toe", "foot"),
    )
}  # fmt: skip
_SEGMENT_PARENT = {"pelvis": "", "lower_back": "pelvis", "chest": "lower_back", "neck": "chest", "head": "neck"} | {
    f"{side}_{segment}": parent if parent in ("chest", "pelvis") else f"{side}_{parent}"
    for side in "rl"
    for segment, parent in (
        ("collar", "chest"), ("arm", "collar"), ("forearm", "arm"), ("hand", "forearm"),
        ("thigh", "pelvis"), ("shin", "thigh"), ("foot", "shin"),
    )
}  # fmt: skip


def _rest_direction(name: str) -> np.ndarray:
    side = {"l_": 1.0, "r_": -1.0}.get(name[:2], 0.0)
    slope = np.radians(_FOOT_SLOPE_DEG)
    if name[2:] in ("shoulder", "elbow", "wrist", "hand", "hip", "ear"):
        return np.array([side, 0.0, 0.0])
    if name[2:] in ("knee", "ankle"):
        return np.array([0.0, -1.0, 0.0])
    if name[2:] == "toe":
        return np.array([0.0, -np.sin(slope), np.cos(slope)])
    return _NOSE if name == "nose" else np.array([0.0, 1.0, 0.0])


def posed_body_mm(local: dict[str, Rotation], frames: int) -> np.ndarray:
    """(F, 24, 3) pelvis-relative millimetres in upright axes (x camera right, y up, z towards the camera).

    ``local``: segment -> F rotations in the parent segment's axes, from the T-pose that faces the camera; segments left out
    do not turn. Segments: pelvis lower_back chest neck head, and with l_ or r_: collar arm forearm hand thigh shin foot.
    """
    world: dict[str, Rotation] = {"": Rotation.identity(frames)}
    for segment, parent in _SEGMENT_PARENT.items():
        world[segment] = world[parent] * local.get(segment, Rotation.identity(frames))
    joints_mm = np.zeros((frames, NUM_JOINTS, 3))
    for name, segment in _SEGMENT_OF.items():
        joints_mm[:, INDEX[name]] = world[segment].apply(1000 * CANONICAL_BONE_M[INDEX[name]] * _rest_direction(name))
    for j in ORDER:
        if j != ROOT:
            joints_mm[:, j] += joints_mm[:, PARENTS[j]]
    return joints_mm


def to_camera_mm(upright_mm: np.ndarray) -> np.ndarray:
    """Upright axes -> camera axes (x right, y down, z away)."""
    return upright_mm * (1.0, -1.0, -1.0)


def about(axis: str, degrees: np.ndarray | float, frames: int) -> Rotation:
    """F turns about one axis, e.g. ``about("x", 30, 10)``; +x tips forwards what points up, +y turns to the person's left."""
    return Rotation.from_euler(axis, np.broadcast_to(degrees, (frames,))[:, None], degrees=True)


def walking_person(
    t_s: np.ndarray,
    *,
    facing_deg: float | np.ndarray = 0.0,
    start_cam_mm: tuple[float, float] = (0.0, 4000.0),
    speed_m_s: float = 0.0,
    cadence_hz: float = 0.9,
    camera_height_mm: float = 1000.0,
    scale: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Somebody walking on a level floor, one toe always on it.

    t_s:              (F,) seconds, any spacing.
    facing_deg:       0 = faces the camera; positive turns to the person's own left (90: faces the camera's right).
    start_cam_mm:     (x right, z away) of the pelvis at t = 0.
    speed_m_s:        along the facing direction at t = 0; 0 walks on the spot.
    cadence_hz:       strides (two steps) per second.
    camera_height_mm: of a level camera above the floor.
    scale:            1 = canonical bone lengths.

    Returns joints_mm (F, 24, 3) root-relative and root_cam_mm (F, 3), camera axes.
    """
    t_s = np.asarray(t_s, float)
    frames, phase = len(t_s), 2 * np.pi * cadence_hz * np.asarray(t_s, float)
    facing_deg = np.broadcast_to(np.asarray(facing_deg, float), (frames,))
    local = {
        "pelvis": about("y", facing_deg + 5 * np.sin(phase), frames) * about("z", 3 * np.sin(phase), frames),
        "lower_back": about("z", -3 * np.sin(phase), frames) * about("x", 4, frames),
        "chest": about("y", -9 * np.sin(phase), frames),
        "neck": about("x", 12, frames),
        "head": about("y", 15 * np.sin(0.7 * phase), frames) * about("x", -8, frames),
    }
    for side, sign in (("l", 1.0), ("r", -1.0)):
        swing = sign * np.sin(phase)
        knee = 5 + 25 * (1 - np.cos(phase + (0.0 if side == "l" else np.pi)))
        local |= {
            f"{side}_collar": about("z", sign * 3, frames),
            f"{side}_arm": about("x", 20 * swing, frames) * about("z", -sign * 78, frames),
            f"{side}_forearm": about("y", -sign * (20 + 10 * np.cos(phase)), frames),
            f"{side}_hand": about("z", -sign * 5, frames),
            f"{side}_thigh": about("x", -25 * swing - 5, frames),
            f"{side}_shin": about("x", knee, frames),
            f"{side}_foot": about("x", -0.5 * knee + 10 * swing, frames),
        }
    upright_mm = scale * posed_body_mm(local, frames)
    toes_mm = upright_mm[:, [INDEX["l_toe"], INDEX["r_toe"]], 1]
    heading = np.radians(facing_deg[0]) if frames else 0.0
    walked_mm = 1000 * speed_m_s * t_s
    root_cam_mm = np.stack(
        [
            start_cam_mm[0] + walked_mm * np.sin(heading),
            camera_height_mm + toes_mm.min(axis=1),
            start_cam_mm[1] - walked_mm * np.cos(heading),
        ],
        axis=1,
    )
    return to_camera_mm(upright_mm), root_cam_mm


def random_mover(t_s: np.ndarray, seed: int, swing_deg: float = 60.0) -> tuple[np.ndarray, np.ndarray]:
    """Smooth random motion of every joint; elbows and knees are hinges that bend by 20 to 120 degrees.

    Returns joints_mm (F, 24, 3) root-relative and root_cam_mm (F, 3), camera axes, canonical bone lengths.
    """
    rng = np.random.default_rng(seed)
    t_s = np.asarray(t_s, float)

    def smooth(channels: int) -> np.ndarray:
        """(F, channels) within -1..1, at most about 0.5 Hz."""
        rate = 2 * np.pi * rng.uniform(0.1, 0.5, (2, channels))
        return np.sin(rate * t_s[:, None, None] + rng.uniform(0, 2 * np.pi, (2, channels))).mean(axis=1)

    local = {segment: Rotation.from_rotvec(smooth(3) * np.radians(swing_deg)) for segment in _SEGMENT_PARENT}
    local["pelvis"] = about("y", 360 * smooth(1)[:, 0], len(t_s)) * local["pelvis"]
    for side, sign in (("l", 1.0), ("r", -1.0)):
        local[f"{side}_forearm"] = about("y", -sign * (70 + 50 * smooth(1)[:, 0]), len(t_s))
        local[f"{side}_shin"] = about("x", 70 + 50 * smooth(1)[:, 0], len(t_s))
    root_cam_mm = np.array([0.0, 0.0, 4000.0]) + 500 * smooth(3)
    return to_camera_mm(posed_body_mm(local, len(t_s))), root_cam_mm
