"""2D keypoints as COCO has them: pixels of the recorded frames, 17 keypoints, the identity as ``track_id``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from xnect_lite.record.formats.files import new_file
from xnect_lite.record.presence import Presence
from xnect_lite.record.shot import Shot
from xnect_lite.skeleton import COCO17

_SIDES = {"l": "left", "r": "right"}
KEYPOINTS = [f"{_SIDES[name[0]]}{name[1:]}" if name[1:2] == "_" else name for name in COCO17.names]
"""COCO's names; the eyes are never known."""
_SKELETON = [
    ("left_ankle", "left_knee"), ("left_knee", "left_hip"), ("right_ankle", "right_knee"), ("right_knee", "right_hip"),
    ("left_hip", "right_hip"), ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"),
    ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"),
    ("right_shoulder", "right_elbow"), ("left_elbow", "left_wrist"),
    ("right_elbow", "right_wrist"), ("nose", "left_ear"), ("nose", "right_ear"),
]  # fmt: skip
_XNECT = np.array(COCO17.xnect)


def write_coco(shot: Shot, folder: Path) -> list[Path]:
    """keypoints.json: an image per frame of the take, an annotation per person seen in it."""
    path = folder / "keypoints.json"
    take = shot.take
    width, height = take.info.get("size") or (0, 0)
    numbers = np.argsort(take.every_frame_t_s, kind="stable")
    with new_file(path) as file:
        category = {
            "id": 1, "name": "person", "supercategory": "person", "keypoints": KEYPOINTS,
            "skeleton": [[KEYPOINTS.index(a) + 1, KEYPOINTS.index(b) + 1] for a, b in _SKELETON],
        }  # fmt: skip
        info = {"description": "xnect_lite take", "version": "1"}
        file.write((json.dumps({"info": info, "categories": [category]})[:-1] + ', "images": [').encode())
        for number, frame in enumerate(numbers.tolist()):
            image = {
                "id": frame + 1, "file_name": f"{int(take.every_frame_index[frame]):06d}.jpg", "width": width, "height": height,
                "frame": int(take.every_frame_index[frame]), "time_s": round(float(take.every_frame_t_s[frame]), 6),
            }  # fmt: skip
            file.write((("," if number else "") + "\n" + json.dumps(image)).encode())
        file.write(b'], "annotations": [')
        count = 0
        for person in shot.people:
            points = shot.points(person, take.every_frame_t_s)
            for frame in np.flatnonzero(points.presence == Presence.MEASURED).tolist():
                if (line := _annotation(points.joints_px[frame], points.score[frame])) is None:
                    continue
                count += 1
                line = {"id": count, "image_id": frame + 1, "category_id": 1, "track_id": person.id, "iscrowd": 0, **line}
                file.write((("," if count > 1 else "") + "\n" + json.dumps(line)).encode())
        file.write(b"]}\n")
    return [path]


def _annotation(joints_px: np.ndarray, score: np.ndarray) -> dict[str, object] | None:
    """Of one person (24, 2), (24,) in a frame; None where nothing was seen. Joints that were inferred (score 0) are v = 1."""
    known = np.isfinite(joints_px).all(axis=1)
    if not known.any():
        return None
    keypoints = np.zeros((len(KEYPOINTS), 3))
    for place, joint in enumerate(_XNECT.tolist()):
        if joint >= 0 and known[joint]:
            keypoints[place] = (*joints_px[joint], 2 if score[joint] > 0 else 1)
    low, high = joints_px[known].min(axis=0), joints_px[known].max(axis=0)
    box = [*low.tolist(), *(high - low).tolist()]
    mean_score = float(np.nanmean(score)) if np.isfinite(score).any() else 0.0
    return {
        "keypoints": [round(v, 2) if k % 3 < 2 else int(v) for k, v in enumerate(keypoints.ravel().tolist())],
        "num_keypoints": int((keypoints[:, 2] > 0).sum()), "bbox": [round(v, 2) for v in box],
        "area": round(box[2] * box[3], 2), "score": round(mean_score, 4),
    }  # fmt: skip
