"""MuPoTS-3D's official score (Mehta et al. 2018), rule by rule as in its published evaluation script.

Per frame: true people are matched in the picture (joints within 40 px), in the order they are stored; everybody is centred at
the pelvis; the bones found are given the true bones' lengths; then 3DPCK. People missed count as wrong in 'all' and not at
all in 'matched'; people found whom nobody annotated never count. 17 joints in the order of `skeleton.MUPOTS17`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xnect_lite.evaluate.protocols.pck3d import COUNTED, THRESHOLD_MM, auc, mpjpe, pck, pck_by_group

PELVIS = 14
_NECK, _R_SHOULDER, _L_SHOULDER, _R_HIP, _L_HIP = 1, 2, 5, 8, 11
MATCHED_ON = slice(1, 14)
"""Neck to left ankle: what people are matched on."""
NEAR_PX = 40.0
_PARENTS = (1, 15, 1, 2, 3, 1, 5, 6, 14, 8, 9, 14, 11, 12, 14, 14, 1)
_OUTWARDS = (15, 1, 0, 16, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)  # every joint but the pelvis, after its parent


def with_middles(joints: np.ndarray) -> np.ndarray:
    """(..., 17, C) with a missing neck put between the shoulders and a missing pelvis between the hips, as the rules allow."""
    out = np.array(joints, np.float64)
    for middle, one, other in ((_NECK, _R_SHOULDER, _L_SHOULDER), (PELVIS, _R_HIP, _L_HIP)):
        mean = (out[..., one, :] + out[..., other, :]) / 2
        out[..., middle, :] = np.where(np.isnan(out[..., middle, :]), mean, out[..., middle, :])
    return out


def match_people(truth_px: np.ndarray, found_px: np.ndarray) -> np.ndarray:
    """(T,) which of the people found (P, 17, 2) is each true person (T, 17, 2); -1 = missed.

    A true person takes, of those who are left, whoever has most joints less than 40 px away in x and in y, the first of
    equals. True people choose in the order they are stored. A joint that was not found (NaN) is near nothing.
    """
    out = np.full(len(truth_px), -1)
    if not len(found_px):
        return out
    with np.errstate(invalid="ignore"):
        near = (np.abs(truth_px[:, None, MATCHED_ON] - found_px[None, :, MATCHED_ON]) < NEAR_PX).all(-1)
    joints = near.sum(-1)  # (T, P)
    for t, row in enumerate(joints):
        best = int(row.argmax())
        if row[best] > 0:
            out[t] = best
            joints[:, best] = 0
    return out


def with_true_bones(found_mm: np.ndarray, truth_mm: np.ndarray) -> np.ndarray:
    """(N, 17, 3) poses found, every bone as long as the true one and pointing where it did; the pelvis stays."""
    out = np.array(found_mm, np.float64)
    for j in _OUTWARDS:
        parent = _PARENTS[j]
        bone = found_mm[:, j] - found_mm[:, parent]
        length = np.linalg.norm(truth_mm[:, j] - truth_mm[:, parent], axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):  # a bone without length has no direction: the joint is wrong
            out[:, j] = out[:, parent] + bone * (length / np.linalg.norm(bone, axis=-1))[:, None]
    return out


def joint_errors(found_mm: np.ndarray, truth_mm: np.ndarray, relative: bool = True) -> np.ndarray:
    """(N, 17) mm of matched people, bones mapped; ``relative`` to the pelvis, or in camera space."""
    if relative:
        found_mm, truth_mm = (joints - joints[:, [PELVIS]] for joints in (found_mm, truth_mm))
    return np.linalg.norm(with_true_bones(found_mm, truth_mm) - truth_mm, axis=-1)


@dataclass(frozen=True)
class Truth:
    """The T people of one frame that count. Axes as in `data.readers.mupots.MupotsSequence`."""

    annot2: np.ndarray
    annot3: np.ndarray
    univ_annot3: np.ndarray
    occluded: np.ndarray


@dataclass(frozen=True)
class SequenceErrors:
    """N true people of all frames of a sequence; errors of people missed are infinite.

    relative_mm       (N, 17) root-relative against univ_annot3: the official ones.
    absolute_mm       (N, 17) in camera space against annot3.
    absolute_univ_mm  (N, 17) in camera space against univ_annot3, as some scripts have it.
    matched           (N,) bool.
    occluded          (N, 17) bool.
    """

    name: str
    relative_mm: np.ndarray
    absolute_mm: np.ndarray
    absolute_univ_mm: np.ndarray
    matched: np.ndarray
    occluded: np.ndarray


def sequence_errors(
    name: str, truths: Sequence[Truth], found: Sequence[tuple[np.ndarray, np.ndarray]], absolute: bool = True
) -> SequenceErrors:
    """Frame i of the sequence holds ``truths[i]``; there, pixels (P, 17, 2) and mm (P, 17, 3) of people were found.

    ``absolute``: the millimetres are in camera space, not only right up to where the person is.
    """
    shape = (sum(len(truth.annot2) for truth in truths), 17)
    relative, in_camera, univ = (np.full(shape, np.inf) for _ in range(3))
    matched, start = np.zeros(shape[0], bool), 0
    for truth, (found_px, found_mm) in zip(truths, found, strict=True):
        partner = match_people(truth.annot2, with_middles(found_px))
        hit = partner >= 0
        rows = start + np.flatnonzero(hit)
        start += len(partner)
        matched[rows] = True
        mm = with_middles(found_mm[partner[hit]])
        relative[rows] = joint_errors(mm, truth.univ_annot3[hit].astype(np.float64))
        if absolute:
            in_camera[rows] = joint_errors(mm, truth.annot3[hit].astype(np.float64), relative=False)
            univ[rows] = joint_errors(mm, truth.univ_annot3[hit].astype(np.float64), relative=False)
    occluded = np.concatenate([np.zeros((0, 17), bool), *(truth.occluded for truth in truths)])
    return SequenceErrors(name, relative, in_camera, univ, matched, occluded)


def sequence_table(sequences: Sequence[SequenceErrors]) -> dict[str, dict[str, float]]:
    """Sequence -> its figures: pck and auc of all and of matched people, how many people there are, share found."""
    return {
        one.name: {
            "pck_all": pck(one.relative_mm), "pck_matched": pck(one.relative_mm[one.matched]),
            "auc_all": auc(one.relative_mm), "auc_matched": auc(one.relative_mm[one.matched]),
            "people": len(one.matched),
            "found": 100.0 * float(one.matched.mean()) if len(one.matched) else np.nan,
        }
        for one in sequences
    }  # fmt: skip


def totals(sequences: Sequence[SequenceErrors], absolute: bool = True) -> dict[str, float]:
    """Figures of the whole set, each under the name of its aggregation; NaN where there was nothing to measure.

    ``*_sequences``: mean over sequences (of matched people, over those in which somebody was matched); ``*_pooled``: over all
    joints of all people, as the totals of the benchmark's authors. Absolute PCK, occluded and visible joints are pooled.
    """
    table = sequence_table(sequences)
    joined = {
        key: np.concatenate([getattr(one, key) for one in sequences])
        for key in ("relative_mm", "absolute_mm", "absolute_univ_mm", "matched", "occluded")
    }
    errors, matched = joined["relative_mm"], joined["matched"]
    out: dict[str, float] = {}
    for which, rows in (("all", slice(None)), ("matched", matched)):
        for name, of in (("pck", pck), ("auc", auc)):
            column = np.array([row[f"{name}_{which}"] for row in table.values()])
            out[f"{name}_{which}_sequences"] = float(np.nanmean(column)) if np.isfinite(column).any() else np.nan
            out[f"{name}_{which}_pooled"] = of(errors[rows])
        for name, mask in (("occluded", joined["occluded"]), ("visible", ~joined["occluded"])):
            out[f"pck_{which}_{name}"] = _masked_pck(errors[rows], mask[rows])
        for name, key in (("absolute", "absolute_mm"), ("absolute_univ", "absolute_univ_mm")):
            out[f"pck_{which}_{name}"] = pck(joined[key][rows]) if absolute else np.nan
    out["mpjpe_matched_mm"] = mpjpe(errors[matched])
    out["people"], out["found"] = len(matched), 100.0 * float(matched.mean()) if len(matched) else np.nan
    return out


def group_table(sequences: Sequence[SequenceErrors]) -> dict[str, dict[str, float]]:
    """'all' and 'matched' -> pooled PCK of head, neck … ankle."""
    errors = np.concatenate([one.relative_mm for one in sequences])
    matched = np.concatenate([one.matched for one in sequences])
    return {"all": pck_by_group(errors), "matched": pck_by_group(errors[matched])}


def _masked_pck(errors_mm: np.ndarray, mask: np.ndarray) -> float:
    """Of the joints in the mask; the published breakdown counts exactly 150 mm as right, unlike the score itself."""
    errors, mask = errors_mm[:, COUNTED], mask[:, COUNTED]
    if not mask.any():
        return np.nan
    with np.errstate(invalid="ignore"):
        return 100.0 * float((errors <= THRESHOLD_MM)[mask].mean())
