"""A hand-made person of boxes, one per bone, so that the generator's arithmetic is tested without Anny."""

from __future__ import annotations

import numpy as np

from xnect_lite.skeleton import INDEX, NUM_JOINTS
from xnect_lite.synth.body import BONE, BONE_PARENT, BONES, BodySet, Part
from xnect_lite.synth.mesh import box

_HEADS = {
    "pelvis": (0, 0.95, 0), "spine_01": (0, 1.05, 0), "spine_02": (0, 1.15, 0), "spine_03": (0, 1.25, 0),
    "neck": (0, 1.45, 0), "head": (0, 1.52, 0),
    "clavicle": (0.03, 1.4, 0), "upper_arm": (0.17, 1.4, 0), "forearm": (0.37, 1.2, 0.0), "hand": (0.52, 1.05, 0.1),
    "thigh": (0.1, 0.92, 0), "shin": (0.14, 0.5, 0.01), "foot": (0.18, 0.08, 0), "toes": (0.18, 0.02, 0.13),
}  # fmt: skip
_JOINTS = {
    "head_top": (0, 1.72, 0.02),
    "nose": (0, 1.58, 0.12),
    "ear": (0.07, 1.6, 0),
    "hand": (0.57, 1.0, 0.16),
    "toe": (0.18, 0.02, 0.2),
}


def _sided(point: tuple[float, float, float], side: str) -> np.ndarray:
    return np.array(point) * [1 if side == "l" else -1, 1, 1]


def tiny_bodies(scales: tuple[float, ...] = (1.0, 0.7)) -> BodySet:
    """Bodies of different size: 8 vertices around the middle of every bone, weight 1 on it."""
    heads = np.array([_sided(_HEADS[b[2:]], b[0]) if b[1] == "_" else _HEADS[b] for b in BONES], float)
    joints = np.full((NUM_JOINTS, 3), np.nan)
    for side in "rl":
        for joint, bone in (("shoulder", "upper_arm"), ("elbow", "forearm"), ("wrist", "hand")):
            joints[INDEX[f"{side}_{joint}"]] = heads[BONE[f"{side}_{bone}"]]
        for joint, bone in (("hip", "thigh"), ("knee", "shin"), ("ankle", "foot")):
            joints[INDEX[f"{side}_{joint}"]] = heads[BONE[f"{side}_{bone}"]]
        for name in ("ear", "hand", "toe"):
            joints[INDEX[f"{side}_{name}"]] = _sided(_JOINTS[name], side)
    joints[INDEX["head_top"]], joints[INDEX["nose"]] = _JOINTS["head_top"], _JOINTS["nose"]

    points, triangles, weights = [], [], []
    for bone, name in enumerate(BONES):
        children = [BONE[child] for child, parent in BONE_PARENT.items() if parent == name]
        end = heads[children].mean(0) if children else heads[bone] + [0, 0.15 if name == "head" else -0.02, 0.05]
        shape, _, _, faces = box(np.full(3, 0.08))
        corner, index = np.unique(shape.round(6), axis=0, return_inverse=True)
        triangles.append(index.reshape(-1)[faces] + 8 * bone)
        points.append(corner - corner.mean(0) + 0.5 * (heads[bone] + end))
        weights.append(np.tile(np.eye(len(BONES), dtype=np.float32)[bone], (8, 1)))
    rest = np.concatenate(points)
    part = Part(np.arange(len(rest)), np.zeros((len(rest), 2), np.float32), np.concatenate(triangles))
    sizes = np.array(scales)[:, None, None]
    return BodySet(
        rest_m=(sizes * rest).astype(np.float32),
        bone_head_m=(sizes * heads).astype(np.float32),
        joint_m=(sizes * joints).astype(np.float32),
        weights=np.concatenate(weights),
        parts={"body": part},
        trait_names=("gender",),
        traits=np.linspace(0, 1, len(scales))[:, None].astype(np.float32),
        source="boxes",
    )
