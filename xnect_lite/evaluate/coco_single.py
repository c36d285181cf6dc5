"""COCO keypoint AP of single-person networks in given boxes, as published: scores, and one answer per person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xnect_lite.data.crops.coco import CocoBox
from xnect_lite.evaluate.coco import Record

_CONFIDENT = 0.2  # a person's score is the mean of its joints' above this, times the box's
_SAME = 0.9  # two answers more alike than this are one person's
_SPREAD = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
"""(17,) COCO's published fall-offs of object keypoint similarity."""


def person_scores(boxes: Sequence[CocoBox], scores: np.ndarray) -> np.ndarray:
    """(N,) of joints' scores (N, 17): the box's, times the mean of the confident joints'."""
    confident = scores > _CONFIDENT
    mean = np.where(confident, scores, 0.0).sum(1) / np.maximum(confident.sum(1), 1)
    return mean * np.array([box.score for box in boxes])


def similarity(one_px: np.ndarray, others_px: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """(P,) object keypoint similarity of (17, 2) with (P, 17, 2); areas (P,) are means of both boxes'."""
    square = ((others_px - one_px) ** 2).sum(-1)
    return np.exp(-square / (2 * (2 * _SPREAD) ** 2 * np.maximum(areas, 1.0)[:, None])).mean(-1)


def kept(found_px: np.ndarray, score: np.ndarray, area: np.ndarray) -> list[int]:
    """Of one picture's answers (P, 17, 2): those left once each, best first, has taken out all that are too like it."""
    left, chosen = list(np.argsort(-score, kind="stable")), []
    while left:
        best = left.pop(0)
        chosen.append(int(best))
        if left:
            alike = similarity(found_px[best], found_px[left], (area[left] + area[best]) / 2)
            left = [k for k, value in zip(left, alike, strict=True) if value <= _SAME]
    return chosen


def coco_records(boxes: Sequence[CocoBox], found_px: np.ndarray, scores: np.ndarray) -> list[Record]:
    """Joints (N, 17, 2) in picture pixels and their scores (N, 17) -> COCO's result records."""
    score, area = person_scores(boxes, scores), np.array([box.area for box in boxes])
    by_picture: dict[int, list[int]] = {}
    for k, box in enumerate(boxes):
        by_picture.setdefault(box.picture, []).append(k)
    records: list[Record] = []
    for picture, members in by_picture.items():
        for place in kept(found_px[members], score[members], area[members]):
            k = members[place]
            triples = np.concatenate([found_px[k], scores[k][:, None]], 1)
            keypoints = [round(float(v), 3) for v in triples.ravel()]
            records.append({"image_id": picture, "category_id": 1, "keypoints": keypoints, "score": float(score[k])})
    return records
