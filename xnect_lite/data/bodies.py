"""Metric 3D joints as data sets give them, into what location maps are taught in: the canonical body in viewing-ray axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.camera.pinhole import ray_rotation
from xnect_lite.data.tally import Reason
from xnect_lite.skeleton import CANONICAL_LEG_ARM_M, INDEX, ROOT, derive_joints

_HUMAN_LEG_ARM_MM = (500.0, 2500.0)
_NEAR_MM = 100.0
_OFF_SHARE = 0.1  # of the person's size in the picture: labels that do not belong together are much farther off


def leg_arm_length(joints: np.ndarray) -> np.ndarray:
    """Thigh + shin + upper arm + forearm, sides averaged, of joints (..., 24, 3); same unit as the joints."""
    total = np.zeros(joints.shape[:-2], joints.dtype)
    for a, b in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
        for s in "rl":
            total = total + 0.5 * np.linalg.norm(joints[..., INDEX[f"{s}_{a}"], :] - joints[..., INDEX[f"{s}_{b}"], :], axis=-1)
    return total


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera: focal lengths and principal point, pixels."""

    fx: float
    fy: float
    cx: float
    cy: float

    @property
    def focal_px(self) -> float:
        """Mean of both focal lengths."""
        return (self.fx + self.fy) / 2

    def project(self, points_cam_mm: np.ndarray) -> np.ndarray:
        """(..., 2) pixels of (..., 3) points."""
        xy = points_cam_mm[..., :2] / points_cam_mm[..., 2:]
        return xy * (self.fx, self.fy) + (self.cx, self.cy)


def fit_intrinsics(points_cam_mm: np.ndarray, points_px: np.ndarray) -> Intrinsics | None:
    """The camera of points (..., 3) in camera space and their pixels (..., 2), by least squares; None if they do not tell.

    For data sets that label both but give no calibration beside them. A second fit leaves out what is far off the first.
    """
    points, pixels = points_cam_mm.reshape(-1, 3).astype(np.float64), points_px.reshape(-1, 2).astype(np.float64)
    usable = np.isfinite(points).all(1) & np.isfinite(pixels).all(1) & (points[:, 2] > _NEAR_MM)
    points, pixels = points[usable], pixels[usable]
    keep = np.ones(len(points), bool)
    camera = None
    for _ in range(3):
        slant = points[keep, :2] / points[keep, 2:]
        if keep.sum() < 4 or (np.ptp(slant, axis=0) < 1e-3).any():
            return None
        (fx, cx), (fy, cy) = (np.polyfit(slant[:, i], pixels[keep, i], 1) for i in range(2))
        camera = Intrinsics(float(fx), float(fy), float(cx), float(cy))
        error = np.linalg.norm(camera.project(points) - pixels, axis=1)
        keep = error <= max(3 * float(np.median(error)), 1e-3)
    return camera if camera is not None and camera.fx > 0 and camera.fy > 0 else None


def canonical_body(
    joints_cam_mm: np.ndarray, joints_px: np.ndarray, camera: Intrinsics | None
) -> tuple[np.ndarray, np.ndarray] | Reason:
    """(24, 3) joints_ray_mm and (3,) root_cam_mm of one person's metric joints (24, 3), or why there are none.

    The ray is that of the pelvis itself, so no calibration is needed for it. With ``camera``, joints that project far from
    ``joints_px`` (24, 2) are refused: one of the two is then somebody else's.
    """
    joints = derive_joints(np.asarray(joints_cam_mm, np.float64))
    root = joints[ROOT]
    size = leg_arm_length(joints)
    if not np.isfinite(size) or not np.isfinite(root).all():
        return Reason.BODY_NAN
    if not _HUMAN_LEG_ARM_MM[0] <= size <= _HUMAN_LEG_ARM_MM[1]:
        return Reason.BODY_SIZE
    if root[2] < _NEAR_MM:
        return Reason.BODY_BEHIND
    if camera is not None and _is_off(joints, joints_px, camera):
        return Reason.BODY_OFF
    turn = ray_rotation(root[:2] / root[2], 1.0, (0.0, 0.0))
    return ((joints - root) @ turn * (1000 * CANONICAL_LEG_ARM_M / size)).astype(np.float32), root.astype(np.float32)


def _is_off(joints: np.ndarray, joints_px: np.ndarray, camera: Intrinsics) -> bool:
    both = np.isfinite(joints_px).all(-1) & (joints[:, 2] > _NEAR_MM)
    if not both.any():
        return False
    error = np.linalg.norm(camera.project(joints[both]) - joints_px[both], axis=-1)
    return float(np.median(error)) > _OFF_SHARE * float(np.ptp(joints_px[both], axis=0).max()) + 2
