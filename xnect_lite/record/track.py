"""What was seen of one person, as files are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xnect_lite.errors import XnectError
from xnect_lite.skeleton import NUM_JOINTS, ROOT

_FARTHEST_MM = 1e8  # from the camera; what is farther was never seen
_NOT_A_TURN = 0.2
_BLOCK = 1024  # frames looked at together: their products need not be held for hours


@dataclass(frozen=True, slots=True)
class Track:
    """What was seen of one person.

    t_s:         (F,) seconds, in any order; of equal times the last counts.
    joints_mm:   (F, 24, 3) root-relative, camera axes; NaN = missing, joints or whole frames.
    root_cam_mm: (F, 3) pelvis in camera space; NaN = missing.
    rotations, bone_lengths_mm: (F, 21, 3, 3), (F, 24) the fitted skeleton, as in `types.People`; NaN = not fitted. Where
                 anything was fitted, only that counts; the rotations of other tracks are worked out from the joints.
    bridged:     (F,) rows that were filled in after recording, not measured; None = all were measured.
    """

    t_s: np.ndarray
    joints_mm: np.ndarray
    root_cam_mm: np.ndarray
    rotations: np.ndarray | None = None
    bone_lengths_mm: np.ndarray | None = None
    bridged: np.ndarray | None = None


def clean_track(track: Track) -> Track:
    """In order of time, without repeated times or frames that hold nothing, or that were not fitted if any was.

    All in float64 but for rotations.

    Raises XnectError for a track without any pose.
    """
    t_s, joints, root = (np.asarray(a, float) for a in (track.t_s, track.joints_mm, track.root_cam_mm))
    if joints.shape != (len(t_s), NUM_JOINTS, 3) or root.shape != (len(t_s), 3):
        raise ValueError(f"a track of {len(t_s)} times has joints {joints.shape} and roots {root.shape}")
    # A joint needs all three coordinates; the root of a root-relative pose is known wherever anything is.
    joints = np.array(joints) if joints is track.joints_mm else joints
    joints[~(np.abs(joints) < _FARTHEST_MM).all(axis=2)] = np.nan
    root = np.where((np.abs(root) < _FARTHEST_MM).all(axis=1, keepdims=True), root, np.nan)
    posed = np.isfinite(joints).any(axis=(1, 2))
    joints[:, ROOT] = np.where(posed[:, None], np.nan_to_num(joints[:, ROOT]), np.nan)
    fitted = np.zeros(len(t_s), bool)
    if track.rotations is not None and track.bone_lengths_mm is not None:
        fitted = _are_turns(track.rotations) & (np.abs(track.bone_lengths_mm) < _FARTHEST_MM).all(axis=1)
    order = np.argsort(t_s, kind="stable")
    order = order[np.isfinite(t_s[order]) & (fitted if fitted.any() else posed | np.isfinite(root).all(axis=1))[order]]
    if not posed[order].any():
        raise XnectError("BVH", "the person has no 3D pose in any frame", "Leave this person out")
    order = order[np.append(np.diff(t_s[order]) > 0, True)]  # the last of its time
    bridged = np.zeros(len(t_s), bool) if track.bridged is None else np.asarray(track.bridged, bool)
    rotations, lengths_mm = track.rotations, track.bone_lengths_mm
    if not fitted.any():
        rotations = lengths_mm = None
    if np.array_equal(order, np.arange(len(t_s))):  # long takes are copied for a reason only
        return Track(t_s, joints, root, rotations, lengths_mm, bridged)
    if rotations is not None and lengths_mm is not None:
        rotations, lengths_mm = rotations[order], lengths_mm[order]
    return Track(t_s[order], joints[order], root[order], rotations, lengths_mm, bridged[order])


def is_posed(track: Track) -> bool:
    """Whether `clean_track` would leave anything of it."""
    try:
        clean_track(track)
    except XnectError:
        return False
    return True


def _are_turns(rotations: np.ndarray) -> np.ndarray:
    """(F,) whether all matrices (F, 21, 3, 3) of a frame are rotations, as far as float32 and a blend of two leave them."""
    fits = np.empty(len(rotations), bool)
    for first in range(0, len(rotations), _BLOCK):
        block = rotations[first : first + _BLOCK]
        r = np.where((np.abs(block) <= 2.0).all(axis=(2, 3), keepdims=True), block, 0.0).astype(float)
        off = np.abs(r @ np.swapaxes(r, 2, 3) - np.eye(3)).max(axis=(2, 3))
        fits[first : first + _BLOCK] = ((off < _NOT_A_TURN) & (np.linalg.det(r) > 0.0)).all(axis=1)
    return fits
