"""Rotations -> continuous Z, X, Y Euler angles, the channel order of our BVH files."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

_POLE_COSINE = 1e-6  # below this Z and Y turn about the same axis and only their sum or difference is defined


def continuous_euler_zxy_deg(matrices: np.ndarray) -> np.ndarray:
    """(N, J, 3, 3) rotation matrices over time -> (N, J, 3) degrees (z, x, y), matrix = Rz Rx Ry.

    Each frame takes, of the equivalent triples, the one nearest the frame before, so that no channel jumps by a whole turn
    or flips at the pole; angles may therefore leave -180..180. The first frame has |x| <= 90.
    """
    m = np.asarray(matrices, float)
    z = np.degrees(np.arctan2(-m[..., 0, 1], m[..., 1, 1]))
    cos_x = np.hypot(m[..., 2, 0], m[..., 2, 2])
    x = np.degrees(np.arctan2(m[..., 2, 1], cos_x))
    y = np.degrees(np.arctan2(-m[..., 2, 0], m[..., 2, 2]))
    at_pole = cos_x < _POLE_COSINE
    sign = np.where(x > 0, 1.0, -1.0)
    joint_turn = np.degrees(np.arctan2(m[..., 1, 0], m[..., 0, 0]))  # at a pole: z + sign * y
    out = np.empty((*z.shape, 3))
    previous = np.zeros((z.shape[1], 3))
    for n in range(len(out)):
        pole_z = previous[:, 0] if n else 0.0
        frame_z = np.where(at_pole[n], pole_z, z[n])
        frame_y = np.where(at_pole[n], sign[n] * (joint_turn[n] - pole_z), y[n])
        plain = np.stack([frame_z, x[n], frame_y], axis=1)
        if n == 0:
            plain[:, 2] = (plain[:, 2] + 180) % 360 - 180
            out[0] = plain
        else:
            other = np.stack([frame_z + 180, 180 - x[n], frame_y + 180], axis=1)
            plain, other = (c - 360 * np.round((c - previous) / 360) for c in (plain, other))
            nearer = ((plain - previous) ** 2).sum(1) <= ((other - previous) ** 2).sum(1)
            out[n] = np.where(nearer[:, None], plain, other)
        previous = out[n]
    return out


def matrices_from_euler_zxy(angles_deg: np.ndarray) -> np.ndarray:
    """(..., 3) degrees (z, x, y) -> (..., 3, 3) matrices Rz Rx Ry."""
    flat = Rotation.from_euler("ZXY", np.reshape(angles_deg, (-1, 3)), degrees=True).as_matrix()
    return flat.reshape(*np.shape(angles_deg)[:-1], 3, 3)
