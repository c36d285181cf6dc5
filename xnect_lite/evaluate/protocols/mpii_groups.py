"""Average precision of MPII's multi-person benchmark (Pishchulin et al. 2016) by evalMPII's rules, in percent.

Per group of people: each person found goes with the true person of whom it has most joints right, as a share of those
labelled, and each true person keeps the best of those who go with it. Joints of kept people are right or wrong each for
itself; all joints of the others are wrong. Then average precision per joint over all groups, best score first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from xnect_lite.evaluate.protocols.pckh import COUNTED

WITHIN = 0.5
"""Of the head's size, up to which a joint is right."""
COLUMNS: dict[str, tuple[int, ...]] = {
    "head": (12, 13), "shoulder": (8, 9), "elbow": (7, 10), "wrist": (6, 11), "hip": (2, 3), "knee": (1, 4), "ankle": (0, 5),
}  # fmt: skip
"""Of each column, the rows of `JOINTS`."""
JOINTS = np.array([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9])
"""MPII ids in the toolkit's order."""
assert sorted(JOINTS.tolist()) == COUNTED.tolist()


@dataclass(frozen=True)
class Group:
    """One group. truth_px (T, 14, 2), NaN = not labelled; head_size (T,) pixels; found_px (P, 14, 2), NaN = not found;
    scores (P, 14)."""

    truth_px: np.ndarray
    head_size: np.ndarray
    found_px: np.ndarray
    scores: np.ndarray


def right_joints(group: Group) -> np.ndarray:
    """(P, 14) bool, the joints found that count as right."""
    people, found = len(group.truth_px), len(group.found_px)
    if not people or not found:
        return np.zeros((found, len(JOINTS)), bool)
    away = np.linalg.norm(group.found_px[:, None].astype(np.float64) - group.truth_px[None], axis=-1)
    with np.errstate(invalid="ignore"):
        near = away / group.head_size[None, :, None] <= WITHIN  # (P, T, 14); False where either is missing
    labelled = np.isfinite(group.truth_px[..., 0]).sum(-1)
    share = near.sum(-1) / np.maximum(labelled, 1)
    favourite = share.argmax(1)
    share = np.where(np.arange(people) == favourite[:, None], share, 0.0)
    kept = share.argmax(0)  # (T,)
    right = np.zeros((found, len(JOINTS)), bool)
    for t in np.flatnonzero(share.max(0) > 0):
        right[kept[t]] = near[kept[t], t]
    return right


def average_precision(right: np.ndarray, scores: np.ndarray, labelled: int) -> float:
    """Area under the precision-recall curve, precision made falling (all points, as in VOC). NaN if nothing is labelled."""
    if not labelled:
        return np.nan
    right = np.asarray(right, bool)[np.argsort(-np.asarray(scores), kind="stable")]
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(right) + 1))[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], hits / labelled]))
    return 100.0 * float((steps * precision).sum())


def figures(groups: Iterable[Group]) -> dict[str, float]:
    """head … ankle and map, the mean over the 14 joints; how many groups and people there were."""
    right, scores, labelled = [], [], np.zeros(len(JOINTS), int)
    count = people = 0
    for group in groups:
        found = np.isfinite(group.found_px[..., 0])
        hits = right_joints(group)
        right.append(np.where(found, hits, np.nan))
        scores.append(group.scores)
        labelled += np.isfinite(group.truth_px[..., 0]).sum(0)
        count, people = count + 1, people + len(group.truth_px)
    hits, sure = (np.concatenate([np.zeros((0, len(JOINTS))), *rows]) for rows in (right, scores))
    ap = np.array([_of_joint(hits[:, j], sure[:, j], labelled[j]) for j in range(len(JOINTS))])
    table = {name: _mean(ap[list(rows)]) for name, rows in COLUMNS.items()}
    return {**table, "map": _mean(ap), "groups": count, "people": people}


def _of_joint(hits: np.ndarray, scores: np.ndarray, labelled: int) -> float:
    found = ~np.isnan(hits)
    return average_precision(hits[found] > 0, scores[found], int(labelled))


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else np.nan
