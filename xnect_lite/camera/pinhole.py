"""The pinhole camera: viewing rays, projection, and where in space a person stands.

Camera axes: x right, y down, z away. The principal point is the image centre; without calibration the focal length is
the longer side of the picture. ``focal_px`` is one focal length, or (2,) those of x and y.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from xnect_lite.skeleton import joint_box

NEAR_MM = 100.0
"""Nothing is placed nearer to the camera than this."""

_REWEIGHTINGS = 3
_OUTLIER_SIGMAS = 2.5
_ONE_PIXEL = 1e-12  # variance of viewing directions below which all joints are on one spot
_FLOOR_OF_EXTENT = 0.01  # residuals this small, relative to the person's size in the picture, are never outliers


def default_focal_px(width: int, height: int) -> float:
    """Focal length assumed without calibration, pixels: the longer side of the source picture."""
    return float(max(width, height))


def image_centre_px(width: int, height: int) -> np.ndarray:
    """(2,) principal point, pixels; integer coordinates are pixel centres."""
    return np.array([(width - 1) / 2, (height - 1) / 2])


def ray_rotation(xy_px: ArrayLike, focal_px: ArrayLike, centre_px: ArrayLike) -> np.ndarray:
    """(..., 3, 3) rotation R with v_camera = R v_ray for the viewing ray through each pixel.

    R is the shortest-arc rotation that takes the optical axis (0, 0, 1) to the ray. The inverse is the transpose.

    Args:
        xy_px: (..., 2) pixels; NaN there gives NaN.
        focal_px: one for both axes, or (2,).
        centre_px: (2,) principal point.
    """
    offset = (np.asarray(xy_px, np.float64) - np.asarray(centre_px, np.float64)) / np.asarray(focal_px, np.float64)
    norm = np.sqrt(1.0 + (offset**2).sum(-1))
    x, y, z = offset[..., 0] / norm, offset[..., 1] / norm, 1.0 / norm
    k = 1.0 / (1.0 + z)  # z > 0: a pixel is in front of the camera
    rows = ((1 - k * x * x, -k * x * y, x), (-k * x * y, 1 - k * y * y, y), (-x, -y, z))
    return np.stack([np.stack(row, -1) for row in rows], -2)


def project(points_cam_mm: ArrayLike, focal_px: ArrayLike, centre_px: ArrayLike) -> np.ndarray:
    """(..., 2) pixels of points before the camera; NaN for those at or behind it.

    Args:
        points_cam_mm: (..., 3) camera space, mm.
        focal_px: one for both axes, or (2,).
        centre_px: (2,) principal point.
    """
    points = np.asarray(points_cam_mm, np.float64)
    depth = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
    return np.asarray(focal_px, np.float64) * points[..., :2] / depth + np.asarray(centre_px, np.float64)


def place_root(
    joints_mm: ArrayLike, joints_px: ArrayLike, weights: ArrayLike, focal_px: ArrayLike, centre_px: ArrayLike
) -> np.ndarray:
    """(..., 3) where each person's root is in camera space, mm, so that the joints project onto their pixels.

    A joint that is NaN, or has no weight, is left out. Weighted linear least squares (XNect's camera-relative
    localisation), then a few rounds in which joints that project far from their pixels lose weight. Every joint ends at
    least `NEAR_MM` in front of the camera; where the linear answer would not, the depth is that of a weak-perspective
    camera. NaN for a person with fewer than two joints, or all of them on one pixel.

    Args:
        joints_mm: (..., J, 3) root-relative, camera axes.
        joints_px: (..., J, 2) pixels.
        weights: (..., J) trust in each joint, >= 0.
        focal_px: one for both axes, or (2,).
        centre_px: (2,) principal point.
    """
    pose = np.asarray(joints_mm, np.float64)
    uv = (np.asarray(joints_px, np.float64) - np.asarray(centre_px, np.float64)) / np.asarray(focal_px, np.float64)
    given = np.asarray(weights, np.float64)
    used = np.isfinite(pose).all(-1) & np.isfinite(uv).all(-1) & (given > 0)
    nearest = np.where(np.isfinite(pose[..., 2]), pose[..., 2], np.inf).min(-1)
    given = np.where(used, given, 0.0)
    pose, uv = np.where(used[..., None], pose, 0.0), np.where(used[..., None], uv, 0.0)
    solvable = used.sum(-1) >= 2

    floor = _FLOOR_OF_EXTENT * _extent(uv, used)
    weight = given
    root = _solve(pose, uv, weight, nearest)
    for _ in range(_REWEIGHTINGS):
        points = pose + root[..., None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            residual = np.linalg.norm(points[..., :2] / points[..., 2:] - uv, axis=-1)
        scale = np.maximum(1.4826 * _masked_median(residual, used), floor)[..., None]
        weight = given / (1.0 + (residual / (_OUTLIER_SIGMAS * np.maximum(scale, 1e-12))) ** 2) ** 2
        weight = np.where(np.isfinite(weight), weight, 0.0)
        root = _solve(pose, uv, weight, nearest)
    return np.where(solvable[..., None], root, np.nan)


def _solve(pose: np.ndarray, uv: np.ndarray, weight: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """(..., 3) weighted least squares over joints that are free of NaN. ``nearest`` (...) is the least Z of any joint.

    A joint (X, Y, Z) at T projects onto (u, v) if uZ - X = Tx - u Tz and vZ - Y = Ty - v Tz. With one Tz for both, that
    is the regression of two lines with a common slope, which has a closed form.
    """
    total = weight.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (weight / total)[..., None]
        right = uv * pose[..., 2:] - pose[..., :2]
        mean_uv, mean_right, mean_xyz = ((share * a).sum(-2) for a in (uv, right, pose))
        spread_uv = (share * (uv - mean_uv[..., None, :]) ** 2).sum((-2, -1))
        spread_xy = (share * (pose[..., :2] - mean_xyz[..., None, :2]) ** 2).sum((-2, -1))
        covariance = (share * (uv - mean_uv[..., None, :]) * (right - mean_right[..., None, :])).sum((-2, -1))
        linear = -covariance / spread_uv
        weak = np.sqrt(spread_xy / spread_uv) - mean_xyz[..., 2]
    depth = np.where(linear + nearest >= NEAR_MM, linear, np.maximum(weak, NEAR_MM - nearest))
    depth = np.where(spread_uv > _ONE_PIXEL, depth, np.nan)
    return np.concatenate([mean_right + mean_uv * depth[..., None], depth[..., None]], -1)


def _extent(uv: np.ndarray, used: np.ndarray) -> np.ndarray:
    """(...) diagonal of the box around the joints in use."""
    low, high = joint_box(np.where(used[..., None], uv, np.nan))
    return np.where(used.any(-1), np.linalg.norm(np.where(high >= low, high - low, 0.0), axis=-1), 0.0)


def _masked_median(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(...) median of the masked values of each row, 0 for a row without any; values that are not finite count as large."""
    ordered = np.sort(np.where(mask, np.nan_to_num(values, nan=1e9, posinf=1e9), np.inf), axis=-1)
    middle = np.maximum(mask.sum(-1) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]
    return np.where(mask.any(-1), median, 0.0)
