"""Who is under the mouse. No Qt."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import BONES

REACH_PX = 14.0
_STARTS, _ENDS = np.array([a for a, _ in BONES]), np.array([b for _, b in BONES])


def nearest_person(joints_px: np.ndarray, ids: np.ndarray, x_px: float, y_px: float, reach_px: float = REACH_PX) -> int:
    """The identity of the person (P, 24, 2) a bone of whom is nearest to a point, 0 if none is within ``reach_px``."""
    if not len(joints_px):
        return 0
    start, end = joints_px[:, _STARTS].astype(float), joints_px[:, _ENDS].astype(float)
    along, to = end - start, np.array([x_px, y_px]) - start
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((to * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9), 0, 1)
        away = np.linalg.norm(to - share[..., None] * along, axis=-1)
    away = np.where(np.isfinite(away), away, np.inf).min(axis=1)
    nearest = int(np.argmin(away))
    return int(ids[nearest]) if away[nearest] <= reach_px else 0


def nearest_joint(points_px: np.ndarray, owners: np.ndarray, x_px: float, y_px: float, reach_px: float = 2 * REACH_PX) -> int:
    """The owner of the point (N, 2) nearest to a place, 0 if none is within ``reach_px``."""
    if not len(points_px):
        return 0
    away = np.hypot(points_px[:, 0] - x_px, points_px[:, 1] - y_px)
    away = np.where(np.isfinite(away), away, np.inf)
    nearest = int(np.argmin(away))
    return int(owners[nearest]) if away[nearest] <= reach_px else 0
