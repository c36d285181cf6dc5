"""2D and 3D accuracy on labelled pictures: matching by OKS, PCK@0.2, recall by height, AP, limbs joined, MPJPE, 3DPCK.

A missed person or joint counts as wrong. Definitions are those of the design's Metrics section.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from xnect_lite.evaluate.association import LimbScore
from xnect_lite.evaluate.average_precision import AP_JOINTS, KeypointAp
from xnect_lite.evaluate.conditions import ConditionScore
from xnect_lite.skeleton import INDEX, JOINTS, LIMB_JOINTS_12, OKS_SIGMA, ROOT, joint_box

PCK_SHARE = 0.2
PCK3D_MM = 150.0
HEIGHT_BINS_NET_PX = ((100.0, np.inf), (50.0, 100.0), (0.0, 50.0))


def extent(joints_px: np.ndarray) -> np.ndarray:
    """(..., 2) width and height of the box around the joints (..., 24, 2) that are not NaN; 0 where there is none."""
    low, high = joint_box(joints_px)
    return np.where(high >= low, high - low, 0.0)


def oks_matrix(truth_px: np.ndarray, found_px: np.ndarray, joints: np.ndarray | slice = slice(None)) -> np.ndarray:
    """(T, P) object keypoint similarity over the truth's labelled joints; a joint that was not found adds 0.

    truth_px (T, 24, 2), found_px (P, 24, 2), NaN = none. The area is that of the truth's box, as people fill about half.
    ``joints`` restricts the joints that are compared.
    """
    area = np.maximum(0.53 * extent(truth_px).prod(-1), 1.0)
    square = ((truth_px[:, None, joints] - found_px[None, :, joints]) ** 2).sum(-1)
    similarity = np.exp(-square / (2 * area[:, None, None] * (2 * OKS_SIGMA[joints]) ** 2))
    labelled = np.isfinite(truth_px[:, joints, 0])
    return np.nan_to_num(similarity).sum(-1) / np.maximum(labelled.sum(-1), 1)[:, None]


def match(truth_px: np.ndarray, found_px: np.ndarray, least: float = 0.05) -> np.ndarray:
    """(T,) index of the person found for each person of the truth, one to one by best total OKS; -1 = missed."""
    oks = oks_matrix(truth_px, found_px)
    out = np.full(len(truth_px), -1)
    for t, p in zip(*linear_sum_assignment(-oks), strict=True):
        if oks[t, p] > least:
            out[t] = p
    return out


@dataclass
class KeypointScore:
    """Adds up pictures and says how good the predictions were."""

    hits: list[np.ndarray] = field(default_factory=list)  # (12,) per person: 1 hit, 0 wrong, NaN not labelled
    heights: list[float] = field(default_factory=list)
    oks: list[float] = field(default_factory=list)
    errors_mm: list[float] = field(default_factory=list)
    joints_missed: int = 0  # known in 3D, of people who were not found
    ap: KeypointAp = field(default_factory=KeypointAp)
    limbs: LimbScore = field(default_factory=LimbScore)
    conditions: ConditionScore = field(default_factory=ConditionScore)
    found: int = 0
    matched: int = 0

    def add_pck(self, human_px: np.ndarray, label_px: np.ndarray, found_px: np.ndarray) -> np.ndarray:
        """Count one picture's people that carry human joints; returns (T, 12) 1 = hit, 0 = wrong, NaN = not labelled.

        human_px (T, 24, 2) human joints, NaN = none; label_px (T, 24, 2) best labels, used to match and, where the human
        gave no torso, for its length; found_px (P, 24, 2).
        """
        partner, hits = match(label_px, found_px), np.full((len(label_px), len(LIMB_JOINTS_12)), np.nan)
        for t in np.flatnonzero(np.isfinite(human_px[:, LIMB_JOINTS_12, 0]).any(1)):
            torso = np.linalg.norm(human_px[t, INDEX["l_shoulder"]] - human_px[t, INDEX["r_hip"]])
            if not np.isfinite(torso):
                torso = np.linalg.norm(label_px[t, INDEX["l_shoulder"]] - label_px[t, INDEX["r_hip"]])
            if not np.isfinite(torso):
                continue
            truth = human_px[t, LIMB_JOINTS_12]
            hit = np.zeros(len(LIMB_JOINTS_12))
            if partner[t] >= 0:
                away = np.linalg.norm(found_px[partner[t], LIMB_JOINTS_12] - truth, axis=-1)
                hit = (np.nan_to_num(away, nan=np.inf) <= PCK_SHARE * torso).astype(float)
            hits[t] = np.where(np.isfinite(truth[:, 0]), hit, np.nan)
            self.hits.append(hits[t])
        return hits

    def add_recall(
        self, label_px: np.ndarray, found_px: np.ndarray, net_scale: float, in_ignored: np.ndarray | None = None
    ) -> np.ndarray:
        """Count one picture's labelled people as found at OKS >= .5 or not; returns their (T,) OKS.

        ``net_scale``: network px per source px.

        ``in_ignored`` (P,) marks people found in areas nobody labelled: unless they match a label, they are neither right
        nor wrong.
        """
        oks = oks_matrix(label_px, found_px)
        best = np.zeros(len(label_px))
        counted = np.ones(len(found_px), bool) if in_ignored is None else ~in_ignored
        for t, p in zip(*linear_sum_assignment(-oks), strict=True):
            best[t] = oks[t, p]
            counted[p] |= oks[t, p] >= 0.5
        self.heights += list(extent(label_px)[:, 1] * net_scale)
        self.oks += list(best)
        self.found += int(counted.sum())
        self.matched += int((best >= 0.5).sum())
        return best

    def add_ap(self, label_px: np.ndarray, found_px: np.ndarray, scores: np.ndarray, in_ignored: np.ndarray) -> None:
        """Count one picture for average precision; scores (P,), in_ignored (P,) as in `add_recall`.

        Labelled people without a joint that COCO knows are neither to be found nor wrong to find.
        """
        countable = np.isfinite(label_px[:, AP_JOINTS, 0]).any(1)
        on_others = (oks_matrix(label_px[~countable], found_px) >= 0.5).any(0)
        self.ap.add(oks_matrix(label_px[countable], found_px, AP_JOINTS), scores, in_ignored | on_others)

    def add_3d(self, truth_mm: np.ndarray, found_mm: np.ndarray, weight: np.ndarray) -> None:
        """Add root-relative errors of matched people: (N, 24, 3) each, (N, 24) > 0 where the truth is known."""
        error = np.linalg.norm((found_mm - found_mm[:, [ROOT]]) - (truth_mm - truth_mm[:, [ROOT]]), axis=-1)
        known = (weight > 0) & np.isfinite(error)
        known[:, ROOT] = False
        self.errors_mm += list(error[known])

    def add_missed_3d(self, weight: np.ndarray) -> None:
        """Add people who were not found: (N, 24) > 0 where the truth is known."""
        self.joints_missed += int((np.delete(weight, ROOT, 1) > 0).sum())

    def figures(self, exact: bool = False) -> dict[str, float]:
        """Every figure by name; NaN where there was nothing to count.

        pck over joints; recall by network height; person_precision, the share of the people found that are labelled (a
        lower bound where pictures hold people whom nobody labelled); ap, ap_50; limbs; and of 3D the mean error in mm of
        people found, the share of their joints within 150 mm, and that share with people missed counted as wrong.
        ``exact`` says that the 3D truth is one; else the figures are called after the teacher.
        """
        hits = np.array(self.hits).reshape(-1, len(LIMB_JOINTS_12))
        heights, oks = np.array(self.heights), np.array(self.oks)
        out = {"pck": float(np.nanmean(hits)) if hits.size else np.nan, "pck_people": float(len(hits))}
        for low, high in HEIGHT_BINS_NET_PX:
            inside = (heights >= low) & (heights < high)
            name = f"recall_{low:.0f}" if np.isinf(high) else f"recall_{low:.0f}_{high:.0f}"
            out[name] = float((oks[inside] >= 0.5).mean()) if inside.any() else np.nan
        out["person_precision"] = self.matched / self.found if self.found else np.nan
        errors, source = np.array(self.errors_mm), "" if exact else "_teacher"
        known = len(errors) + self.joints_missed
        near = int((errors <= PCK3D_MM).sum())
        return {
            **out, **self.ap.figures(), **self.limbs.figures(),
            f"mpjpe{source}_mm": float(errors.mean()) if len(errors) else np.nan,
            f"pck3d_150_found{source}": near / len(errors) if len(errors) else np.nan,
            f"pck3d_150{source}": near / known if known else np.nan,
        }  # fmt: skip


def per_joint_pck(score: KeypointScore) -> dict[str, float]:
    """PCK of each of the 12 joints by name."""
    hits = np.array(score.hits).reshape(-1, len(LIMB_JOINTS_12))
    return {JOINTS[j]: float(np.nanmean(hits[:, i])) for i, j in enumerate(LIMB_JOINTS_12)}
