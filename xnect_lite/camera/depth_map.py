"""How far away people are by the network's depth map."""

from __future__ import annotations

import numpy as np

from xnect_lite.camera.intrinsics import Camera
from xnect_lite.skeleton import ROOT, TORSO
from xnect_lite.types import Maps, People


def read_depth_mm(maps: Maps, people: People, camera: Camera) -> np.ndarray:
    """(P,) distance of everybody's root along the axis; NaN for those with neither a pelvis nor a trunk in the picture.

    The map holds log(Z / f) with f in network pixels, and is read at the pelvis, or the middle of the trunk.
    """
    joints = people.joints_px.astype(np.float64)
    trunk = np.where(np.isfinite(joints[:, TORSO]), joints[:, TORSO], 0.0).sum(1)
    count = np.isfinite(joints[:, TORSO]).all(-1).sum(1)[:, None]
    place = np.where(np.isfinite(joints[:, ROOT]), joints[:, ROOT], trunk / np.where(count > 0, count, np.nan))
    cell = np.round(maps.to_cells(place))
    depth = maps.depth.detach().cpu().numpy().astype(np.float64)
    inside = (cell >= 0).all(1) & (cell[:, 0] < depth.shape[1]) & (cell[:, 1] < depth.shape[0])  # False for NaN
    x, y = np.where(inside[:, None], cell, 0).astype(int).T
    with np.errstate(over="ignore"):
        metres = np.exp(depth[y, x]) * camera.fx * maps.letterbox.scale
    return np.where(inside & np.isfinite(metres), metres, np.nan)
