"""3DPCK and AUC over the 14 joints that MPI-INF-3DHP and MuPoTS-3D count (Mehta et al. 2017, 2018), in percent.

Joints are in the order of `skeleton.MUPOTS17`; a joint whose error is NaN or infinite is wrong at every threshold.
"""

from __future__ import annotations

import numpy as np

THRESHOLD_MM = 150.0
AUC_THRESHOLDS_MM = np.arange(0, 151, 5)
"""31 of them; nothing is below the first, so the largest AUC is 96.8."""

GROUPS: dict[str, tuple[int, ...]] = {
    "head": (0,), "neck": (1,), "shoulder": (2, 5), "elbow": (3, 6), "wrist": (4, 7), "hip": (8, 11), "knee": (9, 12),
    "ankle": (10, 13),
}  # fmt: skip
"""Joints of each column of the published tables. Pelvis, spine and head (of the neck's other end) are in none."""

COUNTED = np.array(sorted(j for members in GROUPS.values() for j in members))


def pck(errors_mm: np.ndarray) -> float:
    """Share of the counted joints of (N, 17) errors that are strictly below 150 mm; NaN if there is nobody."""
    return _share_below(errors_mm[:, COUNTED], THRESHOLD_MM)


def pck_by_group(errors_mm: np.ndarray) -> dict[str, float]:
    """The same for each column."""
    return {name: _share_below(errors_mm[:, list(joints)], THRESHOLD_MM) for name, joints in GROUPS.items()}


def auc(errors_mm: np.ndarray) -> float:
    """Mean of `pck` over the thresholds 0, 5 … 150 mm."""
    return float(np.mean([_share_below(errors_mm[:, COUNTED], float(threshold)) for threshold in AUC_THRESHOLDS_MM]))


def mpjpe(errors_mm: np.ndarray) -> float:
    """Mean error of all 17 joints that were found."""
    known = errors_mm[np.isfinite(errors_mm)]
    return float(known.mean()) if len(known) else np.nan


def _share_below(errors_mm: np.ndarray, threshold_mm: float) -> float:
    with np.errstate(invalid="ignore"):
        return 100.0 * float((errors_mm < threshold_mm).mean()) if errors_mm.size else np.nan


def relative_errors(found_mm: np.ndarray, truth_mm: np.ndarray, root: int) -> np.ndarray:
    """(N, 17) mm with both poses put on their roots, neither turned nor scaled; infinite where nothing was found (NaN)."""
    found, truth = (joints - joints[:, [root]] for joints in (found_mm, truth_mm))
    errors = np.linalg.norm(found - truth, axis=-1)
    return np.where(np.isnan(errors), np.inf, errors)
