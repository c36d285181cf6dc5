"""PCKh of MPII Human Pose, one person at a time (Andriluka et al. 2014), in percent.

A joint is right if it is at most a share of the head's size away from the label; the head's size is 0.6 of the diagonal of the
head box. 14 of the 16 joints count: not pelvis and thorax. Joints by MPII's ids, as in `skeleton.MPII16`.
"""

from __future__ import annotations

import numpy as np

HEAD_SHARE = 0.6
COUNTED = np.array([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15])
UPPER_BODY = np.array([10, 11, 12, 13, 14, 15])
COLUMNS: dict[str, tuple[int, ...]] = {
    "head": (8, 9), "shoulder": (12, 13), "elbow": (11, 14), "wrist": (10, 15), "hip": (2, 3), "knee": (1, 4), "ankle": (0, 5),
}  # fmt: skip
"""Joints of each column of the official table. Its head is upper neck and head top; HRNet's table prints the top alone."""
HEAD_TOP = 9
AUC_THRESHOLDS = np.arange(51) / 100


def head_size(head_box_xyxy: np.ndarray) -> np.ndarray:
    """(...,) pixels, of boxes (..., 4)."""
    box = np.asarray(head_box_xyxy, np.float64)
    return HEAD_SHARE * np.linalg.norm(box[..., 2:] - box[..., :2], axis=-1)


def head_errors(found_px: np.ndarray, truth_px: np.ndarray, labelled: np.ndarray, head_box_xyxy: np.ndarray) -> np.ndarray:
    """(N, 16) distances in head sizes: NaN where nothing is labelled, infinite where the joint was not found (NaN).

    found_px, truth_px (N, 16, 2), labelled (N, 16) bool, head_box_xyxy (N, 4).
    """
    away = np.linalg.norm(np.asarray(found_px, np.float64) - np.asarray(truth_px, np.float64), axis=-1)
    errors = np.where(np.isnan(away), np.inf, away) / head_size(head_box_xyxy)[:, None]
    return np.where(labelled, errors, np.nan)


def per_joint(errors: np.ndarray, threshold: float) -> np.ndarray:
    """(16,) share of each joint's labels that are right: within the threshold or exactly on it; NaN where there are none."""
    labelled = ~np.isnan(errors)
    right = (np.nan_to_num(errors, nan=np.inf) <= threshold).sum(0)
    count = labelled.sum(0)
    return np.where(count > 0, 100.0 * right / np.maximum(count, 1), np.nan)


def mean(errors: np.ndarray, threshold: float, joints: np.ndarray = COUNTED) -> float:
    """Over all labels of these joints together, so that a joint labelled more often weighs more."""
    chosen = errors[:, joints]
    count = int((~np.isnan(chosen)).sum())
    return 100.0 * int((np.nan_to_num(chosen, nan=np.inf) <= threshold).sum()) / count if count else np.nan


def figures(errors: np.ndarray) -> dict[str, float]:
    """The row of the published tables at 0.5, and what stands beside it.

    mean_at_0.1 is at 0.10. mean_at_0.11 is what HRNet's and DynConv's tables print as 0.1: they read their curve one step on.
    """
    at_half = per_joint(errors, 0.5)

    def column(joints: tuple[int, ...]) -> float:
        known = at_half[list(joints)]
        return float(np.nanmean(known)) if not np.isnan(known).all() else np.nan

    return {
        **{name: column(joints) for name, joints in COLUMNS.items()},
        "mean": mean(errors, 0.5), "mean_at_0.1": mean(errors, 0.1), "mean_at_0.11": mean(errors, 0.11),
        "head_top": column((HEAD_TOP,)), "upper_body": mean(errors, 0.5, UPPER_BODY),
        "auc": float(np.mean([mean(errors, threshold) for threshold in AUC_THRESHOLDS])),
        "people": len(errors),
    }  # fmt: skip
