"""Rotation matrices that SciPy has no word for. All angles in radians, all matrices (..., 3, 3) acting on columns."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from xnect_lite.stages.fitting.rotation import shortest_turn


def shortest_arc(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(3, 3) the smallest rotation that turns direction ``a`` (3,) into direction ``b`` (3,); lengths do not matter."""
    return shortest_turn((a / np.linalg.norm(a))[None], (b / np.linalg.norm(b))[None]).as_matrix()[0]


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """(3, 3) rotation by ``angle`` about ``axis`` (3,), right-handed."""
    return Rotation.from_rotvec(np.asarray(axis) / np.linalg.norm(axis) * angle).as_matrix()


def twist_angle(rotation: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(...) how far rotations (..., 3, 3) turn about the unit ``axis`` (3,): the twist of swing-twist, -pi..pi."""
    quaternion = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_quat()  # x y z w
    angle = 2 * np.arctan2(quaternion[:, :3] @ axis, quaternion[:, 3])
    return ((angle + np.pi) % (2 * np.pi) - np.pi).reshape(rotation.shape[:-2])


def halfway(a: np.ndarray, b: np.ndarray, share: float = 0.5) -> np.ndarray:
    """(..., 3, 3) rotations ``share`` of the way from ``a`` to ``b``."""
    shape = a.shape
    a, b = a.reshape(-1, 3, 3), b.reshape(-1, 3, 3)
    step = Rotation.from_matrix(np.swapaxes(a, -1, -2) @ b).as_rotvec() * share
    return (a @ Rotation.from_rotvec(step).as_matrix()).reshape(shape)
