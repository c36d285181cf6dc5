"""How a body stands against its truth: shape whichever way it is turned, size, distance, knees, facing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from xnect_lite.skeleton import INDEX, ROOT
from xnect_lite.stages.facing import facing
from xnect_lite.stages.fitting.calibrate import bone_lengths, leg_arm_mm

_STRAIGHT_DEG = 15.0  # a knee bent by less is one of a straight leg
_TURNED_DEG = 90.0
_LEAST_JOINTS = 4  # for a turn and a scale to mean anything


def aligned(found_mm: np.ndarray, truth_mm: np.ndarray) -> np.ndarray:
    """Joints (J, 3) after the turn, shift and scale that bring them nearest to the truth (J, 3): Procrustes, no mirroring."""
    found, truth = found_mm - found_mm.mean(0), truth_mm - truth_mm.mean(0)
    u, size, vt = np.linalg.svd(found.T @ truth)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    scale = (size * sign).sum() / max((found**2).sum(), 1e-12)
    return scale * found @ (u * sign) @ vt + truth_mm.mean(0)


def knee_bend_deg(joints_mm: np.ndarray) -> np.ndarray:
    """(..., 2) by how much the left and the right knee of joints (..., 24, 3) are bent; 0 = straight."""
    bends = []
    for side in "lr":
        hip, knee, ankle = (joints_mm[..., INDEX[f"{side}_{name}"], :] for name in ("hip", "knee", "ankle"))
        bends.append(_angle_deg(knee - hip, ankle - knee))
    return np.stack(bends, -1)


def _angle_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


@dataclass
class BodyScore:
    """Adds up matched people."""

    pa_mm: list[float] = field(default_factory=list)  # per joint
    distance_mm: list[float] = field(default_factory=list)  # found less true
    limbs: list[float] = field(default_factory=list)  # found / true
    knee_deg: list[float] = field(default_factory=list)  # off by
    straight_knee_deg: list[float] = field(default_factory=list)  # bend where there is none
    facing_deg: list[float] = field(default_factory=list)  # off by
    error_px: list[float] = field(default_factory=list)

    def add(self, truth_cam_mm: np.ndarray, found_cam_mm: np.ndarray) -> None:
        """Count people of one frame: joints (N, 24, 3) of the truth and as found, camera space; NaN = not known."""
        for truth, found in zip(truth_cam_mm, found_cam_mm - found_cam_mm[:, [ROOT]], strict=True):
            known = np.isfinite(truth).all(-1) & np.isfinite(found).all(-1)
            if known.sum() >= _LEAST_JOINTS:
                self.pa_mm += np.linalg.norm(aligned(found[known], truth[known]) - truth[known], axis=-1).tolist()
        away = np.linalg.norm(found_cam_mm[:, ROOT], axis=-1) - np.linalg.norm(truth_cam_mm[:, ROOT], axis=-1)
        self.distance_mm += away.tolist()
        self.limbs += (leg_arm_mm(bone_lengths(found_cam_mm)) / leg_arm_mm(bone_lengths(truth_cam_mm))).tolist()
        true_bend, bend = knee_bend_deg(truth_cam_mm), knee_bend_deg(found_cam_mm)
        self.knee_deg += np.abs(bend - true_bend).ravel().tolist()
        self.straight_knee_deg += bend[true_bend < _STRAIGHT_DEG].tolist()
        self.facing_deg += _angle_deg(facing(found_cam_mm), facing(truth_cam_mm)).tolist()

    def add_2d(self, truth_px: np.ndarray, found_px: np.ndarray, score: np.ndarray) -> None:
        """Count joints (N, 24, 2) that were detected: ``score`` (N, 24) above 0."""
        self.error_px += np.linalg.norm(found_px - truth_px, axis=-1)[score > 0].tolist()

    def figures(self) -> dict[str, float]:
        """Every figure by name, NaN where nothing was measured.

        pa_mpjpe_mm        mean error of the joints after the best turn, shift and scale of each body
        distance_mm        mean of how much farther from the camera than in truth the pelvis is
        limbs              thigh + shin + upper arm + forearm over the true one, mean
        knee_deg           by how much the bend of a knee is off, median
        straight_knee_deg  bend of knees that are straight in truth (by less than 15 degrees), median
        facing_deg, turned by how much the direction of the chest is off, median; share of people off by more than 90 degrees
        error_px           distance of detected joints in the picture, median
        """
        facing_deg = _known(self.facing_deg)
        return {
            "pa_mpjpe_mm": _of(np.mean, self.pa_mm),
            "distance_mm": _of(np.mean, self.distance_mm),
            "limbs": _of(np.mean, self.limbs),
            "knee_deg": _of(np.median, self.knee_deg),
            "straight_knee_deg": _of(np.median, self.straight_knee_deg),
            "facing_deg": _of(np.median, self.facing_deg),
            "turned": float((facing_deg > _TURNED_DEG).mean()) if len(facing_deg) else np.nan,
            "error_px": _of(np.median, self.error_px),
        }


def _known(values: list[float]) -> np.ndarray:
    array = np.array(values, float)
    return array[np.isfinite(array)]


def _of(statistic: Callable[[np.ndarray], np.floating], values: list[float]) -> float:
    known = _known(values)
    return float(statistic(known)) if len(known) else float("nan")
