"""Where a crop lies in its picture: a box about the person, turned and mirrored, onto the network's input.

The published convention of single-person networks: the box's centre comes to (width / 2, height / 2) of the crop, pixels are
counted at their corners, and a map's cell is stride times smaller without a half-pixel shift.
"""

from __future__ import annotations

import cv2
import numpy as np


def crop_matrix(
    centre_px: np.ndarray, box_px: np.ndarray, size: tuple[int, int], rotation_deg: float = 0.0, flip: bool = False
) -> np.ndarray:
    """(2, 3) picture pixels -> crop pixels.

    centre_px (2,), box_px (2,) width and height, grown to the shape of ``size`` (width, height). The box is turned by
    ``rotation_deg`` (its top to the right), and mirrored after that if ``flip``.
    """
    width, height = size
    scale = min(width / box_px[0], height / box_px[1])
    angle = np.deg2rad(rotation_deg)
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    if flip:  # the picture is mirrored, then turned: as published
        turn = turn @ np.diag([-1.0, 1.0])
    shift = np.array([width / 2, height / 2]) - turn @ np.asarray(centre_px, np.float64)
    return np.concatenate([turn, shift[:, None]], 1)


def moved(matrix: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Places (..., 2) through a (2, 3) matrix."""
    return np.asarray(places, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The (2, 3) matrix of the way back."""
    turn = np.linalg.inv(matrix[:, :2])
    return np.concatenate([turn, -(turn @ matrix[:, 2])[:, None]], 1)


def cut(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 -> the crop, (height, width, 3); black where the picture ends."""
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR)
