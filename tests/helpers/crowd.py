"""Pictures of up to three people of random joints: everything that a label can be, and outlines to cut people out by."""

from __future__ import annotations

import numpy as np

from xnect_lite.data.sample import LabelledPeople, Sample
from xnect_lite.data.silhouettes import Silhouette
from xnect_lite.skeleton import NUM_JOINTS


def crowd_picture(seed: int) -> Sample:
    """Up to three people of random joints in coloured noise: some joints unknown, some 3D, distances in every second one."""
    rng = np.random.default_rng(seed)
    width, height, count = int(rng.integers(90, 260)), int(rng.integers(90, 260)), seed % 4
    image = rng.integers(0, 255, (height // 16 + 1, width // 16 + 1, 3)).astype(np.uint8)
    image = image.repeat(16, 0).repeat(16, 1)[:height, :width]
    people, outlines = LabelledPeople.empty(count), []
    for p in range(count):
        low = rng.uniform(0.05, 0.45, 2) * (width, height)
        joints = low + rng.uniform(0, 1, (NUM_JOINTS, 2)) * (rng.uniform(0.3, 0.5) * width, 85)
        people.joints_px[p] = joints
        people.weight_2d[p] = rng.choice([0, 0.5, 1], NUM_JOINTS)
        people.weight_3d[p] = rng.choice([0, 0.7], NUM_JOINTS)
        people.visible[p] = rng.random(NUM_JOINTS) < 0.9
        people.joints_ray_mm[p] = rng.normal(0, 300, (NUM_JOINTS, 3)) if rng.random() < 0.7 else np.nan
        people.root_cam_mm[p] = rng.normal((0, 0, 3000), 100)
        inside = np.zeros((height, width), np.uint8)
        box = np.clip(np.concatenate([joints.min(0), joints.max(0)]), 3, [width - 3, height - 3] * 2).astype(int)
        inside[box[1] : box[3], box[0] : box[2]] = 255
        outlines.append(Silhouette.of(inside > 0) if rng.random() < 0.8 else None)
    corner = rng.uniform(0, 60, (seed % 3, 2)).astype(np.float32)
    boxes = np.concatenate([corner, corner + 40], 1)
    focal = 250.0 if seed % 2 else None
    return Sample(lambda: image, (width, height), people, boxes, 0.5, focal_px=focal, silhouettes=tuple(outlines))
