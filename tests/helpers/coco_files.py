"""Annotation files as COCO publishes them, made by hand."""

from __future__ import annotations

import json

import numpy as np
from labelled_people import SIZE, scene, write_picture

from xnect_lite.skeleton import COCO17

SHOWN = scene(2)


def annotation(number: int, image: int, person: int = 0, **changes) -> dict:
    """A person as in the published files: 17 x (x, y, v), a box, an outline's area."""
    xy = COCO17.from_xnect(SHOWN.joints_px[person])
    labelled = np.isfinite(xy[:, 0])
    values = np.concatenate([np.nan_to_num(xy), 2.0 * labelled[:, None]], 1)
    low, high = np.nanmin(xy, 0), np.nanmax(xy, 0)
    return {
        "id": number, "image_id": image, "category_id": 1, "iscrowd": 0, "area": 1200.5, "segmentation": [],
        "num_keypoints": int(labelled.sum()), "bbox": [*low.tolist(), *(high - low).tolist()],
        "keypoints": values.ravel().tolist(),
    } | changes  # fmt: skip


def write_set(root, annotations: list[dict], images: int = 1, split: str = "train") -> None:
    entries = []
    for i in range(1, images + 1):
        name = f"{i:012d}.jpg"
        write_picture(root / f"{split}2017" / name, SHOWN)
        entries.append({"id": i, "file_name": name, "width": SIZE[0], "height": SIZE[1], "license": 4})
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    data = {"info": {}, "licenses": [], "categories": [], "images": entries, "annotations": annotations}
    (root / "annotations" / f"person_keypoints_{split}2017.json").write_text(json.dumps(data))
