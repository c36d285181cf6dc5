"""The bone lengths of one person, from what is measured of them over the first seconds."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import (
    CANONICAL_BONE_M,
    CANONICAL_LEG_ARM_M,
    CANONICAL_STATURE_M,
    FLIP,
    INDEX,
    NUM_JOINTS,
    PARENTS,
    ROOT,
)

_PEOPLE_DIFFER = 0.08  # of a bone's length, from the standing adult's proportions
_MEASURED_MM = 25.0  # a median over seconds is still off by this: the network errs alike from frame to frame
_MOST_SAMPLES = 300
_LIMBS = np.array([INDEX[f"{side}_{end}"] for side in "rl" for end in ("knee", "ankle", "elbow", "wrist")])


def limbs_mm(stature_m: float) -> float:
    """Thigh + shin + upper arm + forearm of somebody this tall, sides averaged: what the canonical body has, scaled."""
    return 1000.0 * CANONICAL_LEG_ARM_M * stature_m / CANONICAL_STATURE_M


def bone_lengths(joints_mm: np.ndarray) -> np.ndarray:
    """(..., 24) lengths of the bones parent(j) -> j of joints (..., 24, 3), NaN = missing; 0 for the root."""
    return np.linalg.norm(joints_mm - joints_mm[..., PARENTS, :], axis=-1)


def estimate_lengths_mm(samples_mm: np.ndarray, stature_m: float) -> np.ndarray:
    """(24,) lengths of a body of this stature whose proportions are those of measured lengths (N, 24), NaN = missing.

    Medians, left and right alike, drawn towards a standing adult's proportions: a hand's length is within the error of its
    ends, a thigh's is not. Scaled so that the limbs have the length that goes with the stature.
    """
    canonical = 1000.0 * CANONICAL_BONE_M
    with_prior = canonical.copy()
    samples = np.concatenate([samples_mm, samples_mm[:, FLIP]])
    seen = np.isfinite(samples).any(0)
    seen[ROOT] = False
    if seen.any():
        used = samples[:, seen]
        median = np.median(used, axis=0) if np.isfinite(used).all() else np.nanmedian(used, axis=0)  # the latter is slow
        usable = median > 0.3 * canonical[seen]  # a collapsed bone says nothing about proportions
        if usable.any():
            scale = np.median(median[usable] / canonical[seen][usable])
            prior = scale * canonical[seen]
            weight = 1.0 / (1.0 + (_MEASURED_MM / (_PEOPLE_DIFFER * prior)) ** 2)
            with_prior *= scale
            with_prior[seen] = np.where(usable, prior + weight * (median - prior), prior)
    return with_prior * limbs_mm(stature_m) / (0.5 * with_prior[_LIMBS].sum())


class Calibration:
    """Gathers lengths until ``seconds`` of sightings have been seen; from then on the skeleton stays as it is."""

    def __init__(self, seconds: float) -> None:
        self._left_s = seconds
        self._samples: list[np.ndarray] = []
        self._proportions = np.full((1, NUM_JOINTS), np.nan)

    @property
    def done(self) -> bool:
        """Whether the proportions are final."""
        return self._left_s <= 0

    def add(self, joints_mm: np.ndarray, elapsed_s: float) -> None:
        """Take in joints (24, 3) seen ``elapsed_s`` after the sighting before; ignored once done."""
        if self.done:
            return
        self._samples.append(bone_lengths(joints_mm))
        self._left_s -= elapsed_s
        if len(self._samples) >= _MOST_SAMPLES:
            self._left_s = 0.0
        self._proportions = np.array(self._samples)
        if self.done:
            self._samples = []

    def lengths_mm(self, stature_m: float) -> np.ndarray:
        """(24,) bones as far as they are known."""
        return estimate_lengths_mm(self._proportions, stature_m)
