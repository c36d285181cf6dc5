"""Rotation vectors of many matrices at once, and how they change as a matrix is turned a little. Radians, (..., 3, 3)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def to_matrix(rotvec: np.ndarray) -> np.ndarray:
    """(..., 3) rotation vectors -> (..., 3, 3) matrices acting on columns."""
    return Rotation.from_rotvec(rotvec.reshape(-1, 3)).as_matrix().reshape(*rotvec.shape[:-1], 3, 3)


def to_rotvec(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) matrices -> (..., 3) rotation vectors, at most pi long; of the nearest rotation where it is none."""
    return Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_rotvec().reshape(*matrix.shape[:-2], 3)


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) the rotations nearest to these matrices: undoes the drift of many products."""
    return Rotation.from_matrix(matrix.reshape(-1, 3, 3)).as_matrix().reshape(matrix.shape)


def transposed(matrix: np.ndarray) -> np.ndarray:
    """(..., 3, 3) inverse rotations."""
    return np.swapaxes(matrix, -1, -2)


def rotvec_jacobian(rotvec: np.ndarray) -> np.ndarray:
    """(..., 3, 3) how the rotation vector of R exp(d) changes with a small d at d = 0: the inverse right Jacobian of SO(3).

    ``rotvec`` (..., 3) is that of R, shorter than 2 pi.
    """
    angle = np.linalg.norm(rotvec, axis=-1)
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    half = 0.5 * safe
    factor = np.where(small, 1.0 / 12.0, (1.0 - half * np.cos(half) / np.sin(half)) / safe**2)
    cross = cross_matrix(rotvec)
    return np.eye(3) + 0.5 * cross + factor[..., None, None] * (cross @ cross)


def cross_matrix(vector: np.ndarray) -> np.ndarray:
    """(..., 3, 3) matrices with cross_matrix(v) @ w = v x w."""
    out = np.zeros((*vector.shape, 3))
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -z, y, -x
    out[..., 1, 0], out[..., 2, 0], out[..., 2, 1] = z, -y, x
    return out


def unit(vectors: np.ndarray) -> np.ndarray:
    """(..., 3) unit vectors; NaN for those that have no length to speak of."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.where(length > 1e-6, length, 1.0), np.nan)


def shortest_turn(start: np.ndarray, end: np.ndarray) -> Rotation:
    """The smallest rotations that take unit vectors ``start`` to ``end``, both broadcastable to (N, 3)."""
    start, end = np.broadcast_arrays(start, end)
    cosine = (start * end).sum(-1)
    # Half-angle formula. Of opposite vectors every half turn is smallest: take one about an axis across them.
    across = np.cross(start, np.where(np.abs(start[:, :1]) < 0.9, (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    axis = np.where((cosine > -1 + 1e-12)[:, None], np.cross(start, end), across)
    return Rotation.from_quat(np.concatenate([axis, np.maximum(1 + cosine, 0.0)[:, None]], axis=1))
