"""What people wear: the colours of trunk and thighs, read at a few dozen points of the picture. It tells people apart when
they meet, and tells who comes back after an absence."""

from __future__ import annotations

import cv2
import numpy as np

from xnect_lite.skeleton import INDEX, TORSO, joint_box
from xnect_lite.types import People

_THIGHS = [[INDEX[f"{s}_hip"], INDEX[f"{s}_knee"]] for s in "rl"]
_GRID = 6  # points across and down the trunk
_ALONG = 9  # points along each thigh
_LEAST_INSIDE = 0.6  # share of the points that must be in the picture
_OVERLAP = 0.25  # of a trunk's box: more of it under another's, and the colours may be the other's
_LEAST_PX = 6.0  # a smaller trunk has no colour to speak of
_LIGHTNESS = 0.5  # share at which lightness counts: shade changes it first
_FAR = 40.0  # mean distance in (weighted) Lab at which two people's clothes are as different as can be

_COLOURED = 12.0  # distance from grey, in Lab

PARTS = 2
"""Trunk and thighs."""


def clothing(image: np.ndarray, people: People) -> np.ndarray:
    """(P, 2, 3) median colour of everybody's trunk and thighs, Lab with lightness halved.

    image: (H, W, 3) uint8 RGB, the picture that ``people.joints_px`` belongs to. NaN where the part is not known, lies outside
    the picture, or is another person's to see.
    """
    joints = people.joints_px.astype(np.float64)
    if not len(people):
        return np.zeros((0, PARTS, 3))
    down, across = (np.linspace(0.15, 0.85, _GRID) for _ in range(2))
    top = _between(joints[:, TORSO[0]], joints[:, TORSO[1]], across)  # (P, G, 2)
    bottom = _between(joints[:, TORSO[2]], joints[:, TORSO[3]], across)
    trunk = (top[:, None] + down[:, None, None] * (bottom - top)[:, None]).reshape(len(joints), -1, 2)
    share = np.linspace(0.25, 0.85, _ALONG)
    thighs = np.concatenate([_between(joints[:, a], joints[:, b], share) for a, b in _THIGHS], axis=1)
    colours = np.stack([_median_lab(image, points) for points in (trunk, thighs)], axis=1)
    colours[_covered(joints)] = np.nan
    return colours


def clothing_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(A, B) how differently (A, 2, 3) and (B, 2, 3) are dressed, 0 = alike to 1; NaN where no part is known of both."""
    away = np.linalg.norm(one[:, None] - other[None], axis=-1)  # (A, B, 2)
    known = np.isfinite(away)
    mean = np.where(known, away, 0.0).sum(-1) / np.maximum(known.sum(-1), 1)
    return np.where(known.any(-1), np.minimum(mean / _FAR, 1.0), np.nan)


def is_telling(clothes: np.ndarray) -> np.ndarray:
    """(N,) whether (N, 2, 3) clothes say who somebody is: a part has a colour. Black, white and grey are worn by everybody."""
    away = np.linalg.norm(clothes[..., 1:] - 128, axis=-1)  # OpenCV's zero
    return (np.nan_to_num(away) >= _COLOURED).any(-1)


def _between(a: np.ndarray, b: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(P, 2) and (P, 2) -> (P, S, 2) points on the lines between them."""
    return a[:, None] + share[:, None] * (b - a)[:, None]


def _median_lab(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(P, 3) median colour of the picture at (P, S, 2) points; NaN where too few of them are in it."""
    height, width = image.shape[:2]
    with np.errstate(invalid="ignore"):
        inside = np.all((points > -0.5) & (points < (width - 0.5, height - 0.5)), axis=-1)  # False for NaN
    at = np.round(np.where(inside[..., None], points, 0.0)).astype(np.intp)
    rgb = np.ascontiguousarray(image[at[..., 1], at[..., 0]])  # (P, S, 3)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab).astype(np.float64) * (_LIGHTNESS, 1.0, 1.0)
    enough = inside.mean(1) >= _LEAST_INSIDE
    out = np.full((len(points), 3), np.nan)
    for p in np.flatnonzero(enough):
        out[p] = np.median(lab[p][inside[p]], axis=0)
    return out


def _covered(joints: np.ndarray) -> np.ndarray:
    """(P,) whose trunk (its box) is too small, or overlapped by another person's box too much for its colours to be sure."""
    trunk_low, trunk_high = joint_box(joints[:, TORSO])
    low, high = joint_box(joints)
    size = np.maximum(trunk_high - trunk_low, 1.0)
    both = np.minimum(trunk_high[:, None], high[None]) - np.maximum(trunk_low[:, None], low[None])
    shared = np.clip(both, 0.0, None).prod(-1) / size.prod(-1)[:, None]
    np.fill_diagonal(shared, 0.0)
    return (shared.max(1) > _OVERLAP) | ~((trunk_high - trunk_low).max(1) >= _LEAST_PX)
