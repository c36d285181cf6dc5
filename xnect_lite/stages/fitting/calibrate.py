"""The bone lengths of one person, from what is measured of them over the first seconds."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import CANONICAL_BONE_M, CANONICAL_LEG_ARM_M, CANONICAL_STATURE_M, FLIP, INDEX, PARENTS, ROOT
from xnect_lite.stages.fitting.tree import stature_of

_PEOPLE_DIFFER = 0.05  # of a bone's length, from the standing adult's proportions, once the stature is the same
_MEASURED_MM = 25.0  # a median over seconds is still off by this: the network errs alike from frame to frame
_LEAST_ERROR_MM = 10.0  # whatever the network says of itself
_ALONG = 0.627  # of the expected length of a 3D error lies along one axis, for a Gaussian
_COLLAPSED = 0.3  # of the usual length: a bone this short says nothing about proportions
_MOST_SAMPLES = 300
_CANONICAL_MM = 1000.0 * CANONICAL_BONE_M
_LEG_ARM = np.array([INDEX[f"{side}_{end}"] for side in "rl" for end in ("knee", "ankle", "elbow", "wrist")])


def bone_lengths(joints_mm: np.ndarray) -> np.ndarray:
    """(..., 24) lengths of the bones parent(j) -> j of joints (..., 24, 3), NaN = missing; 0 for the root."""
    return np.linalg.norm(joints_mm - joints_mm[..., PARENTS, :], axis=-1)


def leg_arm_mm(lengths_mm: np.ndarray) -> np.ndarray:
    """(...) thigh + shin + upper arm + forearm, sides averaged, of bones (..., 24): what the canonical scale is defined by."""
    return 0.5 * lengths_mm[..., _LEG_ARM].sum(-1)


def size_of(lengths_mm: np.ndarray, lifted_stature_m: float) -> np.ndarray:
    """(...) how many times larger bodies with these bones (..., 24) are than lifting takes them to be.

    Lifting answers in the canonical scale, where everybody's legs and arms have one length whatever the stature.
    """
    return leg_arm_mm(lengths_mm) / (1000.0 * CANONICAL_LEG_ARM_M * lifted_stature_m / CANONICAL_STATURE_M)


def bone_errors_mm(spread_mm: np.ndarray) -> np.ndarray:
    """(..., 24) how far off the bone parent(j) -> j is, from the expected errors (..., 24) of the joints, NaN = not known.

    Errors add up along the chain from the root: a bone's own is what its end has more than its start.
    """
    return np.sqrt(np.maximum(spread_mm**2 - spread_mm[..., PARENTS] ** 2, 0.0))


def measured_lengths_mm(joints_mm: np.ndarray, spread_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths (..., 24) that joints (..., 24, 3) with expected errors (..., 24) speak for, and how far off these are.

    A network in doubt answers with the mean of what it thinks possible, and a mean is shorter than what it is the mean of:
    the mean square of a bone is the square of its mean and that of its error. Of the error, the part along the bone counts.
    Where the errors are not known, the lengths are as they are and off by `_MEASURED_MM`.
    """
    own = bone_errors_mm(spread_mm)
    lengths = np.hypot(bone_lengths(joints_mm), np.nan_to_num(own))
    return lengths, np.where(np.isfinite(own), np.maximum(_ALONG * own, _LEAST_ERROR_MM), _MEASURED_MM)


def estimate_lengths_mm(samples_mm: np.ndarray, stature_m: float, errors_mm: np.ndarray | None = None) -> np.ndarray:
    """(24,) lengths of a body of this stature whose proportions are those of measured lengths (N, 24), NaN = missing.

    ``errors_mm`` (N, 24) says how far off each usually is; without it, `_MEASURED_MM`. Medians by trust, left and right alike,
    drawn towards a standing adult's proportions: a hand's length is within the error of its ends, a thigh's is not. The bones
    that are known well say how large a standing adult that is. Scaled so that the T-pose has the stature: sizes come from the
    whole body, so limbs that are read too short do not swell the trunk.
    """
    errors = np.full(samples_mm.shape, _MEASURED_MM) if errors_mm is None else errors_mm
    samples, errors = np.concatenate([samples_mm, samples_mm[:, FLIP]]), np.concatenate([errors, errors[:, FLIP]])
    median = _weighted_median(samples, np.where(np.isfinite(samples), errors**-2.0, 0.0))
    usable = np.isfinite(median) & (median > _COLLAPSED * _CANONICAL_MM)
    usable[ROOT] = False
    lengths = _CANONICAL_MM.copy()
    if usable.any():
        seen, usual = median[usable], _CANONICAL_MM[usable]
        measured = np.median(errors[:, usable], axis=0) / usual
        precision = 1.0 / (_PEOPLE_DIFFER**2 + measured**2)
        scale = (precision * seen / usual).sum() / precision.sum()
        lengths *= scale
        lengths[usable] += _PEOPLE_DIFFER**2 * precision * (seen - scale * usual)
    return lengths * (1000.0 * stature_m / stature_of(lengths))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(C,) of each column of (N, C), the mean of the two middle ones if they halve the weight; NaN where no weight is."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    order = np.argsort(np.where(weights > 0, values, np.inf), axis=0)
    values, weights = np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)
    share = np.cumsum(weights, axis=0) / np.where(weights.any(0), weights.sum(0), np.nan)
    below, beyond = (share >= 0.5 - 1e-9).argmax(0), (share > 0.5 + 1e-9).argmax(0)
    both = np.take_along_axis(values, np.stack([below, beyond]), 0).mean(0)
    return np.where(weights.any(0), both, np.nan)


class Calibration:
    """Gathers lengths until ``seconds`` of sightings have been seen; from then on the skeleton stays as it is."""

    def __init__(self, seconds: float) -> None:
        self._left_s = seconds
        self._samples: list[np.ndarray] = []
        self._errors: list[np.ndarray] = []
        self._proportions_mm = _CANONICAL_MM

    @property
    def done(self) -> bool:
        """Whether the proportions are final."""
        return self._left_s <= 0

    def add(self, joints_mm: np.ndarray, spread_mm: np.ndarray, elapsed_s: float) -> None:
        """Take in joints (24, 3) and their expected errors (24,), NaN = not known, seen ``elapsed_s`` after the sighting
        before; ignored once done."""
        if self.done:
            return
        lengths, errors = measured_lengths_mm(joints_mm, spread_mm)
        self._samples.append(lengths)
        self._errors.append(errors)
        self._left_s -= elapsed_s
        if len(self._samples) >= _MOST_SAMPLES:
            self._left_s = 0.0
        self._proportions_mm = estimate_lengths_mm(np.array(self._samples), 1.0, np.array(self._errors))
        if self.done:
            self._samples, self._errors = [], []

    def lengths_mm(self, stature_m: float) -> np.ndarray:
        """(24,) bones as far as they are known."""
        return self._proportions_mm * (1000.0 * stature_m / stature_of(self._proportions_mm))
