"""Which joints can be seen, from the picture of who is in front and how far away."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import INDEX, NUM_JOINTS

FLESH_MM = np.zeros(NUM_JOINTS)
"""(24,) how far in front of a joint its own surface may lie, clothes included; a surface nearer than that hides it."""
for _name, _depth in {
    "head_top": 120, "neck": 180, "shoulder": 150, "elbow": 100, "wrist": 80, "hip": 190, "knee": 120, "ankle": 100,
    "pelvis": 210, "spine": 210, "head": 140, "hand": 70, "toe": 80, "nose": 50, "ear": 60,
}.items():  # fmt: skip
    for _side in ("", "r_", "l_"):
        if _side + _name in INDEX:
            FLESH_MM[INDEX[_side + _name]] = _depth
del _name, _depth, _side


def visible_joints(
    joints_px: np.ndarray, joints_cam_mm: np.ndarray, ident: np.ndarray, depth_mm: np.ndarray, person: int, scale: float = 1.0
) -> np.ndarray:
    """(24,) bool: the joint lies in the picture and nothing is in front of it but its own flesh.

    joints_px (24, 2); joints_cam_mm (24, 3); ident (H, W) who is in front at a pixel, 0 = nobody; depth_mm (H, W) how far;
    person: this person's ident; scale: size of the person relative to an adult of 1.70 m.
    """
    height, width = ident.shape
    at = np.rint(np.nan_to_num(joints_px, nan=-1e6)).clip(-1e6, 1e6).astype(int)
    inside = (at >= 0).all(1) & (at < [width, height]).all(1)
    x, y = at[:, 0].clip(0, width - 1), at[:, 1].clip(0, height - 1)
    front, own = depth_mm[y, x], ident[y, x] == person
    gap = joints_cam_mm[:, 2] - front  # > 0: the surface is nearer than the joint
    # A joint beside the silhouette (nose, ears) has nothing, or something behind it, at its pixel: then gap < 0.
    return inside & np.where(own, gap < FLESH_MM * scale, gap < 0)
