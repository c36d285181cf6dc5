"""From what grouping read off the maps to complete, metric, root-relative 3D poses placed in camera space.

The pose in viewing-ray axes comes from the lifting network (Stage II), or without one from the raw read-out: bones are
chained from the pelvis, and bones nobody saw take a neutral standing body's, turned with the torso. Either is then turned to
camera axes, scaled to the assumed stature and placed by the linear solve.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.camera.intrinsics import Camera
from xnect_lite.camera.pinhole import place_root, project, ray_rotation
from xnect_lite.skeleton import CANONICAL_BONE_M, CANONICAL_STATURE_M, INDEX, NUM_JOINTS, ORDER, PARENTS, ROOT
from xnect_lite.types import People

_LENGTH_RANGE = (0.75, 1.3)  # of the canonical body's bones
_PIXELS_MM = 30.0  # how far a surely found joint is beside its ray, as in fitting
_ALONG = 0.627  # of the expected length of a 3D error lies along one axis, for a Gaussian
_RAY_ROUNDS = 2  # pelvis not found: guess the ray, place the root, turn to its ray, place again


def _neutral_bones() -> np.ndarray:
    """(24, 3) bones of the canonical body standing upright and facing the camera, arms down; metres, ray axes."""
    direction = np.zeros((NUM_JOINTS, 3))
    for name, vector in {
        "spine": (0, -1, 0), "neck": (0, -1, 0), "head": (0, -1, 0), "head_top": (0, -1, 0), "nose": (0, 0, -1),
        "r_ear": (-1, 0, 0), "l_ear": (1, 0, 0), "r_shoulder": (-1, 0.1, 0), "l_shoulder": (1, 0.1, 0),
        "r_hip": (-1, 0, 0), "l_hip": (1, 0, 0), "r_toe": (0, 0.3, -1), "l_toe": (0, 0.3, -1),
    }.items():  # fmt: skip
        direction[INDEX[name]] = vector
    for side in "rl":
        for name in ("elbow", "wrist", "hand", "knee", "ankle"):
            direction[INDEX[f"{side}_{name}"]] = (0, 1, 0)
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    return direction / np.maximum(length, 1e-9) * CANONICAL_BONE_M[:, None]


NEUTRAL_BONES_M = _neutral_bones()
_TORSO_BONES = np.array([INDEX[n] for n in ("spine", "neck", "r_shoulder", "l_shoulder", "r_hip", "l_hip")])


def complete_bones(bones_m: np.ndarray) -> np.ndarray:
    """Fill NaN bones of (P, 24, 3) with the neutral body's, turned as the torso bones that were seen."""
    out = np.array(bones_m, np.float64)
    for person in out:
        missing = np.isnan(person[:, 0])
        missing[ROOT] = False
        if missing.any():
            seen = _TORSO_BONES[~np.isnan(person[_TORSO_BONES, 0])]
            turn = Rotation.identity()
            # One direction alone leaves the turn about itself open.
            if len(seen) >= 2 and np.linalg.svd(person[seen], compute_uv=False)[1] > 0.02:
                turn, _ = Rotation.align_vectors(person[seen], NEUTRAL_BONES_M[seen])
            person[missing] = turn.apply(NEUTRAL_BONES_M[missing])
        person[ROOT] = 0.0
    return out


def plausible_lengths(bones_m: np.ndarray) -> np.ndarray:
    """Bring bones (P, 24, 3) that are too short or too long for the canonical body into bounds, keeping their direction.

    A network in doubt answers with the mean of what it thinks possible, and means of directions are short.
    """
    length = np.linalg.norm(bones_m, axis=-1)
    low, high = (share * CANONICAL_BONE_M for share in _LENGTH_RANGE)
    wanted = np.clip(length, low, high)
    return bones_m * np.where(length > 1e-6, wanted / np.maximum(length, 1e-6), 0.0)[..., None]


def chain(bones: np.ndarray) -> np.ndarray:
    """(..., 24, 3) bones parent(j) -> j -> joints relative to the root, same unit and axes."""
    joints = np.zeros_like(bones)
    for j in ORDER[1:]:
        joints[..., j, :] = joints[..., PARENTS[j], :] + bones[..., j, :]
    return joints


class Lift(Protocol):
    """What completes poses: (P, 24, 3) joints and (P, 24) their expected error, metres of the canonical body, ray axes."""

    def __call__(self, people: People) -> tuple[np.ndarray, np.ndarray]: ...


def read_out(people: People) -> tuple[np.ndarray, np.ndarray]:
    """The raw read-out as a `Lift`; it cannot say how far off it is."""
    joints = chain(plausible_lengths(complete_bones(people.bones_ray_m)))
    return joints, np.full(joints.shape[:2], np.nan)


def lift_people(people: People, camera: Camera, stature_m: float, lift: Lift = read_out) -> People:
    """Fill joints_mm, spread_mm and root_cam_mm, and the pixels of joints that were not detected by projecting the 3D pose.

    Detected joints keep their pixels; joints inferred here keep joint_score 0.

    Args:
        people: as grouping or refining leaves them.
        camera: of the picture they were found in.
        stature_m: everybody's, metres.
        lift: people -> joints (P, 24, 3) in metres of the canonical body, viewing-ray axes, and (P, 24) how far off each is.
    """
    if not len(people):
        return people
    focal, centre = camera.focal_px, camera.centre_px
    scale = 1000.0 * stature_m / CANONICAL_STATURE_M
    found_px = camera.ideal_px(people.joints_px)
    joints_ray_m, spread_m = lift(people)
    joints_ray_mm = joints_ray_m * scale
    weight = placing_weight(people.joint_score, spread_m * scale)
    pelvis_px = found_px[:, ROOT]
    anchor = np.where(np.isfinite(pelvis_px), pelvis_px, np.nanmean(found_px, axis=1))
    for _ in range(_RAY_ROUNDS):
        rotation = ray_rotation(anchor, focal, centre)
        joints_mm = np.einsum("pij,pkj->pki", rotation, joints_ray_mm)
        root = place_root(joints_mm, found_px, weight, focal, centre)
        if np.isfinite(pelvis_px).all():
            break
        placed = project(root, focal, centre)
        anchor = np.where(np.isfinite(pelvis_px) | np.isnan(placed), anchor, placed)
    inferred = camera.project(joints_mm + root[:, None])
    joints_px = np.where(np.isfinite(people.joints_px), people.joints_px, inferred)
    return replace(
        people,
        joints_px=joints_px.astype(np.float32),
        joints_mm=joints_mm.astype(np.float32),
        spread_mm=(spread_m * scale).astype(np.float32),
        root_cam_mm=root.astype(np.float32),
    )


def placing_weight(joint_score: np.ndarray, spread_mm: np.ndarray) -> np.ndarray:
    """(P, 24) what each joint has to say about where its person is: 1 for a surely found one without error in 3D.

    A joint lies beside its viewing ray by how far off its pixel is, in millimetres there, and by how far off its place on the
    body is; ``spread_mm`` (P, 24) is the length of that, a part of it across the ray. Where it is not known, the scores decide.
    """
    across = np.nan_to_num(_ALONG * spread_mm)
    return joint_score / (1.0 + joint_score * (across / _PIXELS_MM) ** 2)
