"""Keypoint average precision as COCO defines it, over the joints that COCO and XNECT24 both know."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from xnect_lite.skeleton import COCO17

AP_JOINTS = np.array(sorted(j for j in COCO17.xnect if j >= 0))
"""Nose, ears and the 12 limb joints."""

OKS_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_RECALLS = np.linspace(0, 1, 101)
_MOST_PEOPLE = 20  # per picture, best first


@dataclass
class KeypointAp:
    """Adds up pictures. Per person found: (thresholds,) whether it is right, and whether it counts; and its score."""

    right: list[np.ndarray] = field(default_factory=list)
    counts: list[np.ndarray] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    labelled: int = 0

    def add(self, oks: np.ndarray, scores: np.ndarray, ignored: np.ndarray) -> None:
        """Count a picture: oks (T, P) of labelled and found people, scores (P,), ignored (P,) bool.

        At each threshold the people found, best first, take the best labelled person that is left. Whom none is left for
        is wrong, or does not count if ``ignored``: found where somebody may be whom nobody labelled.
        """
        self.labelled += len(oks)
        nobody = np.full((1, len(scores)), -1.0)  # so that there is somebody to look for in empty pictures
        oks = np.concatenate([oks, nobody])
        free = np.ones((len(OKS_THRESHOLDS), len(oks)), bool)
        for p in np.argsort(-scores, kind="stable")[:_MOST_PEOPLE]:
            left = np.where(free, oks[:, p], -1.0)  # (thresholds, T + 1)
            right = left.max(1) >= OKS_THRESHOLDS
            free[np.flatnonzero(right), left.argmax(1)[right]] = False
            self.right.append(right)
            self.counts.append(right | (not ignored[p]))
            self.scores.append(float(scores[p]))

    def figures(self) -> dict[str, float]:
        """ap: mean over OKS .50 to .95; ap_50. NaN where nobody is labelled."""
        if not self.labelled:
            return {"ap": np.nan, "ap_50": np.nan}
        order = np.argsort(-np.array(self.scores), kind="stable")
        shape = (-1, len(OKS_THRESHOLDS))
        right, counts = (np.array(rows, bool).reshape(shape)[order] for rows in (self.right, self.counts))
        each = [_average_precision(right[counts[:, i], i], self.labelled) for i in range(len(OKS_THRESHOLDS))]
        return {"ap": float(np.mean(each)), "ap_50": each[0]}


def _average_precision(right: np.ndarray, labelled: int) -> float:
    """Mean of the best precision at or beyond each of 101 recalls. right (N,) bool, best first."""
    hits = np.cumsum(right)
    recall, precision = hits / labelled, hits / np.arange(1, len(right) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.append(precision, 0.0)[at].mean())
