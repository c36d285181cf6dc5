"""From what the stages before say of the people in a frame, and what is remembered of them, to what they are fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xnect_lite.camera.intrinsics import Camera
from xnect_lite.camera.pinhole import NEAR_MM
from xnect_lite.config import FittingConfig
from xnect_lite.skeleton import PARENTS
from xnect_lite.stages.fitting.body import Body
from xnect_lite.stages.fitting.energy import Evidence
from xnect_lite.stages.fitting.knees import looks_straight
from xnect_lite.stages.fitting.tree import BONES_TO
from xnect_lite.types import People

_SANE_RAY = 50.0  # a pixel farther from the axis, in focal lengths, is no measurement
_SPREAD_RANGE_MM = (15.0, 300.0)
_ABSOLUTE_TO_SIGMA = 0.627  # expected length of a 3D error -> spread per axis, for a Gaussian


def gather(
    people: People,
    joints_mm: np.ndarray,
    placed_mm: np.ndarray,
    bodies: Sequence[Body],
    camera: Camera,
    t_s: float,
    config: FittingConfig,
) -> Evidence:
    """The evidence on these people at ``t_s``. ``joints_mm`` (P, 24, 3) are theirs, and ``placed_mm`` (P, 3) where their roots
    were placed for bodies of their size, in upright axes, NaN = missing."""
    lengths = np.stack([body.lengths_mm for body in bodies])
    targets = with_lengths(joints_mm, lengths)
    known = np.isfinite(targets).all(-1)
    spread = np.clip(_ABSOLUTE_TO_SIGMA * people.spread_mm.astype(np.float64), *_SPREAD_RANGE_MM)
    spread = np.where(np.isfinite(spread), spread, config.spread_3d_mm)
    rays = camera.rays(people.joints_px)
    found = (np.abs(rays) < _SANE_RAY).all(-1) & (people.joint_score > 0)
    score = np.clip(np.nan_to_num(people.joint_score.astype(np.float64)), 0.0, 1.0)

    warm = np.array([body.pose is not None for body in bodies], float)
    elapsed = np.array([body.elapsed_s(t_s) for body in bodies])
    speed = np.array([config.root_speed_mm_s, config.root_speed_mm_s, config.depth_speed_mm_s])
    last = [body.predicted(t_s) for body in bodies]
    root, root_weight = _place(
        np.concatenate([pose.root_mm for pose in last]), warm[:, None] / (speed * elapsed[:, None]), placed_mm, config
    )
    return Evidence(
        lengths_mm=lengths,
        joints_mm=np.where(known[..., None], targets, 0.0),
        joints_weight=np.where(known, 1.0 / spread, 0.0),
        rays=np.where(found[..., None], rays, 0.0),
        rays_weight=np.where(found, np.sqrt(score) / config.spread_2d_mm, 0.0),
        root_mm=root,
        root_weight=root_weight,
        last_local=np.concatenate([pose.local for pose in last]),
        turn_weight=warm / (config.turn_speed * elapsed),
        straight_weight=_straight_weight(rays, found, root, root_weight, lengths, config),
    )


def _straight_weight(
    rays: np.ndarray,
    found: np.ndarray,
    root_mm: np.ndarray,
    root_weight: np.ndarray,
    lengths_mm: np.ndarray,
    config: FittingConfig,
) -> np.ndarray:
    """(P, 2) how much a bent knee counts against a pose, per radian; nothing for who is nowhere yet."""
    if not config.spread_straight_deg:
        return np.zeros((len(rays), 2))
    depth_mm = np.where(root_weight[:, 2] > 0, np.maximum(-root_mm[:, 2], NEAR_MM), 0.0)
    return looks_straight(rays, found, depth_mm, lengths_mm) / np.radians(config.spread_straight_deg)


def _place(
    predicted_mm: np.ndarray, weight: np.ndarray, placed_mm: np.ndarray, config: FittingConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Where the roots should be (P, 3), and how surely (P, 3): as predicted, and as far away as they were placed.

    How far away somebody is, the solve over measured joints says better than a skeleton does whose bones point a little wrong:
    bones that lean towards the camera are read too flat, and a body so spread out seems farther away.
    """
    with np.errstate(invalid="ignore"):
        depth = np.where(placed_mm[:, 2] < 0, -placed_mm[:, 2], np.nan)
    placed = np.isfinite(depth)
    precision = np.zeros_like(weight)
    precision[placed, 2] = (config.spread_depth * np.maximum(depth[placed], NEAR_MM)) ** -2.0
    total = weight**2 + precision
    moved = np.where(precision > 0, np.nan_to_num(placed_mm) - predicted_mm, 0.0) * precision
    return predicted_mm + moved / np.where(total > 0, total, 1.0), np.sqrt(total)


def with_lengths(joints_mm: np.ndarray, lengths_mm: np.ndarray) -> np.ndarray:
    """(P, 24, 3) joints with the directions of the measured bones and the lengths of the skeleton (P, 24).

    NaN joints stay NaN. What hangs below one cannot be chained from the root, and stays where it was measured.
    """
    bones = joints_mm - joints_mm[:, PARENTS]
    length = np.linalg.norm(bones, axis=-1, keepdims=True)
    bones = np.where(length > 1.0, bones / np.where(length > 1.0, length, 1.0) * lengths_mm[..., None], bones)
    missing = np.isnan(bones)
    chained = BONES_TO @ np.where(missing, 0.0, bones)
    return np.where((BONES_TO @ missing) > 0, joints_mm, chained)
